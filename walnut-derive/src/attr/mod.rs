//! Attribute parsing for tables, keys and their fields, one word at a time.
//!
//! ```text
//! on the struct   #[table(name = "..", primary_key = (a, b), crate = path)]
//!                 #[index(name = (a, desc(b)), unique)]   #[index(name: Type = path::to::function)]
//!                 #[walnut(table(..), index(..), crate = path)]
//! on a field      #[primary_key]   #[primary_key(auto)]   #[index]   #[index(unique, each, ..)]   #[table(skip)]
//!                 #[walnut(primary_key, index(..), table(skip))]
//! on a key        #[walnut(crate = path)]
//! ```
//!
//! 1. The short form of an attribute and its long form in `#[walnut(..)]` are parsed by the same
//!    code.
//! 2. If a struct uses the long form of a word, the short form of that word belongs to another
//!    derive and is ignored.
//! 3. A repeated word is a fault, and the first one counts.
//!
//! Whether columns exist and names are valid is checked in `check`.

mod field;
mod index;
mod key;
mod serde;
mod table;
mod word;

use proc_macro2::TokenTree;
use quote::ToTokens;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, Ident, Meta, Path, Result};

use crate::diag::Faults;
pub(crate) use field::FieldAttrs;
pub(crate) use index::{Content, IndexPart, IndexWords, PartSpec};
pub(crate) use key::{key_crate, key_part};
pub(crate) use serde::{is_plain, skipped};
pub(crate) use table::TableAttrs;

/// Attributes with which other libraries mark the primary key.
const OTHER_KEY_ATTRS: [&str; 6] = ["primary", "primarykey", "key", "pk", "id", "auto"];

/// The attributes that have a short form.
const SHORT: [&str; 3] = ["table", "index", "primary_key"];

/// The short forms that a struct leaves to another derive.
pub(crate) struct Foreign(Vec<String>);

impl Foreign {
    /// Collects them from all attributes of the struct and of its fields.
    pub(crate) fn of<'a>(attrs: impl Iterator<Item = &'a Attribute>) -> Self {
        let long = attrs.filter(|attr| attr.path().is_ident("walnut"));
        Self(long.flat_map(first_words).filter(|word| SHORT.contains(&word.as_str())).collect())
    }

    fn owns(&self, attr: &Attribute) -> bool {
        self.0.iter().any(|word| attr.path().is_ident(word))
    }
}

/// The first attribute of a field with which another library would mark the primary key.
pub(crate) fn other_key_attr(attrs: &[Attribute]) -> Option<Ident> {
    let names = attrs.iter().filter_map(|attr| attr.path().get_ident());
    names.into_iter().find(|name| OTHER_KEY_ATTRS.iter().any(|key| *name == key)).cloned()
}

/// The words directly inside `#[walnut(..)]`.
fn first_words(attr: &Attribute) -> Vec<String> {
    let Meta::List(list) = &attr.meta else { return Vec::new() };
    let trees: Vec<TokenTree> = list.tokens.clone().into_iter().collect();
    let words = trees.split(|tree| matches!(tree, TokenTree::Punct(comma) if comma.as_char() == ','));
    words.filter_map(|word| word.first()).map(ToString::to_string).collect()
}

/// Calls `read` after each of our words on an item: after `index` for `#[index(..)]` and for
/// `#[walnut(index(..))]`; the flag is whether it is the long form.
fn each_attribute(
    attrs: &[Attribute],
    foreign: &Foreign,
    faults: &mut Faults,
    mut read: impl FnMut(&Ident, bool, ParseStream<'_>, &mut Faults) -> Result<()>,
) {
    for attr in attrs {
        let long = attr.path().is_ident("walnut");
        let short = SHORT.iter().any(|word| attr.path().is_ident(word)) && !foreign.owns(attr);
        let tokens = match &attr.meta {
            Meta::List(list) if long => list.tokens.clone(),
            _ if long => {
                faults.at(attr.path().segments[0].ident.span(), "expected words: `#[walnut(..)]`");
                continue;
            }
            meta if short => meta.to_token_stream(),
            _ => continue,
        };
        let parser = |input: ParseStream<'_>| {
            word::each(input, faults, |word, input, faults| read(word, long, input, faults));
            Ok(())
        };
        if let Err(fault) = parser.parse2(tokens) {
            faults.add(fault);
        }
    }
}

/// `= path::to::walnut`.
fn crate_path(word: &Ident, input: ParseStream<'_>) -> Result<Path> {
    let expected = "expected the path to the crate: `crate = path::to::walnut`";
    word::equals(word, input, expected)?;
    let written = input.span();
    Path::parse_mod_style(input).map_err(|_| syn::Error::new(written, expected))
}

/// Sets a word that may occur once.
fn once<T>(slot: &mut Option<T>, word: &Ident, value: T) -> Result<()> {
    if slot.is_some() {
        return Err(syn::Error::new(word.span(), format!("`{word}` is given twice")));
    }
    *slot = Some(value);
    Ok(())
}
