//! The country: one real process for each station, one line for each child, and what may be done to them.
//!
//! Promises: every process started here is ended here, even when the demo panics (they are killed on drop); a killed
//! station is really killed (SIGKILL) and comes back on its own data; a Ctrl-C in the terminal reaches the demo alone,
//! so that it can let everything arrive first.

use std::{
    collections::BTreeMap,
    fs, io,
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::Stdio,
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    time::Duration,
};

use futures_util::future::join_all;
use node::topology::{Place, Tier, Topology, Unit};
use proto::v1::StatusRequest;
use rustix::process::{Pid, Signal};
use serde::Serialize;
use tokio::{
    process::{Child, Command},
    sync::Mutex,
};

use super::{
    ground::{Ground, Programs},
    lines::Line,
    station::{self, Client},
    storm::Deed,
    trouble::Trouble,
};

/// Below the range the kernel takes ports for outgoing calls from: a killed station's port must still be free
/// when it comes back.
const PORTS: std::ops::Range<u16> = 20_000..32_000;
/// In a country up to this size the ministry also shows its metrics.
const SMALL: usize = 32;
/// How long a station may take to end by itself.
const FAREWELL: Duration = Duration::from_secs(5);

/// One station and the line to its parent.
#[derive(Debug)]
pub(crate) struct Post {
    pub(crate) place: Place,
    pub(crate) client: Client,
    pub(crate) line: Option<Line>,
    /// Where its children dial.
    listens: Option<SocketAddr>,
    pub(crate) program: PathBuf,
    /// Where its own people reach it.
    pub(crate) socket: PathBuf,
    /// Where browsers find its desk.
    pub(crate) desk: Option<SocketAddr>,
    /// What its duty phone would have received.
    pub(crate) phone: PathBuf,
    config: PathBuf,
    pub(crate) log: PathBuf,
    life: Mutex<Life>,
}

/// Whether a station lives.
#[derive(Debug)]
enum Life {
    NotYet,
    Up(Child),
    Killed,
    /// It ended without being told to.
    Died(String),
}

/// What was done, and the most memory seen.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) cuts: AtomicU32,
    pub(crate) heals: AtomicU32,
    pub(crate) kills: AtomicU32,
    pub(crate) revives: AtomicU32,
    /// Stations that ended by themselves.
    pub(crate) crashes: AtomicU32,
    pub(crate) memory_max: AtomicU64,
}

/// All stations.
#[derive(Debug)]
pub(crate) struct Country {
    pub(crate) topology: Topology,
    pub(crate) posts: BTreeMap<Unit, Post>,
    pub(crate) tally: Tally,
    pub(crate) metrics: Option<SocketAddr>,
}

impl Country {
    /// Lays the lines and writes every station's configuration. Nothing runs yet.
    pub(crate) async fn plan(topology: Topology, programs: &Programs, ground: &Ground) -> Result<Self, Trouble> {
        let places: Vec<Place> = topology.places().cloned().collect();
        let mut ports =
            free_ports(2 * places.len() + 1)?.into_iter().map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        let metrics = ports.next().filter(|_| places.len() <= SMALL);
        let listening = places.iter().filter(|place| place.tier != Tier::District).map(|place| place.unit.clone());
        let listens: BTreeMap<Unit, SocketAddr> = listening.zip(ports.by_ref()).collect();
        // A desk each in a small country; in a large one, where people look at all of it.
        let seated = places.iter().filter(|place| places.len() <= SMALL || place.tier == Tier::Ministry);
        let desks: BTreeMap<Unit, SocketAddr> = seated.map(|place| place.unit.clone()).zip(ports).collect();
        let mut posts = BTreeMap::new();
        for place in places {
            let line = match place.parent.as_ref().and_then(|parent| listens.get(parent)) {
                Some(parent) => Some(Line::lay(*parent).await.map_err(Trouble::Line)?),
                None => None,
            };
            let unit = place.unit.clone();
            let post = Post {
                client: station::client(ground.socket(&unit)?),
                listens: listens.get(&unit).copied(),
                line,
                program: programs.station(place.tier),
                socket: ground.socket(&unit)?,
                desk: desks.get(&unit).copied(),
                phone: ground.phone(&unit),
                config: ground.config(&unit),
                log: ground.log(&unit),
                life: Mutex::new(Life::NotYet),
                place,
            };
            let shown = metrics.filter(|_| post.place.tier == Tier::Ministry);
            // Straight to the ministry: no line that can be cut here is on that way.
            let root = topology.root();
            let passes = topology.passes_over(root, &unit).then(|| listens.get(root).copied()).flatten();
            fs::create_dir_all(&post.phone).map_err(|why| Trouble::Files { path: post.phone.clone(), why })?;
            let text = config(&post, passes, shown, ground)?;
            fs::write(&post.config, text).map_err(|why| Trouble::Files { path: post.config.clone(), why })?;
            posts.insert(unit, post);
        }
        Ok(Self { topology, posts, tally: Tally::default(), metrics })
    }

    /// The stations, parents before children.
    pub(crate) fn top_down(&self) -> Vec<&Post> {
        let mut posts: Vec<&Post> = self.posts.values().collect();
        posts.sort_by_key(|post| post.place.tier);
        posts
    }

    /// Does one deed. False if it changed nothing. Cutting the ministry off means all of its children's lines.
    pub(crate) async fn act(&self, unit: &Unit, deed: Deed) -> Result<bool, Trouble> {
        let Some(post) = self.posts.get(unit) else { return Ok(false) };
        let (changed, tally) = match deed {
            Deed::Cut => (self.lines(unit).filter(|line| line.cut()).count() > 0, &self.tally.cuts),
            Deed::Heal => (self.lines(unit).filter(|line| line.heal()).count() > 0, &self.tally.heals),
            Deed::Kill => (post.kill().await, &self.tally.kills),
            Deed::Revive => (post.start().await?, &self.tally.revives),
        };
        tally.fetch_add(u32::from(changed), Ordering::Relaxed);
        Ok(changed)
    }

    /// The line to the parent, or all lines of the ministry's children.
    fn lines<'a>(&'a self, unit: &'a Unit) -> impl Iterator<Item = &'a Line> {
        let root = self.topology.root();
        self.posts
            .values()
            .filter(move |post| post.place.unit == *unit || unit == root && post.place.parent.as_ref() == Some(root))
            .filter_map(|post| post.line.as_ref())
    }

    /// Heals every line and revives every station.
    pub(crate) async fn mend(&self) -> Result<(), Trouble> {
        for unit in self.posts.keys() {
            self.act(unit, Deed::Heal).await?;
            self.act(unit, Deed::Revive).await?;
        }
        Ok(())
    }

    /// Those that ended by themselves since the last look, with how. Also takes note of memory.
    pub(crate) async fn look(&self) -> Vec<(&Post, String)> {
        let mut died = Vec::new();
        let mut memory = 0;
        for post in self.posts.values() {
            let mut life = post.life.lock().await;
            let Life::Up(child) = &mut *life else { continue };
            match child.try_wait() {
                Ok(Some(status)) => {
                    died.push((post, status.to_string()));
                    *life = Life::Died(status.to_string());
                }
                _ => memory += child.id().map_or(0, memory_bytes),
            }
        }
        self.tally.memory_max.fetch_max(memory, Ordering::Relaxed);
        self.tally.crashes.fetch_add(u32::try_from(died.len()).unwrap_or(u32::MAX), Ordering::Relaxed);
        died
    }

    /// Ends every process: politely, then not.
    pub(crate) async fn end(&self) {
        join_all(self.posts.values().map(Post::end)).await;
    }
}

impl Post {
    /// Starts the station. False if it runs already.
    pub(crate) async fn start(&self) -> Result<bool, Trouble> {
        let mut life = self.life.lock().await;
        if matches!(*life, Life::Up(_)) {
            return Ok(false);
        }
        *life = Life::Up(self.spawn().map_err(|why| Trouble::Spawn { program: self.program.clone(), why })?);
        Ok(true)
    }

    fn spawn(&self) -> io::Result<Child> {
        let log = fs::OpenOptions::new().create(true).append(true).open(&self.log)?;
        Command::new(&self.program)
            .arg("run")
            .arg("--config")
            .arg(&self.config)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            // Its own group: the terminal's Ctrl-C is for the demo, which lets everything arrive first.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
    }

    /// Kills the process with SIGKILL and waits until it is gone. False if none runs.
    async fn kill(&self) -> bool {
        let mut life = self.life.lock().await;
        let Life::Up(child) = &mut *life else { return false };
        // One that has just ended by itself was not killed; the next look will find it.
        if !matches!(child.try_wait(), Ok(None)) || child.kill().await.is_err() {
            return false;
        }
        *life = Life::Killed;
        true
    }

    async fn end(&self) {
        let mut life = self.life.lock().await;
        let Life::Up(child) = &mut *life else { return };
        if let Some(pid) = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).unwrap_or(0))) {
            // Gone already is gone.
            rustix::process::kill_process(pid, Signal::TERM).ok();
        }
        if tokio::time::timeout(FAREWELL, child.wait()).await.is_err() {
            child.kill().await.ok();
        }
        *life = Life::Killed;
    }

    /// Why it does not run; `None` if it does.
    pub(crate) async fn down(&self) -> Option<String> {
        let mut life = self.life.lock().await;
        match &mut *life {
            Life::Up(child) => child.try_wait().ok().flatten().map(|status| status.to_string()),
            Life::NotYet | Life::Killed => Some(String::new()),
            Life::Died(how) => Some(how.clone()),
        }
    }

    /// Whether it answers its own people, and whether its line to the parent works.
    pub(crate) async fn ready(&self) -> (bool, bool) {
        match self.client.clone().get_status(StatusRequest {}).await {
            Ok(status) => {
                let links = status.into_inner().links;
                (true, self.place.parent.is_none() || links.iter().any(|link| link.parent && link.up))
            }
            Err(_) => (false, false),
        }
    }
}

#[derive(Serialize)]
struct Config<'a> {
    station: StationPart<'a>,
    identity: IdentityPart,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<AbovePart>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ministry: Option<AbovePart>,
    #[serde(skip_serializing_if = "Option::is_none")]
    listen: Option<ListenPart>,
    local: LocalPart,
    #[serde(skip_serializing_if = "Option::is_none")]
    desk: Option<ListenPart>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notify: Vec<NotifyPart>,
    store: StorePart,
    telemetry: TelemetryPart,
}

#[derive(Serialize)]
struct StationPart<'a> {
    unit: &'a str,
    data: PathBuf,
}

#[derive(Serialize)]
struct IdentityPart {
    directory: PathBuf,
}

#[derive(Serialize)]
struct AbovePart {
    endpoints: Vec<SocketAddr>,
}

#[derive(Serialize)]
struct ListenPart {
    address: SocketAddr,
}

/// A phone that rings for drills, because here everything is one.
#[derive(Serialize)]
struct NotifyPart {
    name: &'static str,
    precedence: [&'static str; 2],
    after: &'static str,
    drills: bool,
    spool: PathBuf,
    number: &'static str,
}

#[derive(Serialize)]
struct LocalPart {
    socket: PathBuf,
}

#[derive(Serialize)]
struct StorePart {
    segment: &'static str,
    retention: &'static str,
    reserve: &'static str,
    index_cache: &'static str,
}

#[derive(Serialize)]
struct TelemetryPart {
    log: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    metrics: Option<SocketAddr>,
}

/// A station's configuration: small stores, because a whole country shares one disk and one memory.
fn config(
    post: &Post,
    ministry: Option<SocketAddr>,
    metrics: Option<SocketAddr>,
    ground: &Ground,
) -> Result<String, Trouble> {
    let unit = &post.place.unit;
    let config = Config {
        station: StationPart { unit: unit.as_str(), data: ground.data(unit) },
        identity: IdentityPart { directory: ground.bundle(unit) },
        parent: post.line.as_ref().map(|line| AbovePart { endpoints: vec![line.address()] }),
        ministry: ministry.map(|address| AbovePart { endpoints: vec![address] }),
        listen: post.listens.map(|address| ListenPart { address }),
        desk: post.desk.map(|address| ListenPart { address }),
        notify: post.desk.iter().map(|_| phone(post)).collect(),
        local: LocalPart { socket: ground.socket(unit)? },
        store: StorePart { segment: "2MiB", retention: "1d", reserve: "1MiB", index_cache: "4MiB" },
        telemetry: TelemetryPart { log: "warn", metrics },
    };
    toml::to_string(&config).map_err(|why| Trouble::Files { path: post.config.clone(), why: io::Error::other(why) })
}

/// It rings when nobody has signed for something urgent for a moment: officers who sit at their desks are not called.
fn phone(post: &Post) -> NotifyPart {
    NotifyPart {
        name: "值班手机",
        precedence: ["te-ti", "te-ji"],
        after: "4s",
        drills: true,
        spool: post.phone.clone(),
        number: "13800000000",
    }
}

/// That many ports nobody holds. All are held until the last is found, so none is named twice.
fn free_ports(wanted: usize) -> Result<Vec<u16>, Trouble> {
    // Two demos at once begin at different places.
    let skip = usize::try_from(std::process::id()).unwrap_or(0) % 64 * 100;
    let held: Vec<(u16, TcpListener)> = PORTS
        .skip(skip)
        .chain(PORTS.take(skip))
        .filter_map(|port| TcpListener::bind(("127.0.0.1", port)).ok().map(|held| (port, held)))
        .take(wanted)
        .collect();
    if held.len() < wanted {
        Err(Trouble::Ports { wanted })
    } else {
        Ok(held.into_iter().map(|(port, _)| port).collect())
    }
}

/// Memory of one process, what it shares with others counted by its part: the same program runs many times here. Zero
/// where the system does not tell.
fn memory_bytes(pid: u32) -> u64 {
    fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).map_or(0, |text| proportional_in(&text))
}

fn proportional_in(rollup: &str) -> u64 {
    let kib =
        rollup.lines().find_map(|line| line.strip_prefix("Pss:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEMO: &str = include_str!("../../../deploy/topology/demo.toml");

    async fn country(dir: &std::path::Path, program: &str) -> Country {
        let bin = dir.join("bin");
        fs::create_dir_all(&bin).unwrap();
        for name in ["district-node", "provincial-relay", "ministry-hub", "zhuji-certs"] {
            std::os::unix::fs::symlink(program, bin.join(name)).unwrap();
        }
        let ground = Ground::claim(&dir.join("demo")).unwrap();
        let programs = Programs::in_directory(&bin).unwrap();
        Country::plan(Topology::parse(DEMO).unwrap(), &programs, &ground).await.unwrap()
    }

    #[tokio::test]
    async fn a_configuration_names_the_line_and_never_the_parent_itself() {
        let dir = tempfile::tempdir().unwrap();
        let country = country(dir.path(), "/bin/true").await;
        let post = |unit: &str| &country.posts[&Unit::parse(unit).unwrap()];
        let read = |unit: &str| -> toml::Table { fs::read_to_string(&post(unit).config).unwrap().parse().unwrap() };
        let district = read("420100");
        let line = post("420100").line.as_ref().unwrap().address();
        assert_eq!(district["parent"]["endpoints"][0].as_str(), Some(line.to_string().as_str()));
        assert!(!district.contains_key("listen"));
        assert_ne!(Some(line), post("420000").listens);
        let hub = read("000000");
        assert!(!hub.contains_key("parent"));
        assert_eq!(hub["listen"]["address"].as_str(), Some(post("000000").listens.unwrap().to_string().as_str()));
        assert!(hub["telemetry"].get("metrics").is_some() && district["telemetry"].get("metrics").is_none());
    }

    #[tokio::test]
    async fn every_station_accepts_its_configuration() {
        let dir = tempfile::tempdir().unwrap();
        let country = country(dir.path(), "/bin/true").await;
        for post in country.posts.values() {
            let read = node::config::Config::load(&post.config).unwrap();
            assert_eq!(read.station.unit, post.place.unit);
            assert_eq!(read.listen.map(|listen| listen.address), post.listens);
            assert_eq!(read.parent.is_some(), post.place.parent.is_some());
        }
    }

    #[tokio::test]
    async fn cutting_the_ministry_off_cuts_its_childrens_lines() {
        let dir = tempfile::tempdir().unwrap();
        let country = country(dir.path(), "/bin/true").await;
        let is_cut = |unit: &str| country.posts[&Unit::parse(unit).unwrap()].line.as_ref().unwrap().is_cut();
        let (hub, wuhan) = (Unit::parse("000000").unwrap(), Unit::parse("420100").unwrap());
        assert!(country.act(&hub, Deed::Cut).await.unwrap());
        assert!(is_cut("420000") && is_cut("350000") && !is_cut("420100"));
        assert!(country.act(&wuhan, Deed::Cut).await.unwrap());
        assert!(!country.act(&wuhan, Deed::Cut).await.unwrap(), "cut already");
        country.act(&hub, Deed::Heal).await.unwrap();
        country.act(&wuhan, Deed::Heal).await.unwrap();
        assert!(!is_cut("420000") && !is_cut("350000") && !is_cut("420100"));
        assert_eq!(country.tally.cuts.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn a_station_that_ends_by_itself_is_noticed_and_can_be_started_again() {
        let dir = tempfile::tempdir().unwrap();
        let country = country(dir.path(), "/bin/false").await;
        let wuhan = Unit::parse("420100").unwrap();
        assert!(country.act(&wuhan, Deed::Revive).await.unwrap());
        let mut died = Vec::new();
        while died.is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
            died = country.look().await.into_iter().map(|(post, _)| post.place.unit.clone()).collect();
        }
        assert_eq!(died, std::slice::from_ref(&wuhan));
        assert!(country.posts[&wuhan].down().await.is_some_and(|how| !how.is_empty()));
        assert!(!country.act(&wuhan, Deed::Kill).await.unwrap(), "nothing to kill");
        assert!(country.act(&wuhan, Deed::Revive).await.unwrap());
        country.end().await;
    }

    #[test]
    fn ports_are_free_and_different() {
        let ports = free_ports(40).unwrap();
        assert_eq!(ports.iter().collect::<std::collections::BTreeSet<_>>().len(), 40);
        assert!(ports.iter().all(|port| PORTS.contains(port)));
    }

    #[test]
    fn memory_is_read_from_the_kernels_words() {
        assert_eq!(
            proportional_in("5629-7ffe ---p [rollup]\nRss:  22088 kB\nPss:    1234 kB\nPss_Dirty: 9 kB\n"),
            1234 * 1024
        );
        assert_eq!(proportional_in("nothing of the kind\n"), 0);
    }
}
