//! The words tests are written in.

#![expect(clippy::unwrap_used, reason = "this is test code")]

pub mod dice;
pub mod world;
