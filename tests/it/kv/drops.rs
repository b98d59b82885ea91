//! Tables and keyspaces that are dropped: gone at once and for good, seen by those who saw them, their space given back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};
use walnut::env::MemoryEnv;
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
