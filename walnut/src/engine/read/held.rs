//! What iterators still hold of what the engine has let go of: memtables that were written out, and
//! files that no version names.
//!
//! An iterator sees the state in which it began, and keeps the memtables and files of it alive.
//! They are known here by weak references, and each is counted once, however many iterators hold
//! it; readers pay nothing for that.

use std::fmt::Debug;
use std::sync::Weak;

use crate::memtable::Memtable;
use crate::sync::{Arc, AtomicUsize, Mutex, Ordering};

/// A file that no version names, and its length.
type HeldFile = (Weak<dyn Debug + Send + Sync>, u64);

/// The iterators that there are, and what was let go of since they may have begun.
#[derive(Debug, Default)]
pub(in crate::engine) struct PinnedMemory {
    iterators: AtomicUsize,
    memtables: Mutex<Vec<Weak<Memtable>>>,
    files: Mutex<Vec<HeldFile>>,
}

impl PinnedMemory {
    pub(in crate::engine) fn begin_iterator(&self) {
        self.iterators.fetch_add(1, Ordering::Relaxed);
    }

    pub(in crate::engine) fn end_iterator(&self) {
        self.iterators.fetch_sub(1, Ordering::Relaxed);
    }

    /// Iterators that were begun and are not dropped.
    pub(in crate::engine) fn iterator_count(&self) -> usize {
        self.iterators.load(Ordering::Relaxed)
    }

    /// Takes note of a memtable that is in SSTs now.
    pub(in crate::engine) fn track_memtable(&self, memtable: &Arc<Memtable>) {
        let mut memtables = self.memtables.lock();
        memtables.retain(|memtable| memtable.strong_count() > 0);
        memtables.push(Arc::downgrade(memtable));
    }

    /// Takes note of a file of this length that no version names any more.
    pub(in crate::engine) fn track_file<F: Debug + Send + Sync + 'static>(&self, file: &Arc<F>, size: u64) {
        let file = Arc::downgrade(file);
        let mut files = self.files.lock();
        files.retain(|(file, _)| file.strong_count() > 0);
        let file: Weak<dyn Debug + Send + Sync> = file;
        files.push((file, size));
    }

    /// Memory of memtables that iterators still hold.
    pub(in crate::engine) fn memtable_size(&self) -> usize {
        self.memtables.lock().iter().filter_map(Weak::upgrade).map(|memtable| memtable.size()).sum()
    }

    /// Length of files that iterators still hold.
    pub(in crate::engine) fn file_size(&self) -> u64 {
        self.files.lock().iter().filter(|(file, _)| file.strong_count() > 0).map(|(_, size)| size).sum()
    }
}
