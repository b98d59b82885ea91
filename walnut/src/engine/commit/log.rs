//! The log of an engine: its writer, which belongs to the thread that holds the lock.

use crate::base::{FileNumber, SeqNo};
use crate::error::{Error, Result};
use crate::sync::{AtomicBool, Mutex, MutexGuard, Ordering};
use crate::wal::{Commit, LogSize, LogWriter, SyncPoint};

/// A position in the log: everything before it, in this and in earlier segments.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(in crate::engine) struct Position {
    segment: FileNumber,
    offset: u64,
}

/// The log behind its lock, which only the commit pipeline holds over several calls.
#[derive(Debug)]
pub(in crate::engine) struct SharedLog {
    log: Mutex<EngineLog>,
    /// A copy of [`EngineLog::is_torn`] that a committer reads without the lock.
    is_torn: AtomicBool,
}

impl SharedLog {
    pub(super) fn new(writer: LogWriter, last_seqno: SeqNo) -> Self {
        let log = EngineLog { writer: Some(writer), torn: false, last_seqno };
        Self { log: Mutex::new(log), is_torn: AtomicBool::new(false) }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, EngineLog> {
        self.log.lock()
    }

    pub(super) fn try_lock(&self) -> Option<MutexGuard<'_, EngineLog>> {
        self.log.try_lock()
    }

    /// Whether the log may be torn; [`publish_torn`](Self::publish_torn) keeps this up to date.
    pub(super) fn is_torn(&self) -> bool {
        self.is_torn.load(Ordering::Acquire)
    }

    pub(super) fn publish_torn(&self, log: &EngineLog) {
        self.is_torn.store(log.torn, Ordering::Release);
    }

    pub(in crate::engine) fn segment(&self) -> FileNumber {
        self.lock().position().segment
    }

    /// The size of the log on disk; zero once it is closed.
    pub(in crate::engine) fn size(&self) -> LogSize {
        self.lock().writer.as_ref().map(LogWriter::size).unwrap_or_default()
    }

    /// Whether it is one segment with at most `size` bytes of records.
    pub(in crate::engine) fn is_within(&self, size: u64) -> bool {
        let is_within = |writer: &LogWriter| writer.end() <= size && writer.size().segment_count == 1;
        self.lock().writer.as_ref().is_none_or(is_within)
    }

    /// Calls `work` with a function that returns whether the log has a segment of a number, a
    /// recycled one included; none is begun or released meanwhile.
    pub(in crate::engine) fn with_segments<R>(
        &self,
        work: impl FnOnce(&dyn Fn(FileNumber) -> bool) -> R,
    ) -> R {
        let log = self.lock();
        work(&|number| log.writer.as_ref().is_some_and(|writer| writer.has(number)))
    }

    /// Releases the segments before `first`, and returns those that will be recycled, if any are to
    /// be: see [`LogWriter::release_before`].
    pub(in crate::engine) fn release_before(&self, first: FileNumber, recycles: bool) -> Vec<FileNumber> {
        let mut log = self.lock();
        let Some(writer) = &mut log.writer else { return Vec::new() };
        let kept = writer.release_before(first);
        if recycles {
            return kept;
        }
        writer.drop_recycled();
        Vec::new()
    }

    /// Drops the segments that are kept for recycling, and returns whether there were any: see
    /// [`LogWriter::drop_recycled`].
    pub(in crate::engine) fn drop_recycled(&self) -> bool {
        let mut log = self.lock();
        let Some(writer) = &mut log.writer else { return false };
        let is_recycled = writer.size().recycled_size > 0;
        writer.drop_recycled();
        is_recycled
    }
}

/// The writer of the log, until it is closed.
#[derive(Debug)]
pub(in crate::engine) struct EngineLog {
    writer: Option<LogWriter>,
    /// Whether the last write found no space, so that nothing can follow it in its segment.
    torn: bool,
    /// The last number that was written.
    last_seqno: SeqNo,
}

impl EngineLog {
    fn writer(&mut self) -> Result<&mut LogWriter> {
        self.writer.as_mut().ok_or(Error::Closed)
    }

    pub(super) fn last_seqno(&self) -> SeqNo {
        self.last_seqno
    }

    /// The first seqno of the next appended commit.
    pub(super) fn next_seqno(&self) -> SeqNo {
        self.writer.as_ref().map_or(self.last_seqno.plus(1), LogWriter::next_seqno)
    }

    /// The end of the written records.
    pub(super) fn position(&self) -> Position {
        self.writer.as_ref().map_or_else(Position::default, |writer| Position {
            segment: writer.number(),
            offset: writer.end(),
        })
    }

    /// Whether nothing can be written before a new segment is begun.
    pub(super) fn is_torn(&self) -> bool {
        self.torn
    }

    /// Adds a commit to the group that the next write writes.
    pub(super) fn append(&mut self, payload: &[u8], count: u32) -> Result<()> {
        if self.torn {
            return Err(Error::OutOfSpace);
        }
        let seq_start = self.next_seqno();
        self.writer()?.append(&Commit { seq_start, count, payload })
    }

    /// Writes the group. After an error its numbers are free again.
    pub(super) fn write(&mut self) -> Result<()> {
        let writer = self.writer()?;
        let written = writer.write();
        let next = writer.next_seqno();
        match written {
            Ok(()) => self.last_seqno = SeqNo(next.0 - 1),
            Err(Error::OutOfSpace) => self.torn = true,
            Err(_) => writer.poison(),
        }
        written
    }

    /// Everything written so far, to be synced.
    pub(super) fn sync_point(&self) -> Result<SyncPoint> {
        self.writer.as_ref().ok_or(Error::Closed)?.sync_point()
    }

    pub(super) fn mark_synced(&mut self, point: &SyncPoint) {
        if let Some(writer) = &mut self.writer {
            writer.mark_synced(point);
        }
    }

    /// Called after a failed sync.
    pub(super) fn poison(&mut self) {
        if let Some(writer) = &mut self.writer {
            writer.poison();
        }
    }

    /// Whether nothing can be logged any more.
    pub(super) fn is_poisoned(&self) -> bool {
        self.writer.as_ref().is_some_and(LogWriter::is_poisoned)
    }

    /// Continues in a new segment, and returns its number; everything before is durable then. The
    /// caller ensures that no thread syncs the old segment meanwhile: a failure that is reported
    /// there is not reported here again.
    pub(super) fn rotate_next(&mut self) -> Result<FileNumber> {
        let number = self.writer()?.rotate_next()?;
        self.torn = false;
        Ok(number)
    }

    /// Whether it was closed in order by an earlier process, and nothing was written since.
    pub(super) fn is_unchanged(&self) -> bool {
        self.writer.as_ref().is_none_or(LogWriter::is_unchanged)
    }

    /// Makes everything that was written durable. The caller ensures that no other thread syncs
    /// meanwhile.
    pub(super) fn sync(&mut self) -> Result<()> {
        self.writer()?.sync()
    }

    /// Ends the log in order. It stays open when there is no room for that.
    pub(super) fn close(&mut self) -> Result<()> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        match writer.try_close() {
            Err(Error::OutOfSpace) if !writer.is_poisoned() => Err(Error::OutOfSpace),
            ended => {
                self.writer = None;
                // A sync that failed is never a disk that is only full.
                ended
                    .map_err(|error| if matches!(error, Error::OutOfSpace) { Error::Poisoned } else { error })
            }
        }
    }
}
