//! PURE. Evidence of one event: everything a station holds about it, sealed by those who wrote it, for anybody to check
//! offline, years later, with public keys alone.
//!
//! ```text
//! at a station: gather ── documents, then the receipts about them ──▶ signed by the office that hands it out
//! anywhere:     verify ── roots → signing authorities → certificates → seals → headers → bodies ──▶ a verdict
//! ```
//! Promises: whatever was altered, left out or put in afterwards is named; the office that gathers can prove what others
//! wrote and cannot write it for them; what is about another event is not in it, but for headers under the same seal and receipts given in the same breath.

pub mod gather;
pub mod verify;

/// What the signature of the office that gathers is made over, in front of its statement.
const STATEMENT_DOMAIN: &[u8] = b"zhuji/evidence/v1";
/// The format written today.
const FORMAT: u32 = 1;

fn signed_bytes(statement: &[u8]) -> Vec<u8> {
    [STATEMENT_DOMAIN, statement].concat()
}

#[cfg(test)]
mod tests;
