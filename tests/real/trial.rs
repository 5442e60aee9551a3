//! What people file while everything fails around them, and what is demanded in the end.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use node::{desk::client, topology::Unit};
use proto::v1::{self, Kind, Precedence, Stage};
use tests::{country::Country, dice::Dice, papers};
use tokio::task::JoinHandle;

/// Between two documents of one writer.
const WRITES_EVERY: Duration = Duration::from_millis(15);
/// Between two tries to reach a station that is down.
const TRIES_EVERY: Duration = Duration::from_millis(20);

/// What stations said is filed.
#[derive(Default)]
pub(crate) struct Book {
    /// Number of every document by the office that filed it.
    filed: Mutex<BTreeMap<String, Vec<String>>>,
}

impl Book {
    fn note(&self, unit: &Unit, number: String) {
        let mut filed = self.filed.lock().unwrap_or_else(PoisonError::into_inner);
        filed.entry(unit.to_string()).or_default().push(number);
    }

    /// How many documents stations have acknowledged.
    pub(crate) fn acknowledged(&self) -> usize {
        self.filed.lock().unwrap_or_else(PoisonError::into_inner).values().map(Vec::len).sum()
    }

    /// What one office filed.
    pub(crate) fn of(&self, unit: &str) -> Vec<String> {
        self.filed.lock().unwrap_or_else(PoisonError::into_inner).get(unit).cloned().unwrap_or_default()
    }
}

/// Offices that go on filing whatever happens.
pub(crate) struct Writers {
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Writers {
    /// Districts report, the ministry directs all of them. Each is told what became of it before it writes the next.
    pub(crate) fn start(country: &Country, book: &Arc<Book>, seed: u64) -> Self {
        let all = country.topology().places().map(|place| place.unit.clone());
        Self::start_at(country, all.collect(), WRITES_EVERY, book, seed)
    }

    /// The same, for hours.
    pub(crate) fn start_slowly(country: &Country, book: &Arc<Book>, seed: u64) -> Self {
        let all = country.topology().places().map(|place| place.unit.clone());
        Self::start_at(country, all.collect(), 10 * WRITES_EVERY, book, seed)
    }

    /// The same, and one office writes nothing.
    pub(crate) fn start_without(country: &Country, silent: &Unit, book: &Arc<Book>, seed: u64) -> Self {
        let others = country.topology().places().map(|place| place.unit.clone()).filter(|unit| unit != silent);
        Self::start_at(country, others.collect(), WRITES_EVERY, book, seed)
    }

    fn start_at(country: &Country, offices: Vec<Unit>, every: Duration, book: &Arc<Book>, seed: u64) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let root = country.topology().root().clone();
        let tasks = (0..).zip(offices).map(|(n, unit)| {
            let office = Office {
                socket: country.path(&unit, "s"),
                directs: unit == root,
                every,
                unit,
                book: book.clone(),
                stop: stop.clone(),
                dice: Dice::new(seed ^ n),
            };
            tokio::spawn(office.write())
        });
        let tasks = tasks.collect();
        Self { stop, tasks }
    }

    /// Ends when each of them knows that its last document is filed.
    pub(crate) async fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.unwrap();
        }
    }
}

struct Office {
    unit: Unit,
    socket: PathBuf,
    directs: bool,
    every: Duration,
    book: Arc<Book>,
    stop: Arc<AtomicBool>,
    dice: Dice,
}

impl Office {
    async fn write(mut self) {
        let mut incident = String::new();
        for n in 0u64.. {
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            let request = self.next(&incident, n);
            let number = self.file(request.clone()).await;
            if request.kind() == Kind::InitialReport {
                incident.clone_from(&number);
            } else if request.kind() == Kind::FinalReport {
                incident.clear();
            }
            self.book.note(&self.unit, number);
            tokio::time::sleep(if self.directs { 10 * self.every } else { self.every }).await;
        }
    }

    fn next(&mut self, incident: &str, n: u64) -> v1::FileRequest {
        let precedence = *self.dice.pick(&[Precedence::Routine, Precedence::JiaJi, Precedence::TeJi, Precedence::TeTi]);
        let text = "损".repeat(*self.dice.pick(&[1, 10, 100, 1000, 20_000]));
        let kind = *self.dice.pick(&[Kind::FollowUpReport, Kind::FollowUpReport, Kind::FinalReport]);
        let request = match () {
            () if self.directs => papers::directive(&["all"], precedence),
            () if incident.is_empty() => papers::report(&text, precedence),
            () => papers::follow_up(incident, &text, kind, precedence),
        };
        v1::FileRequest { idempotency_key: format!("{}-{n}", self.unit), ..request }
    }

    /// Until the station says it is filed: whoever gets no answer asks again, under the same key.
    async fn file(&self, request: v1::FileRequest) -> String {
        loop {
            let mut answer = Err(());
            if let Ok(mut desk) = client::connect(&self.socket).await {
                answer = match tokio::time::timeout(Duration::from_secs(5), desk.file(request.clone())).await {
                    Ok(Ok(filed)) => Ok(filed.into_inner().number),
                    Ok(Err(status)) => {
                        // Gone, going, or with a disk under it that is.
                        use tonic::Code::{Cancelled, ResourceExhausted, Unavailable, Unknown};
                        let down = [Cancelled, ResourceExhausted, Unavailable, Unknown];
                        assert!(down.contains(&status.code()), "{} refuses what is right: {status}", self.unit);
                        Err(())
                    }
                    Err(_) => Err(()),
                };
            }
            match answer {
                Ok(number) => return number,
                Err(()) => tokio::time::sleep(TRIES_EVERY).await,
            }
        }
    }
}

/// Demands everything that was acknowledged, once and in order, and its receipts. Says what is wrong.
pub(crate) async fn judge(country: &Country, book: &Book, patience: Duration) {
    let root = country.topology().root().clone();
    for place in country.topology().places().filter(|place| place.unit != root) {
        let unit = place.unit.as_str();
        let filed = book.of(unit);
        // Up: the ministry has each of them once, …
        let mut ministry = country.desk(&root).await;
        let of_this = |view: &v1::DocumentView| view.header.as_ref().is_some_and(|header| header.origin == unit);
        arrived(&format!("the ministry, of {unit}"), &filed, patience, async || {
            list(&mut ministry, v1::Box::Received).await.map(|views| views.into_iter().filter(of_this).collect())
        })
        .await;
        // … and the author knows.
        let mut desk = country.desk(&place.unit).await;
        receipted(unit, &filed, patience, &mut desk).await;
        // Down: what the ministry directed is here, once.
        let directed = book.of(root.as_str());
        arrived(&format!("{unit}, of the ministry"), &directed, patience, async || {
            list(&mut desk, v1::Box::Received).await.map(|views| {
                views
                    .into_iter()
                    .filter(|view| view.header.as_ref().is_some_and(|h| h.origin == root.as_str()))
                    .collect()
            })
        })
        .await;
    }
}

/// The author sees all it filed, and of each of them that it was delivered.
async fn receipted(unit: &str, filed: &[String], patience: Duration, desk: &mut client::Station) {
    let mut last = String::new();
    let until = Instant::now() + patience;
    while Instant::now() < until {
        if let Some(views) = list(desk, v1::Box::Filed).await {
            let waiting: Vec<_> = views.iter().filter(|view| !is_delivered(view)).collect();
            if views.len() == filed.len() && waiting.is_empty() {
                return;
            }
            last = format!(
                "{} filed, {} listed, {} without a receipt, first {:?}",
                filed.len(),
                views.len(),
                waiting.len(),
                waiting.first()
            );
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{unit} has no receipts for all it filed: {last}");
}

/// Everything that was filed is there, nothing twice, nothing else, and no incident has a hole.
async fn arrived(
    whose: &str,
    filed: &[String],
    patience: Duration,
    mut look: impl AsyncFnMut() -> Option<Vec<v1::DocumentView>>,
) {
    let filed: BTreeSet<&str> = filed.iter().map(String::as_str).collect();
    let mut last = String::new();
    let until = Instant::now() + patience;
    while Instant::now() < until {
        if let Some(views) = look().await {
            let numbers: Vec<&str> =
                views.iter().filter_map(|view| Some(view.header.as_ref()?.number.as_str())).collect();
            let there: BTreeSet<&str> = numbers.iter().copied().collect();
            assert_eq!(numbers.len(), there.len(), "{whose}: something is there twice");
            let more: Vec<_> = there.difference(&filed).collect();
            assert!(more.is_empty(), "{whose}: {more:?} are there, and nobody was told that they are filed");
            let missing: Vec<_> = filed.difference(&there).collect();
            if missing.is_empty() {
                let torn: Vec<_> =
                    views.iter().filter(|view| view.orphan || !view.missing_positions.is_empty()).collect();
                assert!(torn.is_empty(), "{whose}: incidents have holes: {torn:?}");
                return;
            }
            last = format!("{} of {} are missing, first {:?}", missing.len(), filed.len(), missing[0]);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{whose}: acknowledged and lost: {last}");
}

/// All documents in a box, if the station answers.
pub(crate) async fn list(desk: &mut client::Station, which: v1::Box) -> Option<Vec<v1::DocumentView>> {
    let mut request = v1::ListRequest { r#box: which.into(), limit: 1000, ..Default::default() };
    let mut views = Vec::new();
    loop {
        let page = desk.list(request.clone()).await.ok()?.into_inner();
        views.extend(page.documents);
        request.before = page.next;
        if page.next == 0 {
            return Some(views);
        }
    }
}

fn is_delivered(view: &v1::DocumentView) -> bool {
    let by_them = |recipient: &v1::RecipientView| {
        recipient.stages.iter().any(|stage| stage.stage() == Stage::Delivered && stage.station == recipient.unit)
    };
    !view.recipients.is_empty() && view.recipients.iter().all(by_them)
}
