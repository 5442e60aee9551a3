//! The product as its users meet it: real processes, mutual TLS, real disks.

#![expect(clippy::unwrap_used, reason = "this is test code")]

mod delivery;
