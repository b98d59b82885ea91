//! Seals the blocks and records of one file: with a checksum, or with AES-256-GCM.
//!
//! ```text
//!             checksummed                          encrypted
//!  a block    bytes | crc32                        encrypted bytes | tag 16 | crc32
//!  a record   crc32 | fields | payload             crc32 | encrypted fields | tag 16 | encrypted payload | tag 16
//! ```
//!
//! A checksum is continued from the seed of the file and the offset. In an encrypted file it covers
//! encrypted bytes with their tag and protects nothing: it is there to find blocks and records in a
//! damaged file without a decryption. Fields have a seal of their own, so the length of a payload
//! is authentic before memory is allocated for it.

use std::borrow::Cow;

use super::FileCipher;
use crate::codec::{FileHeader, Reader, crc32, seed_at};
use crate::error::Fault;

pub(crate) const TAG_SIZE: usize = 16;

/// The size of the checksum at the start of a record and at the end of a block.
pub(crate) const CHECKSUM_SIZE: usize = 4;

pub(super) const SALT_SIZE: usize = 32;

/// The size of the encryption header, which follows the file header.
pub(super) const ENCRYPTION_HEADER_SIZE: usize = 64;

/// What is sealed at a place. It is part of the nonce, so one place may have one seal of each part,
/// in this order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SealedPart {
    /// The file header and the encryption header, or a text.
    Header = 0,
    /// The fields of a record.
    Fields = 1,
    /// The payload of a record.
    Payload = 2,
    Block = 3,
    Footer = 4,
}

/// Seals and opens the contents of one generation of a file.
#[derive(Debug)]
pub(crate) struct Sealer {
    seed: u32,
    cipher: Option<FileCipher>,
}

impl Sealer {
    /// A sealer of a file with this seed, with checksums alone.
    pub(crate) fn checksummed(seed: u32) -> Self {
        Self { seed, cipher: None }
    }

    pub(super) fn encrypted(seed: u32, cipher: FileCipher) -> Self {
        Self { seed, cipher: Some(cipher) }
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        self.cipher.is_some()
    }

    /// The seed of the checksums in the file.
    pub(crate) fn seed(&self) -> u32 {
        self.seed
    }

    /// The size of the headers, behind which the contents begin.
    pub(crate) fn header_size(&self) -> usize {
        header_size(self.is_encrypted())
    }

    pub(crate) fn seal_size(&self) -> usize {
        self.tag_size() + CHECKSUM_SIZE
    }

    /// Seals the block that begins at `start` of `out` and will be at `offset` of the file:
    /// encrypts it, if the file is encrypted, and appends the seal.
    pub(crate) fn seal(&self, part: SealedPart, offset: u64, out: &mut Vec<u8>, start: usize) {
        if let Some(cipher) = &self.cipher {
            let tag = cipher.seal(part, offset, &mut out[start..]);
            out.extend_from_slice(&tag);
        }
        let crc = crc32(seed_at(self.seed, offset), &out[start..]);
        out.extend_from_slice(&crc.to_le_bytes());
    }

    /// Opens a block that was read from `offset`; returns it without its seal. An owned block is
    /// opened without a copy.
    pub(crate) fn open<'a>(
        &self,
        part: SealedPart,
        offset: u64,
        block: Cow<'a, [u8]>,
    ) -> Result<Cow<'a, [u8]>, Fault> {
        let (covered, stored) = block.split_last_chunk::<CHECKSUM_SIZE>().ok_or(Fault::Truncated)?;
        let size = covered.len().checked_sub(self.tag_size()).ok_or(Fault::Truncated)?;
        let checked = self.check_crc(offset, u32::from_le_bytes(*stored), covered);
        let opened = match (&self.cipher, block) {
            (None, Cow::Borrowed(block)) => Cow::Borrowed(&block[..size]),
            (None, Cow::Owned(mut block)) => {
                block.truncate(size);
                Cow::Owned(block)
            }
            (Some(cipher), block) => {
                let mut block = block.into_owned();
                let (bytes, tag) = block[..size + TAG_SIZE].split_at_mut(size);
                cipher.open(part, offset, bytes, tag)?;
                block.truncate(size);
                Cow::Owned(block)
            }
        };
        // The tag comes first: it is what protects.
        checked.map(|()| opened)
    }

    /// The size of the tag behind a block, behind the fields of a record, where the writer leaves
    /// it free, and behind its payload: zero in a checksummed file.
    pub(crate) fn tag_size(&self) -> usize {
        if self.is_encrypted() { TAG_SIZE } else { 0 }
    }

    /// Seals the record that begins at `start` of `out` and will be at `offset` of the file:
    /// `header_size` bytes of checksum and fields, [`tag_size`](Self::tag_size) free
    /// bytes, then the payload.
    pub(crate) fn seal_record(&self, offset: u64, out: &mut Vec<u8>, start: usize, header_size: usize) {
        let mut checked_end = out.len();
        if let Some(cipher) = &self.cipher {
            let record = &mut out[start..];
            let (header, payload) = record.split_at_mut(header_size + TAG_SIZE);
            let (fields, tag) = header[CHECKSUM_SIZE..].split_at_mut(header_size - CHECKSUM_SIZE);
            tag.copy_from_slice(&cipher.seal(SealedPart::Fields, offset, fields));
            let tag = cipher.seal(SealedPart::Payload, offset, payload);
            out.extend_from_slice(&tag);
            checked_end = start + header_size + TAG_SIZE;
        }
        let crc = crc32(seed_at(self.seed, offset), &out[start + CHECKSUM_SIZE..checked_end]);
        out[start..start + CHECKSUM_SIZE].copy_from_slice(&crc.to_le_bytes());
    }

    /// Opens the checksum and fields of a record at `offset` into `header`, whose length is that of
    /// both; `sealed` begins with the record. Their tag proves that they were written there. In a
    /// checksummed file the fields are copied: only the checksum of the whole record proves them.
    pub(crate) fn open_fields(&self, offset: u64, sealed: &[u8], header: &mut [u8]) -> Result<(), Fault> {
        let size = header.len();
        let sealed = sealed.get(..size + self.tag_size()).ok_or(Fault::Truncated)?;
        let (fields, tag) = sealed.split_at(size);
        header.copy_from_slice(fields);
        if let Some(cipher) = &self.cipher {
            self.check_crc(offset, Reader::new(sealed).u32()?, &sealed[CHECKSUM_SIZE..])?;
            cipher.open(SealedPart::Fields, offset, &mut header[CHECKSUM_SIZE..], tag)?;
        }
        Ok(())
    }

    /// Opens a whole record that was read from `offset`, without padding: afterwards `record` is
    /// the record of a checksummed file, apart from its checksum.
    pub(crate) fn open_record(
        &self,
        offset: u64,
        record: &mut Vec<u8>,
        header_size: usize,
    ) -> Result<(), Fault> {
        let Some(cipher) = &self.cipher else {
            return self.check_crc(offset, Reader::new(record).u32()?, &record[CHECKSUM_SIZE..]);
        };
        let payload_start = header_size + TAG_SIZE;
        let payload_end = record.len().checked_sub(TAG_SIZE).filter(|end| *end >= payload_start);
        let payload_end = payload_end.ok_or(Fault::Truncated)?;
        let mut header = vec![0; header_size];
        self.open_fields(offset, record, &mut header)?;
        let (payload, tag) = record[payload_start..].split_at_mut(payload_end - payload_start);
        cipher.open(SealedPart::Payload, offset, payload, tag)?;
        record.truncate(payload_end);
        record.drain(header_size..payload_start);
        record[..header_size].copy_from_slice(&header);
        Ok(())
    }

    fn check_crc(&self, offset: u64, stored: u32, covered: &[u8]) -> Result<(), Fault> {
        let computed = crc32(seed_at(self.seed, offset), covered);
        if stored == computed { Ok(()) } else { Err(Fault::Checksum { stored, computed }) }
    }
}

pub(super) fn header_size(is_encrypted: bool) -> usize {
    if is_encrypted { FileHeader::LEN + ENCRYPTION_HEADER_SIZE } else { FileHeader::LEN }
}
