//! What a station remembers beyond its journal: small rows, ordered by key, all of them a fold over the facts.
//!
//! The truth is the journal. Rows are written to memory first (the overlay), drained now and then into a [`Base`]
//! together with the journal position they stand for, and rebuilt from the journal whenever the base is lost.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use crate::limits;

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
        debug_assert!(key.len() + row.len() <= limits::ROW_BYTES_MAX, "a row of kind {:?} is too long", key.first());
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

    /// Reads three ordered layers as one, the newest word on a key counting, and no further than asked.
    fn merged(&self, from: &[u8], to: &[u8], limit: usize, back: bool) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut rows = Vec::new();
        if from >= to {
            return rows;
        }
        let mut layers: Vec<_> = [Some(&self.lately), self.draining.as_deref()]
            .into_iter()
            .flatten()
            .map(|overlay| walk(overlay, from, to, back).peekable())
            .collect();
        let mut base = BaseWalk::new(&*self.base, from, to, limit, back);
        while rows.len() < limit {
            let heads = layers.iter_mut().filter_map(|layer| layer.peek().map(|(key, _)| key.as_slice()));
            let heads = heads.chain(base.peek());
            let Some(next) = (if back { heads.max() } else { heads.min() }).map(<[u8]>::to_vec) else { break };
            let mut word = base.next_if(&next).map(Some);
            for layer in layers.iter_mut().rev() {
                if let Some((_, row)) = layer.next_if(|(key, _)| **key == next) {
                    word = Some(row.clone());
                }
            }
            rows.extend(word.flatten().map(|row| (next, row)));
        }
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

    /// Every row there is.
    pub fn everything(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.range(&[], &[0xff; 64], usize::MAX)
    }
}

type Word<'a> = (&'a Vec<u8>, &'a Option<Vec<u8>>);

fn walk<'a>(overlay: &'a Overlay, from: &[u8], to: &[u8], back: bool) -> Box<dyn Iterator<Item = Word<'a>> + 'a> {
    let range = overlay.range::<[u8], _>((std::ops::Bound::Included(from), std::ops::Bound::Excluded(to)));
    if back { Box::new(range.rev()) } else { Box::new(range) }
}

/// Walks a base a part at a time.
struct BaseWalk<'a> {
    base: &'a dyn Base,
    from: Vec<u8>,
    to: Vec<u8>,
    part: usize,
    back: bool,
    ahead: VecDeque<(Vec<u8>, Vec<u8>)>,
    ended: bool,
}

impl<'a> BaseWalk<'a> {
    fn new(base: &'a dyn Base, from: &[u8], to: &[u8], limit: usize, back: bool) -> Self {
        let part = limit.clamp(1, 1024);
        Self { base, from: from.to_vec(), to: to.to_vec(), part, back, ahead: VecDeque::new(), ended: false }
    }

    fn peek(&mut self) -> Option<&[u8]> {
        if self.ahead.is_empty() && !self.ended {
            let read = if self.back { Base::range_back } else { Base::range };
            self.ahead = read(self.base, &self.from, &self.to, self.part).into();
            self.ended = self.ahead.len() < self.part;
            if let Some((last, _)) = self.ahead.back() {
                if self.back {
                    self.to.clone_from(last);
                } else {
                    // The first key after the last.
                    self.from = [last, [0].as_slice()].concat();
                }
            }
        }
        self.ahead.front().map(|(key, _)| key.as_slice())
    }

    fn next_if(&mut self, key: &[u8]) -> Option<Vec<u8>> {
        (self.peek()? == key).then(|| self.ahead.pop_front()).flatten().map(|(_, row)| row)
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
