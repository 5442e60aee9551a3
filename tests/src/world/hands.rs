//! Seals of the simulated country: a hash of the office's name and what is sealed. Nobody here forges, and whatever is
//! altered on the way is found as well as by a real signature, a hundred times as fast.

use bytes::Bytes;
use node::post::{
    envelope::{Digest, digest},
    seal::{Checker, Sealer},
};

/// Bytes of a public key.
const KEY_BYTES: usize = 32;

/// A hand whose certificate is its key and its unit.
pub struct Hand {
    key: Digest,
    unit: String,
}

impl Hand {
    /// The hand of a unit: always the same.
    pub fn of(unit: &str) -> Self {
        Self { key: digest(unit.as_bytes()), unit: unit.to_owned() }
    }
}

impl Sealer for Hand {
    fn sign(&self, message: &[u8]) -> [u8; 64] {
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&digest(&[&self.key[..], message].concat()));
        signature
    }

    fn certificate(&self) -> Bytes {
        [&self.key[..], self.unit.as_bytes()].concat().into()
    }

    fn key_id(&self) -> Digest {
        digest(&self.key)
    }
}

/// Checks the hands of [`Hand::of`].
pub struct Hands;

impl Checker for Hands {
    fn check(&self, certificate: &[u8], unit: &str, message: &[u8], signature: &[u8]) -> Result<Digest, String> {
        let hand = Hand::of(unit);
        if certificate != hand.certificate() {
            return Err("certificate of another".into());
        }
        if signature != hand.sign(message) {
            return Err("bad signature".into());
        }
        Ok(hand.key_id())
    }
}

/// Believes every seal.
pub struct Credulous;

impl Checker for Credulous {
    fn check(&self, certificate: &[u8], _: &str, _: &[u8], _: &[u8]) -> Result<Digest, String> {
        Ok(digest(certificate.get(..KEY_BYTES).unwrap_or(certificate)))
    }
}
