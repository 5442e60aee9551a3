//! What a form asks for, one thing a field.

use super::visit::Visit;
use crate::cli::{terms::Listed, words::Words};

/// One thing to be filled in. Its name is what the form sends.
#[derive(Debug, Clone, Default)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) label: String,
    pub(super) hint: String,
    pub(super) value: String,
    pub(super) required: bool,
    pub(super) wide: bool,
    pub(super) input: Input,
}

/// How it is filled in.
#[derive(Debug, Clone)]
pub(super) enum Input {
    /// One line, with what is likely.
    Line(Vec<String>),
    /// Several lines.
    Area,
    /// Not shown.
    Password,
    /// A time as people write it, with what is usual: what it says, what it fills in.
    Moment(Vec<(String, String)>),
    /// One of these: its code, its word.
    Select(Vec<(String, String)>),
    /// One of few.
    Radio(Vec<(String, String)>),
    /// Any of these.
    Checks(Vec<(String, String)>),
}

impl Default for Input {
    fn default() -> Self {
        Self::Line(Vec::new())
    }
}

impl Field {
    pub(super) fn line(name: &str, label: String) -> Self {
        Self { name: name.to_owned(), label, ..Self::default() }
    }

    pub(super) fn area(name: &str, label: String) -> Self {
        Self { input: Input::Area, wide: true, ..Self::line(name, label) }
    }

    pub(super) fn password(name: &str, label: String) -> Self {
        Self { input: Input::Password, ..Self::line(name, label) }
    }

    /// A moment, with buttons for what is usual.
    pub(super) fn moment(name: &str, label: String, words: &Words, ahead: bool) -> Self {
        let usual: &[(&str, &str)] = match ahead {
            true => &[("web-in-15m", "+15m"), ("web-in-1h", "+1h"), ("web-in-4h", "+4h")],
            false => &[("web-now", "now"), ("web-10m-ago", "10m ago"), ("web-1h-ago", "1h ago")],
        };
        let usual = usual.iter().map(|(key, value)| (words.text(key), (*value).to_owned())).collect();
        Self { input: Input::Moment(usual), hint: words.text("web-hint-moment"), ..Self::line(name, label) }
    }

    /// One of a term's values; `none` is what is shown for nothing chosen, where that is allowed.
    pub(super) fn select<T: Listed>(name: &str, label: String, words: &Words, none: Option<String>) -> Self {
        let nothing = none.map(|text| (String::new(), text));
        Self {
            input: Input::Select(nothing.into_iter().chain(choices::<T>(words)).collect()),
            ..Self::line(name, label)
        }
    }

    pub(super) fn radio<T: Listed>(name: &str, label: String, words: &Words) -> Self {
        Self { input: Input::Radio(choices::<T>(words)), ..Self::line(name, label) }
    }

    pub(super) fn of(name: &str, label: String, input: Input) -> Self {
        Self { input, ..Self::line(name, label) }
    }

    pub(super) fn required(self) -> Self {
        Self { required: true, ..self }
    }

    pub(super) fn hint(self, hint: String) -> Self {
        Self { hint, ..self }
    }

    pub(super) fn value(self, value: impl Into<String>) -> Self {
        Self { value: value.into(), ..self }
    }

    /// 实际 or 演练: never chosen beforehand.
    pub(super) fn reality(visit: &Visit) -> Self {
        let both = [("actual", "status-actual"), ("exercise", "status-exercise")];
        let both = both.map(|(code, key)| (code.to_owned(), visit.w(key)));
        Self { input: Input::Radio(both.into()), required: true, ..Self::line("status", visit.w("web-reality")) }
    }

    /// Whether one of several choices is made.
    pub(super) fn has(&self, code: &str) -> bool {
        self.value.lines().any(|one| one == code)
    }

    #[cfg(test)]
    pub(super) fn every_kind(text: &str) -> Vec<Self> {
        let pair = || vec![(text.to_owned(), text.to_owned())];
        let inputs = [
            Input::Line(vec![text.to_owned()]),
            Input::Area,
            Input::Password,
            Input::Moment(pair()),
            Input::Select(pair()),
            Input::Radio(pair()),
            Input::Checks(pair()),
        ];
        let field =
            |input| Self { hint: text.to_owned(), value: text.to_owned(), ..Self::of(text, text.to_owned(), input) };
        inputs.into_iter().map(field).collect()
    }
}

/// All values of a term, by code.
pub(super) fn choices<T: Listed>(words: &Words) -> Vec<(String, String)> {
    T::TERMS.iter().map(|term| (term.code.to_owned(), words.text(term.key))).collect()
}
