//! What a station remembers beyond its journal: small rows, ordered by key, all of them a fold over the facts.
//!
//! The truth is the journal. Rows are written to memory first (the overlay), drained now and then into a [`Base`]
//! together with the journal position they stand for, and rebuilt from the journal whenever the base is lost.

use std::{collections::BTreeMap, sync::Arc};

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

/// Rows written since some moment; `None` = deleted.
pub type Overlay = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// The rows as of now: what was written lately over what has been drained.
pub struct Rows {
    base: Box<dyn Base>,
    /// On its way into the base; still answers until it is there.
    draining: Option<Arc<Overlay>>,
    lately: Overlay,
}

impl Rows {
    /// Nothing written yet over `base`.
    pub fn new(base: Box<dyn Base>) -> Self {
        Self { base, draining: None, lately: Overlay::new() }
    }

    /// The row with exactly this key.
    pub fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        if let Some(row) = self.lately.get(key) {
            return row.clone();
        }
        if let Some(row) = self.draining.as_ref().and_then(|draining| draining.get(key)) {
            return row.clone();
        }
        self.base.get(key)
    }

    /// Writes a row.
    pub fn put(&mut self, key: Vec<u8>, row: Vec<u8>) {
        self.lately.insert(key, Some(row));
    }

    /// Deletes a row.
    pub fn delete(&mut self, key: Vec<u8>) {
        self.lately.insert(key, None);
    }

    /// Up to `limit` rows with `from <= key < to`, in order.
    pub fn range(&self, from: &[u8], to: &[u8], limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.merged(from, to, limit, false)
    }

    /// Up to `limit` rows with `from <= key < to`, last first.
    pub fn range_back(&self, from: &[u8], to: &[u8], limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.merged(from, to, limit, true)
    }

    /// All rows whose key begins with `prefix`, in order, up to `limit`.
    pub fn prefix(&self, prefix: &[u8], limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.range(prefix, &after_prefix(prefix), limit)
    }

    fn merged(&self, from: &[u8], to: &[u8], limit: usize, back: bool) -> Vec<(Vec<u8>, Vec<u8>)> {
        if from >= to {
            return Vec::new();
        }
        let mut over: BTreeMap<&[u8], &Option<Vec<u8>>> = BTreeMap::new();
        for overlay in self.draining.as_deref().into_iter().chain([&self.lately]) {
            let bounds = (std::ops::Bound::Included(from), std::ops::Bound::Excluded(to));
            over.extend(overlay.range::<[u8], _>(bounds).map(|(key, row)| (key.as_slice(), row)));
        }
        // Deleted rows hide base rows, so ask the base for that many more.
        let hidden = over.values().filter(|row| row.is_none()).count();
        let ask = limit.saturating_add(hidden);
        let base = if back { self.base.range_back(from, to, ask) } else { self.base.range(from, to, ask) };
        let mut rows: Vec<(Vec<u8>, Vec<u8>)> =
            base.into_iter().filter(|(key, _)| !over.contains_key(key.as_slice())).collect();
        rows.extend(over.into_iter().filter_map(|(key, row)| Some((key.to_vec(), row.clone()?))));
        rows.sort_unstable();
        if back {
            rows.reverse();
        }
        rows.truncate(limit);
        rows
    }

    /// How many rows wait to be drained.
    pub fn undrained(&self) -> usize {
        self.lately.len()
    }

    /// Hands out what was written lately, to be drained; `None` while an earlier drain is under way.
    pub fn start_drain(&mut self) -> Option<Arc<Overlay>> {
        if self.draining.is_some() {
            return None;
        }
        let overlay = Arc::new(std::mem::take(&mut self.lately));
        self.draining = Some(overlay.clone());
        Some(overlay)
    }

    /// The drained rows are in the base.
    pub fn end_drain(&mut self) {
        self.draining = None;
    }

    /// Every row there is, for a baseline.
    pub fn everything(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.range(&[], &[0xff; 64], usize::MAX)
    }
}

/// The first key behind all keys that begin with `prefix`.
pub fn after_prefix(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < 0xff {
            end.push(last + 1);
            return end;
        }
    }
    vec![0xff; 64]
}

/// Rows in memory: the base of a station under test, or of one whose index is being rebuilt.
#[derive(Clone, Default, Debug)]
pub struct MemoryBase(pub Arc<std::sync::RwLock<BTreeMap<Vec<u8>, Vec<u8>>>>);

impl MemoryBase {
    /// Takes an overlay in.
    pub fn absorb(&self, overlay: &Overlay) {
        let mut rows = self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        for (key, row) in overlay {
            match row {
                Some(row) => rows.insert(key.clone(), row.clone()),
                None => rows.remove(key),
            };
        }
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, BTreeMap<Vec<u8>, Vec<u8>>> {
        self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Base for MemoryBase {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.read().get(key).cloned()
    }

    fn range(&self, from: &[u8], to: &[u8], limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        let bounds = (std::ops::Bound::Included(from), std::ops::Bound::Excluded(to));
        self.read().range::<[u8], _>(bounds).take(limit).map(|(k, v)| (k.clone(), v.clone())).collect()
    }

    fn range_back(&self, from: &[u8], to: &[u8], limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        let bounds = (std::ops::Bound::Included(from), std::ops::Bound::Excluded(to));
        self.read().range::<[u8], _>(bounds).rev().take(limit).map(|(k, v)| (k.clone(), v.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Act {
        Put(u8, u8),
        Delete(u8),
        StartDrain,
        EndDrain,
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            6 => (0u8..20, any::<u8>()).prop_map(|(k, v)| Act::Put(k, v)),
            3 => (0u8..20).prop_map(Act::Delete),
            1 => Just(Act::StartDrain),
            1 => Just(Act::EndDrain),
        ]
    }

    proptest! {
        /// However rows are drained, reading them is like reading one map.
        #[test]
        fn overlay_and_base_read_as_one_map(acts in prop::collection::vec(act(), 0..60), from in 0u8..20, to in 0u8..21, limit in 0usize..9) {
            let base = MemoryBase::default();
            let mut rows = Rows::new(Box::new(base.clone()));
            let mut model = BTreeMap::new();
            let mut draining = None;
            for act in acts {
                match act {
                    Act::Put(k, v) => { rows.put(vec![k], vec![v]); model.insert(vec![k], vec![v]); }
                    Act::Delete(k) => { rows.delete(vec![k]); model.remove(&vec![k]); }
                    Act::StartDrain => if let Some(overlay) = rows.start_drain() { draining = Some(overlay) },
                    Act::EndDrain => if let Some(overlay) = draining.take() { base.absorb(&overlay); rows.end_drain() },
                }
            }
            let expected: Vec<_> = model.iter().filter(|(k, _)| k[0] >= from && k[0] < to).map(|(k, v)| (k.clone(), v.clone())).collect();
            let forward: Vec<_> = expected.iter().take(limit).cloned().collect();
            let back: Vec<_> = expected.iter().rev().take(limit).cloned().collect();
            prop_assert_eq!(rows.range(&[from], &[to], limit), forward);
            prop_assert_eq!(rows.range_back(&[from], &[to], limit), back);
            for k in 0..20 {
                prop_assert_eq!(rows.get(&[k]), model.get(&vec![k]).cloned());
            }
        }
    }
}
