use proptest::prelude::*;
use proto::v1::{Category, Item};

use super::*;
use crate::limits;

const MINUTE: i64 = 60_000_000;

fn exam() -> Exam {
    Policy::parse(BUILT_IN).unwrap().exam
}

/// Minutes after 08:30 of the first day.
fn at(minutes: i64) -> Timestamp {
    Timestamp::from_us(exam().sessions[0].begins.us() + minutes * MINUTE)
}

fn minutes(n: u64) -> Duration {
    Duration::from_secs(60 * n)
}

/// Row by row of the plan's part four, what must be owed whatever else is.
#[test]
fn row_1_2_in_part_the_policy_that_ships_is_read_and_says_it_is_a_proposal() {
    let policy = Policy::parse(BUILT_IN).unwrap();
    assert!(!policy.confirmed);
    assert!(policy.duties.iter().all(|rule| !rule.limit.source.is_empty()), "every limit has its source");
    for category in [
        Category::PaperSecurity,
        Category::RoomOrder,
        Category::Discipline,
        Category::NaturalDisaster,
        Category::Epidemic,
        Category::Accident,
        Category::InfoSecurity,
        Category::PublicOpinion,
    ] {
        assert!(policy.duties.iter().any(|rule| rule.categories.contains(&category)), "{category:?}");
    }
}

#[test]
fn what_is_misspelt_is_refused_where_it_stands() {
    let bad = |from: &str, to: &str| {
        let text = BUILT_IN.replacen(from, to, 1);
        assert_ne!(text, BUILT_IN, "{from}");
        Policy::parse(&text).unwrap_err().to_string()
    };
    let told = [
        (bad("to = \"secrecy\"", "to = \"secrecie\""), "nobody outside is called `secrecie`: public-security"),
        (bad("item = \"bags\"", "item = \"bag\""), "no form has an item `bag`"),
        (bad("adverb = \"迅速\"", "adverb = \"飞快\""), "`飞快` has no limit"),
        (bad("within = \"24h\"", "within = \"24\""), "`24` is not a duration"),
        (bad("spread=suspected", "spread=wide"), "spread cannot be wide"),
        (bad("injured>0", "disorder>0"), "disorder is no count"),
        (bad("what = \"sign\"", "what = \"sing\""), "`sing` is nothing to do"),
        (bad("says = \"迅速报告情况\"", "say = \"迅速报告情况\""), "unknown field `say`"),
        (bad("version = \"2014-proposal-4\"", "version = \"二〇一四\""), "the version `二〇一四`"),
        (bad("ends = 2014-09-20T11:30:00+08:00", "ends = 2014-09-20T08:30:00+08:00"), "ends before it begins"),
        (bad("begins = 2014-09-20T14:00:00+08:00", "begins = 2014-09-20T10:00:00+08:00"), "begins before 试卷一"),
        (bad("begins = 2014-09-20T14:00:00+08:00", "begins = 2014-09-20"), "is no moment"),
        (bad("item = \"papers\"", "item = \"cause\""), "cause is not on the form of NaturalDisaster"),
        (bad("precedence = \"te-ti\"", "precedence = \"fast\""), "`fast` is no speed"),
        (bad("classification = \"confidential\"", "classification = \"top-secret\""), "`top-secret` is no label"),
        (bad("to = \"principal\"", "to = \"mayor\""), "`mayor` is nobody: duty-leader"),
        (bad("after = \"15m\"", "after = \"4m\""), "ESCALATION_PRINCIPAL comes after"),
        (
            bad("# [review]", "[review]\nwithin = \"10m\"\nprecedences = [\"te-ti\"]\nsource = \"x\"\n#"),
            "`te-ti` is not reviewed",
        ),
        (bad("words = [\"迅速\", ", "words = [\"立即\", "), "`立即` has a limit already"),
    ];
    for (said, wanted) in told {
        assert!(said.contains(wanted), "{said}\nlacks: {wanted}");
    }
    let long = format!("{BUILT_IN}\n# {}", "长".repeat(limits::POLICY_BYTES_MAX));
    assert_eq!(Policy::parse(&long), Err(BadPolicy::TooLong));
}

/// A leak found forty minutes before 试卷四 cannot have an hour.
#[test]
fn row_p2_in_part_deadlines_give_way_to_the_exam() {
    let exam = exam();
    let due = |arose: i64, within: u64| {
        let due = exam.due(at(arose), minutes(within));
        (due.at.since(at(arose)).as_secs() / 60, due.before)
    };
    assert_eq!(due(-600, 60), (60, None), "far from any session");
    assert_eq!(due(-40, 60), (30, Some("试卷一".into())), "ten minutes before it begins");
    assert_eq!(due(-40, 20), (20, None), "in time anyway");
    assert_eq!(due(-6, 60), (3, Some("试卷一".into())), "no time for a margin: half of what is left");
    assert_eq!(due(175, 60), (2, Some("试卷一".into())), "before the session ends");
    assert_eq!(due(10_000, 60), (60, None), "after all of it");
}

/// 4.6d: who is let go early knows the paper until the session ends everywhere.
#[test]
fn row_4_6d_in_part_what_was_seen_stays_secret_until_the_session_ends_everywhere() {
    let exam = exam();
    assert_eq!(exam.secret_until(at(30)), Some(at(180)));
    assert_eq!(exam.secret_until(at(180)), None);
    assert_eq!(exam.secret_until(at(-1)), None);
}

proptest! {
    #[test]
    fn a_deadline_is_never_before_the_duty_nor_after_its_limit(arose in -3000i64..3000, within in 1u64..3000) {
        let due = exam().due(at(arose), minutes(within));
        prop_assert!(due.at >= at(arose) && due.at <= at(arose) + minutes(within));
        prop_assert_eq!(due.before.is_some(), due.at < at(arose) + minutes(within));
    }

    #[test]
    fn no_text_at_all_breaks_the_reader(text in ".{0,400}", cut in 0usize..20_000, put in "[a-z=\"\\[\\]0-9\n]{0,12}") {
        drop(Policy::parse(&text));
        let mut bent = BUILT_IN.to_owned();
        let at = (0..=cut.min(bent.len())).rev().find(|at| bent.is_char_boundary(*at)).unwrap();
        bent.insert_str(at, &put);
        drop(Policy::parse(&bent));
    }
}

#[test]
fn an_item_that_is_owed_is_one_a_report_of_that_category_can_state() {
    let policy = Policy::parse(BUILT_IN).unwrap();
    assert!(policy.duties.iter().any(|rule| rule.what == What::State(Item::Spread)));
}
