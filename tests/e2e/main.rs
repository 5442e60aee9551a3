//! The product as its users meet it: real processes, mutual TLS, real disks.

mod adversity;
mod attachments;
mod delivery;
mod hostile;
mod notices;
mod observed;
