//! The runs older than the output of a flush or merge, by key range: may they hold a version of a
//! key?

use std::sync::Arc;

use super::pick::Merge;
use crate::base::Fragment;
use crate::manifest::{Level, Version};
use crate::sst::SstMeta;

pub(super) struct OlderRuns<'v> {
    output: Level,
    runs: Vec<(Level, &'v [Arc<SstMeta>])>,
}

impl<'v> OlderRuns<'v> {
    /// The runs older than all inputs of a merge.
    pub(super) fn of(version: &'v Version, merge: &Merge) -> Self {
        let inputs = merge.input_numbers();
        let is_input = |meta: &Arc<SstMeta>| inputs.contains(&meta.number);
        let runs: Vec<_> = version.runs().collect();
        // In a level below 0, the files of the run that are not merged share no key with the
        // inputs.
        let last_input =
            runs.iter().rposition(|(level, files)| *level == Level::ZERO && files.iter().any(is_input));
        let older = |(index, (level, _)): &(usize, (Level, _))| match merge.output {
            Level::ZERO => last_input.is_none_or(|last_input| *index > last_input),
            output => *level > output,
        };
        let runs = runs.into_iter().enumerate().filter(older).map(|(_, run)| run).collect();
        Self { output: merge.output, runs }
    }

    pub(super) fn all_of(version: &'v Version) -> Self {
        Self { output: Level::ZERO, runs: version.runs().collect() }
    }

    /// Whether the output is bottommost: no run is older, and its level is sorted by key.
    pub(super) fn is_bottommost(&self) -> bool {
        self.output != Level::ZERO && self.runs.is_empty()
    }

    /// The files that the output will later be merged into: the next older run, if that is of
    /// another level.
    pub(super) fn next_level(&self) -> &'v [Arc<SstMeta>] {
        let next = self.runs.first().filter(|(level, _)| *level != Level::ZERO);
        next.map_or(&[], |(_, files)| files)
    }

    /// Whether a version of the key may exist in an older run, by key ranges alone.
    pub(super) fn may_hold(&self, key: &[u8]) -> bool {
        self.runs.iter().any(|(_, files)| {
            let index = files.partition_point(|meta| *meta.end <= *key);
            files.get(index).is_some_and(|meta| *meta.smallest <= *key)
        })
    }

    /// Whether a version of any key under the fragment may exist in an older run, by key ranges
    /// alone.
    pub(super) fn may_hold_any(&self, Fragment { start, end, .. }: &Fragment) -> bool {
        self.runs.iter().any(|(_, files)| {
            let index = files.partition_point(|meta| *meta.end <= **start);
            files.get(index).is_some_and(|meta| *meta.smallest < **end)
        })
    }
}
