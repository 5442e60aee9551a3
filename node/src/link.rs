//! Links: uplink dials, downlink listens; neither decides.

pub mod socket;
