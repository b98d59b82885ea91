//! A walk over a memtable that keeps it alive.

use std::ops::Bound;

use crossbeam_skiplist::map;
use self_cell::self_cell;

use super::Memtable;
use super::entry::{Probe, Stored};
use crate::base::{Entry, KeyRange, SeqNo};
use crate::cursor::{Cursor, Direction};
use crate::error::Result;
use crate::sync::Arc;

/// The node that the cursor stands on; the list keeps it while somebody does.
type Node<'a> = Option<map::Entry<'a, Stored, Box<[u8]>>>;

self_cell!(
    /// A place in a memtable, and the memtable.
    struct Place {
        owner: Arc<Memtable>,
        #[not_covariant]
        dependent: Node,
    }
);

/// The entries of a memtable within a range. Entries that are inserted meanwhile may or may not be met; they are above
/// the sequence number of every reader that has begun.
pub(crate) struct MemtableCursor {
    place: Place,
    range: KeyRange,
    direction: Direction,
}

impl MemtableCursor {
    pub(crate) fn new(memtable: Arc<Memtable>, range: KeyRange, direction: Direction) -> Self {
        let place = Place::new(memtable, |memtable| first(memtable, &range, direction));
        Self { place, range, direction }
    }
}

/// The first entry of the range in the direction.
fn first<'a>(memtable: &'a Memtable, range: &KeyRange, direction: Direction) -> Node<'a> {
    if range.is_empty() {
        return None;
    }
    match (direction, &range.end) {
        (Direction::Forward, _) => {
            let start: &dyn Probe = &(&*range.start, SeqNo::MAX);
            memtable.entries.lower_bound(Bound::Included(start))
        }
        (Direction::Backward, Some(end)) => {
            let end: &dyn Probe = &(&**end, SeqNo::MAX);
            memtable.entries.upper_bound(Bound::Excluded(end))
        }
        (Direction::Backward, None) => memtable.entries.back(),
    }
}

impl Cursor for MemtableCursor {
    fn entry(&self) -> Option<Entry<'_>> {
        let entry =
            self.place.with_dependent(|_, node| node.as_ref().map(|node| node.key().entry(node.value())))?;
        let inside = match self.direction {
            Direction::Forward => self.range.ends_after(entry.key),
            Direction::Backward => *self.range.start <= *entry.key,
        };
        inside.then_some(entry)
    }

    fn advance(&mut self) -> Result<()> {
        let direction = self.direction;
        self.place.with_dependent_mut(|_, node| {
            *node = node.take().and_then(|node| match direction {
                Direction::Forward => node.next(),
                Direction::Backward => node.prev(),
            });
        });
        Ok(())
    }
}
