//! The people of one station: what they want filed until they are told that it is, what they sign for, what they see.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use node::{
    desk::view::Listing,
    engine::run::{FileError, Handle, Stopped},
    post::{envelope::DocId, refusal::Code},
};
use proto::v1::{self, Kind, Precedence, Stage};
use tokio::time::sleep;

use super::station::Station;
use crate::{dice::Dice, papers};

/// Between two documents at most.
const WRITES_EVERY: Duration = Duration::from_millis(1500);
/// Between two looks at what waits for a signature.
const SIGNS_EVERY: Duration = Duration::from_millis(700);
/// Between two looks at everything.
const LOOKS_EVERY: Duration = Duration::from_secs(2);

/// What an office is about. It outlives its station's processes.
pub(super) struct Office {
    dice: Dice,
    directs: bool,
    /// The document being filed, until the answer is here.
    wish: Option<v1::FileRequest>,
    wishes: u64,
    incident: Option<DocId>,
    /// What the station said is filed.
    pub(super) acknowledged: Vec<DocId>,
    /// Nothing more is begun.
    pub(super) closing: bool,
    /// What its screens show, once somebody looks.
    pub(super) seen: Option<Seen>,
}

/// All documents at a station.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) filed: Vec<v1::DocumentView>,
    pub(super) received: Vec<v1::DocumentView>,
}

impl Office {
    pub(super) fn new(directs: bool, dice: Dice) -> Self {
        let (wish, wishes, incident, acknowledged) = (None, 0, None, Vec::new());
        Self { dice, directs, wish, wishes, incident, acknowledged, closing: false, seen: None }
    }

    /// Whether everybody has an answer.
    pub(super) fn is_quiet(&self) -> bool {
        self.closing && self.wish.is_none()
    }

    fn wish(&mut self) -> Option<v1::FileRequest> {
        if self.wish.is_none() && !self.closing {
            self.wishes += 1;
            let request = self.something();
            let key = format!("wish-{}", self.wishes);
            self.wish = Some(v1::FileRequest { idempotency_key: key, ..request });
        }
        self.wish.clone()
    }

    fn something(&mut self) -> v1::FileRequest {
        let urgent = [Precedence::Routine, Precedence::JiaJi, Precedence::TeJi, Precedence::TeTi];
        let precedence = *self.dice.pick(&urgent);
        let text = "损".repeat(usize::try_from(self.dice.spread(1, 5000)).unwrap());
        match self.incident {
            _ if self.directs => papers::directive(&["all"], precedence),
            None => papers::report(&text, precedence),
            Some(incident) => {
                let kind = if self.dice.chance(20) { Kind::FinalReport } else { Kind::FollowUpReport };
                papers::follow_up(&incident.to_string(), &text, kind, precedence)
            }
        }
    }

    fn filed(&mut self, id: DocId) {
        let Some(wish) = self.wish.take() else { return };
        self.acknowledged.push(id);
        match wish.kind() {
            Kind::InitialReport => self.incident = Some(id),
            Kind::FinalReport => self.incident = None,
            _ => {}
        }
    }
}

impl Station {
    /// People are at work for as long as the station runs.
    pub(super) fn open_office(self: &Arc<Self>, handle: &Handle) {
        tokio::spawn(self.clone().write(handle.clone()));
        tokio::spawn(self.clone().sign(handle.clone()));
        tokio::spawn(self.clone().look(handle.clone()));
    }

    async fn write(self: Arc<Self>, handle: Handle) {
        loop {
            let wait = self.office().dice.up_to(WRITES_EVERY);
            sleep(wait).await;
            let Some(wish) = self.office().wish() else { continue };
            match handle.file(vec![wish]).await {
                Ok(filings) => self.office().filed(filings[0].id),
                Err(FileError::Refused(refusal)) => {
                    let full = matches!(refusal.code, Code::DiskFull | Code::DiskNearlyFull);
                    assert!(full, "seed {}: {} refuses what is right: {refusal}", self.seed, self.unit);
                }
                Err(FileError::Stopped(Stopped)) => return,
            }
        }
    }

    async fn sign(self: Arc<Self>, handle: Handle) {
        loop {
            sleep(SIGNS_EVERY).await;
            let oldest = handle.ask(|desk| {
                let (arrival, waiting) = desk.post.unsigned_before(u64::MAX, 1000).0.pop()?;
                let copies = desk.post.block_copies(arrival, desk.read);
                Some(copies.get(waiting.trailing_zeros() as usize)?.id())
            });
            let Ok(oldest) = oldest.await else { return };
            let Some(id) = oldest else { continue };
            match handle.act(papers::act(&id.to_string(), Stage::Signed, "")).await {
                Ok(_) | Err(FileError::Refused(_)) => {}
                Err(FileError::Stopped(Stopped)) => return,
            }
        }
    }

    /// Looks at all there is, once no more is begun.
    async fn look(self: Arc<Self>, handle: Handle) {
        loop {
            sleep(LOOKS_EVERY).await;
            if !self.office().is_quiet() {
                continue;
            }
            let (Ok(filed), Ok(received)) =
                (list(&handle, v1::Box::Filed).await, list(&handle, v1::Box::Received).await)
            else {
                return;
            };
            self.office().seen = Some(Seen { filed, received });
        }
    }
}

/// All documents in a box.
async fn list(handle: &Handle, which: v1::Box) -> Result<Vec<v1::DocumentView>, Stopped> {
    let mut views = Vec::new();
    let mut request = v1::ListRequest { r#box: which.into(), limit: 1000, ..Default::default() };
    loop {
        let mut listing = Listing::of(request.clone());
        while !listing.complete() {
            listing = handle
                .ask(move |desk| {
                    listing.look(desk);
                    listing
                })
                .await?;
        }
        request.before = listing.response.next;
        views.extend(listing.response.documents);
        if request.before == 0 {
            return Ok(views);
        }
    }
}

/// What became of everything that was acknowledged: nothing, if all is as it should be; else what is not yet; and what
/// may never be panics.
pub(super) fn judge(seed: u64, stations: &BTreeMap<String, Arc<Station>>) -> Result<(), String> {
    let offices: BTreeMap<&str, _> =
        stations.values().map(|station| (station.unit.as_str(), station.office())).collect();
    let ids = |views: &[v1::DocumentView]| {
        let mut ids = BTreeMap::new();
        for view in views {
            let twice = ids.insert(DocId::from_slice(&view.id).unwrap(), view.clone()).is_some();
            assert!(!twice, "seed {seed}: twice: {:?}", view.header);
        }
        ids
    };
    let mut seen = BTreeMap::new();
    for (unit, office) in &offices {
        if !office.is_quiet() {
            return Err(format!("{unit} still waits for an answer"));
        }
        let Some(shown) = &office.seen else { return Err(format!("{unit} has not looked")) };
        seen.insert(*unit, (ids(&shown.filed), ids(&shown.received)));
    }
    let told: BTreeSet<DocId> = offices.values().flat_map(|office| &office.acknowledged).copied().collect();
    let mut due: BTreeMap<&str, BTreeMap<DocId, String>> = BTreeMap::new();
    for (unit, office) in &offices {
        let (filed, _) = &seen[unit];
        for id in &office.acknowledged {
            let Some(view) = filed.get(id) else {
                return Err(format!("lost: {unit} does not have {id}, which it filed"));
            };
            for recipient in &view.recipients {
                let (to, _) = seen.get_key_value(recipient.unit.as_str()).unwrap();
                due.entry(*to).or_default().insert(*id, (*unit).to_owned());
                let delivered =
                    |stage: &v1::StageView| stage.stage() == Stage::Delivered && stage.station == recipient.unit;
                if !recipient.stages.iter().any(delivered) {
                    return Err(format!("receipts: {unit} does not know that {id} is at {to}"));
                }
            }
        }
    }
    for (unit, (filed, received)) in &seen {
        let due = due.remove(unit).unwrap_or_default();
        if let Some((id, from)) = due.iter().find(|(id, _)| !received.contains_key(*id)) {
            return Err(format!("lost: {unit} does not have {id}, which {from} filed for it"));
        }
        // What passes through is shown, too.
        for (id, view) in received.iter().chain(filed) {
            assert!(told.contains(id), "seed {seed}: twice: {unit} has {id}, which nobody was told is filed");
            if view.orphan || !view.missing_positions.is_empty() {
                return Err(format!("order: at {unit} the incident of {id} has holes: {:?}", view.missing_positions));
            }
        }
    }
    Ok(())
}

/// Shared by a station's lives.
pub(super) type Shared = Mutex<Office>;
