//! A column of an index: its source in the row, and the types that follow from how it is stored.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::spanned::Spanned;
use syn::{GenericArgument, Path, PathArguments, PathSegment, Type};

use crate::ast::Field;
use crate::attr::{self, PartSpec};
use crate::check::{SINGLE, without_group};

/// Collections whose element is their first type argument.
const COLLECTIONS: [&str; 8] =
    ["Vec", "VecDeque", "LinkedList", "HashSet", "BTreeSet", "HashMap", "BTreeMap", "Option"];

/// Types that are known not to be keys.
const NO_KEYS: [&str; 3] = ["usize", "isize", "Decimal"];

pub(crate) struct Part<'a> {
    pub(crate) source: Source<'a>,
    pub(crate) words: &'a PartSpec,
    /// Its ordinal among the columns of all indexes.
    pub(crate) ordinal: usize,
}

/// Where the value of a column comes from.
#[derive(Clone, Copy)]
pub(crate) enum Source<'a> {
    Field(&'a Field),
    /// A field of a field.
    Nested {
        field: &'a Field,
        part: &'a attr::IndexPart,
        ty: &'a Type,
    },
    Function {
        ty: &'a Type,
        function: &'a Path,
    },
}

impl<'a> Part<'a> {
    pub(crate) fn ty(&self) -> &'a Type {
        match self.source {
            Source::Field(field) => &field.ty,
            Source::Nested { ty, .. } | Source::Function { ty, .. } => ty,
        }
    }

    /// The field, if it is stored without a change.
    pub(crate) fn plain(&self) -> Option<&'a Field> {
        match self.source {
            Source::Field(field) if self.words.is_empty() => Some(field),
            _ => None,
        }
    }

    /// The path to the value in the row, unless it is a field that is stored without a change.
    pub(crate) fn value_path(&self) -> Option<TokenStream> {
        match self.source {
            Source::Field(field) if !self.words.is_empty() => Some(field.ident.to_token_stream()),
            Source::Nested { field, part, .. } => {
                let (field, path) = (&field.ident, &part.path);
                Some(quote!(#field #(.#path)*))
            }
            _ => None,
        }
    }

    /// The collection whose elements are stored, without the `Option` around it. For a column
    /// without `each`, its type.
    pub(crate) fn collection(&self) -> &'a Type {
        match (&self.words.each, optional(self.ty())) {
            (Some(_), Some(inner)) => inner,
            _ => self.ty(),
        }
    }

    /// The type of the stored value: the element type with `each`.
    pub(crate) fn value(&self, private: &TokenStream) -> TokenStream {
        let ty = self.collection();
        if self.words.each.is_none() {
            return ty.to_token_stream();
        }
        element(ty).map_or_else(|| quote!(<#ty as #private::Elements>::Element), ToTokens::to_token_stream)
    }

    /// The type of the stored key.
    pub(crate) fn key(&self, private: &TokenStream) -> TokenStream {
        let mut key = self.value(private);
        if self.words.nocase.is_some() {
            key = quote!(#private::NoCase<#key>);
        } else if let Some((_, digits)) = self.words.scale {
            key = quote!(#private::Scaled<#key, #digits>);
        }
        if self.words.desc.is_some() { quote!(::core::cmp::Reverse<#key>) } else { key }
    }

    /// The key type for code emitted after a fault: one that accepts the points and ranges that fit
    /// the likely intent.
    pub(crate) fn likely_key(&self, private: &TokenStream) -> TokenStream {
        let ty = self.ty();
        let each = self.words.each.is_some() || is_a_list(ty);
        let collection = optional(ty).unwrap_or(ty);
        let value = if each { element(collection).unwrap_or(collection) } else { ty };
        let key = match &self.words.scale {
            Some((_, digits)) => quote!(#private::Scaled<#value, #digits>),
            None => likely_key(value, private),
        };
        if self.words.desc.is_some() { quote!(::core::cmp::Reverse<#key>) } else { key }
    }

    /// The encoding type. An unsatisfied bound is reported at the value's type.
    pub(crate) fn encoding(&self, private: &TokenStream) -> TokenStream {
        let mut encoding = quote!(#private::Plain);
        if self.words.nocase.is_some() {
            encoding = quote!(#private::CaseFolded);
        } else if let Some((_, digits)) = self.words.scale {
            encoding = quote!(#private::FixedPoint<#digits>);
        }
        if self.words.desc.is_some() {
            encoding = quote!(#private::Descending<#encoding>);
        }
        respanned(encoding, self.ty().span())
    }

    /// The column as the schema prints it.
    pub(crate) fn text(&self, type_name: impl Fn(TokenStream) -> String) -> String {
        let mut text = match self.source {
            Source::Field(field) => field.name.clone(),
            Source::Nested { part, .. } => part.text(),
            Source::Function { ty, .. } => format!(": {}", type_name(ty.to_token_stream())),
        };
        if self.words.each.is_some() {
            text = format!("each({text})");
        }
        if self.words.nocase.is_some() {
            text = format!("nocase({text})");
        } else if let Some((_, digits)) = self.words.scale {
            text = format!("scale({text}, {digits})");
        }
        if self.words.desc.is_some() { format!("desc({text})") } else { text }
    }
}

/// A type as a key in code emitted after a fault: a type known not to be a key is wrapped in
/// `AnyKey`.
pub(crate) fn likely_key(ty: &Type, private: &TokenStream) -> TokenStream {
    match last_segment(ty) {
        None if matches!(without_group(ty), Type::Reference(_)) => quote!(#private::AnyKey<#ty>),
        Some(last) if NO_KEYS.iter().any(|name| last.ident == name) => quote!(#private::AnyKey<#ty>),
        Some(last) if last.ident == "Option" => match first_argument(last) {
            Some(inner) => {
                let inner = likely_key(inner, private);
                quote!(::core::option::Option<#inner>)
            }
            None => ty.to_token_stream(),
        },
        _ => ty.to_token_stream(),
    }
}

/// Whether a type is known to be a collection that is not itself a key.
pub(crate) fn is_a_list(ty: &Type) -> bool {
    let Some(last) = last_segment(optional(ty).unwrap_or(ty)) else { return false };
    match first_argument(last).map(last_segment) {
        // Bytes are a key; the element type behind an alias is unknown.
        Some(element) if last.ident == "Vec" => {
            element.is_some_and(|it| it.ident != "u8" && SINGLE.iter().any(|single| it.ident == single))
        }
        Some(_) => ["VecDeque", "LinkedList", "HashSet", "BTreeSet", "HashMap", "BTreeMap"]
            .iter()
            .any(|name| last.ident == name),
        None => false,
    }
}

/// The last segment of the type's path, with its arguments.
pub(crate) fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match without_group(ty) {
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    }
}

pub(crate) fn first_argument(segment: &PathSegment) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// Moves the tokens to another span; their hygiene is unchanged.
pub(crate) fn respanned(tokens: TokenStream, span: Span) -> TokenStream {
    let respan = |mut tree: TokenTree| {
        tree.set_span(tree.span().located_at(span));
        tree
    };
    tokens.into_iter().map(respan).collect()
}

/// The type inside an `Option` of a collection. Bytes are a key, so an `Option` of them holds one
/// element.
pub(crate) fn optional(ty: &Type) -> Option<&Type> {
    let inner = last_segment(ty).filter(|last| last.ident == "Option").and_then(first_argument)?;
    let is_collection = match without_group(inner) {
        Type::Array(array) => !is_byte(&array.elem),
        inner => last_segment(inner).is_some_and(|last| {
            if last.ident == "Vec" && first_argument(last).is_some_and(is_byte) {
                return false;
            }
            let boxed = (last.ident == "Box" || last.ident == "Arc")
                && matches!(first_argument(last).map(without_group), Some(Type::Slice(_)));
            boxed || last.ident != "Option" && COLLECTIONS.iter().any(|name| last.ident == name)
        }),
    };
    is_collection.then_some(inner)
}

fn is_byte(ty: &Type) -> bool {
    last_segment(ty).is_some_and(|last| last.ident == "u8")
}

/// The element type of a collection, if it can be read off. A type known not to be a collection,
/// which has been reported, is its own element.
fn element(ty: &Type) -> Option<&Type> {
    match without_group(ty) {
        Type::Path(path) if SINGLE.iter().any(|single| path.path.is_ident(single)) => Some(ty),
        Type::Array(array) => Some(&array.elem),
        Type::Path(path) => {
            let last = path.path.segments.last()?;
            let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
            let Some(GenericArgument::Type(first)) = arguments.args.first() else { return None };
            match without_group(first) {
                Type::Slice(slice) if last.ident == "Box" || last.ident == "Arc" => Some(&slice.elem),
                _ => COLLECTIONS.iter().any(|name| last.ident == name).then_some(first),
            }
        }
        _ => None,
    }
}
