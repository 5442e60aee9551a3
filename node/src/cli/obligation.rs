//! `obligation`: what is owed, by whom, by when, and what closed it — the duties of the plan, incident by incident.

use std::time::Duration;

use clap::{ArgMatches, Command};
use proto::v1::{Escalation, Lateral, ObligationView, ObligationsRequest, Verdict};
use serde_json::json;

use super::{
    args,
    call::Call,
    document,
    exit::{Exit, Failure, Outcome},
    items,
    names::Names,
    table::Columns,
    terms::Listed,
    time, urge, visible,
    words::Words,
};
use crate::{desk::client::Station, io::Timestamp, limits, plan::particulars, topology::Tier};

/// `obligation ls|urge`
pub(crate) fn command(words: &Words, tier: Tier) -> Command {
    let list = args::list(words, "cmd-obligation-ls")
        .arg(args::option(words, "incident", "arg-incident").value_name("ID"))
        .arg(args::flag(words, "mine", "arg-mine"))
        .arg(args::flag(words, "all", "arg-all-obligations"));
    let command = args::noun(words, "obligation", "cmd-obligation").alias("todo").subcommand(list);
    if tier == Tier::District { command } else { command.subcommand(urge::command(words)) }
}

/// Runs one of the verbs.
pub(crate) fn act(call: &Call, given: &ArgMatches) -> Outcome {
    let given = match given.subcommand() {
        Some(("urge", given)) => return urge::act(call, given),
        Some((_, given)) => given,
        None => return Ok(Exit::Usage),
    };
    call.online(async |station| {
        let owner = if given.get_flag("mine") { call.status(station).await?.unit } else { String::new() };
        let owed = owed(call, station, args::text(given, "incident"), given.get_flag("all"), &owner).await?;
        if call.json {
            let all =
                || json!({ "schema": "zhuji.obligations/1", "obligations": owed.iter().map(json).collect::<Vec<_>>() });
            call.objects(owed.iter().map(json), all);
        } else {
            call.data(&render(&owed, &call.names(), &call.words, call.now()));
        }
        Ok(Exit::Done)
    })
}

/// What is owed because of one incident, or of all this office is not done with.
pub(crate) async fn owed(
    call: &Call,
    station: &mut Station,
    incident: Option<&str>,
    closed: bool,
    owner: &str,
) -> Result<Vec<ObligationView>, Failure> {
    let mut request = ObligationsRequest {
        incident: incident.unwrap_or_default().to_owned(),
        closed,
        owner: owner.to_owned(),
        limit: u32::try_from(limits::INCIDENTS_LISTED_MAX).unwrap_or(u32::MAX),
        ..Default::default()
    };
    let mut owed = Vec::new();
    loop {
        let page = call.answer(station.list_obligations(request.clone()).await)?;
        owed.extend(page.obligations);
        if page.next.is_empty() {
            return Ok(owed);
        }
        request.before = page.next;
    }
}

/// A line a duty, the incidents one after another.
fn render(owed: &[ObligationView], names: &Names, words: &Words, now: Timestamp) -> String {
    if owed.is_empty() {
        return format!("{}\n", words.text("obligations-none"));
    }
    let heads = ["head-due", "head-verdict", "head-owner", "head-duty", "head-row", "head-incident", "head-closed-by"];
    let mut table = Columns::new(heads.map(|key| words.text(key)));
    for one in owed {
        table.row([
            due(one, words),
            verdict(one, words, now),
            names.get(&one.owner),
            duty(one, words),
            visible::line(&one.row),
            visible::line(&one.incident),
            visible::line(&one.met_by),
        ]);
    }
    let mut text = table.render();
    let late = owed.iter().filter(|one| one.verdict() == Verdict::Overdue).count();
    if late > 0 {
        text.push_str(&format!("{}\n", words.say("obligations-overdue", &[("count", late.into())])));
    }
    text
}

pub(crate) fn due(one: &ObligationView, words: &Words) -> String {
    let clock = time::clock(one.due_us);
    match one.before_session.is_empty() {
        true => clock,
        false => {
            words.say("due-before", &[("due", clock.into()), ("session", visible::line(&one.before_session).into())])
        }
    }
}

pub(crate) fn verdict(one: &ObligationView, words: &Words, now: Timestamp) -> String {
    let by = Duration::from_micros(one.by_us.unsigned_abs());
    let args = [("by", time::about(by, words).into()), ("since", time::ago(one.silent_since_us, now, words).into())];
    let verdict = words.say(&format!("verdict-{}", one.verdict().code()), &args);
    match one.escalation() {
        Escalation::Unspecified | Escalation::DutyOfficer => verdict,
        to => format!("{verdict} → {}", to.word(words)),
    }
}

/// What is to be done, in a few words; the plan's own are in the JSON.
pub(crate) fn duty(one: &ObligationView, words: &Words) -> String {
    let args =
        [("to", one.to().word(words).into()), ("item", items::named(&particulars::word(one.item), words).into())];
    let key = match one.what.as_str() {
        "report" => "duty-report",
        "sign" => "duty-sign",
        "endorse" => "duty-endorse",
        "instruct" => "duty-instruct",
        "follow-up" => "duty-follow-up",
        "ask" => "duty-ask",
        "answer" => "duty-answer",
        "assess" => "duty-assess",
        "publish" => "duty-publish",
        "deploy" => "duty-deploy",
        "meet" => "duty-meet",
        "tell" if one.written => "duty-tell-written",
        "tell" => "duty-tell",
        "state" => "duty-state",
        // From a newer station.
        _ => return visible::line(&one.says),
    };
    words.say(key, &args)
}

pub(crate) fn json(one: &ObligationView) -> serde_json::Value {
    json!({
        "row": one.row,
        "says": one.says,
        "what": one.what,
        "to": (one.to() != Lateral::Unspecified).then(|| one.to().code()),
        "written": one.written,
        "item": (one.item != 0).then(|| particulars::word(one.item)),
        "owner": one.owner,
        "incident": one.incident,
        "incident_id": document::id(&one.incident_id),
        "because": one.because,
        "arose_at": time::rfc3339(one.arose_us),
        "due_at": time::rfc3339(one.due_us),
        "before_session": document::some(&one.before_session),
        "met_at": time::rfc3339(one.met_us),
        "met_by": document::some(&one.met_by),
        "verdict": one.verdict().code(),
        "by_seconds": one.by_us / 1_000_000,
        "escalated_to": (one.escalation() != Escalation::Unspecified).then(|| one.escalation().code()),
        "silent_since": time::rfc3339(one.silent_since_us),
        "policy": one.policy,
        "adverb": document::some(&one.adverb),
        "source": one.source,
        "status": one.status().code(),
    })
}

#[cfg(test)]
mod tests {
    use proto::v1::{Item, Lateral};

    use super::*;
    use crate::cli::{names::tests::small, time::tests::MORNING, words::Lang};

    fn tell() -> ObligationView {
        ObligationView {
            row: "4.1d".into(),
            what: "tell".into(),
            to: Lateral::Secrecy.into(),
            owner: "420100".into(),
            incident: "R-420100-0919-0001".into(),
            due_us: MORNING,
            verdict: Verdict::Overdue.into(),
            by_us: 5 * 60 * 1_000_000,
            before_session: "试卷一".into(),
            ..Default::default()
        }
    }

    #[test]
    fn a_duty_says_who_owes_what_to_whom_and_how_late_it_is() {
        for (lang, wanted) in [
            (Lang::Zh, ["通报保密部门", "已超 5 分", "试卷一"]),
            (Lang::En, ["tell the secrecy department", "overdue", "试卷一"]),
        ] {
            let words = Words::new(lang);
            let text = render(&[tell()], &small("420100", lang), &words, Timestamp::from_us(MORNING));
            for one in wanted {
                assert!(text.contains(one), "{one}: {text}");
            }
        }
    }

    #[test]
    fn what_a_newer_station_owes_is_told_in_the_words_of_the_plan() {
        let strange = ObligationView { what: "dance".into(), says: "载歌载舞\x1b[2J".into(), ..tell() };
        assert!(!duty(&strange, &Words::new(Lang::Zh)).contains('\x1b'));
        let state = ObligationView { what: "state".into(), item: Item::Spread.into(), ..tell() };
        assert!(duty(&state, &Words::new(Lang::Zh)).contains("扩散情况"));
    }
}
