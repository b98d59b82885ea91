//! Schema generations: a counter for each table in the catalog of an engine that several programs
//! share.
//!
//! ```text
//!   00000000 'v' shard name   -> the generation, u64 little-endian; the same in each of 16 shards
//! ```
//!
//! 1. Every change of a table's record in the catalog increments its generation, also when the
//!    table is dropped and created again.
//! 2. Every statement that writes rows, and every read by an index, reads the generation of its
//!    client's shard in its own session. So a program with an outdated schema never writes a row
//!    without the index entries that another program needs, nor reads an index that is gone.
//! 3. A change that makes no difference to the program, such as the end of a build, is adopted; any
//!    other is an error until the table is opened again.
//!
//! A database of one process has no generations, since all handles see a change of a table.

use crate::backend::{RemoteSession, SHARD_COUNT};
use crate::base::SeqNo;
use crate::error::{Error, Fault, Result};
use crate::sync::{AtomicBool, AtomicU64, Ordering};
use crate::table::catalog::{self, BuiltState, StoredState, StoredTable, TableInfo};
use crate::table::source::store::Store;
use crate::txn::{EntryReader, RemoteReader, Txn};

/// The generation of a table that this program has opened.
#[derive(Debug, Default)]
pub(in crate::table) struct TableGeneration {
    known: AtomicU64,
    /// Whether the table has changed in a way that this program cannot adopt.
    is_stale: AtomicBool,
}

impl TableGeneration {
    pub(in crate::table) fn is_stale(&self) -> bool {
        self.is_stale.load(Ordering::Acquire)
    }

    /// Adopts the generation that `txn` reads, or is about to write.
    pub(super) fn learn(&self, txn: &Txn, name: &str) -> Result<()> {
        if let Some(session) = txn.session() {
            let key = generation_key(name, session.client().shard());
            let stored = txn.get(&key, generation)?.transpose();
            let stored = stored.map_err(|fault| txn.corruption(fault))?;
            self.known.store(stored.unwrap_or(0), Ordering::Release);
        }
        Ok(())
    }
}

/// Increments the generation of a table in `txn`.
pub(super) fn advance(txn: &Txn, name: &str) -> Result<()> {
    let Some(session) = txn.session() else { return Ok(()) };
    let stored = txn.get(&generation_key(name, session.client().shard()), generation)?.transpose();
    let next = stored.map_err(|fault| txn.corruption(fault))?.unwrap_or(0).saturating_add(1);
    for shard in 0..SHARD_COUNT {
        txn.put(&generation_key(name, shard), &next.to_le_bytes());
    }
    Ok(())
}

fn generation_key(name: &str, shard: u8) -> Vec<u8> {
    catalog::catalog_key(b'v', &[&[shard], name.as_bytes()].concat())
}

fn generation(bytes: &[u8]) -> Result<u64, Fault> {
    bytes.try_into().map(u64::from_le_bytes).map_err(|_| Fault::Invalid("generation of a table"))
}

impl TableInfo {
    /// Prefetches `keys` for a read by an index: see [`ensure_current`](Self::ensure_current). Does
    /// nothing in a database of one process.
    #[inline(always)]
    pub(in crate::table) fn check_current(&self, reader: EntryReader<'_>, keys: &[&[u8]]) -> Result<()> {
        match reader {
            EntryReader::Remote(reader) => self.check_current_remotely(reader, keys),
            EntryReader::Engine(_) | EntryReader::Merged { .. } => Ok(()),
        }
    }

    #[cold]
    #[inline(never)]
    fn check_current_remotely(&self, reader: RemoteReader<'_>, keys: &[&[u8]]) -> Result<()> {
        self.ensure_current(reader.session(), keys)
    }

    /// An error unless the table's generation is the known one in the snapshot of `session`; `keys`
    /// are read in the same round trip. [`Error::Conflict`] for an older snapshot.
    pub(in crate::table) fn ensure_current(&self, session: &RemoteSession, keys: &[&[u8]]) -> Result<()> {
        if self.is_past {
            return Ok(());
        }
        let key = generation_key(self.schema.name, session.client().shard());
        let keys: Vec<&[u8]> = std::iter::once(&*key).chain(keys.iter().copied()).collect();
        let stored = session.get_many(&keys)?.into_iter().next().flatten();
        let dir = std::path::Path::new(session.client().name());
        let stored = stored.map_or(Ok(0), |bytes| generation(&bytes)).map_err(|fault| fault.at(dir, 0))?;
        match stored.cmp(&self.generation.known.load(Ordering::Acquire)) {
            std::cmp::Ordering::Equal => Ok(()),
            std::cmp::Ordering::Less => Err(session.lose()),
            std::cmp::Ordering::Greater => {
                let record = session.get(&catalog::table_key(self.schema.name))?;
                let record = record.map(|bytes| StoredTable::decode(&bytes)).transpose();
                let record = record.map_err(|fault| catalog::unknown(self.schema.name, fault, dir))?;
                self.take_over(record.as_ref())
                    .inspect(|()| self.generation.known.store(stored, Ordering::Release))
                    .inspect_err(|_| self.generation.is_stale.store(true, Ordering::Release))
            }
        }
    }

    /// Adopts a change by another program, if this one may continue to write the table; an error
    /// otherwise.
    fn take_over(&self, record: Option<&StoredTable>) -> Result<()> {
        let Some(record) = record.filter(|record| record.rows == self.rows.0) else {
            return Err(Error::Dropped);
        };
        if let Some(stored) = record.version().filter(|version| *version > self.schema.version) {
            let (table, known) = (self.schema.name.to_owned(), self.schema.version);
            return Err(Error::SchemaTooNew { table, stored, known });
        }
        if record.is_being_tried() {
            return Err(self.refusal(
                "another program is trying a newer layout of it; open it again when that is done".into(),
            ));
        }
        for (schema, open) in self.schema.indexes.iter().zip(&self.indexes) {
            let Some(state) = record.state_of(open.keyspace) else {
                return Err(self.refusal(format!(
                    "another program has dropped or rebuilt the index `{}`; open the table again",
                    schema.name
                )));
            };
            let built = match state {
                StoredState::Building => continue,
                StoredState::Readable => BuiltState::Readable { since: SeqNo::ZERO },
                StoredState::Off => BuiltState::Off { duplicates: Vec::new() },
            };
            open.set_built(built);
        }
        let is_known = |keyspace: u32| self.indexes.iter().any(|open| open.keyspace.0 == keyspace);
        match record.index_names().find(|(keyspace, _)| !is_known(*keyspace)) {
            None => Ok(()),
            Some((_, name)) => Err(self.refusal(format!(
                "another program has added the index `{name}`, which this struct does not have, so this program would leave its \
                 entries out; give the struct the index, or drop it with `retire_index`"
            ))),
        }
    }

    /// Adopts the indexes that other programs have built since, as the record in `txn` says;
    /// returns whether none is left to build.
    pub(in crate::table) fn is_built_by_others(&self, txn: &Txn, store: &Store) -> Result<bool> {
        if txn.session().is_none() {
            return Ok(false);
        }
        let record = txn.read(|reader| catalog::in_state(reader, self.schema.name, store.dir()))?;
        self.take_over(record.as_ref())?;
        self.generation.learn(txn, self.schema.name)?;
        Ok(self.indexes.iter().all(|open| open.built().is_some()))
    }
}
