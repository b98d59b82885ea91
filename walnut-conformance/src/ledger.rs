//! A ledger under load: clients that transfer and count, each its own database, while something is
//! done to the engine; then everything is counted up.
//!
//! 1. The sum of all accounts is what it was at the beginning: no transfer is done by half.
//! 2. A client's counter is the number of its commits that were acknowledged, and of those whose
//!    fate it could not learn at most one more each: no commit is lost, and none done twice.
//! 3. Every index entry is one that a row asks for, and every row has its entries.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use walnut::remote::{Engine, Failure, RemoteOptions, Serializable};
use walnut::{Database, Error, Table};

use crate::{Options, described, ensure, unique_name};

const ACCOUNT_COUNT: u64 = 12;
const OPENING: i64 = 1000;

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = "conformance_accounts", primary_key = (ledger, id))]
struct Account {
    ledger: String,
    id: u64,
    balance: i64,
    #[index]
    parity: i64,
    #[index(unique)]
    label: String,
}

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = "conformance_counters", primary_key = (ledger, client))]
struct Counter {
    ledger: String,
    client: u64,
    #[index]
    count: u64,
}

/// What the clients of a ledger have done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ledger {
    /// Transfers that were acknowledged.
    pub done_count: u64,
    /// Transfers that ended with an error, of which nothing was done.
    pub failed_count: u64,
    /// Transfers whose fate their client could not learn.
    pub unknown_count: u64,
    /// The longest time from the begin of a transfer to its end.
    pub longest: Duration,
}

/// What one client knows of its own transfers.
#[derive(Default)]
struct Told {
    done: u64,
    failed: u64,
    unknown: u64,
    longest: Duration,
}

/// Runs the clients, calls `disturb` once while they work, and verifies what is there afterwards.
/// `connect` returns an engine for each client; all are clients of the same data.
///
/// An error is a sentence about what does not add up.
pub fn run<E: Engine + Serializable>(
    connect: impl Fn() -> Result<E, Failure> + Sync,
    options: &Options,
    disturb: impl FnOnce(),
) -> Result<Ledger, String> {
    let ledger = unique_name("ledger");
    let database = || -> Result<Database<E>, String> {
        let mut remote = RemoteOptions::default();
        remote.patience = Duration::from_secs(60);
        Database::on_with(connect().map_err(described)?, &remote).map_err(described)
    };
    let db = database()?;
    let accounts = db.table::<Account>().map_err(described)?;
    for id in 0..ACCOUNT_COUNT {
        accounts.insert(&account(&ledger, id, OPENING)).map_err(described)?;
    }
    let started = AtomicU64::new(0);
    let has_failed = AtomicBool::new(false);
    let told: Vec<Result<Told, String>> = thread::scope(|scope| {
        let client = |number: u64| {
            let (database, ledger, started, has_failed) = (&database, &ledger, &started, &has_failed);
            scope.spawn(move || {
                let told = database().and_then(|db| client(&db, ledger, number, options, started));
                has_failed.fetch_or(told.is_err(), Ordering::Relaxed);
                told
            })
        };
        let clients: Vec<_> = (0..options.client_count as u64).map(client).collect();
        // In the middle of the work.
        let enough = (options.client_count * options.transfer_count / 3) as u64;
        while started.load(Ordering::Relaxed) < enough && !has_failed.load(Ordering::Relaxed) {
            thread::yield_now();
        }
        disturb();
        let panicked = || Err("a client has panicked".to_owned());
        clients.into_iter().map(|client| client.join().unwrap_or_else(|_| panicked())).collect()
    });
    let told = told.into_iter().collect::<Result<Vec<_>, _>>()?;
    verify(&database()?, &ledger, &told)?;
    Ok(told.iter().fold(Ledger::default(), |all, told| Ledger {
        done_count: all.done_count + told.done,
        failed_count: all.failed_count + told.failed,
        unknown_count: all.unknown_count + told.unknown,
        longest: all.longest.max(told.longest),
    }))
}

fn account(ledger: &str, id: u64, balance: i64) -> Account {
    let label = format!("{ledger}/{id}/{balance}");
    Account { ledger: ledger.to_owned(), id, balance, parity: balance % 7, label }
}

fn client<E: Engine + Serializable>(
    db: &Database<E>,
    ledger: &str,
    number: u64,
    options: &Options,
    started: &AtomicU64,
) -> Result<Told, String> {
    let mut random = options.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (number << 32) ^ 1;
    let mut below = |limit: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % limit
    };
    let mut told = Told::default();
    for _ in 0..options.transfer_count {
        started.fetch_add(1, Ordering::Relaxed);
        let (from, to) = (below(ACCOUNT_COUNT), below(ACCOUNT_COUNT));
        let amount = i64::try_from(below(50)).unwrap_or(0);
        let began = Instant::now();
        let outcome = db.transact(|tx| {
            let (accounts, counters) = (tx.table::<Account>()?, tx.table::<Counter>()?);
            if from != to {
                for (id, change) in [(from, -amount), (to, amount)] {
                    let old = accounts.get((ledger, id))?.ok_or(Error::NotFound)?;
                    accounts.replace(&account(ledger, id, old.balance + change))?;
                }
            }
            let count = counters.get((ledger, number))?.map_or(0, |counter| counter.count);
            counters.upsert(&Counter { ledger: ledger.to_owned(), client: number, count: count + 1 })
        });
        told.longest = told.longest.max(began.elapsed());
        match outcome {
            Ok(_) => told.done += 1,
            Err(Error::CommitUnknown(_)) => told.unknown += 1,
            Err(Error::Conflict | Error::Unavailable(_) | Error::SnapshotTooOld) => told.failed += 1,
            Err(error) => return Err(format!("a transfer fails with {error}")),
        }
    }
    Ok(told)
}

fn verify<E: Engine + Serializable>(db: &Database<E>, ledger: &str, told: &[Told]) -> Result<(), String> {
    let accounts = db.table::<Account>().map_err(described)?;
    let counters = db.table::<Counter>().map_err(described)?;
    let rows = accounts.prefix(ledger).collect_vec().map_err(described)?;
    let sum: i64 = rows.iter().map(|row| row.balance).sum();
    let expected = OPENING * i64::try_from(ACCOUNT_COUNT).unwrap_or(0);
    ensure(rows.len() as u64 == ACCOUNT_COUNT, || format!("{} accounts are left", rows.len()))?;
    ensure(sum == expected, || format!("the accounts have {sum} in all instead of {expected}"))?;
    for (client, told) in told.iter().enumerate() {
        let counter = counters.get((ledger, client as u64)).map_err(described)?;
        let count = counter.map_or(0, |counter| counter.count);
        ensure((told.done..=told.done + told.unknown).contains(&count), || {
            format!(
                "client {client} has {} acknowledged commits and {} of unknown fate, and its counter is {count}",
                told.done, told.unknown
            )
        })?;
    }
    db.verify_tables().map(drop).map_err(|error| format!("indexes disagree with rows: {error}"))
}
