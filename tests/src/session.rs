//! An open database with both tables, the options under which it was opened, and what is compared of it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use walnut::env::{Env, MemoryEnv};
use walnut::remote::Embedded;
use walnut::{
    Background, Builder, Compaction, Compression, Database, DefaultTable, Durability, EncryptionKey, Error,
    Result, WriteAccess,
};

use crate::model::{Outcome, Rows, State, Told};
use crate::query::{Answer, Narrow, Shape};
use crate::random::Random;
use crate::rows::{Document, Row, User, Valued};
use crate::workload::{Op, Statement};

/// Where the database of a test lies.
pub const DIR: &str = "/db";

/// Options.
#[derive(Clone, Debug)]
pub struct Setup {
    /// What an acknowledgement means.
    pub durability: Durability,
    /// Bytes of a memtable.
    pub memtable_size: usize,
    /// Bytes of a block.
    pub block_size: usize,
    /// Bytes of an SST at which compaction begins the next one.
    pub max_sst_size: u64,
    /// The smallest target of a level, in bytes.
    pub base_level_size: u64,
    /// Bytes of a value from which on it is in the value log.
    pub value_log_threshold: usize,
    /// How SSTs are merged.
    pub compaction: Compaction,
    /// Bytes by which a log segment is filled ahead.
    pub log_preallocation: u64,
    /// Files that are kept open.
    pub max_open_files: usize,
    /// Whether blocks are compressed.
    pub compression: Compression,
    /// Whether closing flushes.
    pub checkpoint_on_close: bool,
    /// Whether the database is encrypted.
    pub is_encrypted: bool,
}

/// The key of all encrypted databases of tests.
pub const KEY: [u8; 32] = [7; 32];

/// The same options, with encryption when `WALNUT_ENCRYPTION` is set.
pub fn encrypted_if_asked(builder: Builder) -> Builder {
    if is_encryption_asked() { builder.encryption(EncryptionKey::from_bytes(KEY)) } else { builder }
}

fn is_encryption_asked() -> bool {
    std::env::var_os("WALNUT_ENCRYPTION").is_some()
}

impl Setup {
    /// Options shaken from a seed, small enough that everything happens soon.
    pub fn draw(seed: u64) -> Self {
        let mut random = Random::new(seed, "setup");
        Self {
            durability: *random.pick(&[
                Durability::Safe,
                Durability::Safe,
                Durability::Group,
                Durability::Fast,
            ]),
            memtable_size: *random.pick(&[1 << 10, 2 << 10, 8 << 10, 1 << 20]),
            block_size: *random.pick(&[256, 512, 4096]),
            log_preallocation: *random.pick(&[0, 0, 4 << 10, 16 << 10]),
            compression: *random.pick(&[Compression::None, Compression::Lz4]),
            checkpoint_on_close: !random.one_in(3),
            max_open_files: *random.pick(&[8, 8, 500]),
            max_sst_size: *random.pick(&[1 << 10, 3 << 10, 32 << 20]),
            base_level_size: *random.pick(&[1 << 10, 1 << 10, 8 << 10, 64 << 20]),
            value_log_threshold: *random.pick(&[0, 0, 1, 40, 90]),
            compaction: *random.pick(&[Compaction::Leveled, Compaction::Tiered, Compaction::Universal]),
            is_encrypted: random.one_in(4) || is_encryption_asked(),
        }
    }

    /// Safe and otherwise by default.
    pub fn plain() -> Self {
        Self {
            durability: Durability::Safe,
            memtable_size: 1 << 20,
            block_size: 4096,
            max_sst_size: 32 << 20,
            base_level_size: 64 << 20,
            value_log_threshold: 8 << 10,
            compaction: Compaction::Leveled,
            log_preallocation: 0,
            compression: Compression::Lz4,
            checkpoint_on_close: true,
            max_open_files: 500,
            is_encrypted: is_encryption_asked(),
        }
    }

    /// The builder with these options.
    pub fn builder(&self) -> Builder {
        let builder = Database::builder()
            .durability(self.durability)
            .group_window(Duration::ZERO)
            .memtable_size(self.memtable_size)
            .block_size(self.block_size)
            .max_sst_size(self.max_sst_size)
            .base_level_size(self.base_level_size)
            .value_log_threshold(self.value_log_threshold)
            .compaction(self.compaction)
            .max_open_files(self.max_open_files)
            .log_preallocation(self.log_preallocation)
            .compression(self.compression)
            .checkpoint_on_close(self.checkpoint_on_close)
            .cache_size(1 << 20)
            .background(Background::Manual);
        if self.is_encrypted { builder.encryption(EncryptionKey::from_bytes(KEY)) } else { builder }
    }

    /// Opens the database on a machine.
    pub fn open(&self, env: Arc<dyn Env>) -> Result<Session> {
        Session::of(self.builder().env(env).open(DIR)?)
    }
}

/// An open database.
#[derive(Debug)]
pub struct Session<E = Embedded> {
    /// Its users.
    pub users: DefaultTable<User>,
    /// Its documents.
    pub documents: DefaultTable<Document>,
    /// Itself.
    pub db: Database<E>,
    /// Whether its engine loses commits on their way: one that was lost before it happened is a conflict for a transaction
    /// that was begun by hand.
    pub loses_commits: bool,
}

impl<E> Session<E> {
    /// The database with its tables.
    pub fn of(db: Database<E>) -> Result<Self> {
        Ok(Self { users: db.table()?, documents: db.table()?, db, loses_commits: false })
    }

    /// Runs a statement; its own refusals are outcomes, everything else is an error.
    pub fn run(&self, op: &Op) -> Result<Told> {
        run_in(&self.users, &self.documents, op)
    }

    /// All rows of both tables.
    pub fn state(&self) -> Result<State> {
        Ok(State {
            users: Rows::from_rows(self.users.iter().collect_vec()?),
            documents: Rows::from_rows(self.documents.iter().collect_vec()?),
        })
    }

    /// Holds everything against the model: each row, each index both ways, each look-up. So every row has exactly its
    /// entries, and every entry its row.
    pub fn check(&self, state: &State) -> Result<()> {
        check_table(&self.users, &state.users)?;
        check_table(&self.documents, &state.documents)?;
        assert_eq!(self.db.table_names()?, ["documents", "users"]);
        Ok(())
    }
}

/// Runs a statement on one of these tables; its own refusals are outcomes, everything else is an error.
pub fn run_in<A: WriteAccess>(
    users: &DefaultTable<User, A>,
    documents: &DefaultTable<Document, A>,
    op: &Op,
) -> Result<Told> {
    Ok(match op {
        Op::User(statement) => Told::User(refusals(run(users, statement))?),
        Op::Document(statement) => Told::Document(refusals(run(documents, statement))?),
    })
}

fn run<T: Row, A: WriteAccess>(table: &DefaultTable<T, A>, statement: &Statement<T>) -> Result<Outcome<T>> {
    use crate::rows::Via;
    Ok(match statement {
        Statement::Insert(row) => {
            table.insert(row)?;
            Outcome::Done
        }
        Statement::Upsert(row) => Outcome::Row(table.upsert(row)?),
        Statement::Replace(row) => Outcome::Row(Some(table.replace(row)?)),
        Statement::Modify(key, change) => Outcome::Row(table.modify(T::point(key), |row| change.apply(row))?),
        Statement::Remove(key) => Outcome::Row(table.remove(T::point(key))?),
        Statement::InsertMany(rows) => {
            table.insert_many(rows)?;
            Outcome::Done
        }
        Statement::UpsertMany(rows) => Outcome::Rows(table.upsert_many(rows)?),
        Statement::RemoveMany(keys) => Outcome::Rows(table.remove_many(keys.iter().map(T::point))?),
        Statement::ModifyBy(index, probe, change) => {
            Outcome::Row(T::via(table, index, probe, Via::Modify(&mut |row| change.apply(row)))?)
        }
        Statement::RemoveBy(index, probe) => Outcome::Row(T::via(table, index, probe, Via::Remove)?),
    })
}

/// Tells refusals from failures.
fn refusals<T: Row>(result: Result<Outcome<T>>) -> Result<Outcome<T>> {
    match result {
        Err(Error::UniqueViolation(violation)) => {
            assert_eq!(violation.table(), T::SCHEMA.name);
            let owner = violation.owner::<T>().expect("the violation is of this table").value();
            Ok(Outcome::Violation { index: violation.index().to_owned(), owner })
        }
        Err(Error::NotFound) => Ok(Outcome::NotFound),
        Err(Error::Unsupported(text)) if text.contains("primary key") => Ok(Outcome::KeyChanged),
        other => other,
    }
}

fn check_table<T: Row>(table: &DefaultTable<T>, model: &Rows<T>) -> Result<()> {
    let rows: Vec<T> = model.iter().map(|row| T::clone(row)).collect();
    assert_eq!(table.iter().collect_vec()?, rows, "rows of {}", T::SCHEMA.name);
    let reversed: Vec<T> = rows.iter().rev().cloned().collect();
    assert_eq!(table.iter().rev().collect_vec()?, reversed, "rows of {} backwards", T::SCHEMA.name);
    assert_eq!(table.len()?, rows.len() as u64);
    for row in &rows {
        assert_eq!(table.get(T::point(&row.primary_key()))?.as_ref(), Some(row));
    }
    for index in T::SCHEMA.indexes {
        for rev in [false, true] {
            for shape in [Shape::whole(rev), Shape::all_entries(rev)] {
                let found: Answer<T> = T::scan(table, index.name, &Narrow::Nothing, &shape)?;
                assert_eq!(found, shape.expected(model.entries(index.name)), "index {}", index.name);
            }
        }
    }
    Ok(())
}

/// Names the files that lie about in a closed database, if any: beside `CURRENT`, `LOCK`, one manifest, the log, SSTs, value
/// files, and `KEYS` of an encrypted one, there is nothing, and no more of the log than one segment when closing flushed
/// everything. A machine that crashed may have files that were moved aside.
pub fn leaks(env: &MemoryEnv, setup: &Setup, crashed: bool) -> Vec<String> {
    let dir = Path::new(DIR);
    let (mut manifests, mut segments, mut leaks) = (0, 0, Vec::new());
    for path in env.files() {
        let name = path.strip_prefix(dir).unwrap_or(&path).to_string_lossy().into_owned();
        let known = match name.as_str() {
            "CURRENT" | "LOCK" | "RESERVE" => true,
            "KEYS" => setup.is_encrypted,
            name if is_numbered(name, "MANIFEST-", "") => {
                manifests += 1;
                manifests == 1
            }
            name if is_numbered(name, "wal-", ".log") => {
                segments += 1;
                segments == 1 || !setup.checkpoint_on_close
            }
            name if name.starts_with("aside/") => crashed,
            name => is_numbered(name, "", ".sst") || is_numbered(name, "", ".vlog"),
        };
        if !known {
            leaks.push(name);
        }
    }
    if manifests == 0 {
        leaks.push("no manifest".to_owned());
    }
    if env.open_files() > 0 {
        leaks.push(format!("{} open files", env.open_files()));
    }
    leaks
}

/// Whether a name is six digits between these.
fn is_numbered(name: &str, start: &str, end: &str) -> bool {
    let digits = name.strip_prefix(start).and_then(|rest| rest.strip_suffix(end));
    digits.is_some_and(|digits| digits.len() == 6 && digits.bytes().all(|digit| digit.is_ascii_digit()))
}
