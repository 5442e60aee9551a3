//! How far a directive has come with each of those it is meant for: bars for a glance, a call list for the phone.

use proto::v1::{DocumentView, RecipientView, Role, Stage};

use super::{
    document, ladder, names::Names, table::Columns, terms::Listed, time, trace, visible, wait::Verdict, words::Words,
};
use crate::io::Timestamp;

const BAR_CELLS: usize = 30;
/// From the top. A station too old to say where somebody stands leaves it out.
const TIERS: [(&str, &str); 4] =
    [("ministry", "tier-ministry"), ("province", "tier-province"), ("district", "tier-district"), ("", "tier-unknown")];
/// More names than this do not help at a glance; `--unsigned` shows all.
const NAMED_MOST: usize = 12;

/// Whether all have come as far as was asked: action addressees to the rung itself, the others at least to their disk.
pub(super) fn judged(view: &DocumentView, stage: Stage) -> Verdict {
    let awaited = |one: &RecipientView| if one.role() == Role::Action { stage } else { Stage::Delivered };
    let open = || view.recipients.iter().filter(|one| !ladder::has_reached(one, awaited(one)));
    if view.recipients.is_empty() {
        Verdict::Waiting
    } else if open().next().is_none() {
        Verdict::Reached
    } else if open().all(|one| ladder::ended(one).is_some()) {
        Verdict::Never
    } else {
        Verdict::Waiting
    }
}

/// Action addressees that have not signed yet: the call list.
pub(super) fn behind(view: &DocumentView) -> impl Iterator<Item = &RecipientView> {
    let behind = |one: &&RecipientView| one.role() == Role::Action && !ladder::has_reached(one, Stage::Signed);
    view.recipients.iter().filter(behind)
}

/// The whole: title, addressees, bars, who is behind.
pub(super) fn render_progress(view: &DocumentView, names: &Names, words: &Words, now: Timestamp) -> String {
    let count = |role| view.recipients.iter().filter(|one| one.role() == role).count();
    let args = [("action", count(Role::Action).into()), ("info", count(Role::Info).into())];
    let addressed = words.say("directive-addressed", &args);
    let mut text = format!("{}  {addressed}\n{}", trace::title(view, words), render_bars(view, words));
    let standing = document::standing_text(view, words);
    if !standing.is_empty() {
        text.push_str(&format!("  {standing}\n"));
    }
    let named: Vec<_> = behind(view).take(NAMED_MOST).map(|one| behind_text(view, one, names, words, now)).collect();
    if !named.is_empty() {
        let more = behind(view).count() - named.len();
        let mut line = words.say("directive-behind", &[("names", named.join("  ").into())]);
        if more > 0 {
            line.push_str(&words.say("directive-behind-more", &[("n", more.into())]));
        }
        text.push_str(&format!("  {line}\n"));
    }
    for one in view.recipients.iter().filter(|one| ladder::ended(one).is_some()) {
        text.push_str(&format!("  ✕ {}\n", ended_text(one, names, words)));
    }
    text
}

/// A bar a tier: who has it, and how many of those who must act have come how far.
pub(super) fn render_bars(view: &DocumentView, words: &Words) -> String {
    let wanted = ladder::wanted(view);
    let shown = |stage: &Stage| {
        wanted.contains(stage) || view.recipients.iter().any(|one| ladder::reached_at(one, *stage).is_some())
    };
    let rungs: Vec<_> = [Stage::Signed, Stage::Undertaken, Stage::Completed].into_iter().filter(shown).collect();
    let mut table = Columns::bare();
    for (tier, key) in TIERS {
        let group: Vec<_> = view.recipients.iter().filter(|one| one.tier == tier).collect();
        if group.is_empty() {
            continue;
        }
        let all = |_: &RecipientView| true;
        let delivered = group.iter().filter(|one| ladder::has_reached(one, Stage::Delivered)).count();
        let mut row = vec![words.text(key), bar(delivered, group.len()), counted(&group, Stage::Delivered, all, words)];
        row.extend(rungs.iter().map(|stage| counted(&group, *stage, |one| one.role() == Role::Action, words)));
        table.row(row);
    }
    table.render()
}

/// `3/5 签收`; nothing where nobody is asked for it.
fn counted(group: &[&RecipientView], stage: Stage, of: impl Fn(&RecipientView) -> bool, words: &Words) -> String {
    let asked: Vec<_> = group.iter().filter(|one| of(one)).collect();
    let reached = asked.iter().filter(|one| ladder::has_reached(one, stage)).count();
    if asked.is_empty() { String::new() } else { format!("{reached}/{} {}", asked.len(), stage.word(words)) }
}

/// The call list: everybody who has not signed, how far it has come, how long that has been, and whom to ring.
pub(super) fn render_behind(view: &DocumentView, names: &Names, words: &Words, now: Timestamp) -> String {
    let heads = ["head-unit", "head-state", "head-phone", "head-waiting"];
    let mut table = Columns::new(heads.map(|key| words.text(key)));
    let mut none = true;
    for one in behind(view) {
        none = false;
        let phone = Some(names.phone(&one.unit)).filter(|phone| !phone.is_empty()).unwrap_or_else(|| "–".to_owned());
        let waiting = one.waiting.as_ref().map_or_else(
            || "–".to_owned(),
            |waiting| format!("{}: {}", names.get(&waiting.peer), trace::waiting_text(waiting, words, now)),
        );
        table.row([names.get(&one.unit), state_text(view, one, names, words, now), phone, waiting]);
    }
    if none { words.text("directive-all-signed") } else { table.render() }
}

fn bar(done: usize, all: usize) -> String {
    // Full only when all of it is: rounding up would hide the last one.
    let full = (done * BAR_CELLS).checked_div(all).unwrap_or(0);
    format!("{}{}", "█".repeat(full), "░".repeat(BAR_CELLS - full))
}

fn behind_text(view: &DocumentView, one: &RecipientView, names: &Names, words: &Words, now: Timestamp) -> String {
    let args = [("name", names.get(&one.unit).into()), ("state", state_text(view, one, names, words, now).into())];
    words.say("directive-behind-one", &args)
}

/// `已送达 2 分`, `已到 湖北 6 分`, `未送达 6 分: 链路断开`
fn state_text(view: &DocumentView, one: &RecipientView, names: &Names, words: &Words, now: Timestamp) -> String {
    if let Some(stage) = ladder::ended(one) {
        return stage.word(words);
    }
    let age = |us| time::about(now.since(Timestamp::from_us(us)), words);
    if let Some(delivered) = ladder::reached_at(one, Stage::Delivered) {
        return words.say("behind-delivered", &[("span", age(delivered.at_us).into())]);
    }
    if ladder::has_reached(one, Stage::Delivered) {
        return Stage::Delivered.word(words);
    }
    if let Some(custody) = one.stages.iter().filter(|one| one.stage() == Stage::Custody).max_by_key(|one| one.at_us) {
        let args = [("name", names.get(&custody.station).into()), ("span", age(custody.at_us).into())];
        return words.say("behind-passed", &args);
    }
    let created = view.header.as_ref().and_then(|header| header.created.as_ref());
    let span = age(created.map_or(now.us(), |clock| clock.wall_us));
    let cut = one.waiting.as_ref().is_some_and(|waiting| !waiting.link_up);
    words.say(if cut { "behind-cut" } else { "behind-undelivered" }, &[("span", span.into())])
}

fn ended_text(one: &RecipientView, names: &Names, words: &Words) -> String {
    let stage = ladder::ended(one).unwrap_or(Stage::Unspecified);
    let said = one.stages.iter().find(|said| said.stage() == stage);
    let who = said.map(|said| visible::line(&said.officer)).unwrap_or_default();
    let why = said.map_or_else(String::new, |said| match said.officer.is_empty() {
        true => trace::notice_text(&said.note, names, words),
        false => visible::line(&said.note),
    });
    [names.get(&one.unit), stage.word(words), who, why]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("  ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{names::tests::small, time::tests::MORNING, words::Lang};
    use proto::v1::{
        Clock, Directive, Document, Header, Kind, Precedence, QueueState, StageView, Status, document::Content,
    };

    fn recipient(unit: &str, role: Role, stages: &[(Stage, i64)]) -> RecipientView {
        let stage = |&(stage, after): &(Stage, i64)| StageView {
            stage: stage.into(),
            at_us: MORNING + after * 1_000_000,
            station: unit.into(),
            ..Default::default()
        };
        RecipientView {
            unit: unit.into(),
            tier: if unit.ends_with("0000") { "province".into() } else { "district".into() },
            role: role.into(),
            stages: stages.iter().map(stage).collect(),
            ..Default::default()
        }
    }

    fn issued() -> DocumentView {
        let directive =
            Directive { title: "启用备用试卷".into(), require: Stage::Undertaken.into(), ..Default::default() };
        DocumentView {
            header: Some(Header {
                number: "D-000000-0919-0003".into(),
                kind: Kind::Directive.into(),
                status: Status::Exercise.into(),
                precedence: Precedence::TeJi.into(),
                created: Some(Clock { wall_us: MORNING, ..Default::default() }),
                ..Default::default()
            }),
            document: Some(Document { content: Some(Content::Directive(directive)) }),
            recipients: vec![
                recipient("420000", Role::Action, &[(Stage::Delivered, 1), (Stage::Signed, 20)]),
                recipient("420500", Role::Action, &[(Stage::Delivered, 2)]),
                recipient("422800", Role::Action, &[]),
                recipient("350000", Role::Info, &[(Stage::Delivered, 1)]),
            ],
            ..Default::default()
        }
    }

    #[test]
    fn the_duty_officer_sees_who_is_behind() {
        let view = issued();
        let now = Timestamp::from_us(MORNING + 362_000_000);
        let text = render_progress(&view, &small("000000", Lang::Zh), &Words::new(Lang::Zh), now);
        let expected = "\
D-000000-0919-0003  指示  特急  启用备用试卷(演练)  主送 3  抄送 1
 省级  ██████████████████████████████  2/2 送达  1/1 签收  0/1 承办
 考区  ███████████████░░░░░░░░░░░░░░░  1/2 送达  0/2 签收  0/2 承办
  未签收  宜昌(已送达 6 分)  恩施(未送达 6 分)
";
        assert_eq!(text, expected, "\n{text}");
        let english = render_progress(&view, &small("000000", Lang::En), &Words::new(Lang::En), now);
        assert!(english.contains("not signed: Yichang (delivered 6 min)"), "{english}");
    }

    #[test]
    fn the_call_list_says_where_it_is_and_whom_to_ring() {
        let mut view = issued();
        let parked = QueueState { peer: "420000".into(), ..Default::default() };
        view.recipients[2].waiting = Some(parked);
        let custody = StageView {
            stage: Stage::Custody.into(),
            at_us: MORNING + 2_000_000,
            station: "420000".into(),
            ..Default::default()
        };
        view.recipients[1].stages = vec![custody];
        let now = Timestamp::from_us(MORNING + 362_000_000);
        let text = render_behind(&view, &small("000000", Lang::Zh), &Words::new(Lang::Zh), now);
        let expected = " 单位  现状                  电话          在本机
 宜昌  已到 湖北 6 分        –             –
 恩施  未送达 6 分,链路断开  0718-8100000  湖北: 停放,下次: 链路恢复时
";
        assert_eq!(text, expected, "\n{text}");
    }

    #[test]
    fn all_who_must_and_nobody_else_are_waited_for() {
        let mut view = issued();
        assert_eq!(judged(&view, Stage::Signed), Verdict::Waiting);
        view.recipients.drain(1..3);
        assert_eq!(judged(&view, Stage::Signed), Verdict::Reached);
        assert_eq!(judged(&view, Stage::Undertaken), Verdict::Waiting);
        view.recipients[0] = recipient("420000", Role::Action, &[(Stage::CannotComply, 9)]);
        assert_eq!(judged(&view, Stage::Signed), Verdict::Reached);
        assert_eq!(judged(&view, Stage::Undertaken), Verdict::Never);
    }

    #[test]
    fn a_bar_is_full_only_when_all_of_it_is() {
        assert_eq!(bar(254, 255).matches('░').count(), 1);
        assert_eq!(bar(255, 255).matches('░').count(), 0);
        assert_eq!(bar(0, 0).matches('█').count(), 0);
    }
}
