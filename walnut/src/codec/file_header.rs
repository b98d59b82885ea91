//! The header of every file of a database.
//!
//! ```text
//!  0        8        12       16             32        40       48        56       60      64
//!  | magic  | format | flags  | database id  | number  | salt   | word    | zero   | crc32 |
//! ```
//!
//! A header is valid if and only if (1) the CRC over the bytes before it agrees, (2) the magic is
//! that of the file's kind, (3) the format is known, (4) flags and zero are zero, and (5) the
//! database id and the number are those of the database and of the file's name.
//!
//! The salt is random and new for each generation of a file. The header's own CRC seeds every
//! checksum in the file, so that a record or a block of another file, or of an earlier generation
//! of this one, never validates. Format 1 is a checksummed file; in format 2, an encrypted one, the
//! encryption header follows.
//! `word` depends on the kind: a WAL segment keeps its first sequence number there.

use super::{Reader, Writer, crc32};
use crate::base::FileNumber;
use crate::error::Fault;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FileKind {
    Wal,
    Sst,
    Manifest,
    ValueFile,
    /// `CURRENT`, which has no header: a label for its key.
    Current,
    /// The key file.
    #[cfg_attr(not(feature = "encryption"), allow(dead_code, reason = "there is none then"))]
    Keys,
}

impl FileKind {
    pub(crate) fn magic(self) -> &'static [u8; 8] {
        match self {
            Self::Wal => b"walnutL\n",
            Self::Sst => b"walnutS\n",
            Self::Manifest => b"walnutM\n",
            Self::ValueFile => b"walnutV\n",
            Self::Current => b"walnutC\n",
            Self::Keys => b"walnutK\n",
        }
    }
}

/// The format of every kind of file: what this version writes, and the newest that it reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FileFormat {
    /// Checksummed.
    Plain,
    /// Encrypted: an encryption header follows (see `crypt`).
    Encrypted,
}

impl FileFormat {
    fn code(self) -> u32 {
        match self {
            Self::Plain => 1,
            Self::Encrypted => 2,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FileHeader {
    pub(crate) kind: FileKind,
    pub(crate) database: [u8; 16],
    pub(crate) number: FileNumber,
    pub(crate) salt: u64,
    pub(crate) word: u64,
}

impl FileHeader {
    /// In bytes.
    pub(crate) const LEN: usize = 64;
    const CRC: usize = Self::LEN - 4;

    pub(crate) fn encode(&self) -> [u8; Self::LEN] {
        self.encode_as(FileFormat::Plain)
    }

    pub(crate) fn encode_as(&self, format: FileFormat) -> [u8; Self::LEN] {
        let mut bytes = Vec::with_capacity(Self::LEN);
        bytes.extend_from_slice(self.kind.magic());
        bytes.put_u32(format.code());
        bytes.put_u32(0);
        bytes.extend_from_slice(&self.database);
        bytes.put_u64(self.number.0);
        bytes.put_u64(self.salt);
        bytes.put_u64(self.word);
        bytes.put_u32(0);
        let crc = crc32(0, &bytes);
        bytes.put_u32(crc);
        let mut header = [0; Self::LEN];
        header.copy_from_slice(&bytes);
        header
    }

    /// The header of a file of this kind. The caller compares the database id and the number.
    pub(crate) fn decode(kind: FileKind, bytes: &[u8]) -> Result<Self, Fault> {
        Self::decode_as(kind, FileFormat::Plain, bytes)
    }

    /// The same of a file in this format; another one is a fault.
    pub(crate) fn decode_as(kind: FileKind, wanted: FileFormat, bytes: &[u8]) -> Result<Self, Fault> {
        let bytes = bytes.get(..Self::LEN).ok_or(Fault::Truncated)?;
        let mut reader = Reader::new(bytes);
        if reader.bytes(8)? != kind.magic() {
            return Err(Fault::Magic);
        }
        let format = reader.u32()?;
        let stored = Reader::new(&bytes[Self::CRC..]).u32()?;
        let computed = crc32(0, &bytes[..Self::CRC]);
        if stored != computed {
            return Err(Fault::Checksum { stored, computed });
        }
        if format != wanted.code() {
            return Err(Fault::Format { found: format, known: wanted.code() });
        }
        if reader.u32()? != 0 {
            return Err(Fault::Invalid("flags field of the header"));
        }
        let mut database = [0; 16];
        database.copy_from_slice(reader.bytes(16)?);
        let number = FileNumber(reader.u64()?);
        let (salt, word) = (reader.u64()?, reader.u64()?);
        if reader.u32()? != 0 {
            return Err(Fault::Invalid("reserved field of the header"));
        }
        Ok(Self { kind, database, number, salt, word })
    }

    pub(crate) fn seed(&self) -> u32 {
        self.seed_as(FileFormat::Plain)
    }

    pub(crate) fn seed_as(&self, format: FileFormat) -> u32 {
        let bytes = self.encode_as(format);
        u32::from_le_bytes([bytes[60], bytes[61], bytes[62], bytes[63]])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> FileHeader {
        FileHeader { kind: FileKind::Wal, database: [7; 16], number: FileNumber(3), salt: 5, word: 11 }
    }

    #[test]
    fn a_header_comes_back_and_every_flipped_bit_is_found() {
        let bytes = header().encode();
        assert_eq!(FileHeader::decode(FileKind::Wal, &bytes), Ok(header()));
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(FileHeader::decode(FileKind::Wal, &damaged).is_err(), "bit {bit}");
        }
        assert_eq!(FileHeader::decode(FileKind::Sst, &bytes), Err(Fault::Magic));
        assert_eq!(FileHeader::decode(FileKind::Wal, &bytes[..63]), Err(Fault::Truncated));
    }

    #[test]
    fn the_seed_changes_with_the_salt() {
        assert_ne!(header().seed(), FileHeader { salt: 6, ..header() }.seed());
    }
}
