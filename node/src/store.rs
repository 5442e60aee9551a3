//! Durable: the journal is the truth, sled is its index, attachments are files named by what is in them.
//!
//! - [`journal`]: everything a station was told or decided, in order; an append returns when the disk has it.
//! - [`index`]: rows folded from the journal, quick to look up. It may be lost at any time and is then rebuilt.
//! - [`baseline`]: all rows as of one position, so that the journal before it can be given up.
//! - [`disk`]: both as the engine sees them, and how a station comes back.
//! - [`attachments`]: large bodies outside both, by SHA-256, received piece by piece.
//!
//! Only this module knows sled and files.

pub mod attachments;
pub mod baseline;
pub mod disk;
pub mod index;
pub mod journal;
