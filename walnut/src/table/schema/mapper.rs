//! The contract between a struct and its table: what `#[derive(Table)]` writes.

use super::TableSchema;
use super::entries::IndexEntries;
use crate::error::{Fault, Result};
use crate::table::key::{Generated, Key, KeyReader, KeyShape, KeyWriter};
use crate::table::row::{self, UNKNOWN_VERSION};
use crate::table::shape::RowShape;
use crate::table::{Access, DefaultTable};

/// A struct that is a table: its name, keys, index entries and the bytes of a row.
///
/// Use it in bounds, `T: Table`; [`#[derive(Table)]`](derive@crate::Table) implements it. It can be
/// implemented by hand for a struct that the derive cannot describe.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a table",
    label = "this is not a table",
    note = "put `#[derive(walnut::Table, serde::Serialize, serde::Deserialize)]` on the struct and \
            `#[primary_key]` on a field"
)]
pub trait Table: Sized + Send + Sync + 'static {
    /// The primary key: a tuple when it has several columns.
    type PrimaryKey: Key;

    /// A struct with one typed handle for each index, by the index's name.
    type By<'a, M: Access + 'a>;

    /// A struct with one [`IndexName`](crate::IndexName) for each index, by the index's name.
    type Ix;

    /// What the table looks like, as it is stored in the database.
    const SCHEMA: TableSchema;

    /// Whether every row is known to be read as it was written, so that no check is needed.
    /// Otherwise each row that is written is decoded at once, and its key and index entries are
    /// those of the decoded row.
    const LOSSLESS: bool = false;

    /// Adds the encoding of the row's primary key.
    fn encode_primary_key(&self, out: &mut KeyWriter);

    /// Adds the row's entries in the index with this ordinal in [`SCHEMA`](Self::SCHEMA).
    fn encode_index(&self, index: usize, entries: &mut IndexEntries);

    /// Skips the key of the index with this ordinal in [`SCHEMA`](Self::SCHEMA). Returns false, and
    /// skips nothing, if its type is not known.
    fn skip_index_key(index: usize, input: &mut KeyReader<'_>) -> Result<bool, Fault> {
        let _ = (index, input);
        Ok(false)
    }

    /// Adds the bytes of the row.
    fn encode_row(&self, out: &mut Vec<u8>) -> Result<()>;

    /// Adds the bytes of the row, and returns the row that they are read as.
    fn encode_row_and_read(&self, out: &mut Vec<u8>) -> Result<Self> {
        let start = out.len();
        self.encode_row(out)?;
        Self::decode_row(&out[start..]).map_err(|_| row::unstorable::<Self>("its `decode_row` refuses it"))
    }

    /// The row of these bytes.
    fn decode_row(bytes: &[u8]) -> Result<Self, Fault>;

    /// The row of the bytes of a row in an older layout. Only tables with
    /// `#[table(migrate_from = ..)]` have one.
    fn decode_older_row(version: u32, bytes: &[u8]) -> Result<Self, Fault> {
        let _ = (version, bytes);
        Err(UNKNOWN_VERSION)
    }

    /// What serde reads of the row, down to the leaves: the catalog keeps it and compares it. By
    /// default nothing is known.
    fn row_shape() -> RowShape {
        RowShape::opaque()
    }

    /// How the keys of the index with this ordinal in [`SCHEMA`](Self::SCHEMA) are encoded, part by
    /// part: the catalog keeps it, and an index with another encoding is built anew. By default
    /// nothing is known.
    fn index_shapes(index: usize) -> Vec<KeyShape> {
        let _ = index;
        Vec::new()
    }

    /// The number of the row's primary key, if keys of this table are counted: the sequence
    /// continues above it. Only tables with `#[primary_key(auto)]` have one.
    fn generated_number(&self) -> Option<u128> {
        None
    }

    /// The handles to the indexes of a table.
    fn by<M: Access>(table: &DefaultTable<Self, M>) -> Self::By<'_, M>;

    /// The names of the indexes.
    fn index_names() -> Self::Ix;

    /// The names of the table's indexes, to compare with: `violation.is(User::ix().email)`.
    fn ix() -> Self::Ix {
        Self::index_names()
    }
}

/// A table whose primary keys are generated: `#[primary_key(auto)]`.
#[diagnostic::on_unimplemented(
    message = "the primary key of `{Self}` is not generated",
    label = "`insert_new` makes a key for the row, and this table's rows bring theirs",
    note = "put `#[primary_key(auto)]` on the primary key, an integer or a `Uuid`; or use `insert`"
)]
pub trait GeneratesKey: Table {
    /// The primary key.
    type Generated: Generated;

    /// The row's key.
    fn generated_key(&self) -> &Self::Generated;

    /// Sets the row's key.
    fn set_generated_key(&mut self, key: Self::Generated);
}
