//! Fuzzing entry point: hostile bytes as a manifest, an edit and a `CURRENT`.
//!
//! Random bytes fail at the first checksum, so they are also tried *repaired*: with a header that
//! fits, and with a correct checksum for every frame that they announce.

use std::path::PathBuf;
use std::sync::Arc;

use super::current::CurrentFile;
use super::edit::VersionEdit;
use super::format::{CRC_SIZE, FRAME_HEADER_SIZE, FRAMES_START, FrameHeader, next_frame};
use super::{FIRST_MANIFEST, ManifestWriter, load};
use crate::codec::{FileHeader, FileKind, crc32, seed_at};
use crate::crypt::DataKeys;
use crate::env::{Env, MemoryEnv};
use crate::error::Result;
use crate::files::{DatabaseDir, FileName};

const HEADER: FileHeader =
    FileHeader { kind: FileKind::Manifest, database: [7; 16], number: FIRST_MANIFEST, salt: 5, word: 0 };

/// Reads `bytes` as a manifest, as they are and repaired, and as its parts. Reading must not panic,
/// hang or take much memory; any other result is correct.
///
/// # Panics
///
/// When the bytes reveal a bug, which is the purpose.
pub fn fuzz(bytes: &[u8]) {
    let _ = walk(bytes);
    let _ = walk(&repaired(bytes));
    if let Ok(edit) = VersionEdit::decode(bytes) {
        assert_eq!(edit.encode(), bytes, "an edit has one encoding");
    }
    let _ = CurrentFile::decode(bytes);
}

fn walk(bytes: &[u8]) -> Result<()> {
    let env = MemoryEnv::with_seed(1);
    let dir = PathBuf::from("/fuzz");
    env.create_dir(&dir)?;
    env.write_file(FileName::Manifest(HEADER.number).path(&dir), bytes)?;
    let current = CurrentFile {
        database: HEADER.database,
        manifest: HEADER.number,
        seed: HEADER.seed(),
        snapshot_end: FRAMES_START,
        is_old: false,
        seal: None,
    };
    let keys = DataKeys::none();
    current.write(&env, &dir, &keys)?;
    let Some(loaded) = load(&env, &dir, &env.list(&dir)?, &keys)? else { return Ok(()) };
    // A state that was read can be written, and is the same when it is read again.
    let number = loaded.state.next_file;
    let state = super::ManifestState { next_file: number.next()?, ..loaded.state };
    let files = DatabaseDir {
        env: Arc::new(env.clone()),
        path: dir.clone(),
        database: loaded.database,
        keys: keys.clone(),
    };
    ManifestWriter::create(&files, number, state.clone())?;
    let again = load(&env, &dir, &env.list(&dir)?, &keys)?.map(|loaded| loaded.state);
    assert_eq!(again, Some(state), "a snapshot gives the state");
    Ok(())
}

fn repaired(bytes: &[u8]) -> Vec<u8> {
    let mut file = [&HEADER.encode()[..], bytes].concat();
    let mut start = FileHeader::LEN;
    while let Some(header) = file.get(start..start + FRAME_HEADER_SIZE) {
        let size = FrameHeader::read(header).ok().and_then(|header| header.frame_size());
        let Some(end) = size.map(|size| start + size).filter(|end| *end <= file.len()) else { break };
        let crc = crc32(seed_at(HEADER.seed(), start as u64), &file[start + CRC_SIZE..end]);
        file[start..start + CRC_SIZE].copy_from_slice(&crc.to_le_bytes());
        let Ok(next) = usize::try_from(next_frame(start as u64, end - start)) else { break };
        start = next;
    }
    file
}
