//! What a station remembers beyond its journal: small rows, ordered by key, all of them a fold over the facts.
//!
//! The truth is the journal. Rows are written to memory first (the overlay), drained now and then into a [`Base`]
//! together with the journal position they stand for, and rebuilt from the journal whenever the base is lost.

/// Where drained rows live: sled in a station, a map in tests and in the simulator.
/// Reads only; how rows get in is the store's business.
pub trait Base: Send {
    /// The row with exactly this key.
    fn get(&self, key: &[u8]) -> Option<Vec<u8>>;
    /// Up to `limit` rows with `from <= key < to`, in order of their keys.
    fn range(&self, from: &[u8], to: &[u8], limit: usize) -> Vec<(Vec<u8>, Vec<u8>)>;
    /// Up to `limit` rows with `from <= key < to`, last first.
    fn range_back(&self, from: &[u8], to: &[u8], limit: usize) -> Vec<(Vec<u8>, Vec<u8>)>;
}
