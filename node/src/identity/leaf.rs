//! What a station's own certificate says, read once and strictly.
//!
//! Nothing here is proof: [`super::chain`] says whether an authority of ours vouches for it.

use rustls_pki_types::UnixTime;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::spiffe::{BadSpiffeId, SpiffeId};
use crate::io::Timestamp;

/// The facts of one leaf certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Leaf {
    /// Whose it is.
    pub(crate) id: SpiffeId,
    /// Good from here …
    pub(crate) not_before: Timestamp,
    /// … to here.
    pub(crate) not_after: Timestamp,
    /// `SubjectPublicKeyInfo`, as it stands in the certificate.
    pub(crate) spki: Vec<u8>,
}

/// A certificate no station of ours can have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadLeaf {
    /// Not X.509.
    #[error("it is not a readable X.509 certificate")]
    Unreadable,
    /// Not exactly one name to go by.
    #[error("it names {count} URIs, and a station has exactly one")]
    Names {
        /// How many it has.
        count: usize,
    },
    /// Not a station's name.
    #[error(transparent)]
    Name(#[from] BadSpiffeId),
    /// It could issue others: webpki does not look at a leaf's key usage.
    #[error("it may sign other certificates, and a station's may not")]
    Authority,
}

impl Leaf {
    /// Reads a certificate in DER.
    pub(crate) fn read(der: &[u8]) -> Result<Self, BadLeaf> {
        let (rest, certificate) = X509Certificate::from_der(der).map_err(|_| BadLeaf::Unreadable)?;
        if !rest.is_empty() {
            return Err(BadLeaf::Unreadable);
        }
        if is_authority(&certificate)? {
            return Err(BadLeaf::Authority);
        }
        let id = SpiffeId::parse(only_uri(&certificate)?)?;
        let validity = certificate.validity();
        Ok(Self {
            id,
            not_before: from_seconds(validity.not_before.timestamp()),
            not_after: from_seconds(validity.not_after.timestamp()),
            spki: certificate.public_key().raw.to_vec(),
        })
    }
}

/// The name a certificate claims, for a log line about refusing it.
pub(crate) fn claimed_name(der: &[u8]) -> String {
    Leaf::read(der).map_or_else(|bad| format!("unnamed: {bad}"), |leaf| leaf.id.to_string())
}

fn is_authority(certificate: &X509Certificate<'_>) -> Result<bool, BadLeaf> {
    let usage = certificate.key_usage().map_err(|_| BadLeaf::Unreadable)?;
    let signs = usage.is_some_and(|usage| usage.value.key_cert_sign() || usage.value.crl_sign());
    // An unreadable constraint must not read as "not an authority", which is what `is_ca` would say.
    let constraints = certificate.basic_constraints().map_err(|_| BadLeaf::Unreadable)?;
    Ok(signs || constraints.is_some_and(|constraints| constraints.value.ca))
}

fn only_uri<'a>(certificate: &'a X509Certificate<'_>) -> Result<&'a str, BadLeaf> {
    let names = certificate.subject_alternative_name().map_err(|_| BadLeaf::Unreadable)?;
    let all = names.map_or(&[][..], |names| names.value.general_names.as_slice());
    let uris: Vec<&str> =
        all.iter().filter_map(|name| if let GeneralName::URI(uri) = name { Some(*uri) } else { None }).collect();
    match uris.as_slice() {
        [one] => Ok(one),
        _ => Err(BadLeaf::Names { count: uris.len() }),
    }
}

fn from_seconds(seconds: i64) -> Timestamp {
    Timestamp::from_us(seconds.saturating_mul(1_000_000))
}

/// Our time as webpki counts it.
pub(crate) fn unix_time(at: Timestamp) -> UnixTime {
    UnixTime::since_unix_epoch(at.since(Timestamp::default()))
}

/// A moment as a person reads it in a reason.
pub(crate) fn readable(at: Timestamp) -> String {
    OffsetDateTime::from_unix_timestamp(at.us().div_euclid(1_000_000))
        .ok()
        .and_then(|moment| moment.format(&Rfc3339).ok())
        .unwrap_or_else(|| at.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn garbage_is_not_a_certificate() {
        assert_eq!(Leaf::read(b""), Err(BadLeaf::Unreadable));
        assert_eq!(Leaf::read(&[0x30, 0x82, 0xff, 0xff, 1, 2, 3]), Err(BadLeaf::Unreadable));
    }

    #[test]
    fn moments_are_written_as_dates() {
        assert_eq!(readable(Timestamp::from_us(1_411_200_000_000_000)), "2014-09-20T08:00:00Z");
    }
}
