//! Seals of the simulated country: keys made from the names of the offices, so that nothing has to be stored.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use bytes::Bytes;
use node::post::{
    envelope::{Digest, digest},
    seal::{Checker, Sealer},
};

/// Bytes of a public key.
const KEY_BYTES: usize = 32;

/// A hand whose certificate is its bare public key and its unit.
pub struct Hand(Ed25519KeyPair, String);

impl Hand {
    /// The hand of a unit: always the same.
    pub fn of(unit: &str) -> Self {
        let mut seed = [7; 32];
        seed[..unit.len()].copy_from_slice(unit.as_bytes());
        Self(Ed25519KeyPair::from_seed_unchecked(&seed).unwrap(), unit.to_owned())
    }
}

impl Sealer for Hand {
    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).as_ref().try_into().unwrap()
    }

    fn certificate(&self) -> Bytes {
        [self.0.public_key().as_ref(), self.1.as_bytes()].concat().into()
    }

    fn key_id(&self) -> Digest {
        digest(self.0.public_key().as_ref())
    }
}

/// Checks the hands of [`Hand::of`].
pub struct Hands;

impl Checker for Hands {
    fn check(&self, certificate: &[u8], unit: &str, message: &[u8], signature: &[u8]) -> Result<Digest, String> {
        // Only a unit's name is short enough to make a key of.
        if unit.len() > KEY_BYTES || certificate != Hand::of(unit).certificate() {
            return Err("certificate of another".into());
        }
        let hand = Hand::of(unit);
        UnparsedPublicKey::new(&ED25519, hand.0.public_key().as_ref())
            .verify(message, signature)
            .map_err(|_| "bad signature".to_owned())?;
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
