//! Write batches over keyspaces.
#![expect(
    clippy::needless_pass_by_value,
    reason = "a range is written where it is used, and never needed again"
)]

use std::fmt;
use std::sync::Arc;

use super::KeyBounds;
use super::bounds::{check_value, checked_key, inner_range, sought_key};
use super::keyspace::Keyspace;
use crate::batch;
use crate::engine::Durability;
use crate::error::{Error, Result};
use crate::table::{OpenKeyspace, ReadOnly, ReadWrite, Store};

/// Puts, adds and removals over any number of keyspaces of one database that take effect together
/// or not at all.
///
/// They happen in the order in which they were added: of two puts of a key the later one counts,
/// and a range that is removed takes what was put before it, not what is put after. Nothing is
/// written until [`Database::write`](crate::Database::write); a batch that is dropped leaves no
/// trace.
///
/// Each method copies its bytes, and refuses what is too large at once: [`Error::Limit`]. The
/// keyspaces are those of the database: one of a transaction is [`Error::Unsupported`], as its
/// writes are the transaction's.
///
/// ```
/// # let db = walnut::Database::in_memory()?;
/// use walnut::kv::WriteBatch;
/// let queue = db.keyspace("queue")?;
/// let done = db.keyspace("done")?;
/// queue.put("job 1", "")?;
///
/// let mut batch = WriteBatch::new();
/// batch.remove(&queue, "job 1")?;
/// batch.put(&done, "job 1", "ok")?;
/// db.write(batch)?;
/// assert!(queue.is_empty()? && done.contains("job 1")?);
/// # Ok::<(), walnut::Error>(())
/// ```
#[derive(Default)]
pub struct WriteBatch {
    batch: batch::EntryBatch,
    /// The database that the keyspaces belong to.
    store: Option<Arc<Store>>,
    /// Distinct keyspaces.
    keyspaces: Vec<Arc<OpenKeyspace>>,
}

impl WriteBatch {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the value of `key`, and replaces the one that it has.
    pub fn put(&mut self, keyspace: &Keyspace, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<()> {
        let key = checked_key(keyspace.id_prefix(), key.as_ref())?;
        check_value(value.as_ref())?;
        self.join(keyspace)?;
        self.batch.put(&key, value.as_ref());
        Ok(())
    }

    /// Adds `delta` to the number of `key`: see [`Keyspace::add`].
    pub fn add(&mut self, keyspace: &Keyspace, key: impl AsRef<[u8]>, delta: i64) -> Result<()> {
        let key = checked_key(keyspace.id_prefix(), key.as_ref())?;
        self.join(keyspace)?;
        self.batch.add(&key, delta);
        Ok(())
    }

    /// Removes `key`, if it is there.
    pub fn remove(&mut self, keyspace: &Keyspace, key: impl AsRef<[u8]>) -> Result<()> {
        self.join(keyspace)?;
        if let Some(key) = sought_key(keyspace.id_prefix(), key.as_ref()) {
            self.batch.delete(&key);
        }
        Ok(())
    }

    /// Removes every key in a range: see [`Keyspace::remove_range`]. A batch takes up to 1,024
    /// ranges.
    pub fn remove_range(&mut self, keyspace: &Keyspace, range: impl KeyBounds) -> Result<()> {
        let range = inner_range(keyspace.id_prefix(), &range);
        self.join(keyspace)?;
        if let Some(end) = &range.end {
            self.batch.delete_range(&range.start, end);
        }
        Ok(())
    }

    /// The number of writes.
    pub fn len(&self) -> usize {
        usize::try_from(self.batch.count()).unwrap_or(usize::MAX)
    }

    /// Whether there is no write.
    pub fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }

    /// Its size in the log, in bytes.
    pub fn size(&self) -> usize {
        self.batch.size()
    }

    /// Records that there is a write to a keyspace.
    fn join(&mut self, keyspace: &Keyspace) -> Result<()> {
        let (store, keyspace) = keyspace.in_database()?;
        let own = self.store.get_or_insert_with(|| Arc::clone(store));
        if !Arc::ptr_eq(own, store) {
            return Err(Error::Unsupported("a batch over keyspaces of two databases"));
        }
        // The last ones are the likely ones, and there are few.
        if !self.keyspaces.iter().rev().any(|known| Arc::ptr_eq(known, keyspace)) {
            self.keyspaces.push(Arc::clone(keyspace));
        }
        Ok(())
    }

    pub(crate) fn commit(self, store: &Arc<Store>, durability: Durability) -> Result<()> {
        match self.store {
            None => store.confirm_all(durability),
            Some(own) if Arc::ptr_eq(&own, store) => store.write(&self.keyspaces, self.batch, durability),
            Some(_) => Err(Error::Unsupported("writing a batch over keyspaces of another database")),
        }
    }
}

impl fmt::Debug for WriteBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteBatch")
            .field("len", &self.len())
            .field("size", &self.size())
            .finish_non_exhaustive()
    }
}

const _: () = {
    const fn is_sendable<T: Send + Sync + 'static>() {}
    is_sendable::<WriteBatch>();
    is_sendable::<Keyspace<ReadWrite>>();
    is_sendable::<Keyspace<ReadOnly>>();
};
