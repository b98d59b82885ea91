//! The format of a WAL segment: a file header, then records, each at an offset that is a multiple
//! of eight.
//!
//! ```text
//!  0         64 or 128
//!  | headers | record | 0..7 zeros | record | 0..7 zeros | ... | preallocated zeros |
//!
//!  a record:
//!  0       4        8      9       10         12          20      24       32
//!  | crc32 | length | kind | flags | reserved | seq_start | count | synced | payload (length) |
//! ```
//!
//! The file header is that of every file ([`FileHeader`](crate::codec::FileHeader)); its `word` is
//! the segment's first sequence number. Its checksum is the seed of the segment. Numbers are
//! little-endian. In an encrypted segment the encryption header follows, everything after `crc32`
//! is encrypted, with a tag of 16 bytes behind `synced` and one behind the payload, and `crc32`
//! covers `length` to the first tag, as they are encrypted (see `crypt`).
//!
//! A record at `offset` is valid if and only if
//!
//! 1. `offset` is a multiple of eight, and 32 + `length` bytes from there are in the file;
//! 2. `length` is at most [`MAX_PAYLOAD_SIZE`];
//! 3. `crc32` is the checksum of the bytes after it, up to the end of the payload, continued from
//!    the checksum of `offset` as eight bytes, continued from the segment's seed. So a record is
//!    valid at its own offset only: never in another file, in an earlier generation of this one, or
//!    inside a value.
//!
//! These hold for every valid record; a record with a matching checksum that breaks one of them is
//! damage:
//!
//! 4. `kind` is 1 (commit) or 2 (end); `reserved` is zero; `flags` is zero, save for an end, where
//!    bit 0 may be set;
//! 5. `seq_start` follows the last sequence number of the record before, or is the segment's first
//!    sequence number, which is not zero; `seq_start + count` is at most [`SeqNo::MAX`];
//! 6. `synced` is at most `offset`: every byte of the segment below `synced` was durable when the
//!    record was written, or, for records that a recovery copied, before the segment was renamed to
//!    its final name;
//! 7. a commit has a `count` of one or more, and its payload has exactly that many entries (see
//!    `batch`);
//! 8. an end record has no payload and a `count` of zero. It is the last record; bytes beyond it
//!    are ignored. With bit 0 of `flags` the next segment was durable before the end record was
//!    written, so that segment must exist.

use std::ops::Range;

use crate::base::SeqNo;
use crate::codec::{Reader, Writer, field};
use crate::crypt::{CHECKSUM_SIZE, Sealer};
use crate::error::Fault;

/// The maximum size of a commit's payload, in bytes.
pub(crate) const MAX_PAYLOAD_SIZE: usize = 256 << 20;

/// Records start at multiples of this.
pub(crate) const ALIGNMENT: usize = 8;

const CRC: Range<usize> = field(0, CHECKSUM_SIZE);
const LENGTH: Range<usize> = field(CRC.end, 4);
const KIND: Range<usize> = field(LENGTH.end, 1);
const FLAGS: Range<usize> = field(KIND.end, 1);
const RESERVED: Range<usize> = field(FLAGS.end, 2);
const SEQ_START: Range<usize> = field(RESERVED.end, 8);
const COUNT: Range<usize> = field(SEQ_START.end, 4);
const SYNCED: Range<usize> = field(COUNT.end, 8);

/// The size of a record without its payload and tags.
pub(super) const RECORD_HEADER_SIZE: usize = SYNCED.end;

const _: () = assert!(RECORD_HEADER_SIZE == 32);

const KIND_COMMIT: u8 = 1;
const KIND_END: u8 = 2;
const FLAG_NEXT_EXISTS: u8 = 1;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum RecordKind {
    Commit,
    /// The segment ends here; `next_exists` is bit 0 of the flags.
    End {
        next_exists: bool,
    },
}

impl RecordKind {
    fn codes(self) -> (u8, u8) {
        match self {
            Self::Commit => (KIND_COMMIT, 0),
            Self::End { next_exists: false } => (KIND_END, 0),
            Self::End { next_exists: true } => (KIND_END, FLAG_NEXT_EXISTS),
        }
    }

    fn from_codes(kind: u8, flags: u8) -> Result<Self, Fault> {
        match (kind, flags) {
            (KIND_COMMIT, 0) => Ok(Self::Commit),
            (KIND_END, 0 | FLAG_NEXT_EXISTS) => Ok(Self::End { next_exists: flags == FLAG_NEXT_EXISTS }),
            (KIND_COMMIT | KIND_END, _) => Err(Fault::Invalid("flags field of the record")),
            _ => Err(Fault::Invalid("kind of the record")),
        }
    }
}

/// A record header whose fields were checked, without checksum and length.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct RecordHeader {
    pub(super) kind: RecordKind,
    pub(super) seq_start: SeqNo,
    pub(super) count: u32,
    pub(super) synced: u64,
}

/// An unchecked record header.
pub(super) struct RawHeader {
    pub(super) crc: u32,
    pub(super) length: u32,
    kind: u8,
    flags: u8,
    reserved: u16,
    seq_start: u64,
    count: u32,
    synced: u64,
}

impl RawHeader {
    /// `bytes` has at least [`RECORD_HEADER_SIZE`] bytes.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(bytes);
        Ok(Self {
            crc: reader.u32()?,
            length: reader.u32()?,
            kind: reader.u8()?,
            flags: reader.u8()?,
            reserved: reader.u16()?,
            seq_start: reader.u64()?,
            count: reader.u32()?,
            synced: reader.u64()?,
        })
    }

    /// The size of header and payload without tags; `None` when rule 2 is broken.
    pub(super) fn record_size(&self) -> Option<usize> {
        let payload_size = usize::try_from(self.length).ok()?;
        (payload_size <= MAX_PAYLOAD_SIZE).then_some(RECORD_HEADER_SIZE + payload_size)
    }

    /// Checks rules 4, 6, 7 and 8, and the end of rule 5; the caller compares `seq_start` with the
    /// sequence.
    pub(super) fn check(&self, offset: u64) -> Result<RecordHeader, Fault> {
        let kind = RecordKind::from_codes(self.kind, self.flags)?;
        if self.reserved != 0 {
            return Err(Fault::Invalid("reserved field of the record"));
        }
        let fits = match kind {
            RecordKind::Commit => self.count > 0,
            RecordKind::End { .. } => self.count == 0 && self.length == 0,
        };
        if !fits {
            return Err(Fault::Invalid("count field of the record"));
        }
        if self.seq_start == 0 || self.seq_start > SeqNo::MAX.0 - u64::from(self.count) {
            return Err(Fault::Invalid("sequence number of the record"));
        }
        if self.synced > offset {
            return Err(Fault::Invalid("synced field of the record"));
        }
        Ok(RecordHeader { kind, seq_start: SeqNo(self.seq_start), count: self.count, synced: self.synced })
    }
}

/// Appends a record that will be at `offset`, and the padding after it.
pub(super) fn put_record(
    out: &mut Vec<u8>,
    sealer: &Sealer,
    offset: u64,
    header: &RecordHeader,
    payload: &[u8],
) {
    assert!(payload.len() <= MAX_PAYLOAD_SIZE && offset.is_multiple_of(ALIGNMENT as u64));
    let start = out.len();
    let (kind, flags) = header.kind.codes();
    out.put_u32(0);
    out.put_u32(u32::try_from(payload.len()).expect("it is below the limit"));
    out.put_u8(kind);
    out.put_u8(flags);
    out.put_u16(0);
    out.put_u64(header.seq_start.0);
    out.put_u32(header.count);
    out.put_u64(header.synced);
    out.resize(out.len() + sealer.tag_size(), 0);
    out.extend_from_slice(payload);
    seal_record(out, start, RECORD_HEADER_SIZE, sealer, offset);
}

/// Completes the record that starts at `start` of a buffer and will be at `offset` of the file:
/// seals it and appends the padding. See [`Sealer::seal_record`].
pub(crate) fn seal_record(out: &mut Vec<u8>, start: usize, header_size: usize, sealer: &Sealer, offset: u64) {
    sealer.seal_record(offset, out, start, header_size);
    let padded = (out.len() - start).next_multiple_of(ALIGNMENT);
    out.resize(start + padded, 0);
}

/// Where the checksummed bytes of a record start.
pub(super) const CHECKED_START: usize = CRC.end;

/// The first multiple of eight at or after `offset`.
pub(crate) fn aligned(offset: u64) -> u64 {
    offset.next_multiple_of(ALIGNMENT as u64)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::codec::crc32;

    #[test]
    fn the_bytes_of_a_record_stay_as_they_are() {
        let commit =
            RecordHeader { kind: RecordKind::Commit, seq_start: SeqNo(0x0102), count: 1, synced: 64 };
        let mut bytes = Vec::new();
        put_record(&mut bytes, &Sealer::checksummed(0xdead_beef), 128, &commit, b"\x01\x01\x01kv");
        let mut golden = Vec::new();
        golden.extend_from_slice(b"\x05\x00\x00\x00\x01\x00\x00\x00\x02\x01\x00\x00\x00\x00\x00\x00");
        golden.extend_from_slice(b"\x01\x00\x00\x00\x40\x00\x00\x00\x00\x00\x00\x00\x01\x01\x01kv");
        let crc = crc32(crc32(0xdead_beef, &128u64.to_le_bytes()), &golden);
        golden.extend_from_slice(&[0; 3]);
        assert_eq!(bytes[4..], golden);
        assert_eq!(bytes[..4], crc.to_le_bytes());
        assert_eq!(crc, 0x96ea_d4b2, "the checksum of the golden record");

        let end = RecordHeader {
            kind: RecordKind::End { next_exists: true },
            seq_start: SeqNo(0x0103),
            count: 0,
            synced: 168,
        };
        put_record(&mut bytes, &Sealer::checksummed(0xdead_beef), 168, &end, b"");
        assert_eq!(bytes[44..60], *b"\x00\x00\x00\x00\x02\x01\x00\x00\x03\x01\x00\x00\x00\x00\x00\x00");
        assert_eq!(bytes.len(), 72);
    }

    #[test]
    fn a_record_that_is_never_written_is_named() {
        let header = |patch: &[(usize, u8)]| {
            let commit = RecordHeader { kind: RecordKind::Commit, seq_start: SeqNo(1), count: 1, synced: 64 };
            let mut bytes = Vec::new();
            put_record(&mut bytes, &Sealer::checksummed(1), 64, &commit, b"payload.");
            for &(at, byte) in patch {
                bytes[at] = byte;
            }
            RawHeader::read(&bytes).unwrap().check(64)
        };
        assert!(header(&[]).is_ok());
        let cases: [(&[(usize, u8)], &str); 9] = [
            (&[(KIND.start, 3)], "kind of the record"),
            (&[(KIND.start, 0)], "kind of the record"),
            (&[(FLAGS.start, 1)], "flags field of the record"),
            (&[(RESERVED.start, 1)], "reserved field of the record"),
            (&[(COUNT.start, 0)], "count field of the record"),
            (&[(KIND.start, 2)], "count field of the record"),
            (&[(SEQ_START.end - 1, 1)], "sequence number of the record"),
            (&[(SEQ_START.start, 0)], "sequence number of the record"),
            (&[(SYNCED.start, 65)], "synced field of the record"),
        ];
        for (patch, field) in cases {
            assert_eq!(header(patch), Err(Fault::Invalid(field)), "{patch:?}");
        }
    }
}
