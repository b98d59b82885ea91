//! LMDB through heed: a memory-mapped copy-on-write B-tree.
//!
//! The map is larger than any data set; read-ahead is off, as random reads of a data set larger than memory want it; readers use
//! thread-local slots, the quicker kind. The map needs no cache of its own: the page cache holds it. A commit without durability is
//! `NO_SYNC`.

use std::ops::Bound;
use std::path::Path;

use heed::types::Bytes;
use heed::{CompactionOption, Database, Env, EnvFlags, EnvOpenOptions, RoTxn, RwTxn, WithTls};

use crate::engine::{Maps, Result, Setting, map_name};
use crate::typed::{Reader, Store, Tree, Writer};

type Trees = [Database<Bytes, Bytes>; 4];

const MAP_SIZE: usize = 64 << 30;

/// An open environment.
pub struct Heed {
    env: Env,
    trees: Trees,
}

/// A read transaction.
pub struct Reads<'s> {
    transaction: RoTxn<'s, WithTls>,
    trees: Trees,
}

/// A write transaction.
pub struct Writes<'w> {
    transaction: RwTxn<'w>,
    trees: Trees,
}

fn environment(dir: &Path, setting: &Setting, trees: usize) -> Result<Env> {
    let sync = if setting.durable { EnvFlags::empty() } else { EnvFlags::NO_SYNC };
    let flags = EnvFlags::NO_READ_AHEAD | sync;
    let mut options = EnvOpenOptions::new();
    options.map_size(MAP_SIZE).max_dbs(u32::try_from(trees)?).max_readers(64);
    #[expect(
        unsafe_code,
        reason = "LMDB maps a file that no other process writes to; NO_SYNC may lose it in a power cut, as is said"
    )]
    let env = unsafe { options.flags(flags).open(dir)? };
    Ok(env)
}

impl Store for Heed {
    const NAME: &'static str = "lmdb";
    const ISOLATED: bool = true;
    type Reader<'s> = Reads<'s>;
    type Writer<'w> = Writes<'w>;

    fn open(dir: &Path, setting: &Setting) -> Result<Self> {
        let env = environment(dir, setting, 4)?;
        let mut transaction = env.write_txn()?;
        let [rows, emails, cities, scores] =
            Tree::ALL.map(|tree| env.create_database(&mut transaction, Some(tree.name())));
        let trees = [rows?, emails?, cities?, scores?];
        transaction.commit()?;
        Ok(Self { env, trees })
    }

    fn reader(&self) -> Result<Reads<'_>> {
        Ok(Reads { transaction: self.env.read_txn()?, trees: self.trees })
    }

    fn write(&self, body: impl FnOnce(&mut Self::Writer<'_>) -> Result<()>) -> Result<()> {
        let mut writes = Writes { transaction: self.env.write_txn()?, trees: self.trees };
        body(&mut writes)?;
        Ok(writes.transaction.commit()?)
    }

    fn clear(&self) -> Result<()> {
        let mut transaction = self.env.write_txn()?;
        self.trees.iter().try_for_each(|tree| tree.clear(&mut transaction))?;
        Ok(transaction.commit()?)
    }

    fn maps(dir: &Path, setting: &Setting, count: usize) -> Result<Option<Box<dyn Maps>>> {
        let env = environment(dir, setting, count)?;
        let mut transaction = env.write_txn()?;
        let trees = (0..count).map(|map| env.create_database(&mut transaction, Some(&map_name(map))));
        let trees = trees.collect::<heed::Result<_>>()?;
        transaction.commit()?;
        Ok(Some(Box::new(HeedMaps { env, trees })))
    }

    fn sync(&self) -> Result<()> {
        Ok(self.env.force_sync()?)
    }

    fn settle(&self) -> Result<()> {
        // LMDB compacts only into a copy. Its size is what is reported: the copy takes the place of the file below.
        let path = self.env.path();
        let copy = path.join("compact.mdb");
        self.env.copy_to_path(&copy, CompactionOption::Enabled)?;
        std::fs::rename(copy, path.join(SETTLED))?;
        Ok(())
    }

    fn close(self) -> Result<()> {
        self.env.force_sync()?;
        let path = self.env.path().to_owned();
        self.env.prepare_for_closing().wait();
        if path.join(SETTLED).exists() {
            std::fs::rename(path.join(SETTLED), path.join("data.mdb"))?;
        }
        Ok(())
    }
}

/// Any number of trees.
struct HeedMaps {
    env: Env,
    trees: Vec<Database<Bytes, Bytes>>,
}

impl Maps for HeedMaps {
    fn put(&self, map: usize, key: &[u8], value: &[u8]) -> Result<()> {
        let mut transaction = self.env.write_txn()?;
        self.trees[map].put(&mut transaction, key, value)?;
        Ok(transaction.commit()?)
    }

    fn get(&self, map: usize, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let transaction = self.env.read_txn()?;
        Ok(self.trees[map].get(&transaction, key)?.map(<[u8]>::to_vec))
    }
}

/// The compacted copy, until the environment is closed.
pub const SETTLED: &str = "settled.mdb";

impl Reader for Reads<'_> {
    fn get<R>(&self, tree: Tree, key: &[u8], found: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        Ok(self.trees[tree as usize].get(&self.transaction, key)?.map(found))
    }

    fn last<R>(&self, tree: Tree, found: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        Ok(self.trees[tree as usize].last(&self.transaction)?.map(|(_, value)| found(value)))
    }

    fn scan(
        &self,
        tree: Tree,
        from: &[u8],
        mut each: impl FnMut(&[u8], &[u8]) -> Result<bool>,
    ) -> Result<()> {
        let tree = &self.trees[tree as usize];
        // LMDB knows no empty key.
        let from = if from.is_empty() { Bound::Unbounded } else { Bound::Included(from) };
        let from = (from, Bound::Unbounded);
        for entry in tree.range(&self.transaction, &from)? {
            let (key, value) = entry?;
            if !each(key, value)? {
                break;
            }
        }
        Ok(())
    }
}

impl Writer for Writes<'_> {
    fn get<R>(&self, tree: Tree, key: &[u8], found: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        Ok(self.trees[tree as usize].get(&self.transaction, key)?.map(found))
    }

    fn first<R>(&self, tree: Tree, found: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        Ok(self.trees[tree as usize].first(&self.transaction)?.map(|(key, _)| found(key)))
    }

    fn put(&mut self, tree: Tree, key: &[u8], value: &[u8]) -> Result<()> {
        Ok(self.trees[tree as usize].put(&mut self.transaction, key, value)?)
    }

    fn delete(&mut self, tree: Tree, key: &[u8]) -> Result<()> {
        self.trees[tree as usize].delete(&mut self.transaction, key)?;
        Ok(())
    }
}
