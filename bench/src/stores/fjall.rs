//! fjall: an LSM tree for each keyspace behind one journal.
//!
//! Point reads go to the keyspace itself, which is quicker than through a snapshot. Options are its defaults (LZ4, filters, 4 KiB
//! blocks) but for the cache.

use std::path::Path;

use fjall::{Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode, Readable};

use crate::engine::{Maps, Result, Setting, map_name};
use crate::typed::{GetBytes, Reader, Store, Tree, Writer};

/// An open database.
pub struct Fjall {
    db: Database,
    trees: [Keyspace; 4],
    durable: bool,
}

/// A batch, and the trees under it.
pub struct Batch<'w> {
    trees: &'w [Keyspace; 4],
    batch: OwnedWriteBatch,
}

fn database(dir: &Path, setting: &Setting) -> Result<Database> {
    Ok(Database::builder(dir).cache_size(setting.cache_size as u64).open()?)
}

impl Store for Fjall {
    const NAME: &'static str = "fjall";
    const ISOLATED: bool = false;
    type Reader<'s> = &'s Fjall;
    type Writer<'w> = Batch<'w>;

    fn open(dir: &Path, setting: &Setting) -> Result<Self> {
        let db = database(dir, setting)?;
        let [rows, emails, cities, scores] =
            Tree::ALL.map(|tree| db.keyspace(tree.name(), KeyspaceCreateOptions::default));
        let trees = [rows?, emails?, cities?, scores?];
        Ok(Self { db, trees, durable: setting.durable })
    }

    fn reader(&self) -> Result<&Fjall> {
        Ok(self)
    }

    fn write(&self, body: impl FnOnce(&mut Self::Writer<'_>) -> Result<()>) -> Result<()> {
        let durability = if self.durable { PersistMode::SyncData } else { PersistMode::Buffer };
        let mut batch = Batch { trees: &self.trees, batch: self.db.batch().durability(Some(durability)) };
        body(&mut batch)?;
        Ok(batch.batch.commit()?)
    }

    fn with_snapshot<R>(&self, body: impl FnOnce(&GetBytes<'_>) -> Result<R>) -> Result<Option<R>> {
        let (snapshot, rows) = (self.db.snapshot(), &self.trees[Tree::Rows as usize]);
        body(&|key| Ok(snapshot.get(rows, key)?.map(|row| row.to_vec()))).map(Some)
    }

    fn maps(dir: &Path, setting: &Setting, count: usize) -> Result<Option<Box<dyn Maps>>> {
        let db = database(dir, setting)?;
        let trees = (0..count).map(|map| db.keyspace(&map_name(map), KeyspaceCreateOptions::default));
        let trees = trees.collect::<fjall::Result<_>>()?;
        Ok(Some(Box::new(FjallMaps { db, trees, durable: setting.durable })))
    }

    fn sync(&self) -> Result<()> {
        Ok(self.db.persist(PersistMode::SyncData)?)
    }

    fn settle(&self) -> Result<()> {
        for tree in &self.trees {
            tree.rotate_memtable_and_wait()?;
            tree.major_compact()?;
        }
        Ok(())
    }

    fn close(self) -> Result<()> {
        Ok(self.db.persist(PersistMode::SyncAll)?)
    }
}

/// Any number of keyspaces.
struct FjallMaps {
    db: Database,
    trees: Vec<Keyspace>,
    durable: bool,
}

impl Maps for FjallMaps {
    fn put(&self, map: usize, key: &[u8], value: &[u8]) -> Result<()> {
        self.trees[map].insert(key, value)?;
        if self.durable {
            self.db.persist(PersistMode::SyncData)?;
        }
        Ok(())
    }

    fn get(&self, map: usize, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.trees[map].get(key)?.map(|value| value.to_vec()))
    }
}

impl Reader for &Fjall {
    fn get<R>(&self, tree: Tree, key: &[u8], found: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        Ok(self.trees[tree as usize].get(key)?.map(|value| found(&value)))
    }

    fn last<R>(&self, tree: Tree, found: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        let last = self.trees[tree as usize].last_key_value().map(fjall::Guard::into_inner).transpose()?;
        Ok(last.map(|(_, value)| found(&value)))
    }

    fn scan(
        &self,
        tree: Tree,
        from: &[u8],
        mut each: impl FnMut(&[u8], &[u8]) -> Result<bool>,
    ) -> Result<()> {
        for entry in self.trees[tree as usize].range(from..) {
            let (key, value) = entry.into_inner()?;
            if !each(&key, &value)? {
                break;
            }
        }
        Ok(())
    }
}

impl Writer for Batch<'_> {
    fn get<R>(&self, tree: Tree, key: &[u8], found: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        Ok(self.trees[tree as usize].get(key)?.map(|value| found(&value)))
    }

    fn put(&mut self, tree: Tree, key: &[u8], value: &[u8]) -> Result<()> {
        self.batch.insert(&self.trees[tree as usize], key, value);
        Ok(())
    }

    fn delete(&mut self, tree: Tree, key: &[u8]) -> Result<()> {
        self.batch.remove(&self.trees[tree as usize], key);
        Ok(())
    }
}
