//! The range tombstones that lie over a walk, from all the containers that it goes through.
//!
//! Of each container it keeps the stretch that the walk is in, so that most entries cost two comparisons with its ends.

use crate::base::{CoveredSpan, RangeTombstones, SeqNo};
use crate::sync::Arc;

/// Says of key after key, in the order of a walk, which range tombstone is the newest over it.
#[derive(Debug)]
pub(crate) struct Coverage {
    at: SeqNo,
    lists: Vec<CoverageList>,
    /// Whether the version that was asked for last is hidden.
    hides_last: bool,
}

#[derive(Debug)]
struct CoverageList {
    ranges: Arc<dyn RangeTombstones>,
    /// Around the key that was asked for last.
    stretch: Option<CoveredSpan>,
}

impl Coverage {
    /// The range tombstones of these lists as a reader at `at` sees them. Without any, nothing is covered, and asking costs nothing.
    pub(crate) fn new(at: SeqNo, lists: impl IntoIterator<Item = Arc<dyn RangeTombstones>>) -> Self {
        let lists = lists.into_iter().map(|ranges| CoverageList { ranges, stretch: None });
        Self { at, lists: lists.collect(), hides_last: false }
    }

    /// Whether nothing is covered.
    pub(crate) fn is_empty(&self) -> bool {
        self.lists.is_empty()
    }

    /// Whether a version of `key` is hidden by a range tombstone that is newer.
    #[inline]
    pub(crate) fn hides(&mut self, key: &[u8], version: SeqNo) -> bool {
        !self.lists.is_empty() && self.hides_by_one(key, version)
    }

    fn hides_by_one(&mut self, key: &[u8], version: SeqNo) -> bool {
        let at = self.at;
        self.hides_last =
            self.lists.iter_mut().any(|list| list.newest(key, at).is_some_and(|seqno| seqno > version));
        self.hides_last
    }

    /// Whether the version that [`hides`](Self::hides) was asked for last is hidden: the next one may be, too.
    #[inline]
    pub(crate) fn hides_last(&self) -> bool {
        self.hides_last
    }

    /// The stretch around `key` over which the newest range tombstone is the same one, if that hides this version; and its number.
    pub(crate) fn hiding(&mut self, key: &[u8], version: SeqNo) -> Option<(&CoveredSpan, SeqNo)> {
        let at = self.at;
        let newest = self.lists.iter_mut().map(|list| list.newest(key, at)).enumerate();
        let newest =
            newest.filter_map(|(place, seqno)| Some((seqno.filter(|seqno| *seqno > version)?, place))).max();
        self.hides_last = newest.is_some();
        let (seqno, place) = newest?;
        Some((self.lists[place].stretch.as_ref()?, seqno))
    }
}

impl CoverageList {
    fn newest(&mut self, key: &[u8], at: SeqNo) -> Option<SeqNo> {
        match &self.stretch {
            Some(stretch) if stretch.has(key) => stretch.newest,
            _ => self.stretch.insert(self.ranges.span_at(key, at)).newest,
        }
    }
}
