//! Benchmarks of the WAL alone.

use std::path::Path;
use std::sync::Arc;

use super::{Commit, DurableBounds, LogConfig, LogWriter, replay};
use crate::base::{FileNumber, SeqNo};
use crate::crypt::DataKeys;
use crate::env::OsEnv;
use crate::error::Result;
use crate::files::DatabaseDir;

/// A log of one segment in a directory of the operating system.
#[derive(Debug)]
pub struct MeasuredLog(LogWriter);

const FIRST: FileNumber = FileNumber(1);

fn log_dir(dir: &Path) -> DatabaseDir {
    DatabaseDir { env: Arc::new(OsEnv), path: dir.to_owned(), database: [7; 16], keys: DataKeys::none() }
}

impl MeasuredLog {
    /// Creates a log in an empty directory.
    pub fn create(dir: &Path) -> Result<Self> {
        let config = LogConfig { preallocate: 256 << 10, ..LogConfig::default() };
        LogWriter::create(log_dir(dir), FIRST, SeqNo(1), config).map(Self)
    }

    /// Writes a commit of one entry.
    pub fn write(&mut self, payload: &[u8]) -> Result<()> {
        let commit = Commit { seq_start: self.0.next_seqno(), count: 1, payload };
        self.0.append(&commit)?;
        self.0.write()
    }

    /// Syncs what was written.
    pub fn sync(&mut self) -> Result<()> {
        let point = self.0.sync_point()?;
        point.sync()?;
        self.0.mark_synced(&point);
        Ok(())
    }

    /// Replays the log of a directory and returns its number of commits.
    pub fn replay(dir: &Path) -> Result<u64> {
        let bounds =
            DurableBounds { first: FIRST, newest: FIRST, last_seqno: SeqNo::ZERO, log_seqno: SeqNo::ZERO };
        let mut count = 0;
        replay(&log_dir(dir), &log_dir(dir).names()?, &bounds, &mut |_| {
            count += 1;
            Ok(())
        })?;
        Ok(count)
    }
}
