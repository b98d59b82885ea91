//! The derive macros of Walnut.

use proc_macro::TokenStream;

/// Makes a struct a table.
#[proc_macro_derive(Table, attributes(table, primary_key, index, walnut))]
pub fn table(_input: TokenStream) -> TokenStream {
    TokenStream::new()
}

/// Makes a type a key.
#[proc_macro_derive(Key, attributes(walnut))]
pub fn key(_input: TokenStream) -> TokenStream {
    TokenStream::new()
}
