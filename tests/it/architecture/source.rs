//! The source tree as it is read: each file with its module, its role and its syntax.
//!
//! A file is test code when it lies in the tests package or below a `#[cfg(test)] mod` of another. Items under
//! `#[cfg(test)]` in a production file are cut out of its [`production`](Source::production) part.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, File, ImplItem, Item, Meta, Stmt};

/// What a file is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Role {
    Production,
    Test,
    Example,
}

/// A file of the tree.
pub(super) struct Source {
    /// From the root of the workspace, its parts divided by `/`.
    pub(super) path: String,
    /// The names of the modules that lead to it from its crate's root.
    pub(super) module: Vec<String>,
    pub(super) role: Role,
    pub(super) text: String,
    pub(super) file: File,
}

impl Source {
    /// The file at `path`, relative to the root of the workspace, in a crate whose sources lie in `crate_dir`.
    pub(super) fn new(crate_dir: &str, path: &str, role: Role, text: &str) -> Self {
        let file = syn::parse_file(text).unwrap_or_else(|error| panic!("{path}: {error}"));
        let inside = path
            .strip_prefix(crate_dir)
            .and_then(|path| path.strip_suffix(".rs"))
            .expect("a path in the crate");
        let mut module: Vec<_> =
            inside.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        if matches!(module.last().map(String::as_str), Some("mod" | "lib" | "main")) {
            module.pop();
        }
        Self { path: path.to_owned(), module, role, text: text.to_owned(), file }
    }

    /// The file without what only tests compile, and how many lines that was. Nothing is left of a file of tests.
    pub(super) fn production(&self) -> (File, usize) {
        let mut file = self.file.clone();
        let mut cut = CutTests { lines: 0 };
        match self.role {
            Role::Production => cut.visit_file_mut(&mut file),
            Role::Test | Role::Example => file.items.clear(),
        }
        (file, cut.lines)
    }

    /// The text before the file's module of tests.
    pub(super) fn production_text(&self) -> &str {
        let end = self.text.find("#[cfg(test)]\nmod tests {").unwrap_or(self.text.len());
        &self.text[..end]
    }

    /// The functions outside of tests, each behind its type, its trait or its module: `Type::function`.
    pub(super) fn functions(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        let mut add =
            |owner: &str, function: &syn::Signature| names.insert(format!("{owner}::{}", function.ident));
        for item in self.production().0.items {
            match item {
                Item::Fn(item) => drop(add(self.module.last().map_or("", String::as_str), &item.sig)),
                Item::Impl(block) => {
                    let syn::Type::Path(owner) = &*block.self_ty else { continue };
                    let owner = owner.path.segments.last().map(|last| last.ident.to_string());
                    for item in &block.items {
                        if let ImplItem::Fn(item) = item {
                            add(owner.as_deref().unwrap_or_default(), &item.sig);
                        }
                    }
                }
                Item::Trait(item) => {
                    for function in &item.items {
                        if let syn::TraitItem::Fn(function) = function {
                            add(&item.ident.to_string(), &function.sig);
                        }
                    }
                }
                _ => {}
            }
        }
        names
    }

    /// The modules that this file declares for tests alone.
    fn test_modules(&self) -> impl Iterator<Item = Vec<String>> {
        self.file.items.iter().filter_map(|item| match item {
            Item::Mod(item) if is_for_tests(&item.attrs) => {
                Some([self.module.as_slice(), &[item.ident.to_string()]].concat())
            }
            _ => None,
        })
    }
}

/// The root of the workspace.
pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace's root")
}

/// Whether there is a file or a directory at a path from the root.
pub(super) fn exists(path: &str) -> bool {
    root().join(path).exists()
}

/// Every source of the workspace.
pub(super) fn tree() -> Vec<Source> {
    let crates = [
        ("walnut/src", Role::Production),
        ("walnut-derive/src", Role::Production),
        ("tests/src", Role::Test),
        ("tests/it", Role::Test),
        ("examples/src", Role::Example),
    ];
    crates.into_iter().flat_map(|(dir, role)| read_crate(root(), dir, role)).collect()
}

/// The sources of one crate, those below a `#[cfg(test)] mod` marked as tests.
fn read_crate(root: &Path, crate_dir: &str, role: Role) -> Vec<Source> {
    let mut sources: Vec<_> = list(&root.join(crate_dir))
        .into_iter()
        .map(|file| {
            let text = fs::read_to_string(&file).expect("a source is text");
            let parts: Vec<_> =
                file.strip_prefix(root).expect("below the root").iter().map(|part| part.to_str()).collect();
            let parts: Option<Vec<_>> = parts.into_iter().collect();
            Source::new(crate_dir, &parts.expect("names in UTF-8").join("/"), role, &text)
        })
        .collect();
    mark_tests(&mut sources);
    sources
}

/// Marks the files below a `#[cfg(test)] mod` as tests.
pub(super) fn mark_tests(sources: &mut [Source]) {
    let tests: BTreeSet<_> = sources.iter().flat_map(Source::test_modules).collect();
    for source in sources {
        if (1..=source.module.len()).any(|depth| tests.contains(&source.module[..depth])) {
            source.role = Role::Test;
        }
    }
}

/// The Rust files below a directory, sorted.
fn list(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display())) {
        let path = entry.expect("an entry of the directory").path();
        if path.is_dir() {
            files.extend(list(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// Removes the items under `#[cfg(test)]`.
struct CutTests {
    lines: usize,
}

impl CutTests {
    /// Whether to keep a thing with these attributes; counts its lines when not.
    fn keeps(&mut self, attributes: &[Attribute], spanned: &impl Spanned) -> bool {
        let is_kept = !is_for_tests(attributes);
        if !is_kept {
            let span = spanned.span();
            self.lines += span.end().line + 1 - span.start().line;
        }
        is_kept
    }
}

impl VisitMut for CutTests {
    fn visit_file_mut(&mut self, file: &mut File) {
        file.items.retain(|item| self.keeps(attributes(item), item));
        visit_mut::visit_file_mut(self, file);
    }

    fn visit_item_mod_mut(&mut self, module: &mut syn::ItemMod) {
        if let Some((_, items)) = &mut module.content {
            items.retain(|item| self.keeps(attributes(item), item));
        }
        visit_mut::visit_item_mod_mut(self, module);
    }

    fn visit_item_impl_mut(&mut self, block: &mut syn::ItemImpl) {
        block.items.retain(|item| match item {
            ImplItem::Fn(item) => self.keeps(&item.attrs, item),
            ImplItem::Const(item) => self.keeps(&item.attrs, item),
            _ => true,
        });
        visit_mut::visit_item_impl_mut(self, block);
    }

    fn visit_block_mut(&mut self, block: &mut syn::Block) {
        block.stmts.retain(|statement| match statement {
            Stmt::Item(item) => self.keeps(attributes(item), item),
            Stmt::Local(local) => self.keeps(&local.attrs, local),
            _ => true,
        });
        visit_mut::visit_block_mut(self, block);
    }
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Whether there is a `#[cfg(test)]` or a `#[cfg(all(test, ..))]`.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => {
            let condition: String = list.tokens.to_string().split_whitespace().collect();
            condition == "test" || condition.starts_with("all(test,")
        }
        _ => false,
    })
}
