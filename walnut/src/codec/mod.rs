//! Encoding and checked decoding of file contents: every length is bounded before it is used, every
//! fault is typed.

mod crc;
mod file_header;
mod lz4;
mod reader;
mod text;
mod value_pointer;
mod writer;

pub(crate) use crc::{crc32, crc32_combine, seed_at};
pub(crate) use file_header::{FileFormat, FileHeader, FileKind};
pub(crate) use lz4::{BlockCompression, MAX_RATIO, compress, decompress};
pub(crate) use reader::Reader;
pub(crate) use text::{long_text, text};
pub(crate) use value_pointer::ValuePointer;
pub(crate) use writer::{Writer, varint_size};

/// The byte range of a field, given its start: layouts are written as sums, so that no offset is
/// written twice.
pub(crate) const fn field(start: usize, len: usize) -> std::ops::Range<usize> {
    start..start + len
}
