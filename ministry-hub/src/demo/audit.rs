//! The audit: whatever was acknowledged to an officer must be at each addressee exactly once.
//!
//! The ledger says what should be there, the stations' own lists say what is. Comparing is pure; only asking is not.
//! Twice means: one id listed twice at one station, or one act of filing (one serial number) under two ids.

use std::collections::{BTreeMap, BTreeSet};

use node::topology::{Tier, Unit};
use proto::v1::{Box as Tray, DocumentView, GetRequest, ListRequest, Stage};
use serde::Serialize;
use tonic::{Code, Status};

use super::{
    country::{Country, Post},
    filing::{Sent, serial_of},
    follow::rung,
};

/// The longest list a station gives at once.
const LIST_MAX: u32 = 1000;

/// One document as it lies at an addressee.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) id: Vec<u8>,
    pub(crate) serial: Option<u32>,
    pub(crate) signed: bool,
    /// The stations it came through and when it was on each one's disk, its own included.
    pub(crate) path: Vec<(String, i64)>,
}

/// What the stations hold, by station.
pub(crate) type Boxes = BTreeMap<Unit, Vec<Held>>;

/// A copy that is not where it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Missing {
    pub(crate) number: String,
    #[serde(serialize_with = "as_text")]
    pub(crate) from: Unit,
    #[serde(serialize_with = "as_text")]
    pub(crate) to: Unit,
}

fn as_text<S: serde::Serializer>(unit: &Unit, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(unit.as_str())
}

/// Ledger against lists.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) sent: usize,
    pub(crate) copies: usize,
    pub(crate) delivered: usize,
    pub(crate) signed: usize,
    pub(crate) duplicated: usize,
    pub(crate) missing: Vec<Missing>,
}

/// Compares what was acknowledged with what is there.
pub(crate) fn judge(ledger: &[Sent], boxes: &Boxes) -> Verdict {
    let mut verdict = Verdict { sent: ledger.len(), ..Verdict::default() };
    let index: BTreeMap<&Unit, BTreeMap<&[u8], &Held>> =
        boxes.iter().map(|(unit, held)| (unit, held.iter().map(|one| (one.id.as_slice(), one)).collect())).collect();
    for sent in ledger {
        for to in &sent.to {
            verdict.copies += 1;
            match index.get(to).and_then(|held| held.get(sent.id.as_slice())) {
                Some(held) => {
                    verdict.delivered += 1;
                    verdict.signed += usize::from(held.signed);
                }
                None => verdict.missing.push(Missing {
                    number: sent.number.clone(),
                    from: sent.from.clone(),
                    to: to.clone(),
                }),
            }
        }
    }
    verdict.duplicated = boxes.values().map(|held| twice(held)).sum();
    verdict
}

/// How many documents too many a station holds.
fn twice(held: &[Held]) -> usize {
    let ids: BTreeSet<&[u8]> = held.iter().map(|one| one.id.as_slice()).collect();
    let mut by_serial: BTreeMap<u32, BTreeSet<&[u8]>> = BTreeMap::new();
    for one in held {
        if let Some(serial) = one.serial {
            by_serial.entry(serial).or_default().insert(&one.id);
        }
    }
    held.len() - ids.len() + by_serial.values().map(|ids| ids.len() - 1).sum::<usize>()
}

/// What every station that should hold something holds. Stations that do not answer are left out.
pub(crate) async fn gather(country: &Country, ledger: &[Sent]) -> Boxes {
    let addressees: BTreeSet<&Unit> = ledger.iter().flat_map(|sent| &sent.to).collect();
    let mut boxes = Boxes::new();
    for unit in addressees {
        let Some(post) = country.posts.get(unit) else { continue };
        if let Ok(held) = held_at(post).await {
            boxes.insert(unit.clone(), held);
        }
    }
    boxes
}

async fn held_at(post: &Post) -> Result<Vec<Held>, Status> {
    let mut list = ListRequest { limit: LIST_MAX, ..Default::default() };
    list.set_box(Tray::Received);
    let mut all = Vec::new();
    loop {
        let answer = post.client.clone().list(list.clone()).await?.into_inner();
        all.extend(answer.documents.iter().filter_map(|view| held(view, &post.place.unit)));
        if answer.next == 0 {
            return Ok(all);
        }
        list.before = answer.next;
    }
}

/// The document as it is held, if it is for this station and not merely passing through.
fn held(view: &DocumentView, unit: &Unit) -> Option<Held> {
    let header = view.header.as_ref().filter(|header| header.destination == unit.as_str())?;
    let mut path: Vec<(String, i64)> =
        view.passages.iter().map(|passage| (passage.station.clone(), passage.arrived_us)).collect();
    if path.last().is_none_or(|(station, _)| station != unit.as_str()) {
        path.push((unit.to_string(), view.arrived_us));
    }
    Some(Held {
        id: header.id.to_vec(),
        serial: view.document.as_ref().and_then(serial_of),
        signed: view.signed_here,
        path,
    })
}

/// How many of the missing are nowhere on their way any more, and not merely late.
pub(crate) async fn lost(country: &Country, missing: &[Missing]) -> usize {
    let mut lost = 0;
    for one in missing {
        lost += usize::from(!on_its_way(country, one).await);
    }
    lost
}

async fn on_its_way(country: &Country, missing: &Missing) -> bool {
    let mut at = &missing.from;
    while at != &missing.to {
        let Some(post) = country.posts.get(at) else { return false };
        let get = GetRequest { document: missing.number.clone(), ..Default::default() };
        match post.client.clone().get(get).await {
            Ok(view) if waits(view.get_ref(), &missing.to) => return true,
            Ok(_) => {}
            Err(status) if status.code() == Code::NotFound => {}
            // A station that cannot be asked has not lost anything yet.
            Err(_) => return true,
        }
        let Some(next) = country.topology.next_hop(at, &missing.to) else { return false };
        at = next;
    }
    false
}

/// Whether a station still means to hand this copy on. Receipts of 送达 for what is not there prove it lost.
fn waits(view: &DocumentView, to: &Unit) -> bool {
    view.recipients.iter().any(|recipient| {
        recipient.unit == to.as_str()
            && recipient.waiting.is_some()
            && rung(recipient.reached()) < rung(Stage::Delivered)
    })
}

/// How long one hop took, over all that came that way: on disk here to on disk there, waiting included.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Hop {
    pub(crate) from: &'static str,
    pub(crate) to: &'static str,
    /// The whole way rather than one hop of it.
    pub(crate) whole: bool,
    pub(crate) count: usize,
    pub(crate) p50_ms: f64,
    pub(crate) p95_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) max_ms: f64,
}

/// Latency by hop and for the whole way. All stations share one clock here, so the passages can be subtracted; and
/// passages outlive a station's death, which counters in memory do not.
pub(crate) fn latencies(boxes: &Boxes, tier: impl Fn(&str) -> Option<Tier>) -> Vec<Hop> {
    let mut samples: BTreeMap<(bool, Tier, Tier), Vec<i64>> = BTreeMap::new();
    for held in boxes.values().flatten() {
        let mut take = |whole, from: &(String, i64), to: &(String, i64)| {
            if let (Some(a), Some(b)) = (tier(&from.0), tier(&to.0)) {
                samples.entry((whole, a, b)).or_default().push(to.1 - from.1);
            }
        };
        for pair in held.path.windows(2) {
            take(false, &pair[0], &pair[1]);
        }
        if let [first, _, .., last] = held.path.as_slice() {
            take(true, first, last);
        }
    }
    samples.into_iter().map(|((whole, from, to), times)| hop(whole, from, to, times)).collect()
}

fn hop(whole: bool, from: Tier, to: Tier, mut times: Vec<i64>) -> Hop {
    times.sort_unstable();
    let at = |percent: usize| {
        let rank = (times.len() * percent).div_ceil(100).max(1);
        times.get(rank - 1).map_or(0.0, |us| *us as f64 / 1e3)
    };
    Hop {
        from: from.as_str(),
        to: to.as_str(),
        whole,
        count: times.len(),
        p50_ms: at(50),
        p95_ms: at(95),
        p99_ms: at(99),
        max_ms: at(100),
    }
}

#[cfg(test)]
mod tests {
    use proto::v1::{Header, Passage, QueueState, RecipientView};

    use super::*;

    fn unit(text: &str) -> Unit {
        Unit::parse(text).unwrap()
    }

    fn sent(id: u8, to: &[&str]) -> Sent {
        Sent {
            id: vec![id],
            number: format!("R-{id}"),
            from: unit("420100"),
            to: to.iter().map(|to| unit(to)).collect(),
            category: None,
        }
    }

    fn copy(id: u8, serial: u32) -> Held {
        Held { id: vec![id], serial: Some(serial), signed: true, path: Vec::new() }
    }

    #[test]
    fn exactly_once_is_clean() {
        let boxes = Boxes::from([(unit("000000"), vec![copy(1, 1), copy(2, 2)])]);
        let verdict = judge(&[sent(1, &["000000"]), sent(2, &["000000"])], &boxes);
        assert_eq!((verdict.sent, verdict.copies, verdict.delivered, verdict.signed), (2, 2, 2, 2));
        assert_eq!((verdict.duplicated, verdict.missing.len()), (0, 0));
    }

    #[test]
    fn each_addressee_counts_and_a_missing_copy_is_named() {
        let boxes = Boxes::from([(unit("420500"), vec![copy(1, 1)])]);
        let verdict = judge(&[sent(1, &["420500", "350200"])], &boxes);
        assert_eq!((verdict.copies, verdict.delivered), (2, 1));
        let missing = Missing { number: "R-1".into(), from: unit("420100"), to: unit("350200") };
        assert_eq!(verdict.missing, [missing]);
    }

    #[test]
    fn twice_listed_and_twice_filed_are_both_found() {
        let listed = Boxes::from([(unit("000000"), vec![copy(1, 1), copy(1, 1)])]);
        assert_eq!(judge(&[sent(1, &["000000"])], &listed).duplicated, 1);
        let filed = Boxes::from([(unit("000000"), vec![copy(1, 1), copy(9, 1)])]);
        assert_eq!(judge(&[sent(1, &["000000"])], &filed).duplicated, 1);
        let broadcast = Boxes::from([(unit("420500"), vec![copy(1, 1)]), (unit("350200"), vec![copy(1, 1)])]);
        assert_eq!(judge(&[sent(1, &["420500", "350200"])], &broadcast).duplicated, 0, "one copy each is not twice");
    }

    #[test]
    fn what_passes_through_is_not_held_and_the_way_ends_here() {
        let passage = Passage { station: "420100".into(), arrived_us: 5, ..Default::default() };
        let header = Header { destination: "000000".into(), ..Default::default() };
        let view = DocumentView { header: Some(header), passages: vec![passage], arrived_us: 9, ..Default::default() };
        assert!(held(&view, &unit("420000")).is_none());
        let way = held(&view, &unit("000000")).unwrap().path;
        assert_eq!(way, [("420100".to_owned(), 5), ("000000".to_owned(), 9)]);
    }

    #[test]
    fn only_a_queue_that_still_holds_it_makes_a_missing_copy_late() {
        let view = |waiting: bool, reached: Stage| DocumentView {
            recipients: vec![RecipientView {
                unit: "000000".into(),
                reached: reached as i32,
                waiting: waiting.then(QueueState::default),
                ..Default::default()
            }],
            ..Default::default()
        };
        assert!(waits(&view(true, Stage::Custody), &unit("000000")));
        assert!(!waits(&view(false, Stage::Custody), &unit("000000")));
        assert!(!waits(&view(true, Stage::Delivered), &unit("000000")));
    }

    #[test]
    fn latency_is_taken_by_hop_and_for_the_whole_way() {
        let tier = |unit: &str| match unit {
            "h" => Some(Tier::Ministry),
            "p" => Some(Tier::Province),
            _ => Some(Tier::District),
        };
        let held =
            |end: i64| Held { path: vec![("d".into(), 0), ("p".into(), 2_000), ("h".into(), end)], ..copy(1, 1) };
        let boxes = Boxes::from([(unit("000000"), (1..=100).map(|n| held(2_000 + n * 1_000)).collect())]);
        let hops = latencies(&boxes, tier);
        let find =
            |from, to, whole| hops.iter().find(|hop| (hop.from, hop.to, hop.whole) == (from, to, whole)).unwrap();
        assert_eq!(hops.len(), 3);
        assert_eq!(find("district", "province", false).p99_ms, 2.0);
        let up = find("province", "ministry", false);
        assert_eq!((up.count, up.p50_ms, up.p95_ms, up.p99_ms, up.max_ms), (100, 50.0, 95.0, 99.0, 100.0));
        assert_eq!(find("district", "ministry", true).max_ms, 102.0);
    }
}
