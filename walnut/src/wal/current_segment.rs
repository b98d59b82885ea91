//! The segment that is written to, and what becomes of it.

use std::sync::Arc;

use super::format::RECORD_HEADER_SIZE;
use super::replay::{Recovered, RecoveredSegment};
use super::segment::{FinishedSegment, Generations, RecycledSegment};
use crate::base::FileNumber;
use crate::env::File;
use crate::error::Result;

/// How many zeros are written ahead first in a segment that was reopened; twice as many each time after that. Most processes that
/// reopen one write little.
const FIRST_STEP: u64 = 4 << 10;

/// The segment that is written to.
#[derive(Debug)]
pub(super) struct CurrentSegment {
    pub(super) file: Arc<dyn File>,
    pub(super) number: FileNumber,
    pub(super) seed: u32,
    /// Where the written records end.
    pub(super) end: u64,
    /// Up to where everything is known to be durable.
    pub(super) synced: u64,
    /// The length of the file, as far as it was written on purpose.
    pub(super) size: u64,
    /// How many zeros are written ahead the next time, at most.
    pub(super) step: u64,
    /// The earlier lives of the file; unknown when an earlier process has made it.
    pub(super) lives: Option<Generations>,
    /// Whether the end record of an earlier process stands at `end`, and nothing was written since.
    pub(super) is_sealed: bool,
}

/// A segment that is not written to any more.
#[derive(Debug)]
pub(super) struct Retired {
    pub(super) number: FileNumber,
    pub(super) size: u64,
    /// What it takes to use the file again, when that is allowed.
    pub(super) spare: Option<RecycledSegment>,
}

impl CurrentSegment {
    pub(super) fn new(published: FinishedSegment, end: u64) -> Self {
        let FinishedSegment { header, file, size, lives } = published;
        Self {
            file,
            number: header.number,
            seed: header.seed(),
            end,
            synced: end,
            size,
            step: u64::MAX,
            lives: Some(lives),
            is_sealed: false,
        }
    }

    /// A segment that an earlier process has ended in order, unless anything stands behind its end record.
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
            lives: None,
            is_sealed: true,
        }))
    }

    /// What is left of it when it has its end record, to be used again or not.
    pub(super) fn retire(self, again: bool) -> Retired {
        let Self { file, number, seed, end, size, lives, .. } = self;
        let reach = end + RECORD_HEADER_SIZE as u64;
        let size = size.max(reach);
        let spare = lives.filter(|_| again).map(|mut lives| {
            lives.add(seed, reach);
            RecycledSegment { file, number, size, lives }
        });
        Retired { number, size, spare }
    }
}

/// The segments of a recovered log before a number.
pub(super) fn retired(recovered: &Recovered, number: FileNumber) -> Vec<Retired> {
    let before = recovered.segments.iter().filter(|segment| segment.number < number);
    before.map(|old| Retired { number: old.number, size: old.end, spare: None }).collect()
}
