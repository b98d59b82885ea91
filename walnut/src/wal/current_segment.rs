//! The active segment, and the retired ones before it.

use std::sync::Arc;

use super::format::{RECORD_HEADER_SIZE, RecordHeader, RecordKind, put_record};
use super::replay::{Recovered, RecoveredSegment};
use super::segment::{FinishedSegment, Generations, RecycledSegment};
use crate::base::{FileNumber, SeqNo};
use crate::crypt::Sealer;
use crate::env::File;
use crate::error::Result;

/// Zeros preallocated first in a reopened segment, after its second write; doubled at each further
/// step. Most processes that reopen a log write little, and closing takes the zeros away again.
pub(super) const FIRST_STEP: u64 = 4 << 10;

#[derive(Debug)]
pub(super) struct CurrentSegment {
    pub(super) file: Arc<dyn File>,
    pub(super) number: FileNumber,
    pub(super) sealer: Sealer,
    /// Where the written records end.
    pub(super) end: u64,
    /// Everything before this offset is known to be durable.
    pub(super) synced: u64,
    /// The file's length, preallocated zeros included.
    pub(super) size: u64,
    /// The upper bound of the next preallocation.
    pub(super) step: u64,
    /// The earlier generations of the file; unknown for a segment of an earlier process.
    pub(super) generations: Option<Generations>,
    /// Whether the end record of an earlier process is at `end`, and nothing was written since.
    pub(super) is_sealed: bool,
}

/// A segment that is no longer written to.
#[derive(Debug)]
pub(super) struct Retired {
    pub(super) number: FileNumber,
    pub(super) size: u64,
    /// What is needed to recycle the file, when that is allowed.
    pub(super) recycled: Option<RecycledSegment>,
}

impl CurrentSegment {
    pub(super) fn new(finished: FinishedSegment, end: u64) -> Self {
        let FinishedSegment { number, sealer, file, size, generations } = finished;
        Self {
            file,
            number,
            sealer,
            end,
            synced: end,
            size,
            step: u64::MAX,
            generations: Some(generations),
            is_sealed: false,
        }
    }

    /// A checksummed segment that an earlier process closed; `None` when anything follows its end
    /// record.
    pub(super) fn reopened(file: Arc<dyn File>, found: &RecoveredSegment) -> Result<Option<Self>> {
        let size = found.end + RECORD_HEADER_SIZE as u64;
        Ok((file.size()? == size).then(|| Self {
            file,
            number: found.number,
            sealer: Sealer::checksummed(found.seed),
            end: found.end,
            synced: found.end,
            size,
            step: 0,
            generations: None,
            is_sealed: true,
        }))
    }

    /// Whether an end record may be written: where a write has failed, an encrypted segment has no
    /// place for another record. Without it the log counts as not closed, and loses nothing.
    pub(super) fn can_end(&self, is_sound: bool) -> bool {
        is_sound || !self.sealer.is_encrypted()
    }

    /// Writes the end record; everything before it is durable. Returns where it ends.
    pub(super) fn put_end(&self, next_seqno: SeqNo, next_exists: bool) -> Result<u64> {
        assert_eq!(self.synced, self.end, "an end record promises everything before it");
        let header = RecordHeader {
            kind: RecordKind::End { next_exists },
            seq_start: next_seqno,
            count: 0,
            synced: self.synced,
        };
        let mut record = Vec::new();
        put_record(&mut record, &self.sealer, self.end, &header, &[]);
        self.file.write_at(&record, self.end)?;
        Ok(self.end + record.len() as u64)
    }

    /// Retires a segment that has its end record; `again` permits recycling it.
    pub(super) fn retire(self, again: bool) -> Retired {
        let Self { file, number, sealer, end, size, generations, .. } = self;
        let records_end = end + (RECORD_HEADER_SIZE + 2 * sealer.tag_size()) as u64;
        let size = size.max(records_end);
        let recycled = generations.filter(|_| again).map(|mut generations| {
            generations.add(sealer.seed(), records_end);
            RecycledSegment { file, number, size, generations }
        });
        Retired { number, size, recycled }
    }
}

pub(super) fn retired(recovered: &Recovered, number: FileNumber) -> Vec<Retired> {
    let before = recovered.segments.iter().filter(|segment| segment.number < number);
    before.map(|old| Retired { number: old.number, size: old.end, recycled: None }).collect()
}
