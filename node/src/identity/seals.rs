//! The station's hand and eye: seals what it writes, checks what others sealed.

use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;

use super::Identity;
use crate::post::{
    envelope::Digest,
    seal::{Checker, Sealer},
};

/// Seals and checks with the identity held at the moment.
pub struct Seals(Arc<ArcSwap<Identity>>);

impl Seals {
    /// Over an identity that may be reloaded.
    pub fn new(identity: Arc<ArcSwap<Identity>>) -> Self {
        Self(identity)
    }
}

impl Sealer for Seals {
    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.load().sign(message)
    }

    fn certificate(&self) -> Bytes {
        Bytes::copy_from_slice(self.0.load().signing_certificate_der())
    }

    fn key_id(&self) -> Digest {
        self.0.load().signer().key_id
    }
}

impl Checker for Seals {
    fn check(&self, certificate: &[u8], unit: &str, message: &[u8], signature: &[u8]) -> Result<Digest, String> {
        self.0.load().signers().check(certificate, unit, message, signature)
    }
}
