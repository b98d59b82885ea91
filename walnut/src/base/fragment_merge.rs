//! Many lists of fragments as one, a fragment at a time.
//!
//! ```text
//!   list 1      [a ─── 9 ─── f)      [k ── 9 ── m)
//!   list 2            [d ─── 5 ─── l)                           thinned: of 9 and 5 nobody needs both
//!   merged      [a 9 d) [d 9 5 f) [f 5 k) [k 9 5 l) [l 9 m)     [a 9 f) [f 5 k) [k 9 m)
//! ```
//!
//! 1. It holds one fragment of each list and the one that it gives next, however many there are: a merge of files is bounded by
//!    how many it merges, and can stop after each step.
//! 2. What comes out keeps the rules of fragments, and two neighbours that touch differ in their numbers: so what was cut in two
//!    becomes one again, and n range tombstones of which nobody needs more than the newest make 2n fragments with one number each
//!    at most, a single fragment when each covers the one before.
//!
//! Which numbers are needed is asked of the caller.

use super::{Fragment, SeqNo};
use crate::error::Result;

/// Fragments that come in the order of their keys.
pub(crate) trait FragmentSource {
    /// The next one; none at the end.
    fn next_fragment(&mut self) -> Result<Option<Fragment>>;
}

impl<I: Iterator<Item = Fragment>> FragmentSource for I {
    fn next_fragment(&mut self) -> Result<Option<Fragment>> {
        Ok(self.next())
    }
}

/// Takes numbers out of a list.
type Thin = Box<dyn Fn(&mut Vec<SeqNo>)>;

/// The fragments of all range tombstones in several lists, in order.
pub(crate) struct FragmentMerge<S> {
    sources: Vec<S>,
    /// What is left of the fragment that each list has come to.
    heads: Vec<Option<Fragment>>,
    /// Takes the numbers out that are not needed; they come newest first. Where none is left there is no fragment.
    thin: Thin,
    /// What comes next, when it is known to be whole.
    next: Option<Fragment>,
}

impl<S: FragmentSource> FragmentMerge<S> {
    pub(crate) fn new(mut sources: Vec<S>, thin: impl Fn(&mut Vec<SeqNo>) + 'static) -> Result<Self> {
        let heads = sources.iter_mut().map(S::next_fragment).collect::<Result<_>>()?;
        Ok(Self { sources, heads, thin: Box::new(thin), next: None })
    }

    /// The next fragment; none at the end.
    ///
    /// Cost: a look at each list, and as many more as fragments are joined to one.
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

    /// The next piece over which the same fragments lie.
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
