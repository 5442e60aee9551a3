//! Links: uplink dials, downlink listens, wire translates; none of them decides.

pub mod board;
pub mod outlet;
pub mod session;
pub mod socket;
pub mod wire;
