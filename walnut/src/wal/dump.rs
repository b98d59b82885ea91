//! Dumps a segment: every record, the gaps between them, and where the last valid one ends.
//!
//! Behind an invalid record the next valid one is searched at every multiple of eight, as a repair
//! does. Records of earlier generations of the file do not validate, so the rest of a recycled
//! segment is one part.

use super::Commit;
use super::format::{ALIGNMENT, RECORD_HEADER_SIZE, RecordKind};
use super::records::{LogRecord, Records};
use super::segment::Segment;
use crate::base::SeqNo;
use crate::codec::FileHeader;
use crate::crypt::Sealer;
use crate::env::File;
use crate::error::{Error, Result};
use crate::files::FilePart;
use crate::sync::Arc;

/// What takes the parts of a segment: each record with its commit, if it is one.
pub(crate) type RecordVisitor<'v> = dyn FnMut(FilePart, Option<Commit<'_>>) + 'v;

/// Passes every part of a segment behind its headers to `visit`; returns where the last valid
/// record ends.
pub(crate) fn dump(
    file: &Arc<dyn File>,
    header: &FileHeader,
    sealer: Sealer,
    visit: &mut RecordVisitor<'_>,
) -> Result<u64> {
    let segment = Segment {
        file: Arc::clone(file),
        size: file.size()?,
        sealer,
        number: header.number,
        first_seqno: SeqNo(header.word),
    };
    let mut records = Records::new(&segment);
    let start = segment.records_start();
    let (mut offset, mut sound_end, mut next) = (start, start, SeqNo::ZERO);
    let mut gap: Option<(u64, String)> = None;
    let tags = 2 * segment.sealer.tag_size();
    while offset + RECORD_HEADER_SIZE as u64 <= segment.size {
        let raw = records.raw_header(offset)?;
        let checksum = raw.as_ref().map_or(0, |raw| raw.crc);
        let checked = raw.and_then(|raw| raw.check(offset));
        if gap.is_some() && !checked.is_ok_and(|header| header.seq_start >= next) {
            offset += ALIGNMENT as u64;
            continue;
        }
        let record = match records.at(offset) {
            Ok(Ok(record)) => record,
            Ok(Err(fault)) => {
                gap.get_or_insert_with(|| (offset, fault.to_string()));
                offset += ALIGNMENT as u64;
                continue;
            }
            Err(Error::Corruption { fault, .. }) => {
                gap.get_or_insert_with(|| (offset, fault.to_string()));
                offset += ALIGNMENT as u64;
                continue;
            }
            Err(error) => return Err(error),
        };
        if let Some((start, fault)) = gap.take() {
            visit(FilePart::new("damage", start, offset - start).with_fault(fault), None);
        }
        sound_end = record.next.min(segment.size);
        next = record.header.seq_start.plus(u64::from(record.header.count));
        visit_record(offset, (checksum, tags), &record, visit);
        if matches!(record.header.kind, RecordKind::End { .. }) {
            break;
        }
        offset = record.next;
    }
    if sound_end < segment.size {
        let reason = gap.map_or_else(
            || "not part of the log".to_owned(),
            |(_, fault)| format!("no valid record: {fault}"),
        );
        visit(FilePart::new("rest", sound_end, segment.size - sound_end).with_text(reason), None);
    }
    Ok(sound_end)
}

/// A valid record with its checksum, which has tags of this size.
fn visit_record(
    offset: u64,
    (checksum, tags): (u32, usize),
    record: &LogRecord<'_>,
    visit: &mut RecordVisitor<'_>,
) {
    let LogRecord { header, payload, .. } = record;
    let (seq_start, count, synced) = (header.seq_start, header.count, header.synced);
    let size = (RECORD_HEADER_SIZE + payload.len() + tags) as u64;
    let part = |name| FilePart::new(name, offset, size).with_checksum(checksum);
    match header.kind {
        RecordKind::Commit => {
            let last = seq_start.0 + u64::from(count) - 1;
            let text = format!("{count} entries, seqnos {} to {last}, synced {synced}", seq_start.0);
            visit(part("commit").with_text(text), Some(Commit { seq_start, count, payload }));
        }
        RecordKind::End { next_exists } => {
            let follows = if next_exists { "another segment follows" } else { "no segment follows" };
            let text = format!("{follows}, next seqno {}, synced {synced}", seq_start.0);
            visit(part("end").with_text(text), None);
        }
    }
}
