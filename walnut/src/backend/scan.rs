//! A walk over a range of one state of an engine, in pages, from either end.
//!
//! ```text
//!   range   | front: given, fetched |     rest: not fetched     | back: fetched, given |
//! ```
//!
//! Pages have 16, then 64, 256 and 1,024 entries, by end: a short look costs little, and a long
//! walk few round trips. When nothing is left to fetch, each end goes on in what the other has
//! fetched.

use std::collections::VecDeque;

use super::session::RemoteSession;
use crate::base::{KeyRange, after};
use crate::cursor::Direction;
use crate::error::Result;
use crate::sync::Arc;

/// The entries of the first page, of the last one, and what each is of the one before.
const FIRST_PAGE: usize = 16;
const LARGEST_PAGE: usize = 1024;
const GROWTH: usize = 4;

type Entry = (Vec<u8>, Vec<u8>);

/// Which key is looked up for an entry of a scan, if one is.
pub(crate) type Follow = Arc<dyn Fn(&[u8], &[u8]) -> Option<Vec<u8>> + Send + Sync>;

/// A walk over a range, which keeps its state.
pub(crate) struct RemoteScan {
    session: Arc<RemoteSession>,
    /// What neither end has fetched; `None` when all was.
    rest: Option<KeyRange>,
    /// What neither end has given.
    left: KeyRange,
    front: PageEnd,
    back: PageEnd,
    /// The entry that was given last.
    current: Entry,
    /// The keys that are looked up for the entries, so that those of a page are read together.
    follow: Option<Follow>,
}

#[derive(Default)]
struct PageEnd {
    /// The nearest to this end first.
    fetched: VecDeque<Entry>,
    page_count: u32,
}

impl PageEnd {
    fn page_size(&self) -> usize {
        FIRST_PAGE.saturating_mul(GROWTH.saturating_pow(self.page_count)).min(LARGEST_PAGE)
    }
}

impl RemoteScan {
    pub(crate) fn new(session: Arc<RemoteSession>, range: KeyRange) -> Self {
        let rest = Some(range.clone());
        let (front, back, current) = (PageEnd::default(), PageEnd::default(), Entry::default());
        Self { session, rest, left: range, front, back, current, follow: None }
    }

    /// Says which keys are looked up for its entries: once one of a page is, all of them are read
    /// in the same round trip.
    pub(crate) fn set_follow(&mut self, follow: Follow) {
        self.follow = Some(follow);
    }

    pub(crate) fn session(&self) -> &Arc<RemoteSession> {
        &self.session
    }

    /// A walk over another range of the same state.
    pub(crate) fn another(&self, range: KeyRange) -> Self {
        Self { follow: self.follow.clone(), ..Self::new(Arc::clone(&self.session), range) }
    }

    /// Goes on in another range of the same state.
    pub(crate) fn seek(&mut self, range: KeyRange) {
        *self = self.another(range);
    }

    /// What neither end has given yet.
    pub(crate) fn left(&self) -> &KeyRange {
        &self.left
    }

    /// The next entry from the end at which a walk in `direction` begins.
    ///
    /// Cost: one round trip for each page.
    pub(crate) fn next(&mut self, direction: Direction) -> Result<Option<(&[u8], &[u8])>> {
        let is_front = direction == Direction::Forward;
        let entry = loop {
            let (near, far) =
                if is_front { (&mut self.front, &mut self.back) } else { (&mut self.back, &mut self.front) };
            if let Some(entry) = near.fetched.pop_front() {
                break Some(entry);
            }
            if self.rest.is_none() {
                break far.fetched.pop_back();
            }
            self.fetch(is_front)?;
        };
        let Some(entry) = entry else {
            self.left = KeyRange { start: Vec::new(), end: Some(Vec::new()) };
            return Ok(None);
        };
        if is_front {
            self.left.start = after(&entry.0);
        } else {
            self.left.end = Some(entry.0.clone());
        }
        self.current = entry;
        Ok(Some((&self.current.0, &self.current.1)))
    }

    /// The entry that the last step has come to.
    pub(crate) fn current(&self) -> (&[u8], &[u8]) {
        (&self.current.0, &self.current.1)
    }

    fn fetch(&mut self, is_front: bool) -> Result<()> {
        let Some(range) = &mut self.rest else { return Ok(()) };
        if range.end.as_ref().is_some_and(|end| *end <= range.start) {
            self.rest = None;
            return Ok(());
        }
        let end = if is_front { &mut self.front } else { &mut self.back };
        let limit = end.page_size();
        let page = self.session.page((&range.start, range.end.as_deref()), limit, !is_front)?;
        end.page_count += 1;
        if let Some(follow) = &self.follow {
            self.session.expect(page.entries.iter().filter_map(|(key, value)| follow(key, value)).collect());
        }
        end.fetched.extend(page.entries);
        match page.rest {
            Some(start) if is_front => range.start = start,
            Some(end) => range.end = Some(end),
            None => self.rest = None,
        }
        Ok(())
    }
}
