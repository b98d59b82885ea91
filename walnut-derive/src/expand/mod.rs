//! The code that a derive emits.
//!
//! ```text
//! const _: () = {
//!     pub struct __UserIndexes<'a, A> { pub email: Unique<'a, User, String, A>, .. }      index
//!     pub struct __UserIndexNames { pub email: IndexName, .. }                            index
//!     impl KeyPart<__Parts, 1> for User { .. }                                               codec
//!     const _: () = assert!(..);                                                          codec
//!     impl TableMapper for User { .. }                                                    mapper; fallback after a fault
//! };
//! ```
//!
//! 1. Every path is absolute: names in the user's scope have no effect.
//! 2. Every declared name begins with `__`, except fields named after indexes.
//! 3. After a fault the traits are implemented all the same, by code that never runs, so that code
//!    that uses the type has no errors of its own.

mod codec;
mod fallback;
mod index;
mod key;
mod mapper;

use proc_macro2::TokenStream;
use quote::quote;
use syn::DeriveInput;

use crate::ast;
use crate::check;
use crate::diag::Faults;
use crate::key::Key;
use crate::plan::Plan;

/// `#[derive(Table)]`.
pub(crate) fn table(input: &DeriveInput) -> TokenStream {
    let mut faults = Faults::default();
    let table = ast::Table::of(input, &mut faults);
    check::table(&table, &mut faults);
    let plan = Plan::of(&table, faults.len() > 0);
    let handles = index::handles(&plan);
    match faults.finish() {
        Ok(()) => {
            let columns = codec::columns(&plan);
            let mapper = mapper::mapper(&plan);
            in_private(&quote!(#handles #columns #mapper))
        }
        Err(errors) => {
            let mapper = fallback::table(&plan);
            stub(input, &errors, quote!(#handles #mapper))
        }
    }
}

/// `#[derive(Key)]`.
pub(crate) fn key(input: &DeriveInput) -> TokenStream {
    let mut faults = Faults::default();
    let key = Key::of(input, &mut faults);
    match faults.finish() {
        Ok(()) => in_private(&key::key(&key)),
        Err(errors) => stub(input, &errors, fallback::key(&key)),
    }
}

/// `#[derive(Nested)]`.
pub(crate) fn nested(input: &DeriveInput) -> TokenStream {
    let mut faults = Faults::default();
    let items = crate::nested::expand(input, &mut faults);
    match faults.finish() {
        Ok(()) => in_private(&items),
        Err(errors) => errors,
    }
}

/// The errors, and stub items for what could not be emitted.
fn stub(input: &DeriveInput, errors: &TokenStream, items: TokenStream) -> TokenStream {
    let lifetimes = fallback::lifetimes(&input.generics);
    let stub = in_private(&fallback::with_static(&lifetimes, items));
    quote!(#errors #stub)
}

/// Puts the items where their names clash with no others.
fn in_private(items: &TokenStream) -> TokenStream {
    quote! {
        #[doc(hidden)]
        #[allow(
            dead_code,
            deprecated,
            missing_debug_implementations,
            non_camel_case_types,
            non_snake_case,
            private_bounds,
            private_interfaces,
            unreachable_pub,
            clippy::all,
            clippy::pedantic
        )]
        const _: () = { #items };
    }
}
