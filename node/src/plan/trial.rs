//! One office of the plan's tests: the rules over a real post office, its journal in memory, and no station around it.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use proto::v1::{self, document::Content};

use super::{Desk, draft, policy::Shelf};
use crate::{
    io::Timestamp,
    post::{
        Circumstances, Event, Me, Post,
        arrivals::Arrived,
        envelope::Place,
        fact::{Fact, Record},
        office::Pending,
        outgoing::Filing,
        refusal::{Code, Refusal},
        rows::MemoryBase,
        seal::{Block, tests::Hand},
        view::Copy,
    },
    topology::{Topology, Unit},
};

/// See above.
pub(super) struct Office {
    post: Post,
    journal: Vec<Record>,
    shelf: Shelf,
    pub(super) now: Timestamp,
    /// Blocks sealed here, for others to take.
    pub(super) sealed: Vec<Block>,
    bodies: Vec<(Bytes, Bytes)>,
}

pub(super) fn unit(text: &str) -> Unit {
    Unit::parse(text).unwrap()
}

impl Office {
    pub(super) fn of(unit_id: &str) -> Self {
        let tree = include_str!("../../../deploy/topology/demo.toml");
        let me = Me { unit: unit(unit_id), topology: Arc::new(Topology::parse(tree).unwrap()) };
        let mut office = Self {
            post: Post::load(me, Box::new(MemoryBase::default())),
            journal: Vec::new(),
            shelf: Shelf::default(),
            now: Timestamp::from_us(1_400_000_000_000_000),
            sealed: Vec::new(),
            bodies: Vec::new(),
        };
        office.commit(vec![Post::open_epoch(office.now, &|buffer| buffer.fill(unit_id.as_bytes()[1]), "new")]);
        office
    }

    fn commit(&mut self, facts: Vec<Pending>) {
        for pending in facts {
            let place = Place { segment: self.journal.len() as u64, offset: 0, length: 1 };
            self.post.apply(&pending.record, pending.block.as_ref(), place, false);
            if let Some(Fact::Body(body)) = &pending.record.fact {
                self.bodies.push((body.digest.clone(), body.body.clone()));
            }
            self.sealed.extend(pending.block.filter(|block| block.run.channel.origin == self.post.me().unit));
            self.journal.push(pending.record);
        }
    }

    /// What the rules see.
    pub(super) fn at_desk<T>(&self, look: impl FnOnce(Desk<'_>) -> T) -> T {
        let read = |place: Place| match self.journal[usize::try_from(place.segment).unwrap()].fact.clone() {
            Some(Fact::Filed(filed)) => Some(filed.block),
            Some(Fact::Taken(taken)) => Some(taken.block),
            Some(Fact::Body(body)) => Some(body.body),
            _ => None,
        };
        look(Desk { post: &self.post, read: &read, now: self.now, refusing: None, shelf: &self.shelf })
    }

    fn turn(&mut self, event: Event) -> Vec<Result<Vec<Filing>, Refusal>> {
        self.whole_turn(event).0
    }

    /// Answers to people, and what a neighbour is told: a stable word, or nothing.
    fn whole_turn(&mut self, event: Event) -> (Vec<Result<Vec<Filing>, Refusal>>, Vec<String>) {
        let me = self.post.me().unit.to_string();
        let roll = self.journal.len();
        let fill = |buffer: &mut [u8]| {
            // No two offices roll the same.
            let mine = me.bytes().zip(roll.to_be_bytes()).map(|(mine, roll)| mine ^ roll).chain(me.bytes());
            buffer.iter_mut().zip(mine.collect::<Vec<_>>().iter().cycle()).for_each(|(to, from)| *to = *from)
        };
        let circumstances = Circumstances { now: self.now, random: &fill, sealer: &Hand::of(&me), shortage: None };
        let turn = self.post.decide(vec![event], &circumstances);
        self.commit(turn.facts);
        self.now = self.now + Duration::from_secs(1);
        let told = turn.settlements.into_iter().map(|(_, settlement)| settlement.code).collect();
        (turn.answers.into_iter().map(|(_, answer)| answer).collect(), told)
    }

    /// Files a document; returns its number.
    pub(super) fn file(&mut self, request: &v1::FileRequest) -> Result<String, Refusal> {
        let drafts = vec![self.at_desk(|desk| draft(desk, request))?];
        let mut answers = self.turn(Event::File { ticket: 1, drafts });
        Ok(answers.remove(0)?.remove(0).number)
    }

    /// Why a document is not filed.
    pub(super) fn refused(&mut self, request: &v1::FileRequest) -> Code {
        self.file(request).expect_err("it is to be refused").code
    }

    /// Takes everything another office has sealed so far and that comes this way.
    pub(super) fn hear(&mut self, from: &Self) {
        let blocks = from.sealed.iter().filter(|block| block.run.channel.destination != from.post.me().unit);
        let arrived = blocks.map(|block| Arrived { block: block.clone(), passages: Vec::new() }).collect();
        let me = self.post.me();
        let peer = me.topology.next_hop(&me.unit, &from.post.me().unit).unwrap().clone();
        self.turn(Event::Offered { peer, bodies: from.bodies.clone(), arrived });
    }

    /// Takes everything another office has sealed for this one, having come through a station then.
    pub(super) fn hear_by(&mut self, station: &str, arrived_us: i64, from: &Self) {
        let me = self.post.me();
        let passage = v1::Passage { station: station.into(), arrived_us, ..Default::default() };
        let blocks = from.sealed.iter().filter(|block| block.run.channel.destination == me.unit);
        let arrived = blocks.map(|block| Arrived { block: block.clone(), passages: vec![passage.clone()] }).collect();
        let peer = me.topology.next_hop(&me.unit, &from.post.me().unit).unwrap().clone();
        self.turn(Event::Offered { peer, bodies: from.bodies.clone(), arrived });
    }

    /// Takes blocks, whoever sealed them, as they come through the province.
    pub(super) fn hear_blocks(&mut self, blocks: &[Block], arrived_us: i64) {
        let me = self.post.me().unit.clone();
        let passage = v1::Passage { station: "420000".into(), arrived_us, ..Default::default() };
        let blocks = blocks.iter().filter(|block| block.run.channel.destination == me);
        let arrived = blocks.map(|block| Arrived { block: block.clone(), passages: vec![passage.clone()] }).collect();
        self.turn(Event::Offered { peer: unit("420000"), bodies: Vec::new(), arrived });
    }

    /// The line to another office is up.
    pub(super) fn linked(&mut self, to: &Self) {
        let peer = to.post.me().unit.clone();
        self.post.observe(&Event::Linked { peer: peer.clone(), heard: Vec::new() }, self.now);
        self.turn(Event::Linked { peer, heard: Vec::new() });
    }

    /// What waits here for another office: its arrivals.
    pub(super) fn waits_for(&self, peer: &str) -> Vec<u64> {
        let queue = self.post.queues().find(|(unit, _)| unit.as_str() == peer);
        queue.map(|(_, queue)| queue.entries().map(|entry| entry.arrival).collect()).unwrap_or_default()
    }

    /// Takes what waits at another office for this one, straight from there. How many blocks were new.
    pub(super) fn hear_directly(&mut self, from: &Self) -> usize {
        let (me, peer) = (self.post.me().unit.to_string(), from.post.me().unit.clone());
        let waiting = from.waits_for(&me);
        let blocks = from.at_desk(|desk| waiting.iter().map(|at| desk.post.block(*at, desk.read)).collect::<Vec<_>>());
        let arrived = blocks.into_iter().map(|block| Arrived { block: block.unwrap(), passages: Vec::new() }).collect();
        let before = self.journal.len();
        self.turn(Event::Offered { peer, bodies: from.bodies.clone(), arrived });
        self.journal[before..].iter().filter(|record| matches!(record.fact, Some(Fact::Taken(_)))).count()
    }

    /// What a neighbour is told that brings everything another office has sealed.
    pub(super) fn offered_by(&mut self, peer: &str, from: &Self) -> Vec<String> {
        let arrived = from.sealed.iter().map(|block| Arrived { block: block.clone(), passages: Vec::new() }).collect();
        self.whole_turn(Event::Offered { peer: unit(peer), bodies: Vec::new(), arrived }).1
    }

    /// 签收.
    pub(super) fn sign(&mut self, number: &str, officer: &str) {
        let request = v1::ActRequest {
            document: number.into(),
            stage: v1::Stage::Signed.into(),
            officer: officer.into(),
            note: String::new(),
        };
        let drafts = self.at_desk(|desk| super::act::drafts(desk, &request)).unwrap();
        self.turn(Event::File { ticket: 1, drafts });
    }

    /// How many documents wait for a signature here.
    pub(super) fn unsigned(&self) -> u64 {
        self.post.unsigned_count()
    }

    /// The document of a number.
    pub(super) fn copy(&self, number: &str) -> Copy {
        self.at_desk(|desk| super::find(desk, number, "document").unwrap())
    }

    /// What it says.
    pub(super) fn content(&self, number: &str) -> Content {
        let copy = self.copy(number);
        let body = self.at_desk(|desk| desk.post.body(&copy, desk.read)).unwrap();
        <v1::Document as prost::Message>::decode(body).unwrap().content.unwrap()
    }
}

/// Something to be filed by an officer.
pub(super) fn paper(officer: &str, kind: v1::Kind, content: Content) -> v1::FileRequest {
    v1::FileRequest {
        document: Some(v1::Document { content: Some(content) }),
        kind: kind.into(),
        status: v1::Status::Actual.into(),
        precedence: v1::Precedence::TeTi.into(),
        officer: officer.into(),
        ..Default::default()
    }
}

/// A 首报.
pub(super) fn report() -> v1::FileRequest {
    let report = v1::Report {
        occurred_at_us: 1_399_999_000_000_000,
        place: "第三考点".into(),
        category: v1::Category::PaperSecurity.into(),
        text: "少一袋试卷".into(),
        reporter: "张三".into(),
        ..Default::default()
    };
    paper("张三", v1::Kind::InitialReport, Content::Report(report))
}
