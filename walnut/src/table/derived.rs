//! What derived code calls, so that each thing it needs of a field's type is asked for in one place.
//!
//! ```text
//! struct __Parts;
//! impl Part<__Parts, 1> for User { type Key = String; .. }    the one place that asks for `String: Key`
//! index_part::<User, __Parts, 1>(row, entries)                asks only for `User: Part<__Parts, 1>`
//! ```
//!
//! A field whose type is no key is therefore one error, under its type. `__Parts` is declared beside the implementations
//! and seen by nobody else: without it a public struct could not have a field of a private type as a part. Nothing
//! here does anything of its own.

use super::key::{Key, KeyReader, KeyWriter};
use super::mapper::{IndexEntries, TableMapper};
use crate::error::Fault;

/// The field at a place of a struct, which is a key; `Of` tells what it is a part for.
pub trait Part<Of, const AT: usize> {
    /// Its type.
    type Key: Key;
    /// Its value.
    fn part(&self) -> &Self::Key;
}

/// Adds a primary key of one column.
pub fn encode_key<T: TableMapper>(key: &T::PrimaryKey, out: &mut KeyWriter) {
    key.encode(out);
}

/// Whether the primary key's type is [exact](Key::EXACT).
pub const fn key_is_exact<T: TableMapper>() -> bool {
    <T::PrimaryKey as Key>::EXACT
}

/// Adds a part to an entry of an index.
pub fn index_part<T: Part<Of, AT>, Of, const AT: usize>(row: &T, entries: &mut IndexEntries) {
    entries.part(row.part());
}

/// Adds a part.
pub fn encode_part<T: Part<Of, AT>, Of, const AT: usize>(whole: &T, out: &mut KeyWriter) {
    whole.part().encode(out);
}

/// Reads a part back.
pub fn decode_part<T: Part<Of, AT>, Of, const AT: usize>(input: &mut KeyReader<'_>) -> Result<T::Key, Fault> {
    T::Key::decode(input)
}

/// Passes over a part.
pub fn skip_part<T: Part<Of, AT>, Of, const AT: usize>(input: &mut KeyReader<'_>) -> Result<(), Fault> {
    T::Key::skip(input)
}

/// Whether a part is a missing value.
pub fn part_is_none<T: Part<Of, AT>, Of, const AT: usize>(whole: &T) -> bool {
    whole.part().is_none()
}

/// Whether a part's type is [exact](Key::EXACT).
pub const fn part_is_exact<T: Part<Of, AT>, Of, const AT: usize>() -> bool {
    <T::Key as Key>::EXACT
}
