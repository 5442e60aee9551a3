//! Who a certificate speaks for: `spiffe://<trust-domain>/<hub|relay|district>/<unit>`, in exactly one spelling.
//!
//! Parentage is not in the name: the tree of offices changes, and the name must not.

use std::fmt;

use serde::Deserialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::error::{Error, Result};

const UNIT_BYTES_MAX: usize = 32;
/// Leaves room for tier and unit in the 255 bytes of a SPIFFE id.
const TRUST_DOMAIN_BYTES_MAX: usize = 200;

/// The three tiers of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// 部级
    Ministry,
    /// 省级
    Province,
    /// 考区
    District,
}

impl Tier {
    /// The first segment of a station's SPIFFE path.
    pub fn segment(self) -> &'static str {
        match self {
            Self::Ministry => "hub",
            Self::Province => "relay",
            Self::District => "district",
        }
    }
}

/// A station's name, known to be well formed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StationId {
    trust_domain: String,
    tier: Tier,
    unit: String,
}

impl StationId {
    /// Accepts a well-formed trust domain and unit.
    pub fn new(trust_domain: &str, tier: Tier, unit: &str) -> Result<Self> {
        check_trust_domain(trust_domain)?;
        check_unit(unit)?;
        Ok(Self { trust_domain: trust_domain.to_owned(), tier, unit: unit.to_owned() })
    }

    /// Which office it is.
    pub fn unit(&self) -> &str {
        &self.unit
    }
}

impl fmt::Display for StationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "spiffe://{}/{}/{}", self.trust_domain, self.tier.segment(), self.unit)
    }
}

pub(crate) fn check_unit(text: &str) -> Result<()> {
    let ok = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    // A unit becomes a directory's name as well; this alphabet has neither `.` nor `/`.
    if ok && (1..=UNIT_BYTES_MAX).contains(&text.len()) { Ok(()) } else { Err(Error::BadUnit { text: quoted(text) }) }
}

pub(crate) fn check_trust_domain(text: &str) -> Result<()> {
    let ok = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-_".contains(&b));
    let fits = (1..=TRUST_DOMAIN_BYTES_MAX).contains(&text.len());
    if ok && fits { Ok(()) } else { Err(Error::BadTrustDomain { text: quoted(text) }) }
}

/// Little of it, and nothing a terminal would obey.
pub(crate) fn quoted(text: &str) -> String {
    text.chars().take(64).flat_map(char::escape_debug).collect()
}

/// A moment as a person reads it.
pub(crate) fn readable(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_else(|_| at.unix_timestamp().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_spelling() {
        let id = StationId::new("drill.test", Tier::Ministry, "moj").unwrap();
        assert_eq!(id.to_string(), "spiffe://drill.test/hub/moj");
        for unit in ["", "MOJ", "a/b", "..", "a b", "武汉", &"a".repeat(33)] {
            assert!(StationId::new("drill.test", Tier::District, unit).is_err(), "{unit:?} was accepted");
        }
        for domain in ["", "A.test", "a/b", "a:1", &"a".repeat(201)] {
            assert!(StationId::new(domain, Tier::District, "a").is_err(), "{domain:?} was accepted");
        }
    }

    #[test]
    fn a_refusal_quotes_nothing_a_terminal_would_obey() {
        let text = StationId::new("a", Tier::District, "\u{1b}[2J").unwrap_err().to_string();
        assert!(!text.contains('\u{1b}'), "{text}");
    }
}
