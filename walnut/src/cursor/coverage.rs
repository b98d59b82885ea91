//! The range tombstones over a scan, from all of its inputs.
//!
//! For each input it caches the span that contains the current key, so that most entries cost two
//! comparisons.

use crate::base::{CoveredSpan, RangeTombstones, SeqNo};
use crate::sync::Arc;

/// Finds the newest range tombstone over each key of a scan.
#[derive(Debug)]
pub(crate) struct Coverage {
    at: SeqNo,
    lists: Vec<CoverageList>,
    /// The result of the last [`hides`](Self::hides).
    hides_last: bool,
}

#[derive(Debug)]
struct CoverageList {
    ranges: Arc<dyn RangeTombstones>,
    /// Contains the key of the last query.
    span: Option<CoveredSpan>,
}

impl Coverage {
    /// The range tombstones of these lists that are visible at `at`. Without lists a query costs
    /// nothing.
    pub(crate) fn new(at: SeqNo, lists: impl IntoIterator<Item = Arc<dyn RangeTombstones>>) -> Self {
        let lists = lists.into_iter().map(|ranges| CoverageList { ranges, span: None });
        Self { at, lists: lists.collect(), hides_last: false }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lists.is_empty()
    }

    #[inline]
    pub(crate) fn hides(&mut self, key: &[u8], version: SeqNo) -> bool {
        !self.lists.is_empty() && self.hides_any(key, version)
    }

    fn hides_any(&mut self, key: &[u8], version: SeqNo) -> bool {
        let at = self.at;
        self.hides_last =
            self.lists.iter_mut().any(|list| list.newest(key, at).is_some_and(|seqno| seqno > version));
        self.hides_last
    }

    /// The result of the last [`hides`](Self::hides), without a lookup: the next version is likely
    /// to be hidden, too.
    #[inline]
    pub(crate) fn hides_last(&self) -> bool {
        self.hides_last
    }

    /// The span around `key` in which one range tombstone hides this version, and its sequence
    /// number.
    pub(crate) fn covering_span(&mut self, key: &[u8], version: SeqNo) -> Option<(&CoveredSpan, SeqNo)> {
        let at = self.at;
        let newest = self.lists.iter_mut().map(|list| list.newest(key, at)).enumerate();
        let newest =
            newest.filter_map(|(index, seqno)| Some((seqno.filter(|seqno| *seqno > version)?, index))).max();
        self.hides_last = newest.is_some();
        let (seqno, index) = newest?;
        Some((self.lists[index].span.as_ref()?, seqno))
    }
}

impl CoverageList {
    fn newest(&mut self, key: &[u8], at: SeqNo) -> Option<SeqNo> {
        match &self.span {
            Some(span) if span.contains(key) => span.newest,
            _ => self.span.insert(self.ranges.span_at(key, at)).newest,
        }
    }
}
