//! The two structs with a field for each index: the handles that `by()` returns, and the names that
//! `ix()` returns.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote};
use syn::ext::IdentExt;
use syn::{GenericParam, Ident};

use crate::part::{Part, Source};
use crate::plan::{Index, Plan};

/// Declares both structs.
pub(super) fn handles(plan: &Plan<'_>) -> TokenStream {
    let Plan { row, private, .. } = plan;
    let (handles, names) = (handles_ident(plan), names_ident(plan));
    let (generics, where_clause) = (handles_generics(plan), handles_bounds(plan));
    let handle_fields = plan.indexes.iter().map(|index| {
        let (field, kind, doc) = (index.ident, kind(plan, index), doc(index));
        // Of an index that was not understood only the name is known.
        let key = (!plan.is_faulty || index.is_whole).then(|| {
            let key = index.key(private, plan.is_faulty);
            quote!(#key,)
        });
        quote! {
            #[doc = #doc]
            pub #field: #private::#kind<'__table, #row, #key __Access>
        }
    });
    // Without an index nothing else would use the parameters.
    let none = plan.indexes.is_empty().then(
        || quote!(__table: ::core::marker::PhantomData<&'__table #private::DefaultTable<#row, __Access>>),
    );
    let name_fields = plan.indexes.iter().map(|index| {
        let (field, doc) = (index.ident, format!("The name of {}", described(index)));
        quote! {
            #[doc = #doc]
            pub #field: #private::IndexName
        }
    });
    let handles_doc = format!("The indexes of table `{}`.", plan.name);
    let names_doc = format!("The names of the indexes of table `{}`.", plan.name);
    quote! {
        #[doc = #handles_doc]
        pub struct #handles #generics #where_clause {
            #(#handle_fields,)*
            #none
        }

        #[doc = #names_doc]
        pub struct #names {
            #(#name_fields,)*
        }
    }
}

/// `type By`, `type Ix` and the functions that construct them.
pub(super) fn members(plan: &Plan<'_>) -> TokenStream {
    let Plan { private, .. } = plan;
    let (handles, names) = (handles_ident(plan), names_ident(plan));
    let arguments: Vec<&Ident> = plan.generics.params.iter().filter_map(argument).collect();
    let handle_fields = plan.indexes.iter().enumerate().map(|(at, index)| {
        let (field, kind) = (index.ident, kind(plan, index));
        quote!(#field: #private::#kind::new(__table, #at))
    });
    let none = plan.indexes.is_empty().then(|| quote!(__table: ::core::marker::PhantomData));
    let table = if plan.indexes.is_empty() { quote!(_) } else { quote!(__table) };
    let name_fields = plan.indexes.iter().map(|index| {
        let (field, table, name) = (index.ident, &plan.name, &index.name);
        quote!(#field: #private::IndexName::new(#table, #name))
    });
    quote! {
        type By<'__table, __Access: #private::Access + '__table> = #handles<'__table, __Access #(, #arguments)*>;
        type Ix = #names;

        fn by<__Access: #private::Access>(
            #table: &#private::DefaultTable<Self, __Access>,
        ) -> #handles<'_, __Access #(, #arguments)*> {
            #handles { #(#handle_fields,)* #none }
        }

        fn index_names() -> #names {
            #names { #(#name_fields,)* }
        }
    }
}

fn handles_ident(plan: &Plan<'_>) -> Ident {
    format_ident!("__{}Indexes", plan.ident.unraw())
}

fn names_ident(plan: &Plan<'_>) -> Ident {
    format_ident!("__{}IndexNames", plan.ident.unraw())
}

/// `<'__table, __Access: Access, ..>`, followed by the row's own parameters.
fn handles_generics(plan: &Plan<'_>) -> TokenStream {
    let private = &plan.private;
    let params = plan.generics.params.iter().filter_map(|param| match param {
        GenericParam::Type(param) => {
            let mut param = param.clone();
            param.default = None;
            Some(quote!(#param))
        }
        GenericParam::Const(param) => {
            let mut param = param.clone();
            param.default = None;
            Some(quote!(#param))
        }
        GenericParam::Lifetime(_) => None,
    });
    quote!(<'__table, __Access: #private::Access #(, #params)*>)
}

/// The where clause of the handles; for a generic row it requires that the row is a table.
fn handles_bounds(plan: &Plan<'_>) -> TokenStream {
    let Plan { row, private, .. } = plan;
    let mut generics = plan.generics.clone();
    if plan.is_generic() {
        generics.make_where_clause().predicates.push(syn::parse_quote!(#row: #private::TableMapper));
    }
    let where_clause = generics.where_clause;
    quote!(#where_clause)
}

fn argument(param: &GenericParam) -> Option<&Ident> {
    match param {
        GenericParam::Type(param) => Some(&param.ident),
        GenericParam::Const(param) => Some(&param.ident),
        GenericParam::Lifetime(_) => None,
    }
}

/// The handle type of the index; for one that was not understood, a handle with every method that
/// may have been meant.
fn kind(plan: &Plan<'_>, index: &Index<'_>) -> TokenStream {
    match plan.is_faulty {
        true if !index.is_whole => quote!(AnyIndex),
        true if index.words.has_errors => quote!(Unique),
        _ if index.words.unique.is_some() => quote!(Unique),
        _ => quote!(Index),
    }
}

fn doc(index: &Index<'_>) -> String {
    let mut sentence = described(index);
    if let Some(first) = sentence.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    sentence
}

/// `the unique index over `tenant`, `email`.`
fn described(index: &Index<'_>) -> String {
    let unique = if index.words.unique.is_some() { "unique " } else { "" };
    let text = |part: &Part<'_>| match part.source {
        Source::Function { function, .. } => function.to_token_stream().to_string().replace(' ', ""),
        Source::Field(_) | Source::Nested { .. } => part.text(|_| String::new()),
    };
    let parts: Vec<String> = index.parts.iter().map(text).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    format!("the {unique}index over {}.", crate::diag::quoted(&parts))
}
