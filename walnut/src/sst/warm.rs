//! What a merge leaves in the block cache: the blocks of its output whose keys are in use.
//!
//! ```text
//!   inputs, used blocks     [b .. c]   [f ............. k]      cached, and read more than once
//!   output blocks     | a .. b | c .. e | f .. h | i .. m | ..
//!   read and cached     x        x        x        x            before the first reader comes to them
//! ```
//!
//! The blocks of the inputs go with their files, so without this a merge is followed by one miss
//! for each block that is in use. RocksDB has `prepopulate_block_cache` for flushes.
//!
//! Nothing is evicted for it: it ends when the budget is used up, or the merge is to end.

use std::collections::BTreeSet;

use super::cursor::positions_of;
use super::reader::SstReader;
use super::store::Sst;
use crate::base::{KeyRange, after};
use crate::sync::Arc;

/// Reads and caches the blocks of `output` that have keys of used blocks of `inputs`. A block
/// that cannot be read stays for a reader to find. `goes_on` is asked before each read.
///
/// Cost: a read for each block, and no more than the free part of the cache's budget.
pub(crate) fn warm_cache(inputs: &[Arc<Sst>], output: &[Arc<Sst>], goes_on: impl Fn() -> bool) {
    let ranges: Vec<KeyRange> = inputs.iter().filter_map(|sst| sst.if_open()).flat_map(used_ranges).collect();
    if ranges.is_empty() {
        return;
    }
    for reader in output.iter().filter_map(|sst| sst.if_open()) {
        let within = ranges.iter().filter(|range| range.overlaps(&reader.meta.smallest, &reader.meta.end));
        let positions: BTreeSet<usize> = within.flat_map(|range| positions_of(reader, range)).collect();
        for position in positions {
            let encoded_size = reader.index.handle(position).size as usize;
            if !goes_on() || !reader.blocks.has_room(2 * encoded_size) {
                return;
            }
            if reader.blocks.is_empty(position) {
                let Ok(block) = reader.read_block(position) else { return };
                reader.blocks.insert(position, &block);
            }
        }
    }
}

/// The keys of each run of used blocks.
fn used_ranges(reader: &SstReader) -> Vec<KeyRange> {
    let used: Vec<usize> = (0..reader.index.len()).filter(|at| reader.blocks.is_used(*at)).collect();
    let run = |run: &[usize]| KeyRange {
        start: match run[0].checked_sub(1) {
            Some(before) => after(&reader.index.separator(before)),
            None => reader.meta.smallest.clone(),
        },
        end: run.last().map(|last| after(&reader.index.separator(*last)).min(reader.meta.end.clone())),
    };
    used.chunk_by(|one, next| one + 1 == *next).map(run).collect()
}
