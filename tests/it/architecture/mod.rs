//! The rules of the architecture and of the sources, read off the source tree and the Markdown pages: imports point down,
//! files are short, nothing is left unfinished, links lead somewhere.
//!
//! Each rule is a function from sources to [`Fault`]s, tried on bad examples in [`bad_examples`] and then on the tree.
//! A fault that must stay for a while is named in [`EXCEPTIONS`] with its reason; an exception that nothing needs any more
//! fails as well, so the list only shrinks.
//!
//! Not checked here: style, which rustfmt and clippy see, and macro bodies for the length of their functions.

mod bad_examples;
mod documents;
mod engines;
mod figures;
mod language;
mod layers;
mod paths;
mod rules;
mod source;

use std::fmt;

use source::Source;

/// What may break a rule for now: the file, the rule, and why.
const EXCEPTIONS: &[(&str, Rule, &str)] = &[];

/// What a fault goes against.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Rule {
    /// A module names modules of lower layers only.
    Layer,
    /// Production code of a file has at most 500 lines.
    FileLength,
    /// A function has at most 70 lines.
    FunctionLength,
    /// A file begins with its promise, in `//!`.
    Head,
    /// No unfinished work is marked.
    Unfinished,
    /// Only `env` names `std::fs`.
    FileSystem,
    /// Tests do not sleep.
    Sleep,
    /// No test is ignored.
    Ignored,
    /// A file's name says what is in it.
    Name,
    /// Unsafe code is in the files named for it.
    Unsafe,
    /// Comments and names use the field's words, and a name means one type.
    Language,
    /// A link in a page leads to a file and a heading.
    Link,
    /// A path in a page or a comment is one of a file.
    Path,
    /// The glossary has at most 45 rows.
    Glossary,
    /// A design note has its sections and is listed.
    Note,
}

/// A place that goes against a rule.
#[derive(Debug)]
struct Fault {
    rule: Rule,
    path: String,
    line: usize,
    text: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.text)
    }
}

/// The faults that no exception covers, and the exceptions that cover none, as lines.
fn judge(rule: Rule, faults: &[Fault], exceptions: &[(&str, Rule, &str)]) -> Vec<String> {
    let exceptions = || exceptions.iter().filter(|(_, excepted, _)| *excepted == rule);
    let open = faults.iter().filter(|fault| exceptions().all(|(path, ..)| *path != fault.path));
    let idle = exceptions().filter(|(path, ..)| faults.iter().all(|fault| *path != fault.path));
    open.map(ToString::to_string)
        .chain(idle.map(|(path, rule, _)| {
            format!("{path}: the exception from {rule:?} is no longer needed; remove it")
        }))
        .collect()
}

/// Fails with every fault of the tree that goes against `rule`.
#[track_caller]
fn the_tree_keeps(rule: Rule, check: fn(&[Source]) -> Vec<Fault>) {
    let faults = check(&source::tree());
    assert!(faults.iter().all(|fault| fault.rule == rule));
    let lines = judge(rule, &faults, EXCEPTIONS);
    assert!(lines.is_empty(), "\n{}", lines.join("\n"));
}

#[test]
fn imports_point_down_the_layers() {
    the_tree_keeps(Rule::Layer, layers::upward);
}

#[test]
fn modules_form_no_cycle() {
    let cycle = layers::cycle(&layers::imports(&source::tree()));
    assert!(cycle.is_none(), "these modules name each other in a ring: {cycle:?}");
}

#[test]
fn a_file_is_read_in_one_sitting() {
    the_tree_keeps(Rule::FileLength, rules::long_files);
}

#[test]
fn a_function_fits_a_screen() {
    the_tree_keeps(Rule::FunctionLength, rules::long_functions);
}

#[test]
fn every_file_begins_with_its_promise() {
    the_tree_keeps(Rule::Head, rules::headless);
}

#[test]
fn nothing_is_left_unfinished() {
    the_tree_keeps(Rule::Unfinished, rules::unfinished);
}

#[test]
fn only_env_names_the_file_system() {
    the_tree_keeps(Rule::FileSystem, rules::file_system);
}

#[test]
fn tests_do_not_sleep() {
    the_tree_keeps(Rule::Sleep, rules::sleeping);
}

#[test]
fn no_test_is_ignored() {
    the_tree_keeps(Rule::Ignored, rules::ignored);
}

#[test]
fn no_file_is_a_drawer_for_everything() {
    the_tree_keeps(Rule::Name, rules::drawers);
}

#[test]
fn unsafe_code_stands_in_the_files_named_for_it() {
    the_tree_keeps(Rule::Unsafe, rules::unsafe_code);
}

/// Fails with every fault of the pages.
#[track_caller]
fn the_pages_keep(faults: &[Fault]) {
    let lines: Vec<_> = faults.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "\n{}", lines.join("\n"));
}

#[test]
fn links_of_pages_lead_somewhere() {
    the_pages_keep(&documents::dead_links(&documents::pages(), &source::exists));
}

#[test]
fn paths_in_pages_and_comments_exist() {
    the_pages_keep(&documents::dead_paths(&documents::pages(), &source::tree(), &source::exists));
}

#[test]
fn tours_name_functions_of_the_files_that_they_pass() {
    let pages = documents::pages();
    the_pages_keep(&documents::lost_functions(&pages, &source::tree()));
    let tours = pages.iter().map(|page| page.text.matches("\n## Tour: ").count()).sum::<usize>();
    assert_eq!(tours, 3, "a typed insert, a get and a flush");
}

#[test]
fn the_glossary_is_short() {
    the_pages_keep(&documents::long_glossary(&documents::pages()));
}

#[test]
fn design_notes_have_their_sections_and_are_listed() {
    the_pages_keep(&documents::odd_notes(&documents::pages()));
}

#[test]
fn comments_use_the_words_of_the_field() {
    the_tree_keeps(Rule::Language, |sources| language::words(sources, language::PENDING));
}

#[test]
fn a_comment_fits_the_screen() {
    the_tree_keeps(Rule::Language, language::wide_comments);
}

#[test]
fn a_name_is_that_of_one_type() {
    the_tree_keeps(Rule::Language, |sources| language::types_declared_twice(sources, language::TWICE));
}

#[test]
fn the_whole_tree_is_read() {
    let pages = documents::pages();
    for path in ["README.md", "docs/GLOSSARY.md", "docs/design/memtable.md", "docs/guide/src/tutorial.md"] {
        assert!(pages.iter().any(|page| page.path == path), "{path} was not read");
    }
    let tree = source::tree();
    for path in
        ["walnut/src/lib.rs", "walnut/src/table/key/mod.rs", "walnut-derive/src/lib.rs", "tests/it/main.rs"]
    {
        assert!(tree.iter().any(|source| source.path == path), "{path} was not read");
    }
    let tests = tree.iter().find(|source| source.path == "walnut/src/table/key/tests/law.rs");
    assert!(tests.is_some_and(|source| source.role == source::Role::Test));
}
