//! A cache slot: holds a block that is read without a lock and without reference counting.
//!
//! ```text
//!   readers:  pin ── load ── read the block ── unpin          a load, no write to shared memory
//!   cache:    fill .. clear ── the block is freed once every thread that was pinned then has unpinned
//! ```
//!
//! Each write with a lock prefix waits for all earlier loads, so a reference count per lookup would
//! keep the loads of the filter's line, the block index, the block and the next lookup from
//! overlapping; the unsafe code here avoids that (docs/design/sst-and-cache.md). Its invariants:
//!
//! 1. The pointer in a slot is null, or came from `Arc::into_raw`, and the slot owns the count that
//!    went with it.
//! 2. A thread that reads a pointer is pinned, and borrows the block for no longer than the pin
//!    lives. A block that was taken out of a slot releases the count of the slot only when no
//!    thread is left that was pinned at that time: `crossbeam-epoch` guarantees this of deferred
//!    functions. ("Practical lock-freedom", K. Fraser, 2004, section 5.2.3.)
//! 3. A slot that is dropped is not borrowed, so no block is read through it.

#![expect(
    unsafe_code,
    reason = "a count for each look-up costs a third of it; see the invariants at the head"
)]

use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};

use crossbeam_epoch::Guard;

use crate::sst::block::Block;

/// A pin (epoch-based reclamation): while it lives, no block that its thread has read from a slot
/// is freed. Costs an atomic exchange; nested in another one, next to nothing.
pub(crate) struct Epoch(Guard);

impl Epoch {
    #[inline]
    pub(crate) fn enter() -> Self {
        Self(crossbeam_epoch::pin())
    }
}

/// A block, or nothing.
#[derive(Debug)]
pub(super) struct BlockSlot(AtomicPtr<Block>);

impl BlockSlot {
    pub(super) fn empty() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    #[inline]
    pub(super) fn read<'s>(&'s self, _epoch: &'s Epoch) -> Option<&'s Block> {
        // SAFETY: the pointer is null or that of a block with a count (1), which is not given up
        // while this thread is pinned (2) and the slot exists (3).
        unsafe { self.0.load(Ordering::Acquire).as_ref() }
    }

    /// The block with a reference of its own, to be kept beyond the pin.
    pub(super) fn hold(&self, epoch: &Epoch) -> Option<Arc<Block>> {
        let block: *const Block = self.read(epoch)?;
        // SAFETY: the pointer came from an `Arc` (1) that has a count while this thread is pinned
        // (2); this adds another.
        unsafe {
            Arc::increment_strong_count(block);
            Some(Arc::from_raw(block))
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.load(Ordering::Relaxed).is_null()
    }

    /// Fills the slot, which must be empty. Fills and clears must not be concurrent.
    pub(super) fn fill(&self, block: Arc<Block>) {
        let before = self.0.swap(Arc::into_raw(block).cast_mut(), Ordering::AcqRel);
        assert!(before.is_null(), "a slot is emptied before it is filled again");
    }

    /// Empties the slot. The block is freed once no reader can have it.
    pub(super) fn clear(&self, epoch: &Epoch) {
        let block = self.0.swap(ptr::null_mut(), Ordering::AcqRel).cast_const();
        if block.is_null() {
            return;
        }
        // SAFETY: the count was the slot's (1) and is now the function's, which runs once, when
        // every thread that may have read the pointer is unpinned (2). A block may be dropped by
        // any thread.
        unsafe { epoch.0.defer_unchecked(move || drop(Arc::from_raw(block))) };
    }
}

impl Drop for BlockSlot {
    fn drop(&mut self) {
        let block = (*self.0.get_mut()).cast_const();
        if !block.is_null() {
            // SAFETY: the count is the slot's (1), and the slot is not borrowed (3).
            drop(unsafe { Arc::from_raw(block) });
        }
    }
}

impl Epoch {
    /// Submits what was cleared under this pin, so that it is freed soon whatever this thread does
    /// next.
    pub(super) fn flush(&self) {
        self.0.flush();
    }
}

/// Checks that a block may be sent and shared between threads, which the raw pointer does not
/// imply.
const _: () = {
    const fn may_be_shared<T: Send + Sync>() {}
    may_be_shared::<Arc<Block>>();
};

#[cfg(test)]
mod tests {
    use std::sync::{Barrier, Weak};
    use std::thread;

    use super::*;
    use crate::base::{Entry, Kind, SeqNo};
    use crate::sst::block_builder::BlockBuilder;

    fn block(number: u8) -> Arc<Block> {
        let mut builder = BlockBuilder::default();
        builder.push(&Entry { key: &[number], seqno: SeqNo(1), kind: Kind::Put, value: &[number; 40] }, 0);
        Arc::new(Block::new(builder.finish()).expect("a valid block"))
    }

    /// Advances epochs until the block is freed: other tests may be pinned for a moment.
    fn wait_until_gone(block: &Weak<Block>) {
        while block.strong_count() > 0 {
            Epoch::enter().flush();
            thread::yield_now();
        }
    }

    #[test]
    fn a_block_that_was_cleared_stays_for_who_reads_it_and_then_goes() {
        let (slot, first) = (BlockSlot::empty(), block(1));
        let watched = Arc::downgrade(&first);
        slot.fill(first);
        let epoch = Epoch::enter();
        let read = slot.read(&epoch).expect("it was filled");
        thread::scope(|scope| {
            scope.spawn(|| {
                let epoch = Epoch::enter();
                slot.clear(&epoch);
                for _ in 0..8 {
                    Epoch::enter().flush();
                }
            });
        });
        assert!(slot.is_empty() && slot.read(&epoch).is_none());
        assert_eq!((read.prefix(), watched.strong_count()), (&[1][..], 1));
        drop(epoch);
        wait_until_gone(&watched);
    }

    #[test]
    fn a_block_that_is_held_or_in_a_slot_that_is_dropped_is_counted_right() {
        let (slot, first, second) = (BlockSlot::empty(), block(1), block(2));
        let watched = [Arc::downgrade(&first), Arc::downgrade(&second)];
        slot.fill(first);
        let held = slot.hold(&Epoch::enter()).expect("it was filled");
        slot.clear(&Epoch::enter());
        slot.fill(second);
        drop(slot);
        assert_eq!(watched[1].strong_count(), 0, "nobody could read it any more");
        assert_eq!(held.prefix(), [1]);
        drop(held);
        wait_until_gone(&watched[0]);
    }

    #[test]
    fn readers_never_see_a_block_that_is_gone() {
        const ROUNDS: u8 = if cfg!(miri) { 20 } else { 250 };
        let (slot, start) = (BlockSlot::empty(), Barrier::new(3));
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    start.wait();
                    let mut last = 0;
                    while last < ROUNDS - 1 {
                        let epoch = Epoch::enter();
                        let Some(block) = slot.read(&epoch) else { continue };
                        let row = block.row(0);
                        let number = block.prefix()[0];
                        assert_eq!(row.value, [number; 40]);
                        assert!(number >= last, "a block came back");
                        last = number;
                    }
                });
            }
            start.wait();
            for number in 0..ROUNDS {
                slot.fill(block(number));
                if number < ROUNDS - 1 {
                    thread::yield_now();
                    slot.clear(&Epoch::enter());
                }
            }
        });
    }
}
