//! The attributes of serde on a field, as far as the stored row depends on them.
//!
//! A row is stored without the names of its fields, one after the other. So what serde leaves out of it must be left out of
//! what is read, always, and the schema must know.

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::{Attribute, Meta};

use crate::diag::Faults;

/// Words that have nothing to do with what is stored of a value. Those that leave a field out are checked by themselves.
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

/// Reports which of serde's words cannot be in a row, and returns the word by which serde leaves the field out.
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

/// Whether what has these attributes is stored as its type says, and comes back as it was: serde's words change names at most, or
/// leave out altogether.
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

/// The words with commas between them, without what belongs to them.
fn first_idents(tokens: TokenStream) -> Vec<Ident> {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    let words = trees.split(|tree| matches!(tree, TokenTree::Punct(comma) if comma.as_char() == ','));
    let first = words.filter_map(|word| word.first());
    first
        .filter_map(|tree| if let TokenTree::Ident(word) = tree { Some(word.clone()) } else { None })
        .collect()
}
