//! The guarantees of the log, on a machine that crashes, fails and corrupts files.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::cast_possible_truncation, reason = "the numbers of these tests are small")]

mod crash;
mod damage;
mod fault;
mod follow;
mod recovery;
mod recycling;
mod writing;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::replay::Recovered;
use super::*;
use crate::base::FileNumber;
use crate::crypt::{DataKeys, Sealer};
use crate::env::{Env, MemoryEnv};
use crate::error::{Error, Fault, Result};
use crate::files::{DatabaseDir, FileName};

const DATABASE: [u8; 16] = *b"the database's i";

/// The contents of a log: the first sequence number and the payload of each commit. A commit has as
/// many entries as its payload has bytes, at most three.
type Commits = Vec<(u64, Vec<u8>)>;

fn machine() -> MemoryEnv {
    let env = MemoryEnv::new();
    env.create_dir(Path::new("/db")).unwrap();
    env.sync_dir(Path::new("/")).unwrap();
    env
}

fn log_dir(env: &(impl Env + Clone)) -> DatabaseDir {
    DatabaseDir {
        env: Arc::new(env.clone()),
        path: PathBuf::from("/db"),
        database: DATABASE,
        keys: DataKeys::none(),
    }
}

fn path(number: u64) -> PathBuf {
    FileName::Segment(FileNumber(number)).path(Path::new("/db"))
}

fn create(env: &(impl Env + Clone), preallocate: u64) -> Result<LogWriter> {
    LogWriter::create(
        log_dir(env),
        FileNumber(1),
        SeqNo(1),
        LogConfig { preallocate, ..LogConfig::default() },
    )
}

fn resume(env: &(impl Env + Clone), recovered: &Recovered) -> Result<LogWriter> {
    LogWriter::resume(log_dir(env), recovered, LogConfig::default())
}

/// A payload that is determined by its number and size.
fn payload(seqno: u64, size: usize) -> Vec<u8> {
    (0..size).map(|index| (seqno * 31 + index as u64 * 7) as u8).collect()
}

fn count(payload: &[u8]) -> u32 {
    payload.len().clamp(1, 3) as u32
}

/// Appends a commit with the log's next number.
fn append(log: &mut LogWriter, size: usize) -> Result<()> {
    let payload = payload(log.next_seqno().0, size);
    log.append(&Commit { seq_start: log.next_seqno(), count: count(&payload), payload: &payload })
}

/// Appends a commit and makes it durable.
fn commit(log: &mut LogWriter, size: usize) -> Result<()> {
    append(log, size)?;
    log.write()?;
    sync(log)
}

/// Syncs what was written, as the engine does.
fn sync(log: &mut LogWriter) -> Result<()> {
    let point = log.sync_point()?;
    match point.sync() {
        Ok(()) => log.mark_synced(&point),
        Err(error) => {
            log.poison();
            return Err(error);
        }
    }
    Ok(())
}

const ANY_LOG: DurableBounds = DurableBounds {
    first: FileNumber(1),
    newest: FileNumber(1),
    last_seqno: SeqNo::ZERO,
    log_seqno: SeqNo::ZERO,
};

fn replay(
    log_dir: &DatabaseDir,
    bounds: &DurableBounds,
    visit: &mut dyn FnMut(&Replayed<'_>) -> Result<()>,
) -> Result<Recovered> {
    super::replay(log_dir, &log_dir.names()?, bounds, visit)
}

fn read(env: &(impl Env + Clone), bounds: &DurableBounds) -> Result<(Commits, Recovered)> {
    let mut commits = Commits::new();
    let recovered = replay(&log_dir(env), bounds, &mut |found| {
        commits.push((found.commit.seq_start.0, found.commit.payload.to_vec()));
        Ok(())
    })?;
    check(&commits);
    Ok((commits, recovered))
}

/// Checks that the commits are consecutive from 1 on and have the payloads that were written under
/// their numbers.
fn check(commits: &Commits) {
    let mut next = 1;
    for (seq_start, bytes) in commits {
        assert_eq!(*seq_start, next, "a hole in the history");
        assert_eq!(*bytes, payload(*seq_start, bytes.len()));
        next += u64::from(count(bytes));
    }
}

/// The fault of a damaged log and its location.
fn corruption(error: Error) -> (PathBuf, u64, Fault) {
    match error {
        Error::Corruption { file, offset, fault } => (file, offset, fault),
        error => panic!("not a corruption: {error}"),
    }
}
