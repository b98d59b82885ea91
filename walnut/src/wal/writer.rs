//! The log writer: appends commits to a group, writes the group to the segment, and rotates
//! segments.
//!
//! The engine holds its log lock for [`append`](LogWriter::append) and [`write`](LogWriter::write),
//! syncs a [`SyncPoint`] outside of it, and reports the outcome with
//! [`mark_synced`](LogWriter::mark_synced) or [`poison`](LogWriter::poison).
//!
//! # The order of a rotation, and the state after a crash at each step
//!
//! 1. *Sync segment N.* All its records are durable. After a crash N is the last segment, without a
//!    torn tail.
//! 2. *Create N+1 as a temporary file*, from a recycled segment if there is one: header with the
//!    next sequence number, missing zeros, sync. A crash leaves a `.tmp` file, or an obsolete
//!    segment whose bytes are no longer its own; replay ignores both.
//! 3. *Rename it and sync the directory.* After a crash the name is there or not. If it is, N has
//!    to reach the first number of N+1, and does because of step 1.
//! 4. *Write the end record of N, which states that N+1 exists, and sync it.* After a crash it is
//!    there or not; while N+1 exists, replay does not read it, so a failure changes nothing.
//!    Written before step 3, it would make a crash in between look like a lost segment.
//! 5. *Continue in N+1.* So no record is written to N+1 before N is durable and closed.
//!
//! # Recycling obsolete segments
//!
//! The caller releases segments once the manifest durably does not need them
//! ([`release_before`](LogWriter::release_before)). Up to [`RECYCLED_LIMIT`] of them are kept,
//! under their names, to become later ones: writing and syncing within a file whose blocks are
//! allocated and were written costs a quarter of appending to a growing file. The caller removes
//! the others; after a crash the next opening removes all of them, as it recycles none.
//!
//! # The tail of a recovered segment
//!
//! After a crash of the process alone, a replay reads bytes that only the operating system's cache
//! has, and after a failed sync the cache may drop them later although a second sync succeeds. The
//! next segment must not build on them. So [`resume`](LogWriter::resume) copies every record that
//! no later record proves durable into the next segment, whose first sequence number is that of the
//! first copied record. After the rename the new segment has them durably, and the tail of the old
//! one is ignored. Before the rename nothing has changed. A last segment without records is
//! replaced instead of followed.
//!
//! When all records take at most [`LogConfig::collapse`] bytes, those of all segments are copied,
//! and the new segment is the whole log. So a program that exits without closing leaves one
//! segment, however often it runs.
//!
//! # A log that was closed cleanly
//!
//! Its last segment ends with an end record, which was written when everything before it was
//! durable, under a durable name. So nothing is in doubt, and [`reopen`](LogWriter::reopen)
//! continues in that segment: the next commit overwrites the end record. A crash may leave the old
//! record, the new one or neither, and in each case the log ends where it ended. No bytes behind it
//! can pass for a later record: the file ends with its end record, and closing truncates the
//! remains of a failed write before it writes one. The file is never recycled: its earlier
//! generations are not known.

use std::sync::Arc;

use super::Commit;
use super::current_segment::{CurrentSegment, FIRST_STEP, Retired, retired};
use super::format::{MAX_PAYLOAD_SIZE, RecordHeader, RecordKind, put_record};
use super::replay::Recovered;
use super::segment::{RecycledSegment, Segment, TempSegment, write_zeros};
use super::tail::Tail;
use crate::base::{FileNumber, SeqNo};
use crate::env::File;
use crate::error::{Error, Fault, Limit, Result};
use crate::files::DatabaseDir;

/// The capacity that the buffer keeps after a large group was written.
const GROUP_CAPACITY: usize = 4 << 20;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct LogConfig {
    /// Segments are preallocated in steps of this many bytes, so that a sync does not have to write
    /// the file's length, and obsolete segments are recycled. With zero, a segment grows with each
    /// write and is used once.
    pub(crate) preallocate: u64,
    /// The maximum total size of recycled segments, in bytes.
    pub(crate) recycled_size: u64,
    /// A recovered log with at most this many bytes of records is rewritten as one segment.
    pub(crate) collapse: u64,
}

/// The maximum number of recycled segments: more than one for each memtable that may be frozen
/// before another is flushed is never needed.
const RECYCLED_LIMIT: usize = 2;

/// The log's disk usage.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct LogSize {
    /// Segments that are needed, and their size in bytes.
    pub(crate) segment_count: usize,
    pub(crate) segment_size: u64,
    pub(crate) recycled_size: u64,
}

#[derive(Debug)]
pub(crate) struct LogWriter {
    log_dir: DatabaseDir,
    config: LogConfig,
    segment: CurrentSegment,
    /// The segments before it, ascending, until they are released.
    retired: Vec<Retired>,
    /// Released segments that will be recycled.
    recycled: Vec<RecycledSegment>,
    /// The current group: records that are not written yet, for the end of the segment.
    group: Vec<u8>,
    /// The next commit's first sequence number, with and without the group.
    next_seqno: SeqNo,
    written_seqno: SeqNo,
    health: LogHealth,
}

/// Which operations are still possible.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum LogHealth {
    Sound,
    /// A write failed, so the bytes behind `end` are unknown. Only a rotation helps: the next
    /// segment's first number states that those bytes are not part of the log.
    Torn,
    /// A sync failed, or the outcome of a rename is unknown. Only reopening the database helps.
    Poisoned,
}

/// An end of the log that can be synced without holding the log lock.
#[derive(Clone, Debug)]
pub(crate) struct SyncPoint {
    file: Arc<dyn File>,
    number: FileNumber,
    offset: u64,
}

impl SyncPoint {
    /// Makes everything before this point durable. After an error the writer must be poisoned.
    pub(crate) fn sync(&self) -> Result<()> {
        self.file.sync()
    }
}

impl LogWriter {
    /// Creates the first segment of a new log, replacing a file that an earlier try left.
    pub(crate) fn create(
        log_dir: DatabaseDir,
        number: FileNumber,
        first_seqno: SeqNo,
        config: LogConfig,
    ) -> Result<Self> {
        let start = log_dir.records_start();
        let mut temp = TempSegment::create(&log_dir, number, first_seqno)?;
        temp.finish(start, config.preallocate)?;
        let segment = CurrentSegment::new(temp.publish()?, start);
        Ok(Self::on(log_dir, config, segment, first_seqno))
    }

    /// Continues after a replay in a new segment. All commits that the replay found are durable
    /// when this returns.
    pub(crate) fn resume(log_dir: DatabaseDir, recovered: &Recovered, config: LogConfig) -> Result<Self> {
        let last = recovered.last();
        let is_collapsed = recovered.size() <= config.collapse;
        let first_seqno = if is_collapsed {
            Segment::open(&log_dir, recovered.segments[0].number)?.first_seqno
        } else {
            let old = Segment::open(&log_dir, last.number)?;
            Tail::new(&old, last.proven, last.end).first_seqno()?.unwrap_or(recovered.next_seqno)
        };
        // A segment gets its first record after its name is durable. Without a record its name may
        // have been lost in a failed sync, which a second sync would not restore; so the segment is
        // created again.
        let number = if last.record_count == 0 { last.number } else { last.number.next()? };
        let mut temp = TempSegment::create(&log_dir, number, first_seqno)?;
        let mut end = log_dir.records_start();
        if is_collapsed {
            for found in &recovered.segments {
                let old = Segment::open(&log_dir, found.number)?;
                end = Tail::whole(&old, found.end).copy(&temp, end)?;
            }
        } else {
            let old = Segment::open(&log_dir, last.number)?;
            end = Tail::new(&old, last.proven, last.end).copy(&temp, end)?;
        }
        temp.finish(end, config.preallocate)?;
        let segment = CurrentSegment::new(temp.publish()?, end);
        let mut log = Self::on(log_dir, config, segment, recovered.next_seqno);
        if !is_collapsed {
            log.retired = retired(recovered, number);
        }
        Ok(log)
    }

    /// Continues after a replay in the last segment, if the log was closed cleanly; this writes
    /// nothing yet. `None` when that is not possible; then [`resume`](Self::resume) is.
    ///
    /// An encrypted log is never continued in a recovered segment: what another process, or another
    /// copy of the directory, has sealed at the same place is not known.
    pub(crate) fn reopen(
        dir: &DatabaseDir,
        recovered: &Recovered,
        config: LogConfig,
    ) -> Result<Option<Self>> {
        if !recovered.sealed || dir.keys.is_encrypted() {
            return Ok(None);
        }
        let last = recovered.last();
        let Some(file) = dir.env.reopen(&dir.segment_path(last.number))? else { return Ok(None) };
        let Some(segment) = CurrentSegment::reopened(file, last)? else { return Ok(None) };
        let mut log = Self::on(dir.clone(), config, segment, recovered.next_seqno);
        log.retired = retired(recovered, last.number);
        Ok(Some(log))
    }

    fn on(log_dir: DatabaseDir, config: LogConfig, segment: CurrentSegment, next_seqno: SeqNo) -> Self {
        let written_seqno = next_seqno;
        Self {
            log_dir,
            config,
            segment,
            retired: Vec::new(),
            recycled: Vec::new(),
            group: Vec::new(),
            next_seqno,
            written_seqno,
            health: LogHealth::Sound,
        }
    }

    pub(crate) fn number(&self) -> FileNumber {
        self.segment.number
    }

    /// The number of the first segment that is not released.
    pub(crate) fn first_number(&self) -> FileNumber {
        self.retired.first().map_or(self.segment.number, |retired| retired.number)
    }

    /// Where the written records of the active segment end.
    pub(crate) fn end(&self) -> u64 {
        self.segment.end
    }

    /// The next commit's first sequence number.
    pub(crate) fn next_seqno(&self) -> SeqNo {
        self.next_seqno
    }

    /// Adds a commit to the group. Its sequence numbers continue those before it; a commit without
    /// entries is ignored.
    pub(crate) fn append(&mut self, commit: &Commit<'_>) -> Result<()> {
        self.check(LogHealth::Sound)?;
        assert_eq!(commit.seq_start, self.next_seqno, "commits are logged in their order");
        let size = commit.payload.len();
        if size > MAX_PAYLOAD_SIZE {
            return Err(Error::Limit(Limit::Commit { size, limit: MAX_PAYLOAD_SIZE }));
        }
        if commit.count == 0 {
            return Ok(());
        }
        if commit.seq_start.plus(u64::from(commit.count)) > SeqNo::MAX {
            return Err(Error::Unsupported("more than 2^56 entries in the life of a database"));
        }
        let header = RecordHeader {
            kind: RecordKind::Commit,
            seq_start: commit.seq_start,
            count: commit.count,
            synced: self.segment.synced,
        };
        let offset = self.segment.end + self.group.len() as u64;
        put_record(&mut self.group, &self.segment.sealer, offset, &header, commit.payload);
        self.next_seqno = commit.seq_start.plus(u64::from(commit.count));
        Ok(())
    }

    /// Writes the group in one operation.
    ///
    /// After an error its commits are discarded, their sequence numbers are free again, and only
    /// [`rotate_next`](Self::rotate_next) and [`close`](Self::close) are possible.
    pub(crate) fn write(&mut self) -> Result<()> {
        self.check(LogHealth::Sound)?;
        if self.group.is_empty() {
            return Ok(());
        }
        self.segment.is_sealed = false;
        let written = self.segment.file.write_at(&self.group, self.segment.end);
        if written.is_ok() {
            self.segment.end += self.group.len() as u64;
            self.written_seqno = self.next_seqno;
            self.preallocate();
        } else {
            self.health = LogHealth::Torn;
            self.next_seqno = self.written_seqno;
        }
        self.group.clear();
        self.group.shrink_to(GROUP_CAPACITY);
        written
    }

    /// Preallocates zeros when the records have reached the end of the file. A failure is ignored,
    /// and tried again with the next group.
    fn preallocate(&mut self) {
        let CurrentSegment { file, end, size, step: next_step, .. } = &mut self.segment;
        if *end <= *size {
            return;
        }
        *size = *end;
        let step = (*next_step).min(self.config.preallocate);
        *next_step = next_step.saturating_mul(2).max(FIRST_STEP);
        // Groups that are larger than a step change the length every time, whatever is
        // preallocated.
        if (self.group.len() as u64) < step && write_zeros(&**file, *end, *end + step).is_ok() {
            *size += step;
        }
    }

    pub(crate) fn size(&self) -> LogSize {
        LogSize {
            segment_count: self.retired.len() + 1,
            segment_size: self.retired.iter().map(|retired| retired.size).sum::<u64>() + self.segment.size,
            recycled_size: self.recycled.iter().map(|recycled| recycled.size).sum(),
        }
    }

    /// Whether a segment of this number is needed or will be recycled.
    pub(crate) fn has(&self, number: FileNumber) -> bool {
        number == self.segment.number
            || self.retired.iter().any(|retired| retired.number == number)
            || self.recycled.iter().any(|recycled| recycled.number == number)
    }

    /// Releases the segments before `first`, which the manifest durably does not need. Returns the
    /// numbers of those that are kept under their names to be recycled; the caller removes the
    /// others.
    pub(crate) fn release_before(&mut self, first: FileNumber) -> Vec<FileNumber> {
        let mut kept_size: u64 = self.recycled.iter().map(|recycled| recycled.size).sum();
        for released in self.retired.extract_if(.., |retired| retired.number < first) {
            if let Some(recycled) = released.recycled
                && self.recycled.len() < RECYCLED_LIMIT
                && kept_size + recycled.size <= self.config.recycled_size
            {
                kept_size += recycled.size;
                self.recycled.push(recycled);
            }
        }
        self.recycled.iter().map(|recycled| recycled.number).collect()
    }

    /// Forgets the segments that were to be recycled; the caller removes them.
    pub(crate) fn drop_recycled(&mut self) {
        self.recycled.clear();
    }

    /// The end of what was written so far, to be synced.
    pub(crate) fn sync_point(&self) -> Result<SyncPoint> {
        self.check(LogHealth::Torn)?;
        let CurrentSegment { file, number, end, .. } = &self.segment;
        Ok(SyncPoint { file: Arc::clone(file), number: *number, offset: *end })
    }

    /// Records that a point was synced, for the `synced` field of later records. A point of an
    /// earlier segment is ignored.
    pub(crate) fn mark_synced(&mut self, point: &SyncPoint) {
        if point.number == self.segment.number {
            assert!(point.offset <= self.segment.end, "only what was written can be synced");
            self.segment.synced = self.segment.synced.max(point.offset);
        }
    }

    /// To be called after a failed sync: every later operation is [`Error::Poisoned`].
    pub(crate) fn poison(&mut self) {
        self.health = LogHealth::Poisoned;
    }

    /// Whether only reopening the database helps.
    pub(crate) fn is_poisoned(&self) -> bool {
        self.health == LogHealth::Poisoned
    }

    /// Rotates to the next segment and returns its number. The group must have been written, and is
    /// durable when this returns. No sync point may be synced concurrently: its failure could hide
    /// one here.
    ///
    /// When the next segment cannot be created, for want of space for example, nothing has changed
    /// and the rotation can be tried again. After any other error the writer is poisoned.
    pub(crate) fn rotate_next(&mut self) -> Result<FileNumber> {
        self.check(LogHealth::Torn)?;
        assert!(self.group.is_empty(), "a group is written before the segment ends");
        self.sync()?;
        let log_dir = self.log_dir.clone();
        // A segment in which even the first write failed is replaced, as by `resume`: on a full
        // disk each try would leave another one otherwise.
        let start = self.log_dir.records_start();
        let is_empty = self.segment.end == start && self.health == LogHealth::Torn;
        let number = if is_empty { self.segment.number } else { self.segment.number.next()? };
        let path = log_dir.segment_path(number);
        if !is_empty && log_dir.env.kind(&path)?.is_some() {
            // When another process has taken over the directory, this reports it.
            log_dir.env.sync_dir(&log_dir.path)?;
            return Err(Fault::Identity.at(&path, 0));
        }
        let mut temp = match self.recycled.pop() {
            Some(recycled) => TempSegment::recycle(&log_dir, recycled, number, self.next_seqno)?,
            None => TempSegment::create(&log_dir, number, self.next_seqno)?,
        };
        temp.finish(start, self.config.preallocate)?;
        let next = match temp.publish() {
            // A rename without space for the name has not happened.
            Err(Error::OutOfSpace) if !is_empty && log_dir.env.kind(&path)?.is_none() => {
                return Err(Error::OutOfSpace);
            }
            finished => self.or_poison(finished)?,
        };
        // All of N is durable, and N+1 has its name: a missing end record, on a full disk, loses
        // nothing.
        let ended = !is_empty
            && self.segment.can_end(self.health == LogHealth::Sound)
            && self.segment.put_end(self.next_seqno, true).and_then(|_| self.segment.file.sync()).is_ok();
        let old = std::mem::replace(&mut self.segment, CurrentSegment::new(next, start));
        let is_whole = ended && self.health == LogHealth::Sound;
        if !is_empty {
            self.retired.push(old.retire(is_whole && self.config.preallocate > 0));
        }
        self.health = LogHealth::Sound;
        Ok(self.segment.number)
    }

    /// [`try_close`](Self::try_close), with a durable end record.
    pub(crate) fn close(mut self) -> Result<()> {
        self.try_close()?;
        self.segment.file.sync()
    }

    /// Closes the log cleanly, so that damage to its last records will be detected; nothing may be
    /// written afterwards. The group must have been written, and is durable when this returns; no
    /// sync point may be synced concurrently. Without disk space it can be tried again.
    ///
    /// The end record itself is not synced: a caller that stores the last sequence number
    /// elsewhere, durably, does not need it, and without it the log counts as not closed. Nothing
    /// is written when nothing was written since the log was reopened.
    pub(crate) fn try_close(&mut self) -> Result<()> {
        self.check(LogHealth::Torn)?;
        assert!(self.group.is_empty(), "a group is written before the log is closed");
        if self.segment.is_sealed {
            return Ok(());
        }
        if self.health == LogHealth::Torn {
            // Complete records of the failed write may be there, and must not follow what is
            // appended to the segment later.
            self.segment.file.set_size(self.segment.end)?;
        }
        self.sync()?;
        if !self.segment.can_end(self.health == LogHealth::Sound) {
            return Ok(());
        }
        let end = match self.segment.put_end(self.next_seqno, false) {
            Err(error) => {
                if self.segment.sealer.is_encrypted() {
                    self.health = LogHealth::Torn;
                }
                return Err(error);
            }
            end => end?,
        };
        // Preallocated zeros, or old records, may take as much as a memtable. Replay ignores them.
        if self.segment.size > end {
            let _ = self.segment.file.set_size(end);
        }
        Ok(())
    }

    /// Refuses when the writer is worse off than `least`.
    fn check(&self, least: LogHealth) -> Result<()> {
        let refused = match self.health {
            LogHealth::Sound => false,
            LogHealth::Torn => least == LogHealth::Sound,
            LogHealth::Poisoned => true,
        };
        if refused { Err(Error::Poisoned) } else { Ok(()) }
    }

    /// Whether the log was reopened, and nothing was written since.
    pub(crate) fn is_unchanged(&self) -> bool {
        self.segment.is_sealed
    }

    /// Syncs what was written, unless it is durable already. After a failed sync the bytes may be
    /// lost although another one succeeds, so there is no other one.
    pub(crate) fn sync(&mut self) -> Result<()> {
        self.check(LogHealth::Torn)?;
        if self.health == LogHealth::Sound && self.segment.synced == self.segment.end {
            return Ok(());
        }
        let synced = self.segment.file.sync();
        self.or_poison(synced)?;
        self.segment.synced = self.segment.end;
        Ok(())
    }

    fn or_poison<T>(&mut self, result: Result<T>) -> Result<T> {
        if result.is_err() {
            self.health = LogHealth::Poisoned;
        }
        result
    }
}
