//! The format of a value file, byte by byte: a file header, then records without gaps.
//!
//! ```text
//!  0         64 or 128
//!  | headers | record | record | ..
//!
//!  a record:
//!  0       4          6          7      8             12           16    16+k
//!  | crc32 | key size | encoding | zero | stored size | value size | key | stored value |
//! ```
//!
//! The file header is that of every file ([`FileHeader`](crate::codec::FileHeader)) with kind
//! `ValueFile` and word 0; in an encrypted file the encryption header follows. Numbers are
//! little-endian. A record at `offset` is valid if and only if
//!
//! 1. `crc32` is the checksum of all bytes of the record after it, continued from the checksum of
//!    `offset` as a `u64`, continued from the file's seed;
//! 2. zero is zero, `value size` is at most [`MAX_VALUE_SIZE`], and key and stored value fill the
//!    record exactly;
//! 3. `encoding` is 0 (raw) and the stored bytes are the `value size` bytes of the value, or it is
//!    1 (LZ4 block format) and they decompress to exactly `value size` bytes, the value.
//!
//! In an encrypted file everything after `crc32` is encrypted, with a tag of 16 bytes behind `value
//! size` and one behind the stored value (see `crypt`).
//!
//! The file does not record which values are live: that follows from the SSTs that point into it.

use std::ops::Range;

use crate::codec::{BlockCompression, MAX_RATIO, Reader, Writer, compress, decompress, field};
use crate::crypt::{CHECKSUM_SIZE, Sealer, TAG_SIZE};
use crate::error::Fault;

/// The largest value, in bytes.
pub(super) const MAX_VALUE_SIZE: usize = 64 << 20;

const CRC: Range<usize> = field(0, CHECKSUM_SIZE);
/// The bytes at the start of a record that its checksum does not cover.
pub(super) const CRC_SIZE: usize = CRC.end;
const KEY_SIZE: Range<usize> = field(CRC.end, 2);
const ENCODING: Range<usize> = field(KEY_SIZE.end, 1);
const ZERO: Range<usize> = field(ENCODING.end, 1);
const STORED_SIZE: Range<usize> = field(ZERO.end, 4);
const VALUE_SIZE: Range<usize> = field(STORED_SIZE.end, 4);

/// The size of a record besides key and stored value, without tags.
pub(super) const RECORD_HEADER_SIZE: usize = VALUE_SIZE.end;

/// The largest record.
pub(super) const MAX_RECORD_SIZE: usize =
    RECORD_HEADER_SIZE + u16::MAX as usize + MAX_VALUE_SIZE + 2 * TAG_SIZE;

const ENCODING_RAW: u8 = 0;
const ENCODING_LZ4: u8 = 1;

const _: () = assert!(RECORD_HEADER_SIZE == 16);
const _: () = assert!(MAX_RECORD_SIZE <= u32::MAX as usize);

/// A record, or the part of it that a copy keeps: the value as stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct ValueRecord<'a> {
    pub(super) key: &'a [u8],
    encoding: u8,
    value_size: u32,
    pub(super) stored: &'a [u8],
}

/// The size that a record's opened header announces, without tags. In a checksummed file it is not
/// verified, as the checksum was not checked yet.
pub(super) fn announced_size(header: &[u8; RECORD_HEADER_SIZE]) -> u64 {
    let read = |range: Range<usize>| Reader::new(&header[range]);
    let key_size = read(KEY_SIZE).u16().unwrap_or_default();
    let stored_size = read(STORED_SIZE).u32().unwrap_or_default();
    RECORD_HEADER_SIZE as u64 + u64::from(key_size) + u64::from(stored_size)
}

/// Appends the record of a value within the limits, to be written at `offset` in the file of this
/// sealer.
pub(super) fn put_value(
    out: &mut Vec<u8>,
    (key, value): (&[u8], &[u8]),
    compression: BlockCompression,
    sealer: &Sealer,
    offset: u64,
) {
    let mut packed = Vec::new();
    let (encoding, stored) = match compression {
        BlockCompression::Lz4 if compress(value, &mut packed) => (ENCODING_LZ4, &*packed),
        _ => (ENCODING_RAW, value),
    };
    let value_size = u32::try_from(value.len()).expect("values are limited to what 32 bits count");
    ValueRecord { key, encoding, value_size, stored }.put(out, sealer, offset);
}

impl<'a> ValueRecord<'a> {
    /// Appends the record, to be written at `offset` in the file of this sealer.
    pub(super) fn put(&self, out: &mut Vec<u8>, sealer: &Sealer, offset: u64) {
        let start = out.len();
        out.put_u32(0);
        out.put_u16(u16::try_from(self.key.len()).expect("keys are limited to what 16 bits count"));
        out.put_u8(self.encoding);
        out.put_u8(0);
        out.put_u32(u32::try_from(self.stored.len()).expect("stored values are no larger than values"));
        out.put_u32(self.value_size);
        out.resize(out.len() + sealer.tag_size(), 0);
        out.extend_from_slice(self.key);
        out.extend_from_slice(self.stored);
        sealer.seal_record(offset, out, start, RECORD_HEADER_SIZE);
    }

    /// Opens and decodes the record that was read from `offset`; its value is not decompressed yet.
    pub(super) fn open(bytes: &'a mut Vec<u8>, sealer: &Sealer, offset: u64) -> Result<Self, Fault> {
        sealer.open_record(offset, bytes, RECORD_HEADER_SIZE)?;
        Self::decode(bytes)
    }

    /// Decodes an opened record.
    pub(super) fn decode(bytes: &'a [u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(bytes);
        reader.u32()?;
        let key_size = reader.u16()?;
        let (encoding, zero) = (reader.u8()?, reader.u8()?);
        let (stored_size, value_size) = (reader.u32()?, reader.u32()?);
        let key = reader.bytes(usize::from(key_size))?;
        let stored = reader.rest();
        if zero != 0 || stored.len() as u64 != u64::from(stored_size) || value_size as usize > MAX_VALUE_SIZE
        {
            return Err(Fault::Invalid("size of a record"));
        }
        Ok(Self { key, encoding, value_size, stored })
    }

    /// The value, if it is compressed; `None` when the stored bytes are the value.
    pub(super) fn unpack(&self) -> Result<Option<Vec<u8>>, Fault> {
        let size = self.value_size as usize;
        match self.encoding {
            ENCODING_RAW if size == self.stored.len() => Ok(None),
            ENCODING_LZ4 if size <= self.stored.len().saturating_mul(MAX_RATIO) => {
                decompress(self.stored, size).map(Some).ok_or(Fault::Invalid("compressed value"))
            }
            ENCODING_RAW | ENCODING_LZ4 => Err(Fault::Invalid("size of a value")),
            _ => Err(Fault::Invalid("encoding of a value")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{crc32, seed_at};

    fn put(key: &[u8], value: &[u8], compression: BlockCompression) -> Vec<u8> {
        let mut bytes = Vec::new();
        put_value(&mut bytes, (key, value), compression, &Sealer::checksummed(0xdead_beef), 64);
        bytes
    }

    fn value(bytes: &[u8], offset: u64) -> Result<Vec<u8>, Fault> {
        let mut bytes = bytes.to_vec();
        let record = ValueRecord::open(&mut bytes, &Sealer::checksummed(0xdead_beef), offset)?;
        Ok(record.unpack()?.unwrap_or_else(|| record.stored.to_vec()))
    }

    #[test]
    fn the_bytes_of_a_record_stay_as_they_are() {
        let bytes = put(b"key", b"value", BlockCompression::Lz4);
        let golden = b"\x03\x00\x00\x00\x05\x00\x00\x00\x05\x00\x00\x00keyvalue";
        assert_eq!(bytes[4..], golden[..]);
        let crc = crc32(crc32(0xdead_beef, &64u64.to_le_bytes()), golden);
        assert_eq!((crc, &bytes[..4]), (0xc5b3_bb9e, &crc.to_le_bytes()[..]));
    }

    #[test]
    fn a_value_comes_back_from_its_own_place_only() {
        for compression in [BlockCompression::None, BlockCompression::Lz4] {
            for text in [&b""[..], b"v", &[7; 5000]] {
                let bytes = put(b"k", text, compression);
                assert_eq!(value(&bytes, 64).as_deref(), Ok(text));
                assert!(matches!(value(&bytes, 65), Err(Fault::Checksum { .. })));
            }
        }
        assert!(put(b"k", &[7; 5000], BlockCompression::Lz4).len() < 100);
    }

    #[test]
    fn every_flipped_bit_and_every_cut_of_a_record_is_found() {
        let bytes = put(b"k", &[3; 300], BlockCompression::Lz4);
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(value(&damaged, 64), Err(Fault::Checksum { .. })), "bit {bit}");
        }
        for cut in 0..bytes.len() {
            assert!(value(&bytes[..cut], 64).is_err(), "{cut} bytes");
        }
    }

    #[test]
    fn a_size_that_cannot_be_is_refused_before_memory_is_taken() {
        let forged = |encoding, value_size, zero: u8| {
            let (mut bytes, sealer) = (Vec::new(), Sealer::checksummed(7));
            ValueRecord { key: b"k", encoding, value_size, stored: &[0x1f; 20] }.put(&mut bytes, &sealer, 64);
            bytes[ZERO.start] = zero;
            let crc = crc32(seed_at(7, 64), &bytes[CRC.end..]);
            bytes[CRC].copy_from_slice(&crc.to_le_bytes());
            ValueRecord::open(&mut bytes, &sealer, 64).and_then(|record| record.unpack())
        };
        assert_eq!(forged(ENCODING_LZ4, u32::MAX, 0), Err(Fault::Invalid("size of a record")));
        assert_eq!(forged(ENCODING_LZ4, 20 * 255 + 1, 0), Err(Fault::Invalid("size of a value")));
        assert_eq!(forged(ENCODING_LZ4, 300, 0), Err(Fault::Invalid("compressed value")));
        assert_eq!(forged(ENCODING_RAW, 21, 0), Err(Fault::Invalid("size of a value")));
        assert_eq!(forged(ENCODING_RAW, 20, 0), Ok(None));
        assert_eq!(forged(ENCODING_RAW, 20, 1), Err(Fault::Invalid("size of a record")));
        assert_eq!(forged(2, 20, 0), Err(Fault::Invalid("encoding of a value")));
    }
}
