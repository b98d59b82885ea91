//! Follows the log of a database that another process writes to.
//!
//! ```text
//!  wal-000012.log | header | records ...... | X: invalid          X is where the next refresh goes on
//!  wal-000013.log | header: X's number | ..                       once it is there, the records go on in it
//! ```
//!
//! 1. The follower shows what recovery would show at that moment, by the same rules (see `replay`):
//!    whole records, in sequence, up to the first that is invalid. Preallocated zeros, and records
//!    of an earlier generation of a recycled file, are a torn tail for both.
//! 2. A segment is recycled in this order: rename, new header, new records. So a segment that has
//!    its name and its seed *after* it was read was not overwritten before. One that does not makes
//!    the follower begin again, since what looked like its end may have been another generation.
//! 3. The next segment goes on from exactly the number that was read up to. One that begins earlier
//!    replaces what was read: a recovery has copied the tail of the log, or a write has failed and
//!    its records do not count. The follower then begins again.
//! 4. Bytes that a later record acknowledges are read a second time before they are damage: they
//!    may have been written between the two reads. A refresh looks for such a record in the next
//!    [`REFRESH_REACH`] bytes only, so that it costs no more than what is new; an opening looks in
//!    the whole file.
//!
//! Nothing is written, and no file is kept open.

use super::replay::{
    DurableBounds, Recovered, ScanEnd, SegmentScan, Visit, is_acknowledged, out_of_sequence, replay_segments,
};
use super::segment::Segment;
use crate::base::{FileNumber, SeqNo};
use crate::error::{Error, Fault, Result};
use crate::files::DatabaseDir;

/// The bytes behind the end of the log in which a refresh looks for a record that proves damage.
const REFRESH_REACH: u64 = 1 << 20;

/// The end of a log that was read, from which more can be read.
#[derive(Debug)]
pub(crate) struct LogFollower {
    log_dir: DatabaseDir,
    /// The last segment that was read, and its generation.
    number: FileNumber,
    seed: u32,
    /// Where the valid records end.
    end: u64,
    next_seqno: SeqNo,
}

/// What following the log came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FollowStep {
    /// Everything was read that there is.
    UpToDate,
    /// A segment that is needed has gone, or another one took its place: the log has to be read
    /// from the beginning, as a newer manifest says.
    Restart,
}

impl LogFollower {
    /// Replays the log that the manifest describes. `None` when a segment has changed meanwhile.
    ///
    /// What was visited must be discarded after an error, and when there is no follower.
    pub(crate) fn open(
        log_dir: &DatabaseDir,
        names: &[String],
        bounds: &DurableBounds,
        visit: &mut Visit<'_>,
    ) -> Result<Option<Self>> {
        let replayed = replay_segments(log_dir, names, bounds, visit)?;
        let Recovered { segments, next_seqno, .. } = &replayed.recovered;
        let last = replayed.recovered.last();
        let mut follower = Self {
            log_dir: log_dir.clone(),
            number: last.number,
            seed: last.seed,
            end: last.end,
            next_seqno: *next_seqno,
        };
        if follower.read(visit, u64::MAX)? == FollowStep::Restart {
            return Ok(None);
        }
        for segment in segments {
            if !is_same(log_dir, segment.number, segment.seed)? {
                return Ok(None);
            }
        }
        let expected = bounds.last_seqno.max(bounds.log_seqno).plus(1);
        if follower.next_seqno < expected {
            let segment = Segment::open(log_dir, follower.number)?;
            return Err(out_of_sequence(&segment, follower.end, expected, follower.next_seqno));
        }
        Ok(Some(follower))
    }

    /// Reads what was written since. After an error, and when the log has to be read from the
    /// beginning, what was visited must be discarded.
    ///
    /// Cost: three opened files when nothing is new.
    pub(crate) fn advance(&mut self, visit: &mut Visit<'_>) -> Result<FollowStep> {
        self.read(visit, REFRESH_REACH)
    }

    /// The segment that is read.
    pub(crate) fn number(&self) -> FileNumber {
        self.number
    }

    /// The last sequence number that was read.
    pub(crate) fn last_seqno(&self) -> SeqNo {
        SeqNo(self.next_seqno.0.saturating_sub(1))
    }

    fn read(&mut self, visit: &mut Visit<'_>, reach: u64) -> Result<FollowStep> {
        // Where a record is missing that has to be there; it is damage when it still is in the next
        // round.
        let mut doubted = None;
        loop {
            let Some(segment) = open(&self.log_dir, self.number)? else { return Ok(FollowStep::Restart) };
            if segment.sealer.seed() != self.seed {
                return Ok(FollowStep::Restart);
            }
            let mut scan = SegmentScan::resume(&segment, self.next_seqno, self.end);
            let stop = scan.read_records(visit)?;
            (self.end, self.next_seqno) = (scan.found.end, scan.next_seqno);

            if let Some(next) = open(&self.log_dir, self.number.next()?)? {
                if next.first_seqno < self.next_seqno {
                    return Ok(FollowStep::Restart);
                }
                if next.first_seqno == self.next_seqno {
                    (self.number, self.seed, self.end) =
                        (next.number, next.sealer.seed(), next.records_start());
                } else if doubted.replace((self.number, self.end)) == Some((self.number, self.end)) {
                    // All of a segment is there before the next one has its name.
                    return Err(out_of_sequence(&segment, self.end, next.first_seqno, self.next_seqno));
                }
                continue;
            }
            if !is_same(&self.log_dir, self.number, self.seed)? {
                return Ok(FollowStep::Restart);
            }
            match stop {
                ScanEnd::End { next_exists: true } => return Ok(FollowStep::Restart),
                ScanEnd::End { next_exists: false } => return Ok(FollowStep::UpToDate),
                ScanEnd::Invalid(fault) => {
                    if !is_acknowledged(&segment, self.end, self.next_seqno, reach)? {
                        return Ok(FollowStep::UpToDate);
                    }
                    if doubted.replace((self.number, self.end)) == Some((self.number, self.end)) {
                        return Err(fault.at(segment.path(), self.end));
                    }
                }
            }
        }
    }
}

/// Opens a segment; `None` when there is no file of this name.
fn open(log_dir: &DatabaseDir, number: FileNumber) -> Result<Option<Segment>> {
    match Segment::open(log_dir, number) {
        Err(Error::Corruption { fault: Fault::Missing, .. }) => Ok(None),
        opened => opened.map(Some),
    }
}

/// Whether the segment of this name is the generation with this seed.
fn is_same(log_dir: &DatabaseDir, number: FileNumber, seed: u32) -> Result<bool> {
    Ok(open(log_dir, number)?.is_some_and(|segment| segment.sealer.seed() == seed))
}
