//! `link`: the lines to the neighbours.

use std::time::Duration;

use clap::{ArgMatches, Command};
use proto::v1::{PauseRequest, PingRequest, PingResponse};
use serde_json::json;

use super::{
    args,
    call::Call,
    exit::{Exit, Failure, Outcome},
    queue::neighbour,
    status, time, visible,
    words::Words,
};

const PING_EVERY: Duration = Duration::from_secs(1);

/// `link ls|ping|pause|resume`
pub(super) fn command(words: &Words) -> Command {
    let peer = || args::positional(words, "peer", "PEER", "arg-peer");
    args::noun(words, "link", "cmd-link")
        .subcommand(args::list(words, "cmd-link-ls"))
        .subcommand(
            args::verb(words, "ping", "cmd-link-ping").arg(peer()).arg(
                args::option(words, "count", "arg-count")
                    .short('c')
                    .value_parser(clap::value_parser!(u32).range(1..))
                    .default_value("5")
                    .hide_default_value(true),
            ),
        )
        .subcommand(
            args::verb(words, "pause", "cmd-link-pause")
                .arg(peer())
                .arg(args::option(words, "for", "arg-pause-for").value_name("SPAN").required(true))
                .arg(args::option(words, "reason", "arg-reason").required(true)),
        )
        .subcommand(args::verb(words, "resume", "cmd-link-resume").arg(peer()))
}

/// Runs one of the verbs.
pub(super) fn act(call: &Call, given: &ArgMatches) -> Outcome {
    match given.subcommand() {
        Some(("ping", given)) => ping(call, given),
        Some(("pause", given)) => pause(call, given, false),
        Some(("resume", given)) => pause(call, given, true),
        Some(_) => list(call),
        None => Ok(Exit::Usage),
    }
}

fn list(call: &Call) -> Outcome {
    call.online(async |station| {
        let view = call.status(station).await?;
        if call.json {
            let links = || view.links.iter().map(status::link_json);
            let all = || json!({ "schema": "zhuji.links/1", "links": links().collect::<Vec<_>>() });
            call.objects(links(), all);
        } else if call.quiet {
            view.links.iter().for_each(|link| call.data(&visible::line(&link.unit)));
        } else {
            call.data(&status::render_links(&view.links, &call.names(), &call.words, call.now()));
        }
        Ok(Exit::Done)
    })
}

fn ping(call: &Call, given: &ArgMatches) -> Outcome {
    let count = given.get_one::<u32>("count").copied().unwrap_or(1);
    call.online(async |station| {
        let names = call.names();
        let peer = neighbour(call, &names, args::required(given, "peer"))?;
        for sequence in 1..=count {
            let answer = call.answer(station.ping(PingRequest { peer: peer.to_owned() }).await)?;
            if call.json {
                call.object(&json!({
                    "schema": "zhuji.ping/1",
                    "unit": answer.unit,
                    "identity": answer.identity,
                    "sequence": sequence,
                    "rtt_us": answer.rtt_us,
                    "clock_offset_us": answer.offset_us,
                    "clock_uncertainty_us": answer.offset_uncertainty_us,
                }));
            } else {
                call.data(&render_ping(&answer, &names.get(peer), sequence, &call.words));
            }
            if sequence < count {
                tokio::time::sleep(PING_EVERY).await;
            }
        }
        Ok(Exit::Done)
    })
}

/// `来自 湖北(spiffe://…): seq=1 12 ms 时钟 +0.004±0.011 s`
pub(super) fn render_ping(answer: &PingResponse, name: &str, sequence: u32, words: &Words) -> String {
    words.say(
        "ping-answer",
        &[
            ("name", name.into()),
            ("identity", visible::line(&answer.identity).into()),
            ("seq", sequence.into()),
            ("rtt", time::measured(Duration::from_micros(answer.rtt_us.into())).into()),
            ("offset", time::offset(answer.offset_us, answer.offset_uncertainty_us).into()),
        ],
    )
}

fn pause(call: &Call, given: &ArgMatches, resume: bool) -> Outcome {
    let (seconds, reason) = if resume {
        (0, "")
    } else {
        let span = args::span(&call.words, given, "for")?.unwrap_or_default();
        let seconds = u32::try_from(span.as_secs()).ok().filter(|seconds| *seconds > 0);
        let seconds =
            seconds.ok_or_else(|| args::bad(&call.words, "--for", args::required(given, "for"), "hint-span"))?;
        (seconds, args::required(given, "reason"))
    };
    call.online(async |station| {
        let names = call.names();
        let peer = neighbour(call, &names, args::required(given, "peer"))?;
        let request = PauseRequest { peer: peer.to_owned(), resume, seconds, reason: reason.to_owned() };
        let until = call.answer(station.pause_link(request).await)?.until_us;
        if call.json {
            let until = time::rfc3339(until);
            call.object(&json!({ "schema": "zhuji.pause/1", "unit": peer, "resumed": resume, "until": until }));
            return Ok(Exit::Done);
        }
        let args = [
            ("name", names.get(peer).into()),
            ("until", time::clock(until).into()),
            ("program", call.program().into()),
        ];
        call.data(&call.words.say(if resume { "link-resumed" } else { "link-paused-until" }, &args));
        Ok::<_, Failure>(Exit::Done)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::words::Lang;

    #[test]
    fn a_ping_names_who_answered_by_its_certificate() {
        let answer = PingResponse {
            identity: "spiffe://kaoshi.example/relay/420000".into(),
            rtt_us: 12_100,
            offset_us: 4_000,
            offset_uncertainty_us: 1_000,
            ..Default::default()
        };
        let zh = render_ping(&answer, "湖北", 1, &Words::new(Lang::Zh));
        assert_eq!(zh, "来自 湖北(spiffe://kaoshi.example/relay/420000): seq=1 12 ms  时钟 +0.004±0.001 s");
    }
}
