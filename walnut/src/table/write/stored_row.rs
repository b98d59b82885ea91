//! The mapper of a table's rows: conversions between rows, bytes, primary keys and index entries.
//!
//! ```text
//!   Mutation, verify, owner ── StoredRow ── T: Table         by derived code
//!                                           dynamic::DynamicRow  by the schema that the catalog has
//! ```
//!
//! Statements are generic over it, so a row without its struct takes the same code path as one with
//! it.

use crate::error::{Fault, Result};
use crate::table::catalog::TableInfo;
use crate::table::key::{Key, KeyReader, KeyWriter};
use crate::table::row;
use crate::table::schema::entries::IndexEntries;
use crate::table::schema::mapper::Table;

pub(in crate::table) trait StoredRow: Sized {
    /// See [`Table::LOSSLESS`](crate::Table::LOSSLESS).
    const IS_LOSSLESS: bool;

    fn open(info: &TableInfo, bytes: &[u8]) -> Result<Self, Fault>;

    /// Adds the stored bytes of the row, and returns the row that is decoded from them if it may
    /// differ: see [`row::seal`].
    fn seal(&self, info: &TableInfo, bytes: &mut Vec<u8>, reads: bool) -> Result<Option<Self>>;

    /// The row as it would be decoded after it was stored.
    fn copy(&self, info: &TableInfo) -> Result<Self>;

    /// Adds the encoding of the row's primary key.
    fn put_key(&self, info: &TableInfo, out: &mut KeyWriter);

    fn put_entries(&self, info: &TableInfo, index: usize, entries: &mut IndexEntries);

    /// The number of the row's primary key, if keys of its table are counted.
    fn number(&self) -> Option<u128>;

    /// Skips the key of the index with this ordinal. Returns false, and skips nothing, if its type
    /// is not known.
    fn skip_index_key(info: &TableInfo, index: usize, input: &mut KeyReader<'_>) -> Result<bool, Fault>;

    fn skip_key(info: &TableInfo, input: &mut KeyReader<'_>) -> Result<(), Fault>;

    /// The error for a row that would be decoded with another primary key.
    fn other_key(info: &TableInfo) -> crate::error::Error;
}

impl<T: Table> StoredRow for T {
    const IS_LOSSLESS: bool = T::LOSSLESS;

    #[inline(always)]
    fn open(_: &TableInfo, bytes: &[u8]) -> Result<Self, Fault> {
        row::open(bytes)
    }

    #[inline(always)]
    fn seal(&self, _: &TableInfo, bytes: &mut Vec<u8>, reads: bool) -> Result<Option<Self>> {
        row::seal(self, bytes, reads)
    }

    fn copy(&self, _: &TableInfo) -> Result<Self> {
        row::copy(self)
    }

    #[inline(always)]
    fn put_key(&self, _: &TableInfo, out: &mut KeyWriter) {
        self.encode_primary_key(out);
    }

    #[inline(always)]
    fn put_entries(&self, _: &TableInfo, index: usize, entries: &mut IndexEntries) {
        self.encode_index(index, entries);
    }

    #[inline(always)]
    fn number(&self) -> Option<u128> {
        self.generated_number()
    }

    fn skip_index_key(_: &TableInfo, index: usize, input: &mut KeyReader<'_>) -> Result<bool, Fault> {
        T::skip_index_key(index, input)
    }

    fn skip_key(_: &TableInfo, input: &mut KeyReader<'_>) -> Result<(), Fault> {
        T::PrimaryKey::skip(input)
    }

    fn other_key(_: &TableInfo) -> crate::error::Error {
        row::unstorable::<T>(
            "its primary key would be read as another one, because serde does not write all of it, or changes it",
        )
    }
}
