use std::sync::LazyLock;

use proptest::prelude::*;
use proto::v1::{
    Assessment, Choice, Clock, Decision, Directive, Document as Body, Endorsement, Header, LateralNotice, LogEntry,
    LogMatter, Manner, Order, Passage, RecipientView, Reply, Report, Request, Role, Stage, StageView, Standing, Status,
    Subject, document::Content,
};

use super::*;
use crate::plan::policy::BUILT_IN;

/// An ordinary morning, far from any exam.
const MORNING: i64 = 1_400_000_000_000_000;
const MINUTE: i64 = 60_000_000;

static POLICY: LazyLock<Arc<Policy>> = LazyLock::new(|| Arc::new(Policy::parse(BUILT_IN).unwrap()));

fn tree() -> Topology {
    let text = include_str!("../../../../deploy/topology/demo.toml");
    Topology::parse(text).unwrap()
}

fn unit(text: &str) -> Unit {
    Unit::parse(text).unwrap()
}

fn minutes(n: u64) -> Duration {
    Duration::from_secs(60 * n)
}

/// One document of an incident, filed so many minutes after the morning.
fn document(serial: u8, origin: &str, kind: Kind, minute: i64, content: Content) -> DocumentView {
    let destination = if origin == "000000" { "420100" } else { "000000" };
    DocumentView {
        id: vec![serial; 16].into(),
        header: Some(Header {
            id: vec![serial; 16].into(),
            number: format!("X-{origin}-{serial:04}"),
            origin: origin.into(),
            destination: destination.into(),
            kind: kind.into(),
            status: Status::Actual.into(),
            position: serial.into(),
            created: Some(Clock { wall_us: MORNING + minute * MINUTE, ..Default::default() }),
            policy: POLICY.version.clone(),
            ..Default::default()
        }),
        document: Some(Body { content: Some(content) }),
        ..Default::default()
    }
}

fn said(item: Item, value: Value) -> Particular {
    Particular { item: item.into(), value: Some(value), as_of_us: MORNING, source: "张三".into() }
}

fn is(item: Item, choice: Choice) -> Particular {
    said(item, Value::Choice(choice.into()))
}

/// A 首报 of 420100, of something known at the morning's beginning and filed after five minutes, which the province had a
/// minute and the ministry two minutes later.
fn first(category: Category, particulars: Vec<Particular>) -> DocumentView {
    let report = Report {
        occurred_at_us: MORNING - 30 * MINUTE,
        known_at_us: MORNING,
        category: category.into(),
        particulars,
        ..Default::default()
    };
    let view = document(1, "420100", Kind::InitialReport, 5, Content::Report(report));
    let passed = |station: &str, minute| Passage {
        station: station.into(),
        arrived_us: MORNING + minute * MINUTE,
        ..Default::default()
    };
    DocumentView { passages: vec![passed("420100", 5), passed("420000", 6), passed("000000", 7)], ..view }
}

fn follow_up(serial: u8, minute: i64, particulars: Vec<Particular>) -> DocumentView {
    let report = Report { particulars, ..Default::default() };
    document(serial, "420100", Kind::FollowUpReport, minute, Content::Report(report))
}

fn notice(serial: u8, origin: &str, to: Lateral, manner: Manner, minute: i64) -> DocumentView {
    let notice = LateralNotice {
        to: to.into(),
        manner: manner.into(),
        told_at_us: MORNING + minute * MINUTE,
        ..Default::default()
    };
    document(serial, origin, Kind::LateralNotice, minute + 1, Content::LateralNotice(notice))
}

fn signed(view: DocumentView, by: &[(&str, &str, i64)]) -> DocumentView {
    let stages = by.iter().map(|(station, officer, minute)| StageView {
        stage: Stage::Signed.into(),
        station: (*station).into(),
        officer: (*officer).into(),
        at_us: MORNING + minute * MINUTE,
        ..Default::default()
    });
    let recipient = RecipientView { unit: "000000".into(), stages: stages.collect(), ..Default::default() };
    DocumentView { recipients: vec![recipient], ..view }
}

fn exercise(mut view: DocumentView) -> DocumentView {
    view.header.as_mut().unwrap().status = Status::Exercise.into();
    view
}

fn owed(documents: &[DocumentView]) -> Vec<Obligation> {
    owed_at("000000", documents)
}

fn owed_at(me: &str, documents: &[DocumentView]) -> Vec<Obligation> {
    of(documents, &unit(me), &tree(), &|version| (version == POLICY.version).then(|| POLICY.clone()))
}

fn find(owed: &[Obligation], owner: &str, what: What) -> Option<Obligation> {
    owed.iter().find(|one| one.owner == unit(owner) && one.rule.what == what).cloned()
}

fn the(documents: &[DocumentView], owner: &str, what: What) -> Obligation {
    find(&owed(documents), owner, what).unwrap_or_else(|| panic!("{owner} does not owe {what:?}"))
}

fn tell(to: Lateral) -> What {
    What::Tell { to, written: false }
}

/// Minutes between the morning and when it is due.
fn due(one: &Obligation) -> i64 {
    (one.due.at.us() - MORNING) / MINUTE
}

fn verdict(one: &Obligation, minute: i64) -> Verdict {
    one.verdict(Timestamp::from_us(MORNING + minute * MINUTE), None)
}

#[test]
fn row_3_1e_in_part_a_report_is_owed_from_the_moment_it_was_known() {
    let report = the(&[first(Category::Other, Vec::new())], "420100", What::Report);
    assert_eq!((due(&report), verdict(&report, 60)), (15, Verdict::Done), "filed after five minutes");
    let mut late = first(Category::Other, Vec::new());
    late.header.as_mut().unwrap().created = Some(Clock { wall_us: MORNING + 40 * MINUTE, ..Default::default() });
    assert_eq!(verdict(&the(&[late], "420100", What::Report), 60), Verdict::Late(minutes(25)));
}

/// 3.2 and 3.4, and the first of the sharp requirements: nobody answers for the time a line took.
#[test]
fn row_3_4_in_part_the_province_owes_a_recommendation_from_when_it_had_the_report() {
    // The line was cut for three hours right after the district had filed.
    let mut slow = first(Category::Other, Vec::new());
    slow.passages[1].arrived_us = MORNING + 185 * MINUTE;
    slow.passages[2].arrived_us = MORNING + 186 * MINUTE;
    let slow = signed(slow, &[("420000", "王五", 190)]);
    let said = Endorsement { recommendation: "启用备用卷".into(), ..Default::default() };
    let said = document(2, "420000", Kind::Endorsement, 200, Content::Endorsement(said));
    let documents = [slow, said];
    assert_eq!(verdict(&the(&documents, "420100", What::Report), 300), Verdict::Done);
    assert_eq!(verdict(&the(&documents, "420000", What::Sign), 300), Verdict::Done);
    assert_eq!(verdict(&the(&documents, "420000", What::Endorse), 300), Verdict::Done);
}

#[test]
fn a_recommendation_that_is_still_to_come_stays_owed() {
    let pending = Endorsement { verified: Choice::Confirmed.into(), ..Default::default() };
    let pending = document(2, "420000", Kind::Endorsement, 8, Content::Endorsement(pending));
    let documents = [first(Category::Other, Vec::new()), pending];
    assert_eq!(the(&documents, "420000", What::Endorse).met, None);
}

#[test]
fn row_3_2_in_part_somebody_by_name_signs_for_a_report_at_each_level() {
    let documents = [signed(first(Category::Other, Vec::new()), &[("420000", "王五", 10), ("420000", "赵六", 12)])];
    let province = the(&documents, "420000", What::Sign);
    assert_eq!(province.met.as_ref().unwrap().by, "王五");
    let ministry = the(&documents, "000000", What::Sign);
    assert_eq!((ministry.met.clone(), due(&ministry)), (None, 22), "fifteen minutes after the ministry had it");
    assert_eq!(verdict(&ministry, 23), Verdict::Overdue(minutes(1)));
}

#[test]
fn row_3_8_in_part_the_ministry_owes_an_instruction() {
    let report = first(Category::Other, Vec::new());
    assert_eq!(the(std::slice::from_ref(&report), "000000", What::Instruct).met, None);
    let directive = document(0, "000000", Kind::Directive, 12, Content::Directive(Directive::default()));
    let met = the(&[directive, report], "000000", What::Instruct);
    assert_eq!(verdict(&met, 99), Verdict::Done);
    assert_eq!(met.met.unwrap().by, "X-000000-0000");
}

/// What a province owes as it sees it itself.
fn at_province(documents: &[DocumentView], what: What) -> Option<Obligation> {
    find(&owed_at("420000", documents), "420000", what)
}

/// 4.1g: the province sends people of its own, together with the secrecy department, once papers may have leaked.
#[test]
fn row_4_1g_in_part_the_province_sends_people_once_papers_may_have_leaked() {
    let report = first(Category::PaperSecurity, Vec::new());
    let open = at_province(std::slice::from_ref(&report), What::Deploy).unwrap();
    assert_eq!(due(&open), 36, "from when it had the report");
    assert_eq!(at_province(&[first(Category::Epidemic, Vec::new())], What::Deploy), None);
    let order = |order: Order| Directive { order: order.into(), ..Default::default() };
    let sent = |sort| document(0, "420000", Kind::Directive, 12, Content::Directive(order(sort)));
    let guided = [report.clone(), sent(Order::Guidance)];
    assert_eq!(at_province(&guided, What::Deploy).unwrap().met, None, "advice sends nobody");
    let sent = at_province(&[report.clone(), sent(Order::Deployment)], What::Deploy).unwrap();
    assert_eq!(verdict(&sent, 99), Verdict::Done);
    assert_eq!(find(&owed(&[report]), "420000", What::Deploy), None, "the ministry does not see whom a province sends");
}

fn logged(owner: &str, entry: LogEntry) -> DocumentView {
    document(0, owner, Kind::LogEntry, 20, Content::LogEntry(entry))
}

fn declined(what: &str) -> LogEntry {
    LogEntry { matter: LogMatter::Declined.into(), declined: what.into(), ..Default::default() }
}

/// 3.9: where it may be necessary the ministry meets, or writes down why it does not.
#[test]
fn row_3_9_in_part_the_ministry_meets_or_says_why_it_does_not() {
    let mut report = first(Category::PaperSecurity, Vec::new());
    assert_eq!(find(&owed(std::slice::from_ref(&report)), "000000", What::Meet), None, "not for everything");
    let body = report.document.as_mut().and_then(|document| document.content.as_mut());
    if let Some(Content::Report(said)) = body {
        said.grade = Grade::Ii.into();
    }
    let open = the(std::slice::from_ref(&report), "000000", What::Meet);
    assert_eq!((due(&open), open.met), (67, None));
    let meeting = LogEntry { matter: LogMatter::Meeting.into(), ..Default::default() };
    for answer in [meeting, declined("meet")] {
        let documents = [report.clone(), logged("000000", answer)];
        assert_eq!(verdict(&the(&documents, "000000", What::Meet), 99), Verdict::Done);
    }
    for other in [logged("420000", declined("meet")), logged("000000", declined("deploy"))] {
        assert_eq!(
            the(&[report.clone(), other], "000000", What::Meet).met,
            None,
            "another's word, or about another thing"
        );
    }
}

/// 4.3e: the province may send people; that it does not is said, with the reason.
#[test]
fn row_4_3e_in_part_the_province_sends_people_or_says_why_it_does_not() {
    let report = first(Category::Discipline, Vec::new());
    assert_eq!(at_province(std::slice::from_ref(&report), What::Deploy).unwrap().met, None);
    let said = at_province(&[report, logged("420000", declined("deploy"))], What::Deploy).unwrap();
    assert_eq!(verdict(&said, 99), Verdict::Done);
    // What has to be done cannot be declined.
    let documents = [first(Category::PaperSecurity, Vec::new()), logged("420000", declined("deploy"))];
    assert_eq!(at_province(&documents, What::Deploy).unwrap().met, None);
}

/// 5.1a: those at the place owe the candidates a notice from when they had it, or it takes effect; who else is to know,
/// owes nothing.
#[test]
fn row_5_1a_in_part_a_notice_to_candidates_is_put_up_in_time() {
    let decision = |effective| Decision {
        subject: Subject::Notify.into(),
        effective_at_us: if effective == 0 { 0 } else { MORNING + effective * MINUTE },
        ..Default::default()
    };
    let noticed = |effective, done: Option<i64>| {
        let view = document(0, "000000", Kind::Decision, 20, Content::Decision(decision(effective)));
        let at = |stage: Stage, minute: i64| StageView {
            stage: stage.into(),
            station: "420100".into(),
            officer: "张三".into(),
            at_us: MORNING + minute * MINUTE,
            ..Default::default()
        };
        let mut stages = vec![at(Stage::Delivered, 21)];
        stages.extend(done.map(|minute| at(Stage::Completed, minute)));
        let recipient = |unit: &str, role: Role, stages| RecipientView {
            unit: unit.into(),
            role: role.into(),
            stages,
            ..Default::default()
        };
        let recipients = vec![recipient("420100", Role::Action, stages), recipient("420000", Role::Info, Vec::new())];
        [DocumentView { recipients, ..view }, first(Category::NaturalDisaster, Vec::new())]
    };
    let open = the(&noticed(0, None), "420100", What::Publish);
    assert_eq!((due(&open), verdict(&open, 60)), (51, Verdict::Overdue(minutes(9))));
    assert_eq!(verdict(&the(&noticed(0, Some(40)), "420100", What::Publish), 99), Verdict::Done);
    assert_eq!(due(&the(&noticed(60, None), "420100", What::Publish)), 90, "from when it takes effect");
    assert_eq!(find(&owed(&noticed(0, None)), "420000", What::Publish), None);
}

/// 4.1d: three ways to tell at once, and the day the law gives for the letter.
#[test]
fn row_4_1d_papers_that_may_have_leaked_are_told_to_three_at_once_and_in_writing_within_a_day() {
    let mut documents = vec![first(Category::PaperSecurity, Vec::new())];
    for to in [Lateral::Secrecy, Lateral::PublicSecurity] {
        assert_eq!(due(&the(&documents, "420100", tell(to))), 30, "{to:?}: from when it was known");
    }
    let letter = What::Tell { to: Lateral::Secrecy, written: true };
    assert_eq!(due(&the(&documents, "420100", letter)), 24 * 60);
    documents.push(notice(2, "420100", Lateral::Secrecy, Manner::Phone, 8));
    documents.push(notice(3, "420100", Lateral::PublicSecurity, Manner::InPerson, 45));
    assert_eq!(verdict(&the(&documents, "420100", tell(Lateral::Secrecy)), 99), Verdict::Done);
    assert_eq!(
        verdict(&the(&documents, "420100", tell(Lateral::PublicSecurity)), 99),
        Verdict::Late(minutes(15)),
        "when they were told counts, not when it was written down"
    );
    assert_eq!(the(&documents, "420100", letter).met, None, "a call is no letter");
    documents.push(notice(4, "420100", Lateral::Secrecy, Manner::Written, 600));
    assert_eq!(verdict(&the(&documents, "420100", letter), 9999), Verdict::Done);
}

#[test]
fn row_4_1e_in_part_how_far_it_spread_is_owed_until_somebody_knows() {
    let documents = [
        first(Category::PaperSecurity, vec![is(Item::Spread, Choice::Unknown)]),
        follow_up(2, 15, vec![is(Item::Spread, Choice::Suspected)]),
    ];
    let spread = What::State(Item::Spread);
    assert_eq!(the(&documents, "420100", spread).met, None, "\"possibly\" is not an answer");
    let [a, b] = documents;
    let known = [a, b, follow_up(3, 25, vec![is(Item::Spread, Choice::NotSpread)])];
    assert_eq!(verdict(&the(&known, "420100", spread), 99), Verdict::Done);
}

#[test]
fn row_4_1c_in_part_the_bags_are_to_be_counted_at_once() {
    let bags = the(&[first(Category::PaperSecurity, Vec::new())], "420100", What::State(Item::Bags));
    assert_eq!(due(&bags), 10);
}

#[test]
fn row_4_1f_in_part_the_province_joins_the_police_once_it_may_have_spread() {
    let police = tell(Lateral::PublicSecurity);
    let at_once = [first(Category::PaperSecurity, Vec::new())];
    assert_eq!(find(&owed(&at_once), "420000", police), None);
    let [report] = at_once;
    let mut spread = follow_up(2, 20, vec![is(Item::Spread, Choice::Suspected)]);
    spread.passages =
        vec![Passage { station: "420000".into(), arrived_us: MORNING + 21 * MINUTE, ..Default::default() }];
    let one = the(&[report, spread], "420000", police);
    assert_eq!((one.because.as_str(), due(&one)), ("X-420100-0002", 31));
}

#[test]
fn row_4_2d_in_part_violence_calls_the_police_and_the_hurt_a_doctor() {
    let quiet = [first(Category::RoomOrder, vec![is(Item::Disorder, Choice::Dispute)])];
    assert_eq!(find(&owed(&quiet), "420100", tell(Lateral::PublicSecurity)), None);
    let loud =
        [first(Category::RoomOrder, vec![is(Item::Disorder, Choice::Violence), said(Item::Injured, Value::Count(2))])];
    assert_eq!(due(&the(&loud, "420100", tell(Lateral::PublicSecurity))), 10);
    assert_eq!(due(&the(&loud, "420100", tell(Lateral::Health))), 30);
    let unhurt = [first(Category::RoomOrder, vec![said(Item::Injured, Value::Count(0))])];
    assert_eq!(find(&owed(&unhurt), "420100", tell(Lateral::Health)), None);
}

#[test]
fn row_4_2e_in_part_the_province_tells_its_government_and_asks_the_ministry() {
    let mut documents = vec![first(Category::RoomOrder, Vec::new())];
    assert_eq!(due(&the(&documents, "420000", tell(Lateral::PartyGov))), 16);
    assert_eq!(find(&owed(&documents), "420100", tell(Lateral::PartyGov)), None, "the province's, not the district's");
    let theirs = Content::Request(Request::default());
    documents.push(document(2, "420100", Kind::RequestForInstructions, 9, theirs.clone()));
    assert_eq!(the(&documents, "420000", What::Ask).met, None, "the district's question is not the province's");
    documents.push(document(3, "420000", Kind::RequestForInstructions, 12, theirs));
    assert_eq!(verdict(&the(&documents, "420000", What::Ask), 99), Verdict::Done);
}

/// 请示 is not 报告: it closes with its own 批复, and sooner if it has to.
#[test]
fn every_request_is_owed_an_answer_of_its_own_by_when_it_is_needed() {
    let ask = |serial, needed: i64| {
        let mut view =
            document(serial, "420100", Kind::RequestForInstructions, 10, Content::Request(Request::default()));
        view.header.as_mut().unwrap().reply_by_us = MORNING + needed * MINUTE;
        view.passages =
            vec![Passage { station: "000000".into(), arrived_us: MORNING + 12 * MINUTE, ..Default::default() }];
        view
    };
    let mut reply = document(9, "000000", Kind::Denial, 14, Content::Reply(Reply::default()));
    reply.header.as_mut().unwrap().references = vec![vec![2; 16].into()];
    let all = owed(&[first(Category::Other, Vec::new()), ask(2, 20), ask(3, 600), reply]);
    let answers: Vec<_> = all.iter().filter(|one| one.rule.what == What::Answer).collect();
    let seen: Vec<_> = answers.iter().map(|one| (one.because.as_str(), due(one), one.met.is_some())).collect();
    assert_eq!(seen, [("X-420100-0002", 20, true), ("X-420100-0003", 27, false)]);
}

/// What was done, as of so many minutes after the morning.
fn done(item: Item, minute: i64) -> Particular {
    Particular { as_of_us: MORNING + minute * MINUTE, ..said(item, Value::Text("已处置".into())) }
}

/// A point is owed so many minutes after the morning, and a report that states it closes it.
#[track_caller]
fn owes_to_state(category: Category, beginning: Vec<Particular>, item: Item, within: i64, answer: Value) {
    let report = first(category, beginning);
    let one = the(std::slice::from_ref(&report), "420100", What::State(item));
    assert_eq!((due(&one), one.met), (within, None), "{item:?}");
    let met = the(&[report, follow_up(2, within - 1, vec![said(item, answer)])], "420100", What::State(item));
    assert_eq!(verdict(&met, 999), Verdict::Done, "{item:?}");
}

fn words() -> Value {
    Value::Text("已处置".into())
}

#[track_caller]
fn owes_no(category: Category, beginning: Vec<Particular>, item: Item) {
    assert_eq!(find(&owed(&[first(category, beginning)]), "420100", What::State(item)), None, "{item:?}");
}

#[test]
fn what_was_done_counts_from_when_it_was_done_and_not_from_when_it_was_written() {
    let report = first(Category::Accident, Vec::new());
    let scene = What::State(Item::SceneControlled);
    let [early, late] = [4, 40].map(|minute| follow_up(2, 50, vec![done(Item::SceneControlled, minute)]));
    assert_eq!(verdict(&the(&[report.clone(), early], "420100", scene), 99), Verdict::Done);
    assert_eq!(verdict(&the(&[report.clone(), late], "420100", scene), 99), Verdict::Late(minutes(30)));
    let tomorrow = follow_up(2, 50, vec![done(Item::SceneControlled, 5000)]);
    assert_eq!(
        the(&[report, tomorrow], "420100", scene).met.unwrap().at.us(),
        MORNING + 50 * MINUTE,
        "not yet to come"
    );
}

#[test]
fn row_3_1a_in_part_the_scene_is_to_be_controlled_at_once() {
    owes_to_state(Category::Accident, Vec::new(), Item::SceneControlled, 10, words());
    owes_no(Category::InfoSecurity, Vec::new(), Item::SceneControlled);
}

#[test]
fn row_3_1b_in_part_evidence_is_to_be_kept_whatever_happened() {
    for category in [Category::PaperSecurity, Category::InfoSecurity, Category::Other] {
        owes_to_state(category, Vec::new(), Item::EvidenceKept, 10, words());
    }
}

#[test]
fn row_3_1c_in_part_secrets_are_to_be_contained_once_papers_are_lost() {
    let lost = || vec![is(Item::Papers, Choice::Lost)];
    owes_to_state(Category::NaturalDisaster, lost(), Item::Contained, 10, words());
    owes_no(Category::NaturalDisaster, vec![is(Item::Papers, Choice::Safe)], Item::Contained);
}

#[test]
fn row_3_1f_in_part_the_public_is_to_be_guided() {
    owes_to_state(Category::PublicOpinion, Vec::new(), Item::PublicGuided, 30, words());
}

#[test]
fn row_4_1a_in_part_secrets_are_contained_first_of_all() {
    owes_to_state(Category::PaperSecurity, Vec::new(), Item::Contained, 10, words());
}

#[test]
fn row_4_1b_in_part_it_is_to_be_said_where_the_papers_were() {
    let transport = Value::Choice(Choice::Transport.into());
    owes_to_state(Category::PaperSecurity, Vec::new(), Item::CustodyStep, 10, transport);
}

#[test]
fn row_4_2a_in_part_it_is_to_be_said_how_the_exam_goes_on() {
    owes_to_state(Category::RoomOrder, Vec::new(), Item::Holding, 30, Value::Choice(Choice::Normal.into()));
}

#[test]
fn row_4_2b_in_part_people_are_to_be_calmed() {
    owes_to_state(Category::RoomOrder, Vec::new(), Item::Calmed, 30, words());
}

#[test]
fn row_4_2c_in_part_agitators_are_to_be_dealt_with_where_there_are_some() {
    owes_to_state(Category::RoomOrder, vec![is(Item::Disorder, Choice::Incitement)], Item::Agitators, 30, words());
    owes_no(Category::RoomOrder, vec![is(Item::Disorder, Choice::Dispute)], Item::Agitators);
}

#[test]
fn row_4_3b_in_part_cheating_is_to_be_stopped() {
    owes_to_state(Category::Discipline, Vec::new(), Item::CheatingStopped, 30, words());
}

#[test]
fn row_4_3c_in_part_those_who_cheated_are_to_be_dealt_with() {
    owes_to_state(Category::Discipline, Vec::new(), Item::Cheaters, 30, words());
}

#[test]
fn row_4_4a_in_part_the_warning_of_the_weather_service_is_to_be_told() {
    owes_to_state(Category::NaturalDisaster, Vec::new(), Item::WarningLevel, 30, Value::Choice(Choice::Red.into()));
}

#[test]
fn row_4_4d_in_part_candidates_are_told_and_sheltered_once_the_exam_was_halted() {
    let halted = || vec![is(Item::Holding, Choice::Halted)];
    owes_to_state(Category::NaturalDisaster, halted(), Item::CandidatesTold, 15, words());
    owes_to_state(Category::NaturalDisaster, halted(), Item::Sheltered, 15, words());
    owes_no(Category::NaturalDisaster, vec![is(Item::Holding, Choice::Normal)], Item::CandidatesTold);
}

#[test]
fn row_4_5a_in_part_the_ill_are_to_be_isolated() {
    owes_to_state(Category::Epidemic, Vec::new(), Item::Isolated, 30, Value::Count(3));
}

#[test]
fn row_4_5c_in_part_the_province_says_what_it_advises_in_an_epidemic() {
    let documents = [first(Category::Epidemic, Vec::new())];
    assert_eq!(due(&the(&documents, "420000", What::Endorse)), 36, "half an hour after it had the report");
}

#[test]
fn row_4_7b_in_part_a_system_that_fails_is_reported_at_every_level() {
    let documents = [first(Category::InfoSecurity, vec![is(Item::Symptom, Choice::Outage)])];
    assert_eq!(due(&the(&documents, "420100", What::Report)), 15);
    for above in ["420000", "000000"] {
        assert_eq!(the(&documents, above, What::Sign).met, None, "{above}");
    }
}

#[test]
fn row_4_7c_in_part_the_ministry_owes_measures_when_a_system_fails() {
    let documents = [first(Category::InfoSecurity, vec![is(Item::Symptom, Choice::DataTheft)])];
    assert_eq!(due(&the(&documents, "000000", What::Instruct)), 22, "a quarter of an hour after it knew");
}

/// 4.8a: clues are taken up on any day of the year; no exam has to be near.
#[test]
fn row_4_8a_in_part_a_clue_is_taken_up_on_any_day() {
    let nature = the(&[first(Category::PublicOpinion, Vec::new())], "420100", What::State(Item::ClueNature));
    assert_eq!((due(&nature), &nature.due.before), (30, &None), "by its own limit, not by an exam's");
}

#[test]
fn row_4_8c_in_part_the_nature_of_a_rumour_is_to_be_judged() {
    let gathering = Value::Choice(Choice::Gathering.into());
    owes_to_state(Category::PublicOpinion, Vec::new(), Item::ClueNature, 30, gathering);
}

#[test]
fn row_4_8e_in_part_its_source_is_to_be_traced_and_the_evidence_kept() {
    owes_to_state(Category::PublicOpinion, Vec::new(), Item::SourceTraced, 15, words());
    owes_to_state(Category::PublicOpinion, Vec::new(), Item::Link, 15, words());
}

/// Three items with their times, each of them closed by itself.
#[test]
fn row_5_2a_the_scene_is_closed_nobody_comes_in_and_nothing_gets_out() {
    let all = [Item::SceneClosed, Item::EntryBarred, Item::Contained];
    let report = first(Category::PaperSecurity, Vec::new());
    for item in all {
        let some = follow_up(2, 20, vec![done(item, 9)]);
        let one = the(&[report.clone(), some.clone()], "420100", What::State(item));
        assert_eq!(one.met.unwrap().at.us(), MORNING + 9 * MINUTE, "{item:?}");
        let others = all.iter().filter(|other| **other != item);
        let open = |other: &Item| the(&[report.clone(), some.clone()], "420100", What::State(*other)).met.is_none();
        assert!(others.copied().all(|other| open(&other)), "{item:?} closes only itself");
    }
}

#[test]
fn row_5_2b_in_part_those_who_play_it_up_are_to_be_countered() {
    owes_to_state(Category::PublicOpinion, Vec::new(), Item::RumourCountered, 30, words());
}

#[test]
fn row_4_3d_cheating_is_told_to_the_police_and_the_telecom_authority_in_parallel() {
    let documents = [first(Category::Discipline, vec![is(Item::Channel, Choice::Radio)])];
    assert_eq!(due(&the(&documents, "420100", tell(Lateral::PublicSecurity))), 10);
    assert_eq!(due(&the(&documents, "420100", tell(Lateral::Telecom))), 10);
    let by_note = [first(Category::Discipline, Vec::new())];
    assert_eq!(find(&owed(&by_note), "420100", tell(Lateral::Telecom)), None, "nothing to trace");
}

#[test]
fn row_4_4c_in_part_a_disaster_is_talked_over_with_those_who_warn_of_it() {
    assert_eq!(due(&the(&[first(Category::NaturalDisaster, Vec::new())], "420100", tell(Lateral::Meteo))), 30);
}

#[test]
fn row_4_4e_in_part_papers_lost_in_a_disaster_are_told_to_the_secrecy_department() {
    let lost = [first(Category::NaturalDisaster, vec![is(Item::Papers, Choice::Lost)])];
    the(&lost, "420100", tell(Lateral::Secrecy));
    let safe = [first(Category::NaturalDisaster, vec![is(Item::Papers, Choice::Safe)])];
    assert_eq!(find(&owed(&safe), "420100", tell(Lateral::Secrecy)), None);
    assert!(the(&safe, "420100", What::State(Item::Papers)).met.is_some());
}

#[test]
fn row_4_4f_in_part_a_disaster_asks_for_instructions_at_once() {
    assert_eq!(due(&the(&[first(Category::NaturalDisaster, Vec::new())], "420100", What::Ask)), 10);
}

#[test]
fn row_4_5b_in_part_verifying_an_epidemic_is_owed_and_holds_up_no_report() {
    let documents = [first(Category::Epidemic, vec![is(Item::Verified, Choice::Unverified)])];
    assert_eq!(due(&the(&documents, "420100", tell(Lateral::Health))), 10);
    assert_eq!(the(&documents, "420100", What::State(Item::Verified)).met, None);
    assert_eq!(verdict(&the(&documents, "420100", What::Report), 99), Verdict::Done);
}

#[test]
fn row_4_6c_in_part_a_fire_calls_the_fire_service_and_poison_a_doctor() {
    let fire = [first(Category::Accident, vec![is(Item::Accident, Choice::Fire)])];
    the(&fire, "420100", tell(Lateral::Fire));
    assert_eq!(find(&owed(&fire), "420100", tell(Lateral::Health)), None);
    the(&[first(Category::Accident, vec![is(Item::Accident, Choice::Poisoning)])], "420100", tell(Lateral::Health));
}

#[test]
fn row_4_6d_in_part_candidates_let_go_early_are_briefed() {
    let halted = [first(Category::Accident, vec![is(Item::Holding, Choice::Halted)])];
    assert_eq!(due(&the(&halted, "420100", What::State(Item::Briefed))), 10);
    let goes_on = [first(Category::Accident, vec![is(Item::Holding, Choice::Normal)])];
    assert_eq!(find(&owed(&goes_on), "420100", What::State(Item::Briefed)), None);
}

#[test]
fn row_4_6e_in_part_an_accident_is_told_to_the_government_and_asks_for_instructions() {
    let documents = [first(Category::Accident, Vec::new())];
    assert_eq!(due(&the(&documents, "420100", tell(Lateral::PartyGov))), 10);
    assert_eq!(due(&the(&documents, "420100", What::Ask)), 10);
}

#[test]
fn row_4_7d_in_part_the_cause_of_a_breakdown_is_owed() {
    let documents = [first(Category::InfoSecurity, vec![is(Item::Cause, Choice::Unknown)])];
    assert_eq!(the(&documents, "420100", What::State(Item::Cause)).met, None);
}

#[test]
fn row_4_7g_in_part_sabotage_is_told_to_the_police() {
    let police = tell(Lateral::PublicSecurity);
    let unknown = [first(Category::InfoSecurity, Vec::new())];
    assert_eq!(find(&owed(&unknown), "420100", police), None);
    let [report] = unknown;
    let documents = [report, follow_up(2, 60, vec![is(Item::Cause, Choice::Sabotage)])];
    assert_eq!(due(&the(&documents, "420100", police)), 90, "from when it became known");
}

#[test]
fn row_4_8d_in_part_harmful_information_is_taken_up_with_the_police() {
    the(&[first(Category::PublicOpinion, Vec::new())], "420100", tell(Lateral::PublicSecurity));
}

#[test]
fn row_5_2c_in_part_a_rumour_that_shows_the_paper_is_a_leak() {
    let shows = [first(Category::PublicOpinion, vec![is(Item::ShowsContent, Choice::Yes)])];
    the(&shows, "420100", tell(Lateral::Secrecy));
    let talk = [first(Category::PublicOpinion, vec![is(Item::ShowsContent, Choice::No)])];
    assert_eq!(find(&owed(&talk), "420100", tell(Lateral::Secrecy)), None);
}

#[test]
fn row_1_10_in_part_the_local_government_is_told_beside_the_office_above() {
    let documents = [first(Category::Epidemic, Vec::new())];
    let local = the(&documents, "420100", tell(Lateral::PartyGov));
    assert_eq!((due(&local), local.rule.row.as_str()), (30, "1.10"));
}

#[test]
fn row_1_14_in_part_each_level_owes_an_assessment_once_it_is_over() {
    let report = first(Category::Other, Vec::new());
    assert_eq!(find(&owed(std::slice::from_ref(&report)), "420100", What::Assess), None, "not while it goes on");
    let mut end = document(2, "420100", Kind::FinalReport, 100, Content::Report(Report::default()));
    end.passages = report.passages.clone();
    let documents =
        [report, end, document(3, "420100", Kind::Assessment, 200, Content::Assessment(Assessment::default()))];
    assert!(the(&documents, "420100", What::Assess).met.is_some());
    assert_eq!(the(&documents, "420000", What::Assess).met, None);
    assert_eq!(find(&owed(&documents), "420100", What::FollowUp), None, "nothing follows a final report");
}

#[test]
fn row_3_11_in_part_the_ministry_owes_one_too() {
    let mut end = document(2, "420100", Kind::FinalReport, 100, Content::Report(Report::default()));
    end.passages = first(Category::Other, Vec::new()).passages;
    let one = the(&[first(Category::Other, Vec::new()), end], "000000", What::Assess);
    assert_eq!(one.rule.row, "3.11");
}

#[test]
fn row_3_6_in_part_beats_that_were_missed_are_listed_and_the_next_is_owed() {
    let graded = |mut view: DocumentView, grade: Grade| {
        if let Some(Content::Report(report)) = view.document.as_mut().and_then(|body| body.content.as_mut()) {
            report.grade = grade.into();
        }
        view
    };
    let documents = [
        graded(first(Category::Other, Vec::new()), Grade::Ii),
        follow_up(2, 20, Vec::new()),
        follow_up(3, 65, Vec::new()),
    ];
    let beats: Vec<_> = owed(&documents).into_iter().filter(|one| one.rule.what == What::FollowUp).collect();
    assert_eq!(beats.len(), 2, "the one in time is no news");
    assert_eq!(verdict(&beats[0], 70), Verdict::Late(minutes(15)));
    assert_eq!((due(&beats[1]), verdict(&beats[1], 70)), (95, Verdict::Open(minutes(25))));
}

/// 5.1b: there is no way to tell the police of a drill, neither as a duty nor as a document.
#[test]
fn row_5_1b_in_part_nobody_outside_is_owed_a_word_about_an_exercise() {
    let documents = [exercise(first(Category::PaperSecurity, Vec::new()))];
    assert!(owed(&documents).iter().all(|one| !matches!(one.rule.what, What::Tell { .. })));
    assert!(find(&owed(&documents), "420000", What::Endorse).is_some(), "the chain itself is exercised");
    let [drill] = documents;
    assert!(crate::plan::lateral::Real::of(drill.header.as_ref().unwrap()).is_none());
}

#[test]
fn evidence_that_was_taken_back_closes_nothing() {
    let told = notice(2, "420100", Lateral::Secrecy, Manner::Phone, 8);
    let taken_back = DocumentView { standing: Standing::Cancelled.into(), ..told };
    let documents = [first(Category::PaperSecurity, Vec::new()), taken_back];
    assert_eq!(the(&documents, "420100", tell(Lateral::Secrecy)).met, None);
    let [report, _] = documents;
    let void = DocumentView { standing: Standing::Cancelled.into(), ..report };
    assert_eq!(owed(&[void]), [], "nothing is owed because of a report that was cancelled");
}

/// The line is down: what was done there cannot be known here, and is not held against anybody.
#[test]
fn row_6_4_in_part_a_dead_line_is_not_a_lazy_officer() {
    let one = the(&[first(Category::PaperSecurity, Vec::new())], "420100", tell(Lateral::Secrecy));
    let at = |minute: i64| Timestamp::from_us(MORNING + minute * MINUTE);
    assert_eq!(one.verdict(at(60), Some(at(20))), Verdict::Unknown(at(20)));
    assert_eq!(one.verdict(at(60), Some(at(40))), Verdict::Overdue(minutes(30)), "it was due before the line broke");
    assert_eq!(one.verdict(at(25), Some(at(20))), Verdict::Open(minutes(5)));
}

/// One's own clock may be wrong by as much as it likes: both ends of a duty are read from it.
#[test]
fn a_clock_that_is_seven_minutes_fast_changes_no_verdict() {
    let shift = 7 * MINUTE;
    let documents =
        [first(Category::PaperSecurity, Vec::new()), notice(2, "420100", Lateral::Secrecy, Manner::Phone, 8)];
    let judged = |documents: &[DocumentView]| -> Vec<_> {
        let district = owed(documents).into_iter().filter(|one| one.owner == unit("420100") && one.met.is_some());
        district.map(|one| (one.rule.row.clone(), verdict(&one, 9999))).collect()
    };
    let mut fast = documents.clone();
    for view in &mut fast {
        view.header.as_mut().unwrap().created.as_mut().unwrap().wall_us += shift;
        match view.document.as_mut().unwrap().content.as_mut().unwrap() {
            Content::Report(report) => report.known_at_us += shift,
            Content::LateralNotice(notice) => notice.told_at_us += shift,
            _ => {}
        }
    }
    assert_eq!(judged(&documents), judged(&fast));
    assert!(!judged(&documents).is_empty());
}

#[test]
fn a_document_is_judged_by_the_policy_it_was_written_under() {
    let mut strict = (**POLICY).clone();
    strict.version = "strict".into();
    strict.duties.retain(|rule| rule.what == What::Report);
    strict.duties[0].limit.district = Duration::from_secs(60);
    let strict = Arc::new(strict);
    let policies = |version: &str| match version {
        "strict" => Some(strict.clone()),
        _ => Some(POLICY.clone()),
    };
    let judged = |view: DocumentView| {
        let owed = of(&[view], &unit("000000"), &tree(), &policies);
        owed.iter().find(|one| one.rule.what == What::Report).map(|one| verdict(one, 99))
    };
    let old = first(Category::Other, Vec::new());
    assert_eq!(judged(old.clone()), Some(Verdict::Done), "released later, it rewrites nothing");
    let mut new = old;
    new.header.as_mut().unwrap().policy = "strict".into();
    assert_eq!(judged(new), Some(Verdict::Late(minutes(4))));
}

#[test]
fn without_its_first_report_nothing_is_known_of_an_incident() {
    assert_eq!(owed(&[follow_up(2, 20, Vec::new())]), []);
    assert_eq!(owed(&[]), []);
}

/// An office of the middle tier that reports something itself is the office at the place.
#[test]
fn what_a_province_reports_itself_is_its_own_to_do() {
    let report = Report { occurred_at_us: MORNING, category: Category::PaperSecurity.into(), ..Default::default() };
    let view = document(1, "420000", Kind::InitialReport, 5, Content::Report(report));
    let documents = [view];
    the(&documents, "420000", tell(Lateral::Secrecy));
    assert_eq!(find(&owed(&documents), "420000", What::Endorse), None, "nobody endorses himself");
}

/// What stays undone is told to one after another, as the policy says.
#[test]
fn what_stays_undone_is_told_further_and_further_up() {
    let steps = &POLICY.escalation;
    let told = |by: u64| escalated(steps, minutes(by));
    assert_eq!([0, 4].map(told), [Escalation::DutyOfficer; 2]);
    assert_eq!(
        [5, 15, 29, 30].map(told),
        [Escalation::DutyLeader, Escalation::Principal, Escalation::Principal, Escalation::Above]
    );
    assert_eq!(escalated(&[], minutes(999)), Escalation::DutyOfficer, "a policy without steps tells nobody else");
}

proptest! {
    /// Reordering, duplication, and loss made good: what is owed is the same once the same is here.
    #[test]
    fn in_whatever_order_and_however_often_they_come_the_same_is_owed(
        made in prop::collection::vec((0usize..7, 0i64..300, 0i32..5, 0usize..2), 0..12),
        seed in any::<u64>(),
    ) {
        let mut documents = vec![first(Category::PaperSecurity, Vec::new())];
        for (serial, (what, minute, choice, office)) in (2u8..).zip(&made) {
            let origin = ["420100", "420000"][*office];
            documents.push(match what {
                0 => notice(serial, origin, Lateral::Secrecy, Manner::Phone, *minute),
                1 => notice(serial, origin, Lateral::PublicSecurity, Manner::Written, *minute),
                2 => document(serial, "420000", Kind::Endorsement, *minute, Content::Endorsement(Endorsement {
                    recommendation: "建议".repeat(usize::try_from(*choice).unwrap()),
                    grade: *choice,
                    ..Default::default()
                })),
                3 => document(serial, "000000", Kind::Directive, *minute, Content::Directive(Directive::default())),
                4 => document(serial, origin, Kind::RequestForInstructions, *minute, Content::Request(Request::default())),
                5 => DocumentView { standing: *choice % 3, ..follow_up(serial, *minute, vec![is(Item::Spread, Choice::Suspected)]) },
                _ => follow_up(serial, *minute, vec![is(Item::Spread, Choice::NotSpread), said(Item::Bags, Value::Count(3))]),
            });
        }
        let expected = owed(&documents);
        let mut shuffled: Vec<_> = documents.iter().chain(&documents).cloned().collect();
        let mut state = seed | 1;
        for end in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            shuffled.swap(end, usize::try_from(state >> 33).unwrap() % (end + 1));
        }
        prop_assert_eq!(owed(&shuffled), expected);
    }
}
