//! Memory for the blocks of a cache, cut from a few large pieces.
//!
//! ```text
//!   slab: | cell | cell | cell | .. |     backed by large pages, where the system has them
//!            |               ^
//!            v a block       | a block that went: its cell is the next one's
//! ```
//!
//! A look-up among millions of rows misses the processor's table of pages almost every time, and under a hypervisor such a miss
//! takes as long as two misses of memory. Of pages of 2 MiB the table holds enough.
//!
//! The first touch of a large page takes milliseconds on some machines: all of it is cleared, and the hypervisor has to find memory for
//! it. So a slab is made ahead by somebody who is called for it ([`Slabs::make_ahead`]). Nobody waits for that: who finds no cell before
//! it is made cuts a slab, and touches it cell by cell.
//!
//! 1. A cell is one block's at a time. It comes back when the last who reads the block lets go of it.
//! 2. No more cells are cut than the budget has room for; slabs go with the cache. Who finds none takes memory as usual.
//! 3. A cell holds blocks of an ordinary size: those with one large row, and those of a few rows, are kept outside.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{BufMut, BytesMut};

use crate::env::{LARGE_PAGE, prefer_large_pages};
use crate::sync::Notify;

/// Bytes of a slab.
const SLAB_SIZE: usize = 4 * LARGE_PAGE;

/// Caches of less than so many slabs have none: what they gain would not be worth a slab that is half used.
const MIN_SLAB_COUNT: usize = 4;

/// The cells of a cache.
pub(super) struct Slabs {
    cell_size: usize,
    /// Rings when a slab should be made ahead.
    pub(super) low: Notify,
    state: Mutex<SlabState>,
}

struct SlabState {
    free: Vec<BytesMut>,
    /// How many slabs there may still be.
    slabs_left: usize,
    /// Whether somebody was called to make one.
    has_called: bool,
}

/// The bytes of a block, in a cell or in memory of their own.
pub(super) struct SlabCell {
    bytes: BytesMut,
    home: Option<Arc<Slabs>>,
}

impl Slabs {
    /// Cells for blocks of up to `cell_size` bytes, for a cache of `budget` bytes; `None` when it is too small for slabs.
    pub(super) fn new(budget: usize, cell_size: usize) -> Option<Arc<Self>> {
        let slabs_left = budget / SLAB_SIZE;
        let state = Mutex::new(SlabState { free: Vec::new(), slabs_left, has_called: false });
        (slabs_left >= MIN_SLAB_COUNT && cell_size <= SLAB_SIZE / 64)
            .then(|| Arc::new(Self { cell_size, low: Notify::default(), state }))
    }

    /// The same bytes in a cell; `None` when they do not fit one well, or when there is none.
    pub(super) fn copy(self: &Arc<Self>, bytes: &[u8]) -> Option<SlabCell> {
        if bytes.len() > self.cell_size || bytes.len() < self.cell_size / 4 * 3 {
            return None;
        }
        let (mut cell, is_low) = {
            let mut state = self.lock();
            (state.take(self.cell_size)?, state.calls(self.cell_size))
        };
        if is_low {
            self.low.notify();
        }
        cell.extend_from_slice(bytes);
        Some(SlabCell { bytes: cell, home: Some(Arc::clone(self)) })
    }

    /// Makes a slab that is ready to be used, if one will be needed.
    pub(super) fn make_ahead(&self) {
        {
            let mut state = self.lock();
            if !std::mem::take(&mut state.has_called) || state.slabs_left == 0 {
                return;
            }
            state.slabs_left -= 1;
        }
        for cells in cut(self.cell_size).chunks_mut((LARGE_PAGE / self.cell_size).max(1)) {
            // One byte brings all of the page.
            cells[0].put_u8(0);
            cells[0].clear();
            self.lock().free.extend(cells.iter_mut().map(std::mem::take));
        }
    }

    fn lock(&self) -> MutexGuard<'_, SlabState> {
        // Nothing under the lock panics half way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SlabState {
    fn take(&mut self, cell_size: usize) -> Option<BytesMut> {
        if self.free.is_empty() {
            self.slabs_left = self.slabs_left.checked_sub(1)?;
            self.free = cut(cell_size);
        }
        self.free.pop()
    }

    /// Whether somebody is to be called to make a slab: half of one is left, and nobody was called.
    fn calls(&mut self, cell_size: usize) -> bool {
        let is_low = self.slabs_left > 0 && self.free.len() < SLAB_SIZE / cell_size / 2;
        is_low && !std::mem::replace(&mut self.has_called, true)
    }
}

/// Cuts a slab into cells.
fn cut(cell_size: usize) -> Vec<BytesMut> {
    // Address space is taken for one page more, so that the slab can begin where a large page does; the rest is never touched.
    let mut memory = BytesMut::with_capacity(SLAB_SIZE + LARGE_PAGE);
    let unaligned = memory.as_ptr().align_offset(LARGE_PAGE);
    let mut slab = memory.split_off(unaligned.min(LARGE_PAGE));
    prefer_large_pages(&mut slab.spare_capacity_mut()[..SLAB_SIZE]);
    let next = |_| {
        let rest = slab.split_off(cell_size);
        std::mem::replace(&mut slab, rest)
    };
    (0..SLAB_SIZE / cell_size).map(next).collect()
}

impl SlabCell {
    /// What it takes in memory.
    pub(super) fn memory_size(&self) -> usize {
        self.home.as_ref().map_or(self.bytes.capacity(), |home| home.cell_size)
    }
}

impl From<Vec<u8>> for SlabCell {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes: BytesMut::from(bytes::Bytes::from(bytes)), home: None }
    }
}

impl Deref for SlabCell {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for SlabCell {
    fn drop(&mut self) {
        if let Some(home) = self.home.take() {
            let mut cell = std::mem::take(&mut self.bytes);
            cell.clear();
            home.lock().free.push(cell);
        }
    }
}

impl fmt::Debug for SlabCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlabCell").field("size", &self.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Slabs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slabs").field("cell_size", &self.cell_size).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::{AtomicUsize, Ordering};

    const CELL: usize = 8 << 10;

    #[test]
    fn cells_do_not_touch_and_are_used_again() {
        let slabs = Slabs::new(4 * SLAB_SIZE, CELL).expect("room for slabs");
        let count = 4 * (SLAB_SIZE / CELL);
        let fill = |n: usize| vec![n.to_le_bytes()[0]; CELL - n % 50];
        let mut cells: Vec<SlabCell> = (0..count).map(|n| slabs.copy(&fill(n)).expect("a cell")).collect();
        assert!(slabs.copy(&fill(0)).is_none(), "the budget is used");
        for (n, cell) in cells.iter().enumerate() {
            assert_eq!(**cell, *fill(n));
        }
        let places: std::collections::BTreeSet<_> = cells.iter().map(|cell| cell.as_ptr()).collect();
        assert_eq!(places.len(), count);
        let freed = cells.swap_remove(7).as_ptr();
        let again = slabs.copy(&fill(3)).expect("the one that came back");
        assert_eq!(again.as_ptr(), freed);
        assert_eq!(*again, *fill(3));
        assert_eq!(again.memory_size(), CELL);
    }

    #[test]
    fn a_slab_is_made_ahead_when_half_of_one_is_left_and_the_budget_holds() {
        let slabs = Slabs::new(4 * SLAB_SIZE, CELL).expect("room for slabs");
        let calls = Arc::new(AtomicUsize::new(0));
        let heard = Arc::clone(&calls);
        slabs.low.set_callback(move || {
            heard.fetch_add(1, Ordering::Relaxed);
        });
        let cell_count = SLAB_SIZE / CELL;
        let take = |count| -> Vec<SlabCell> { (0..count).filter_map(|_| slabs.copy(&[7; CELL])).collect() };
        slabs.make_ahead();
        assert!(slabs.lock().free.is_empty(), "nobody called");
        let mut taken = take(cell_count / 2);
        assert_eq!(calls.load(Ordering::Relaxed), 0);
        taken.extend(take(2));
        assert_eq!(calls.load(Ordering::Relaxed), 1, "one call is enough");
        slabs.make_ahead();
        assert_eq!(slabs.lock().free.len() + taken.len(), 2 * cell_count);
        taken.extend(take(cell_count));
        assert_eq!(calls.load(Ordering::Relaxed), 2);
        taken.extend(take(4 * cell_count));
        slabs.make_ahead();
        assert_eq!(taken.len(), 4 * cell_count);
        assert!(slabs.lock().free.is_empty());
        assert!(taken.iter().all(|cell| **cell == [7; CELL]));
    }

    #[test]
    fn what_does_not_fit_a_cell_well_is_kept_outside() {
        let slabs = Slabs::new(4 * SLAB_SIZE, CELL).expect("room for slabs");
        assert!(slabs.copy(&[0; CELL + 1]).is_none());
        assert!(slabs.copy(&[0; CELL / 4 * 3 - 1]).is_none());
        assert!(Slabs::new(4 * SLAB_SIZE - 1, CELL).is_none());
        let outside = SlabCell::from(vec![1, 2, 3]);
        assert_eq!((&*outside, outside.memory_size()), (&[1, 2, 3][..], 3));
    }
}
