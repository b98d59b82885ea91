//! The layers of the store: a module names modules of lower layers only, and neighbours do not see each other.

use std::collections::{BTreeMap, BTreeSet};

use quote::ToTokens;

use super::paths::named_paths;
use super::source::{Role, Source};
use super::{Fault, Rule};

/// The modules of the store, lowest first.
const LAYERS: &[&[&str]] = &[
    &["error"],
    &["base"],
    &["sync", "codec"],
    &["env"],
    &["crypt"],
    &["cache", "cursor", "files", "mvcc"],
    &["batch", "wal", "memtable", "sst", "vlog"],
    &["manifest"],
    &["compaction"],
    &["engine"],
    &["backend"],
    &["txn"],
    &["table"],
    &["options", "kv"],
    &["follower", "repair", "dump"],
    &["database", "__private", ROOT],
];

/// The crate's root. Its `pub use` may name anything; a module that names an item of the root names this.
const ROOT: &str = "lib";

/// The directory that the layers are about.
pub(super) const STORE: &str = "walnut/src";

/// A module of the store that names another one.
pub(super) struct Import {
    pub(super) from: String,
    pub(super) to: String,
    path: String,
    line: usize,
}

/// Every import that does not point down, and every module that has no layer.
pub(super) fn upward(sources: &[Source]) -> Vec<Fault> {
    let fault = |path: &str, line, text| Fault { rule: Rule::Layer, path: path.to_owned(), line, text };
    let homeless = store(sources).filter(|source| layer(top(source)).is_none()).map(|source| {
        fault(
            &source.path,
            1,
            format!("module `{}` has no layer; give it one in the table of layers", top(source)),
        )
    });
    let upward = imports(sources).into_iter().filter_map(|import| {
        let (from, to) = (layer(&import.from)?, layer(&import.to)?);
        (to >= from).then(|| {
            let Import { from: name, to: named, path, line } = import;
            let text =
                format!("`{name}` (layer {from}) names `{named}` (layer {to}); imports point down only");
            fault(&path, line, text)
        })
    });
    homeless.chain(upward).collect()
}

/// The imports between modules of the store, in production code. Those of the root are left out.
pub(super) fn imports(sources: &[Source]) -> Vec<Import> {
    let modules: BTreeSet<_> = store(sources).map(top).collect();
    let mut imports = Vec::new();
    for source in store(sources).filter(|source| top(source) != ROOT) {
        for named in named_paths(source.production().0.into_token_stream()) {
            let Some(name) = named.name_at_root(&source.module) else { continue };
            let to = if modules.contains(name) { name } else { ROOT };
            if to != top(source) {
                let (from, to, path) = (top(source).to_owned(), to.to_owned(), source.path.clone());
                imports.push(Import { from, to, path, line: named.line });
            }
        }
    }
    imports
}

/// Modules that name each other in a ring, in its order.
pub(super) fn cycle(imports: &[Import]) -> Option<Vec<String>> {
    let mut named: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for import in imports {
        named.entry(&import.from).or_default().insert(&import.to);
    }
    let mut done = BTreeSet::new();
    named.keys().find_map(|start| ring(start, &named, &mut Vec::new(), &mut done))
}

/// A ring that can be reached from `module`, along the modules of `trail`.
fn ring<'m>(
    module: &'m str,
    named: &BTreeMap<&'m str, BTreeSet<&'m str>>,
    trail: &mut Vec<&'m str>,
    done: &mut BTreeSet<&'m str>,
) -> Option<Vec<String>> {
    if let Some(start) = trail.iter().position(|passed| *passed == module) {
        return Some(trail[start..].iter().map(ToString::to_string).collect());
    }
    if !done.insert(module) {
        return None;
    }
    trail.push(module);
    let found = named.get(module).into_iter().flatten().find_map(|next| ring(next, named, trail, done));
    trail.pop();
    found
}

/// The production files of the store.
fn store(sources: &[Source]) -> impl Iterator<Item = &Source> {
    sources.iter().filter(|source| source.path.starts_with(STORE) && source.role == Role::Production)
}

/// The module of the root that a file belongs to.
fn top(source: &Source) -> &str {
    source.module.first().map_or(ROOT, String::as_str)
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}
