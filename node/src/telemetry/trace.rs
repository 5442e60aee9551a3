//! The trace of a document, carried inside its sealed header: 16 bytes of trace id, 8 of span id, one of flags.
//!
//! What happens to a document later *links* to where its trace began and is never its child: a message may wait for
//! hours, and no span should.

use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::io::Io;

/// Bytes of a trace context.
pub const TRACE_CONTEXT_BYTES: usize = 25;

/// The context of the current span; a fresh one when nothing is traced, so that a document can be followed by its
/// trace id through stations that do trace.
pub fn trace_context_bytes(io: &dyn Io) -> [u8; TRACE_CONTEXT_BYTES] {
    let context = Span::current().context();
    let span = context.span();
    let span = span.span_context();
    let mut bytes = [0; TRACE_CONTEXT_BYTES];
    if span.is_valid() {
        bytes[..16].copy_from_slice(&span.trace_id().to_bytes());
        bytes[16..24].copy_from_slice(&span.span_id().to_bytes());
        bytes[24] = span.trace_flags().to_u8();
    } else {
        // Flags stay 0: nobody has recorded this span.
        io.random(&mut bytes[..24]);
    }
    bytes
}

/// Links a span to where the trace of a document began. Bytes that are no trace context are passed over: another
/// office wrote them.
pub fn link_to(span: &Span, trace_context: &[u8]) {
    if let Some(origin) = read(trace_context) {
        span.add_link(origin);
    }
}

fn read(bytes: &[u8]) -> Option<SpanContext> {
    let bytes: &[u8; TRACE_CONTEXT_BYTES] = bytes.try_into().ok()?;
    let trace = TraceId::from_bytes(bytes[..16].try_into().ok()?);
    let span = SpanId::from_bytes(bytes[16..24].try_into().ok()?);
    let context = SpanContext::new(trace, span, TraceFlags::new(bytes[24]), true, TraceState::NONE);
    context.is_valid().then_some(context)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use opentelemetry::trace::TracerProvider;
    use opentelemetry_sdk::{
        error::OTelSdkResult,
        trace::{SdkTracerProvider, SpanData, SpanExporter},
    };
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;
    use crate::io::Machine;

    /// Keeps what would have been exported.
    #[derive(Debug, Clone, Default)]
    struct Kept(Arc<Mutex<Vec<SpanData>>>);

    impl SpanExporter for Kept {
        async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
            self.0.lock().unwrap().extend(batch);
            Ok(())
        }
    }

    #[test]
    fn a_span_here_links_to_the_span_where_the_document_began() {
        let exporter = Kept::default();
        let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let carried = tracing::info_span!("create report").in_scope(|| trace_context_bytes(&Machine));
            let process = tracing::info_span!("process up");
            link_to(&process, &carried);
            process.in_scope(|| ());
            link_to(&process, &[7; 24]);
            link_to(&process, &[0; TRACE_CONTEXT_BYTES]);
        });
        let spans = exporter.0.lock().unwrap();
        let (create, process) = (&spans[0], &spans[1]);
        assert_eq!((create.name.as_ref(), process.name.as_ref()), ("create report", "process up"));
        assert_eq!(process.links.len(), 1, "what is no context is passed over");
        assert_eq!(process.links[0].span_context.trace_id(), create.span_context.trace_id());
        assert_eq!(process.links[0].span_context.span_id(), create.span_context.span_id());
        assert_eq!(process.parent_span_id, SpanId::INVALID, "linked, not a child");
        assert_ne!(process.span_context.trace_id(), create.span_context.trace_id());
    }

    #[test]
    fn without_tracing_every_document_still_has_a_trace_of_its_own() {
        let (one, two) = (trace_context_bytes(&Machine), trace_context_bytes(&Machine));
        assert_ne!(one, two);
        assert_eq!(one[24], 0);
        assert!(read(&one).is_some_and(|context| context.is_remote() && !context.is_sampled()));
    }
}
