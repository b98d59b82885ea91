//! `#[derive(Nested)]`: implements `NestedField` for each field, so that an index of a table can
//! use a field of a field.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::{Data, DeriveInput, Member};

use crate::attr;
use crate::diag::Faults;
use crate::plan::{private, without_lifetimes};

/// The hash of a field's name: FNV-1a with 64 bits, as `walnut` computes it for the indexes of
/// tuples.
pub(crate) fn name_hash(member: &Member) -> u64 {
    let name = match member {
        Member::Named(name) => name.unraw().to_string(),
        Member::Unnamed(index) => index.index.to_string(),
    };
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    name.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}

/// Emits one implementation for each field.
pub(crate) fn expand(input: &DeriveInput, faults: &mut Faults) -> TokenStream {
    let private = private(attr::key_crate(&input.attrs, faults).as_ref());
    let fields = match &input.data {
        Data::Struct(data) => &data.fields,
        Data::Enum(data) => {
            faults.at(data.enum_token.span, "an enum has no fields that an index could reach");
            return TokenStream::new();
        }
        Data::Union(data) => {
            faults.at(data.union_token.span, "a union has no fields that an index could reach");
            return TokenStream::new();
        }
    };
    let generics = without_lifetimes(&input.generics);
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let (ident, (_, arguments, _)) = (&input.ident, input.generics.split_for_impl());
    let implementations = fields.members().zip(fields).map(|(member, field)| {
        let (name, ty) = (name_hash(&member), &field.ty);
        quote! {
            #[automatically_derived]
            impl #impl_generics #private::NestedField<#name> for #ident #arguments #where_clause {
                type Type = #ty;
            }
        }
    });
    quote!(#(#implementations)*)
}
