//! The rules of the language: comments use the field's words and sentences with a subject, and a name means one type.
//!
//! [`PENDING`] lists the modules whose comments are still to be rewritten. A module that has no fault left must leave the
//! list, so it only shrinks.

use std::collections::{BTreeMap, BTreeSet};

use syn::Item;

use super::source::{Role, Source};
use super::{Fault, Rule};

/// Words that comments of production code do not use, and what to write instead.
const WORDS: &[(&str, &str)] = &[
    ("who", "name the subject: the leader, a reader, the caller"),
    ("whoever", "name the subject: the leader, a reader, the caller"),
    ("whom", "name the subject: the leader, a reader, the caller"),
    ("somebody", "name the subject: another thread, a reader, another process"),
    ("nobody", "name the subject: no reader, no thread"),
    ("everybody", "name the subject: every reader, all writers"),
    ("anybody", "name the subject: any reader, a caller"),
    ("gives", "`returns`"),
    ("stands", "`is`"),
];

/// The widest line of a comment.
const COMMENT_WIDTH: usize = 100;

/// Modules of the store, or other crates, whose comments are still to be rewritten.
pub(super) const PENDING: &[&str] = &[];

/// Names that two types of a crate still have. One that is declared once must leave the list.
pub(super) const TWICE: &[&str] = &["Engine", "Page"];

/// Comments with a word that they should not use. Modules in `pending` are left out, and named when they need not be.
pub(super) fn words(sources: &[Source], pending: &[&str]) -> Vec<Fault> {
    let mut idle: BTreeSet<&str> = pending.iter().copied().collect();
    let mut faults = Vec::new();
    for source in sources.iter().filter(|source| source.role == Role::Production) {
        let area = area(source);
        for (comment, line) in comments(source) {
            let Some((word, instead)) = forbidden(comment) else { continue };
            if pending.contains(&area) {
                idle.remove(area);
            } else {
                let text = format!("`{word}`: {instead}");
                faults.push(Fault { rule: Rule::Language, path: source.path.clone(), line, text });
            }
        }
    }
    faults.extend(idle.into_iter().map(|area| {
        Fault {
            rule: Rule::Language,
            path: area.to_owned(),
            line: 1,
            text: "no comment of it has a word to avoid any more; take it off the list of pending modules"
                .to_owned(),
        }
    }));
    faults
}

/// Comments that are wider than a screen.
pub(super) fn wide_comments(sources: &[Source]) -> Vec<Fault> {
    let production = sources.iter().filter(|source| source.role == Role::Production);
    let comments = production.flat_map(|source| comments(source).map(move |comment| (source, comment)));
    comments
        .filter(|(_, (comment, _))| comment.chars().count() > COMMENT_WIDTH && !is_table(comment))
        .map(|(source, (comment, line))| {
            let width = comment.chars().count();
            let text = format!("a comment of {width} columns, and {COMMENT_WIDTH} are the limit");
            Fault { rule: Rule::Language, path: source.path.clone(), line, text }
        })
        .collect()
}

/// Names that more than one type of a crate has, with the files that declare them, but for those of `known`, of which none may
/// be idle. Variants for platforms are one type.
pub(super) fn types_declared_twice(sources: &[Source], known: &[&str]) -> Vec<Fault> {
    let mut declared: BTreeMap<(&str, String), BTreeSet<&str>> = BTreeMap::new();
    for source in sources.iter().filter(|source| source.role == Role::Production) {
        let crate_name = source.path.split('/').next().unwrap_or_default();
        let (file, _) = source.production();
        for name in types(&file.items) {
            declared.entry((crate_name, name)).or_default().insert(&source.path);
        }
    }
    let is_of_a_platform = |paths: &BTreeSet<&str>| paths.iter().all(|path| path.contains("/env/os/"));
    declared.retain(|_, paths| paths.len() > 1 && !is_of_a_platform(paths));
    let idle =
        known.iter().filter(|known| declared.keys().all(|(_, name)| name != *known)).map(|name| Fault {
            rule: Rule::Language,
            path: (*name).to_owned(),
            line: 1,
            text: "the name is that of one type; take it off the list of names declared twice".to_owned(),
        });
    let twice =
        declared.iter().filter(|((_, name), _)| !known.contains(&name.as_str())).map(|((_, name), paths)| {
            let paths: Vec<_> = paths.iter().copied().collect();
            let text =
                format!("`{name}` is declared in {} too; give each its own name", paths[1..].join(", "));
            Fault { rule: Rule::Language, path: paths[0].to_owned(), line: 1, text }
        });
    twice.chain(idle).collect()
}

/// Whether a comment is a row of a table, which cannot be wrapped.
fn is_table(comment: &str) -> bool {
    comment.trim_start().trim_start_matches('/').trim_start_matches('!').trim_start().starts_with('|')
}

/// The word of a comment that should not be there.
fn forbidden(comment: &str) -> Option<(&'static str, &'static str)> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let mut words = comment.split(|c: char| !is_part(c)).map(str::to_lowercase);
    words.find_map(|word| WORDS.iter().copied().find(|(forbidden, _)| *forbidden == word))
}

/// The lines of production code that are comments, with their numbers. Code in examples of the documentation is none.
fn comments(source: &Source) -> impl Iterator<Item = (&str, usize)> {
    let mut is_example = false;
    source.production_text().lines().zip(1..).filter_map(move |(text, line)| {
        let comment = text.trim_start().strip_prefix("//")?;
        if comment.trim_start_matches(['/', '!']).trim_start().starts_with("```") {
            is_example = !is_example;
            return None;
        }
        (!is_example).then_some((text, line))
    })
}

/// The module of the store that a file belongs to, or its crate.
fn area(source: &Source) -> &str {
    let is_store = source.path.starts_with("walnut/");
    if is_store { source.module.first().map_or("lib", String::as_str) } else { "walnut-derive" }
}

/// The names of the types that these items declare, inline modules included.
fn types(items: &[Item]) -> Vec<String> {
    let name = |item: &Item| match item {
        Item::Struct(item) => vec![item.ident.to_string()],
        Item::Enum(item) => vec![item.ident.to_string()],
        Item::Trait(item) => vec![item.ident.to_string()],
        Item::Union(item) => vec![item.ident.to_string()],
        Item::Mod(item) => item.content.as_ref().map(|(_, items)| types(items)).unwrap_or_default(),
        _ => Vec::new(),
    };
    items.iter().flat_map(name).collect()
}
