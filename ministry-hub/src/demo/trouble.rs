//! Why the demo cannot go on: each says what happened, to what, and what to do next.

use std::{io, path::PathBuf};

use node::topology::BadTopology;

use super::words::Lang;

/// Everything that ends a demo early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// Not everything is built.
    #[error("{} not found in {dir}. Build everything first: {command}", .names.join(", "), dir = .dir.display())]
    Missing { names: Vec<&'static str>, dir: PathBuf, command: &'static str },
    /// Another demo is at work.
    #[error("a demo is already running in {dir}. Stop it (Ctrl-C there) or choose another --dir", dir = .0.display())]
    InUse(PathBuf),
    /// A directory the demo did not make is never emptied by it.
    #[error("{dir} exists and was not made by a demo; nothing was touched. Choose another --dir", dir = .0.display())]
    NotOurs(PathBuf),
    /// The kernel's limit for the name of a local socket.
    #[error("{path} is too long for a local socket. Choose a shorter --dir", path = .0.display())]
    LongPath(PathBuf),
    /// The topology file.
    #[error("{path}: {why}", path = .path.display())]
    Topology { path: PathBuf, why: BadTopology },
    /// No such scenario.
    #[error("there is no scenario {name}. There are: {known}; or name a file, such as drill.toml")]
    NoScenario { name: String, known: String },
    /// A scenario that cannot be played.
    #[error("the scenario {name} cannot be played: {why}")]
    Script { name: String, why: String },
    /// A file or directory.
    #[error("{path}: {why}", path = .path.display())]
    Files { path: PathBuf, why: io::Error },
    /// `zhuji-certs` said no.
    #[error("zhuji-certs {verb} failed: {said}")]
    Certificates { verb: &'static str, said: String },
    /// Not enough free ports.
    #[error("found no {wanted} free ports on 127.0.0.1 between 20000 and 32000; stop what holds them and try again")]
    Ports { wanted: usize },
    /// A line to a parent.
    #[error("cannot lay a line on 127.0.0.1: {0}")]
    Line(io::Error),
    /// A program that cannot be started.
    #[error("{program} cannot be started: {why}", program = .program.display())]
    Spawn { program: PathBuf, why: io::Error },
    /// A station that ended while the country was starting.
    #[error("{name} ({unit}) ended at once ({status}). Its last words, from {log}:\n{tail}", log = .log.display())]
    Died { name: String, unit: String, status: String, log: PathBuf, tail: String },
    /// A country that did not come up.
    #[error("after {seconds} s still not ready: {}. Their logs are in {logs}", .names.join(", "), logs = .logs.display())]
    Slow { names: Vec<String>, seconds: u64, logs: PathBuf },
    /// Nobody to control.
    #[error("no demo is running in {dir}. Start one in another terminal: ministry-hub demo", dir = .0.display())]
    NoDemo(PathBuf),
    /// Ctrl-C while starting.
    #[error("interrupted")]
    Interrupted,
}

impl Trouble {
    /// The sentence for this reader.
    pub(crate) fn say(&self, lang: Lang) -> String {
        match lang {
            Lang::En => self.to_string(),
            Lang::Zh => self.chinese(),
        }
    }

    fn chinese(&self) -> String {
        match self {
            Self::Missing { names, dir, command } => {
                format!("{} 中没有 {}。请先全部构建: {command}", dir.display(), names.join("、"))
            }
            Self::InUse(dir) => {
                format!("{} 中已有演练在运行。请先结束它(在那个终端按 Ctrl-C),或另选 --dir", dir.display())
            }
            Self::NotOurs(dir) => format!("{} 已存在且不是演练所建,未作任何改动。请另选 --dir", dir.display()),
            Self::LongPath(path) => format!("{} 作为本机套接字路径过长。请选较短的 --dir", path.display()),
            Self::Topology { path, why } => format!("组织树文件 {} 有误: {why}", path.display()),
            Self::NoScenario { name, known } => {
                format!("没有名为 {name} 的演练。已有: {known};也可写一个文件,如 drill.toml")
            }
            Self::Script { name, why } => format!("演练脚本 {name} 有误: {why}"),
            Self::Files { path, why } => format!("{}: {why}", path.display()),
            Self::Certificates { verb, said } => format!("zhuji-certs {verb} 失败: {said}"),
            Self::Ports { wanted } => {
                format!("在 127.0.0.1 的 20000–32000 之间找不到 {wanted} 个空闲端口;请停止占用者后重试")
            }
            Self::Line(why) => format!("无法在 127.0.0.1 上架设线路: {why}"),
            Self::Spawn { program, why } => format!("无法启动 {}: {why}", program.display()),
            Self::Died { name, unit, status, log, tail } => {
                format!("{name}({unit})刚启动就退出({status})。最后的日志({}):\n{tail}", log.display())
            }
            Self::Slow { names, seconds, logs } => {
                format!("{seconds} 秒后仍未就绪: {}。日志在 {}", names.join("、"), logs.display())
            }
            Self::NoDemo(dir) => {
                format!("{} 中没有演练在运行。请在另一个终端启动: ministry-hub demo", dir.display())
            }
            Self::Interrupted => "已中断".to_owned(),
        }
    }
}
