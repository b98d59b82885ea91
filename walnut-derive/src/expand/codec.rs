//! Emits the codec of keys, index entries and rows, and the assertions about their types.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;

use crate::ast::Field;
use crate::part::{Part, Source, optional, respanned};
use crate::plan::{Plan, bounded, mentions_a_param};

/// `impl KeyPart` for each column that is read on its own, and the assertions.
pub(super) fn columns(plan: &Plan<'_>) -> TokenStream {
    let Plan { row, private, .. } = plan;
    let generics = table_generics(plan);
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let columns = plan.columns().map(|Field { at, ident: field, ty, .. }| {
        quote! {
            #[automatically_derived]
            impl #impl_generics #private::KeyPart<__Parts, #at> for #row #where_clause {
                type Key = #ty;
                fn part(&self) -> &#ty {
                    &self.#field
                }
            }
        }
    });
    let impls = plan.parts().filter_map(|part| Some((part, part.value_path()?))).map(|(part, path)| {
        let (at, ty, encoding) = (part.ordinal, part.collection(), part.encoding(private));
        // An unsatisfied bound is reported at the type.
        let here = Span::call_site().located_at(ty.span());
        let encoding = quote_spanned!(here=> type Encoding = #encoding;);
        let (kind, output, value) = if part.words.each.is_none() {
            // A written type that differs from the field's is reported where it is written.
            let reference = respanned(quote!(&), ty.span());
            (quote!(IndexColumn), quote!(&#ty), quote!(#reference self.#path))
        } else {
            let value = if optional(part.ty()).is_some() {
                quote!(::core::option::Option::as_ref(&self.#path))
            } else {
                quote!(::core::option::Option::Some(&self.#path))
            };
            (quote!(IndexElements), quote!(::core::option::Option<&#ty>), value)
        };
        quote! {
            #[automatically_derived]
            impl #impl_generics #private::#kind<__Parts, #at> for #row #where_clause {
                type Value = #ty;
                #encoding
                fn value(&self) -> #output {
                    #value
                }
            }
        }
    });
    // Known here for a type without parameters, and reported before the table is used.
    let assertions = (!plan.is_generic()).then(|| assertions(plan, row)).into_iter().flatten();
    quote! {
        struct __Parts;
        #(#columns)*
        #(#impls)*
        #(const _: () = #assertions;)*
    }
}

/// A constant of a generic type with its assertions, which can only be evaluated once the
/// parameters are known.
pub(super) fn asserted(plan: &Plan<'_>, constant: &TokenStream) -> TokenStream {
    let assertions = if plan.is_generic() { assertions(plan, &quote!(Self)) } else { Vec::new() };
    if assertions.is_empty() {
        return constant.clone();
    }
    // The constant comes first: after a branch its lists would be temporaries.
    quote!({
        let __constant = #constant;
        #(#assertions;)*
        __constant
    })
}

/// The functions that write keys, index entries and rows.
pub(super) fn members(plan: &Plan<'_>) -> TokenStream {
    let private = &plan.private;
    let key = if let [column] = plan.key[..] {
        let field = &column.ident;
        quote!(#private::encode_key::<Self>(&self.#field, __out);)
    } else {
        let columns = plan.key.iter().map(|column| column.at);
        quote!(#(#private::encode_part::<Self, __Parts, #columns>(self, __out);)*)
    };
    let indexes = plan.indexes.iter().enumerate().map(|(at, index)| {
        let parts = index.parts.iter().map(|part| add_part(plan, part));
        let finish = if index.words.sparse.is_some() { quote!(finish_sparse) } else { quote!(finish) };
        quote! {
            #at => {
                #(#parts)*
                __entries.#finish();
            }
        }
    });
    let (index, entries) =
        if plan.indexes.is_empty() { (quote!(_), quote!(_)) } else { (quote!(__index), quote!(__entries)) };
    let choice = (!plan.indexes.is_empty()).then(|| quote!(match __index { #(#indexes)* _ => {} }));
    let counted = plan.auto.then(|| {
        quote! {
            fn generated_number(&self) -> ::core::option::Option<::core::primitive::u128> {
                #private::generated_number::<Self>(self)
            }
        }
    });
    let shapes = index_shapes(plan);
    let (lossless, skip) = (lossless(plan), skip_index_key(plan));
    let rows = rows(plan);
    quote! {
        #lossless

        fn encode_primary_key(&self, __out: &mut #private::KeyWriter) {
            #key
        }

        fn encode_index(&self, #index: ::core::primitive::usize, #entries: &mut #private::IndexEntries) {
            #choice
        }

        #counted

        #rows

        #skip

        #shapes
    }
}

/// The functions that write and read a row. A missing serde bound is reported at the struct's name,
/// with the same message by each of them, so that the compiler prints it once.
fn rows(plan: &Plan<'_>) -> TokenStream {
    let private = &plan.private;
    let here = Span::call_site().located_at(plan.ident.span());
    let serde = quote_spanned!(here=> <Self as #private::SerdeRow>);
    let encode = quote_spanned!(here=> #serde::encode(self, __out));
    let encode_and_read = quote_spanned!(here=> #serde::encode_and_read(self, __out));
    let decode = quote_spanned!(here=> #serde::decode(__bytes));
    let trace = quote_spanned!(here=> #serde::trace());
    quote! {
        fn encode_row(&self, __out: &mut #private::Vec<::core::primitive::u8>) -> #private::Result<()> {
            #encode
        }

        fn encode_row_and_read(&self, __out: &mut #private::Vec<::core::primitive::u8>) -> #private::Result<Self> {
            #encode_and_read
        }

        fn decode_row(__bytes: &[::core::primitive::u8]) -> #private::Result<Self, #private::Fault> {
            #decode
        }

        fn row_shape() -> #private::RowShape {
            #trace
        }
    }
}

/// The encoding of the keys of each index.
fn index_shapes(plan: &Plan<'_>) -> Option<TokenStream> {
    let private = &plan.private;
    let shape = |part: &Part<'_>| {
        let (ordinal, each) = (part.ordinal, part.words.each.is_some());
        match part.source {
            Source::Field(field) if part.words.is_empty() => {
                let at = field.at;
                quote!(#private::part_shape::<Self, __Parts, #at>())
            }
            Source::Field(_) | Source::Nested { .. } if each => {
                quote!(#private::elements_shape::<Self, __Parts, #ordinal>())
            }
            Source::Field(_) | Source::Nested { .. } => {
                quote!(#private::column_shape::<Self, __Parts, #ordinal>())
            }
            Source::Function { .. } => {
                let (encoding, value) = (part.encoding(private), part.value(private));
                quote!(#private::encoding_shape::<#encoding, #value>())
            }
        }
    };
    let indexes = plan.indexes.iter().enumerate().map(|(at, index)| {
        let parts = index.parts.iter().map(shape);
        quote!(#at => <#private::Vec<_> as ::core::convert::From<_>>::from([#(#parts),*]),)
    });
    (!plan.indexes.is_empty()).then(|| {
        quote! {
            fn index_shapes(__index: ::core::primitive::usize) -> #private::Vec<#private::KeyShape> {
                match __index {
                    #(#indexes)*
                    _ => #private::Vec::new(),
                }
            }
        }
    })
}

/// Whether every row is known to be read back unchanged: no serde attribute changes it, and all
/// field types are known. A skipped field is read back as its default, which the function of a
/// computed index might see.
fn lossless(plan: &Plan<'_>) -> Option<TokenStream> {
    let private = &plan.private;
    let is_stored = |field: &&Field| field.attrs.skip.is_none();
    let computes = plan.parts().any(|part| matches!(part.source, Source::Function { .. }));
    if !plan.is_plain || (computes && !plan.fields.iter().all(|field| is_stored(&field))) {
        return None;
    }
    let types = plan.fields.iter().filter(is_stored).map(|field| &field.ty);
    Some(quote! {
        const LOSSLESS: ::core::primitive::bool = {
            #[allow(unused_imports)]
            use #private::MaybeLossy as _;
            #(#private::Serde::<#types>::IS_LOSSLESS)&&*
        };
    })
}

fn skip_index_key(plan: &Plan<'_>) -> Option<TokenStream> {
    let private = &plan.private;
    let indexes = plan.indexes.iter().enumerate().map(|(at, index)| {
        let parts = index.parts.iter().map(|part| skip_part(plan, part));
        quote!(#at => { #(#parts)* })
    });
    (!plan.indexes.is_empty()).then(|| {
        quote! {
            fn skip_index_key(
                __index: ::core::primitive::usize,
                __input: &mut #private::KeyReader<'_>,
            ) -> #private::Result<::core::primitive::bool, #private::Fault> {
                match __index {
                    #(#indexes)*
                    _ => return ::core::result::Result::Ok(false),
                }
                ::core::result::Result::Ok(true)
            }
        }
    })
}

/// The statement that skips one column of an index key.
fn skip_part(plan: &Plan<'_>, part: &Part<'_>) -> TokenStream {
    let (private, ordinal, each) = (&plan.private, part.ordinal, part.words.each.is_some());
    match part.source {
        Source::Field(field) if part.words.is_empty() => {
            let at = field.at;
            quote!(#private::skip_part::<Self, __Parts, #at>(__input)?;)
        }
        Source::Field(_) | Source::Nested { .. } if each => {
            quote!(#private::skip_element::<Self, __Parts, #ordinal>(__input)?;)
        }
        Source::Field(_) | Source::Nested { .. } => {
            quote!(#private::skip_column::<Self, __Parts, #ordinal>(__input)?;)
        }
        Source::Function { .. } => {
            let (encoding, value) = (part.encoding(private), part.value(private));
            quote!(#private::skip_encoding::<#encoding, #value>(__input)?;)
        }
    }
}

/// The statement that adds a column of a row to an index entry.
fn add_part(plan: &Plan<'_>, part: &Part<'_>) -> TokenStream {
    let (private, ordinal, each) = (&plan.private, part.ordinal, part.words.each.is_some());
    match part.source {
        Source::Field(field) if part.words.is_empty() => {
            let at = field.at;
            quote!(#private::index_part::<Self, __Parts, #at>(self, __entries);)
        }
        Source::Field(_) | Source::Nested { .. } if each => {
            quote!(#private::index_elements::<Self, __Parts, #ordinal>(self, __entries);)
        }
        Source::Field(_) | Source::Nested { .. } => {
            quote!(#private::index_column::<Self, __Parts, #ordinal>(self, __entries);)
        }
        Source::Function { function, .. } => {
            let (ty, encoding) = (part.collection(), part.encoding(private));
            let add = if each { quote!(index_computed_elements) } else { quote!(index_computed) };
            // A function with another return type is reported at its path.
            let here = Span::call_site().located_at(function.span());
            let value = quote_spanned!(here=> #function(self));
            quote!(#private::#add::<#ty, #encoding>(#value, __entries);)
        }
    }
}

/// `impl GeneratesKey`, if keys are generated.
pub(super) fn generated(plan: &Plan<'_>, generics: &syn::Generics) -> TokenStream {
    let Plan { row, private, .. } = plan;
    let [column] = plan.key[..] else { return TokenStream::new() };
    if !plan.auto {
        return TokenStream::new();
    }
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let (field, ty) = (&column.ident, &column.ty);
    let here = Span::call_site().located_at(ty.span());
    let generated = quote_spanned!(here=> type Generated = #ty;);
    quote! {
        #[automatically_derived]
        impl #impl_generics #private::GeneratesKey for #row #where_clause {
            #generated
            fn generated_key(&self) -> &#ty {
                &self.#field
            }
            fn set_generated_key(&mut self, __key: #ty) {
                self.#field = __key;
            }
        }
    }
}

/// The generics of every implementation for the row's type.
pub(super) fn table_generics(plan: &Plan<'_>) -> syn::Generics {
    let Plan { private, generics, .. } = plan;
    let mut keys: Vec<&Field> = plan.key.iter().copied().chain(plan.columns()).collect();
    keys.sort_by_key(|field| field.at);
    keys.dedup_by_key(|field| field.at);
    let serde = quote!(#private::Serialize + #private::DeserializeOwned +);
    let mut bounded = bounded(generics, &serde, keys.into_iter().map(|field| &field.ty), private);
    for part in plan.parts().filter(|part| part.plain().is_none() && mentions_a_param(generics, part.ty())) {
        let (encoding, value) = (part.encoding(private), part.value(private));
        bounded.make_where_clause().predicates.push(syn::parse_quote!(#encoding: #private::Encoding<#value>));
    }
    if let ([column], true) = (&plan.key[..], plan.auto)
        && mentions_a_param(generics, &column.ty)
    {
        let ty = &column.ty;
        bounded.make_where_clause().predicates.push(syn::parse_quote!(#ty: #private::Generated));
    }
    bounded
}

/// One assertion for each type that must be exact, and for each sparse index.
fn assertions(plan: &Plan<'_>, row: &TokenStream) -> Vec<TokenStream> {
    let private = &plan.private;
    let key = plan.key.iter().map(|column| {
        let at = column.at;
        let exact = if plan.key.len() == 1 {
            quote!(#private::key_is_exact::<#row>())
        } else {
            quote!(#private::part_is_exact::<#row, __Parts, #at>())
        };
        let what = format!("field `{}` cannot stand in the primary key", column.name);
        not_exact(&exact, column.ty.span(), &what)
    });
    let unique = plan.indexes.iter().filter(|index| index.words.unique.is_some()).flat_map(|index| {
        index.parts.iter().map(|part| {
            let what = match part.source {
                Source::Field(field) => format!("field `{}`", field.name),
                Source::Nested { part, .. } => format!("field `{}`", part.text()),
                Source::Function { .. } => "what is computed".to_owned(),
            };
            let what = format!("{what} cannot stand in the unique index `{}`", index.name);
            not_exact(&predicate(part, row, private, "exact"), part.ty().span(), &what)
        })
    });
    let sparse = plan.indexes.iter().filter_map(|index| Some((index, index.words.sparse.as_ref()?)));
    let sparse = sparse.map(|(index, word)| {
        let optional = index.parts.iter().map(|part| predicate(part, row, private, "optional"));
        let message = format!(
            "index `{}` is `sparse`, which leaves out rows in which a part is missing, and none of its parts can be; a \
             part that can is an `Option`",
            index.name
        );
        quote_spanned!(word.span()=> ::core::assert!(#(#optional)||*, #message))
    });
    key.chain(unique).chain(sparse).collect()
}

fn not_exact(exact: &TokenStream, span: Span, what: &str) -> TokenStream {
    let message = format!(
        "{what}: values of its type are not told apart exactly (`Key::EXACT`), as is so with floating-point numbers"
    );
    quote_spanned!(span=> ::core::assert!(#exact, #message))
}

/// The predicate whether the stored key of a column is exact, or optional.
fn predicate(part: &Part<'_>, row: &TokenStream, private: &TokenStream, what: &str) -> TokenStream {
    let (ordinal, each) = (part.ordinal, part.words.each.is_some());
    match part.source {
        Source::Field(field) if part.words.is_empty() => {
            let (at, ask) = (field.at, format_ident!("part_is_{what}"));
            quote!(#private::#ask::<#row, __Parts, #at>())
        }
        Source::Field(_) | Source::Nested { .. } => {
            let ask = format_ident!("{}_is_{what}", if each { "element" } else { "column" });
            quote!(#private::#ask::<#row, __Parts, #ordinal>())
        }
        Source::Function { .. } => {
            let (ask, encoding, value) =
                (format_ident!("encoding_is_{what}"), part.encoding(private), part.value(private));
            quote!(#private::#ask::<#encoding, #value>())
        }
    }
}
