//! The code emitted after a fault: the traits, implemented as far as the struct was understood. It
//! never runs, because compilation fails.

use proc_macro2::{Group, Ident, TokenStream, TokenTree};
use quote::quote;
use syn::{Generics, Type};

use super::index;
use crate::ast::Field;
use crate::key::Key;
use crate::part::{last_segment, likely_key};
use crate::plan::{Plan, bounded};

pub(super) fn table(plan: &Plan<'_>) -> TokenStream {
    let Plan { row, private, name, .. } = plan;
    let key_types = plan.key.iter().map(|column| &column.ty);
    let generics = bounded(&plan.generics, &quote!(), key_types, private);
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let key = primary_key(plan);
    let index_members = index::members(plan);
    let generated = generated(plan, &key, &generics);
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

/// The columns of the primary key; without one, the field `id`, or the first field.
fn columns<'p>(plan: &'p Plan<'_>) -> Vec<&'p Field> {
    if !plan.key.is_empty() {
        return plan.key.clone();
    }
    let owned = || plan.fields.iter().filter(|field| !matches!(field.ty, Type::Reference(_)));
    owned().find(|field| field.name == "id").or_else(|| owned().next()).into_iter().collect()
}

fn primary_key(plan: &Plan<'_>) -> TokenStream {
    let types: Vec<TokenStream> =
        columns(plan).iter().map(|column| likely_key(&column.ty, &plan.private)).collect();
    if let [key] = &types[..] { key.clone() } else { quote!((#(#types),*)) }
}

/// Implements `GeneratesKey` wherever `auto` may have been meant.
fn generated(plan: &Plan<'_>, key: &TokenStream, generics: &Generics) -> Option<TokenStream> {
    let Plan { row, private, .. } = plan;
    let columns = columns(plan);
    let [column] = columns[..] else { return None };
    if !plan.auto && !column.attrs.key_has_errors {
        return None;
    }
    let name = last_segment(&column.ty)?.ident.to_string();
    let counted =
        ["u8", "u16", "u32", "u64", "u128", "i8", "i16", "i32", "i64", "i128", "usize", "isize", "Uuid"];
    if !counted.contains(&name.as_str()) {
        return None;
    }
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    Some(quote! {
        #[automatically_derived]
        impl #impl_generics #private::GeneratesKey for #row #where_clause {
            type Generated = #key;
            fn generated_key(&self) -> &#key {
                loop {}
            }
            fn set_generated_key(&mut self, _: #key) {}
        }
    })
}

/// Replaces these lifetimes by `'static`: with any other the type could not be a table or a key.
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

pub(super) fn lifetimes(generics: &Generics) -> Vec<String> {
    generics.lifetimes().map(|param| param.lifetime.ident.to_string()).collect()
}
