//! The block cache: the cached blocks of SSTs, in the budget of the [`Cache`].
//!
//! ```text
//! SstReader -> CachedBlocks: [slot | slot | slot | ..]   a read: load the slot, set the block's flag
//!                               ^ filled and emptied under the lock of
//!              Cache -> account per reader -> ring of the filled slots       a miss: insert, evict
//! ```
//!
//! 1. A slot is filled and emptied only under the clock's lock, together with the account.
//! 2. A read of a cached block takes no lock, allocates nothing and counts no reference: see
//!    `slot`.
//! 3. A block that is evicted while it is read lives until its last reader is done.

pub(super) mod slab;
mod slot;

use std::sync::Arc;

use self::slab::Slabs;
use self::slot::BlockSlot;
pub(crate) use self::slot::Epoch;
use super::block::Block;
use crate::cache::{Account, Cache, Evictable};

/// The memory of cached blocks, and the budget that they share with filters, block indexes and
/// large values.
#[derive(Debug)]
pub(crate) struct BlockCache {
    cache: Arc<Cache>,
    slabs: Option<Arc<Slabs>>,
}

impl BlockCache {
    /// A cache of `budget` bytes, in which most blocks take up to `block_size` bytes.
    pub(crate) fn new(budget: usize, block_size: usize) -> Arc<Self> {
        Arc::new(Self { cache: Cache::new(budget), slabs: Slabs::new(budget, block_size) })
    }

    pub(crate) fn budget(&self) -> &Arc<Cache> {
        &self.cache
    }

    /// Sets the callback that is invoked when [`make_ahead`](Self::make_ahead) should be called;
    /// only the first call counts.
    pub(crate) fn when_low(&self, answer: impl Fn() + Send + Sync + 'static) {
        if let Some(slabs) = &self.slabs {
            slabs.low.set_callback(answer);
        }
    }

    /// Allocates memory for blocks in advance, if it was requested; a reader would wait for it
    /// otherwise.
    pub(crate) fn make_ahead(&self) {
        if let Some(slabs) = &self.slabs {
            slabs.make_ahead();
        }
    }

    pub(crate) fn used_size(&self) -> usize {
        self.cache.used_size()
    }

    /// The number of cache hits and misses, of blocks and values.
    pub(crate) fn hits_and_misses(&self) -> (u64, u64) {
        self.cache.hits_and_misses()
    }

    /// Adds slots for the blocks of a reader whose filter and block index take `fixed_size` bytes.
    pub(super) fn register(self: &Arc<Self>, block_count: usize, fixed_size: usize) -> CachedBlocks {
        let slots: Arc<[BlockSlot]> = (0..block_count).map(|_| BlockSlot::empty()).collect();
        let fixed_size = fixed_size + size_of_val(&*slots);
        let account = self.cache.register(Slots(Arc::clone(&slots)), fixed_size);
        CachedBlocks { slabs: self.slabs.clone(), account, slots }
    }
}

/// The cached blocks of one reader, by position.
#[derive(Debug)]
pub(super) struct CachedBlocks {
    slabs: Option<Arc<Slabs>>,
    account: Account,
    slots: Arc<[BlockSlot]>,
}

/// The slots of one reader, for the clock.
#[derive(Debug)]
struct Slots(Arc<[BlockSlot]>);

impl Evictable for Slots {
    fn take_used(&self, place: u64) -> bool {
        let slot = self.slot(place);
        slot.read(&Epoch::enter()).is_some_and(Block::take_used)
    }

    fn remove(&self, place: u64) -> usize {
        let epoch = Epoch::enter();
        let slot = self.slot(place);
        let size = slot.read(&epoch).map_or(0, Block::memory_size);
        slot.clear(&epoch);
        epoch.flush();
        size
    }

    fn size(&self, places: &mut dyn Iterator<Item = u64>) -> usize {
        let epoch = Epoch::enter();
        places.filter_map(|place| self.slot(place).read(&epoch)).map(Block::memory_size).sum()
    }
}

impl Slots {
    fn slot(&self, place: u64) -> &BlockSlot {
        &self.0[usize::try_from(place).expect("places are positions of slots")]
    }
}

impl CachedBlocks {
    /// The block at a position, if it is cached, with a reference of its own.
    pub(super) fn hold(&self, position: usize) -> Option<Arc<Block>> {
        let block = self.slots[position].hold(&Epoch::enter());
        self.count(block.is_some());
        block
    }

    /// Counts a hit or a miss.
    #[inline]
    pub(super) fn count(&self, is_cached: bool) {
        self.account.cache().note(is_cached);
    }

    /// Whether there is a block at a position that was used since it was cached, or since the clock
    /// has come to it.
    pub(super) fn is_used(&self, position: usize) -> bool {
        self.peek(position, &Epoch::enter()).is_some_and(Block::is_used)
    }

    /// Whether there is no block at a position.
    pub(super) fn is_empty(&self, position: usize) -> bool {
        self.slots[position].is_empty()
    }

    /// Whether the budget has room for so much without an eviction.
    pub(super) fn has_room(&self, size: usize) -> bool {
        self.account.cache().has_room(size)
    }

    /// The block at a position, if it is cached, borrowed under a pin and without a look at the
    /// block itself.
    #[inline]
    pub(super) fn peek<'s>(&'s self, position: usize, epoch: &'s Epoch) -> Option<&'s Block> {
        self.slots[position].read(epoch)
    }

    /// Caches a block that was read, if there is space for it.
    pub(super) fn insert(&self, position: usize, block: &Arc<Block>) {
        let in_cell = self.slabs.as_ref().and_then(|slabs| block.copy_to(slabs));
        let block = in_cell.map_or_else(|| Arc::clone(block), Arc::new);
        let slot = &self.slots[position];
        self.account.insert(position as u64, block.memory_size(), || {
            let is_empty = slot.is_empty();
            if is_empty {
                slot.fill(block);
            }
            is_empty
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Entry, Kind, SeqNo};
    use crate::sst::block_builder::BlockBuilder;
    use std::thread;

    fn block(number: usize) -> Arc<Block> {
        let mut builder = BlockBuilder::default();
        let key = number.to_be_bytes();
        builder.push(&Entry { key: &key, seqno: SeqNo(1), kind: Kind::Put, value: &[7; 500] }, 0);
        Arc::new(Block::new(builder.finish()).expect("a valid block"))
    }

    fn cached(blocks: &CachedBlocks) -> Vec<usize> {
        // Not through `hold`, which sets the flags.
        (0..blocks.slots.len()).filter(|&position| !blocks.slots[position].is_empty()).collect()
    }

    fn charged(readers: &[&CachedBlocks]) -> usize {
        let epoch = Epoch::enter();
        let slots = readers.iter().flat_map(|reader| reader.slots.iter());
        slots.filter_map(|slot| slot.read(&epoch)).map(Block::memory_size).sum()
    }

    #[test]
    fn what_is_used_again_stays_and_the_budget_holds() {
        let size = block(0).memory_size();
        let fixed = 20 * size_of::<BlockSlot>() + 100;
        let cache = BlockCache::new(fixed + 4 * size, 8192);
        let blocks = cache.register(20, 100);
        for position in 0..20 {
            blocks.insert(position, &block(position));
            let used = blocks.hold(0).inspect(|block| block.touch());
            assert!(used.is_some(), "the block that is used each time went at {position}");
            assert!(cache.used_size() <= fixed + 4 * size);
            assert_eq!(cache.used_size(), fixed + charged(&[&blocks]));
        }
        assert_eq!(cached(&blocks).len(), 4);
        drop(blocks);
        assert_eq!(cache.used_size(), 0);
    }

    #[test]
    fn the_hand_goes_round_all_readers() {
        let size = block(0).memory_size();
        let fixed = 3 * 8 * size_of::<BlockSlot>();
        let cache = BlockCache::new(fixed + 6 * size, 8192);
        let readers = [0; 3].map(|_| cache.register(8, 0));
        for position in 0..8 {
            for reader in &readers {
                reader.insert(position, &block(position));
            }
        }
        let counts = readers.each_ref().map(|reader| cached(reader).len());
        assert_eq!(counts.iter().sum::<usize>(), 6);
        let [first, second, third] = readers;
        drop(second);
        assert_eq!(cache.used_size(), 2 * 8 * size_of::<BlockSlot>() + charged(&[&first, &third]));
        for position in 0..8 {
            first.insert(position, &block(position));
        }
        assert_eq!(cache.used_size(), 2 * 8 * size_of::<BlockSlot>() + charged(&[&first, &third]));
    }

    #[test]
    fn a_large_cache_keeps_blocks_in_cells_and_pays_for_cells() {
        const CELL: usize = 600;
        let cache = BlockCache::new(64 << 20, CELL);
        let blocks = cache.register(2, 0);
        blocks.insert(0, &block(0));
        let kept = blocks.hold(0).expect("it was inserted");
        assert_eq!(kept.payload(), block(0).payload());
        assert_eq!(kept.memory_size(), size_of::<Block>() + CELL);
        assert_eq!(cache.used_size(), 2 * size_of::<BlockSlot>() + kept.memory_size());
    }

    #[test]
    fn a_block_that_cannot_fit_is_not_kept_and_drives_nothing_out() {
        let size = block(0).memory_size();
        let cache = BlockCache::new(2 * size_of::<BlockSlot>() + 50 + size, 8192);
        let blocks = cache.register(2, 50);
        blocks.insert(0, &block(0));
        let mut builder = BlockBuilder::default();
        builder.push(&Entry { key: b"k", seqno: SeqNo(1), kind: Kind::Put, value: &[7; 5000] }, 0);
        blocks.insert(1, &Arc::new(Block::new(builder.finish()).expect("a valid block")));
        assert_eq!(cached(&blocks), [0]);
        let other = cache.register(1, size);
        assert_eq!(cached(&blocks), [] as [usize; 0], "the filter of another reader takes the place");
        other.insert(0, &block(0));
        assert_eq!(cached(&other), [] as [usize; 0]);
        let nothing = BlockCache::new(0, 8192);
        nothing.register(1, 0).insert(0, &block(0));
    }

    #[test]
    fn the_account_is_right_after_many_threads_with_a_tiny_budget() {
        const BLOCKS: usize = 30;
        const ROUNDS: usize = if cfg!(miri) { 40 } else { 4000 };
        let size = block(0).memory_size();
        let budget = 3 * BLOCKS * size_of::<BlockSlot>() + 7 * size;
        let cache = BlockCache::new(budget, 8192);
        let readers = [0; 2].map(|_| cache.register(BLOCKS, 0));
        thread::scope(|scope| {
            for seed in 1..5usize {
                let (cache, readers) = (&cache, &readers);
                scope.spawn(move || {
                    let mut state = seed;
                    for round in 0..ROUNDS {
                        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                        let (reader, position) = (&readers[state >> 40 & 1], (state >> 33) % BLOCKS);
                        match reader.hold(position) {
                            Some(found) => assert_eq!(found.row(0).suffix, [] as [u8; 0]),
                            None => reader.insert(position, &block(position)),
                        }
                        if let Some(found) = reader.peek(position, &Epoch::enter()) {
                            assert_eq!(found.prefix(), position.to_be_bytes(), "another block's place");
                        }
                        if round % (ROUNDS / 8) == 0 {
                            let passing = cache.register(BLOCKS, 0);
                            passing.insert(position, &block(position));
                        }
                    }
                });
            }
        });
        let fixed = 2 * BLOCKS * size_of::<BlockSlot>();
        assert_eq!(cache.used_size(), fixed + charged(&readers.each_ref()));
        assert!(cache.used_size() <= budget);
        drop(readers);
        assert_eq!(cache.used_size(), 0);
    }
}
