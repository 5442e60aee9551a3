//! Stations are started from what their disks have, killed, stopped in peace; and in the end everybody lives.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use node::{
    engine::Engine,
    limits,
    post::{
        Event, Me, Post,
        envelope::{Channel, DocId, Run},
        fact::{Record, Replay},
        keys,
        losses::Stretch,
        ranges::Ranges,
        schedule::{Entry, State},
    },
    topology::Unit,
};
use prost::Message as _;

use super::{
    Copied, Hand, World,
    agenda::Happening,
    disk::{Memory, Platter, Room},
    judge,
    plant::Plant,
    station::Command,
};
use crate::dice::Dice;

impl World {
    /// Starts a station from what its disk has.
    pub fn start(&mut self, unit: &Unit) {
        let me = Me { unit: unit.clone(), topology: self.topology.clone() };
        let (retention, now) = (self.retention_of(unit), self.now);
        let station = self.stations.get_mut(unit).unwrap();
        if station.engine.is_some() {
            return;
        }
        station.io.set(station.clock(now));
        let (base, watermark) = station.disk.index();
        let mut post = Post::load(me.clone(), Box::new(base));
        let mut replay = Replay::default();
        let mut holes = Vec::new();
        for (at, bytes) in station.disk.records(watermark) {
            let Some(bytes) = bytes else {
                replay.hole(&mut post);
                holes.push(Stretch::of(at));
                continue;
            };
            let mut record = Record::decode(bytes).unwrap();
            record.ends_turn |= self.plant == Plant::HalfTurns;
            replay.feed(record, at, &mut post);
        }
        let left_over = replay.finish().1;
        // What is planted there is to be found by what comes of it.
        if self.plant != Plant::ForgetsNumbers && !self.spoilt.contains(unit) {
            self.judge_memory(unit, &mut post);
        }
        let station = self.stations.get_mut(unit).unwrap();
        if let Some(forgotten) = forgotten_rows(self.plant, &post) {
            let rows = post.rows_mut().everything();
            station.disk.set_index(rows.into_iter().filter(|(key, _)| !forgotten(key)).collect());
            post = Post::load(me, Box::new(station.disk.index().0));
        }
        let disk = Memory::over(station.disk.clone());
        let engine = Engine::new(post, disk, station.io.clone(), Arc::new(Hand::of(unit.as_str())), left_over, &holes);
        station.disk.settle();
        let Ok(engine) = engine else {
            // A disk without room: somebody starts it again.
            return self.after(Duration::from_secs(30), Happening::Starts { unit: unit.clone() });
        };
        station.engine = Some(match retention {
            Some(retention) => engine.forgetting_after(retention),
            None => engine,
        });
        station.life += 1;
        (station.tick, station.patience) = (None, limits::TICK_EVERY);
        self.judge_forgotten(unit);
        self.plan_tick(unit);
        if self.lines.contains_key(unit) {
            self.dial_after(unit, Duration::from_millis(5));
        }
    }

    /// Whatever the world has seen of a station, it still knows when it comes back.
    fn judge_memory(&self, unit: &Unit, post: &mut Post) {
        let rows = post.rows_mut();
        let mine = |(station, ..): &&(Unit, Channel, u64)| station == unit;
        let mut heard: BTreeMap<&Channel, Ranges> = BTreeMap::new();
        for (_, channel, first) in self.taken.iter().filter(mine) {
            let known = heard.entry(channel).or_insert_with(|| {
                let row = rows.get(&keys::heard(channel)).unwrap_or_default();
                Ranges::decode(&keys::HeardRow::decode(row.as_slice()).unwrap().ranges)
            });
            let knows = known.contains(*first, *first);
            assert!(knows, "seed {}: lost: {unit} does not know that it took {first} of {channel:?}", self.seed);
        }
        for ((_, channel), last) in self.written.iter().filter(|((station, _), _)| station == unit) {
            let row = rows.get(&keys::out(&channel.destination, channel.precedence)).unwrap_or_default();
            let knows = keys::TipRow::decode(row.as_slice()).unwrap().last >= *last;
            assert!(knows, "seed {}: lost: {unit} does not know that it wrote {last} of {channel:?}", self.seed);
        }
    }

    /// Kills a station, or cuts its power: what its disk does not have is gone.
    pub fn crash(&mut self, unit: &Unit) {
        let station = self.stations.get_mut(unit).unwrap();
        if station.engine.take().is_none() {
            return;
        }
        station.disk.crash(&mut self.dice);
        self.sum.crashes += 1;
        self.fall_silent(unit);
    }

    /// A station's disk is replaced by an empty one, or by a copy made of it earlier.
    pub fn replace_disk(&mut self, unit: &Unit, copy: Option<Copied>) {
        self.crash(unit);
        // What it knew is gone with the old disk: taking it in again is not taking it twice.
        self.replaced.insert(unit.clone());
        self.taken.retain(|(station, ..)| station != unit);
        self.written.retain(|(station, _), _| station != unit);
        let dice = Dice::new(self.dice.roll());
        let station = self.stations.get_mut(unit).unwrap();
        station.disk = copy.map_or_else(|| Platter::new(self.plant, dice), |copy| copy.0);
        self.start(unit);
    }

    /// A record of a station's disk, any of them, cannot be read any more.
    pub fn spoil(&mut self, unit: &Unit) {
        self.spoilt.insert(unit.clone());
        self.stations[unit].disk.spoil(&mut self.dice);
    }

    /// Spoilt disks are read from end to end, as stations do when they have nothing else to do.
    pub fn patrol(&mut self) {
        for unit in self.spoilt.clone() {
            for _ in 0..=self.stations[&unit].disk.len() {
                self.run(limits::PATROL_EVERY);
                let now = self.now;
                let station = self.stations.get_mut(&unit).unwrap();
                let local = station.clock(now);
                let Some(engine) = &mut station.engine else { break };
                if let Some(effects) = engine.patrol(local).unwrap() {
                    self.begin_commit(&unit, effects);
                }
            }
        }
    }

    /// What a station's disk holds now, kept for later.
    pub fn copy_disk(&self, unit: &Unit) -> Copied {
        Copied(self.stations[unit].disk.copied())
    }

    /// Ends a station in peace: its index takes in all it knows, so that the next start replays only what is newer.
    pub fn stop(&mut self, unit: &Unit) {
        let life = self.stations[unit].life;
        while self.stations[unit].is_committing() {
            self.commits(unit, life);
        }
        let station = self.stations.get_mut(unit).unwrap();
        if let Some(engine) = station.engine.take() {
            engine.finish().unwrap();
            self.fall_silent(unit);
        }
    }

    /// The next commit of a station fails, leaving some of its records on the disk.
    pub fn tear(&mut self, unit: &Unit) {
        let keep = self.dice.below(4);
        self.stations[unit].disk.tear_after(Some(keep));
    }

    /// Rolls the index of a station back to nothing: it has to be rebuilt from the journal.
    pub fn lose_index(&mut self, unit: &Unit) {
        self.stations[unit].disk.lose_index();
    }

    /// Nobody answers there any more: who waits at the desk, and the lines, will learn it.
    fn fall_silent(&mut self, unit: &Unit) {
        let station = self.stations.get_mut(unit).unwrap();
        (station.turn, station.calm, station.doomed) = (None, false, false);
        station.urgent.clear();
        station.routine.clear();
        let mine: Vec<u64> =
            self.tickets.iter().filter(|(_, ticket)| ticket.unit == *unit).map(|(number, _)| *number).collect();
        for number in mine {
            let ticket = self.tickets.remove(&number).unwrap();
            if ticket.wish.is_none() {
                self.answers.insert(number, None);
            }
            self.unanswered(ticket.wish, ticket.destinations);
        }
        for child in self.children() {
            if child == *unit || self.topology.parent(&child) == Some(unit) {
                let line = self.lines.get_mut(&child).unwrap();
                *line.end(child != *unit) = None;
                if line.holds {
                    self.break_off(&child, Some(unit));
                }
            }
        }
    }

    /// Everybody lives and has room, and every line holds.
    pub(super) fn all_is_well(&mut self) {
        (self.noisy, self.healed) = (false, true);
        for unit in self.units() {
            let station = self.stations.get_mut(&unit).unwrap();
            station.disk.tear_after(None);
            station.disk.set(|disk| (disk.room, disk.misreads) = (Room::Enough, 0));
            (station.stopped_until, station.doomed) = (self.now, false);
            station.commit = station.commit.min(Duration::from_millis(50));
            self.start(&unit);
            self.turn(&unit);
        }
        for child in self.children() {
            let nature = &mut self.lines.get_mut(&child).unwrap().nature;
            nature.rate = nature.rate.max(64_000);
            self.unblock(&child);
        }
    }

    /// What was refused waits for a person; here is one.
    pub(super) fn retry_what_is_held(&mut self) {
        for unit in self.units() {
            let Some(engine) = &self.stations[&unit].engine else { continue };
            let held = |entry: &Entry| matches!(entry.state, State::Held { .. });
            let queues = engine.post().queues();
            let retries: Vec<Event> = queues
                .map(|(peer, queue)| {
                    (peer, queue.entries().filter(|e| held(e)).map(|e| e.run.clone()).collect::<Vec<Run>>())
                })
                .filter(|(_, runs)| !runs.is_empty())
                .map(|(peer, runs)| Event::Retry { peer: peer.clone(), runs })
                .collect();
            for retry in retries {
                assert!(self.plant.is_noisy(), "seed {}: lost: something good was refused: {retry:?}", self.seed);
                self.tell(&unit, Command::Post(retry));
            }
        }
    }
}

/// Which keys a station does not know.
type Forgets = Box<dyn Fn(&[u8]) -> bool>;

/// Which rows a station of this country does not know when it starts.
fn forgotten_rows(plant: Plant, post: &Post) -> Option<Forgets> {
    let kind = |prefix: &[u8]| {
        let prefix = prefix.to_vec();
        Some(Box::new(move |key: &[u8]| key.starts_with(&prefix)) as Forgets)
    };
    match plant {
        Plant::DeafRestart => kind(keys::HEARD),
        Plant::LostPositions => kind(&keys::incident(DocId([0; 16]))[..1]),
        Plant::ReusedNumbers => kind(keys::OUT),
        Plant::LostQueues => kind(keys::QUEUED),
        Plant::ForgetsNumbers => {
            let rows = (0..).map(|arrival| post.block_row(arrival));
            let mut missing = 0;
            let here: Vec<Vec<u8>> = rows
                .map_while(|row| {
                    missing = if row.is_some() { 0 } else { missing + 1 };
                    (missing < judge::HOLE_MAX).then_some(row)
                })
                .flatten()
                .map(|row| keys::heard(&Post::run_of(&row).unwrap().channel))
                .collect();
            Some(Box::new(move |key| key.starts_with(keys::HEARD) && !here.iter().any(|known| known == key)))
        }
        _ => None,
    }
}
