//! The block cache: one budget for the blocks, filters and fences of all open SSTs.
//!
//! ```text
//! SstReader -> CachedBlocks: [slot | slot | slot | ..]      a read: load the slot, set the block's flag if it is clear
//!                               ^ filled and emptied under the lock of
//!              BlockCache -> Clock: account per reader -> ring of the filled slots       a miss: insert, evict
//! ```
//!
//! 1. A slot is filled and emptied only under the clock's lock, together with the account; so a slot is filled if and
//!    only if its position stands in its reader's ring, and `used` is the sum of what is charged.
//! 2. A read of a cached block takes no lock, allocates nothing and counts no reference: see `slot`.
//! 3. The blocks take no more than the budget leaves beside filters and fences, which are charged as long as
//!    their reader lives. A block that is evicted while somebody reads it lives until it is let go.
//! 4. A reader that is dropped gives back everything.
//!
//! Hits are counted in stripes, one for a thread or a few: a counter that all threads share would cost more than the read.
//!
//! Eviction is a clock with a second chance: a block whose flag is set loses the flag and stays. A new block's flag is
//! clear, so that one scan does not drive out what is used again and again.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::block::Block;
use super::slab::Slabs;
use super::slot::{BlockSlot, Epoch};
use crate::sync::{AtomicU64, AtomicUsize, Ordering};

/// How many blocks in a row may be spared before one goes all the same: it bounds the time under the lock.
const MAX_CHANCES: usize = 64;

/// The account of all memory that open SSTs take.
#[derive(Debug)]
pub(crate) struct BlockCache {
    budget: usize,
    slabs: Option<Arc<Slabs>>,
    hits: Tally,
    misses: Tally,
    clock: Mutex<Clock>,
}

#[derive(Debug, Default)]
struct Clock {
    /// What is charged, in bytes: filters and fences, and blocks.
    fixed_size: usize,
    block_size: usize,
    accounts: BTreeMap<u64, Account>,
    next_account: u64,
    /// The account at which blocks are evicted, and how many of its blocks are left until the next has its turn.
    hand: u64,
    left: usize,
}

#[derive(Debug)]
struct Account {
    slots: Arc<[BlockSlot]>,
    fixed_size: usize,
    /// The positions of the filled slots, the next to be looked at in front.
    ring: VecDeque<usize>,
}

impl BlockCache {
    /// A cache for so many bytes, in which most blocks take up to `block_size` bytes.
    pub(crate) fn new(budget: usize, block_size: usize) -> Arc<Self> {
        Arc::new(Self {
            budget,
            slabs: Slabs::new(budget, block_size),
            hits: Tally::default(),
            misses: Tally::default(),
            clock: Mutex::default(),
        })
    }

    /// Says what is done when memory for blocks should be made ahead, by [`make_ahead`](Self::make_ahead): only the first time counts.
    pub(crate) fn when_low(&self, answer: impl Fn() + Send + Sync + 'static) {
        if let Some(slabs) = &self.slabs {
            slabs.low.set_callback(answer);
        }
    }

    /// Makes memory for blocks, if it was called for: whoever reads one would wait for it otherwise.
    pub(crate) fn make_ahead(&self) {
        if let Some(slabs) = &self.slabs {
            slabs.make_ahead();
        }
    }

    /// The bytes in use.
    pub(crate) fn used_size(&self) -> usize {
        let clock = self.lock();
        clock.fixed_size + clock.block_size
    }

    /// How often a block was asked for and was there, and how often it was not.
    pub(crate) fn hits_and_misses(&self) -> (u64, u64) {
        (self.hits.sum(), self.misses.sum())
    }

    /// Places for the blocks of a reader whose filter and fences take `fixed_size` bytes.
    pub(super) fn register(self: &Arc<Self>, block_count: usize, fixed_size: usize) -> CachedBlocks {
        let slots: Arc<[BlockSlot]> = (0..block_count).map(|_| BlockSlot::empty()).collect();
        let fixed_size = fixed_size + size_of_val(&*slots);
        let mut clock = self.lock();
        let id = clock.next_account;
        clock.next_account += 1;
        clock.fixed_size += fixed_size;
        clock.accounts.insert(id, Account { slots: Arc::clone(&slots), fixed_size, ring: VecDeque::new() });
        clock.evict(self.budget);
        drop(clock);
        CachedBlocks { cache: Arc::clone(self), id, slots }
    }

    fn lock(&self) -> MutexGuard<'_, Clock> {
        // Nothing under the lock panics half way, so the state behind a poisoned one is whole.
        self.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock {
    /// Empties slots until what is charged fits the budget.
    fn evict(&mut self, budget: usize) {
        if self.fixed_size + self.block_size <= budget {
            return;
        }
        let epoch = Epoch::enter();
        let mut chances = MAX_CHANCES;
        while self.block_size > 0 && self.fixed_size + self.block_size > budget {
            let Some(account) = self.next_account_with_blocks() else { return };
            let Some(position) = account.ring.pop_front() else { return };
            let slot = &account.slots[position];
            let Some(block) = slot.read(&epoch) else { return };
            if chances > 0 && block.take_used() {
                account.ring.push_back(position);
                chances -= 1;
            } else {
                chances = MAX_CHANCES;
                let size = block.memory_size();
                slot.clear(&epoch);
                self.block_size -= size;
            }
        }
        epoch.flush();
    }

    /// The account under the hand, which moves on when it has seen all blocks of one.
    fn next_account_with_blocks(&mut self) -> Option<&mut Account> {
        if self.left == 0 || self.accounts.get(&self.hand).is_none_or(|account| account.ring.is_empty()) {
            let after = self.accounts.range(self.hand.saturating_add(1)..);
            let (&id, account) = after
                .chain(self.accounts.range(..=self.hand))
                .find(|(_, account)| !account.ring.is_empty())?;
            (self.hand, self.left) = (id, account.ring.len());
        }
        self.left -= 1;
        self.accounts.get_mut(&self.hand)
    }
}

/// Counts in stripes. Threads that share one may overwrite each other's last step: it is a number for people.
#[derive(Debug, Default)]
struct Tally([Stripe; STRIPE_COUNT]);

const STRIPE_COUNT: usize = 16;

/// A counter with a cache line, and the one fetched with it, of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Stripe(AtomicU64);

static NEXT_STRIPE: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static STRIPE: usize = NEXT_STRIPE.fetch_add(1, Ordering::Relaxed) % STRIPE_COUNT;
}

impl Tally {
    #[inline]
    fn count(&self) {
        let count = &self.0[STRIPE.with(|stripe| *stripe)].0;
        count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    fn sum(&self) -> u64 {
        self.0.iter().map(|stripe| stripe.0.load(Ordering::Relaxed)).sum()
    }
}

/// The cached blocks of one reader, found by position.
#[derive(Debug)]
pub(super) struct CachedBlocks {
    cache: Arc<BlockCache>,
    id: u64,
    slots: Arc<[BlockSlot]>,
}

impl CachedBlocks {
    /// The block at a position, if it is cached, to be kept beyond a pin.
    pub(super) fn hold(&self, position: usize) -> Option<Arc<Block>> {
        let block = self.slots[position].hold(&Epoch::enter());
        self.note(block.as_deref());
        block
    }

    /// Takes note of a use of what stands in a slot.
    #[inline]
    pub(super) fn note(&self, cached: Option<&Block>) {
        if let Some(block) = cached {
            block.touch();
            self.cache.hits.count();
        } else {
            self.cache.misses.count();
        }
    }

    /// The same under a pin, without a note that it is used, and so without a look at the block itself: see [`note`](Self::note).
    #[inline]
    pub(super) fn peek<'s>(&'s self, position: usize, epoch: &'s Epoch) -> Option<&'s Block> {
        self.slots[position].read(epoch)
    }

    /// Keeps a block that was read, if there can be room for it.
    pub(super) fn insert(&self, position: usize, block: &Arc<Block>) {
        let in_cell = self.cache.slabs.as_ref().and_then(|slabs| block.copy_to(slabs));
        let block = in_cell.map_or_else(|| Arc::clone(block), Arc::new);
        let size = block.memory_size();
        let budget = self.cache.budget;
        let mut clock = self.cache.lock();
        // Another reader may have been quicker.
        if clock.fixed_size.saturating_add(size) > budget || !self.slots[position].is_empty() {
            return;
        }
        let Some(account) = clock.accounts.get_mut(&self.id) else { return };
        account.ring.push_back(position);
        self.slots[position].fill(block);
        clock.block_size += size;
        clock.evict(budget);
    }
}

impl Drop for CachedBlocks {
    fn drop(&mut self) {
        let mut clock = self.cache.lock();
        let Some(account) = clock.accounts.remove(&self.id) else { return };
        let epoch = Epoch::enter();
        let blocks = account.ring.iter().filter_map(|&position| account.slots[position].read(&epoch));
        clock.block_size -= blocks.map(Block::memory_size).sum::<usize>();
        clock.fixed_size -= account.fixed_size;
    }
}

#[cfg(test)]
mod tests {
    use super::super::block_builder::BlockBuilder;
    use super::*;
    use crate::base::{Entry, Kind, SeqNo};
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
            assert!(blocks.hold(0).is_some(), "the block that is used each time went at {position}");
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
        let cache = BlockCache::new(3 * BLOCKS * size_of::<BlockSlot>() + 7 * size, 8192);
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
        assert!(cache.used_size() <= cache.budget);
        drop(readers);
        assert_eq!(cache.used_size(), 0);
    }
}
