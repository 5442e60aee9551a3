//! Durable: the journal is the truth, sled is its index.

pub mod index;
pub mod journal;
