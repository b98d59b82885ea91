//! A state of the past is read as it was, and reading it writes nothing.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use walnut::env::MemoryEnv;
use walnut::{Background, Database, Error, Result, Snapshot, Table};
use walnut_tests::random::Random;

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = "users")]
struct User {
    #[primary_key]
    id: u64,
    #[index]
    age: u8,
}

mod bare {
    use super::{Deserialize, Serialize, Table};

    #[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
    #[table(name = "users")]
    pub(super) struct User {
        #[primary_key]
        pub(super) id: u64,
        pub(super) age: u8,
    }
}

mod other {
    use super::{Deserialize, Serialize, Table};

    #[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
    #[table(name = "users")]
    pub(super) struct User {
        #[primary_key]
        pub(super) name: String,
    }
}

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Never {
    #[primary_key]
    id: u64,
    #[index(unique)]
    name: String,
}

fn user(id: u64) -> User {
    User { id, age: u8::try_from(id % 100).unwrap() }
}

fn open(env: &MemoryEnv) -> Result<Database> {
    Database::builder().env(Arc::new(env.clone())).background(Background::Manual).open("/db")
}

/// What a machine holds, to the byte.
fn disk(env: &MemoryEnv) -> Vec<(String, Option<Vec<u8>>)> {
    env.files().into_iter().map(|path| (path.display().to_string(), env.read_file(&path))).collect()
}

fn ids(snapshot: &Snapshot) -> Result<Vec<u64>> {
    snapshot.table::<User>()?.iter().keys().collect()
}

#[test]
fn a_table_that_was_dropped_is_read_in_a_snapshot_and_not_made_anew() -> Result<()> {
    let env = MemoryEnv::new();
    let db = open(&env)?;
    db.table::<User>()?.insert_many(&[user(1), user(2)])?;
    let before = db.snapshot();
    db.drop_table("users")?;
    let after = db.snapshot();
    let held = disk(&env);
    assert_eq!((ids(&before)?, ids(&after)?), (vec![1, 2], vec![]));
    assert_eq!(before.table::<User>()?.by().age.all(2).count()?, 1);
    assert_eq!(after.table::<User>()?.by().age.all(2).count()?, 0);
    assert!(after.table::<User>()?.is_empty()? && after.table::<User>()?.get(1)?.is_none());
    assert!(db.table_names()?.is_empty(), "reading a snapshot made a table");
    assert_eq!(disk(&env), held, "reading a snapshot wrote something");
    // The name is free for a struct of another form.
    db.table::<other::User>()?.insert(&other::User { name: "Ann".into() })?;
    assert_eq!((ids(&before)?, ids(&after)?), (vec![1, 2], vec![]));
    assert!(matches!(before.table::<other::User>(), Err(Error::Schema(_))));
    Ok(())
}

#[test]
fn a_table_that_never_was_is_empty_in_a_snapshot() -> Result<()> {
    let env = MemoryEnv::new();
    let db = open(&env)?;
    db.table::<User>()?.insert(&user(1))?;
    let snapshot = db.snapshot();
    let held = disk(&env);
    let never = snapshot.table::<Never>()?;
    assert_eq!((never.len()?, never.get(1)?, never.by().name.get("Ann")?), (0, None, None));
    assert_eq!((never.iter().count()?, never.by().name.starts_with("A").rev().count()?), (0, 0));
    assert_eq!((disk(&env), db.table_names()?), (held, vec!["users".to_owned()]));
    // One that is made later is not there, either.
    db.table::<Never>()?.insert(&Never { id: 1, name: "Ann".into() })?;
    assert!(snapshot.table::<Never>()?.is_empty()? && never.is_empty()?);
    assert_eq!(db.snapshot().table::<Never>()?.len()?, 1);
    Ok(())
}

#[test]
fn a_table_that_this_process_has_not_opened_is_read_without_changing_it() -> Result<()> {
    let env = MemoryEnv::new();
    {
        let db = open(&env)?;
        db.table::<bare::User>()?
            .insert_many(&[bare::User { id: 1, age: 7 }, bare::User { id: 2, age: 8 }])?;
        db.close()?;
    }
    let db = open(&env)?;
    let snapshot = db.snapshot();
    let held = disk(&env);
    let users = snapshot.table::<User>()?;
    assert_eq!(users.iter().collect_vec()?, [User { id: 1, age: 7 }, User { id: 2, age: 8 }]);
    let Some(Err(Error::Schema(told))) = users.by().age.all(7).next() else {
        panic!("there is no such index")
    };
    assert!(told.to_string().contains("`age` was built after this snapshot"), "{told}");
    assert_eq!(disk(&env), held);
    assert_eq!(users.index_status()?[0].state, walnut::IndexState::Absent);
    // The index is built when the table is opened, and not before.
    assert_eq!(db.table::<User>()?.by().age.all(7).count()?, 1);
    assert!(users.by().age.all(7).next().unwrap().is_err());
    assert_eq!(db.snapshot().table::<User>()?.by().age.all(7).count()?, 1);
    Ok(())
}

#[test]
fn a_keyspace_that_was_dropped_is_read_in_a_snapshot_and_not_made_anew() -> Result<()> {
    let env = MemoryEnv::new();
    let db = open(&env)?;
    db.keyspace("space")?.put("a", "1")?;
    let before = db.snapshot();
    let tx = db.begin();
    db.drop_keyspace("space")?;
    let held = disk(&env);
    assert_eq!(before.keyspace("space")?.unwrap().get("a")?.as_deref(), Some(&b"1"[..]));
    assert!(db.snapshot().keyspace("space")?.is_none());
    assert_eq!(tx.keyspace("space")?.get("a")?.as_deref(), Some(&b"1"[..]));
    assert_eq!((disk(&env), db.keyspace_names()?), (held, Vec::<String>::new()));
    let space = tx.keyspace("space")?;
    space.put("b", "2")?;
    assert!(matches!(tx.commit(), Err(Error::Conflict)));
    Ok(())
}

#[test]
fn a_transaction_that_began_before_a_drop_reads_what_was_there() -> Result<()> {
    for made_anew in [false, true] {
        let env = MemoryEnv::new();
        let db = open(&env)?;
        db.table::<User>()?.insert_many(&[user(1), user(2)])?;
        let (reading, writing, told) = (db.begin(), db.begin(), db.begin());
        db.drop_table("users")?;
        if made_anew {
            db.table::<User>()?.insert(&user(3))?;
        }
        let held = disk(&env);
        let users = reading.table::<User>()?;
        assert_eq!(users.iter().keys().collect::<Result<Vec<_>>>()?, [1, 2], "{made_anew}");
        assert_eq!(users.by().age.all(2).count()?, 1);
        drop(users);
        reading.commit()?;
        let users = writing.table::<User>()?;
        for outcome in [users.insert(&user(9)), users.remove(1).map(drop), users.remove_many([2]).map(drop)] {
            assert!(matches!(outcome, Err(Error::Conflict)), "{outcome:?}");
        }
        assert_eq!(disk(&env), held, "nothing was made");
        // What it has read of the table counts when it writes elsewhere.
        assert_eq!(told.table::<User>()?.len()?, 2);
        told.keyspace("space")?.put("count", "2")?;
        assert!(matches!(told.commit(), Err(Error::Conflict)));
    }
    Ok(())
}

#[test]
fn a_transaction_that_began_before_a_table_was_made_finds_it_empty_and_may_fill_it() -> Result<()> {
    let db = Database::in_memory()?;
    let (own, late) = (db.begin(), db.begin());
    own.table::<User>()?.insert(&user(1))?;
    own.commit()?;
    let users = late.table::<User>()?;
    assert_eq!((users.len()?, users.contains(1)?), (0, false));
    users.insert(&user(2))?;
    assert!(matches!(late.commit(), Err(Error::Conflict)), "it has counted rows that changed");
    assert_eq!(db.table::<User>()?.iter().keys().collect::<Result<Vec<_>>>()?, [1]);
    Ok(())
}

/// Random programs of writes, drops, tables made anew in two forms, restarts and snapshots: each snapshot goes on showing what it
/// saw, and no reading changes a byte on the disk.
#[test]
fn snapshots_show_what_they_saw_over_random_drops_and_reading_them_writes_nothing() -> Result<()> {
    for seed in 0..25 {
        let mut random = Random::new(seed, "past");
        let env = MemoryEnv::with_seed(seed);
        let mut db = open(&env)?;
        let mut rows: Vec<u64> = Vec::new();
        let mut seen: Vec<(Snapshot, Vec<u64>)> = Vec::new();
        for step in 0..60 {
            match random.below(9) {
                0 => {
                    db.drop_table("users")?;
                    rows.clear();
                }
                1 if random.one_in(3) => {
                    seen.clear();
                    db.close()?;
                    db = open(&env)?;
                }
                2 => seen.push((db.snapshot(), rows.clone())),
                3 => drop(db.step()?),
                4 => db.checkpoint()?,
                5 if !rows.is_empty() => {
                    let id = rows.remove(random.place(rows.len()));
                    db.table::<User>()?.remove(id)?;
                }
                _ => {
                    let id = random.below(500);
                    if db.table::<User>()?.upsert(&user(id))?.is_none() {
                        rows.push(id);
                        rows.sort_unstable();
                    }
                }
            }
            let (held, names) = (disk(&env), db.table_names()?);
            for (snapshot, saw) in &seen {
                assert_eq!(ids(snapshot)?, *saw, "seed {seed} step {step}");
                let by_age: u64 = (0..100)
                    .map(|age| snapshot.table::<User>()?.by().age.all(age).count())
                    .sum::<Result<u64>>()?;
                assert_eq!(by_age, saw.len() as u64, "seed {seed} step {step}");
                assert!(snapshot.table::<Never>()?.is_empty()?);
            }
            assert_eq!((disk(&env), db.table_names()?), (held, names), "seed {seed} step {step}");
        }
    }
    Ok(())
}
