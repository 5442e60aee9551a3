//! Finding documents again: by id, by number, by incident, newest first. Reads only, and never more than its bounds.

use std::collections::BTreeSet;

use bytes::Bytes;
use prost::Message as _;
use proto::v1;

use super::{
    envelope::{Channel, DocId, Place, Run},
    keys, ladder,
    office::Post,
    opened::moment,
    schedule::{Entry, Queue},
    seal::{self, Block},
};
use crate::{io::Timestamp, limits, topology::Unit};

/// Reads a block's bytes (or a broadcast's body) back from where it lies.
pub type Read<'a> = &'a dyn Fn(Place) -> Option<Bytes>;

/// One envelope that is here.
#[derive(Debug, Clone)]
pub struct Copy {
    /// Its channel.
    pub channel: Channel,
    /// Its number there.
    pub number: u64,
    /// What it says about itself.
    pub header: v1::Header,
    /// Its body, unless that travels by digest.
    pub body: Option<Bytes>,
    /// The block it came in.
    pub row: keys::BlockRow,
    /// That block's arrival.
    pub arrival: u64,
}

impl Copy {
    /// Its id. A block is not taken in with an id that is none.
    pub fn id(&self) -> DocId {
        DocId::from_slice(&self.header.id).unwrap_or(DocId([0; 16]))
    }
}

impl Post {
    /// All envelopes of one document: one, or one an addressee of a broadcast.
    pub fn copies(&self, id: DocId, read: Read<'_>) -> Vec<Copy> {
        self.of_moment(id)
            .into_iter()
            .flat_map(|arrival| self.block_copies(arrival, read))
            .filter(|copy| copy.header.id == id.0.as_slice())
            .collect()
    }

    /// Arrivals of the blocks that were sealed in the moment an id begins with.
    pub(super) fn of_moment(&self, id: DocId) -> Vec<u64> {
        let moment = moment(id);
        let (from, to) = (keys::by_time(moment.start, 0), keys::by_time(moment.end, 0));
        let rows = self.rows.range(&from, &to, limits::SCAN_BLOCKS_MAX);
        rows.iter().map(|(key, _)| keys::arrival_of(key)).collect()
    }

    /// One block, as it was sealed.
    pub fn block(&self, arrival: u64, read: Read<'_>) -> Option<Block> {
        self.read_block(&self.block_row(arrival)?, read)
    }

    /// Up to `limit` arrivals of blocks from one on, the oldest first, and whether there are documents in them; and with
    /// which one to go on.
    pub fn oldest_from(&self, from: u64, limit: usize) -> (Vec<(u64, bool)>, Option<u64>) {
        let rows = self.rows.range(&keys::arrival(from), &super::rows::after_prefix(keys::ARRIVAL), limit);
        let next = rows.last().filter(|_| rows.len() == limit).map(|(key, _)| keys::arrival_of(key) + 1);
        let documents = |row: &[u8]| keys::BlockRow::decode(row).is_ok_and(|row| row.documents);
        (rows.iter().map(|(key, row)| (keys::arrival_of(key), documents(row))).collect(), next)
    }

    /// Everything in one block.
    pub fn block_copies(&self, arrival: u64, read: Read<'_>) -> Vec<Copy> {
        let Some(row) = self.block_row(arrival) else { return Vec::new() };
        let Some(block) = self.read_block(&row, read) else { return Vec::new() };
        let numbered = block.headers.iter().cloned().enumerate();
        numbered
            .map(|(index, header)| Copy {
                channel: block.run.channel.clone(),
                number: block.sequence(index),
                body: block.bodies.get(index).cloned(),
                header,
                row: row.clone(),
                arrival,
            })
            .collect()
    }

    /// One envelope by its number in its channel.
    pub fn copy_at(&self, channel: &Channel, number: u64, read: Read<'_>) -> Option<Copy> {
        let (arrival, row) = self.block_at(channel, number)?;
        let index = usize::try_from(number - Self::run_of(&row)?.first).ok()?;
        let (header, body) = seal::envelope(self.block_bytes(&row, read)?, index)?;
        Some(Copy { channel: channel.clone(), number, header, body, row, arrival })
    }

    /// Arrivals of blocks with documents in them, newest first.
    pub fn newest(&self, limit: usize) -> Vec<u64> {
        self.newest_before(u64::MAX, limit).0
    }

    /// Up to `limit` arrivals of blocks with documents in them below an arrival, newest first; and below which one to
    /// go on. Looks at a bounded number of rows: there may be more even if none was found.
    pub fn newest_before(&self, before: u64, limit: usize) -> (Vec<u64>, u64) {
        let mut before = before.min(self.arrivals);
        let mut found = Vec::new();
        let mut looked = 0;
        while before > 0 && found.len() < limit && looked < limits::SCAN_BLOCKS_MAX {
            let rows = self.rows.range_back(&keys::arrival(0), &keys::arrival(before), limit.clamp(1, 256));
            if rows.is_empty() {
                before = 0;
            }
            for (key, row) in rows {
                looked += 1;
                before = keys::arrival_of(&key);
                if keys::BlockRow::decode(row.as_slice()).is_ok_and(|row| row.documents) {
                    found.push(before);
                    if found.len() == limit {
                        break;
                    }
                }
            }
        }
        (found, before)
    }

    /// Up to `limit` blocks below an arrival in which something waits for a signature here, newest first, with what
    /// waits in them; and below which one to go on.
    pub fn unsigned_before(&self, before: u64, limit: usize) -> (Vec<(u64, u128)>, u64) {
        let rows = self.rows.range_back(keys::UNSIGNED, &keys::unsigned(before), limit);
        let next = if rows.len() < limit { 0 } else { rows.last().map_or(0, |(key, _)| keys::arrival_of(key)) };
        let waiting =
            rows.into_iter().map(|(key, row)| (keys::arrival_of(&key), row.try_into().map_or(0, u128::from_be_bytes)));
        (waiting.collect(), next)
    }

    /// How many documents wait for a signature here.
    pub fn unsigned_count(&self) -> u64 {
        self.unsigned
    }

    /// The documents of an incident that are here, in order of position, the 首报 first.
    pub fn incident(&self, incident: DocId, read: Read<'_>) -> Vec<Copy> {
        let mut copies: Vec<Copy> = self.copies(incident, read).into_iter().take(1).collect();
        let rows = self.rows.prefix(&keys::incident(incident), limits::LIST_MAX);
        copies.extend(rows.iter().filter_map(|(_, row)| self.located(row, read)));
        copies.sort_by_key(|copy| copy.header.position);
        copies
    }

    /// The documents about an incident outside of its chain that are here: 指示.
    pub fn beside(&self, incident: DocId, read: Read<'_>) -> Vec<Copy> {
        let rows = self.rows.prefix(&keys::all_beside(incident), limits::LIST_MAX);
        rows.iter().filter_map(|(_, row)| self.located(row, read)).collect()
    }

    /// Documents that are found under a topic, office by office, the oldest first.
    pub fn under(&self, topic: &str, read: Read<'_>) -> Vec<Copy> {
        let rows = self.rows.prefix(&keys::under(topic), limits::LIST_MAX);
        rows.iter().filter_map(|(_, row)| self.located(row, read)).collect()
    }

    /// The last of these that one office wrote, the oldest first.
    pub fn under_newest(&self, topic: &str, origin: &str, most: usize, read: Read<'_>) -> Vec<Copy> {
        let from = keys::under_of(topic, origin);
        let mut rows = self.rows.range_back(&from, &super::rows::after_prefix(&from), most);
        rows.reverse();
        rows.iter().filter_map(|(_, row)| self.located(row, read)).collect()
    }

    /// Policies the ministry released, in the order it did.
    pub fn releases(&self) -> &BTreeSet<DocId> {
        &self.releases
    }

    /// One of them.
    pub fn release(&self, id: DocId, read: Read<'_>) -> Option<Copy> {
        self.located(&self.rows.get(&keys::release(id))?, read)
    }

    fn located(&self, row: &[u8], read: Read<'_>) -> Option<Copy> {
        let locator = keys::Locator::decode(row).ok()?;
        self.copy_at(&Channel::parse(locator.channel.as_ref()?).ok()?, locator.number, read)
    }

    /// The body of an envelope.
    pub fn body(&self, copy: &Copy, read: Read<'_>) -> Option<Bytes> {
        copy.body.clone().or_else(|| self.shared_body(&copy.header.body_digest, read))
    }

    /// The body of a broadcast.
    pub fn shared_body(&self, digest: &[u8], read: Read<'_>) -> Option<Bytes> {
        read(self.body_place(digest)?)
    }

    /// Where the body of a broadcast lies.
    pub fn body_place(&self, digest: &[u8]) -> Option<Place> {
        keys::place_of(&self.rows.get(&keys::body(digest))?)
    }

    /// Whether a document is for the desk here.
    pub fn surfaces(&self, header: &v1::Header) -> bool {
        ladder::surfaces(self, header)
    }

    /// Where an envelope waits here.
    pub fn waiting(&self, channel: &Channel, number: u64) -> Option<(&Unit, &Entry)> {
        let (peer, queue) = self.queues.get_key_value(&self.next_hop(&channel.destination)?)?;
        Some((peer, queue.find(channel, number)?))
    }

    /// The queues, by neighbour.
    pub fn queues(&self) -> impl Iterator<Item = (&Unit, &Queue)> {
        self.queues.iter()
    }

    /// When an envelope became durable here.
    pub fn arrived(&self, channel: &Channel, number: u64) -> Option<Timestamp> {
        self.block_at(channel, number).map(|(_, row)| Timestamp::from_us(row.at_us))
    }

    /// The row of one block.
    pub fn block_row(&self, arrival: u64) -> Option<keys::BlockRow> {
        keys::BlockRow::decode(self.rows.get(&keys::arrival(arrival))?.as_slice()).ok()
    }

    /// The run of a block row.
    pub fn run_of(row: &keys::BlockRow) -> Option<Run> {
        Run::parse(row.range.as_ref()?).ok()
    }

    fn read_block(&self, row: &keys::BlockRow, read: Read<'_>) -> Option<Block> {
        Block::trusted(self.block_bytes(row, read)?).ok()
    }

    fn block_bytes(&self, row: &keys::BlockRow, read: Read<'_>) -> Option<Bytes> {
        // Of what is known to be unreadable, trying would be noise.
        if row.damaged { None } else { read(keys::place_of(&row.place)?) }
    }
}
