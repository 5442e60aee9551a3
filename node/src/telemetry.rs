//! What the station tells about itself: log lines, spans, metrics, probes, and latencies for `status`.
//!
//! One meter and one tracer, two exits: a page to scrape (`/metrics`, `/livez`, `/readyz`) and an OpenTelemetry
//! collector. Promises: what is not configured costs nothing — no thread, no socket, no instruments; nothing in the
//! station depends on whether telemetry works; there is no global meter or tracer, so that several stations can live
//! in one process. Only the log is the process's own, and only [`Telemetry::install`] touches it.
//!
//! ```text
//! Meters ──► meter ──┬─► /metrics            Health ──► /livez, /readyz
//!                    └─► collector (OTLP)    Traces ──► collector (OTLP)     Latencies ──► status
//! ```

use std::{fmt, net::SocketAddr};

use opentelemetry::{metrics::MeterProvider, trace::TracerProvider};

use crate::{
    config,
    topology::{Tier, Unit},
};

mod exits;
mod health;
mod labels;
mod latencies;
mod log;
mod meters;
mod spans;
mod trace;

pub use health::Health;
pub use labels::{Direction, Outcome, QueueState, Step, Traffic};
pub use latencies::Latencies;
pub use meters::Meters;
pub use spans::{Creation, Traces};
pub use trace::TRACE_CONTEXT_BYTES;

/// Who is being observed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// The release.
    pub version: &'static str,
    /// The commit it was built from, or `unknown`.
    pub revision: &'static str,
    /// Its tier.
    pub tier: Tier,
    /// Its unit.
    pub unit: Unit,
}

/// The exits, open until [`Telemetry::shutdown`].
pub struct Telemetry {
    config: config::Telemetry,
    exits: Option<exits::Exits>,
    meters: Meters,
    health: Health,
}

/// Why telemetry could not be started.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The page cannot be served there.
    #[error("cannot serve metrics on {address}: {source}; choose another [telemetry] metrics address")]
    Bind {
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// The collector's address cannot be used.
    #[error("cannot push to the collector {endpoint}: {what}; correct [telemetry] otlp")]
    Collector {
        /// Which.
        endpoint: String,
        /// Why not.
        what: String,
    },
    /// The registry behind the page refused the meter.
    #[error("cannot prepare the metrics page: {0}")]
    Registry(String),
    /// The machine gave no thread.
    #[error("cannot start the telemetry thread: {0}; look at the limits on processes and files")]
    Thread(std::io::Error),
    /// The log filter cannot be understood.
    #[error("cannot understand [telemetry] log: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// Somebody else in this process receives the log.
    #[error("the log of this process is already being received: {0}")]
    Taken(#[from] tracing::subscriber::SetGlobalDefaultError),
}

impl Telemetry {
    /// Opens the exits that are configured. Touches nothing that other stations in this process share.
    pub fn start(config: &config::Telemetry, about: &About) -> Result<Self, TelemetryError> {
        let health = Health::default();
        let wanted = config.metrics.is_some() || config.otlp.is_some();
        let exits = wanted.then(|| exits::Exits::open(config, about, health.clone())).transpose()?;
        let meters = exits.as_ref().map_or_else(Meters::deaf, |exits| Meters::new(&exits.meters.meter("zhuji"), about));
        Ok(Self { config: config.clone(), exits, meters, health })
    }

    /// Receives this process's log lines and spans from here on. Once a process.
    pub fn install(&self) -> Result<(), TelemetryError> {
        let tracer = self.exits.as_ref().and_then(|exits| exits.tracer.as_ref()).map(|tracer| tracer.tracer("zhuji"));
        let subscriber = log::subscriber(&self.config.log, self.config.log_format, std::io::stderr, tracer)?;
        Ok(tracing::subscriber::set_global_default(subscriber)?)
    }

    /// The instruments to record with.
    pub fn meters(&self) -> Meters {
        self.meters.clone()
    }

    /// The recorder of documents' spans.
    pub fn traces(&self) -> Traces {
        let tracer = self.exits.as_ref().and_then(|exits| exits.tracer.as_ref());
        tracer.map_or_else(Traces::default, |tracer| Traces::new(tracer.tracer("zhuji")))
    }

    /// Where to say that the station is alive and ready.
    pub fn health(&self) -> Health {
        self.health.clone()
    }

    /// Where `/metrics` is, if it is served: the configured address with the port that was really bound.
    pub fn page(&self) -> Option<SocketAddr> {
        self.exits.as_ref()?.page
    }

    /// Pushes what is left and closes the exits. Blocks for a few seconds at most, and may be called from inside a
    /// runtime: the exits do not depend on it. The log stays.
    pub fn shutdown(self) {
        if let Some(exits) = self.exits {
            exits.close();
        }
    }
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telemetry").field("config", &self.config).field("page", &self.page()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
