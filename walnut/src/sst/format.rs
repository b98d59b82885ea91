//! The format of an SST, byte by byte, and the codec of the pieces that several files share.
//!
//! ```text
//! | headers | data block 1 | .. | data block n | filter | range tombstones | index | properties | footer |
//! ```
//!
//! The header is [`FileHeader`](crate::codec::FileHeader) with kind `Sst` and word 0; in an
//! encrypted file the encryption header follows. Numbers are little-endian. A *varint* is LEB128 in
//! its shortest form; *prefixed bytes* are a varint length and that many bytes. There is no gap
//! between the parts: each begins where the one before it ends. A part of size 0 is absent.
//!
//! # Blocks
//!
//! Everything between header and footer is a block, and every block has the same trailer:
//!
//! ```text
//! | stored bytes | encoding u8 | size u32 | crc32 u32 |
//! ```
//!
//! It is valid if and only if (1) the CRC agrees with the stored bytes, encoding and size, seeded
//! with the file's seed continued by the block's offset as a `u64`, so that a block of another file
//! or offset is never valid; (2) the encoding is 0 (raw) and the stored bytes are `size` bytes, the
//! payload, or the encoding is 1 (LZ4 block format) and they decompress to exactly `size` bytes,
//! the payload; (3) `size` is at most [`MAX_BLOCK_SIZE`] for a data block and [`MAX_PART_SIZE`] for
//! any other. In an encrypted file everything before the CRC is encrypted, with a tag of 16 bytes
//! between it and the CRC; so it is with the footer (see `crypt`).
//!
//! # Payload of a data block
//!
//! ```text
//!  0             8         10             12       12+p           12+p+n            12+p+3n
//!  | base seqno  | count n | prefix size p | prefix | fingerprints | steps u16 * n | entries |
//!
//!  entry: | suffix size varint | (seqno - base) << 2 | kind varint | suffix | value |
//!
//!  kind: 0 Delete, 1 Put, 2 Pointer, 3 Add
//! ```
//!
//! It is valid if and only if (1) n is at least 1 and everything up to the entries fits; (2) the
//! first step is 0, and each other is the distance from the beginning of the entry before to that
//! of its own entry, and never 0; each entry, which ends where the next begins or at the payload's
//! end, holds its suffix; (3) a tombstone has no value, an add has a value of eight bytes, a
//! pointer is valid (see [`ValuePointer`](crate::codec::ValuePointer)), no seqno exceeds
//! [`SeqNo::MAX`], and the smallest one is the base; (4) the entries, with user key = prefix +
//! suffix, are in internal-key order and no two are equal; (5) a payload of more than
//! [`MAX_SLOTTED_SIZE`] bytes holds a single entry; (6) fingerprint i is the top byte of the XXH3
//! hash of the user key of entry i. The versions of one key may continue in the next block.
//!
//! Steps are stored instead of offsets, because entries of one length have equal steps, which LZ4
//! compresses. In memory each step is replaced by the offset of its entry, counted from the first
//! entry, so that an entry is found without adding up.
//!
//! # Payload of the index
//!
//! ```text
//! for each data block: | sealed size varint | separator prefixed |
//! ```
//!
//! It is valid if and only if (1) there is a block if there is an entry, and the sizes, added to
//! the header's, sum to the offset of the filter; (2) each separator is at least the last key of
//! its block and at most the first key of the next.
//!
//! # Payload of the filter
//!
//! ```text
//! | probe count u8 | zero 7 | line 64 | .. | line 64 |
//! ```
//!
//! It is valid if and only if there is a line, the probe count is 1 to 7, and for each user key in
//! the file, with `h` its XXH3 hash, `p = h * 0x9e3779b97f4a7c15` modulo 2^64 and `l` the number of
//! lines, in line `((h mod 2^32) * l) >> 32` the bits named by the top `9 * probe count` bits of
//! `p`, nine at a time from the top, are set. Bit b of a line is bit `b mod 8` of its byte `b / 8`.
//! A file without this part has no filter.
//!
//! # Payload of the range tombstones
//!
//! ```text
//! for each fragment: | start prefixed | end prefixed | numbers varint | seqno varint | difference varint | .. |
//! ```
//!
//! A fragment deletes each key from its start up to, but not including, its end, at each of its
//! seqnos; the newest comes first, and each other one as the difference from the one before it. The
//! payload is valid if and only if (1) there is a fragment; (2) each has a seqno, begins before it
//! ends, and begins at or after the end of the one before; (3) no difference is 0 and no seqno
//! exceeds [`SeqNo::MAX`]. A file without this part has no range tombstones.
//!
//! # Payload of the properties
//!
//! ```text
//! | entries u64 | tombstones u64 | keys u64 | raw size u64 | dead size u64 | fragments u64 |
//! | smallest seqno u64 | largest seqno u64 | smallest key prefixed | largest key prefixed |
//! | start of the first fragment prefixed | end of the last fragment prefixed |
//! | value files varint | for each of them: | number varint | size of the records referred to varint |
//! for each keyspace: | id u32 | entries u64 | raw size u64 |
//! ```
//!
//! They are valid if and only if they agree with the entries of the data blocks and with the range
//! tombstones; the bounds of an empty set are empty. Raw size is the sum of keys and values of
//! entries; its dead part belongs to tombstones and to all but the newest version of each key in
//! the file. A keyspace is the first four bytes of a key, big-endian (shorter keys, which the store
//! never writes, are padded with zeros); keyspaces rise strictly, and so do the numbers of value
//! files.
//!
//! # Footer
//!
//! ```text
//!  0        12                 24      36           48     52      60      64
//!  | filter | range tombstones | index | properties | zero | magic | crc32 |
//!
//!  handle: | offset u64 | sealed size u32 |
//! ```
//!
//! The footer is valid if and only if (1) the magic is `walnut$\n`; (2) the CRC over the bytes
//! before it, seeded like a block's, agrees; (3) zero is zero; (4) the parts from the filter to the
//! footer are adjacent; (5) index and properties are present. A file has entries or range
//! tombstones; without entries there is no data block, no filter, and the payload of the index is
//! empty.

use std::ops::Range;

use crate::base::{Fragment, Fragments, Kind, SeqNo};
use crate::codec::{Reader, Writer, field, varint_size};
use crate::crypt::{CHECKSUM_SIZE, SealedPart, Sealer, TAG_SIZE};
use crate::error::Fault;

/// The longest user key, in bytes: a block stores prefix sizes in 16 bits.
pub(super) const MAX_KEY_SIZE: usize = u16::MAX as usize;
/// The largest payload of a data block: one entry with the longest key and the largest value.
pub(super) const MAX_BLOCK_SIZE: usize = (16 << 20) + (128 << 10);
/// The largest payload of a data block with more than one entry, so that 16 bits suffice for
/// offsets and steps.
pub(super) const MAX_SLOTTED_SIZE: usize = u16::MAX as usize;
/// The largest payload of filter, index and properties.
pub(super) const MAX_PART_SIZE: usize = 64 << 20;
/// The largest payload of the range tombstones.
pub(super) const MAX_RANGES_SIZE: usize = 256 << 20;

/// The size of the trailer of a block, without the seal behind it.
pub(super) const TRAILER_LEN: usize = TRAILER_SIZE.end;
pub(super) const TRAILER_ENCODING: Range<usize> = field(0, 1);
pub(super) const TRAILER_SIZE: Range<usize> = field(TRAILER_ENCODING.end, 4);
pub(super) const ENCODING_RAW: u8 = 0;
pub(super) const ENCODING_LZ4: u8 = 1;

/// The fixed fields at the start of a data block.
pub(super) const BLOCK_BASE: Range<usize> = field(0, 8);
pub(super) const BLOCK_ROWS: Range<usize> = field(BLOCK_BASE.end, 2);
pub(super) const BLOCK_PREFIX_SIZE: Range<usize> = field(BLOCK_ROWS.end, 2);
pub(super) const BLOCK_PREFIX: usize = BLOCK_PREFIX_SIZE.end;
/// The size of an entry's slot before the entries: a fingerprint and a step, or an offset.
pub(super) const SLOT_LEN: usize = 1 + 2;

/// The size of the probe count and the zeros before the filter's lines.
pub(super) const FILTER_HEAD_LEN: usize = 8;
/// A line of the filter: all bits of one key are in one, which is a cache line.
pub(super) const FILTER_LINE_LEN: usize = 64;

const KIND_BITS: u32 = 2;
/// The kinds of entries by code. A range tombstone is not an entry.
const KINDS: [Kind; 1 << KIND_BITS] = [Kind::Delete, Kind::Put, Kind::Pointer, Kind::Add];
const FOOTER_MAGIC: &[u8; 8] = b"walnut$\n";

const _: () = assert!(MAX_RANGES_SIZE <= u32::MAX as usize / 2);
const _: () = assert!(TRAILER_LEN == 5);
const _: () = assert!(BLOCK_PREFIX == 12);
const _: () = assert!(MAX_BLOCK_SIZE >= (16 << 20) + MAX_KEY_SIZE + (32 << 10));
const _: () = assert!(MAX_BLOCK_SIZE + TRAILER_LEN + TAG_SIZE + CHECKSUM_SIZE <= u32::MAX as usize);

/// An entry of a data block. The user key is the block's prefix and this suffix.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct BlockEntry<'a> {
    pub(super) suffix: &'a [u8],
    pub(super) seqno: SeqNo,
    pub(super) kind: Kind,
    pub(super) value: &'a [u8],
}

impl<'a> BlockEntry<'a> {
    /// Appends the entry to a payload whose smallest seqno is `base`.
    pub(super) fn encode(&self, base: SeqNo, out: &mut Vec<u8>) {
        out.put_varint(self.suffix.len() as u64);
        let code = match self.kind {
            Kind::Add => 3,
            kind => kind as u8,
        };
        out.put_varint((self.seqno.0 - base.0) << KIND_BITS | u64::from(code));
        out.extend_from_slice(self.suffix);
        out.extend_from_slice(self.value);
    }

    #[inline(always)]
    pub(super) fn decode(base: SeqNo, bytes: &'a [u8]) -> Result<Self, Fault> {
        let (suffix_size, stamp, rest) = match *bytes {
            // The common case: a short suffix, and a seqno not far above the base.
            [size @ ..0x80, stamp @ ..0x80, ref rest @ ..] => (usize::from(size), u64::from(stamp), rest),
            _ => Self::decode_head(bytes)?,
        };
        let (suffix, value) = rest.split_at_checked(suffix_size).ok_or(Fault::Truncated)?;
        let kind = KINDS[usize::from(stamp.to_le_bytes()[0] & ((1 << KIND_BITS) - 1))];
        let seqno = SeqNo(base.0.saturating_add(stamp >> KIND_BITS));
        if seqno > SeqNo::MAX {
            return Err(Fault::Invalid("sequence number of an entry"));
        }
        Ok(Self { suffix, seqno, kind, value })
    }

    /// The size of the suffix, the stamp, and the bytes after them.
    #[inline(never)]
    fn decode_head(bytes: &'a [u8]) -> Result<(usize, u64, &'a [u8]), Fault> {
        let mut reader = Reader::new(bytes);
        let suffix_size = usize::try_from(reader.varint()?).map_err(|_| Fault::Truncated)?;
        Ok((suffix_size, reader.varint()?, reader.rest()))
    }

    /// An upper bound of an entry's size besides suffix and value, for suffixes of at most
    /// `suffix_size` bytes and seqnos at most `span` above the base.
    pub(super) fn overhead(suffix_size: usize, span: u64) -> usize {
        varint_size(suffix_size as u64) + varint_size(span << KIND_BITS | ((1 << KIND_BITS) - 1))
    }
}

/// The location of a part of the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct BlockHandle {
    pub(super) offset: u64,
    /// With the trailer; 0 when the part is absent.
    pub(super) size: u32,
}

impl BlockHandle {
    pub(super) fn end(self) -> u64 {
        self.offset.saturating_add(u64::from(self.size))
    }
}

/// The end of the file, from which all other parts are found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Footer {
    pub(super) filter: BlockHandle,
    pub(super) range_tombstones: BlockHandle,
    pub(super) index: BlockHandle,
    pub(super) properties: BlockHandle,
}

impl Footer {
    const ZERO: Range<usize> = field(4 * 12, 4);
    const MAGIC: Range<usize> = field(Self::ZERO.end, 8);

    /// The size of a footer with its seal.
    pub(super) fn size(sealer: &Sealer) -> usize {
        Self::MAGIC.end + sealer.seal_size()
    }

    /// Encodes a footer that begins at `offset`.
    pub(super) fn encode(&self, sealer: &Sealer, offset: u64) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Self::size(sealer));
        for handle in [self.filter, self.range_tombstones, self.index, self.properties] {
            bytes.put_u64(handle.offset);
            bytes.put_u32(handle.size);
        }
        bytes.put_u32(0);
        bytes.extend_from_slice(FOOTER_MAGIC);
        sealer.seal(SealedPart::Footer, offset, &mut bytes, 0);
        bytes
    }

    /// Decodes the footer that begins at `offset`.
    pub(super) fn decode(bytes: &[u8], sealer: &Sealer, offset: u64) -> Result<Self, Fault> {
        let has_magic = |bytes: &[u8]| bytes.get(Self::MAGIC) == Some(&FOOTER_MAGIC[..]);
        // The end of a file that was cut short is told from a damaged footer, where that is
        // possible.
        if !sealer.is_encrypted() && !has_magic(bytes) {
            return Err(Fault::Invalid("magic number of the footer"));
        }
        let bytes = sealer.open(SealedPart::Footer, offset, bytes.into())?;
        if bytes.len() != Self::MAGIC.end || !has_magic(&bytes) {
            return Err(Fault::Invalid("magic number of the footer"));
        }
        if bytes[Self::ZERO] != [0; 4] {
            return Err(Fault::Invalid("reserved field of the footer"));
        }
        let mut reader = Reader::new(&bytes);
        let mut handle = || Ok(BlockHandle { offset: reader.u64()?, size: reader.u32()? });
        let footer =
            Self { filter: handle()?, range_tombstones: handle()?, index: handle()?, properties: handle()? };
        footer.check(sealer, offset)?;
        Ok(footer)
    }

    /// Checks that the parts are adjacent, and that the required ones are present.
    fn check(&self, sealer: &Sealer, offset: u64) -> Result<(), Fault> {
        let parts = [self.filter, self.range_tombstones, self.index, self.properties];
        let ends = parts[1..].iter().map(|part| part.offset).chain([offset]);
        if self.filter.offset < sealer.header_size() as u64
            || parts.iter().zip(ends).any(|(p, end)| p.end() != end)
        {
            return Err(Fault::Invalid("place of a part in the footer"));
        }
        if self.index.size == 0 || self.properties.size == 0 {
            return Err(Fault::Invalid("size of a part in the footer"));
        }
        Ok(())
    }
}

/// Appends a fragment to the payload of the range tombstones.
pub(super) fn encode_fragment(fragment: &Fragment, payload: &mut Vec<u8>) {
    payload.put_prefixed(&fragment.start);
    payload.put_prefixed(&fragment.end);
    payload.put_varint(fragment.seqnos.len() as u64);
    let mut above = None;
    for &SeqNo(seqno) in &fragment.seqnos {
        payload.put_varint(above.map_or(seqno, |above: u64| above - seqno));
        above = Some(seqno);
    }
}

/// Decodes the payload of the range tombstones.
pub(super) fn decode_fragments(payload: &[u8]) -> Result<Fragments, Fault> {
    let mut reader = Reader::new(payload);
    let mut list = Vec::new();
    while !reader.is_empty() {
        let (start, end) = (reader.prefixed()?.to_vec(), reader.prefixed()?.to_vec());
        let mut seqnos = Vec::new();
        for _ in 0..reader.varint()? {
            let (number, above) = (reader.varint()?, seqnos.last().copied());
            let seqno = above.map_or(Some(number), |SeqNo(above)| above.checked_sub(number));
            let seqno = seqno.map(SeqNo).filter(|&seqno| seqno <= SeqNo::MAX);
            seqnos.push(seqno.ok_or(Fault::Invalid("sequence number of a range tombstone"))?);
        }
        list.push(Fragment { start, end, seqnos });
    }
    if list.is_empty() {
        return Err(Fault::Invalid("block of range tombstones"));
    }
    Fragments::from_list(list).ok_or(Fault::Invalid("order of range tombstones"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_varint_takes_what_is_announced() {
        for value in (0..64).flat_map(|shift| [(1u64 << shift) - 1, 1 << shift, u64::MAX >> shift]) {
            let mut bytes = Vec::new();
            bytes.put_varint(value);
            assert_eq!(varint_size(value), bytes.len(), "{value}");
        }
    }

    #[test]
    fn a_footer_comes_back_and_its_parts_must_touch() {
        let footer = Footer {
            filter: BlockHandle { offset: 100, size: 80 },
            range_tombstones: BlockHandle { offset: 180, size: 0 },
            index: BlockHandle { offset: 180, size: 20 },
            properties: BlockHandle { offset: 200, size: 50 },
        };
        let sealer = Sealer::checksummed(7);
        let decode = |footer: &Footer, offset| {
            let bytes = footer.encode(&sealer, offset);
            assert_eq!(bytes.len(), 64);
            Footer::decode(&bytes, &sealer, offset)
        };
        assert_eq!(decode(&footer, 250), Ok(footer));
        assert!(matches!(decode(&footer, 251), Err(Fault::Invalid(_))));
        let gap = Footer { index: BlockHandle { offset: 181, size: 19 }, ..footer };
        assert!(matches!(decode(&gap, 250), Err(Fault::Invalid(_))));
        let tombstones = Footer {
            range_tombstones: BlockHandle { offset: 180, size: 10 },
            index: BlockHandle { offset: 190, size: 10 },
            ..footer
        };
        assert_eq!(decode(&tombstones, 250), Ok(tombstones));
    }

    fn fragment(start: &str, end: &str, seqnos: &[u64]) -> Fragment {
        let seqnos = seqnos.iter().copied().map(SeqNo).collect();
        Fragment { start: start.into(), end: end.into(), seqnos }
    }

    fn payload(fragments: &[Fragment]) -> Vec<u8> {
        let mut payload = Vec::new();
        for fragment in fragments {
            encode_fragment(fragment, &mut payload);
        }
        payload
    }

    #[test]
    fn fragments_come_back_and_their_bytes_stay_as_they_are() {
        let list = vec![fragment("a", "bc", &[300, 7]), fragment("bc", "d", &[9])];
        let bytes = payload(&list);
        assert_eq!(bytes, b"\x01a\x02bc\x02\xac\x02\xa5\x02\x02bc\x01d\x01\x09");
        assert_eq!(decode_fragments(&bytes).map(|ranges| ranges.to_vec()), Ok(list));
        for size in (0..bytes.len()).filter(|&size| size != 10) {
            assert!(decode_fragments(&bytes[..size]).is_err(), "{size} bytes");
        }
    }

    #[test]
    fn fragments_that_are_never_written_are_refused() {
        let refused = |list: &[Fragment]| decode_fragments(&payload(list)).is_err();
        assert!(!refused(&[fragment("a", "b", &[1]), fragment("b", "c", &[1])]));
        assert!(refused(&[]) && refused(&[fragment("a", "a", &[1])]) && refused(&[fragment("b", "a", &[1])]));
        assert!(refused(&[fragment("a", "c", &[1]), fragment("b", "d", &[1])]));
        assert!(refused(&[fragment("a", "c", &[])]) && refused(&[fragment("a", "c", &[5, 5])]));
        assert!(
            refused(&[fragment("a", "c", &[1 << 56])]) && !refused(&[fragment("a", "c", &[SeqNo::MAX.0])])
        );
        assert!(decode_fragments(b"\x01a\x01b\x02\x05\x06").is_err(), "a number below zero");
    }
}
