//! A list that others read while it grows.
//!
//! ```text
//!   chunk 0: 64 items | chunk 1: 128 | chunk 2: 256 | ..     an item never moves
//! ```
//!
//! Items are made with their default, a chunk at a time, and get what they hold through atomics or cells of their own; who
//! reads an item that nobody has filled finds the default.

use crate::sync::OnceLock;

/// How many items the first chunk has. Each further one has twice as many as the one before.
const FIRST_CHUNK: usize = 64;

/// As many chunks as numbers of 32 bits can ask for.
const CHUNK_COUNT: usize = (u32::BITS - FIRST_CHUNK.ilog2() + 1) as usize;

/// A list of items that stay where they are.
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
    /// The item at a place, if its chunk was made.
    #[inline]
    pub(super) fn get(&self, place: u32) -> Option<&T> {
        let (chunk, within) = split(place);
        self.chunks[chunk].get()?.get(within)
    }

    /// The item at a place; it is made when it is not there.
    pub(super) fn make(&self, place: u32) -> &T {
        let (chunk, within) = split(place);
        let new = || (0..FIRST_CHUNK << chunk).map(|_| T::default()).collect();
        &self.chunks[chunk].get_or_init(new)[within]
    }
}

/// The chunk of a place, and where in it.
#[inline]
fn split(place: u32) -> (usize, usize) {
    let place = place as usize + FIRST_CHUNK;
    let chunk = place.ilog2() - FIRST_CHUNK.ilog2();
    (chunk as usize, place - (FIRST_CHUNK << chunk))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::{AtomicU64, Ordering};

    #[test]
    fn each_place_has_an_item_of_its_own_which_stays() {
        let list = AppendVec::<AtomicU64>::default();
        assert!(list.get(0).is_none() && list.get(u32::MAX).is_none());
        for place in 0..1000 {
            list.make(place).store(u64::from(place), Ordering::Relaxed);
        }
        for place in (0..1000).rev() {
            assert_eq!(list.make(place).load(Ordering::Relaxed), u64::from(place));
            assert_eq!(list.get(place).map(|item| item.load(Ordering::Relaxed)), Some(u64::from(place)));
        }
        assert_eq!(
            split(u32::MAX),
            (CHUNK_COUNT - 1, FIRST_CHUNK - 1),
            "there is a chunk for the last number"
        );
    }
}
