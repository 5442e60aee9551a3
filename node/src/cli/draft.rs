//! A report as it is typed: from a file, from flags, and the rest asked for. Complete only when the five things of a
//! 首报 are there — when, where, what kind, what is known, who says so — and whether it is real.

use clap::ArgMatches;
use proto::v1::{Category, Grade, Precedence, Report, Status};
use serde::Deserialize;

use super::{
    args, ask,
    call::Call,
    exit::{Exit, Failure},
    filing,
    items::{self, Typed},
    terms::Listed,
    time, visible,
};
use crate::io::Timestamp;

/// A clock that is a little ahead of ours is no report from the future.
const AHEAD_US: i64 = 5 * 60 * 1_000_000;

/// What is known so far, in the words of whoever typed it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Draft {
    status: Option<String>,
    category: Option<String>,
    grade: Option<String>,
    precedence: Option<String>,
    occurred: Option<String>,
    known: Option<String>,
    place: Option<String>,
    text: Option<String>,
    #[serde(default)]
    item: Vec<Typed>,
    /// Files to send along.
    #[serde(default)]
    pub(crate) attach: Vec<String>,
}

/// A complete one.
#[derive(Debug)]
pub(crate) struct Complete {
    /// Real or not.
    pub(crate) status: Status,
    /// How fast.
    pub(crate) precedence: Option<Precedence>,
    /// The report itself.
    pub(crate) report: Report,
}

impl Draft {
    /// What the file says, and the flags over it.
    pub(crate) fn gather(call: &Call, given: &ArgMatches) -> Result<Self, Failure> {
        let mut draft = match args::text(given, "file") {
            Some(path) => Self::parse(&ask::file(call, path)?)
                .map_err(|why| args::bad(&call.words, "--file", path, "hint-report-file").remedy(why))?,
            None => Self::default(),
        };
        let flag = |name| args::text(given, name).map(str::to_owned);
        let put = |field: &mut Option<String>, value: Option<String>| *field = value.or(field.take());
        put(&mut draft.status, filing::status(given).map(|status| status.code().to_owned()));
        put(&mut draft.category, flag("category"));
        put(&mut draft.grade, flag("grade"));
        put(&mut draft.precedence, flag("precedence"));
        put(&mut draft.occurred, flag("occurred"));
        put(&mut draft.known, flag("known"));
        put(&mut draft.place, flag("place"));
        let text = flag("message").map(|text| ask::text(call, &text)).transpose()?;
        put(&mut draft.text, text);
        draft.item.extend(items::typed(call, given)?);
        draft.attach.extend(args::texts(given, "attach"));
        Ok(draft)
    }

    fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    /// The flags of what is missing.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        let blank = |field: &Option<String>| field.as_deref().is_none_or(|text| text.trim().is_empty());
        let fields = [
            (&self.status, "--actual|--exercise"),
            (&self.category, "--category"),
            (&self.occurred, "--occurred"),
            (&self.place, "--place"),
            (&self.text, "-m"),
        ];
        fields.into_iter().filter(|(field, _)| blank(field)).map(|(_, flag)| flag).collect()
    }

    /// Says what is missing where nobody can be asked.
    pub(crate) fn ready(&self, call: &Call) -> Result<(), Failure> {
        let missing = self.missing();
        if missing.is_empty() || call.ask {
            return Ok(());
        }
        let flags = missing.join(" ");
        Err(Failure::new(Exit::Usage, call.words.say("usage-missing", &[("flags", flags.into())])))
    }

    /// Asks for what is missing.
    pub(crate) fn complete(mut self, call: &Call, reporter: &str) -> Result<Complete, Failure> {
        for flag in self.missing() {
            self.ask(call, flag)?;
        }
        self.check(call, reporter)
    }

    fn ask(&mut self, call: &Call, flag: &str) -> Result<(), Failure> {
        let words = &call.words;
        let now = call.now();
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        match flag {
            "--category" => {
                let question = words.say("ask-category", &[("choices", Category::listing(words).into())]);
                let fits = |text: &str| Category::parse(text).map(|_| text.to_owned());
                self.category = Some(ask::until(call, &question, fits)?);
            }
            "--occurred" => {
                let fits = |text: &str| happened(text, now).map(|_| text.to_owned());
                self.occurred = Some(ask::until(call, &words.text("ask-occurred"), fits)?);
            }
            "--place" => self.place = Some(ask::until(call, &words.text("ask-place"), some)?),
            "-m" => self.text = Some(ask::until(call, &words.text("ask-text"), some)?),
            _ => {
                let fits = |text: &str| {
                    let status = Status::parse(text)?;
                    matches!(status, Status::Actual | Status::Exercise).then(|| text.to_owned())
                };
                self.status = Some(ask::until(call, &words.text("ask-status"), fits)?);
            }
        }
        Ok(())
    }

    fn check(self, call: &Call, reporter: &str) -> Result<Complete, Failure> {
        let words = &call.words;
        let text = |field: Option<String>| field.unwrap_or_default().trim().to_owned();
        let occurred = text(self.occurred);
        let occurred_at_us = happened(&occurred, call.now())
            .ok_or_else(|| args::bad(words, "--occurred", &occurred, "hint-occurred"))?;
        let known_at_us = match text(self.known) {
            known if known.is_empty() => 0,
            known => {
                happened(&known, call.now()).ok_or_else(|| args::bad(words, "--known", &known, "hint-occurred"))?
            }
        };
        Ok(Complete {
            status: args::term(words, "--actual|--exercise", &text(self.status))?,
            precedence: self.precedence.map(|text| args::term(words, "--precedence", &text)).transpose()?,
            report: Report {
                occurred_at_us,
                known_at_us,
                place: text(self.place),
                category: args::term::<Category>(words, "--category", &text(self.category))?.into(),
                text: text(self.text),
                reporter: reporter.to_owned(),
                particulars: items::particulars(call, &self.item, reporter)?,
                grade: self
                    .grade
                    .map(|text| args::term::<Grade>(words, "--grade", &text))
                    .transpose()?
                    .unwrap_or(Grade::Unspecified)
                    .into(),
            },
        })
    }
}

/// When something happened: not in the future. Yesterday has to be said.
pub(crate) fn happened(text: &str, now: Timestamp) -> Option<i64> {
    time::moment(&visible::line(text), now).filter(|us| us.saturating_sub(now.us()) <= AHEAD_US)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::time::tests::MORNING;

    #[test]
    fn what_is_missing_is_named_by_its_flag() {
        let draft = Draft::parse("status = \"演练\"\nplace = \"武汉\"\ntext = \" \"").unwrap();
        assert_eq!(draft.missing(), ["--category", "--occurred", "-m"]);
        assert_eq!(Draft::default().missing().len(), 5);
    }

    #[test]
    fn a_misspelt_field_of_a_file_is_refused() {
        let why = Draft::parse("plase = \"武汉\"").unwrap_err();
        assert!(why.contains("plase"), "{why}");
    }

    #[test]
    fn nothing_is_reported_from_the_future() {
        let now = Timestamp::from_us(MORNING);
        assert!(happened("08:42", now).is_some());
        assert!(happened("08:46", now).is_some());
        assert!(happened("23:50", now).is_none());
        assert!(happened("昨天 23:50", now).is_some());
    }
}
