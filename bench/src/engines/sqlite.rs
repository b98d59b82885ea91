//! SQLite: columns, WAL, prepared statements, a memory map.
//!
//! `synchronous` is `FULL` for durable commits and `NORMAL` otherwise, as the documentation says for WAL. Its rows are columns,
//! its own codec: the natural form for it, and quicker than a blob that would have to repeat the indexed columns. Each thread
//! takes a connection from a pool.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};

use crate::account::Account;
use crate::engine::{Engine, Get, REMOVED_AT_ONCE, Result, Setting};

/// A database with its idle connections.
pub struct Sqlite {
    path: PathBuf,
    setting: Setting,
    idle: Mutex<Vec<Connection>>,
}

const TABLE: &str = "
    CREATE TABLE IF NOT EXISTS account (
        id INTEGER PRIMARY KEY, email TEXT NOT NULL, city TEXT NOT NULL, score INTEGER NOT NULL, name TEXT NOT NULL,
        about TEXT NOT NULL, created INTEGER NOT NULL, balance INTEGER NOT NULL, active INTEGER NOT NULL
    );
    CREATE UNIQUE INDEX IF NOT EXISTS account_email ON account (email);
    CREATE INDEX IF NOT EXISTS account_city ON account (city);
    CREATE INDEX IF NOT EXISTS account_score ON account (score);";

const INSERT: &str = "INSERT INTO account VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
const GET: &str = "SELECT * FROM account WHERE id = ?";

impl Sqlite {
    fn connect(&self) -> Result<Connection> {
        let connection = Connection::open(&self.path)?;
        connection.busy_timeout(std::time::Duration::from_secs(60))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(
            None,
            "synchronous",
            if self.setting.durable { "FULL" } else { "NORMAL" },
        )?;
        connection.pragma_update(None, "cache_size", -((self.setting.cache_size >> 10) as i64))?;
        connection.pragma_update(None, "mmap_size", 8i64 << 30)?;
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        connection.set_prepared_statement_cache_capacity(32);
        Ok(connection)
    }

    fn with<R>(&self, body: impl FnOnce(&mut Connection) -> Result<R>) -> Result<R> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => self.connect()?,
        };
        let result = body(&mut connection);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        result
    }

    fn write<R>(&self, body: impl FnOnce(&Connection) -> Result<R>) -> Result<R> {
        self.with(|connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let result = body(&transaction)?;
            transaction.commit()?;
            Ok(result)
        })
    }

    fn rows(&self, query: &str, params: impl rusqlite::Params) -> Result<Vec<Account>> {
        self.with(|connection| {
            let mut statement = connection.prepare_cached(query)?;
            Ok(statement.query_map(params, account)?.collect::<rusqlite::Result<_>>()?)
        })
    }
}

fn account(row: &Row<'_>) -> rusqlite::Result<Account> {
    Ok(Account {
        id: row.get::<_, i64>(0)? as u64,
        email: row.get(1)?,
        city: row.get(2)?,
        score: row.get::<_, i64>(3)? as u64,
        name: row.get(4)?,
        about: row.get(5)?,
        created: row.get(6)?,
        balance: row.get(7)?,
        active: row.get(8)?,
    })
}

impl Engine for Sqlite {
    const NAME: &'static str = "sqlite";

    fn open(dir: &Path, setting: &Setting) -> Result<Self> {
        let sqlite = Self { path: dir.join("db.sqlite"), setting: *setting, idle: Mutex::new(Vec::new()) };
        sqlite.with(|connection| Ok(connection.execute_batch(TABLE)?))?;
        Ok(sqlite)
    }

    fn insert_many(&self, rows: &[Account]) -> Result<()> {
        self.write(|connection| {
            let mut insert = connection.prepare_cached(INSERT)?;
            for row in rows {
                insert.execute(params![
                    row.id as i64,
                    row.email,
                    row.city,
                    row.score as i64,
                    row.name,
                    row.about,
                    row.created,
                    row.balance,
                    row.active
                ])?;
            }
            Ok(())
        })
    }

    fn get(&self, id: u64) -> Result<Option<Account>> {
        self.with(|connection| {
            Ok(connection.prepare_cached(GET)?.query_row([id as i64], account).optional()?)
        })
    }

    fn by_id(&self, from: u64, limit: usize) -> Result<Vec<Account>> {
        let query = "SELECT * FROM account WHERE id >= ? ORDER BY id LIMIT ?";
        self.rows(query, [from as i64, limit as i64])
    }

    fn last(&self) -> Result<Option<Account>> {
        let mut rows = self.rows("SELECT * FROM account ORDER BY id DESC LIMIT 1", [])?;
        Ok(rows.pop())
    }

    fn get_many(&self, ids: &[u64]) -> Result<Vec<Option<Account>>> {
        self.with(|connection| {
            let transaction = connection.transaction()?;
            let mut get = transaction.prepare_cached(GET)?;
            Ok(ids
                .iter()
                .map(|&id| get.query_row([id as i64], account).optional())
                .collect::<rusqlite::Result<_>>()?)
        })
    }

    fn by_email(&self, email: &str) -> Result<Option<Account>> {
        self.with(|connection| {
            let mut get = connection.prepare_cached("SELECT * FROM account WHERE email = ?")?;
            Ok(get.query_row([email], account).optional()?)
        })
    }

    fn by_score(&self, from: u64, limit: usize) -> Result<Vec<Account>> {
        let query = "SELECT * FROM account WHERE score >= ? ORDER BY score LIMIT ?";
        self.rows(query, [from as i64, limit as i64])
    }

    fn ids_in_city(&self, city: &str) -> Result<Vec<u64>> {
        self.with(|connection| {
            let mut query = connection.prepare_cached("SELECT id FROM account WHERE city = ?")?;
            let ids = query.query_map([city], |row| row.get::<_, i64>(0).map(|id| id as u64))?;
            Ok(ids.collect::<rusqlite::Result<_>>()?)
        })
    }

    fn in_city(&self, city: &str) -> Result<Vec<Account>> {
        self.rows("SELECT * FROM account WHERE city = ?", [city])
    }

    fn scan(&self, mut each: impl FnMut(Account)) -> Result<()> {
        self.with(|connection| {
            let mut query = connection.prepare_cached("SELECT * FROM account ORDER BY id")?;
            for row in query.query_map([], account)? {
                each(row?);
            }
            Ok(())
        })
    }

    fn set_scores(&self, changes: &[(u64, u64)]) -> Result<()> {
        self.write(|connection| {
            let mut update = connection.prepare_cached("UPDATE account SET score = ? WHERE id = ?")?;
            for &(id, score) in changes {
                if update.execute([score as i64, id as i64])? != 1 {
                    return Err("a row is missing".into());
                }
            }
            Ok(())
        })
    }

    fn set_about(&self, id: u64, about: &str) -> Result<()> {
        self.write(|connection| {
            let mut update = connection.prepare_cached("UPDATE account SET about = ? WHERE id = ?")?;
            match update.execute(params![about, id as i64])? {
                1 => Ok(()),
                _ => Err("a row is missing".into()),
            }
        })
    }

    fn remove_many(&self, ids: &[u64]) -> Result<()> {
        self.write(|connection| {
            let mut delete = connection.prepare_cached("DELETE FROM account WHERE id = ?")?;
            for &id in ids {
                if delete.execute([id as i64])? != 1 {
                    return Err("a row is missing".into());
                }
            }
            Ok(())
        })
    }

    fn pop_first(&self) -> Result<Option<Account>> {
        self.write(|connection| {
            let mut take = connection
                .prepare_cached("DELETE FROM account WHERE id = (SELECT min(id) FROM account) RETURNING *")?;
            Ok(take.query_row([], account).optional()?)
        })
    }

    fn remove_below(&self, limit: u64) -> Result<u64> {
        let delete = "DELETE FROM account WHERE id IN
            (SELECT id FROM account WHERE score < ? ORDER BY score LIMIT ?)";
        let mut count = 0;
        loop {
            let removed = self.write(|connection| {
                let mut delete = connection.prepare_cached(delete)?;
                Ok(delete.execute([limit as i64, REMOVED_AT_ONCE as i64])? as u64)
            })?;
            if removed == 0 {
                return Ok(count);
            }
            count += removed;
        }
    }

    fn clear(&self) -> Result<()> {
        self.write(|connection| {
            connection.prepare_cached("DELETE FROM account")?.execute([])?;
            Ok(())
        })
    }

    fn with_snapshot<R>(&self, body: impl FnOnce(&Get<'_>) -> Result<R>) -> Result<Option<R>> {
        self.with(|connection| {
            let transaction = connection.transaction()?;
            // The snapshot begins with the first read.
            transaction.query_row("SELECT max(id) FROM account", [], |_| Ok(()))?;
            body(&|id| Ok(transaction.prepare_cached(GET)?.query_row([id as i64], account).optional()?))
                .map(Some)
        })
    }

    fn sync(&self) -> Result<()> {
        // Under NORMAL only a checkpoint syncs; in FULL there is nothing left to do.
        self.with(|connection| Ok(connection.query_row("PRAGMA wal_checkpoint(FULL)", [], |_| Ok(()))?))
    }

    fn settle(&self) -> Result<()> {
        self.with(|connection| {
            connection.execute_batch("VACUUM")?;
            Ok(connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?)
        })
    }

    fn close(self) -> Result<()> {
        for connection in self.idle.into_inner().unwrap_or_else(PoisonError::into_inner) {
            connection.close().map_err(|(_, error)| error)?;
        }
        Ok(())
    }
}
