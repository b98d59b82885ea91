//! Golden tests of the expansion: `golden/NAME.rs` is the input, `golden/NAME.expanded.rs` the
//! emitted code.
//!
//! `WALNUT_BLESS=1 cargo test -p walnut-db-derive` writes the current output; review the
//! difference. Code that determines what is stored, the schema and the order of columns, changes
//! only together with a migration.

use std::path::{Path, PathBuf};
use std::{env, fs};

use proc_macro2::TokenStream;
use syn::{DeriveInput, Item};

use crate::expand;

#[test]
fn the_expansions_are_as_written_down() {
    let bless = env::var_os("WALNUT_BLESS").is_some();
    let sources = sources();
    assert!(!sources.is_empty(), "there is nothing to expand");
    for source in sources {
        let expanded = expand_file(&source);
        let golden = source.with_extension("expanded.rs");
        if bless {
            fs::write(&golden, &expanded).unwrap_or_else(|error| panic!("{}: {error}", golden.display()));
        }
        let written = fs::read_to_string(&golden).unwrap_or_default();
        assert_eq!(expanded, written, "{} is not what is emitted", golden.display());
    }
}

#[test]
fn each_expansion_has_a_source() {
    let sources = sources();
    for golden in files().filter(|file| file.to_string_lossy().ends_with(".expanded.rs")) {
        let source = golden.with_extension("").with_extension("rs");
        assert!(sources.contains(&source), "{} has no source", golden.display());
    }
}

fn sources() -> Vec<PathBuf> {
    let mut sources: Vec<PathBuf> =
        files().filter(|file| !file.to_string_lossy().ends_with(".expanded.rs")).collect();
    sources.sort();
    sources
}

fn files() -> impl Iterator<Item = PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|entry| entry.path())
}

/// Expands the derives of all items of a file.
fn expand_file(source: &Path) -> String {
    let text = fs::read_to_string(source).unwrap_or_else(|error| panic!("{}: {error}", source.display()));
    let file = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", source.display()));
    let emitted: TokenStream = file.items.into_iter().map(expand_item).collect();
    let emitted = syn::parse2(emitted).unwrap_or_else(|error| panic!("{}: {error}", source.display()));
    prettyplease::unparse(&emitted)
}

fn expand_item(item: Item) -> TokenStream {
    let input: DeriveInput = match item {
        Item::Struct(item) => item.into(),
        Item::Enum(item) => item.into(),
        _ => panic!("only structs and enums have derives"),
    };
    let derives = input.attrs.iter().filter(|attr| attr.path().is_ident("derive")).map(|attr| {
        let mut emitted = TokenStream::new();
        let parsed = attr.parse_nested_meta(|meta| {
            let last = meta.path.segments.last().map(|segment| segment.ident.to_string());
            match last.as_deref() {
                Some("Table") => emitted.extend(expand::table(&input)),
                Some("Key") => emitted.extend(expand::key(&input)),
                _ => (),
            }
            Ok(())
        });
        parsed.unwrap_or_else(|error| panic!("{error}"));
        emitted
    });
    derives.collect()
}
