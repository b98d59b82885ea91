//! What a scan makes of an entry that it has come to.

use std::marker::PhantomData;

use smallvec::SmallVec;

use super::trouble::Trouble;
use crate::table::key::{Key, KeyReader};
use crate::table::mapper::{Table, TableMapper};

/// What is given for an entry.
pub(super) trait Output<T: Table> {
    type Item;

    /// Whether it stays within the scan, which needs the key that it goes by even where it is not
    /// to be shown.
    const IS_INNER: bool = false;

    /// Makes it of the bytes of the key that the scan goes by (beginning with them), of the primary
    /// key, and of the row, which is read only if it is asked for.
    fn make(
        key: &[u8],
        primary_key: &[u8],
        row: impl FnOnce() -> Result<T, Trouble>,
    ) -> Result<Self::Item, Trouble>;
}

/// Rows.
pub(super) struct RowOf;

impl<T: Table> Output<T> for RowOf {
    type Item = T;

    #[inline(always)]
    fn make(
        _key: &[u8],
        _primary_key: &[u8],
        row: impl FnOnce() -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        row()
    }
}

/// Primary keys.
pub(super) struct KeyOf;

impl<T: Table> Output<T> for KeyOf {
    type Item = <T as TableMapper>::PrimaryKey;

    #[inline]
    fn make(
        _key: &[u8],
        primary_key: &[u8],
        _row: impl FnOnce() -> Result<T, Trouble>,
    ) -> Result<Self::Item, Trouble> {
        Ok(Key::decode(&mut KeyReader::new(primary_key))?)
    }
}

/// Keys of type `K` with primary keys.
pub(super) struct EntryOf<K>(PhantomData<K>);

impl<T: Table, K: Key> Output<T> for EntryOf<K> {
    type Item = (K, <T as TableMapper>::PrimaryKey);

    #[inline]
    fn make(
        key: &[u8],
        primary_key: &[u8],
        _row: impl FnOnce() -> Result<T, Trouble>,
    ) -> Result<Self::Item, Trouble> {
        Ok((K::decode(&mut KeyReader::new(key))?, Key::decode(&mut KeyReader::new(primary_key))?))
    }
}

/// Nothing, for counting.
pub(super) struct CountOf;

impl<T: Table> Output<T> for CountOf {
    type Item = ();

    #[inline]
    fn make(
        _key: &[u8],
        _primary_key: &[u8],
        _row: impl FnOnce() -> Result<T, Trouble>,
    ) -> Result<(), Trouble> {
        Ok(())
    }
}

/// The bytes of the key that the scan goes by and of the primary key.
pub(super) struct FoundOf;

impl<T: Table> Output<T> for FoundOf {
    type Item = (Vec<u8>, Vec<u8>);

    const IS_INNER: bool = true;

    #[inline]
    fn make(
        key: &[u8],
        primary_key: &[u8],
        _row: impl FnOnce() -> Result<T, Trouble>,
    ) -> Result<Self::Item, Trouble> {
        Ok((key.to_vec(), primary_key.to_vec()))
    }
}

/// The bytes of the primary key.
pub(super) struct PrimaryKeyOf;

impl<T: Table> Output<T> for PrimaryKeyOf {
    type Item = SmallVec<[u8; 32]>;

    #[inline]
    fn make(
        _key: &[u8],
        primary_key: &[u8],
        _row: impl FnOnce() -> Result<T, Trouble>,
    ) -> Result<Self::Item, Trouble> {
        Ok(primary_key.into())
    }
}
