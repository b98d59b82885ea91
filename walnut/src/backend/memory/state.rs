//! The state of the reference engine: its versions, the sessions that read them, and commits.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::faults::Faults;
use super::versions::{Version, VersionMap};
use crate::backend::{Failure, Limits, Writes};
use crate::sync::Mutex;

pub(super) struct Shared {
    pub(super) versions: VersionMap,
    pub(super) state: Mutex<State>,
}

pub(super) struct State {
    pub(super) last: Version,
    /// How many sessions read each state.
    pub(super) open: BTreeMap<Version, usize>,
    /// Sessions that read an older state are too old.
    pub(super) floor: Version,
    pub(super) limits: Limits,
    pub(super) faults: Faults,
    pub(super) is_reachable: bool,
    /// Commits that are still on their way.
    pub(super) late: Vec<LateCommit>,
    /// What the next commits answer, before any fault is drawn.
    pub(super) script: VecDeque<CommitFault>,
    pub(super) random: u64,
    pub(super) call_count: u64,
    pub(super) unknown_count: u64,
}

pub(super) struct LateCommit {
    pub(super) at: Version,
    pub(super) reads: SessionReads,
    pub(super) writes: Writes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CommitFault {
    Conflict,
    LostBefore,
    LostAfter,
    Late,
}

/// What a session has read: keys, there or not, and ranges.
#[derive(Debug, Default)]
pub(super) struct SessionReads {
    pub(super) keys: BTreeSet<Vec<u8>>,
    pub(super) ranges: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

impl SessionReads {
    pub(super) fn keys(&self) -> impl Iterator<Item = &[u8]> {
        self.keys.iter().map(Vec::as_slice)
    }

    pub(super) fn ranges(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        self.ranges.iter().map(|(start, end)| (start.as_slice(), end.as_deref()))
    }
}

impl Shared {
    /// Validates the commit of a session that reads state `at`, and applies it.
    pub(super) fn apply(
        &self,
        state: &mut State,
        at: Version,
        reads: &SessionReads,
        writes: &Writes,
    ) -> Result<(), Failure> {
        if at < state.floor {
            return Err(Failure::TooOld);
        }
        if writes.is_empty() {
            // All reads were of one state, so the session is as if it had run at that moment.
            return Ok(());
        }
        let written = writes.keys().map(|(key, _)| key);
        let removed = writes.ranges().map(|(start, end)| (start, Some(end)));
        if written.chain(reads.keys()).any(|key| self.versions.has_changed(key, at))
            || removed
                .chain(reads.ranges())
                .any(|(start, end)| self.versions.has_range_changed(start, end, at))
        {
            return Err(Failure::Conflict);
        }
        let version = state.last + 1;
        let oldest = state.open.keys().next().copied().unwrap_or(state.last);
        // Removed keys of ranges first; a key that is written, too, is written once.
        for (start, end) in writes.ranges() {
            for key in self.versions.keys(start, end, state.last) {
                self.versions.write(&key, None, version, oldest);
            }
        }
        for (key, value) in writes.keys() {
            self.versions.write(key, value, version, oldest);
        }
        state.last = version;
        Ok(())
    }

    pub(super) fn arrive(&self, state: &mut State, late: &LateCommit) -> Result<(), Failure> {
        let applied = self.apply(state, late.at, &late.reads, &late.writes);
        state.close(late.at);
        applied
    }

    /// Has commits arrive that were drawn to be late, each with one chance in four.
    pub(super) fn deliver_some(&self, state: &mut State) {
        let mut place = 0;
        while place < state.late.len() {
            if state.faults.late > 0 && state.below(4) == 0 {
                let late = state.late.swap_remove(place);
                // A commit that conflicts by now is one that never happens.
                let _ = self.arrive(state, &late);
            } else {
                place += 1;
            }
        }
    }
}

impl State {
    /// A number below `limit`, by the generator `SplitMix64`.
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }

    pub(super) fn strikes(&mut self, per_thousand: u16) -> bool {
        per_thousand > 0 && self.below(1000) < u64::from(per_thousand)
    }

    /// Counts a call; an error if the engine cannot be reached.
    pub(super) fn call(&mut self) -> Result<(), Failure> {
        self.call_count += 1;
        if !self.is_reachable {
            return Err(Failure::Unavailable("the memory engine is switched off".to_owned()));
        }
        if self.strikes(self.faults.unavailable) {
            return Err(Failure::Unavailable("the memory engine has failed on command".to_owned()));
        }
        Ok(())
    }

    pub(super) fn commit_fault(&mut self) -> Option<CommitFault> {
        if let Some(fault) = self.script.pop_front() {
            return Some(fault);
        }
        let faults = self.faults;
        let chances = [
            (faults.conflict, CommitFault::Conflict),
            (faults.lost_before, CommitFault::LostBefore),
            (faults.lost_after, CommitFault::LostAfter),
            (faults.late, CommitFault::Late),
        ];
        chances.into_iter().find(|(chance, _)| self.strikes(*chance)).map(|(_, fault)| fault)
    }

    pub(super) fn open(&mut self) -> Version {
        *self.open.entry(self.last).or_insert(0) += 1;
        self.last
    }

    pub(super) fn close(&mut self, at: Version) {
        if let Some(count) = self.open.get_mut(&at) {
            *count -= 1;
            if *count == 0 {
                self.open.remove(&at);
            }
        }
    }
}
