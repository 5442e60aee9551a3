//! One connection between two neighbours, the same at both ends: hello, then offers, answers and heartbeats both ways.
//!
//! Who the peer is was settled by its certificate before the first frame; a frame that claims otherwise ends it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::{Stream, StreamExt as _};
use proto::v1::{self, frame::Frame};
use tokio::time::MissedTickBehavior;
use tonic::Status;

use super::{
    board::{Board, Sample},
    outlet::Outlet,
    socket::Peer,
    trouble::Trouble,
    wire,
};
use crate::{
    engine::run::{Handle, Stopped},
    io::{Io, Timestamp},
    limits,
    post::{Event, seal::Checker},
    topology::Unit,
};

/// What every connection of a station needs.
#[derive(Clone)]
pub struct Ends {
    /// This station.
    pub me: Unit,
    /// Its engine.
    pub engine: Handle,
    /// What is known of its lines.
    pub board: Board,
    /// Checks seals.
    pub checker: Arc<dyn Checker>,
    /// Clock and dice.
    pub io: Arc<dyn Io>,
    /// Between two heartbeats.
    pub heartbeat: Duration,
}

static CONNECTIONS: AtomicU64 = AtomicU64::new(1);

/// Runs one connection to its end and says why it ended.
pub async fn run(
    ends: &Ends,
    line: &Peer,
    outlet: Outlet,
    incoming: impl Stream<Item = Result<v1::Frame, Status>> + Unpin,
) -> String {
    let peer = &line.id.unit;
    let id = CONNECTIONS.fetch_add(1, Ordering::Relaxed);
    let mut session = Session {
        ends,
        line,
        peer,
        outlet: outlet.clone(),
        incoming,
        last: (0, Timestamp::default(), Timestamp::default()),
        beat: 0,
    };
    let failure = match session.greet(id).await {
        Ok(()) => session.exchange().await,
        Err(failure) => failure,
    };
    outlet.close();
    let now = ends.io.now();
    ends.board.note(peer, |line| {
        // A newer connection may have taken this line over already.
        if line.outlet.as_ref().is_some_and(|current| current.is(&outlet)) {
            line.outlet = None;
            line.since = now;
        }
        line.last_failure.clone_from(&failure);
    });
    if ends.engine.down(peer.clone(), id, failure.clone()).await.is_err() {
        tracing::debug!(peer = %peer, "the engine stopped before the line did");
    }
    failure
}

struct Session<'a, S> {
    ends: &'a Ends,
    line: &'a Peer,
    peer: &'a Unit,
    outlet: Outlet,
    incoming: S,
    /// The peer's last heartbeat: its number, when it was sent, when it came.
    last: (u64, Timestamp, Timestamp),
    beat: u64,
}

impl<S: Stream<Item = Result<v1::Frame, Status>> + Unpin> Session<'_, S> {
    async fn greet(&mut self, id: u64) -> Result<(), String> {
        let peer = self.peer.clone();
        let heard = self.ends.engine.ask(move |desk| desk.post.heard_of(&peer)).await.map_err(stopping)?;
        self.outlet.send(Frame::Hello(v1::Hello {
            version: wire::VERSION,
            version_min: wire::VERSION_MIN,
            unit: self.ends.me.to_string(),
            software: env!("CARGO_PKG_VERSION").to_owned(),
            heard,
        }));
        let first = tokio::time::timeout(limits::HELLO_WITHIN, self.incoming.next()).await;
        let hello = match first {
            Err(_) => return Err(Trouble::Silent.says("the peer did not say hello in time")),
            Ok(None) => return Err(Trouble::Closed.says("the peer closed the connection before saying hello")),
            Ok(Some(Err(status))) => return Err(said(&status)),
            Ok(Some(Ok(v1::Frame { frame: Some(Frame::Hello(hello)) }))) => hello,
            Ok(Some(Ok(_))) => return Err(Trouble::Misbehaved.says("the first frame was not a hello")),
        };
        if hello.unit != self.peer.as_str() {
            let claimed: String = hello.unit.chars().take(32).collect();
            let lie = format!("the peer says it is {claimed} and its certificate says {}", self.peer);
            return Err(Trouble::Misbehaved.says(lie));
        }
        wire::speaks(&hello).map_err(|why| Trouble::Version.says(why))?;
        let now = self.ends.io.now();
        self.ends.board.note(self.peer, |line| {
            line.outlet = Some(self.outlet.clone());
            line.identity = self.line.id.to_string();
            (line.since, line.last_contact) = (now, now);
            line.next_attempt = None;
            line.ups += 1;
        });
        let up = self.ends.engine.up(self.peer.clone(), id, self.outlet.clone(), hello.heard).await;
        up.map_err(stopping)
    }

    async fn exchange(&mut self) -> String {
        let mut beats = tokio::time::interval(self.ends.heartbeat);
        // A process that stood still has missed nothing of what arrived meanwhile.
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut arrived, mut missed) = (0, 0);
        loop {
            tokio::select! {
                // First, so that no flood of frames keeps a heartbeat from leaving.
                biased;
                _ = beats.tick() => {
                    // Not frames but bytes: on a slow line a heartbeat waits behind a frame that takes a minute.
                    let before = std::mem::replace(&mut arrived, self.line.arrived());
                    missed = if arrived > before { 0 } else { missed + 1 };
                    if missed >= limits::HEARTBEATS_MISSED_MAX {
                        let silence = self.ends.heartbeat * missed;
                        return Trouble::Silent.says(format!("nothing heard for {} s", silence.as_secs()));
                    }
                    self.heartbeat(self.beat < 2);
                }
                frame = self.incoming.next() => match frame {
                    None => return Trouble::Closed.says("the peer closed the connection"),
                    Some(Err(status)) => return said(&status),
                    Some(Ok(frame)) => if let Err(failure) = self.take(frame).await {
                        return failure;
                    },
                },
            }
        }
    }

    async fn take(&mut self, frame: v1::Frame) -> Result<(), String> {
        let now = self.ends.io.now();
        self.ends.board.note(self.peer, |line| line.last_contact = now);
        let peer = self.peer.clone();
        let told = match frame.frame {
            Some(Frame::Offer(offer)) => {
                let opened = wire::open(offer, &*self.ends.checker)
                    .map_err(|bad| Trouble::Misbehaved.says(format!("the peer offers what is not a block: {bad}")))?;
                for refusal in &opened.refused {
                    tracing::warn!(peer = %peer, code = refusal.code, reason = refusal.reason, "a block was refused");
                }
                if !opened.refused.is_empty() {
                    self.outlet.settle(opened.refused);
                }
                self.ends.engine.offered(peer, opened.bodies, opened.arrived).await
            }
            Some(Frame::Settlements(answers)) => {
                self.ends.engine.tell(Event::Answered { peer, answers: answers.settlements }).await
            }
            Some(Frame::Missing(missing)) => {
                self.ends.engine.tell(Event::Missed { peer, runs: wire::runs(&missing.ranges) }).await
            }
            Some(Frame::Gone(gone)) => {
                self.ends.engine.tell(Event::Gone { peer, runs: wire::runs(&gone.ranges) }).await
            }
            Some(Frame::Heartbeat(beat)) => match self.heard_beat(&beat, now) {
                Some(sample) => self.ends.engine.tell(Event::Compared { peer, skew: sample.skew() }).await,
                None => Ok(()),
            },
            Some(Frame::Hello(_)) => return Err(Trouble::Misbehaved.says("the peer said hello twice")),
            // A newer peer may send frames this station does not know; they are optional by agreement.
            None => Ok(()),
        };
        told.map_err(stopping)?;
        if self.outlet.overruns() {
            return Err(Trouble::Misbehaved.says("the peer asks and does not read the answers"));
        }
        Ok(())
    }

    fn heard_beat(&mut self, beat: &v1::Heartbeat, now: Timestamp) -> Option<Sample> {
        self.last = (beat.sequence, Timestamp::from_us(beat.sent_us), now);
        if beat.answer_now {
            self.heartbeat(false);
        }
        if beat.echo_sequence == 0 {
            return None;
        }
        let at = Timestamp::from_us;
        let sample = Sample::of(at(beat.echo_sent_us), at(beat.echo_received_us), at(beat.sent_us), now);
        self.ends.board.note(self.peer, |line| (line.sample, line.sampled_at) = (Some(sample), now));
        Some(sample)
    }

    fn heartbeat(&mut self, answer_now: bool) {
        self.beat += 1;
        let (sequence, sent, received) = self.last;
        self.outlet.send(Frame::Heartbeat(v1::Heartbeat {
            sequence: self.beat,
            sent_us: self.ends.io.now().us(),
            echo_sequence: sequence,
            echo_sent_us: sent.us(),
            echo_received_us: received.us(),
            answer_now,
            ..Default::default()
        }));
    }
}

fn stopping(stopped: Stopped) -> String {
    Trouble::Stopping.says(stopped)
}

/// What ended a stream, in one sentence. A station that says no begins with the word of its trouble itself.
pub fn said(status: &Status) -> String {
    let said = causes(status);
    let word = said.split_once(':').map_or("", |(word, _)| word);
    if Trouble::ALL.iter().any(|trouble| trouble.word() == word) { said } else { Trouble::BrokenOff.says(said) }
}

/// The innermost cause says what happened; those around it only say where it was noticed.
fn causes(status: &Status) -> String {
    let mut innermost = None;
    let mut source = std::error::Error::source(status);
    while let Some(cause) = source {
        innermost = Some(cause.to_string());
        source = cause.source();
    }
    let said = innermost.unwrap_or_else(|| status.message().to_owned());
    // rustls points to its manual on the web; nobody reads that here.
    let said = said.split(": https://").next().unwrap_or_default();
    if said.is_empty() { format!("{:?}", status.code()) } else { said.to_owned() }
}
