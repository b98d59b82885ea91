//! The suites that are run on engines elsewhere, too: what is left out of them is listed in docs/TESTING.md with its reason.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::source::root;

const LIST: &str = "docs/TESTING.md";
const SUITES: &str = "tests/on-memory/suites.rs";

/// The features that a test may be left out for, as the list names them.
const ENGINES: [(&str, &str); 3] = [("remote", "any"), ("postgres", "PostgreSQL"), ("etcd", "etcd")];

/// The names that the rows of a table of a page begin with, and the cell after each: from below a heading on, to the next.
fn rows(page: &str, heading: &str) -> BTreeSet<(String, String)> {
    let part = page.split_once(heading).unwrap_or_else(|| panic!("{LIST} has no {heading:?}")).1;
    let part = part.split("\n#").next().unwrap_or_default();
    let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let rows = part.lines().filter(|line| line.starts_with("| `")).map(cells);
    rows.map(|cells| {
        assert!(cells[1..cells.len() - 1].iter().all(|cell| !cell.is_empty()), "no reason: {cells:?}");
        (cells[1].trim_matches('`').to_owned(), cells[2].clone())
    })
    .collect()
}

/// The tests of a text that are compiled only without a feature, with the names of the engines.
fn left_out(text: &str, found: &mut BTreeSet<(String, String)>) {
    let mut engines: Vec<&str> = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with("#[cfg(not(") {
            let is_named = |feature: &str| line.contains(&format!("feature = \"{feature}\""));
            engines =
                ENGINES.iter().filter(|(feature, _)| is_named(feature)).map(|(_, name)| *name).collect();
            assert!(!engines.is_empty() || !line.contains("feature"), "no engine: {line}");
        } else if let Some(name) = line.strip_prefix("fn ").and_then(|rest| rest.split('(').next()) {
            found.extend(engines.drain(..).map(|engine| (name.to_owned(), engine.to_owned())));
        } else if !line.starts_with("#[") && !line.starts_with("///") {
            engines.clear();
        }
    }
}

fn read(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The modules that a text declares for every engine.
fn modules(text: &str) -> BTreeSet<String> {
    let (mut names, mut is_for_all) = (BTreeSet::new(), true);
    for line in text.lines() {
        is_for_all &= !line.starts_with("#[cfg(");
        if let Some(name) = line.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';')) {
            names.extend(is_for_all.then(|| name.to_owned()));
            is_for_all = true;
        }
    }
    names
}

#[test]
fn what_is_not_run_on_engines_elsewhere_is_listed_with_its_reason() {
    let (list, suites) = (read(root().join(LIST)), modules(&read(root().join(SUITES))));
    let mut found = BTreeSet::new();
    for suite in &suites {
        let place = root().join("tests/it").join(suite);
        if place.is_dir() {
            for file in fs::read_dir(&place).expect("a directory") {
                left_out(&read(file.expect("a file").path()), &mut found);
            }
        } else {
            left_out(&read(place.with_extension("rs")), &mut found);
        }
    }
    assert_eq!(rows(&list, "\n### Tests that differ"), found, "{LIST} against #[cfg(not(feature = ..))]");
    let all = modules(&read(root().join("tests/it/main.rs")));
    let listed: BTreeSet<_> =
        rows(&list, "\n### Suites of the embedded database").into_iter().map(|(name, _)| name).collect();
    assert_eq!(listed, all.difference(&suites).cloned().collect(), "{LIST} against {SUITES}");
}

#[test]
fn a_test_that_is_left_out_is_found() {
    let mut found = BTreeSet::new();
    let text = "#[cfg(not(feature = \"remote\"))]\n#[test]\nfn one() {}\n#[test]\nfn two() {}\n\
                #[cfg(not(any(feature = \"etcd\", feature = \"postgres\")))]\n/// Why.\n#[test]\nfn three() {}\n";
    left_out(text, &mut found);
    let names = [("one", "any"), ("three", "PostgreSQL"), ("three", "etcd")];
    assert_eq!(found, names.map(|(name, engine)| (name.to_owned(), engine.to_owned())).into());
}
