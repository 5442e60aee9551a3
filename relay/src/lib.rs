//! The province: forwards up, fans out down, and reads what passes through its desk.
//!
//! It adds nothing to the engine in [`node`]: a station with children listens for them, one with a parent dials it, and
//! what is neither for it nor from it is passed on unopened. That this crate is so small is the proof that all three
//! tiers are one station. What only a province does (endorsement, aggregation, forwarding policy) will live here.

pub use node;
