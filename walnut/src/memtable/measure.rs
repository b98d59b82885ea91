//! Benchmarks of memtables, alone and merged.

use super::{Memtable, MemtableCursor};
use crate::base::{EncodedEntry, KeyHash, KeyRange, Kind, SealedBatch, SeqNo};
use crate::cursor::{Direction, EntryCursor, MergeCursor};
use crate::error::Result;
use crate::sync::Arc;

/// A memtable.
#[derive(Debug)]
pub struct MeasuredMemtable(Arc<Memtable>);

impl Default for MeasuredMemtable {
    fn default() -> Self {
        Self(Arc::new(Memtable::new(SeqNo::ZERO)))
    }
}

impl MeasuredMemtable {
    /// Inserts a put in a batch of its own.
    pub fn insert(&self, key: &[u8], value: &[u8]) {
        let entry = EncodedEntry::new(Kind::Put, 0, key, value.len());
        let batch = SealedBatch::new([key, value].concat(), vec![entry]);
        self.0.insert(batch, self.0.max_lsn().plus(1));
    }

    /// The size of the newest value of a key.
    pub fn get(&self, key: &[u8]) -> Option<usize> {
        self.0.get(key, KeyHash::of(key), SeqNo::MAX, |entry| entry.value.len())
    }

    /// Iterates over all entries and returns their number.
    pub fn walk(&self) -> Result<usize> {
        count(self.cursor())
    }

    /// Merges several memtables and returns the number of entries.
    pub fn merge(all: &[Self]) -> Result<usize> {
        count(MergeCursor::new(all.iter().map(Self::cursor).collect(), Direction::Forward))
    }

    fn cursor(&self) -> MemtableCursor {
        MemtableCursor::new(Arc::clone(&self.0), &KeyRange::all(), Direction::Forward)
    }
}

fn count(mut cursor: impl EntryCursor) -> Result<usize> {
    let mut count = 0;
    while cursor.entry().is_some() {
        count += 1;
        cursor.advance()?;
    }
    Ok(count)
}
