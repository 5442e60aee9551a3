//! Log lines to standard error, and spans to the tracer. Two filters: what people read is their choice; what is
//! traced is the stations' own spans, or the exporter would trace its own exporting.

use std::io::IsTerminal;

use opentelemetry_sdk::trace::Tracer;
use tracing::{Metadata, Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::{ParseError, filter_fn},
    fmt::MakeWriter,
    layer::SubscriberExt,
    registry::LookupSpan,
};

use crate::config::LogFormat;

/// The crates whose spans are traced.
const OURS: &[&str] = &["node", "relay", "ministry_hub", "district_node", "provincial_relay"];

/// Everything a line of code may say goes through here.
pub(super) fn subscriber<W>(
    filter: &str,
    format: LogFormat,
    writer: W,
    tracer: Option<Tracer>,
) -> Result<impl Subscriber + Send + Sync + 'static, ParseError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = lines(format, writer).with_filter(EnvFilter::try_new(filter)?);
    let spans = tracer.map(|tracer| {
        let layer = tracing_opentelemetry::layer().with_tracer(tracer).with_location(false).with_threads(false);
        layer.with_filter(filter_fn(is_ours))
    });
    Ok(tracing_subscriber::registry().with(lines).with(spans))
}

fn lines<S, W>(format: LogFormat, writer: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let layer = tracing_subscriber::fmt::layer().with_writer(writer);
    match format {
        LogFormat::Json => layer.json().flatten_event(true).with_span_list(false).boxed(),
        // Left alone on a terminal, where the layer itself honours NO_COLOR.
        LogFormat::Text if std::io::stderr().is_terminal() => layer.boxed(),
        LogFormat::Text => layer.with_ansi(false).boxed(),
    }
}

fn is_ours(meta: &Metadata<'_>) -> bool {
    let krate = meta.target().split("::").next().unwrap_or_default();
    *meta.level() <= LevelFilter::INFO && OURS.contains(&krate)
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn said(filter: &str, format: LogFormat, say: impl FnOnce()) -> String {
        let kept = Kept::default();
        let writer = kept.clone();
        let subscriber = subscriber(filter, format, move || writer.clone(), None).unwrap();
        tracing::subscriber::with_default(subscriber, say);
        let bytes = kept.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_json_line_is_one_object_with_the_fields_operators_search_for() {
        let text = said("info", LogFormat::Json, || {
            let span = tracing::info_span!("send up", attempt = 3);
            span.in_scope(|| tracing::warn!(peer = "420000", msg_id = "0197", "not delivered:\n\"busy\""));
            tracing::debug!("not asked for");
        });
        assert_eq!(text.lines().count(), 1, "{text}");
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["message"], "not delivered:\n\"busy\"");
        assert_eq!(line["peer"], "420000");
        assert_eq!(line["span"]["attempt"], 3);
        assert!(line["timestamp"].as_str().unwrap().ends_with('Z'));
    }

    #[test]
    fn the_filter_goes_module_by_module() {
        let text = said("warn,node::telemetry=debug", LogFormat::Text, || {
            tracing::debug!("heard");
            tracing::info!(target: "h2", "not heard");
        });
        assert!(text.contains("heard") && !text.contains("not heard"), "{text}");
        assert!(!text.contains('\u{1b}'), "no colours in a file");
    }
}
