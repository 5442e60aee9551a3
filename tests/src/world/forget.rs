//! Stations that forget: every block they forget is judged then and there, and is not demanded of them any more.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use bytes::Bytes;
use node::{
    engine::{Effects, Engine},
    io::Timestamp,
    post::{
        envelope::{DocId, Place},
        fact::{Fact, Record},
        keys,
        seal::Block,
    },
    topology::{Tier, Unit},
};
use prost::Message as _;

use super::{World, disk::Memory};

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

    /// Officers sign for everything, and time passes until hardly anything more is forgotten.
    pub fn settle(&mut self) {
        for _ in 0..400 {
            for unit in self.units() {
                self.sign(&unit);
            }
            self.run(Duration::from_secs(30));
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
    pub(super) fn tidy(&mut self, unit: &Unit) -> Option<Effects> {
        let now = self.now;
        let station = self.stations.get_mut(unit).unwrap();
        let local = station.clock(now);
        let engine = station.engine.as_mut()?;
        if engine.is_tidying() {
            // Whoever judges reads well.
            let misreads = station.disk.set(|disk| std::mem::take(&mut disk.misreads));
            station.stakes = stakes(engine, station.disk.walked());
            station.disk.set(|disk| disk.misreads = misreads);
        }
        let before = station.disk.len();
        let tidied = engine.tidy(local);
        self.retired += before.saturating_sub(station.disk.len());
        match tidied {
            Ok(Some(effects)) => Some(effects),
            Ok(None) => {
                self.judge_forgotten(unit);
                None
            }
            Err(_) => {
                self.crash(unit);
                self.starts_later(unit);
                None
            }
        }
    }

    /// Judges what is not here any more of what was at stake. After a failed commit that is known at the next start only.
    pub(super) fn judge_forgotten(&mut self, unit: &Unit) {
        let retention = self.retention_of(unit).unwrap_or(Duration::MAX);
        let now = self.now;
        let station = self.stations.get_mut(unit).unwrap();
        let local = station.clock(now);
        let Some(engine) = &station.engine else { return };
        for (arrival, stake) in std::mem::take(&mut station.stakes) {
            if engine.post().block_row(arrival).is_some() {
                continue;
            }
            let Stake { since, needed, copies } = stake;
            // Its clock may have jumped since it decided.
            let old = self.weather.has_jumps() || local.since(since) >= retention;
            assert!(old && needed.is_empty(), "seed {}: lost: {unit} forgot {copies:?} too early: {needed}", self.seed);
            self.forgotten.extend(copies.into_iter().map(|(id, to)| (unit.clone(), id, to)));
        }
    }
}

/// Of the blocks among these records, which are the next to be looked at.
fn stakes(engine: &Engine<Memory>, records: Vec<(Place, Bytes)>) -> BTreeMap<u64, Stake> {
    let (post, read) = (engine.post(), |place| engine.read(place).ok());
    let unsigned: BTreeSet<u64> =
        post.unsigned_before(u64::MAX, usize::MAX).0.into_iter().map(|(arrival, _)| arrival).collect();
    let mut all = BTreeMap::new();
    for (place, bytes) in records {
        let fact = Record::decode(bytes).unwrap().fact;
        let block = match &fact {
            Some(Fact::Carried(carried)) => Some(&carried.block),
            fact => fact.as_ref().and_then(Fact::block),
        };
        let Some(run) = block.map(|block| Block::trusted(block.clone()).unwrap().run) else { continue };
        let Some(first) = post.copy_at(&run.channel, run.first, &read) else { continue };
        if !first.row.documents || keys::place_of(&first.row.place) != Some(place) {
            continue;
        }
        let arrival = first.arrival;
        let copies = post.block_copies(arrival, &read);
        let mut needed = String::new();
        for copy in &copies {
            if let Some((peer, _)) = post.waiting(&copy.channel, copy.number) {
                needed += &format!("{} waits for {peer}; ", copy.id());
            }
            let incident = DocId::from_slice(&copy.header.incident);
            let over = |incident: DocId, origin: &str| post.end_of(incident, origin).is_some();
            let open = |incident: &DocId| {
                let first = post.copies(*incident, &read).into_iter().next();
                !over(*incident, &copy.header.origin)
                    && first.is_some_and(|first| !over(*incident, &first.header.origin))
            };
            if incident.filter(open).is_some() {
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
