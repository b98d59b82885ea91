//! Evolution that can be walked back: until everything that a new struct needs has succeeded, the old program opens the table as it was.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use walnut::env::{CrashPolicy, MemoryEnv, Operation};
use walnut::{Database, Error, IndexState, Table};
use walnut_tests::random::Random;

use super::open;

/// The program of the first version.
mod first {
    use super::*;

    #[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
    #[table(name = "users")]
    pub(super) struct User {
        #[primary_key]
        pub(super) id: u64,
        #[index(unique)]
        pub(super) mail: String,
        #[index]
        pub(super) age: u8,
    }
}

#[derive(Table, Serialize, Deserialize)]
#[table(name = "users", version = 1, history)]
struct UserV1 {
    #[primary_key]
    id: u64,
    mail: String,
    age: u8,
}

#[derive(Debug)]
struct NoHost;

/// The program of the second version, which does not take every row.
mod second {
    use super::*;

    #[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
    #[table(name = "users", version = 2, migrate_from = UserV1)]
    pub(super) struct User {
        #[primary_key]
        pub(super) id: u64,
        pub(super) name: String,
        #[index(unique)]
        pub(super) host: String,
    }

    impl TryFrom<UserV1> for User {
        type Error = NoHost;

        fn try_from(old: UserV1) -> Result<Self, NoHost> {
            let (name, host) = old.mail.split_once('@').ok_or(NoHost)?;
            // Some get another key; some a host that is too long for an index.
            let id = if name == "moved" { old.id + 1000 } else { old.id };
            let host = if name == "long" { "h".repeat(3000) } else { host.to_owned() };
            Ok(Self { id, name: name.to_owned(), host })
        }
    }
}

/// A later edition of the second version, which takes every row.
mod mended {
    use super::*;

    #[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
    #[table(name = "users", version = 2, migrate_from = UserV1)]
    pub(super) struct User {
        #[primary_key]
        pub(super) id: u64,
        pub(super) name: String,
        #[index]
        pub(super) host: String,
    }

    impl From<UserV1> for User {
        fn from(old: UserV1) -> Self {
            let (name, host) = old.mail.split_once('@').unwrap_or((&old.mail, ""));
            Self { id: old.id, name: name.to_owned(), host: host.to_owned() }
        }
    }
}

const COUNT: u64 = 1200;

fn user(id: u64) -> first::User {
    first::User { id, mail: format!("ann@{id}.org"), age: u8::try_from(id % 7).unwrap() }
}

fn filled(rows: &[first::User]) -> MemoryEnv {
    let env = MemoryEnv::with_seed(1);
    let db = open(&env).unwrap();
    db.table::<first::User>().unwrap().insert_many(rows).unwrap();
    db.close().unwrap();
    env
}

/// That the program of the first version finds these rows, by each index, and that it can write.
fn check_first(db: &Database, rows: &[first::User]) {
    let users = db.table::<first::User>().unwrap();
    assert!(users.index_status().unwrap().iter().all(|index| index.state == IndexState::Readable));
    assert_eq!(users.iter().collect_vec().unwrap(), rows);
    for row in rows.iter().step_by(131) {
        assert_eq!(users.by().mail.get(&row.mail).unwrap().as_ref(), Some(row));
    }
    assert_eq!(users.by().age.iter().count().unwrap(), rows.len() as u64);
    assert_eq!(db.verify().unwrap().entry_count, 2 * rows.len() as u64);
    users.insert(&first::User { id: u64::MAX, mail: "new".into(), age: 0 }).unwrap();
    assert!(users.by().mail.contains("new").unwrap());
    users.remove(u64::MAX).unwrap();
}

fn refusal<T: Table>(env: &MemoryEnv) -> String {
    match open(env).unwrap().table::<T>() {
        Err(Error::Schema(told)) => told.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_row_that_a_migration_refuses_is_named_and_the_old_program_goes_on() {
    for (mail, parts) in [
        (
            "nowhere",
            [
                "the row with primary key 1100, of version 1, was refused by the struct of version 2",
                "TryFrom",
            ],
        ),
        (
            "moved@x.org",
            ["the row with primary key 1100, of version 1, would get another primary key", "never changes"],
        ),
        ("long@x.org", ["the row with primary key 1100 does not fit", "2600"]),
    ] {
        let mut rows: Vec<_> = (0..COUNT).map(user).collect();
        rows[1100].mail = mail.to_owned();
        let env = filled(&rows);
        let told = refusal::<second::User>(&env);
        assert!(told.contains("`users`") && parts.iter().all(|part| told.contains(part)), "{told}");
        assert!(!told.contains(mail), "{told}");
        check_first(&open(&env).unwrap(), &rows);

        // Whatever is tried again, the row is what has to change: in its program, or in the next one.
        assert_eq!(refusal::<second::User>(&env), told);
        let db = open(&env).unwrap();
        assert_eq!(db.table::<mended::User>().unwrap().len().unwrap(), COUNT);
        db.verify().unwrap();
    }
}

#[test]
fn what_the_old_program_mends_lets_the_new_one_in() {
    let mut rows: Vec<_> = (0..20).map(user).collect();
    rows[7].mail = "nowhere".to_owned();
    let env = filled(&rows);
    refusal::<second::User>(&env);
    let db = open(&env).unwrap();
    db.table::<first::User>().unwrap().modify(7, |user| user.mail = "ann@7.org".into()).unwrap();
    db.close().unwrap();
    let db = open(&env).unwrap();
    let users = db.table::<second::User>().unwrap();
    assert_eq!(users.by().host.get("7.org").unwrap().unwrap().id, 7);
    db.verify().unwrap();
    db.close().unwrap();
    let newer = open(&env).unwrap().table::<first::User>().unwrap_err();
    assert!(
        matches!(&newer, Error::SchemaTooNew { table, stored: 2, known: 1 } if table == "users"),
        "{newer:?}"
    );
    assert!(newer.to_string().contains("table `users` has version 2"), "{newer}");
}

#[test]
fn after_a_crash_in_a_migration_the_old_program_opens_or_the_new_one_had_come_to_its_end() {
    let rows: Vec<_> = (0..COUNT).map(user).collect();
    let syncs = {
        let env = filled(&rows);
        let before = env.sync_count();
        open(&env).unwrap().table::<second::User>().unwrap();
        env.sync_count() - before
    };
    let mut walked_back = 0;
    for at in 0..syncs {
        for policy in [CrashPolicy::Lost, CrashPolicy::Torn, CrashPolicy::Kept] {
            let env = filled(&rows);
            env.power_off_after(Operation::Sync, at);
            let opened = open(&env).and_then(|db| db.table::<second::User>().map(drop));
            let crashed = env.crash(policy, at);
            let db = open(&crashed).unwrap();
            match db.table::<first::User>() {
                Ok(_) => {
                    assert!(opened.is_err(), "what was open is forgotten");
                    walked_back += 1;
                    check_first(&db, &rows);
                    db.close().unwrap();
                }
                Err(Error::SchemaTooNew { .. }) => db.close().unwrap(),
                Err(other) => panic!("{other}"),
            }
            let db = open(&crashed).unwrap();
            let users = db.table::<second::User>().unwrap();
            assert_eq!(users.by().host.iter().count().unwrap(), COUNT);
            assert_eq!(db.verify().unwrap().entry_count, COUNT);
        }
    }
    assert!(walked_back > 0, "no crash hit the migration");
}

#[test]
fn a_unique_index_that_is_off_refuses_a_value_that_another_row_has() {
    #[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
    #[table(name = "users")]
    struct Unique {
        #[primary_key]
        id: u64,
        #[index(unique)]
        mail: String,
        #[index(unique)]
        age: u8,
    }

    let row = |id, mail: &str, age| Unique { id, mail: mail.into(), age };
    let env = filled(
        &[(1, 10), (2, 20), (3, 10), (4, 40), (5, 10)].map(|(id, age)| first::User { age, ..user(id) }),
    );
    let db = open(&env).unwrap();
    let users = db.table::<Unique>().unwrap();
    assert_eq!(users.index_status().unwrap()[1].state, IndexState::Off { duplicates: vec![(1, 3), (1, 5)] });

    let refused = |outcome: walnut::Result<()>| {
        let Err(Error::UniqueViolation(violation)) = outcome else { panic!("{outcome:?}") };
        assert_eq!((violation.table(), violation.index()), ("users", "age"));
        violation.owner::<Unique>().unwrap()
    };
    assert_eq!(refused(users.insert(&row(6, "f", 20))), 2);
    assert_eq!(refused(users.insert(&row(6, "f", 10))), 1);
    assert_eq!(refused(users.insert_many(&[row(6, "f", 60), row(7, "g", 60)])), 6);
    assert_eq!(refused(users.insert_many(&[row(6, "f", 60), row(7, "g", 40)])), 4);
    assert_eq!(refused(users.upsert(&row(2, "b", 40)).map(drop)), 4);
    assert_eq!(refused(users.modify(4, |user| user.age = 20).map(drop)), 2);

    // The rows that share a value may change and go; the value stays that of those that have it.
    users.remove(1).unwrap();
    assert_eq!(refused(users.insert(&row(6, "f", 10))), 3);
    users.modify(3, |user| user.age = 30).unwrap();
    assert_eq!(refused(users.insert(&row(6, "f", 10))), 5);
    assert_eq!(refused(users.insert(&row(6, "f", 30))), 3);
    users.insert(&row(6, "f", 60)).unwrap();
    users.upsert(&row(6, "f", 61)).unwrap();
    users.insert(&row(7, "g", 60)).unwrap();
    users.remove(5).unwrap();
    users.insert(&row(8, "h", 10)).unwrap();
    assert!(users.by().age.get(10).is_err(), "it cannot be asked until it is built anew");
    db.verify().unwrap();
    db.close().unwrap();

    let db = open(&env).unwrap();
    let users = db.table::<Unique>().unwrap();
    assert_eq!(users.by().age.get(10).unwrap().unwrap().id, 8);
    assert_eq!(users.by().age.iter().count().unwrap(), users.len().unwrap());
    db.verify().unwrap();
}

#[test]
fn a_migration_that_was_interrupted_is_not_taken_for_one_to_the_next_version() {
    #[derive(Table, Serialize, Deserialize)]
    #[table(name = "users", version = 2, migrate_from = UserV1, history)]
    struct UserV2 {
        #[primary_key]
        id: u64,
        name: String,
        host: String,
    }

    impl From<UserV1> for UserV2 {
        fn from(old: UserV1) -> Self {
            let mended::User { id, name, host } = old.into();
            Self { id, name, host }
        }
    }

    #[derive(Table, Serialize, Deserialize)]
    #[table(name = "users", version = 3, migrate_from = UserV2)]
    struct Third {
        #[primary_key]
        id: u64,
        whole: String,
    }

    impl From<UserV2> for Third {
        fn from(old: UserV2) -> Self {
            Self { id: old.id, whole: format!("{} at {}", old.name, old.host) }
        }
    }

    #[derive(Table, Serialize, Deserialize)]
    #[table(name = "users", version = 3)]
    struct Alone {
        #[primary_key]
        id: u64,
        whole: String,
    }

    let env = filled(&(0..3 * COUNT).map(user).collect::<Vec<_>>());
    let db = open(&env).unwrap();
    let users = db.table::<mended::User>().unwrap();
    let stopped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        users.migrate_all_watched(|so_far| assert!(so_far.row_count < 2000, "interrupted"))
    }));
    assert!(stopped.is_err());
    db.close().unwrap();

    let db = open(&env).unwrap();
    let migrated = db.table::<Third>().unwrap().migrate_all().unwrap();
    assert_eq!((migrated.row_count, migrated.rewritten_count), (3 * COUNT, 3 * COUNT));
    db.close().unwrap();
    let db = open(&env).unwrap();
    let users = db.table::<Alone>().unwrap();
    assert!(users.iter().zip(0..).all(|(user, id)| user.unwrap().whole == format!("ann at {id}.org")));
    assert_eq!(users.len().unwrap(), 3 * COUNT);
}

/// The program of the first version writes rows, of which some have no form in the second one.
fn write_first(env: &MemoryEnv, random: &mut Random, rows: &mut BTreeMap<u64, first::User>) {
    let db = open(env).unwrap();
    let users = db.table::<first::User>().unwrap();
    for _ in 0..random.below(30) {
        let id = random.below(60);
        let mail = match random.below(40) {
            0 => format!("nowhere {id}"),
            1 => format!("moved@{id}"),
            _ => format!("ann@{id}.org"),
        };
        let row = first::User { mail, ..user(id) };
        users.upsert(&row).unwrap();
        rows.insert(id, row);
    }
    db.close().unwrap();
}

/// Random programs: the old one writes, the new one is tried, with and without a crash, until it gets in. Until then the old one finds
/// exactly its rows, and then the new one exactly what it makes of them.
#[test]
fn programs_of_both_versions_take_turns_until_the_new_one_gets_in() {
    let mut entered_count = 0;
    for seed in 0..40 {
        let mut random = Random::new(seed, "walking back");
        let (mut env, mut rows) = (filled(&[]), BTreeMap::new());
        let mut entered = false;
        for _ in 0..30 {
            if random.below(2) == 0 {
                write_first(&env, &mut random, &mut rows);
            }
            let is_good = rows.values().all(|row: &first::User| row.mail.starts_with("ann@"));
            let crash = random.below(3) == 0;
            if crash {
                env.power_off_after(Operation::Sync, random.below(6));
            }
            let opened = open(&env).and_then(|db| db.table::<second::User>().map(drop));
            assert!(is_good || opened.is_err(), "seed {seed}");
            if crash {
                env =
                    env.crash(if random.below(2) == 0 { CrashPolicy::Lost } else { CrashPolicy::Torn }, seed);
            } else {
                assert_eq!(is_good, opened.is_ok(), "seed {seed}");
            }
            let db = open(&env).unwrap();
            match db.table::<first::User>() {
                Ok(users) => {
                    assert!(opened.is_err(), "seed {seed}");
                    assert!(users.iter().map(Result::unwrap).eq(rows.values().cloned()), "seed {seed}");
                    db.verify().unwrap();
                    for id in
                        rows.keys().copied().filter(|id| id % 3 == 0 && !rows[id].mail.starts_with("ann@"))
                    {
                        users.remove(id).unwrap();
                    }
                    rows.retain(|id, row| id % 3 != 0 || row.mail.starts_with("ann@"));
                    db.close().unwrap();
                }
                Err(Error::SchemaTooNew { .. }) => {
                    assert!(is_good, "seed {seed}");
                    entered = true;
                    db.close().unwrap();
                    break;
                }
                Err(other) => panic!("seed {seed}: {other}"),
            }
        }
        entered_count += u32::from(entered);
        if entered {
            let db = open(&env).unwrap();
            let users = db.table::<second::User>().unwrap();
            assert_eq!(users.iter().count().unwrap(), rows.len() as u64, "seed {seed}");
            for row in rows.values() {
                let found = users.by().host.get(&row.mail[4..]).unwrap();
                assert_eq!(found.map(|user| user.id), Some(row.id), "seed {seed}");
            }
            db.verify().unwrap();
        }
    }
    assert!((5..40).contains(&entered_count), "{entered_count} of 40 programs come to their end");
}
