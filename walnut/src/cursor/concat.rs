//! The concatenating cursor over sorted, disjoint inputs: each is opened when the one before is
//! exhausted.
//!
//! ```text
//!   pieces   | a..f | g..m | n..z |        sorted, and no two share a key
//!                     ^ open               forward goes on to the right, backward to the left
//! ```

use std::ops::Range;

use super::{Direction, EntryCursor};
use crate::base::{CoveredSpan, Entry, SeqNo};
use crate::error::Result;

/// The inputs of a [`ConcatCursor`], in key order; no two share a key.
pub(crate) trait Pieces {
    type Cursor: EntryCursor;

    /// Opens a cursor over one piece; all cursors go in one direction.
    fn open(&self, index: usize) -> Result<Self::Cursor>;

    /// Whether every entry of a piece is in the span and older than `_than`. May return `false`
    /// without knowing.
    fn can_skip(&self, _index: usize, _span: &CoveredSpan, _than: SeqNo) -> bool {
        false
    }
}

/// The entries of several pieces, in one direction.
#[derive(Debug)]
pub(crate) struct ConcatCursor<P: Pieces> {
    pieces: P,
    /// Not opened yet.
    rest: Range<usize>,
    direction: Direction,
    /// On an entry, unless all pieces are exhausted.
    open: Option<P::Cursor>,
}

impl<P: Pieces> ConcatCursor<P> {
    /// Iterates over the pieces at these indexes; `pieces` opens cursors that go in `direction`.
    pub(crate) fn new(pieces: P, indexes: Range<usize>, direction: Direction) -> Result<Self> {
        let mut concat = Self { pieces, rest: indexes, direction, open: None };
        concat.settle()?;
        Ok(concat)
    }

    /// Opens the next piece that has an entry, unless the open one has.
    fn settle(&mut self) -> Result<()> {
        while self.entry().is_none() {
            let next = self.take_next();
            // The previous piece releases its blocks before the next one is opened.
            self.open = None;
            let Some(index) = next else { break };
            self.open = Some(self.pieces.open(index)?);
        }
        Ok(())
    }

    fn take_next(&mut self) -> Option<usize> {
        match self.direction {
            Direction::Forward => self.rest.next(),
            Direction::Backward => self.rest.next_back(),
        }
    }

    fn next_index(&self) -> Option<usize> {
        let mut rest = self.rest.clone();
        match self.direction {
            Direction::Forward => rest.next(),
            Direction::Backward => rest.next_back(),
        }
    }
}

impl<P: Pieces> EntryCursor for ConcatCursor<P> {
    #[inline(always)]
    fn entry(&self) -> Option<Entry<'_>> {
        self.open.as_ref()?.entry()
    }

    #[inline]
    fn advance(&mut self) -> Result<()> {
        let Some(open) = &mut self.open else { return Ok(()) };
        open.advance()?;
        if open.entry().is_some() { Ok(()) } else { self.settle() }
    }

    fn pass_older(&mut self, span: &CoveredSpan, than: SeqNo) -> Result<bool> {
        let mut passes = false;
        while let Some(open) = &mut self.open {
            let moves = open.pass_older(span, than)?;
            passes |= moves;
            if !moves || open.entry().is_some() {
                break;
            }
            while self.next_index().is_some_and(|index| self.pieces.can_skip(index, span, than)) {
                self.take_next();
            }
            self.settle()?;
        }
        Ok(passes)
    }

    #[inline]
    fn ends_key(&self) -> bool {
        // Pieces share no key, but a piece does not know whether it is at its end.
        self.open.as_ref().is_some_and(EntryCursor::ends_key)
    }

    #[inline(always)]
    fn step_near(&mut self) -> bool {
        self.open.as_mut().is_some_and(EntryCursor::step_near)
    }

    #[inline]
    fn live_at_hand(&self, at: SeqNo) -> usize {
        self.open.as_ref().map_or(0, |open| open.live_at_hand(at))
    }

    fn pass_live(&mut self, at: SeqNo, bound: Option<&[u8]>) -> usize {
        self.open.as_mut().map_or(0, |open| open.pass_live(at, bound))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use proptest::prelude::*;

    use super::super::tests::{Listed, Owned, drain};
    use super::*;
    use crate::error::Error;

    /// Lists as pieces, and which of them were opened.
    struct Lists<'l> {
        pieces: &'l [Vec<Owned>],
        direction: Direction,
        opened: &'l RefCell<Vec<usize>>,
    }

    impl Pieces for Lists<'_> {
        type Cursor = Listed;

        fn open(&self, index: usize) -> Result<Listed> {
            self.opened.borrow_mut().push(index);
            let list = self.pieces.get(index).ok_or(Error::Closed)?;
            Ok(Listed::new(list.clone(), self.direction))
        }
    }

    proptest! {
        #[test]
        fn the_pieces_follow_each_other_in_both_directions(
            sizes in prop::collection::vec(0usize..4, 0..6),
            from in 0usize..6,
            count in 0usize..6,
        ) {
            let mut numbers = 0u8..;
            let lists: Vec<Vec<Owned>> =
                sizes.iter().map(|&size| numbers.by_ref().take(size).map(|n| (vec![n], 1, None)).collect()).collect();
            let indexes = from.min(lists.len())..(from + count).min(lists.len());
            for direction in [Direction::Forward, Direction::Backward] {
                let opened = RefCell::default();
                let pieces = Lists { pieces: &lists, direction, opened: &opened };
                let concat = ConcatCursor::new(pieces, indexes.clone(), direction).expect("no errors here");
                let expected = drain(Listed::new(lists[indexes.clone()].concat(), direction)).expect("no errors here");
                prop_assert_eq!(drain(concat).expect("no errors here"), expected);
                prop_assert_eq!(opened.borrow().len(), indexes.len());
            }
        }
    }

    #[test]
    fn a_piece_is_opened_when_it_is_come_to() {
        let lists: Vec<Vec<Owned>> = (0u8..3).map(|n| vec![(vec![n], 1, None)]).collect();
        let opened = RefCell::default();
        let pieces = Lists { pieces: &lists, direction: Direction::Backward, opened: &opened };
        let mut concat = ConcatCursor::new(pieces, 0..3, Direction::Backward).expect("no errors here");
        assert_eq!(*opened.borrow(), [2]);
        concat.advance().expect("no errors here");
        assert_eq!(*opened.borrow(), [2, 1]);
    }

    #[test]
    fn a_piece_that_cannot_be_opened_is_an_error_and_no_end() {
        let lists: Vec<Vec<Owned>> = vec![vec![(vec![1], 1, None)]];
        let opened = RefCell::default();
        let pieces = Lists { pieces: &lists, direction: Direction::Forward, opened: &opened };
        let mut concat = ConcatCursor::new(pieces, 0..2, Direction::Forward).expect("the first is there");
        assert!(concat.advance().is_err());
    }
}
