//! A station of the whole country: everything `station.rs` puts together, over a simulated network and a disk in memory.

use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash as _, Hasher as _},
    net::Ipv4Addr,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use node::{
    engine::{self, Effects, Engine},
    identity::{Identity, Seals},
    io::{Io, Timestamp},
    link::{board::Board, downlink, pieces::Pieces, session::Ends, socket::Sessions, uplink},
    post::{
        Me, Post,
        fact::{Record, Replay},
    },
    store::attachments::Attachments,
    topology::{Topology, Unit},
};
use prost::Message as _;
use turmoil::net::TcpListener;

use super::{
    EPOCH_US,
    network::{Port, Simulated},
    office::{Office, Shared},
};
use crate::{
    dice::Dice,
    world::disk::{Memory, Platter},
};

/// Where stations are called.
const PORT: u16 = 7000;
/// Between two heartbeats.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// What of a station outlives its processes.
pub(super) struct Station {
    pub(super) seed: u64,
    pub(super) unit: Unit,
    pub(super) disk: Platter,
    pub(super) clock: Arc<Clock>,
    /// Its disk has failed under it: nobody runs any more.
    pub(super) fell: AtomicBool,
    topology: Arc<Topology>,
    identity: Arc<Identity>,
    files: PathBuf,
    office: Shared,
    trace: Arc<Trace>,
}

impl Station {
    pub(super) fn new(
        seed: u64,
        me: Me,
        identity: Arc<Identity>,
        files: PathBuf,
        disk: Platter,
        dice: &mut Dice,
        trace: Arc<Trace>,
    ) -> Self {
        let directs = me.topology.root() == &me.unit;
        Self {
            seed,
            unit: me.unit,
            disk,
            clock: Arc::new(Clock { ahead_us: AtomicI64::new(0), dice: Mutex::new(Dice::new(dice.roll())) }),
            fell: AtomicBool::new(false),
            topology: me.topology,
            identity,
            files,
            office: Mutex::new(Office::new(directs, Dice::new(dice.roll()))),
            trace,
        }
    }

    pub(super) fn office(&self) -> MutexGuard<'_, Office> {
        self.office.lock().unwrap()
    }

    /// One life, from what the disk has.
    pub(super) async fn live(self: Arc<Self>) -> turmoil::Result {
        self.fell.store(false, Ordering::Relaxed);
        let io: Arc<dyn Io> = self.clock.clone();
        let (post, left_over) = self.wake();
        let identity = Arc::new(ArcSwap::new(self.identity.clone()));
        let seals = Arc::new(Seals::new(identity.clone()));
        let disk = Memory::at_once(self.disk.clone());
        let Ok(engine) = Engine::new(post, disk, io.clone(), seals.clone(), left_over, &[]) else {
            self.fell.store(true, Ordering::Relaxed);
            return Ok(());
        };
        let (handle, inbox) = engine::run::channel();
        let neighbours = self.topology.parent(&self.unit).into_iter().chain(self.topology.children(&self.unit));
        let ends = Ends {
            me: self.unit.clone(),
            engine: handle.clone(),
            board: Board::new(neighbours.cloned(), io.now()),
            checker: seals,
            io: io.clone(),
            heartbeat: HEARTBEAT,
        };
        let pieces = Pieces::new(Arc::new(Attachments::open(&self.files, 1)?));
        if !self.topology.children(&self.unit).is_empty() {
            let listener = Port(TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)).await?);
            downlink::serve(listener, ends.clone(), pieces.clone(), identity.clone(), Sessions::default());
        }
        if let Some(parent) = self.topology.parent(&self.unit) {
            let endpoints = vec![format!("{}:{PORT}", host(parent))];
            tokio::spawn(uplink::keep(Simulated, ends, parent.clone(), endpoints, identity, pieces));
        }
        self.open_office(&handle);
        let observer = Arc::new(Watched { unit: self.unit.clone(), trace: self.trace.clone() });
        let ended = engine::run::run(engine, inbox, io, observer).await;
        // Nobody tells it to stop.
        assert!(ended.is_err(), "seed {}: {} stopped by itself", self.seed, self.unit);
        self.fell.store(true, Ordering::Relaxed);
        Ok(())
    }

    fn wake(&self) -> (Post, u32) {
        let me = Me { unit: self.unit.clone(), topology: self.topology.clone() };
        let (base, watermark) = self.disk.index();
        let mut post = Post::load(me, Box::new(base));
        let mut replay = Replay::default();
        for (place, bytes) in self.disk.records(watermark) {
            let bytes = bytes.unwrap_or_else(|| panic!("seed {}: lost: a record at {place:?}", self.seed));
            replay.feed(Record::decode(bytes).unwrap(), place, &mut post);
        }
        (post, replay.finish().1)
    }
}

/// What a station is called on the network.
pub(super) fn host(unit: &Unit) -> String {
    format!("station-{unit}")
}

/// A wall clock that may be wrong, and dice of a seed.
pub(super) struct Clock {
    pub(super) ahead_us: AtomicI64,
    dice: Mutex<Dice>,
}

impl Io for Clock {
    fn now(&self) -> Timestamp {
        let passed = turmoil::sim_elapsed().unwrap_or_default();
        Timestamp::from_us(EPOCH_US + self.ahead_us.load(Ordering::Relaxed)) + passed
    }

    fn random(&self, buffer: &mut [u8]) {
        let mut dice = self.dice.lock().unwrap();
        buffer.iter_mut().for_each(|byte| *byte = dice.roll().to_le_bytes()[0]);
    }
}

/// What happened in a country, as one number: the same for the same seed.
#[derive(Default)]
pub(super) struct Trace(Mutex<DefaultHasher>);

impl Trace {
    pub(super) fn number(&self) -> u64 {
        self.0.lock().unwrap().finish()
    }
}

struct Watched {
    unit: Unit,
    trace: Arc<Trace>,
}

impl engine::run::Observer for Watched {
    fn turn(&self, _: &Post, effects: &Effects, _: Duration) {
        let at = turmoil::sim_elapsed().unwrap_or_default();
        let happened = (at, self.unit.as_str(), effects.facts.len(), effects.offers.len(), effects.settlements.len());
        happened.hash(&mut *self.trace.0.lock().unwrap());
    }
}
