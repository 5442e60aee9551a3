//! The trace of a document, carried inside its sealed header: 16 bytes of trace id, 8 of span id, one of flags.

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

use crate::io::Io;

/// Bytes of a trace context.
pub const TRACE_CONTEXT_BYTES: usize = 25;

/// A span's context as it goes into a header.
pub(super) fn write(context: &SpanContext) -> [u8; TRACE_CONTEXT_BYTES] {
    let mut bytes = [0; TRACE_CONTEXT_BYTES];
    bytes[..16].copy_from_slice(&context.trace_id().to_bytes());
    bytes[16..24].copy_from_slice(&context.span_id().to_bytes());
    bytes[24] = context.trace_flags().to_u8();
    bytes
}

/// A trace nobody records here, so that a document can still be followed by its trace id through stations that do.
pub(super) fn fresh(io: &dyn Io) -> [u8; TRACE_CONTEXT_BYTES] {
    let mut bytes = [0; TRACE_CONTEXT_BYTES];
    // Flags stay 0: this span will be found nowhere.
    io.random(&mut bytes[..24]);
    bytes
}

/// Where the trace of a document began. Bytes that are no trace context are passed over: another office wrote them.
pub(super) fn read(bytes: &[u8]) -> Option<SpanContext> {
    let bytes: &[u8; TRACE_CONTEXT_BYTES] = bytes.try_into().ok()?;
    let trace = TraceId::from_bytes(bytes[..16].try_into().ok()?);
    let span = SpanId::from_bytes(bytes[16..24].try_into().ok()?);
    let context = SpanContext::new(trace, span, TraceFlags::new(bytes[24]), true, TraceState::NONE);
    context.is_valid().then_some(context)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::Machine;

    #[test]
    fn every_document_has_a_trace_of_its_own() {
        let (one, two) = (fresh(&Machine), fresh(&Machine));
        assert_ne!(one, two);
        let context = read(&one).unwrap();
        assert!(context.is_remote() && !context.is_sampled());
        assert_eq!(write(&context), one);
    }

    #[test]
    fn what_is_no_context_is_passed_over() {
        assert_eq!(read(&[7; 24]), None);
        assert_eq!(read(&[0; TRACE_CONTEXT_BYTES]), None);
    }
}
