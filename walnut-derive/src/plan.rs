//! What is to be emitted, with every name resolved.
//!
//! A plan can be made of a faulty struct too: it holds what could be understood, so that the code which uses the
//! table is still checked against something near to what was meant.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{GenericParam, Generics, Ident, Path, Type, WherePredicate, parse_quote};

use crate::ast::{Field, Table};
use crate::attr::{self, Content, IndexWords};
use crate::check::MAX_COLUMNS;
use crate::part::{Part, Source};

/// What is to be emitted for a table.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says something else of the struct, in any combination"
)]
pub(crate) struct Plan<'a> {
    pub(crate) ident: &'a Ident,
    /// The struct's parameters. A lifetime, which is a fault, is not among them.
    pub(crate) generics: Generics,
    /// The row's type with its arguments.
    pub(crate) row: TokenStream,
    /// The path to the module with all names that derived code uses.
    pub(crate) private: TokenStream,
    pub(crate) name: String,
    /// The version of the layout.
    pub(crate) version: u32,
    /// The struct of the layout before.
    pub(crate) migrate_from: Option<&'a Type>,
    /// Whether it is a layout of the past.
    pub(crate) history: bool,
    pub(crate) fields: &'a [Field],
    /// Whether no attribute of serde changes what is stored of the struct or of a field.
    pub(crate) is_plain: bool,
    /// The columns of the primary key; empty only for a faulty struct.
    pub(crate) key: Vec<&'a Field>,
    /// Where it is said what the primary key is: under its column's type, or under the list of columns.
    pub(crate) key_span: Span,
    /// Whether keys are generated.
    pub(crate) auto: bool,
    /// First those of the struct, then those of the fields, as they are written.
    pub(crate) indexes: Vec<Index<'a>>,
    /// Whether the struct has faults, so that what is emitted never runs.
    pub(crate) is_faulty: bool,
}

/// An index.
pub(crate) struct Index<'a> {
    /// Its name, with `r#` where there is one.
    pub(crate) ident: &'a Ident,
    pub(crate) name: String,
    pub(crate) words: &'a IndexWords,
    pub(crate) parts: Vec<Part<'a>>,
    /// Whether each of its parts was found, as those of a struct without faults are.
    pub(crate) is_whole: bool,
}

impl<'a> Plan<'a> {
    pub(crate) fn of(table: &'a Table, is_faulty: bool) -> Self {
        let name = table.attrs.name.as_ref().map(syn::LitStr::value);
        let key = primary_key(table);
        let (ident, (_, arguments, _)) = (&table.ident, table.generics.split_for_impl());
        Self {
            ident,
            generics: without_lifetimes(&table.generics),
            row: quote!(#ident #arguments),
            private: private(table.attrs.krate.as_ref()),
            name: name.unwrap_or_else(|| table.ident.unraw().to_string()),
            version: table.attrs.version.as_ref().map_or(1, |version| version.number),
            migrate_from: table.attrs.migrate_from.as_ref().map(|(_, old)| old),
            history: table.attrs.history.is_some(),
            fields: &table.fields,
            is_plain: table.is_plain,
            key_span: match (&table.attrs.primary_key, key.first()) {
                (Some(columns), _) => columns.span,
                (None, Some(column)) => column.ty.span(),
                (None, None) => ident.span(),
            },
            auto: table.attrs.primary_key.is_none()
                && key.first().is_some_and(|key| key.attrs.auto.is_some()),
            key,
            indexes: indexes(table),
            is_faulty,
        }
    }

    /// The columns that are read one by one: those of indexes, and those of a primary key that has several.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &'a Field> {
        let in_key = self.key.iter().filter(|_| self.key.len() > 1);
        let in_indexes = self.parts().filter_map(Part::plain);
        let mut places: Vec<&Field> = in_key.copied().chain(in_indexes).collect();
        places.sort_by_key(|field| field.at);
        places.dedup_by_key(|field| field.at);
        places.into_iter()
    }

    /// The parts of all indexes.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &Part<'a>> {
        self.indexes.iter().flat_map(|index| &index.parts)
    }

    pub(crate) fn is_generic(&self) -> bool {
        !self.generics.params.is_empty()
    }
}

impl Index<'_> {
    /// The type of a value: of its part, or the tuple of several parts.
    pub(crate) fn key(&self, private: &TokenStream, is_faulty: bool) -> TokenStream {
        let key = |part: &Part<'_>| if is_faulty { part.likely_key(private) } else { part.key(private) };
        let types: Vec<TokenStream> = self.parts.iter().map(key).collect();
        if let [key] = &types[..] { key.clone() } else { quote!((#(#types),*)) }
    }
}

/// `::walnut::__private`, or the same in the crate at a path of the user's.
pub(crate) fn private(krate: Option<&Path>) -> TokenStream {
    krate.map_or_else(|| quote!(::walnut::__private), |krate| quote!(#krate::__private))
}

/// The generics of an implementation: for a generic type it asks besides that the type is `what`, can be shared and
/// lives long enough, and that those of `keys` are keys which depend on a parameter.
pub(crate) fn bounded<'t>(
    generics: &Generics,
    what: &TokenStream,
    keys: impl Iterator<Item = &'t Type>,
    private: &TokenStream,
) -> Generics {
    let mut generics = generics.clone();
    if generics.params.is_empty() {
        return generics;
    }
    let params: Vec<Ident> = generics.params.iter().filter_map(param_name).collect();
    let mut asked: Vec<WherePredicate> =
        vec![parse_quote!(Self: #what ::core::marker::Send + ::core::marker::Sync + 'static)];
    for ty in keys.filter(|ty| mentions(ty.to_token_stream(), &params)) {
        asked.push(parse_quote!(#ty: #private::Key));
    }
    generics.make_where_clause().predicates.extend(asked);
    generics
}

pub(crate) fn without_lifetimes(generics: &Generics) -> Generics {
    let mut generics = generics.clone();
    let others = |param: &GenericParam| !matches!(param, GenericParam::Lifetime(_));
    generics.params = generics.params.into_iter().filter(others).collect();
    generics
}

fn param_name(param: &GenericParam) -> Option<Ident> {
    match param {
        GenericParam::Type(param) => Some(param.ident.clone()),
        GenericParam::Const(param) => Some(param.ident.clone()),
        GenericParam::Lifetime(_) => None,
    }
}

/// Whether a type depends on a parameter.
pub(crate) fn mentions_a_param(generics: &Generics, ty: &Type) -> bool {
    let params: Vec<Ident> = generics.params.iter().filter_map(param_name).collect();
    mentions(ty.to_token_stream(), &params)
}

fn mentions(tokens: TokenStream, names: &[Ident]) -> bool {
    tokens.into_iter().any(|tree| match tree {
        TokenTree::Ident(ident) => names.contains(&ident),
        TokenTree::Group(group) => mentions(group.stream(), names),
        _ => false,
    })
}

/// The columns of the primary key, as far as they can be found.
fn primary_key(table: &Table) -> Vec<&Field> {
    if let Some(columns) = &table.attrs.primary_key {
        return columns.names.iter().filter_map(|name| table.likely_field(name)).take(MAX_COLUMNS).collect();
    }
    let marked = |field: &&Field| field.attrs.primary_key.is_some();
    // Where none is marked, which is a fault, the field that is marked otherwise is likely meant.
    let otherwise = |field: &&Field| field.key_elsewhere.is_some();
    let mut fields = table.fields.iter();
    fields.clone().find(marked).or_else(|| fields.find(otherwise)).into_iter().collect()
}

fn indexes(table: &Table) -> Vec<Index<'_>> {
    let mut made = 0..;
    let on_struct =
        table.attrs.indexes.iter().map(|index| (&index.name, &index.words, Some(&index.content), None));
    let on_fields = table.fields.iter().filter_map(|field| {
        let index = field.attrs.index.as_ref()?;
        Some((&field.ident, &index.words, None, Some((field, &index.part))))
    });
    let mut indexes: Vec<Index<'_>> = Vec::new();
    for (ident, words, content, field) in on_struct.chain(on_fields) {
        let mut number = || made.next().unwrap_or_default();
        let is_whole = match content {
            Some(Content::Columns(parts)) => {
                let is_known = |part: &attr::Part| {
                    part.path.is_empty() && table.likely_field(&part.name).is_some() || part.ty.is_some()
                };
                parts.complete
                    && (2..=MAX_COLUMNS).contains(&parts.list.len())
                    && parts.list.iter().all(is_known)
            }
            Some(Content::Nested(part)) => part.ty.is_some(),
            _ => true,
        };
        let parts: Vec<Part<'_>> = match (content, field) {
            (Some(Content::Columns(parts)), _) => {
                let found = parts.list.iter().filter_map(|part| Some((source(table, part)?, &part.words)));
                found.map(|(source, words)| Part { source, words, made: number() }).collect()
            }
            (Some(Content::Nested(part)), _) => source(table, part)
                .map(|source| Part { source, words: &part.words, made: number() })
                .into_iter()
                .collect(),
            (Some(Content::Computed { ty, function, part }), _) => {
                vec![Part { source: Source::Function { ty, function }, words: part, made: number() }]
            }
            (None, field) => field
                .map(|(field, words)| Part { source: Source::Field(field), words, made: number() })
                .into_iter()
                .collect(),
        };
        let name = ident.unraw().to_string();
        // Of two with one name, which is a fault, the first is kept.
        if !indexes.iter().any(|earlier| earlier.name == name) {
            indexes.push(Index { ident, name, words, parts, is_whole });
        }
    }
    indexes
}

/// What a part of an index is made of, as far as it can be found.
fn source<'a>(table: &'a Table, part: &'a attr::Part) -> Option<Source<'a>> {
    let field = table.likely_field(&part.name)?;
    Some(match &part.ty {
        Some(ty) if !part.path.is_empty() => Source::Nested { field, part, ty },
        _ => Source::Field(field),
    })
}
