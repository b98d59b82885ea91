//! The manifest's format: a file header, then frames, each at an offset that is a multiple of
//! eight.
//!
//! ```text
//!  0         64 or 128
//!  | headers | frame | 0..7 zeros | frame | 0..7 zeros | ...
//!
//!  a frame:
//!  0       4        8        16
//!  | crc32 | length | synced | payload (length bytes): one edit |
//! ```
//!
//! The file header is that of every file ([`FileHeader`](crate::codec::FileHeader)), with a `word`
//! of zero; its checksum is the seed of the file. In an encrypted manifest the encryption header
//! follows, everything after `crc32` is encrypted, with a tag of 16 bytes behind `synced` and one
//! behind the payload, and `crc32` covers `length` to the first tag, as they are encrypted (see
//! `crypt`). Numbers are little-endian. A frame at `offset` is valid if and only if
//!
//! 1. `offset` is a multiple of eight, and the 16 + `length` bytes from it on are within the file;
//! 2. `length` is at most [`MAX_EDIT_SIZE`];
//! 3. `crc32` is the checksum of the bytes after it, up to the end of the payload, continued from
//!    the checksum of `offset` as eight bytes, continued from the file's seed.
//!
//! These hold for every valid frame, and a frame with a matching checksum that violates one of them
//! is damage:
//!
//! 4. `synced` is at most `offset`: when the frame was written, every byte below `synced` was
//!    durable. It is `offset` itself for an edit, and zero in the snapshot, which is written as a
//!    whole and acknowledged by `CURRENT`;
//! 5. the payload is a valid edit (see `edit`), which applies to the state after the frames before
//!    it. An edit that changes nothing is a *seal*: it was written when everything before it,
//!    `CURRENT` included, was durable, and the next edit is written over it. An encrypted manifest
//!    has none: nothing is written over anything there.

use std::ops::Range;

use crate::base::FileNumber;
use crate::codec::{FileHeader, Reader, Writer, field};
use crate::crypt::{CHECKSUM_SIZE, Sealer};
use crate::error::Fault;
use crate::wal::{ALIGNMENT, aligned, seal_record};

/// The largest encoded edit: some hundred thousand files.
pub(super) const MAX_EDIT_SIZE: usize = 64 << 20;

/// The offset of the first frame of a checksummed manifest.
pub(super) const FRAMES_START: u64 = FileHeader::LEN as u64;

/// The number of a new database's manifest.
pub(crate) const FIRST_MANIFEST: FileNumber = FileNumber(1);

const CRC: Range<usize> = field(0, CHECKSUM_SIZE);
/// The bytes at the start of a frame that its checksum does not cover.
pub(super) const CRC_SIZE: usize = CRC.end;
const LENGTH: Range<usize> = field(CRC.end, 4);
const SYNCED: Range<usize> = field(LENGTH.end, 8);

pub(super) const FRAME_HEADER_SIZE: usize = SYNCED.end;

const _: () = assert!(FRAME_HEADER_SIZE == 16 && FRAMES_START.is_multiple_of(ALIGNMENT as u64));

pub(super) struct FrameHeader {
    length: u32,
    synced: u64,
}

impl FrameHeader {
    /// Decodes the opened header from [`FRAME_HEADER_SIZE`] bytes.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(bytes);
        reader.u32()?;
        Ok(Self { length: reader.u32()?, synced: reader.u64()? })
    }

    /// The size of header and payload without tags, if the length is allowed (rule 2).
    pub(super) fn frame_size(&self) -> Option<usize> {
        let payload_size = usize::try_from(self.length).ok()?;
        (payload_size <= MAX_EDIT_SIZE).then_some(FRAME_HEADER_SIZE + payload_size)
    }

    /// Checks rule 4.
    pub(super) fn check_synced(&self, offset: u64) -> Result<(), Fault> {
        if self.synced <= offset { Ok(()) } else { Err(Fault::Invalid("synced field of the frame")) }
    }
}

/// Appends a frame to be written at `offset`, with the zeros up to the next one.
pub(super) fn put_frame(out: &mut Vec<u8>, sealer: &Sealer, offset: u64, synced: u64, payload: &[u8]) {
    assert!(payload.len() <= MAX_EDIT_SIZE && offset.is_multiple_of(ALIGNMENT as u64));
    let start = out.len();
    out.put_u32(0);
    out.put_u32(u32::try_from(payload.len()).expect("it is below the limit"));
    out.put_u64(synced);
    out.resize(out.len() + sealer.tag_size(), 0);
    out.extend_from_slice(payload);
    seal_record(out, start, FRAME_HEADER_SIZE, sealer, offset);
}

pub(super) fn next_frame(offset: u64, frame_size: usize) -> u64 {
    aligned(offset + frame_size as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::crc32;

    #[test]
    fn the_bytes_of_a_frame_stay_as_they_are() {
        let mut bytes = Vec::new();
        put_frame(&mut bytes, &Sealer::checksummed(0xdead_beef), 128, 128, b"edit.");
        let mut golden = b"\x05\x00\x00\x00\x80\x00\x00\x00\x00\x00\x00\x00edit.".to_vec();
        assert_eq!(crc32(crc32(0xdead_beef, &128u64.to_le_bytes()), &golden), 0xba73_dc46);
        golden.extend_from_slice(&[0; 3]);
        assert_eq!(bytes[4..], golden);
    }
}
