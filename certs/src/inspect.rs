//! What a certificate says, for people and tools. Nothing here is proof that anybody vouches for it.

use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};
use serde::Serialize;
use time::OffsetDateTime;
use x509_parser::{
    pem::Pem,
    prelude::{FromDer, GeneralName, X509Certificate},
};

use crate::{
    disk,
    error::{Error, Result},
    name::readable,
    profile::{OFFICER_SIGNING, STATION_SIGNING},
};

const SECONDS_A_DAY: i64 = 86_400;

/// The facts of one certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// Whom it speaks for: its URIs, or its subject if it has none, as authorities do.
    pub subject: Vec<String>,
    /// Who issued it.
    pub issuer: String,
    /// Its serial, in hexadecimal.
    pub serial: String,
    /// Its first good second.
    pub not_before: String,
    /// Its last good second.
    pub not_after: String,
    /// Whole days until then; negative once it has ended.
    pub days_left: i64,
    /// What it is for; a root names no use.
    pub uses: Vec<String>,
    /// Whether it may issue others.
    pub authority: bool,
    /// SHA-256 of its DER, in hexadecimal.
    pub sha256: String,
}

impl Facts {
    /// Every certificate of a PEM file, at least one.
    pub fn read(file: &Path, now: OffsetDateTime) -> Result<Vec<Self>> {
        let found = Self::of_pem(&disk::read(file)?, now).filter(|found| !found.is_empty());
        found.ok_or_else(|| Error::Shape { file: file.to_owned(), expected: "certificate" })
    }

    /// One line of JSON; fields are only ever added.
    pub fn to_json(&self) -> String {
        let mut line = serde_json::json!(self);
        line["schema"] = "zhuji.certs.inspect/1".into();
        line.to_string()
    }

    fn of_pem(text: &str, now: OffsetDateTime) -> Option<Vec<Self>> {
        let blocks = Pem::iter_from_buffer(text.as_bytes()).collect::<std::result::Result<Vec<_>, _>>().ok()?;
        blocks
            .iter()
            .filter(|block| block.label == "CERTIFICATE")
            .map(|block| Self::of_der(&block.contents, now))
            .collect()
    }

    /// One certificate in DER; none if it is not readable.
    pub fn of_der(der: &[u8], now: OffsetDateTime) -> Option<Self> {
        let (rest, certificate) = X509Certificate::from_der(der).ok()?;
        if !rest.is_empty() {
            return None;
        }
        let validity = certificate.validity();
        let not_after = validity.not_after.to_datetime();
        let left = (not_after - now).whole_seconds();
        Some(Self {
            subject: subject(&certificate)?,
            issuer: printable(&certificate.issuer().to_string()),
            serial: hex(certificate.raw_serial()),
            not_before: readable(validity.not_before.to_datetime()),
            not_after: readable(not_after),
            days_left: left.div_euclid(SECONDS_A_DAY),
            uses: uses(&certificate)?,
            authority: certificate.is_ca(),
            sha256: hex(digest(&SHA256, der).as_ref()),
        })
    }
}

fn subject(certificate: &X509Certificate<'_>) -> Option<Vec<String>> {
    let names = certificate.subject_alternative_name().ok()?;
    let all = names.map_or(&[][..], |names| names.value.general_names.as_slice());
    let uri = |name: &GeneralName<'_>| if let GeneralName::URI(uri) = name { Some(printable(uri)) } else { None };
    let uris: Vec<String> = all.iter().filter_map(uri).collect();
    Some(if uris.is_empty() { vec![printable(&certificate.subject().to_string())] } else { uris })
}

fn uses(certificate: &X509Certificate<'_>) -> Option<Vec<String>> {
    let Some(extension) = certificate.extended_key_usage().ok()? else { return Some(Vec::new()) };
    let uses = extension.value;
    let common = [
        (uses.any, "any"),
        (uses.client_auth, "clientAuth"),
        (uses.server_auth, "serverAuth"),
        (uses.code_signing, "codeSigning"),
        (uses.email_protection, "emailProtection"),
        (uses.time_stamping, "timeStamping"),
        (uses.ocsp_signing, "ocspSigning"),
    ];
    let named = common.into_iter().filter(|(has, _)| *has).map(|(_, name)| name.to_owned());
    Some(named.chain(uses.other.iter().map(|oid| own_use(&oid.to_id_string()))).collect())
}

fn own_use(oid: &str) -> String {
    let is = |ours: &[u64]| ours.iter().map(u64::to_string).collect::<Vec<_>>().join(".") == oid;
    match oid {
        _ if is(&STATION_SIGNING) => "station-signing".to_owned(),
        _ if is(&OFFICER_SIGNING) => "officer-signing".to_owned(),
        _ => oid.to_owned(),
    }
}

/// A stranger's text, without what a terminal would obey.
fn printable(text: &str) -> String {
    let direction = |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|c| if c.is_control() || direction(c) { '?' } else { c }).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
