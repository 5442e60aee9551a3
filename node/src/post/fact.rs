//! What the journal holds: facts, in the order they became true. Everything else a station knows is folded from them.
//!
//! Tags are on disk for years: **never renumber, never reuse**. New fields get new tags; old facts stay readable.
//!
//! The facts of one turn belong together (a broadcast is filed for all addressees or for none), and a crash may leave
//! the first of them only. So the last record of a turn says that it is, and [`Replay`] passes nothing on before that.

use bytes::Bytes;
use proto::v1;

use super::{envelope::Place, office::Post};

/// One journal record.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Record {
    /// When, by this station's clock.
    #[prost(int64, tag = "1")]
    pub at_us: i64,
    /// What became true.
    #[prost(oneof = "Fact", tags = "2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 16, 17")]
    pub fact: Option<Fact>,
    /// The last record of its turn.
    #[prost(bool, tag = "15")]
    pub ends_turn: bool,
}

/// What can become true.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Fact {
    /// This store began a new life.
    #[prost(message, tag = "2")]
    Opened(Opened),
    /// The body of a broadcast is here.
    #[prost(message, tag = "3")]
    Body(Body),
    /// This office wrote and sealed a block.
    #[prost(message, tag = "4")]
    Filed(Filed),
    /// Custody of a neighbour's block is ours.
    #[prost(message, tag = "5")]
    Taken(Taken),
    /// A neighbour answered for a block we offered.
    #[prost(message, tag = "6")]
    Answered(Answered),
    /// Blocks that lie here wait for a neighbour (again).
    #[prost(message, tag = "7")]
    Moved(Moved),
    /// A notice about a block has been given.
    #[prost(message, tag = "8")]
    Noted(Noted),
    /// The turn before this was cut short by a crash: it never happened.
    #[prost(message, tag = "10")]
    Abandoned(Abandoned),
    /// What was settled long ago is not kept any longer.
    #[prost(message, tag = "11")]
    Forgotten(Forgotten),
    /// A block whose segment is to be given up is still needed: it lies here from now on.
    #[prost(message, tag = "12")]
    Carried(Carried),
    /// Numbers that are missing here will not come: whoever had them has them no more.
    #[prost(message, tag = "13")]
    Gone(Gone),
    /// What lies at some places of this journal cannot be read any more.
    #[prost(message, tag = "14")]
    Damaged(Damaged),
    /// A part of this journal is lost, and nobody knows what was in it.
    #[prost(message, tag = "16")]
    Hole(Hole),
    /// The record's date is sure, and the journal has come so far.
    #[prost(message, tag = "17")]
    Dated(Dated),
}

impl Fact {
    /// The block whose custody begins with it.
    pub fn block(&self) -> Option<&Bytes> {
        match self {
            Self::Filed(filed) => Some(&filed.block),
            Self::Taken(taken) => Some(&taken.block),
            _ => None,
        }
    }
}

/// See [`Fact::Opened`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct Opened {
    /// 16 fresh random bytes.
    #[prost(bytes = "bytes", tag = "1")]
    pub epoch: Bytes,
    /// Why a new life.
    #[prost(string, tag = "2")]
    pub reason: String,
}

/// See [`Fact::Body`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct Body {
    /// SHA-256.
    #[prost(bytes = "bytes", tag = "1")]
    pub digest: Bytes,
    /// The encoded document.
    #[prost(bytes = "bytes", tag = "2")]
    pub body: Bytes,
}

/// See [`Fact::Filed`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct Filed {
    /// The sealed block.
    #[prost(bytes = "bytes", tag = "1")]
    pub block: Bytes,
    /// Idempotency keys its documents were filed under, by index.
    #[prost(message, repeated, tag = "2")]
    pub keys: Vec<Key>,
}

/// An idempotency key and the document it stands for.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Key {
    /// Which envelope of the block.
    #[prost(uint32, tag = "1")]
    pub index: u32,
    /// The key.
    #[prost(string, tag = "2")]
    pub key: String,
}

/// See [`Fact::Taken`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct Taken {
    /// The block, as its origin sealed it.
    #[prost(bytes = "bytes", tag = "1")]
    pub block: Bytes,
    /// Which neighbour it came from.
    #[prost(string, tag = "2")]
    pub from: String,
    /// The way it came, in the words of the stations on it.
    #[prost(message, repeated, tag = "3")]
    pub passages: Vec<v1::Passage>,
    /// This station's clock minus its parent's, as last compared; see [`v1::Passage`].
    #[prost(sint64, tag = "4")]
    pub offset_us: i64,
    /// See above; 0 = never compared.
    #[prost(uint32, tag = "5")]
    pub offset_uncertainty_us: u32,
}

/// See [`Fact::Answered`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct Answered {
    /// Which neighbour.
    #[prost(string, tag = "1")]
    pub peer: String,
    /// About what.
    #[prost(message, optional, tag = "2")]
    pub range: Option<v1::Range>,
    /// Taken or refused; "not now" is not a fact worth keeping.
    #[prost(enumeration = "v1::Disposition", tag = "3")]
    pub disposition: i32,
    /// The neighbour's word for a refusal.
    #[prost(string, tag = "4")]
    pub code: String,
    /// Its sentence.
    #[prost(string, tag = "5")]
    pub reason: String,
}

/// See [`Fact::Moved`]. An operator wants it, or the neighbour does not have what it had.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Moved {
    /// To which neighbour it waits.
    #[prost(string, tag = "1")]
    pub peer: String,
    /// What: every block that begins in it.
    #[prost(message, optional, tag = "2")]
    pub range: Option<v1::Range>,
}

/// See [`Fact::Noted`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct Noted {
    /// About what.
    #[prost(message, optional, tag = "1")]
    pub range: Option<v1::Range>,
    /// Delayed, expired or not delivered.
    #[prost(enumeration = "v1::Stage", tag = "2")]
    pub stage: i32,
    /// Where it is, or why it does not arrive.
    #[prost(string, tag = "3")]
    pub note: String,
}

/// See [`Fact::Abandoned`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct Abandoned {
    /// How many records had been written of it.
    #[prost(uint32, tag = "1")]
    pub records: u32,
}

/// See [`Fact::Forgotten`]. Says itself which rows go: when it is read again, the blocks may be gone.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Forgotten {
    /// Keys of rows.
    #[prost(bytes = "vec", repeated, tag = "1")]
    pub rows: Vec<Vec<u8>>,
    /// How many envelopes that is.
    #[prost(uint64, tag = "2")]
    pub envelopes: u64,
}

/// See [`Fact::Carried`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct Carried {
    /// Its number among the blocks here.
    #[prost(uint64, tag = "1")]
    pub arrival: u64,
    /// The block, as its origin sealed it.
    #[prost(bytes = "bytes", tag = "2")]
    pub block: Bytes,
    /// As in [`Filed`].
    #[prost(message, repeated, tag = "3")]
    pub keys: Vec<Key>,
}

/// See [`Fact::Gone`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct Gone {
    /// Who says so: the neighbour they would have come from.
    #[prost(string, tag = "1")]
    pub peer: String,
    /// Which numbers.
    #[prost(message, optional, tag = "2")]
    pub range: Option<v1::Range>,
}

/// See [`Fact::Damaged`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct Damaged {
    /// Blocks, by their number among those here.
    #[prost(uint64, repeated, tag = "1")]
    pub arrivals: Vec<u64>,
    /// Bodies of broadcasts, by their digest.
    #[prost(bytes = "bytes", repeated, tag = "2")]
    pub bodies: Vec<Bytes>,
}

/// See [`Fact::Hole`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct Hole {
    /// From where …
    #[prost(uint64, tag = "1")]
    pub segment: u64,
    /// … in that segment …
    #[prost(uint32, tag = "2")]
    pub offset: u32,
    /// … to where.
    #[prost(uint64, tag = "3")]
    pub to_segment: u64,
    /// See above.
    #[prost(uint32, tag = "4")]
    pub to_offset: u32,
}

/// See [`Fact::Dated`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct Dated {
    /// Segments before this one are full.
    #[prost(uint64, tag = "1")]
    pub full_before: u64,
}

/// Folds a journal back into a post office, turn by turn.
#[derive(Debug, Default)]
pub struct Replay {
    turn: Vec<(Record, Place)>,
    applied: u64,
}

impl Replay {
    /// The next record.
    pub fn feed(&mut self, record: Record, place: Place, post: &mut Post) {
        if matches!(record.fact, Some(Fact::Abandoned(_))) {
            self.turn.clear();
            return;
        }
        let ends = record.ends_turn;
        self.turn.push((record, place));
        if ends {
            for (record, place) in self.turn.drain(..) {
                post.apply(&record, None, place, false);
                self.applied += 1;
            }
        }
    }

    /// Records are missing here, which had been durable. So the turns around them were whole, and what is left of them
    /// counts.
    pub fn hole(&mut self, post: &mut Post) {
        for (record, place) in self.turn.drain(..) {
            post.apply(&record, None, place, false);
            self.applied += 1;
        }
    }

    /// Whether every record so far belongs to a turn that is whole.
    pub fn between_turns(&self) -> bool {
        self.turn.is_empty()
    }

    /// How many facts were folded, and how many records of an unfinished turn are left over. If there are any, the
    /// engine writes [`Fact::Abandoned`] before anything else.
    pub fn finish(self) -> (u64, u32) {
        (self.applied, u32::try_from(self.turn.len()).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;

    /// Bytes written by the first release must stay readable: this is one of each kind it knows.
    #[test]
    fn every_kind_reads_back() {
        let range = Some(v1::Range { first: 3, count: 2, ..Default::default() });
        let facts = [
            Fact::Opened(Opened { epoch: vec![1; 16].into(), reason: "new".into() }),
            Fact::Body(Body { digest: vec![2; 32].into(), body: vec![3; 9].into() }),
            Fact::Filed(Filed { block: vec![4; 9].into(), keys: vec![Key { index: 1, key: "k".into() }] }),
            Fact::Taken(Taken {
                block: vec![5; 9].into(),
                from: "420100".into(),
                offset_us: -40,
                offset_uncertainty_us: 7,
                ..Default::default()
            }),
            Fact::Answered(Answered {
                peer: "420000".into(),
                range: range.clone(),
                disposition: 1,
                ..Default::default()
            }),
            Fact::Moved(Moved { peer: "420000".into(), range: range.clone() }),
            Fact::Noted(Noted { range, stage: 8, note: "waits".into() }),
            Fact::Abandoned(Abandoned { records: 2 }),
            Fact::Forgotten(Forgotten { rows: vec![vec![1]], envelopes: 3 }),
            Fact::Carried(Carried { arrival: 1, block: vec![6; 9].into(), keys: vec![] }),
            Fact::Gone(Gone { peer: "420000".into(), range: Some(v1::Range::default()) }),
            Fact::Damaged(Damaged { arrivals: vec![7], bodies: vec![vec![2; 32].into()] }),
            Fact::Hole(Hole { segment: 1, offset: 2, to_segment: 3, to_offset: 4 }),
        ];
        for (tag, fact) in (2u32..9).chain(10..15).chain(16..).zip(facts) {
            let record = Record { at_us: 7, fact: Some(fact), ends_turn: true };
            let bytes = record.encode_to_vec();
            assert_eq!(prost::encoding::decode_key(&mut &bytes[2..]).unwrap().0, tag, "the tag on disk");
            assert_eq!(Record::decode(bytes.as_slice()).unwrap(), record);
        }
    }
}
