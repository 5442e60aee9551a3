//! What must hold once everything has been carried to its end. A failure says which promise was broken.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use node::{
    post::{
        Post,
        envelope::{Channel, DocId},
        keys,
        losses::Lost,
        seal::Block,
        view::Copy,
    },
    topology::Unit,
};
use prost::Message as _;
use proto::v1;

use super::{Plant, World, station::Station};

/// Lower offers that may leave a station while a 特提 waits there: the one that keeps the routine from starving.
const HELD_UP_MAX: u32 = 1;
/// More blocks in a row than any station forgets in one life.
pub(super) const HOLE_MAX: u32 = 2000;
/// Documents of a station whose lists are still read page by page.
const LISTED_MAX: usize = 30;

/// Every block that is here, in the order it came.
pub(super) fn rows(post: &Post) -> impl Iterator<Item = (u64, keys::BlockRow)> {
    // What was forgotten leaves holes, of at most so many.
    let rows = (0..).map(|arrival| (arrival, post.block_row(arrival))).scan(0, |missing, (arrival, row)| {
        *missing = if row.is_some() { 0 } else { *missing + 1 };
        (*missing < HOLE_MAX).then_some(row.map(|row| (arrival, row)))
    });
    rows.flatten()
}

/// What is at one station: every block in the order it came, and where its documents are.
struct Survey {
    blocks: Vec<Block>,
    copies: BTreeMap<DocId, Vec<(Channel, u64)>>,
}

impl Survey {
    fn of(station: &Station) -> Self {
        let engine = station.engine();
        let read = |row: keys::BlockRow| engine.read(keys::place_of(&row.place).unwrap()).unwrap();
        let blocks: Vec<Block> = {
            let whole = rows(engine.post()).filter(|(_, row)| !row.damaged);
            whole.map(|(_, row)| Block::trusted(read(row)).unwrap()).collect()
        };
        let mut copies: BTreeMap<DocId, Vec<(Channel, u64)>> = BTreeMap::new();
        for block in &blocks {
            for (index, header) in block.headers.iter().enumerate() {
                let id = DocId::from_slice(&header.id).unwrap();
                copies.entry(id).or_default().push((block.run.channel.clone(), block.sequence(index)));
            }
        }
        Self { blocks, copies }
    }

    fn copies(&self, id: DocId) -> &[(Channel, u64)] {
        self.copies.get(&id).map_or(&[], Vec::as_slice)
    }
}

impl World {
    /// Nothing lost, nothing twice, nothing altered, in order, the urgent first, on the way and nowhere else; and everybody
    /// knows.
    pub fn judge(&self) {
        assert!(self.is_quiet(), "seed {}: stuck: {}", self.seed, self.waiting());
        let surveys: BTreeMap<Unit, Survey> =
            self.stations.iter().map(|(unit, station)| (unit.clone(), Survey::of(station))).collect();
        for (id, filed) in &self.acknowledged {
            for destination in &filed.destinations {
                let copies = surveys[destination].copies(*id);
                let here = copies.iter().filter(|(channel, _)| channel.destination == *destination).count();
                let origin = &filed.origin;
                if self.forgotten.contains(&(destination.clone(), *id, destination.clone())) {
                    assert_eq!(here, 0, "seed {}: twice: {id} came back to {destination}", self.seed);
                    continue;
                }
                assert_ne!(here, 0, "seed {}: lost: {id} of {origin} never came to {destination}", self.seed);
                assert_eq!(here, 1, "seed {}: twice: {id} of {origin} is {here} times at {destination}", self.seed);
            }
            self.judge_receipts(*id, &filed.origin, filed.destinations.len(), surveys[&filed.origin].copies(*id));
        }
        self.judge_bytes(&surveys);
        self.judge_numbers(&surveys);
        self.judge_wishes(&surveys);
        self.judge_incidents(&surveys);
        // What was refused or lost on the way comes later, and its absence is known meanwhile.
        if !self.plant.is_noisy() && !self.frames_lost && self.sum.full == 0 && self.replaced.is_empty() {
            self.judge_channels(&surveys);
        }
        self.judge_urgency();
        self.judge_lists(&surveys);
    }

    /// After records went bad: what was acknowledged is there once, or the office that wrote it names what it lost.
    pub fn judge_spoilt(&self) -> usize {
        assert!(self.is_quiet(), "seed {}: stuck: {}", self.seed, self.waiting());
        let surveys: BTreeMap<Unit, Survey> =
            self.stations.iter().map(|(unit, station)| (unit.clone(), Survey::of(station))).collect();
        let mut missing = 0;
        for (id, filed) in &self.acknowledged {
            for destination in &filed.destinations {
                let copies = surveys[destination].copies(*id);
                let here = copies.iter().filter(|(channel, _)| channel.destination == *destination).count();
                let of = |unit: &Unit| self.stations[unit].engine().post().losses();
                let nobody_has_it = of(&filed.origin).iter().any(|loss| match &loss.what {
                    Lost::Unsent(run) => run.channel.destination == *destination,
                    Lost::Damaged(..) | Lost::Gone(..) => false,
                    Lost::Hole(_) => true,
                });
                // Two disks may lose the same.
                let gone_there = of(destination).iter().any(|loss| match &loss.what {
                    Lost::Gone(run, _) => run.channel.origin == filed.origin,
                    Lost::Damaged(..) | Lost::Unsent(_) | Lost::Hole(_) => false,
                });
                let named = nobody_has_it || gone_there;
                assert!(here < 2, "seed {}: twice: {id} is {here} times at {destination}", self.seed);
                assert!(here == 1 || named, "seed {}: silent: {id} of {} is gone", self.seed, filed.origin);
                missing += usize::from(here == 0);
            }
        }
        self.judge_bytes(&surveys);
        missing
    }

    fn judge_receipts(&self, id: DocId, origin: &Unit, count: usize, copies: &[(Channel, u64)]) {
        let station = &self.stations[origin];
        let gone = self.forgotten.iter().filter(|(at, what, _)| at == origin && *what == id).count();
        assert_eq!(copies.len() + gone, count, "seed {}: lost: copies of {id} at {origin}", self.seed);
        for (channel, number) in copies {
            let stages = station.engine().post().stages(channel, *number);
            let delivered = stages.iter().filter(|stage| stage.stage() == v1::Stage::Delivered).count();
            assert_eq!(delivered, 1, "seed {}: receipts: {origin} has {delivered} for {id}", self.seed);
        }
    }

    /// The bytes of a block are everywhere those its office sealed, and lie nowhere off its way.
    fn judge_bytes(&self, surveys: &BTreeMap<Unit, Survey>) {
        let mut sealed: BTreeMap<(&Channel, u64), &Bytes> = BTreeMap::new();
        for (unit, survey) in surveys {
            let own = survey.blocks.iter().filter(|block| block.run.channel.origin == *unit);
            sealed.extend(own.map(|block| ((&block.run.channel, block.run.first), &block.bytes)));
        }
        for (unit, survey) in surveys {
            for block in &survey.blocks {
                let Channel { origin, destination, .. } = &block.run.channel;
                let on_the_way = self.is_between(unit, origin, destination);
                assert!(on_the_way, "seed {}: leak: {unit} keeps {origin}→{destination}", self.seed);
                let may_lack = self.retention_of(origin).is_some()
                    || self.replaced.contains(origin)
                    || self.spoilt.contains(origin);
                let original = sealed.get(&(&block.run.channel, block.run.first));
                assert!(
                    original == Some(&&block.bytes) || (original.is_none() && may_lack),
                    "seed {}: altered: what {unit} has of {origin} from number {} on is not what {origin} sealed",
                    self.seed,
                    block.run.first
                );
            }
        }
    }

    /// A number of a channel never stands for two different headers, and an incident has no holes.
    fn judge_numbers(&self, surveys: &BTreeMap<Unit, Survey>) {
        let mut meant: BTreeMap<(&Channel, u64), &v1::Header> = BTreeMap::new();
        let mut orders: BTreeMap<(&str, &Bytes), BTreeSet<u32>> = BTreeMap::new();
        for block in surveys.values().flat_map(|survey| &survey.blocks) {
            for (index, header) in block.headers.iter().enumerate() {
                let known = meant.entry((&block.run.channel, block.sequence(index))).or_insert(header);
                assert_eq!(*known, header, "seed {}: altered: one number, two meanings", self.seed);
                if header.position > 0 {
                    orders.entry((&header.origin, &header.incident)).or_default().insert(header.position);
                }
            }
        }
        for positions in orders.values() {
            let (first, last) = (*positions.first().unwrap(), *positions.last().unwrap());
            // Whoever joins another's incident begins after its 首报.
            let whole = first <= 2 && (last - first + 1) as usize == positions.len();
            assert!(whole, "seed {}: order: an incident has holes: {positions:?}", self.seed);
        }
    }

    /// However often somebody had to ask, what he wanted was filed once.
    fn judge_wishes(&self, surveys: &BTreeMap<Unit, Survey>) {
        for (unit, survey) in surveys {
            let mut ids: BTreeMap<&str, &Bytes> = BTreeMap::new();
            let own = survey.blocks.iter().filter(|block| block.run.channel.origin == *unit);
            let texts: Vec<(&Bytes, v1::Document)> = own
                .flat_map(|block| block.headers.iter().zip(&block.bodies))
                .filter(|(header, _)| matches!(header.kind(), v1::Kind::InitialReport | v1::Kind::FollowUpReport))
                .map(|(header, body)| (&header.id, v1::Document::decode(body.clone()).unwrap()))
                .collect();
            for (id, document) in &texts {
                let Some(v1::document::Content::Report(report)) = &document.content else { continue };
                let Some((wish, _)) = report.text.split_once("件 ") else { continue };
                let known = ids.entry(wish).or_insert(id);
                assert_eq!(known, id, "seed {}: twice: {unit} filed {wish} a second time", self.seed);
            }
        }
    }

    /// What an office wrote about an incident reads at its destination in the order in which it was acknowledged.
    fn judge_incidents(&self, surveys: &BTreeMap<Unit, Survey>) {
        for ((origin, incident), documents) in &self.incidents {
            if documents.len() < 2 {
                continue;
            }
            let filed = documents.iter().map(|id| (id, &self.acknowledged[id].destinations));
            let destinations: BTreeSet<&Unit> = filed.clone().flat_map(|(_, destinations)| destinations).collect();
            for destination in destinations {
                let engine = self.stations[destination].engine();
                let mut copies = engine.post().incident(*incident, &|place| engine.read(place).ok());
                if self.plant == Plant::ReadsAsItCame {
                    copies.sort_by_key(|copy| copy.arrival);
                }
                // What was filed and torn from its acknowledgement may stand in between; and of what was sent to many,
                // others' copies may pass through here.
                let survey = &surveys[destination];
                let here = |id: DocId| survey.copies(id).iter().any(|(channel, _)| channel.destination == *destination);
                let ours = copies.iter().filter(|copy| copy.header.origin == origin.as_str()).map(Copy::id);
                let there: Vec<DocId> = ours.filter(|id| documents.contains(id) && here(*id)).collect();
                let gone = |id: &DocId| self.forgotten.contains(&(destination.clone(), *id, destination.clone()));
                let expected = filed.clone().filter(|(id, to)| to.contains(destination) && !gone(id));
                let expected: Vec<DocId> = expected.map(|(id, _)| *id).collect();
                assert!(
                    there == expected,
                    "seed {}: order: incident {incident} of {origin} at {destination}: {there:?}, not {expected:?}",
                    self.seed
                );
            }
        }
    }

    /// Whoever a channel is for gets it in the order of its numbers.
    fn judge_channels(&self, surveys: &BTreeMap<Unit, Survey>) {
        for (unit, survey) in surveys {
            let mut last: BTreeMap<&Channel, u64> = BTreeMap::new();
            for block in survey.blocks.iter().filter(|block| block.run.channel.destination == *unit) {
                let first = block.run.first;
                let before = last.insert(&block.run.channel, first).unwrap_or(0);
                assert!(before < first, "seed {}: order: {first} came after {before} at {unit}", self.seed);
            }
        }
    }

    fn judge_urgency(&self) {
        for (child, line) in &self.lines {
            let held_up = line.held_up();
            assert!(
                held_up <= HELD_UP_MAX,
                "seed {}: overtaking: a 特提 waited for {held_up} lower offers on the line of {child}",
                self.seed
            );
        }
    }

    /// A list read page by page, of whatever size, is the list read at once.
    fn judge_lists(&self, surveys: &BTreeMap<Unit, Survey>) {
        for (unit, _) in surveys.iter().filter(|(_, survey)| survey.copies.len() <= LISTED_MAX) {
            for which in [v1::Box::Unspecified, v1::Box::Unsigned] {
                let pages = |limit| self.pages(unit, which, limit);
                assert_eq!(pages(1000), pages(3), "seed {}: lists: pages at {unit}", self.seed);
            }
        }
    }

    /// The ids in a box, read in pages of so many.
    fn pages(&self, unit: &Unit, which: v1::Box, limit: u32) -> Vec<Bytes> {
        let mut request = v1::ListRequest { r#box: which.into(), limit, ..Default::default() };
        let (mut ids, mut seen) = (Vec::new(), BTreeSet::new());
        loop {
            let page = self.list(unit, request.clone());
            ids.extend(page.documents.into_iter().map(|document| document.id).filter(|id| seen.insert(id.clone())));
            request.before = page.next;
            if page.next == 0 {
                return ids;
            }
        }
    }
}
