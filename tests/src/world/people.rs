//! People at the desks. Whoever gets no answer asks again under the same key until he has one; whoever is refused because
//! a disk is full comes back later; any other refusal is an answer.

use std::{collections::BTreeMap, time::Duration};

use node::{
    post::{
        envelope::DocId,
        outgoing::Filing,
        refusal::{Code, Refusal},
    },
    topology::{Tier, Unit},
};
use proto::v1::{self, Kind, Precedence, Stage};

use super::{Filed, World, agenda::Happening, station::Command};
use crate::papers;

/// What people want, and what they know.
#[derive(Default)]
pub(super) struct People {
    wishes: Vec<Wish>,
    open: usize,
    /// 首报 that are not closed, by the office that wrote them.
    incidents: BTreeMap<Unit, Vec<DocId>>,
    /// 请示 without an answer.
    requests: Vec<DocId>,
}

struct Wish {
    unit: Unit,
    request: v1::FileRequest,
    destinations: Vec<Unit>,
    open: bool,
}

impl People {
    /// Whether everybody has an answer.
    pub(super) fn are_content(&self) -> bool {
        self.open == 0
    }
}

impl World {
    /// Somebody somewhere wants something.
    pub(super) fn wish(&mut self) {
        let unit = self.dice.pick(&self.units()).clone();
        self.wish_at(&unit);
    }

    pub(super) fn wish_at(&mut self, unit: &Unit) {
        if self.dice.chance(35) {
            return self.sign(unit);
        }
        let Some(request) = self.something_to_file(unit) else { return };
        let number = self.people.wishes.len();
        let request = v1::FileRequest { idempotency_key: format!("wish-{number}"), ..request };
        self.people.wishes.push(Wish { unit: unit.clone(), request, destinations: Vec::new(), open: true });
        self.people.open += 1;
        self.asks(number);
    }

    pub(super) fn asks(&mut self, number: usize) {
        let wish = &self.people.wishes[number];
        if !wish.open {
            return;
        }
        let (unit, request) = (wish.unit.clone(), wish.request.clone());
        if self.stations[&unit].engine.is_none() {
            return self.ask_later(number);
        }
        self.ask(&unit, request, Some(number));
    }

    fn ask_later(&mut self, number: usize) {
        let wait = Duration::from_secs(20) + self.dice.up_to(Duration::from_secs(100));
        self.after(wait, Happening::Asks { wish: number });
    }

    /// The station died before it said anything.
    pub(super) fn unanswered(&mut self, wish: Option<usize>, destinations: Vec<Unit>) {
        let Some(number) = wish else { return };
        if !destinations.is_empty() {
            self.people.wishes[number].destinations = destinations;
        }
        self.ask_later(number);
    }

    pub(super) fn answered(&mut self, number: usize, answer: Result<Vec<Filing>, Refusal>) {
        let wish = &mut self.people.wishes[number];
        if let Err(refusal) = &answer
            && matches!(refusal.code, Code::DiskFull | Code::DiskNearlyFull)
        {
            return self.ask_later(number);
        }
        wish.open = false;
        self.people.open -= 1;
        let Ok(filings) = answer else {
            self.sum.refused += 1;
            return;
        };
        let Some(filing) = filings.first() else { return };
        if filing.repeated {
            // It had been filed by a station that died before saying so.
            self.sum.filed += 1;
            let filed = Filed { origin: wish.unit.clone(), destinations: wish.destinations.clone() };
            self.acknowledged.insert(filing.id, filed);
        }
        match wish.request.kind() {
            Kind::InitialReport => self.people.incidents.entry(wish.unit.clone()).or_default().push(filing.id),
            Kind::RequestForInstructions => self.people.requests.push(filing.id),
            _ => {}
        }
    }

    /// An officer signs for the oldest document that waits for it.
    pub fn sign(&mut self, unit: &Unit) {
        let station = &self.stations[unit];
        let Some(engine) = station.engine.as_ref().filter(|_| !station.is_committing()) else { return };
        let read = |place| engine.read(place).ok();
        let Some((arrival, waiting)) = engine.post().unsigned_before(u64::MAX, 1000).0.pop() else { return };
        let copies = engine.post().block_copies(arrival, &read);
        let Some(copy) = copies.get(waiting.trailing_zeros() as usize) else { return };
        let act = papers::act(&copy.id().to_string(), Stage::Signed, "");
        self.tell(unit, Command::Act(act));
    }

    fn something_to_file(&mut self, unit: &Unit) -> Option<v1::FileRequest> {
        let tier = self.topology.place(unit.as_str()).unwrap().tier;
        let (habits, number) = (self.weather.people.clone(), self.people.wishes.len());
        let precedence = match habits.one_precedence {
            true => Precedence::JiaJi,
            false => *self.dice.pick(&[
                Precedence::Routine,
                Precedence::Routine,
                Precedence::JiaJi,
                Precedence::TeJi,
                Precedence::TeTi,
            ]),
        };
        let long = if self.dice.chance(20) { self.dice.spread(20, habits.longest) } else { self.dice.between(1, 200) };
        let text = format!("第{number}件 {}", "x".repeat(usize::try_from(long).unwrap()));
        let open = self.people.incidents.get(unit).filter(|open| !open.is_empty()).cloned();
        let follows = if habits.hot_incident { 85 } else { 40 };
        let mut request = if tier == Tier::Ministry || (tier == Tier::Province && self.dice.chance(20)) {
            if tier == Tier::Ministry && self.dice.chance(40) && !self.people.requests.is_empty() {
                let of = self.people.requests.remove(0);
                papers::approval(&of.to_string())
            } else {
                let below: Vec<String> = self
                    .units()
                    .iter()
                    .filter(|other| self.topology.is_ancestor(unit, other))
                    .map(ToString::to_string)
                    .collect();
                let to = if self.dice.chance(40) { "all".to_owned() } else { self.dice.pick(&below).clone() };
                let mut request = papers::directive(&[&to], precedence);
                if let Some(v1::document::Content::Directive(directive)) = &mut request.document.as_mut()?.content {
                    directive.text = text;
                }
                request
            }
        } else if let Some(open) = open.filter(|_| self.dice.chance(follows)) {
            let at = if habits.hot_incident { 0 } else { self.dice.below(open.len()) };
            let incident = open[at].to_string();
            match self.dice.below(20) {
                0..2 => papers::cancel(&incident),
                2..6 if !habits.hot_incident => {
                    self.people.incidents.get_mut(unit)?.remove(at);
                    papers::follow_up(&incident, &text, Kind::FinalReport, precedence)
                }
                6..9 => v1::FileRequest { incident, ..papers::request(&text) },
                _ => papers::follow_up(&incident, &text, Kind::FollowUpReport, precedence),
            }
        } else {
            papers::report(&text, precedence)
        };
        if self.dice.chance(10) {
            let at = |seconds| (self.stations[unit].clock(self.now) + Duration::from_secs(seconds)).us();
            request.deliver_by_us = at(60 + number as u64 % 3600);
            if number % 3 == 0 {
                request.expires_at_us = at(3600 + number as u64 % 7200);
            }
        }
        Some(request)
    }
}
