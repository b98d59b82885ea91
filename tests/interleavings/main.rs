//! Threads under a scheduler that decides at every lock and every atomic who goes on: commit, visibility and the guard.
//!
//! ```sh
//! cargo test --release -p walnut-tests --features shuttle --test interleavings
//! WALNUT_SEEDS=100000 cargo test --release -p walnut-tests --features shuttle --test interleavings
//! ```
//!
//! The store is the real one, over `sync` and so over the scheduler's locks; its machine is in memory, and nothing runs in the
//! background. What a schedule broke is printed as a string that replays it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::thread::{self, JoinHandle};
use shuttle::{Config, Runner};
use walnut::env::MemoryEnv;
use walnut::kv::{Keyspace, WriteBatch};
use walnut::{Background, Database, Durability, Error, Table};

/// Of a task, in bytes.
const STACK_SIZE: usize = 1 << 20;

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Account {
    #[primary_key]
    id: u64,
    #[index(unique)]
    name: Option<String>,
    #[index]
    balance: i64,
}

fn account(id: u64, name: Option<&str>, balance: i64) -> Account {
    Account { id, name: name.map(str::to_owned), balance }
}

/// Runs `test` under as many schedules as are asked for: random ones, and ones that let one thread run as long as it can.
fn under_all_schedules(test: impl Fn() + Send + Sync + Clone + 'static) {
    let count = std::env::var("WALNUT_SEEDS").map_or(150, |count| count.parse().expect("a number"));
    let mut config = Config::new();
    // Opening a database takes more than the 32 KiB that a task has otherwise.
    config.stack_size = STACK_SIZE;
    Runner::new(RandomScheduler::new(count), config.clone()).run(test.clone());
    Runner::new(PctScheduler::new(3, count), config).run(test);
}

fn open(memtable_size: usize) -> Database {
    let builder = Database::builder().env(Arc::new(MemoryEnv::new())).background(Background::Manual);
    builder.memtable_size(memtable_size).block_size(256).open("/db").unwrap()
}

fn run(threads: Vec<JoinHandle<()>>) {
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

fn total(db: &Database) -> i64 {
    db.snapshot().table::<Account>().unwrap().iter().map(|row| row.unwrap().balance).sum()
}

#[test]
fn a_commit_is_seen_whole_or_not_at_all_and_never_again_gone() {
    under_all_schedules(|| {
        let db = open(1 << 20);
        let accounts = db.table::<Account>().unwrap();
        accounts.insert_many(&[account(1, None, 50), account(2, None, 50)]).unwrap();
        let mut threads = Vec::new();
        for durability in [Durability::Safe, Durability::Fast] {
            let db = db.clone();
            threads.push(thread::spawn(move || {
                let moved = db.transact_with(durability, |tx| {
                    let accounts = tx.table::<Account>()?;
                    accounts.modify(1, |row| row.balance -= 10)?;
                    accounts.modify(2, |row| row.balance += 10)
                });
                moved.unwrap();
                assert!(
                    db.table::<Account>().unwrap().get(1).unwrap().unwrap().balance <= 40,
                    "one's own commit"
                );
            }));
        }
        let reader = db.clone();
        threads.push(thread::spawn(move || {
            let mut last = 50;
            for _ in 0..3 {
                assert_eq!(total(&reader), 100);
                let seen = reader.table::<Account>().unwrap().get(1).unwrap().unwrap().balance;
                assert!(seen <= last, "a read goes back in time");
                last = seen;
            }
        }));
        run(threads);
        assert_eq!(accounts.get(1).unwrap().unwrap().balance, 30, "no update is lost");
        db.verify().unwrap();
    });
}

#[test]
fn what_a_snapshot_shows_never_changes() {
    under_all_schedules(|| {
        let db = open(1 << 20);
        db.table::<Account>().unwrap().insert(&account(1, None, 50)).unwrap();
        let writer = |durability| {
            let db = db.clone();
            thread::spawn(move || {
                let changed = db.transact_with(durability, |tx| {
                    tx.table::<Account>()?.modify(1, |row| row.balance -= 10).map(drop)
                });
                changed.unwrap();
            })
        };
        let reader = db.clone();
        let reads = move || {
            for _ in 0..3 {
                let rows = reader.snapshot().table::<Account>().unwrap();
                let first = rows.get(1).unwrap().unwrap();
                assert_eq!(
                    rows.get(1).unwrap().as_ref(),
                    Some(&first),
                    "a number is seen before what it stands for"
                );
                assert_eq!(rows.iter().collect_vec().unwrap(), [first]);
            }
        };
        run(vec![writer(Durability::Safe), writer(Durability::Fast), thread::spawn(reads)]);
    });
}

#[test]
fn a_value_has_one_owner_and_nobody_waits_for_ever() {
    under_all_schedules(|| {
        let db = open(1 << 20);
        db.table::<Account>().unwrap();
        let threads = (1..=3).map(|id| {
            let db = db.clone();
            thread::spawn(move || {
                // The names in another order each, so that each may hold what the other one wants.
                let names = if id % 2 == 0 { ["ann", "bob"] } else { ["bob", "ann"] };
                for (place, name) in (0..).zip(names) {
                    let row = account(id * 10 + place, Some(name), 0);
                    let outcome = db.transact(|tx| {
                        let accounts = tx.table::<Account>()?;
                        accounts.by().name.try_reserve_unique(Some(name))?;
                        accounts.insert(&row)
                    });
                    assert!(matches!(outcome, Ok(()) | Err(Error::UniqueViolation(_))), "{outcome:?}");
                }
            })
        });
        run(threads.collect());
        let accounts = db.table::<Account>().unwrap();
        assert_eq!(accounts.len().unwrap(), 2, "each name has one owner");
        db.verify().unwrap();
    });
}

#[test]
fn of_two_who_read_what_the_other_writes_one_loses() {
    under_all_schedules(|| {
        let db = open(1 << 20);
        db.table::<Account>().unwrap().insert_many(&[account(1, None, 1), account(2, None, 1)]).unwrap();
        let threads = [1, 2].map(|id| {
            let db = db.clone();
            thread::spawn(move || {
                let tx = db.begin();
                let accounts = tx.table::<Account>().unwrap();
                let sum: i64 = accounts.iter().map(|row| row.unwrap().balance).sum();
                if sum == 2 {
                    accounts.modify(id, |row| row.balance = 0).unwrap();
                }
                let outcome = tx.commit();
                assert!(matches!(outcome, Ok(()) | Err(Error::Conflict)), "{outcome:?}");
            })
        });
        run(threads.into());
        assert_eq!(total(&db), 1, "one of them wrote, and saw what the other one had not written");
    });
}

#[test]
fn reads_and_commits_go_on_while_memtables_are_frozen_and_merged() {
    under_all_schedules(|| {
        let db = open(1 << 10);
        let accounts = db.table::<Account>().unwrap();
        accounts.insert_many(&[account(1, None, 50), account(2, None, 50)]).unwrap();
        let (writer, reader, merger) = (db.clone(), db.clone(), db.clone());
        run(vec![
            thread::spawn(move || {
                for sum in 0..4 {
                    let accounts = writer.table::<Account>().unwrap();
                    accounts.upsert_many(&[account(1, None, 50 - sum), account(2, None, 50 + sum)]).unwrap();
                }
            }),
            thread::spawn(move || (0..3).for_each(|_| assert_eq!(total(&reader), 100))),
            thread::spawn(move || merger.compact().unwrap()),
        ]);
        assert_eq!(accounts.get(1).unwrap().unwrap().balance, 47);
        db.verify().unwrap();
    });
}

#[test]
fn a_key_that_is_put_among_dead_ones_is_seen_by_all_that_look_after_it() {
    under_all_schedules(|| {
        let db = open(1 << 20);
        let keys = db.keyspace("keys").unwrap();
        let mut batch = WriteBatch::new();
        // As many tombstones as a reader remembers, and a key behind them.
        for key in 0..20u8 {
            batch.remove(&keys, [key]).unwrap();
        }
        batch.put(&keys, [99], "").unwrap();
        db.write(batch).unwrap();
        let first = |keys: &Keyspace| keys.first().unwrap().unwrap().0[0];
        let mut threads = Vec::new();
        for new in [7, 13] {
            let keys = keys.clone();
            threads.push(thread::spawn(move || {
                keys.put([new], "").unwrap();
                assert!(first(&keys) <= new, "a key of one's own");
            }));
        }
        for _ in 0..2 {
            let keys = keys.clone();
            threads.push(thread::spawn(move || {
                let mut last = 99;
                for _ in 0..3 {
                    let seen = first(&keys);
                    assert!(seen <= last, "a key is seen and then no more");
                    last = seen;
                }
            }));
        }
        run(threads);
        assert_eq!(first(&keys), 7);
    });
}
