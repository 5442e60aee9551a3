//! `queue`: what waits here for a neighbour, why, and until when.

use clap::{ArgGroup, ArgMatches, Command};
use proto::v1::{PeerQueue, QueueEntry, QueueRequest, QueueResponse, QueueTotals, RetryRequest};
use serde_json::{Value, json};

use super::{
    args,
    call::Call,
    document,
    exit::{Exit, Failure, Outcome},
    names::Names,
    status,
    table::{self, Columns},
    terms::Listed,
    time, trace, visible,
    words::Words,
};
use crate::io::Timestamp;

/// `queue ls|inspect|retry`
pub(super) fn command(words: &Words) -> Command {
    args::noun(words, "queue", "cmd-queue")
        .subcommand(
            args::list(words, "cmd-queue-ls")
                .arg(args::option(words, "peer", "arg-peer"))
                .arg(args::flag(words, "held", "arg-held"))
                .arg(args::option(words, "limit", "arg-limit").value_parser(clap::value_parser!(u32))),
        )
        .subcommand(args::verb(words, "inspect", "cmd-queue-inspect").arg(args::document(words)))
        .subcommand(
            args::verb(words, "retry", "cmd-queue-retry")
                .arg(args::document(words).required(false))
                .arg(args::option(words, "peer", "arg-retry-peer"))
                .arg(args::flag(words, "held", "arg-retry-held"))
                .arg(args::flag(words, "dry-run", "arg-dry-run"))
                .group(ArgGroup::new("which").args(["document", "peer", "held"]).multiple(true).required(true)),
        )
}

/// Runs one of the verbs.
pub(super) fn act(call: &Call, given: &ArgMatches) -> Outcome {
    match given.subcommand() {
        Some(("inspect", given)) => inspect(call, given),
        Some(("retry", given)) => retry(call, given),
        Some((_, given)) => list(call, given),
        None => Ok(Exit::Usage),
    }
}

fn list(call: &Call, given: &ArgMatches) -> Outcome {
    call.online(async |station| {
        let names = call.names();
        let peer = args::text(given, "peer").map_or(Ok(""), |peer| neighbour(call, &names, peer))?;
        let request = QueueRequest {
            peer: peer.to_owned(),
            held_only: given.get_flag("held"),
            limit: given.get_one("limit").copied().unwrap_or_default(),
        };
        let response = call.answer(station.list_queue(request).await)?;
        if call.json {
            call.objects(response.entries.iter().map(entry_json), || json(&response));
        } else if call.quiet {
            numbers(&response.entries).for_each(|number| call.data(&number));
        } else {
            let entries = given.get_flag("held") || args::text(given, "peer").is_some();
            call.data(&render_queue(&response, entries, &names, &call.words, call.now()));
        }
        Ok(Exit::Done)
    })
}

fn inspect(call: &Call, given: &ArgMatches) -> Outcome {
    call.online(async |station| {
        let view = call.document(station, args::required(given, "document")).await?;
        let names = call.names();
        if call.json {
            call.object(&document::json(&view));
            return Ok(Exit::Done);
        }
        let mut table = Columns::new(["head-for", "head-via", "head-state"].map(|key| call.words.text(key)));
        let waiting = view.recipients.iter().filter_map(|one| Some((one, one.waiting.as_ref()?)));
        let mut none = true;
        for (recipient, waiting) in waiting {
            none = false;
            let state = trace::waiting_text(waiting, &call.words, call.now());
            table.row([names.get(&recipient.unit), names.get(&waiting.peer), state]);
        }
        call.data(&trace::title(&view, &call.words));
        call.data(&if none { call.words.text("queue-not-waiting") } else { table.render() });
        Ok(Exit::Done)
    })
}

fn retry(call: &Call, given: &ArgMatches) -> Outcome {
    let dry_run = given.get_flag("dry-run");
    call.online(async |station| {
        let names = call.names();
        let peer = args::text(given, "peer").map_or(Ok(""), |peer| neighbour(call, &names, peer))?;
        let request = RetryRequest {
            document: args::text(given, "document").unwrap_or_default().to_owned(),
            peer: peer.to_owned(),
            held: given.get_flag("held"),
            dry_run,
        };
        let entries = call.answer(station.retry_queue(request).await)?.entries;
        if call.json {
            let entries: Vec<_> = entries.iter().map(entry_json).collect();
            call.object(&json!({ "schema": "zhuji.retry/1", "dry_run": dry_run, "entries": entries }));
            return Ok(Exit::Done);
        }
        let key = if dry_run { "queue-would-retry" } else { "queue-retried" };
        let documents: u32 = entries.iter().filter_map(|entry| entry.range.as_ref()).map(|range| range.count).sum();
        call.data(&call.words.say(key, &[("n", documents.into())]));
        if !entries.is_empty() {
            call.data(&render_entries(&entries, &names, &call.words, call.now()));
        }
        Ok(Exit::Done)
    })
}

/// The id of a neighbour, from what somebody called it.
pub(super) fn neighbour<'n>(call: &Call, names: &'n Names, peer: &str) -> Result<&'n str, Failure> {
    names.neighbour(peer).ok_or_else(|| {
        let args = [("peer", visible::line(peer).into()), ("program", call.program().into())];
        Failure::new(Exit::Usage, call.words.say("fail-no-neighbour", &args))
            .remedy(call.words.say("fail-no-neighbour-remedy", &args))
    })
}

/// The queues, a line a neighbour; then what is in them, if that was asked.
pub(super) fn render_queue(
    view: &QueueResponse,
    entries: bool,
    names: &Names,
    words: &Words,
    now: Timestamp,
) -> String {
    let heads = [
        "head-direction",
        "head-peer",
        "head-ready",
        "head-in-flight",
        "head-parked",
        "head-held",
        "head-bytes",
        "head-oldest",
    ];
    let mut table = Columns::new(heads.map(|key| words.text(key))).right(2..7);
    let mut peers: Vec<&PeerQueue> = view.peers.iter().collect();
    peers.sort_by_key(|peer| !peer.parent);
    for peer in peers {
        let totals = peer.totals.unwrap_or_default();
        table.row([
            words.text(if peer.parent { "direction-up" } else { "direction-down" }),
            names.get(&peer.unit),
            totals.ready.to_string(),
            totals.in_flight.to_string(),
            totals.parked.to_string(),
            totals.held.to_string(),
            if totals.bytes == 0 { "–".to_owned() } else { table::bytes(totals.bytes) },
            status::oldest(totals.oldest_us, words, now),
        ]);
    }
    let mut text = table.render();
    if entries && !view.entries.is_empty() {
        text.push_str(&render_entries(&view.entries, names, words, now));
    }
    text
}

fn render_entries(entries: &[QueueEntry], names: &Names, words: &Words, now: Timestamp) -> String {
    let heads = ["head-number", "head-precedence", "head-via", "head-bytes", "head-oldest", "head-state"];
    let mut table = Columns::new(heads.map(|key| words.text(key))).right([3]);
    for entry in entries {
        let channel = entry.range.as_ref().and_then(|range| range.channel.as_ref());
        table.row([
            entry_text(entry, words),
            channel.map_or_else(String::new, |channel| channel.precedence().word(words)),
            names.get(&entry.peer),
            table::bytes(entry.bytes),
            status::oldest(entry.since_us, words, now),
            entry.state.as_ref().map_or_else(String::new, |state| trace::waiting_text(state, words, now)),
        ]);
    }
    table.render()
}

/// A block is named by its first document.
fn entry_text(entry: &QueueEntry, words: &Words) -> String {
    match entry.numbers.as_slice() {
        [] => words.text("queue-receipts"),
        [one] => visible::line(one),
        [first, rest @ ..] => {
            words.say("queue-and-more", &[("first", visible::line(first).into()), ("n", rest.len().into())])
        }
    }
}

fn numbers(entries: &[QueueEntry]) -> impl Iterator<Item = String> {
    entries.iter().flat_map(|entry| entry.numbers.iter().map(|number| visible::line(number)))
}

fn json(view: &QueueResponse) -> Value {
    let peer = |peer: &PeerQueue| {
        json!({
            "unit": peer.unit,
            "name": peer.name,
            "parent": peer.parent,
            "up": peer.up,
            "totals": totals_json(&peer.totals.unwrap_or_default()),
        })
    };
    json!({
        "schema": "zhuji.queue/1",
        "peers": view.peers.iter().map(peer).collect::<Vec<_>>(),
        "entries": view.entries.iter().map(entry_json).collect::<Vec<_>>(),
    })
}

/// How much waits, for machines.
pub(super) fn totals_json(totals: &QueueTotals) -> Value {
    json!({
        "ready": totals.ready,
        "in_flight": totals.in_flight,
        "parked": totals.parked,
        "held": totals.held,
        "bytes": totals.bytes,
        "oldest_since": time::rfc3339(totals.oldest_us),
    })
}

fn entry_json(entry: &QueueEntry) -> Value {
    let range = entry.range.clone().unwrap_or_default();
    let channel = range.channel.unwrap_or_default();
    json!({
        "peer": entry.peer,
        "numbers": entry.numbers,
        "origin": channel.origin,
        "destination": channel.destination,
        "precedence": channel.precedence().code(),
        "first": range.first,
        "count": range.count,
        "bytes": entry.bytes,
        "since": time::rfc3339(entry.since_us),
        "state": entry.state.as_ref().map(document::waiting_json),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{time::tests::MORNING, words::Lang};
    use proto::v1::{ChannelId, Precedence, QueueState, Range};

    fn queue() -> QueueResponse {
        let peer = |unit: &str, parent, totals| PeerQueue {
            unit: unit.into(),
            parent,
            totals: Some(totals),
            ..Default::default()
        };
        let up = QueueTotals { in_flight: 1, bytes: 2048, oldest_us: MORNING - 12_000_000, ..Default::default() };
        let held = QueueTotals { held: 1, bytes: 1024, oldest_us: MORNING - 1_900_000_000, ..Default::default() };
        let channel = ChannelId { precedence: Precedence::TeTi.into(), ..Default::default() };
        let entry = QueueEntry {
            peer: "荆州".into(),
            range: Some(Range { channel: Some(channel), first: 1, count: 2 }),
            numbers: vec!["D-000000-0919-0001".into(), "D-000000-0919-0002".into()],
            bytes: 1024,
            since_us: MORNING - 1_900_000_000,
            state: Some(QueueState {
                held: true,
                attempts: 3,
                last_failure: "unknown format".into(),
                ..Default::default()
            }),
        };
        QueueResponse { peers: vec![peer("荆州", false, held), peer("部级", true, up)], entries: vec![entry] }
    }

    #[test]
    fn the_way_up_comes_first_and_held_ones_say_why() {
        let now = Timestamp::from_us(MORNING);
        let text = render_queue(&queue(), true, &Names::default(), &Words::new(Lang::Zh), now);
        let expected = " 方向  对端  待发  在途  停放  待人工     字节  最老
 上    部级     0     1     0       0  2.0 KiB  12 秒
 下    荆州     0     0     0       1  1.0 KiB  31 分 ■
 编号                          时效  经由     字节  最老     现状
 D-000000-0919-0001 及另 1 件  特提  荆州  1.0 KiB  31 分 ■  待人工(第 3 次尝试),上次: unknown format
";
        assert_eq!(text, expected, "\n{text}");
    }

    #[test]
    fn the_same_in_english() {
        let now = Timestamp::from_us(MORNING);
        let text = render_queue(&queue(), true, &Names::default(), &Words::new(Lang::En), now);
        assert!(text.contains("D-000000-0919-0001 and 1 more"), "{text}");
        assert!(text.contains("held for a person (attempt 3), last: unknown format"), "{text}");
    }
}
