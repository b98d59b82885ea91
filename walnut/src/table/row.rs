//! The bytes of a row: the version of its layout as a varint, then postcard through serde.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::mapper::TableMapper;
use crate::codec::{Reader, Writer};
use crate::error::{Error, Fault, Limit, Result};

/// The most bytes that a row may take.
pub(crate) const MAX_ROW_SIZE: usize = 16 << 20;

/// Adds a struct in postcard; for derived code.
pub fn encode<T: Serialize>(row: &T, out: &mut Vec<u8>) -> Result<()> {
    let taken = std::mem::take(out);
    *out = postcard::to_extend(row, taken).map_err(|_| Error::Unsupported("this row's serde form"))?;
    Ok(())
}

/// The struct of these bytes in postcard; for derived code.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Fault> {
    match postcard::take_from_bytes(bytes) {
        Ok((row, [])) => Ok(row),
        _ => Err(Fault::Invalid("row")),
    }
}

/// The stored bytes of a row.
pub(super) fn seal<T: TableMapper>(row: &T) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(128);
    bytes.put_varint(u64::from(T::SCHEMA.version));
    row.encode_row(&mut bytes)?;
    if bytes.len() > MAX_ROW_SIZE {
        return Err(Error::Limit(Limit::Row { size: bytes.len(), limit: MAX_ROW_SIZE }));
    }
    Ok(bytes)
}

/// The row of stored bytes.
pub(super) fn open<T: TableMapper>(bytes: &[u8]) -> Result<T, Fault> {
    let mut reader = Reader::new(bytes);
    if reader.varint()? != u64::from(T::SCHEMA.version) {
        return Err(Fault::Invalid("layout version of a row"));
    }
    T::decode_row(reader.rest())
}
