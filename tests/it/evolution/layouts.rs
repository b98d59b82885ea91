//! Rows that get another layout.

use serde::{Deserialize, Serialize};
use walnut::env::{CrashPolicy, MemoryEnv, Operation};
use walnut::{Database, Error, Table};

use super::open;

mod first {
    use super::*;

    #[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
    #[table(name = "users")]
    pub(super) struct User {
        #[primary_key]
        pub(super) id: u64,
        #[index(unique)]
        pub(super) mail: String,
    }
}

#[derive(Table, Serialize, Deserialize)]
#[table(name = "users", version = 1, history)]
struct UserV1 {
    #[primary_key]
    id: u64,
    mail: String,
}

#[derive(Table, Serialize, Deserialize)]
#[table(name = "users", version = 2, migrate_from = UserV1, history)]
struct UserV2 {
    #[primary_key]
    id: u64,
    email: String,
    age: u8,
}

impl From<UserV1> for UserV2 {
    fn from(old: UserV1) -> Self {
        Self { id: old.id, email: old.mail.to_lowercase(), age: 0 }
    }
}

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = "users", version = 3, migrate_from = UserV2)]
struct User {
    #[primary_key]
    id: u64,
    #[index(unique)]
    email: String,
    #[index]
    age: u8,
    host: String,
}

#[derive(Debug)]
struct NoHost;

impl TryFrom<UserV2> for User {
    type Error = NoHost;

    fn try_from(old: UserV2) -> Result<Self, NoHost> {
        let (_, host) = old.email.split_once('@').ok_or(NoHost)?;
        Ok(Self { id: old.id, age: old.age, host: host.to_owned(), email: old.email })
    }
}

const COUNT: u64 = 1100;

fn filled() -> MemoryEnv {
    let env = MemoryEnv::with_seed(1);
    let db = open(&env).unwrap();
    let rows: Vec<_> = (0..COUNT).map(|id| first::User { id, mail: format!("U{id}@X.org") }).collect();
    db.table::<first::User>().unwrap().insert_many(&rows).unwrap();
    db.close().unwrap();
    env
}

fn expected(id: u64) -> User {
    User { id, email: format!("u{id}@x.org"), age: 0, host: "x.org".into() }
}

fn check(db: &Database) {
    let users = db.table::<User>().unwrap();
    assert!(users.iter().zip(0..).all(|(user, id)| user.unwrap() == expected(id)));
    assert_eq!(users.len().unwrap(), COUNT);
    assert_eq!(
        users.by().email.get("u7@x.org").unwrap(),
        Some(expected(7)),
        "an index holds what was made of a row"
    );
    assert_eq!(users.by().email.get("U7@X.org").unwrap(), None);
    db.verify().unwrap();
}

#[test]
fn rows_of_older_layouts_are_read_through_the_structs_of_the_past() {
    let db = open(&filled()).unwrap();
    check(&db);
    let users = db.table::<User>().unwrap();
    users.modify(7, |user| user.age = 30).unwrap();
    assert_eq!(users.by().age.all(30).keys().next().unwrap().unwrap(), 7);
    users.remove(8).unwrap();
    assert!(!users.by().email.contains("u8@x.org").unwrap());
    db.verify().unwrap();
}

#[test]
fn when_all_rows_are_rewritten_the_structs_of_the_past_can_go() {
    #[derive(Table, Serialize, Deserialize)]
    #[table(name = "users", version = 3)]
    struct Alone {
        #[primary_key]
        id: u64,
        #[index(unique)]
        email: String,
        #[index]
        age: u8,
        host: String,
    }

    let env = filled();
    let db = open(&env).unwrap();
    db.table::<User>().unwrap().modify(3, |user| user.age = 0).unwrap();
    db.close().unwrap();
    let Err(Error::Schema(told)) = open(&env).unwrap().table::<Alone>() else {
        panic!("rows of version 1 are left")
    };
    assert!(told.to_string().contains("version 1"), "{told}");

    let db = open(&env).unwrap();
    let users = db.table::<User>().unwrap();
    let mut watched = Vec::new();
    let migrated = users.migrate_all_watched(|so_far| watched.push(so_far.row_count)).unwrap();
    assert_eq!((migrated.row_count, migrated.rewritten_count), (COUNT, COUNT - 1), "one was written since");
    assert_eq!(watched, [1000, COUNT]);
    assert_eq!(
        users.migrate_all().unwrap(),
        walnut::MigrationReport::default(),
        "there is nothing left to do"
    );
    check(&db);
    db.close().unwrap();
    assert_eq!(open(&env).unwrap().table::<Alone>().unwrap().len().unwrap(), COUNT);
}

#[test]
fn a_migration_that_a_crash_interrupts_goes_on() {
    let syncs = {
        let env = filled();
        let before = env.sync_count();
        open(&env).unwrap().table::<User>().unwrap().migrate_all().unwrap();
        env.sync_count() - before
    };
    for at in 0..syncs {
        for policy in [CrashPolicy::Lost, CrashPolicy::Torn] {
            let env = filled();
            env.power_off_after(Operation::Sync, at);
            let _ = open(&env).and_then(|db| db.table::<User>()?.migrate_all());
            let db = open(&env.crash(policy, at)).unwrap();
            check(&db);
            db.table::<User>().unwrap().migrate_all().unwrap();
            check(&db);
        }
    }
}

#[test]
fn a_row_that_no_migration_takes_is_an_error_that_says_so_and_loses_nothing() {
    let env = filled();
    let db = open(&env).unwrap();
    db.table::<first::User>().unwrap().insert(&first::User { id: COUNT, mail: "nowhere".into() }).unwrap();
    db.close().unwrap();
    let Err(Error::Schema(told)) = open(&env).unwrap().table::<User>() else {
        panic!("a row is passed over")
    };
    assert!(told.to_string().contains("version 2") && told.to_string().contains("version 3"), "{told}");
    assert!(!told.to_string().contains("nowhere"), "{told}");
}

#[test]
fn an_older_program_does_not_open_what_a_newer_one_wrote() {
    let env = filled();
    open(&env).unwrap().table::<User>().unwrap();
    assert!(matches!(
        open(&env).unwrap().table::<first::User>(),
        Err(Error::SchemaTooNew { stored: 3, known: 1, .. })
    ));
    check(&open(&env).unwrap());
}

#[test]
fn a_struct_of_the_past_is_not_opened() {
    let Err(Error::Schema(told)) = open(&filled()).unwrap().table::<UserV1>() else {
        panic!("it only reads")
    };
    assert!(told.to_string().contains("layout of the past"), "{told}");
    let fresh = Database::in_memory().unwrap();
    assert!(matches!(fresh.table::<UserV1>(), Err(Error::Schema(_))));
}

#[test]
fn a_layout_can_be_pinned_in_a_test() {
    walnut::assert_schema!(User, "df606ee13bfb4d6b");
    let told = std::panic::catch_unwind(|| walnut::assert_schema!(User, "b5fe")).unwrap_err();
    let told = told.downcast::<String>().unwrap();
    assert!(
        told.contains("layout of table `users` is df606ee13bfb4d6b") && told.contains("version = 4"),
        "{told}"
    );
}
