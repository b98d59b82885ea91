//! A row of a dynamic table for the statements that all tables share.

use std::borrow::Cow;

use super::mapper::{Mapper, OLDER_LAYOUT};
use super::value::Value;
use crate::error::{Error, Fault, Limit, Result, Unstorable, ValueError};
use crate::table::catalog::TableInfo;
use crate::table::key::{KeyReader, KeyWriter};
use crate::table::row::MAX_ROW_SIZE;
use crate::table::schema::entries::IndexEntries;
use crate::table::write::stored_row::StoredRow;

/// A row without its struct, a map of its columns.
#[derive(Clone, Debug)]
pub(in crate::table) struct DynamicRow<'v> {
    pub(in crate::table) value: Cow<'v, Value>,
    /// The stored bytes of `value`, if they are known: then the row need not be encoded and decoded
    /// once more.
    sealed: Option<Vec<u8>>,
}

impl<'v> DynamicRow<'v> {
    /// The row of a value, in the form in which it is decoded again.
    pub(super) fn of(value: &'v Value, info: &TableInfo) -> Result<Self> {
        let mut bytes = Vec::with_capacity(256);
        let value = seal(value, info, &mut bytes)?;
        Ok(Self { value, sealed: Some(bytes) })
    }

    /// The same row, which borrows nothing.
    pub(super) fn into_owned(self) -> DynamicRow<'static> {
        DynamicRow { value: Cow::Owned(self.value.into_owned()), sealed: self.sealed }
    }
}

/// Adds the stored bytes of a value, and returns the value that is decoded from them.
fn seal<'v>(value: &'v Value, info: &TableInfo, bytes: &mut Vec<u8>) -> Result<Cow<'v, Value>> {
    let unreadable = || Error::Unstorable(Unstorable::new(info.schema.name, "it cannot be read again"));
    let mapper = mapper(info).map_err(|_| unreadable())?;
    let start = bytes.len();
    mapper
        .seal(value, bytes)
        .map_err(|(path, problem)| Error::Value(ValueError::new(info.schema.name, &path, problem)))?;
    let size = bytes.len() - start;
    if size > MAX_ROW_SIZE {
        return Err(Error::Limit(Limit::Row { size, limit: MAX_ROW_SIZE }));
    }
    let stored = &bytes[start..];
    if mapper.is_read_as(stored, value) {
        debug_assert_eq!(mapper.open_newest(stored).as_ref(), Ok(value));
        return Ok(Cow::Borrowed(value));
    }
    mapper.open_newest(stored).map(Cow::Owned).map_err(|_| unreadable())
}

/// The mapper of a table that was opened without its struct.
fn mapper(info: &TableInfo) -> Result<&Mapper, Fault> {
    info.mapper.as_deref().ok_or(OLDER_LAYOUT)
}

impl StoredRow for DynamicRow<'_> {
    /// A written row is decoded at once, as a value has several forms of which one is stored.
    const IS_LOSSLESS: bool = false;

    fn open(info: &TableInfo, bytes: &[u8]) -> Result<Self, Fault> {
        let value = mapper(info)?.open_newest(bytes)?;
        Ok(Self { value: Cow::Owned(value), sealed: None })
    }

    fn seal(&self, info: &TableInfo, bytes: &mut Vec<u8>, _: bool) -> Result<Option<Self>> {
        if let Some(sealed) = &self.sealed {
            bytes.extend_from_slice(sealed);
            return Ok(None);
        }
        let value = seal(&self.value, info, bytes)?.into_owned();
        Ok(Some(Self { value: Cow::Owned(value), sealed: None }))
    }

    fn copy(&self, info: &TableInfo) -> Result<Self> {
        DynamicRow::of(&self.value, info).map(DynamicRow::into_owned)
    }

    fn put_key(&self, info: &TableInfo, out: &mut KeyWriter) {
        match mapper(info) {
            Ok(mapper) => mapper.put_key(&self.value, out),
            Err(_) => out.refuse("the primary key of a row cannot be derived from its values"),
        }
    }

    fn put_entries(&self, info: &TableInfo, index: usize, entries: &mut IndexEntries) {
        if let Ok(mapper) = mapper(info) {
            mapper.put_entries(&self.value, index, entries);
        }
    }

    fn number(&self) -> Option<u128> {
        None
    }

    fn skip_index_key(info: &TableInfo, index: usize, input: &mut KeyReader<'_>) -> Result<bool, Fault> {
        mapper(info)?.skip_index_key(index, input)
    }

    fn skip_key(info: &TableInfo, input: &mut KeyReader<'_>) -> Result<(), Fault> {
        mapper(info)?.skip_key(input)
    }

    fn other_key(info: &TableInfo) -> Error {
        Error::Unstorable(Unstorable::new(info.schema.name, "its primary key would be read as another one"))
    }
}
