//! Incidents this office is not done with: it has not judged yet how they were dealt with, or they go on.
//!
//! They are kept by the block they began in: thousands of reports that come together cost a row a block, not one each.

use bytes::Bytes;
use proto::v1::Standing;

use super::{envelope::DocId, keys, office::Post, seal::Block};

/// An incident that is open, and where it stands in the list of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// Which.
    pub incident: DocId,
    sealed_us: i64,
    arrival: u64,
}

impl Opened {
    /// For whoever asks for the next part of the list. Says nothing to anybody else.
    pub fn to_bytes(self) -> Bytes {
        [self.sealed_us.to_be_bytes().as_slice(), &self.arrival.to_be_bytes(), &self.incident.0].concat().into()
    }

    /// Reads it back.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        let (sealed_us, rest) = bytes.split_first_chunk()?;
        let (arrival, incident) = rest.split_first_chunk()?;
        Some(Self {
            incident: DocId::from_slice(incident)?,
            sealed_us: i64::from_be_bytes(*sealed_us),
            arrival: u64::from_be_bytes(*arrival),
        })
    }
}

impl Post {
    /// Up to `limit` incidents this office is not done with that began before this one, the newest first.
    pub fn open_incidents(&self, before: Option<Opened>, limit: usize) -> Vec<Opened> {
        let to = before.map_or_else(
            || super::rows::after_prefix(keys::OPEN),
            |before| super::rows::after_prefix(&keys::open(before.sealed_us, before.arrival)),
        );
        // The first of these rows may come to nothing: all of it was told before.
        let rows = self.rows.range_back(keys::OPEN, &to, limit.saturating_add(1));
        let opened = rows.iter().filter_map(|(key, row)| Some((keys::open_of(key)?, row))).flat_map(
            |((sealed_us, arrival), row)| ids(row).rev().map(move |incident| Opened { incident, sealed_us, arrival }),
        );
        let told = |opened: &Opened| {
            before.is_some_and(|before| opened.arrival == before.arrival && opened.incident >= before.incident)
        };
        opened.filter(|opened| !told(opened)).take(limit).collect()
    }

    /// Notes the incidents that began in a block.
    pub(super) fn open(&mut self, block: &Block, arrival: u64) {
        let sealed_us = block.head.sealed_at_us;
        let begun = block.headers.iter().filter(|header| header.position == 1 && header.incident == header.id);
        let mut open: Vec<_> = begun
            .filter_map(|header| Some((DocId::from_slice(&header.id)?, &header.origin)))
            // It is found by the moment in its id, and could not be closed without.
            .filter(|(id, origin)| moment(*id).contains(&sealed_us) && !self.is_done_with(*id, origin))
            .map(|(id, _)| id.0)
            .collect();
        if !open.is_empty() {
            open.sort_unstable();
            self.rows.put(keys::open(sealed_us, arrival), open.concat());
        }
    }

    /// Something that may have been the last thing to be done about an incident has been done.
    pub(super) fn close(&mut self, incident: DocId) {
        let moment = moment(incident);
        let rows = self.rows.range(&keys::open(moment.start, 0), &keys::open(moment.end, 0), usize::MAX);
        for (key, row) in rows.into_iter().filter(|(_, row)| ids(row).any(|id| id == incident)) {
            let Some((_, arrival)) = keys::open_of(&key) else { continue };
            let origin = self.block_row(arrival).and_then(|row| Some(Self::run_of(&row)?.channel.origin));
            if origin.is_some_and(|origin| self.is_done_with(incident, origin.as_str())) {
                let left: Vec<_> = ids(&row).filter(|id| *id != incident).map(|id| id.0).collect();
                if left.is_empty() {
                    self.rows.delete(key);
                } else {
                    self.rows.put(key, left.concat());
                }
            }
        }
    }

    /// Whether nothing is left to be done here about an incident: it has ended, and this office has judged it; or it
    /// turned out to be none.
    fn is_done_with(&self, incident: DocId, origin: &str) -> bool {
        match self.end_of(incident, origin).map(|end| end.standing()) {
            None => false,
            Some(Standing::Closed) => self.rows.get(&keys::assessed(incident)).is_some(),
            Some(_) => true,
        }
    }
}

/// When a block was sealed in which a document of this id can be, in µs.
pub(super) fn moment(id: DocId) -> std::ops::Range<i64> {
    let from = i64::try_from(id.ms()).unwrap_or(i64::MAX).saturating_mul(1000);
    from..from.saturating_add(1000)
}

fn ids(row: &[u8]) -> impl DoubleEndedIterator<Item = DocId> {
    row.as_chunks().0.iter().map(|id| DocId(*id))
}
