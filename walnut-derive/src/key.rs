//! The input of `#[derive(Key)]` and its rules: a struct of keys, or a fieldless enum.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DataEnum, DeriveInput, Fields, Generics, Ident, Member, Type};

use crate::attr;
use crate::check;
use crate::diag::Faults;
use crate::plan::{private, without_lifetimes};

/// The representations whose discriminants may not fit the `i64` that is stored.
const WIDE: [&str; 4] = ["u64", "usize", "u128", "i128"];

pub(crate) struct Key {
    pub(crate) ident: Ident,
    /// The parameters of the type. Lifetimes, which are a fault, are removed.
    pub(crate) generics: Generics,
    /// The type with its arguments.
    pub(crate) this: TokenStream,
    /// The path of the module with all names that derived code uses.
    pub(crate) private: TokenStream,
    pub(crate) shape: Shape,
}

pub(crate) enum Shape {
    /// The fields, one after the other.
    Parts(Vec<KeyField>),
    /// The discriminant.
    Variants { variants: Vec<Ident>, wide: bool },
}

pub(crate) struct KeyField {
    pub(crate) member: Member,
    pub(crate) ty: Type,
}

impl Key {
    pub(crate) fn of(input: &DeriveInput, faults: &mut Faults) -> Self {
        check::no_lifetimes(
            &input.generics,
            "a key is read from disk and owns its data, so it has no lifetime",
            faults,
        );
        let (ident, (_, arguments, _)) = (&input.ident, input.generics.split_for_impl());
        let krate = attr::key_crate(&input.attrs, faults);
        let shape = match &input.data {
            Data::Struct(data) => parts(ident, &data.fields, faults),
            Data::Enum(data) => variants(input, data, faults),
            Data::Union(data) => {
                faults.at(
                    data.union_token.span,
                    "a union cannot be a key: nobody knows which of its fields is there",
                );
                Shape::Parts(Vec::new())
            }
        };
        Self {
            ident: ident.clone(),
            generics: without_lifetimes(&input.generics),
            this: quote!(#ident #arguments),
            private: private(krate.as_ref()),
            shape,
        }
    }
}

fn parts(ident: &Ident, fields: &Fields, faults: &mut Faults) -> Shape {
    if fields.is_empty() {
        faults
            .at(ident.span(), "a key has at least one field: there is nothing to tell two of these apart by");
    }
    fields.iter().for_each(|field| attr::key_part(&field.attrs, faults));
    let part = |(member, field): (Member, &syn::Field)| KeyField { member, ty: field.ty.clone() };
    Shape::Parts(fields.members().zip(fields).map(part).collect())
}

fn variants(input: &DeriveInput, data: &DataEnum, faults: &mut Faults) -> Shape {
    if data.variants.is_empty() {
        faults.at(input.ident.span(), "an enum without variants has no value that could be a key");
    }
    for variant in &data.variants {
        attr::key_part(&variant.attrs, faults);
        let span = match &variant.fields {
            Fields::Unit => continue,
            Fields::Named(fields) => fields.brace_token.span.join(),
            Fields::Unnamed(fields) => fields.paren_token.span.join(),
        };
        faults.at(span, "an enum whose variants have fields cannot be a key; a struct of keys can");
    }
    let wide = input.attrs.iter().any(|attr| {
        let syn::Meta::List(list) = &attr.meta else { return false };
        let words = list.tokens.clone().into_iter().map(|tree| tree.to_string());
        attr.path().is_ident("repr") && words.into_iter().any(|word| WIDE.contains(&word.as_str()))
    });
    Shape::Variants { variants: data.variants.iter().map(|variant| variant.ident.clone()).collect(), wide }
}
