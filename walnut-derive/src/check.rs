//! The rules that a table keeps: what can be said of the struct before its types are known.
//!
//! 1. There is one primary key.
//! 2. A list of columns names fields, each once, and has two to eight of them.
//! 3. No two indexes have one name, and none is called as the primary key is.
//! 4. The table's name can be printed and is not long.
//! 5. A row owns its data.
//!
//! That a field's type is a key, and an exact one where it must be, is for rustc to find, from the code that is emitted.

use std::collections::HashMap;

use proc_macro2::Span;
use syn::ext::IdentExt;
use syn::{GenericParam, Generics, Ident, Type};

use crate::ast::{Field, Table};
use crate::attr::Columns;
use crate::diag::{Faults, did_you_mean, quoted};

/// The most columns that a key has: as many as the longest tuple that is a key.
pub(crate) const MAX_COLUMNS: usize = 8;

/// The most bytes of a table's name.
const MAX_NAME_SIZE: usize = 64;

/// Under this name the primary key appears where an index is named.
const PRIMARY_KEY: &str = "primary_key";

/// Notes every rule that the struct breaks.
pub(crate) fn table(table: &Table, faults: &mut Faults) {
    if !table.misshapen {
        primary_key(table, faults);
    }
    for index in &table.attrs.indexes {
        columns(table, &index.columns, "an index", "`#[index]`", faults);
    }
    if let Some(key) = &table.attrs.primary_key {
        columns(table, key, "a primary key", "`#[primary_key]`", faults);
    }
    index_names(table, faults);
    table_name(table, faults);
    versions(table, faults);
    no_lifetimes(
        &table.generics,
        "a row is read from disk and owns its data, so a table has no lifetime",
        faults,
    );
    table.fields.iter().for_each(|field| no_reference(field, faults));
}

fn primary_key(table: &Table, faults: &mut Faults) {
    let mut on_fields = table.fields.iter().filter(|field| field.attrs.primary_key.is_some());
    let first = on_fields.next();
    let second = on_fields.next().and_then(|field| field.attrs.primary_key.as_ref());
    let first_word = first.and_then(|field| field.attrs.primary_key.as_ref());
    match (&table.attrs.primary_key, first_word, second) {
        (None, None, _) => faults.at(
            table.ident.span(),
            format!(
                "`{}` has no primary key: put `#[primary_key]` on a field, or \
                 `#[table(primary_key = (first, second))]` on the struct",
                table.ident
            ),
        ),
        (Some(_), Some(word), _) => {
            faults.at(word.span(), "the primary key is given on the struct already");
        }
        (None, Some(_), Some(word)) => faults.at(
            word.span(),
            "a second primary key; for one of several columns write `#[table(primary_key = (first, second))]` \
             on the struct",
        ),
        _ => (),
    }
    if let (None, Some(field), None) = (&table.attrs.primary_key, first, second)
        && let Some(index) = &field.attrs.index
    {
        faults.at(
            index.word.span(),
            "the primary key needs no index; the table itself is ordered by it: `get`, `range`, `iter`",
        );
    }
}

/// The rules of a list of columns. `what` it is for, and the word for it on a single field.
fn columns(table: &Table, columns: &Columns, what: &str, on_field: &str, faults: &mut Faults) {
    for (place, name) in columns.names.iter().enumerate() {
        if table.field(name).is_none() && !table.misshapen {
            faults.at(name.span(), no_such_field(table, name));
        } else if columns.names[..place].iter().any(|earlier| earlier.unraw() == name.unraw()) {
            faults.at(name.span(), format!("`{name}` stands twice in this list"));
        }
    }
    if !columns.complete {
        return;
    }
    match columns.names.len() {
        0 => faults.at(columns.span, "expected the names of fields"),
        1 => faults.at(
            columns.names[0].span(),
            format!("{what} of one column stands on its field, as {on_field}; a list has at least two"),
        ),
        2..=MAX_COLUMNS => (),
        _ => faults.at(
            columns.names[MAX_COLUMNS].span(),
            format!("{what} has at most {MAX_COLUMNS} columns, and this is one more"),
        ),
    }
}

fn no_such_field(table: &Table, name: &Ident) -> String {
    let names: Vec<&str> = table.fields.iter().map(|field| field.name.as_str()).collect();
    let guess = did_you_mean(&name.unraw().to_string(), &names);
    if guess.is_empty() && !names.is_empty() {
        return format!("`{}` has no field `{name}`; its fields are {}", table.ident, quoted(&names));
    }
    format!("`{}` has no field `{name}`{guess}", table.ident)
}

fn index_names(table: &Table, faults: &mut Faults) {
    let on_struct = table.attrs.indexes.iter().map(|index| &index.name);
    let on_fields = table.fields.iter().filter(|field| field.attrs.index.is_some()).map(|field| &field.ident);
    let mut seen: HashMap<String, &Ident> = HashMap::new();
    for ident in on_struct.chain(on_fields) {
        let name = ident.unraw().to_string();
        if name == PRIMARY_KEY {
            faults.at(
                ident.span(),
                "no index is called `primary_key`; this is the name of the primary key itself",
            );
        } else if seen.contains_key(&name) {
            faults.at(ident.span(), format!("a second index called `{name}`"));
        }
        seen.entry(name).or_insert(ident);
    }
}

fn versions(table: &Table, faults: &mut Faults) {
    let version = table.attrs.version.as_ref();
    let Some((word, _)) = &table.attrs.migrate_from else { return };
    match version {
        None => faults.at(
            word.span(),
            "`migrate_from` stands beside a version that is higher than that of the struct it names: `version = 2`",
        ),
        Some(version) if version.number == 1 => {
            faults.at(version.span, "the first version has nothing to migrate from; give this struct a higher one");
        }
        Some(_) => (),
    }
}

fn table_name(table: &Table, faults: &mut Faults) {
    let (name, span, remedy) = match &table.attrs.name {
        Some(name) => (name.value(), name.span(), ""),
        None => {
            (table.ident.unraw().to_string(), table.ident.span(), "; give it one: `#[table(name = \"..\")]`")
        }
    };
    if name.is_empty() {
        faults.at(span, "a table's name is not empty");
    }
    if name.chars().any(char::is_control) {
        faults.at(span, "a table's name has no control characters");
    }
    if name.len() > MAX_NAME_SIZE {
        faults.at(
            span,
            format!("a table's name has at most {MAX_NAME_SIZE} bytes, this one has {}{remedy}", name.len()),
        );
    }
}

/// Lifetime parameters, which neither a table nor a key has; `why` is what to say of each.
pub(crate) fn no_lifetimes(generics: &Generics, why: &str, faults: &mut Faults) {
    for param in &generics.params {
        if let GenericParam::Lifetime(param) = param {
            faults.at(param.lifetime.span(), why);
        }
    }
}

fn no_reference(field: &Field, faults: &mut Faults) {
    let mut ty = &field.ty;
    // A macro by example hands its types in within invisible delimiters.
    while let Type::Group(group) = ty {
        ty = &group.elem;
    }
    let Type::Reference(reference) = ty else { return };
    let owned = match &*reference.elem {
        Type::Path(path) if path.path.is_ident("str") => "`String`",
        Type::Slice(_) => "a `Vec`",
        _ => "the type itself",
    };
    let span: Span = reference.and_token.span;
    faults
        .at(span, format!("a row is read from disk and owns its data: take {owned} instead of a reference"));
}
