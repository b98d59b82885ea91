//! A part of an index: what it is made of, and the types that follow from how it is stored.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{GenericArgument, Path, PathArguments, Type};

use crate::ast::Field;
use crate::attr::PartWords;
use crate::check::without_group;

/// The collections whose element is their first argument.
const COLLECTIONS: [&str; 6] = ["Vec", "VecDeque", "LinkedList", "HashSet", "BTreeSet", "Option"];

/// A part of an index.
pub(crate) struct Part<'a> {
    pub(crate) source: Source<'a>,
    pub(crate) words: &'a PartWords,
    /// Its number among the parts of all indexes.
    pub(crate) made: usize,
}

/// What a part is made of.
#[derive(Clone, Copy)]
pub(crate) enum Source<'a> {
    Field(&'a Field),
    Function { ty: &'a Type, function: &'a Path },
}

impl<'a> Part<'a> {
    /// The type of what it is made of.
    pub(crate) fn ty(&self) -> &'a Type {
        match self.source {
            Source::Field(field) => &field.ty,
            Source::Function { ty, .. } => ty,
        }
    }

    /// The field, when it is stored as it is.
    pub(crate) fn plain(&self) -> Option<&'a Field> {
        match self.source {
            Source::Field(field) if self.words.is_empty() => Some(field),
            _ => None,
        }
    }

    /// The field, when it is stored otherwise.
    pub(crate) fn made_field(&self) -> Option<&'a Field> {
        match self.source {
            Source::Field(field) if !self.words.is_empty() => Some(field),
            _ => None,
        }
    }

    /// The type of the value that is stored: of an element, where there is one for each.
    pub(crate) fn value(&self, private: &TokenStream) -> TokenStream {
        let ty = self.ty();
        if self.words.each.is_none() {
            return ty.to_token_stream();
        }
        element(ty).map_or_else(|| quote!(<#ty as #private::Elements>::Element), ToTokens::to_token_stream)
    }

    /// The type of the key that is stored.
    pub(crate) fn key(&self, private: &TokenStream) -> TokenStream {
        let mut key = self.value(private);
        if self.words.nocase.is_some() {
            key = quote!(#private::NoCase<#key>);
        } else if let Some((_, digits)) = self.words.scale {
            key = quote!(#private::Scaled<#key, #digits>);
        }
        if self.words.desc.is_some() { quote!(::core::cmp::Reverse<#key>) } else { key }
    }

    /// The type that says how the value is stored.
    pub(crate) fn form(&self, private: &TokenStream) -> TokenStream {
        let mut form = quote!(#private::AsIs);
        if self.words.nocase.is_some() {
            form = quote!(#private::Folded);
        } else if let Some((_, digits)) = self.words.scale {
            form = quote!(#private::AtScale<#digits>);
        }
        if self.words.desc.is_some() { quote!(#private::Descending<#form>) } else { form }
    }

    /// How it stands in the schema.
    pub(crate) fn text(&self, type_name: impl Fn(TokenStream) -> String) -> String {
        let mut text = match self.source {
            Source::Field(field) => field.name.clone(),
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

/// The type of the elements, where it stands in the type of the collection.
fn element(ty: &Type) -> Option<&Type> {
    match without_group(ty) {
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
