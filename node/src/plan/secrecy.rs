//! PURE. 保密: who may read a text, which label it has at least, and which files travel.
//!
//! A label is never lowered by whoever writes next: what continues a document is at least as secret, and for the same readers
//! unless he names others. A text that is 机密, or has a 知悉范围, is shown to officers by name only, and that it was is on record
//! ([`record`]). Of 试卷安全 a file's digest travels and the file stays where it is, unless a 定密责任人 lets it go: nobody has to
//! carry the secret in order to report that it leaked.

use proto::v1::{self, Attachment, Category, Classification, Header, Kind, LogEntry, LogMatter, document::Content};

use super::{Desk, decision::content, refuse};
use crate::{
    limits,
    post::{
        envelope::DocId,
        outgoing::Draft,
        refusal::{Code, Refusal},
        view::Copy,
    },
};

/// Before the name of somebody who is not to read it.
const NOT: char = '!';

/// Whether a text is shown to officers by name only.
pub fn is_guarded(header: &Header) -> bool {
    header.classification() >= Classification::Secret || !header.need_to_know.is_empty()
}

/// Whether an officer may read it.
pub fn may_read(header: &Header, officer: &str) -> bool {
    let officer = officer.trim();
    if officer.is_empty() {
        return !is_guarded(header);
    }
    let named = |name: &String| name.trim_start_matches(NOT).trim() == officer;
    let excluded = header.need_to_know.iter().any(|name| name.starts_with(NOT) && named(name));
    let listed = || header.need_to_know.iter().filter(|name| !name.starts_with(NOT));
    !excluded && (listed().next().is_none() || listed().any(named))
}

/// That somebody was shown a text, for the log of the desk.
pub fn record(header: &Header, officer: &str) -> v1::FileRequest {
    let entry = LogEntry { matter: LogMatter::Reading.into(), other: officer.trim().to_owned(), ..Default::default() };
    v1::FileRequest {
        document: Some(v1::Document { content: Some(Content::LogEntry(entry)) }),
        kind: Kind::LogEntry.into(),
        status: header.status,
        classification: Classification::Internal.into(),
        // As urgent as what is read: where room is left for that only, it can still be read.
        precedence: header.precedence,
        officer: officer.trim().to_owned(),
        refers_to: DocId::from_slice(&header.id).map(|id| id.to_string()).unwrap_or_default(),
        ..Default::default()
    }
}

/// Who is to read what is written now. Whoever wrote it has read it.
pub(super) fn readers(request: &v1::FileRequest, draft: &mut Draft) -> Result<(), Refusal> {
    let names = &request.need_to_know;
    let too_long =
        names.iter().any(|name| name.len() > limits::NAME_BYTES_MAX || name.trim_matches([NOT, ' ']).is_empty());
    if names.len() > limits::READERS_MAX || too_long {
        let reason = format!("at most {} readers are named, each by a name", limits::READERS_MAX);
        return refuse(Code::FieldTooLong, &reason, &[]);
    }
    let excluded =
        |name: &String| name.trim_start_matches(NOT).trim() == request.officer.trim() && name.starts_with(NOT);
    if names.iter().any(excluded) {
        let reason = format!("{} writes it and cannot be kept from reading it", request.officer);
        return refuse(Code::WriterExcluded, &reason, &[&request.officer]);
    }
    draft.header.need_to_know.clone_from(names);
    if names.iter().any(|name| !name.starts_with(NOT)) && !names.contains(&request.officer) {
        draft.header.need_to_know.push(request.officer.trim().to_owned());
    }
    Ok(())
}

/// What continues a document is no less secret, and for no more readers unless others are named.
pub(super) fn continues(before: &Copy, draft: &mut Draft) -> Result<(), Refusal> {
    let label = before.header.classification();
    if draft.header.classification() < label {
        let number = &before.header.number;
        let reason = format!("{number} is {label:?}: what continues it is at least as secret");
        let word = super::particulars::dashed(label.as_str_name(), "CLASSIFICATION_");
        return refuse(Code::LabelLowered, &reason, &[number, &word]);
    }
    if draft.header.need_to_know.is_empty() {
        draft.header.need_to_know.clone_from(&before.header.need_to_know);
    }
    Ok(())
}

/// What quotes a document is for those only who may read that as well: nobody is named twice, nobody excluded is let in.
pub(super) fn joins(quoted: &Header, draft: &mut Draft) -> Result<(), Refusal> {
    let mine = &mut draft.header.need_to_know;
    let listed = |names: &[String]| names.iter().any(|name| !name.starts_with(NOT));
    if listed(mine) && listed(&quoted.need_to_know) {
        mine.retain(|name| name.starts_with(NOT) || quoted.need_to_know.contains(name));
        if !listed(mine) {
            // Nobody may read both: then it is for nobody, and not for everybody.
            mine.push("–".to_owned());
        }
    } else {
        mine.extend(quoted.need_to_know.iter().filter(|name| !name.starts_with(NOT)).cloned());
    }
    mine.extend(quoted.need_to_know.iter().filter(|name| name.starts_with(NOT)).cloned());
    mine.sort();
    mine.dedup();
    // Whoever was left out of a list cut short would be let in.
    if mine.len() > limits::READERS_MAX {
        let reason = format!("together they name more than {} readers: quote fewer", limits::READERS_MAX);
        return refuse(Code::FieldTooLong, &reason, &[]);
    }
    Ok(())
}

/// The files, with who lets them travel.
pub(super) fn released(request: &v1::FileRequest) -> Vec<Attachment> {
    let by = request.attachments_released_by.trim();
    let files = request.attachments.iter().cloned();
    files.map(|file| Attachment { released_by: by.to_owned(), held_back: false, ..file }).collect()
}

/// Of 试卷安全 files stay where they are.
pub(super) fn holds_back(category: Category, attachments: &mut [Attachment]) {
    for file in attachments.iter_mut() {
        file.held_back = category == Category::PaperSecurity && file.released_by.is_empty();
    }
}

/// The category of an incident, by its 首报.
pub(super) fn category_of(desk: Desk<'_>, first: &Copy) -> Category {
    match content(desk, first) {
        Some(Content::Report(report)) => report.category(),
        _ => Category::Unspecified,
    }
}

#[cfg(test)]
mod tests {
    use v1::{FileRequest, Report};

    use super::*;
    use crate::plan::trial::{Office, paper, report};

    fn header(classification: Classification, names: &[&str]) -> Header {
        let need_to_know = names.iter().map(|name| (*name).to_owned()).collect();
        Header { classification: classification.into(), need_to_know, ..Default::default() }
    }

    /// The sixth sharp requirement, and R2: a named person can be kept out.
    #[test]
    fn who_is_named_may_read_and_who_is_excluded_may_not() {
        let open = header(Classification::Internal, &[]);
        assert!(may_read(&open, "") && may_read(&open, "张三"));
        let secret = header(Classification::Secret, &[]);
        assert!(!may_read(&secret, "") && may_read(&secret, "张三"), "a name at least");
        let named = header(Classification::Internal, &["张三", "李四"]);
        assert!(may_read(&named, " 张三 ") && !may_read(&named, "王五") && !may_read(&named, ""));
        let without = header(Classification::Secret, &["!命题人甲"]);
        assert!(!may_read(&without, "命题人甲") && may_read(&without, "张三"));
    }

    #[test]
    fn nobody_excluded_is_let_in_by_a_quotation() {
        let mut draft = Draft::default();
        for quoted in
            [header(Classification::Internal, &["!甲"]), header(Classification::Internal, &["!甲", "乙", "丙"])]
        {
            joins(&quoted, &mut draft).unwrap();
        }
        assert_eq!(draft.header.need_to_know, ["!甲", "丙", "乙"], "each once");
        joins(&header(Classification::Internal, &["丁"]), &mut draft).unwrap();
        assert!(["甲", "乙", "丁", "戊"].iter().all(|name| !may_read(&draft.header, name)), "nobody may read both");
        let many: Vec<_> = (0..limits::READERS_MAX).map(|n| format!("!{n}")).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        assert!(joins(&header(Classification::Internal, &many), &mut draft).is_err(), "no exclusion is dropped");
    }

    fn more(of: &str, classification: Classification) -> FileRequest {
        let said = Report { text: "续".into(), reporter: "张三".into(), ..Default::default() };
        let request = paper("张三", Kind::FollowUpReport, Content::Report(said));
        FileRequest { incident: of.into(), classification: classification.into(), ..request }
    }

    #[test]
    fn row_5_2c_in_part_a_label_is_not_lowered_and_readers_stay_the_same() {
        let mut wuhan = Office::of("420100");
        let first = FileRequest {
            classification: Classification::Secret.into(),
            need_to_know: vec!["王五".into(), "!命题人甲".into()],
            ..report()
        };
        let incident = wuhan.file(&first).unwrap();
        assert_eq!(wuhan.copy(&incident).header.need_to_know, ["王五", "!命题人甲", "张三"], "the writer has read it");
        assert_eq!(wuhan.refused(&more(&incident, Classification::Internal)), Code::LabelLowered);
        let next = wuhan.file(&more(&incident, Classification::Secret)).unwrap();
        assert_eq!(wuhan.copy(&next).header.need_to_know, wuhan.copy(&incident).header.need_to_know);
        let wrong = FileRequest { need_to_know: vec!["!张三".into()], ..report() };
        assert_eq!(wuhan.refused(&wrong), Code::WriterExcluded);
    }

    #[test]
    fn row_3_1c_in_part_files_about_papers_stay_where_they_are_unless_somebody_answers_for_it() {
        let mut wuhan = Office::of("420100");
        let file =
            Attachment { name: "现场.jpg".into(), digest: vec![7; 32].into(), length: 5, ..Default::default() };
        let first = FileRequest { attachments: vec![file.clone()], ..report() };
        let incident = wuhan.file(&first).unwrap();
        assert!(wuhan.copy(&incident).header.attachments[0].held_back);
        let next = FileRequest { attachments: vec![file], ..more(&incident, Classification::Internal) };
        let number = wuhan.file(&next).unwrap();
        assert!(wuhan.copy(&number).header.attachments[0].held_back, "what follows is about papers as well");
        let next = FileRequest { attachments_released_by: "定密责任人".into(), ..next };
        let number = wuhan.file(&next).unwrap();
        let sent = &wuhan.copy(&number).header.attachments[0];
        assert_eq!((sent.held_back, sent.released_by.as_str()), (false, "定密责任人"));
    }
}
