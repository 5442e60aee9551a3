//! Queues and lines, for operators.

use std::time::Duration;

use proto::v1::{self, frame::Frame};
use tonic::Status;

use super::{Api, from_refusal, from_stopped, no};
use crate::{
    desk::{status, view},
    io::Timestamp,
    plan::{self, Desk},
    post::{
        Event,
        envelope::Run,
        refusal::{Code, Refusal},
        schedule::Entry,
    },
    topology::Unit,
};

/// How long a ping waits for its echo.
const PING_WITHIN: Duration = Duration::from_secs(10);

impl Api {
    pub(super) async fn queue(&self, request: v1::QueueRequest) -> Result<v1::QueueResponse, Status> {
        let peer = if request.peer.is_empty() { None } else { Some(self.peer(&request.peer)?) };
        let limit = if request.limit == 0 { 100 } else { request.limit as usize };
        let lines = self.board.lines();
        self.engine
            .ask(move |desk| {
                let mut response = v1::QueueResponse::default();
                for (unit, queue) in desk.post.queues().filter(|(unit, _)| peer.as_ref().is_none_or(|p| p == *unit)) {
                    let line = lines.iter().find(|(known, _)| known == unit);
                    let me = desk.post.me();
                    response.peers.push(v1::PeerQueue {
                        unit: unit.to_string(),
                        name: me.topology.name(unit.as_str(), false).to_owned(),
                        parent: me.topology.parent(&me.unit) == Some(unit),
                        up: line.is_some_and(|(_, line)| line.outlet.is_some()),
                        totals: Some(status::totals(queue, desk.now)),
                    });
                    let entries = queue.entries().map(|entry| describe(desk, unit, entry));
                    let wanted = entries.filter(|e| !request.held_only || e.state.as_ref().is_some_and(|s| s.held));
                    response.entries.extend(wanted.take(limit.saturating_sub(response.entries.len())));
                }
                response
            })
            .await
            .map_err(from_stopped)
    }

    pub(super) async fn retry(&self, request: v1::RetryRequest) -> Result<v1::RetryResponse, Status> {
        let peer = if request.peer.is_empty() { None } else { Some(self.peer(&request.peer)?) };
        let dry_run = request.dry_run;
        let entries = self.engine.ask(move |desk| select(desk, &request, peer.as_ref())).await;
        let entries = entries.map_err(from_stopped)?.map_err(from_refusal)?;
        if !dry_run {
            for entry in &entries {
                let Ok(peer) = Unit::parse(&entry.peer) else { continue };
                let Some(Ok(run)) = entry.range.as_ref().map(Run::parse) else { continue };
                self.engine.tell(Event::Retry { peer, runs: vec![run] }).await.map_err(from_stopped)?;
            }
        }
        Ok(v1::RetryResponse { entries })
    }

    pub(super) async fn ping_peer(&self, peer: &str) -> Result<v1::PingResponse, Status> {
        let unit = self.peer(peer)?;
        let mut changes = self.board.changes();
        let before = self.board.line(&unit).unwrap_or_default();
        let Some(outlet) = before.outlet else {
            let why = before.last_failure;
            let reason = format!("the line to {unit} is down: {why}");
            return Err(no(Code::LinkDown, &reason, &[unit.as_str(), &why]));
        };
        let sent = self.io.now();
        outlet.send(Frame::Heartbeat(v1::Heartbeat {
            sequence: u64::MAX,
            sent_us: sent.us(),
            answer_now: true,
            ..Default::default()
        }));
        let answered = async {
            loop {
                if changes.changed().await.is_err() {
                    return None;
                }
                let line = self.board.line(&unit)?;
                if line.sampled_at >= sent {
                    return line.sample.map(|sample| (line.identity, sample));
                }
            }
        };
        let Ok(Some((identity, sample))) = tokio::time::timeout(PING_WITHIN, answered).await else {
            let reason = format!("{unit} did not answer within {} s", PING_WITHIN.as_secs());
            return Err(no(Code::LinkSilent, &reason, &[unit.as_str()]));
        };
        let us = |duration: Duration| u32::try_from(duration.as_micros()).unwrap_or(u32::MAX);
        Ok(v1::PingResponse {
            unit: unit.to_string(),
            identity,
            rtt_us: us(sample.rtt),
            offset_us: sample.offset_us,
            offset_uncertainty_us: us(sample.uncertainty),
        })
    }

    pub(super) fn pause(&self, request: &v1::PauseRequest) -> Result<v1::PauseResponse, Status> {
        let unit = self.peer(&request.peer)?;
        let until = if request.resume {
            None
        } else if request.reason.trim().is_empty() || request.seconds == 0 {
            return Err(no(Code::MissingFields, "pausing a line needs a reason and a time", &["reason, time"]));
        } else {
            Some(self.io.now() + Duration::from_secs(request.seconds.into()))
        };
        tracing::warn!(peer = %unit, resume = request.resume, seconds = request.seconds, reason = request.reason, "an operator pauses or resumes a line");
        self.board.note(&unit, |line| {
            line.paused_until = until;
            if let (Some(_), Some(outlet)) = (until, &line.outlet) {
                outlet.close();
            }
        });
        Ok(v1::PauseResponse { until_us: until.map_or(0, Timestamp::us) })
    }
}

fn select(desk: Desk<'_>, request: &v1::RetryRequest, peer: Option<&Unit>) -> Result<Vec<v1::QueueEntry>, Refusal> {
    let document = if request.document.is_empty() {
        None
    } else {
        Some(plan::find(desk, &request.document, "document")?.header.id)
    };
    if document.is_none() && peer.is_none() && !request.held {
        let reason = "say what to retry: a document, a neighbour, or all that is held";
        return plan::refuse(Code::MissingReference, reason, &[]);
    }
    let ids = |entry: &Entry| desk.post.block_copies(entry.arrival, desk.read).into_iter().map(|copy| copy.header.id);
    let mut entries = Vec::new();
    for (unit, queue) in desk.post.queues().filter(|(unit, _)| peer.is_none_or(|p| p == *unit)) {
        for entry in queue.entries() {
            let named = document.as_ref().is_none_or(|id| ids(entry).any(|of_entry| of_entry == id));
            let described = describe(desk, unit, entry);
            if named && (!request.held || described.state.as_ref().is_some_and(|state| state.held)) {
                entries.push(described);
            }
        }
    }
    Ok(entries)
}

fn describe(desk: Desk<'_>, peer: &Unit, entry: &Entry) -> v1::QueueEntry {
    let copies = desk.post.block_copies(entry.arrival, desk.read);
    v1::QueueEntry {
        peer: peer.to_string(),
        range: Some(entry.run.to_proto()),
        numbers: copies.into_iter().map(|copy| copy.header.number).filter(|number| !number.is_empty()).collect(),
        bytes: entry.bytes.into(),
        since_us: entry.since.us(),
        state: Some(view::queue_state(desk, peer, entry)),
    }
}
