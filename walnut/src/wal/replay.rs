//! WAL recovery: replays every acknowledged commit, in order, or reports what is damaged.
//!
//! ```text
//!  manifest: first = 2, newest = 3
//!  wal-000001.log   obsolete
//!  wal-000002.log   | header: 10 | 10..14 | 15 | torn      |     read up to 15: the next is 16
//!  wal-000003.log   | header: 16 | 16..20 | invalid | zeros |    the last: may have a torn tail
//! ```
//!
//! 1. The segments are those from `first` on; their numbers have no gap up to `newest` at least.
//!    The header of each has to match its name and the database. If a segment follows a gap, the
//!    one in the gap was lost, which is an error; a file behind a gap that is no segment of this
//!    database is ignored.
//! 2. A segment that is followed by another is read until the sequence reaches the first number of
//!    the next one, and must reach it exactly. The bytes beyond are ignored: a tail that an earlier
//!    recovery dropped or copied into the next segment, a failed write, or the end record.
//! 3. The last segment is read up to its end record or its first invalid record. An invalid record
//!    is damage when a later one proves that it was durable (see `tail_check`); otherwise it is a
//!    torn tail, and nothing from there on was ever acknowledged. Preallocated zeros are a torn
//!    tail of this kind.
//! 4. An end record with the flag for a next segment is the last record of the log only when that
//!    segment was lost.
//! 5. The sequence has to reach the last numbers that the manifest knows: that of the SSTs, and the
//!    one up to which the log was durable when it was opened, closed, or idle.
//! 6. A later segment that starts with the first number of the whole log is a copy of everything
//!    before it: the segments before are skipped. An empty segment and its successor look the same,
//!    and skipping is right for them too.
//! 7. Nothing is written. A second replay has the same result as the first, also after any part of
//!    [`LogWriter::resume`].
//!
//! It cannot detect damage to the last records before a crash, when nothing that was written later
//! acknowledges them: a torn tail looks the same. After [`LogWriter::close`] the end record
//! acknowledges them, and after a moment without commits the manifest does.
//!
//! [`LogWriter::resume`]: super::LogWriter::resume
//! [`LogWriter::close`]: super::LogWriter::close

use std::path::Path;

use super::Commit;
use super::format::{RECORD_HEADER_SIZE, RawHeader, RecordKind};
use super::records::{LogRecord, Records};
use super::segment::{Segment, segment_numbers};
use super::tail_check::TailFault;
use crate::base::{FileNumber, SeqNo};
use crate::env::PathKind;
use crate::error::{Error, Fault, Result};
use crate::files::DatabaseDir;

/// What the manifest knows of the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct DurableBounds {
    /// The oldest segment with a commit that is in no SST.
    pub(crate) first: FileNumber,
    /// A segment that was durable, like all from `first` to it.
    pub(crate) newest: FileNumber,
    /// The last sequence number in the SSTs; the log starts at or before the next one, and must
    /// reach it.
    pub(crate) last_seqno: SeqNo,
    /// The last sequence number that is known to be durable in the log.
    pub(crate) log_seqno: SeqNo,
}

/// A commit of the log and its location.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Replayed<'a> {
    pub(crate) commit: Commit<'a>,
    pub(crate) segment: FileNumber,
    file: &'a Path,
    offset: u64,
}

impl<'a> Replayed<'a> {
    pub(super) fn new(commit: Commit<'a>, segment: FileNumber, file: &'a Path, offset: u64) -> Self {
        Self { commit, segment, file, offset }
    }

    /// The error for a payload that cannot be decoded.
    pub(crate) fn damaged(&self, fault: Fault) -> Error {
        fault.at(self.file, self.offset)
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Recovered {
    /// The segments that were read, ascending; at least one.
    pub(crate) segments: Vec<RecoveredSegment>,
    /// Older segments, for removal.
    pub(crate) obsolete: Vec<FileNumber>,
    /// The sequence number of the next commit's first entry.
    pub(crate) next_seqno: SeqNo,
    /// Whether the log was closed cleanly.
    pub(crate) sealed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct RecoveredSegment {
    pub(crate) number: FileNumber,
    /// Where the records begin.
    pub(super) start: u64,
    /// Where the valid records end.
    pub(crate) end: u64,
    pub(crate) record_count: u64,
    /// Everything before this offset is proved durable by a later record. The bytes from here to
    /// `end` may be in the operating system's cache only.
    pub(super) proven: u64,
    pub(super) seed: u32,
}

impl Recovered {
    /// The sequence number of the last commit's last entry.
    pub(crate) fn last_seqno(&self) -> SeqNo {
        SeqNo(self.next_seqno.0.saturating_sub(1))
    }

    pub(crate) fn last(&self) -> &RecoveredSegment {
        self.segments.last().expect("a replay without a segment is an error")
    }

    /// Of the records, in bytes.
    pub(super) fn size(&self) -> u64 {
        self.segments.iter().map(|segment| segment.end - segment.start).sum()
    }
}

pub(super) type Visit<'a> = dyn FnMut(&Replayed<'_>) -> Result<()> + 'a;

/// Calls `visit` with every commit of the log, oldest first. `names` are the file names in the
/// directory.
///
/// After an error, from here or from `visit`, the commits visited so far must be discarded.
pub(crate) fn replay(
    log_dir: &DatabaseDir,
    names: &[String],
    bounds: &DurableBounds,
    visit: &mut Visit<'_>,
) -> Result<Recovered> {
    let mut replayed = replay_segments(log_dir, names, bounds, visit)?;
    replayed.recovered.sealed = replayed.check_end(log_dir)?;
    bounds.check_reached(&replayed.last, &replayed.recovered)?;
    Ok(replayed.recovered)
}

/// The segments of a log that were read, before the end of the last one was examined.
pub(super) struct ReplayedSegments {
    pub(super) recovered: Recovered,
    /// The last segment, and why no record follows in it.
    pub(super) last: Segment,
    pub(super) stop: ScanEnd,
}

/// Rules 1, 2 and 6, and the records of the last segment.
pub(super) fn replay_segments(
    log_dir: &DatabaseDir,
    names: &[String],
    bounds: &DurableBounds,
    visit: &mut Visit<'_>,
) -> Result<ReplayedSegments> {
    let (obsolete, mut live): (Vec<_>, Vec<_>) =
        segment_numbers(names).into_iter().partition(|number| *number < bounds.first);
    check_contiguous(log_dir, bounds, &mut live)?;

    let live = &live[start_index(log_dir, &live)?..];
    let mut segment = Segment::open(log_dir, live[0])?;
    let expected = bounds.last_seqno.plus(1);
    if segment.first_seqno > expected {
        return Err(out_of_sequence(&segment, 0, expected, segment.first_seqno));
    }
    let mut recovered =
        Recovered { segments: Vec::new(), obsolete, next_seqno: segment.first_seqno, sealed: false };
    for &number in &live[1..] {
        let next = Segment::open(log_dir, number)?;
        let mut scan = SegmentScan::new(&segment, recovered.next_seqno);
        scan.read_up_to(&next, visit)?;
        recovered.segments.push(scan.found);
        recovered.next_seqno = scan.next_seqno;
        segment = next;
    }
    let mut scan = SegmentScan::new(&segment, recovered.next_seqno);
    let stop = scan.read_records(visit)?;
    recovered.segments.push(scan.found);
    recovered.next_seqno = scan.next_seqno;
    Ok(ReplayedSegments { recovered, last: segment, stop })
}

impl ReplayedSegments {
    /// Rules 3 and 4. Returns whether the log was closed cleanly.
    fn check_end(&self, log_dir: &DatabaseDir) -> Result<bool> {
        match &self.stop {
            ScanEnd::End { next_exists: false } => Ok(true),
            ScanEnd::End { next_exists: true } => {
                let number = self.last.number;
                Err(Fault::Missing.at(&log_dir.segment_path(number.next().unwrap_or(number)), 0))
            }
            ScanEnd::Invalid(fault) => {
                let (end, next) = (self.recovered.last().end, self.recovered.next_seqno);
                if is_acknowledged(&self.last, end, next, u64::MAX)? {
                    return Err(fault.clone().at(self.last.path(), end));
                }
                Ok(false)
            }
        }
    }
}

impl DurableBounds {
    /// Rule 5: `recovered` reaches what the manifest knows to be durable; `last` is its last
    /// segment.
    pub(super) fn check_reached(&self, last: &Segment, recovered: &Recovered) -> Result<()> {
        let expected = self.last_seqno.max(self.log_seqno).plus(1);
        if recovered.next_seqno < expected {
            return Err(out_of_sequence(last, recovered.last().end, expected, recovered.next_seqno));
        }
        Ok(())
    }
}

/// Rule 6: the index of the segment from which the log is read.
fn start_index(log_dir: &DatabaseDir, live: &[FileNumber]) -> Result<usize> {
    let [first, later @ ..] = live else { return Ok(0) };
    if later.is_empty() {
        return Ok(0);
    }
    let first_seqno = Segment::open(log_dir, *first)?.first_seqno;
    for (before, number) in later.iter().enumerate().rev() {
        if Segment::open(log_dir, *number)?.first_seqno == first_seqno {
            return Ok(before + 1);
        }
    }
    Ok(0)
}

/// Rule 1: no segment is missing. Truncates `live` to the segments without a gap.
fn check_contiguous(log_dir: &DatabaseDir, bounds: &DurableBounds, live: &mut Vec<FileNumber>) -> Result<()> {
    let is_next = |(n, number): (u64, &FileNumber)| number.0.checked_sub(bounds.first.0) == Some(n);
    let count = (0..).zip(live.iter()).take_while(|one| is_next(*one)).count();
    let beyond = live.split_off(count);
    let missing = live.last().map_or(Ok(bounds.first), |last| last.next());
    let is_lost = missing.as_ref().is_ok_and(|missing| *missing <= bounds.newest);
    for number in beyond {
        if is_lost || is_segment(log_dir, number)? {
            return Err(Fault::Missing.at(&log_dir.segment_path(missing?), 0));
        }
    }
    if is_lost { Err(Fault::Missing.at(&log_dir.segment_path(missing?), 0)) } else { Ok(()) }
}

fn is_segment(log_dir: &DatabaseDir, number: FileNumber) -> Result<bool> {
    if log_dir.env.kind(&log_dir.segment_path(number))? != Some(PathKind::File) {
        return Ok(false);
    }
    match Segment::open(log_dir, number) {
        Ok(_) => Ok(true),
        Err(Error::Corruption { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

pub(super) fn out_of_sequence(segment: &Segment, offset: u64, expected: SeqNo, found: SeqNo) -> Error {
    Fault::Sequence { expected: expected.0, found: found.0 }.at(segment.path(), offset)
}

pub(super) struct SegmentScan<'a> {
    segment: &'a Segment,
    records: Records<'a>,
    pub(super) next_seqno: SeqNo,
    pub(super) found: RecoveredSegment,
}

/// Why no commit follows in a segment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum ScanEnd {
    /// An end record.
    End { next_exists: bool },
    /// An invalid record: a torn tail, or damage.
    Invalid(Fault),
}

enum ReplayStep {
    Commit,
    End { next_exists: bool },
    Invalid(Fault),
}

impl<'a> SegmentScan<'a> {
    fn new(segment: &'a Segment, next_seqno: SeqNo) -> Self {
        let found = RecoveredSegment {
            number: segment.number,
            start: segment.records_start(),
            end: segment.records_start(),
            record_count: 0,
            proven: segment.records_start(),
            seed: segment.sealer.seed(),
        };
        Self { segment, records: Records::new(segment), next_seqno, found }
    }

    /// Goes on with the record at `offset`, which follows `next_seqno`.
    pub(super) fn resume(segment: &'a Segment, next_seqno: SeqNo, offset: u64) -> Self {
        let mut scan = Self::new(segment, next_seqno);
        scan.found.end = offset;
        scan
    }

    /// Rule 2: reads until the sequence reaches the next segment.
    fn read_up_to(&mut self, next: &Segment, visit: &mut Visit<'_>) -> Result<()> {
        while self.next_seqno < next.first_seqno {
            let offset = self.found.end;
            match self.step(visit)? {
                ReplayStep::Commit => {}
                ReplayStep::End { .. } => {
                    return Err(out_of_sequence(self.segment, offset, next.first_seqno, self.next_seqno));
                }
                ReplayStep::Invalid(fault) => return Err(fault.at(self.segment.path(), offset)),
            }
        }
        if self.next_seqno > next.first_seqno {
            return Err(out_of_sequence(next, 0, self.next_seqno, next.first_seqno));
        }
        Ok(())
    }

    /// Reads commits until no commit follows, and returns why.
    pub(super) fn read_records(&mut self, visit: &mut Visit<'_>) -> Result<ScanEnd> {
        loop {
            match self.step(visit)? {
                ReplayStep::Commit => {}
                ReplayStep::End { next_exists } => return Ok(ScanEnd::End { next_exists }),
                ReplayStep::Invalid(fault) => return Ok(ScanEnd::Invalid(fault)),
            }
        }
    }

    /// Reads the next record, and advances when it is a commit.
    fn step(&mut self, visit: &mut Visit<'_>) -> Result<ReplayStep> {
        let (file, offset) = (self.segment.path(), self.found.end);
        let LogRecord { header, payload, next } = match self.records.at(offset)? {
            Ok(record) => record,
            Err(fault) => return Ok(ReplayStep::Invalid(fault)),
        };
        if header.seq_start != self.next_seqno {
            return Err(out_of_sequence(self.segment, offset, self.next_seqno, header.seq_start));
        }
        self.found.proven = self.found.proven.max(header.synced);
        if let RecordKind::End { next_exists } = header.kind {
            return Ok(ReplayStep::End { next_exists });
        }
        let commit = Commit { seq_start: header.seq_start, count: header.count, payload };
        visit(&Replayed { commit, segment: self.segment.number, file, offset })?;
        self.next_seqno = self.next_seqno.plus(u64::from(header.count));
        self.found.record_count += 1;
        self.found.end = next;
        Ok(ReplayStep::Commit)
    }
}

/// Whether a later record proves that the bytes at `broken`, where the next commit would begin with
/// `next_seqno`, were once durable. Records beyond `reach` bytes behind are not examined.
pub(super) fn is_acknowledged(segment: &Segment, broken: u64, next_seqno: SeqNo, reach: u64) -> Result<bool> {
    let tail = TailFault {
        file: &segment.file,
        size: segment.size.min(broken.saturating_add(reach)),
        sealer: &segment.sealer,
        broken,
        header_size: RECORD_HEADER_SIZE,
        record_size: &|header, offset| {
            let raw = RawHeader::read(header).ok()?;
            let found = raw.check(offset).ok()?;
            // A record of an earlier generation has a smaller number than the first of this one.
            if found.seq_start < next_seqno { None } else { raw.record_size() }
        },
    };
    tail.is_acknowledged()
}
