//! `obligation urge`: 催办 — to every office below that is late, one directive an incident that says with what.

use std::collections::BTreeMap;

use clap::{ArgMatches, Command};
use proto::v1::{
    Directive, FileRequest, Filed, Kind, ObligationView, Order, Stage, Status, Verdict, document::Content,
};
use serde_json::json;

use super::{
    args,
    call::Call,
    exit::{Exit, Outcome},
    filing, obligation, time, visible,
    words::Words,
};
use crate::io::Timestamp;

/// `obligation urge [--incident ID] [--reply-by TIME]`
pub(super) fn command(words: &Words) -> Command {
    let command = args::verb(words, "urge", "cmd-obligation-urge")
        .arg(args::option(words, "incident", "arg-incident").value_name("ID"))
        .arg(args::option(words, "reply-by", "arg-urge-reply-by").value_name("TIME").default_value("+15m"));
    filing::flags(command, words)
}

/// Runs it. Whoever is late on a line that is down is not urged: it may have done everything.
pub(super) fn act(call: &Call, given: &ArgMatches) -> Outcome {
    let reply_by_us = args::deadline(&call.words, given, "reply-by", call.now())?;
    let officer = call.officer()?;
    call.online(async |station| {
        let me = call.status(station).await?.unit;
        let owed = obligation::owed(call, station, args::text(given, "incident"), false, "").await?;
        let mut filed = Vec::new();
        for ((incident, owner), duties) in late(&owed, &me) {
            let text = text(&duties, &call.words, call.now());
            let content = Content::Directive(Directive {
                title: call.words.say("urge-title", &[("incident", visible::line(&incident).into())]),
                text: text.clone(),
                officer: officer.clone(),
                require: Stage::Completed.into(),
                order: Order::Urge.into(),
                sent: None,
            });
            let status = duties.first().map_or(Status::Unspecified, |duty| duty.status());
            let request = filing::request(call, given, Kind::Directive, status, content)?;
            let request = FileRequest { action_to: vec![owner.clone()], incident, reply_by_us, ..request };
            let answer = filing::file(call, station, request, &[]).await?;
            filed.push((owner, duties.len(), answer));
        }
        told(call, &filed);
        Ok(Exit::Done)
    })
}

/// What is overdue of others, by incident and office.
fn late<'a>(owed: &'a [ObligationView], me: &str) -> BTreeMap<(String, String), Vec<&'a ObligationView>> {
    let mut late: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for one in owed.iter().filter(|one| one.verdict() == Verdict::Overdue && one.owner != me) {
        late.entry((one.incident.clone(), one.owner.clone())).or_default().push(one);
    }
    late
}

/// A line a duty: what, since when it is due, and where the plan says so.
fn text(duties: &[&ObligationView], words: &Words, now: Timestamp) -> String {
    let line = |one: &&ObligationView| {
        let args = [
            ("duty", obligation::duty(one, words).into()),
            ("due", time::clock_and_age(one.due_us, now, words).into()),
            ("row", visible::line(&one.row).into()),
        ];
        words.say("urge-duty", &args)
    };
    duties.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn told(call: &Call, filed: &[(String, usize, Filed)]) {
    if call.json {
        let all = filed.iter().map(
            |(owner, duties, filed)| json!({ "owner": owner, "duties": duties, "filed": filing::filed_json(filed) }),
        );
        return call.object(&json!({ "schema": "zhuji.urged/1", "urged": all.collect::<Vec<_>>() }));
    }
    if filed.is_empty() {
        return call.data(&call.words.text("urge-nobody"));
    }
    let names = call.names();
    for (owner, duties, filed) in filed {
        let args = [
            ("number", visible::line(&filed.number).into()),
            ("owner", names.get(owner).into()),
            ("count", (*duties).into()),
        ];
        call.data(&call.words.say("urged", &args));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{time::tests::MORNING, words::Lang};

    fn duty(owner: &str, incident: &str, verdict: Verdict) -> ObligationView {
        ObligationView {
            row: "3.4".into(),
            what: "endorse".into(),
            owner: owner.into(),
            incident: incident.into(),
            due_us: MORNING,
            verdict: verdict.into(),
            ..Default::default()
        }
    }

    #[test]
    fn those_who_are_late_are_urged_once_an_incident_and_nobody_else_is() {
        let owed = [
            duty("420000", "R-1", Verdict::Overdue),
            duty("420000", "R-1", Verdict::Overdue),
            duty("420000", "R-2", Verdict::Overdue),
            duty("420100", "R-1", Verdict::Unknown),
            duty("350000", "R-1", Verdict::Open),
            duty("000000", "R-1", Verdict::Overdue),
        ];
        let late = late(&owed, "000000");
        let counts: Vec<_> = late.iter().map(|((incident, owner), all)| (&**incident, &**owner, all.len())).collect();
        assert_eq!(counts, [("R-1", "420000", 2), ("R-2", "420000", 1)]);
        let text = text(&late[&("R-1".into(), "420000".into())], &Words::new(Lang::Zh), Timestamp::from_us(MORNING));
        assert_eq!(text.lines().count(), 2);
        assert!(text.contains("3.4"), "{text}");
    }
}
