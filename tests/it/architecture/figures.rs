//! The figures of the source: how much there is to read, and which files cannot be read without each other.
//!
//! `.ci/figures` prints them. Each has a bound here, near the value of today, so none grows unnoticed; lower it with the figure.

use std::collections::{BTreeMap, BTreeSet};

use quote::ToTokens;
use syn::{Item, UseTree, Visibility};

use super::layers::STORE;
use super::paths::named_paths;
use super::source::{self, Role, Source};

/// The figures and their bounds.
const BOUNDS: Bounds = Bounds { code_lines: 47_500, comment_lines: 12_400, files: 397, circles: 2 };

/// The most that each figure may be.
struct Bounds {
    code_lines: usize,
    comment_lines: usize,
    files: usize,
    circles: usize,
}

#[test]
#[expect(clippy::print_stdout, reason = "`.ci/figures` shows them")]
fn the_figures_of_the_source_stay_within_their_bounds() {
    let sources = source::tree();
    let production: Vec<_> = sources.iter().filter(|source| source.role == Role::Production).collect();
    let (code_lines, comment_lines) = lines(&production);
    let circles = circles(&imports_of_files(&production));
    println!("production files      {:>6}", production.len());
    println!("lines of code         {code_lines:>6}");
    println!("lines of comments     {comment_lines:>6}");
    println!("circles between files {:>6}", circles.len());
    for circle in &circles {
        println!("    {}", circle.iter().copied().collect::<Vec<_>>().join(" "));
    }
    assert!(production.len() <= BOUNDS.files);
    assert!(code_lines <= BOUNDS.code_lines);
    assert!(comment_lines <= BOUNDS.comment_lines);
    assert!(circles.len() <= BOUNDS.circles);
}

/// Lines of code and lines of comments, without empty ones and without what only tests compile.
fn lines(sources: &[&Source]) -> (usize, usize) {
    let (mut code, mut comments) = (0, 0);
    for source in sources {
        for line in source.production_text().lines().map(str::trim).filter(|line| !line.is_empty()) {
            if line.starts_with("//") { comments += 1 } else { code += 1 }
        }
    }
    (code, comments)
}

/// Which files of the store name items of which others. A name that a module only passes on leads to where it is declared.
pub(super) fn imports_of_files<'s>(sources: &[&'s Source]) -> BTreeMap<&'s str, BTreeSet<&'s str>> {
    let store = || sources.iter().filter(|source| source.path.starts_with(STORE));
    let files: BTreeMap<&[String], &Source> =
        store().map(|source| (source.module.as_slice(), *source)).collect();
    let passed_on: BTreeMap<&[String], BTreeMap<String, Vec<String>>> =
        store().map(|source| (source.module.as_slice(), passed_on(source))).collect();
    let mut imports: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for source in store().filter(|source| !source.module.is_empty()) {
        let named = named_paths(without_passed_on(source).into_token_stream());
        for path in named.iter().filter(|path| path.within.is_empty()) {
            let Some(path) = absolute(&source.module, &path.segments) else { continue };
            let Some(file) = declaring_file(path, &files, &passed_on) else { continue };
            if file.path != source.path && !file.module.is_empty() {
                imports.entry(&source.path).or_default().insert(&file.path);
            }
        }
    }
    imports
}

/// The file in which what a path names is declared.
fn declaring_file<'s>(
    mut path: Vec<String>,
    files: &BTreeMap<&[String], &'s Source>,
    passed_on: &BTreeMap<&[String], BTreeMap<String, Vec<String>>>,
) -> Option<&'s Source> {
    for _ in 0..8 {
        let depth = (0..=path.len()).rev().find(|depth| files.contains_key(&path[..*depth]))?;
        let module = &path[..depth];
        let target = path.get(depth).and_then(|name| passed_on.get(module)?.get(name));
        let Some(target) = target else { return files.get(module).copied() };
        path = target.iter().chain(&path[depth + 1..]).cloned().collect();
    }
    None
}

/// A path from the crate's root, if it leads to an item of this crate.
fn absolute(module: &[String], segments: &[String]) -> Option<Vec<String>> {
    match segments.first()?.as_str() {
        "crate" => Some(segments[1..].to_vec()),
        "self" => Some([module, &segments[1..]].concat()),
        "super" => {
            let climbed = segments.iter().take_while(|segment| *segment == "super").count();
            let above = module.len().checked_sub(climbed)?;
            Some([&module[..above], &segments[climbed..]].concat())
        }
        _ => None,
    }
}

/// What a module passes on under its own name: each name with the path that it leads to.
fn passed_on(source: &Source) -> BTreeMap<String, Vec<String>> {
    let mut names = BTreeMap::new();
    for item in &source.production().0.items {
        if let Item::Use(item) = item
            && !matches!(item.vis, Visibility::Inherited)
        {
            leaves(&item.tree, &mut Vec::new(), &mut |path| {
                let from_here = [&["self".to_owned()][..], path].concat();
                let is_rooted = matches!(path[0].as_str(), "crate" | "self" | "super");
                let path = absolute(&source.module, if is_rooted { path } else { &from_here });
                if let Some((name, path)) = path.and_then(|path| Some((path.last()?.clone(), path))) {
                    names.insert(name, path);
                }
            });
        }
    }
    names
}

fn leaves(tree: &UseTree, before: &mut Vec<String>, found: &mut impl FnMut(&[String])) {
    match tree {
        UseTree::Path(path) => {
            before.push(path.ident.to_string());
            leaves(&path.tree, before, found);
            before.pop();
        }
        UseTree::Name(name) => {
            before.push(name.ident.to_string());
            found(before);
            before.pop();
        }
        UseTree::Group(group) => group.items.iter().for_each(|tree| leaves(tree, before, found)),
        UseTree::Rename(_) | UseTree::Glob(_) => {}
    }
}

/// The production code of a file without what it passes on.
fn without_passed_on(source: &Source) -> syn::File {
    let mut file = source.production().0;
    file.items.retain(|item| !matches!(item, Item::Use(item) if !matches!(item.vis, Visibility::Inherited)));
    file
}

/// The groups of files in which each leads to each other.
pub(super) fn circles<'s>(imports: &BTreeMap<&'s str, BTreeSet<&'s str>>) -> Vec<BTreeSet<&'s str>> {
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        imports.keys().map(|from| (*from, reach(from, imports))).collect();
    let mut circles: Vec<BTreeSet<&str>> = Vec::new();
    for (from, to) in &reached {
        let leads_back = |file: &&&str| reached.get(**file).is_some_and(|back| back.contains(from));
        let mut circle: BTreeSet<&str> = to.iter().filter(leads_back).copied().collect();
        circle.insert(from);
        if circle.len() > 1 && !circles.contains(&circle) {
            circles.push(circle);
        }
    }
    circles
}

/// The files that one leads to, over others too.
fn reach<'s>(from: &str, imports: &BTreeMap<&'s str, BTreeSet<&'s str>>) -> BTreeSet<&'s str> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<&str> = imports.get(from).into_iter().flatten().copied().collect();
    while let Some(file) = next.pop() {
        if reached.insert(file) {
            next.extend(imports.get(file).into_iter().flatten());
        }
    }
    reached
}
