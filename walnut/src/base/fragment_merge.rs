//! Merges many lists of fragments, one fragment at a time.
//!
//! ```text
//!   list 1      [a ─── 9 ─── f)      [k ── 9 ── m)
//!   list 2            [d ─── 5 ─── l)                        thinned: no snapshot needs 9 and 5
//!   merged      [a 9 d) [d 9 5 f) [f 5 k) [k 9 5 l) [l 9 m)  [a 9 f) [f 5 k) [k 9 m)
//! ```
//!
//! 1. It holds one fragment of each list and the next output, however many there are: the memory of
//!    a compaction is bounded by the number of its inputs, and it can stop after each step.
//! 2. The output keeps the invariants of fragments, and two neighbours that touch differ in their
//!    sequence numbers: fragments that a file boundary split become one again. n range tombstones
//!    of which only the newest is needed make at most 2n fragments with one number each, and a
//!    single fragment when each covers the one before.
//!
//! The caller decides which sequence numbers are needed.

use super::{Fragment, SeqNo};
use crate::error::Result;

/// Fragments in key order.
pub(crate) trait FragmentSource {
    /// `None` at the end.
    fn next_fragment(&mut self) -> Result<Option<Fragment>>;
}

impl<I: Iterator<Item = Fragment>> FragmentSource for I {
    fn next_fragment(&mut self) -> Result<Option<Fragment>> {
        Ok(self.next())
    }
}

/// Removes sequence numbers that are not needed from a list, newest first.
type Thin = Box<dyn Fn(&mut Vec<SeqNo>)>;

pub(crate) struct FragmentMerge<S> {
    sources: Vec<S>,
    /// The rest of the current fragment of each source.
    heads: Vec<Option<Fragment>>,
    /// A fragment of which nothing is left is dropped.
    thin: Thin,
    /// The next output, until a piece arrives that does not extend it.
    next: Option<Fragment>,
}

impl<S: FragmentSource> FragmentMerge<S> {
    pub(crate) fn new(mut sources: Vec<S>, thin: impl Fn(&mut Vec<SeqNo>) + 'static) -> Result<Self> {
        let heads = sources.iter_mut().map(S::next_fragment).collect::<Result<_>>()?;
        Ok(Self { sources, heads, thin: Box::new(thin), next: None })
    }

    /// The next fragment; `None` at the end.
    ///
    /// Cost: one comparison per source, times the number of pieces that are joined.
    pub(crate) fn next(&mut self) -> Result<Option<Fragment>> {
        while let Some(piece) = self.piece()? {
            match &mut self.next {
                _ if piece.seqnos.is_empty() => {}
                Some(next) if next.end == piece.start && next.seqnos == piece.seqnos => next.end = piece.end,
                next => {
                    if let Some(whole) = next.replace(piece) {
                        return Ok(Some(whole));
                    }
                }
            }
        }
        Ok(self.next.take())
    }

    /// The next span over which the same fragments lie, with their thinned sequence numbers.
    fn piece(&mut self) -> Result<Option<Fragment>> {
        let Some(start) = self.heads.iter().flatten().map(|head| &head.start).min() else { return Ok(None) };
        let start = start.clone();
        let edge = |head: &Fragment| if head.start == start { head.end.clone() } else { head.start.clone() };
        let end = self.heads.iter().flatten().map(edge).min().unwrap_or_default();
        let mut seqnos = Vec::new();
        for (head, source) in self.heads.iter_mut().zip(&mut self.sources) {
            let Some(fragment) = head.as_mut().filter(|head| head.start == start) else { continue };
            if fragment.end == end {
                seqnos.append(&mut fragment.seqnos);
                *head = source.next_fragment()?;
            } else {
                seqnos.extend_from_slice(&fragment.seqnos);
                fragment.start.clone_from(&end);
            }
        }
        seqnos.sort_unstable_by(|left: &SeqNo, right| right.cmp(left));
        seqnos.dedup();
        (self.thin)(&mut seqnos);
        Ok(Some(Fragment { start, end, seqnos }))
    }
}
