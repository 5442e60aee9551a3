//! A small network of made-up authorities for tests.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, sync::Arc};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, SanType,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};

use super::Identity;
use crate::{
    io::{Io, Machine, Timestamp},
    topology::Topology,
};

pub(crate) const HUB: &str = "spiffe://drill.test/hub/moj";
pub(crate) const RELAY: &str = "spiffe://drill.test/relay/420000";
pub(crate) const OTHER_RELAY: &str = "spiffe://drill.test/relay/310000";
pub(crate) const DISTRICT: &str = "spiffe://drill.test/district/420100";
pub(crate) const OTHER_DISTRICT: &str = "spiffe://drill.test/district/310100";

const TOPOLOGY: &str = r#"
[network]
name = "演练"
trust_domain = "drill.test"
[[station]]
unit = "moj"
tier = "ministry"
name = "部"
[[station]]
unit = "420000"
tier = "province"
name = "湖北"
parent = "moj"
[[station]]
unit = "310000"
tier = "province"
name = "上海"
parent = "moj"
[[station]]
unit = "420100"
tier = "district"
name = "武汉"
parent = "420000"
[[station]]
unit = "310100"
tier = "district"
name = "浦东"
parent = "310000"
"#;

type Issuer = CertifiedIssuer<'static, KeyPair>;

/// Root, transport authority, signing authority.
pub(crate) struct Network {
    pub(crate) root: Issuer,
    pub(crate) transport: Issuer,
    pub(crate) signing: Issuer,
    pub(crate) topology: Arc<Topology>,
}

/// A certificate and its key.
pub(crate) struct Pair {
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) certificate_pem: String,
    key: KeyPair,
}

impl Pair {
    pub(crate) fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.serialize_der()).into()
    }

    pub(crate) fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }
}

impl Network {
    pub(crate) fn new() -> Self {
        let root = CertifiedIssuer::self_signed(authority("root", vec![], 1), KeyPair::generate().unwrap()).unwrap();
        let below = |name, uses| {
            CertifiedIssuer::signed_by(authority(name, uses, 0), KeyPair::generate().unwrap(), &root).unwrap()
        };
        let transport = below("transport", tls_uses());
        let signing = below("signing", vec![seal_use()]);
        Self { topology: Arc::new(Topology::parse(TOPOLOGY).unwrap()), transport, signing, root }
    }

    /// A transport certificate, after `change`.
    pub(crate) fn transport(&self, uri: &str, change: impl FnOnce(&mut CertificateParams)) -> Pair {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        issue(&self.transport, key, uri, tls_uses(), change)
    }

    /// A signing certificate, after `change`.
    pub(crate) fn signing(&self, uri: &str, change: impl FnOnce(&mut CertificateParams)) -> Pair {
        let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        issue(&self.signing, key, uri, vec![seal_use()], change)
    }

    /// An identity directory.
    pub(crate) fn bundle(&self, transport: &Pair, signing: &Pair) -> TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("root.pem"), self.root.pem()).unwrap();
        fs::write(dir.path().join("transport-ca.pem"), self.transport.pem()).unwrap();
        fs::write(dir.path().join("signing-ca.pem"), self.signing.pem()).unwrap();
        write_pair(dir.path(), "transport", transport);
        write_pair(dir.path(), "signing", signing);
        dir
    }

    /// A station, its transport certificate changed.
    pub(crate) fn station_with(&self, uri: &str, change: impl FnOnce(&mut CertificateParams)) -> Arc<Identity> {
        let dir = self.bundle(&self.transport(uri, change), &self.signing(uri, |_| ()));
        Arc::new(Identity::load(dir.path(), self.topology.clone()).unwrap())
    }

    /// A station as it should be.
    pub(crate) fn station(&self, uri: &str) -> Arc<Identity> {
        self.station_with(uri, |_| ())
    }
}

pub(crate) fn write_pair(dir: &Path, name: &str, pair: &Pair) {
    fs::write(dir.join(format!("{name}.pem")), &pair.certificate_pem).unwrap();
    let key = dir.join(format!("{name}.key"));
    fs::write(&key, pair.key_pem()).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
}

/// Days from now.
pub(crate) fn day(days: i64) -> OffsetDateTime {
    now() + Duration::days(days)
}

/// A change: good from one day (from now) to another.
pub(crate) fn good(from: i64, to: i64) -> impl FnOnce(&mut CertificateParams) {
    move |params| {
        params.not_before = day(from);
        params.not_after = day(to);
    }
}

/// A change: good for this many seconds from now.
pub(crate) fn good_for_seconds(seconds: i64) -> impl FnOnce(&mut CertificateParams) {
    move |params| params.not_after = now() + Duration::seconds(seconds)
}

pub(crate) fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().unwrap())
}

pub(crate) fn machine() -> Arc<dyn Io> {
    Arc::new(Machine)
}

/// A clock that stands still.
pub(crate) struct At(pub(crate) Timestamp);

impl Io for At {
    fn now(&self) -> Timestamp {
        self.0
    }
    fn random(&self, buffer: &mut [u8]) {
        Machine.random(buffer);
    }
}

fn now() -> OffsetDateTime {
    let seconds = Machine.now().us() / 1_000_000;
    OffsetDateTime::from_unix_timestamp(seconds).unwrap()
}

fn tls_uses() -> Vec<ExtendedKeyUsagePurpose> {
    vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth]
}

fn seal_use() -> ExtendedKeyUsagePurpose {
    ExtendedKeyUsagePurpose::Other(vec![1, 3, 6, 1, 4, 1, 32473, 1, 1])
}

fn authority(name: &str, uses: Vec<ExtendedKeyUsagePurpose>, path: u8) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(path));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.extended_key_usages = uses;
    params.not_before = day(-1000);
    params.not_after = day(1000);
    params
}

fn issue(
    issuer: &Issuer,
    key: KeyPair,
    name: &str,
    uses: Vec<ExtendedKeyUsagePurpose>,
    change: impl FnOnce(&mut CertificateParams),
) -> Pair {
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![uri(name)];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = uses;
    params.not_before = day(-1);
    params.not_after = day(90);
    change(&mut params);
    let certificate = params.signed_by(&key, issuer).unwrap();
    Pair { certificate: certificate.der().clone(), certificate_pem: certificate.pem(), key }
}
