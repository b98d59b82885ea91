//! What a table looks like, in constants that the derive writes.

/// A table: its name, columns, primary key and indexes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct TableSchema {
    /// The name under which the table is stored.
    pub name: &'static str,
    /// The version of the row's layout.
    pub version: u32,
    /// The fields of a row, in the order in which they are encoded.
    pub fields: &'static [FieldSchema],
    /// The names of the fields that make the primary key.
    pub primary_key: &'static [&'static str],
    /// The indexes.
    pub indexes: &'static [IndexSchema],
}

impl TableSchema {
    /// A table of version 1.
    pub const fn new(
        name: &'static str,
        fields: &'static [FieldSchema],
        primary_key: &'static [&'static str],
        indexes: &'static [IndexSchema],
    ) -> Self {
        Self { name, version: 1, fields, primary_key, indexes }
    }
}

/// A field of a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct FieldSchema {
    /// The field's name.
    pub name: &'static str,
    /// Its type as it stands in the source, without spaces.
    pub type_name: &'static str,
}

impl FieldSchema {
    /// A field.
    pub const fn new(name: &'static str, type_name: &'static str) -> Self {
        Self { name, type_name }
    }
}

/// An index of a table.
///
/// Two indexes have the same entries when their parts are the same and both are sparse or not; `unique` says whether a
/// value has one owner besides. The name, and the one that it had before, do not touch the entries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct IndexSchema {
    /// The index's name.
    pub name: &'static str,
    /// Whether a value has at most one owner.
    pub unique: bool,
    /// Whether a row in which a part is missing has no entry.
    pub sparse: bool,
    /// The name that the index had before, when it was renamed.
    pub was: Option<&'static str>,
    /// Its parts, as text that says how they are stored: `city` is a field as it is, `desc(created)`, `nocase(name)`,
    /// `each(tags)`, `scale(price, 2)` and what comes of putting one in the other is a field that is stored otherwise; a
    /// part that is computed is the type that it has: `: String`.
    pub parts: &'static [&'static str],
}

impl IndexSchema {
    /// An index over fields.
    pub const fn new(name: &'static str, unique: bool, parts: &'static [&'static str]) -> Self {
        Self { name, unique, sparse: false, was: None, parts }
    }

    /// The same index without entries for rows in which a part is missing.
    pub const fn sparse(self) -> Self {
        Self { sparse: true, ..self }
    }

    /// The same index, which was called otherwise before.
    pub const fn was(self, name: &'static str) -> Self {
        Self { was: Some(name), ..self }
    }
}

/// The name of an index of a table, to compare with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IndexName {
    /// The table's name.
    pub table: &'static str,
    /// The index's name.
    pub index: &'static str,
}

impl IndexName {
    /// The name of an index.
    pub const fn new(table: &'static str, index: &'static str) -> Self {
        Self { table, index }
    }
}
