//! The station's configuration: one TOML file, read once and checked once.
//!
//! Promises: a key nobody knows is refused, not ignored; every value past [`Config::parse`] is within its bounds;
//! every complaint says file, line, column and what to write instead. Relative paths start at the file's directory,
//! so that a station means the same thing wherever it is started from. Secrets are never in this file.

use std::{
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use crate::topology::{Tier, Unit};

mod error;
mod file;
mod notify;
mod position;
mod units;

pub use error::{ConfigError, Mistake, nearest};
pub use position::{Contradiction, Position};
pub use units::{BadDuration, BadSize, parse_duration, parse_size};

/// Everything a station is told by its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where this came from.
    pub path: PathBuf,
    /// Which office this is.
    pub station: Station,
    /// Who it can prove to be.
    pub identity: Identity,
    /// How to reach the one above, if the topology does not say.
    pub parent: Option<Above>,
    /// How to reach the ministry past the one above, if the topology does not say.
    pub ministry: Option<Above>,
    /// Where those below call.
    pub listen: Option<Listen>,
    /// Where its own people reach it.
    pub local: Local,
    /// The desk in the browser, if it has one.
    pub desk: Option<Desk>,
    /// Who is called when something waits.
    pub notify: Notify,
    /// What it keeps.
    pub store: Store,
    /// How it holds its lines.
    pub link: Link,
    /// What it tells about itself.
    pub telemetry: Telemetry,
}

/// `[station]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Station {
    /// Registry id of the office.
    pub unit: Unit,
    /// Given only as a check: the topology decides.
    pub tier: Option<Tier>,
    /// The journal and the index live here.
    pub data: PathBuf,
}

/// `[identity]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Holds the keys, the certificates and `topology.toml`, as `zhuji-certs` laid them out.
    pub directory: PathBuf,
}

/// `[parent]`, `[ministry]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Above {
    /// Tried in this order; never empty.
    pub endpoints: Vec<Endpoint>,
}

/// `[listen]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listen {
    /// Where to bind.
    pub address: SocketAddr,
}

/// `[local]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Local {
    /// The socket of the local API.
    pub socket: PathBuf,
}

/// `[desk]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desk {
    /// Where browsers find it, over HTTPS.
    pub address: SocketAddr,
    /// How long a session may be left alone before it asks for the password again.
    pub idle: Duration,
}

/// `[[notify]]`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notify {
    /// In the order they are written.
    pub routes: Vec<crate::desk::notify::route::Route>,
}

/// `[store]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Store {
    /// Bytes of one journal segment.
    pub segment: u64,
    /// How long settled envelopes are kept.
    pub retention: Duration,
    /// Bytes of disk kept free of routine work, for the urgent.
    pub reserve: u64,
    /// Bytes of memory the index may use as a cache.
    pub index_cache: u64,
}

/// `[link]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// How often a silent line says that it is alive.
    pub heartbeat: Duration,
    /// TCP connect and TLS handshake together.
    pub connect_timeout: Duration,
}

/// `[telemetry]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Telemetry {
    /// Where `/metrics`, `/livez` and `/readyz` are served.
    pub metrics: Option<SocketAddr>,
    /// The OpenTelemetry collector spans and metrics are pushed to.
    pub otlp: Option<String>,
    /// What is logged, as `tracing` filters are written: `info`, `info,node::link=debug`.
    pub log: String,
    /// For people or for machines.
    pub log_format: LogFormat,
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl Config {
    /// Reads and checks the file.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        Self::parse(&text, path)
    }

    /// Checks the text of a file; `path` names it in complaints and is where relative paths start.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        file::read(text, path)
    }
}

/// `host:port`. The host is an address or a name; an IPv6 address stands in brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    host: String,
    port: u16,
}

impl Endpoint {
    /// The host, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, never 0.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// A text that is not `host:port`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not host:port: write a name or an address and a port, such as relay.example:7443 or [fd00::1]:7443"
)]
pub struct BadEndpoint {
    text: String,
}

impl FromStr for Endpoint {
    type Err = BadEndpoint;

    fn from_str(text: &str) -> Result<Self, BadEndpoint> {
        let bad = || BadEndpoint { text: text.chars().take(80).collect() };
        let (host, port) = text.rsplit_once(':').ok_or_else(bad)?;
        let port = port.parse().ok().filter(|port| *port != 0).ok_or_else(bad)?;
        let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(v6) => v6.parse::<std::net::Ipv6Addr>().map_err(|_| bad())?.to_string(),
            None => host.to_owned(),
        };
        let named = host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
        let numbered = text.starts_with('[');
        if host.is_empty() || host.len() > 253 || !(named || numbered) {
            return Err(bad());
        }
        Ok(Self { host, port })
    }
}

#[cfg(test)]
mod tests;
