//! A country of real processes: real binaries, certificates, sockets and disks, and lines that can be cut.

use std::{
    collections::BTreeMap,
    fs,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    time::Duration,
};

use node::{
    desk::client,
    topology::{Tier, Topology, Unit},
};
use proto::v1;

use crate::line::Line;

/// One country.
pub struct Country {
    dir: tempfile::TempDir,
    settings: String,
    topology: Topology,
    running: BTreeMap<Unit, Child>,
    lines: BTreeMap<Unit, Line>,
    addresses: BTreeMap<Unit, SocketAddr>,
}

/// Where the binaries are, built once a run.
pub fn binaries() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT
        .get_or_init(|| {
            let here = std::env::current_exe().unwrap();
            let profile = here.ancestors().find(|dir| dir.ends_with("debug") || dir.ends_with("release")).unwrap();
            let mut cargo = Command::new(env!("CARGO"));
            cargo
                .args(["build", "--workspace", "--bins", "--quiet"])
                .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
            if profile.ends_with("release") {
                cargo.arg("--release");
            }
            assert!(cargo.status().unwrap().success(), "the binaries do not build");
            profile.to_owned()
        })
        .clone()
}

impl Country {
    /// Makes certificates and configurations, starts every station, and waits until every line is up.
    pub async fn start(topology: &str) -> Self {
        Self::build(topology, true, "").await
    }

    /// The same, every station with further settings in the table of its configuration that is about telemetry.
    pub async fn start_with(topology: &str, telemetry: &str) -> Self {
        Self::build(topology, true, telemetry).await
    }

    /// The same with stations that call each other directly: nothing to cut, nothing in the way of a measurement.
    pub async fn start_direct(topology: &str) -> Self {
        Self::build(topology, false, "").await
    }

    async fn build(topology: &str, with_lines: bool, telemetry: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let tree = Topology::parse(topology).unwrap();
        let now = time::OffsetDateTime::now_utc();
        let authority = certs::Authority::create("trial", &tree.network.trust_domain, now).unwrap();
        let mut country = Self {
            dir,
            settings: telemetry.to_owned(),
            running: BTreeMap::new(),
            lines: BTreeMap::new(),
            addresses: BTreeMap::new(),
            topology: tree.clone(),
        };
        for place in tree.places().filter(|place| place.tier != Tier::District) {
            let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            country.addresses.insert(place.unit.clone(), free);
        }
        for place in tree.places() {
            let tier = match place.tier {
                Tier::Ministry => certs::Tier::Ministry,
                Tier::Province => certs::Tier::Province,
                Tier::District => certs::Tier::District,
            };
            let bundle = authority.issue_station(tier, place.unit.as_str(), now).unwrap();
            bundle.write(&country.path(&place.unit, "identity"), topology).unwrap();
            if let Some(parent) = place.parent.as_ref().filter(|_| with_lines) {
                let line = Line::lay(country.addresses[parent]).await;
                country.lines.insert(place.unit.clone(), line);
            }
            country.write_config(&place.unit);
            country.revive(&place.unit);
        }
        country.until_linked().await;
        country
    }

    /// A file or folder of a station.
    pub fn path(&self, unit: &Unit, name: &str) -> PathBuf {
        self.dir.path().join(unit.as_str()).join(name)
    }

    /// The tree.
    pub fn topology(&self) -> &Topology {
        &self.topology
    }

    /// Starts a station that does not run.
    pub fn revive(&mut self, unit: &Unit) {
        let tier = self.topology.place(unit.as_str()).unwrap().tier;
        let binary = match tier {
            Tier::Ministry => "ministry-hub",
            Tier::Province => "provincial-relay",
            Tier::District => "district-node",
        };
        let log = fs::OpenOptions::new().create(true).append(true).open(self.path(unit, "log")).unwrap();
        let child = Command::new(binaries().join(binary))
            .args(["run", "--config"])
            .arg(self.path(unit, "config.toml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.running.insert(unit.clone(), child);
    }

    /// SIGKILL.
    pub fn kill(&mut self, unit: &Unit) {
        let mut child = self.running.remove(unit).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// The process of a station.
    pub fn pid(&self, unit: &Unit) -> u32 {
        self.running[unit].id()
    }

    /// Cuts the line above a station.
    pub fn cut(&self, unit: &Unit) {
        self.lines[unit].cut();
    }

    /// Heals it.
    pub fn heal(&self, unit: &Unit) {
        self.lines[unit].heal();
    }

    /// Where children of a station call, past any line.
    pub fn address(&self, unit: &Unit) -> SocketAddr {
        self.addresses[unit]
    }

    /// Speaks to a station's own people's socket, once it answers.
    pub async fn desk(&self, unit: &Unit) -> client::Station {
        let socket = self.path(unit, "s");
        for _ in 0..600 {
            if let Ok(mut station) = client::connect(&socket).await
                && station.get_status(v1::StatusRequest {}).await.is_ok()
            {
                return station;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{unit} does not answer: {}", self.log(unit));
    }

    /// What a station logged.
    pub fn log(&self, unit: &Unit) -> String {
        fs::read_to_string(self.path(unit, "log")).unwrap_or_default()
    }

    /// Waits until every line is up.
    pub async fn until_linked(&self) {
        for unit in self.running.keys() {
            let mut desk = self.desk(unit).await;
            eventually(&format!("the lines of {unit} are up"), async || {
                let status = desk.get_status(v1::StatusRequest {}).await.ok()?.into_inner();
                status.links.iter().all(|link| link.up).then_some(())
            })
            .await;
        }
    }

    fn write_config(&self, unit: &Unit) {
        let directory = self.dir.path().join(unit.as_str());
        let mut config = format!(
            "[station]\nunit = \"{unit}\"\ndata = \"data\"\n[identity]\ndirectory = \"identity\"\n[local]\nsocket = \"s\"\n\
             [telemetry]\nlog = \"info\"\n{}\n",
            self.settings
        );
        // Small segments, so that a trial meets their borders; a measurement wants what people get.
        if !self.lines.is_empty() {
            config += "[store]\nsegment = \"4MiB\"\nreserve = \"1MiB\"\n";
        }
        let parent = self.topology.parent(unit).map(|parent| self.addresses[parent]);
        if let Some(address) = self.lines.get(unit).map(Line::address).or(parent) {
            config += &format!("[parent]\nendpoints = [\"{address}\"]\n");
        }
        if let Some(address) = self.addresses.get(unit) {
            config += &format!("[listen]\naddress = \"{address}\"\n");
        }
        fs::write(directory.join("config.toml"), config).unwrap();
    }
}

impl Drop for Country {
    fn drop(&mut self) {
        for child in self.running.values_mut() {
            // One that has ended already cannot be killed, and need not be.
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// Asks again and again until there is an answer; a minute is long enough for anything.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..1200 {
        if let Some(answer) = ask().await {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not within a minute: {what}");
}

/// The unit of this id.
pub fn unit(text: &str) -> Unit {
    Unit::parse(text).unwrap()
}

/// The demo's tree.
pub fn small() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/topology/demo.toml")).unwrap()
}
