//! What is emitted after a fault: the traits, implemented as far as the struct was understood, by code that never
//! runs because nothing is compiled.

use proc_macro2::{Group, Ident, TokenStream, TokenTree};
use quote::quote;
use syn::Generics;

use super::{codec, index};
use crate::key::Key;
use crate::plan::{Plan, bounded, tuple};

pub(super) fn table(plan: &Plan<'_>) -> TokenStream {
    let Plan { row, private, name, .. } = plan;
    let key_types = plan.key.iter().map(|column| &column.ty);
    let generics = bounded(&plan.generics, &quote!(), key_types, private);
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let key = likely_key(plan);
    let index_members = index::members(plan);
    let generated = codec::generated(plan, &generics);
    quote! {
        #[automatically_derived]
        impl #impl_generics #private::TableMapper for #row #where_clause {
            type PrimaryKey = #key;
            const SCHEMA: #private::TableSchema = #private::TableSchema::new(#name, &[], &[], &[]);
            #index_members
            fn encode_primary_key(&self, _: &mut #private::KeyWriter) {}
            fn encode_index(&self, _: ::core::primitive::usize, _: &mut #private::IndexEntries) {}
            fn encode_row(&self, _: &mut #private::Vec<::core::primitive::u8>) -> #private::Result<()> {
                ::core::result::Result::Ok(())
            }
            fn decode_row(_: &[::core::primitive::u8]) -> #private::Result<Self, #private::Fault> {
                ::core::result::Result::Err(#private::Fault::Missing)
            }
        }

        #generated
    }
}

pub(super) fn key(key: &Key) -> TokenStream {
    let Key { this, private, .. } = key;
    let generics = bounded(&key.generics, &quote!(), std::iter::empty(), private);
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #impl_generics #private::Key for #this #where_clause {
            type Ref<'__point> = Self;
            fn encode(&self, _: &mut #private::KeyWriter) {}
            fn encode_ref(_: &Self, _: &mut #private::KeyWriter) {}
            fn decode(_: &mut #private::KeyReader<'_>) -> #private::Result<Self, #private::Fault> {
                ::core::result::Result::Err(#private::Fault::Missing)
            }
        }
    }
}

/// The primary key's type; of a struct without one, that of a field called `id`.
fn likely_key(plan: &Plan<'_>) -> TokenStream {
    if !plan.key.is_empty() {
        return tuple(&plan.key);
    }
    let id =
        plan.fields.iter().find(|field| field.name == "id" && !matches!(field.ty, syn::Type::Reference(_)));
    id.map_or_else(|| quote!(()), |id| tuple(&[id]))
}

/// The same tokens with each of these lifetimes made `'static`: with another one the type could be no table and no key.
pub(super) fn with_static(lifetimes: &[String], tokens: TokenStream) -> TokenStream {
    let mut after_quote = false;
    let replace = |tree: TokenTree| {
        let is_lifetime = std::mem::replace(
            &mut after_quote,
            matches!(&tree, TokenTree::Punct(it) if it.as_char() == '\''),
        );
        match tree {
            TokenTree::Ident(ident) if is_lifetime && lifetimes.contains(&ident.to_string()) => {
                Ident::new("static", ident.span()).into()
            }
            TokenTree::Group(group) => {
                let mut replaced = Group::new(group.delimiter(), with_static(lifetimes, group.stream()));
                replaced.set_span(group.span());
                replaced.into()
            }
            other => other,
        }
    };
    tokens.into_iter().map(replace).collect()
}

/// The names of the lifetime parameters.
pub(super) fn lifetimes(generics: &Generics) -> Vec<String> {
    generics.lifetimes().map(|param| param.lifetime.ident.to_string()).collect()
}
