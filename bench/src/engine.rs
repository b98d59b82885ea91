//! The typed work that is measured, as a trait that each engine implements.

use std::path::Path;

use crate::account::Account;

/// Whatever went wrong, as a sentence.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Gets the row with an id.
pub type Get<'a> = dyn Fn(u64) -> Result<Option<Account>> + 'a;

/// Rows that one commit removes at most, of many that an index finds.
pub const REMOVED_AT_ONCE: usize = 1000;

/// What is equal for all engines.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Bytes that an engine may keep of its data in memory.
    pub cache_size: usize,
    /// Whether a commit is durable when its call returns. Otherwise it is handed over and survives the process at most.
    pub durable: bool,
}

/// An engine with the table of accounts open: a primary key, one unique and two plain indexes, all of them right after each
/// call.
pub trait Engine: Send + Sync + Sized {
    /// Its name in tables and on the command line.
    const NAME: &'static str;

    /// Opens the database in a directory that exists, making it when there is none.
    fn open(dir: &Path, setting: &Setting) -> Result<Self>;

    /// Adds rows in one commit, which fails if a primary key or a unique value exists.
    fn insert_many(&self, rows: &[Account]) -> Result<()>;

    /// The row with an id.
    fn get(&self, id: u64) -> Result<Option<Account>>;

    /// The first `limit` rows whose id is not below `from`, by id.
    fn by_id(&self, from: u64, limit: usize) -> Result<Vec<Account>>;

    /// The row with the highest id.
    fn last(&self) -> Result<Option<Account>>;

    /// The rows with these ids, of one state.
    fn get_many(&self, ids: &[u64]) -> Result<Vec<Option<Account>>>;

    /// The row with a unique email.
    fn by_email(&self, email: &str) -> Result<Option<Account>>;

    /// The first `limit` rows whose score is not below `from`, by score.
    fn by_score(&self, from: u64, limit: usize) -> Result<Vec<Account>>;

    /// The ids of all rows with a city, without reading the rows where the engine can.
    fn ids_in_city(&self, city: &str) -> Result<Vec<u64>>;

    /// All rows with a city.
    fn in_city(&self, city: &str) -> Result<Vec<Account>>;

    /// Gives every row to `each`, by id.
    fn scan(&self, each: impl FnMut(Account)) -> Result<()>;

    /// Reads rows, sets their scores and writes them with the index entries that change, all in one commit. The ids are
    /// distinct and present.
    fn set_scores(&self, changes: &[(u64, u64)]) -> Result<()>;

    /// Reads a row, gives it another text, and writes it. The id is present.
    fn set_about(&self, id: u64, about: &str) -> Result<()>;

    /// Removes rows with their index entries in one commit. The ids are distinct and present.
    fn remove_many(&self, ids: &[u64]) -> Result<()>;

    /// Takes the first row by id that no other thread is taking, with its index entries, in one commit.
    fn pop_first(&self) -> Result<Option<Account>>;

    /// Removes the rows whose score is below `limit`, [`REMOVED_AT_ONCE`] in a commit, and returns their
    /// number.
    fn remove_below(&self, limit: u64) -> Result<u64> {
        let (mut from, mut count) = (0, 0);
        loop {
            let rows = self.by_score(from, REMOVED_AT_ONCE)?;
            let ids: Vec<u64> = rows.iter().take_while(|row| row.score < limit).map(|row| row.id).collect();
            let (Some(last), false) = (rows.last(), ids.is_empty()) else { return Ok(count) };
            self.remove_many(&ids)?;
            count += ids.len() as u64;
            // Not from the front again: an LSM tree would step over everything that was just removed.
            from = last.score;
        }
    }

    /// Removes all rows, which are few, in the quickest way that the engine has.
    fn clear(&self) -> Result<()>;

    /// Calls `body` with gets of the state that is committed now, whatever `body` changes meanwhile. `None`
    /// where an engine has no snapshots.
    fn with_snapshot<R>(&self, body: impl FnOnce(&Get<'_>) -> Result<R>) -> Result<Option<R>>;

    /// Opens a database of so many ordered maps instead of the table. `None` where that is not measured.
    fn maps(_dir: &Path, _setting: &Setting, _count: usize) -> Result<Option<Box<dyn Maps>>> {
        Ok(None)
    }

    /// Makes everything durable.
    fn sync(&self) -> Result<()>;

    /// Brings the files into the form that they take in the long run: compacts, checkpoints.
    fn settle(&self) -> Result<()>;

    /// Closes in order.
    fn close(self) -> Result<()>;
}

/// Ordered maps of bytes in one database, by their places.
pub trait Maps: Sync {
    /// Sets a value in a commit of its own.
    fn put(&self, map: usize, key: &[u8], value: &[u8]) -> Result<()>;

    /// The value of a key.
    fn get(&self, map: usize, key: &[u8]) -> Result<Option<Vec<u8>>>;
}

/// The name of the map at a place.
pub fn map_name(map: usize) -> String {
    format!("map-{map}")
}
