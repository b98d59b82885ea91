//! Writes the log: commits into a group, a group into the segment, and from one segment into the next.
//!
//! The engine holds its log lock for [`append`](LogWriter::append) and [`write`](LogWriter::write), syncs a
//! [`SyncPoint`] outside of it, and tells the outcome with [`mark_synced`](LogWriter::mark_synced) or
//! [`poison`](LogWriter::poison).
//!
//! # The order of a rotation, and what a crash leaves after each step
//!
//! 1. *Sync segment N.* All its records are durable. A crash leaves N as the last segment, with nothing torn.
//! 2. *Make N+1 as a draft*, of a spare segment when there is one: header with the next sequence number, zeros as far as they
//!    are missing, sync. A crash leaves a `.tmp` file that nobody looks at, or an obsolete segment whose bytes are no
//!    longer its own, which nobody looks at either.
//! 3. *Rename it and sync the directory.* A crash leaves the name or not. With it, N has to reach the first number of
//!    N+1, and does, because of step 1.
//! 4. *Write the end record of N, which says that N+1 exists, and sync it.* A crash leaves it or not; while N+1 is
//!    there, nobody reads it, so a failure changes nothing. Were it written before step 3, a crash between them would look
//!    like a lost segment.
//! 5. *Go on in N+1.* So no record is ever written to N+1 before N is durable and closed.
//!
//! # What becomes of a segment that is obsolete
//!
//! The caller says which are, once the manifest says so durably ([`release_before`](LogWriter::release_before)). Up to
//! [`SPARE_LIMIT`] of them are kept, under their names, to become later ones: writing and syncing within a file whose
//! blocks are there and were written costs a quarter of what it costs at the end of one that grows. The caller
//! removes the others; those that a crash leaves go with the next opening, which takes over none.
//!
//! # What becomes of the tail of a recovered segment
//!
//! After a crash of the process alone, a replay sees bytes that only the operating system's cache has, and a cache that
//! went through a failed sync may lose them later though a second sync succeeds. They must not become part of the past
//! on which the next segment builds. So [`resume`](LogWriter::resume) copies every record that no later record proves
//! durable into the draft of the next segment, whose first number is that of the first one copied. When the segment has
//! its name, it holds them durably, and the tail of the old one means nothing. Before, nothing has changed. A last segment
//! without any record is replaced instead of followed.
//!
//! When all the records there are take no more than [`LogConfig::collapse`] bytes, all of them are copied, from all segments, and the
//! new one is the whole log. So a program that ends without closing leaves one segment, however often it runs.
//!
//! # What becomes of a log that was closed in order
//!
//! Its last segment ends with an end record, which was written when everything before it was durable, under a name that was. So nothing
//! is in doubt, and [`reopen`](LogWriter::reopen) goes on in that segment: the next commit is written over the end record. A crash may
//! leave the old record, the new one or neither, and each of these ends the log where it ended. Nothing that could pass for a
//! later record stands behind it: the file ends with its end record, and closing cuts off what a failed write has left before it writes
//! one. The file is never taken over as a spare: its earlier lives are not known.

use std::sync::Arc;

use super::Commit;
use super::current_segment::{CurrentSegment, Retired, retired};
use super::format::{MAX_PAYLOAD_SIZE, RECORDS_START, RecordHeader, RecordKind, put_record};
use super::replay::Recovered;
use super::segment::{LogDir, RecycledSegment, Segment, TempSegment, write_zeros};
use super::tail::Tail;
use crate::base::{FileNumber, SeqNo};
use crate::env::File;
use crate::error::{Error, Fault, Limit, Result};

/// The most memory that the buffer of a group keeps after the group was written.
const KEPT_SIZE: usize = 4 << 20;

/// How segments are made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct LogConfig {
    /// Zeros are written ahead of the end of a segment in steps of this many bytes, so that syncs need not write its
    /// length; and obsolete segments are used again. With zero a segment grows as it is written, and is used once.
    pub(crate) preallocate: u64,
    /// The most bytes of obsolete segments that are kept to be used again.
    pub(crate) recycled_size: u64,
    /// Up to so many bytes of records of a recovered log become a log of one segment.
    pub(crate) collapse: u64,
}

/// The most obsolete segments that are kept to be used again: one for each memtable that may be frozen before another is
/// flushed is more than enough.
const SPARE_LIMIT: usize = 2;

/// What the log takes on disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct LogSize {
    /// Segments that are needed, and their bytes.
    pub(crate) segment_count: usize,
    pub(crate) segment_size: u64,
    /// Bytes of segments that are kept to be used again.
    pub(crate) spare_size: u64,
}

/// The end of the log. See the module's head.
#[derive(Debug)]
pub(crate) struct LogWriter {
    place: LogDir,
    config: LogConfig,
    segment: CurrentSegment,
    /// The segments before it, ascending, until they are released.
    retired: Vec<Retired>,
    /// Released ones that will be used again.
    spares: Vec<RecycledSegment>,
    /// Records that are not written yet; they belong to the end of the segment.
    group: Vec<u8>,
    /// The number that the next commit begins with, with and without the group.
    next_seqno: SeqNo,
    written_seqno: SeqNo,
    health: Health,
}

/// What the writer can still do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Health {
    Sound,
    /// A write failed, so nobody knows what stands behind `end`. Only another segment helps, whose first number says
    /// that nothing there counts.
    Torn,
    /// A sync failed, or a segment has perhaps its name and perhaps not. Nothing helps but opening again.
    Poisoned,
}

/// A place in the log that can be made durable without holding the log.
#[derive(Clone, Debug)]
pub(crate) struct SyncPoint {
    file: Arc<dyn File>,
    number: FileNumber,
    offset: u64,
}

impl SyncPoint {
    /// Makes everything before this point durable. After an error the writer has to be poisoned.
    pub(crate) fn sync(&self) -> Result<()> {
        self.file.sync()
    }
}

impl LogWriter {
    /// Makes the first segment of a new log. A file that stands there was left by an earlier try, and is replaced.
    pub(crate) fn create(
        place: LogDir,
        number: FileNumber,
        first_seqno: SeqNo,
        config: LogConfig,
    ) -> Result<Self> {
        let mut draft = TempSegment::create(&place, number, first_seqno)?;
        draft.finish(RECORDS_START, config.preallocate)?;
        let segment = CurrentSegment::new(draft.publish()?, RECORDS_START);
        Ok(Self::on(place, config, segment, first_seqno))
    }

    /// Goes on after a replay, in a segment of its own. Whatever the replay found is durable when this returns.
    pub(crate) fn resume(place: LogDir, recovered: &Recovered, config: LogConfig) -> Result<Self> {
        let last = recovered.last();
        let is_collapsed = recovered.size() <= config.collapse;
        let first_seqno = if is_collapsed {
            Segment::open(&place, recovered.segments[0].number)?.first_seqno
        } else {
            let old = Segment::open(&place, last.number)?;
            Tail::new(&old, last.proven, last.end).first_seqno()?.unwrap_or(recovered.next_seqno)
        };
        // A segment got its first record after its name was durable. Without a record its name may have been lost in a
        // failed sync, which a second one would not bring back; so the segment is made again.
        let number = if last.record_count == 0 { last.number } else { last.number.next()? };
        let mut draft = TempSegment::create(&place, number, first_seqno)?;
        let mut end = RECORDS_START;
        if is_collapsed {
            for found in &recovered.segments {
                let old = Segment::open(&place, found.number)?;
                end = Tail::whole(&old, found.end).copy(&draft, end)?;
            }
        } else {
            let old = Segment::open(&place, last.number)?;
            end = Tail::new(&old, last.proven, last.end).copy(&draft, end)?;
        }
        draft.finish(end, config.preallocate)?;
        let segment = CurrentSegment::new(draft.publish()?, end);
        let mut log = Self::on(place, config, segment, recovered.next_seqno);
        if !is_collapsed {
            log.retired = retired(recovered, number);
        }
        Ok(log)
    }

    /// Goes on after a replay in the last segment, when the log was closed in order, which changes nothing yet. `None` when that
    /// cannot be done; [`resume`](Self::resume) can.
    pub(crate) fn reopen(place: &LogDir, recovered: &Recovered, config: LogConfig) -> Result<Option<Self>> {
        if !recovered.sealed {
            return Ok(None);
        }
        let last = recovered.last();
        let Some(file) = place.env.reopen(&place.path(last.number))? else { return Ok(None) };
        let Some(segment) = CurrentSegment::reopened(file, last)? else { return Ok(None) };
        let mut log = Self::on(place.clone(), config, segment, recovered.next_seqno);
        log.retired = retired(recovered, last.number);
        Ok(Some(log))
    }

    fn on(place: LogDir, config: LogConfig, segment: CurrentSegment, next_seqno: SeqNo) -> Self {
        let written_seqno = next_seqno;
        Self {
            place,
            config,
            segment,
            retired: Vec::new(),
            spares: Vec::new(),
            group: Vec::new(),
            next_seqno,
            written_seqno,
            health: Health::Sound,
        }
    }

    /// The number of the current segment.
    pub(crate) fn number(&self) -> FileNumber {
        self.segment.number
    }

    /// The number of the first segment that is not released.
    pub(crate) fn first_number(&self) -> FileNumber {
        self.retired.first().map_or(self.segment.number, |retired| retired.number)
    }

    /// Where the written records of the current segment end.
    pub(crate) fn end(&self) -> u64 {
        self.segment.end
    }

    /// The number that the next commit begins with.
    pub(crate) fn next_seqno(&self) -> SeqNo {
        self.next_seqno
    }

    /// Adds a commit to the group. Its numbers continue those before it; one without entries leaves no trace.
    pub(crate) fn append(&mut self, commit: &Commit<'_>) -> Result<()> {
        self.check(Health::Sound)?;
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
        put_record(&mut self.group, self.segment.seed, offset, &header, commit.payload);
        self.next_seqno = commit.seq_start.plus(u64::from(commit.count));
        Ok(())
    }

    /// Writes the group in one operation.
    ///
    /// After an error its commits are gone, their numbers are free again, and only [`rotate_next`](Self::rotate_next)
    /// or [`close`](Self::close) is left.
    pub(crate) fn write(&mut self) -> Result<()> {
        self.check(Health::Sound)?;
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
            self.health = Health::Torn;
            self.next_seqno = self.written_seqno;
        }
        self.group.clear();
        self.group.shrink_to(KEPT_SIZE);
        written
    }

    /// Lengthens the segment by zeros when its records have come to its end. When that fails, it is tried again with the next
    /// group: nothing that counts is touched.
    fn preallocate(&mut self) {
        let CurrentSegment { file, end, size, step: next_step, .. } = &mut self.segment;
        if *end <= *size {
            return;
        }
        *size = *end;
        let step = (*next_step).min(self.config.preallocate);
        *next_step = next_step.saturating_mul(2);
        // Groups that are larger than a step change the length every time, whatever is written ahead of them.
        if (self.group.len() as u64) < step && write_zeros(&**file, *end, *end + step).is_ok() {
            *size += step;
        }
    }

    /// What the log takes on disk.
    pub(crate) fn size(&self) -> LogSize {
        LogSize {
            segment_count: self.retired.len() + 1,
            segment_size: self.retired.iter().map(|retired| retired.size).sum::<u64>() + self.segment.size,
            spare_size: self.spares.iter().map(|spare| spare.size).sum(),
        }
    }

    /// Whether it has a segment of this number: one that is needed, or one that is kept to be used again.
    pub(crate) fn has(&self, number: FileNumber) -> bool {
        number == self.segment.number
            || self.retired.iter().any(|retired| retired.number == number)
            || self.spares.iter().any(|spare| spare.number == number)
    }

    /// Takes note that no segment before `first` is needed any more, which the manifest says durably. Gives the numbers of
    /// those that are kept under their names to be used again; the caller removes the others.
    pub(crate) fn release_before(&mut self, first: FileNumber) -> Vec<FileNumber> {
        let mut kept_size: u64 = self.spares.iter().map(|spare| spare.size).sum();
        for released in self.retired.extract_if(.., |retired| retired.number < first) {
            if let Some(spare) = released.spare
                && self.spares.len() < SPARE_LIMIT
                && kept_size + spare.size <= self.config.recycled_size
            {
                kept_size += spare.size;
                self.spares.push(spare);
            }
        }
        self.spares.iter().map(|spare| spare.number).collect()
    }

    /// Keeps none of the segments any more that were to be used again; the caller removes them.
    pub(crate) fn drop_recycled(&mut self) {
        self.spares.clear();
    }

    /// Everything written so far, to be synced.
    pub(crate) fn sync_point(&self) -> SyncPoint {
        let CurrentSegment { file, number, end, .. } = &self.segment;
        SyncPoint { file: Arc::clone(file), number: *number, offset: *end }
    }

    /// Takes note that a point was synced; the records after this carry it. A point of an earlier segment says nothing new.
    pub(crate) fn mark_synced(&mut self, point: &SyncPoint) {
        if point.number == self.segment.number {
            assert!(point.offset <= self.segment.end, "only what was written can be synced");
            self.segment.synced = self.segment.synced.max(point.offset);
        }
    }

    /// Takes note that a sync failed: everything from now on is [`Error::Poisoned`].
    pub(crate) fn poison(&mut self) {
        self.health = Health::Poisoned;
    }

    /// Whether nothing helps but opening again.
    pub(crate) fn is_poisoned(&self) -> bool {
        self.health == Health::Poisoned
    }

    /// Goes on in the next segment, and gives its number. Everything appended has to be written, and is durable when this
    /// returns. No sync point is being synced meanwhile: a failure there could hide one here.
    ///
    /// When the next segment cannot be made, for want of space for example, nothing has changed and it can be tried
    /// again. After any other error the writer is poisoned.
    pub(crate) fn rotate_next(&mut self) -> Result<FileNumber> {
        self.check(Health::Torn)?;
        assert!(self.group.is_empty(), "a group is written before the segment ends");
        self.sync()?;
        let place = self.place.clone();
        // One in which even the first write failed is replaced, as by `resume`: on a full disk each try would leave another
        // otherwise.
        let is_empty = self.segment.end == RECORDS_START && self.health == Health::Torn;
        let number = if is_empty { self.segment.number } else { self.segment.number.next()? };
        let path = place.path(number);
        if !is_empty && place.env.kind(&path)?.is_some() {
            // Where the directory has come to another owner, that is what is told.
            place.env.sync_dir(&place.dir)?;
            return Err(Fault::Identity.at(&path, 0));
        }
        let mut draft = match self.spares.pop() {
            Some(spare) => TempSegment::recycle(&place, spare, number, self.next_seqno)?,
            None => TempSegment::create(&place, number, self.next_seqno)?,
        };
        draft.finish(RECORDS_START, self.config.preallocate)?;
        let next = match draft.publish() {
            // A rename that finds no room for the name has not happened.
            Err(Error::OutOfSpace) if !is_empty && place.env.kind(&path)?.is_none() => {
                return Err(Error::OutOfSpace);
            }
            published => self.or_poison(published)?,
        };
        // All of N is durable, and N+1 has its name: a full disk that has no room for the end record takes nothing away.
        let ended = !is_empty && self.put_end(true).and_then(|_| self.segment.file.sync()).is_ok();
        let old = std::mem::replace(&mut self.segment, CurrentSegment::new(next, RECORDS_START));
        let is_whole = ended && self.health == Health::Sound;
        if !is_empty {
            self.retired.push(old.retire(is_whole && self.config.preallocate > 0));
        }
        self.health = Health::Sound;
        Ok(self.segment.number)
    }

    /// [`try_close`](Self::try_close), with an end record that is durable.
    pub(crate) fn close(mut self) -> Result<()> {
        self.try_close()?;
        self.segment.file.sync()
    }

    /// Ends the log in order, so that damage to its last records will be found; nothing is written to it afterwards. Everything appended
    /// has to be written, and is durable when this returns; no sync point is being synced meanwhile. When there is no room for it,
    /// it can be tried again.
    ///
    /// The end record itself is not synced: it says nothing that a caller who notes the last number elsewhere, durably, does not
    /// say, and without it the log is one that was not closed. Nothing is written when nothing was since the log was reopened.
    pub(crate) fn try_close(&mut self) -> Result<()> {
        self.check(Health::Torn)?;
        assert!(self.group.is_empty(), "a group is written before the log is closed");
        if self.segment.is_sealed {
            return Ok(());
        }
        if self.health == Health::Torn {
            // Whole records of the write that failed may stand there, which must not follow what is added to the segment later.
            self.segment.file.set_size(self.segment.end)?;
        }
        self.sync()?;
        let end = self.put_end(false)?;
        // What was written ahead, or is left of an earlier life, is as much as a memtable. Nobody reads it with or without this.
        let _ = self.segment.file.set_size(end);
        Ok(())
    }

    /// Refuses when the writer is worse off than `least`.
    fn check(&self, least: Health) -> Result<()> {
        let refused = match self.health {
            Health::Sound => false,
            Health::Torn => least == Health::Sound,
            Health::Poisoned => true,
        };
        if refused { Err(Error::Poisoned) } else { Ok(()) }
    }

    /// Whether it was reopened, and nothing was written since.
    pub(crate) fn is_settled(&self) -> bool {
        self.segment.is_sealed
    }

    /// Makes all that was written durable, unless it is.
    pub(crate) fn sync(&mut self) -> Result<()> {
        if self.health == Health::Sound && self.segment.synced == self.segment.end {
            return Ok(());
        }
        let synced = self.segment.file.sync();
        self.or_poison(synced)?;
        self.segment.synced = self.segment.end;
        Ok(())
    }

    /// Writes the end record; everything before it is durable already. Returns where it ends.
    fn put_end(&self, next_exists: bool) -> Result<u64> {
        let CurrentSegment { file, seed, end, synced, .. } = &self.segment;
        assert_eq!(synced, end, "an end record promises everything before it");
        let header = RecordHeader {
            kind: RecordKind::End { next_exists },
            seq_start: self.next_seqno,
            count: 0,
            synced: *synced,
        };
        let mut record = Vec::new();
        put_record(&mut record, *seed, *end, &header, &[]);
        file.write_at(&record, *end)?;
        Ok(*end + record.len() as u64)
    }

    fn or_poison<T>(&mut self, result: Result<T>) -> Result<T> {
        if result.is_err() {
            self.health = Health::Poisoned;
        }
        result
    }
}
