//! A province between a ministry and a district that say whatever they like, in any order, with any numbers.

use std::{cell::Cell, collections::BTreeSet, sync::Arc, time::Duration};

use bytes::Bytes;
use node::{
    io::Timestamp,
    plan::{self, Desk, policy::Shelf},
    post::{
        Circumstances, Event, Me, Post,
        arrivals::Arrived,
        envelope::{Channel, Place, Run},
        fact::{Fact, Record, Replay},
        losses::Stretch,
        office::Pending,
        rows::MemoryBase,
        seal::{Block, Tip},
    },
    topology::{Topology, Unit},
};
use prost::Message as _;
use proto::v1::{self, Precedence};

use super::{Cursor, wire};
use crate::{dice::Dice, papers, world::Hand};

const TREE: &str = r#"
[network]
name = "trial"
trust_domain = "trial"
[[station]]
unit = "000000"
tier = "ministry"
name = "部"
[[station]]
unit = "420000"
tier = "province"
name = "湖北"
parent = "000000"
[[station]]
unit = "420100"
tier = "district"
name = "武汉"
parent = "420000"
"#;

/// Steps of one story.
const STEPS_MAX: usize = 60;

struct Office {
    post: Post,
    journal: Vec<Record>,
    now: Timestamp,
    dice: Cell<u64>,
    /// What was surfaced here, and not lost since.
    taken: BTreeSet<(Channel, u64)>,
    tickets: u64,
    /// What neighbours may offer: a chain each, and what contradicts it.
    blocks: Vec<Block>,
}

fn fresh() -> Post {
    let me = Me { unit: Unit::parse("420000").unwrap(), topology: Arc::new(Topology::parse(TREE).unwrap()) };
    Post::load(me, Box::new(MemoryBase::default()))
}

fn blocks() -> Vec<Block> {
    let mut blocks = Vec::new();
    for (origin, destination) in
        [("420100", "000000"), ("420100", "420000"), ("000000", "420100"), ("000000", "420000")]
    {
        let channel = wire::channel(origin, destination, Precedence::TeJi);
        let mut tip = Tip::default();
        blocks.extend([1, 2, 1, 3].map(|count| wire::sealed(&channel, &mut tip, count, false)));
        // The same numbers cut differently, a broken chain, and the end of all numbers.
        blocks.push(wire::sealed(&channel, &mut Tip::default(), 3, false));
        blocks.push(wire::sealed(&channel, &mut Tip { last: 4, ..Tip::default() }, 1, false));
        blocks.push(wire::sealed(&channel, &mut Tip { last: u64::MAX - 3, ..Tip::default() }, 2, false));
    }
    blocks
}

impl Office {
    fn new() -> Self {
        let mut office = Self {
            post: fresh(),
            journal: Vec::new(),
            now: Timestamp::from_us(1_700_000_000_000_000),
            dice: Cell::new(1),
            taken: BTreeSet::new(),
            tickets: 0,
            blocks: blocks(),
        };
        let opened = Post::open_epoch(office.now, &|buffer| buffer.fill(9), "new");
        office.commit(vec![opened]);
        office
    }

    fn fill(&self, buffer: &mut [u8]) {
        let mut dice = Dice::new(self.dice.get());
        buffer.fill_with(|| dice.roll().to_le_bytes()[0]);
        self.dice.set(self.dice.get() + 1);
    }

    fn commit(&mut self, facts: Vec<Pending>) {
        let count = facts.len();
        for (at, mut pending) in facts.into_iter().enumerate() {
            pending.record.ends_turn = at + 1 == count;
            // As it will be read back.
            let record = Record::decode(pending.record.encode_to_vec().as_slice()).unwrap();
            assert_eq!(record, pending.record, "a fact means something else when it is read back");
            if let (Some(Fact::Taken(_)), Some(block)) = (&record.fact, &pending.block) {
                let new = self.taken.insert((block.run.channel.clone(), block.run.first));
                assert!(new, "{:?} is taken twice", block.run);
            }
            let losses = self.post.losses().len();
            self.post.apply(&record, pending.block.as_ref(), place(self.journal.len()), false);
            for loss in self.post.losses().into_iter().skip(losses) {
                if let node::post::losses::Lost::Damaged(run, _) = loss.what {
                    self.taken.remove(&(run.channel, run.first));
                }
            }
            self.journal.push(record);
        }
    }

    fn turn(&mut self, event: Event) {
        let fill = |buffer: &mut [u8]| self.fill(buffer);
        let hand = Hand::of("420000");
        let circumstances = Circumstances { now: self.now, random: &fill, sealer: &hand, shortage: None };
        let turn = self.post.decide(vec![event], &circumstances);
        self.commit(turn.facts);
        for (peer, entries) in self.post.schedule(self.now) {
            assert!(entries.iter().all(|entry| entry.run.count > 0), "nothing is offered to {peer}");
        }
    }

    fn read(&self, place: Place) -> Option<Bytes> {
        match self.journal.get(usize::try_from(place.segment).ok()?)?.fact.clone()? {
            Fact::Filed(filed) => Some(filed.block),
            Fact::Taken(taken) => Some(taken.block),
            _ => None,
        }
    }

    fn file(&mut self, request: &v1::FileRequest) {
        let read = |place| self.read(place);
        let desk = Desk { post: &self.post, read: &read, now: self.now, refusing: None, shelf: &Shelf::default() };
        let Ok(draft) = plan::draft(desk, request) else { return };
        self.tickets += 1;
        self.turn(Event::File { ticket: self.tickets, drafts: vec![draft] });
    }

    fn step(&mut self, cursor: &mut Cursor<'_>) {
        let peer = Unit::parse(["000000", "420100", "420000", "820000"][cursor.below(4)]).unwrap();
        match cursor.below(12) {
            0..4 => {
                let arrived = (0..=cursor.below(3)).map(|_| self.blocks[cursor.below(self.blocks.len())].clone());
                let arrived = arrived.map(|block| Arrived { block, passages: Vec::new() }).collect();
                self.turn(Event::Offered { peer, bodies: Vec::new(), arrived });
            }
            4 => {
                let answers = (0..=cursor.below(3)).map(|_| v1::Settlement {
                    range: Some(self.run(cursor).to_proto()),
                    disposition: i32::from(cursor.byte() % 5),
                    code: ["", "disk-full", "number-used", "broken-chain", "?"][cursor.below(5)].into(),
                    retry_after_ms: u32::from(cursor.byte()) << 20,
                    ..Default::default()
                });
                let answers = answers.collect();
                self.turn(Event::Answered { peer, answers });
            }
            5 => {
                let runs = (0..=cursor.below(3)).map(|_| self.run(cursor)).collect();
                self.turn(Event::Missed { peer, runs });
            }
            6 => {
                let runs = (0..=cursor.below(3)).map(|_| self.run(cursor)).collect();
                self.turn(Event::Gone { peer, runs });
            }
            7 => {
                let heard = (0..=cursor.below(3)).map(|_| self.run(cursor).to_proto()).collect();
                self.turn(Event::Linked { peer, heard });
            }
            8 => self.turn(Event::Unlinked { peer, failure: "cut".into() }),
            9 => {
                let seconds = Duration::from_secs(cursor.number() % (1 << 33));
                self.now = if cursor.below(4) == 0 { self.now - seconds } else { self.now + seconds };
                self.turn(Event::Tick);
            }
            10 => match cursor.below(2) {
                0 => self.file(&papers::report("一袋封装损毁", Precedence::TeJi)),
                _ => self.file(&papers::directive(&["all"], Precedence::TeTi)),
            },
            _ => {
                let at = cursor.below(self.journal.len());
                let lost = self.post.damage(&[Stretch::of(place(at))], self.now);
                self.commit(lost);
            }
        }
    }

    /// A run of a channel that exists, or of one that does not.
    fn run(&self, cursor: &mut Cursor<'_>) -> Run {
        let own = self.post.queues().flat_map(|(_, queue)| queue.entries()).map(|entry| entry.run.clone());
        let known = self.blocks.iter().map(|block| block.run.clone());
        let runs: Vec<Run> = own.chain(known).collect();
        let run = runs[cursor.below(runs.len())].clone();
        match cursor.below(3) {
            0 => run,
            _ => Run { first: cursor.number(), count: u32::try_from(cursor.number()).unwrap_or(u32::MAX), ..run },
        }
    }
}

fn place(at: usize) -> Place {
    Place { segment: at as u64, offset: 0, length: 1 }
}

pub(super) fn stories() -> Vec<Vec<u8>> {
    (0..24)
        .map(|seed| {
            let mut dice = Dice::new(seed);
            (0..400).map(|_| dice.roll().to_le_bytes()[0]).collect()
        })
        .collect()
}

/// Nothing panics, nothing is surfaced twice, and a restart knows what was known.
pub(super) fn story(bytes: &[u8]) {
    let (mut office, mut cursor) = (Office::new(), Cursor::over(bytes));
    for _ in 0..STEPS_MAX {
        if cursor.is_empty() {
            break;
        }
        office.step(&mut cursor);
    }
    let (mut again, mut replay) = (fresh(), Replay::default());
    for (at, record) in office.journal.iter().enumerate() {
        replay.feed(record.clone(), place(at), &mut again);
    }
    assert_eq!(replay.finish().1, 0);
    assert_eq!(again.rows_mut().everything(), office.post.rows_mut().everything(), "a restart knows something else");
}
