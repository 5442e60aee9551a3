//! PURE. 值班: who has the desk, and what was written down there: calls, notes, what was put before whom and what he said.
//!
//! The log is papers of this office alone. One person has the desk at a time, until it is handed over to another, who
//! takes it with what is pending; whoever has it writes. An entry is never changed, only followed by another.

use proto::v1::{self, LogEntry, LogMatter, document::Content};

use super::{
    Desk,
    decision::{content, encoded, keep_here},
    find, join_incident, missing, policy, refuse,
};
use crate::{
    limits,
    post::{
        envelope::DocId,
        outgoing::Draft,
        refusal::{Code, Refusal},
        view::Copy,
    },
};

/// Under what all entries are found …
const LOG: &str = "log";
/// … and those that say who has the desk.
const SHIFTS: &str = "shifts";

/// Who has the desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shift {
    /// The 值班工作人员.
    pub officer: String,
    /// The 带班领导.
    pub leader: String,
    /// Since when.
    pub since_us: i64,
    /// What was pending when he took it.
    pub pending: String,
}

/// One line of the log.
pub(super) fn write(
    desk: Desk<'_>,
    request: &v1::FileRequest,
    entry: &LogEntry,
    draft: &mut Draft,
) -> Result<(), Refusal> {
    let officer = request.officer.trim();
    let needed = match entry.matter() {
        LogMatter::Unspecified => vec![("matter", &entry.text)],
        LogMatter::Shift => vec![("leader", &entry.leader)],
        // 交接 says what is pending, if it is only "nothing".
        LogMatter::HandOver => vec![("other", &entry.other), ("text", &entry.text)],
        LogMatter::Note => vec![("text", &entry.text)],
        LogMatter::Phone => vec![
            ("caller", &entry.other),
            ("unit", &entry.caller_unit),
            ("phone", &entry.caller_phone),
            ("text", &entry.text),
        ],
        LogMatter::Submitted | LogMatter::Read => vec![("other", &entry.other)],
        LogMatter::Meeting => vec![("attendees", &entry.other), ("text", &entry.text)],
        LogMatter::Declined => vec![("what", &entry.declined), ("text", &entry.text)],
        LogMatter::Reading => vec![("other", &entry.other)],
        LogMatter::Account | LogMatter::Notified => vec![("other", &entry.other), ("text", &entry.text)],
    };
    let missing = missing(&needed);
    if !missing.is_empty() || entry.matter() == LogMatter::Unspecified {
        let reason = format!("an entry in the log says who and what: {missing} is missing");
        return refuse(Code::MissingFields, &reason, &[&missing]);
    }
    let names = [&entry.leader, &entry.other, &entry.caller_unit, &entry.caller_title, &entry.caller_phone];
    if names.iter().any(|name| name.len() > limits::NAME_BYTES_MAX) {
        let reason = format!("a name or number has at most {} bytes", limits::NAME_BYTES_MAX);
        return refuse(Code::FieldTooLong, &reason, &[]);
    }
    // The station notes by itself who came, who read what and who was called, whoever has the desk.
    if !matches!(entry.matter(), LogMatter::Reading | LogMatter::Account | LogMatter::Notified) {
        on_duty(desk, officer, entry.matter())?;
    }
    let about = about(desk, request, entry.matter())?;
    let shifts = matches!(entry.matter(), LogMatter::Shift | LogMatter::HandOver);
    keep_here(desk, draft, 'Y', if shifts { SHIFTS } else { LOG });
    draft.header.references.extend(about.map(DocId::to_bytes));
    if is_about_an_incident(entry.matter()) {
        of_incident(desk, request, entry, draft)?;
    }
    let now = now(desk);
    let entry = LogEntry {
        officer: officer.to_owned(),
        leader: match now {
            Some(shift) if entry.leader.is_empty() => shift.leader,
            _ => entry.leader.clone(),
        },
        about: about.map(DocId::to_bytes).unwrap_or_default(),
        at_us: if entry.at_us > 0 { entry.at_us } else { desk.now.us() },
        ..entry.clone()
    };
    draft.body = encoded(Content::LogEntry(entry));
    Ok(())
}

/// One desk, one person. The first to come takes an empty one; afterwards it is handed over.
fn on_duty(desk: Desk<'_>, officer: &str, matter: LogMatter) -> Result<(), Refusal> {
    match (now(desk), matter) {
        (None, LogMatter::Shift) => Ok(()),
        (None, _) => refuse(Code::NobodyOnDuty, "nobody has the desk: begin a shift first", &[]),
        (Some(shift), LogMatter::Shift) => {
            let reason = format!("{} has the desk since {}: let him hand it over", shift.officer, shift.since_us);
            refuse(Code::AnotherOnDuty, &reason, &[&shift.officer])
        }
        (Some(shift), _) if shift.officer != officer => {
            let reason = format!("{} has the desk, not {officer}", shift.officer);
            refuse(Code::AnotherOnDuty, &reason, &[&shift.officer])
        }
        _ => Ok(()),
    }
}

fn is_about_an_incident(matter: LogMatter) -> bool {
    matches!(matter, LogMatter::Meeting | LogMatter::Declined)
}

/// It belongs to the incident, as real as that is; and only what may be left undone is declined.
fn of_incident(desk: Desk<'_>, request: &v1::FileRequest, entry: &LogEntry, draft: &mut Draft) -> Result<(), Refusal> {
    let first = find(desk, &request.refers_to, "incident")?;
    draft.header.status = first.header.status;
    join_incident(&first, draft)?;
    let policy = desk.shelf.in_force(desk);
    let optional = || policy.duties.iter().filter(|rule| rule.optional).map(|rule| policy::word(rule.what));
    if entry.matter() == LogMatter::Declined && !optional().any(|word| word == entry.declined) {
        let known = optional().collect::<std::collections::BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", ");
        let what = &entry.declined;
        let reason = format!("`{what}` cannot be left undone: only {known} can");
        return refuse(Code::NotOptional, &reason, &[what, &known]);
    }
    Ok(())
}

/// What is put before the principal officer is a document that is here, and it is put before it is read.
fn about(desk: Desk<'_>, request: &v1::FileRequest, matter: LogMatter) -> Result<Option<DocId>, Refusal> {
    let needs =
        matches!(matter, LogMatter::Submitted | LogMatter::Read | LogMatter::Reading) || is_about_an_incident(matter);
    if request.refers_to.is_empty() && !needs {
        return Ok(None);
    }
    let copy = find(desk, &request.refers_to, "document")?;
    let submitted = || {
        entries(desk, usize::MAX)
            .iter()
            .any(|(_, entry)| entry.matter() == LogMatter::Submitted && entry.about == copy.header.id)
    };
    if matter == LogMatter::Read && !submitted() {
        let number = &copy.header.number;
        return refuse(Code::NotSubmitted, &format!("{number} was not put before anybody"), &[number]);
    }
    Ok(Some(copy.id()))
}

/// Who has the desk now.
pub fn now(desk: Desk<'_>) -> Option<Shift> {
    let mut entries = entries_under(desk, SHIFTS);
    let (_, last) = entries.pop()?;
    let LogEntry { officer, other, text, leader, at_us, .. } = last.clone();
    let (officer, pending) = match last.matter() {
        LogMatter::HandOver => (other, text),
        _ => (officer, String::new()),
    };
    Some(Shift { officer, leader, since_us: at_us, pending })
}

/// The last entries of the log, in the order they were written.
pub fn entries(desk: Desk<'_>, most: usize) -> Vec<(Copy, LogEntry)> {
    let mut all = entries_under(desk, LOG);
    all.extend(entries_under(desk, SHIFTS));
    all.sort_by(|a, b| a.0.header.id.cmp(&b.0.header.id));
    all.split_off(all.len().saturating_sub(most))
}

fn entries_under(desk: Desk<'_>, topic: &str) -> Vec<(Copy, LogEntry)> {
    let copies = desk.post.under_newest(topic, desk.post.me().unit.as_str(), limits::LIST_MAX, desk.read);
    let entries = copies.into_iter().filter_map(|copy| match content(desk, &copy)? {
        Content::LogEntry(entry) => Some((copy, entry)),
        _ => None,
    });
    entries.collect()
}

#[cfg(test)]
mod tests {
    use proto::v1::{FileRequest, Kind};

    use super::*;
    use crate::plan::trial::{Office, paper, report};

    fn entry(officer: &str, matter: LogMatter, bend: impl FnOnce(&mut LogEntry)) -> FileRequest {
        let mut entry = LogEntry { matter: matter.into(), ..Default::default() };
        bend(&mut entry);
        paper(officer, Kind::LogEntry, Content::LogEntry(entry))
    }

    fn begins(officer: &str) -> FileRequest {
        entry(officer, LogMatter::Shift, |entry| entry.leader = "李带班".into())
    }

    fn hands_over(from: &str, to: &str) -> FileRequest {
        entry(from, LogMatter::HandOver, |entry| {
            entry.other = to.into();
            entry.text = "R-0001 待批复".into();
        })
    }

    #[test]
    fn what_is_not_done_about_an_incident_is_said_with_the_reason_if_it_may_be_left_undone() {
        let mut province = Office::of("420000");
        province.file(&begins("王五")).unwrap();
        let number = province.file(&report()).unwrap();
        let decline = |what: &str, why: &str| FileRequest {
            refers_to: number.clone(),
            ..entry("王五", LogMatter::Declined, |entry| {
                entry.declined = what.into();
                entry.text = why.into();
            })
        };
        assert_eq!(province.refused(&decline("deploy", " ")), Code::MissingFields);
        assert_eq!(province.refused(&decline("sign", "忙")), Code::NotOptional);
        let said = province.file(&decline("deploy", "市局已派员")).unwrap();
        let incident = province.copy(&number).header.incident;
        assert_eq!(province.copy(&said).header.incident, incident, "it stands with the incident");
        let nothing = FileRequest { refers_to: String::new(), ..decline("deploy", "市局已派员") };
        assert_eq!(province.refused(&nothing), Code::MissingReference);
    }

    #[test]
    fn one_person_has_the_desk_until_it_is_handed_over_with_what_is_pending() {
        let mut office = Office::of("420000");
        assert_eq!(
            office.refused(&entry("王五", LogMatter::Note, |entry| entry.text = "无".into())),
            Code::NobodyOnDuty
        );
        office.file(&begins("王五")).unwrap();
        assert_eq!(office.refused(&begins("赵六")), Code::AnotherOnDuty);
        assert_eq!(office.refused(&hands_over("赵六", "赵六")), Code::AnotherOnDuty);
        let bare = entry("王五", LogMatter::HandOver, |entry| entry.other = "赵六".into());
        assert_eq!(office.refused(&bare), Code::MissingFields, "what is pending is said, if it is only nothing");
        office.file(&hands_over("王五", "赵六")).unwrap();
        let shift = office.at_desk(now).unwrap();
        assert_eq!((shift.officer.as_str(), shift.leader.as_str()), ("赵六", "李带班"));
        assert_eq!(shift.pending, "R-0001 待批复");
        assert_eq!(
            office.refused(&entry("王五", LogMatter::Note, |entry| entry.text = "无".into())),
            Code::AnotherOnDuty
        );
    }

    /// 3.2: a call is written down with who called, from where, and at which number he can be called back.
    #[test]
    fn row_3_2_in_part_a_report_by_phone_is_written_down_with_who_called() {
        let mut office = Office::of("420000");
        office.file(&begins("王五")).unwrap();
        let call = |entry: &mut LogEntry| {
            entry.other = "张三".into();
            entry.caller_unit = "武汉市司法局".into();
            entry.caller_title = "科长".into();
            entry.caller_phone = "027-1".into();
            entry.text = "试卷袋封装破损,已控制现场".into();
        };
        let nameless = entry("王五", LogMatter::Phone, |entry| {
            call(entry);
            entry.caller_phone.clear();
        });
        assert_eq!(office.refused(&nameless), Code::MissingFields);
        office.file(&entry("王五", LogMatter::Phone, call)).unwrap();
        let log = office.at_desk(|desk| entries(desk, 1));
        assert_eq!((log.len(), log[0].1.caller_title.as_str(), log[0].1.officer.as_str()), (1, "科长", "王五"));
    }

    /// 3.3: 接报 → 呈报 → 阅批, each with its time.
    #[test]
    fn row_3_3_in_part_a_report_is_put_before_the_principal_officer_and_what_he_says_is_kept() {
        let (mut district, mut province) = (Office::of("420100"), Office::of("420000"));
        let number = district.file(&report()).unwrap();
        province.hear(&district);
        province.file(&begins("王五")).unwrap();
        let about = |request: FileRequest| FileRequest { refers_to: number.clone(), ..request };
        let read = about(entry("王五", LogMatter::Read, |entry| {
            entry.other = "厅长".into();
            entry.text = "立即核实".into();
        }));
        assert_eq!(province.refused(&read), Code::NotSubmitted);
        province.file(&about(entry("王五", LogMatter::Submitted, |entry| entry.other = "厅长".into()))).unwrap();
        province.file(&read).unwrap();
        let log = province.at_desk(|desk| entries(desk, 2));
        let matters: Vec<_> = log.iter().map(|(_, entry)| (entry.matter(), entry.about.clone())).collect();
        let id = province.copy(&number).header.id;
        assert_eq!(matters, [(LogMatter::Submitted, id.clone()), (LogMatter::Read, id)]);
        assert!(log[0].1.at_us < log[1].1.at_us);
        let nothing = entry("王五", LogMatter::Submitted, |entry| entry.other = "厅长".into());
        assert_eq!(province.refused(&nothing), Code::MissingReference);
    }

    #[test]
    fn the_log_goes_nowhere() {
        let (mut province, mut ministry) = (Office::of("420000"), Office::of("000000"));
        let number = province.file(&begins("王五")).unwrap();
        let waits = province.at_desk(|desk| desk.post.queues().map(|(_, queue)| queue.len()).sum::<usize>());
        assert_eq!(waits, 0);
        ministry.hear(&province);
        ministry.at_desk(|desk| assert!(find(desk, &number, "document").is_err()));
    }
}
