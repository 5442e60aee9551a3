//! Who this station is, who may talk to it, and whose word counts.
//!
//! Two questions, two certificates, two authorities: the *transport* certificate answers "may this socket be here
//! now" ([`Identity::server_config`], [`Identity::client_config`]), the *signing* certificate "who said this"
//! ([`Identity::sign`], [`Signers`]). Neither passes for the other.
//!
//! Promises: identity comes from certificates only, never from a message or an address; a refusal has a reason a
//! person can act on; an expired certificate closes links and nothing else, so a station loads, and takes
//! reports in, with certificates of any age.

mod chain;
mod files;
mod leaf;
mod seals;
mod signers;
mod spiffe;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod tls;
mod trust;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use rustls::{
    ClientConfig, ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs::default_provider},
    pki_types::{CertificateDer, PrivateKeyDer},
    sign::{CertifiedKey, SingleCertAndKey},
};

pub use self::seals::Seals;
pub use self::{
    chain::BadChain,
    files::IdentityError,
    leaf::BadLeaf,
    signers::{SignerError, SignerKey, Signers},
    spiffe::{BadSpiffeId, SpiffeId},
    trust::PeerRefused,
};
use self::{
    chain::{Chain, Use},
    leaf::{Leaf, unix_time},
};
pub(crate) use self::{
    leaf::readable,
    tls::{ALPN, refusal_in},
    trust::Neighbour,
};
use crate::{
    io::{Io, Timestamp},
    topology::{Topology, Unit},
};

/// One station's keys and certificates, and what it makes of others'. Replaced whole, never changed.
pub struct Identity {
    dir: PathBuf,
    topology: Arc<Topology>,
    tls: tls::Parts,
    transport: Leaf,
    signing: Leaf,
    signing_certificate: CertificateDer<'static>,
    signing_key: Ed25519KeyPair,
    signer: SignerKey,
    signers: Signers,
    public: [Vec<CertificateDer<'static>>; 2],
    open_keys: Vec<PathBuf>,
}

/// The roots in a directory made by `zhuji-certs`.
pub fn roots(dir: &Path) -> Result<Vec<CertificateDer<'static>>, IdentityError> {
    files::certificates(&dir.join("root.pem"))
}

/// What a station can live with, and its operator should not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityWarning {
    /// Anybody on the machine can be this station.
    #[error("{} can be read by others than its owner; run chmod 600 on it", .file.display())]
    OpenKey {
        /// Which file.
        file: PathBuf,
    },
    /// Links are closed.
    #[error("the transport certificate expired on {}: no link will open until it is renewed; intake goes on", readable(*.not_after))]
    TransportExpired {
        /// Its last good second.
        not_after: Timestamp,
    },
    /// Seals still verify, and renewal is overdue.
    #[error("the signing certificate expired on {}: have it renewed; what it seals still verifies", readable(*.not_after))]
    SigningExpired {
        /// Its last good second.
        not_after: Timestamp,
    },
    /// Most often the clock.
    #[error("the clock is before {}, when this station's certificates begin; set it", readable(*.not_before))]
    ClockBehind {
        /// The later of the two beginnings.
        not_before: Timestamp,
    },
}

impl Identity {
    /// Reads a directory made by `zhuji-certs`. Expired certificates load; see [`Identity::warnings`].
    pub fn load(dir: &Path, topology: Arc<Topology>) -> Result<Self, IdentityError> {
        let file = |name: &str| dir.join(name);
        let roots = roots(dir)?;
        let transport_authorities = files::certificates(&file("transport-ca.pem"))?;
        let transport_chain = chain_of(&roots, &transport_authorities, &file("transport-ca.pem"))?;
        let signing_authorities = files::certificates(&file("signing-ca.pem"))?;
        let signing_chain = chain_of(&roots, &signing_authorities, &file("signing-ca.pem"))?;

        let (transport_certificate, transport) = own_leaf(&file("transport.pem"), &transport_chain, Use::Dial)?;
        at_home(&file("transport.pem"), &transport.id, &topology)?;
        let (signing_certificate, signing) = own_leaf(&file("signing.pem"), &signing_chain, Use::Seal)?;
        if signing.id != transport.id {
            let expected = transport.id;
            return Err(IdentityError::OtherStation { file: file("signing.pem"), id: signing.id, expected });
        }

        let provider = Arc::new(default_provider());
        // The authority goes along, so that a neighbour which has not heard of a new one yet still finds the path.
        let presented = std::iter::once(transport_certificate).chain(transport_authorities).collect();
        let key = transport_key(dir, &provider, presented)?;
        let (signing_key, signer) = signing_key(dir, &signing)?;
        let open_keys = open_keys([file("transport.key"), file("signing.key")])?;
        let signers = Signers::with(signing_chain, &transport.id.trust_domain);
        let trust = Arc::new(trust::Trust::new(transport_chain, transport.id.clone(), topology.clone()));
        let tls = tls::Parts { provider, trust, key: Arc::new(key), floor: transport.not_before };
        Ok(Self {
            dir: dir.to_owned(),
            topology,
            tls,
            transport,
            signing,
            signing_certificate,
            signing_key,
            signer,
            signers,
            public: [roots, signing_authorities],
            open_keys,
        })
    }

    /// The certificates by which anybody can check seals of this network: roots, then who issued signing certificates.
    pub fn public(&self) -> &[Vec<CertificateDer<'static>>; 2] {
        &self.public
    }

    /// The same directory read again: renewed certificates take effect for the next handshake.
    /// A station cannot become another one while it runs.
    pub fn reload(&self) -> Result<Self, IdentityError> {
        let fresh = Self::load(&self.dir, self.topology.clone())?;
        if fresh.id() == self.id() {
            return Ok(fresh);
        }
        let file = self.dir.join("transport.pem");
        Err(IdentityError::OtherStation { file, id: fresh.transport.id, expected: self.transport.id.clone() })
    }

    /// Whether another reading found the same certificates.
    pub fn is_same(&self, other: &Self) -> bool {
        let times = |identity: &Self| (identity.transport.not_before, identity.transport.not_after);
        self.signing_certificate == other.signing_certificate && times(self) == times(other)
    }

    /// Who we are.
    pub fn id(&self) -> &SpiffeId {
        &self.transport.id
    }

    /// Which office we are.
    pub fn unit(&self) -> &Unit {
        &self.transport.id.unit
    }

    /// When links close unless the certificate is renewed.
    pub fn transport_not_after(&self) -> Timestamp {
        self.transport.not_after
    }

    /// When the signing certificate should long have been renewed.
    pub fn signing_not_after(&self) -> Timestamp {
        self.signing.not_after
    }

    /// What others verify our seals with.
    pub fn signing_certificate_der(&self) -> &[u8] {
        &self.signing_certificate
    }

    /// Our own seal's key, as others see it.
    pub fn signer(&self) -> SignerKey {
        self.signer
    }

    /// Ed25519 over the message.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        let mut signature = [0; 64];
        signature.copy_from_slice(self.signing_key.sign(message).as_ref());
        signature
    }

    /// Whose seals count on this network.
    pub fn signers(&self) -> &Signers {
        &self.signers
    }

    /// TLS for answering children.
    pub fn server_config(&self, io: Arc<dyn Io>) -> Result<Arc<ServerConfig>, rustls::Error> {
        self.tls.server(io).map(Arc::new)
    }

    /// TLS for dialling the parent.
    pub fn client_config(&self, io: Arc<dyn Io>) -> Result<Arc<ClientConfig>, rustls::Error> {
        self.client_config_for(Neighbour::Parent, io)
    }

    /// TLS for dialling one above us.
    pub(crate) fn client_config_for(
        &self,
        neighbour: Neighbour,
        io: Arc<dyn Io>,
    ) -> Result<Arc<ClientConfig>, rustls::Error> {
        self.tls.client(neighbour, io).map(Arc::new)
    }

    /// Who holds this certificate, if it may be our neighbour at that moment.
    pub(crate) fn admit(
        &self,
        leaf: &CertificateDer<'_>,
        presented: &[CertificateDer<'_>],
        neighbour: Neighbour,
        at: Timestamp,
    ) -> Result<Leaf, PeerRefused> {
        self.tls.trust.admit(leaf, presented, neighbour, unix_time(at.max(self.tls.floor)))
    }

    /// What the operator should see to, at the moment `now`.
    pub fn warnings(&self, now: Timestamp) -> Vec<IdentityWarning> {
        let mut found: Vec<_> =
            self.open_keys.iter().map(|file| IdentityWarning::OpenKey { file: file.clone() }).collect();
        if now > self.transport.not_after {
            found.push(IdentityWarning::TransportExpired { not_after: self.transport.not_after });
        }
        if now > self.signing.not_after {
            found.push(IdentityWarning::SigningExpired { not_after: self.signing.not_after });
        }
        let not_before = self.transport.not_before.max(self.signing.not_before);
        if now < not_before {
            found.push(IdentityWarning::ClockBehind { not_before });
        }
        found
    }
}

/// Says who, and nothing of the keys.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("id", self.id()).finish_non_exhaustive()
    }
}

fn chain_of(
    roots: &[CertificateDer<'static>],
    issuers: &[CertificateDer<'static>],
    file: &Path,
) -> Result<Chain, IdentityError> {
    Chain::new(roots, issuers)
        .map_err(|error| IdentityError::Chain { file: file.to_owned(), source: BadChain::Rule(error.to_string()) })
}

/// Our own certificate, checked at its own beginning: whether it is still good is for the other side to say.
fn own_leaf(file: &Path, chain: &Chain, purpose: Use) -> Result<(CertificateDer<'static>, Leaf), IdentityError> {
    let certificate = files::certificates(file)?.swap_remove(0);
    let leaf = Leaf::read(&certificate).map_err(|source| IdentityError::Leaf { file: file.to_owned(), source })?;
    let at = unix_time(leaf.not_before + Duration::from_secs(1));
    chain
        .vouches(&certificate, &[], at, purpose)
        .map_err(|source| IdentityError::Chain { file: file.to_owned(), source })?;
    Ok((certificate, leaf))
}

fn at_home(file: &Path, id: &SpiffeId, topology: &Topology) -> Result<(), IdentityError> {
    let expected = &topology.network.trust_domain;
    if id.trust_domain != *expected {
        return Err(IdentityError::Network { file: file.to_owned(), id: id.clone(), expected: expected.clone() });
    }
    match topology.place(id.unit.as_str()) {
        Some(place) if place.tier == id.tier => Ok(()),
        _ => Err(IdentityError::Place { file: file.to_owned(), id: id.clone() }),
    }
}

fn transport_key(
    dir: &Path,
    provider: &CryptoProvider,
    presented: Vec<CertificateDer<'static>>,
) -> Result<SingleCertAndKey, IdentityError> {
    let file = dir.join("transport.key");
    let key = provider
        .key_provider
        .load_private_key(files::private_key(&file)?)
        .map_err(|_| IdentityError::KeyKind { file: file.clone(), expected: "a P-256 key in PKCS#8" })?;
    let certified = CertifiedKey::new(presented, key);
    match certified.keys_match() {
        Ok(()) => Ok(SingleCertAndKey::from(certified)),
        Err(_) => Err(IdentityError::OtherKey { key: file, certificate: dir.join("transport.pem") }),
    }
}

fn signing_key(dir: &Path, leaf: &Leaf) -> Result<(Ed25519KeyPair, SignerKey), IdentityError> {
    let (file, certificate) = (dir.join("signing.key"), dir.join("signing.pem"));
    let expected = "an Ed25519 key in PKCS#8";
    let kind = |file: &Path| IdentityError::KeyKind { file: file.to_owned(), expected };
    let PrivateKeyDer::Pkcs8(der) = files::private_key(&file)? else { return Err(kind(&file)) };
    let key = Ed25519KeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(|_| kind(&file))?;
    let signer = SignerKey::of(leaf)
        .ok_or_else(|| IdentityError::KeyKind { file: certificate.clone(), expected: "for an Ed25519 key" })?;
    if key.public_key().as_ref() != signer.public_key {
        return Err(IdentityError::OtherKey { key: file, certificate });
    }
    Ok((key, signer))
}

fn open_keys(keys: [PathBuf; 2]) -> Result<Vec<PathBuf>, IdentityError> {
    let mut open = Vec::new();
    for key in keys {
        if files::is_open_to_others(&key)? {
            open.push(key);
        }
    }
    Ok(open)
}
