//! Validation: the rules that can be checked before types are known.
//!
//! 1. There is one primary key.
//! 2. A list of columns names existing fields, each once, and has two to eight of them.
//! 3. Index names are unique, and none is `primary_key`.
//! 4. The table's name is printable and not long.
//! 5. A row owns its data.
//! 6. A field that is not stored is in no key and no index, and serde and the schema agree about
//!    it.
//! 7. A column is stored in one way.
//!
//! Whether the type of a field is a key, and an exact one where required, is checked by rustc in
//! the emitted code.

mod types;

use std::collections::HashMap;

use proc_macro2::Span;
use syn::ext::IdentExt;
use syn::{GenericParam, Generics, Ident, Type};

use crate::ast::{Field, Table};
use crate::attr::{Content, PartSpec};
use crate::diag::{Faults, did_you_mean, quoted};

/// The most columns of a key: the length of the longest tuple that is a key.
pub(crate) const MAX_COLUMNS: usize = 8;

/// The largest table name, in bytes.
const MAX_NAME_SIZE: usize = 64;

/// The name of the primary key where an index is named.
const PRIMARY_KEY: &str = "primary_key";

/// Types of a single value, which `each` cannot index by element.
pub(crate) const SINGLE: [&str; 16] = [
    "bool", "char", "u8", "u16", "u32", "u64", "u128", "i8", "i16", "i32", "i64", "i128", "f32", "f64",
    "String", "Uuid",
];

/// Reports every rule that the struct violates.
pub(crate) fn table(table: &Table, faults: &mut Faults) {
    if !table.is_unsupported {
        primary_key(table, faults);
    }
    for index in &table.attrs.indexes {
        match &index.content {
            Content::Columns(parts) => {
                let names: Vec<(&Ident, String)> =
                    parts.list.iter().map(|part| (&part.name, part.text())).collect();
                let complete = parts.complete;
                columns(table, &names, (parts.span, complete), "an index", "`#[index]`", faults);
                parts.list.iter().for_each(|part| part_words(&part.words, faults));
            }
            Content::Nested(part) => {
                column(table, &part.name, "an index", faults);
                part_words(&part.words, faults);
            }
            Content::Computed { part, .. } => part_words(part, faults),
        }
    }
    if let Some(key) = &table.attrs.primary_key {
        let names: Vec<(&Ident, String)> =
            key.names.iter().map(|name| (name, name.unraw().to_string())).collect();
        columns(table, &names, (key.span, key.complete), "a primary key", "`#[primary_key]`", faults);
    }
    index_names(table, faults);
    former_names(table, faults);
    table_name(table, faults);
    versions(table, faults);
    no_lifetimes(
        &table.generics,
        "a row is read from disk and owns its data, so a table has no lifetime",
        faults,
    );
    for field in &table.fields {
        no_reference(field, faults);
        skipped(field, faults);
        if let Some(index) = &field.attrs.index {
            part_words(&index.part, faults);
            each_of_single_value(field, &index.part, faults);
        }
    }
    types::columns(table, faults);
}

fn primary_key(table: &Table, faults: &mut Faults) {
    let mut on_fields = table.fields.iter().filter(|field| field.attrs.primary_key.is_some());
    let first = on_fields.next();
    let second = on_fields.next().and_then(|field| field.attrs.primary_key.as_ref());
    let first_word = first.and_then(|field| field.attrs.primary_key.as_ref());
    match (&table.attrs.primary_key, first_word, second) {
        (None, None, _) => no_primary_key(table, faults),
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

fn no_primary_key(table: &Table, faults: &mut Faults) {
    // Another derive may own such an attribute, so it is a fault only when the key is missing.
    if let Some(word) = table.fields.iter().find_map(|field| field.other_key_attr.as_ref()) {
        let written = if word == "auto" { "primary_key(auto)" } else { "primary_key" };
        faults.at(word.span(), format!("the primary key is marked `#[{written}]`, not `#[{word}]`"));
        return;
    }
    faults.at(
        table.ident.span(),
        format!(
            "`{}` has no primary key: put `#[primary_key]` on a field, or \
             `#[table(primary_key = (first, second))]` on the struct",
            table.ident
        ),
    );
}

/// Checks a list of columns of `what`; `on_field` is the attribute for a single field.
fn columns(
    table: &Table,
    names: &[(&Ident, String)],
    (span, complete): (Span, bool),
    what: &str,
    on_field: &str,
    faults: &mut Faults,
) {
    for (index, (name, text)) in names.iter().enumerate() {
        let is_fine = column(table, name, what, faults);
        if is_fine && names[..index].iter().any(|(_, earlier)| earlier == text) {
            faults.at(name.span(), format!("`{text}` stands twice in this list"));
        }
    }
    if !complete {
        return;
    }
    match names.len() {
        0 => faults.at(span, "expected the names of fields"),
        1 => faults.at(
            names[0].0.span(),
            format!("{what} of one column stands on its field, as {on_field}; a list has at least two"),
        ),
        2..=MAX_COLUMNS => (),
        _ => faults.at(
            names[MAX_COLUMNS].0.span(),
            format!("{what} has at most {MAX_COLUMNS} columns, and this is one more"),
        ),
    }
}

/// Returns whether there is a field of this name that `what` can contain.
fn column(table: &Table, name: &Ident, what: &str, faults: &mut Faults) -> bool {
    match table.field(name) {
        None if !table.is_unsupported => faults.at(name.span(), no_such_field(table, name)),
        Some(field) if field.attrs.skip.is_some() => {
            faults.at(name.span(), format!("`{name}` is not stored, so {what} cannot hold it"));
        }
        _ => return true,
    }
    false
}

/// Rule 7.
fn part_words(words: &PartSpec, faults: &mut Faults) {
    if let (Some(nocase), Some(_)) = (&words.nocase, &words.scale) {
        faults.at(nocase.span(), "`nocase` is for text, and `scale` for decimals; a part has one of them");
    }
}

fn each_of_single_value(field: &Field, words: &PartSpec, faults: &mut Faults) {
    let Type::Path(path) = without_group(&field.ty) else { return };
    let single = SINGLE.iter().find(|single| path.path.is_ident(*single));
    if let (Some(word), Some(single)) = (&words.each, single) {
        faults.at(
            word.span(),
            format!("a `{single}` has no elements; `each` is for `Vec`, arrays, `HashSet`, `BTreeSet` and their kin"),
        );
    }
}

/// Rule 6.
fn skipped(field: &Field, faults: &mut Faults) {
    match (&field.attrs.skip, &field.skipped) {
        (None, Some(serde)) => faults.at(
            serde.span(),
            "serde leaves this field out of the row; say so to the table too, with `#[table(skip)]`",
        ),
        (Some(skip), None) => {
            faults.at(skip.span(), "serde stores this field; leave it out there too, with `#[serde(skip)]`");
        }
        _ => (),
    }
    if field.attrs.skip.is_none() {
        return;
    }
    if let Some(word) = &field.attrs.primary_key {
        faults.at(word.span(), "a field that is not stored cannot be the primary key");
    }
    if let Some(index) = &field.attrs.index {
        faults.at(index.word.span(), "a field that is not stored cannot be indexed");
    }
}

fn former_names(table: &Table, faults: &mut Faults) {
    let on_struct = table.attrs.indexes.iter().map(|index| (&index.name, &index.words));
    let on_fields = table
        .fields
        .iter()
        .filter_map(|field| field.attrs.index.as_ref().map(|index| (&field.ident, &index.words)));
    let named: Vec<_> = on_struct.chain(on_fields).collect();
    for (index, (name, words)) in named.iter().enumerate() {
        let Some(was) = &words.was else { continue };
        let (former, span) = (was.value(), was.span());
        if **name == former || name.unraw() == former {
            faults.at(span, "the index has this name; `was` says which one it had before");
        } else if named.iter().any(|(other, _)| other.unraw() == former) {
            faults.at(span, format!("there is an index called `{former}`, so this one is not what it was"));
        } else if named[..index]
            .iter()
            .any(|(_, words)| words.was.as_ref().is_some_and(|it| it.value() == former))
        {
            faults.at(span, format!("two indexes were called `{former}`"));
        } else if former.is_empty() || former == PRIMARY_KEY {
            faults.at(span, "expected the name that the index had before");
        }
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

/// Reports lifetime parameters, which neither a table nor a key may have, with the message `why`.
pub(crate) fn no_lifetimes(generics: &Generics, why: &str, faults: &mut Faults) {
    for param in &generics.params {
        if let GenericParam::Lifetime(param) = param {
            faults.at(param.lifetime.span(), why);
        }
    }
}

fn no_reference(field: &Field, faults: &mut Faults) {
    let Type::Reference(reference) = without_group(&field.ty) else { return };
    let owned = match &*reference.elem {
        Type::Path(path) if path.path.is_ident("str") => "`String`",
        Type::Slice(_) => "a `Vec`",
        _ => "the type itself",
    };
    let span: Span = reference.and_token.span;
    faults
        .at(span, format!("a row is read from disk and owns its data: take {owned} instead of a reference"));
}

/// The type without the invisible delimiters that a macro by example puts around it.
pub(crate) fn without_group(mut ty: &Type) -> &Type {
    while let Type::Group(group) = ty {
        ty = &group.elem;
    }
    ty
}
