//! What offices are called, as far as this station has said: itself, its neighbours, and a document's addressees.

use std::collections::BTreeMap;

use proto::v1::{DocumentView, StatusView};

use super::visible;

/// Names by unit id. One nobody named is shown by its id.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    known: BTreeMap<String, String>,
    neighbours: Vec<String>,
}

impl Names {
    /// The station and its neighbours.
    pub(super) fn of(status: &StatusView) -> Self {
        let mut names = Self::default();
        names.add(&status.unit, &status.name);
        for link in &status.links {
            names.add(&link.unit, &link.name);
            names.neighbours.push(link.unit.clone());
        }
        names
    }

    /// And a document's addressees.
    pub(super) fn with(mut self, view: &DocumentView) -> Self {
        for recipient in &view.recipients {
            self.add(&recipient.unit, &recipient.name);
        }
        self
    }

    fn add(&mut self, unit: &str, name: &str) {
        if !name.is_empty() {
            self.known.insert(unit.to_owned(), visible::line(name));
        }
    }

    /// What a unit is called.
    pub(super) fn get(&self, unit: &str) -> String {
        self.known.get(unit).cloned().unwrap_or_else(|| visible::line(unit))
    }

    /// The id of a neighbour somebody called by its name or id.
    pub(super) fn neighbour(&self, text: &str) -> Option<&str> {
        let named = |unit: &&String| *unit == text || self.known.get(*unit).is_some_and(|name| name == text);
        self.neighbours.iter().find(named).map(String::as_str)
    }

    /// Whether this station has a line of its own to the unit.
    pub(super) fn is_neighbour(&self, unit: &str) -> bool {
        self.neighbours.iter().any(|known| known == unit)
    }
}
