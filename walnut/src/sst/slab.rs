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
//! 1. A cell is one block's at a time. It comes back when the last who reads the block lets go of it.
//! 2. No more cells are cut than the budget has room for; slabs go with the cache. Who finds none takes memory as usual.
//! 3. A cell holds blocks of an ordinary size: those with one large row, and those of a few rows, are kept outside.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::BytesMut;

use crate::env::{LARGE_PAGE, prefer_large_pages};

/// Bytes of a slab.
const SLAB_SIZE: usize = 4 * LARGE_PAGE;

/// Caches of less than so many slabs have none: what they gain would not be worth a slab that is half used.
const MIN_SLAB_COUNT: usize = 4;

/// The cells of a cache.
pub(super) struct Slabs {
    cell_size: usize,
    state: Mutex<State>,
}

struct State {
    free: Vec<BytesMut>,
    /// How many slabs there may still be.
    slabs_left: usize,
}

/// The bytes of a block, in a cell or in memory of their own.
pub(super) struct Cell {
    bytes: BytesMut,
    home: Option<Arc<Slabs>>,
}

impl Slabs {
    /// Cells for blocks of up to `cell_size` bytes, for a cache of `budget` bytes; `None` when it is too small for slabs.
    pub(super) fn new(budget: usize, cell_size: usize) -> Option<Arc<Self>> {
        let slabs_left = budget / SLAB_SIZE;
        let state = Mutex::new(State { free: Vec::new(), slabs_left });
        (slabs_left >= MIN_SLAB_COUNT && cell_size <= SLAB_SIZE / 64)
            .then(|| Arc::new(Self { cell_size, state }))
    }

    /// The same bytes in a cell; `None` when they do not fit one well, or when there is none.
    pub(super) fn copy(self: &Arc<Self>, bytes: &[u8]) -> Option<Cell> {
        if bytes.len() > self.cell_size || bytes.len() < self.cell_size / 2 {
            return None;
        }
        let mut cell = self.lock().take(self.cell_size)?;
        cell.extend_from_slice(bytes);
        Some(Cell { bytes: cell, home: Some(Arc::clone(self)) })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock panics half way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self, cell_size: usize) -> Option<BytesMut> {
        if self.free.is_empty() {
            self.slabs_left = self.slabs_left.checked_sub(1)?;
            self.cut(cell_size);
        }
        self.free.pop()
    }

    /// Cuts a slab into cells.
    fn cut(&mut self, cell_size: usize) {
        // Address space is taken for one page more, so that the slab can begin where a large page does; the rest is never touched.
        let mut memory = BytesMut::with_capacity(SLAB_SIZE + LARGE_PAGE);
        let unaligned = memory.as_ptr().align_offset(LARGE_PAGE);
        let mut slab = memory.split_off(unaligned.min(LARGE_PAGE));
        prefer_large_pages(&mut slab.spare_capacity_mut()[..SLAB_SIZE]);
        for _ in 0..SLAB_SIZE / cell_size {
            let rest = slab.split_off(cell_size);
            self.free.push(std::mem::replace(&mut slab, rest));
        }
    }
}

impl Cell {
    /// What it takes in memory.
    pub(super) fn memory_size(&self) -> usize {
        self.home.as_ref().map_or(self.bytes.capacity(), |home| home.cell_size)
    }
}

impl From<Vec<u8>> for Cell {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes: BytesMut::from(bytes::Bytes::from(bytes)), home: None }
    }
}

impl Deref for Cell {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Cell {
    fn drop(&mut self) {
        if let Some(home) = self.home.take() {
            let mut cell = std::mem::take(&mut self.bytes);
            cell.clear();
            home.lock().free.push(cell);
        }
    }
}

impl fmt::Debug for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cell").field("size", &self.len()).finish_non_exhaustive()
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

    const CELL: usize = 8 << 10;

    #[test]
    fn cells_do_not_touch_and_are_used_again() {
        let slabs = Slabs::new(4 * SLAB_SIZE, CELL).expect("room for slabs");
        let count = 4 * (SLAB_SIZE / CELL);
        let fill = |n: usize| vec![n.to_le_bytes()[0]; CELL - n % 50];
        let mut cells: Vec<Cell> = (0..count).map(|n| slabs.copy(&fill(n)).expect("a cell")).collect();
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
    fn what_does_not_fit_a_cell_well_is_kept_outside() {
        let slabs = Slabs::new(4 * SLAB_SIZE, CELL).expect("room for slabs");
        assert!(slabs.copy(&[0; CELL + 1]).is_none());
        assert!(slabs.copy(&[0; CELL / 2 - 1]).is_none());
        assert!(Slabs::new(4 * SLAB_SIZE - 1, CELL).is_none());
        let outside = Cell::from(vec![1, 2, 3]);
        assert_eq!((&*outside, outside.memory_size()), (&[1, 2, 3][..], 3));
    }
}
