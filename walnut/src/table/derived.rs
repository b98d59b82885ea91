//! What derived code calls, so that each thing it needs of a field's type is asked for in one place.
//!
//! ```text
//! impl Column<1> for User { type Key = String; .. }      the one place that asks for `String: Key`
//! index_column::<User, 1>(row, entries)                  asks only for `User: Column<1>`
//! ```
//!
//! A field whose type is no key is therefore one error, under its type. Nothing here does anything of its own.

use super::key::{Key, KeyReader, KeyWriter};
use super::mapper::{IndexEntries, TableMapper};
use crate::error::Fault;

/// The field at a place of a row, which is a key.
pub trait Column<const AT: usize> {
    /// Its type.
    type Key: Key;
    /// Its value.
    fn column(&self) -> &Self::Key;
}

/// Adds a primary key of one column.
pub fn encode_key<T: TableMapper>(key: &T::PrimaryKey, out: &mut KeyWriter) {
    key.encode(out);
}

/// Adds a column of a primary key that has several.
pub fn encode_column<T: Column<AT>, const AT: usize>(row: &T, out: &mut KeyWriter) {
    row.column().encode(out);
}

/// Adds a column to an entry of an index.
pub fn index_column<T: Column<AT>, const AT: usize>(row: &T, entries: &mut IndexEntries) {
    entries.part(row.column());
}

/// Whether the primary key's type is [exact](Key::EXACT).
pub const fn key_is_exact<T: TableMapper>() -> bool {
    <T::PrimaryKey as Key>::EXACT
}

/// Whether a column's type is [exact](Key::EXACT).
pub const fn column_is_exact<T: Column<AT>, const AT: usize>() -> bool {
    <T::Key as Key>::EXACT
}

/// The field at a place of a struct that is a key, which is a key itself.
pub trait KeyPart<const AT: usize> {
    /// Its type.
    type Key: Key;
    /// Its value.
    fn part(&self) -> &Self::Key;
}

/// Adds a part.
pub fn encode_part<K: KeyPart<AT>, const AT: usize>(key: &K, out: &mut KeyWriter) {
    key.part().encode(out);
}

/// Reads a part back.
pub fn decode_part<K: KeyPart<AT>, const AT: usize>(input: &mut KeyReader<'_>) -> Result<K::Key, Fault> {
    K::Key::decode(input)
}

/// Passes over a part.
pub fn skip_part<K: KeyPart<AT>, const AT: usize>(input: &mut KeyReader<'_>) -> Result<(), Fault> {
    K::Key::skip(input)
}

/// Whether a part is a missing value.
pub fn part_is_none<K: KeyPart<AT>, const AT: usize>(key: &K) -> bool {
    key.part().is_none()
}

/// Whether a part's type is [exact](Key::EXACT).
pub const fn part_is_exact<K: KeyPart<AT>, const AT: usize>() -> bool {
    <K::Key as Key>::EXACT
}
