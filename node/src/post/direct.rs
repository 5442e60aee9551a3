//! 越级: what goes straight to the ministry, or comes straight from it, past the offices between.
//!
//! Nothing leaves its way for it. A block whose header says `direct` waits for two: for the neighbour, as always, so that the
//! office passed over gets all of it as soon as it can; and for its destination, on a line that is made only for that.
//! Both ways carry the same numbers of the same channel, so whatever comes second has come before: it is answered, and
//! neither shown nor counted again.
//!
//! Who may write so is for the plan to say. While the line is there, what the two offices at its ends write to each other
//! goes over both, receipts included.

use super::{
    envelope::Run,
    keys,
    office::Post,
    schedule::{Entry, Queue, State},
    seal::Block,
};
use crate::{limits, topology::Unit};

impl Post {
    /// The station a direct line would lead up to from here, if there is an office between.
    pub fn past_superior(&self) -> Option<&Unit> {
        let root = self.me.topology.root();
        let passes = *root != self.me.unit && self.me.topology.passes_over(root, &self.me.unit);
        passes.then_some(root)
    }

    /// Whether something here waits for a direct line to the ministry.
    pub fn wants_direct(&self) -> bool {
        self.past_superior().and_then(|root| self.queues.get(root)).is_some_and(|queue| !queue.is_empty())
    }

    /// Whether the line to a station is up.
    pub fn is_up(&self, peer: &Unit) -> bool {
        self.queues.get(peer).is_some_and(Queue::is_up)
    }

    /// Whether what is written to a station now goes over a direct line as well.
    pub(super) fn goes_direct(&self, destination: &Unit) -> bool {
        self.me.topology.passes_over(destination, &self.me.unit)
            && self
                .queues
                .get(destination)
                .is_some_and(|queue| queue.is_up() && queue.len() < limits::QUEUED_BLOCKS_MAX)
    }

    /// Whether a channel is between this office and one that a direct line leads to.
    pub(super) fn is_direct(&self, peer: &Unit, run: &Run) -> bool {
        let ends = [&run.channel.origin, &run.channel.destination];
        self.me.topology.passes_over(peer, &self.me.unit) && ends.contains(&peer) && ends.contains(&&self.me.unit)
    }

    /// A block of this office that is to go both ways waits for its destination as well.
    pub(super) fn await_direct(&mut self, block: &Block, arrival: u64, row: &keys::BlockRow) {
        let to = &block.run.channel.destination;
        let direct = block.headers.iter().any(|header| header.direct) && block.run.channel.origin == self.me.unit;
        if !direct || !self.me.topology.passes_over(to, &self.me.unit) {
            return;
        }
        self.rows.put(keys::queued(to, arrival), prost::Message::encode_to_vec(&keys::QueueRow::default()));
        if let Some(entry) = super::office::entry_of(arrival, row, &keys::QueueRow::default(), State::Ready) {
            // Its author hears of what becomes of it by the way it always goes.
            self.queues.entry(to.clone()).or_default().insert(Entry { told: true, ..entry });
        }
    }

    /// Whether something waits for a direct line to where these go.
    pub(super) fn waits_directly(&self, run: &Run) -> bool {
        let to = &run.channel.destination;
        self.queues.get(to).is_some_and(|queue| !queue.is_empty()) && self.next_hop(to).as_ref() != Some(to)
    }

    /// It is where it was to go, or will be without the direct line.
    pub(super) fn leave_direct(&mut self, run: &Run) {
        if !self.waits_directly(run) {
            return;
        }
        let to = &run.channel.destination;
        if let Some(entry) = self.queues.get_mut(to).and_then(|queue| queue.remove(run)) {
            self.rows.delete(keys::queued(to, entry.arrival));
        }
    }
}
