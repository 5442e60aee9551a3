//! `status`: one screen — this station, its lines and queues, and how long each hop takes.

use std::time::Duration;

use clap::{ArgMatches, Command};
use proto::v1::{HopLatency, LinkView, LossView, Owed, StatusView, StoreView, Totals};
use serde_json::{Value, json};

use super::{
    args,
    call::{self, Call},
    document,
    exit::{Exit, Outcome},
    names::Names,
    table::{self, Columns},
    terms::Listed,
    time, trouble, visible,
    words::Words,
};
use crate::{io::Timestamp, topology::Tier};

/// A queue older than this is marked.
const OLD: Duration = Duration::from_secs(60);
/// With more lines than this, a screen shows only those that are not simply up.
const LINKS_SHOWN_MOST: usize = 12;
/// Of more hops than this, a screen shows the slowest.
const HOPS_SHOWN_MOST: usize = 20;
const REDRAW_EVERY: Duration = Duration::from_secs(2);

/// `status [--watch]`
pub(crate) fn command(words: &Words) -> Command {
    args::verb(words, "status", "cmd-status").arg(args::flag(words, "watch", "arg-watch"))
}

/// Shows how the station is, once or until Ctrl-C.
pub(crate) fn act(call: &Call, given: &ArgMatches) -> Outcome {
    let watch = given.get_flag("watch");
    call.online(async |station| {
        if watch {
            call.say_on_interrupt(String::new());
        }
        loop {
            let view = call.status(station).await?;
            if call.json {
                call.object(&json(&view));
            } else {
                let text = render_status(&view, call.tier, &call.names(), &call.words, call.now());
                if watch { call.redraw(&text) } else { call.data(&text) }
            }
            if !watch {
                return Ok(Exit::Done);
            }
            tokio::time::sleep(REDRAW_EVERY).await;
        }
    })
}

/// The screen.
pub(crate) fn render_status(view: &StatusView, tier: Tier, names: &Names, words: &Words, now: Timestamp) -> String {
    let mut text = format!("{}\n", heading(view, tier, names, words, now));
    if let Some(store) = &view.store
        && !store.accepting
    {
        let free = table::bytes(store.free_bytes);
        text.push_str(&format!("{}\n", words.say("status-refusing", &[("free", free.into())])));
    }
    if !view.links.is_empty() {
        let (shown, calm) = worth_showing(&view.links);
        text.push_str(&render_links(&shown, names, words, now));
        if calm > 0 {
            text.push_str(&format!(" {}\n", words.say("status-calm", &[("n", calm.into())])));
        }
    }
    if !view.hops.is_empty() {
        text.push_str(&format!("{}\n{}", words.text("status-hops"), hops(view, names, words)));
    }
    if let Some(totals) = &view.totals {
        text.push_str(&format!("{}\n", totals_line(totals, words)));
    }
    text.push_str(&format!("{}\n", closing(view, tier, words)));
    text
}

/// On one screen, those of many lines a person has to look at, and how many others are up with nothing waiting.
fn worth_showing(links: &[LinkView]) -> (Vec<LinkView>, usize) {
    if links.len() <= LINKS_SHOWN_MOST {
        return (links.to_vec(), 0);
    }
    let calm = |link: &&LinkView| {
        let queue = link.queue.unwrap_or_default();
        link.up && !link.paused && !link.parent && queue.parked + queue.held + queue.ready + queue.in_flight == 0
    };
    let (calm, shown): (Vec<_>, Vec<_>) = links.iter().partition(calm);
    (shown.into_iter().cloned().collect(), calm.len())
}

/// The lines to the neighbours, parent first.
pub(crate) fn render_links(links: &[LinkView], names: &Names, words: &Words, now: Timestamp) -> String {
    let heads = [
        "head-peer",
        "head-link",
        "head-rtt",
        "head-clock",
        "head-ready",
        "head-in-flight",
        "head-parked",
        "head-held",
        "head-oldest",
        "head-contact",
    ];
    let mut table = Columns::new(heads.map(|key| words.text(key))).right([2, 4, 5, 6, 7]);
    let mut sorted: Vec<_> = links.iter().collect();
    sorted.sort_by_key(|link| !link.parent);
    for link in &sorted {
        let queue = link.queue.unwrap_or_default();
        let direction = words.text(match (link.parent, link.direct) {
            (true, _) => "direction-up",
            (_, true) => "direction-direct",
            _ => "direction-down",
        });
        table.row([
            format!("{direction} {}", names.get(&link.unit)),
            link_text(link, words, now),
            if link.up && link.rtt_us > 0 { rtt(link.rtt_us) } else { "–".to_owned() },
            if link.offset_uncertainty_us > 0 {
                time::offset(link.offset_us, link.offset_uncertainty_us)
            } else {
                "–".to_owned()
            },
            table::count(queue.ready),
            table::count(queue.in_flight),
            table::count(queue.parked),
            table::count(queue.held),
            oldest(queue.oldest_us, words, now),
            if link.last_contact_us == 0 { "–".to_owned() } else { time::ago(link.last_contact_us, now, words) },
        ]);
    }
    let mut text = table.render();
    for link in sorted.iter().filter(|link| !link.up && !link.paused && !link.last_failure.is_empty()) {
        let args = [
            ("peer", names.get(&link.unit).into()),
            ("why", trouble::told_whole(&link.last_failure, words).into()),
            ("next", time::clock(link.next_attempt_us).into()),
        ];
        // We dial our parent; a child dials us.
        let key = if link.parent { "link-failure" } else { "link-failure-below" };
        text.push_str(&format!(" {}\n", words.say(key, &args)));
    }
    text
}

/// `在线`, `断开 38 分`, `暂停`
pub(crate) fn link_text(link: &LinkView, words: &Words, now: Timestamp) -> String {
    let span = time::about(now.since(Timestamp::from_us(link.since_us)), words);
    if link.paused {
        words.text("link-paused")
    } else if link.up {
        words.text("link-up")
    } else if link.last_contact_us == 0 {
        words.text("link-never")
    } else {
        words.say("link-down", &[("span", span.into())])
    }
}

/// How old the oldest is, marked where that is too old.
pub(crate) fn oldest(us: i64, words: &Words, now: Timestamp) -> String {
    if us == 0 {
        return "–".to_owned();
    }
    let age = now.since(Timestamp::from_us(us));
    let mark = if age > OLD { " ■" } else { "" };
    format!("{}{mark}", time::about(age, words))
}

pub(crate) fn rtt(us: u32) -> String {
    time::measured(Duration::from_micros(us.into()))
}

fn heading(view: &StatusView, tier: Tier, names: &Names, words: &Words, now: Timestamp) -> String {
    let up = time::about(now.since(Timestamp::from_us(view.started_us)), words);
    let mut parts = vec![
        format!("{} {} {}", names.get(&view.unit), call::program(tier), visible::line(&view.version)),
        words.say("status-up", &[("span", up.into())]),
    ];
    if let Some(store) = &view.store {
        parts.push(store_text(store, words));
    }
    if let Some(soonest) = view.certificates.iter().map(|one| one.not_after_us).filter(|us| *us != 0).min() {
        parts.push(certificate_text(soonest, words, now));
    }
    parts.push(words.say("status-unsigned", &[("n", view.unsigned.into())]));
    parts.extend(view.owed.as_ref().and_then(|owed| owed_text(owed, words)));
    parts.extend(view.owed.as_ref().and_then(|owed| nil_text(owed, words)));
    parts.join("   ")
}

/// What is overdue comes first; with nothing owed there is nothing to say.
fn owed_text(owed: &Owed, words: &Words) -> Option<String> {
    let args = [
        ("open", owed.open_here.into()),
        ("here", owed.overdue_here.into()),
        ("elsewhere", owed.overdue_elsewhere.into()),
        ("exercise", owed.overdue_exercise.into()),
    ];
    match (owed.overdue_here + owed.overdue_elsewhere + owed.overdue_exercise, owed.open_here) {
        (0, 0) => None,
        (0, _) => Some(words.say("status-owed", &args)),
        _ => Some(words.say("status-overdue", &args)),
    }
}

/// 平安报 that are missed.
fn nil_text(owed: &Owed, words: &Words) -> Option<String> {
    let args = [
        ("slot", visible::line(&owed.nil_slot).into()),
        ("missing", owed.nil_missing.into()),
        ("silent", owed.nil_silent.into()),
    ];
    (owed.nil_missing + owed.nil_silent > 0).then(|| words.say("status-nil", &args))
}

fn store_text(store: &StoreView, words: &Words) -> String {
    let commit = |us: u32| time::measured(Duration::from_micros(us.into()));
    words.say(
        "status-store",
        &[
            ("used", table::bytes(store.used_bytes).into()),
            ("free", table::bytes(store.free_bytes).into()),
            ("p50", commit(store.commit_p50_us).into()),
            ("p99", commit(store.commit_p99_us).into()),
        ],
    )
}

pub(crate) fn certificate_text(not_after_us: i64, words: &Words, now: Timestamp) -> String {
    if not_after_us <= now.us() {
        return words.text("status-certificate-expired");
    }
    let left = Timestamp::from_us(not_after_us).since(now);
    words.say("status-certificate", &[("span", time::about(left, words).into())])
}

fn hops(view: &StatusView, names: &Names, words: &Words) -> String {
    let heads = ["head-hop", "head-precedence", "head-count", "head-p50", "head-p95", "head-p99", "head-max"];
    let mut table = Columns::new(heads.map(|key| words.text(key))).right(2..7);
    let mut slowest: Vec<_> = view.hops.iter().collect();
    if slowest.len() > HOPS_SHOWN_MOST {
        slowest.sort_by_key(|hop| std::cmp::Reverse(hop.p95_us));
        slowest.truncate(HOPS_SHOWN_MOST);
    }
    for hop in slowest {
        let span = |us: u32| time::measured(Duration::from_micros(us.into()));
        table.row([
            format!("{} → {}", names.get(&hop.from), names.get(&hop.to)),
            hop.precedence().word(words),
            hop.count.to_string(),
            span(hop.p50_us),
            span(hop.p95_us),
            span(hop.p99_us),
            span(hop.max_us),
        ]);
    }
    let mut text = table.render();
    if view.hops.len() > HOPS_SHOWN_MOST {
        let others = view.hops.len() - HOPS_SHOWN_MOST;
        text.push_str(&format!(" {}\n", words.say("status-more-hops", &[("n", others.into())])));
    }
    text
}

fn totals_line(totals: &Totals, words: &Words) -> String {
    words.say(
        "status-totals",
        &[
            ("filed", totals.filed.into()),
            ("taken", totals.taken.into()),
            ("passed", totals.passed.into()),
            ("delivered", totals.delivered.into()),
            ("duplicates", totals.duplicates.into()),
            ("refused", totals.refused.into()),
            ("gaps", totals.gaps.into()),
        ],
    )
}

fn closing(view: &StatusView, tier: Tier, words: &Words) -> String {
    let up = view.links.iter().filter(|link| link.up).count();
    let mut text = words.say("status-links", &[("all", view.links.len().into()), ("up", up.into())]);
    if view.held > 0 {
        let args = [("n", view.held.into()), ("program", call::program(tier).into())];
        text.push_str(&words.say("status-held", &args));
    }
    let lost = view.store.as_ref().map_or(0, |store| store.lost_open);
    if lost > 0 {
        let args = [("n", lost.into()), ("program", call::program(tier).into())];
        text.push_str(&words.say("status-lost", &args));
    }
    text
}

fn loss_json(loss: &LossView) -> Value {
    let range = loss.range.clone().unwrap_or_default();
    let channel = range.channel.clone().unwrap_or_default();
    json!({
        "at": time::rfc3339(loss.at_us),
        "kind": loss.kind,
        "origin": document::some(&channel.origin),
        "destination": document::some(&channel.destination),
        "first": range.first,
        "count": range.count,
        "from": document::some(&loss.from),
        "hole": document::some(&loss.hole),
        "recovered_at": Some(loss.recovered_us).filter(|us| *us > 0).map(time::rfc3339),
    })
}

/// For machines.
pub(crate) fn json(view: &StatusView) -> Value {
    let store = view.store.clone().unwrap_or_default();
    let totals = view.totals.unwrap_or_default();
    json!({
        "schema": "zhuji.status/1",
        "unit": view.unit,
        "name": view.name,
        "tier": view.tier,
        "version": view.version,
        "started_at": time::rfc3339(view.started_us),
        "at": time::rfc3339(view.now_us),
        "unsigned": view.unsigned,
        "held": view.held,
        "owed": view.owed.as_ref().map(|owed| json!({
            "open_here": owed.open_here,
            "overdue_here": owed.overdue_here,
            "overdue_elsewhere": owed.overdue_elsewhere,
            "overdue_exercise": owed.overdue_exercise,
            "nil_slot": document::some(&owed.nil_slot),
            "nil_missing": owed.nil_missing,
            "nil_silent": owed.nil_silent,
        })),
        "store": {
            "used_bytes": store.used_bytes,
            "free_bytes": store.free_bytes,
            "records": store.records,
            "commit_p50_us": store.commit_p50_us,
            "commit_p99_us": store.commit_p99_us,
            "accepting": store.accepting,
            "refusing_because": document::some(&store.refusing_because),
            "forgotten": store.forgotten,
            "lost": store.lost,
            "lost_open": store.lost_open,
            "losses": store.losses.iter().map(loss_json).collect::<Vec<_>>(),
        },
        "links": view.links.iter().map(link_json).collect::<Vec<_>>(),
        "certificates": view.certificates.iter().map(|one| json!({
            "role": one.role,
            "subject": one.subject,
            "not_after": time::rfc3339(one.not_after_us),
        })).collect::<Vec<_>>(),
        "totals": {
            "filed": totals.filed,
            "taken": totals.taken,
            "passed": totals.passed,
            "delivered": totals.delivered,
            "duplicates": totals.duplicates,
            "refused": totals.refused,
            "gaps": totals.gaps,
        },
        "hops": view.hops.iter().map(hop_json).collect::<Vec<_>>(),
    })
}

/// One line for machines.
pub(crate) fn link_json(link: &LinkView) -> Value {
    json!({
        "unit": link.unit,
        "name": link.name,
        "parent": link.parent,
        "direct": link.direct,
        "up": link.up,
        "since": time::rfc3339(link.since_us),
        "last_contact_at": time::rfc3339(link.last_contact_us),
        "rtt_us": link.rtt_us,
        "clock_offset_us": link.offset_us,
        "clock_uncertainty_us": link.offset_uncertainty_us,
        "last_failure": document::some(&link.last_failure),
        "next_attempt_at": time::rfc3339(link.next_attempt_us),
        "paused": link.paused,
        "queue": super::queue::totals_json(&link.queue.unwrap_or_default()),
    })
}

fn hop_json(hop: &HopLatency) -> Value {
    json!({
        "from": hop.from,
        "to": hop.to,
        "precedence": hop.precedence().code(),
        "count": hop.count,
        "p50_us": hop.p50_us,
        "p95_us": hop.p95_us,
        "p99_us": hop.p99_us,
        "max_us": hop.max_us,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{names::tests::small, time::tests::MORNING, words::Lang};
    use proto::v1::{CertificateView, Precedence, QueueTotals};

    const MINUTE: i64 = 60_000_000;

    fn hub() -> StatusView {
        let hubei = LinkView {
            unit: "420000".into(),
            name: "湖北".into(),
            up: true,
            since_us: MORNING - 60 * MINUTE,
            last_contact_us: MORNING - 3_000_000,
            rtt_us: 12_000,
            offset_us: 4_000,
            offset_uncertainty_us: 11_000,
            ..Default::default()
        };
        let xinjiang = LinkView {
            unit: "650000".into(),
            name: "新疆".into(),
            since_us: MORNING - 38 * MINUTE,
            last_contact_us: MORNING - 38 * MINUTE,
            last_failure: "silent: nothing heard for 9 s".into(),
            next_attempt_us: MORNING + 12_000_000,
            queue: Some(QueueTotals { parked: 31, oldest_us: MORNING - 37 * MINUTE, ..Default::default() }),
            ..Default::default()
        };
        let hop = HopLatency {
            from: "420000".into(),
            to: "000000".into(),
            precedence: Precedence::TeJi.into(),
            count: 120,
            p50_us: 2_900,
            p95_us: 12_000,
            p99_us: 900_000,
            max_us: 18_400_000,
        };
        StatusView {
            unit: "000000".into(),
            name: "部级".into(),
            version: "0.1.0".into(),
            started_us: MORNING - (3 * 24 + 4) * 60 * MINUTE,
            unsigned: 2,
            held: 1,
            store: Some(StoreView {
                used_bytes: 2 << 30,
                free_bytes: 50 << 30,
                commit_p50_us: 1_200,
                commit_p99_us: 4_000,
                accepting: true,
                ..Default::default()
            }),
            certificates: vec![CertificateView { not_after_us: MORNING + 41 * 24 * 60 * MINUTE, ..Default::default() }],
            links: vec![hubei, xinjiang],
            hops: vec![hop],
            totals: Some(Totals { filed: 3, taken: 120, delivered: 120, ..Default::default() }),
            ..Default::default()
        }
    }

    #[test]
    fn one_screen_says_how_the_station_is() {
        let text = render_status(
            &hub(),
            Tier::Ministry,
            &small("000000", Lang::Zh),
            &Words::new(Lang::Zh),
            Timestamp::from_us(MORNING),
        );
        let expected = "部级 ministry-hub 0.1.0   运行 3 天 4 时   存储 2.0 GiB(余 50 GiB,落盘 P50 1.2 ms P99 4.0 ms)   证书余 41 天 0 时   待签 2 件
 对端     链路          RTT  时钟差          待发  在途  停放  待人工  最老     最近联络
 下 湖北  在线        12 ms  +0.004±0.011 s     –     –     –       –  –        3 秒前
 下 新疆  断开 38 分      –  –                  –     –    31       –  37 分 ■  38 分前
 新疆: 对端没有应答 [nothing heard for 9 s];等对端重连
逐跳时延(存储转发,含落盘)
 段           时效  件数     P50    P95    P99    最大
 湖北 → 部级  特急   120  2.9 ms  12 ms  0.9 s  18.4 s
自启动: 填报 3  接收 120  转出 0  送达 120  重复 0  拒收 0  缺号 0
2 条链路,1 在线;1 件待人工处理: ministry-hub queue ls --held
";
        assert_eq!(
            text, expected,
            "
{text}"
        );
    }

    #[test]
    fn the_same_screen_in_english() {
        let text = render_status(
            &hub(),
            Tier::Ministry,
            &small("000000", Lang::En),
            &Words::new(Lang::En),
            Timestamp::from_us(MORNING),
        );
        assert!(text.contains("up 3 d 4 h"), "{text}");
        assert!(text.contains("down 38 min"), "{text}");
        assert!(text.contains("Delivery latency per hop"), "{text}");
        assert!(text.contains("1 held for a person: ministry-hub queue ls --held"), "{text}");
    }

    #[test]
    fn a_station_that_refuses_says_why() {
        let mut view = hub();
        let refusing = StoreView { accepting: false, free_bytes: 5 << 20, ..Default::default() };
        view.store = Some(refusing);
        let text = render_status(
            &view,
            Tier::Ministry,
            &small("000000", Lang::Zh),
            &Words::new(Lang::Zh),
            Timestamp::from_us(MORNING),
        );
        assert!(text.contains("■ 磁盘将满(余 5.0 MiB): 只收特提、特急"), "{text}");
    }

    #[test]
    fn machines_get_one_object_with_a_schema() {
        let value = json(&hub());
        assert_eq!(value["schema"], "zhuji.status/1");
        assert_eq!(value["links"][1]["queue"]["parked"], 31);
        assert_eq!(value["hops"][0]["p99_us"], 900_000);
    }
}
