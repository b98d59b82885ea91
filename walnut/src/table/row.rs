//! The bytes of a row: postcard, through serde.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Fault, Limit, Result};

/// The most bytes that a row may take.
pub(crate) const MAX_ROW_SIZE: usize = 16 << 20;

/// Adds the row's bytes.
pub fn encode<T: Serialize>(row: &T, out: &mut Vec<u8>) -> Result<()> {
    let taken = std::mem::take(out);
    *out = postcard::to_extend(row, taken).map_err(|_| Error::Unsupported("this row's serde form"))?;
    if out.len() > MAX_ROW_SIZE {
        return Err(Error::Limit(Limit::Row { size: out.len(), limit: MAX_ROW_SIZE }));
    }
    Ok(())
}

/// The row of these bytes.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Fault> {
    match postcard::take_from_bytes(bytes) {
        Ok((row, [])) => Ok(row),
        _ => Err(Fault::Invalid("row")),
    }
}
