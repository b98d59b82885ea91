//! The bytes of a row: the version of its layout as a varint, then postcard through serde. A row of an older layout goes
//! through the structs of the past, each made of the one before.

mod decoder;
#[cfg(test)]
mod tests;

use serde::Serialize;
use serde::de::DeserializeOwned;

use self::decoder::Decoder;
use super::mapper::TableMapper;
use super::shape::RowShape;
use crate::codec::{Reader, Writer};
use crate::error::{Error, Fault, Limit, Result};

/// What is wrong with a row that no struct reads.
pub(super) const UNKNOWN_VERSION: Fault = Fault::Invalid("layout version of a row");

/// Of a row that nobody could read again.
pub(super) const UNREADABLE: Error = Error::Unsupported(
    "a row that serde writes and cannot read again; `derive(Table)` says what serde is asked for",
);

/// The most bytes that a row may take.
pub(crate) const MAX_ROW_SIZE: usize = 16 << 20;

/// Adds a struct in postcard; for derived code.
pub fn encode<T: Serialize>(row: &T, out: &mut Vec<u8>) -> Result<()> {
    let taken = std::mem::take(out);
    *out = postcard::to_extend(row, taken).map_err(|_| Error::Unsupported("this row's serde form"))?;
    Ok(())
}

/// A struct that serde reads; for derived code, which asks for it in one place.
pub trait Decoded: DeserializeOwned {}

/// What serde reads of a struct; for derived code.
pub fn trace<T: Decoded>() -> RowShape {
    super::shape::trace::<T>()
}

/// The struct of these bytes in postcard; for derived code.
#[inline(always)]
pub fn decode<T: Decoded>(bytes: &[u8]) -> Result<T, Fault> {
    read(bytes)
}

#[inline(always)]
fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Fault> {
    let mut decoder = Decoder::new(bytes);
    match T::deserialize(&mut decoder) {
        Ok(row) if decoder.rest().is_empty() => Ok(row),
        _ => Err(Fault::Invalid("row")),
    }
}

/// The stored bytes of a row.
pub(super) fn seal<T: TableMapper>(row: &T) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(256);
    seal_into(row, &mut bytes)?;
    Ok(bytes)
}

/// The same, in the place of what `bytes` held.
pub(super) fn seal_into<T: TableMapper>(row: &T, bytes: &mut Vec<u8>) -> Result<()> {
    bytes.clear();
    bytes.put_varint(u64::from(T::SCHEMA.version));
    row.encode_row(bytes)?;
    if bytes.len() > MAX_ROW_SIZE {
        return Err(Error::Limit(Limit::Row { size: bytes.len(), limit: MAX_ROW_SIZE }));
    }
    // In a build for development each row is tried, so that the program that stores it tells, and not the one that reads it.
    if cfg!(debug_assertions) && open::<T>(bytes).is_err() {
        return Err(UNREADABLE);
    }
    Ok(())
}

/// The row of stored bytes.
#[inline(always)]
pub(super) fn open<T: TableMapper>(bytes: &[u8]) -> Result<T, Fault> {
    let (version, rest) = version(bytes)?;
    if version == T::SCHEMA.version { T::decode_row(rest) } else { T::decode_older_row(version, rest) }
}

/// The version of the layout of stored bytes, and what stands behind it.
pub(super) fn version(bytes: &[u8]) -> Result<(u32, &[u8]), Fault> {
    let mut reader = Reader::new(bytes);
    let version = u32::try_from(reader.varint()?).map_err(|_| UNKNOWN_VERSION)?;
    Ok((version, reader.rest()))
}

/// Makes a row of the layout `Old`, or of one before it, a row of today; for derived code.
pub fn migrate<T: MigrateFrom<Old>, Old: TableMapper>(version: u32, bytes: &[u8]) -> Result<T, Fault> {
    let old = if version == Old::SCHEMA.version {
        Old::decode_row(bytes)?
    } else {
        Old::decode_older_row(version, bytes)?
    };
    T::migrate_from(old).map_err(|()| Fault::Migration {
        table: T::SCHEMA.name,
        from: Old::SCHEMA.version,
        to: T::SCHEMA.version,
    })
}

/// A struct that can be made of the one before it: by `From`, or by `TryFrom` where an old row may have no new form.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be made of `{Old}`",
    label = "rows of `{Old}` are to become rows of `{Self}`",
    note = "write `impl From<{Old}> for {Self}`, or `TryFrom` where a row may be refused"
)]
pub trait MigrateFrom<Old>: TableMapper {
    /// The row of today; nothing when the old row has no new form.
    fn migrate_from(old: Old) -> Result<Self, ()>;
}

#[diagnostic::do_not_recommend]
impl<T: TableMapper + TryFrom<Old>, Old> MigrateFrom<Old> for T {
    fn migrate_from(old: Old) -> Result<Self, ()> {
        Self::try_from(old).map_err(drop)
    }
}
