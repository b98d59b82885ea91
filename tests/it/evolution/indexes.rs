//! Indexes that a table with rows is given, or loses.

use serde::{Deserialize, Serialize};
use walnut::env::{CrashPolicy, MemoryEnv, Operation};
use walnut::{Database, Error, IndexState, Table};

use super::open;

mod bare {
    use super::*;

    #[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
    #[table(name = "users")]
    pub(super) struct User {
        #[primary_key]
        pub(super) id: u64,
        pub(super) email: String,
        pub(super) age: u8,
    }
}

mod indexed {
    use super::*;

    #[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
    #[table(name = "users")]
    pub(super) struct User {
        #[primary_key]
        pub(super) id: u64,
        #[index(unique)]
        pub(super) email: String,
        #[index]
        pub(super) age: u8,
    }
}

mod renamed {
    use super::*;

    #[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
    #[table(name = "users")]
    #[index(age_email = (age, email))]
    pub(super) struct User {
        #[primary_key]
        pub(super) id: u64,
        #[index]
        pub(super) email: String,
        pub(super) age: u8,
    }
}

const COUNT: u64 = 1200;

fn user(id: u64) -> bare::User {
    bare::User { id, email: format!("{id}@x.org"), age: u8::try_from(id % 100).unwrap() }
}

/// A database with rows and no index.
fn filled() -> MemoryEnv {
    let env = MemoryEnv::with_seed(1);
    let db = open(&env).unwrap();
    let users = db.table::<bare::User>().unwrap();
    users.insert_many(&(0..COUNT).map(user).collect::<Vec<_>>()).unwrap();
    db.close().unwrap();
    env
}

/// What the rows take on disk when everything is merged.
fn settled_size(db: &Database) -> u64 {
    db.compact().unwrap();
    db.stats().sst_size
}

/// Every row is found by every index, and nothing else.
fn check(db: &Database, count: u64) {
    let users = db.table::<indexed::User>().unwrap();
    assert!(users.index_status().unwrap().iter().all(|index| index.state == IndexState::Readable));
    assert_eq!(users.by().email.iter().count().unwrap(), count);
    assert_eq!(users.by().age.iter().count().unwrap(), count);
    let rows = users.iter().collect_vec().unwrap();
    for row in rows.iter().step_by(97) {
        assert_eq!(users.by().email.get(&row.email).unwrap().as_ref(), Some(row));
        assert!(users.by().age.all(row.age).keys().any(|id| id.unwrap() == row.id));
    }
    assert_eq!(db.verify().unwrap().entry_count, 2 * count);
}

#[test]
fn an_index_that_is_added_finds_the_rows_that_were_there() {
    let env = filled();
    let db = open(&env).unwrap();
    check(&db, COUNT);
    db.close().unwrap();
    check(&open(&env).unwrap(), COUNT);
}

#[test]
fn an_index_that_is_removed_is_gone_and_its_space_is_no_ones() {
    let env = filled();
    check(&open(&env).unwrap(), COUNT);
    let with_indexes = settled_size(&open(&env).unwrap());
    let db = open(&env).unwrap();
    db.table::<bare::User>().unwrap();
    let (without, never) = (settled_size(&db), settled_size(&open(&filled()).unwrap()));
    assert!(
        without < never + never / 20 && with_indexes > never + never / 4,
        "{without}, {with_indexes}, {never}"
    );
    assert_eq!(db.verify().unwrap().entry_count, 0);
    db.close().unwrap();
    check(&open(&env).unwrap(), COUNT);
}

#[test]
fn an_index_that_changed_is_built_anew() {
    let env = filled();
    check(&open(&env).unwrap(), COUNT);
    let db = open(&env).unwrap();
    let users = db.table::<renamed::User>().unwrap();
    assert_eq!(users.by().email.all("7@x.org").count().unwrap(), 1);
    assert_eq!(users.by().age_email.prefix(7).count().unwrap(), COUNT / 100);
    users.insert(&renamed::User { id: COUNT, email: "7@x.org".into(), age: 7 }).unwrap();
    assert_eq!(users.by().email.all("7@x.org").count().unwrap(), 2, "it is not unique any more");
}

#[test]
fn a_unique_index_over_values_that_repeat_is_off_and_tells_who_has_them() {
    let env = filled();
    let db = open(&env).unwrap();
    let users = db.table::<bare::User>().unwrap();
    users.insert(&bare::User { email: "3@x.org".into(), ..user(1600) }).unwrap();
    users.insert(&bare::User { email: "5@x.org".into(), ..user(1700) }).unwrap();
    db.close().unwrap();

    let db = open(&env).unwrap();
    let users = db.table::<indexed::User>().unwrap();
    let status = users.index_status().unwrap();
    assert_eq!((status[0].name, status[1].name), ("email", "age"));
    assert_eq!(status[0].state, IndexState::Off { duplicates: vec![(3, 1600), (5, 1700)] });
    assert_eq!(status[1].state, IndexState::Readable);

    let told = users.by().email.get("7@x.org").unwrap_err();
    assert!(matches!(told, Error::Schema(_)), "{told:?}");
    assert!(told.to_string().contains("`email` is off") && !told.to_string().contains("x.org"), "{told}");
    assert!(users.by().email.iter().next().unwrap().is_err());
    assert_eq!(users.by().age.all(3).count().unwrap(), COUNT / 100);
    db.verify().unwrap();

    users.remove(1600).unwrap();
    users.modify(1700, |user| user.email = "new@x.org".into()).unwrap();
    db.close().unwrap();
    check(&open(&env).unwrap(), COUNT + 1);
}

#[test]
fn an_index_that_was_built_later_is_not_asked_about_an_older_state() {
    let env = filled();
    let db = open(&env).unwrap();
    let (before, tx) = (db.snapshot(), db.begin());
    let users = db.table::<indexed::User>().unwrap();

    let old = before.table::<indexed::User>().unwrap();
    assert_eq!(old.len().unwrap(), COUNT, "rows are asked as ever");
    let told = old.by().email.get("7@x.org").unwrap_err();
    assert!(told.to_string().contains("built after this snapshot"), "{told}");
    assert!(old.by().age.all(7).next().unwrap().is_err());

    let late = tx.table::<indexed::User>().unwrap();
    assert!(matches!(late.by().email.get("7@x.org"), Err(Error::Conflict)));
    drop(tx);

    let now = db.snapshot();
    assert!(now.table::<indexed::User>().unwrap().by().email.contains("7@x.org").unwrap());
    assert!(users.by().email.contains("7@x.org").unwrap());
}

#[test]
fn a_transaction_that_opens_the_table_itself_finds_its_new_index() {
    let db = open(&filled()).unwrap();
    let age = db.transact(|tx| {
        let users = tx.table::<indexed::User>()?;
        Ok(users.by().email.get("7@x.org")?.map(|user| user.age))
    });
    assert_eq!(age.unwrap(), Some(7));
}

#[test]
fn a_build_that_a_crash_interrupts_goes_on_at_the_next_opening() {
    let syncs = {
        let env = filled();
        let before = env.sync_count();
        check(&open(&env).unwrap(), COUNT);
        env.sync_count() - before
    };
    let mut interrupted = 0;
    for at in 0..syncs {
        for policy in [CrashPolicy::Lost, CrashPolicy::Torn] {
            let env = filled();
            env.power_off_after(Operation::Sync, at);
            interrupted +=
                u64::from(open(&env).and_then(|db| db.table::<indexed::User>().map(drop)).is_err());
            let crashed = env.crash(policy, at);
            let db = open(&crashed).unwrap();
            check(&db, COUNT);
            db.close().unwrap();
        }
    }
    assert!(interrupted > 0, "no crash hit the build");
}

#[test]
fn writers_go_on_while_an_index_is_built() {
    let env = filled();
    let db = Database::builder().env(std::sync::Arc::new(env)).open("/db").unwrap();
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..2)
            .map(|part| {
                let db = db.clone();
                scope.spawn(move || {
                    let users = db.table::<indexed::User>().unwrap();
                    for id in (part * 500)..(part * 500 + 300) {
                        match id % 3 {
                            0 => drop(users.remove(id).unwrap()),
                            1 => {
                                let new = format!("moved {id}");
                                users.modify(id, |user| user.email = new.clone()).unwrap();
                            }
                            _ => users
                                .insert(&indexed::User {
                                    id: id + 10_000,
                                    email: format!("new {id}"),
                                    age: 1,
                                })
                                .unwrap(),
                        }
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.join().unwrap();
        }
    });
    check(&db, COUNT);
}
