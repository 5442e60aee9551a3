//! An incident as one station has it: its documents in an order that does not depend on how they came, who is on the way,
//! and when each office had what.

use std::collections::BTreeMap;

use proto::v1::{
    Category, DocumentView, Grade, Header, Kind, LateralNotice, LogEntry, LogMatter, Order, Report, Role, Stage,
    Standing, Subject, document::Content,
};

use super::{Met, highest};
use crate::{
    io::Timestamp,
    topology::{Tier, Topology, Unit},
};

/// See above.
pub(super) struct Scene<'a> {
    /// The 首报.
    pub(super) first: Document<'a>,
    /// Who wrote it.
    pub(super) origin: Unit,
    documents: Vec<Document<'a>>,
    /// Where this is looked at.
    pub(super) me: &'a Unit,
    /// The offices from the place up to the ministry, the origin first.
    way: Vec<(Unit, Tier)>,
}

/// One document.
#[derive(Clone, Copy)]
pub(super) struct Document<'a> {
    pub(super) header: &'a Header,
    view: &'a DocumentView,
}

impl<'a> Scene<'a> {
    /// `None` without a 首报 that stands.
    pub(super) fn of(documents: &'a [DocumentView], me: &'a Unit, tree: &Topology) -> Option<Self> {
        let mut known: Vec<Document<'a>> =
            documents.iter().filter_map(|view| Some(Document { header: view.header.as_ref()?, view })).collect();
        known.sort_by(|a, b| a.order().cmp(&b.order()));
        known.dedup_by(|a, b| a.view.id == b.view.id);
        let first = *known.iter().find(|document| document.header.kind() == Kind::InitialReport)?;
        if !first.stands() {
            return None;
        }
        let origin = Unit::parse(&first.header.origin).ok()?;
        let mut way = Vec::new();
        let mut next = Some(&origin);
        while let Some(place) = next.and_then(|unit| tree.place(unit.as_str())) {
            way.push((place.unit.clone(), place.tier));
            next = place.parent.as_ref();
        }
        Some(Self { first, origin, documents: known, me, way })
    }

    /// The offices that have a duty of these tiers. What is a district's to do is done by whoever is at the place: the
    /// origin, whatever its tier.
    pub(super) fn owners(&self, tiers: &[Tier]) -> Vec<(&Unit, Tier)> {
        let (place, above) = self.way.split_first().map_or((None, &[][..]), |(first, rest)| (Some(first), rest));
        let at_place = place.filter(|_| tiers.contains(&Tier::District));
        let above = above.iter().filter(|(_, tier)| *tier != Tier::District && tiers.contains(tier));
        at_place.into_iter().chain(above).map(|(unit, tier)| (unit, *tier)).collect()
    }

    /// The office just below one on the way, where another is below that.
    pub(super) fn reviewer(&self, owner: &Unit) -> Option<&Unit> {
        let place = self.way.iter().position(|(unit, _)| unit == owner)?;
        (place >= 2).then(|| &self.way[place - 1].0)
    }

    /// Documents that count: not cancelled, and not superseded.
    pub(super) fn standing(&self) -> impl Iterator<Item = Document<'a>> {
        self.documents.iter().copied().filter(|document| document.stands())
    }

    /// 首报, 续报, 终报 that count, the earliest first.
    pub(super) fn reports(&self) -> impl Iterator<Item = Document<'a>> {
        self.standing().filter(|document| document.report().is_some())
    }

    /// What one office wrote.
    pub(super) fn of_office(&self, owner: &Unit) -> impl Iterator<Item = Document<'a>> {
        self.standing().filter(move |document| document.header.origin == owner.as_str())
    }

    /// The first document of an office that is what is wanted.
    pub(super) fn first_of(&self, owner: &Unit, wanted: impl Fn(Document<'a>) -> bool) -> Option<Met> {
        self.of_office(owner).find(|document| wanted(*document)).map(Document::filed)
    }

    /// When an office had a document, by its own clock, as far as is known here.
    pub(super) fn had(&self, document: Document<'a>, owner: &Unit) -> Option<Timestamp> {
        if document.header.origin == owner.as_str() {
            return Some(document.created());
        }
        if owner == self.me && document.view.arrived_us > 0 {
            return Some(Timestamp::from_us(document.view.arrived_us));
        }
        let stages = || document.view.recipients.iter().flat_map(|recipient| &recipient.stages);
        let passed = document.view.passages.iter().chain(stages().flat_map(|stage| &stage.passages));
        let passed = passed.filter(|passage| passage.station == owner.as_str() && passage.arrived_us > 0);
        let reached =
            stages().filter(|stage| stage.station == owner.as_str() && stage.at_us > 0).map(|stage| stage.at_us);
        passed.map(|passage| passage.arrived_us).chain(reached).min().map(Timestamp::from_us)
    }

    /// When an officer of an office signed for a document.
    pub(super) fn signed(&self, document: Document<'a>, owner: &Unit) -> Option<Met> {
        Self::acted(document, owner, Stage::Signed)
    }

    /// When an officer of an office had done what a document asks.
    pub(super) fn completed(&self, document: Document<'a>, owner: &Unit) -> Option<Met> {
        Self::acted(document, owner, Stage::Completed)
    }

    fn acted(document: Document<'a>, owner: &Unit, act: Stage) -> Option<Met> {
        let stages = document.view.recipients.iter().flat_map(|recipient| &recipient.stages);
        let acts = stages.filter(|stage| stage.stage() == act && stage.station == owner.as_str());
        let first = acts.min_by(|a, b| (a.at_us, &a.officer).cmp(&(b.at_us, &b.officer)))?;
        Some(Met { at: Timestamp::from_us(first.at_us), by: first.officer.clone() })
    }

    /// The category of the incident: the last any report names.
    pub(super) fn category(&self) -> Category {
        let named = self.reports().filter_map(|document| Some(document.report()?.category()));
        named.filter(|category| *category != Category::Unspecified).last().unwrap_or_default()
    }

    /// The highest grade any office gives now.
    pub(super) fn grade(&self) -> Grade {
        let mut grades = BTreeMap::new();
        for document in self.standing() {
            let grade = match document.content() {
                Some(Content::Report(report)) => report.grade(),
                Some(Content::Endorsement(endorsement)) => endorsement.grade(),
                _ => Grade::Unspecified,
            };
            if grade != Grade::Unspecified {
                grades.insert(document.header.origin.clone(), grade);
            }
        }
        highest(&grades)
    }
}

impl<'a> Document<'a> {
    /// When its office filed it.
    pub(super) fn created(self) -> Timestamp {
        Timestamp::from_us(self.header.created.as_ref().map_or(0, |clock| clock.wall_us))
    }

    /// That, as what closes a duty.
    pub(super) fn filed(self) -> Met {
        Met { at: self.created(), by: self.header.number.clone() }
    }

    pub(super) fn report(self) -> Option<&'a Report> {
        match self.content() {
            Some(Content::Report(report)) => Some(report),
            _ => None,
        }
    }

    pub(super) fn notice(self) -> Option<&'a LateralNotice> {
        match self.content() {
            Some(Content::LateralNotice(notice)) => Some(notice),
            _ => None,
        }
    }

    fn content(self) -> Option<&'a Content> {
        self.view.document.as_ref()?.content.as_ref()
    }

    /// A 终报 closes, it does not void.
    fn stands(self) -> bool {
        !matches!(self.view.standing(), Standing::Cancelled | Standing::Superseded)
    }

    fn order(self) -> (i64, u32, &'a [u8]) {
        (self.created().us(), self.header.position, &self.view.id)
    }
}

/// 审核意见 with a 建议.
pub(super) fn recommends(document: Document<'_>) -> bool {
    matches!(document.content(), Some(Content::Endorsement(it)) if !it.recommendation.trim().is_empty())
}

/// 指示 or 批复.
pub(super) fn instructs(document: Document<'_>) -> bool {
    matches!(document.header.kind(), Kind::Directive | Kind::Decision | Kind::Approval | Kind::Denial)
}

/// 派员.
pub(super) fn deploys(document: Document<'_>) -> bool {
    matches!(document.content(), Some(Content::Directive(directive)) if directive.order() == Order::Deployment)
}

/// 紧急会议.
pub(super) fn meets(document: Document<'_>) -> bool {
    matches!(document.content(), Some(Content::LogEntry(entry)) if entry.matter() == LogMatter::Meeting)
}

/// That something that may be done is not.
pub(super) fn declines(document: Document<'_>, what: &str) -> bool {
    let declined = |entry: &LogEntry| entry.matter() == LogMatter::Declined && entry.declined == what;
    matches!(document.content(), Some(Content::LogEntry(entry)) if declined(entry))
}

/// 请示.
pub(super) fn asks(document: Document<'_>) -> bool {
    document.header.kind() == Kind::RequestForInstructions
}

/// 批复 to one 请示.
pub(super) fn answers(document: Document<'_>, asked: Document<'_>) -> bool {
    matches!(document.header.kind(), Kind::Approval | Kind::Denial)
        && document.header.references.first().is_some_and(|id| *id == asked.view.id)
}

/// A notice to candidates that an office is to pass on, and when it takes effect.
pub(super) fn notifies(document: Document<'_>, owner: &Unit) -> Option<Timestamp> {
    let mut asked = document.view.recipients.iter().filter(|recipient| recipient.role() == Role::Action);
    match document.content() {
        Some(Content::Decision(decision)) if decision.subject() == Subject::Notify => {
            let effective = Timestamp::from_us(decision.effective_at_us);
            asked.any(|recipient| recipient.unit == owner.as_str()).then_some(effective)
        }
        _ => None,
    }
}

/// 评估.
pub(super) fn assesses(document: Document<'_>) -> bool {
    matches!(document.content(), Some(Content::Assessment(_)))
}
