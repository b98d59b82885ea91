//! Reads the log back after a crash: every commit that was promised, in order, or the name of what is damaged.
//!
//! ```text
//!  manifest: first = 2, newest = 3
//!  wal-000001.log   obsolete
//!  wal-000002.log   | header: 10 | 10..14 | 15 | torn      |      read up to 15, where the next segment begins
//!  wal-000003.log   | header: 16 | 16..20 | invalid | zeros |     the last: its tail may be torn
//! ```
//!
//! 1. The segments are those from `first` on; their numbers follow each other without a gap up to `newest` at least. The
//!    header of each has to fit its name and the database. A segment behind a gap is one that was not lost, and the gap an error; what
//!    stands there under such a name and is no segment of this database is no part of the log.
//! 2. A segment that another one follows is read until the sequence reaches the first number of that one, and must reach
//!    it exactly. What lies beyond is meaningless: a tail that an earlier recovery gave up or copied into the next segment,
//!    a write that failed, or the end record.
//! 3. The last segment is read up to its end record or its first invalid record. An invalid record is damage when a later
//!    one proves that it was durable (see `proof`); else it is a tail that a crash tore, and everything from there on was
//!    never promised. Zeros that were preallocated are a torn tail of this kind.
//! 4. An end record that speaks of a next segment is found in the last one only when that next one was lost.
//! 5. The sequence has to reach the last numbers that the manifest knows of: that of the SSTs, and the one up to which the log was
//!    durable when it was opened, closed, or when nothing was written for a moment.
//! 6. A segment that begins with the first number of all, and is not the first, is a copy of everything before it: those are passed
//!    over. An empty segment, and the one that follows it, look the same, and that is right.
//! 7. Nothing is written. A second replay gives the same as the first, also after any part of [`LogWriter::resume`].
//!
//! What it cannot notice: damage to the last records before a crash, when nothing that was written later says that they
//! were durable. Bytes that a crash tore look the same. After [`LogWriter::close`] the end record says it, and after a moment without
//! commits the manifest.
//!
//! [`LogWriter::resume`]: super::LogWriter::resume
//! [`LogWriter::close`]: super::LogWriter::close

use std::path::Path;

use super::Commit;
use super::format::{RECORD_HEADER_SIZE, RECORDS_START, RawHeader, RecordKind};
use super::records::{LogRecord, Records};
use super::segment::{LogDir, Segment, segment_numbers};
use super::tail_check::TailFault;
use crate::base::{FileNumber, SeqNo};
use crate::env::PathKind;
use crate::error::{Error, Fault, Result};

/// What the manifest knows of the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct DurableBounds {
    /// The oldest segment that holds a commit which no SST has.
    pub(crate) first: FileNumber,
    /// A segment that was durable, and all from `first` to it.
    pub(crate) newest: FileNumber,
    /// The last sequence number in the SSTs; the log goes on behind it, or begins before it and passes it.
    pub(crate) last_seqno: SeqNo,
    /// The last sequence number that the log is known to have held durably.
    pub(crate) log_seqno: SeqNo,
}

/// A commit in the log and where it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Replayed<'a> {
    pub(crate) commit: Commit<'a>,
    /// The segment that it stands in.
    pub(crate) segment: FileNumber,
    file: &'a Path,
    offset: u64,
}

impl Replayed<'_> {
    /// The error for a payload that cannot be read.
    pub(crate) fn damaged(&self, fault: Fault) -> Error {
        fault.at(self.file, self.offset)
    }
}

/// What a replay found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Recovered {
    /// The segments that were read, ascending; there is one at least.
    pub(crate) segments: Vec<RecoveredSegment>,
    /// Older segments, for removal.
    pub(crate) obsolete: Vec<FileNumber>,
    /// The number of the next commit's first entry.
    pub(crate) next_seqno: SeqNo,
    /// Whether the log was closed in order.
    pub(crate) sealed: bool,
}

/// What a replay read of one segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct RecoveredSegment {
    pub(crate) number: FileNumber,
    /// Where the records that count end.
    pub(crate) end: u64,
    pub(crate) record_count: u64,
    /// Up to where its records prove that it is durable. What lies between here and `end` may be known to the
    /// operating system's cache alone.
    pub(super) proven: u64,
    pub(super) seed: u32,
}

impl Recovered {
    /// The number of the last commit's last entry.
    pub(crate) fn last_seqno(&self) -> SeqNo {
        SeqNo(self.next_seqno.0.saturating_sub(1))
    }

    /// The segment that was written last.
    pub(crate) fn last(&self) -> &RecoveredSegment {
        self.segments.last().expect("a replay without a segment is an error")
    }

    /// The bytes of all records.
    pub(super) fn size(&self) -> u64 {
        self.segments.iter().map(|segment| segment.end - RECORDS_START).sum()
    }
}

/// What takes the commits.
type Visit<'a> = dyn FnMut(&Replayed<'_>) -> Result<()> + 'a;

/// Gives every commit of the log to `visit`, oldest first. `names` are those in the directory.
///
/// After an error, from here or from `visit`, what was visited so far means nothing.
pub(crate) fn replay(
    place: &LogDir,
    names: &[String],
    promise: &DurableBounds,
    visit: &mut Visit<'_>,
) -> Result<Recovered> {
    let (obsolete, mut live): (Vec<_>, Vec<_>) =
        segment_numbers(names).into_iter().partition(|number| *number < promise.first);
    keep_row(place, promise, &mut live)?;

    let live = &live[beginning(place, &live)?..];
    let mut segment = Segment::open(place, live[0])?;
    let expected = promise.last_seqno.plus(1);
    if segment.first_seqno > expected {
        return Err(out_of_sequence(&segment, 0, expected, segment.first_seqno));
    }
    let mut recovered =
        Recovered { segments: Vec::new(), obsolete, next_seqno: segment.first_seqno, sealed: false };
    for &number in &live[1..] {
        let next = Segment::open(place, number)?;
        let mut scan = SegmentScan::new(&segment, recovered.next_seqno);
        scan.read_up_to(&next, visit)?;
        recovered.segments.push(scan.found);
        recovered.next_seqno = scan.next_seqno;
        segment = next;
    }
    let mut scan = SegmentScan::new(&segment, recovered.next_seqno);
    recovered.sealed = scan.read_to_end(place, visit)?;
    recovered.segments.push(scan.found);
    recovered.next_seqno = scan.next_seqno;

    let expected = promise.last_seqno.max(promise.log_seqno).plus(1);
    if recovered.next_seqno < expected {
        return Err(out_of_sequence(&segment, recovered.last().end, expected, recovered.next_seqno));
    }
    Ok(recovered)
}

/// Rule 6: the place of the segment that stands for itself and all before it.
fn beginning(place: &LogDir, live: &[FileNumber]) -> Result<usize> {
    let [first, later @ ..] = live else { return Ok(0) };
    if later.is_empty() {
        return Ok(0);
    }
    let first_seqno = Segment::open(place, *first)?.first_seqno;
    for (before, number) in later.iter().enumerate().rev() {
        if Segment::open(place, *number)?.first_seqno == first_seqno {
            return Ok(before + 1);
        }
    }
    Ok(0)
}

/// Rule 1: no segment is missing. Leaves the row of segments that the log is.
fn keep_row(place: &LogDir, promise: &DurableBounds, live: &mut Vec<FileNumber>) -> Result<()> {
    let is_next = |(n, number): (u64, &FileNumber)| number.0.checked_sub(promise.first.0) == Some(n);
    let count = (0..).zip(live.iter()).take_while(|one| is_next(*one)).count();
    let beyond = live.split_off(count);
    let missing = live.last().map_or(Ok(promise.first), |last| last.next());
    let is_lost = missing.as_ref().is_ok_and(|missing| *missing <= promise.newest);
    for number in beyond {
        if is_lost || is_segment(place, number)? {
            return Err(Fault::Missing.at(&place.path(missing?), 0));
        }
    }
    if is_lost { Err(Fault::Missing.at(&place.path(missing?), 0)) } else { Ok(()) }
}

/// Whether the file of this name is a segment of this database.
fn is_segment(place: &LogDir, number: FileNumber) -> Result<bool> {
    if place.env.kind(&place.path(number))? != Some(PathKind::File) {
        return Ok(false);
    }
    match Segment::open(place, number) {
        Ok(_) => Ok(true),
        Err(Error::Corruption { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

fn out_of_sequence(segment: &Segment, offset: u64, expected: SeqNo, found: SeqNo) -> Error {
    Fault::Sequence { expected: expected.0, found: found.0 }.at(segment.path(), offset)
}

/// The reading of one segment.
struct SegmentScan<'a> {
    segment: &'a Segment,
    records: Records<'a>,
    next_seqno: SeqNo,
    found: RecoveredSegment,
}

/// What stands at the end of what was read so far.
enum ReplayStep {
    Commit,
    End { next_exists: bool },
    Invalid(Fault),
}

impl<'a> SegmentScan<'a> {
    fn new(segment: &'a Segment, next_seqno: SeqNo) -> Self {
        let found = RecoveredSegment {
            number: segment.number,
            end: RECORDS_START,
            record_count: 0,
            proven: RECORDS_START,
            seed: segment.seed,
        };
        Self { segment, records: Records::new(segment), next_seqno, found }
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

    /// Rules 3 and 4: reads the last segment. Gives whether it was closed in order.
    fn read_to_end(&mut self, place: &LogDir, visit: &mut Visit<'_>) -> Result<bool> {
        loop {
            match self.step(visit)? {
                ReplayStep::Commit => {}
                ReplayStep::End { next_exists: false } => return Ok(true),
                ReplayStep::End { next_exists: true } => {
                    let number = self.segment.number;
                    return Err(Fault::Missing.at(&place.path(number.next().unwrap_or(number)), 0));
                }
                ReplayStep::Invalid(fault) if self.is_acknowledged()? => {
                    return Err(fault.at(self.segment.path(), self.found.end));
                }
                ReplayStep::Invalid(_) => return Ok(false),
            }
        }
    }

    /// Reads the record at the end of what was read, and moves on when it is a commit.
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

    fn is_acknowledged(&self) -> Result<bool> {
        let suspect = TailFault {
            file: &self.segment.file,
            size: self.segment.size,
            seed: self.segment.seed,
            broken: self.found.end,
            header_size: RECORD_HEADER_SIZE,
            record_size: &|header, offset| {
                let raw = RawHeader::read(header).ok()?;
                let found = raw.check(offset).ok()?;
                // A record of an earlier life of the file has a smaller number than the first of this one.
                if found.seq_start < self.next_seqno { None } else { raw.record_size() }
            },
        };
        suspect.is_acknowledged()
    }
}
