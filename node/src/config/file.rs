//! The file as it is written, and the one place where its texts become values. Every value keeps its span until it
//! has been accepted, so that a complaint can point at it.

use std::{
    fmt::Display,
    net::SocketAddr,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;
use toml::Spanned;
use tracing_subscriber::EnvFilter;

use super::{
    Above, Config, ConfigError, Desk, Endpoint, Identity, Link, Listen, Local, LogFormat, Mistake, Station, Store,
    Telemetry, nearest, parse_duration, parse_size,
};
use crate::{
    limits,
    topology::{Tier, Unit},
};

const MIB: u64 = 1 << 20;
/// A shorter segment could not hold the largest frame and be worth recycling; a longer one is slow to rewrite.
const SEGMENT: RangeInclusive<u64> = MIB..=1024 * MIB;
const RESERVE: RangeInclusive<u64> = MIB..=1024 * 1024 * MIB;
const INDEX_CACHE: RangeInclusive<u64> = MIB..=64 * 1024 * MIB;
const RETENTION: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(10 * 366 * 86_400);
/// Shorter is no work, longer is an open door.
const IDLE: RangeInclusive<Duration> = Duration::from_secs(10)..=Duration::from_secs(3600);
const HEARTBEAT: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(300);
const CONNECT: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(60);
/// What fits into a Unix socket address together with its final zero.
const SOCKET_PATH_BYTES_MAX: usize = 107;
const ENDPOINTS_MAX: usize = 8;

pub(super) type Text = Spanned<String>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    station: StationTable,
    identity: IdentityTable,
    parent: Option<AboveTable>,
    ministry: Option<AboveTable>,
    listen: Option<ListenTable>,
    local: LocalTable,
    desk: Option<DeskTable>,
    #[serde(default)]
    notify: Vec<Spanned<super::notify::Table>>,
    #[serde(default)]
    store: StoreTable,
    #[serde(default)]
    link: LinkTable,
    #[serde(default)]
    telemetry: TelemetryTable,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StationTable {
    unit: Text,
    tier: Option<Tier>,
    data: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IdentityTable {
    directory: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AboveTable {
    endpoints: Spanned<Vec<Text>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListenTable {
    address: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LocalTable {
    socket: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeskTable {
    address: Text,
    idle: Option<Text>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct StoreTable {
    segment: Option<Text>,
    retention: Option<Text>,
    reserve: Option<Text>,
    index_cache: Option<Text>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct LinkTable {
    heartbeat: Option<Text>,
    connect_timeout: Option<Text>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct TelemetryTable {
    metrics: Option<Text>,
    otlp: Option<Text>,
    log: Option<Text>,
    #[serde(default)]
    log_format: Format,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Text,
    Json,
}

/// Reads the text of the file named `path`.
pub(super) fn read(text: &str, path: &Path) -> Result<Config, ConfigError> {
    let at = Place { text, path };
    let file: File = toml::from_str(text).map_err(|error| at.not_of_this_shape(&error))?;
    Ok(Config {
        path: path.to_owned(),
        station: Station {
            unit: at.value(&file.station.unit, Unit::parse)?,
            tier: file.station.tier,
            data: at.directory(&file.station.data)?,
        },
        identity: Identity { directory: at.directory(&file.identity.directory)? },
        parent: file.parent.map(|table| at.above(&table)).transpose()?,
        ministry: file.ministry.map(|table| at.above(&table)).transpose()?,
        listen: file.listen.map(|table| at.address(&table.address).map(|address| Listen { address })).transpose()?,
        local: Local { socket: at.socket(&file.local.socket)? },
        desk: file.desk.map(|table| at.desk(&table)).transpose()?,
        notify: super::notify::read(&at, &file.notify)?,
        store: at.store(&file.store)?,
        link: at.link(&file.link)?,
        telemetry: at.telemetry(&file.telemetry)?,
    })
}

/// The text being read, to point into.
pub(super) struct Place<'a> {
    text: &'a str,
    path: &'a Path,
}

impl Place<'_> {
    fn store(&self, table: &StoreTable) -> Result<Store, ConfigError> {
        Ok(Store {
            segment: self.size(table.segment.as_ref(), 64 * MIB, SEGMENT)?,
            retention: self.duration(table.retention.as_ref(), Duration::from_secs(30 * 86_400), RETENTION)?,
            reserve: self.size(table.reserve.as_ref(), 64 * MIB, RESERVE)?,
            index_cache: self.size(table.index_cache.as_ref(), 16 * MIB, INDEX_CACHE)?,
        })
    }

    fn desk(&self, table: &DeskTable) -> Result<Desk, ConfigError> {
        let idle = self.duration(table.idle.as_ref(), limits::IDLE, IDLE)?;
        Ok(Desk { address: self.address(&table.address)?, idle })
    }

    fn link(&self, table: &LinkTable) -> Result<Link, ConfigError> {
        Ok(Link {
            heartbeat: self.duration(table.heartbeat.as_ref(), Duration::from_secs(15), HEARTBEAT)?,
            connect_timeout: self.duration(table.connect_timeout.as_ref(), limits::HANDSHAKE_WITHIN, CONNECT)?,
        })
    }

    fn telemetry(&self, table: &TelemetryTable) -> Result<Telemetry, ConfigError> {
        let log = table.log.as_ref().map_or("info", |log| log.get_ref());
        if let Some(given) = &table.log {
            self.value(given, |text| EnvFilter::try_new(text).map_err(|error| not_a_filter(text, &error)))?;
        }
        Ok(Telemetry {
            metrics: table.metrics.as_ref().map(|text| self.address(text)).transpose()?,
            otlp: table.otlp.as_ref().map(|text| self.value(text, collector)).transpose()?,
            log: log.to_owned(),
            log_format: match table.log_format {
                Format::Text => LogFormat::Text,
                Format::Json => LogFormat::Json,
            },
        })
    }

    fn above(&self, table: &AboveTable) -> Result<Above, ConfigError> {
        let list = table.endpoints.get_ref();
        if list.is_empty() || list.len() > ENDPOINTS_MAX {
            let what = format!("name 1 to {ENDPOINTS_MAX} endpoints, such as [\"relay.example:7443\"]");
            return Err(self.mistake(table.endpoints.span(), what, None));
        }
        let endpoints = list.iter().map(|text| self.value(text, str::parse::<Endpoint>)).collect::<Result<_, _>>()?;
        Ok(Above { endpoints })
    }

    pub(super) fn directory(&self, text: &Text) -> Result<PathBuf, ConfigError> {
        self.value(text, |text| if text.is_empty() { Err("name a directory") } else { Ok(()) })?;
        Ok(self.path.parent().unwrap_or(Path::new("")).join(text.get_ref()))
    }

    fn socket(&self, text: &Text) -> Result<PathBuf, ConfigError> {
        let socket = self.directory(text)?;
        let bytes = socket.as_os_str().len();
        if bytes > SOCKET_PATH_BYTES_MAX {
            let what = format!(
                "{} is {bytes} bytes long and a socket's path may have {SOCKET_PATH_BYTES_MAX}; choose a shorter one",
                socket.display()
            );
            return Err(self.mistake(text.span(), what, None));
        }
        Ok(socket)
    }

    fn address(&self, text: &Text) -> Result<SocketAddr, ConfigError> {
        self.value(text, |text| {
            text.parse().map_err(|_| format!("`{text}` is not an address to bind: write IP:port, such as 0.0.0.0:7443"))
        })
    }

    fn size(&self, text: Option<&Text>, default: u64, within: RangeInclusive<u64>) -> Result<u64, ConfigError> {
        let Some(text) = text else { return Ok(default) };
        let size = self.value(text, parse_size)?;
        self.bounded(text, size, &within, |bytes| format!("{}MiB", bytes / MIB))
    }

    pub(super) fn duration(
        &self,
        text: Option<&Text>,
        default: Duration,
        within: RangeInclusive<Duration>,
    ) -> Result<Duration, ConfigError> {
        let Some(text) = text else { return Ok(default) };
        let duration = self.value(text, parse_duration)?;
        self.bounded(text, duration, &within, |bound| match bound.as_millis() {
            ms if ms % 86_400_000 == 0 => format!("{}d", ms / 86_400_000),
            ms if ms % 1000 == 0 => format!("{}s", ms / 1000),
            ms => format!("{ms}ms"),
        })
    }

    fn bounded<T: PartialOrd + Copy>(
        &self,
        text: &Text,
        value: T,
        within: &RangeInclusive<T>,
        show: impl Fn(T) -> String,
    ) -> Result<T, ConfigError> {
        if within.contains(&value) {
            return Ok(value);
        }
        let (least, most) = (show(*within.start()), show(*within.end()));
        let what = format!("`{}` is out of bounds: choose from {least} to {most}", text.get_ref());
        Err(self.mistake(text.span(), what, None))
    }

    pub(super) fn value<'t, T, E: Display>(
        &self,
        text: &'t Text,
        parse: impl FnOnce(&'t str) -> Result<T, E>,
    ) -> Result<T, ConfigError> {
        parse(text.get_ref()).map_err(|error| self.mistake(text.span(), error.to_string(), None))
    }

    fn not_of_this_shape(&self, error: &toml::de::Error) -> ConfigError {
        let (what, near) = complaint(error.message());
        self.mistake(error.span().unwrap_or(0..0), what, near)
    }

    pub(super) fn mistake(&self, span: std::ops::Range<usize>, what: String, near: Option<String>) -> ConfigError {
        ConfigError::Mistake(Box::new(Mistake::at(self.text, self.path, span, what, near)))
    }
}

/// Puts serde's words about names into ours, and finds the name that was meant among those it lists.
fn complaint(message: &str) -> (String, Option<String>) {
    let mut names = message.split('`').skip(1).step_by(2);
    let first = names.next().unwrap_or_default();
    if message.starts_with("missing field") {
        return (format!("`{first}` is missing; add it"), None);
    }
    let kind = match message {
        m if m.starts_with("unknown field") => "key",
        m if m.starts_with("unknown variant") => "value",
        _ => return (message.to_owned(), None),
    };
    let known: Vec<&str> = names.collect();
    match nearest(first, known.iter().copied()) {
        Some(near) => (format!("unknown {kind} `{first}`"), Some(near.to_owned())),
        None => (format!("unknown {kind} `{first}`; known here: {}", known.join(", ")), None),
    }
}

fn collector(text: &str) -> Result<String, String> {
    match text.strip_prefix("http://").map(|rest| rest.trim_end_matches('/').parse::<Endpoint>()) {
        Some(Ok(_)) => Ok(text.to_owned()),
        _ => Err(format!(
            "`{text}` is not a collector: write http://host:port, such as http://127.0.0.1:4317 \
             (a collector on this machine can carry it further under TLS)"
        )),
    }
}

fn not_a_filter(text: &str, error: &dyn Display) -> String {
    format!("`{text}` is not a log filter ({error}): write a level, such as info, or info,node::link=debug")
}
