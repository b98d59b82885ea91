//! The fuzzing entry point for WAL segments.
//!
//! Random bytes fail at the first checksum, so they are also tried *mended*: with a valid file
//! header, and with a matching checksum for every record that they announce. That tests the code
//! behind the checksums.

use std::path::PathBuf;
use std::sync::Arc;

use super::format::{CHECKED_START, RECORD_HEADER_SIZE, RawHeader, aligned};
use super::{DurableBounds, LogConfig, LogWriter, replay};
use crate::base::{FileNumber, SeqNo};
use crate::codec::{FileHeader, FileKind, crc32, seed_at};
use crate::crypt::DataKeys;
use crate::env::{Env, MemoryEnv};
use crate::error::Result;
use crate::files::DatabaseDir;

const HEADER: FileHeader =
    FileHeader { kind: FileKind::Wal, database: [7; 16], number: FileNumber(1), salt: 5, word: 1 };

/// Replays `bytes` as a segment, as they are and mended. It must not panic, hang or allocate much
/// memory; every other outcome is correct.
pub fn fuzz(bytes: &[u8]) {
    let _ = walk(bytes);
    let _ = walk(&mended(bytes));
}

fn walk(bytes: &[u8]) -> Result<()> {
    let env = MemoryEnv::with_seed(1);
    let log_dir = DatabaseDir {
        env: Arc::new(env.clone()),
        path: PathBuf::from("/fuzz"),
        database: HEADER.database,
        keys: DataKeys::none(),
    };
    env.create_dir(&log_dir.path)?;
    env.write_file(log_dir.segment_path(HEADER.number), bytes)?;
    let first = HEADER.number;
    let bounds = DurableBounds { first, newest: first, last_seqno: SeqNo::ZERO, log_seqno: SeqNo::ZERO };
    let mut count = 0u64;
    let recovered = replay(&log_dir, &log_dir.names()?, &bounds, &mut |replayed| {
        count += u64::from(replayed.commit.count);
        Ok(())
    })?;
    assert_eq!(recovered.next_seqno, SeqNo(count + 1), "commits follow each other");
    let again = replay(&log_dir, &log_dir.names()?, &bounds, &mut |_| Ok(()))?;
    assert_eq!(again, recovered, "a second replay gives the same");
    LogWriter::resume(log_dir, &recovered, LogConfig::default()).map(drop)
}

/// The same bytes behind a valid file header, each record that they announce with a matching
/// checksum.
fn mended(bytes: &[u8]) -> Vec<u8> {
    let mut file = [&HEADER.encode()[..], bytes].concat();
    let mut start = FileHeader::LEN;
    while let Some(raw) = file.get(start..start + RECORD_HEADER_SIZE) {
        let size = RawHeader::read(raw).ok().and_then(|raw| raw.record_size());
        let Some(end) = size.map(|size| start + size).filter(|end| *end <= file.len()) else { break };
        let crc = crc32(seed_at(HEADER.seed(), start as u64), &file[start + CHECKED_START..end]);
        file[start..start + CHECKED_START].copy_from_slice(&crc.to_le_bytes());
        let Ok(next) = usize::try_from(aligned(end as u64)) else { break };
        start = next;
    }
    file
}
