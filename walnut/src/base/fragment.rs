//! Range tombstones in the form in which they are searched.
//!
//! ```text
//!   range tombstones    [a ────── 9 ────── m)           fragments    [a  9   f) [f  9 5  m) [m  5  r)
//!                            [f ────── 5 ────── r)
//! ```
//!
//! 1. Fragments are in the order of their keys and do not overlap; each begins before it ends.
//! 2. A fragment has the sequence numbers of all range tombstones over it, newest first, each once; there is one at least.
//!
//! So a key is under one fragment at most, and a binary search finds all that was done to it by ranges. The price is that
//! n range tombstones which all overlap make up to 2n fragments with n numbers each; those who collect them keep n small.
//!
//! Which of them a reader sees, and which a merge may drop, is decided above.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use super::{KeyRange, SeqNo};

/// A piece of the keys that the same range tombstones cover.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Fragment {
    pub(crate) start: Vec<u8>,
    /// The first key that is not covered any more.
    pub(crate) end: Vec<u8>,
    /// Newest first.
    pub(crate) seqnos: Vec<SeqNo>,
}

impl Fragment {
    /// The newest range tombstone that is not above `at`.
    pub(crate) fn newest(&self, at: SeqNo) -> Option<SeqNo> {
        self.seqnos.get(self.seqnos.partition_point(|seqno| *seqno > at)).copied()
    }

    /// What it takes in memory.
    fn memory_size(&self) -> usize {
        size_of::<Self>() + self.start.len() + self.end.len() + size_of_val(&*self.seqnos)
    }
}

/// The fragments of a container.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Fragments {
    list: Vec<Fragment>,
}

impl Fragments {
    /// One range tombstone; none when the range is empty.
    pub(crate) fn one(start: &[u8], end: &[u8], seqno: SeqNo) -> Self {
        let fragment = Fragment { start: start.to_vec(), end: end.to_vec(), seqnos: vec![seqno] };
        Self { list: if start < end { vec![fragment] } else { Vec::new() } }
    }

    /// Fragments that keep the rules above; `None` when these do not.
    pub(crate) fn from_list(list: Vec<Fragment>) -> Option<Self> {
        let is_whole = |fragment: &Fragment| {
            fragment.start < fragment.end
                && !fragment.seqnos.is_empty()
                && fragment.seqnos.windows(2).all(|pair| pair[0] > pair[1])
        };
        let is_valid = list.iter().all(is_whole) && list.windows(2).all(|pair| pair[0].end <= pair[1].start);
        is_valid.then_some(Self { list })
    }

    /// The fragments of all range tombstones in several lists.
    ///
    /// Cost: the sorting of all ends, and what comes out; nothing to speak of for one list.
    pub(crate) fn merged<'f>(lists: impl IntoIterator<Item = &'f Self>) -> Self {
        let lists: Vec<&Self> = lists.into_iter().filter(|list| !list.is_empty()).collect();
        match lists[..] {
            [] => Self::default(),
            [only] => only.clone(),
            _ => sweep(lists.iter().flat_map(|list| &list.list)),
        }
    }

    /// The newest range tombstone over `key` that is not above `at`.
    pub(crate) fn covering(&self, key: &[u8], at: SeqNo) -> Option<SeqNo> {
        self.at(self.place(key), key)?.newest(at)
    }

    /// The newest range tombstone over any key of `range`.
    pub(crate) fn newest_within(&self, range: &KeyRange) -> Option<SeqNo> {
        let from = self.list[self.place(&range.start)..].iter();
        from.take_while(|fragment| range.ends_after(&fragment.start)).map(|fragment| fragment.seqnos[0]).max()
    }

    /// Whether each key from `start` on and before `end` is under a range tombstone that is newer than `than` and not above `at`.
    pub(crate) fn cover(&self, start: &[u8], end: &[u8], than: SeqNo, at: SeqNo) -> bool {
        let mut reached = start;
        for fragment in &self.list[self.place(start)..] {
            let covers = *fragment.start <= *reached && fragment.newest(at).is_some_and(|seqno| seqno > than);
            if !covers {
                return false;
            }
            reached = &fragment.end;
            if reached >= end {
                return true;
            }
        }
        false
    }

    /// What they take in memory.
    pub(crate) fn memory_size(&self) -> usize {
        self.list.iter().map(Fragment::memory_size).sum()
    }

    /// The place of the first fragment that ends after `key`.
    fn place(&self, key: &[u8]) -> usize {
        self.list.partition_point(|fragment| *fragment.end <= *key)
    }

    /// The fragment at a place, if it begins at or before `key`.
    fn at(&self, place: usize, key: &[u8]) -> Option<&Fragment> {
        self.list.get(place).filter(|fragment| *fragment.start <= *key)
    }
}

impl Deref for Fragments {
    type Target = [Fragment];

    fn deref(&self) -> &[Fragment] {
        &self.list
    }
}

/// Goes over the starts and ends of range tombstones in their order, and keeps those that are open.
fn sweep<'f>(pieces: impl Iterator<Item = &'f Fragment>) -> Fragments {
    let mut edges = Vec::new();
    for piece in pieces {
        edges.push((&*piece.start, true, &*piece.seqnos));
        edges.push((&*piece.end, false, &*piece.seqnos));
    }
    edges.sort_by_key(|(key, ..)| *key);
    let mut fragments: Vec<Fragment> = Vec::new();
    // How often each number is open; the newest first.
    let mut open = BTreeMap::<Reverse<SeqNo>, usize>::new();
    let mut from: &[u8] = &[];
    for (key, starts, seqnos) in edges {
        if *from < *key && !open.is_empty() {
            let seqnos: Vec<SeqNo> = open.keys().map(|seqno| seqno.0).collect();
            match fragments.last_mut().filter(|last| *last.end == *from && last.seqnos == seqnos) {
                Some(last) => last.end = key.to_vec(),
                None => fragments.push(Fragment { start: from.to_vec(), end: key.to_vec(), seqnos }),
            }
        }
        from = key;
        for seqno in seqnos {
            let count = open.entry(Reverse(*seqno)).or_default();
            if starts {
                *count += 1;
            } else if *count > 1 {
                *count -= 1;
            } else {
                open.remove(&Reverse(*seqno));
            }
        }
    }
    Fragments { list: fragments }
}

/// Asks one list for key after key, in either order of the keys: what was found last is looked at first.
#[derive(Clone, Debug)]
pub(crate) struct FragmentWalk {
    fragments: Arc<Fragments>,
    /// The first fragment that ends after the key that was asked for last.
    place: usize,
}

impl FragmentWalk {
    pub(crate) fn new(fragments: Arc<Fragments>) -> Self {
        Self { fragments, place: 0 }
    }

    /// As [`Fragments::covering`].
    pub(crate) fn covering(&mut self, key: &[u8], at: SeqNo) -> Option<SeqNo> {
        let list = &self.fragments;
        let ends_before = |place: usize| *list[place].end <= *key;
        let holds = (self.place == list.len() || !ends_before(self.place))
            && (self.place == 0 || ends_before(self.place - 1));
        if !holds {
            self.place = list.place(key);
        }
        list.at(self.place, key)?.newest(at)
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
            let mut walk = FragmentWalk::new(Arc::new(fragments.clone()));
            for key in (0..30u8).chain((0..30).rev()).chain([3, 29, 0]) {
                let expected = newest(&tombstones, key, at);
                prop_assert_eq!(fragments.covering(&[key], SeqNo(at)), expected);
                prop_assert_eq!(walk.covering(&[key], SeqNo(at)), expected);
                // Nothing lies between a key and the next byte string.
                prop_assert_eq!(fragments.covering(&[key, 0], SeqNo(at)), expected);
            }
            for (start, end) in [(0u8, 30u8), (3, 9), (7, 8), (20, 30)] {
                let range = KeyRange { start: vec![start], end: Some(vec![end]) };
                let all = (start..end).filter_map(|key| newest(&tombstones, key, u64::MAX)).max();
                prop_assert_eq!(fragments.newest_within(&range), all);
                for than in 0..6 {
                    let covered = (start..end).all(|key| newest(&tombstones, key, at) > Some(SeqNo(than)));
                    prop_assert_eq!(fragments.cover(&[start], &[end], SeqNo(than), SeqNo(at)), covered);
                }
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
