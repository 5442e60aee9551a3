//! The product as its users meet it: real processes, mutual TLS, real disks.

mod delivery;
mod notices;
mod observed;
