//! Fragmented range tombstones: the form in which point reads search them.
//!
//! ```text
//!   range tombstones    [a ────── 9 ────── m)        fragments    [a  9   f) [f  9 5  m) [m  5  r)
//!                            [f ────── 5 ────── r)
//! ```
//!
//! 1. Fragments are in key order and do not overlap; each starts before it ends.
//! 2. A fragment has the sequence numbers of all range tombstones over it, newest first, each once,
//!    and at least one.
//!
//! So at most one fragment covers a key, and a binary search finds it. The price is that n range
//! tombstones which all overlap make up to 2n fragments with n sequence numbers each. So a flush
//! and a compaction keep only the sequence numbers that some snapshot tells apart (see
//! [`FragmentMerge`](super::FragmentMerge)), and a memtable has a structure of its own.
//!
//! Visibility to a reader, and which tombstones a compaction may drop, are decided in higher
//! layers.

use std::ops::Deref;

use super::{KeyRange, SeqNo};

/// A range of keys that the same range tombstones cover.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Fragment {
    pub(crate) start: Vec<u8>,
    /// Exclusive.
    pub(crate) end: Vec<u8>,
    /// Newest first.
    pub(crate) seqnos: Vec<SeqNo>,
}

impl Fragment {
    /// The newest range tombstone that is visible at `at`.
    pub(crate) fn newest(&self, at: SeqNo) -> Option<SeqNo> {
        self.seqnos.get(self.seqnos.partition_point(|seqno| *seqno > at)).copied()
    }

    fn memory_size(&self) -> usize {
        size_of::<Self>() + self.start.len() + self.end.len() + size_of_val(&*self.seqnos)
    }
}

/// The fragments of one container.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Fragments {
    list: Vec<Fragment>,
}

impl Fragments {
    /// One range tombstone; none when the range is empty.
    #[cfg(test)]
    pub(crate) fn one(start: &[u8], end: &[u8], seqno: SeqNo) -> Self {
        let fragment = Fragment { start: start.to_vec(), end: end.to_vec(), seqnos: vec![seqno] };
        Self { list: if start < end { vec![fragment] } else { Vec::new() } }
    }

    /// `None` when the fragments break an invariant of the module's head.
    pub(crate) fn from_list(list: Vec<Fragment>) -> Option<Self> {
        let is_whole = |fragment: &Fragment| {
            fragment.start < fragment.end
                && !fragment.seqnos.is_empty()
                && fragment.seqnos.windows(2).all(|pair| pair[0] > pair[1])
        };
        let is_valid = list.iter().all(is_whole) && list.windows(2).all(|pair| pair[0].end <= pair[1].start);
        is_valid.then_some(Self { list })
    }

    #[cfg(test)]
    pub(crate) fn merged<'f>(lists: impl IntoIterator<Item = &'f Self>) -> Self {
        let sources = lists.into_iter().map(|list| list.list.iter().cloned()).collect();
        let mut merge = super::FragmentMerge::new(sources, |_| {}).expect("a list gives no error");
        let next = || merge.next().expect("a list gives no error");
        Self { list: std::iter::from_fn(next).collect() }
    }

    #[cfg(test)]
    pub(crate) fn find(&self, key: &[u8]) -> Option<&Fragment> {
        self.at(self.index(key), key)
    }

    /// The newest range tombstone over `key` that is visible at `at`.
    pub(crate) fn covering(&self, key: &[u8], at: SeqNo) -> Option<SeqNo> {
        self.at(self.index(key), key)?.newest(at)
    }

    /// The newest range tombstone over any key of `range`.
    pub(crate) fn newest_within(&self, range: &KeyRange) -> Option<SeqNo> {
        let from = self.list[self.index(&range.start)..].iter();
        from.take_while(|fragment| range.ends_after(&fragment.start)).map(|fragment| fragment.seqnos[0]).max()
    }

    pub(crate) fn memory_size(&self) -> usize {
        self.list.iter().map(Fragment::memory_size).sum()
    }

    fn index(&self, key: &[u8]) -> usize {
        self.list.partition_point(|fragment| *fragment.end <= *key)
    }

    /// The fragment at an index, if it starts at or before `key`.
    fn at(&self, index: usize, key: &[u8]) -> Option<&Fragment> {
        self.list.get(index).filter(|fragment| *fragment.start <= *key)
    }
}

impl Deref for Fragments {
    type Target = [Fragment];

    fn deref(&self) -> &[Fragment] {
        &self.list
    }
}

/// A span of keys over which a reader sees one newest range tombstone, or none.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct CoveredSpan {
    pub(crate) start: Vec<u8>,
    /// Exclusive; `None` when the span goes on to the last key.
    pub(crate) end: Option<Vec<u8>>,
    pub(crate) newest: Option<SeqNo>,
}

impl CoveredSpan {
    #[inline]
    pub(crate) fn contains(&self, key: &[u8]) -> bool {
        *self.start <= *key && self.end.as_ref().is_none_or(|end| key < &**end)
    }
}

/// The range tombstones of a container, as a scan queries them.
pub(crate) trait RangeTombstones: std::fmt::Debug + Send + Sync {
    /// The span around `key` for a reader at `at`; it need not be the longest one.
    ///
    /// Cost: logarithmic in the number of range tombstones.
    fn span_at(&self, key: &[u8], at: SeqNo) -> CoveredSpan;
}

impl RangeTombstones for Fragments {
    fn span_at(&self, key: &[u8], at: SeqNo) -> CoveredSpan {
        let index = self.index(key);
        if let Some(fragment) = self.at(index, key) {
            let (start, end) = (fragment.start.clone(), Some(fragment.end.clone()));
            return CoveredSpan { start, end, newest: fragment.newest(at) };
        }
        let start = index.checked_sub(1).map(|before| self.list[before].end.clone());
        let end = self.list.get(index).map(|next| next.start.clone());
        CoveredSpan { start: start.unwrap_or_default(), end, newest: None }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// Start, end and sequence number.
    type Tombstone = (u8, u8, u64);

    fn tombstones() -> impl Strategy<Value = Vec<Tombstone>> {
        vec((0u8..20, 1u8..8), 0..14).prop_map(|ranges| {
            ranges.into_iter().zip(1..).map(|((start, size), seqno)| (start, start + size, seqno)).collect()
        })
    }

    fn fragments(tombstones: &[Tombstone]) -> Fragments {
        let lists: Vec<_> = tombstones
            .iter()
            .map(|&(start, end, seqno)| Fragments::one(&[start], &[end], SeqNo(seqno)))
            .collect();
        Fragments::merged(&lists)
    }

    fn newest(tombstones: &[Tombstone], key: u8, at: u64) -> Option<SeqNo> {
        let over =
            tombstones.iter().filter(|(start, end, seqno)| (*start..*end).contains(&key) && *seqno <= at);
        over.map(|(_, _, seqno)| SeqNo(*seqno)).max()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn fragments_answer_as_the_range_tombstones_do(tombstones in tombstones(), at in 0u64..16, cut in 0usize..14) {
            let fragments = fragments(&tombstones);
            prop_assert_eq!(Fragments::from_list(fragments.to_vec()), Some(fragments.clone()));
            let (left, right) = tombstones.split_at(cut.min(tombstones.len()));
            prop_assert_eq!(Fragments::merged([&self::fragments(left), &self::fragments(right)]), fragments.clone());
            for key in 0..30u8 {
                let expected = newest(&tombstones, key, at);
                prop_assert_eq!(fragments.covering(&[key], SeqNo(at)), expected);
                let stretch = fragments.span_at(&[key], SeqNo(at));
                prop_assert!(stretch.contains(&[key]));
                for other in (0..30).filter(|other| stretch.contains(&[*other])) {
                    prop_assert_eq!(stretch.newest, newest(&tombstones, other, at));
                }
                // No key sorts between a key and `after` it.
                prop_assert_eq!(fragments.covering(&[key, 0], SeqNo(at)), expected);
            }
            for (start, end) in [(0u8, 30u8), (3, 9), (7, 8), (20, 30)] {
                let range = KeyRange { start: vec![start], end: Some(vec![end]) };
                let all = (start..end).filter_map(|key| newest(&tombstones, key, u64::MAX)).max();
                prop_assert_eq!(fragments.newest_within(&range), all);
            }
        }
    }

    #[test]
    fn pieces_of_one_range_tombstone_become_one_again() {
        let lists = [("a", "f"), ("f", "k"), ("k", "m")]
            .map(|(start, end)| Fragments::one(start.as_bytes(), end.as_bytes(), SeqNo(4)));
        assert_eq!(Fragments::merged(&lists), Fragments::one(b"a", b"m", SeqNo(4)));
        assert!(
            Fragments::one(b"b", b"b", SeqNo(1)).is_empty()
                && Fragments::one(b"c", b"b", SeqNo(1)).is_empty()
        );
    }

    #[test]
    fn lists_that_break_a_rule_are_refused() {
        let fragment = |start: &str, end: &str, seqnos: &[u64]| Fragment {
            start: start.into(),
            end: end.into(),
            seqnos: seqnos.iter().copied().map(SeqNo).collect(),
        };
        let refused = |list: &[Fragment]| Fragments::from_list(list.to_vec()).is_none();
        assert!(!refused(&[fragment("a", "c", &[5, 3]), fragment("c", "d", &[9])]));
        assert!(refused(&[fragment("a", "a", &[5])]) && refused(&[fragment("a", "b", &[])]));
        assert!(refused(&[fragment("a", "b", &[3, 5])]) && refused(&[fragment("a", "b", &[5, 5])]));
        assert!(refused(&[fragment("a", "c", &[5]), fragment("b", "d", &[5])]));
    }
}
