//! Holes: missing numbers are asked for, and a store that woke up younger than the world remembers it begins a new life.

use proto::v1;

use super::{
    envelope::Run,
    fact::{Fact, Moved},
    keys,
    office::{Circumstances, Pending, Post, Turn},
    ranges::Ranges,
    schedule::{Entry, State},
};
use crate::{io::Timestamp, limits, topology::Unit};

impl Post {
    /// A neighbour says how far it has heard our channels. If that is further than we remember writing, this store
    /// was restored from an older copy: its numbers must not be used twice, so a new epoch begins.
    pub(super) fn compare(&self, peer: &Unit, heard: &[v1::Range], circumstances: &Circumstances<'_>, turn: &mut Turn) {
        let further = heard.iter().filter_map(|range| Run::parse(range).ok()).any(|run| {
            let ours = run.channel.origin == self.me.unit && run.channel.epoch == self.epoch;
            let key = (run.channel.destination.clone(), run.channel.precedence);
            ours && run.last() > self.outs.get(&key).map_or(0, |tip| tip.last)
        });
        if further {
            let reason = format!("{peer} has heard more of this station than it remembers saying");
            turn.facts.push(Self::open_epoch(circumstances.now, circumstances.random, &reason));
        }
    }

    /// How far a neighbour's own channels have been heard here: what it is told when a line comes up.
    pub fn heard_of(&self, peer: &Unit) -> Vec<v1::Range> {
        self.heard
            .iter()
            .filter(|(channel, _)| channel.origin == *peer)
            .filter_map(|(channel, heard)| {
                let count = u32::try_from(heard.ranges.highest()).ok().filter(|n| *n > 0)?;
                Some(Run { channel: channel.clone(), first: 1, count }.to_proto())
            })
            .collect()
    }

    /// Numbers known to be missing now.
    pub fn gaps(&self) -> impl Iterator<Item = Run> {
        self.heard.iter().filter(|(_, heard)| heard.torn_since.is_some()).flat_map(|(channel, heard)| {
            heard.ranges.gaps().into_iter().map(|(first, last)| Run {
                channel: channel.clone(),
                first,
                count: u32::try_from(last - first + 1).unwrap_or(u32::MAX),
            })
        })
    }

    pub(super) fn ask_for_gaps(&self, now: Timestamp, turn: &mut Turn) {
        for (channel, heard) in &self.heard {
            let patient = heard.torn_since.is_none_or(|since| now.since(since) < limits::GAP_PATIENCE);
            let Some(peer) = self.next_hop(&channel.origin).filter(|_| !patient) else { continue };
            if !self.queues.get(&peer).is_some_and(super::schedule::Queue::is_up) {
                continue;
            }
            turn.missing.push((peer, missing_runs(channel, &heard.ranges)));
        }
    }

    /// Asking costs a frame; asking again before an answer can have come is noise.
    pub fn asked_for_gaps(&mut self, now: Timestamp) {
        for heard in self.heard.values_mut().filter(|heard| heard.torn_since.is_some()) {
            let patient = heard.torn_since.is_some_and(|since| now.since(since) < limits::GAP_PATIENCE);
            if !patient {
                heard.torn_since = Some(now);
            }
        }
    }

    /// A neighbour misses numbers: what lies here is offered again, the rest is asked for further on.
    /// Not all at once if it misses very many: it will ask again.
    pub(super) fn missed(&self, peer: &Unit, runs: Vec<Run>, now: Timestamp, turn: &mut Turn) {
        let mut further = Vec::new();
        let mut left = limits::MISSED_BLOCKS_MAX;
        for run in runs {
            if self.next_hop(&run.channel.destination).as_ref() != Some(peer) {
                continue;
            }
            let mut number = run.first;
            while number <= run.last() && left > 0 {
                left -= 1;
                let Some((_, row)) = self.block_at(&run.channel, number) else {
                    let rest = u32::try_from(run.last() - number + 1).unwrap_or(u32::MAX);
                    further.push(Run { channel: run.channel.clone(), first: number, count: rest });
                    break;
                };
                let Some(range) = row.range else { break };
                number = range.first + u64::from(range.count);
                let moved = Moved { peer: peer.to_string(), range: Some(range) };
                turn.facts.push(Pending::of(now, Fact::Moved(moved)));
            }
        }
        for run in further.into_iter().filter(|run| run.channel.origin != self.me.unit) {
            if let Some(onward) = self.next_hop(&run.channel.origin) {
                turn.missing.push((onward, vec![run]));
            }
        }
    }

    /// A block that had been passed on waits for its neighbour again.
    pub(super) fn wait_again(&mut self, peer: &Unit, run: &Run) -> Option<u64> {
        if self.next_hop(&run.channel.destination).as_ref() != Some(peer) {
            return None;
        }
        let (arrival, row) = self.block_at(&run.channel, run.first)?;
        let entry = Entry {
            arrival,
            run: Run::parse(row.range.as_ref()?).ok()?,
            place: keys::place_of(&row.place)?,
            bytes: row.bytes,
            shared: row.shared,
            since: Timestamp::from_us(row.at_us),
            state: State::Ready,
            attempts: 0,
            last_failure: String::new(),
            passages: row.passages,
            // It was handed on once already.
            told: true,
        };
        self.queues.entry(peer.clone()).or_default().insert(entry);
        Some(arrival)
    }
}

fn missing_runs(channel: &super::envelope::Channel, ranges: &Ranges) -> Vec<Run> {
    ranges
        .gaps()
        .into_iter()
        .take(64)
        .map(|(first, last)| Run {
            channel: channel.clone(),
            first,
            count: u32::try_from(last - first + 1).unwrap_or(u32::MAX),
        })
        .collect()
}
