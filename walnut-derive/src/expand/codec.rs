//! How a row's keys and the row itself become bytes, and what must hold of their types.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use crate::ast::Field;
use crate::plan::{Plan, bounded};

/// `impl Part` for each column that is read by itself, and the assertions.
pub(super) fn columns(plan: &Plan<'_>) -> TokenStream {
    let Plan { row, private, .. } = plan;
    let generics = table_generics(plan);
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let columns = plan.columns().map(|Field { at, ident: field, ty, .. }| {
        quote! {
            #[automatically_derived]
            impl #impl_generics #private::Part<__Parts, #at> for #row #where_clause {
                type Key = #ty;
                fn part(&self) -> &#ty {
                    &self.#field
                }
            }
        }
    });
    // Of a type without parameters it is known here, and told before anybody uses the table.
    let assertions = (!plan.is_generic()).then(|| assertions(plan, row)).into_iter().flatten();
    quote! {
        struct __Parts;
        #(#columns)*
        #(const _: () = #assertions;)*
    }
}

/// A constant of a generic type with its assertions, which can be evaluated only where the parameters are known.
pub(super) fn asserted(plan: &Plan<'_>, constant: &TokenStream) -> TokenStream {
    let assertions = if plan.is_generic() { assertions(plan, &quote!(Self)) } else { Vec::new() };
    if assertions.is_empty() {
        return constant.clone();
    }
    // The constant comes first: behind a branch its lists would be temporary.
    quote!({
        let __constant = #constant;
        #(#assertions;)*
        __constant
    })
}

/// The functions that write and read.
pub(super) fn members(plan: &Plan<'_>) -> TokenStream {
    let private = &plan.private;
    let key = if let [column] = plan.key[..] {
        let field = &column.ident;
        quote!(#private::encode_key::<Self>(&self.#field, __out);)
    } else {
        let places = plan.key.iter().map(|column| column.at);
        quote!(#(#private::encode_part::<Self, __Parts, #places>(self, __out);)*)
    };
    let indexes = plan.indexes.iter().enumerate().map(|(at, index)| {
        let places = index.columns.iter().map(|column| column.at);
        quote! {
            #at => {
                #(#private::index_part::<Self, __Parts, #places>(self, __entries);)*
                __entries.finish();
            }
        }
    });
    let (index, entries) =
        if plan.indexes.is_empty() { (quote!(_), quote!(_)) } else { (quote!(__index), quote!(__entries)) };
    let choice = (!plan.indexes.is_empty()).then(|| quote!(match __index { #(#indexes)* _ => {} }));
    // What is missing of serde is told under the struct's name.
    let here = Span::call_site().located_at(plan.ident.span());
    let encode_row = quote_spanned!(here=> #private::encode_row::<Self>(self, __out));
    let decode_row = quote_spanned!(here=> #private::decode_row::<Self>(__bytes));
    quote! {
        fn encode_primary_key(&self, __out: &mut #private::KeyWriter) {
            #key
        }

        fn encode_index(&self, #index: ::core::primitive::usize, #entries: &mut #private::IndexEntries) {
            #choice
        }

        fn encode_row(&self, __out: &mut #private::Vec<::core::primitive::u8>) -> #private::Result<()> {
            #encode_row
        }

        fn decode_row(__bytes: &[::core::primitive::u8]) -> #private::Result<Self, #private::Fault> {
            #decode_row
        }
    }
}

/// The generics of every implementation for the row's type.
pub(super) fn table_generics(plan: &Plan<'_>) -> syn::Generics {
    let private = &plan.private;
    let mut keys: Vec<&Field> = plan.key.iter().copied().chain(plan.columns()).collect();
    keys.sort_by_key(|field| field.at);
    keys.dedup_by_key(|field| field.at);
    let serde = quote!(#private::Serialize + #private::DeserializeOwned +);
    bounded(&plan.generics, &serde, keys.into_iter().map(|field| &field.ty), private)
}

/// One assertion for each type that must tell equal values from different ones.
fn assertions(plan: &Plan<'_>, row: &TokenStream) -> Vec<TokenStream> {
    let private = &plan.private;
    let key = plan.key.iter().map(|column| {
        let at = column.at;
        let exact = if plan.key.len() == 1 {
            quote!(#private::key_is_exact::<#row>())
        } else {
            quote!(#private::part_is_exact::<#row, __Parts, #at>())
        };
        (exact, *column, "in the primary key".to_owned())
    });
    let unique = plan.indexes.iter().filter(|index| index.unique).flat_map(|index| {
        index.columns.iter().map(|column| {
            let at = column.at;
            let exact = quote!(#private::part_is_exact::<#row, __Parts, #at>());
            (exact, *column, format!("in the unique index `{}`", index.name))
        })
    });
    let assertion = |(exact, column, place): (TokenStream, &Field, String)| {
        let message = format!(
            "field `{}` cannot stand {place}: values of its type are not told apart exactly (`Key::EXACT`), as is so \
             with floating-point numbers",
            column.name
        );
        quote_spanned!(column.ty.span()=> ::core::assert!(#exact, #message))
    };
    key.chain(unique).map(assertion).collect()
}
