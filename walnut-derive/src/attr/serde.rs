//! The serde attributes of a field, as far as the stored row depends on them.
//!
//! A row is stored without field names, one field after the other. So what serde leaves out when it
//! writes it must also leave out when it reads, always, and the schema must know.

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::{Attribute, Meta};

use crate::diag::Faults;

/// Words that do not affect the stored value. Those that leave a field out are checked separately.
const HARMLESS: [&str; 12] = [
    "alias",
    "bound",
    "crate",
    "default",
    "deny_unknown_fields",
    "expecting",
    "rename",
    "rename_all",
    "rename_all_fields",
    "skip",
    "skip_deserializing",
    "skip_serializing",
];

/// Reports serde attributes that cannot be on a row, and returns the one with which serde leaves
/// the field out.
pub(crate) fn skipped(attrs: &[Attribute], faults: &mut Faults) -> Option<Ident> {
    let words = words(attrs);
    let find = |name: &str| words.iter().find(|word| *word == name);
    if let Some(word) = find("skip_serializing_if") {
        faults.at(
            word.span(),
            "a stored row has no names, so what is left out of it now and then cannot be read",
        );
    }
    if let Some(word) = find("flatten") {
        faults.at(
            word.span(),
            "a stored row has no names, so there is nothing to flatten into; nest the struct as it is",
        );
    }
    match (find("skip"), find("skip_serializing"), find("skip_deserializing")) {
        (Some(word), ..) | (None, Some(word), Some(_)) => Some(word.clone()),
        (None, Some(word), None) | (None, None, Some(word)) => {
            faults.at(
                word.span(),
                "a row is read as it was written: leave the field out of both, with `#[serde(skip)]`",
            );
            None
        }
        (None, None, None) => None,
    }
}

/// Whether a value with these attributes is stored as its type alone says and is read back
/// unchanged: its serde attributes only rename it, or leave it out completely.
pub(crate) fn is_plain(attrs: &[Attribute]) -> bool {
    words(attrs).iter().all(|word| HARMLESS.iter().any(|harmless| word == harmless))
}

/// The words on a struct or a field.
fn words(attrs: &[Attribute]) -> Vec<Ident> {
    let lists =
        attrs.iter().filter(|attr| attr.path().is_ident("serde")).filter_map(|attr| match &attr.meta {
            Meta::List(list) => Some(list.tokens.clone()),
            _ => None,
        });
    lists.flat_map(first_idents).collect()
}

/// The first identifier of each comma-separated word.
fn first_idents(tokens: TokenStream) -> Vec<Ident> {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    let words = trees.split(|tree| matches!(tree, TokenTree::Punct(comma) if comma.as_char() == ','));
    let first = words.filter_map(|word| word.first());
    first
        .filter_map(|tree| if let TokenTree::Ident(word) = tree { Some(word.clone()) } else { None })
        .collect()
}
