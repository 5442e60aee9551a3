//! Stations that forget: every block they forget is judged then and there, and is not demanded of them any more.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use node::{
    engine::Engine,
    io::Timestamp,
    plan::{self, Desk},
    post::{Event, envelope::DocId, keys},
    topology::{Tier, Unit},
};
use proto::v1;

use super::{World, disk::Memory};
use crate::papers;

/// What the forgetting of a block would be judged by.
pub(super) struct Stake {
    since: Timestamp,
    /// Why it must stay, if so.
    needed: String,
    /// Its documents, and whom they are for.
    copies: Vec<(DocId, Unit)>,
}

impl World {
    /// From now on stations below the ministry forget what is settled and older than this.
    pub fn forget_after(&mut self, retention: Duration) {
        self.retention = Some(retention);
        for unit in self.units() {
            self.stop(&unit);
            self.start(&unit);
        }
        self.children().iter().for_each(|child| self.heal(child));
    }

    /// How long a station keeps what is settled; `None` = for ever.
    pub(super) fn retention_of(&self, unit: &Unit) -> Option<Duration> {
        self.retention.filter(|_| self.topology.place(unit.as_str()).unwrap().tier != Tier::Ministry)
    }

    /// An officer signs for the oldest document that waits for it.
    pub fn sign(&mut self, unit: &Unit) {
        let Some(engine) = &self.stations[unit].engine else { return };
        let read = |place| engine.read(place).ok();
        let Some((arrival, waiting)) = engine.post().unsigned_before(u64::MAX, 1000).0.pop() else { return };
        let copies = engine.post().block_copies(arrival, &read);
        let document = copies[waiting.trailing_zeros() as usize].id().to_string();
        let desk = Desk { post: engine.post(), read: &read, now: self.now, refusing: None };
        if let Ok(drafts) = plan::act::drafts(desk, &papers::act(&document, v1::Stage::Signed, "")) {
            self.turn(unit, vec![Event::File { ticket: 0, drafts }]);
        }
    }

    /// Officers sign for everything, and time passes until hardly anything more is forgotten.
    pub fn settle(&mut self) {
        for _ in 0..3000 {
            for unit in self.units() {
                self.sign(&unit);
                self.turn(&unit, vec![Event::Tick]);
            }
            for _ in 0..8 {
                self.step();
            }
        }
    }

    /// Whatever happened, an index rebuilt from what is left of the journal says what the lost one said. Only what time
    /// is up for, a station has to look at again.
    pub fn judge_rebuilding(&mut self) {
        let told = |world: &Self, unit: &Unit| {
            let mut rows = world.stations[unit].disk.rows();
            rows.retain(|key, _| !key.starts_with(keys::DUE));
            rows
        };
        for unit in self.units() {
            self.stop(&unit);
            let before = told(self, &unit);
            self.lose_index(&unit);
            self.start(&unit);
            self.stop(&unit);
            let after = told(self, &unit);
            assert!(before == after, "seed {}: lost: the index of {unit} was rebuilt differently", self.seed);
            self.start(&unit);
        }
    }

    /// Records a station's journal still has.
    pub fn records(&self, unit: &Unit) -> usize {
        self.stations[unit].disk.len()
    }

    /// The next small step of forgetting, as after every tick.
    pub(super) fn tidy(&mut self, unit: &Unit) {
        let station = self.stations.get_mut(unit).unwrap();
        let Some(engine) = &mut station.engine else { return };
        if engine.is_tidying() {
            station.stakes = stakes(engine);
        }
        let before = station.disk.len();
        let tidied = engine.tidy(self.now).is_ok();
        self.retired += before.saturating_sub(station.disk.len());
        if tidied { self.judge_forgotten(unit) } else { self.crash(unit) }
    }

    /// Judges what is not here any more of what was at stake. After a failed commit that is known at the next start only.
    pub(super) fn judge_forgotten(&mut self, unit: &Unit) {
        let retention = self.retention_of(unit).unwrap_or(Duration::MAX);
        let station = self.stations.get_mut(unit).unwrap();
        let Some(engine) = &station.engine else { return };
        for (arrival, stake) in std::mem::take(&mut station.stakes) {
            if engine.post().block_row(arrival).is_some() {
                continue;
            }
            let Stake { since, needed, copies } = stake;
            let old = self.now.since(since) >= retention;
            assert!(old && needed.is_empty(), "seed {}: lost: {unit} forgot {copies:?} too early: {needed}", self.seed);
            self.forgotten.extend(copies.into_iter().map(|(id, to)| (unit.clone(), id, to)));
        }
    }
}

fn stakes(engine: &Engine<Memory>) -> BTreeMap<u64, Stake> {
    let (post, read) = (engine.post(), |place| engine.read(place).ok());
    let unsigned: BTreeSet<u64> =
        post.unsigned_before(u64::MAX, usize::MAX).0.into_iter().map(|(arrival, _)| arrival).collect();
    let mut all = BTreeMap::new();
    for arrival in post.newest(usize::MAX) {
        let copies = post.block_copies(arrival, &read);
        let mut needed = String::new();
        for copy in &copies {
            if let Some((peer, _)) = post.waiting(&copy.channel, copy.number) {
                needed += &format!("{} waits for {peer}; ", copy.id());
            }
            let incident = DocId::from_slice(&copy.header.incident);
            let open = |incident: &DocId| post.end_of(*incident, &copy.header.origin).is_none();
            if incident.filter(open).is_some_and(|incident| !post.copies(incident, &read).is_empty()) {
                needed += &format!("the incident of {} is open; ", copy.id());
            }
        }
        if unsigned.contains(&arrival) {
            needed += "a signature is missing; ";
        }
        let since = Timestamp::from_us(copies[0].row.at_us);
        let copies = copies.iter().map(|copy| (copy.id(), copy.channel.destination.clone())).collect();
        all.insert(arrival, Stake { since, needed, copies });
    }
    all
}
