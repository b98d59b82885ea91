//! A log by itself, to be measured.

use std::path::Path;
use std::sync::Arc;

use super::{Commit, DurableBounds, LogConfig, LogDir, LogWriter, replay};
use crate::base::{FileNumber, SeqNo};
use crate::env::OsEnv;
use crate::error::Result;

/// A log of one segment in a directory of the system's.
#[derive(Debug)]
pub struct MeasuredLog(LogWriter);

const FIRST: FileNumber = FileNumber(1);

fn place(dir: &Path) -> LogDir {
    LogDir { env: Arc::new(OsEnv), dir: dir.to_owned(), database: [7; 16] }
}

impl MeasuredLog {
    /// Makes one in an empty directory.
    pub fn create(dir: &Path) -> Result<Self> {
        let config = LogConfig { preallocate: 256 << 10, ..LogConfig::default() };
        LogWriter::create(place(dir), FIRST, SeqNo(1), config).map(Self)
    }

    /// Writes a commit of one entry.
    pub fn write(&mut self, payload: &[u8]) -> Result<()> {
        let commit = Commit { seq_start: self.0.next_seqno(), count: 1, payload };
        self.0.append(&commit)?;
        self.0.write()
    }

    /// Makes what was written durable.
    pub fn sync(&mut self) -> Result<()> {
        let point = self.0.sync_point();
        point.sync()?;
        self.0.mark_synced(&point);
        Ok(())
    }

    /// Reads the log of a directory; gives how many commits it holds.
    pub fn replay(dir: &Path) -> Result<u64> {
        let promise =
            DurableBounds { first: FIRST, newest: FIRST, last_seqno: SeqNo::ZERO, log_seqno: SeqNo::ZERO };
        let mut count = 0;
        replay(&place(dir), &place(dir).names()?, &promise, &mut |_| {
            count += 1;
            Ok(())
        })?;
        Ok(count)
    }
}
