//! fjall: an LSM tree for each keyspace behind one journal.
//!
//! Point reads go to the keyspace itself, which is quicker than through a snapshot. Options are its defaults (LZ4, filters, 4 KiB
//! blocks) but for the cache.

use std::path::Path;

use fjall::{Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode};

use crate::engine::{Result, Setting};
use crate::typed::{Reader, Store, Tree, Writer};

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

impl Store for Fjall {
    const NAME: &'static str = "fjall";
    const ISOLATED: bool = false;
    type Reader<'s> = &'s Fjall;
    type Writer<'w> = Batch<'w>;

    fn open(dir: &Path, setting: &Setting) -> Result<Self> {
        let db = Database::builder(dir).cache_size(setting.cache_size as u64).open()?;
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
