//! PURE. 横向通报: the word to those outside of the chain, and the proof that they had it.
//!
//! It exists for something real only. [`Real`] is made from an actual document and from nothing else, and without one
//! there is neither a duty to tell anybody nor a way to write that somebody was told.

use proto::v1::{Header, Lateral, LateralNotice, Manner, SecrecyReport, Status};

use super::{Desk, refuse};
use crate::{
    limits,
    post::refusal::{Code, Refusal},
};

/// A document about something that is really happening.
#[derive(Debug, Clone, Copy)]
pub struct Real<'a>(&'a Header);

impl<'a> Real<'a> {
    /// `None` of an exercise, a test, and of whatever this station does not know.
    pub fn of(header: &'a Header) -> Option<Self> {
        (header.status() == Status::Actual).then_some(Self(header))
    }

    /// The document.
    pub fn header(self) -> &'a Header {
        self.0
    }
}

/// Whether a notice says who was told, when, how, by whom, and under which number it can be asked for there.
pub fn check(desk: Desk<'_>, _about: Real<'_>, notice: &LateralNotice) -> Result<(), Refusal> {
    let written = notice.manner() == Manner::Written;
    let numbered = written || matches!(notice.to(), Lateral::PublicSecurity | Lateral::Fire | Lateral::Justice);
    let missing: Vec<_> = [
        ("to", notice.to() == Lateral::Unspecified),
        ("body", notice.body.trim().is_empty()),
        ("told-at", notice.told_at_us <= 0),
        ("manner", notice.manner() == Manner::Unspecified),
        ("contact", notice.contact.trim().is_empty()),
        ("reference", numbered && notice.reference.trim().is_empty()),
    ]
    .iter()
    .filter_map(|(field, missing)| missing.then_some(*field))
    .chain(unsaid(notice, written))
    .collect();
    if !missing.is_empty() {
        let missing = missing.join(", ");
        let reason = format!("the proof that somebody was told needs {missing}");
        return refuse(Code::MissingFields, &reason, &[&missing]);
    }
    if notice.told_at_us > (desk.now + limits::AHEAD).us() {
        let reason = "this was told at a moment still to come: tell them first";
        return refuse(Code::NotYetTold, reason, &[]);
    }
    let names = [&notice.body, &notice.contact, &notice.reference];
    if names.iter().any(|name| name.len() > limits::NAME_BYTES_MAX) {
        let reason = format!("a name or number has at most {} bytes", limits::NAME_BYTES_MAX);
        return refuse(Code::FieldTooLong, &reason, &[]);
    }
    Ok(())
}

/// What a written report to the 保密 department still has to say, of its seven things.
fn unsaid(notice: &LateralNotice, written: bool) -> Vec<&'static str> {
    if !written || notice.to() != Lateral::Secrecy {
        return Vec::new();
    }
    let nothing = SecrecyReport::default();
    let said = notice.secrecy.as_ref().unwrap_or(&nothing);
    let seven = [
        ("matter", &said.matter),
        ("discovery", &said.discovery),
        ("responsible", &said.responsible),
        ("course", &said.course),
        ("harm", &said.harm),
        ("investigation", &said.investigation),
        ("remedy", &said.remedy),
    ];
    seven.iter().filter_map(|(name, text)| text.trim().is_empty().then_some(*name)).collect()
}
