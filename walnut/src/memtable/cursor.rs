//! A walk over the strands of a memtable, which it keeps alive.

use super::order::{Slot, Sorted};
use super::{Memtable, Rows};
use crate::base::{Entry, KeyRange, SeqNo, Stretch, head};
use crate::cursor::{Cursor, Direction};
use crate::error::Result;
use crate::sync::Arc;

/// The entries of a memtable within a range, as they were when the cursor was made.
#[derive(Debug)]
pub(crate) struct MemtableCursor {
    memtable: Arc<Memtable>,
    sorted: Arc<Sorted>,
    /// What is left of each strand that has something left. There are few, so the next entry is looked for among all.
    rests: Vec<Rest>,
    /// Which of them has the next entry.
    next: usize,
    direction: Direction,
}

/// Slots of a strand, from the first to before the second.
#[derive(Debug)]
struct Rest {
    strand: usize,
    from: usize,
    to: usize,
}

impl MemtableCursor {
    /// A cursor on the first entry of the range in the direction.
    pub(crate) fn new(memtable: Arc<Memtable>, range: &KeyRange, direction: Direction) -> Self {
        let sorted = memtable.sorted();
        let rests = if range.is_empty() { Vec::new() } else { rests(&sorted, &memtable.rows, range) };
        let mut cursor = Self { memtable, sorted, rests, next: 0, direction };
        cursor.find_next();
        cursor
    }

    /// The entry that it stands on, and the version of its key below it.
    pub(super) fn entry_and_older(&self) -> Option<(Entry<'_>, Option<Entry<'_>>)> {
        let number = self.slot(self.rests.get(self.next)?).number;
        let rows = &self.memtable.rows;
        Some((rows.entry(number), rows.older(number).map(|older| rows.entry(older))))
    }

    /// The slot that comes next in one of the strands.
    fn slot(&self, rest: &Rest) -> &Slot {
        let strand = &self.sorted.strands[rest.strand];
        match self.direction {
            Direction::Forward => &strand[rest.from],
            Direction::Backward => &strand[rest.to - 1],
        }
    }

    fn find_next(&mut self) {
        let rows = &self.memtable.rows;
        let mut next = 0;
        for place in 1..self.rests.len() {
            let order = self.slot(&self.rests[place]).order(self.slot(&self.rests[next]), rows);
            let comes_first = match self.direction {
                Direction::Forward => order.is_lt(),
                Direction::Backward => order.is_gt(),
            };
            if comes_first {
                next = place;
            }
        }
        self.next = next;
    }
}

/// The parts of all strands that lie in a range.
fn rests(sorted: &Sorted, rows: &Rows, range: &KeyRange) -> Vec<Rest> {
    let start = (head(&range.start), &*range.start);
    let end = range.end.as_deref().map(|end| (head(end), end));
    let strands = sorted.strands.iter().enumerate();
    let rests = strands.map(|(strand, slots)| {
        let from = slots.partition_point(|slot| slot.is_below(start, rows));
        let to = end.map_or(slots.len(), |end| slots.partition_point(|slot| slot.is_below(end, rows)));
        Rest { strand, from, to }
    });
    rests.filter(|rest| rest.from < rest.to).collect()
}

impl Cursor for MemtableCursor {
    fn entry(&self) -> Option<Entry<'_>> {
        let slot = self.slot(self.rests.get(self.next)?);
        Some(self.memtable.rows.entry(slot.number))
    }

    fn advance(&mut self) -> Result<()> {
        let Some(rest) = self.rests.get_mut(self.next) else { return Ok(()) };
        match self.direction {
            Direction::Forward => rest.from += 1,
            Direction::Backward => rest.to -= 1,
        }
        if rest.from == rest.to {
            self.rests.swap_remove(self.next);
        }
        self.find_next();
        Ok(())
    }

    fn pass_older(&mut self, stretch: &Stretch, than: SeqNo) -> Result<bool> {
        let rows = &self.memtable.rows;
        let than = rows.number_at(than);
        let mut passes = false;
        for (place, rest) in self.rests.iter_mut().enumerate() {
            let (strand, before) = (&self.sorted.strands[rest.strand], (rest.from, rest.to));
            // All that is left lies at the current key or behind it, so one end of the stretch says how far it goes.
            let below = |key: &[u8]| {
                let key = (head(key), key);
                rest.from + strand[rest.from..rest.to].partition_point(|slot| slot.is_below(key, rows))
            };
            match self.direction {
                Direction::Forward => {
                    let end = stretch.end.as_deref().map_or(rest.to, below);
                    rest.from = strand.first_newer(rest.from..end, than);
                }
                Direction::Backward => rest.to = strand.last_newer(below(&stretch.start)..rest.to, than),
            }
            passes |= place == self.next && before != (rest.from, rest.to);
        }
        self.rests.retain(|rest| rest.from < rest.to);
        self.find_next();
        Ok(passes)
    }
}
