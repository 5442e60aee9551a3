//! Where people meet a station.

pub mod client;
