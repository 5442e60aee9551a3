//! PURE. Sorts of 指示, and what each has to say: 派员 who comes, with which mandate, when; 支援 what comes, from where, when;
//! 核实, 督办, 催办 and 点名 by when they are to be answered.
//!
//! All of them are directives: they go to those who act and those who are to know, are signed for, and the office they go
//! to says when it is done. Of what was sent, that is when it has arrived.

use proto::v1::{Directive, FileRequest, Order, Sent, Stage, Status};

use super::refuse;
use crate::{
    limits,
    post::{
        ladder,
        refusal::{Code, Refusal},
    },
};

/// Whether a directive says what one of its sort has to say, and nothing of another's.
pub(super) fn check(directive: &Directive, request: &FileRequest) -> Result<(), Refusal> {
    let nothing = Sent::default();
    let sent = directive.sent.as_ref().unwrap_or(&nothing);
    let order = directive.order();
    let moves = matches!(order, Order::Deployment | Order::Support);
    if directive.sent.is_some() && !moves {
        return refuse(Code::NothingIsSent, "only a deployment or support says who or what is sent", &[]);
    }
    let nobody = sent.people.iter().all(|person| person.trim().is_empty());
    if matches!(order, Order::Drill | Order::DrillOver) && request.status() != Status::Exercise {
        return refuse(Code::OnlyAnExercise, "a drill is an exercise: nothing real begins or ends with it", &[]);
    }
    let answers = matches!(order, Order::Query | Order::Supervision | Order::RollCall | Order::Urge);
    let unsaid: Vec<_> = [
        ("person", order == Order::Deployment && nobody),
        ("mandate", order == Order::Deployment && sent.mandate.trim().is_empty()),
        ("goods", order == Order::Support && sent.goods.trim().is_empty()),
        ("from", order == Order::Support && sent.from.trim().is_empty()),
        ("eta", moves && sent.eta_us <= 0),
        ("contact", moves && sent.contact.trim().is_empty()),
        ("reply-by", answers && request.reply_by_us <= 0),
        // Whoever sends somebody wants to hear that he has come.
        ("require", (moves || answers) && ladder::height(directive.require()) < ladder::height(Stage::Completed)),
    ]
    .iter()
    .filter_map(|(field, unsaid)| unsaid.then_some(*field))
    .collect();
    if !unsaid.is_empty() {
        let unsaid = unsaid.join(", ");
        let reason = format!("a directive of this sort has to say {unsaid}");
        return refuse(Code::MissingFields, &reason, &[&unsaid]);
    }
    let names = sent.people.iter().chain([&sent.goods, &sent.from, &sent.contact]);
    if names.into_iter().any(|name| name.len() > limits::NAME_BYTES_MAX)
        || sent.mandate.len() > limits::NOTE_BYTES_MAX
        || sent.people.len() > limits::PEOPLE_SENT_MAX
    {
        let (name, note, most) = (limits::NAME_BYTES_MAX, limits::NOTE_BYTES_MAX, limits::PEOPLE_SENT_MAX);
        let reason = format!("a name has at most {name} bytes, a mandate {note}, and at most {most} people are named");
        return refuse(Code::FieldTooLong, &reason, &[]);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proto::v1::{self, Kind, LogEntry, LogMatter, Role, document::Content};

    use super::*;
    use crate::plan::trial::{Office, paper};

    const SOON: i64 = 1_400_000_900_000_000;

    fn order(order: Order, to: &str, bend: impl FnOnce(&mut Directive)) -> FileRequest {
        let mut directive = Directive {
            title: "前往武汉考区".into(),
            text: "请配合工作。".into(),
            officer: "赵一".into(),
            require: Stage::Completed.into(),
            order: order.into(),
            ..Default::default()
        };
        bend(&mut directive);
        let request = paper("赵一", Kind::Directive, Content::Directive(directive));
        FileRequest { action_to: vec![to.into()], ..request }
    }

    fn people() -> Sent {
        Sent {
            people: vec!["李处(司法考试司)".into(), "周处(国家保密局)".into()],
            mandate: "指导、督察处置".into(),
            eta_us: SOON,
            contact: "李处 13900000000".into(),
            ..Default::default()
        }
    }

    fn goods() -> Sent {
        Sent {
            goods: "备用卷 120 份".into(),
            from: "湖北省司法厅".into(),
            eta_us: SOON,
            contact: "押运组 13800000000".into(),
            ..Default::default()
        }
    }

    /// What is sent arrives: the office it went to says so, and that is how far it has come.
    fn sent_and_arrived(from: &str, order_of: Order, sent: Sent) {
        let (mut sender, mut district) = (Office::of(from), Office::of("420100"));
        let number = sender.file(&order(order_of, "420100", |it| it.sent = Some(sent.clone()))).unwrap();
        district.hear(&sender);
        let Content::Directive(directive) = district.content(&number) else { panic!("a directive") };
        assert_eq!((directive.order(), directive.sent), (order_of, Some(sent)));
        assert_eq!(district.copy(&number).header.role(), Role::Action);
    }

    fn needs(order_of: Order, whole: Sent, bends: [fn(&mut Sent); 4]) {
        let mut ministry = Office::of("000000");
        for bend in bends {
            let mut sent = whole.clone();
            bend(&mut sent);
            let request = order(order_of, "420100", |it| it.sent = Some(sent));
            assert_eq!(ministry.refused(&request), Code::MissingFields);
        }
        assert_eq!(ministry.refused(&order(order_of, "420100", |_| {})), Code::MissingFields);
        let unheard = order(order_of, "420100", |it| {
            it.sent = Some(whole.clone());
            it.require = Stage::Signed.into();
        });
        assert_eq!(ministry.refused(&unheard), Code::MissingFields, "nobody would hear that it has arrived");
        assert_eq!(
            ministry.refused(&order(Order::Guidance, "420100", |it| it.sent = Some(whole.clone()))),
            Code::NothingIsSent
        );
    }

    #[test]
    fn row_1_5_in_part_the_ministry_says_whom_it_sends_where_and_what_for() {
        sent_and_arrived("000000", Order::Deployment, people());
        let bends: [fn(&mut Sent); 4] =
            [|it| it.people.clear(), |it| it.mandate.clear(), |it| it.eta_us = 0, |it| it.contact = " ".into()];
        needs(Order::Deployment, people(), bends);
    }

    #[test]
    fn row_1_13_in_part_a_province_sends_its_own_people() {
        sent_and_arrived("420000", Order::Deployment, people());
    }

    #[test]
    fn row_1_12_in_part_what_is_sent_in_support_comes_from_somewhere_at_a_time() {
        sent_and_arrived("420000", Order::Support, goods());
        let bends: [fn(&mut Sent); 4] =
            [|it| it.goods.clear(), |it| it.from.clear(), |it| it.eta_us = 0, |it| it.contact.clear()];
        needs(Order::Support, goods(), bends);
    }

    #[test]
    fn row_1_9_in_part_what_is_to_be_verified_is_answered_by_a_time() {
        let mut province = Office::of("420000");
        for sort in [Order::Query, Order::Supervision] {
            assert_eq!(province.refused(&order(sort, "420100", |_| {})), Code::MissingFields);
            let request = FileRequest { reply_by_us: SOON, ..order(sort, "420100", |_| {}) };
            let number = province.file(&request).unwrap();
            assert_eq!(province.copy(&number).header.reply_by_us, SOON);
        }
        assert_eq!(Office::of("420100").refused(&order(Order::Query, "420100", |_| {})), Code::NotASuperior);
    }

    /// 6.2: whoever answers is the one who has the desk; nobody answers for somebody who is not there.
    #[test]
    fn row_6_2_in_part_a_roll_call_is_answered_by_whoever_has_the_desk_and_nobody_else() {
        let (mut province, mut district) = (Office::of("420000"), Office::of("420100"));
        assert_eq!(province.refused(&order(Order::RollCall, "420100", |_| {})), Code::MissingFields, "by when?");
        let request = FileRequest { reply_by_us: SOON, ..order(Order::RollCall, "420100", |_| {}) };
        let number = province.file(&request).unwrap();
        district.hear(&province);
        let answer = |district: &Office, officer: &str| {
            let request = v1::ActRequest {
                document: number.clone(),
                stage: Stage::Completed.into(),
                officer: officer.into(),
                note: String::new(),
            };
            district.at_desk(|desk| crate::plan::act::drafts(desk, &request)).map(|drafts| drafts.len())
        };
        assert_eq!(answer(&district, "张三").unwrap_err().code, Code::NobodyOnDuty);
        let begins = LogEntry { matter: LogMatter::Shift.into(), leader: "李带班".into(), ..Default::default() };
        district.file(&paper("张三", Kind::LogEntry, Content::LogEntry(begins))).unwrap();
        assert_eq!(answer(&district, "王五").unwrap_err().code, Code::AnotherOnDuty);
        assert_eq!(answer(&district, "张三").unwrap(), 1);
    }

    #[test]
    fn row_1_6_in_part_a_drill_is_an_exercise_and_nothing_real() {
        let mut ministry = Office::of("000000");
        for sort in [Order::Drill, Order::DrillOver] {
            assert_eq!(ministry.refused(&order(sort, "420100", |_| {})), Code::OnlyAnExercise);
            let request = FileRequest { status: Status::Exercise.into(), ..order(sort, "420100", |_| {}) };
            assert!(ministry.file(&request).is_ok());
        }
    }

    #[test]
    fn row_1_3_in_part_guidance_goes_to_those_who_act_and_those_who_are_to_know() {
        let mut ministry = Office::of("000000");
        let request = order(Order::Guidance, "420100", |it| it.require = Stage::Signed.into());
        let request = FileRequest { info_to: vec!["420000".into()], ..request };
        let number = ministry.file(&request).unwrap();
        let id = ministry.copy(&number).id();
        let copies = ministry.at_desk(|desk| desk.post.copies(id, desk.read));
        let mut roles: Vec<_> = copies.iter().map(|one| (one.header.destination.clone(), one.header.role())).collect();
        roles.sort_unstable();
        assert_eq!(roles, [("420000".to_owned(), Role::Info), ("420100".to_owned(), Role::Action)]);
    }
}
