//! sled: four trees, changed together by a transaction over all of them.
//!
//! sled has no atomic batch over several trees but the transaction, whose body may run again.

use std::cell::RefCell;
use std::path::Path;

use sled::transaction::{ConflictableTransactionError, Transactional, TransactionalTree};
use sled::{Db, Mode, Tree as SledTree};

use crate::engine::{Result, Setting};
use crate::typed::{GetBytes, Reader, Store, Tree, Writer};

/// An open database.
pub struct Sled {
    db: Db,
    trees: [SledTree; 4],
    durable: bool,
}

/// What a write does, noted down, so that the transaction can do it again.
pub struct Batch<'w> {
    trees: &'w [SledTree; 4],
    deeds: Vec<Deed>,
}

/// A tree, a key, and the value that it gets.
type Deed = (Tree, Vec<u8>, Option<Vec<u8>>);

impl Store for Sled {
    const NAME: &'static str = "sled";
    const ISOLATED: bool = false;
    type Reader<'s> = &'s Sled;
    type Writer<'w> = Batch<'w>;

    fn open(dir: &Path, setting: &Setting) -> Result<Self> {
        let db = sled::Config::new()
            .path(dir)
            .cache_capacity(setting.cache_size as u64)
            .mode(Mode::HighThroughput)
            .open()?;
        let [rows, emails, cities, scores] = Tree::ALL.map(|tree| db.open_tree(tree.name()));
        let trees = [rows?, emails?, cities?, scores?];
        Ok(Self { db, trees, durable: setting.durable })
    }

    fn reader(&self) -> Result<&Sled> {
        Ok(self)
    }

    fn write(&self, body: impl FnOnce(&mut Self::Writer<'_>) -> Result<()>) -> Result<()> {
        let mut batch = Batch { trees: &self.trees, deeds: Vec::new() };
        body(&mut batch)?;
        let deeds = RefCell::new(batch.deeds);
        self.trees
            .as_slice()
            .transaction(|trees: &Vec<TransactionalTree>| {
                for (tree, key, value) in deeds.borrow().iter() {
                    match value {
                        Some(value) => trees[*tree as usize].insert(key.as_slice(), value.as_slice())?,
                        None => trees[*tree as usize].remove(key.as_slice())?,
                    };
                }
                Ok::<(), ConflictableTransactionError<()>>(())
            })
            .map_err(|error| format!("{error:?}"))?;
        if self.durable {
            self.db.flush()?;
        }
        Ok(())
    }

    fn clear(&self) -> Result<()> {
        self.trees.iter().try_for_each(SledTree::clear)?;
        if self.durable { self.sync() } else { Ok(()) }
    }

    fn with_snapshot<R>(&self, _body: impl FnOnce(&GetBytes<'_>) -> Result<R>) -> Result<Option<R>> {
        Ok(None)
    }

    fn sync(&self) -> Result<()> {
        self.db.flush()?;
        Ok(())
    }

    fn settle(&self) -> Result<()> {
        self.sync()
    }

    fn close(self) -> Result<()> {
        self.sync()
    }
}

impl Reader for &Sled {
    fn get<R>(&self, tree: Tree, key: &[u8], found: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        Ok(self.trees[tree as usize].get(key)?.map(|value| found(&value)))
    }

    fn last<R>(&self, tree: Tree, found: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        Ok(self.trees[tree as usize].last()?.map(|(_, value)| found(&value)))
    }

    fn scan(
        &self,
        tree: Tree,
        from: &[u8],
        mut each: impl FnMut(&[u8], &[u8]) -> Result<bool>,
    ) -> Result<()> {
        for entry in self.trees[tree as usize].range(from..) {
            let (key, value) = entry?;
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
        self.deeds.push((tree, key.to_vec(), Some(value.to_vec())));
        Ok(())
    }

    fn delete(&mut self, tree: Tree, key: &[u8]) -> Result<()> {
        self.deeds.push((tree, key.to_vec(), None));
        Ok(())
    }
}
