//! A station's turns: what is ready is decided, made durable, and only then shown to the world.

use std::time::Duration;

use node::{
    engine::{Effects, Offer},
    io::Timestamp,
    limits,
    plan::{self, Desk, policy::Shelf},
    post::{
        Event,
        envelope::{DocId, Run},
        fact::Fact,
        office::{EarlyOffer, Filings},
        passage::Skew,
        refusal::Code,
        retry,
        seal::Block,
    },
    topology::Unit,
};
use prost::Message as _;
use proto::v1::{self, frame::Frame};

use super::{Filed, World, agenda::Happening, plant::Plant, station::Command};

/// A station with nothing to wait for looks at the time this often, if it forgets.
const IDLE: Duration = Duration::from_secs(120);
/// Something that waits for time alone is looked at this often at least.
const SELDOM: Duration = Duration::from_secs(32);

/// Clocks are compared that often, and not with every heartbeat: lives are long.
const COMPARES_EVERY: Duration = Duration::from_secs(60);

impl World {
    /// Something for a station to do.
    pub(super) fn tell(&mut self, unit: &Unit, command: Command) {
        let station = self.stations.get_mut(unit).unwrap();
        if station.engine.is_none() {
            return;
        }
        // Time is looked at however much there is to do.
        match command {
            Command::Post(Event::Tick) => station.urgent.push_front(command),
            bulk if bulk.is_bulk() => station.routine.push_back(bulk),
            urgent => station.urgent.push_back(urgent),
        }
        self.turn(unit);
    }

    pub(super) fn goes_on(&mut self, unit: &Unit) {
        self.turn(unit);
    }

    /// The next turn begins, if the station is free.
    pub(super) fn turn(&mut self, unit: &Unit) {
        let now = self.now;
        let station = self.stations.get_mut(unit).unwrap();
        if station.turn.is_some() || station.engine.is_none() || station.stopped_until > now {
            return;
        }
        let commands = station.ready();
        if commands.is_empty() {
            return;
        }
        let local = station.clock(now);
        station.io.set(local);
        let calm = commands.iter().any(|command| matches!(command, Command::Post(Event::Tick)));
        let only_calm = calm && commands.len() == 1;
        let events: Vec<Event> = commands.into_iter().filter_map(|command| self.event(unit, command, local)).collect();
        let station = self.stations.get_mut(unit).unwrap();
        station.calm = calm;
        station.patience = if only_calm { (station.patience * 2).min(SELDOM) } else { limits::TICK_EVERY };
        let Some(engine) = &mut station.engine else { return };
        let waiting = engine.post().queues().map(|(_, queue)| queue.len()).sum();
        station.disk.set(|disk| disk.waiting = waiting);
        let mut early = Vec::new();
        let stepped = engine.step(events, local, &mut |offer| early.push(offer));
        for EarlyOffer { peer, run, bytes, passages } in early {
            let offer = Offer { run, block: bytes, passages, bodies: Vec::new() };
            self.offer(unit, &peer, vec![offer]);
        }
        match stepped {
            Ok(released) => self.begin_commit(unit, released.into_effects()),
            // The disk failed: the station is dead until somebody starts it.
            Err(_) => {
                self.crash(unit);
                self.starts_later(unit);
            }
        }
    }

    fn event(&mut self, unit: &Unit, command: Command, local: Timestamp) -> Option<Event> {
        match command {
            Command::File { ticket, request } => {
                let draft = self.at_desk(unit, local, |desk| plan::draft(desk, &request));
                let asked = self.tickets.get_mut(&ticket)?;
                match draft {
                    Ok(draft) => {
                        asked.destinations = draft.destinations.iter().map(|(unit, _)| unit.clone()).collect();
                        asked.incident = DocId::from_slice(&draft.header.incident);
                        Some(Event::File { ticket, drafts: vec![draft] })
                    }
                    Err(refusal) => {
                        self.answer(ticket, Err(refusal));
                        None
                    }
                }
            }
            Command::Act(request) => {
                let drafts = self.at_desk(unit, local, |desk| plan::act::drafts(desk, &request)).ok()?;
                Some(Event::File { ticket: 0, drafts })
            }
            Command::Post(event) => {
                if let Event::Answered { peer, answers } = &event
                    && answers.iter().any(|answer| answer.code == Code::BodyMissing.word())
                {
                    self.send(unit, &peer.clone(), |way| {
                        way.bodies_again();
                        Ok(())
                    });
                }
                Some(event)
            }
            Command::Up { peer, connection, heard } => {
                let (child, up) = self.way(unit, &peer);
                let line = self.lines.get_mut(&child).unwrap();
                *line.end(!up) = Some(connection);
                Some(Event::Linked { peer, heard })
            }
            Command::Down { peer, connection } => {
                let (child, up) = self.way(unit, &peer);
                let line = self.lines.get_mut(&child).unwrap();
                let known = *line.end(!up) == Some(connection);
                if known {
                    *line.end(!up) = None;
                }
                if up && line.connection == connection && line.lower.is_none() {
                    let wait = retry::wait(1, child.as_str().as_bytes());
                    self.dial_after(&child, wait);
                }
                known.then(|| Event::Unlinked { peer, failure: "cut".into() })
            }
        }
    }

    fn at_desk<T>(&self, unit: &Unit, now: Timestamp, rule: impl FnOnce(Desk<'_>) -> T) -> T {
        let engine = self.stations[unit].engine();
        let read = |place| engine.read(place).ok();
        rule(Desk { post: engine.post(), read: &read, now, refusing: None, shelf: &Shelf::default() })
    }

    pub(super) fn begin_commit(&mut self, unit: &Unit, effects: Effects) {
        if effects.bytes == 0 {
            self.stations.get_mut(unit).unwrap().turn = Some(Effects::default());
            self.release(unit, effects);
            return self.end_turn(unit);
        }
        let station = self.stations.get_mut(unit).unwrap();
        let life = station.life;
        let takes = station.commit / 2 + self.dice.up_to(station.commit);
        let doomed = std::mem::take(&mut station.doomed);
        let shown = self.plant == Plant::AnswersFirst;
        station.turn = Some(Effects::default());
        if shown {
            self.release(unit, effects);
        } else {
            station.turn = Some(effects);
        }
        self.sum.commits += 1;
        if doomed {
            let fails = self.dice.up_to(takes);
            self.after(fails, Happening::Fails { unit: unit.clone(), life });
            self.starts_later(unit);
        }
        self.after(takes, Happening::Commits { unit: unit.clone(), life });
    }

    pub(super) fn commits(&mut self, unit: &Unit, life: u64) {
        let station = self.stations.get_mut(unit).unwrap();
        if station.life != life || station.engine.is_none() {
            return;
        }
        let Some(effects) = station.turn.replace(Effects::default()) else { return };
        station.disk.settle();
        self.release(unit, effects);
        self.judge_forgotten(unit);
        self.end_turn(unit);
    }

    /// What a station does when it has nothing better to do, and then the next turn.
    fn end_turn(&mut self, unit: &Unit) {
        let now = self.now;
        let station = self.stations.get_mut(unit).unwrap();
        let Some(engine) = &station.engine else { return };
        station.turn = None;
        if std::mem::take(&mut station.calm) {
            let forgets = engine.is_tidying();
            station.io.set(station.clock(now));
            match self.tidy(unit) {
                Some(effects) if effects.bytes > 0 => return self.begin_commit(unit, effects),
                _ if forgets => self.stations.get_mut(unit).unwrap().patience = limits::TICK_EVERY,
                _ => {}
            }
        }
        if self.stations[unit].engine.as_ref().is_some_and(node::engine::Engine::has_losses) {
            self.tell(unit, Command::Post(Event::Tick));
        }
        self.plan_tick(unit);
        self.turn(unit);
    }

    pub(super) fn plan_tick(&mut self, unit: &Unit) {
        let (now, forgets) = (self.now, self.retention_of(unit).is_some());
        let station = self.stations.get_mut(unit).unwrap();
        let Some(engine) = &station.engine else { return };
        let waits = engine.post().awaits_time() || engine.is_tidying();
        let Some(patience) = waits.then_some(station.patience).or(forgets.then_some(IDLE)) else { return };
        let (at, life) = (now + patience, station.life);
        if station.tick.is_none_or(|tick| tick > at || tick < now) {
            station.tick = Some(at);
            self.agenda.put(at, Happening::Ticks { unit: unit.clone(), life });
        }
    }

    pub(super) fn ticks(&mut self, unit: &Unit, life: u64) {
        let now = self.now;
        let station = self.stations.get_mut(unit).unwrap();
        if station.life == life && station.tick == Some(now) {
            station.tick = None;
            if station.engine.is_some() && now.since(station.compared) >= COMPARES_EVERY {
                station.compared = now;
                self.compare_clocks(unit);
            }
            self.tell(unit, Command::Post(Event::Tick));
        }
    }

    /// What heartbeats bring: what time it is at the other ends of a station's lines.
    fn compare_clocks(&mut self, unit: &Unit) {
        let here = self.stations[unit].clock(self.now);
        let neighbours = self.topology.parent(unit).into_iter().chain(self.topology.children(unit)).cloned();
        for peer in neighbours.collect::<Vec<_>>() {
            let (child, _) = self.way(unit, &peer);
            if self.lines[&child].is_up() && !self.lines[&child].is_blocked(self.now) {
                let offset_us = here.us() - self.stations[&peer].clock(self.now).us();
                let skew = Skew { offset_us, uncertainty_us: 1000 };
                let lane = &mut self.stations.get_mut(unit).unwrap().urgent;
                lane.push_back(Command::Post(Event::Compared { peer, skew }));
            }
        }
    }

    fn release(&mut self, unit: &Unit, effects: Effects) {
        for pending in &effects.facts {
            let Some(block) = &pending.block else { continue };
            match pending.record.fact {
                Some(Fact::Taken(_)) => {
                    let run = &block.run;
                    let new = self.taken.insert((unit.clone(), run.channel.clone(), run.first));
                    let may = self.plant.forgets() || self.spoilt.contains(unit);
                    assert!(new || may, "seed {}: twice: {unit} took {run:?}", self.seed);
                }
                Some(Fact::Filed(_)) => {
                    self.written.insert((unit.clone(), block.run.channel.clone()), block.run.last());
                    self.receipts.extend(receipts_in(block));
                }
                _ => {}
            }
        }
        for (ticket, answer) in effects.answers {
            self.answer(ticket, answer);
        }
        for (peer, settlement) in effects.settlements {
            self.send(unit, &peer, |way| {
                way.settle(settlement);
                Ok(())
            });
        }
        for (peer, runs) in effects.missing {
            let ranges = runs.iter().map(Run::to_proto).collect();
            self.send_frame(unit, &peer, Frame::Missing(v1::Missing { ranges }));
        }
        for (peer, runs) in effects.gone {
            let ranges = runs.iter().map(Run::to_proto).collect();
            self.send_frame(unit, &peer, Frame::Gone(v1::Gone { ranges }));
        }
        for (peer, offers) in effects.offers {
            let sent: Vec<Run> = offers.iter().map(|offer| offer.run.clone()).collect();
            self.offer(unit, &peer, offers);
            if self.plant == Plant::DoneOnSend {
                let answers = sent.iter().map(|run| v1::Settlement {
                    range: Some(run.to_proto()),
                    disposition: v1::Disposition::Taken.into(),
                    ..Default::default()
                });
                self.tell(unit, Command::Post(Event::Answered { peer, answers: answers.collect() }));
            }
        }
    }

    fn offer(&mut self, unit: &Unit, peer: &Unit, mut offers: Vec<Offer>) {
        let attempts = |offer: &Offer| offer.passages.iter().map(|passage| passage.attempts).max().unwrap_or(0);
        match self.plant {
            Plant::GivesUp => offers.retain(|offer| attempts(offer) <= 3),
            Plant::WrongWay => {
                let (again, first) = offers.into_iter().partition(|offer| attempts(offer) > 1);
                let neighbours = self.topology.children(unit);
                let at = neighbours.iter().position(|other| other == peer);
                let wrong = at.map(|at| neighbours[(at + 1) % neighbours.len()].clone());
                offers = first;
                self.send(unit, &wrong.unwrap_or_else(|| peer.clone()), |way| way.offer(again));
            }
            _ => {}
        }
        if !offers.is_empty() {
            self.send(unit, peer, |way| way.offer(offers));
        }
    }

    fn answer(&mut self, number: u64, answer: Filings) {
        let Some(ticket) = self.tickets.remove(&number) else { return };
        let filing = answer.as_ref().ok().and_then(|filings| filings.first());
        let new = filing.filter(|filing| !filing.repeated).map(|filing| filing.id);
        if let Some(id) = filing.map(|filing| filing.id)
            && !ticket.destinations.is_empty()
        {
            self.sum.filed += 1;
            let filed = Filed { origin: ticket.unit.clone(), destinations: ticket.destinations.clone() };
            self.acknowledged.insert(id, filed);
            let incident = (ticket.unit.clone(), ticket.incident.unwrap_or(id));
            self.incidents.entry(incident).or_default().push(id);
        }
        match ticket.wish {
            Some(wish) => self.answered(wish, answer),
            None => _ = self.answers.insert(number, new),
        }
    }
}

fn receipts_in(block: &Block) -> Vec<v1::Receipt> {
    let receipts = block.headers.iter().zip(&block.bodies).filter(|(header, _)| header.kind() == v1::Kind::Receipt);
    let documents = receipts.map(|(_, body)| v1::Document::decode(body.clone()).unwrap());
    let contents = documents.filter_map(|document| match document.content {
        Some(v1::document::Content::Receipts(receipts)) => Some(receipts.receipts),
        _ => None,
    });
    contents.flatten().collect()
}
