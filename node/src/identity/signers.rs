//! Whether a sealed thing was sealed by the office it names.
//!
//! A transport certificate answers "may this socket be here now"; a signing certificate answers "who said this",
//! years later. So its time is taken at its own beginning: a report sealed in 2014 must still verify when its
//! certificate, and the authority above it, have long expired. That a key was withdrawn is said by revocation,
//! never by the calendar.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use aws_lc_rs::{
    digest::{SHA256, digest},
    signature::{ED25519, UnparsedPublicKey},
};
use rustls::pki_types::CertificateDer;

use super::{
    chain::{BadChain, Chain, Use},
    leaf::{BadLeaf, Leaf, unix_time},
    spiffe::SpiffeId,
};
use crate::post::{envelope::Digest, seal::Checker};

/// Verified certificates kept: a country has 289 stations, and each renews once a year.
const CERTIFICATES_KEPT_MAX: usize = 4096;
/// `SubjectPublicKeyInfo` of an Ed25519 key, up to the key itself.
const ED25519_SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// A key that speaks for an office.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignerKey {
    /// Ed25519.
    pub public_key: [u8; 32],
    /// SHA-256 of its `SubjectPublicKeyInfo`.
    pub key_id: [u8; 32],
}

impl SignerKey {
    pub(super) fn of(leaf: &Leaf) -> Option<Self> {
        let bits = leaf.spki.strip_prefix(&ED25519_SPKI_PREFIX)?;
        let public_key = bits.try_into().ok()?;
        Some(Self { public_key, key_id: sha256(&leaf.spki) })
    }

    /// Whether this key made this signature over this message.
    pub fn check(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.public_key).verify(message, signature).is_ok()
    }
}

/// Why a certificate does not speak for an office.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignerError {
    /// Nobody we trust vouches for it.
    #[error("the signer's certificate is refused: {0}")]
    Chain(#[from] BadChain),
    /// No station of ours looks like this.
    #[error("the signer's certificate is refused: {0}")]
    Leaf(#[from] BadLeaf),
    /// Sealed on another network.
    #[error("{id} belongs to another network; ours is {expected}")]
    Network {
        /// Who it is.
        id: SpiffeId,
        /// Our trust domain.
        expected: String,
    },
    /// One office speaking for another.
    #[error("{id} cannot sign for {expected}")]
    OtherUnit {
        /// Who it is.
        id: SpiffeId,
        /// Whom it claims to speak for.
        expected: String,
    },
    /// Not a kind of key seals are made with.
    #[error("{id} has a key that is not Ed25519")]
    KeyKind {
        /// Who it is.
        id: SpiffeId,
    },
}

/// The register of those who may seal on this network. Shared freely; answers are remembered.
#[derive(Debug)]
pub struct Signers {
    chain: Chain,
    trust_domain: String,
    known: Mutex<HashMap<[u8; 32], (SpiffeId, SignerKey)>>,
}

impl Signers {
    /// Trusts what the signing authorities under these roots issued for this trust domain.
    pub fn new(
        roots: &[CertificateDer<'static>],
        signing_authorities: &[CertificateDer<'static>],
        trust_domain: &str,
    ) -> Result<Self, BadChain> {
        let chain = Chain::new(roots, signing_authorities).map_err(|error| BadChain::Rule(error.to_string()))?;
        Ok(Self::with(chain, trust_domain))
    }

    pub(super) fn with(chain: Chain, trust_domain: &str) -> Self {
        Self { chain, trust_domain: trust_domain.to_owned(), known: Mutex::default() }
    }

    /// The key of `expected_unit`, if this certificate speaks for it.
    pub fn verify(&self, certificate: &[u8], expected_unit: &str) -> Result<SignerKey, SignerError> {
        let fingerprint = sha256(certificate);
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&fingerprint).cloned();
        let (id, key) = match known {
            Some(known) => known,
            None => self.learn(certificate, fingerprint)?,
        };
        if id.unit.as_str() != expected_unit {
            return Err(SignerError::OtherUnit { id, expected: expected_unit.chars().take(64).collect() });
        }
        Ok(key)
    }

    fn learn(&self, certificate: &[u8], fingerprint: [u8; 32]) -> Result<(SpiffeId, SignerKey), SignerError> {
        let leaf = Leaf::read(certificate)?;
        let at = unix_time(leaf.not_before + Duration::from_secs(1));
        self.chain.vouches(&CertificateDer::from(certificate), &[], at, Use::Seal)?;
        if leaf.id.trust_domain != self.trust_domain {
            return Err(SignerError::Network { id: leaf.id, expected: self.trust_domain.clone() });
        }
        let Some(key) = SignerKey::of(&leaf) else { return Err(SignerError::KeyKind { id: leaf.id }) };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        // Only what our own authority issued comes this far, so nobody else can make us forget; and to learn
        // everybody again costs less than one millisecond a station.
        if known.len() >= CERTIFICATES_KEPT_MAX {
            known.clear();
        }
        known.insert(fingerprint, (leaf.id.clone(), key));
        Ok((leaf.id, key))
    }
}

impl Checker for Signers {
    fn check(&self, certificate: &[u8], unit: &str, message: &[u8], signature: &[u8]) -> Result<Digest, String> {
        let key = self.verify(certificate, unit).map_err(|error| error.to_string())?;
        if key.check(message, signature) { Ok(key.key_id) } else { Err("the signature does not fit".to_owned()) }
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, bytes).as_ref());
    out
}
