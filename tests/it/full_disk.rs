//! A full disk, as a program meets it: every removal works, space comes back, and writing goes on.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use walnut::env::{CrashPolicy, MemoryEnv};
use walnut::{Background, Builder, Database, Error, Table};
use walnut_tests::session::encrypted_if_asked;

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = "notes")]
struct Note {
    #[primary_key]
    id: u64,
    #[index(unique)]
    title: String,
    text: Vec<u8>,
}

fn note(id: u64) -> Note {
    let word = |place: u64| (id ^ place << 32).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes();
    Note { id, title: format!("note {id}"), text: (0..25).flat_map(word).collect() }
}

const CAPACITY: u64 = 2 << 20;

fn builder(background: Background) -> Builder {
    let builder = Database::builder().background(background);
    encrypted_if_asked(builder.memtable_size(128 << 10).max_sst_size(128 << 10))
}

/// A database on a disk that it has filled, half with rows and half with a keyspace, and how many rows there are.
fn filled(env: &MemoryEnv, background: Background) -> (Database, u64) {
    env.set_capacity(Some(CAPACITY));
    let db = builder(background).env(Arc::new(env.clone())).open("/db").unwrap();
    let (notes, space) = (db.table::<Note>().unwrap(), db.keyspace("raw").unwrap());
    for n in 0..2000_u64 {
        space.put(n.to_be_bytes(), note(n).text).unwrap();
    }
    let mut count = 0;
    let full = loop {
        match notes.insert(&note(count)) {
            Ok(()) => count += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(full, Error::OutOfSpace), "{full}");
    // Threads that are behind hold room for what they write, so it is full sooner.
    assert!(count > 100, "{count}");
    (db, count)
}

#[test]
fn every_removal_works_on_a_full_disk_and_writing_goes_on() {
    let ways: [fn(&Database, u64); 5] = [
        |db, _| assert!(db.drop_keyspace("raw").unwrap()),
        |db, _| assert!(db.drop_table("notes").unwrap()),
        |db, _| db.keyspace("raw").unwrap().remove_range(..).unwrap(),
        |db, count| {
            let notes = db.table::<Note>().unwrap();
            (0..count).for_each(|id| assert!(notes.remove(id).unwrap().is_some()));
        },
        |db, count| {
            let notes = db.table::<Note>().unwrap();
            let ids: Vec<u64> = (0..count).collect();
            for some in ids.chunks(100) {
                db.transact(|tx| {
                    let notes = tx.table::<Note>()?;
                    some.iter().try_for_each(|id| notes.remove(*id).map(drop))
                })
                .unwrap();
            }
            assert!(notes.is_empty().unwrap());
        },
    ];
    for (place, way) in ways.into_iter().enumerate() {
        for background in [Background::Manual, Background::Thread] {
            let env = MemoryEnv::new();
            let (db, count) = filled(&env, background);
            way(&db, count);
            db.checkpoint().unwrap();
            db.compact().unwrap_or_else(|error| panic!("way {place}: {error}"));
            let space = db.keyspace("raw").unwrap();
            for n in 0..200_u64 {
                space
                    .put(n.to_be_bytes(), note(n).text)
                    .unwrap_or_else(|error| panic!("way {place}: {error}"));
            }
            db.verify().unwrap();
            db.close().unwrap();
        }
    }
}

#[test]
fn a_database_on_a_full_disk_closes_and_opens_and_can_be_emptied_then() {
    for closes in [true, false] {
        let env = MemoryEnv::new();
        let (db, count) = filled(&env, Background::Manual);
        let env = if closes {
            // Files that it has open would take room after they are removed.
            db.close().unwrap();
            drop(db);
            env
        } else {
            env.crash(CrashPolicy::Kept, 1)
        };
        let db = builder(Background::Manual).env(Arc::new(env.clone())).open("/db").unwrap();
        assert_eq!(db.table::<Note>().unwrap().len().unwrap(), count);
        assert!(db.drop_keyspace("raw").unwrap());
        // A merge that does not fit is an error of its step, and no reason to stop.
        while db.step().unwrap_or(false) {}
        let notes = db.table::<Note>().unwrap();
        notes.insert(&note(1_000_000)).unwrap();
        assert_eq!(notes.len().unwrap(), count + 1);
    }
}
