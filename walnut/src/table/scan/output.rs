//! The items that a scan returns for its entries.

use std::marker::PhantomData;

use smallvec::SmallVec;

use super::layout::ScanError;
use crate::table::key::{Key, KeyReader};
use crate::table::schema::mapper::Table;

pub(super) trait Output<T: Table> {
    type Item;

    /// Whether the item stays within the scan, which needs its own key even if another one is
    /// shown.
    const IS_INNER: bool = false;

    /// Makes the item. `key` begins with the key of the scan; the row is read only if it is asked
    /// for.
    fn make(
        key: &[u8],
        primary_key: &[u8],
        row: impl FnOnce() -> Result<T, ScanError>,
    ) -> Result<Self::Item, ScanError>;
}

pub(super) struct RowOf;

impl<T: Table> Output<T> for RowOf {
    type Item = T;

    #[inline(always)]
    fn make(
        _key: &[u8],
        _primary_key: &[u8],
        row: impl FnOnce() -> Result<T, ScanError>,
    ) -> Result<T, ScanError> {
        row()
    }
}

pub(super) struct KeyOf;

impl<T: Table> Output<T> for KeyOf {
    type Item = <T as Table>::PrimaryKey;

    #[inline]
    fn make(
        _key: &[u8],
        primary_key: &[u8],
        _row: impl FnOnce() -> Result<T, ScanError>,
    ) -> Result<Self::Item, ScanError> {
        Ok(Key::decode(&mut KeyReader::new(primary_key))?)
    }
}

pub(super) struct EntryOf<K>(PhantomData<K>);

impl<T: Table, K: Key> Output<T> for EntryOf<K> {
    type Item = (K, <T as Table>::PrimaryKey);

    #[inline]
    fn make(
        key: &[u8],
        primary_key: &[u8],
        _row: impl FnOnce() -> Result<T, ScanError>,
    ) -> Result<Self::Item, ScanError> {
        Ok((K::decode(&mut KeyReader::new(key))?, Key::decode(&mut KeyReader::new(primary_key))?))
    }
}

pub(super) struct CountOf;

impl<T: Table> Output<T> for CountOf {
    type Item = ();

    #[inline]
    fn make(
        _key: &[u8],
        _primary_key: &[u8],
        _row: impl FnOnce() -> Result<T, ScanError>,
    ) -> Result<(), ScanError> {
        Ok(())
    }
}

/// The bytes of the key of the scan and of the primary key.
pub(super) struct FoundOf;

impl<T: Table> Output<T> for FoundOf {
    type Item = (Vec<u8>, Vec<u8>);

    const IS_INNER: bool = true;

    #[inline]
    fn make(
        key: &[u8],
        primary_key: &[u8],
        _row: impl FnOnce() -> Result<T, ScanError>,
    ) -> Result<Self::Item, ScanError> {
        Ok((key.to_vec(), primary_key.to_vec()))
    }
}

pub(super) struct PrimaryKeyOf;

impl<T: Table> Output<T> for PrimaryKeyOf {
    type Item = SmallVec<[u8; 32]>;

    #[inline]
    fn make(
        _key: &[u8],
        primary_key: &[u8],
        _row: impl FnOnce() -> Result<T, ScanError>,
    ) -> Result<Self::Item, ScanError> {
        Ok(primary_key.into())
    }
}
