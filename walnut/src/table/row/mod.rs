//! The bytes of a row: the version of its layout as a varint, then postcard through serde. A row of
//! an older layout is decoded through the structs of older versions, each made of the one before.

mod decode_error;
mod decoder;
mod encoder;
mod lossless;
#[cfg(test)]
mod tests;
mod trace;

use serde::Serialize;
use serde::de::DeserializeOwned;

use self::decoder::Decoder;
use self::encoder::{Encoder, Refusal};
pub use self::lossless::{Lossless, MaybeLossy, Serde};
use self::trace::{Mismatch, Trace};
use crate::codec::{Reader, Writer};
use crate::error::{Error, Fault, Limit, Result, Unstorable};
use crate::table::schema::mapper::Table;
use crate::table::shape::RowShape;

/// What is wrong with a row that no struct reads.
pub(super) const UNKNOWN_VERSION: Fault = Fault::Invalid("layout version of a row");

/// The most bytes that a row may take.
pub(crate) const MAX_ROW_SIZE: usize = 16 << 20;

/// A struct of which serde makes rows; for derived code, which asks for both of serde's traits here
/// and nowhere else, so that the compiler complains once.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a table, because serde does not write and read it",
    label = "rows are stored through serde",
    note = "derive both of serde's traits as well: `#[derive(Table, Serialize, Deserialize)]`"
)]
pub trait SerdeRow: Sized {
    /// Adds the row in postcard.
    fn encode(&self, out: &mut Vec<u8>) -> Result<()>;

    /// Adds the row in postcard, and returns the one that is read from these bytes.
    ///
    /// [`Error::Unstorable`] when it cannot be read, or is read in other forms than it was written
    /// in.
    fn encode_and_read(&self, out: &mut Vec<u8>) -> Result<Self>;

    /// The row of these bytes in postcard.
    fn decode(bytes: &[u8]) -> Result<Self, Fault>;

    /// What serde reads of a row.
    fn trace() -> RowShape;
}

#[diagnostic::do_not_recommend]
impl<T: Table + Serialize + DeserializeOwned> SerdeRow for T {
    #[inline]
    fn encode(&self, out: &mut Vec<u8>) -> Result<()> {
        write(self, out).map_err(|refusal| unstorable::<T>(refusal.reason()))
    }

    fn encode_and_read(&self, out: &mut Vec<u8>) -> Result<T> {
        write_and_read(self, out).map_err(|mismatch| match mismatch {
            Mismatch::Forms { written, read } => {
                Error::Unstorable(Unstorable::forms(T::SCHEMA.name, written, read))
            }
            Mismatch::Other(reason) => unstorable::<T>(reason),
        })
    }

    #[inline(always)]
    fn decode(bytes: &[u8]) -> Result<T, Fault> {
        read(bytes)
    }

    fn trace() -> RowShape {
        crate::table::shape::trace::<T>()
    }
}

#[inline(always)]
fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Fault> {
    let mut decoder = Decoder::new(bytes, ());
    match T::deserialize(&mut decoder) {
        Ok(row) if decoder.rest().is_empty() => Ok(row),
        _ => Err(Fault::Invalid("row")),
    }
}

fn write<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<(), Refusal> {
    value.serialize(&mut Encoder { out, notes: () })
}

fn write_and_read<T: Serialize + DeserializeOwned>(value: &T, out: &mut Vec<u8>) -> Result<T, Mismatch> {
    let start = out.len();
    let mut encoder = Encoder { out, notes: Trace::new() };
    value.serialize(&mut encoder).map_err(|refusal| Mismatch::Other(refusal.reason()))?;
    let mut trace = encoder.notes;
    let mut decoder = Decoder::new(&out[start..], trace.comparison());
    let read = T::deserialize(&mut decoder);
    let read = read.and_then(|read| decoder.compare.finish().map(|()| read));
    read.map_err(|_| {
        let refused = "the `Deserialize` of a type in it refuses what its `Serialize` has written";
        decoder.compare.reason().unwrap_or(Mismatch::Other(refused))
    })
}

#[cold]
pub(super) fn unstorable<T: Table>(reason: &'static str) -> Error {
    Error::Unstorable(Unstorable::new(T::SCHEMA.name, reason))
}

/// Adds the stored bytes of a row. Where these may be read as another row, that one is returned: it
/// is the one that is stored.
///
/// [`Error::Unstorable`] when they cannot be read. In a build for development, and when `reads`
/// says so, every row is read; otherwise those of which it is not known that they are read as they
/// are ([`Table::LOSSLESS`]).
pub(super) fn seal<T: Table>(row: &T, bytes: &mut Vec<u8>, reads: bool) -> Result<Option<T>> {
    let start = bytes.len();
    bytes.put_varint(u64::from(T::SCHEMA.version));
    let read = if cfg!(debug_assertions) || !T::LOSSLESS || reads {
        Some(row.encode_row_and_read(bytes)?)
    } else {
        row.encode_row(bytes)?;
        None
    };
    let size = bytes.len() - start;
    if size > MAX_ROW_SIZE {
        return Err(Error::Limit(Limit::Row { size, limit: MAX_ROW_SIZE }));
    }
    Ok(read)
}

/// The row as it would be read, were it stored.
pub(super) fn copy<T: Table>(row: &T) -> Result<T> {
    let mut bytes = Vec::with_capacity(256);
    match seal(row, &mut bytes, false)? {
        Some(read) => Ok(read),
        None => open(&bytes).map_err(|_| unstorable::<T>("it cannot be read again")),
    }
}

/// The row of stored bytes.
#[inline(always)]
pub(super) fn open<T: Table>(bytes: &[u8]) -> Result<T, Fault> {
    let (version, rest) = version(bytes)?;
    if version == T::SCHEMA.version { T::decode_row(rest) } else { open_older(version, rest) }
}

/// The row of a layout of the past: the one that will be read once it is rewritten, so that its
/// index entries stay what they are. One that cannot be stored in the layout of today is returned
/// as its migration made it; rewriting refuses it.
#[cold]
fn open_older<T: Table>(version: u32, rest: &[u8]) -> Result<T, Fault> {
    if version > T::SCHEMA.version {
        // Another program has a newer struct.
        return Err(Fault::Format { found: version, known: T::SCHEMA.version });
    }
    let row = T::decode_older_row(version, rest)?;
    let mut bytes = Vec::with_capacity(rest.len());
    Ok(row.encode_row_and_read(&mut bytes).unwrap_or(row))
}

/// The layout version of stored bytes, and the rest of them.
pub(super) fn version(bytes: &[u8]) -> Result<(u32, &[u8]), Fault> {
    let mut reader = Reader::new(bytes);
    let version = u32::try_from(reader.varint()?).map_err(|_| UNKNOWN_VERSION)?;
    Ok((version, reader.rest()))
}

/// Makes a row of the layout `Old`, or of one before it, a row of today; for derived code.
pub fn migrate<T: MigrateFrom<Old>, Old: Table>(version: u32, bytes: &[u8]) -> Result<T, Fault> {
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

/// A struct that can be made of the one before it: by `From`, or by `TryFrom` where an old row may
/// have no new form.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be made of `{Old}`",
    label = "rows of `{Old}` are to become rows of `{Self}`",
    note = "write `impl From<{Old}> for {Self}`, or `TryFrom` where a row may be refused"
)]
pub trait MigrateFrom<Old>: Table {
    /// The row of today; nothing when the old row has no new form.
    fn migrate_from(old: Old) -> Result<Self, ()>;
}

#[diagnostic::do_not_recommend]
impl<T: Table + TryFrom<Old>, Old> MigrateFrom<Old> for T {
    fn migrate_from(old: Old) -> Result<Self, ()> {
        Self::try_from(old).map_err(drop)
    }
}
