//! The active segment, and the retired ones before it.

use std::sync::Arc;

use super::format::RECORD_HEADER_SIZE;
use super::replay::{Recovered, RecoveredSegment};
use super::segment::{FinishedSegment, Generations, RecycledSegment};
use crate::base::FileNumber;
use crate::env::File;
use crate::error::Result;

/// Zeros preallocated first in a reopened segment; doubled at each further step. Most processes
/// that reopen a log write little.
const FIRST_STEP: u64 = 4 << 10;

#[derive(Debug)]
pub(super) struct CurrentSegment {
    pub(super) file: Arc<dyn File>,
    pub(super) number: FileNumber,
    pub(super) seed: u32,
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
        let FinishedSegment { header, file, size, generations } = finished;
        Self {
            file,
            number: header.number,
            seed: header.seed(),
            end,
            synced: end,
            size,
            step: u64::MAX,
            generations: Some(generations),
            is_sealed: false,
        }
    }

    /// A segment that an earlier process closed; `None` when anything follows its end record.
    pub(super) fn reopened(file: Arc<dyn File>, found: &RecoveredSegment) -> Result<Option<Self>> {
        let size = found.end + RECORD_HEADER_SIZE as u64;
        Ok((file.size()? == size).then(|| Self {
            file,
            number: found.number,
            seed: found.seed,
            end: found.end,
            synced: found.end,
            size,
            step: FIRST_STEP,
            generations: None,
            is_sealed: true,
        }))
    }

    /// Retires a segment that has its end record; `again` permits recycling it.
    pub(super) fn retire(self, again: bool) -> Retired {
        let Self { file, number, seed, end, size, generations, .. } = self;
        let records_end = end + RECORD_HEADER_SIZE as u64;
        let size = size.max(records_end);
        let recycled = generations.filter(|_| again).map(|mut generations| {
            generations.add(seed, records_end);
            RecycledSegment { file, number, size, generations }
        });
        Retired { number, size, recycled }
    }
}

/// The segments of a recovered log before a number.
pub(super) fn retired(recovered: &Recovered, number: FileNumber) -> Vec<Retired> {
    let before = recovered.segments.iter().filter(|segment| segment.number < number);
    before.map(|old| Retired { number: old.number, size: old.end, recycled: None }).collect()
}
