//! What must hold once everything has been carried to its end. A failure says which promise was broken.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use node::{
    post::envelope::{Channel, DocId, Place},
    topology::Unit,
};
use prost::Message as _;
use proto::v1;

use super::{Station, World};

/// Lower offers that may leave a station while a 特提 waits there: the one that keeps the routine from starving.
const HELD_UP_MAX: u32 = 1;
/// More blocks in a row than any station forgets in one life.
const HOLE_MAX: u32 = 2000;

impl World {
    /// Nothing lost, nothing twice, nothing altered, in order, the urgent first, and everybody knows.
    pub fn judge(&self) {
        for (id, filed) in &self.acknowledged {
            for destination in &filed.destinations {
                let copies = self.station(destination).copies(*id);
                let here = copies.iter().filter(|copy| copy.channel.destination == *destination).count();
                let origin = &filed.origin;
                if self.forgotten.contains(&(destination.clone(), *id, destination.clone())) {
                    assert_eq!(here, 0, "seed {}: twice: {id} came back to {destination}", self.seed);
                    continue;
                }
                assert_ne!(here, 0, "seed {}: lost: {id} of {origin} never came to {destination}", self.seed);
                assert_eq!(here, 1, "seed {}: twice: {id} of {origin} is {here} times at {destination}", self.seed);
            }
            self.judge_receipts(*id, &filed.origin, filed.destinations.len());
        }
        assert!(self.is_quiet(), "seed {}: lost: not carried to its end: {}", self.seed, self.waiting());
        self.judge_bytes();
        self.judge_numbers();
        self.judge_incidents();
        // What was refused or lost on the way comes later, and its absence is known meanwhile.
        if !self.plant.is_noisy() && !self.frames_lost {
            self.judge_channels();
        }
        self.judge_urgency();
        self.judge_lists();
    }

    fn judge_receipts(&self, id: DocId, origin: &Unit, count: usize) {
        let station = self.station(origin);
        let copies = station.copies(id);
        let gone = self.forgotten.iter().filter(|(at, what, _)| at == origin && *what == id).count();
        assert_eq!(copies.len() + gone, count, "seed {}: lost: copies of {id} at {origin}", self.seed);
        for copy in copies {
            let stages = station.engine().post().stages(&copy.channel, copy.number);
            let delivered = stages.iter().filter(|stage| stage.stage() == v1::Stage::Delivered).count();
            assert_eq!(delivered, 1, "seed {}: receipts: {origin} has {delivered} for {id}", self.seed);
        }
    }

    /// The bytes of a block are everywhere those its office sealed.
    fn judge_bytes(&self) {
        let mut sealed: BTreeMap<(Channel, u64), Bytes> = BTreeMap::new();
        for unit in self.units() {
            for (channel, first, bytes) in self.station(&unit).blocks().filter(|(channel, ..)| channel.origin == unit) {
                sealed.insert((channel, first), bytes);
            }
        }
        for unit in self.units() {
            for (channel, first, bytes) in self.station(&unit).blocks() {
                let origin = channel.origin.clone();
                let may_lack = self.retention_of(&origin).is_some() || self.replaced.contains(&origin);
                let original = sealed.get(&(channel, first));
                assert!(
                    original == Some(&bytes) || (original.is_none() && may_lack),
                    "seed {}: altered: what {unit} has of {origin} from number {first} on is not what {origin} sealed",
                    self.seed
                );
            }
        }
    }

    /// A number of a channel never stands for two different headers, and an incident has no holes.
    fn judge_numbers(&self) {
        let mut meant: BTreeMap<(Channel, u64), Bytes> = BTreeMap::new();
        let mut orders: BTreeMap<Vec<u8>, BTreeSet<u32>> = BTreeMap::new();
        for unit in self.units() {
            let station = self.station(&unit);
            for arrival in station.engine().post().newest(usize::MAX) {
                for copy in station.engine().post().block_copies(arrival, &|place| station.read(place)) {
                    let header = Bytes::from(copy.header.encode_to_vec());
                    let known = meant.entry((copy.channel.clone(), copy.number)).or_insert_with(|| header.clone());
                    assert_eq!(*known, header, "seed {}: altered: one number, two meanings", self.seed);
                    if copy.header.position > 0 {
                        let chain = [copy.header.origin.as_bytes(), &copy.header.incident].concat();
                        orders.entry(chain).or_default().insert(copy.header.position);
                    }
                }
            }
        }
        for positions in orders.values() {
            let expected: BTreeSet<u32> = (1..=u32::try_from(positions.len()).unwrap()).collect();
            assert_eq!(*positions, expected, "seed {}: order: an incident has holes", self.seed);
        }
    }

    /// An incident reads at its destination in the order its documents were acknowledged.
    fn judge_incidents(&self) {
        for (incident, documents) in &self.incidents {
            let destinations = &self.acknowledged[&documents[0]].destinations;
            for destination in destinations {
                let station = self.station(destination);
                let mut there: Vec<DocId> = station
                    .engine()
                    .post()
                    .incident(*incident, &|place| station.read(place))
                    .iter()
                    .map(node::post::view::Copy::id)
                    .collect();
                // What was filed and torn from its acknowledgement may stand in between; and of what was sent to many,
                // others' copies may pass through here.
                let ours = |id: &DocId| station.copies(*id).iter().any(|copy| copy.channel.destination == *destination);
                there.retain(|id| documents.contains(id) && ours(id));
                let gone = |id: &DocId| self.forgotten.contains(&(destination.clone(), *id, destination.clone()));
                let expected: Vec<DocId> = documents.iter().filter(|id| !gone(id)).copied().collect();
                assert_eq!(there, expected, "seed {}: order: incident {incident} at {destination}", self.seed);
            }
        }
    }

    /// Whoever a channel is for gets it in the order of its numbers.
    fn judge_channels(&self) {
        for unit in self.units() {
            let mut last: BTreeMap<Channel, u64> = BTreeMap::new();
            for (channel, first, _) in self.station(&unit).blocks().filter(|(channel, ..)| channel.destination == unit)
            {
                let before = last.insert(channel, first).unwrap_or(0);
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
    fn judge_lists(&self) {
        for unit in self.units() {
            for which in [v1::Box::Unspecified, v1::Box::Unsigned] {
                let pages = |limit| self.pages(&unit, which, limit);
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

    fn station(&self, unit: &Unit) -> &Station {
        &self.stations[unit]
    }
}

impl Station {
    fn read(&self, place: Place) -> Option<Bytes> {
        self.engine().read(place).ok()
    }

    fn copies(&self, id: DocId) -> Vec<node::post::view::Copy> {
        self.engine().post().copies(id, &|place| self.read(place))
    }

    /// Every block that is here, in the order it came: channel, first number, bytes.
    fn blocks(&self) -> impl Iterator<Item = (Channel, u64, Bytes)> {
        let post = self.engine().post();
        // What was forgotten leaves holes, of at most so many.
        let rows = (0..).map(|arrival| post.block_row(arrival)).scan(0, |missing, row| {
            *missing = if row.is_some() { 0 } else { *missing + 1 };
            (*missing < HOLE_MAX).then_some(row)
        });
        rows.flatten().map(|row| {
            let run = node::post::Post::run_of(&row).unwrap();
            let place = node::post::keys::place_of(&row.place).unwrap();
            (run.channel, run.first, self.read(place).unwrap())
        })
    }
}
