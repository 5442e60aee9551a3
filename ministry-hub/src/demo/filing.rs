//! Handing a document in, and the ledger of what was taken.
//!
//! Promises: a document is handed in until its station says yes or no, always under the same key, so that a station
//! killed in between files it once; whatever was acknowledged is in the ledger, and the audit holds the country to it.
//! Every text ends with its serial number, by which a document filed twice would show even under two ids.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use node::{
    io::Timestamp,
    topology::{Tier, Unit},
};
use proto::v1::{Classification, Document, FileRequest, Filed, Kind, Precedence, Status, document::Content};
use tokio::{
    sync::{Semaphore, watch},
    time::Interval,
};

use super::{
    country::Country,
    follow, people, station,
    words::{Lang, Voice, clock, kind, precedence, span},
};

/// Between two attempts to hand in the same document.
const AGAIN: Duration = Duration::from_millis(400);
/// Documents followed aloud at once.
const FOLLOWED_MAX: usize = 64;
/// Refusals kept word for word.
const REMARKS_MAX: usize = 20;

/// What everyone in the demo shares.
#[derive(Debug)]
pub(crate) struct Play {
    pub(crate) country: Arc<Country>,
    pub(crate) voice: Voice,
    pub(crate) seed: u64,
    /// Lines break by themselves, and officers go past those that have.
    pub(crate) stormy: bool,
    /// Reports leave the districts at this pace.
    pub(crate) pace: tokio::sync::Mutex<Interval>,
    /// True once nothing new is to begin.
    pub(crate) closing: watch::Receiver<bool>,
    pub(crate) ledger: Mutex<Vec<Sent>>,
    /// Orders one addressee will decline, by serial number.
    pub(crate) declined: Mutex<Vec<(u32, Unit)>>,
    remarks: Mutex<Vec<String>>,
    serial: AtomicU32,
    followed: Arc<Semaphore>,
}

/// One document somebody was told is safe.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) id: Vec<u8>,
    pub(crate) number: String,
    pub(crate) from: Unit,
    pub(crate) to: Vec<Unit>,
    /// The category, if it is a report.
    pub(crate) category: Option<i32>,
}

/// A document about to be handed in.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) serial: u32,
    pub(crate) to: Vec<Unit>,
    /// What people call it, for those who watch.
    pub(crate) title: String,
    pub(crate) request: FileRequest,
}

impl Play {
    pub(crate) fn new(
        country: Arc<Country>,
        voice: Voice,
        seed: u64,
        pace: Interval,
        closing: watch::Receiver<bool>,
        stormy: bool,
    ) -> Arc<Self> {
        Arc::new(Self {
            country,
            voice,
            seed,
            stormy,
            pace: tokio::sync::Mutex::new(pace),
            closing,
            ledger: Mutex::default(),
            declined: Mutex::default(),
            remarks: Mutex::default(),
            serial: AtomicU32::new(1),
            followed: Arc::new(Semaphore::new(FOLLOWED_MAX)),
        })
    }

    /// Whether nothing new is to begin.
    pub(crate) fn is_closing(&self) -> bool {
        *self.closing.borrow()
    }

    /// Waits; false if the end came first.
    pub(crate) async fn pause(&self, time: Duration) -> bool {
        let mut closing = self.closing.clone();
        tokio::time::timeout(time, closing.wait_for(|closing| *closing)).await.is_err()
    }

    /// The next serial number.
    pub(crate) fn serial(&self) -> u32 {
        self.serial.fetch_add(1, Ordering::Relaxed)
    }

    /// What people call a station.
    pub(crate) fn name(&self, unit: &str) -> String {
        self.country.topology.name(unit, self.voice.lang.english()).to_owned()
    }

    /// Takes note of a refusal.
    pub(crate) fn remark(&self, text: String) {
        self.voice.tell(&format!("  ✕ {text}"));
        let mut remarks = self.remarks.lock().unwrap_or_else(PoisonError::into_inner);
        if remarks.len() < REMARKS_MAX {
            remarks.push(text);
        }
    }

    /// The refusals so far.
    pub(crate) fn remarks(&self) -> Vec<String> {
        self.remarks.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What was acknowledged so far.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Hands a document in, as often as it takes; `None` if the station refuses it.
    pub(crate) async fn file(self: &Arc<Self>, from: &Unit, draft: Draft) -> Option<Filed> {
        let post = self.country.posts.get(from)?;
        let mut request = draft.request;
        request.officer = people::on_duty(from, self.voice.lang);
        request.idempotency_key = format!("demo-{:016x}-{}", self.seed, draft.serial);
        request.set_status(Status::Exercise);
        request.set_classification(Classification::Internal);
        loop {
            match post.client.clone().file(request.clone()).await {
                Ok(answer) => {
                    let filed = answer.into_inner();
                    self.enter(from, draft.to, &request, &filed);
                    self.announce(from, &draft.title, &request, &filed);
                    return Some(filed);
                }
                Err(status) if station::later(&status) => tokio::time::sleep(AGAIN).await,
                Err(status) => {
                    let what = kind(request.kind()).say(self.voice.lang);
                    self.remark(format!("{} {what}: {}", self.name(from.as_str()), status.message()));
                    return None;
                }
            }
        }
    }

    fn enter(&self, from: &Unit, to: Vec<Unit>, request: &FileRequest, filed: &Filed) {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner).push(Sent {
            id: filed.id.to_vec(),
            number: filed.number.clone(),
            from: from.clone(),
            to,
            category: category_of(request.document.as_ref()),
        });
    }

    fn announce(self: &Arc<Self>, from: &Unit, title: &str, request: &FileRequest, filed: &Filed) {
        if !self.voice.narrate {
            return;
        }
        let lang = self.voice.lang;
        let at = clock(Timestamp::from_us(filed.filed_at_us));
        let (what, speed) = (kind(request.kind()).say(lang), precedence(request.precedence()).say(lang));
        self.voice.say(&format!("{at} {} {what} {} {speed} {title}", self.name(from.as_str()), filed.number));
        let durable = span(i64::from(filed.durable_us));
        self.voice.say(&match lang {
            Lang::Zh => format!("{at} ├ 已入队(本机已落盘 {durable})"),
            Lang::En => format!("{at} ├ queued (on this disk after {durable})"),
        });
        if let Ok(permit) = Arc::clone(&self.followed).try_acquire_owned() {
            let (play, from, number) = (Arc::clone(self), from.clone(), filed.number.clone());
            tokio::spawn(async move {
                follow::aloud(&play, &from, &number).await;
                drop(permit);
            });
        }
    }
}

impl Draft {
    /// A draft of one kind; officer, key and status are added when it is handed in.
    pub(crate) fn new(serial: u32, kind: Kind, precedence: Precedence, title: String, content: Content) -> Self {
        let mut request = FileRequest { document: Some(Document { content: Some(content) }), ..Default::default() };
        request.set_kind(kind);
        request.set_precedence(precedence);
        Self { serial, to: Vec::new(), title, request }
    }

    /// Who must get it.
    pub(crate) fn to(mut self, units: Vec<Unit>) -> Self {
        self.to = units;
        self
    }

    /// The incident it belongs to.
    pub(crate) fn of(mut self, incident: &str) -> Self {
        incident.clone_into(&mut self.request.incident);
        self
    }

    /// The document it answers or cancels.
    pub(crate) fn about(mut self, number: &str) -> Self {
        number.clone_into(&mut self.request.refers_to);
        self
    }
}

/// A text with its serial number at the end.
pub(crate) fn numbered(text: &str, serial: u32) -> String {
    format!("{text} 〔{serial}〕")
}

/// The serial number a document carries in its text.
pub(crate) fn serial_of(document: &Document) -> Option<u32> {
    let text = match document.content.as_ref()? {
        Content::Report(report) => &report.text,
        Content::Request(request) => &request.ask,
        Content::Reply(reply) => &reply.text,
        Content::Directive(directive) => &directive.text,
        Content::Cancel(cancel) => &cancel.reason,
        Content::Endorsement(said) => &said.findings,
        Content::LateralNotice(notice) => &notice.text,
        Content::Assessment(said) => &said.handling,
        Content::Decision(decision) => &decision.text,
        Content::NilReport(nil) => &nil.text,
        Content::LogEntry(entry) => &entry.text,
        Content::Bypass(said) => &said.reason,
        Content::Linkage(said) => &said.reason,
        Content::Bulletin(said) => &said.text,
        Content::HandOver(said) => &said.reason,
        Content::EarlyWarning(said) => &said.text,
        Content::Receipts(_)
        | Content::PolicyRelease(_)
        | Content::Proposal(_)
        | Content::Vote(_)
        | Content::Roster(_)
        | Content::Preparation(_) => return None,
    };
    text.strip_suffix('〕')?.rsplit_once('〔')?.1.parse().ok()
}

fn category_of(document: Option<&Document>) -> Option<i32> {
    match document?.content.as_ref()? {
        Content::Report(report) => Some(report.category),
        _ => None,
    }
}

/// The districts.
pub(crate) fn districts(country: &Country) -> Vec<Unit> {
    let districts = country.topology.places().filter(|place| place.tier == Tier::District);
    districts.map(|place| place.unit.clone()).collect()
}

#[cfg(test)]
mod tests {
    use proto::v1::{Cancel, Report, Request};

    use super::*;

    #[test]
    fn every_kind_of_text_gives_its_serial_back() {
        let text = numbered("试卷袋封条破损(演练)", 417);
        for content in [
            Content::Report(Report { text: text.clone(), ..Default::default() }),
            Content::Request(Request { ask: text.clone(), ..Default::default() }),
            Content::Cancel(Cancel { reason: text.clone(), ..Default::default() }),
        ] {
            assert_eq!(serial_of(&Document { content: Some(content) }), Some(417));
        }
        let stranger = Content::Report(Report { text: "someone else's".into(), ..Default::default() });
        assert_eq!(serial_of(&Document { content: Some(stranger) }), None);
    }

    #[test]
    fn a_draft_says_what_it_refers_to() {
        let content = Content::Cancel(Cancel::default());
        let draft = Draft::new(1, Kind::Cancel, Precedence::TeJi, String::new(), content).about("D-1").of("R-1");
        assert_eq!((draft.request.refers_to.as_str(), draft.request.incident.as_str()), ("D-1", "R-1"));
        assert_eq!(draft.request.kind(), Kind::Cancel);
    }
}
