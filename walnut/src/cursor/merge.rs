//! The merging cursor: a tournament tree, in which the entry that comes first wins.
//!
//! ```text
//!             winners[1]            node i plays the winners of 2i and 2i+1;
//!            /          \           source j enters at node n+j
//!      winners[2]    winners[3]
//!       /      \      /      \
//!     [4]=0  [5]=1  [6]=2  [7]=3
//! ```
//!
//! A step replays only the games on the winner's path: ceil(log2 n) comparisons per entry.

use super::{Direction, EntryCursor};
use crate::base::{CoveredSpan, Entry, SeqNo};
use crate::error::Result;

/// The entries of several cursors of one direction, in that direction's order.
#[derive(Debug)]
pub(crate) struct MergeCursor<C> {
    sources: Vec<C>,
    /// Indexes of the winning sources; see the picture above. Empty when there is no source.
    winners: Vec<usize>,
    direction: Direction,
}

impl<C: EntryCursor> MergeCursor<C> {
    /// All sources go in `direction`.
    pub(crate) fn new(sources: Vec<C>, direction: Direction) -> Self {
        let count = sources.len();
        let mut merge = Self { sources, winners: Vec::new(), direction };
        if count > 0 {
            merge.winners = vec![0; count];
            merge.winners.extend(0..count);
            merge.play_all();
        }
        merge
    }

    fn play_all(&mut self) {
        for node in (1..self.sources.len()).rev() {
            self.play(node);
        }
    }

    fn play(&mut self, node: usize) {
        let (left, right) = (self.winners[2 * node], self.winners[2 * node + 1]);
        self.winners[node] = if self.comes_first(right, left) { right } else { left };
    }

    fn comes_first(&self, first: usize, second: usize) -> bool {
        match (self.sources[first].entry(), self.sources[second].entry()) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(first), Some(second)) => match self.direction {
                Direction::Forward => first.order(&second).is_lt(),
                Direction::Backward => first.order(&second).is_gt(),
            },
        }
    }
}

impl<C: EntryCursor> EntryCursor for MergeCursor<C> {
    fn entry(&self) -> Option<Entry<'_>> {
        let winner = *self.winners.get(1)?;
        self.sources[winner].entry()
    }

    fn advance(&mut self) -> Result<()> {
        let Some(&winner) = self.winners.get(1) else { return Ok(()) };
        self.sources[winner].advance()?;
        let mut node = self.sources.len() + winner;
        while node > 1 {
            node /= 2;
            self.play(node);
        }
        Ok(())
    }

    /// Known without a comparison only when there is a single source.
    #[inline]
    fn ends_key(&self) -> bool {
        matches!(&*self.sources, [only] if only.ends_key())
    }

    fn pass_older(&mut self, span: &CoveredSpan, than: SeqNo) -> Result<bool> {
        let Some(&winner) = self.winners.get(1) else { return Ok(false) };
        let mut passes = false;
        for (index, source) in self.sources.iter_mut().enumerate() {
            let moves = source.pass_older(span, than)?;
            passes |= moves && index == winner;
        }
        self.play_all();
        Ok(passes)
    }

    fn live_at_hand(&self, at: SeqNo) -> usize {
        self.winners.get(1).map_or(0, |winner| self.sources[*winner].live_at_hand(at))
    }

    fn pass_live(&mut self, at: SeqNo, bound: Option<&[u8]>) -> usize {
        let Some(&winner) = self.winners.get(1) else { return 0 };
        let (before, rest) = self.sources.split_at_mut(winner);
        let Some((source, behind)) = rest.split_first_mut() else { return 0 };
        let others = before.iter().chain(behind.iter()).filter_map(|other| Some(other.entry()?.key));
        let others = others.chain(bound);
        let next = match self.direction {
            Direction::Forward => others.min(),
            Direction::Backward => others.max(),
        };
        // The entries that the winner skips come before those of all others, so it stays the
        // winner. The others may have versions of its current key.
        source.pass_live(at, next)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{Listed, Owned, drain};
    use super::*;

    proptest! {
        #[test]
        fn a_merge_gives_the_entries_of_all_sources_in_order(
            keys in prop::collection::vec((prop::collection::vec(0u8..3, 0..3), 0usize..6), 0..60),
            count in 1usize..6,
        ) {
            let mut sources: Vec<Vec<Owned>> = vec![Vec::new(); count];
            for (seqno, (key, source)) in keys.iter().enumerate() {
                sources[source % count].push((key.clone(), seqno as u64, Some(vec![7])));
            }
            for direction in [Direction::Forward, Direction::Backward] {
                let all = sources.concat();
                let cursors = sources.iter().map(|source| Listed::new(source.clone(), direction)).collect();
                let merged = drain(MergeCursor::new(cursors, direction)).expect("no errors here");
                prop_assert_eq!(merged, drain(Listed::new(all, direction)).expect("no errors here"));
            }
        }
    }

    #[test]
    fn a_merge_of_nothing_is_at_its_end() {
        let mut merge: MergeCursor<Listed> = MergeCursor::new(Vec::new(), Direction::Forward);
        assert!(merge.entry().is_none());
        merge.advance().expect("stays at the end");
    }
}
