//! Fuzzing entry points: hostile bytes as a key file, and as sealed headers, blocks and records.

use std::borrow::Cow;

use super::key_file::KeyFile;
use super::{DataKeys, EncryptionKey, SealedPart, Sealer};
use crate::base::FileNumber;
use crate::codec::{FileHeader, FileKind, Writer, crc32};
use crate::env::MemoryEnv;

const DATABASE: [u8; 16] = [7; 16];

fn key() -> EncryptionKey {
    EncryptionKey::from_bytes([7; 32])
}

fn header(kind: FileKind) -> FileHeader {
    FileHeader { kind, database: DATABASE, number: FileNumber::default(), salt: 5, word: 0 }
}

/// Reads `bytes` as a key file, as they are and behind a header and before a checksum that fit. It
/// must not panic, hang or take much memory; every other outcome is correct.
pub fn keys(bytes: &[u8]) {
    let mut mended = [&header(FileKind::Keys).encode()[..], bytes].concat();
    let crc = crc32(0, &mended);
    mended.put_u32(crc);
    for bytes in [bytes, &mended] {
        let _ = KeyFile::from_bytes(bytes).unlock(&key());
    }
}

/// Opens `bytes` as headers of a file, as a block and as a record. Nothing that was not sealed
/// opens.
///
/// # Panics
///
/// When bytes open that were not sealed.
pub fn sealed(bytes: &[u8]) {
    let env = MemoryEnv::with_seed(1);
    let Ok((_, data_keys)) = KeyFile::create(&env, DATABASE, &key()) else { return };
    for kind in [FileKind::Sst, FileKind::Wal, FileKind::Manifest, FileKind::ValueFile] {
        assert!(data_keys.open(kind, bytes).is_err(), "headers that were not sealed");
        let _ = DataKeys::none().open(kind, bytes);
    }
    let (_, sealer) = data_keys.begin(&env, header(FileKind::Wal));
    open(&sealer, bytes);
    // With a checksum that fits, a record gets as far as its tag.
    for size in [16, 32] {
        let mut mended = bytes.to_vec();
        if let Some(fields) = mended.get(4..size + 16) {
            let crc = crc32(crate::codec::seed_at(sealer.seed(), 128), fields);
            mended[..4].copy_from_slice(&crc.to_le_bytes());
            open(&sealer, &mended);
        }
    }
}

fn open(sealer: &Sealer, bytes: &[u8]) {
    for part in [SealedPart::Block, SealedPart::Footer] {
        assert!(sealer.open(part, 128, Cow::Borrowed(bytes)).is_err(), "a block that was not sealed");
    }
    for header_size in [16, 32] {
        let mut fields = vec![0; header_size];
        assert!(sealer.open_fields(128, bytes, &mut fields).is_err(), "fields that were not sealed");
        let mut record = bytes.to_vec();
        assert!(sealer.open_record(128, &mut record, header_size).is_err(), "a record that was not sealed");
    }
}
