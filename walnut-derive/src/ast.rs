//! The struct as written: its fields and attributes, before any rule is checked.

use proc_macro2::Span;
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Fields, Generics, Ident, Type, parse_quote_spanned};

use crate::attr::{self, Content, FieldAttrs, Foreign, TableAttrs};
use crate::diag::{Faults, nearest};
use crate::nested;
use crate::plan::private;

pub(crate) struct Table {
    pub(crate) ident: Ident,
    pub(crate) generics: Generics,
    pub(crate) attrs: TableAttrs,
    pub(crate) fields: Vec<Field>,
    /// Whether no serde attribute changes how the struct or a field is stored.
    pub(crate) is_plain: bool,
    /// Whether the item cannot be a table at all, which has been reported; a missing primary key is
    /// then not reported as well.
    pub(crate) is_unsupported: bool,
}

pub(crate) struct Field {
    /// Its index in the struct.
    pub(crate) at: usize,
    pub(crate) ident: Ident,
    /// The name without `r#`.
    pub(crate) name: String,
    pub(crate) ty: Type,
    pub(crate) attrs: FieldAttrs,
    /// The serde attribute that leaves it out of the row.
    pub(crate) skipped: Option<Ident>,
    /// An attribute with which other libraries mark the primary key.
    pub(crate) other_key_attr: Option<Ident>,
}

impl Table {
    pub(crate) fn of(input: &DeriveInput, faults: &mut Faults) -> Self {
        let written = named_fields(&input.data);
        let fields: Vec<&syn::Field> =
            written.as_ref().map_or_else(|_| Vec::new(), |fields| fields.named.iter().collect());
        let on_fields = fields.iter().flat_map(|field| &field.attrs);
        let foreign = Foreign::of(input.attrs.iter().chain(on_fields));
        if let Err((span, what)) = &written {
            faults.at(*span, format!("{what} cannot be a table; a table is a struct with named fields"));
        }
        let mut table = Self {
            ident: input.ident.clone(),
            generics: input.generics.clone(),
            attrs: TableAttrs::of(&input.attrs, &foreign, faults),
            fields: fields
                .iter()
                .filter_map(|field| field.ident.as_ref().map(|ident| (ident, field)))
                .enumerate()
                .map(|(at, (ident, field))| Field::of(at, ident, field, &foreign, faults))
                .collect(),
            is_plain: attr::is_plain(&input.attrs) && fields.iter().all(|field| attr::is_plain(&field.attrs)),
            is_unsupported: written.is_err(),
        };
        table.resolve_paths();
        table
    }

    /// Resolves the types of columns that are fields of fields, through the `NestedField` impls on
    /// the path.
    fn resolve_paths(&mut self) {
        let private = private(self.attrs.krate.as_ref());
        let fields = &self.fields;
        let parts = self.attrs.indexes.iter_mut().flat_map(|index| match &mut index.content {
            Content::Columns(parts) => parts.list.iter_mut().collect(),
            Content::Nested(part) => vec![&mut **part],
            Content::Computed { .. } => Vec::new(),
        });
        for part in parts.filter(|part| !part.path.is_empty() && part.ty.is_none()) {
            let name = part.name.unraw();
            let Some(field) = fields.iter().find(|field| name == field.name) else { continue };
            let mut ty = field.ty.clone();
            for member in &part.path {
                let name = nested::name_hash(member);
                ty = parse_quote_spanned!(member.span()=> <#ty as #private::NestedField<#name>>::Type);
            }
            part.ty = Some(ty);
        }
    }

    /// The field of this name, with or without `r#`.
    pub(crate) fn field(&self, name: &Ident) -> Option<&Field> {
        let name = name.unraw().to_string();
        self.fields.iter().find(|field| field.name == name)
    }

    /// The field of this name, or the one with the most similar name, for code after a fault.
    pub(crate) fn likely_field(&self, name: &Ident) -> Option<&Field> {
        self.field(name).or_else(|| {
            let names: Vec<&str> = self.fields.iter().map(|field| field.name.as_str()).collect();
            let near = nearest(&name.unraw().to_string(), &names)?;
            self.fields.iter().find(|field| field.name == near)
        })
    }
}

impl Field {
    fn of(at: usize, ident: &Ident, field: &syn::Field, foreign: &Foreign, faults: &mut Faults) -> Self {
        Self {
            at,
            name: ident.unraw().to_string(),
            ident: ident.clone(),
            ty: field.ty.clone(),
            attrs: FieldAttrs::of(&field.attrs, foreign, faults),
            skipped: attr::skipped(&field.attrs, faults),
            other_key_attr: attr::other_key_attr(&field.attrs),
        }
    }
}

/// The named fields, or what the item has instead and where.
fn named_fields(data: &Data) -> Result<&syn::FieldsNamed, (Span, &'static str)> {
    match data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => Ok(fields),
            Fields::Unnamed(fields) => Err((fields.paren_token.span.join(), "a tuple struct")),
            Fields::Unit => Err((data.struct_token.span, "a struct without fields")),
        },
        Data::Enum(data) => Err((data.enum_token.span, "an enum")),
        Data::Union(data) => Err((data.union_token.span, "a union")),
    }
}
