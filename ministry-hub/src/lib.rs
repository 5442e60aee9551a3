//! The ministry: where custody ends, receipts begin and directives come from.

pub mod demo;
