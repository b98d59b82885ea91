//! Walnut, as its user writes it.

use std::path::Path;

use walnut::kv::Keyspace;
use walnut::{Database, DefaultTable, Durability};

use crate::account::Account;
use crate::engine::{Engine, Get, Maps, REMOVED_AT_ONCE, Result, Setting, map_name};

/// An open database and its table.
pub struct Walnut {
    db: Database,
    accounts: DefaultTable<Account>,
}

fn database(dir: &Path, setting: &Setting) -> Result<Database> {
    let durability = if setting.durable { Durability::Safe } else { Durability::Fast };
    Ok(Database::builder().cache_size(setting.cache_size).durability(durability).open(dir)?)
}

impl Engine for Walnut {
    const NAME: &'static str = "walnut";

    fn open(dir: &Path, setting: &Setting) -> Result<Self> {
        let db = database(dir, setting)?;
        let accounts = db.table()?;
        Ok(Self { db, accounts })
    }

    fn insert_many(&self, rows: &[Account]) -> Result<()> {
        match rows {
            [row] => Ok(self.accounts.insert(row)?),
            _ => Ok(self.accounts.insert_many(rows)?),
        }
    }

    fn get(&self, id: u64) -> Result<Option<Account>> {
        Ok(self.accounts.get(id)?)
    }

    fn by_id(&self, from: u64, limit: usize) -> Result<Vec<Account>> {
        Ok(self.accounts.range(from..).limit(limit as u64).collect_vec()?)
    }

    fn last(&self) -> Result<Option<Account>> {
        Ok(self.accounts.iter().last()?)
    }

    fn get_many(&self, ids: &[u64]) -> Result<Vec<Option<Account>>> {
        Ok(self.accounts.get_many(ids.iter().copied())?)
    }

    fn by_email(&self, email: &str) -> Result<Option<Account>> {
        Ok(self.accounts.by().email.get(email)?)
    }

    fn by_score(&self, from: u64, limit: usize) -> Result<Vec<Account>> {
        Ok(self.accounts.by().score.range(from..).limit(limit as u64).collect_vec()?)
    }

    fn ids_in_city(&self, city: &str) -> Result<Vec<u64>> {
        Ok(self.accounts.by().city.all(city).keys().collect::<walnut::Result<_>>()?)
    }

    fn in_city(&self, city: &str) -> Result<Vec<Account>> {
        Ok(self.accounts.by().city.all(city).collect_vec()?)
    }

    fn scan(&self, mut each: impl FnMut(Account)) -> Result<()> {
        for row in self.accounts.iter() {
            each(row?);
        }
        Ok(())
    }

    fn set_scores(&self, changes: &[(u64, u64)]) -> Result<()> {
        if let [(id, score)] = *changes {
            self.accounts.modify(id, |row| row.score = score)?.ok_or("a row is missing")?;
            return Ok(());
        }
        Ok(self.db.transact(|tx| {
            let accounts = tx.table::<Account>()?;
            for &(id, score) in changes {
                accounts.modify(id, |row| row.score = score)?.ok_or(walnut::Error::NotFound)?;
            }
            Ok(())
        })?)
    }

    fn set_about(&self, id: u64, about: &str) -> Result<()> {
        self.accounts.modify(id, |row| about.clone_into(&mut row.about))?.ok_or("a row is missing")?;
        Ok(())
    }

    fn remove_many(&self, ids: &[u64]) -> Result<()> {
        let removed = self.accounts.remove_many(ids.iter().copied())?;
        if removed.iter().any(Option::is_none) { Err("a row is missing".into()) } else { Ok(()) }
    }

    fn pop_first(&self) -> Result<Option<Account>> {
        Ok(self.accounts.iter().pop_first()?)
    }

    fn remove_below(&self, limit: u64) -> Result<u64> {
        Ok(self.accounts.by().score.range(..limit).in_batches(REMOVED_AT_ONCE).remove_all()?)
    }

    fn clear(&self) -> Result<()> {
        self.accounts.iter().remove_all()?;
        Ok(())
    }

    fn with_snapshot<R>(&self, body: impl FnOnce(&Get<'_>) -> Result<R>) -> Result<Option<R>> {
        let accounts = self.db.snapshot().table::<Account>()?;
        body(&|id| Ok(accounts.get(id)?)).map(Some)
    }

    fn maps(dir: &Path, setting: &Setting, count: usize) -> Result<Option<Box<dyn Maps>>> {
        let db = database(dir, setting)?;
        let maps = (0..count).map(|map| db.keyspace(&map_name(map)));
        Ok(Some(Box::new(Keyspaces(maps.collect::<walnut::Result<_>>()?))))
    }

    fn sync(&self) -> Result<()> {
        Ok(self.db.sync()?)
    }

    fn settle(&self) -> Result<()> {
        self.db.checkpoint()?;
        Ok(self.db.compact()?)
    }

    fn close(self) -> Result<()> {
        Ok(self.db.close()?)
    }
}

/// Any number of keyspaces, which keep their database open.
struct Keyspaces(Vec<Keyspace>);

impl Maps for Keyspaces {
    fn put(&self, map: usize, key: &[u8], value: &[u8]) -> Result<()> {
        Ok(self.0[map].put(key, value)?)
    }

    fn get(&self, map: usize, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.0[map].get(key)?)
    }
}
