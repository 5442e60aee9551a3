//! The station engine all three tiers share.

#![allow(missing_docs, reason = "being built")]

pub mod cli;
pub mod config;
pub mod desk;
pub mod engine;
pub mod identity;
pub mod io;
pub mod limits;
pub mod link;
pub mod plan;
pub mod post;
pub mod station;
pub mod store;
pub mod telemetry;
pub mod topology;
