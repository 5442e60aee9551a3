//! The product as its users meet it: real processes, mutual TLS, real disks.

mod cli;
mod delivery;
