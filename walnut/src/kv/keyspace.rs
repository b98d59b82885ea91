//! Handles to keyspaces: of the database, of a transaction, of a snapshot.
#![expect(
    clippy::needless_pass_by_value,
    reason = "a range is written where it is used, and never needed again"
)]

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use super::bounds::{PREFIX, check_value, checked_key, inner_range, sought_key};
use super::{Iter, KeyBounds};
use crate::base::KeyRange;
use crate::batch::EntryBatch;
use crate::engine::Number;
use crate::error::{Error, Result};
use crate::table::{
    Access, OpenKeyspace, ReadOnly, ReadWrite, Snapshot, Source, Store, Transaction, WriteAccess, keyspace_in,
};
use crate::txn::Txn;

/// A sorted map from bytes to bytes; see the [module](super).
///
/// [`Database::keyspace`](crate::Database::keyspace) returns a handle that can be cloned, kept and
/// shared between threads, and each of whose writes is a commit of its own.
/// [`Transaction::keyspace`](crate::Transaction::keyspace) returns one of the same type whose
/// writes are those of the transaction; when that is over, each method is
/// [`Error::TransactionEnded`]. The handle of [`Snapshot::keyspace`](crate::Snapshot::keyspace)
/// only reads: it has no method that writes.
///
/// ```
/// # let db = walnut::Database::in_memory()?;
/// let cities = db.keyspace("cities")?;
/// cities.put("fr/paris", "2.1")?;
/// cities.put("fr/lyon", "0.5")?;
/// cities.put("jp/kyoto", "1.5")?;
///
/// let french: Result<Vec<_>, _> = cities.prefix("fr/").map(|entry| entry.map(|(key, _)| key)).collect();
/// assert_eq!(french?, [b"fr/lyon".to_vec(), b"fr/paris".to_vec()]);
///
/// cities.remove_prefix("fr/")?;
/// assert_eq!(cities.len()?, 1);
/// # Ok::<(), walnut::Error>(())
/// ```
///
/// A snapshot cannot be written:
///
/// ```compile_fail,E0277
/// # let db = walnut::Database::in_memory()?;
/// db.keyspace("cities")?;
/// db.snapshot().keyspace("cities")?.unwrap().put("fr/nice", "0.3")?;
/// # Ok::<(), walnut::Error>(())
/// ```
///
/// # When the keyspace is dropped
///
/// Handles of a keyspace that was dropped find it empty, and refuse to write:
/// [`Error::Dropped`](crate::Error::Dropped). The name is free at once. Snapshots and iterators
/// that were there before see what they saw.
pub struct Keyspace<M = ReadWrite> {
    source: Source,
    open: Arc<OpenKeyspace>,
    marker: PhantomData<fn() -> M>,
}

impl<M: Access> Keyspace<M> {
    fn new(source: Source, open: Arc<OpenKeyspace>) -> Self {
        Self { source, open, marker: PhantomData }
    }

    /// The name.
    pub fn name(&self) -> &str {
        self.open.name()
    }

    /// The value of `key`; `None` when there is none, as there never is of a key that is too long.
    ///
    /// Cost: at most one block read for each run of level 0 and each deeper level whose filter does
    /// not deny the key.
    pub fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>> {
        let Some(key) = sought_key(self.id_prefix(), key.as_ref()) else { return Ok(None) };
        self.source.read(|reader| reader.get(&key, <[u8]>::to_vec))
    }

    /// The number of `key`: the sum of what was [added](Self::add) to it; 0 when it has no value.
    ///
    /// It is the `i64` that [`get`](Self::get) has as eight bytes, the lowest first. In a
    /// transaction the commit loses to others that add to the key meanwhile, as with every read.
    ///
    /// [`Error::Unsupported`] when the value is not of eight bytes. Cost: that of
    /// [`get`](Self::get); the adds of a key that no merge has folded yet lie in one place for each
    /// run and each snapshot.
    pub fn get_sum(&self, key: impl AsRef<[u8]>) -> Result<i64> {
        let Some(key) = sought_key(self.id_prefix(), key.as_ref()) else { return Ok(0) };
        match self.source.read(|reader| reader.number(&key))? {
            Number::Nothing => Ok(0),
            Number::Known(number) => Ok(number),
            Number::Other => {
                Err(Error::Unsupported("the sum of a value that is not a number of eight bytes"))
            }
        }
    }

    /// Whether `key` has a value. Costs what [`get`](Self::get) does.
    pub fn contains(&self, key: impl AsRef<[u8]>) -> Result<bool> {
        let Some(key) = sought_key(self.id_prefix(), key.as_ref()) else { return Ok(false) };
        Ok(self.source.read(|reader| reader.get(&key, |_| ()))?.is_some())
    }

    /// All keys and values, in order.
    pub fn iter(&self) -> Iter {
        self.range(..)
    }

    /// The keys and values in a range, in order; `.rev()` from its end.
    pub fn range(&self, range: impl KeyBounds) -> Iter {
        Iter::new(self.source.scan(inner_range(self.id_prefix(), &range)))
    }

    /// The keys that begin with `prefix`, and their values, in order.
    pub fn prefix(&self, prefix: impl AsRef<[u8]>) -> Iter {
        Iter::new(self.source.scan(self.prefix_range(prefix.as_ref())))
    }

    /// The first key and its value.
    ///
    /// Cost: a block read for each run of files. Where removed keys lie in front of it that no
    /// merge has dropped yet, the first look steps over each of them; the next ones seek past them.
    pub fn first(&self) -> Result<Option<(Vec<u8>, Vec<u8>)>> {
        self.iter().next().transpose()
    }

    /// The last key and its value. Costs what [`first`](Self::first) does, from the other end.
    pub fn last(&self) -> Result<Option<(Vec<u8>, Vec<u8>)>> {
        self.iter().next_back().transpose()
    }

    /// The number of keys.
    ///
    /// Cost: a scan of all of them, since writes keep no count.
    pub fn len(&self) -> Result<u64> {
        let mut scan = self.source.scan(KeyRange::prefix(&self.id_prefix()))?;
        let mut count = 0;
        while scan.next()?.is_some() {
            count += 1;
        }
        Ok(count)
    }

    /// Whether there is no key. Costs what finding the [`first`](Self::first) one does.
    pub fn is_empty(&self) -> Result<bool> {
        Ok(self.source.scan(KeyRange::prefix(&self.id_prefix()))?.next()?.is_none())
    }

    fn prefix_range(&self, prefix: &[u8]) -> KeyRange {
        // No key has a longer prefix than itself.
        let id = self.id_prefix().to_vec();
        let nothing = KeyRange { start: id.clone(), end: Some(id) };
        sought_key(self.id_prefix(), prefix).map_or(nothing, |start| KeyRange::prefix(&start))
    }
}

impl<M: Access> IntoIterator for &Keyspace<M> {
    type Item = Result<(Vec<u8>, Vec<u8>)>;
    type IntoIter = Iter;

    fn into_iter(self) -> Iter {
        self.iter()
    }
}

impl<M> Keyspace<M> {
    pub(super) fn id_prefix(&self) -> [u8; PREFIX] {
        self.open.prefix()
    }
}

impl<M> Clone for Keyspace<M> {
    fn clone(&self) -> Self {
        Self { source: self.source.clone(), open: Arc::clone(&self.open), marker: PhantomData }
    }
}

impl<M> fmt::Debug for Keyspace<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyspace").field("name", &self.open.name()).finish_non_exhaustive()
    }
}

impl Keyspace {
    pub(crate) fn open(store: &Arc<Store>, name: &str) -> Result<Self> {
        Ok(Self::new(store.source(), store.keyspace(name)?))
    }

    /// The database and the keyspace of a handle; an error for one of a transaction, whose writes
    /// are its own.
    pub(super) fn in_database(&self) -> Result<(&Arc<Store>, &Arc<OpenKeyspace>)> {
        let store = self.source.database().ok_or(Error::Unsupported(
            "a batch over a keyspace of a transaction: it would be written beside the transaction; write through the keyspace itself",
        ))?;
        Ok((store, &self.open))
    }
}

/// Methods that write. The bound is on each method, so that the compiler says why a keyspace of a
/// snapshot has none of them.
impl<M: Access> Keyspace<M> {
    /// Sets the value of `key`, and replaces the one that it has. In a transaction that is done
    /// when it is committed, and its own reads see it at once.
    ///
    /// [`Error::Limit`] when key or value is too long, or a transaction too large for one commit;
    /// nothing is written then. Cost: one write to the log, and what the database's durability asks
    /// for; nothing is read.
    pub fn put(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<()>
    where
        M: WriteAccess,
    {
        let key = checked_key(self.id_prefix(), key.as_ref())?;
        check_value(value.as_ref())?;
        self.write(|batch| batch.put(&key, value.as_ref()), |txn| txn.put(&key, value.as_ref()))
    }

    /// Adds `delta`, which may be negative, to the number of `key`.
    ///
    /// A number is a value of eight bytes: an `i64`, the lowest byte first. So a counter can be set
    /// by `put(key, n.to_le_bytes())`, and [`get_sum`](Self::get_sum) and [`get`](Self::get) read
    /// it. An add to a key that has no value begins at 0; so does one to a value of another size,
    /// which it replaces as a put would. Sums wrap around at the ends of `i64`.
    ///
    /// Nothing is read, so adds conflict with nothing: of two threads, or two transactions, that
    /// add to one key both commit. The reads of a transaction see its own adds at once.
    ///
    /// [`Error::Limit`] when the key is too long. Costs what [`put`](Self::put) does.
    ///
    /// ```
    /// # let db = walnut::Database::in_memory()?;
    /// let visits = db.keyspace("visits")?;
    /// std::thread::scope(|threads| {
    ///     for _ in 0..4 {
    ///         threads.spawn(|| visits.add("/index.html", 1).expect("it is in memory"));
    ///     }
    /// });
    /// assert_eq!(visits.get_sum("/index.html")?, 4);
    /// assert_eq!(visits.get_sum("/never.html")?, 0);
    /// assert_eq!(visits.get("/index.html")?, Some(4i64.to_le_bytes().to_vec()));
    ///
    /// let sold = db.transact(|tx| {
    ///     let stock = tx.keyspace("stock")?;
    ///     stock.put("walnuts", 10i64.to_le_bytes())?;
    ///     stock.add("walnuts", -3)?;
    ///     stock.get_sum("walnuts")
    /// })?;
    /// assert_eq!(sold, 7);
    /// # Ok::<(), walnut::Error>(())
    /// ```
    pub fn add(&self, key: impl AsRef<[u8]>, delta: i64) -> Result<()>
    where
        M: WriteAccess,
    {
        let key = checked_key(self.id_prefix(), key.as_ref())?;
        self.write(|batch| batch.add(&key, delta), |txn| txn.add(&key, delta))
    }

    /// Removes `key`, if it is there. Costs what [`put`](Self::put) does.
    pub fn remove(&self, key: impl AsRef<[u8]>) -> Result<()>
    where
        M: WriteAccess,
    {
        let key = sought_key(self.id_prefix(), key.as_ref());
        self.write(
            |batch| key.iter().for_each(|key| batch.delete(key)),
            |txn| key.iter().for_each(|key| txn.delete(key)),
        )
    }

    /// Removes every key in a range, at once.
    ///
    /// Cost: that of one put, however many keys there are. Their space comes back when compaction
    /// meets the range; files that hold nothing else go unread. In a transaction instead a walk
    /// over the keys, each of which is removed by itself: the transaction then knows what it has
    /// read, and sees its own removals.
    pub fn remove_range(&self, range: impl KeyBounds) -> Result<()>
    where
        M: WriteAccess,
    {
        self.clear(&inner_range(self.id_prefix(), &range))
    }

    /// Removes every key that begins with `prefix`, at once. Costs what
    /// [`remove_range`](Self::remove_range) does.
    pub fn remove_prefix(&self, prefix: impl AsRef<[u8]>) -> Result<()>
    where
        M: WriteAccess,
    {
        self.clear(&self.prefix_range(prefix.as_ref()))
    }

    fn clear(&self, range: &KeyRange) -> Result<()> {
        if let Some(store) = self.source.database() {
            let end = range.end.as_deref().unwrap_or_default();
            return self.commit(store, |batch| batch.delete_range(&range.start, end));
        }
        self.source.change(&mut |txn| {
            let mut scan = txn.scan(range.clone())?;
            while let Some(found) = scan.next()? {
                txn.delete(found.key);
            }
            Ok(())
        })
    }

    /// Writes in a commit of its own, which `direct` fills, or through `statement` within a
    /// transaction.
    fn write(&self, direct: impl FnOnce(&mut EntryBatch), mut statement: impl FnMut(&Txn)) -> Result<()> {
        match self.source.database() {
            Some(store) => self.commit(store, direct),
            None => self.source.change(&mut |txn| {
                statement(txn);
                Ok(())
            }),
        }
    }

    fn commit(&self, store: &Store, fill: impl FnOnce(&mut EntryBatch)) -> Result<()> {
        let mut batch = EntryBatch::new();
        fill(&mut batch);
        store.write(std::slice::from_ref(&self.open), batch, store.durability())
    }
}

impl Snapshot {
    /// The keyspace of this name as it was; `None` when there was none. It only reads, and can be
    /// kept and sent to other threads.
    ///
    /// Cost: a look into the catalog.
    pub fn keyspace(&self, name: &str) -> Result<Option<Keyspace<ReadOnly>>> {
        let source = Source::Snapshot(self.clone());
        let keyspace = source.read(|reader| keyspace_in(reader, name, self.dir()))?;
        Ok(keyspace.map(|keyspace| Keyspace::new(source, keyspace)))
    }
}

impl Transaction {
    /// The keyspace of this name within this transaction, serializable with all else that it does.
    ///
    /// One that the database does not have is made at once, in a transaction of its own, as
    /// [`Database::keyspace`](crate::Database::keyspace) does, with its errors. It stays when this
    /// transaction is rolled back.
    ///
    /// Its commit is an [`Error::Conflict`](crate::Error::Conflict) when the keyspace was made or
    /// dropped after it had begun; [`Database::transact`](crate::Database::transact) then runs it
    /// again.
    ///
    /// ```
    /// # let db = walnut::Database::in_memory()?;
    /// let left = db.transact(|tx| {
    ///     let stock = tx.keyspace("stock")?;
    ///     let left = stock.get("walnuts")?.map_or(10, |count| count[0]) - 1;
    ///     stock.put("walnuts", [left])?;
    ///     Ok(left)
    /// })?;
    /// assert_eq!(left, 9);
    /// # Ok::<(), walnut::Error>(())
    /// ```
    pub fn keyspace(&self, name: &str) -> Result<Keyspace> {
        let source = self.source();
        // The catalog entry is in the read set: the commit conflicts with a drop of the keyspace.
        let known = source.read(|reader| keyspace_in(reader, name, self.store().dir()))?;
        // A keyspace that was created since is empty in the snapshot of this transaction. One that
        // was dropped since is not created again.
        let keyspace = known.map_or_else(|| self.store().keyspace(name), Ok)?;
        Ok(Keyspace::new(source, keyspace))
    }
}
