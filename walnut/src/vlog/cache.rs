//! The cached values of a value file, in the budget of the [`Cache`].
//!
//! 1. A value is cached after its record was checked, and is not checked again.
//! 2. A value that is evicted while it is read lives until its last reader is done.
//!
//! Lock order: the clock's lock, then this one. Unlike a block, a lookup takes a lock and counts a
//! reference: compared with the copy of a large value this costs nothing.

use std::collections::HashMap;
use std::fmt;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::cache::{Account, Cache, Evictable};
use crate::codec::ValuePointer;

pub(crate) struct ReadValue(Arc<CheckedValue>);

/// A value whose record was checked.
pub(super) struct CheckedValue {
    pub(super) key: Box<[u8]>,
    pub(super) record_size: u64,
    /// The value, which begins at `start`.
    pub(super) bytes: Vec<u8>,
    pub(super) start: usize,
    used: AtomicBool,
}

/// The admission of a value to the cache.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Caching {
    /// The value was read by its key, and may be read again.
    Admit,
    /// The value is one of many in a scan: it is cached if it evicts nothing.
    Spare,
}

/// The cached values of one file, by the offset of their records.
#[derive(Debug)]
pub(super) struct CachedValues {
    account: Account,
    values: Arc<Values>,
}

#[derive(Debug, Default)]
struct Values(Mutex<HashMap<u64, Arc<CheckedValue>>>);

/// The values of one file, for the clock.
#[derive(Debug)]
struct EvictableValues(Arc<Values>);

impl CheckedValue {
    pub(super) fn new(key: &[u8], record_size: u64, bytes: Vec<u8>, start: usize) -> Self {
        Self { key: key.into(), record_size, bytes, start, used: AtomicBool::new(false) }
    }

    fn memory_size(&self) -> usize {
        /// The approximate size of an entry of the map.
        const ENTRY: usize = 4 * size_of::<u64>();
        size_of::<Self>() + self.key.len() + self.bytes.capacity() + ENTRY
    }
}

impl CachedValues {
    pub(super) fn new(cache: &Arc<Cache>) -> Self {
        let values = Arc::<Values>::default();
        Self { account: cache.register(EvictableValues(Arc::clone(&values)), 0), values }
    }

    /// The value of `key` that a pointer refers to, if it is cached.
    pub(super) fn find(&self, pointer: &ValuePointer, key: &[u8]) -> Option<ReadValue> {
        let found = self.values.lock().get(&pointer.offset).map(Arc::clone);
        // A pointer with another size or key is refused by the file.
        let found = found.filter(|found| found.record_size == pointer.size && *found.key == *key);
        if let Some(found) = &found {
            found.used.store(true, Ordering::Relaxed);
        }
        self.account.cache().note(found.is_some());
        found.map(ReadValue)
    }

    /// Returns the value that was read, and caches it if it is admitted.
    pub(super) fn keep(&self, pointer: &ValuePointer, value: CheckedValue, caching: Caching) -> ReadValue {
        let (size, value) = (value.memory_size(), Arc::new(value));
        if self.account.cache().admits(identity(pointer), size, caching == Caching::Admit) {
            self.account.insert(pointer.offset, size, || {
                let mut values = self.values.lock();
                let is_new = !values.contains_key(&pointer.offset);
                if is_new {
                    values.insert(pointer.offset, Arc::clone(&value));
                }
                is_new
            });
        }
        ReadValue(value)
    }
}

/// A hash of a record's location with evenly distributed bits.
fn identity(pointer: &ValuePointer) -> u64 {
    let number = pointer.file.0.wrapping_mul(0xff51_afd7_ed55_8ccd) ^ pointer.offset;
    let number = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    number ^ number >> 32
}

impl ReadValue {
    /// A value that stays out of the cache.
    pub(super) fn lone(value: CheckedValue) -> Self {
        Self(Arc::new(value))
    }
}

impl Deref for ReadValue {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.0.bytes[self.0.start..]
    }
}

impl fmt::Debug for ReadValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadValue").field("size", &self.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for CheckedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CheckedValue").field("size", &self.bytes.len()).finish_non_exhaustive()
    }
}

impl Values {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Arc<CheckedValue>>> {
        // Nothing under the lock panics half way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Evictable for EvictableValues {
    fn take_used(&self, place: u64) -> bool {
        self.0.lock().get(&place).is_some_and(|value| value.used.swap(false, Ordering::Relaxed))
    }

    fn remove(&self, place: u64) -> usize {
        let value = self.0.lock().remove(&place);
        value.map_or(0, |value| value.memory_size())
    }

    fn size(&self, places: &mut dyn Iterator<Item = u64>) -> usize {
        let values = self.0.lock();
        places.filter_map(|place| values.get(&place)).map(|value| value.memory_size()).sum()
    }
}
