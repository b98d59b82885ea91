//! `impl TableMapper`: the schema, and all other members.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;

use super::{codec, index};
use crate::plan::Plan;

pub(super) fn mapper(plan: &Plan<'_>) -> TokenStream {
    let Plan { row, private, .. } = plan;
    let generics = codec::table_generics(plan);
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let here = Span::call_site().located_at(plan.key_span);
    let key = primary_key(plan, here);
    let primary_key = quote_spanned!(here=> type PrimaryKey = #key;);
    let schema = codec::asserted(plan, &schema(plan));
    let (index_members, codec_members) = (index::members(plan), codec::members(plan));
    let (older_rows, checked) = (older_rows(plan), checked(plan));
    let generated = codec::generated(plan, &generics);
    quote! {
        #[automatically_derived]
        impl #impl_generics #private::TableMapper for #row #where_clause {
            #primary_key

            const SCHEMA: #private::TableSchema = #schema;

            #index_members
            #codec_members
            #older_rows
        }

        #generated
        #checked
    }
}

/// Evaluates the schema even if the table is never opened: the previous version must be an older
/// one of the same table.
fn checked(plan: &Plan<'_>) -> Option<TokenStream> {
    let old = plan.migrate_from.filter(|_| !plan.is_generic())?;
    let Plan { row, private, .. } = plan;
    let here = Span::call_site().located_at(old.span());
    Some(quote_spanned!(here=> const _: #private::TableSchema = <#row as #private::TableMapper>::SCHEMA;))
}

/// The function that reads rows of the previous version, with errors at the name of its struct.
fn older_rows(plan: &Plan<'_>) -> Option<TokenStream> {
    let (old, private) = (plan.migrate_from?, &plan.private);
    let here = Span::call_site().located_at(old.span());
    let migrate = quote_spanned!(here=> #private::migrate_row::<Self, #old>(__version, __bytes));
    Some(quote! {
        fn decode_older_row(
            __version: ::core::primitive::u32,
            __bytes: &[::core::primitive::u8],
        ) -> #private::Result<Self, #private::Fault> {
            #migrate
        }
    })
}

/// The type of the primary key. Errors about a tuple are reported at the list of its columns.
fn primary_key(plan: &Plan<'_>, here: Span) -> TokenStream {
    let types = plan.key.iter().map(|column| &column.ty);
    if plan.key.len() == 1 { quote!(#(#types)*) } else { quote_spanned!(here=> (#(#types),*)) }
}

fn schema(plan: &Plan<'_>) -> TokenStream {
    let Plan { private, name, .. } = plan;
    let fields = plan.fields.iter().filter(|field| field.attrs.skip.is_none()).map(|field| {
        let (name, type_name) = (&field.name, type_name(field.ty.to_token_stream()));
        quote!(#private::FieldSchema::new(#name, #type_name))
    });
    let key = plan.key.iter().map(|column| &column.name);
    let indexes = plan.indexes.iter().map(|index| {
        let (name, unique) = (&index.name, index.words.unique.is_some());
        let parts = index.parts.iter().map(|part| part.text(type_name));
        let sparse = index.words.sparse.as_ref().map(|_| quote!(.sparse()));
        let was = index.words.was.as_ref().map(|was| {
            let was = was.value();
            quote!(.was(#was))
        });
        quote!(#private::IndexSchema::new(#name, #unique, &[#(#parts),*]) #sparse #was)
    });
    let version =
        Some(plan.version).filter(|&version| version != 1).map(|version| quote!(.version(#version)));
    let history = plan.history.then(|| quote!(.history()));
    let before = plan.migrate_from.map(|old| {
        let here = Span::call_site().located_at(old.span());
        quote_spanned!(here=> .migrates_from(&<#old as #private::TableMapper>::SCHEMA))
    });
    quote!(#private::TableSchema::new(#name, &[#(#fields),*], &[#(#key),*], &[#(#indexes),*]) #version #history #before .shaped(Self::row_shape))
}

/// The type as written, without spaces except between two words.
fn type_name(tokens: TokenStream) -> String {
    let mut text = String::new();
    write_type(tokens, &mut text);
    text
}

fn write_type(tokens: TokenStream, text: &mut String) {
    for tree in tokens {
        match tree {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    proc_macro2::Delimiter::Parenthesis => ("(", ")"),
                    proc_macro2::Delimiter::Bracket => ("[", "]"),
                    proc_macro2::Delimiter::Brace => ("{", "}"),
                    proc_macro2::Delimiter::None => ("", ""),
                };
                text.push_str(open);
                write_type(group.stream(), text);
                text.push_str(close);
            }
            TokenTree::Punct(punct) => text.push(punct.as_char()),
            word => {
                let word = word.to_string();
                if text.ends_with(is_word) && word.starts_with(is_word) {
                    text.push(' ');
                }
                text.push_str(&word);
            }
        }
    }
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_named_without_needless_spaces() {
        for (written, named) in [
            ("u64", "u64"),
            ("Option < Vec < u8 > >", "Option<Vec<u8>>"),
            ("(u8, std :: string :: String)", "(u8,std::string::String)"),
            ("[u8; 4]", "[u8;4]"),
            ("& 'static str", "&'static str"),
            ("Box<dyn Fn(u8) -> r#type + Send>", "Box<dyn Fn(u8)->r#type+Send>"),
        ] {
            let Ok(tokens) = written.parse() else { panic!("{written} is not a type") };
            assert_eq!(type_name(tokens), named);
        }
    }
}
