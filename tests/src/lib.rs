//! The words tests are written in.

#![expect(clippy::unwrap_used, reason = "this is test code")]

pub mod country;
pub mod dice;
pub mod fuzz;
pub mod hostile;
pub mod line;
pub mod officer;
pub mod papers;
pub mod port;
pub mod stranger;
pub mod visitor;
pub mod whole;
pub mod world;
