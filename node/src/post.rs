//! PURE. The post office: no runtime, no network, no disk, no clock, no dice; and it has never heard of an exam.
//!
//! ```text
//!              decide (reads only)                 apply (after the commit)
//! events ───────────────────────────▶ facts ─────────────────────────────▶ rows, queues
//!                                       │
//!                                    durable
//! ```
//! [`Post::decide`] turns events into facts and answers without changing anything, so a commit that fails leaves
//! nothing to undo. [`Post::apply`] folds durable facts into what the station knows; it is the only way anything
//! changes, live and on replay alike. [`Post::schedule`] then says what to offer to whom.
//!
//! Promises: numbers of a channel are gapless and never reused; what is taken once is never taken twice; what was
//! refused is refused again; a block that passes through is never altered; the urgent goes first.

pub mod arrivals;
pub mod date;
pub mod direct;
pub mod envelope;
pub mod fact;
pub mod gaps;
pub mod keys;
pub mod ladder;
pub mod losses;
pub mod names;
pub mod notices;
pub mod office;
pub mod opened;
pub mod outgoing;
pub mod passage;
pub mod ranges;
pub mod refusal;
pub mod retention;
pub mod retry;
pub mod rows;
pub mod schedule;
pub mod seal;
pub mod view;

pub use office::{Circumstances, Event, Me, Post, Turn};
