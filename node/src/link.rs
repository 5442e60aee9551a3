//! Links: uplink dials, downlink listens, wire translates; none of them decides.

pub mod allowance;
pub mod board;
pub mod downlink;
pub mod outlet;
pub mod pieces;
pub mod session;
pub mod socket;
pub mod trouble;
pub mod uplink;
pub mod wire;
