//! What a certificate will say. All of it stands here, so that none of it can come from a request.

use std::fmt;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, SanType, SerialNumber, SignatureAlgorithm,
};
use time::{Duration, OffsetDateTime};

use crate::{
    error::{Error, Result},
    name::StationId,
};

/// Sealing what a station says. 32473 is the enterprise number RFC 5612 keeps for documentation:
/// it is to be replaced, here and in every verifier, once one is assigned.
pub const STATION_SIGNING: [u64; 9] = [1, 3, 6, 1, 4, 1, 32473, 1, 1];
/// Signing what an officer releases.
pub const OFFICER_SIGNING: [u64; 9] = [1, 3, 6, 1, 4, 1, 32473, 1, 2];

/// How long a link's certificate is good.
pub const TRANSPORT_DAYS: i64 = 90;
/// How long a seal's certificate is good: one exam to the next, and a month to renew.
pub const SIGNING_DAYS: i64 = 400;
/// Certificates begin this long before they are made: a station's clock may be behind the ministry's.
pub const EARLY: Duration = Duration::hours(1);

/// What a certificate is for; each use has its own authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, clap::ValueEnum)]
pub enum Usage {
    /// Links: TLS, both as client and as server.
    Transport,
    /// Seals.
    Signing,
}

impl Usage {
    /// The use as commands spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Transport => "transport",
            Self::Signing => "signing",
        }
    }

    /// The kind of key it needs.
    pub fn key_kind(self) -> &'static str {
        match self {
            Self::Transport => "ECDSA P-256",
            Self::Signing => "Ed25519",
        }
    }

    /// How many days its certificates are good unless somebody says otherwise.
    pub fn days(self) -> i64 {
        match self {
            Self::Transport => TRANSPORT_DAYS,
            Self::Signing => SIGNING_DAYS,
        }
    }

    pub(crate) fn algorithm(self) -> &'static SignatureAlgorithm {
        match self {
            Self::Transport => &PKCS_ECDSA_P256_SHA256,
            Self::Signing => &PKCS_ED25519,
        }
    }

    fn of_leaf(self) -> Vec<ExtendedKeyUsagePurpose> {
        match self {
            Self::Transport => vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth],
            Self::Signing => vec![ExtendedKeyUsagePurpose::Other(STATION_SIGNING.to_vec())],
        }
    }

    /// What its authority may hand on. Verifiers that require a use ask it of the authority as well, so a transport
    /// authority cannot make a seal valid, nor the reverse.
    fn of_authority(self) -> Vec<ExtendedKeyUsagePurpose> {
        let mut uses = self.of_leaf();
        if self == Self::Signing {
            uses.push(ExtendedKeyUsagePurpose::Other(OFFICER_SIGNING.to_vec()));
        }
        uses
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A new key of the kind this use needs.
pub fn new_key(usage: Usage) -> Result<KeyPair> {
    Ok(KeyPair::generate_for(usage.algorithm())?)
}

/// What a leaf will say, besides its key. [`Profile::station`] gives the profiles of this network; whoever tries a
/// station's defences changes a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Whom it speaks for. A station has exactly one name, and its verifiers insist.
    pub uris: Vec<String>,
    /// What browsers call a desk: host names and addresses. Links know none.
    pub hosts: Vec<String>,
    /// Which authority issues it.
    pub usage: Usage,
    /// What it may be used for.
    pub ekus: Vec<ExtendedKeyUsagePurpose>,
    /// Its first good second.
    pub not_before: OffsetDateTime,
    /// Its last good second.
    pub not_after: OffsetDateTime,
}

impl Profile {
    /// A station's certificate, made `now` and good for this many days.
    pub fn station(id: &StationId, usage: Usage, now: OffsetDateTime, days: i64) -> Self {
        let (not_before, not_after) = (now - EARLY, now + Duration::days(days));
        Self { uris: vec![id.to_string()], hosts: Vec::new(), usage, ekus: usage.of_leaf(), not_before, not_after }
    }

    /// The certificate of a station's desk in the browser. It speaks for no office: without a name of this network, no
    /// station takes it for a neighbour.
    pub fn desk(hosts: Vec<String>, now: OffsetDateTime, days: i64) -> Self {
        let (not_before, not_after) = (now - EARLY, now + Duration::days(days));
        let ekus = vec![ExtendedKeyUsagePurpose::ServerAuth];
        Self { uris: Vec::new(), hosts, usage: Usage::Transport, ekus, not_before, not_after }
    }

    pub(crate) fn params(&self) -> Result<CertificateParams> {
        let mut params = blank(self.not_before, self.not_after)?;
        // For tools that list certificates; nothing of ours goes by it.
        let unit = self.uris.first().and_then(|uri| uri.rsplit('/').next());
        if let Some(name) = unit.or(self.hosts.first().map(String::as_str)) {
            params.distinguished_name.push(DnType::CommonName, name);
        }
        for uri in &self.uris {
            params.subject_alt_names.push(SanType::URI(uri.as_str().try_into()?));
        }
        for host in &self.hosts {
            params.subject_alt_names.push(match host.parse() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => SanType::DnsName(host.as_str().try_into()?),
            });
        }
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages.clone_from(&self.ekus);
        params.use_authority_key_identifier_extension = true;
        Ok(params)
    }
}

/// An authority's certificate: `below` says what it hands on, and only the root, which hands on anything, has none.
pub(crate) fn authority_params(
    name: &str,
    below: Option<Usage>,
    not_before: OffsetDateTime,
    not_after: OffsetDateTime,
) -> Result<CertificateParams> {
    let (title, path) = match below {
        None => ("Root CA", 1),
        Some(Usage::Transport) => ("Transport CA", 0),
        Some(Usage::Signing) => ("Signing CA", 0),
    };
    let mut params = blank(not_before, not_after)?;
    params.distinguished_name.push(DnType::OrganizationName, name);
    params.distinguished_name.push(DnType::CommonName, title);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(path));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.extended_key_usages = below.map(Usage::of_authority).unwrap_or_default();
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn blank(not_before: OffsetDateTime, not_after: OffsetDateTime) -> Result<CertificateParams> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.serial_number = Some(random_serial()?);
    params.not_before = whole_seconds(not_before);
    params.not_after = whole_seconds(not_after);
    Ok(params)
}

/// X.509 counts seconds.
fn whole_seconds(at: OffsetDateTime) -> OffsetDateTime {
    at - Duration::nanoseconds(i64::from(at.nanosecond()))
}

/// Random, for a serial made from the key would be shared by a certificate and its renewal: revoking the old one
/// would revoke the new one with it.
fn random_serial() -> Result<SerialNumber> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Error::NoRandom)?;
    // Positive, and always of one length.
    bytes[0] = bytes[0] & 0x7f | 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}
