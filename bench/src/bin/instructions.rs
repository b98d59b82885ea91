//! Counts the instructions of an operation, under valgrind's callgrind: what a clock on a shared machine cannot decide.
//!
//! ```text
//! instructions                    runs itself under callgrind and prints instructions per operation
//! instructions --save FILE        also writes them down
//! instructions --against FILE     also prints each count as a ratio to the one written down before
//! ```
//!
//! Each operation is a function of [`measured`], whose inclusive count is read. The database is a directory on disk with [`Background::Manual`], so that no other thread is counted. The counts
//! repeat within a few tenths of a percent (the allocator's state and random identifiers differ).

use std::collections::BTreeMap;
use std::io::{Error, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Parser;
use walnut::{Background, Database, DefaultTable, Durability};

#[path = "../account.rs"]
#[allow(dead_code, reason = "the benchmark uses the rest")]
mod account;
#[path = "../random.rs"]
#[allow(dead_code, reason = "the benchmark uses the rest")]
mod random;

use account::Account;

/// Instructions per operation, counted by valgrind.
#[derive(Parser)]
struct Cli {
    /// Writes the counts to a file.
    #[arg(long)]
    save: Option<PathBuf>,
    /// Compares with the counts in a file.
    #[arg(long)]
    against: Option<PathBuf>,
    /// Runs the operations in this directory, to be counted from outside.
    #[arg(long, hide = true)]
    inner: Option<PathBuf>,
}

/// Rows in the table that is read.
const ROWS: u64 = 50_000;
/// How often a cheap operation is done.
const TIMES: u64 = 5_000;

/// The operations and how often each is done.
const OPERATIONS: [(&str, u64); 20] = [
    ("get", TIMES),
    ("get_missing", TIMES),
    ("contains", TIMES),
    ("unique_get", TIMES),
    ("get_many_of_64", TIMES / 64),
    ("get_in_transaction", TIMES),
    ("get_in_snapshot", TIMES),
    ("range_of_100", TIMES / 100),
    ("index_range_of_100", TIMES / 100),
    ("index_keys_of_100", TIMES / 100),
    ("scan", ROWS),
    ("count", ROWS),
    ("insert", TIMES),
    ("insert_many_of_1000", TIMES),
    ("upsert_new", TIMES),
    ("modify_indexed", TIMES),
    ("remove", TIMES),
    ("flush", 5 * TIMES),
    ("recovery", 2 * TIMES),
    ("open", 1),
];

fn main() -> Result<()> {
    let cli = Cli::parse();
    if let Some(dir) = cli.inner {
        return operate(&dir).map_err(Error::other);
    }
    let counts = count()?;
    let before = cli.against.as_deref().map(read).transpose()?.unwrap_or_default();
    for (name, count) in &counts {
        match before.get(name) {
            Some(old) => println!("{name:<22} {count:>10.1} {old:>10.1} {:>7.3}", count / old),
            None => println!("{name:<22} {count:>10.1}"),
        }
    }
    if let Some(file) = cli.save {
        let lines: Vec<_> = counts.iter().map(|(name, count)| format!("{name} {count:.1}")).collect();
        std::fs::write(file, lines.join("\n"))?;
    }
    Ok(())
}

fn read(file: &Path) -> Result<BTreeMap<String, f64>> {
    let line = |line: &str| Some((line.split(' ').next()?.to_owned(), line.split(' ').nth(1)?.parse().ok()?));
    std::fs::read_to_string(file)?
        .lines()
        .map(|text| {
            line(text).ok_or_else(|| Error::other(format!("{}: not a count: {text}", file.display())))
        })
        .collect()
}

/// Runs this program under callgrind, and reads what each operation cost with all that it called.
fn count() -> Result<Vec<(String, f64)>> {
    let dir = tempfile::tempdir()?;
    let out = dir.path().join("out");
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--quiet"]).arg(format!("--callgrind-out-file={}", out.display()));
    run(valgrind.arg(std::env::current_exe()?).arg("--inner").arg(dir.path().join("database")))?;
    let mut annotate = Command::new("callgrind_annotate");
    let listing = run(annotate.args(["--inclusive=yes", "--threshold=100"]).arg(&out))?;
    OPERATIONS
        .iter()
        .map(|(name, times)| Ok(((*name).to_owned(), total(&listing, name)? / *times as f64)))
        .collect()
}

/// What a program prints.
fn run(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let named = |error: Error| Error::other(format!("{program}: {error}"));
    let output = command.output().map_err(named)?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(named(Error::other(format!("{}: {}", output.status, said.trim_end()))));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The inclusive count of an operation. It has a line for each file from which something was inlined into it; the largest is
/// that of the function itself.
fn total(listing: &str, name: &str) -> Result<f64> {
    let function = format!("instructions::measured::{name}");
    let is_of = |line: &&str| line.split(" [").next().is_some_and(|line| line.ends_with(&function));
    listing
        .lines()
        .filter(is_of)
        .filter_map(|line| line.split_whitespace().next()?.replace(',', "").parse().ok())
        .reduce(f64::max)
        .ok_or_else(|| Error::other(format!("callgrind counted no `{name}`")))
}

fn open(dir: &Path) -> walnut::Result<Database> {
    Database::builder()
        .background(Background::Manual)
        .durability(Durability::Fast)
        .memtable_size(256 << 20)
        .cache_size(256 << 20)
        .checkpoint_on_close(false)
        .open(dir)
}

/// All operations, in the order of [`OPERATIONS`].
fn operate(dir: &Path) -> walnut::Result<()> {
    let db = open(dir)?;
    let table = db.table::<Account>()?;
    let rows: Vec<Account> = (0..ROWS).map(Account::numbered).collect();
    for rows in rows.chunks(10_000) {
        table.insert_many(rows)?;
    }
    db.compact()?;
    for row in table.iter() {
        row?;
    }
    read_operations(&db, &table)?;
    write_operations(&db, &table)?;
    drop((table, db));
    let db = measured::recovery(dir)?;
    db.checkpoint()?;
    db.close()?;
    measured::open(dir)?.close()
}

fn read_operations(db: &Database, table: &DefaultTable<Account>) -> walnut::Result<()> {
    measured::get(table)?;
    measured::get_missing(table)?;
    measured::contains(table)?;
    let emails: Vec<String> = (0..TIMES).map(|turn| account::email(number(turn))).collect();
    measured::unique_get(table, &emails)?;
    measured::get_many_of_64(table)?;
    measured::get_in_transaction(db)?;
    measured::get_in_snapshot(db)?;
    measured::range_of_100(table)?;
    measured::index_range_of_100(table)?;
    measured::index_keys_of_100(table)?;
    measured::scan(table)?;
    measured::count(table)
}

fn write_operations(db: &Database, table: &DefaultTable<Account>) -> walnut::Result<()> {
    let rows = |group: u64| -> Vec<Account> {
        (ROWS + group * TIMES..ROWS + (group + 1) * TIMES).map(Account::numbered).collect()
    };
    measured::insert(table, &rows(0))?;
    measured::insert_many_of_1000(table, &rows(1))?;
    measured::upsert_new(table, &rows(2))?;
    measured::modify_indexed(table)?;
    measured::remove(table)?;
    measured::flush(db)?;
    for row in rows(3).iter().chain(&rows(4)) {
        table.insert(row)?;
    }
    Ok(())
}

/// The number of a row, scattered over the table.
fn number(turn: u64) -> u64 {
    random::mix(turn) % ROWS
}

/// What is counted, a function for each.
mod measured {
    use std::hint::black_box;
    use std::path::Path;

    use walnut::{Database, DefaultTable, Result};

    use super::account::{Account, SCORE_LIMIT, id};
    use super::{ROWS, TIMES, number, random};

    #[inline(never)]
    pub(super) fn get(table: &DefaultTable<Account>) -> Result<()> {
        for turn in 0..TIMES {
            black_box(table.get(id(number(turn)))?);
        }
        Ok(())
    }

    #[inline(never)]
    pub(super) fn get_missing(table: &DefaultTable<Account>) -> Result<()> {
        for turn in 0..TIMES {
            black_box(table.get(id(number(turn)) + 1)?);
        }
        Ok(())
    }

    #[inline(never)]
    pub(super) fn contains(table: &DefaultTable<Account>) -> Result<()> {
        for turn in 0..TIMES {
            black_box(table.contains(id(number(turn)))?);
        }
        Ok(())
    }

    #[inline(never)]
    pub(super) fn unique_get(table: &DefaultTable<Account>, emails: &[String]) -> Result<()> {
        for email in emails {
            black_box(table.by().email.get(email.as_str())?);
        }
        Ok(())
    }

    #[inline(never)]
    pub(super) fn get_many_of_64(table: &DefaultTable<Account>) -> Result<()> {
        for turn in 0..TIMES / 64 {
            black_box(table.get_many((64 * turn..64 * (turn + 1)).map(|turn| id(number(turn))))?);
        }
        Ok(())
    }

    #[inline(never)]
    pub(super) fn get_in_transaction(db: &Database) -> Result<()> {
        db.transact(|tx| {
            let table = tx.table::<Account>()?;
            for turn in 0..TIMES {
                black_box(table.get(id(number(turn)))?);
            }
            Ok(())
        })
    }

    #[inline(never)]
    pub(super) fn get_in_snapshot(db: &Database) -> Result<()> {
        let snapshot = db.snapshot();
        let table = snapshot.table::<Account>()?;
        for turn in 0..TIMES {
            black_box(table.get(id(number(turn)))?);
        }
        Ok(())
    }

    #[inline(never)]
    pub(super) fn range_of_100(table: &DefaultTable<Account>) -> Result<()> {
        for turn in 0..TIMES / 100 {
            for row in table.range(id(number(turn))..).limit(100) {
                black_box(row?);
            }
        }
        Ok(())
    }

    #[inline(never)]
    pub(super) fn index_range_of_100(table: &DefaultTable<Account>) -> Result<()> {
        for turn in 0..TIMES / 100 {
            for row in table.by().score.range(random::mix(turn) % SCORE_LIMIT..).limit(100) {
                black_box(row?);
            }
        }
        Ok(())
    }

    #[inline(never)]
    pub(super) fn index_keys_of_100(table: &DefaultTable<Account>) -> Result<()> {
        for turn in 0..TIMES / 100 {
            for key in table.by().score.range(random::mix(turn) % SCORE_LIMIT..).limit(100).keys() {
                black_box(key?);
            }
        }
        Ok(())
    }

    #[inline(never)]
    pub(super) fn scan(table: &DefaultTable<Account>) -> Result<()> {
        for row in table.iter() {
            black_box(row?);
        }
        Ok(())
    }

    #[inline(never)]
    pub(super) fn count(table: &DefaultTable<Account>) -> Result<()> {
        black_box(table.iter().count()?);
        Ok(())
    }

    #[inline(never)]
    pub(super) fn insert(table: &DefaultTable<Account>, rows: &[Account]) -> Result<()> {
        for row in rows {
            table.insert(row)?;
        }
        Ok(())
    }

    #[inline(never)]
    pub(super) fn insert_many_of_1000(table: &DefaultTable<Account>, rows: &[Account]) -> Result<()> {
        for rows in rows.chunks(1000) {
            table.insert_many(rows)?;
        }
        Ok(())
    }

    #[inline(never)]
    pub(super) fn upsert_new(table: &DefaultTable<Account>, rows: &[Account]) -> Result<()> {
        for row in rows {
            black_box(table.upsert(row)?);
        }
        Ok(())
    }

    #[inline(never)]
    pub(super) fn modify_indexed(table: &DefaultTable<Account>) -> Result<()> {
        for turn in 0..TIMES {
            table.modify(id(number(turn)), |row| row.score = random::mix(turn + ROWS) % SCORE_LIMIT)?;
        }
        Ok(())
    }

    #[inline(never)]
    pub(super) fn remove(table: &DefaultTable<Account>) -> Result<()> {
        for turn in 0..TIMES {
            black_box(table.remove(id(ROWS + turn))?);
        }
        Ok(())
    }

    #[inline(never)]
    pub(super) fn flush(db: &Database) -> Result<()> {
        db.checkpoint()
    }

    #[inline(never)]
    pub(super) fn recovery(dir: &Path) -> Result<Database> {
        super::open(dir)
    }

    #[inline(never)]
    pub(super) fn open(dir: &Path) -> Result<Database> {
        let db = super::open(dir)?;
        db.table::<Account>()?;
        Ok(db)
    }
}
