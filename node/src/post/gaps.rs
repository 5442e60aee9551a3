//! Holes: missing numbers are asked for; what a neighbour had and lost is offered to it again; what nobody has any more
//! is given up by name; and a store that woke up younger than the world remembers it begins a new life.
//!
//! So a station whose disk was replaced, or restored from yesterday, is made whole again by those around it: a neighbour
//! says at the beginning of every connection how far it has heard each channel that comes through us. Whatever we know
//! it took beyond that, it has lost, and what we still have of it is offered once more.

use std::collections::BTreeMap;

use prost::Message as _;
use proto::v1::{self, Stage};

use super::{
    arrivals::Fresh,
    envelope::{Channel, Run},
    fact::{Fact, Gone, Moved},
    keys,
    losses::Lost,
    office::{Circumstances, Pending, Post, Turn, entry_of},
    rows::after_prefix,
    schedule::State,
};
use crate::{io::Timestamp, limits, topology::Unit};

impl Post {
    /// A neighbour says how far it has heard what comes through us. If it has heard more of this station than we
    /// remember writing, this store was restored from an older copy: its numbers must not be used twice, so a new epoch
    /// begins. If it has heard less than it took from us, *its* store is younger than it was: it gets that again.
    pub(super) fn compare(&self, peer: &Unit, heard: &[v1::Range], circumstances: &Circumstances<'_>, turn: &mut Turn) {
        let heard: BTreeMap<Channel, u64> = heard
            .iter()
            .filter_map(|range| Run::parse(range).ok())
            .map(|run| (run.channel.clone(), run.last()))
            .collect();
        let further = heard.iter().any(|(channel, last)| {
            let ours = channel.origin == self.me.unit && channel.epoch == self.epoch;
            let key = (channel.destination.clone(), channel.precedence);
            ours && *last > self.outs.get(&key).map_or(0, |tip| tip.last)
        });
        if further {
            let reason = format!("{peer} has heard more of this station than it remembers saying");
            self.begin_anew(&reason, circumstances, turn);
        }
        // A list that was cut says nothing about what is not on it.
        let unsaid = (heard.len() < limits::HEARD_CHANNELS_MAX).then_some(0);
        for (channel, known) in self.channels_to(peer) {
            let Some(through) = heard.get(&channel).copied().or(unsaid) else { continue };
            let Some(taken) = (known > through).then(|| self.taken_by(peer, &channel)).flatten() else { continue };
            if taken > through {
                let count = u32::try_from(taken - through).unwrap_or(u32::MAX);
                let lost = Run { channel, first: through + 1, count };
                let moved = Moved { peer: peer.to_string(), range: Some(lost.to_proto()) };
                turn.facts.push(Pending::of(circumstances.now, Fact::Moved(moved)));
            }
        }
    }

    /// Numbers given out from now on are of another epoch: those of this one stand for other things elsewhere.
    pub(super) fn begin_anew(&self, reason: &str, circumstances: &Circumstances<'_>, turn: &mut Turn) {
        if !turn.facts.iter().any(|pending| matches!(pending.record.fact, Some(Fact::Opened(_)))) {
            turn.facts.push(Self::open_epoch(circumstances.now, circumstances.random, reason));
        }
    }

    /// How far everything that comes through a neighbour has been heard here: what it is told when a line comes up.
    pub fn heard_of(&self, peer: &Unit) -> Vec<v1::Range> {
        self.heard
            .iter()
            .filter(|(channel, _)| self.next_hop(&channel.origin).as_ref() == Some(peer))
            .filter_map(|(channel, heard)| {
                let count = u32::try_from(heard.ranges.highest()).ok().filter(|n| *n > 0)?;
                Some(Run { channel: channel.clone(), first: 1, count }.to_proto())
            })
            .take(limits::HEARD_CHANNELS_MAX)
            .collect()
    }

    /// Every channel that goes through a neighbour, and a number none of its numbers here is above.
    fn channels_to(&self, peer: &Unit) -> Vec<(Channel, u64)> {
        let mut channels: Vec<_> =
            self.heard.iter().map(|(channel, heard)| (channel.clone(), heard.ranges.highest())).collect();
        // Our own of the present life are in memory; those of earlier lives are found by leaps over the rows.
        let own = keys::numbers_of(&self.me.unit);
        let (mut from, to) = (own.clone(), after_prefix(&own));
        while let Some((key, _)) = self.rows.range(&from, &to, 1).into_iter().next() {
            let Some(channel) = keys::channel_of(&key) else { break };
            from = after_prefix(&keys::numbers(&channel));
            let out = self.outs.get(&(channel.destination.clone(), channel.precedence));
            let highest = if channel.epoch == self.epoch { out.map_or(0, |tip| tip.last) } else { u64::MAX };
            channels.push((channel, highest));
        }
        channels.retain(|(channel, _)| self.next_hop(&channel.destination).as_ref() == Some(peer));
        channels
    }

    /// The highest number of a channel that a neighbour has answered for, as far as that is still known.
    fn taken_by(&self, peer: &Unit, channel: &Channel) -> Option<u64> {
        const PART: usize = 64;
        let (from, mut to) = keys::reached_up_to(channel, u64::MAX);
        loop {
            let marks = self.rows.range_back(&from, &to, PART);
            for (key, row) in &marks {
                let row = keys::MarkRow::decode(row.as_slice()).unwrap_or_default();
                let taken =
                    row.stage.is_some_and(|said| said.stage() == Stage::Custody && said.station == peer.as_str());
                if taken {
                    return Some(
                        keys::first_of_mark(key, channel).saturating_add(u64::from(row.count)).saturating_sub(1),
                    );
                }
            }
            to = marks.into_iter().nth(PART - 1)?.0;
        }
    }

    /// Numbers known to be missing now.
    pub fn gaps(&self) -> impl Iterator<Item = Run> {
        self.heard
            .iter()
            .filter(|(_, heard)| heard.torn_since.is_some())
            .flat_map(|(channel, heard)| heard.missing().map(|(first, last)| part(channel, first, last)))
    }

    pub(super) fn ask_for_gaps(&self, now: Timestamp, turn: &mut Turn) {
        for (channel, heard) in &self.heard {
            let patient = heard.torn_since.is_none_or(|since| is_patient(since, now));
            let Some(peer) = self.next_hop(&channel.origin).filter(|_| !patient) else { continue };
            if !self.queues.get(&peer).is_some_and(super::schedule::Queue::is_up) {
                continue;
            }
            turn.missing
                .push((peer, heard.missing().take(64).map(|(first, last)| part(channel, first, last)).collect()));
        }
    }

    /// Asking costs a frame; asking again before an answer can have come is noise.
    pub fn asked_for_gaps(&mut self, now: Timestamp) {
        for heard in self.heard.values_mut().filter(|heard| heard.torn_since.is_some()) {
            let patient = heard.torn_since.is_some_and(|since| is_patient(since, now));
            if !patient {
                heard.torn_since = Some(now);
            }
        }
    }

    /// A neighbour misses numbers: what lies here is offered again, what cannot come any more is said to be gone, and
    /// the rest is asked for further on. Not all at once if it misses very many: it will ask again.
    pub(super) fn missed(&self, peer: &Unit, runs: Vec<Run>, now: Timestamp, turn: &mut Turn) {
        let mut left = limits::MISSED_BLOCKS_MAX;
        let mut gone = Vec::new();
        for run in runs {
            if self.next_hop(&run.channel.destination).as_ref() != Some(peer) {
                continue;
            }
            let mut next = Some(run.first);
            while let Some(number) = next.filter(|number| *number <= run.last() && left > 0) {
                left -= 1;
                let here = self.block_at(&run.channel, number).map(|(_, row)| row);
                if let Some(here) = here.as_ref().filter(|row| !row.damaged).and_then(Self::run_of) {
                    next = here.last().checked_add(1);
                    let moved = Moved { peer: peer.to_string(), range: Some(here.to_proto()) };
                    turn.facts.push(Pending::of(now, Fact::Moved(moved)));
                    continue;
                }
                let damaged = here.as_ref().and_then(Self::run_of).map(|run| run.last());
                let before_next = || self.next_block(&run.channel, number).map(|first| first.saturating_sub(1));
                let until = damaged.or_else(before_next).map_or(run.last(), |until| until.min(run.last()));
                for ((first, last), had) in self.cut_absent(&run.channel, number, until) {
                    let absent = part(&run.channel, first, last);
                    match self.next_hop(&run.channel.origin).filter(|_| !had) {
                        Some(onward) => turn.missing.push((onward, vec![absent])),
                        None => gone.push(absent),
                    }
                }
                next = until.checked_add(1);
            }
        }
        if !gone.is_empty() {
            turn.gone.push((peer.clone(), gone));
        }
    }

    /// Of numbers that are not here: which of them once were, and so are gone.
    fn cut_absent(&self, channel: &Channel, first: u64, last: u64) -> Vec<((u64, u64), bool)> {
        if channel.origin == self.me.unit {
            return vec![((first, last), true)];
        }
        self.heard.get(channel).map_or_else(|| vec![((first, last), false)], |heard| heard.ranges.cut(first, last))
    }

    /// A neighbour does not have what it was asked for. It can say so of what comes through it only, and only what is
    /// missing here is given up: what is here stays. Whoever asked for it through us is told as well, for it may have been
    /// here and be forgotten.
    pub(super) fn gone(&self, peer: &Unit, runs: &[Run], now: Timestamp, fresh: &mut Fresh, turn: &mut Turn) {
        for run in runs.iter().filter(|run| self.may_offer(peer, &run.channel).is_ok()) {
            let heard = fresh.heard_mut(self, &run.channel);
            if let Some(onward) = self.next_hop(&run.channel.destination) {
                let absent = heard.ranges.cut(run.first, run.last()).into_iter().filter(|(_, here)| !here);
                turn.gone.push((onward, absent.map(|((first, last), _)| part(&run.channel, first, last)).collect()));
            }
            let missing = heard.missing().map(|(first, last)| (first.max(run.first), last.min(run.last())));
            for (first, last) in missing.filter(|(first, last)| first <= last) {
                heard.ranges.insert(first, last);
                let gone = Gone { peer: peer.to_string(), range: Some(part(&run.channel, first, last).to_proto()) };
                turn.facts.push(Pending::of(now, Fact::Gone(gone)));
            }
        }
    }

    pub(super) fn apply_gone(&mut self, gone: &Gone, at: Timestamp) {
        let Some(Ok(run)) = gone.range.as_ref().map(Run::parse) else { return };
        let heard = self.heard.entry(run.channel.clone()).or_default();
        heard.ranges.insert(run.first, run.last());
        heard.torn_since = heard.torn_since.filter(|_| heard.is_torn());
        self.keep_heard(&run.channel);
        // What only passes through is no loss to this office; whoever it was for asks for it as well.
        let (me, origin) = (&self.me.unit, &run.channel.origin);
        let for_us = run.channel.destination == *me || self.me.topology.is_ancestor(me, origin);
        if let Some(peer) = Unit::parse(&gone.peer).ok().filter(|_| for_us) {
            self.lose(at, Lost::Gone(run, peer));
        }
    }

    /// What has been heard of a channel, as a row.
    pub(super) fn keep_heard(&mut self, channel: &Channel) {
        let Some(heard) = self.heard.get(channel) else { return };
        let mut ranges = Vec::new();
        heard.ranges.encode(&mut ranges);
        let row = keys::HeardRow { ranges, last: heard.tip.last, hash: heard.tip.hash.clone() };
        self.rows.put(keys::heard(channel), row.encode_to_vec());
    }

    /// Blocks wait for a neighbour: those that do already are tried at once, those it had taken are offered again.
    pub(super) fn apply_moved(&mut self, moved: &Moved) {
        let (Ok(peer), Some(Ok(run))) = (Unit::parse(&moved.peer), moved.range.as_ref().map(Run::parse)) else {
            return;
        };
        if self.next_hop(&run.channel.destination).as_ref() != Some(&peer) && !self.is_direct(&peer, &run) {
            return;
        }
        let (from, to) =
            (keys::by_number(&run.channel, run.first), keys::by_number(&run.channel, run.last().saturating_add(1)));
        for (_, arrival) in self.rows.range(&from, &to, usize::MAX) {
            self.wait_again(&peer, keys::u64_of(&arrival));
        }
    }

    fn wait_again(&mut self, peer: &Unit, arrival: u64) {
        let row = self.block_row(arrival);
        let row = row.filter(|row| !row.damaged);
        let Some((row, run)) = row.and_then(|row| Self::run_of(&row).map(|run| (row, run))) else { return };
        let queue = self.queues.entry(peer.clone()).or_default();
        if queue.find(&run.channel, run.first).is_some() {
            queue.release(&run);
        } else if let Some(mut entry) = entry_of(arrival, &row, &keys::QueueRow::default(), State::Ready) {
            // It was handed on once already.
            entry.told = true;
            queue.insert(entry);
        }
        let row =
            keys::QueueRow { held_code: String::new(), held_reason: String::new(), ..self.queue_row(peer, arrival) };
        self.rows.put(keys::queued(peer, arrival), row.encode_to_vec());
    }

    /// Where the next block of a channel begins that is here.
    fn next_block(&self, channel: &Channel, number: u64) -> Option<u64> {
        let from = keys::by_number(channel, number);
        let next = self.rows.range(&from, &after_prefix(&keys::numbers(channel)), 1);
        next.first().and_then(|(key, _)| key.last_chunk()).map(|last| u64::from_be_bytes(*last))
    }
}

/// Whether it is too early to ask. A clock that was set back does not make it earlier.
fn is_patient(since: Timestamp, now: Timestamp) -> bool {
    since <= now && now.since(since) < limits::GAP_PATIENCE
}

/// The numbers from first to last, or as many of them as one run can name.
fn part(channel: &Channel, first: u64, last: u64) -> Run {
    let count = u32::try_from(last - first).map_or(u32::MAX, |more| more.saturating_add(1));
    Run { channel: channel.clone(), first, count }
}
