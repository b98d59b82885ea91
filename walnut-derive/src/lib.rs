//! The derive macros of Walnut.

mod ast;
mod attr;
mod check;
mod diag;
mod expand;
#[cfg(test)]
mod golden;
mod key;
mod plan;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Makes a struct a table.
#[proc_macro_derive(Table, attributes(table, primary_key, index, walnut))]
pub fn table(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand::table(&input).into()
}

/// Makes a type a key.
#[proc_macro_derive(Key, attributes(walnut))]
pub fn key(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand::key(&input).into()
}
