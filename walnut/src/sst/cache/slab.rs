//! Memory for cached blocks: slabs of large pages, cut into cells of one size.
//!
//! ```text
//!   slab: | cell | cell | cell | .. |     backed by large pages, where the system has them
//!            |               ^
//!            v a block       | a block that was freed: its cell is used for the next one
//! ```
//!
//! A lookup among millions of rows misses the TLB almost every time, and under a hypervisor such a
//! miss takes as long as two cache misses. With pages of 2 MiB the TLB suffices.
//!
//! The first touch of a large page takes milliseconds on some machines: all of it is cleared, and
//! the hypervisor has to find memory for it. So a background thread allocates a slab in advance
//! when it is notified ([`Slabs::make_ahead`]). No reader waits for that: one that finds no cell
//! cuts a slab, and touches it cell by cell.
//!
//! 1. A cell belongs to one block at a time. It is free again when the last reader of the block is
//!    done.
//! 2. No more cells are cut than fit the budget; slabs are freed with the cache. A block without a
//!    cell is kept in ordinary memory.
//! 3. A cell holds blocks of ordinary size: blocks with one large row, or with few rows, are kept
//!    outside.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{BufMut, BytesMut};

use crate::env::{LARGE_PAGE, prefer_large_pages};
use crate::sync::Notify;

const SLAB_SIZE: usize = 4 * LARGE_PAGE;

/// A cache smaller than so many slabs has none: the gain would not be worth a slab that is half
/// used.
const MIN_SLAB_COUNT: usize = 4;

pub(in crate::sst) struct Slabs {
    cell_size: usize,
    /// Notified when a slab should be allocated in advance.
    pub(super) low: Notify,
    state: Mutex<SlabState>,
}

struct SlabState {
    free: Vec<BytesMut>,
    /// How many more slabs fit the budget.
    slabs_left: usize,
    /// Whether a slab was requested.
    has_notified: bool,
}

/// The bytes of a block, in a cell or in memory of their own.
pub(in crate::sst) struct SlabCell {
    bytes: BytesMut,
    slabs: Option<Arc<Slabs>>,
}

impl Slabs {
    /// Cells for blocks of up to `cell_size` bytes, for a cache of `budget` bytes; `None` when the
    /// cache is too small for slabs.
    pub(super) fn new(budget: usize, cell_size: usize) -> Option<Arc<Self>> {
        let slabs_left = budget / SLAB_SIZE;
        let state = Mutex::new(SlabState { free: Vec::new(), slabs_left, has_notified: false });
        (slabs_left >= MIN_SLAB_COUNT && cell_size <= SLAB_SIZE / 64)
            .then(|| Arc::new(Self { cell_size, low: Notify::default(), state }))
    }

    /// Copies the bytes into a cell; `None` when they do not fit one well, or when there is none.
    pub(in crate::sst) fn copy(self: &Arc<Self>, bytes: &[u8]) -> Option<SlabCell> {
        if bytes.len() > self.cell_size || bytes.len() < self.cell_size / 4 * 3 {
            return None;
        }
        let (mut cell, is_low) = {
            let mut state = self.lock();
            (state.take(self.cell_size)?, state.should_notify(self.cell_size))
        };
        if is_low {
            self.low.notify();
        }
        cell.extend_from_slice(bytes);
        Some(SlabCell { bytes: cell, slabs: Some(Arc::clone(self)) })
    }

    /// Allocates and touches a slab, if one was requested.
    pub(super) fn make_ahead(&self) {
        {
            let mut state = self.lock();
            if !std::mem::take(&mut state.has_notified) || state.slabs_left == 0 {
                return;
            }
            state.slabs_left -= 1;
        }
        for cells in cut(self.cell_size).chunks_mut((LARGE_PAGE / self.cell_size).max(1)) {
            // One byte faults in the whole page.
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

    /// Whether to request a slab: half of one is left, and none was requested.
    fn should_notify(&mut self, cell_size: usize) -> bool {
        let is_low = self.slabs_left > 0 && self.free.len() < SLAB_SIZE / cell_size / 2;
        is_low && !std::mem::replace(&mut self.has_notified, true)
    }
}

fn cut(cell_size: usize) -> Vec<BytesMut> {
    // Address space is taken for one page more, so that the slab can be aligned; the rest is never
    // touched.
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
    pub(in crate::sst) fn memory_size(&self) -> usize {
        self.slabs.as_ref().map_or(self.bytes.capacity(), |slabs| slabs.cell_size)
    }
}

impl From<Vec<u8>> for SlabCell {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes: BytesMut::from(bytes::Bytes::from(bytes)), slabs: None }
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
        if let Some(slabs) = self.slabs.take() {
            let mut cell = std::mem::take(&mut self.bytes);
            cell.clear();
            slabs.lock().free.push(cell);
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
        let addresses: std::collections::BTreeSet<_> = cells.iter().map(|cell| cell.as_ptr()).collect();
        assert_eq!(addresses.len(), count);
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
