//! The root and the two authorities below it, and issuing with them.
//!
//! Promises: the root signs two certificates in its life, both in [`Authority::create`], and is not needed afterwards:
//! [`Authority::load`] never opens `root.key`, which belongs in a safe. A station's certificate never outlives the
//! authority that issued it.

use std::path::Path;

use rcgen::{Certificate, Issuer, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PublicKeyData};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use x509_parser::{
    pem::Pem,
    prelude::{FromDer, X509Certificate},
};

use crate::{
    bundle::Bundle,
    disk::{create_private_dir, expect_free, read, sync_dir, write_key, write_public},
    error::{Error, Result},
    name::{StationId, Tier, check_trust_domain, quoted},
    profile::{EARLY, Profile, SIGNING_DAYS, TRANSPORT_DAYS, Usage, authority_params, new_key},
    request,
};

const ROOT_DAYS: i64 = 3653;
const ISSUING_DAYS: i64 = 731;
/// What every machine calls itself.
const HERE: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
const NAME_CHARS_MAX: usize = 64;
const ABOUT: &str = "authority.toml";

/// One of the two issuing authorities.
#[derive(Debug)]
struct Issuing {
    pem: String,
    not_after: OffsetDateTime,
    issuer: Issuer<'static, KeyPair>,
}

/// All authorities of one network.
#[derive(Debug)]
pub struct Authority {
    about: About,
    root_pem: String,
    /// Only while it is new; a loaded authority does without.
    root_key: Option<KeyPair>,
    transport: Issuing,
    signing: Issuing,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct About {
    name: String,
    trust_domain: String,
}

impl Authority {
    /// Makes all keys and certificates of a network's authorities, in memory.
    pub fn create(name: &str, trust_domain: &str, now: OffsetDateTime) -> Result<Self> {
        check_trust_domain(trust_domain)?;
        if name.trim().is_empty() || name.chars().count() > NAME_CHARS_MAX || name.chars().any(char::is_control) {
            return Err(Error::BadName { text: quoted(name) });
        }
        let root_key = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384)?;
        let root_params = authority_params(name, None, now - EARLY, now + Duration::days(ROOT_DAYS))?;
        let root_pem = root_params.self_signed(&root_key)?.pem();
        let root = Issuer::new(root_params, &root_key);
        let transport = Issuing::create(name, Usage::Transport, now, &root)?;
        let signing = Issuing::create(name, Usage::Signing, now, &root)?;
        let about = About { name: name.to_owned(), trust_domain: trust_domain.to_owned() };
        Ok(Self { about, root_pem, root_key: Some(root_key), transport, signing })
    }

    /// Writes a new authority; an existing one is never touched.
    pub fn save(&self, dir: &Path) -> Result<()> {
        create_private_dir(dir)?;
        let pairs = [
            ("root", &self.root_pem, self.root_key.as_ref()),
            ("transport-ca", &self.transport.pem, Some(self.transport.issuer.key())),
            ("signing-ca", &self.signing.pem, Some(self.signing.issuer.key())),
        ];
        for (name, ..) in pairs {
            expect_free(&dir.join(format!("{name}.key")))?;
            expect_free(&dir.join(format!("{name}.pem")))?;
        }
        expect_free(&dir.join(ABOUT))?;
        for (name, pem, key) in pairs {
            if let Some(key) = key {
                write_key(&dir.join(format!("{name}.key")), key)?;
            }
            write_public(&dir.join(format!("{name}.pem")), pem)?;
        }
        write_public(&dir.join(ABOUT), &self.about.to_toml())?;
        sync_dir(dir)
    }

    /// Reads what [`Authority::save`] wrote; `root.key` may be, and should be, elsewhere.
    pub fn load(dir: &Path) -> Result<Self> {
        let file = dir.join(ABOUT);
        // The likeliest mistake, and `cannot read authority.toml` would not say what to do about it.
        if !file.exists() {
            return Err(Error::NoAuthority { dir: dir.to_owned() });
        }
        let about: About =
            toml::from_str(&read(&file)?).map_err(|source| Error::AuthorityFile { file, source: Box::new(source) })?;
        check_trust_domain(&about.trust_domain)?;
        let root_pem = read(&dir.join("root.pem"))?;
        let transport = Issuing::load(dir, "transport-ca")?;
        let signing = Issuing::load(dir, "signing-ca")?;
        Ok(Self { about, root_pem, root_key: None, transport, signing })
    }

    /// What people call it.
    pub fn name(&self) -> &str {
        &self.about.name
    }

    /// The network it issues for.
    pub fn trust_domain(&self) -> &str {
        &self.about.trust_domain
    }

    /// A name on this network.
    pub fn station_id(&self, tier: Tier, unit: &str) -> Result<StationId> {
        StationId::new(&self.about.trust_domain, tier, unit)
    }

    /// New keys and certificates for a station, as long as they are usually good.
    pub fn issue_station(&self, tier: Tier, unit: &str, now: OffsetDateTime) -> Result<Bundle> {
        self.issue_station_for(tier, unit, now, TRANSPORT_DAYS)
    }

    /// The same, its transport certificate good for this many days.
    pub fn issue_station_for(&self, tier: Tier, unit: &str, now: OffsetDateTime, days: i64) -> Result<Bundle> {
        self.issue_station_at(tier, unit, &[], now, days)
    }

    /// The same, and its desk is found under these host names and addresses besides the machine itself.
    pub fn issue_station_at(
        &self,
        tier: Tier,
        unit: &str,
        hosts: &[String],
        now: OffsetDateTime,
        days: i64,
    ) -> Result<Bundle> {
        let id = self.station_id(tier, unit)?;
        let (transport_key, signing_key) = (new_key(Usage::Transport)?, new_key(Usage::Signing)?);
        let desk_key = new_key(Usage::Transport)?;
        let hosts = hosts.iter().cloned().chain(HERE.map(str::to_owned)).collect();
        let mut desk = Profile::desk(hosts, now, days);
        desk.not_after = desk.not_after.min(self.transport.not_after);
        let desk = self.issue(&desk, &desk_key)?;
        let transport = self.issue(&self.station_profile(&id, Usage::Transport, now, days)?, &transport_key)?;
        let signing = self.issue(&self.station_profile(&id, Usage::Signing, now, SIGNING_DAYS)?, &signing_key)?;
        Ok(Bundle {
            id,
            root_pem: self.root_pem.clone(),
            transport_ca_pem: self.transport.pem.clone(),
            signing_ca_pem: self.signing.pem.clone(),
            transport_pem: transport.pem(),
            transport_key,
            signing_pem: signing.pem(),
            signing_key,
            desk_pem: format!("{}{}", desk.pem(), self.transport.pem),
            desk_key,
        })
    }

    /// What a station's certificate says when it is made `now`: good for `days`, or until its authority ends.
    pub fn station_profile(&self, id: &StationId, usage: Usage, now: OffsetDateTime, days: i64) -> Result<Profile> {
        let end = self.issuing(usage).not_after;
        if end <= now {
            return Err(Error::AuthorityEnded { usage, not_after: end });
        }
        let mut profile = Profile::station(id, usage, now, days);
        profile.not_after = profile.not_after.min(end);
        Ok(profile)
    }

    /// A certificate that says what the profile says, about this key. Every serial is a new one.
    pub fn issue(&self, profile: &Profile, public_key: &impl PublicKeyData) -> Result<Certificate> {
        Ok(profile.params()?.signed_by(public_key, &self.issuing(profile.usage).issuer)?)
    }

    /// The same for the key of a request. Whatever else the request asks for is not looked at.
    pub fn sign_csr(&self, csr_pem: &str, profile: &Profile) -> Result<Certificate> {
        self.issue(profile, &request::public_key(csr_pem, profile.usage)?)
    }

    fn issuing(&self, usage: Usage) -> &Issuing {
        match usage {
            Usage::Transport => &self.transport,
            Usage::Signing => &self.signing,
        }
    }
}

impl About {
    fn to_toml(&self) -> String {
        let text = |value: &str| toml::Value::from(value).to_string();
        format!("name = {}\ntrust_domain = {}\n", text(&self.name), text(&self.trust_domain))
    }
}

impl Issuing {
    fn create(name: &str, usage: Usage, now: OffsetDateTime, root: &Issuer<'_, &KeyPair>) -> Result<Self> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let params = authority_params(name, Some(usage), now - EARLY, now + Duration::days(ISSUING_DAYS))?;
        let pem = params.signed_by(&key, root)?.pem();
        Ok(Self { pem, not_after: params.not_after, issuer: Issuer::new(params, key) })
    }

    fn load(dir: &Path, name: &str) -> Result<Self> {
        let (certificate, key_file) = (dir.join(format!("{name}.pem")), dir.join(format!("{name}.key")));
        let pem = read(&certificate)?;
        let key = KeyPair::from_pem(&read(&key_file)?)
            .map_err(|_| Error::Shape { file: key_file.clone(), expected: "private key" })?;
        let shape = || Error::Shape { file: certificate.clone(), expected: "certificate" };
        let block = Pem::iter_from_buffer(pem.as_bytes()).next().and_then(|read| read.ok()).ok_or_else(shape)?;
        let (_, parsed) = X509Certificate::from_der(&block.contents).map_err(|_| shape())?;
        if parsed.public_key().raw != key.subject_public_key_info() {
            return Err(Error::OtherKey { key: key_file, certificate });
        }
        let not_after = parsed.validity().not_after.to_datetime();
        let issuer = Issuer::from_ca_cert_pem(&pem, key).map_err(|_| shape())?;
        Ok(Self { pem, not_after, issuer })
    }
}
