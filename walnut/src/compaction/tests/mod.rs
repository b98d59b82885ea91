//! Compaction without an engine: picks without a disk, merges on a disk in memory.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod ending;
mod job;
mod pick;
mod runs;
mod untouched;

use std::sync::Arc;

use super::leveled::{pick, pick_idle};
use super::*;
use crate::base::{FileNumber, SeqNo, after};
use crate::manifest::{Level, Version, VersionEdit};
use crate::sst::SstMeta;

const CONFIG: LeveledConfig = LeveledConfig { max_sst_size: 1000, base_level_size: 10_000 };

/// A file of 1000 bytes and 100 entries, nothing of it dead.
pub(super) fn file(number: u64, smallest: &[u8], largest: &[u8]) -> SstMeta {
    SstMeta {
        number: FileNumber(number),
        size: 1000,
        digest: 0,
        entry_count: 100,
        tombstone_count: 0,
        raw_size: 2000,
        dead_size: 0,
        fragment_count: 0,
        smallest: smallest.to_vec(),
        end: after(largest),
        smallest_seqno: SeqNo(number),
        largest_seqno: SeqNo(number),
        values: Vec::new(),
    }
}

fn level(place: u8) -> Level {
    Level::from_code(place).unwrap()
}

fn version(files: Vec<(u8, SstMeta)>) -> Version {
    let added = files.into_iter().map(|(place, meta)| (level(place), Arc::new(meta))).collect();
    Version::default().apply(&VersionEdit { added, ..VersionEdit::default() }).unwrap()
}

/// The inputs by level and number, and the output level, of a pick that is a merge.
fn merge(pick: Pick) -> (Vec<(u8, Vec<u64>)>, u8) {
    let (Pick::Merge(Merge { inputs, output }) | Pick::Full(Merge { inputs, output })) = pick else {
        panic!("a merge, and not {pick:?}")
    };
    let mut by_level: Vec<(u8, Vec<u64>)> = Vec::new();
    for (level, files) in inputs {
        match by_level.last_mut().filter(|(last, _)| *last == level.code()) {
            Some((_, runs)) => runs.extend(numbers(&files)),
            None => by_level.push((level.code(), numbers(&files))),
        }
    }
    (by_level, output.code())
}

fn numbers(files: &[Arc<SstMeta>]) -> Vec<u64> {
    files.iter().map(|meta| meta.number.0).collect()
}
