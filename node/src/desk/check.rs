//! A station's own findings, each with a stable id. Nothing found here ever stops intake.

use std::time::Duration;

use proto::v1::{self, CheckItem, Severity};

use crate::io::Timestamp;

/// A certificate that ends sooner than this is worth a warning.
const CERTIFICATE_NOTICE: Duration = Duration::from_secs(14 * 24 * 3600);
/// Clocks further apart than this make times hard to compare.
const OFFSET_NOTICE_US: u64 = 2_000_000;
/// A commit slower than this (99th percentile) is worth a warning.
const COMMIT_NOTICE_US: u32 = 500_000;
/// Free space below this is worth a warning.
const FREE_NOTICE: u64 = 1 << 30;

/// What a status shows that a person should know.
pub fn items(status: &v1::StatusView, stage: &str) -> Vec<CheckItem> {
    let mut items = vec![item("station-running", "station", Severity::Ok, &[&status.unit, &status.version], "")];
    if stage == "ping" {
        return items;
    }
    let now = Timestamp::from_us(status.now_us);
    items.extend(status.certificates.iter().map(|certificate| of_certificate(certificate, now)));
    items.extend(status.store.as_ref().map(of_store).unwrap_or_default());
    if stage != "local" {
        items.extend(status.links.iter().flat_map(of_link));
        items.push(of_held(status.held));
    }
    items
}

fn of_certificate(certificate: &v1::CertificateView, now: Timestamp) -> CheckItem {
    let end = Timestamp::from_us(certificate.not_after_us);
    let days = (end.since(now).as_secs() / 86_400).to_string();
    let (id, severity) = match () {
        () if end <= now => ("certificate-expired", Severity::Failure),
        () if end.since(now) < CERTIFICATE_NOTICE => ("certificate-expiring", Severity::Warning),
        () => ("certificate-valid", Severity::Ok),
    };
    item(id, "identity", severity, &[&certificate.role, &days], &certificate.subject)
}

fn of_store(store: &v1::StoreView) -> Vec<CheckItem> {
    let mib = (store.free_bytes >> 20).to_string();
    let p99 = store.commit_p99_us.to_string();
    let accepting = if store.accepting { Severity::Ok } else { Severity::Failure };
    let id = if store.accepting { "store-accepting" } else { "store-refusing" };
    let slow = store.commit_p99_us > COMMIT_NOTICE_US;
    let low = store.free_bytes < FREE_NOTICE;
    vec![
        item(id, "store", accepting, &[], &store.refusing_because),
        item(if low { "disk-low" } else { "disk-free" }, "store", warn(low), &[&mib], ""),
        item(if slow { "commit-slow" } else { "commit-quick" }, "store", warn(slow), &[&p99], ""),
    ]
}

fn of_link(link: &v1::LinkView) -> Vec<CheckItem> {
    let name = if link.name.is_empty() { &link.unit } else { &link.name };
    if link.paused {
        return vec![item("link-paused", "links", Severity::Warning, &[name], &link.last_failure)];
    }
    if !link.up {
        return vec![item("link-down", "links", Severity::Failure, &[name], &link.last_failure)];
    }
    let ms = format!("{:.1}", f64::from(link.rtt_us) / 1000.0);
    let offset = format!(
        "{:+.3}",
        Duration::from_micros(link.offset_us.unsigned_abs()).as_secs_f64()
            * if link.offset_us < 0 { -1.0 } else { 1.0 }
    );
    let skewed = link.offset_us.unsigned_abs() > OFFSET_NOTICE_US;
    vec![
        item("link-up", "links", Severity::Ok, &[name, &ms], ""),
        item(if skewed { "clock-skewed" } else { "clock-agrees" }, "clock", warn(skewed), &[name, &offset], ""),
    ]
}

fn of_held(held: u64) -> CheckItem {
    let id = if held > 0 { "held-for-operator" } else { "nothing-held" };
    item(id, "links", warn(held > 0), &[&held.to_string()], "")
}

fn warn(if_so: bool) -> Severity {
    if if_so { Severity::Warning } else { Severity::Ok }
}

fn item(id: &str, group: &str, severity: Severity, facts: &[&str], detail: &str) -> CheckItem {
    CheckItem {
        id: id.to_owned(),
        group: group.to_owned(),
        severity: severity.into(),
        facts: facts.iter().map(|fact| (*fact).to_owned()).collect(),
        detail: detail.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expired_certificate_and_a_dead_line_are_failures_and_a_running_station_is_not() {
        let status = v1::StatusView {
            now_us: 1_000_000_000_000,
            certificates: vec![v1::CertificateView { role: "transport".into(), not_after_us: 5, ..Default::default() }],
            links: vec![v1::LinkView { unit: "420000".into(), ..Default::default() }],
            store: Some(v1::StoreView { accepting: true, free_bytes: 1 << 40, ..Default::default() }),
            ..Default::default()
        };
        let bad: Vec<_> = items(&status, "full")
            .into_iter()
            .filter(|item| item.severity() == Severity::Failure)
            .map(|item| item.id)
            .collect();
        assert_eq!(bad, ["certificate-expired", "link-down"]);
        assert_eq!(items(&status, "ping").len(), 1);
    }
}
