//! The runs that are older than what is written: whether something of a key can lie in them.

use std::collections::HashSet;
use std::sync::Arc;

use super::pick::Merge;
use crate::base::Fragment;
use crate::manifest::{Level, Version};
use crate::sst::SstMeta;

/// The runs that are older than all that is written.
pub(super) struct OlderRuns<'v> {
    output: Level,
    runs: Vec<(Level, &'v [Arc<SstMeta>])>,
}

impl<'v> OlderRuns<'v> {
    /// Those that are older than all inputs of a merge.
    pub(super) fn of(version: &'v Version, merge: &Merge) -> Self {
        let inputs: HashSet<_> =
            merge.inputs.iter().flat_map(|(_, files)| files).map(|meta| meta.number).collect();
        let is_input = |meta: &Arc<SstMeta>| inputs.contains(&meta.number);
        let runs: Vec<_> = version.runs().collect();
        // In a level below 0 the rest of the run that is merged into shares no key with the inputs.
        let young =
            runs.iter().rposition(|(level, files)| *level == Level::ZERO && files.iter().any(is_input));
        let older = |(place, (level, _)): &(usize, (Level, _))| match merge.output {
            Level::ZERO => young.is_none_or(|young| *place > young),
            output => *level > output,
        };
        let runs = runs.into_iter().enumerate().filter(older).map(|(_, run)| run).collect();
        Self { output: merge.output, runs }
    }

    /// All of a version.
    pub(super) fn all_of(version: &'v Version) -> Self {
        Self { output: Level::ZERO, runs: version.runs().collect() }
    }

    /// Whether there is none, and the output stands in a level that is ordered by keys alone.
    pub(super) fn is_nothing(&self) -> bool {
        self.output != Level::ZERO && self.runs.is_empty()
    }

    /// The run that files of the output will be merged into, if it is of another level.
    pub(super) fn next_level(&self) -> &'v [Arc<SstMeta>] {
        let next = self.runs.first().filter(|(level, _)| *level != Level::ZERO);
        next.map_or(&[], |(_, files)| files)
    }

    /// Whether a version of the key can lie in one of them.
    pub(super) fn may_hold(&self, key: &[u8]) -> bool {
        self.runs.iter().any(|(_, files)| {
            let place = files.partition_point(|meta| *meta.end <= *key);
            files.get(place).is_some_and(|meta| *meta.smallest <= *key)
        })
    }

    /// Whether a version of a key under the fragment can lie in one of them.
    pub(super) fn may_hold_any(&self, Fragment { start, end, .. }: &Fragment) -> bool {
        self.runs.iter().any(|(_, files)| {
            let place = files.partition_point(|meta| *meta.end <= **start);
            files.get(place).is_some_and(|meta| *meta.smallest < **end)
        })
    }
}
