//! What is wrong with a configuration file, shown where it is wrong: file, line, column, the line itself, and the
//! key that was probably meant.

use std::{
    fmt,
    ops::Range,
    path::{Path, PathBuf},
};

use super::Contradiction;

/// Why a configuration was refused. Its text is meant for the person who edits the file.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read at all.
    #[error("cannot read the configuration {}: {source}; name another file with --config", .path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Something in the file is not acceptable.
    #[error("{0}")]
    Mistake(Box<Mistake>),
    /// The file and the topology tell different stories about this station.
    #[error("{}: {what}", .path.display())]
    Disagreement {
        /// Which file.
        path: PathBuf,
        /// The contradiction, and how to end it.
        what: Contradiction,
    },
}

/// One place in the file, and what is wrong there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Which file.
    pub path: PathBuf,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// The line as it stands in the file.
    pub source_line: String,
    /// How many characters of the line are meant.
    pub width: usize,
    /// What is wrong, as a sentence.
    pub what: String,
    /// The name that was probably meant.
    pub near: Option<String>,
}

impl Mistake {
    /// Finds the place a span of bytes means.
    pub(super) fn at(text: &str, path: &Path, span: Range<usize>, what: String, near: Option<String>) -> Self {
        let start = floor(text, span.start);
        let from = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line = text[..start].matches('\n').count() + 1;
        let source_line = text[from..].lines().next().unwrap_or_default().to_owned();
        let before = text[from..start].chars().count();
        let rest = source_line.chars().count().saturating_sub(before);
        let width = text[start..floor(text, span.end).max(start)].chars().count().clamp(1, rest.max(1));
        Self { path: path.to_owned(), line, column: before + 1, source_line, width, what, near }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.path.display(), self.line, self.column, self.what)?;
        if let Some(near) = &self.near {
            write!(f, "; did you mean `{near}`?")?;
        }
        let number = self.line.to_string();
        let indent: usize = self.source_line.chars().take(self.column - 1).map(columns).sum();
        let marked: usize = self.source_line.chars().skip(self.column - 1).take(self.width).map(columns).sum();
        write!(f, "\n  {number} | {}", self.source_line.replace('\t', " "))?;
        write!(f, "\n  {:pad$} | {:indent$}{}", "", "", "^".repeat(marked.max(1)), pad = number.len())
    }
}

/// Chinese characters take two columns in a terminal; without this the mark would miss its place.
fn columns(c: char) -> usize {
    if c >= '\u{1100}' { 2 } else { 1 }
}

fn floor(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The candidate that a slip of the finger would turn into `word`: at most one slip in three letters.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let slips = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= slips)
        .min()
        .map(|(_, candidate)| candidate)
}

/// How many letters must be added, left out, changed or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let changed = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = changed.min(row[j - 1] + 1).min(rows[i - 1][j] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(rows[i - 2][j - 2] + 1);
            }
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_a_stranger_is_not() {
        let keys = ["segment", "retention", "reserve", "index_cache"];
        assert_eq!(nearest("retntion", keys), Some("retention"));
        assert_eq!(nearest("reteniton", keys), Some("retention"));
        assert_eq!(nearest("index-cache", keys), Some("index_cache"));
        assert_eq!(nearest("colour", keys), None);
        assert_eq!(distance("ab", "ba"), 1);
        assert_eq!(distance("", "abc"), 3);
    }

    #[test]
    fn the_mark_stands_under_the_word_even_after_chinese() {
        let text = "a = 1\nname = \"武汉\" # x\n";
        let at = text.find("# x").unwrap();
        let mistake = Mistake::at(text, Path::new("f.toml"), at..at + 3, "no".into(), None);
        assert_eq!((mistake.line, mistake.column), (2, 13));
        assert_eq!(mistake.to_string(), "f.toml:2:13: no\n  2 | name = \"武汉\" # x\n    |               ^^^");
    }

    #[test]
    fn a_span_beyond_the_end_is_survived() {
        let mistake = Mistake::at("x", Path::new("f"), 90..95, "no".into(), None);
        assert_eq!((mistake.line, mistake.column, mistake.width), (1, 2, 1));
    }
}
