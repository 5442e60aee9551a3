//! A scenario: an incident played step by step as a script says, by the commands people type, with what must come of it.
//!
//! A script is a TOML file. Those in `deploy/scenarios` are built in and known by name; an office may write its own and name
//! the file. Each step happens `at` a station and is one of four things:
//!
//! - `types`: a command, word by word, typed by an `officer` of that station. `{name}` stands for the number of a document
//!   that an earlier step filed `as` that name. What fails is typed again for a while: its document may be on its way. With
//!   `refused = true` a rule must say no.
//! - `deed`: `cut`, `heal`, `kill` or `revive` the station or its line.
//! - `owes`: because `of` an incident an `office` has a `duty` (`about` an item or somebody to tell) with this `verdict`, as the
//!   station sees it; `none` = there is no such duty.
//! - `sees`: a `document`, as the station shows it to the officer, has this `at` a place of its JSON.
//!
//! Everything is an exercise: a script that says `--actual` is refused before anything runs.

mod stage;

use std::{collections::BTreeSet, path::Path};

use serde::Deserialize;

pub(crate) use self::stage::{Played, play};
use super::{storm::Deed, trouble::Trouble, words::Lang};

/// Those that are built in.
const BUILT_IN: &[(&str, &str)] = &[
    ("cheating-van", include_str!("../../../deploy/scenarios/cheating-van.toml")),
    ("illness", include_str!("../../../deploy/scenarios/illness.toml")),
    ("insider", include_str!("../../../deploy/scenarios/insider.toml")),
    ("leak-online", include_str!("../../../deploy/scenarios/leak-online.toml")),
    ("paper-seal", include_str!("../../../deploy/scenarios/paper-seal.toml")),
    ("postponed", include_str!("../../../deploy/scenarios/postponed.toml")),
    ("registration-down", include_str!("../../../deploy/scenarios/registration-down.toml")),
    ("rumour", include_str!("../../../deploy/scenarios/rumour.toml")),
    ("second-exam", include_str!("../../../deploy/scenarios/second-exam.toml")),
    ("silent-office", include_str!("../../../deploy/scenarios/silent-office.toml")),
    ("storm-cards", include_str!("../../../deploy/scenarios/storm-cards.toml")),
    ("typhoon", include_str!("../../../deploy/scenarios/typhoon.toml")),
];
/// All of them, one after another.
pub(crate) const ALL: &str = "all";

/// One scenario.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Script {
    #[serde(skip)]
    pub(crate) name: String,
    zh: String,
    en: String,
    #[serde(rename = "step")]
    pub(crate) steps: Vec<Step>,
}

/// One step.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Step {
    zh: String,
    en: String,
    /// Unit or name of a station.
    pub(crate) at: String,
    /// Empty = whoever has the desk.
    pub(crate) officer: String,
    pub(crate) types: Vec<String>,
    #[serde(rename = "as")]
    pub(crate) filed_as: String,
    pub(crate) refused: bool,
    pub(crate) deed: Option<Deed>,
    pub(crate) owes: Option<Owes>,
    pub(crate) sees: Option<Sees>,
}

/// A duty that is expected.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Owes {
    pub(crate) of: String,
    pub(crate) office: String,
    pub(crate) duty: String,
    #[serde(default)]
    pub(crate) about: String,
    pub(crate) verdict: String,
}

/// A part of a document that is expected.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sees {
    pub(crate) document: String,
    pub(crate) at: String,
    pub(crate) is: String,
}

impl Script {
    /// The one of this name, all of them, or the one in this file.
    pub(crate) fn find(name: &str) -> Result<Vec<Self>, Trouble> {
        if name == ALL {
            return BUILT_IN.iter().map(|(name, text)| Self::read(name, text)).collect();
        }
        if let Some((name, text)) = BUILT_IN.iter().find(|(known, _)| *known == name) {
            return Ok(vec![Self::read(name, text)?]);
        }
        if Path::new(name).extension().is_none_or(|end| end != "toml") {
            let known = ["tour", "link-storm", ALL].into_iter().chain(BUILT_IN.iter().map(|(name, _)| *name));
            return Err(Trouble::NoScenario { name: name.to_owned(), known: known.collect::<Vec<_>>().join(" ") });
        }
        let text = std::fs::read_to_string(name).map_err(|why| Trouble::Files { path: name.into(), why })?;
        Ok(vec![Self::read(name, &text)?])
    }

    fn read(name: &str, text: &str) -> Result<Self, Trouble> {
        let bad = |why: String| Trouble::Script { name: name.to_owned(), why };
        let mut script: Self = toml::from_str(text).map_err(|error| bad(error.to_string()))?;
        name.clone_into(&mut script.name);
        script.check().map_err(bad)?;
        Ok(script)
    }

    /// Each step is one thing, speaks of what was filed before it, and is an exercise.
    fn check(&self) -> Result<(), String> {
        let mut filed = BTreeSet::new();
        for (number, step) in (1..).zip(&self.steps) {
            let things = [!step.types.is_empty(), step.deed.is_some(), step.owes.is_some(), step.sees.is_some()];
            let things = things.into_iter().filter(|there| *there).count();
            if things != 1 || step.at.is_empty() {
                return Err(format!("step {number} needs `at` and exactly one of `types`, `deed`, `owes`, `sees`"));
            }
            if step.types.iter().any(|word| word == "--actual") {
                return Err(format!("step {number} says --actual: a scenario is an exercise"));
            }
            let said = step.types.iter().flat_map(|word| named(word)).chain(step.speaks_of());
            if let Some(unknown) = said.into_iter().find(|name| !filed.contains(name)) {
                return Err(format!("step {number} speaks of `{unknown}`, which no step before it files"));
            }
            if !step.filed_as.is_empty() {
                filed.insert(step.filed_as.clone());
            }
        }
        Ok(())
    }

    /// What it is about.
    pub(crate) fn title(&self, lang: Lang) -> &str {
        lang.pick(&self.zh, &self.en)
    }
}

impl Step {
    /// What is told before it.
    pub(crate) fn told(&self, lang: Lang) -> &str {
        lang.pick(&self.zh, &self.en)
    }

    fn speaks_of(&self) -> Vec<String> {
        let owes = self.owes.iter().map(|owes| owes.of.clone());
        let sees = self.sees.iter().flat_map(|sees| named(&sees.is).into_iter().chain([sees.document.clone()]));
        owes.chain(sees).collect()
    }
}

/// The names in a word: `{first}`.
fn named(word: &str) -> Vec<String> {
    word.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_ones_can_be_read_and_all_of_them_are_built_in() {
        let all = Script::find(ALL).unwrap();
        assert_eq!(all.len(), 12);
        let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/scenarios")).unwrap();
        assert_eq!(files.count(), all.len());
        for script in all {
            assert!(script.steps.iter().any(|step| step.owes.is_some()), "{}: what comes of it?", script.name);
            assert!(!script.title(Lang::Zh).is_empty() && script.title(Lang::En).is_ascii(), "{}", script.name);
            for step in script.steps.iter().filter(|step| !step.told(Lang::Zh).is_empty()) {
                assert!(!step.told(Lang::En).is_empty(), "{}: {}", script.name, step.told(Lang::Zh));
            }
        }
    }

    #[test]
    fn what_is_wrong_with_a_script_is_said_with_its_step() {
        let wrong = |steps: &str| match Script::read("x", &format!("zh = \"一\"\nen = \"one\"\n{steps}")) {
            Err(Trouble::Script { why, .. }) => why,
            other => panic!("{other:?}"),
        };
        assert!(wrong("[[step]]\nat = \"武汉\"").contains("step 1 needs"));
        assert!(wrong("[[step]]\nat = \"武汉\"\ntypes = [\"inbox\", \"sign\", \"{first}\"]").contains("`first`"));
        let actual = "[[step]]\nat = \"武汉\"\ntypes = [\"report\", \"submit\", \"--actual\"]";
        assert!(wrong(actual).contains("exercise"));
        assert!(wrong("[[step]]\nwhere = \"武汉\"").contains("where"));
        assert!(
            matches!(Script::find("paper-sael"), Err(Trouble::NoScenario { known, .. }) if known.contains("paper-seal"))
        );
    }
}
