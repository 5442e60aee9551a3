//! Whether one of our authorities vouches for a certificate: webpki, with no choice left to the certificate.
//!
//! Promises: only P-256, P-384 and Ed25519; the use is *required* on the leaf and on its issuer. webpki's ready-made
//! `client_auth()` is satisfied by a certificate that names no use at all, and that would let a signing
//! certificate open links and a transport certificate seal reports.

use std::time::Duration;

use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::{SignatureScheme, pki_types::CertificateDer};
use rustls_pki_types::{TrustAnchor, UnixTime};
use webpki::aws_lc_rs::{ECDSA_P256_SHA256, ECDSA_P256_SHA384, ECDSA_P384_SHA256, ECDSA_P384_SHA384, ED25519};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

use super::leaf::readable;
use crate::io::Timestamp;

/// What signatures may look like, in certificates (`all`) and in handshakes (`mapping`).
pub(super) static ALGORITHMS: WebPkiSupportedAlgorithms = WebPkiSupportedAlgorithms {
    all: &[ECDSA_P256_SHA256, ECDSA_P256_SHA384, ECDSA_P384_SHA256, ECDSA_P384_SHA384, ED25519],
    mapping: &[
        (SignatureScheme::ECDSA_NISTP256_SHA256, &[ECDSA_P256_SHA256]),
        (SignatureScheme::ECDSA_NISTP384_SHA384, &[ECDSA_P384_SHA384]),
        (SignatureScheme::ED25519, &[ED25519]),
    ],
};

/// What a certificate is for, as its extended key usage says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// Opening links upward: `clientAuth`.
    Dial,
    /// Answering links from below: `serverAuth`.
    Answer,
    /// Sealing what a station says: 1.3.6.1.4.1.32473.1.1.
    Seal,
}

impl Use {
    fn oid(self) -> &'static [u8] {
        match self {
            Self::Dial => &[0x2b, 6, 1, 5, 5, 7, 3, 2],
            Self::Answer => &[0x2b, 6, 1, 5, 5, 7, 3, 1],
            Self::Seal => &[0x2b, 6, 1, 4, 1, 0x81, 0xfd, 0x59, 1, 1],
        }
    }
}

/// Roots and issuing authorities of one kind of certificate.
#[derive(Debug, Clone)]
pub(super) struct Chain {
    roots: Vec<TrustAnchor<'static>>,
    issuers: Vec<CertificateDer<'static>>,
}

/// Why nobody we trust vouches for a certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadChain {
    /// Another network, another ministry, or forged.
    #[error("no authority of this network issued it; if it should be ours, one of the two bundles is out of date")]
    Foreign,
    /// Past its end.
    #[error("it expired on {}: have it renewed, and compare the clocks of both machines", readable(*.not_after))]
    Expired {
        /// Its last good second.
        not_after: Timestamp,
    },
    /// Before its beginning, or our clock is behind.
    #[error("it is not valid before {}: compare the clocks of both machines", readable(*.not_before))]
    NotYet {
        /// Its first good second.
        not_before: Timestamp,
    },
    /// A signing certificate on a link, a transport certificate under a seal, or one without any stated use.
    #[error("it was not issued for this use")]
    Use,
    /// Everything else webpki finds wrong.
    #[error("it breaks a rule of X.509 ({0})")]
    Rule(String),
}

impl Chain {
    /// Takes root certificates and the authorities that issue under them.
    pub(super) fn new(
        roots: &[CertificateDer<'static>],
        issuers: &[CertificateDer<'static>],
    ) -> Result<Self, webpki::Error> {
        let roots = roots
            .iter()
            .map(|root| Ok(anchor_from_trusted_cert(root)?.to_owned()))
            .collect::<Result<_, webpki::Error>>()?;
        Ok(Self { roots, issuers: issuers.to_vec() })
    }

    /// Whether `leaf` leads to one of the roots, was good at `at`, and is for this `purpose`.
    /// `presented` is what the other side sent along; it can help to find a path, never to shorten one.
    pub(super) fn vouches(
        &self,
        leaf: &CertificateDer<'_>,
        presented: &[CertificateDer<'_>],
        at: UnixTime,
        purpose: Use,
    ) -> Result<(), BadChain> {
        let between: Vec<CertificateDer<'_>> = self.issuers.iter().chain(presented).cloned().collect();
        let leaf = EndEntityCert::try_from(leaf).map_err(|error| translate(&error))?;
        let usage = KeyUsage::required(purpose.oid());
        leaf.verify_for_usage(ALGORITHMS.all, &self.roots, &between, at, usage, None, None)
            .map(drop)
            .map_err(|error| translate(&error))
    }
}

fn translate(error: &webpki::Error) -> BadChain {
    use webpki::Error as E;
    let moment = |time: &UnixTime| Timestamp::default() + Duration::from_secs(time.as_secs());
    match error {
        // A stranger may call itself by our authority's name; then the signature is what is wrong.
        E::UnknownIssuer | E::InvalidSignatureForPublicKey => BadChain::Foreign,
        E::CertExpired { not_after, .. } => BadChain::Expired { not_after: moment(not_after) },
        E::CertNotValidYet { not_before, .. } => BadChain::NotYet { not_before: moment(not_before) },
        E::RequiredEkuNotFoundContext(_) | E::EmptyEkuExtension => BadChain::Use,
        other => BadChain::Rule(other.to_string()),
    }
}
