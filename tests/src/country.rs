//! A country of real processes: real binaries, certificates, sockets and disks, and lines that can be cut.

use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::OnceLock,
    time::Duration,
};

use node::{
    desk::client,
    topology::{Tier, Topology, Unit},
};
use proto::v1;
use rustix::process::{Pid, Signal, kill_process};

use crate::{line::Line, port::Port};

/// Of everybody who was entered at a desk.
pub const PASSWORD: &str = "correct horse battery";

/// A small country: a ministry, a province with two districts, a district of the ministry's own.
pub const COUNTRY: &str = r#"
[network]
name = "trial"
trust_domain = "trial"
[[station]]
unit = "000000"
tier = "ministry"
name = "部"
[[station]]
unit = "420000"
tier = "province"
name = "湖北"
parent = "000000"
[[station]]
unit = "420100"
tier = "district"
name = "武汉"
parent = "420000"
[[station]]
unit = "420500"
tier = "district"
name = "宜昌"
parent = "420000"
[[station]]
unit = "820000"
tier = "district"
name = "澳门"
parent = "000000"
"#;

/// One country.
pub struct Country {
    dir: tempfile::TempDir,
    settings: String,
    authority: certs::Authority,
    topology: Topology,
    running: BTreeMap<Unit, Child>,
    lines: BTreeMap<Unit, Line>,
    addresses: BTreeMap<Unit, SocketAddr>,
    // Dropped last: no other test may take them while a station lives.
    ports: Vec<Port>,
    environments: BTreeMap<Unit, Vec<(&'static str, PathBuf)>>,
    namespaces: BTreeMap<Unit, PathBuf>,
    with_lines: bool,
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
        let mut country = Self::lay(topology).await;
        country.rise().await;
        country
    }

    /// The same, every station with further settings in the table of its configuration that is about telemetry.
    pub async fn start_with(topology: &str, telemetry: &str) -> Self {
        let mut country = Self::build(topology, true, telemetry).await;
        country.rise().await;
        country
    }

    /// The same with stations that call each other directly: nothing to cut, nothing in the way of a measurement.
    pub async fn start_direct(topology: &str) -> Self {
        let mut country = Self::build(topology, false, "").await;
        country.rise().await;
        country
    }

    /// Makes certificates and configurations, and starts nothing.
    pub async fn lay(topology: &str) -> Self {
        Self::build(topology, true, "").await
    }

    /// Starts every station and waits for all lines.
    pub async fn rise(&mut self) {
        let units: Vec<Unit> = self.topology.places().map(|place| place.unit.clone()).collect();
        units.iter().for_each(|unit| self.revive(unit));
        self.until_linked().await;
    }

    async fn build(topology: &str, with_lines: bool, telemetry: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let tree = Topology::parse(topology).unwrap();
        let now = time::OffsetDateTime::now_utc();
        // A month old, so that it can have issued what has expired since.
        let then = now - time::Duration::days(30);
        let authority = certs::Authority::create("trial", &tree.network.trust_domain, then).unwrap();
        let mut country = Self {
            dir,
            settings: telemetry.to_owned(),
            authority,
            running: BTreeMap::new(),
            lines: BTreeMap::new(),
            addresses: BTreeMap::new(),
            ports: Vec::new(),
            environments: BTreeMap::new(),
            namespaces: BTreeMap::new(),
            with_lines,
            topology: tree.clone(),
        };
        for place in tree.places().filter(|place| place.tier != Tier::District) {
            let port = Port::take();
            country.addresses.insert(place.unit.clone(), port.address);
            country.ports.push(port);
        }
        for place in tree.places() {
            let bundle = country.authority.issue_station(tier_of(place.tier), place.unit.as_str(), now).unwrap();
            bundle.write(&country.path(&place.unit, "identity"), topology).unwrap();
            if let Some(parent) = place.parent.as_ref().filter(|_| with_lines) {
                let line = Line::lay(country.addresses[parent]).await;
                country.lines.insert(place.unit.clone(), line);
            }
            country.write_config(&place.unit);
        }
        country
    }

    /// A file or folder of a station.
    pub fn path(&self, unit: &Unit, name: &str) -> PathBuf {
        self.dir.path().join(unit.as_str()).join(name)
    }

    /// Another identity for a station, in a folder of this name, made so many days from now. Negative days make one that
    /// expired a day after it was made.
    pub fn issue(&self, unit: &Unit, name: &str, days_from_now: i64) -> PathBuf {
        let tier = tier_of(self.topology.place(unit.as_str()).unwrap().tier);
        let made = time::OffsetDateTime::now_utc() + time::Duration::days(days_from_now);
        let days = if days_from_now < 0 { 1 } else { 90 };
        let bundle = self.authority.issue_station_for(tier, unit.as_str(), made, days).unwrap();
        let tree = fs::read_to_string(self.path(unit, "identity/topology.toml")).unwrap();
        bundle.write(&self.path(unit, name), &tree).unwrap();
        self.path(unit, name)
    }

    /// Changes a station's configuration; it takes effect when the station is started next.
    pub fn configure(&self, unit: &Unit, from: &str, to: &str) {
        let path = self.path(unit, "config.toml");
        let before = fs::read_to_string(&path).unwrap();
        assert!(before.contains(from), "{from} is not in {before}");
        fs::write(path, before.replace(from, to)).unwrap();
    }

    /// Gives a station a desk in the browser; it takes effect when the station is started next.
    pub fn seat(&mut self, unit: &Unit) -> SocketAddr {
        let port = Port::take();
        let address = port.address;
        self.ports.push(port);
        let path = self.path(unit, "config.toml");
        let before = fs::read_to_string(&path).unwrap();
        fs::write(path, format!("{before}[desk]\naddress = \"{address}\"\n")).unwrap();
        address
    }

    /// Enters somebody at a station that runs, with [`PASSWORD`].
    pub async fn enrol(&self, unit: &Unit, name: &str, posts: &[v1::Post]) {
        let posts = posts.iter().map(|post| (*post).into()).collect();
        let request = v1::OfficersRequest { name: name.into(), posts, password: PASSWORD.into(), ..Default::default() };
        self.desk(unit).await.manage_officers(request).await.unwrap();
    }

    /// Sets a variable for a station; it takes effect when the station is started next.
    pub fn set_environment(&mut self, unit: &Unit, name: &'static str, value: &Path) {
        self.environments.entry(unit.clone()).or_default().push((name, value.to_owned()));
    }

    /// Puts a station into a network namespace; it takes effect when the station is started next.
    pub fn put_into(&mut self, unit: &Unit, namespace: &Path) {
        self.namespaces.insert(unit.clone(), namespace.to_owned());
    }

    /// What a person at a station types.
    pub fn type_at(&self, unit: &Unit, words: &[&str]) -> Output {
        Command::new(binaries().join(self.binary(unit)))
            .args(words)
            .arg("--socket")
            .arg(self.path(unit, "s"))
            .arg("--config")
            .arg(self.path(unit, "config.toml"))
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// The tree.
    pub fn topology(&self) -> &Topology {
        &self.topology
    }

    /// Starts a station that does not run.
    pub fn revive(&mut self, unit: &Unit) {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.path(unit, "log")).unwrap();
        let child = self.command(unit).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        self.running.insert(unit.clone(), child);
    }

    /// Starts a station that will not stay up, beside one that runs perhaps, and says how that ended.
    pub fn start_in_vain(&self, unit: &Unit) -> Output {
        self.command(unit).output().unwrap()
    }

    fn command(&self, unit: &Unit) -> Command {
        let binary = binaries().join(self.binary(unit));
        let mut command = match self.namespaces.get(unit) {
            Some(namespace) => {
                let mut nsenter = Command::new("nsenter");
                nsenter.arg(format!("--net={}", namespace.display())).arg(binary);
                nsenter
            }
            None => Command::new(binary),
        };
        command
            .args(["run", "--config"])
            .arg(self.path(unit, "config.toml"))
            .envs(self.environments.get(unit).into_iter().flatten().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
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

    /// SIGTERM: how it ended.
    pub fn stop(&mut self, unit: &Unit) -> ExitStatus {
        let mut child = self.running.remove(unit).unwrap();
        kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
        child.wait().unwrap()
    }

    /// SIGHUP: look at your certificates again.
    pub fn hang_up(&self, unit: &Unit) {
        kill_process(Pid::from_child(&self.running[unit]), Signal::HUP).unwrap();
    }

    /// SIGSTOP: it is there, and does nothing.
    pub fn freeze(&self, unit: &Unit) {
        kill_process(Pid::from_child(&self.running[unit]), Signal::STOP).unwrap();
    }

    /// SIGCONT.
    pub fn thaw(&self, unit: &Unit) {
        kill_process(Pid::from_child(&self.running[unit]), Signal::CONT).unwrap();
    }

    /// Waits until a station has ended by itself, and says how.
    pub async fn until_ended(&mut self, unit: &Unit) -> ExitStatus {
        let mut child = self.running.remove(unit).unwrap();
        eventually(&format!("{unit} ends"), async || child.try_wait().unwrap()).await
    }

    /// Whether a station's process still runs.
    pub fn lives(&mut self, unit: &Unit) -> bool {
        self.running.get_mut(unit).is_some_and(|child| child.try_wait().unwrap().is_none())
    }

    /// How fast the line above a station is, in bytes a second; 0 = as fast as it can.
    pub fn pace(&self, unit: &Unit, bytes_per_second: u32) {
        self.lines[unit].pace(bytes_per_second);
    }

    /// Cuts the line above a station.
    pub fn cut(&self, unit: &Unit) {
        self.lines[unit].cut();
    }

    /// Heals it.
    pub fn heal(&self, unit: &Unit) {
        self.lines[unit].heal();
    }

    /// Where a station calls: the line above it.
    pub fn line(&self, unit: &Unit) -> SocketAddr {
        self.lines[unit].address()
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

    /// Waits until a station has logged a line with all of these words in it, and says which.
    pub async fn until_logged(&self, unit: &Unit, words: &[&str]) -> String {
        eventually(&format!("{unit} logs {words:?}; so far: {}", self.log(unit)), async || {
            let log = self.log(unit);
            log.lines().find(|line| words.iter().all(|word| line.contains(word))).map(str::to_owned)
        })
        .await
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

    fn binary(&self, unit: &Unit) -> &'static str {
        match self.topology.place(unit.as_str()).unwrap().tier {
            Tier::Ministry => "ministry-hub",
            Tier::Province => "provincial-relay",
            Tier::District => "district-node",
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
        if self.with_lines {
            config += "[store]\nsegment = \"4MiB\"\nreserve = \"1MiB\"\n";
        }
        let parent = self.topology.parent(unit).map(|parent| self.addresses[parent]);
        if let Some(address) = self.lines.get(unit).map(Line::address).or(parent) {
            config += &format!("[parent]\nendpoints = [\"{address}\"]\n");
        }
        let root = self.topology.root();
        if self.topology.passes_over(root, unit) {
            config += &format!("[ministry]\nendpoints = [\"{}\"]\n", self.addresses[root]);
        }
        if let Some(address) = self.addresses.get(unit) {
            config += &format!("[listen]\naddress = \"{address}\"\n");
        }
        fs::write(directory.join("config.toml"), config).unwrap();
    }
}

impl Drop for Country {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for (unit, child) in &mut self.running {
                let how = child.try_wait().map_or_else(|error| error.to_string(), |ended| format!("{ended:?}"));
                let log = fs::read_to_string(self.dir.path().join(unit.as_str()).join("log")).unwrap_or_default();
                let last: Vec<&str> = log.lines().rev().take(12).collect();
                let last = last.into_iter().rev().collect::<Vec<_>>().join("\n");
                eprintln!("-- {unit} (ended: {how}), the last it logged:\n{last}");
            }
        }
        for child in self.running.values_mut() {
            // One that has ended already cannot be killed, and need not be.
            drop(child.kill());
            drop(child.wait());
        }
    }
}

pub(crate) fn tier_of(tier: Tier) -> certs::Tier {
    match tier {
        Tier::Ministry => certs::Tier::Ministry,
        Tier::Province => certs::Tier::Province,
        Tier::District => certs::Tier::District,
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
