//! What people read, in their language. Chinese unless something says otherwise; English complete.
//! Keys of JSON, exit codes and the names of flags are never translated.

use std::{borrow::Cow, ffi::OsString, fmt, sync::Arc};

use fluent_bundle::{FluentArgs, FluentResource, FluentValue, concurrent::FluentBundle};
use unic_langid::LanguageIdentifier;

/// The languages of this product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lang {
    /// 中文
    Zh,
    /// English
    En,
}

/// What is said everywhere, and what only the pages of the desk say.
pub(super) const ZH: [&str; 2] = [include_str!("../../locales/zh.ftl"), include_str!("../../locales/desk.zh.ftl")];
pub(super) const EN: [&str; 2] = [include_str!("../../locales/en.ftl"), include_str!("../../locales/desk.en.ftl")];

/// Every message, in one language.
#[derive(Clone)]
pub struct Words {
    lang: Lang,
    bundle: Arc<FluentBundle<FluentResource>>,
}

impl Words {
    /// The words of one language.
    pub fn new(lang: Lang) -> Self {
        let (tag, sources) = match lang {
            Lang::Zh => ("zh", ZH),
            Lang::En => ("en", EN),
        };
        let mut bundle = FluentBundle::new_concurrent(vec![tag.parse::<LanguageIdentifier>().unwrap_or_default()]);
        // The marks around arguments are for mixed-direction pages; a terminal would show them.
        bundle.set_use_isolating(false);
        // A test reads both files whole; whatever could be read is better than silence.
        for source in sources {
            let resource = FluentResource::try_new(source.to_owned()).unwrap_or_else(|(read, _)| read);
            bundle.add_resource_overriding(resource);
        }
        Self { lang, bundle: Arc::new(bundle) }
    }

    /// Which language this is.
    pub fn lang(&self) -> Lang {
        self.lang
    }

    /// Whether there is such a message.
    pub fn has(&self, key: &str) -> bool {
        self.bundle.has_message(key)
    }

    /// A message without arguments.
    pub fn text(&self, key: &str) -> String {
        self.say(key, &[])
    }

    /// A message. One that is missing shows its key, which says more than nothing.
    pub fn say(&self, key: &str, args: &[(&str, FluentValue<'_>)]) -> String {
        let Some(pattern) = self.bundle.get_message(key).and_then(|message| message.value()) else {
            return key.to_owned();
        };
        let mut given = FluentArgs::new();
        for (name, value) in args {
            given.set(Cow::Borrowed(*name), value.clone());
        }
        self.bundle.format_pattern(pattern, Some(&given), &mut Vec::new()).into_owned()
    }
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Words").field("lang", &self.lang).finish_non_exhaustive()
    }
}

/// Which language to speak: the flag, then what the environment says, in this order. It must be known before the
/// flags are parsed, because their help is in it.
pub fn choose(args: &[OsString], environment: &[Option<String>]) -> Lang {
    let mut args = args.iter().skip(1).map(|arg| arg.to_string_lossy());
    let mut flag = None;
    while let Some(arg) = args.next() {
        match arg.as_ref() {
            "--" => break,
            "--lang" => flag = args.next().map(Cow::into_owned),
            other => flag = other.strip_prefix("--lang=").map(str::to_owned).or(flag),
        }
    }
    [flag.as_ref()]
        .into_iter()
        .chain(environment.iter().map(Option::as_ref))
        .flatten()
        .find_map(|text| named(text))
        .unwrap_or(Lang::Zh)
}

/// `C` and `POSIX` name no language.
fn named(text: &str) -> Option<Lang> {
    match text.split(['_', '.', '-', '@']).next().unwrap_or_default() {
        "" | "C" | "POSIX" => None,
        "zh" => Some(Lang::Zh),
        _ => Some(Lang::En),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(args: &[&str], environment: &[&str]) -> Lang {
        let args: Vec<OsString> = args.iter().map(OsString::from).collect();
        let environment: Vec<_> = environment.iter().map(|text| Some((*text).to_owned())).collect();
        choose(&args, &environment)
    }

    #[test]
    fn chinese_unless_something_says_otherwise() {
        assert_eq!(chosen(&["x"], &[]), Lang::Zh);
        assert_eq!(chosen(&["x"], &["C.UTF-8"]), Lang::Zh);
        assert_eq!(chosen(&["x"], &["en_US.UTF-8"]), Lang::En);
        assert_eq!(chosen(&["x", "status", "--lang", "zh"], &["en_US.UTF-8"]), Lang::Zh);
        assert_eq!(chosen(&["x", "--lang=en", "status"], &["zh_CN.UTF-8"]), Lang::En);
        assert_eq!(chosen(&["x"], &["zh", "en_US.UTF-8"]), Lang::Zh);
    }

    #[test]
    fn a_missing_message_shows_its_key() {
        assert_eq!(Words::new(Lang::En).text("no-such-message"), "no-such-message");
    }
}
