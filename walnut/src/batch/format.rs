//! The encoding of a write batch: its entries, one after the other.
//!
//! ```text
//!  | kind u8 | key size varint | value size varint | key | value |     Put         = 1
//!  | kind u8 | key size varint | key |                                 Delete      = 0
//!  | kind u8 | start size varint | end size varint | start | end |     RangeDelete = 3
//!  | kind u8 | key size varint | key | number i64 |                    Add         = 4
//! ```
//!
//! A payload of `count` entries is valid if and only if (1) each kind is one of these, (2) each
//! size is in its shortest form and the bytes that it announces are there, (3) each start is less
//! than its end, and (4) `count` entries fill the payload exactly.

use crate::base::Kind;
use crate::codec::{Reader, Writer};
use crate::error::Fault;

/// An entry without its sequence number, which follows from its index in the batch.
pub(crate) type BatchEntry<'a> = (Kind, &'a [u8], &'a [u8]);

const NUMBER_SIZE: u64 = 8;

/// Appends an entry; a tombstone has no value, and an add's size is implied.
pub(super) fn put_entry(out: &mut Vec<u8>, (kind, key, value): BatchEntry<'_>) {
    out.put_u8(kind as u8);
    out.put_varint(key.len() as u64);
    if !matches!(kind, Kind::Delete | Kind::Add) {
        out.put_varint(value.len() as u64);
    }
    out.extend_from_slice(key);
    if kind != Kind::Delete {
        out.extend_from_slice(value);
    }
}

pub(super) fn read_entry<'a>(reader: &mut Reader<'a>) -> Result<BatchEntry<'a>, Fault> {
    let kind = Kind::from_code(reader.u8()?).filter(|kind| *kind != Kind::Pointer);
    let kind = kind.ok_or(Fault::Invalid("kind of an entry"))?;
    let key_size = reader.varint()?;
    let value_size = match kind {
        Kind::Put | Kind::RangeDelete => reader.varint()?,
        Kind::Add => NUMBER_SIZE,
        Kind::Delete | Kind::Pointer => 0,
    };
    let (key, value) = (read_bytes(reader, key_size)?, read_bytes(reader, value_size)?);
    if kind == Kind::RangeDelete && key >= value {
        return Err(Fault::Invalid("range of a range tombstone"));
    }
    Ok((kind, key, value))
}

fn read_bytes<'a>(reader: &mut Reader<'a>, size: u64) -> Result<&'a [u8], Fault> {
    reader.bytes(usize::try_from(size).map_err(|_| Fault::Truncated)?)
}
