//! Fuzzing entry point: hostile bytes as a value file and a pointer.
//!
//! Random bytes fail at the first checksum, so they are also tried *repaired*: with a header that
//! fits, and with a correct checksum for every record that they announce.

use std::path::PathBuf;
use std::sync::Arc;

use super::format::{CRC_SIZE, RECORD_HEADER_SIZE, announced_size};
use super::{ValueMeta, ValueReader, ValueStore};
use crate::base::FileNumber;
use crate::cache::Cache;
use crate::codec::{BlockCompression, FileHeader, FileKind, ValuePointer, crc32, seed_at};
use crate::crypt::DataKeys;
use crate::env::{Env, MemoryEnv};
use crate::error::Result;
use crate::files::{DatabaseDir, FileName, FileStore, OpenFiles};

const HEADER: FileHeader =
    FileHeader { kind: FileKind::ValueFile, database: [7; 16], number: FileNumber(1), salt: 5, word: 0 };

/// Reads `bytes` as a value file, as they are and repaired, and as a pointer. Reading must not
/// panic, hang or take much memory; any other result is correct.
///
/// # Panics
///
/// Where the bytes find a fault of ours, which is what it is for.
pub fn fuzz(bytes: &[u8]) {
    let wild = ValuePointer::decode(bytes).ok();
    if let Some(pointer) = &wild {
        let mut encoded = Vec::new();
        pointer.encode(&mut encoded);
        assert_eq!(encoded, bytes, "a pointer has one encoding");
    }
    for file in [bytes.to_vec(), repaired(bytes)] {
        let Ok(reader) = open(&file) else { continue };
        let _ = reader.verify();
        for (start, end) in places(&file) {
            let (offset, size) = (start as u64, (end - start) as u64);
            let pointer = ValuePointer { file: HEADER.number, offset, size };
            let key = &file[(start + RECORD_HEADER_SIZE).min(end)..end];
            for key_size in [0, 1, 4, key.len()] {
                let _ = reader.read(&pointer, &key[..key_size.min(key.len())]);
            }
        }
        if let Some(pointer) = &wild {
            let _ = reader.read(pointer, b"key");
        }
    }
}

fn open(bytes: &[u8]) -> Result<Arc<ValueReader>> {
    let env = MemoryEnv::with_seed(1);
    let dir = PathBuf::from("/fuzz");
    env.create_dir(&dir)?;
    env.write_file(FileName::Values(HEADER.number).path(&dir), bytes)?;
    let place = ValueStore {
        dir: DatabaseDir { env: Arc::new(env), path: dir, database: HEADER.database, keys: DataKeys::none() },
        compression: BlockCompression::None,
        cache: Cache::new(1 << 20),
        open_files: OpenFiles::new(1),
    };
    place.open(&ValueMeta { number: HEADER.number, size: bytes.len() as u64, digest: 0, record_count: 1 })
}

/// Where records stand, by what they announce.
fn places(file: &[u8]) -> Vec<(usize, usize)> {
    let mut places = Vec::new();
    let mut start = FileHeader::LEN;
    while let Some(header) = file.get(start..).and_then(|rest| rest.first_chunk::<RECORD_HEADER_SIZE>()) {
        let size = usize::try_from(announced_size(header)).unwrap_or(usize::MAX);
        let Some(end) = start.checked_add(size).filter(|end| *end <= file.len()) else { break };
        places.push((start, end));
        start = end;
    }
    places
}

fn repaired(bytes: &[u8]) -> Vec<u8> {
    let mut file = [&HEADER.encode()[..], bytes].concat();
    for (start, end) in places(&file) {
        let crc = crc32(seed_at(HEADER.seed(), start as u64), &file[start + CRC_SIZE..end]);
        file[start..start + CRC_SIZE].copy_from_slice(&crc.to_le_bytes());
    }
    file
}
