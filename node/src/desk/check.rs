//! A station's findings about itself. Nothing found here ever stops intake.
//!
//! [`Finding`] is the one list of what can be found: a stable id, where it belongs, how bad it is, and what its facts
//! are, in this order. People read it as `check-ID` in `node/locales`, and what to do as `check-ID-hint`; a test holds
//! both files against this list.

use std::time::Duration;

use proto::v1::{self, CheckItem, Severity};

use crate::{io::Timestamp, post::envelope::Run};

/// A certificate that ends sooner than this is worth a warning.
const CERTIFICATE_NOTICE: Duration = Duration::from_secs(14 * 24 * 3600);
/// Clocks further apart than this make times hard to compare.
const OFFSET_NOTICE_US: u64 = 2_000_000;
/// A commit slower than this (99th percentile) is worth a warning.
const COMMIT_NOTICE_US: u32 = 500_000;
/// Free space below this is worth a warning.
const FREE_NOTICE: u64 = 1 << 30;
/// What was lost longer ago is known by now; `status --json` goes on naming it.
const LOSS_TOLD_FOR: Duration = Duration::from_secs(30 * 24 * 3600);
/// What has waited longer than this is worth a warning.
const OLD: Duration = Duration::from_secs(15 * 60);
/// More good lines than this are told in one.
const LINKS_NAMED_MOST: usize = 8;

/// What a fact is, and so how people are told it. As text, numbers are plain and in the unit named here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fact {
    /// As it is.
    Text,
    /// How many.
    Count,
    /// The unit id of a station.
    Unit,
    /// `transport` or `signing`.
    Certificate,
    /// What is wrong with a line, beginning with the word of a [`crate::link::trouble::Trouble`].
    Trouble,
    /// Microseconds.
    Micros,
    /// Microseconds, with a sign.
    Offset,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
}

macro_rules! findings {
    ($($(#[$doc:meta])* $name:ident $id:literal $group:literal $severity:ident [$($fact:ident),*];)+) => {
        /// What can be found.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Finding {
            $($(#[$doc])* $name),+
        }

        impl Finding {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The stable id.
            pub fn id(self) -> &'static str {
                match self {
                    $(Self::$name => $id),+
                }
            }

            /// Where it belongs.
            pub fn group(self) -> &'static str {
                match self {
                    $(Self::$name => $group),+
                }
            }

            /// How bad it is.
            pub fn severity(self) -> Severity {
                match self {
                    $(Self::$name => Severity::$severity),+
                }
            }

            /// What its facts are, in this order.
            pub fn facts(self) -> &'static [Fact] {
                match self {
                    $(Self::$name => &[$(Fact::$fact),*]),+
                }
            }
        }
    };
}

findings! {
    /// It answers: its unit and version.
    StationRunning "station-running" "config" Ok [Unit, Text];
    /// The file would start a station.
    ConfigValid "config-valid" "config" Ok [Text];
    /// The file would not.
    ConfigInvalid "config-invalid" "config" Failure [Text];

    /// Which certificate, days left.
    CertValid "cert-valid" "identity" Ok [Certificate, Count];
    /// Which, days left.
    CertExpiring "cert-expiring" "identity" Warning [Certificate, Count];
    /// Which, days since.
    CertExpired "cert-expired" "identity" Failure [Certificate, Count];
    /// The folder of the bundle.
    IdentityBroken "identity-broken" "identity" Failure [Text];

    /// What a commit takes (99th percentile), what is free.
    StoreWritable "store-writable" "store" Ok [Micros, Bytes];
    /// What is free.
    StoreRefusing "store-refusing" "store" Failure [Bytes];
    /// What is free.
    DiskLow "disk-low" "store" Warning [Bytes];
    /// What a commit takes (99th percentile).
    CommitSlow "commit-slow" "store" Warning [Micros];
    /// How many, which.
    RecordsLost "records-lost" "store" Warning [Count, Text];

    /// Compared with whom, their clock minus ours.
    ClockOk "clock-ok" "clock" Ok [Unit, Offset];
    /// The same, too much.
    ClockOff "clock-off" "clock" Warning [Unit, Offset];
    /// Nobody to compare with yet.
    ClockUnknown "clock-unknown" "clock" Warning [];

    /// With whom, there and back.
    LinkUp "link-up" "links" Ok [Unit, Micros];
    /// How many are up, where naming them all helps nobody.
    LinksUp "links-up" "links" Ok [Count];
    /// With whom, since how long, why.
    LinkDown "link-down" "links" Failure [Unit, Seconds, Trouble];
    /// With whom.
    LinkPaused "link-paused" "links" Warning [Unit];

    /// Nothing waits too long, nothing is held.
    QueueMoving "queue-moving" "queue" Ok [];
    /// How many.
    QueueHeld "queue-held" "queue" Warning [Count];
    /// Nothing this office owes is overdue.
    DutiesDone "duties-done" "plan" Ok [];
    /// How many of its own are.
    DutiesOverdue "duties-overdue" "plan" Warning [Count];
    /// How many 平安报 nobody wrote, for which hour.
    NilMissing "nil-missing" "plan" Warning [Count, Text];
    /// How many offices behind lines that are down have not been heard, for which hour.
    NilSilent "nil-silent" "plan" Warning [Count, Text];

    /// For whom, how long the oldest has waited.
    QueueOld "queue-old" "queue" Warning [Unit, Seconds];
}

impl Finding {
    /// The finding with this id.
    pub fn named(id: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|finding| finding.id() == id)
    }

    /// The finding, made of this one time's facts.
    pub fn item(self, facts: &[&str], detail: &str) -> CheckItem {
        debug_assert_eq!(facts.len(), self.facts().len(), "{}", self.id());
        CheckItem {
            id: self.id().to_owned(),
            group: self.group().to_owned(),
            severity: self.severity().into(),
            facts: facts.iter().map(|fact| (*fact).to_owned()).collect(),
            detail: detail.to_owned(),
        }
    }
}

/// What a status shows that a person should know. Each stage looks at more: ping, local, links, full.
pub fn items(status: &v1::StatusView, stage: &str) -> Vec<CheckItem> {
    let now = Timestamp::from_us(status.now_us);
    let mut items = vec![Finding::StationRunning.item(&[&status.unit, &status.version], "")];
    if stage == "ping" {
        return items;
    }
    items.extend(status.certificates.iter().map(|certificate| of_certificate(certificate, now)));
    items.extend(status.store.as_ref().map(|store| of_store(store, now)).unwrap_or_default());
    if stage == "local" {
        return items;
    }
    items.extend(of_clocks(&status.links));
    items.extend(of_links(&status.links, now));
    if stage != "links" {
        items.extend(of_queues(status, now));
        items.extend(of_duties(&status.owed.clone().unwrap_or_default()));
    }
    items
}

/// How long a certificate is still good.
pub fn of_certificate(certificate: &v1::CertificateView, now: Timestamp) -> CheckItem {
    let end = Timestamp::from_us(certificate.not_after_us);
    let days = |span: Duration| (span.as_secs() / 86_400).to_string();
    let (finding, days) = match () {
        () if end <= now => (Finding::CertExpired, days(now.since(end))),
        () if end.since(now) < CERTIFICATE_NOTICE => (Finding::CertExpiring, days(end.since(now))),
        () => (Finding::CertValid, days(end.since(now))),
    };
    finding.item(&[&certificate.role, &days], &certificate.subject)
}

fn of_store(store: &v1::StoreView, now: Timestamp) -> Vec<CheckItem> {
    let (free, p99) = (store.free_bytes.to_string(), store.commit_p99_us.to_string());
    if !store.accepting {
        return vec![Finding::StoreRefusing.item(&[&free], &store.refusing_because)];
    }
    let mut items = vec![Finding::StoreWritable.item(&[&p99, &free], "")];
    if store.free_bytes < FREE_NOTICE {
        items.push(Finding::DiskLow.item(&[&free], ""));
    }
    if store.commit_p99_us > COMMIT_NOTICE_US {
        items.push(Finding::CommitSlow.item(&[&p99], ""));
    }
    let fresh = |loss: &&v1::LossView| now.since(Timestamp::from_us(loss.at_us)) < LOSS_TOLD_FOR;
    let open: Vec<_> = store.losses.iter().filter(|loss| loss.recovered_us == 0).filter(fresh).map(lost).collect();
    if !open.is_empty() {
        items.push(Finding::RecordsLost.item(&[&store.lost_open.to_string(), &open.join(", ")], ""));
    }
    items
}

/// What was lost, on one line: `damaged 820000→420000 3-7`.
fn lost(loss: &v1::LossView) -> String {
    match loss.range.as_ref().and_then(|range| Run::parse(range).ok()) {
        Some(run) => {
            let Run { channel, first, .. } = &run;
            format!("{} {}→{} {first}-{}", loss.kind, channel.origin, channel.destination, run.last())
        }
        None => format!("{} {}", loss.kind, loss.hole),
    }
}

/// Every clock that is off; if none is, the one known best, our parent's before others.
fn of_clocks(links: &[v1::LinkView]) -> Vec<CheckItem> {
    let of = |finding: Finding, link: &v1::LinkView| finding.item(&[&link.unit, &link.offset_us.to_string()], "");
    let known = || links.iter().filter(|link| link.up && link.offset_uncertainty_us > 0);
    let off: Vec<_> = known()
        .filter(|link| link.offset_us.unsigned_abs() > OFFSET_NOTICE_US)
        .map(|link| of(Finding::ClockOff, link))
        .collect();
    if !off.is_empty() {
        return off;
    }
    match known().min_by_key(|link| (!link.parent, link.offset_uncertainty_us)) {
        Some(best) => vec![of(Finding::ClockOk, best)],
        None => vec![Finding::ClockUnknown.item(&[], "")],
    }
}

fn of_links(links: &[v1::LinkView], now: Timestamp) -> Vec<CheckItem> {
    let (good, bad): (Vec<_>, Vec<_>) = links.iter().partition(|link| link.up && !link.paused);
    let mut items: Vec<_> = if good.len() > LINKS_NAMED_MOST {
        vec![Finding::LinksUp.item(&[&good.len().to_string()], "")]
    } else {
        good.iter().map(|link| Finding::LinkUp.item(&[&link.unit, &link.rtt_us.to_string()], "")).collect()
    };
    items.extend(bad.into_iter().map(|link| {
        if link.paused {
            return Finding::LinkPaused.item(&[&link.unit], "");
        }
        let down = now.since(Timestamp::from_us(link.since_us)).as_secs().to_string();
        Finding::LinkDown.item(&[&link.unit, &down, &link.last_failure], &link.last_failure)
    }));
    items
}

fn of_duties(owed: &v1::Owed) -> Vec<CheckItem> {
    let mut items = match owed.overdue_here {
        0 => vec![Finding::DutiesDone.item(&[], "")],
        count => vec![Finding::DutiesOverdue.item(&[&count.to_string()], "")],
    };
    if owed.nil_missing > 0 {
        items.push(Finding::NilMissing.item(&[&owed.nil_missing.to_string(), &owed.nil_slot], ""));
    }
    if owed.nil_silent > 0 {
        items.push(Finding::NilSilent.item(&[&owed.nil_silent.to_string(), &owed.nil_slot], ""));
    }
    items
}

fn of_queues(status: &v1::StatusView, now: Timestamp) -> Vec<CheckItem> {
    let mut items = Vec::new();
    if status.held > 0 {
        items.push(Finding::QueueHeld.item(&[&status.held.to_string()], ""));
    }
    for link in &status.links {
        let oldest = link.queue.map_or(0, |queue| queue.oldest_us);
        let age = now.since(Timestamp::from_us(oldest));
        if oldest > 0 && age > OLD {
            items.push(Finding::QueueOld.item(&[&link.unit, &age.as_secs().to_string()], ""));
        }
    }
    if items.is_empty() {
        items.push(Finding::QueueMoving.item(&[], ""));
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_000_000_000_000_000;

    fn link(unit: &str, up: bool) -> v1::LinkView {
        v1::LinkView {
            unit: unit.into(),
            up,
            since_us: NOW - 90_000_000,
            rtt_us: 900,
            offset_uncertainty_us: 450,
            ..Default::default()
        }
    }

    fn status() -> v1::StatusView {
        let certificate = v1::CertificateView { role: "transport".into(), not_after_us: NOW, ..Default::default() };
        v1::StatusView {
            now_us: NOW,
            certificates: vec![certificate],
            links: vec![link("000000", true), link("420100", false)],
            store: Some(v1::StoreView { accepting: true, free_bytes: 1 << 40, ..Default::default() }),
            ..Default::default()
        }
    }

    fn ids(status: &v1::StatusView, stage: &str) -> Vec<String> {
        items(status, stage).into_iter().map(|item| item.id).collect()
    }

    #[test]
    fn each_stage_looks_at_more_than_the_one_before() {
        let stages = ["ping", "local", "links", "full"].map(|stage| ids(&status(), stage));
        assert_eq!(stages[0], ["station-running"]);
        for pair in stages.windows(2) {
            assert!(pair[1].starts_with(&pair[0]) && pair[1].len() > pair[0].len(), "{pair:?}");
        }
        assert_eq!(stages[3].last().map(String::as_str), Some("duties-done"));
    }

    #[test]
    fn what_is_wrong_is_found_with_its_facts() {
        let mut status = status();
        status.held = 2;
        status.links[0].offset_us = -3_000_000;
        status.links[1].last_failure = "unreachable: refused".into();
        status.links[1].queue = Some(v1::QueueTotals { oldest_us: NOW - 1_000_000_000, ..Default::default() });
        let bad: Vec<_> = items(&status, "full").into_iter().filter(|item| item.severity() != Severity::Ok).collect();
        let told: Vec<_> = bad.iter().map(|item| (item.id.as_str(), item.facts.join(" "))).collect();
        let expected = [
            ("cert-expired", "transport 0"),
            ("clock-off", "000000 -3000000"),
            ("link-down", "420100 90 unreachable: refused"),
            ("queue-held", "2"),
            ("queue-old", "420100 1000"),
        ];
        assert_eq!(told, expected.map(|(id, facts)| (id, facts.to_owned())));
    }

    #[test]
    fn a_full_disk_is_a_failure_and_a_low_one_a_warning() {
        let store = |accepting, free_bytes| v1::StoreView { accepting, free_bytes, ..Default::default() };
        assert_eq!(of_store(&store(false, 5), Timestamp::from_us(NOW))[0].severity(), Severity::Failure);
        let low: Vec<_> = of_store(&store(true, 5), Timestamp::from_us(NOW)).into_iter().map(|item| item.id).collect();
        assert_eq!(low, ["store-writable", "disk-low"]);
    }

    #[test]
    fn what_was_lost_is_told_for_a_month_or_until_it_came_again() {
        let loss = |at_us, recovered_us| v1::LossView {
            kind: "hole".into(),
            hole: "all".into(),
            at_us,
            recovered_us,
            ..Default::default()
        };
        let ids = |loss| {
            let losses = vec![loss];
            let store = v1::StoreView {
                accepting: true,
                free_bytes: 1 << 40,
                lost: 1,
                lost_open: 1,
                losses,
                ..Default::default()
            };
            of_store(&store, Timestamp::from_us(NOW)).into_iter().map(|item| item.id).collect::<Vec<_>>()
        };
        assert_eq!(ids(loss(NOW - 1, 0)), ["store-writable", "records-lost"]);
        assert_eq!(ids(loss(NOW - 1, NOW)), ["store-writable"]);
        assert_eq!(ids(loss(NOW - 31 * 86_400_000_000, 0)), ["store-writable"]);
    }

    #[test]
    fn thirty_good_lines_are_one_finding_and_a_dead_one_is_still_named() {
        let links: Vec<_> = (0..30).map(|n| link(&format!("u{n}"), n != 7)).collect();
        let found: Vec<_> = of_links(&links, Timestamp::from_us(NOW)).into_iter().map(|item| item.id).collect();
        assert_eq!(found, ["links-up", "link-down"]);
    }

    #[test]
    fn no_two_findings_share_an_id() {
        let ids: std::collections::BTreeSet<_> = Finding::ALL.iter().map(|finding| finding.id()).collect();
        assert_eq!(ids.len(), Finding::ALL.len());
    }
}
