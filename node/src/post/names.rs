//! Finding a document by what a person types: a whole id or number, or the beginning of one.
//!
//! Every look-up goes by rows kept for it, so that a station with a million documents answers as fast as a new one and
//! nobody's question holds up a 特提.

use std::collections::BTreeMap;

use proto::v1::{self, Kind};

use super::{
    envelope::DocId,
    keys,
    office::Post,
    seal::Block,
    view::{Copy, Read},
};
use crate::limits;

/// Blocks of one series that may lie over a number: those one turn makes of it.
const OVERLAPS_MAX: usize = 1024;
/// Digits of an id's beginning that narrow its moment down to about a minute.
const ID_DIGITS_MIN: usize = 8;
/// Digits of an id that are its moment, in milliseconds.
const ID_MOMENT_DIGITS: usize = 12;

impl Post {
    /// The documents a person may mean by `text`. One document is answered once, whatever the number of its copies.
    pub fn named(&self, text: &str, read: Read<'_>) -> Vec<Copy> {
        let text = text.to_ascii_lowercase();
        if let Ok(id) = uuid::Uuid::try_parse(&text) {
            return self.copies(DocId(*id.as_bytes()), read).into_iter().take(1).collect();
        }
        let number = text.to_ascii_uppercase();
        if let Some(copy) = self.numbered(&number, read) {
            return vec![copy];
        }
        let mut found: Vec<Copy> = Vec::new();
        for arrival in self.may_hold_id(&text).into_iter().chain(self.may_hold_number(&number)) {
            for copy in self.block_copies(arrival, read) {
                let named = number_of(&copy.header).is_some_and(|own| own.starts_with(&number));
                let fits = named || copy.id().to_string().starts_with(&text);
                if fits && !found.iter().any(|known| known.header.id == copy.header.id) {
                    found.push(copy);
                }
            }
        }
        found.retain(|copy| copy.header.kind() != Kind::Receipt);
        found
    }

    /// Whether a document called this was here, and its record is damaged.
    pub fn had(&self, text: &str) -> bool {
        let lost = |arrival: &u64| self.block_row(*arrival).is_none_or(|row| row.damaged);
        let (text, number) = (text.to_ascii_lowercase(), text.to_ascii_uppercase());
        let mut named: Vec<u64> = self.over(&number).map(|(key, _)| keys::arrival_of(&key)).collect();
        if uuid::Uuid::try_parse(&text).is_ok() {
            named.extend(self.may_hold_id(&text));
        }
        named.iter().any(lost)
    }

    /// The document with exactly this number.
    fn numbered(&self, number: &str, read: Read<'_>) -> Option<Copy> {
        let mut over = self.over(number).flat_map(|(key, _)| self.block_copies(keys::arrival_of(&key), read));
        over.find(|copy| number_of(&copy.header) == Some(number))
    }

    /// The rows of the blocks that may hold this number, the newest first.
    fn over(&self, number: &str) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> + use<> {
        let (series, place) = keys::series_of(number).unwrap_or_default();
        let (from, to) = (keys::numbered(series, 0, 0), keys::numbered(series, place.saturating_add(1), 0));
        let rows = self.rows.range_back(&from, &to, OVERLAPS_MAX);
        rows.into_iter().filter(move |(_, last)| keys::u64_of(last) >= place)
    }

    /// Blocks in which an id may begin like this: an id begins with its moment.
    fn may_hold_id(&self, text: &str) -> Vec<u64> {
        let digits: String = text.chars().filter(|c| *c != '-').collect();
        if digits.len() < ID_DIGITS_MIN || !digits.chars().all(|c| c.is_ascii_hexdigit()) {
            return Vec::new();
        }
        let moment = &digits[..digits.len().min(ID_MOMENT_DIGITS)];
        let bound = |fill: &str| {
            let filled = format!("{moment}{}", fill.repeat(ID_MOMENT_DIGITS - moment.len()));
            i64::from_str_radix(&filled, 16).unwrap_or(0).saturating_mul(1000)
        };
        let (from, to) = (keys::by_time(bound("0"), 0), keys::by_time(bound("f").saturating_add(1000), 0));
        let rows = self.rows.range(&from, &to, limits::SCAN_BLOCKS_MAX);
        rows.iter().map(|(key, _)| keys::arrival_of(key)).collect()
    }

    /// Blocks in which a number may begin like this, the newest documents first.
    fn may_hold_number(&self, text: &str) -> Vec<u64> {
        if text.contains('-') { self.newest(limits::SCAN_BLOCKS_MAX) } else { Vec::new() }
    }

    /// Keeps the numbers people use for what is in a block.
    pub(super) fn name(&mut self, block: &Block, arrival: u64) {
        for (name, (first, last)) in series(block) {
            self.rows.put(keys::numbered(name, first, arrival), last.to_be_bytes().to_vec());
        }
    }
}

/// The first and the last number of each series in a block.
pub(super) fn series(block: &Block) -> BTreeMap<&str, (u64, u64)> {
    let mut series: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    let mut numbered = block.headers.iter().filter_map(number_of).filter_map(keys::series_of).peekable();
    while let Some((name, place)) = numbered.next() {
        let (mut least, mut most) = (place, place);
        // Most blocks hold one series, in order.
        while let Some((_, place)) = numbered.next_if(|(next, _)| *next == name) {
            (least, most) = (least.min(place), most.max(place));
        }
        let (first, last) = series.entry(name).or_insert((least, most));
        (*first, *last) = ((*first).min(least), (*last).max(most));
    }
    series
}

/// What people call a document: its number, if that names the office that wrote it. Whoever writes under another's number
/// is not found by it.
fn number_of(header: &v1::Header) -> Option<&str> {
    let short = header.number.len() <= limits::NAME_BYTES_MAX;
    let own = header.number.split('-').nth(1) == Some(header.origin.as_str());
    (short && own).then_some(header.number.as_str())
}
