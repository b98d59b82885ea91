//! The contract between a struct and its table: what `#[derive(Table)]` writes.

use super::key::{Key, KeyWriter};
use super::row::UNKNOWN_VERSION;
use super::schema::TableSchema;
use super::{Access, DefaultTable};
use crate::error::{Fault, Result};

/// How a struct is stored: its name, keys, index entries and the bytes of a row.
///
/// [`#[derive(Table)]`](derive@crate::Table) writes this; it can be written by hand for a struct that the derive cannot
/// describe. In bounds, write `T: `[`Table`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a table",
    label = "this is not a table",
    note = "put `#[derive(walnut::Table, serde::Serialize, serde::Deserialize)]` on the struct and \
            `#[primary_key]` on a field"
)]
pub trait TableMapper: Sized + Send + Sync + 'static {
    /// The primary key: a tuple when it has several columns.
    type PrimaryKey: Key;

    /// A struct with one typed handle for each index, by the index's name.
    type By<'a, A: Access + 'a>;

    /// A struct with one [`IndexName`](super::IndexName) for each index, by the index's name.
    type Ix;

    /// What the table looks like, as it is stored in the database.
    const SCHEMA: TableSchema;

    /// Adds the encoding of the row's primary key.
    fn encode_primary_key(&self, out: &mut KeyWriter);

    /// Adds the row's entries in the index at a place of [`SCHEMA`](Self::SCHEMA)'s list.
    fn encode_index(&self, index: usize, entries: &mut IndexEntries);

    /// Adds the bytes of the row.
    fn encode_row(&self, out: &mut Vec<u8>) -> Result<()>;

    /// The row of these bytes.
    fn decode_row(bytes: &[u8]) -> Result<Self, Fault>;

    /// The row of the bytes of a row in an older layout. Only tables with `#[table(migrate_from = ..)]` have one.
    fn decode_older_row(version: u32, bytes: &[u8]) -> Result<Self, Fault> {
        let _ = (version, bytes);
        Err(UNKNOWN_VERSION)
    }

    /// The handles to the indexes of a table.
    fn by<A: Access>(table: &DefaultTable<Self, A>) -> Self::By<'_, A>;

    /// The names of the indexes.
    fn index_names() -> Self::Ix;
}

/// A struct that is a table. Use it in bounds; derive it with [`#[derive(Table)]`](derive@crate::Table).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a table",
    label = "this is not a table",
    note = "put `#[derive(walnut::Table, serde::Serialize, serde::Deserialize)]` on the struct and \
            `#[primary_key]` on a field"
)]
pub trait Table: TableMapper {
    /// The names of the table's indexes, to compare with: `violation.is(User::ix().email)`.
    fn ix() -> Self::Ix {
        Self::index_names()
    }
}

#[diagnostic::do_not_recommend]
impl<T: TableMapper> Table for T {}

/// Takes the entries that a row has in one index: for each entry its parts, then [`finish`](Self::finish).
#[derive(Debug)]
pub struct IndexEntries {
    entry: KeyWriter,
    has_none: bool,
    finished: Vec<IndexEntry>,
}

/// One entry of an index, without the primary key.
#[derive(Debug)]
pub(crate) struct IndexEntry {
    pub(crate) key: KeyWriter,
    /// A part of it is missing, so a unique index takes it any number of times.
    pub(crate) has_none: bool,
}

impl IndexEntries {
    pub(crate) fn new() -> Self {
        Self { entry: KeyWriter::new(&[]), has_none: false, finished: Vec::new() }
    }

    /// Adds the next part of the entry.
    pub fn part<K: Key>(&mut self, part: &K) {
        self.has_none |= part.is_none();
        part.encode(&mut self.entry);
    }

    /// Ends the entry.
    pub fn finish(&mut self) {
        let key = std::mem::replace(&mut self.entry, KeyWriter::new(&[]));
        self.finished.push(IndexEntry { key, has_none: std::mem::take(&mut self.has_none) });
    }

    pub(crate) fn take(self) -> Vec<IndexEntry> {
        self.finished
    }
}
