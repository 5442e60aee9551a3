//! What happens on lines: stations dial, frames leave and arrive, connections break and both ends find out, each in its
//! own time.

use std::time::Duration;

use bytes::Bytes;
use node::{
    io::Timestamp,
    link::wire,
    post::{
        Event,
        envelope::{Channel, Run},
        retry,
    },
    topology::Unit,
};
use proto::v1::{self, frame::Frame};

use super::{World, agenda::Happening, line, plant::Plant, station::Command};

/// Nothing heard for so long, and a connection counts as dead: three heartbeats.
const PATIENCE: Duration = Duration::from_secs(45);
/// Of the frames on a noisy line, this many in a hundred are hit.
const NOISE_PERCENT: u64 = 15;
/// Once all is well the same block is not offered to the same station more often than this.
const OFFERED_AGAIN_MAX: u32 = 12;

impl World {
    /// Cuts the line above a station until it is healed: what is on it is lost, and both ends know.
    pub fn cut(&mut self, child: &Unit) {
        let line = self.lines.get_mut(child).unwrap();
        for up in [true, false] {
            line.way(up).blocked_until = Timestamp::from_us(i64::MAX);
        }
        self.break_off(child, None);
        self.run(Duration::from_secs(1));
    }

    /// Heals the line above a station, and waits until it is up if both ends live.
    pub fn heal(&mut self, child: &Unit) {
        self.unblock(child);
        let parent = self.topology.parent(child).unwrap().clone();
        let lives = |world: &Self, unit: &Unit| world.stations[unit].engine.is_some();
        self.run_until(|world| world.lines[child].is_up() || !lives(world, child) || !lives(world, &parent));
    }

    pub(super) fn unblock(&mut self, child: &Unit) {
        for up in [true, false] {
            self.lines.get_mut(child).unwrap().way(up).blocked_until = self.now;
            self.mends(child, up);
        }
        self.dial_after(child, Duration::from_millis(1));
    }

    /// A way carries nothing for a while.
    pub(super) fn block(&mut self, child: &Unit, up: bool, time: Duration) {
        let (until, now) = (self.now + time, self.now);
        let line = self.lines.get_mut(child).unwrap();
        let way = line.way(up);
        if way.blocked_until >= until {
            return;
        }
        let begins = way.blocked_until <= now;
        way.blocked_until = until;
        let connection = line.connection;
        self.after(time, Happening::Mends { child: child.clone(), up });
        if begins {
            self.after(PATIENCE, Happening::LosesPatience { child: child.clone(), up, connection });
        }
    }

    /// The connection of a line ends. If a killed station had sent something, some of it still arrives; otherwise what
    /// is on the line is lost.
    pub(super) fn break_off(&mut self, child: &Unit, killed: Option<&Unit>) {
        let dice = &mut self.dice;
        let line = self.lines.get_mut(child).unwrap();
        line.holds = false;
        let (connection, latency) = (line.connection, line.nature.latency + line.nature.jitter);
        for up in [true, false] {
            let sent_by_killed = killed.is_some_and(|unit| (unit == child) == up);
            let way = line.way(up);
            let arriving = if sent_by_killed { dice.below(way.flying() + 1) } else { 0 };
            way.break_off(arriving);
        }
        // A machine without power says nothing; a process that dies has its connections closed.
        let noticed = if killed.is_some() && dice.chance(50) { PATIENCE } else { latency };
        for upper in [true, false] {
            self.after(noticed, Happening::Notices { child: child.clone(), upper, connection });
        }
    }

    pub(super) fn notices(&mut self, child: &Unit, upper: bool, connection: u64) {
        let parent = self.topology.parent(child).unwrap().clone();
        // Behind whatever the station has not looked at yet: it may not even know that this connection was there.
        let (me, peer) = if upper { (&parent, child) } else { (child, &parent) };
        self.tell(me, Command::Down { peer: peer.clone(), connection });
    }

    /// Whoever hears nothing closes; the other end hears of that if it can.
    pub(super) fn loses_patience(&mut self, child: &Unit, up: bool, connection: u64) {
        let now = self.now;
        let line = self.lines.get_mut(child).unwrap();
        if line.way(up).blocked_until <= now || line.connection != connection || !line.holds {
            return;
        }
        line.holds = false;
        let latency = line.nature.latency;
        let other = if line.way(!up).blocked_until > now { PATIENCE } else { latency };
        self.after(Duration::ZERO, Happening::Notices { child: child.clone(), upper: up, connection });
        self.after(other, Happening::Notices { child: child.clone(), upper: !up, connection });
        for up in [true, false] {
            self.lines.get_mut(child).unwrap().way(up).break_off(0);
        }
    }

    pub(super) fn mends(&mut self, child: &Unit, up: bool) {
        let now = self.now;
        let line = self.lines.get_mut(child).unwrap();
        if line.way(up).blocked_until > now {
            return;
        }
        let connection = line.connection;
        if line.way(up).flying() > 0 {
            self.after(Duration::ZERO, Happening::Arrives { child: child.clone(), up, connection });
        }
        self.pump(child, up);
    }

    pub(super) fn dial_after(&mut self, child: &Unit, wait: Duration) {
        self.lines.get_mut(child).unwrap().dialling = true;
        self.after(wait, Happening::Dials { child: child.clone() });
    }

    /// A station dials its parent, unless it has a connection it believes in.
    pub(super) fn dials(&mut self, child: &Unit) {
        let parent = self.topology.parent(child).unwrap().clone();
        let lives = |world: &Self, unit: &Unit| world.stations[unit].engine.is_some();
        let now = self.now;
        let line = self.lines.get_mut(child).unwrap();
        let wanted = std::mem::take(&mut line.dialling) && line.lower.is_none() && !line.holds;
        if !wanted || !lives(self, child) {
            return;
        }
        let line = self.lines.get_mut(child).unwrap();
        if line.is_blocked(now) || !lives(self, &parent) {
            let line = self.lines.get_mut(child).unwrap();
            line.attempts += 1;
            let wait = retry::wait(line.attempts, child.as_str().as_bytes());
            return self.dial_after(child, wait + Duration::from_secs(1));
        }
        let line = self.lines.get_mut(child).unwrap();
        line.attempts = 0;
        line.connection += 1;
        line.holds = true;
        [true, false].into_iter().for_each(|up| line.way(up).break_off(0));
        for (from, to, up) in [(child, &parent, true), (&parent, child, false)] {
            let heard = match self.plant {
                Plant::DoneOnSend => self.written_to(to, from),
                _ => self.stations[from].engine().post().heard_of(to),
            };
            let hello = v1::Hello { unit: from.to_string(), heard, ..Default::default() };
            self.lines.get_mut(child).unwrap().way(up).send(Frame::Hello(hello));
            self.pump(child, up);
        }
    }

    /// What a station wrote that goes through a neighbour: what it believes that one to have, once it has sent it.
    fn written_to(&self, unit: &Unit, neighbour: &Unit) -> Vec<v1::Range> {
        let through = |channel: &Channel| self.topology.next_hop(unit, &channel.destination) == Some(neighbour);
        let written = self.written.iter().filter(|((station, channel), _)| station == unit && through(channel));
        let runs = written.map(|((_, channel), last)| Run {
            channel: channel.clone(),
            first: 1,
            count: u32::try_from(*last).unwrap(),
        });
        runs.map(|run| run.to_proto()).collect()
    }

    /// The next frame leaves, if the line can take one.
    pub(super) fn pump(&mut self, child: &Unit, up: bool) {
        let line = self.lines.get_mut(child).unwrap();
        if !line.holds {
            return;
        }
        let (rate, connection) = (line.nature.rate, line.connection);
        if let Some(bytes) = line.way(up).leave() {
            let time = Duration::from_micros(bytes as u64 * 8_000_000 / rate);
            self.after(time, Happening::Left { child: child.clone(), up, connection });
        }
    }

    pub(super) fn left(&mut self, child: &Unit, up: bool, connection: u64) {
        let now = self.now;
        let line = self.lines.get_mut(child).unwrap();
        if line.connection != connection || !line.holds {
            return;
        }
        let way = line.nature.latency + self.dice.up_to(line.nature.jitter);
        if let Some(due) = line.way(up).left(now + way, &mut self.dice) {
            self.agenda.put(due, Happening::Arrives { child: child.clone(), up, connection });
        }
        self.pump(child, up);
    }

    pub(super) fn arrives(&mut self, child: &Unit, up: bool, connection: u64) {
        let parent = self.topology.parent(child).unwrap().clone();
        let (from, to) = if up { (child.clone(), parent) } else { (parent, child.clone()) };
        let now = self.now;
        let line = self.lines.get_mut(child).unwrap();
        let gone = !line.holds && *line.end(up) != Some(connection);
        if line.connection != connection || line.way(up).blocked_until > now || gone {
            return;
        }
        // Whoever cannot take more in does not read.
        if self.stations[&to].is_full() && line.way(up).front().is_some() {
            return self.after(Duration::from_millis(50), Happening::Arrives { child: child.clone(), up, connection });
        }
        let Some((frame, next)) = line.way(up).arrive() else { return };
        if let Some(next) = next {
            self.agenda.put(next.max(now), Happening::Arrives { child: child.clone(), up, connection });
        }
        self.pump(child, up);
        if let Some(frame) = frame.frame {
            self.received(&from, &to, frame, connection);
        }
    }

    fn received(&mut self, from: &Unit, to: &Unit, frame: Frame, connection: u64) {
        let peer = from.clone();
        let command = match frame {
            Frame::Hello(hello) => Command::Up { peer, connection, heard: hello.heard },
            Frame::Offer(mut offer) => {
                self.make_noise(&mut offer);
                self.note_offer(from, to, &offer);
                let Ok(opened) = wire::open(offer, &*self.checker) else {
                    // A block that cannot even be named ends the connection.
                    let (child, _) = self.way(from, to);
                    return self.break_off(&child, None);
                };
                if !opened.refused.is_empty() {
                    assert!(self.plant.is_noisy(), "seed {}: lost: a good block was refused", self.seed);
                    for refusal in opened.refused {
                        self.send(to, from, |way| {
                            way.settle(refusal);
                            Ok(())
                        });
                    }
                }
                Command::Post(Event::Offered { peer, bodies: opened.bodies, arrived: opened.arrived })
            }
            Frame::Settlements(answers) => Command::Post(Event::Answered { peer, answers: answers.settlements }),
            Frame::Missing(missing) => Command::Post(Event::Missed { peer, runs: wire::runs(&missing.ranges) }),
            Frame::Gone(gone) => Command::Post(Event::Gone { peer, runs: wire::runs(&gone.ranges) }),
            Frame::Heartbeat(_) => return,
        };
        self.tell(to, command);
    }

    /// Nobody off the way gets to see a block, and nobody is offered the same for ever.
    fn note_offer(&mut self, from: &Unit, to: &Unit, offer: &v1::Offer) {
        for parcel in &offer.parcels {
            self.trace.note(&&parcel.block[parcel.block.len().saturating_sub(64)..]);
            if self.noisy {
                continue;
            }
            let head = line::head(parcel);
            let (origin, destination) = (Unit::parse(&head.origin).unwrap(), Unit::parse(&head.destination).unwrap());
            let on_path = self.is_between(to, &origin, &destination);
            assert!(on_path, "seed {}: leak: {to} got from {from} what {origin} writes to {destination}", self.seed);
            if self.healed {
                let channel =
                    node::post::envelope::Channel::of(&head.origin, &head.epoch, &head.destination, head.precedence);
                let key = (to.clone(), channel.unwrap(), head.first);
                let times = self.offered_again.entry(key).or_default();
                *times += 1;
                assert!(
                    *times <= OFFERED_AGAIN_MAX,
                    "seed {}: livelock: {to} was offered {origin}→{destination} {} {times} times",
                    self.seed,
                    head.first
                );
            }
        }
    }

    /// Whether a station is on the way between two others.
    pub(super) fn is_between(&self, unit: &Unit, one: &Unit, other: &Unit) -> bool {
        let tree = &self.topology;
        let within = |low: &Unit, high: &Unit| {
            (unit == low || tree.is_ancestor(unit, low)) && (unit == high || tree.is_ancestor(high, unit))
        };
        within(one, other) || within(other, one)
    }

    /// One bit of one block, now and then.
    fn make_noise(&mut self, offer: &mut v1::Offer) {
        if !self.noisy || offer.parcels.is_empty() || !self.dice.chance(NOISE_PERCENT) {
            return;
        }
        let hit = self.dice.below(offer.parcels.len());
        let mut block = offer.parcels[hit].block.to_vec();
        let at = self.dice.below(block.len());
        block[at] ^= 1 << self.dice.below(8);
        offer.parcels[hit].block = Bytes::from(block);
    }
}
