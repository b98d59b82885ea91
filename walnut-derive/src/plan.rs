//! The plan of what to emit, with every name resolved.
//!
//! A faulty struct has a plan too: it contains what was understood, so that code that uses the
//! table is still checked against something close to the intent.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{GenericParam, Generics, Ident, Path, Type, WherePredicate, parse_quote};

use crate::ast::{Field, Table};
use crate::attr::{self, Content, IndexWords};
use crate::check::MAX_COLUMNS;
use crate::part::{Part, Source};

#[expect(
    clippy::struct_excessive_bools,
    reason = "each says something else of the struct, in any combination"
)]
pub(crate) struct Plan<'a> {
    pub(crate) ident: &'a Ident,
    /// The struct's parameters. Lifetimes, which are a fault, are removed.
    pub(crate) generics: Generics,
    /// The row's type with its arguments.
    pub(crate) row: TokenStream,
    /// The path of the module with all names that derived code uses.
    pub(crate) private: TokenStream,
    pub(crate) name: String,
    /// The schema version of the row.
    pub(crate) version: u32,
    /// The struct of the previous version.
    pub(crate) migrate_from: Option<&'a Type>,
    /// Whether it only reads rows of a previous version.
    pub(crate) history: bool,
    pub(crate) fields: &'a [Field],
    /// Whether no serde attribute changes how the struct or a field is stored.
    pub(crate) is_plain: bool,
    /// The columns of the primary key; empty only for a faulty struct.
    pub(crate) key: Vec<&'a Field>,
    /// The span for errors about the primary key: its column's type, or the list of columns.
    pub(crate) key_span: Span,
    /// Whether keys are generated (auto-increment or UUID).
    pub(crate) auto: bool,
    /// First those of the struct, then those of the fields, in source order.
    pub(crate) indexes: Vec<Index<'a>>,
    /// Whether the struct has faults, so that the emitted code never runs.
    pub(crate) is_faulty: bool,
}

pub(crate) struct Index<'a> {
    /// The name, with `r#` if written so.
    pub(crate) ident: &'a Ident,
    pub(crate) name: String,
    pub(crate) words: &'a IndexWords,
    pub(crate) parts: Vec<Part<'a>>,
    /// Whether every column was resolved, as is so for a struct without faults.
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

    /// The columns that are read from the row on their own: those of indexes, and those of a
    /// composite primary key.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &'a Field> {
        let in_key = self.key.iter().filter(|_| self.key.len() > 1);
        let in_indexes = self.parts().filter_map(Part::plain);
        let mut fields: Vec<&Field> = in_key.copied().chain(in_indexes).collect();
        fields.sort_by_key(|field| field.at);
        fields.dedup_by_key(|field| field.at);
        fields.into_iter()
    }

    pub(crate) fn parts(&self) -> impl Iterator<Item = &Part<'a>> {
        self.indexes.iter().flat_map(|index| &index.parts)
    }

    pub(crate) fn is_generic(&self) -> bool {
        !self.generics.params.is_empty()
    }
}

impl Index<'_> {
    /// The key type: of the column, or the tuple of several.
    pub(crate) fn key(&self, private: &TokenStream, is_faulty: bool) -> TokenStream {
        let key = |part: &Part<'_>| if is_faulty { part.likely_key(private) } else { part.key(private) };
        let types: Vec<TokenStream> = self.parts.iter().map(key).collect();
        if let [key] = &types[..] { key.clone() } else { quote!((#(#types),*)) }
    }
}

/// `::walnut::__private`, or the same module of the crate at the user's path.
pub(crate) fn private(krate: Option<&Path>) -> TokenStream {
    krate.map_or_else(|| quote!(::walnut::__private), |krate| quote!(#krate::__private))
}

/// The generics of an implementation. For a generic type they require that `Self` is `what`,
/// `Send`, `Sync` and `'static`, and that each type of `keys` that depends on a parameter is a key.
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

/// The columns of the primary key, as far as they could be resolved.
fn primary_key(table: &Table) -> Vec<&Field> {
    if let Some(columns) = &table.attrs.primary_key {
        return columns.names.iter().filter_map(|name| table.likely_field(name)).take(MAX_COLUMNS).collect();
    }
    let marked = |field: &&Field| field.attrs.primary_key.is_some();
    // If no field is marked, which is a fault, one with another library's mark is likely meant.
    let otherwise = |field: &&Field| field.other_key_attr.is_some();
    let mut fields = table.fields.iter();
    fields.clone().find(marked).or_else(|| fields.find(otherwise)).into_iter().collect()
}

fn indexes(table: &Table) -> Vec<Index<'_>> {
    let mut ordinals = 0..;
    let on_struct =
        table.attrs.indexes.iter().map(|index| (&index.name, &index.words, Some(&index.content), None));
    let on_fields = table.fields.iter().filter_map(|field| {
        let index = field.attrs.index.as_ref()?;
        Some((&field.ident, &index.words, None, Some((field, &index.part))))
    });
    let mut indexes: Vec<Index<'_>> = Vec::new();
    for (ident, words, content, field) in on_struct.chain(on_fields) {
        let mut number = || ordinals.next().unwrap_or_default();
        let is_whole = match content {
            Some(Content::Columns(parts)) => {
                let is_known = |part: &attr::IndexPart| {
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
                found.map(|(source, words)| Part { source, words, ordinal: number() }).collect()
            }
            (Some(Content::Nested(part)), _) => source(table, part)
                .map(|source| Part { source, words: &part.words, ordinal: number() })
                .into_iter()
                .collect(),
            (Some(Content::Computed { ty, function, part }), _) => {
                vec![Part { source: Source::Function { ty, function }, words: part, ordinal: number() }]
            }
            (None, field) => field
                .map(|(field, words)| Part { source: Source::Field(field), words, ordinal: number() })
                .into_iter()
                .collect(),
        };
        let name = ident.unraw().to_string();
        // Of two indexes with one name, which is a fault, the first is kept.
        if !indexes.iter().any(|earlier| earlier.name == name) {
            indexes.push(Index { ident, name, words, parts, is_whole });
        }
    }
    indexes
}

/// The source of a column, as far as it could be resolved.
fn source<'a>(table: &'a Table, part: &'a attr::IndexPart) -> Option<Source<'a>> {
    let field = table.likely_field(&part.name)?;
    Some(match &part.ty {
        Some(ty) if !part.path.is_empty() => Source::Nested { field, part, ty },
        _ => Source::Field(field),
    })
}
