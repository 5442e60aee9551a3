//! What spans say about a block: the messaging conventions' names, and where its documents' traces began.

use opentelemetry::{
    KeyValue,
    trace::{SpanBuilder, SpanContext, SpanKind},
};
use proto::v1::{self, Kind, Stage, document::Content};

use super::{Direction, Word, links, trace, urgent};
use crate::post::{Post, envelope::DocId, seal::Block};

/// Links of one span: what the exporter's own default lets through.
const LINKS_MAX: usize = 128;

/// What is done with a block.
#[derive(Debug, Clone, Copy)]
pub(super) enum Operation {
    /// Custody of it is taken.
    Process,
    /// It has come to its end.
    Deliver,
    /// It is offered to the next station, until that answers.
    Send,
    /// A person acts on a document.
    Act(Stage),
}

/// A block that is recorded.
#[derive(Debug, Clone)]
pub(super) struct Message {
    way: Direction,
    origins: Vec<SpanContext>,
    described: Vec<KeyValue>,
}

impl Message {
    /// `None`: nothing in it is recorded.
    pub(super) fn of(post: &Post, block: &Block) -> Option<Self> {
        let traced = |header: &&v1::Header| {
            urgent(block.run.channel.precedence) || header.trace_context.last().is_some_and(|flags| flags & 1 == 1)
        };
        let mut origins: Vec<SpanContext> = Vec::new();
        for context in block.headers.iter().filter(traced).filter_map(|header| trace::read(&header.trace_context)) {
            if origins.len() < LINKS_MAX && origins.last() != Some(&context) {
                origins.push(context);
            }
        }
        let first = block.headers.first().filter(|_| !origins.is_empty())?;
        let channel = &block.run.channel;
        let up = post.me().topology.is_ancestor(&channel.destination, &channel.origin);
        let way = if up { Direction::Up } else { Direction::Down };
        Some(Self { way, origins, described: describe(block, first) })
    }

    pub(super) fn builder(&self, operation: Operation) -> SpanBuilder {
        let kind = match operation {
            Operation::Process | Operation::Deliver => SpanKind::Consumer,
            Operation::Send => SpanKind::Client,
            Operation::Act(_) => SpanKind::Internal,
        };
        let name = match operation {
            Operation::Act(_) => operation.name().to_owned(),
            _ => format!("{} {}", operation.name(), self.way.word()),
        };
        SpanBuilder::from_name(name).with_kind(kind).with_links(links(self.origins.iter().cloned()))
    }

    pub(super) fn attributes(&self, operation: Operation) -> Vec<KeyValue> {
        let mut attributes = self.described.clone();
        attributes.push(KeyValue::new("messaging.destination.name", self.way.word()));
        attributes.push(KeyValue::new("messaging.operation.name", operation.name()));
        if let Some(conventional) = operation.conventional() {
            attributes.push(KeyValue::new("messaging.operation.type", conventional));
        }
        attributes
    }
}

impl Operation {
    fn name(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Deliver => "deliver",
            Self::Send => "send",
            Self::Act(Stage::Signed) => "sign",
            Self::Act(Stage::Read) => "read",
            Self::Act(Stage::Undertaken) => "undertake",
            Self::Act(Stage::Completed) => "complete",
            Self::Act(Stage::CannotComply) => "cannot comply",
            Self::Act(_) => "act",
        }
    }

    /// The conventions know four operations; what people do is none of them.
    fn conventional(self) -> Option<&'static str> {
        match self {
            Self::Process | Self::Deliver => Some("process"),
            Self::Send => Some("send"),
            Self::Act(_) => None,
        }
    }
}

fn describe(block: &Block, first: &v1::Header) -> Vec<KeyValue> {
    let mut described = vec![
        KeyValue::new("messaging.system", "zhuji"),
        KeyValue::new("zhuji.kind", first.kind().word()),
        KeyValue::new("zhuji.precedence", block.run.channel.precedence.word()),
        KeyValue::new("zhuji.status", first.status().word()),
        KeyValue::new("zhuji.origin", block.run.channel.origin.to_string()),
        KeyValue::new("zhuji.destination", block.run.channel.destination.to_string()),
    ];
    if block.headers.len() > 1 {
        described.push(count(block.headers.len()));
        return described;
    }
    // A receipt's own id says nothing; what it is about does, and an act names that.
    if first.kind() != Kind::Receipt
        && let Some(document) = DocId::from_slice(&first.id)
    {
        described.push(id(document));
        described.push(KeyValue::new("zhuji.number", first.number.clone()));
    }
    if let Some(incident) = DocId::from_slice(&first.incident) {
        described.push(KeyValue::new("messaging.message.conversation_id", incident.to_string()));
    }
    described
}

/// What is said about documents that are being created.
pub(super) fn of_request(request: &v1::FileRequest) -> Vec<KeyValue> {
    let mut attributes = vec![
        KeyValue::new("messaging.system", "zhuji"),
        KeyValue::new("messaging.operation.name", "create"),
        KeyValue::new("messaging.operation.type", "create"),
        KeyValue::new("zhuji.kind", request.kind().word()),
        KeyValue::new("zhuji.precedence", request.precedence().word()),
        KeyValue::new("zhuji.status", request.status().word()),
    ];
    if let Some(Content::Report(report)) = request.document.as_ref().and_then(|document| document.content.as_ref())
        && report.grade() != v1::Grade::Unspecified
    {
        attributes.push(KeyValue::new("zhuji.grade", i64::from(report.grade)));
    }
    attributes
}

/// What a creation is called.
pub(super) fn creation_name(kind: Kind) -> &'static str {
    match kind {
        Kind::InitialReport | Kind::FollowUpReport | Kind::FinalReport => "create report",
        Kind::RequestForInstructions => "create request",
        Kind::Approval | Kind::Denial => "create reply",
        Kind::Directive => "create directive",
        Kind::Endorsement => "create endorsement",
        Kind::LateralNotice => "create notice",
        Kind::Assessment => "create assessment",
        Kind::PolicyRelease => "create policy",
        Kind::Decision => "create decision",
        Kind::NilReport => "create nil report",
        Kind::Preparation => "create preparation",
        Kind::Bypass => "create bypass",
        Kind::Linkage => "create linkage",
        Kind::Bulletin => "create bulletin",
        Kind::HandOver => "create hand-over",
        Kind::Roster => "create roster",
        Kind::EarlyWarning => "create early warning",
        Kind::Proposal | Kind::Vote | Kind::LogEntry => "create paper",
        Kind::Cancel => "create cancel",
        Kind::Unspecified | Kind::Receipt => "create document",
    }
}

pub(super) fn id(document: DocId) -> KeyValue {
    KeyValue::new("messaging.message.id", document.to_string())
}

pub(super) fn count(messages: usize) -> KeyValue {
    KeyValue::new("messaging.batch.message_count", i64::try_from(messages).unwrap_or(i64::MAX))
}
