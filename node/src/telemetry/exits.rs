//! The two ways out: a page to scrape, and a collector to push to. Both live on one small thread of their own, so
//! that a slow scraper never takes time from a link, and that the last flush cannot wait for the very runtime
//! which waits for it.

use std::{net::SocketAddr, thread::JoinHandle, time::Duration};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use opentelemetry::KeyValue;
use opentelemetry_otlp::{ExporterBuildError, MetricExporter, SpanExporter, WithExportConfig};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkError,
    metrics::{PeriodicReader, SdkMeterProvider},
    trace::SdkTracerProvider,
};
use prometheus::{Encoder, Registry, TextEncoder};
use tokio::{
    net::TcpListener,
    runtime::{Builder, Runtime},
    sync::oneshot,
};

use super::{About, Health, TelemetryError};
use crate::config;

/// How often metrics are pushed.
const PUSH_EVERY: Duration = Duration::from_secs(15);
/// How long the collector may take over one push, and over the last one.
const PUSH_WITHIN: Duration = Duration::from_secs(3);

/// What runs while something is exported.
pub(super) struct Exits {
    pub(super) meters: SdkMeterProvider,
    pub(super) tracer: Option<SdkTracerProvider>,
    /// Where the page is, if there is one.
    pub(super) page: Option<SocketAddr>,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Exits {
    pub(super) fn open(config: &config::Telemetry, about: &About, health: Health) -> Result<Self, TelemetryError> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(TelemetryError::Thread)?;
        // The page's listener and the collector's channel both want to know their runtime.
        let inside = runtime.enter();
        let listener = config.metrics.map(bind).transpose()?;
        let page = listener.as_ref().and_then(|listener| listener.local_addr().ok());
        let registry = Registry::new();
        let meters = meter_provider(config, about, &registry)?;
        let tracer = config.otlp.as_deref().map(|endpoint| tracer_provider(endpoint, about)).transpose()?;
        drop(inside);
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("zhuji-telemetry".to_owned())
            .spawn(move || serve(&runtime, listener, Page { registry, health }, stopped))
            .map_err(TelemetryError::Thread)?;
        Ok(Self { meters, tracer, page, stop, thread })
    }

    /// Pushes what is left, then ends the thread. Blocks for a few seconds at most.
    pub(super) fn close(self) {
        let spans = self.tracer.as_ref().map_or(Ok(()), |tracer| tracer.shutdown_with_timeout(PUSH_WITHIN));
        let metrics = self.meters.shutdown_with_timeout(PUSH_WITHIN);
        for (what, result) in [("spans", spans), ("metrics", metrics)] {
            match result {
                Ok(()) | Err(OTelSdkError::AlreadyShutdown) => {}
                Err(error) => tracing::warn!(%error, "the collector did not take the last {what}; they are lost"),
            }
        }
        // Gone already if the thread ended by itself; joining says so.
        let _gone = self.stop.send(());
        if self.thread.join().is_err() {
            tracing::warn!("the telemetry thread had panicked; nothing was exported since");
        }
    }
}

fn bind(address: SocketAddr) -> Result<TcpListener, TelemetryError> {
    let refused = |source| TelemetryError::Bind { address, source };
    let listener = std::net::TcpListener::bind(address).map_err(refused)?;
    listener.set_nonblocking(true).map_err(refused)?;
    TcpListener::from_std(listener).map_err(refused)
}

fn meter_provider(
    config: &config::Telemetry,
    about: &About,
    registry: &Registry,
) -> Result<SdkMeterProvider, TelemetryError> {
    let mut builder = SdkMeterProvider::builder().with_resource(resource(about));
    if config.metrics.is_some() {
        // Names are written out in full where they are recorded, so that they can be found by searching for them.
        let page = opentelemetry_prometheus::exporter()
            .with_registry(registry.clone())
            .without_units()
            .without_counter_suffixes()
            .without_target_info()
            .scope_info_enabled(false)
            .build()
            .map_err(|error| TelemetryError::Registry(error.to_string()))?;
        builder = builder.with_reader(page);
    }
    if let Some(endpoint) = &config.otlp {
        let push = MetricExporter::builder().with_tonic().with_endpoint(endpoint).with_timeout(PUSH_WITHIN).build();
        let push = push.map_err(|error| unusable(endpoint, &error))?;
        builder = builder.with_reader(PeriodicReader::builder(push).with_interval(PUSH_EVERY).build());
    }
    Ok(builder.build())
}

fn tracer_provider(endpoint: &str, about: &About) -> Result<SdkTracerProvider, TelemetryError> {
    let push = SpanExporter::builder().with_tonic().with_endpoint(endpoint).with_timeout(PUSH_WITHIN).build();
    let push = push.map_err(|error| unusable(endpoint, &error))?;
    Ok(SdkTracerProvider::builder().with_resource(resource(about)).with_batch_exporter(push).build())
}

fn unusable(endpoint: &str, error: &ExporterBuildError) -> TelemetryError {
    TelemetryError::Collector { endpoint: endpoint.to_owned(), what: error.to_string() }
}

/// Who is speaking. Built from nothing, so that no environment variable can add to it.
fn resource(about: &About) -> Resource {
    Resource::builder_empty()
        .with_service_name("zhuji")
        .with_attributes([
            KeyValue::new("service.version", about.version),
            KeyValue::new("service.instance.id", about.unit.to_string()),
            KeyValue::new("zhuji.tier", about.tier.as_str()),
        ])
        .build()
}

#[derive(Clone)]
struct Page {
    registry: Registry,
    health: Health,
}

fn serve(runtime: &Runtime, listener: Option<TcpListener>, page: Page, stopped: oneshot::Receiver<()>) {
    runtime.block_on(async {
        let Some(listener) = listener else {
            // Nothing to serve, but the collector's channel is driven from here. An error means the sender is gone.
            let _end = stopped.await;
            return;
        };
        let router = Router::new()
            .route("/metrics", get(metrics))
            .route("/livez", get(async |page: State<Page>| probe(page.health.livez())))
            .route("/readyz", get(async |page: State<Page>| probe(page.health.readyz())))
            .with_state(page);
        tokio::select! {
            // Axum's accept loop waits and tries again when it cannot accept; it only ends with the task.
            _never = axum::serve(listener, router) => {}
            _end = stopped => {}
        }
    });
}

async fn metrics(page: State<Page>) -> Response {
    let encoder = TextEncoder::new();
    let mut text = Vec::new();
    match encoder.encode(&page.registry.gather(), &mut text) {
        Ok(()) => ([(header::CONTENT_TYPE, encoder.format_type().to_owned())], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

fn probe(answer: Result<(), String>) -> (StatusCode, String) {
    match answer {
        Ok(()) => (StatusCode::OK, "ok\n".to_owned()),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
    }
}
