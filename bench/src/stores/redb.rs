//! redb: copy-on-write B-trees in one file.
//!
//! A commit without durability is `Durability::None`. Tables are opened once for each transaction that touches them.

use std::cell::OnceCell;
use std::path::Path;

use redb::{
    Database, Durability, ReadOnlyTable, ReadTransaction, ReadableDatabase, ReadableTable, Table,
    TableDefinition,
};

use crate::engine::{Maps, Result, Setting, map_name};
use crate::typed::{Reader, Store, Tree, Writer};

type Bytes = &'static [u8];

fn definition(tree: Tree) -> TableDefinition<'static, Bytes, Bytes> {
    TableDefinition::new(tree.name())
}

/// An open database. `settle` compacts, which redb does to a handle that nobody else has and while nobody reads; so it is behind a
/// lock, and whoever reads or writes holds it until that is done.
pub struct Redb {
    db: parking::Shared<Database>,
    durability: Durability,
}

/// The tables that a read transaction has touched. The transaction ends before the lock is given back.
pub struct Tables<'s> {
    tables: [OnceCell<ReadOnlyTable<Bytes, Bytes>>; 4],
    transaction: ReadTransaction,
    _lock: parking::Hold<'s, Database>,
}

impl Tables<'_> {
    fn table(&self, tree: Tree) -> Result<&ReadOnlyTable<Bytes, Bytes>> {
        let cell = &self.tables[tree as usize];
        if let Some(table) = cell.get() {
            return Ok(table);
        }
        let table = self.transaction.open_table(definition(tree))?;
        Ok(cell.get_or_init(|| table))
    }
}

fn database(dir: &Path, setting: &Setting) -> Result<(Database, Durability)> {
    let db = Database::builder().set_cache_size(setting.cache_size).create(dir.join("db.redb"))?;
    Ok((db, if setting.durable { Durability::Immediate } else { Durability::None }))
}

impl Store for Redb {
    const NAME: &'static str = "redb";
    const ISOLATED: bool = true;
    type Reader<'s> = Tables<'s>;
    type Writer<'w> = [Table<'w, Bytes, Bytes>; 4];

    fn open(dir: &Path, setting: &Setting) -> Result<Self> {
        let (db, durability) = database(dir, setting)?;
        let redb = Self { db: parking::Shared::new(db), durability };
        redb.write(|_| Ok(()))?;
        Ok(redb)
    }

    fn reader(&self) -> Result<Tables<'_>> {
        let db = self.db.read();
        Ok(Tables { tables: Default::default(), transaction: db.begin_read()?, _lock: db })
    }

    fn write(&self, body: impl FnOnce(&mut Self::Writer<'_>) -> Result<()>) -> Result<()> {
        let db = self.db.read();
        let mut transaction = db.begin_write()?;
        transaction.set_durability(self.durability)?;
        {
            let [rows, emails, cities, scores] =
                Tree::ALL.map(|tree| transaction.open_table(definition(tree)));
            body(&mut [rows?, emails?, cities?, scores?])?;
        }
        Ok(transaction.commit()?)
    }

    fn clear(&self) -> Result<()> {
        let db = self.db.read();
        let mut transaction = db.begin_write()?;
        transaction.set_durability(self.durability)?;
        for tree in Tree::ALL {
            transaction.delete_table(definition(tree))?;
            // Readers need the table.
            transaction.open_table(definition(tree))?;
        }
        Ok(transaction.commit()?)
    }

    fn maps(dir: &Path, setting: &Setting, count: usize) -> Result<Option<Box<dyn Maps>>> {
        let (db, durability) = database(dir, setting)?;
        let names: Vec<String> = (0..count).map(map_name).collect();
        let transaction = db.begin_write()?;
        for name in &names {
            transaction.open_table(TableDefinition::<Bytes, Bytes>::new(name))?;
        }
        transaction.commit()?;
        Ok(Some(Box::new(RedbMaps { db, names, durability })))
    }

    fn sync(&self) -> Result<()> {
        let db = self.db.read();
        let mut transaction = db.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        Ok(transaction.commit()?)
    }

    fn settle(&self) -> Result<()> {
        self.db.write().compact()?;
        Ok(())
    }

    fn close(self) -> Result<()> {
        self.sync()
    }
}

/// Any number of tables.
struct RedbMaps {
    db: Database,
    names: Vec<String>,
    durability: Durability,
}

impl Maps for RedbMaps {
    fn put(&self, map: usize, key: &[u8], value: &[u8]) -> Result<()> {
        let mut transaction = self.db.begin_write()?;
        transaction.set_durability(self.durability)?;
        transaction.open_table(TableDefinition::<Bytes, Bytes>::new(&self.names[map]))?.insert(key, value)?;
        Ok(transaction.commit()?)
    }

    fn get(&self, map: usize, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let transaction = self.db.begin_read()?;
        let table = transaction.open_table(TableDefinition::<Bytes, Bytes>::new(&self.names[map]))?;
        Ok(table.get(key)?.map(|value| value.value().to_vec()))
    }
}

impl Reader for Tables<'_> {
    fn get<R>(&self, tree: Tree, key: &[u8], found: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        Ok(self.table(tree)?.get(key)?.map(|value| found(value.value())))
    }

    fn last<R>(&self, tree: Tree, found: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        Ok(self.table(tree)?.last()?.map(|(_, value)| found(value.value())))
    }

    fn scan(
        &self,
        tree: Tree,
        from: &[u8],
        mut each: impl FnMut(&[u8], &[u8]) -> Result<bool>,
    ) -> Result<()> {
        for entry in self.table(tree)?.range(from..)? {
            let (key, value) = entry?;
            if !each(key.value(), value.value())? {
                break;
            }
        }
        Ok(())
    }
}

impl Writer for [Table<'_, Bytes, Bytes>; 4] {
    fn get<R>(&self, tree: Tree, key: &[u8], found: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        Ok(self[tree as usize].get(key)?.map(|value| found(value.value())))
    }

    fn first<R>(&self, tree: Tree, found: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        Ok(self[tree as usize].first()?.map(|(key, _)| found(key.value())))
    }

    fn put(&mut self, tree: Tree, key: &[u8], value: &[u8]) -> Result<()> {
        self[tree as usize].insert(key, value)?;
        Ok(())
    }

    fn delete(&mut self, tree: Tree, key: &[u8]) -> Result<()> {
        self[tree as usize].remove(key)?;
        Ok(())
    }
}

/// A read-write lock whose readers pay nothing that a clock would see beside a transaction.
mod parking {
    use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

    pub(super) type Hold<'s, T> = RwLockReadGuard<'s, T>;

    pub(super) struct Shared<T>(RwLock<T>);

    impl<T> Shared<T> {
        pub(super) fn new(value: T) -> Self {
            Self(RwLock::new(value))
        }

        pub(super) fn read(&self) -> Hold<'_, T> {
            self.0.read().unwrap_or_else(PoisonError::into_inner)
        }

        pub(super) fn write(&self) -> RwLockWriteGuard<'_, T> {
            self.0.write().unwrap_or_else(PoisonError::into_inner)
        }
    }
}
