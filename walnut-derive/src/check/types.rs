//! Checks the types of columns as far as their spelling tells. A fault found here is one error;
//! found by rustc in the emitted code, it would be repeated for each use of the table.

use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Ident, Type};

use crate::ast::{Field, Table};
use crate::attr::{Content, PartSpec};
use crate::diag::Faults;
use crate::part::{first_argument, is_a_list, last_segment};

/// Reports the first fault of each field that is a column of the primary key or of an index.
pub(super) fn columns(table: &Table, faults: &mut Faults) {
    for field in &table.fields {
        let found =
            in_primary_key(table, field).or_else(|| on_field(field)).or_else(|| in_lists(table, field));
        if let Some(message) = found {
            faults.at(field.ty.span(), message);
        }
    }
}

fn in_primary_key(table: &Table, field: &Field) -> Option<String> {
    let mut listed = table.attrs.primary_key.iter().flat_map(|columns| &columns.names);
    if field.attrs.primary_key.is_none() && !listed.any(|name| is_named(field, name)) {
        return None;
    }
    let is_list = || is_a_list(&field.ty).then(|| format!("a `{}` cannot be a primary key", name(&field.ty)));
    no_size(field).or_else(|| not_exact(field, "the primary key")).or_else(is_list)
}

fn on_field(field: &Field) -> Option<String> {
    let index = field.attrs.index.as_ref().filter(|index| !index.words.has_errors)?;
    let unique = index.words.unique.as_ref().map(|_| &*field.name);
    indexed(field, &index.part, unique, "`#[index(each)]`")
}

fn in_lists(table: &Table, field: &Field) -> Option<String> {
    table.attrs.indexes.iter().find_map(|index| {
        let Content::Columns(parts) = &index.content else { return None };
        if index.words.has_errors {
            return None;
        }
        let part = parts.list.iter().find(|part| part.path.is_empty() && is_named(field, &part.name))?;
        let index_name = index.name.unraw().to_string();
        let unique = index.words.unique.as_ref().map(|_| &*index_name);
        indexed(field, &part.words, unique, &format!("`each({})`", field.name))
    })
}

/// The fault of a column of an index. `unique` is the index's name, if that is unique, and `each`
/// the attribute that indexes its elements.
fn indexed(field: &Field, words: &PartSpec, unique: Option<&str>, each: &str) -> Option<String> {
    if words.each.is_some() {
        return None;
    }
    let inexact = || not_exact(field, &format!("the unique index `{}`", unique?));
    let is_list = || {
        let ty = name(&field.ty);
        is_a_list(&field.ty)
            .then(|| format!("a `{ty}` is indexed by its elements, each of which has an entry: {each}"))
    };
    no_size(field).or_else(inexact).or_else(is_list)
}

fn no_size(field: &Field) -> Option<String> {
    let ty = name(inner(&field.ty));
    let instead = match ty.as_str() {
        "usize" => "u64",
        "isize" => "i64",
        _ => return None,
    };
    Some(format!("a `{ty}` cannot be a key, as its size differs from machine to machine: take `{instead}`"))
}

fn not_exact(field: &Field, place: &str) -> Option<String> {
    matches!(name(inner(&field.ty)).as_str(), "f32" | "f64").then(|| {
        format!(
            "field `{}` cannot stand in {place}: floating-point numbers are not told apart exactly, since -0.0 equals 0.0 and a NaN not \
             even itself; store a number of units, such as cents",
            field.name
        )
    })
}

/// The type inside an `Option`, or the type itself.
fn inner(ty: &Type) -> &Type {
    last_segment(ty).filter(|last| last.ident == "Option").and_then(first_argument).unwrap_or(ty)
}

fn is_named(field: &Field, name: &Ident) -> bool {
    name.unraw() == field.name
}

/// The last segment of the type's path, without arguments.
fn name(ty: &Type) -> String {
    last_segment(ty).map(|last| last.ident.to_string()).unwrap_or_default()
}
