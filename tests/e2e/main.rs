//! The product as its users meet it: real processes, mutual TLS, real disks.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "this is test code, and seeds come from the environment"
)]

mod adversity;
mod attachments;
mod bypass;
mod cli;
mod coverage;
mod delivery;
mod desk;
mod evidence;
mod hostile;
mod notices;
mod observed;
mod plan;
mod scenarios;
mod secrecy;
