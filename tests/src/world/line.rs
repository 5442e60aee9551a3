//! The lines of the simulated country. Each way is a station's real outlet: what leaves next is chosen when the frame
//! before it has left, so a line that is full shows whether the urgent really goes first.
//!
//! A frame takes its bytes at the line's rate, then latency and jitter, and arrives in order, as over TCP: nothing is lost
//! or doubled while a connection holds. A connection that breaks loses whatever is on it; of what a killed station had
//! sent, the first part still arrives. A way that is blocked carries nothing until it mends, or until somebody has lost
//! patience. The buffers of kernels and HTTP/2 are not here, and neither are its keepalives.

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use futures_util::{FutureExt as _, StreamExt as _};
use node::{
    engine::Offer,
    io::Timestamp,
    limits,
    link::outlet::{Frames, Outlet},
    post::{envelope::Channel, schedule::CLASSES},
};
use prost::Message as _;
use proto::v1::{self, Precedence, frame::Frame};

use super::plant::Plant;
use crate::dice::Dice;

/// Bytes of a connection's own words around a frame: TLS, HTTP/2, gRPC.
const AROUND: usize = 60;
/// Blocks that may wait in an outlet: a window's worth of every precedence, and the block that keeps one from starving.
const WAITING_MAX: usize = CLASSES * (limits::IN_FLIGHT_ENVELOPES_MAX as usize + 1);

/// How a line carries.
#[derive(Debug, Clone, Copy)]
pub(super) struct Nature {
    pub(super) latency: Duration,
    pub(super) jitter: Duration,
    /// Bits a second.
    pub(super) rate: u64,
}

impl Nature {
    /// A line that is no trouble.
    pub(super) const GOOD: Self = Self { latency: Duration::from_millis(20), jitter: Duration::ZERO, rate: 1_000_000 };
}

/// The line between a station and its parent.
pub(super) struct Line {
    pub(super) nature: Nature,
    /// The latest connection, and whether it still holds.
    pub(super) connection: u64,
    pub(super) holds: bool,
    /// Which connection the station and its parent believe to have.
    pub(super) lower: Option<u64>,
    pub(super) upper: Option<u64>,
    /// Dials in vain since the last that held.
    pub(super) attempts: u32,
    pub(super) dialling: bool,
    pub(super) upward: Way,
    pub(super) downward: Way,
}

impl Line {
    pub(super) fn new(plant: Plant) -> Self {
        Self {
            nature: Nature::GOOD,
            connection: 0,
            holds: false,
            lower: None,
            upper: None,
            attempts: 0,
            dialling: false,
            upward: Way::new(plant),
            downward: Way::new(plant),
        }
    }

    pub(super) fn way(&mut self, up: bool) -> &mut Way {
        if up { &mut self.upward } else { &mut self.downward }
    }

    pub(super) fn end(&mut self, upper: bool) -> &mut Option<u64> {
        if upper { &mut self.upper } else { &mut self.lower }
    }

    /// Whether both ends know of one connection.
    pub(super) fn is_up(&self) -> bool {
        self.holds && self.lower == Some(self.connection) && self.upper == Some(self.connection)
    }

    pub(super) fn is_blocked(&self, now: Timestamp) -> bool {
        self.upward.blocked_until > now || self.downward.blocked_until > now
    }

    /// The most offers of lower precedence that ever left while a 特提 waited.
    pub(super) fn held_up(&self) -> u32 {
        self.upward.held_up.max(self.downward.held_up)
    }
}

/// A frame on its way.
struct Flying {
    due: Timestamp,
    frame: v1::Frame,
}

/// One direction.
pub(super) struct Way {
    plant: Plant,
    outlet: Outlet,
    frames: Frames,
    pub(super) blocked_until: Timestamp,
    /// Where frames wait that were chosen already, or on a line that does not choose.
    in_turn: VecDeque<v1::Frame>,
    leaving: Option<v1::Frame>,
    flying: VecDeque<Flying>,
    /// Bytes that have left and not arrived.
    bytes: usize,
    /// Offers that have not left yet, and what of them is 特提; and how many lower offers have left since the first of
    /// those came.
    waiting: BTreeSet<(Channel, u64)>,
    urgent: usize,
    passed: u32,
    held_up: u32,
}

impl Way {
    fn new(plant: Plant) -> Self {
        let (outlet, frames) = Outlet::new();
        Self {
            plant,
            outlet,
            frames,
            blocked_until: Timestamp::default(),
            in_turn: VecDeque::new(),
            leaving: None,
            flying: VecDeque::new(),
            bytes: 0,
            waiting: BTreeSet::new(),
            urgent: 0,
            passed: 0,
            held_up: 0,
        }
    }

    /// Nothing more leaves; of what has left, so many frames still arrive.
    pub(super) fn break_off(&mut self, arriving: usize) {
        let mut flying = std::mem::take(&mut self.flying);
        flying.truncate(arriving);
        *self = Self { held_up: self.held_up, blocked_until: self.blocked_until, flying, ..Self::new(self.plant) };
    }

    /// Frames that have left and not arrived.
    pub(super) fn flying(&self) -> usize {
        self.flying.len()
    }

    /// Whether nothing is on its way.
    pub(super) fn is_idle(&self) -> bool {
        self.flying.is_empty() && self.leaving.is_none() && self.waiting.is_empty()
    }

    /// Queues offers. A complaint if more wait than ever should.
    pub(super) fn offer(&mut self, offers: Vec<Offer>) -> Result<(), String> {
        for run in offers.iter().map(|offer| &offer.run) {
            let new = self.waiting.insert((run.channel.clone(), run.first));
            self.urgent += usize::from(new && run.channel.precedence == Precedence::TeTi);
        }
        self.outlet.offer(offers);
        self.queue();
        if self.waiting.len() > WAITING_MAX {
            return Err(format!("{} offers wait to leave", self.waiting.len()));
        }
        Ok(())
    }

    pub(super) fn settle(&mut self, settlement: v1::Settlement) {
        self.outlet.settle([settlement]);
        self.queue();
    }

    pub(super) fn bodies_again(&mut self) {
        self.outlet.bodies_again();
    }

    pub(super) fn send(&mut self, frame: Frame) {
        self.outlet.send(frame);
        self.queue();
    }

    /// The next frame begins to leave, if the line can take one. Says how many bytes it has.
    pub(super) fn leave(&mut self) -> Option<usize> {
        if self.leaving.is_some() || self.bytes > limits::STREAM_WINDOW_BYTES as usize {
            return None;
        }
        let frame = self.take()?;
        if let Some(Frame::Offer(offer)) = &frame.frame {
            self.note(offer);
        }
        let bytes = frame.encoded_len() + AROUND;
        self.leaving = Some(frame);
        Some(bytes)
    }

    /// It has left, and will arrive no earlier than then. True if nothing is before it.
    pub(super) fn left(&mut self, due: Timestamp, dice: &mut Dice) -> Option<Timestamp> {
        let frame = self.leaving.take()?;
        self.bytes += frame.encoded_len();
        let due = self.flying.back().map_or(due, |last| last.due.max(due));
        if self.plant == Plant::Shuffle {
            let at = dice.below(self.flying.len() + 1);
            self.flying.insert(at, Flying { due, frame });
        } else {
            self.flying.push_back(Flying { due, frame });
        }
        (self.flying.len() == 1).then_some(due)
    }

    /// The next frame to arrive.
    pub(super) fn front(&self) -> Option<&v1::Frame> {
        self.flying.front().map(|flying| &flying.frame)
    }

    /// It arrives; and when the one after it does.
    pub(super) fn arrive(&mut self) -> Option<(v1::Frame, Option<Timestamp>)> {
        let Flying { frame, .. } = self.flying.pop_front()?;
        self.bytes = self.bytes.saturating_sub(frame.encoded_len());
        Some((frame, self.flying.front().map(|next| next.due)))
    }

    /// The next offer on the way is gone.
    pub(super) fn lose_one(&mut self) {
        let is_offer = |frame: &v1::Frame| matches!(frame.frame, Some(Frame::Offer(_)));
        if let Some(at) = self.flying.iter().position(|flying| is_offer(&flying.frame)) {
            self.flying.remove(at);
        } else if self.leaving.as_ref().is_some_and(is_offer) {
            self.leaving = Some(v1::Frame::default());
        } else {
            drop(self.take());
        }
    }

    /// The next offer on the way comes twice.
    pub(super) fn double_one(&mut self) {
        let offer = |frame: &v1::Frame| matches!(frame.frame, Some(Frame::Offer(_))).then(|| frame.clone());
        let flying = self.flying.iter().find_map(|flying| offer(&flying.frame));
        let double = flying.or_else(|| self.leaving.as_ref().and_then(offer)).or_else(|| self.take());
        self.in_turn.extend(double);
    }

    /// Takes all offers off the line.
    pub(super) fn take_offers(&mut self) -> Vec<v1::Offer> {
        let mut frames: Vec<v1::Frame> =
            self.flying.iter_mut().map(|flying| std::mem::take(&mut flying.frame)).collect();
        frames.extend(self.leaving.as_mut().map(std::mem::take));
        frames.extend(std::iter::from_fn(|| self.take()));
        (self.waiting, self.urgent) = (BTreeSet::new(), 0);
        let mut offers = Vec::new();
        for frame in frames {
            match frame.frame {
                Some(Frame::Offer(offer)) => offers.push(offer),
                _ => self.in_turn.push_back(frame),
            }
        }
        offers
    }

    fn take(&mut self) -> Option<v1::Frame> {
        self.in_turn.pop_front().or_else(|| chosen(&mut self.frames))
    }

    fn queue(&mut self) {
        if self.plant == Plant::InTurn {
            self.in_turn.extend(std::iter::from_fn(|| chosen(&mut self.frames)));
        }
    }

    fn note(&mut self, offer: &v1::Offer) {
        let mut urgent = 0;
        for head in offer.parcels.iter().map(head) {
            let channel = Channel::of(&head.origin, &head.epoch, &head.destination, head.precedence).unwrap();
            self.waiting.remove(&(channel, head.first));
            urgent += usize::from(head.precedence() == Precedence::TeTi);
        }
        if urgent > 0 {
            self.urgent = self.urgent.saturating_sub(urgent);
            self.passed = 0;
        } else if self.urgent > 0 {
            self.passed += 1;
            self.held_up = self.held_up.max(self.passed);
        }
    }
}

fn chosen(frames: &mut Frames) -> Option<v1::Frame> {
    frames.next().now_or_never().flatten()
}

/// What a parcel says about itself.
pub(super) fn head(parcel: &v1::Parcel) -> v1::Head {
    let block = v1::Block::decode(parcel.block.clone()).unwrap();
    v1::Head::decode(block.head).unwrap()
}
