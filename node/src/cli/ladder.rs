//! What has happened to a document, in order, and what has not yet. Built from the receipts this station holds;
//! what it has not been told, it does not guess.
//!
//! ```text
//! 已入队 → 链路接收 … → 送达 → 签收 → (承办 → 办结 | 无法执行)
//! ```

use std::time::Duration;

use proto::v1::{DocumentView, Kind, Passage, RecipientView, Stage, StageView, document::Content};

use super::time::micros;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    /// When, by the clock of the office that says so.
    pub(crate) at_us: i64,
    /// Whose event it is.
    pub(crate) unit: String,
    /// What happened.
    pub(crate) what: What,
    /// How long that took, and whether people or lines took it.
    pub(crate) leg: Option<Leg>,
    /// The passage it was read from: how far the clock may be trusted, how often it was offered.
    pub(crate) passage: Option<Passage>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// By the writer's own account.
    Occurred,
    /// On the disk of the office that wrote it.
    Filed,
    /// On the disk of a station on its way.
    Passed,
    /// A rung of the ladder.
    Reached {
        /// Which.
        stage: Stage,
        /// Who, where a person acted.
        officer: String,
        /// What they said.
        note: String,
    },
}

/// A stretch of time between two events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leg {
    /// 人工
    Human(Duration),
    /// 线路
    Line(Duration),
}

/// All that has happened, oldest first.
pub(crate) fn events(view: &DocumentView) -> Vec<Event> {
    let mut events = Vec::new();
    if let Some(us) = occurred(view) {
        events.push(event(us, origin(view), What::Occurred));
    }
    let way = way(view);
    for (index, passage) in way.iter().enumerate() {
        let what = if index == 0 { What::Filed } else { What::Passed };
        let at = event(passage.arrived_us, &passage.station, what);
        events.push(Event { passage: Some(passage.clone()), ..at });
    }
    let created = view.header.as_ref().and_then(|header| header.created.as_ref());
    if let (true, Some(clock)) = (way.is_empty(), created) {
        events.push(event(clock.wall_us, origin(view), What::Filed));
    }
    for (recipient, stage) in view.recipients.iter().flat_map(|one| one.stages.iter().map(move |stage| (one, stage))) {
        let on_the_way = way.iter().any(|passage| passage.station == says(recipient, stage));
        // The passage already says that it arrived there, and when; so does an addressee's own word.
        let says_so_itself = stage.stage() == Stage::Custody
            && view
                .recipients
                .iter()
                .any(|one| one.unit == says(recipient, stage) && reached_at(one, Stage::Delivered).is_some());
        if says_so_itself || on_the_way && matches!(stage.stage(), Stage::Custody | Stage::Delivered) {
            continue;
        }
        let what = What::Reached { stage: stage.stage(), officer: stage.officer.clone(), note: stage.note.clone() };
        events.push(event(stage.at_us, says(recipient, stage), what));
    }
    events.sort_by_key(|event| event.at_us);
    // One station takes the copies for all below it at once; that is one event.
    events.dedup_by(|again, first| {
        again.unit == first.unit
            && again.what == first.what
            && matches!(again.what, What::Reached { stage: Stage::Custody, .. })
    });
    measure(&mut events, downward(view));
    events
}

/// When it happened, as the report says.
pub(crate) fn occurred(view: &DocumentView) -> Option<i64> {
    match view.document.as_ref()?.content.as_ref()? {
        Content::Report(report) if report.occurred_at_us != 0 => Some(report.occurred_at_us),
        _ => None,
    }
}

/// The kind of a document.
pub(crate) fn kind(view: &DocumentView) -> Kind {
    view.header.as_ref().map_or(Kind::Unspecified, |header| header.kind())
}

/// The rungs a document of this kind is meant to reach.
pub(crate) fn wanted(view: &DocumentView) -> Vec<Stage> {
    let mut stages = vec![Stage::Delivered, Stage::Signed];
    if let Some(Content::Directive(directive)) = view.document.as_ref().and_then(|document| document.content.as_ref()) {
        match directive.require() {
            Stage::Undertaken => stages.push(Stage::Undertaken),
            Stage::Completed => stages.extend([Stage::Undertaken, Stage::Completed]),
            _ => {}
        }
    }
    stages
}

/// Whether an addressee has come this far (or further).
pub(crate) fn has_reached(recipient: &RecipientView, stage: Stage) -> bool {
    highest(recipient).is_some_and(|reached| rank(reached) >= rank(stage))
}

/// The furthest an addressee has come by its own word. A province may sign for what passes through it; that is its
/// event, not the addressee's rung.
pub(crate) fn highest(recipient: &RecipientView) -> Option<Stage> {
    if recipient.stages.is_empty() {
        return Some(recipient.reached()).filter(|stage| rank(*stage) > 0);
    }
    let own = |stage: &&StageView| stage.stage() == Stage::Custody || says(recipient, stage) == recipient.unit;
    let rungs = recipient.stages.iter().filter(own).map(StageView::stage).filter(|stage| rank(*stage) > 0);
    rungs.max_by_key(|stage| rank(*stage))
}

/// The rung an addressee will never pass: 无法执行, 未送达, 过期.
pub(crate) fn ended(recipient: &RecipientView) -> Option<Stage> {
    let ends = |stage: &Stage| matches!(stage, Stage::CannotComply | Stage::NotDelivered | Stage::Expired);
    recipient.stages.iter().map(StageView::stage).chain([recipient.reached()]).find(ends)
}

/// When an addressee first came to a rung.
pub(crate) fn reached_at(recipient: &RecipientView, stage: Stage) -> Option<&StageView> {
    let own = |one: &&StageView| one.stage() == stage && says(recipient, one) == recipient.unit;
    recipient.stages.iter().filter(own).min_by_key(|one| one.at_us)
}

/// Whether any station but the writer's has it on disk.
pub(crate) fn has_left(view: &DocumentView) -> bool {
    let origin = origin(view);
    view.recipients.iter().any(|recipient| {
        has_reached(recipient, Stage::Delivered)
            || recipient.stages.iter().any(|stage| rank(stage.stage()) > 0 && says(recipient, stage) != origin)
    })
}

/// A person's stage, as opposed to a machine's.
pub(crate) fn human(stage: Stage) -> bool {
    matches!(stage, Stage::Signed | Stage::Read | Stage::Undertaken | Stage::Completed | Stage::CannotComply)
}

/// 无法执行 is said by a person, so it is at least signed for; notices about trouble are no rungs.
fn rank(stage: Stage) -> u8 {
    match stage {
        Stage::Custody => 1,
        Stage::Delivered => 2,
        Stage::Signed | Stage::CannotComply => 3,
        Stage::Read => 4,
        Stage::Undertaken => 5,
        Stage::Completed => 6,
        Stage::Unspecified | Stage::Delayed | Stage::NotDelivered | Stage::Expired => 0,
    }
}

fn event(at_us: i64, unit: &str, what: What) -> Event {
    Event { at_us, unit: unit.to_owned(), what, leg: None, passage: None }
}

fn origin(view: &DocumentView) -> &str {
    view.header.as_ref().map_or("", |header| header.origin.as_str())
}

fn says<'a>(recipient: &'a RecipientView, stage: &'a StageView) -> &'a str {
    if stage.station.is_empty() { &recipient.unit } else { &stage.station }
}

/// The longest account of its way: this station's own, or the addressee's in its receipt. Many addressees have many
/// ways, and then only what happened to each is told.
fn way(view: &DocumentView) -> Vec<Passage> {
    let receipts = match view.recipients.as_slice() {
        [one] => one.stages.as_slice(),
        _ => &[],
    };
    let accounts = receipts.iter().map(|stage| &stage.passages);
    [&view.passages].into_iter().chain(accounts).max_by_key(|way| way.len()).cloned().unwrap_or_default()
}

/// Offsets on a passage are against the parent, so the direction decides whose offset a leg needs.
fn downward(view: &DocumentView) -> bool {
    match kind(view) {
        Kind::Directive | Kind::Decision | Kind::PolicyRelease | Kind::Approval | Kind::Denial => true,
        // Only the ministry has no parent to differ from.
        Kind::Cancel => view.passages.first().is_some_and(|first| first.offset_uncertainty_us == 0),
        _ => false,
    }
}

fn measure(events: &mut [Event], downward: bool) {
    for index in 1..events.len() {
        let (before, rest) = events.split_at_mut(index);
        let this = &mut rest[0];
        this.leg = match &this.what {
            What::Occurred => None,
            What::Filed => Some(Leg::Human(micros(this.at_us - before[index - 1].at_us))),
            What::Reached { stage, .. } if human(*stage) => {
                let here = before.iter().rev().find(|event| event.unit == this.unit);
                here.or(before.last()).map(|event| Leg::Human(micros(this.at_us - event.at_us)))
            }
            _ => {
                let arrival = |event: &&Event| match &event.what {
                    What::Filed | What::Passed => true,
                    What::Reached { stage, .. } => *stage == Stage::Custody,
                    What::Occurred => false,
                };
                before.iter().rev().find(arrival).map(|event| Leg::Line(line(event, this, downward)))
            }
        };
    }
}

/// Two clocks are compared through the offset measured on the link between them.
fn line(from: &Event, to: &Event, downward: bool) -> Duration {
    let offset = |event: &Event| event.passage.as_ref().map_or(0, |passage| passage.offset_us);
    let apart = to.at_us - from.at_us;
    micros(if downward { apart - offset(to) } else { apart + offset(from) })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::cli::time::tests::MORNING;
    use proto::v1::{Category, Clock, Document, Grade, Header, Precedence, QueueState, Report, Status};

    fn stage(stage: Stage, at_us: i64, station: &str, officer: &str) -> StageView {
        StageView { stage: stage.into(), at_us, station: station.into(), officer: officer.into(), ..Default::default() }
    }

    /// A 首报 from Wuhan that Hubei has and its duty officer has signed; the line to the ministry fails.
    pub(in crate::cli) fn on_the_way() -> DocumentView {
        let report = Report {
            occurred_at_us: MORNING - 130_000_000,
            place: "武汉/第三考点/A-12".into(),
            category: Category::PaperSecurity.into(),
            text: "启封第一场试卷时发现一袋封装损毁,涉及30人\x1b[2J".into(),
            reporter: "张三".into(),
            grade: Grade::I.into(),
            ..Default::default()
        };
        let header = Header {
            id: vec![1; 16].into(),
            number: "R-420100-0919-0007".into(),
            origin: "420100".into(),
            destination: "000000".into(),
            precedence: Precedence::TeJi.into(),
            kind: Kind::InitialReport.into(),
            status: Status::Exercise.into(),
            position: 1,
            created: Some(Clock { wall_us: MORNING, ..Default::default() }),
            trace_context: (0..25).collect::<Vec<u8>>().into(),
            ..Default::default()
        };
        let recipient = RecipientView {
            unit: "000000".into(),
            name: "部级".into(),
            stages: vec![
                stage(Stage::Custody, MORNING + 619_000, "420000", ""),
                stage(Stage::Signed, MORNING + 29_019_000, "420000", "王五"),
            ],
            waiting: Some(QueueState {
                peer: "420000".into(),
                attempts: 2,
                last_failure: "连接被重置".into(),
                next_attempt_us: MORNING + 130_000_000,
                in_flight: true,
                ..Default::default()
            }),
            ..Default::default()
        };
        DocumentView {
            id: header.id.clone(),
            header: Some(header),
            document: Some(Document { content: Some(Content::Report(report)) }),
            recipients: vec![recipient],
            passages: vec![Passage { station: "420100".into(), arrived_us: MORNING, ..Default::default() }],
            ..Default::default()
        }
    }

    /// The same, later: the ministry has it, its receipt tells the whole way, and Zhao Yi has signed.
    pub(in crate::cli) fn arrived() -> DocumentView {
        let mut view = on_the_way();
        let passage = |station: &str, arrived_us, attempts, offset_us| Passage {
            station: station.into(),
            arrived_us,
            offered_us: arrived_us,
            attempts,
            offset_us,
            offset_uncertainty_us: 11_000,
        };
        let way = vec![
            passage("420100", MORNING, 1, 4_000),
            passage("420000", MORNING + 619_000, 2, 0),
            passage("000000", MORNING + 130_400_000, 0, 0),
        ];
        let recipient = &mut view.recipients[0];
        let delivered = stage(Stage::Delivered, MORNING + 130_400_000, "000000", "");
        recipient.stages.push(StageView { passages: way, ..delivered });
        recipient.stages.push(stage(Stage::Signed, MORNING + 141_000_000, "000000", "赵一"));
        recipient.waiting = None;
        view
    }

    #[test]
    fn people_and_lines_are_told_apart() {
        let legs: Vec<_> = events(&arrived()).into_iter().map(|event| (event.unit, event.leg)).collect();
        let ms = Duration::from_millis;
        let expected = [
            ("420100", None),
            ("420100", Some(Leg::Human(ms(130_000)))),
            // The district's clock is 4 ms ahead of the province's.
            ("420000", Some(Leg::Line(ms(623)))),
            ("420000", Some(Leg::Human(ms(28_400)))),
            ("000000", Some(Leg::Line(ms(129_781)))),
            ("000000", Some(Leg::Human(ms(10_600)))),
        ];
        assert_eq!(legs, expected.map(|(unit, leg)| (unit.to_owned(), leg)));
    }

    #[test]
    fn the_province_having_it_is_not_the_ministry_having_it() {
        let view = on_the_way();
        assert!(has_left(&view));
        assert_eq!(highest(&view.recipients[0]), Some(Stage::Custody));
        assert!(!has_reached(&arrived().recipients[0], Stage::Undertaken));
        assert!(has_reached(&arrived().recipients[0], Stage::Signed));
    }

    #[test]
    fn a_refusal_is_an_end_and_a_signature() {
        let cannot = RecipientView { stages: vec![stage(Stage::CannotComply, 1, "", "李六")], ..Default::default() };
        assert_eq!(ended(&cannot), Some(Stage::CannotComply));
        assert!(has_reached(&cannot, Stage::Signed));
        assert!(!has_reached(&cannot, Stage::Undertaken));
    }
}
