//! The rules for the Markdown pages: links and paths lead to files, tours to functions, the glossary stays short, a design note has its parts.
//!
//! Pages of the guide name no sources; their programs are compiled elsewhere (`guide.rs`).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::source::{Source, root};
use super::{Fault, Rule};

/// The most rows of the glossary.
const GLOSSARY_ROWS: usize = 45;

const GLOSSARY: &str = "docs/GLOSSARY.md";
const DESIGN: &str = "docs/design/";
const DESIGN_LIST: &str = "docs/design/README.md";

/// The sections that every design note has.
const NOTE_SECTIONS: [&str; 3] = ["How it works", "Invariants", "Rejected"];

/// Directories with pages, searched with all that is below them; the root is searched by itself.
const PAGE_DIRS: [&str; 3] = ["docs", "bench", "examples/data"];

/// Where the path of a source in a page may begin.
const SOURCE_ROOTS: [&str; 2] = ["", "walnut/src/"];

/// A Markdown page.
pub(super) struct Page {
    /// From the root of the workspace.
    pub(super) path: String,
    pub(super) text: String,
}

/// The pages of the workspace, by their paths.
pub(super) fn pages() -> Vec<Page> {
    let mut pages = BTreeMap::new();
    collect("", false, &mut pages);
    for dir in PAGE_DIRS {
        collect(&format!("{dir}/"), true, &mut pages);
    }
    pages.into_iter().map(|(path, text)| Page { path, text }).collect()
}

fn collect(dir: &str, is_deep: bool, pages: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(root().join(dir)).expect("a directory of the workspace") {
        let entry = entry.expect("an entry of the directory").path();
        let name = entry.file_name().and_then(|name| name.to_str()).expect("a name in UTF-8");
        let path = format!("{dir}{name}");
        if entry.is_dir() && is_deep {
            collect(&format!("{path}/"), true, pages);
        } else if Path::new(name).extension().is_some_and(|extension| extension == "md") {
            pages.insert(path, fs::read_to_string(&entry).expect("a page is text"));
        }
    }
}

/// Links to files or headings that do not exist. `exists` is asked for paths from the root.
pub(super) fn dead_links(pages: &[Page], exists: &dyn Fn(&str) -> bool) -> Vec<Fault> {
    let mut faults = Vec::new();
    for page in pages {
        for (line, text) in prose(&page.text) {
            for target in links(text).filter(|target| !target.contains(':')) {
                let (path, heading) = target.split_once('#').unwrap_or((target, ""));
                let path = if path.is_empty() { page.path.clone() } else { resolved(&page.path, path) };
                let known = pages.iter().find(|page| page.path == path);
                let is_dead = if heading.is_empty() {
                    known.is_none() && !exists(&path)
                } else {
                    known.is_none_or(|page| !headings(&page.text).any(|text| anchor(text) == heading))
                };
                if is_dead {
                    faults.push(fault(Rule::Link, &page.path, line, format!("`{target}` leads nowhere")));
                }
            }
        }
    }
    faults
}

/// Paths of sources in pages, and of pages in sources, at which there is no file.
pub(super) fn dead_paths(pages: &[Page], sources: &[Source], exists: &dyn Fn(&str) -> bool) -> Vec<Fault> {
    let text = |path: &str| format!("there is no `{path}`");
    let mut faults = Vec::new();
    for page in pages {
        for (line, prose) in prose(&page.text) {
            let paths = prose.split('`').skip(1).step_by(2).filter(|span| is_source_path(span));
            let dead = paths.filter(|path| !SOURCE_ROOTS.iter().any(|root| exists(&format!("{root}{path}"))));
            faults.extend(dead.map(|path| fault(Rule::Path, &page.path, line, text(path))));
        }
    }
    for source in sources {
        for (line, comment) in
            (1..).zip(source.text.lines()).filter(|(_, line)| line.trim_start().starts_with("//"))
        {
            let words = comment.split(|c: char| !c.is_ascii_alphanumeric() && !"/._-".contains(c));
            let dead =
                words.filter(|word| word.starts_with("docs/") && has_extension(word, "md") && !exists(word));
            faults.extend(dead.map(|path| fault(Rule::Path, &source.path, line, text(path))));
        }
    }
    faults
}

/// Functions that a step of a tour names, as `Type::function`, and that no file declares which the step names.
pub(super) fn lost_functions(pages: &[Page], sources: &[Source]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for page in pages {
        for (line, step) in tour_steps(&page.text) {
            let spans = || step.split('`').skip(1).step_by(2);
            let is_named = |source: &&Source| {
                spans().any(|span| SOURCE_ROOTS.iter().any(|root| source.path == format!("{root}{span}")))
            };
            let declared: BTreeSet<String> =
                sources.iter().filter(is_named).flat_map(Source::functions).collect();
            for span in spans().filter(|span| is_function(span) && !declared.contains(*span)) {
                let text = format!("none of the files of this step declares `{span}`");
                faults.push(fault(Rule::Path, &page.path, line, text));
            }
        }
    }
    faults
}

/// The paragraphs and numbered steps below the headings of tours, each with its first line.
fn tour_steps(text: &str) -> Vec<(usize, String)> {
    let (mut steps, mut is_tour) = (Vec::<(usize, String)>::new(), false);
    for (number, line) in prose(text) {
        if line.starts_with('#') {
            is_tour = line.contains("Tour: ");
        } else if is_tour {
            let begins = line.is_empty() || line.starts_with(|c: char| c.is_ascii_digit());
            match steps.last_mut() {
                Some((_, step)) if !begins => step.extend(["\n", line]),
                _ => steps.push((number + usize::from(line.is_empty()), line.to_owned())),
            }
        }
    }
    steps
}

/// Whether it is of the form `Type::function`.
fn is_function(span: &str) -> bool {
    span.rsplit_once("::").is_some_and(|(_, name)| name.starts_with(|c: char| c.is_ascii_lowercase()))
}

/// A glossary with more rows than a reader learns.
pub(super) fn long_glossary(pages: &[Page]) -> Vec<Fault> {
    let glossaries = pages.iter().filter(|page| page.path == GLOSSARY);
    let rows = |page: &Page| {
        let lines = page.text.lines().filter(|line| line.starts_with('|'));
        lines.filter(|line| !line.starts_with("| word |") && !line.starts_with("|-")).count()
    };
    glossaries
        .map(|page| (page, rows(page)))
        .filter(|(_, rows)| *rows > GLOSSARY_ROWS)
        .map(|(page, rows)| {
            let text = format!("{rows} rows, and {GLOSSARY_ROWS} are the limit; use the field's word");
            fault(Rule::Glossary, &page.path, 1, text)
        })
        .collect()
}

/// Design notes that lack a section or that the list does not name, and notes in another directory.
pub(super) fn odd_notes(pages: &[Page]) -> Vec<Fault> {
    let list = pages.iter().find(|page| page.path == DESIGN_LIST).map_or("", |page| &page.text);
    let mut faults = Vec::new();
    for page in pages {
        if page.path.starts_with("docs/decisions/") {
            let text = "a design note goes into docs/design/, beside the others of its part".to_owned();
            faults.push(fault(Rule::Note, &page.path, 1, text));
        }
        let Some(name) = page.path.strip_prefix(DESIGN).filter(|_| page.path != DESIGN_LIST) else {
            continue;
        };
        for section in NOTE_SECTIONS {
            if !headings(&page.text).any(|heading| heading == section) {
                let text = format!("a design note has a section \"{section}\"");
                faults.push(fault(Rule::Note, &page.path, 1, text));
            }
        }
        if !list.contains(&format!("({name})")) {
            faults.push(fault(Rule::Note, &page.path, 1, format!("{DESIGN_LIST} does not list it")));
        }
    }
    faults
}

/// The lines outside of code blocks, with their numbers.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut is_code = false;
    (1..).zip(text.lines()).filter(move |(_, line)| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target)
}

fn headings(text: &str) -> impl Iterator<Item = &str> {
    prose(text).filter(|(_, line)| line.starts_with('#')).map(|(_, line)| line.trim_start_matches('#').trim())
}

/// The anchor that Markdown makes of a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

/// The path from the root of what a page names by a path from itself.
fn resolved(page: &str, target: &str) -> String {
    let mut parts: Vec<_> = page.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    parts.join("/")
}

fn is_source_path(span: &str) -> bool {
    span.contains('/')
        && has_extension(span, "rs")
        && span.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c))
}

fn has_extension(path: &str, extension: &str) -> bool {
    Path::new(path).extension().is_some_and(|found| found == extension)
}

fn fault(rule: Rule, path: &str, line: usize, text: String) -> Fault {
    Fault { rule, path: path.to_owned(), line, text }
}
