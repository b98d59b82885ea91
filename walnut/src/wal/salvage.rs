//! Reads what is sound of a damaged log: every record whose checksum matches, in order.
//!
//! 1. Records are taken in the order of their sequence numbers, each once: a segment may begin with
//!    copies of what the one before it has.
//! 2. What a segment has at and behind the first number of the next one does not count, as in a
//!    recovery.
//! 3. Behind an invalid record the next valid one is searched at every multiple of eight. There is
//!    one only if the record was damaged and is not the torn tail; the commits in between are lost.

use super::Commit;
use super::format::{ALIGNMENT, RECORD_HEADER_SIZE, RecordKind};
use super::records::Records;
use super::replay::{Replayed, Visit};
use super::segment::{Segment, segment_numbers};
use crate::base::{FileNumber, SeqNo};
use crate::error::Result;
use crate::files::DatabaseDir;

/// Commits that a damaged log has lost: what is wrong, and where.
pub(crate) struct LostCommits {
    pub(crate) number: FileNumber,
    pub(crate) offset: u64,
    pub(crate) reason: String,
}

/// Calls `visit` with every sound commit of the segments from `first` on that has numbers from
/// `next` on, oldest first; returns the number after the last one. What is lost is passed to
/// `lost`.
pub(crate) fn salvage(
    log_dir: &DatabaseDir,
    names: &[String],
    first: FileNumber,
    mut next: SeqNo,
    visit: &mut Visit<'_>,
    lost: &mut dyn FnMut(LostCommits),
) -> Result<SeqNo> {
    let mut segments = Vec::new();
    for number in segment_numbers(names).into_iter().filter(|number| *number >= first) {
        match Segment::open(log_dir, number) {
            Ok(segment) => segments.push(segment),
            Err(error) => lost(LostCommits { number, offset: 0, reason: error.to_string() }),
        }
    }
    for (index, segment) in segments.iter().enumerate() {
        let limit = segments.get(index + 1).map_or(SeqNo::MAX, |after| after.first_seqno);
        if segment.first_seqno > next {
            let reason = format!("commits {} to {} are missing", next.0, segment.first_seqno.0 - 1);
            lost(LostCommits { number: segment.number, offset: 0, reason });
        }
        next = salvage_segment(segment, limit, next, visit, lost)?;
    }
    Ok(next)
}

/// The first sequence number of the oldest sound segment from `first` on.
pub(crate) fn oldest_seqno(log_dir: &DatabaseDir, names: &[String], first: FileNumber) -> Option<SeqNo> {
    let numbers = segment_numbers(names).into_iter().filter(|number| *number >= first);
    numbers.filter_map(|number| Segment::open(log_dir, number).ok()).map(|segment| segment.first_seqno).next()
}

fn salvage_segment(
    segment: &Segment,
    limit: SeqNo,
    mut next: SeqNo,
    visit: &mut Visit<'_>,
    lost: &mut dyn FnMut(LostCommits),
) -> Result<SeqNo> {
    let mut records = Records::new(segment);
    let mut offset = segment.records_start();
    let mut gap = None;
    while offset + RECORD_HEADER_SIZE as u64 <= segment.size {
        let is_searching = gap.is_some();
        if is_searching && !may_begin(&mut records, offset, next, limit)? {
            offset += ALIGNMENT as u64;
            continue;
        }
        let (commit, after) = match records.at(offset) {
            Ok(Ok(record)) => match record.header.kind {
                RecordKind::End { .. } if !is_searching => return Ok(next),
                RecordKind::End { .. } => break,
                RecordKind::Commit => {
                    let header = record.header;
                    let commit =
                        Commit { seq_start: header.seq_start, count: header.count, payload: record.payload };
                    (commit, record.next)
                }
            },
            Ok(Err(fault)) => {
                gap.get_or_insert_with(|| (offset, fault.to_string()));
                offset += ALIGNMENT as u64;
                continue;
            }
            Err(error) => {
                gap.get_or_insert_with(|| (offset, error.to_string()));
                offset += ALIGNMENT as u64;
                continue;
            }
        };
        if commit.seq_start >= limit {
            break;
        }
        if commit.seq_start >= next {
            if let Some((offset, reason)) = gap.take() {
                lost(LostCommits { number: segment.number, offset, reason });
            }
            let end = commit.seq_start.plus(u64::from(commit.count));
            visit(&Replayed::new(commit, segment.number, segment.path(), offset))?;
            next = end;
        }
        offset = after;
    }
    if let Some((offset, reason)) = gap
        && limit < SeqNo::MAX
        && next < limit
    {
        lost(LostCommits { number: segment.number, offset, reason });
    }
    Ok(next)
}

/// Whether the fields at `offset` are those of a commit that may be the next sound one.
fn may_begin(records: &mut Records<'_>, offset: u64, next: SeqNo, limit: SeqNo) -> Result<bool> {
    let Ok(header) = records.raw_header(offset)?.and_then(|raw| raw.check(offset)) else { return Ok(false) };
    Ok(header.kind == RecordKind::Commit && header.seq_start >= next && header.seq_start < limit)
}
