//! The attributes of a key: the path of the crate and nothing else.
//!
//! A struct may also be a table. The words of a table are ignored here; the other derive parses
//! them.

use proc_macro2::TokenTree;
use syn::parse::ParseStream;
use syn::{Attribute, Path, Result, Token};

use super::{Foreign, SHORT, crate_path, each_attribute, once};
use crate::diag::{Faults, unknown_word};

/// Returns the crate's path, and reports all other words.
pub(crate) fn key_crate(attrs: &[Attribute], faults: &mut Faults) -> Option<Path> {
    let mut path = None;
    each_attribute(attrs, &no_short_forms(), faults, |word, _, input, _| match word.to_string().as_str() {
        "crate" => once(&mut path, word, crate_path(word, input)?),
        "table" | "index" => pass_over(input),
        _ => Err(unknown_word(word, "`#[walnut(..)]` on a key", &["crate"])),
    });
    path
}

/// Reports words on a field or a variant, which take none.
pub(crate) fn key_part(attrs: &[Attribute], faults: &mut Faults) {
    each_attribute(attrs, &no_short_forms(), faults, |word, _, input, _| match word.to_string().as_str() {
        "primary_key" | "index" | "table" => pass_over(input),
        _ => Err(unknown_word(word, "`#[walnut(..)]` within a key", &[])),
    });
}

fn no_short_forms() -> Foreign {
    Foreign(SHORT.map(String::from).to_vec())
}

fn pass_over(input: ParseStream<'_>) -> Result<()> {
    while !input.is_empty() && !input.peek(Token![,]) {
        input.parse::<TokenTree>()?;
    }
    Ok(())
}
