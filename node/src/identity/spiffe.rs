//! The name in a certificate: `spiffe://<trust-domain>/<tier>/<unit>`.
//!
//! Strict on purpose. Two spellings of one name are how a check on one and a look-up with the other come apart,
//! so there is exactly one spelling: lower case, two path segments, nothing else a URI may carry.

use std::fmt;

use crate::topology::{Tier, Unit};

/// Bytes of a whole SPIFFE id, by its standard's minimum for receivers.
const ID_BYTES_MAX: usize = 255;
const SCHEME: &str = "spiffe://";

/// Who a station is: the only name a link believes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SpiffeId {
    /// The network it belongs to; an exercise has its own.
    pub trust_domain: String,
    /// Which tier it speaks for.
    pub tier: Tier,
    /// Which office it is.
    pub unit: Unit,
}

/// Why a text is not a station's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a station's name ({why}); it must read spiffe://<trust-domain>/<hub|relay|district>/<unit>")]
pub struct BadSpiffeId {
    text: String,
    why: &'static str,
}

impl SpiffeId {
    /// Accepts the one spelling.
    pub fn parse(text: &str) -> Result<Self, BadSpiffeId> {
        // The text comes from a stranger and ends in a log: quote little of it, and nothing a terminal would obey.
        let bad = |why| BadSpiffeId { text: text.chars().take(80).flat_map(char::escape_default).collect(), why };
        if text.len() > ID_BYTES_MAX {
            return Err(bad("longer than 255 bytes"));
        }
        let rest = text.strip_prefix(SCHEME).ok_or_else(|| bad("the scheme is not spiffe, in lower case"))?;
        let mut parts = rest.split('/');
        let (Some(domain), Some(tier), Some(unit), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(bad("the path does not have exactly two segments"));
        };
        if !is_trust_domain(domain) {
            return Err(bad("the trust domain has other characters than a-z 0-9 . - _"));
        }
        let tier = [Tier::Ministry, Tier::Province, Tier::District]
            .into_iter()
            .find(|known| known.segment() == tier)
            .ok_or_else(|| bad("the tier is not hub, relay or district"))?;
        let unit = Unit::parse(unit).map_err(|_| bad("the unit has other characters than a-z 0-9 -"))?;
        Ok(Self { trust_domain: domain.to_owned(), tier, unit })
    }
}

fn is_trust_domain(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-_".contains(&b))
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}/{}/{}", self.trust_domain, self.tier.segment(), self.unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_spelling_survives_a_round_trip() {
        for text in ["spiffe://sikao.internal/hub/moj", "spiffe://a/relay/420000", "spiffe://a-b_c.d/district/420100"] {
            assert_eq!(SpiffeId::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn every_other_spelling_is_refused() {
        for text in [
            "",
            "https://a/hub/moj",
            "SPIFFE://a/hub/moj",
            "spiffe://A/hub/moj",
            "spiffe:///hub/moj",
            "spiffe://a/hub",
            "spiffe://a/hub/",
            "spiffe://a/hub/moj/",
            "spiffe://a/hub/moj/1",
            "spiffe://a//hub/moj",
            "spiffe://a/Hub/moj",
            "spiffe://a/officer/moj",
            "spiffe://a/hub/MOJ",
            "spiffe://a/hub/..",
            "spiffe://a/hub/%6doj",
            "spiffe://a/hub/moj?x=1",
            "spiffe://a/hub/moj#x",
            "spiffe://me@a/hub/moj",
            "spiffe://a:8443/hub/moj",
            " spiffe://a/hub/moj",
            "spiffe://a/hub/moj\n",
        ] {
            assert!(SpiffeId::parse(text).is_err(), "{text:?} was accepted");
        }
        let long = format!("spiffe://{}/hub/moj", "a".repeat(250));
        assert!(SpiffeId::parse(&long).is_err());
    }

    #[test]
    fn a_refusal_quotes_nothing_a_terminal_would_obey() {
        let error = SpiffeId::parse("spiffe://\u{1b}[2J\u{202e}/hub/moj").unwrap_err().to_string();
        assert!(error.is_ascii() && !error.contains('\u{1b}'), "{error}");
    }
}
