//! The lines of the simulated country. Each way is a station's real outlet: what leaves next is chosen when the line can
//! take more, so a line that is full shows whether the urgent really goes first.

use std::collections::VecDeque;

use futures_util::{FutureExt as _, StreamExt as _};
use node::{
    engine::Offer,
    link::outlet::{Frames, Outlet},
};
use prost::Message as _;
use proto::v1::{self, Precedence, frame::Frame};

use super::plant::Plant;
use crate::dice::Dice;

/// The line between a station and its parent.
pub(super) struct Line {
    pub(super) up: bool,
    pub(super) upward: Way,
    pub(super) downward: Way,
}

impl Line {
    pub(super) fn new(plant: Plant) -> Self {
        Self { up: false, upward: Way::new(plant), downward: Way::new(plant) }
    }

    /// What is on it is lost.
    pub(super) fn lose(&mut self) {
        self.upward.lose();
        self.downward.lose();
    }

    /// The most offers of lower precedence that ever left while a 特提 waited.
    pub(super) fn held_up(&self) -> u32 {
        self.upward.held_up.max(self.downward.held_up)
    }
}

/// One direction.
pub(super) struct Way {
    plant: Plant,
    outlet: Outlet,
    frames: Frames,
    /// Where frames wait that were chosen already, or on a line that does not choose.
    in_turn: VecDeque<v1::Frame>,
    /// 特提 that wait, and how many lower offers have left since the first of them came.
    waiting: usize,
    passed: u32,
    held_up: u32,
}

impl Way {
    fn new(plant: Plant) -> Self {
        let (outlet, frames) = Outlet::new();
        Self { plant, outlet, frames, in_turn: VecDeque::new(), waiting: 0, passed: 0, held_up: 0 }
    }

    fn lose(&mut self) {
        *self = Self { held_up: self.held_up, ..Self::new(self.plant) };
    }

    pub(super) fn offer(&mut self, offers: Vec<Offer>) {
        self.waiting += offers.iter().filter(|offer| offer.run.channel.precedence == Precedence::TeTi).count();
        self.outlet.offer(offers);
        self.queue();
    }

    pub(super) fn settle(&mut self, settlement: v1::Settlement) {
        self.outlet.settle([settlement]);
        self.queue();
    }

    pub(super) fn send(&mut self, frame: Frame) {
        self.outlet.send(frame);
        self.queue();
    }

    /// The next frame to arrive, if anything is on the way.
    pub(super) fn next(&mut self, dice: &mut Dice) -> Option<Frame> {
        let frame = match self.plant {
            Plant::Shuffle => {
                let at = dice.below(self.in_turn.len());
                self.in_turn.remove(at)
            }
            _ => self.take(),
        }?
        .frame?;
        if let Frame::Offer(offer) = &frame {
            self.note(offer);
        }
        Some(frame)
    }

    /// Takes the next frame off the line.
    pub(super) fn take(&mut self) -> Option<v1::Frame> {
        self.in_turn.pop_front().or_else(|| chosen(&mut self.frames))
    }

    /// The next frame comes twice.
    pub(super) fn double(&mut self) {
        if let Some(frame) = self.take() {
            self.in_turn.push_front(frame.clone());
            self.in_turn.push_front(frame);
        }
    }

    /// Takes all offers off the line.
    pub(super) fn take_offers(&mut self) -> Vec<v1::Offer> {
        let frames: Vec<v1::Frame> = std::iter::from_fn(|| self.take()).collect();
        let mut offers = Vec::new();
        for frame in frames {
            match frame.frame {
                Some(Frame::Offer(offer)) => offers.push(offer),
                _ => self.in_turn.push_back(frame),
            }
        }
        offers
    }

    fn queue(&mut self) {
        if matches!(self.plant, Plant::InTurn | Plant::Shuffle) {
            self.in_turn.extend(std::iter::from_fn(|| chosen(&mut self.frames)));
        }
    }

    fn note(&mut self, offer: &v1::Offer) {
        let urgent = offer.parcels.iter().filter(|parcel| precedence(parcel) == Precedence::TeTi).count();
        if urgent > 0 {
            self.waiting = self.waiting.saturating_sub(urgent);
            self.passed = 0;
        } else if self.waiting > 0 {
            self.passed += 1;
            self.held_up = self.held_up.max(self.passed);
        }
    }
}

fn chosen(frames: &mut Frames) -> Option<v1::Frame> {
    frames.next().now_or_never().flatten()
}

fn precedence(parcel: &v1::Parcel) -> Precedence {
    let block = v1::Block::decode(parcel.block.clone()).unwrap();
    v1::Head::decode(block.head).unwrap().precedence()
}
