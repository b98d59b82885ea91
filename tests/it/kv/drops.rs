//! Tables and keyspaces that are dropped: gone at once and for good, seen by those who saw them, their space given back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};
use walnut::env::{CrashPolicy, MemoryEnv, Operations};
use walnut::{Background, Database, Error, Table};
use walnut_tests::threads::Ends;

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = "users")]
struct User {
    #[primary_key]
    id: u64,
    #[index(unique)]
    email: String,
    #[index]
    age: u8,
}

/// Another struct for the same name.
#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = "users")]
struct Account {
    #[primary_key]
    name: String,
}

fn user(id: u64) -> User {
    User { id, email: format!("{id}@x.org"), age: u8::try_from(id % 100).unwrap() }
}

fn open(env: &MemoryEnv) -> Database {
    let builder =
        Database::builder().background(Background::Manual).memtable_size(16 << 10).max_sst_size(16 << 10);
    builder.env(Arc::new(env.clone())).open("/db").unwrap()
}

#[test]
fn a_dropped_table_is_empty_for_old_handles_free_for_new_ones_and_kept_for_snapshots() {
    let env = MemoryEnv::new();
    let db = open(&env);
    let users = db.table::<User>().unwrap();
    users.insert_many(&(0..100).map(user).collect::<Vec<_>>()).unwrap();
    let before = db.snapshot();
    let kept = before.table::<User>().unwrap();
    let mut scan = users.iter();
    scan.next().unwrap().unwrap();
    assert!(db.drop_table("users").unwrap());
    assert!(!db.drop_table("users").unwrap() && !db.drop_table("nobody").unwrap());
    assert!(db.table_names().unwrap().is_empty());

    assert_eq!((users.get(7).unwrap(), users.len().unwrap()), (None, 0));
    assert_eq!(users.by().email.get("7@x.org").unwrap(), None);
    assert!(matches!(users.insert(&user(200)), Err(Error::Dropped)));
    assert!(matches!(users.upsert(&user(200)), Err(Error::Dropped)));
    assert!(matches!(users.remove(7), Err(Error::Dropped)));
    let refused = db.transact(|tx| tx.table::<User>()?.insert(&user(1)));
    refused.unwrap();
    assert!(db.drop_table("users").unwrap());

    assert_eq!(scan.count().unwrap(), 99, "a scan that was begun goes on");
    for _ in 0..2 {
        assert_eq!(kept.len().unwrap(), 100);
        assert_eq!(kept.by().age.all(7).count().unwrap(), 1);
        assert_eq!(
            before.table::<User>().unwrap().get(7).unwrap(),
            Some(user(7)),
            "a handle that is asked for late"
        );
        db.compact().unwrap();
    }
    drop((before, kept));
    assert!(!db.drop_table("users").unwrap(), "reading a snapshot has made nothing");
    let accounts = db.table::<Account>().unwrap();
    accounts.insert(&Account { name: "ann".into() }).unwrap();
    db.verify().unwrap();
    drop((accounts, users));
    db.close().unwrap();
    let db = open(&env);
    assert_eq!(db.table::<Account>().unwrap().len().unwrap(), 1);
    assert_eq!(db.table_names().unwrap(), ["users"]);
}

#[test]
fn a_transaction_that_began_before_the_drop_does_not_write_into_what_is_gone() {
    let db = Database::in_memory().unwrap();
    let users = db.table::<User>().unwrap();
    let space = db.keyspace("space").unwrap();
    users.insert(&user(1)).unwrap();
    let (rows, bytes) = (db.begin(), db.begin());
    rows.table::<User>().unwrap().insert(&user(2)).unwrap();
    bytes.keyspace("space").unwrap().put("k", "v").unwrap();
    db.drop_table("users").unwrap();
    db.drop_keyspace("space").unwrap();
    assert!(matches!(rows.commit(), Err(Error::Conflict)));
    assert!(matches!(bytes.commit(), Err(Error::Conflict)));
    assert!(matches!(space.put("k", "v"), Err(Error::Dropped)));
    let mut batch = walnut::kv::WriteBatch::new();
    batch.put(&space, "k", "v").unwrap();
    assert!(matches!(db.write(batch), Err(Error::Dropped)));
    assert!(db.keyspace_names().unwrap().is_empty());
    assert!(db.keyspace("space").unwrap().is_empty().unwrap());
    assert_eq!(db.table::<User>().unwrap().len().unwrap(), 0);
}

#[test]
fn a_dropped_table_gives_its_space_back() {
    let env = MemoryEnv::new();
    let db = open(&env);
    let users = db.table::<User>().unwrap();
    let space = db.keyspace("large").unwrap();
    for chunk in 0..20 {
        users.insert_many(&(chunk * 100..(chunk + 1) * 100).map(user).collect::<Vec<_>>()).unwrap();
        space.put([chunk.to_le_bytes()[0]], vec![chunk.to_le_bytes()[0]; 5000]).unwrap();
    }
    db.compact().unwrap();
    let before = db.stats().sst_size;
    assert!(db.drop_table("users").unwrap() && db.drop_keyspace("large").unwrap());
    db.checkpoint().unwrap();
    let stats = db.stats();
    assert!(stats.sst_size < before / 20, "{} of {before} bytes are left", stats.sst_size);
    assert!(stats.compaction_drop_count > 0);
    db.verify().unwrap();
}

#[test]
fn who_writes_while_a_keyspace_is_dropped_and_made_again_leaves_nothing_behind() {
    let db = Database::builder().durability(walnut::Durability::Fast).in_memory().unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _ends = Ends(&done);
        for writer in 0..2u8 {
            let (db, done) = (&db, &done);
            scope.spawn(move || {
                let mut dropped = 0u32;
                while !done.load(Ordering::Acquire) {
                    let space = db.keyspace("space").unwrap();
                    for n in 0..20u8 {
                        match space.put([writer, n], [n; 30]) {
                            Ok(()) => {}
                            Err(Error::Dropped) => dropped += 1,
                            Err(error) => panic!("{error}"),
                        }
                    }
                }
                dropped
            });
        }
        for _ in 0..200 {
            db.drop_keyspace("space").unwrap();
            assert!(db.keyspace("space").unwrap().len().unwrap() <= 40);
        }
    });
    db.drop_keyspace("space").unwrap();
    db.compact().unwrap();
    let entries: u64 = db.stats().levels.iter().map(|level| level.entry_count).sum();
    assert!(entries <= 1, "only the catalog's counter is left, not {entries} entries");
}

#[test]
fn a_crash_at_every_operation_of_a_drop_leaves_all_that_was_dropped_or_nothing() {
    for cut in 0.. {
        let env = MemoryEnv::new();
        let db = open(&env);
        let users = db.table::<User>().unwrap();
        let space = db.keyspace("space").unwrap();
        // Half of it in files, half in the log.
        for half in 0..2u8 {
            let ids = u64::from(half) * 50..u64::from(half + 1) * 50;
            users.insert_many(&ids.map(user).collect::<Vec<_>>()).unwrap();
            (0..20).for_each(|n| space.put([half, n], [n; 30]).unwrap());
            if half == 0 {
                db.checkpoint().unwrap();
            }
        }
        env.power_off_after(Operations::Mutations, cut);
        let table = db.drop_table("users").is_ok();
        let dropped = db.drop_keyspace("space").is_ok();
        let again = db.keyspace("space").and_then(|space| space.put("new", "value")).is_ok();
        let flushed = db.checkpoint().and_then(|()| db.compact()).is_ok();
        drop((users, space, db));
        for policy in CrashPolicy::ALL {
            let survivor = env.crash(policy, cut);
            for _ in 0..2 {
                let db = open(&survivor);
                let told = format!("cut {cut}, {policy:?}");
                let has_table = !db.table_names().unwrap().is_empty();
                assert!(!(has_table && table), "{told}");
                let space = db.keyspace("space").unwrap();
                let keys = space.len().unwrap();
                let allowed: &[u64] = if again {
                    &[1]
                } else if dropped {
                    &[0, 1]
                } else {
                    &[0, 1, 40]
                };
                assert!(allowed.contains(&keys), "{told}: {keys} keys");
                assert_eq!(space.get("new").unwrap().is_some(), keys == 1, "{told}");
                if has_table {
                    let users = db.table::<User>().unwrap();
                    assert_eq!(
                        (users.len().unwrap(), users.get(70).unwrap()),
                        (100, Some(user(70))),
                        "{told}"
                    );
                }
                db.verify().unwrap();
            }
        }
        if flushed {
            assert!(cut > 10, "{cut} operations");
            break;
        }
    }
}
