//! The ground the demo stands on: its directory, the programs beside it, and the certificates of the whole tree.
//!
//! Promises: a directory the demo did not make is never touched; a directory in use is refused; what a demo that was
//! killed left behind (files and processes) is cleared away by the next one.

use std::{
    fs, io,
    os::unix::{
        fs::{DirBuilderExt, MetadataExt},
        net::UnixStream,
    },
    path::{Path, PathBuf},
    process::Output,
};

use node::topology::{Tier, Topology, Unit};
use tokio::process::Command;

use super::trouble::Trouble;

/// What shows that a directory is a demo's.
const MARK: &str = ".zhuji-demo";
/// Longest name of a local socket (108 bytes with the closing zero on Linux, less elsewhere).
const SOCKET_PATH_MAX: usize = 103;
/// What lives in the directory.
const PARTS: &[&str] = &["config", "data", "run", "log", "phones"];

/// The demo's directory.
#[derive(Debug)]
pub(crate) struct Ground {
    dir: PathBuf,
}

impl Ground {
    /// Takes the directory, clearing away what an earlier demo left there.
    pub(crate) fn claim(dir: &Path) -> Result<Self, Trouble> {
        let files = |why| Trouble::Files { path: dir.to_owned(), why };
        let dir = std::path::absolute(dir).map_err(files)?;
        match fs::symlink_metadata(&dir) {
            Ok(found) => {
                let ours = found.is_dir()
                    && found.uid() == rustix::process::getuid().as_raw()
                    && (dir.join(MARK).exists() || fs::read_dir(&dir).is_ok_and(|mut list| list.next().is_none()));
                if !ours {
                    return Err(Trouble::NotOurs(dir));
                }
                if UnixStream::connect(control(&dir)).is_ok() {
                    return Err(Trouble::InUse(dir));
                }
                end_leftovers(&dir);
                fs::remove_dir_all(&dir).map_err(files)?;
            }
            Err(why) if why.kind() == io::ErrorKind::NotFound => {}
            Err(why) => return Err(files(why)),
        }
        // Keys live below, so nobody else may look; creating it anew fails if someone was faster.
        let mut builder = fs::DirBuilder::new();
        builder.mode(0o700);
        fs::create_dir_all(dir.parent().unwrap_or(&dir)).map_err(files)?;
        builder.create(&dir).map_err(files)?;
        fs::write(dir.join(MARK), "ministry-hub demo\n").map_err(files)?;
        for part in PARTS {
            builder.create(dir.join(part)).map_err(files)?;
        }
        Ok(Self { dir })
    }

    /// Removes everything.
    pub(crate) fn clear(self) -> Result<(), Trouble> {
        fs::remove_dir_all(&self.dir).map_err(|why| Trouble::Files { path: self.dir, why })
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn config(&self, unit: &Unit) -> PathBuf {
        self.dir.join("config").join(format!("{unit}.toml"))
    }

    pub(crate) fn data(&self, unit: &Unit) -> PathBuf {
        self.dir.join("data").join(unit.as_str())
    }

    pub(crate) fn bundle(&self, unit: &Unit) -> PathBuf {
        self.dir.join("bundles").join(unit.as_str())
    }

    /// What its duty phone would have received.
    pub(crate) fn phone(&self, unit: &Unit) -> PathBuf {
        self.dir.join("phones").join(unit.as_str())
    }

    pub(crate) fn log(&self, unit: &Unit) -> PathBuf {
        self.dir.join("log").join(format!("{unit}.log"))
    }

    /// A station's local socket, if the kernel can take its name.
    pub(crate) fn socket(&self, unit: &Unit) -> Result<PathBuf, Trouble> {
        let path = self.dir.join("run").join(format!("{unit}.sock"));
        if path.as_os_str().len() > SOCKET_PATH_MAX { Err(Trouble::LongPath(path)) } else { Ok(path) }
    }
}

/// Where the demo listens for orders from a second terminal.
pub(crate) fn control(dir: &Path) -> PathBuf {
    dir.join("control.sock")
}

/// Ends the stations of a demo that was killed: those started with a configuration in this very directory.
fn end_leftovers(dir: &Path) {
    let configs = dir.join("config");
    let Ok(processes) = fs::read_dir("/proc") else { return };
    for process in processes.flatten() {
        let Some(pid) = process.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let Ok(line) = fs::read(process.path().join("cmdline")) else { continue };
        let ours = station_of(&line).is_some_and(|config| config.starts_with(&configs));
        if let (true, Some(pid)) = (ours, rustix::process::Pid::from_raw(pid)) {
            // It may have ended by itself in between, which is as good.
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).ok();
        }
    }
}

/// The configuration a station was started with, from its command line.
fn station_of(line: &[u8]) -> Option<PathBuf> {
    let mut words = line.split(|byte| *byte == 0).skip(1);
    let run = words.next() == Some(b"run") && words.next() == Some(b"--config");
    run.then(|| words.next()).flatten().map(|word| PathBuf::from(String::from_utf8_lossy(word).into_owned()))
}

/// The four programs, side by side.
#[derive(Debug, Clone)]
pub(crate) struct Programs {
    dir: PathBuf,
}

impl Programs {
    /// Those beside the one that is running.
    pub(crate) fn beside_me() -> Result<Self, Trouble> {
        let me = std::env::current_exe().map_err(|why| Trouble::Files { path: "ministry-hub".into(), why })?;
        Self::in_directory(me.parent().unwrap_or(Path::new(".")))
    }

    pub(crate) fn in_directory(dir: &Path) -> Result<Self, Trouble> {
        let wanted = ["district-node", "provincial-relay", "ministry-hub", "zhuji-certs"];
        let names: Vec<&str> = wanted.into_iter().filter(|name| !dir.join(name).is_file()).collect();
        if names.is_empty() {
            return Ok(Self { dir: dir.to_owned() });
        }
        let command = if dir.ends_with("debug") { "cargo build" } else { "cargo build --release" };
        Err(Trouble::Missing { names, dir: dir.to_owned(), command })
    }

    /// The program that is a station of this tier.
    pub(crate) fn station(&self, tier: Tier) -> PathBuf {
        self.dir.join(match tier {
            Tier::Ministry => "ministry-hub",
            Tier::Province => "provincial-relay",
            Tier::District => "district-node",
        })
    }

    /// Makes the keys and certificates of the whole tree, with the real tool.
    pub(crate) async fn certify(&self, ground: &Ground, topology: &Topology, text: &str) -> Result<(), Trouble> {
        let file = ground.dir().join("topology.toml");
        fs::write(&file, text).map_err(|why| Trouble::Files { path: file.clone(), why })?;
        let (ca, bundles) = (ground.dir().join("ca"), ground.dir().join("bundles"));
        let network = &topology.network;
        let mut init = self.certs();
        init.args(["init", "--name", &network.name, "--trust-domain", &network.trust_domain, "--out"]).arg(&ca);
        self.succeed("init", init).await?;
        let mut plan = self.certs();
        plan.arg("plan").arg(&file).arg("--ca").arg(&ca).arg("--out").arg(&bundles);
        self.succeed("plan", plan).await
    }

    fn certs(&self) -> Command {
        Command::new(self.dir.join("zhuji-certs"))
    }

    async fn succeed(&self, verb: &'static str, mut command: Command) -> Result<(), Trouble> {
        command.stdin(std::process::Stdio::null()).kill_on_drop(true);
        let program = self.dir.join("zhuji-certs");
        let output = command.output().await.map_err(|why| Trouble::Spawn { program, why })?;
        if output.status.success() { Ok(()) } else { Err(Trouble::Certificates { verb, said: last_words(&output) }) }
    }
}

fn last_words(output: &Output) -> String {
    let said = String::from_utf8_lossy(if output.stderr.is_empty() { &output.stdout } else { &output.stderr });
    format!("{} ({})", said.trim(), output.status)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn a_foreign_directory_is_refused_untouched() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("thesis.txt"), "years of work").unwrap();
        assert!(matches!(Ground::claim(dir.path()), Err(Trouble::NotOurs(_))));
        assert!(dir.path().join("thesis.txt").exists());
    }

    #[test]
    fn a_live_demo_keeps_its_directory_and_a_dead_one_loses_it() {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().join("demo");
        let ground = Ground::claim(&at).unwrap();
        let live = UnixListener::bind(control(&at)).unwrap();
        assert!(matches!(Ground::claim(&at), Err(Trouble::InUse(_))));
        drop(live);
        fs::write(ground.config(&Unit::parse("420100").unwrap()), "old").unwrap();
        let again = Ground::claim(&at).unwrap();
        assert!(!again.config(&Unit::parse("420100").unwrap()).exists());
        again.clear().unwrap();
        assert!(!at.exists());
    }

    #[test]
    fn a_socket_name_the_kernel_cannot_take_is_refused_early() {
        let dir = tempfile::tempdir().unwrap();
        let ground = Ground::claim(&dir.path().join("d".repeat(80))).unwrap();
        assert!(matches!(ground.socket(&Unit::parse("420100").unwrap()), Err(Trouble::LongPath(_))));
    }

    #[test]
    fn missing_programs_are_named_with_the_command_that_builds_them() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("ministry-hub"), "").unwrap();
        let refused = Programs::in_directory(dir.path()).unwrap_err().to_string();
        assert!(refused.contains("district-node, provincial-relay, zhuji-certs"), "{refused}");
        assert!(refused.contains("cargo build --release"), "{refused}");
    }

    #[test]
    fn only_a_station_of_this_directory_is_a_leftover() {
        let line = |words: &[&str]| words.join("\0").into_bytes();
        let ours = line(&["/x/district-node", "run", "--config", "/tmp/zhuji-demo/config/420100.toml", ""]);
        assert_eq!(station_of(&ours), Some("/tmp/zhuji-demo/config/420100.toml".into()));
        assert_eq!(station_of(&line(&["vi", "/tmp/zhuji-demo/config/420100.toml"])), None);
    }
}
