//! What a scan makes of an entry that it has come to.

use std::marker::PhantomData;

use smallvec::SmallVec;

use crate::error::Fault;
use crate::table::key::{Key, KeyReader};
use crate::table::mapper::{Table, TableMapper};

/// What is given for an entry.
pub(super) trait Output<T: Table> {
    type Item;

    /// Whether the row is needed for it.
    const NEEDS_ROW: bool;

    /// Whether it stays within the scan, which needs the key that it goes by even where it is not to be shown.
    const IS_INNER: bool = false;

    /// Makes it of the bytes of the key that the scan goes by (beginning with them), of the primary key, and of the row,
    /// which is there when [`NEEDS_ROW`](Self::NEEDS_ROW) says so.
    fn make(key: &[u8], primary_key: &[u8], row: Option<T>) -> Result<Self::Item, Fault>;
}

/// Rows.
pub(super) struct RowOf;

impl<T: Table> Output<T> for RowOf {
    type Item = T;

    const NEEDS_ROW: bool = true;

    fn make(_key: &[u8], _primary_key: &[u8], row: Option<T>) -> Result<T, Fault> {
        row.ok_or(Fault::Index("an index entry has no row"))
    }
}

/// Primary keys.
pub(super) struct KeyOf;

impl<T: Table> Output<T> for KeyOf {
    type Item = <T as TableMapper>::PrimaryKey;

    const NEEDS_ROW: bool = false;

    fn make(_key: &[u8], primary_key: &[u8], _row: Option<T>) -> Result<Self::Item, Fault> {
        Key::decode(&mut KeyReader::new(primary_key))
    }
}

/// Keys of type `K` with primary keys.
pub(super) struct EntryOf<K>(PhantomData<K>);

impl<T: Table, K: Key> Output<T> for EntryOf<K> {
    type Item = (K, <T as TableMapper>::PrimaryKey);

    const NEEDS_ROW: bool = false;

    fn make(key: &[u8], primary_key: &[u8], _row: Option<T>) -> Result<Self::Item, Fault> {
        Ok((K::decode(&mut KeyReader::new(key))?, Key::decode(&mut KeyReader::new(primary_key))?))
    }
}

/// Nothing, for counting.
pub(super) struct CountOf;

impl<T: Table> Output<T> for CountOf {
    type Item = ();

    const NEEDS_ROW: bool = false;

    fn make(_key: &[u8], _primary_key: &[u8], _row: Option<T>) -> Result<(), Fault> {
        Ok(())
    }
}

/// The bytes of the key that the scan goes by and of the primary key.
pub(super) struct FoundOf;

impl<T: Table> Output<T> for FoundOf {
    type Item = (Vec<u8>, Vec<u8>);

    const NEEDS_ROW: bool = false;

    const IS_INNER: bool = true;

    fn make(key: &[u8], primary_key: &[u8], _row: Option<T>) -> Result<Self::Item, Fault> {
        Ok((key.to_vec(), primary_key.to_vec()))
    }
}

/// The bytes of the primary key.
pub(super) struct PrimaryKeyOf;

impl<T: Table> Output<T> for PrimaryKeyOf {
    type Item = SmallVec<[u8; 32]>;

    const NEEDS_ROW: bool = false;

    fn make(_key: &[u8], primary_key: &[u8], _row: Option<T>) -> Result<Self::Item, Fault> {
        Ok(primary_key.into())
    }
}
