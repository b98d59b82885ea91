//! The typed work over engines that know bytes only.
//!
//! ```text
//! tree    Rows     Emails         Cities            Scores
//! key     id       email          city, 0, id       score, id          numbers big-endian
//! value   row      id             -                 -                  rows in postcard
//! ```
//!
//! Each statement is one transaction or, where the engine has none or dear ones, one atomic batch whose reads see what was
//! committed. The latter is less than Walnut does (nothing notices a row that changes in between), so writers of
//! single rows take a lock per row here, as a program over such an engine would.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::account::Account;
use crate::engine::{Engine, Result, Setting};

/// The four ordered maps of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tree {
    /// id to row.
    Rows,
    /// email to id.
    Emails,
    /// city and id.
    Cities,
    /// score and id.
    Scores,
}

impl Tree {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Rows, Self::Emails, Self::Cities, Self::Scores];

    /// Its name in the database.
    pub fn name(self) -> &'static str {
        ["rows", "emails", "cities", "scores"][self as usize]
    }
}

/// An engine of ordered bytes.
pub trait Store: Send + Sync + Sized {
    /// Its name in tables and on the command line.
    const NAME: &'static str;
    /// Whether `write` is isolated from other writers.
    const ISOLATED: bool;
    /// Reads of one state.
    type Reader<'s>: Reader
    where
        Self: 's;
    /// Writes of one commit.
    type Writer<'w>: Writer;

    /// Opens or makes the four trees.
    fn open(dir: &Path, setting: &Setting) -> Result<Self>;
    /// Reads what is committed.
    fn reader(&self) -> Result<Self::Reader<'_>>;
    /// Commits what `body` writes, all of it or nothing.
    fn write(&self, body: impl FnOnce(&mut Self::Writer<'_>) -> Result<()>) -> Result<()>;
    /// Makes everything durable.
    fn sync(&self) -> Result<()>;
    /// Brings the files into their lasting form.
    fn settle(&self) -> Result<()>;
    /// Closes in order.
    fn close(self) -> Result<()>;
}

/// Reads.
pub trait Reader {
    /// Gives the value of a key to `found`.
    fn get<R>(&self, tree: Tree, key: &[u8], found: impl FnOnce(&[u8]) -> R) -> Result<Option<R>>;
    /// Gives the value of the last key to `found`.
    fn last<R>(&self, tree: Tree, found: impl FnOnce(&[u8]) -> R) -> Result<Option<R>>;
    /// Gives keys and values from `from` on, in order, to `each` until it is false.
    fn scan(&self, tree: Tree, from: &[u8], each: impl FnMut(&[u8], &[u8]) -> Result<bool>) -> Result<()>;
}

/// Writes, and reads of what they are about.
pub trait Writer {
    /// Gives the value of a key to `found`.
    fn get<R>(&self, tree: Tree, key: &[u8], found: impl FnOnce(&[u8]) -> R) -> Result<Option<R>>;
    /// Sets a value.
    fn put(&mut self, tree: Tree, key: &[u8], value: &[u8]) -> Result<()>;
    /// Removes a key.
    fn delete(&mut self, tree: Tree, key: &[u8]) -> Result<()>;
}

/// The table of accounts over a store.
pub struct Typed<S> {
    store: S,
    /// A row is locked by the place of its id in these.
    locks: Vec<Mutex<()>>,
}

const LOCK_COUNT: usize = 4096;

impl<S: Store> Typed<S> {
    /// Locks rows against other writers, in order, where the store does not.
    fn lock(&self, ids: impl Iterator<Item = u64>) -> Vec<MutexGuard<'_, ()>> {
        if S::ISOLATED {
            return Vec::new();
        }
        let mut places: Vec<usize> = ids.map(|id| (id / 2) as usize % LOCK_COUNT).collect();
        places.sort_unstable();
        places.dedup();
        let lock = |place: usize| self.locks[place].lock().unwrap_or_else(PoisonError::into_inner);
        places.into_iter().map(lock).collect()
    }
}

impl<S: Store> Engine for Typed<S> {
    const NAME: &'static str = S::NAME;

    fn open(dir: &Path, setting: &Setting) -> Result<Self> {
        let locks = (0..LOCK_COUNT).map(|_| Mutex::new(())).collect();
        Ok(Self { store: S::open(dir, setting)?, locks })
    }

    fn insert_many(&self, rows: &[Account]) -> Result<()> {
        self.store.write(|writer| {
            for row in rows {
                let id = row.id.to_be_bytes();
                if writer.get(Tree::Rows, &id, |_| ())?.is_some() {
                    return Err("the id exists".into());
                }
                if writer.get(Tree::Emails, row.email.as_bytes(), |_| ())?.is_some() {
                    return Err("the email exists".into());
                }
                writer.put(Tree::Rows, &id, &encode(row)?)?;
                writer.put(Tree::Emails, row.email.as_bytes(), &id)?;
                writer.put(Tree::Cities, &city_key(&row.city, row.id), &[])?;
                writer.put(Tree::Scores, &score_key(row.score, row.id), &[])?;
            }
            Ok(())
        })
    }

    fn get(&self, id: u64) -> Result<Option<Account>> {
        self.store.reader()?.get(Tree::Rows, &id.to_be_bytes(), decode)?.transpose()
    }

    fn by_id(&self, from: u64, limit: usize) -> Result<Vec<Account>> {
        let mut rows = Vec::with_capacity(limit);
        self.store.reader()?.scan(Tree::Rows, &from.to_be_bytes(), |_, row| {
            rows.push(decode(row)?);
            Ok(rows.len() < limit)
        })?;
        Ok(rows)
    }

    fn last(&self) -> Result<Option<Account>> {
        self.store.reader()?.last(Tree::Rows, decode)?.transpose()
    }

    fn get_many(&self, ids: &[u64]) -> Result<Vec<Option<Account>>> {
        let reader = self.store.reader()?;
        ids.iter().map(|id| reader.get(Tree::Rows, &id.to_be_bytes(), decode)?.transpose()).collect()
    }

    fn by_email(&self, email: &str) -> Result<Option<Account>> {
        let reader = self.store.reader()?;
        let Some(id) = reader.get(Tree::Emails, email.as_bytes(), number)? else { return Ok(None) };
        reader.get(Tree::Rows, &id?.to_be_bytes(), decode)?.transpose()
    }

    fn by_score(&self, from: u64, limit: usize) -> Result<Vec<Account>> {
        let reader = self.store.reader()?;
        let mut rows = Vec::with_capacity(limit);
        reader.scan(Tree::Scores, &from.to_be_bytes(), |key, _| {
            let row = reader.get(Tree::Rows, &key[8..], decode)?.ok_or("an entry without a row")??;
            rows.push(row);
            Ok(rows.len() < limit)
        })?;
        Ok(rows)
    }

    fn ids_in_city(&self, city: &str) -> Result<Vec<u64>> {
        let start = city_start(city);
        let mut ids = Vec::new();
        self.store.reader()?.scan(Tree::Cities, &start, |key, _| {
            let Some(id) = key.strip_prefix(&start[..]) else { return Ok(false) };
            ids.push(number(id)?);
            Ok(true)
        })?;
        Ok(ids)
    }

    fn in_city(&self, city: &str) -> Result<Vec<Account>> {
        let start = city_start(city);
        let reader = self.store.reader()?;
        let mut rows = Vec::new();
        reader.scan(Tree::Cities, &start, |key, _| {
            let Some(id) = key.strip_prefix(&start[..]) else { return Ok(false) };
            rows.push(reader.get(Tree::Rows, id, decode)?.ok_or("an entry without a row")??);
            Ok(true)
        })?;
        Ok(rows)
    }

    fn scan(&self, mut each: impl FnMut(Account)) -> Result<()> {
        self.store.reader()?.scan(Tree::Rows, &[], |_, row| {
            each(decode(row)?);
            Ok(true)
        })
    }

    fn set_scores(&self, changes: &[(u64, u64)]) -> Result<()> {
        let _locks = self.lock(changes.iter().map(|change| change.0));
        self.store.write(|writer| {
            for &(id, score) in changes {
                let key = id.to_be_bytes();
                let mut row = writer.get(Tree::Rows, &key, decode)?.ok_or("a row is missing")??;
                if row.score == score {
                    continue;
                }
                writer.delete(Tree::Scores, &score_key(row.score, id))?;
                row.score = score;
                writer.put(Tree::Scores, &score_key(score, id), &[])?;
                writer.put(Tree::Rows, &key, &encode(&row)?)?;
            }
            Ok(())
        })
    }

    fn set_about(&self, id: u64, about: &str) -> Result<()> {
        let _locks = self.lock(std::iter::once(id));
        self.store.write(|writer| {
            let key = id.to_be_bytes();
            let mut row = writer.get(Tree::Rows, &key, decode)?.ok_or("a row is missing")??;
            about.clone_into(&mut row.about);
            writer.put(Tree::Rows, &key, &encode(&row)?)
        })
    }

    fn remove_many(&self, ids: &[u64]) -> Result<()> {
        let _locks = self.lock(ids.iter().copied());
        self.store.write(|writer| {
            for &id in ids {
                let key = id.to_be_bytes();
                let row = writer.get(Tree::Rows, &key, decode)?.ok_or("a row is missing")??;
                writer.delete(Tree::Emails, row.email.as_bytes())?;
                writer.delete(Tree::Cities, &city_key(&row.city, id))?;
                writer.delete(Tree::Scores, &score_key(row.score, id))?;
                writer.delete(Tree::Rows, &key)?;
            }
            Ok(())
        })
    }

    fn sync(&self) -> Result<()> {
        self.store.sync()
    }

    fn settle(&self) -> Result<()> {
        self.store.settle()
    }

    fn close(self) -> Result<()> {
        self.store.close()
    }
}

fn encode(row: &Account) -> Result<Vec<u8>> {
    Ok(postcard::to_extend(row, Vec::with_capacity(256))?)
}

fn decode(bytes: &[u8]) -> Result<Account> {
    Ok(postcard::from_bytes(bytes)?)
}

fn number(bytes: &[u8]) -> Result<u64> {
    Ok(u64::from_be_bytes(bytes.try_into()?))
}

fn city_start(city: &str) -> Vec<u8> {
    [city.as_bytes(), &[0]].concat()
}

fn city_key(city: &str, id: u64) -> Vec<u8> {
    [city.as_bytes(), &[0], &id.to_be_bytes()].concat()
}

fn score_key(score: u64, id: u64) -> [u8; 16] {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&score.to_be_bytes());
    key[8..].copy_from_slice(&id.to_be_bytes());
    key
}
