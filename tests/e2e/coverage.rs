//! Which sentence of the plan is covered by which test: `docs/plan-coverage.md`, made from the names of the tests.
//!
//! A test is named by its row: `row_3_1d_…` covers row 3.1d, `row_3_1d_in_part_…` a part of it. A row nobody tests is
//! open, and the table says so.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

/// The sentences of the plan: number, words, and what software cannot do about it.
const ROWS: &str = include_str!("coverage-rows.tsv");

/// One test that names a row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Test {
    in_part: bool,
    name: String,
    file: String,
}

#[test]
fn the_table_of_coverage_is_what_the_tests_say() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut found = BTreeMap::new();
    for folder in ["node/src", "tests", "relay/src", "ministry-hub/src", "certs"] {
        collect(&root, &root.join(folder), &mut found);
    }
    let fresh = table(&found);
    let committed = fs::read_to_string(root.join("docs/plan-coverage.md")).unwrap_or_default();
    if committed != fresh {
        let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plan-coverage.md");
        fs::write(&made, &fresh).unwrap();
        panic!("docs/plan-coverage.md is stale: cp {} docs/plan-coverage.md", made.display());
    }
}

#[test]
fn the_plan_has_ninety_six_sentences_each_of_them_once() {
    let numbers: Vec<_> = rows().map(|(number, ..)| number).collect();
    let once: std::collections::BTreeSet<_> = numbers.iter().collect();
    assert_eq!((numbers.len(), once.len()), (96, 96));
}

#[test]
fn the_name_of_a_test_says_its_row() {
    let named = |line| test_of(line, "f.rs").map(|(row, test)| (row, test.in_part));
    assert_eq!(named("fn row_3_1d_casualties()"), Some(("3.1d".into(), false)));
    assert_eq!(named("    async fn row_p4_in_part_forms() {"), Some(("P4".into(), true)));
    assert_eq!(named("fn row_1_10_both_lines()"), Some(("1.10".into(), false)));
    assert_eq!(named("fn row_6_2()"), Some(("6.2".into(), false)));
    assert_eq!(named("fn rows()"), None);
    assert_eq!(named("let x = \"fn row_3_1d_x\";"), None);
}

#[test]
fn every_requirement_that_is_easily_missed_names_tests_there_are() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut sources = String::new();
    for folder in ["node/src", "tests"] {
        read_all(&root.join(folder), &mut sources);
    }
    let table = fs::read_to_string(root.join("docs/sharp-requirements.md")).unwrap();
    let lines: Vec<_> = table.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| |")).collect();
    assert_eq!(lines.len(), 15);
    for line in lines {
        let names: Vec<_> = line.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "{line}");
        for name in names {
            assert!(sources.contains(&format!("fn {name}(")), "there is no test {name}");
        }
    }
}

fn read_all(folder: &Path, sources: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_all(&path, sources);
        } else if path.extension().is_some_and(|end| end == "rs") {
            sources.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
}

fn rows() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    ROWS.lines().map(|line| {
        let mut cells = line.split('\t');
        let mut cell = || cells.next().unwrap_or_default();
        (cell(), cell(), cell())
    })
}

/// The tests of all sources below a folder, by row. A row the plan has not is a slip of whoever named the test.
fn collect(root: &Path, folder: &Path, found: &mut BTreeMap<String, Vec<Test>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let file = path.strip_prefix(root).unwrap().display().to_string();
            for (row, test) in fs::read_to_string(&path).unwrap().lines().filter_map(|line| test_of(line, &file)) {
                assert!(rows().any(|(number, ..)| number == row), "{file}: {} names no row of the plan", test.name);
                found.entry(row).or_default().push(test);
            }
        }
    }
}

fn test_of(line: &str, file: &str) -> Option<(String, Test)> {
    let line = line.trim_start();
    let name = line.strip_prefix("async fn ").or_else(|| line.strip_prefix("fn "))?.split('(').next()?;
    let mut parts = name.strip_prefix("row_")?.splitn(3, '_');
    let first = parts.next()?;
    // The preamble has one number, every other row two.
    let (row, rest) = match first.strip_prefix('p') {
        Some(number) => (format!("P{number}"), name.split_once(first)?.1),
        None => {
            let second = parts.next()?;
            (format!("{first}.{second}"), parts.next().unwrap_or_default())
        }
    };
    let in_part = rest.trim_start_matches('_').starts_with("in_part_");
    Some((row, Test { in_part, name: name.to_owned(), file: file.to_owned() }))
}

fn table(found: &BTreeMap<String, Vec<Test>>) -> String {
    let covered = |number: &str| found.get(number).is_some_and(|tests| tests.iter().any(|test| !test.in_part));
    let whole = rows().filter(|(number, ..)| covered(number)).count();
    let part = rows().filter(|(number, ..)| found.contains_key(*number) && !covered(number)).count();
    let open = rows().count() - whole - part;
    let mut text = format!(
        "# What of the plan is covered\n\n\
         Made from the names of the tests by `tests/e2e/coverage.rs`; do not edit. A test covers a row, or a part of \
         it; a row without one is open, whatever else may already work.\n\n\
         Covered {whole}, in part {part}, open {open}.\n\n\
         | row | the plan says | state | tests | what software cannot do |\n|---|---|---|---|---|\n"
    );
    for (number, says, beyond) in rows() {
        let mut tests = found.get(number).cloned().unwrap_or_default();
        tests.sort();
        let state = match tests.is_empty() {
            true => "open",
            false if covered(number) => "covered",
            false => "in part",
        };
        let tests: Vec<_> = tests.iter().map(|test| format!("`{}` ({})", test.name, test.file)).collect();
        writeln!(text, "| {number} | {says} | {state} | {} | {beyond} |", tests.join("<br>")).unwrap();
    }
    text
}
