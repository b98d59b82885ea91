//! The value pointer: the entry of a large value holds it instead of the value, which is in the
//! value log.
//!
//! ```text
//!  | file number varint | offset varint | size varint |
//! ```
//!
//! A pointer is valid if and only if (1) the three numbers, each in its shortest form, fill the
//! bytes exactly, (2) the file number is at most the highest one, (3) `offset` is not within a
//! file's header and `offset + size` fits in 63 bits, and (4) `size` is not zero. It belongs to
//! this layer because SSTs hold pointers, and the value log writes and follows them.

use super::{FileHeader, Reader, Writer};
use crate::base::FileNumber;
use crate::error::Fault;

/// The location of a value log record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ValuePointer {
    pub(crate) file: FileNumber,
    /// Of the record's first byte.
    pub(crate) offset: u64,
    /// The size of the whole record in the file, in bytes.
    pub(crate) size: u64,
}

impl ValuePointer {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.put_varint(self.file.0);
        out.put_varint(self.offset);
        out.put_varint(self.size);
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(bytes);
        let file = FileNumber(reader.varint()?);
        let (offset, size) = (reader.varint()?, reader.varint()?);
        reader.finish()?;
        let fits = offset.checked_add(size).is_some_and(|end| end <= i64::MAX.unsigned_abs());
        if file > FileNumber::MAX || offset < FileHeader::LEN as u64 || size == 0 || !fits {
            return Err(Fault::Invalid("pointer to a value"));
        }
        Ok(Self { file, offset, size })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(file: u64, offset: u64, size: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        ValuePointer { file: FileNumber(file), offset, size }.encode(&mut bytes);
        bytes
    }

    #[test]
    fn a_pointer_has_one_form_and_comes_back() {
        let pointer = ValuePointer { file: FileNumber(9), offset: 300, size: 20_000 };
        let bytes = encoded(9, 300, 20_000);
        assert_eq!(bytes, [9, 0xac, 0x02, 0xa0, 0x9c, 0x01]);
        assert_eq!(ValuePointer::decode(&bytes), Ok(pointer));
        for cut in 0..bytes.len() {
            assert!(ValuePointer::decode(&bytes[..cut]).is_err(), "{cut} bytes");
        }
        assert!(ValuePointer::decode(&[&bytes[..], &[0]].concat()).is_err());
    }

    #[test]
    fn a_place_that_cannot_be_is_refused() {
        let last = i64::MAX.unsigned_abs();
        for (file, offset, size) in [(FileNumber::MAX.0, 64, 1), (1, 64, last - 64), (1, last - 1, 1)] {
            assert!(ValuePointer::decode(&encoded(file, offset, size)).is_ok());
        }
        for (file, offset, size) in
            [(FileNumber::MAX.0 + 1, 64, 1), (1, 63, 1), (1, 64, 0), (1, 64, last - 63), (1, u64::MAX, 1)]
        {
            let fault = ValuePointer::decode(&encoded(file, offset, size)).err();
            assert_eq!(fault, Some(Fault::Invalid("pointer to a value")), "{file} {offset} {size}");
        }
    }
}
