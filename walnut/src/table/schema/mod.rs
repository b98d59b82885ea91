//! The schema of a table: what `#[derive(Table)]` writes, and what the code that it writes calls.
//!
//! The constants are here: tables, fields and indexes. `mapper` has the traits that the derive
//! implements, `derived` the functions that it calls, `entries`, `encoding` and `elements` how
//! index entries are made of a row. `stand_in` is for a struct with a fault in it.

pub(crate) mod derived;
pub(crate) mod elements;
pub(crate) mod encoding;
pub(super) mod entries;
pub(super) mod mapper;
pub(crate) mod stand_in;

use std::fmt;

use self::mapper::Table;
use crate::base::KeyHash;
use crate::table::key::Key;
use crate::table::shape::RowShape;

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
    /// The layout before this one, of which rows may be left.
    pub before: Option<&'static TableSchema>,
    /// Whether this is a layout of the past, which is read and never opened.
    pub history: bool,
    /// What serde reads of a row.
    shape: Shape,
}

/// Traces the shape of a row. Schemas are compared by the traced shapes.
#[derive(Clone, Copy)]
struct Shape(fn() -> RowShape);

impl PartialEq for Shape {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Shape {}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
}

impl TableSchema {
    /// A table of version 1.
    pub const fn new(
        name: &'static str,
        fields: &'static [FieldSchema],
        primary_key: &'static [&'static str],
        indexes: &'static [IndexSchema],
    ) -> Self {
        let shape = Shape(RowShape::opaque);
        Self { name, version: 1, fields, primary_key, indexes, before: None, history: false, shape }
    }

    /// The same table in another version of its layout.
    ///
    /// # Panics
    ///
    /// For version 0, which no layout has.
    pub const fn version(self, version: u32) -> Self {
        assert!(version > 0, "versions of a layout begin with 1");
        Self { version, ..self }
    }

    /// The same table as a layout of the past.
    pub const fn history(self) -> Self {
        Self { history: true, ..self }
    }

    /// The same table with the layout of older rows.
    ///
    /// # Panics
    ///
    /// Unless that is an older layout of a table of the same name.
    pub const fn migrates_from(self, before: &'static Self) -> Self {
        assert!(
            same_text(self.name, before.name),
            "`migrate_from` names a struct of another table; give both the same `#[table(name = ..)]`"
        );
        assert!(
            before.version < self.version,
            "`migrate_from` names a layout that is not older; give this struct a higher `#[table(version = ..)]`"
        );
        Self { before: Some(before), ..self }
    }

    /// The same table with a function that traces the shape of its rows: what
    /// [`Table::row_shape`](crate::Table::row_shape) does.
    pub const fn shaped(self, shape: fn() -> RowShape) -> Self {
        Self { shape: Shape(shape), ..self }
    }

    /// What serde reads of a row.
    ///
    /// Cost: some microseconds for each ten fields.
    #[doc(hidden)]
    pub fn row_shape(&self) -> RowShape {
        (self.shape.0)()
    }

    /// The layout of this version: this one or an older one.
    pub(crate) fn layout(&self, version: u32) -> Option<&Self> {
        std::iter::successors(Some(self), |schema| schema.before).find(|schema| schema.version == version)
    }
}

/// Sixteen hexadecimal digits that identify a layout: the table's name, its version, its fields
/// down to the leaves and its primary key. Indexes are not part of it, since they can be built
/// anew.
fn layout_hash<T: Table>() -> String {
    let schema = T::SCHEMA;
    let (shape, key) = (T::row_shape(), T::PrimaryKey::key_shape());
    let mut text = format!("{}\n{}\n{}\n", schema.name, schema.version, schema.primary_key.join(","));
    if key.is_complete() {
        text.extend([&*key.describe(), "\n"]);
    }
    for (ordinal, field) in schema.fields.iter().enumerate() {
        let known = shape.fields().get(ordinal).filter(|_| shape.fields().len() == schema.fields.len());
        let form = known.and_then(|known| shape.fingerprint(known.node));
        text.extend([field.name, ": ", form.as_deref().unwrap_or(field.type_name), "\n"]);
    }
    format!("{:016x}", KeyHash::of(text.as_bytes()).0)
}

/// Behind [`assert_schema!`](crate::assert_schema).
///
/// # Panics
///
/// Unless the layout has this hash.
#[track_caller]
pub fn assert_layout<T: Table>(pinned: &str) {
    let hash = layout_hash::<T>();
    assert!(
        hash == pinned,
        "the layout of table `{}` is {hash}, and {pinned:?} is pinned: databases that were written before may not be readable by this \
         struct. Restore it; or give it `#[table(version = {}, migrate_from = ..)]`, keep the old struct with `history`, and pin \
         \"{hash}\" here.",
        T::SCHEMA.name,
        T::SCHEMA.version + 1,
    );
}

/// `==` of two texts, in constants.
const fn same_text(left: &str, right: &str) -> bool {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    let mut at = 0;
    while at < left.len() && at < right.len() && left[at] == right[at] {
        at += 1;
    }
    at == left.len() && at == right.len()
}

/// A field of a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct FieldSchema {
    /// The field's name.
    pub name: &'static str,
    /// Its type as in the source, without spaces.
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
/// Two indexes have the same entries when their parts are the same and both are sparse or not;
/// `unique` says whether a value has one owner besides. The name, and the one that it had before,
/// do not touch the entries.
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
    /// Its parts, as text that says how they are stored: `city` is a field as it is,
    /// `desc(created)`, `nocase(name)`, `each(tags)`, `scale(price, 2)` and what comes of putting
    /// one in the other is a field that is stored otherwise; a part that is computed is the type
    /// that it has: `: String`.
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
