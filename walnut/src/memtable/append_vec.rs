//! A vector that is read while it grows.
//!
//! ```text
//!   chunk 0: 64 items | chunk 1: 128 | chunk 2: 256 | ..     an item never moves
//! ```
//!
//! Items are created with their default, a chunk at a time, and are filled through atomics or cells
//! of their own; a reader of an item that is not filled finds the default.

use crate::sync::OnceLock;

/// The number of items in the first chunk; each further chunk has twice as many as the one before.
const FIRST_CHUNK: usize = 64;

/// Enough chunks for every 32-bit index.
const CHUNK_COUNT: usize = (u32::BITS - FIRST_CHUNK.ilog2() + 1) as usize;

#[derive(Debug)]
pub(super) struct AppendVec<T> {
    chunks: [OnceLock<Box<[T]>>; CHUNK_COUNT],
}

impl<T> Default for AppendVec<T> {
    fn default() -> Self {
        Self { chunks: [const { OnceLock::new() }; CHUNK_COUNT] }
    }
}

impl<T: Default> AppendVec<T> {
    /// The item at an index, if its chunk exists.
    #[inline]
    pub(super) fn get(&self, index: u32) -> Option<&T> {
        let (chunk, within) = split(index);
        self.chunks[chunk].get()?.get(within)
    }

    /// The item at an index; its chunk is created if necessary.
    pub(super) fn make(&self, index: u32) -> &T {
        let (chunk, within) = split(index);
        let new = || (0..FIRST_CHUNK << chunk).map(|_| T::default()).collect();
        &self.chunks[chunk].get_or_init(new)[within]
    }
}

/// The chunk of an index, and the index within it.
#[inline]
fn split(index: u32) -> (usize, usize) {
    let index = index as usize + FIRST_CHUNK;
    let chunk = index.ilog2() - FIRST_CHUNK.ilog2();
    (chunk as usize, index - (FIRST_CHUNK << chunk))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::{AtomicU64, Ordering};

    #[test]
    fn each_place_has_an_item_of_its_own_which_stays() {
        let list = AppendVec::<AtomicU64>::default();
        assert!(list.get(0).is_none() && list.get(u32::MAX).is_none());
        for index in 0..1000 {
            list.make(index).store(u64::from(index), Ordering::Relaxed);
        }
        for index in (0..1000).rev() {
            assert_eq!(list.make(index).load(Ordering::Relaxed), u64::from(index));
            assert_eq!(list.get(index).map(|item| item.load(Ordering::Relaxed)), Some(u64::from(index)));
        }
        assert_eq!(
            split(u32::MAX),
            (CHUNK_COUNT - 1, FIRST_CHUNK - 1),
            "there is a chunk for the last number"
        );
    }
}
