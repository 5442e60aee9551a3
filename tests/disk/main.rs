//! A district's engine on a real disk, over weeks of its clock: what is settled gives its space back, and a stop between
//! any two steps of that costs nothing.

#![expect(clippy::unwrap_used, reason = "this is test code")]
#![expect(clippy::disallowed_methods, reason = "the seed to replay comes from the environment")]

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use node::{
    config,
    engine::{Effects, Engine},
    io::{Io as _, Timestamp},
    link::wire,
    plan::{self, Desk, policy::Shelf},
    post::{
        Event, Me, Post,
        envelope::{Channel, DocId, Epoch, digest},
        passage::Skew,
        seal::{self, Tip, Unsealed},
    },
    store::disk::{JournalDisk, Recovered, StoreError},
    topology::{Topology, Unit},
};
use prost::Message as _;
use proto::v1::{self, Kind, Precedence, Stage};
use tests::{
    papers,
    world::{Fixed, Hand, Hands},
};

mod corruption;
mod golden;

const TREE: &str = r#"
[network]
name = "trial"
trust_domain = "trial"
[[station]]
unit = "000000"
tier = "ministry"
name = "部"
[[station]]
unit = "820000"
tier = "district"
name = "澳门"
parent = "000000"
"#;

const RETENTION: Duration = Duration::from_secs(3600);
const SEGMENT: u64 = 256 * 1024;

fn ministry() -> Unit {
    Unit::parse("000000").unwrap()
}

fn me() -> Me {
    Me { unit: Unit::parse("820000").unwrap(), topology: Arc::new(Topology::parse(TREE).unwrap()) }
}

fn open(dir: &Path, io: &Fixed) -> Result<(JournalDisk, Post, Recovered), StoreError> {
    let store = config::Store { segment: SEGMENT, retention: RETENTION, reserve: 1, index_cache: 1 << 20 };
    JournalDisk::open(dir, &store, me(), io)
}

/// Everything the rows of a store say, as whoever opens it finds them.
fn rows(dir: &Path, io: &Fixed) -> Vec<(Vec<u8>, Vec<u8>)> {
    open(dir, io).unwrap().1.rows_mut().everything()
}

/// One district, whose line to the ministry is always up.
struct District {
    io: Arc<Fixed>,
    engine: Engine<JournalDisk>,
    /// The ministry's channel.
    tip: Tip,
    written: usize,
    tickets: u64,
    longest: Duration,
    /// Whether what it offers is taken.
    line_is_up: bool,
}

impl District {
    fn start(dir: &Path) -> Self {
        let io = Arc::new(Fixed::new(Timestamp::from_us(1_700_000_000_000_000), 7));
        let mut district = Self::wake(dir, io).unwrap();
        district.line_is_up = true;
        district.step(vec![Event::Linked { peer: ministry(), heard: Vec::new() }]);
        district
    }

    /// Starts it from what is on disk; its line is down.
    fn wake(dir: &Path, io: Arc<Fixed>) -> Result<Self, StoreError> {
        let (disk, post, recovered) = open(dir, &io)?;
        let (left_over, holes) = (recovered.left_over, recovered.holes);
        let engine = Engine::new(post, disk, io.clone(), Arc::new(Hand::of("820000")), left_over, &holes).unwrap();
        Ok(Self {
            io,
            engine: engine.forgetting_after(RETENTION),
            tip: Tip::default(),
            written: 0,
            tickets: 0,
            longest: Duration::ZERO,
            line_is_up: false,
        })
    }

    /// One turn; what it offers is taken at once.
    fn step(&mut self, events: Vec<Event>) -> Effects {
        let now = self.io.now();
        let mut effects = self.engine.step(events, now, &mut |_| {}).unwrap().into_effects();
        self.written += effects.bytes;
        let taken = |run: &node::post::envelope::Run| v1::Settlement {
            range: Some(run.to_proto()),
            disposition: v1::Disposition::Taken.into(),
            ..Default::default()
        };
        let answers: Vec<_> = effects.offers.drain(..).flat_map(|(_, offers)| offers).map(|o| taken(&o.run)).collect();
        if !answers.is_empty() && self.line_is_up {
            self.step(vec![Event::Answered { peer: ministry(), answers: answers.clone() }]);
            self.arrived(answers);
        }
        effects
    }

    /// The ministry says that it has them.
    fn arrived(&mut self, taken: Vec<v1::Settlement>) {
        let of = |settlement: v1::Settlement| v1::Receipt {
            about: settlement.range,
            stage: Stage::Delivered.into(),
            station: ministry().to_string(),
            ..Default::default()
        };
        let receipts = v1::Receipts { receipts: taken.into_iter().map(of).collect() };
        let header = v1::Header { kind: Kind::Receipt.into(), status: v1::Status::System.into(), ..Default::default() };
        self.brought(header, v1::document::Content::Receipts(receipts));
    }

    /// The ministry writes something to this district.
    fn brought(&mut self, header: v1::Header, content: v1::document::Content) -> DocId {
        let now = self.io.now();
        let mut random = [0; 10];
        self.io.random(&mut random);
        let id = DocId::mint(now, random);
        let body = Bytes::from(v1::Document { content: Some(content) }.encode_to_vec());
        let header = v1::Header {
            role: v1::Role::Action.into(),
            id: id.to_bytes(),
            body_digest: digest(&body).to_vec().into(),
            body_length: body.len() as u64,
            ..header
        };
        let channel =
            Channel { origin: ministry(), epoch: Epoch([1; 16]), destination: me().unit, precedence: Precedence::TeJi };
        let envelopes = vec![Unsealed { header: Box::new(header), body }];
        let block = seal::seal(&channel, &mut self.tip, envelopes, false, now, &Hand::of("000000"));
        let parcels = vec![v1::Parcel { block: block.bytes, passages: Vec::new() }];
        let opened = wire::open(v1::Offer { parcels, bodies: Vec::new() }, &Hands).unwrap();
        self.step(vec![Event::Offered { peer: ministry(), bodies: Vec::new(), arrived: opened.arrived }]);
        id
    }

    fn file(&mut self, requests: &[v1::FileRequest]) -> Vec<DocId> {
        let read = |place| self.engine.read(place).ok();
        let desk = Desk {
            post: self.engine.post(),
            read: &read,
            now: self.io.now(),
            refusing: None,
            shelf: &Shelf::default(),
        };
        let drafts = requests.iter().map(|request| plan::draft(desk, request).unwrap()).collect();
        self.tickets += 1;
        let effects = self.step(vec![Event::File { ticket: self.tickets, drafts }]);
        effects.answers[0].1.as_ref().unwrap().iter().map(|filing| filing.id).collect()
    }

    /// A directive comes, and an officer signs for it.
    fn directed(&mut self) -> DocId {
        let directive = v1::Directive { text: "立即".into(), ..Default::default() };
        let header =
            v1::Header { kind: Kind::Directive.into(), status: v1::Status::Exercise.into(), ..Default::default() };
        let id = self.brought(header, v1::document::Content::Directive(directive));
        let now = self.io.now();
        let read = |place| self.engine.read(place).ok();
        let desk = Desk { post: self.engine.post(), read: &read, now, refusing: None, shelf: &Shelf::default() };
        let drafts = plan::act::drafts(desk, &papers::act(&id.to_string(), Stage::Signed, "")).unwrap();
        self.tickets += 1;
        self.step(vec![Event::File { ticket: self.tickets, drafts }]);
        id
    }

    /// Incidents begin and end, a directive comes, and half a minute passes. Returns the incidents.
    fn live(&mut self) -> Vec<DocId> {
        let text = "第三考点一袋封装损毁,已封存".repeat(15);
        let first: Vec<_> = (0..8).map(|_| papers::report(&text, Precedence::Routine)).collect();
        let incidents = self.file(&first);
        self.io.pass(Duration::from_secs(10));
        let last = incidents
            .iter()
            .map(|incident| papers::follow_up(&incident.to_string(), &text, Kind::FinalReport, Precedence::Routine));
        self.file(&last.collect::<Vec<_>>());
        self.directed();
        self.io.pass(Duration::from_secs(20));
        incidents
    }

    fn tidy(&mut self) {
        // The ministry's clock says the same.
        self.step(vec![Event::Compared { peer: ministry(), skew: Skew { offset_us: 0, uncertainty_us: 1000 } }]);
        let began = Instant::now();
        if let Some(effects) = self.engine.tidy(self.io.now()).unwrap() {
            self.written += effects.bytes;
        }
        self.longest = self.longest.max(began.elapsed());
    }

    /// Until there is nothing more to be given up.
    fn tidy_all(&mut self) {
        self.tidy();
        while self.engine.is_tidying() {
            std::thread::sleep(Duration::from_millis(1));
            self.tidy();
        }
    }

    /// Everything that lies on the disk is looked at once.
    fn patrol_all(&mut self) {
        for _ in 0..100 {
            self.io.pass(Duration::from_secs(10));
            self.engine.patrol(self.io.now()).unwrap();
        }
    }

    /// The number of a document, and the digest of its text, if it can be read.
    fn text_of(&self, id: DocId) -> Option<(String, Bytes)> {
        let copies = self.engine.post().copies(id, &|place| self.engine.read(place).ok());
        copies.into_iter().next().map(|copy| (copy.header.number.clone(), copy.header.body_digest.clone()))
    }

    fn has(&self, id: DocId) -> bool {
        !self.engine.post().copies(id, &|place| Some(self.engine.read(place).unwrap())).is_empty()
    }
}

fn size(path: &Path) -> u64 {
    // A file may be renamed or removed between being listed and being looked at.
    let Ok(meta) = fs::metadata(path) else { return 0 };
    if !meta.is_dir() {
        return meta.len();
    }
    fs::read_dir(path).unwrap().filter_map(Result::ok).map(|entry| size(&entry.path())).sum()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            // As above.
            fs::copy(entry.path(), to.join(entry.file_name())).ok();
        }
    }
}

#[test]
fn the_disk_of_a_settled_station_is_bounded_whatever_passes_through_it() {
    const ROUNDS: usize = 1200;
    let dir = tempfile::tempdir().unwrap();
    let mut district = District::start(dir.path());
    let mut peaks = [[0; 2]; 2];
    for round in 0..ROUNDS {
        district.live();
        for _ in 0..8 {
            district.tidy();
        }
        let half = &mut peaks[2 * round / ROUNDS];
        for (peak, part) in half.iter_mut().zip(["journal", "index"]) {
            *peak = size(&dir.path().join(part)).max(*peak);
        }
    }
    let written = district.written as u64;
    let [[early, early_index], [late, late_index]] = peaks;
    println!(
        "{} documents, {written} bytes: journal {early} then {late}, index {early_index} then {late_index}; longest step {:?}",
        17 * ROUNDS,
        district.longest
    );
    assert!(written > 4 * late, "{written} bytes were written and {late} is the most they took");
    assert!(late <= early + 4 * SEGMENT, "the journal grows: {early} then {late}");
    assert!(late_index <= early_index + early_index / 4, "the index grows: {early_index} then {late_index}");
}

#[test]
fn a_stop_between_any_two_steps_of_forgetting_loses_nothing_that_is_needed() {
    let dir = tempfile::tempdir().unwrap();
    let mut district = District::start(dir.path());
    let old: Vec<_> = (0..160).flat_map(|_| district.live()).collect();
    let open_incident = district.file(&[papers::report("未结", Precedence::Routine)]);
    district.tidy_all();
    district.io.pass(RETENTION);
    let young: Vec<_> = (0..10).flat_map(|_| district.live()).collect();
    let needed: Vec<_> = young.iter().chain(&open_incident).copied().collect();

    let copies = tempfile::tempdir().unwrap();
    let mut stops = 0;
    let (mut began, mut idle) = (false, 0);
    while idle < 20 {
        district.tidy();
        began |= district.engine.is_tidying();
        idle = if district.engine.is_tidying() { 0 } else { idle + 1 };
        let to = copies.path().join(stops.to_string());
        copy(dir.path(), &to);
        stops += 1;
        judge_stop(&to, &district.io, &needed);
        fs::remove_dir_all(&to).unwrap();
        district.io.pass(Duration::from_secs(1));
    }
    assert!(began && stops > 25, "only {stops} steps: this tried nothing");
    assert!(old[..old.len() / 2].iter().all(|id| !district.has(*id)), "what is settled and old is gone");
    let oldest = fs::read_dir(dir.path().join("journal")).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(oldest.filter_map(|name| name.into_string().ok()).all(|name| name != "0000000001.seg"));

    // In peace, at last: the rows are the same however they are come by.
    let io = district.io.clone();
    district.engine.finish().unwrap();
    let before = rows(dir.path(), &io);
    fs::remove_dir_all(dir.path().join("index")).unwrap();
    assert_eq!(rows(dir.path(), &io), before);
}

/// Opens what a stop left behind, with its index and without.
fn judge_stop(dir: &Path, io: &Fixed, needed: &[DocId]) {
    let (disk, mut post, recovered) = open(dir, io).unwrap();
    assert!(recovered.holes.is_empty(), "{:?}", recovered.notes);
    let with_index = post.rows_mut().everything();
    let (io_then, left_over) = (Arc::new(Fixed::new(io.now(), 1)), recovered.left_over);
    let engine = Engine::new(post, disk, io_then, Arc::new(Hand::of("820000")), left_over, &[]).unwrap();
    for id in needed {
        let copies = engine.post().copies(*id, &|place| Some(engine.read(place).unwrap()));
        assert_eq!(copies.len(), 1, "{id} is needed");
    }
    drop(engine);
    fs::remove_dir_all(dir.join("index")).unwrap();
    assert_eq!(rows(dir, io), with_index, "an index rebuilt from the baseline says the same");
}

#[test]
fn without_index_and_baseline_a_station_does_not_start_as_if_nothing_had_been() {
    let dir = tempfile::tempdir().unwrap();
    let mut district = District::start(dir.path());
    (0..120).for_each(|_| drop(district.live()));
    district.tidy_all();
    district.io.pass(RETENTION);
    district.live();
    district.tidy_all();
    assert!(size(&dir.path().join("journal/baseline")) > 0, "something was given up");
    let io = district.io.clone();
    drop(district);
    let baseline: PathBuf = dir.path().join("journal/baseline");
    let mut bytes = fs::read(&baseline).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&baseline, bytes).unwrap();
    open(dir.path(), &io).map(drop).unwrap();
    fs::remove_dir_all(dir.path().join("index")).unwrap();
    let refused = open(dir.path(), &io).map(drop).unwrap_err().to_string();
    assert!(refused.contains("baseline is damaged"), "{refused}");
    fs::remove_file(&baseline).unwrap();
    let refused = open(dir.path(), &io).map(drop).unwrap_err().to_string();
    assert!(refused.contains("restore the whole data directory"), "{refused}");
}
