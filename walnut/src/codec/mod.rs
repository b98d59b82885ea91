//! Bytes in and out of files, checked: every read is bounded before it happens, every fault is typed.

mod crc;
mod file_header;
mod reader;
mod writer;

pub(crate) use crc::{crc32, crc32_combine};
pub(crate) use file_header::{FileHeader, FileKind};
pub(crate) use reader::Reader;
pub(crate) use writer::Writer;

/// The bytes of a field, given where it starts: layouts are written as sums, so no offset stands twice.
pub(crate) const fn field(start: usize, len: usize) -> std::ops::Range<usize> {
    start..start + len
}
