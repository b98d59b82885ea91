//! `impl Key`, by fields or by discriminant.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::{Ident, parse_quote};

use crate::key::{Key, KeyField, Shape};
use crate::plan::bounded;

pub(super) fn key(key: &Key) -> TokenStream {
    match &key.shape {
        Shape::Parts(parts) => by_parts(key, parts),
        Shape::Variants { variants, wide } => by_discriminant(key, variants, *wide),
    }
}

fn by_parts(key: &Key, parts: &[KeyField]) -> TokenStream {
    let Key { this, private, .. } = key;
    let generics = bounded(&key.generics, &quote!(), parts.iter().map(|part| &part.ty), private);
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let indexes = || 0..parts.len();
    let (encoded, skipped, exact, optional, none) = (indexes(), indexes(), indexes(), indexes(), indexes());
    let shaped = indexes();
    let part_impls = parts.iter().enumerate().map(|(at, KeyField { member, ty })| {
        quote! {
            #[automatically_derived]
            impl #impl_generics #private::KeyPart<__Parts, #at> for #this #where_clause {
                type Key = #ty;
                fn part(&self) -> &#ty {
                    &self.#member
                }
            }
        }
    });
    let decoded = parts.iter().enumerate().map(
        |(at, KeyField { member, .. })| quote!(#member: #private::decode_part::<Self, __Parts, #at>(__input)?),
    );
    let by_reference = by_reference(private);
    let generated = generated(key, parts);
    quote! {
        struct __Parts;
        #(#part_impls)*
        #generated

        #[automatically_derived]
        impl #impl_generics #private::Key for #this #where_clause {
            #by_reference
            const EXACT: ::core::primitive::bool = #(#private::part_is_exact::<Self, __Parts, #exact>())&&*;
            const OPTIONAL: ::core::primitive::bool = #(#private::part_is_optional::<Self, __Parts, #optional>())||*;

            fn key_shape() -> #private::KeyShape {
                #private::KeyShape::tuple([#(#private::part_shape::<Self, __Parts, #shaped>()),*])
            }

            fn encode(&self, __out: &mut #private::KeyWriter) {
                #(#private::encode_part::<Self, __Parts, #encoded>(self, __out);)*
            }

            fn decode(__input: &mut #private::KeyReader<'_>) -> #private::Result<Self, #private::Fault> {
                ::core::result::Result::Ok(Self { #(#decoded,)* })
            }

            fn skip(__input: &mut #private::KeyReader<'_>) -> #private::Result<(), #private::Fault> {
                #(#private::skip_part::<Self, __Parts, #skipped>(__input)?;)*
                ::core::result::Result::Ok(())
            }

            fn is_none(&self) -> ::core::primitive::bool {
                #(#private::part_is_none::<Self, __Parts, #none>(self))||*
            }
        }
    }
}

/// A newtype of a type that can be generated can be generated. The redundant `for` defers the check
/// of the bound to its use: for most newtypes it does not hold.
fn generated(key: &Key, parts: &[KeyField]) -> TokenStream {
    let Key { this, private, .. } = key;
    let [KeyField { member, ty }] = parts else { return TokenStream::new() };
    let mut generics = bounded(&key.generics, &quote!(), std::iter::once(ty), private);
    generics.make_where_clause().predicates.push(parse_quote!(for<'__any> #ty: #private::Generated));
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #impl_generics #private::Generated for #this #where_clause {
            const GENERATOR: #private::KeyGenerator = <#ty as #private::Generated>::GENERATOR;

            fn from_number(__number: ::core::primitive::u128) -> Self {
                Self { #member: <#ty as #private::Generated>::from_number(__number) }
            }

            fn number(&self) -> ::core::option::Option<::core::primitive::u128> {
                #private::Generated::number(&self.#member)
            }
        }
    }
}

fn by_discriminant(key: &Key, variants: &[Ident], wide: bool) -> TokenStream {
    let Key { ident, this, private, generics, .. } = key;
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let by_reference = by_reference(private);
    let impossible = format!("discriminant of a `{ident}`");
    let names = variants.iter().map(|variant| variant.unraw().to_string());
    let fits = variants.iter().filter(|_| wide).map(|variant| {
        let message = format!("the discriminant of `{variant}` does not fit the `i64` that is stored");
        let same = quote! {
            #ident::#variant as ::core::primitive::i64 as ::core::primitive::i128
                == #ident::#variant as ::core::primitive::i128
        };
        quote_spanned!(variant.span()=> const _: () = ::core::assert!(#same, #message);)
    });
    quote! {
        #(#fits)*

        #[automatically_derived]
        impl #impl_generics #private::Key for #this #where_clause {
            #by_reference

            fn key_shape() -> #private::KeyShape {
                #private::enum_shape(&[#((#names, Self::#variants as ::core::primitive::i64)),*])
            }

            fn encode(&self, __out: &mut #private::KeyWriter) {
                let __discriminant = match self {
                    #(Self::#variants => Self::#variants as ::core::primitive::i64,)*
                };
                #private::Key::encode(&__discriminant, __out);
            }

            fn decode(__input: &mut #private::KeyReader<'_>) -> #private::Result<Self, #private::Fault> {
                let __discriminant: ::core::primitive::i64 = #private::Key::decode(__input)?;
                #(
                    if __discriminant == Self::#variants as ::core::primitive::i64 {
                        return ::core::result::Result::Ok(Self::#variants);
                    }
                )*
                ::core::result::Result::Err(#private::Fault::Invalid(#impossible))
            }
        }
    }
}

/// A derived key is passed by value where a single key is expected.
fn by_reference(private: &TokenStream) -> TokenStream {
    quote! {
        type Ref<'__point> = Self;

        fn encode_ref(__point: &Self, __out: &mut #private::KeyWriter) {
            #private::Key::encode(__point, __out);
        }

        fn ref_is_none(__point: &Self) -> ::core::primitive::bool {
            #private::Key::is_none(__point)
        }
    }
}
