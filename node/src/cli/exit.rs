//! How a command ends. The numbers are an interface: scripts branch on them, so they never change their meaning.

use std::{io, process::ExitCode};

use fluent_bundle::FluentValue;
use tonic::{Code, Status};
use tonic_types::{ErrorInfo, StatusExt as _};

use super::{items, names::Names, table, trouble, visible, words::Words};
use crate::desk::client::Unreachable;

/// What the shell is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: done.
    Done,
    /// 1: failed.
    Failed,
    /// 2: bad usage.
    Usage,
    /// 3: the station of this machine did not answer.
    Unreachable,
    /// 4: not permitted, or nobody was named who may.
    NotPermitted,
    /// 5: accepted, but the awaited state was not reached in time. Waiting again is safe.
    NotInTime,
    /// 6: a rule forbids it.
    Refused,
    /// 130: Ctrl-C.
    Interrupted,
    /// What a monitoring plug-in says, by its own convention.
    Plugin(u8),
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Unreachable => 3,
            Self::NotPermitted => 4,
            Self::NotInTime => 5,
            Self::Refused => 6,
            Self::Interrupted => 130,
            Self::Plugin(code) => code,
        }
    }

    /// The one table from the station's answers to the shell.
    pub fn of(code: Code) -> Self {
        match code {
            Code::Ok => Self::Done,
            Code::InvalidArgument => Self::Usage,
            Code::Unavailable => Self::Unreachable,
            Code::PermissionDenied | Code::Unauthenticated => Self::NotPermitted,
            Code::FailedPrecondition => Self::Refused,
            _ => Self::Failed,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

/// Why a command did not do what was asked: one sentence, and what to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The number for the shell.
    pub exit: Exit,
    /// What happened, to what.
    pub sentence: String,
    /// The way out, one step a line.
    pub remedy: Vec<String>,
}

/// How a verb ends.
pub type Outcome = Result<Exit, Failure>;

impl Failure {
    /// A sentence without a remedy.
    pub fn new(exit: Exit, sentence: impl Into<String>) -> Self {
        Self { exit, sentence: sentence.into(), remedy: Vec::new() }
    }

    /// Adds a step of the way out.
    pub fn remedy(mut self, line: impl Into<String>) -> Self {
        self.remedy.push(line.into());
        self
    }

    /// What the station answered, in the reader's language where we know the reason.
    pub(crate) fn of(status: &Status, words: &Words, names: &Names, program: &str) -> Self {
        if let Some(info) = status.get_details_error_info()
            && words.has(&format!("rule-{}", info.reason))
        {
            return Self::rule(Exit::of(status.code()), &info, words, names, program);
        }
        let said = super::visible::line(status.message());
        let exit = Exit::of(status.code());
        match status.code() {
            Code::FailedPrecondition => Self::new(exit, said),
            Code::Unavailable => Self::new(exit, words.say("fail-lost", &[("why", said.into())])),
            Code::NotFound => Self::new(exit, words.say("fail-not-found", &[("why", said.into())])),
            Code::ResourceExhausted => Self::new(exit, words.say("fail-full", &[("why", said.into())])),
            Code::Unimplemented => Self::new(exit, words.text("fail-old-station")),
            _ => Self::new(exit, words.say("fail-station", &[("why", said.into())])),
        }
    }

    /// A reason we know: its sentence, with what happened, and what to do next.
    fn rule(exit: Exit, info: &ErrorInfo, words: &Words, names: &Names, program: &str) -> Self {
        let facts: Vec<_> =
            info.metadata.iter().map(|(name, fact)| (name.as_str(), fact_text(name, fact, words, names))).collect();
        let mut args: Vec<(&str, FluentValue<'_>)> =
            facts.iter().map(|(name, text)| (*name, text.as_str().into())).collect();
        args.push(("program", program.into()));
        let key = format!("rule-{}", info.reason);
        let mut failure = Self::new(exit, words.say(&key, &args));
        let remedy = format!("{key}-remedy");
        if words.has(&remedy) {
            failure.remedy.extend(words.say(&remedy, &args).lines().map(str::to_owned));
        }
        failure
    }

    /// Nobody answered on the socket.
    pub fn unreachable(error: &Unreachable, program: &str, socket: &str, words: &Words) -> Self {
        let args = [("socket", socket.into()), ("program", program.into())];
        match error.io().map(io::Error::kind) {
            Some(io::ErrorKind::PermissionDenied) => {
                Self::new(Exit::NotPermitted, words.say("fail-socket-forbidden", &args))
                    .remedy(words.text("fail-socket-forbidden-remedy"))
            }
            _ => Self::new(Exit::Unreachable, words.say("fail-unreachable", &args))
                .remedy(words.say("fail-unreachable-start", &args))
                .remedy(words.text("fail-unreachable-socket")),
        }
    }

    /// A file that could not be read or written.
    pub fn file(path: &str, error: &io::Error, words: &Words) -> Self {
        let why = match error.kind() {
            io::ErrorKind::NotFound => words.text("file-not-found"),
            io::ErrorKind::PermissionDenied => words.text("file-forbidden"),
            io::ErrorKind::AlreadyExists => words.text("file-exists"),
            io::ErrorKind::InvalidData => words.text("file-not-text"),
            _ => error.to_string(),
        };
        let args = [("path", path.into()), ("why", why.into())];
        Self::new(Exit::Failed, words.say("fail-file", &args))
    }

    /// As it is printed on stderr.
    pub fn render(&self, words: &Words) -> String {
        let mut text = match self.exit {
            Exit::Interrupted => self.sentence.clone(),
            Exit::Refused => words.say("refused", &[("sentence", self.sentence.as_str().into())]),
            _ => words.say("error", &[("sentence", self.sentence.as_str().into())]),
        };
        for line in self.remedy.iter().flat_map(|step| step.lines()) {
            text.push_str("\n  ");
            text.push_str(line);
        }
        text
    }
}

/// A fact of a refusal as people read it; its name says what it is.
fn fact_text(name: &str, fact: &str, words: &Words, names: &Names) -> String {
    match name {
        "unit" => names.get(fact),
        "item" => items::named(fact, words),
        "holds" => items::held(fact, words),
        "why" => trouble::told(fact, words),
        "bytes" => fact.parse().map_or_else(|_| visible::line(fact), table::bytes),
        "fields" => {
            let field = |name: &str| {
                let key = format!("part-{name}");
                if words.has(&key) { words.text(&key) } else { visible::line(name) }
            };
            fact.split(", ").map(field).collect::<Vec<_>>().join(&words.text("list-comma"))
        }
        _ => visible::line(fact),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use tonic_types::ErrorDetails;

    use super::*;
    use crate::cli::{names::tests::small, words::Lang};

    fn refused(code: Code, word: &str, facts: &[(&str, &str)]) -> Status {
        let facts: HashMap<_, _> = facts.iter().map(|(name, fact)| ((*name).to_owned(), (*fact).to_owned())).collect();
        let details = ErrorDetails::with_error_info(word, "zhuji.v1", facts);
        Status::with_error_details(code, format!("{word}: in English"), details)
    }

    fn told(status: &Status, lang: Lang) -> String {
        let words = Words::new(lang);
        Failure::of(status, &words, &small("420000", lang), "provincial-relay").render(&words)
    }

    #[test]
    fn every_answer_of_a_station_has_its_number() {
        let table = [
            (Code::Ok, 0),
            (Code::InvalidArgument, 2),
            (Code::Unavailable, 3),
            (Code::PermissionDenied, 4),
            (Code::Unauthenticated, 4),
            (Code::Aborted, 1),
            (Code::DeadlineExceeded, 1),
            (Code::FailedPrecondition, 6),
            (Code::NotFound, 1),
            (Code::ResourceExhausted, 1),
            (Code::Internal, 1),
        ];
        for (code, number) in table {
            assert_eq!(Exit::of(code).code(), number, "{code:?}");
        }
    }

    #[test]
    fn a_known_rule_is_told_in_the_readers_language_with_the_way_out() {
        let status = refused(Code::FailedPrecondition, "request-in-report", &[]);
        let zh = told(&status, Lang::Zh);
        assert!(zh.starts_with("拒绝(6): 报告中不得夹带请示。请用两件报文:\n  "), "{zh}");
        assert!(zh.contains("provincial-relay request submit"), "{zh}");
        let en = told(&status, Lang::En);
        assert!(en.starts_with("refused (6): a report may not carry a request for instructions"), "{en}");
    }

    #[test]
    fn facts_are_told_as_people_read_them() {
        let facts = [("unit", "420100"), ("why", "unreachable: 10.0.0.1:7443 cannot be reached")];
        let zh = told(&refused(Code::Aborted, "link-down", &facts), Lang::Zh);
        assert!(zh.starts_with("错误: 与 武汉 的链路断开: 连不上"), "{zh}");
        let missing = refused(Code::InvalidArgument, "missing-fields", &[("fields", "place, text")]);
        assert!(told(&missing, Lang::Zh).contains("地点、正文"), "{}", told(&missing, Lang::Zh));
        assert!(told(&missing, Lang::En).contains("place, text"), "{}", told(&missing, Lang::En));
        let large = refused(Code::FailedPrecondition, "attachment-too-large", &[("bytes", "67108864")]);
        assert!(told(&large, Lang::En).contains("64 MiB"), "{}", told(&large, Lang::En));
    }

    #[test]
    fn an_unknown_rule_is_told_in_the_stations_own_words() {
        let status = Status::failed_precondition("moon-phase: not tonight");
        assert_eq!(told(&status, Lang::En), "refused (6): moon-phase: not tonight");
        let newer = refused(Code::FailedPrecondition, "moon-phase", &[]);
        assert_eq!(told(&newer, Lang::En), "refused (6): moon-phase: in English");
    }
}
