//! The life of a document as spans: created here, taken over hop by hop, handed on, delivered, signed for.
//!
//! What happens to a document *links* to the span that created it, whose context travels in the sealed header, and is
//! never its child: a message may wait for hours, and no span should.
//!
//! Promises: without a collector nothing is built, and asking costs one look at an `Option`. Recorded is whatever is
//! urgent, and of the rest a few a second as chosen where they were created, so that bulk costs a look at one byte a
//! header. No name, title or text of anybody is in a span.

mod message;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use opentelemetry::{
    Context, KeyValue,
    trace::{Link, Span as _, SpanBuilder, SpanContext, SpanKind, Status, TraceContextExt, Tracer as _},
};
use opentelemetry_sdk::trace::{SdkTracer, Span};
use proto::v1::{self, Disposition, Precedence};

use self::message::{Message, Operation};
use super::{
    labels::{Direction, Word},
    trace,
};
use crate::{
    engine::{Effects, run::FileError},
    io::{Io, Timestamp},
    limits,
    post::{
        Post,
        envelope::{Channel, DocId, Run},
        fact::{Answered, Fact, Taken},
        ladder,
        office::Pending,
        outgoing::Filing,
        seal::Block,
    },
};

/// Records spans of documents; cheap to clone. The default records nothing.
#[derive(Clone, Default)]
pub struct Traces(Option<Arc<Recorder>>);

struct Recorder {
    tracer: SdkTracer,
    budget: Mutex<Budget>,
    /// Recorded blocks that have not been handed on yet, by channel and first number.
    flights: Mutex<BTreeMap<(Channel, u64), Flight>>,
}

/// How many documents that are not urgent may still be recorded in this second.
#[derive(Default)]
struct Budget {
    second: u64,
    used: u32,
}

/// A block on its way to the next station.
struct Flight {
    message: Message,
    /// The attempt under way.
    attempt: Option<Span>,
}

/// Documents being created by one call.
pub struct Creation(Option<Span>);

impl Traces {
    pub(super) fn new(tracer: SdkTracer) -> Self {
        Self(Some(Arc::new(Recorder { tracer, budget: Mutex::default(), flights: Mutex::default() })))
    }

    /// Documents are being created by one call: all of them that bring no trace of their own get the trace of this
    /// call. Whether it is recorded is decided here, for every station they will pass.
    pub fn create(&self, requests: &mut [v1::FileRequest], io: &dyn Io) -> Creation {
        let span = self.0.as_ref().and_then(|recorder| recorder.creation(requests, io.now()));
        let context = span.as_ref().map_or_else(|| trace::fresh(io), |span| trace::write(span.span_context()));
        for request in requests.iter_mut().filter(|request| trace::read(&request.trace_context).is_none()) {
            request.trace_context = bytes::Bytes::copy_from_slice(&context);
        }
        Creation(span)
    }

    /// A turn ended, its commit included, `took` after it began.
    pub fn observe_turn(&self, post: &Post, effects: &Effects, took: Duration) {
        if let Some(recorder) = &self.0 {
            effects.facts.iter().for_each(|fact| recorder.fact(post, fact, took));
            recorder.offered(effects);
        }
    }
}

impl Creation {
    /// They are durable, or were refused.
    pub fn ended(self, filed: &Result<Vec<Filing>, FileError>) {
        let Some(mut span) = self.0 else { return };
        match filed.as_deref() {
            Ok([one]) => {
                span.set_attribute(message::id(one.id));
                span.set_attribute(KeyValue::new("zhuji.number", one.number.clone()));
            }
            Ok(many) => span.set_attribute(message::count(many.len())),
            Err(FileError::Refused(refusal)) => fail(&mut span, refusal.code.word()),
            Err(FileError::Stopped(_)) => fail(&mut span, "stopped"),
        }
    }
}

impl Recorder {
    fn creation(&self, requests: &[v1::FileRequest], now: Timestamp) -> Option<Span> {
        let leading = requests.iter().max_by_key(|request| request.precedence())?;
        if !urgent(leading.precedence()) && !self.affords(now) {
            return None;
        }
        let builder = SpanBuilder::from_name(message::creation_name(leading.kind()))
            .with_kind(SpanKind::Producer)
            .with_start_time(system_time(now))
            .with_attributes(message::of_request(leading))
            .with_links(links(trace::read(&leading.trace_context)));
        Some(self.tracer.build_with_context(builder, &Context::new()))
    }

    fn affords(&self, now: Timestamp) -> bool {
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        let second = now.ms() / 1000;
        if budget.second != second {
            *budget = Budget { second, used: 0 };
        }
        budget.used += 1;
        budget.used <= limits::TRACES_A_SECOND_MAX
    }

    fn fact(&self, post: &Post, pending: &Pending, took: Duration) {
        let at = Timestamp::from_us(pending.record.at_us);
        match (&pending.record.fact, &pending.block) {
            (Some(Fact::Filed(_)), Some(block)) => {
                let Some(message) = Message::of(post, block) else { return };
                self.acts(post, block, &message, (at, at + took));
                self.will_fly(post, &block.run, message);
            }
            (Some(Fact::Taken(taken)), Some(block)) => {
                let Some(message) = Message::of(post, block) else { return };
                self.taken(post, block, &message, taken, (at, at + took));
                self.will_fly(post, &block.run, message);
                if pending.early {
                    self.attempt(&block.run, 1, at);
                }
            }
            (Some(Fact::Answered(answered)), _) => self.answered(answered, at),
            _ => {}
        }
    }

    /// Custody was taken, and here perhaps the way ends.
    fn taken(&self, post: &Post, block: &Block, message: &Message, taken: &Taken, during: (Timestamp, Timestamp)) {
        let crossing = post.crossing(taken, during.0);
        let mut attributes = message.attributes(Operation::Process);
        attributes.push(KeyValue::new("zhuji.hop", taken.from.clone()));
        if let Some(crossing) = &crossing {
            attributes.push(milliseconds("zhuji.transit_ms", crossing.transit));
            attributes.push(KeyValue::new("zhuji.clock_offset_ms", crossing.offset_us as f64 / 1000.0));
        }
        let span = self.record(message, Operation::Process, attributes, during, &Context::new());
        if block.run.channel.destination == post.me().unit {
            let mut attributes = message.attributes(Operation::Deliver);
            let whole = post.legs(&block.run.channel, taken, during.0).iter().map(|leg| leg.took).sum();
            attributes.push(milliseconds("zhuji.latency_ms", whole));
            let inside = Context::new().with_remote_span_context(span);
            self.record(message, Operation::Deliver, attributes, during, &inside);
        }
    }

    /// A person acted: the receipt that says so was filed here, under the trace of what it is about.
    fn acts(&self, post: &Post, block: &Block, message: &Message, during: (Timestamp, Timestamp)) {
        for (receipt, about) in ladder::acts_in(block) {
            let mut attributes = message.attributes(Operation::Act(receipt.stage()));
            if let Some(document) = DocId::from_slice(&receipt.document) {
                attributes.push(message::id(document));
            }
            if let Some(arrived) = post.arrived(&about.channel, about.first) {
                attributes.push(milliseconds("zhuji.dwell_ms", during.0.since(arrived)));
            }
            self.record(message, Operation::Act(receipt.stage()), attributes, during, &Context::new());
        }
    }

    fn will_fly(&self, post: &Post, run: &Run, message: Message) {
        if run.channel.destination == post.me().unit {
            return;
        }
        let mut flights = self.flights();
        if flights.len() < limits::TRACED_BLOCKS_MAX {
            flights.insert((run.channel.clone(), run.first), Flight { message, attempt: None });
        }
    }

    /// What the schedule offers now, except what went before its commit.
    fn offered(&self, effects: &Effects) {
        for offer in effects.offers.iter().flat_map(|(_, offers)| offers) {
            let Some(own) = offer.passages.last() else { continue };
            self.attempt(&offer.run, own.attempts, Timestamp::from_us(own.offered_us));
        }
    }

    fn attempt(&self, run: &Run, attempt: u32, at: Timestamp) {
        let mut flights = self.flights();
        if flights.is_empty() {
            return;
        }
        let Some(flight) = flights.get_mut(&(run.channel.clone(), run.first)) else { return };
        if let Some(mut before) = flight.attempt.take() {
            fail(&mut before, "not_taken");
            before.end_with_timestamp(system_time(at));
        }
        let mut attributes = flight.message.attributes(Operation::Send);
        attributes.push(KeyValue::new("zhuji.attempt", i64::from(attempt)));
        let builder = flight.message.builder(Operation::Send).with_attributes(attributes);
        let builder = builder.with_start_time(system_time(at));
        flight.attempt = Some(self.tracer.build_with_context(builder, &Context::new()));
    }

    fn answered(&self, answered: &Answered, at: Timestamp) {
        let mut flights = self.flights();
        let Some(Ok(run)) = answered.range.as_ref().filter(|_| !flights.is_empty()).map(Run::parse) else { return };
        let key = (run.channel, run.first);
        let Some(flight) = flights.get_mut(&key) else { return };
        let taken = answered.disposition() == Disposition::Taken;
        if let Some(mut attempt) = flight.attempt.take() {
            attempt.set_attribute(KeyValue::new("zhuji.hop", answered.peer.clone()));
            if !taken {
                fail(&mut attempt, &answered.code);
            }
            attempt.end_with_timestamp(system_time(at));
        }
        if taken {
            flights.remove(&key);
        }
    }

    fn record(
        &self,
        message: &Message,
        operation: Operation,
        attributes: Vec<KeyValue>,
        (from, to): (Timestamp, Timestamp),
        inside: &Context,
    ) -> SpanContext {
        let builder = message.builder(operation).with_start_time(system_time(from)).with_attributes(attributes);
        let mut span = self.tracer.build_with_context(builder, inside);
        span.end_with_timestamp(system_time(to));
        span.span_context().clone()
    }

    fn flights(&self) -> MutexGuard<'_, BTreeMap<(Channel, u64), Flight>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Recorded whatever their number: there are few of them, and each matters.
fn urgent(precedence: Precedence) -> bool {
    precedence >= Precedence::TeJi
}

fn links(contexts: impl IntoIterator<Item = SpanContext>) -> Vec<Link> {
    contexts.into_iter().map(Link::with_context).collect()
}

fn fail(span: &mut Span, code: &str) {
    span.set_attribute(KeyValue::new("error.type", code.to_owned()));
    span.set_status(Status::error(code.to_owned()));
}

fn milliseconds(key: &'static str, duration: Duration) -> KeyValue {
    KeyValue::new(key, duration.as_secs_f64() * 1000.0)
}

fn system_time(at: Timestamp) -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(at.us().max(0).unsigned_abs())
}
