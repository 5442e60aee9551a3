//! Documents as people see them: what was written, where it stands, who has it, where it waits. Reads only.

use std::collections::BTreeSet;

use bytes::Bytes;
use prost::Message as _;
use proto::v1::{self, Kind, Stage, Standing};

use crate::{
    plan::{Desk, linkage, owner, review, secrecy},
    post::{
        envelope::DocId,
        ladder,
        schedule::{Entry, Queue, State},
        view::Copy,
    },
    topology::Unit,
};

/// One document, whichever of its copies it was found by.
pub fn document(desk: Desk<'_>, found: &Copy) -> v1::DocumentView {
    let incident = incident_of(found);
    let chain = incident.map(|incident| desk.post.incident(incident, desk.read)).unwrap_or_default();
    let first = incident.filter(|_| found.header.position == 1);
    v1::DocumentView {
        same_event: first.map(|incident| same_event(desk, incident)).unwrap_or_default(),
        owner: first.and_then(|incident| owner::of(desk, incident)).map(|unit| unit.to_string()).unwrap_or_default(),
        review_until_us: review::until(desk, found).map_or(0, |until| until.us()),
        recommendation_pending: review::is_pending(desk, found),
        ..in_chain(desk, found, &chain)
    }
}

/// A document as an officer may see it: a text that is not for him is left out.
pub fn withhold(view: &mut v1::DocumentView, officer: &str) {
    if view.header.as_ref().is_some_and(|header| !secrecy::may_read(header, officer)) {
        (view.document, view.withheld) = (None, true);
    }
}

/// Numbers of the 首报 somebody said to be about the same event.
fn same_event(desk: Desk<'_>, incident: DocId) -> Vec<String> {
    let mut numbers: Vec<_> = linkage::same_event(desk, incident).into_iter().map(|said| said.called).collect();
    numbers.dedup();
    numbers
}

/// The same, where the other documents of its incident have been read already.
pub fn in_chain(desk: Desk<'_>, found: &Copy, chain: &[Copy]) -> v1::DocumentView {
    let post = desk.post;
    let copies = relevant(desk, found);
    let shown = copies.first().unwrap_or(found);
    let (standing, standing_by) = standing(desk, shown);
    let missing_positions = missing(chain, shown);
    v1::DocumentView {
        id: shown.header.id.clone(),
        header: Some(shown.header.clone()),
        document: post.body(shown, desk.read).and_then(|body| v1::Document::decode(body).ok()),
        standing: standing.into(),
        standing_by,
        orphan: !missing_positions.is_empty(),
        missing_positions,
        recipients: copies.iter().map(|copy| recipient(desk, copy)).collect(),
        passages: shown.row.passages.clone(),
        attachments: Vec::new(),
        // What was written here did not arrive here.
        arrived_us: if shown.channel.origin == post.me().unit { 0 } else { shown.row.at_us },
        signed_here: copies.iter().any(|copy| signed_here(desk, copy)),
        related: chain.iter().filter(|c| c.header.id != shown.header.id).map(|c| c.header.number.clone()).collect(),
        ..Default::default()
    }
}

/// Of a document written here, all copies; of another's, our own copy first, then those that pass through us.
fn relevant(desk: Desk<'_>, found: &Copy) -> Vec<Copy> {
    let mut copies = desk.post.copies(found.id(), desk.read);
    let me = &desk.post.me().unit;
    copies.sort_by_key(|copy| (copy.channel.destination != *me, copy.channel.destination.clone()));
    copies
}

fn recipient(desk: Desk<'_>, copy: &Copy) -> v1::RecipientView {
    let post = desk.post;
    let stages = post.stages(&copy.channel, copy.number);
    let destination = copy.channel.destination.as_str();
    // What offices on the way did is shown, but how far it got is what its addressee says.
    let final_word = |stage: &&v1::StageView| stage.station == destination || stage.stage() == Stage::Custody;
    let reached = stages.iter().filter(final_word).map(v1::StageView::stage).max_by_key(|stage| ladder::height(*stage));
    let reached = match reached {
        _ if copy.channel.destination == post.me().unit && reached.is_none() => Stage::Delivered,
        other => other.unwrap_or(Stage::Unspecified),
    };
    v1::RecipientView {
        unit: destination.to_owned(),
        name: post.me().topology.name(destination, false).to_owned(),
        role: copy.header.role,
        reached: reached.into(),
        stages,
        waiting: post.waiting(&copy.channel, copy.number).map(|(peer, entry)| queue_state(desk, peer, entry)),
        tier: post.me().topology.place(destination).map_or_else(String::new, |place| place.tier.as_str().to_owned()),
    }
}

/// Where a block waits, in words a person can act on.
pub fn queue_state(desk: Desk<'_>, peer: &Unit, entry: &Entry) -> v1::QueueState {
    let queue = desk.post.queues().find(|(unit, _)| *unit == peer).map(|(_, queue)| queue);
    let resting = queue.and_then(|queue| queue.resting(entry.run.channel.precedence));
    v1::QueueState {
        peer: peer.to_string(),
        attempts: entry.attempts,
        last_failure: entry.last_failure.clone(),
        next_attempt_us: resting.map_or(0, |until| until.us()),
        held: matches!(entry.state, State::Held { .. }),
        in_flight: matches!(entry.state, State::InFlight { .. }),
        since_us: entry.since.us(),
        link_up: queue.is_some_and(Queue::is_up),
    }
}

fn standing(desk: Desk<'_>, copy: &Copy) -> (Standing, String) {
    if let Some(end) = desk.post.end_of(copy.id(), &copy.header.origin) {
        return (end.standing(), end.number);
    }
    // 请示 are answered by the office they are addressed to.
    if copy.header.kind() == Kind::RequestForInstructions
        && let Some(end) = desk.post.end_of(copy.id(), &copy.header.destination)
    {
        return (end.standing(), end.number);
    }
    let expired = copy.header.expires_at_us > 0 && copy.header.expires_at_us < desk.now.us();
    (if expired { Standing::Expired } else { Standing::Active }, String::new())
}

fn signed_here(desk: Desk<'_>, copy: &Copy) -> bool {
    let me = desk.post.me().unit.as_str();
    desk.post.acts_on(&copy.channel, copy.number).iter().any(|act| act.station == me && act.stage() == Stage::Signed)
}

fn incident_of(copy: &Copy) -> Option<DocId> {
    DocId::from_slice(&copy.header.incident).filter(|_| copy.header.position > 0)
}

/// Earlier documents of the incident that have not come: a later one may overtake them on a faster channel.
fn missing(chain: &[Copy], shown: &Copy) -> Vec<u32> {
    let here = |position| {
        chain.iter().any(|copy| {
            copy.header.position == position && (position == 1 || copy.header.origin == shown.header.origin)
        })
    };
    (1..shown.header.position.min(1000)).filter(|position| !here(*position)).collect()
}

/// Where a list stands between two looks at the engine, which is not to be kept from its work.
#[derive(Debug, Default)]
pub struct Listing {
    /// What was asked.
    pub request: v1::ListRequest,
    /// What was found.
    pub response: v1::ListResponse,
    seen: BTreeSet<Bytes>,
    ended: bool,
}

/// Blocks of one look: a few milliseconds at the most.
const LOOK_BLOCKS: usize = 64;
/// A place in a list is an arrival and an index in its block.
const INDEX_BITS: u32 = 7;

impl Listing {
    /// A list that has not begun.
    pub fn of(request: v1::ListRequest) -> Self {
        let next = if request.before == 0 { u64::MAX } else { request.before };
        let response = v1::ListResponse { next, ..Default::default() };
        Self { request, response, ..Self::default() }
    }

    /// Whether enough was found, or there is no more.
    pub fn complete(&self) -> bool {
        self.ended || self.response.documents.len() >= self.limit()
    }

    fn limit(&self) -> usize {
        match self.request.limit as usize {
            0 => 100,
            asked => asked.min(crate::limits::LIST_MAX),
        }
    }

    /// Looks a little further.
    pub fn look(&mut self, desk: Desk<'_>) {
        self.response.unsigned = desk.post.unsigned_count();
        let place = self.response.next;
        let (arrival, below) = (place >> INDEX_BITS, place & ((1 << INDEX_BITS) - 1));
        // A block that was left half-way is looked at again, below where it was left.
        let from = if place == u64::MAX || below == 0 { arrival } else { arrival + 1 };
        let (blocks, rest) = self.blocks(desk, from);
        for (arrival, waits) in blocks {
            let old = desk.post.block_row(arrival).is_none_or(|row| row.at_us < self.request.since_us);
            if old && self.request.r#box() != v1::Box::Unsigned {
                return self.end();
            }
            for (index, copy) in
                (0u64..).zip(desk.post.block_copies(arrival, desk.read)).collect::<Vec<_>>().into_iter().rev()
            {
                let at = arrival << INDEX_BITS | index;
                let here = at < place && waits >> index.min(127) & 1 == 1;
                if here && !old && wanted(desk, &self.request, &copy) && self.seen.insert(copy.header.id.clone()) {
                    self.response.documents.push(document(desk, &copy));
                    self.response.next = at;
                    if self.complete() {
                        return;
                    }
                }
            }
        }
        self.response.next = rest << INDEX_BITS;
        if rest == 0 {
            self.end();
        }
    }

    fn end(&mut self) {
        (self.response.next, self.ended) = (0, true);
    }

    fn blocks(&self, desk: Desk<'_>, before: u64) -> (Vec<(u64, u128)>, u64) {
        if self.request.r#box() == v1::Box::Unsigned {
            return desk.post.unsigned_before(before, LOOK_BLOCKS);
        }
        let (newest, rest) = desk.post.newest_before(before, LOOK_BLOCKS);
        (newest.into_iter().map(|arrival| (arrival, u128::MAX)).collect(), rest)
    }
}

fn wanted(desk: Desk<'_>, request: &v1::ListRequest, copy: &Copy) -> bool {
    let mine = copy.channel.origin == desk.post.me().unit;
    let boxed = match request.r#box() {
        v1::Box::Filed => mine,
        v1::Box::Received | v1::Box::Unsigned => !mine && desk.post.surfaces(&copy.header),
        v1::Box::Unspecified => mine || desk.post.surfaces(&copy.header),
    };
    let kind = if request.kinds.is_empty() {
        copy.header.kind() != Kind::Receipt
    } else {
        request.kinds.contains(&copy.header.kind)
    };
    // Who is under review with somebody else calls nobody here yet.
    let called = request.r#box() != v1::Box::Unsigned || review::until(desk, copy).is_none();
    let incident = request.incident.is_empty()
        || incident_of(copy).is_some_and(|incident| incident.to_string() == request.incident);
    boxed && kind && incident && called
}
