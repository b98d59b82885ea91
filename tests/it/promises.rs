//! What the public surface promises, one test each.

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use walnut::env::{Counts, CrashPolicy, Env, FaultEnv, MemoryEnv, Operation, Operations};
use walnut::{Background, Database, DefaultTable, Error, Limit, MAX_KEY_SIZE, Table};

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = "people")]
struct Person {
    #[primary_key]
    id: u64,
    #[index(unique)]
    email: String,
    #[index]
    age: u8,
    #[index(unique)]
    phone: Option<String>,
}

fn person(id: u64) -> Person {
    Person { id, email: format!("{id}@x.org"), age: 30, phone: None }
}

fn open(env: &MemoryEnv) -> walnut::Result<Database> {
    Database::builder().env(Arc::new(env.clone())).background(Background::Manual).open("/db")
}

fn people() -> (MemoryEnv, Database, DefaultTable<Person>) {
    let env = MemoryEnv::new();
    let db = open(&env).unwrap();
    let people = db.table().unwrap();
    (env, db, people)
}

/// What a call does to the machine.
fn work(env: &MemoryEnv, call: impl FnOnce()) -> Counts {
    let before = env.counts();
    call();
    env.counts().since(&before)
}

#[test]
fn an_upsert_equal_to_the_stored_row_writes_nothing() {
    let (env, db, people) = people();
    people.insert(&person(1)).unwrap();
    let written = work(&env, || {
        assert_eq!(people.upsert(&person(1)).unwrap(), Some(person(1)));
        assert_eq!(people.replace(&person(1)).unwrap(), person(1));
        assert_eq!(people.modify(1, |_| {}).unwrap(), Some(person(1)));
        assert_eq!(people.remove(2).unwrap(), None);
        people.insert_many(&[]).unwrap();
    });
    assert_eq!((written.bytes_written, written.of(Operations::Mutations)), (0, 0));
    db.close().unwrap();
}

#[test]
fn unchanged_index_entries_are_not_rewritten() {
    let (env, _db, people) = people();
    let row = |age, email: &str| Person { email: email.repeat(20), age, ..person(1) };
    people.insert(&row(1, "a")).unwrap();
    let bytes = |row: &Person| work(&env, || drop(people.upsert(row).unwrap())).bytes_written;
    // The row alone holds the long value once, a changed entry of it twice more: the old one and the new one.
    let age_alone = bytes(&row(2, "a"));
    let both = bytes(&row(3, "b"));
    assert!(both >= age_alone + 40, "{age_alone} and {both} bytes");
}

#[test]
fn a_commit_is_one_write_and_one_sync() {
    let (env, _db, people) = people();
    let work = work(&env, || people.insert_many(&[person(1), person(2), person(3)]).unwrap());
    assert_eq!((work.of(Operation::Write), work.of(Operations::Syncs)), (1, 1));
}

#[test]
fn a_get_writes_nothing_and_a_cached_one_reads_nothing() {
    let (env, db, people) = people();
    people.insert(&person(1)).unwrap();
    db.checkpoint().unwrap();
    people.get(1).unwrap();
    let work = work(&env, || {
        people.get(1).unwrap();
        people.get(77).unwrap();
    });
    assert_eq!(work.of(Operations::Any), 0);
}

#[test]
fn a_second_open_is_locked() {
    let (env, db, _people) = people();
    assert!(matches!(open(&env), Err(Error::Locked)));
    db.close().unwrap();
    open(&env).unwrap();
}

#[test]
fn a_lock_left_by_a_crash_is_not() {
    let (env, _db, _people) = people();
    open(&env.crash(CrashPolicy::Kept, 0)).unwrap();
}

#[test]
fn a_failed_open_gives_the_lock_back() {
    let (env, db, _people) = people();
    db.close().unwrap();
    let faulty = FaultEnv::over_memory(env.clone());
    faulty.inject(walnut::env::FaultPlan::once(Operation::Read, 0, walnut::env::FaultEffect::Error));
    assert!(Database::builder().env(Arc::new(faulty)).open("/db").is_err());
    open(&env).unwrap();
}

#[test]
fn a_second_open_in_the_real_world_is_locked() {
    let dir = tempfile::tempdir().unwrap();
    let db = Database::open(dir.path().join("db")).unwrap();
    assert!(matches!(Database::open(dir.path().join("db")), Err(Error::Locked)));
    drop(db);
    Database::open(dir.path().join("db")).unwrap();
}

#[test]
fn dropping_the_last_handle_closes_the_database() {
    let (env, db, people) = people();
    people.insert(&person(1)).unwrap();
    drop(db);
    assert!(matches!(open(&env), Err(Error::Locked)), "a table keeps it open");
    drop(people);
    assert_eq!(env.open_files(), 0);
    assert_eq!(open(&env).unwrap().table::<Person>().unwrap().len().unwrap(), 1);
}

#[test]
fn messages_never_contain_values() {
    let (_env, db, people) = people();
    let secret = |id| Person { email: "hunter2".to_owned(), phone: Some("hunter2".to_owned()), ..person(id) };
    people.insert(&secret(1)).unwrap();
    let violation = people.insert(&secret(2)).unwrap_err();
    let again = people.insert(&secret(1)).unwrap_err();
    let limit = people.insert(&Person { email: "hunter2".repeat(1000), ..person(3) }).unwrap_err();
    for error in [violation, again, limit] {
        assert!(!error.to_string().contains("hunter2"), "{error}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
    for debug in [format!("{db:?}"), format!("{people:?}"), format!("{:?}", people.iter())] {
        assert!(!debug.contains("hunter2"), "{debug}");
    }
}

#[test]
fn a_violation_names_table_index_and_owner() {
    let (_env, _db, people) = people();
    people.insert_many(&[person(1), person(2)]).unwrap();
    let taken = Person { email: "2@x.org".to_owned(), ..person(3) };
    let violation = |result: walnut::Result<()>| match result {
        Err(Error::UniqueViolation(violation)) => violation,
        other => panic!("{other:?} is no violation"),
    };
    let by_email = violation(people.insert(&taken));
    assert_eq!(
        (by_email.table(), by_email.index(), by_email.owner::<Person>()),
        ("people", "email", Some(2))
    );
    assert!(by_email.is(Person::ix().email) && !by_email.is(Person::ix().phone));
    let by_key = violation(people.insert(&person(1)));
    assert_eq!((by_key.index(), by_key.owner::<Person>()), ("primary_key", Some(1)));
    assert_eq!(by_key.owner::<Wide>(), None, "it is a violation of another table");
    assert_eq!(people.len().unwrap(), 2);
}

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Wide {
    #[primary_key]
    key: String,
    body: String,
}

#[test]
fn limits_hold_at_the_byte() {
    let env = MemoryEnv::new();
    let db = open(&env).unwrap();
    let wide = db.table::<Wide>().unwrap();
    // A text takes two bytes more than it has.
    let row = |key: usize, body: usize| Wide { key: "k".repeat(key), body: "b".repeat(body) };
    wide.insert(&row(MAX_KEY_SIZE - 2, 0)).unwrap();
    assert_eq!(MAX_KEY_SIZE, 2600);
    let (before, too_long) = (env.counts(), row(MAX_KEY_SIZE - 1, 0));
    assert!(matches!(wide.insert(&too_long), Err(Error::Limit(Limit::Key { limit: 2600 }))));
    assert_eq!(wide.get(&too_long.key).unwrap(), None, "what cannot be stored is not there");
    assert_eq!(wide.range(too_long.key..).count().unwrap(), 0);

    // The version takes a byte, a length of one byte one, a length above two million four.
    let most = (16 << 20) - 1 - 2 - 4;
    assert!(matches!(wide.insert(&row(1, most + 1)), Err(Error::Limit(Limit::Row { .. }))));
    assert_eq!(env.counts().since(&before).bytes_written, 0);
    wide.insert(&row(1, most)).unwrap();
    assert_eq!(wide.get("k").unwrap().unwrap().body.len(), most);
    db.close().unwrap();
    let wide = open(&env).unwrap().table::<Wide>().unwrap();
    assert_eq!(wide.get("k").unwrap().unwrap().body.len(), most);
}

/// What serde writes of these without their names cannot be read again.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
enum Unreadable {
    Untagged(Untagged),
    Tagged(Tagged),
    Short(Short),
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(untagged)]
enum Untagged {
    One(u8),
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(tag = "kind")]
enum Tagged {
    One { size: u8 },
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Short {
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<u32>,
    second: u64,
}

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Odd {
    #[primary_key]
    id: u64,
    part: Unreadable,
}

#[test]
fn a_row_that_serde_cannot_read_again_is_refused() {
    let db = open(&MemoryEnv::new()).unwrap();
    let odd = db.table::<Odd>().unwrap();
    let parts = [
        Unreadable::Untagged(Untagged::One(7)),
        Unreadable::Tagged(Tagged::One { size: 7 }),
        Unreadable::Short(Short { first: None, second: 300 }),
    ];
    for (id, part) in (0..).zip(parts) {
        let row = Odd { id, part };
        assert!(matches!(odd.insert(&row), Err(Error::Unstorable(_))), "{row:?}");
        assert!(matches!(odd.insert_many([&row, &row]), Err(Error::Unstorable(_))));
        assert!(matches!(odd.upsert(&row), Err(Error::Unstorable(_))));
        assert!(odd.is_empty().unwrap());
    }
    let right = Odd { id: 9, part: Unreadable::Short(Short { first: Some(1), second: 300 }) };
    odd.insert(&right).unwrap();
    assert_eq!(odd.get(9).unwrap(), Some(right));
}

#[test]
fn changing_the_primary_key_in_modify_is_an_error() {
    let (_env, _db, people) = people();
    people.insert(&person(1)).unwrap();
    assert!(matches!(people.modify(1, |row| row.id = 2), Err(Error::Unsupported(_))));
    assert!(matches!(people.by().email.modify("1@x.org", |row| row.id = 2), Err(Error::Unsupported(_))));
    assert_eq!(people.iter().collect_vec().unwrap(), [person(1)]);
}

#[test]
fn a_statement_that_fails_changes_nothing() {
    let (_env, _db, people) = people();
    people.insert(&person(5)).unwrap();
    assert!(people.insert_many(&[person(1), person(2), person(5), person(6)]).is_err());
    let taken = Person { email: "5@x.org".to_owned(), ..person(7) };
    assert!(people.upsert_many(&[person(3), taken]).is_err());
    assert!(matches!(people.replace(&person(9)), Err(Error::NotFound)));
    assert_eq!(people.iter().collect_vec().unwrap(), [person(5)]);
    assert_eq!(people.by().email.iter().count().unwrap(), 1);
    assert_eq!(people.by().phone.all(None).count().unwrap(), 1);
}

#[test]
fn opening_a_file_is_not_a_database() {
    let env = MemoryEnv::new();
    env.write_file("/db", b"a file").unwrap();
    assert!(matches!(open(&env), Err(Error::NotADatabase { .. })));
    env.write_file("/below/file", b"another").unwrap();
    let below = Database::builder().env(Arc::new(env.clone())).open("/below/file/db");
    assert!(matches!(below, Err(Error::NotADatabase { .. })));
    assert_eq!(env.read_file("/db").unwrap(), b"a file");
    let file = tempfile::NamedTempFile::new().unwrap();
    assert!(matches!(Database::open(file.path()), Err(Error::NotADatabase { .. })));
    assert!(matches!(Database::open(file.path().join("db")), Err(Error::NotADatabase { .. })));
}

#[test]
fn opening_a_foreign_directory_changes_nothing_in_it() {
    let env = MemoryEnv::new();
    env.write_file("/db/letter.txt", b"dear").unwrap();
    assert!(matches!(open(&env), Err(Error::NotADatabase { .. })));
    assert_eq!(env.files(), [Path::new("/db/letter.txt")]);
    assert_eq!(env.counts().of(Operations::Mutations), 0);
}

#[test]
fn missing_parents_are_made_and_durable() {
    let env = MemoryEnv::new();
    let path = "/one/two/three/db";
    let db =
        Database::builder().env(Arc::new(env.clone())).background(Background::Manual).open(path).unwrap();
    db.table::<Person>().unwrap().insert(&person(1)).unwrap();
    let crashed: Arc<dyn Env> = Arc::new(env.crash(CrashPolicy::Lost, 0));
    let db = Database::builder().env(crashed).background(Background::Manual).open(path).unwrap();
    assert_eq!(db.table::<Person>().unwrap().len().unwrap(), 1);
}

#[test]
fn a_closed_database_says_so() {
    let (_env, db, people) = people();
    people.insert(&person(1)).unwrap();
    let mut begun = people.iter();
    db.close().unwrap();
    db.close().unwrap();
    assert!(matches!(people.get(1), Err(Error::Closed)));
    assert!(matches!(people.insert(&person(2)), Err(Error::Closed)));
    assert!(matches!(people.upsert(&person(1)), Err(Error::Closed)));
    assert!(matches!(people.iter().next(), Some(Err(Error::Closed))));
    assert!(matches!(people.len(), Err(Error::Closed)));
    assert!(matches!(db.table::<Wide>(), Err(Error::Closed)));
    assert!(matches!(db.table_names(), Err(Error::Closed)));
    assert!(matches!(db.sync(), Err(Error::Closed)));
    assert!(matches!(db.checkpoint(), Err(Error::Closed)));
    // A scan that was made before keeps what it sees.
    assert!(matches!(begun.next(), Some(Ok(_) | Err(Error::Closed))));
}

mod changed {
    //! Other structs of the same name, each with one thing changed.
    use super::{Deserialize, Serialize, Table};

    macro_rules! people {
        ($name:ident { $($fields:tt)* }) => {
            #[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
            #[table(name = "people")]
            pub(super) struct $name { $($fields)* }
        };
    }

    people!(Same { #[primary_key] id: u64, #[index(unique)] email: String, #[index] age: u8, #[index(unique)] phone: Option<String> });
    people!(Retyped { #[primary_key] id: u64, #[index(unique)] email: String, #[index] age: u16, #[index(unique)] phone: Option<String> });
    people!(Renamed { #[primary_key] id: u64, #[index(unique)] mail: String, #[index] age: u8, #[index(unique)] phone: Option<String> });
    people!(Longer { #[primary_key] id: u64, #[index(unique)] email: String, #[index] age: u8, #[index(unique)] phone: Option<String>, city: String });
    people!(Shorter {
        #[primary_key]
        id: u64,
        #[index(unique)]
        email: String,
        #[index]
        age: u8
    });
    people!(Rekeyed { id: u64, #[primary_key] email: String, #[index] age: u8, #[index(unique)] phone: Option<String> });
}

#[test]
fn schema_changes_are_refused_with_a_sentence_that_names_the_field() {
    let (env, db, people) = people();
    people.insert(&person(1)).unwrap();
    db.close().unwrap();
    let db = open(&env).unwrap();
    let sentence = |error: Error| match error {
        Error::Schema(error) => {
            assert_eq!(error.table(), "people");
            error.to_string()
        }
        other => panic!("{other:?} is no schema error"),
    };
    assert!(
        sentence(db.table::<changed::Retyped>().unwrap_err()).contains("`age` was `u8` and is now `u16`")
    );
    let renamed = sentence(db.table::<changed::Renamed>().unwrap_err());
    assert!(renamed.contains("email") && renamed.contains("mail"), "{renamed}");
    assert!(sentence(db.table::<changed::Longer>().unwrap_err()).contains("`city`"));
    assert!(sentence(db.table::<changed::Shorter>().unwrap_err()).contains("`phone`"));
    let rekeyed = sentence(db.table::<changed::Rekeyed>().unwrap_err());
    assert!(rekeyed.contains("(id: u64)") && rekeyed.contains("(email: String)"), "{rekeyed}");
    // None of them was let in, so the right one still is, also under another name.
    assert_eq!(db.table::<changed::Same>().unwrap().len().unwrap(), 1);
    assert_eq!(db.table::<Person>().unwrap().get(1).unwrap(), Some(person(1)));
}

#[test]
fn two_structs_of_one_name_are_refused() {
    let (_env, db, _people) = people();
    assert!(matches!(db.table::<changed::Retyped>(), Err(Error::Schema(_))));
}

#[test]
fn a_scan_sees_the_state_when_it_was_made() {
    let (_env, db, people) = people();
    people.insert_many(&[person(1), person(2), person(3)]).unwrap();
    let (rows, by_age) = (people.iter(), people.by().age.all(30));
    let mut begun = people.by().email.iter();
    assert_eq!(begun.next().unwrap().unwrap().id, 1);
    people.insert(&person(4)).unwrap();
    people.remove(2).unwrap();
    people.modify(3, |row| row.age = 9).unwrap();
    db.checkpoint().unwrap();
    people.remove(1).unwrap();
    let before = [person(1), person(2), person(3)];
    assert_eq!(rows.collect_vec().unwrap(), before);
    assert_eq!(by_age.rev().collect_vec().unwrap(), [person(3), person(2), person(1)]);
    assert_eq!(begun.map(|row| row.unwrap().id).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(people.iter().map(|row| row.unwrap().id).collect::<Vec<_>>(), [3, 4]);
}

#[test]
fn opening_twice_in_a_row_changes_no_row() {
    let (env, db, people) = people();
    people.insert_many(&[person(1), person(2)]).unwrap();
    drop((db, people));
    for _ in 0..3 {
        let db = open(&env).unwrap();
        assert_eq!(db.table_names().unwrap(), ["people"]);
        assert_eq!(db.table::<Person>().unwrap().len().unwrap(), 2);
    }
}

#[test]
fn the_same_calls_do_the_same_to_the_machine() {
    let trace = || {
        let env = MemoryEnv::with_seed(4);
        env.start_trace();
        let db = open(&env).unwrap();
        let people = db.table::<Person>().unwrap();
        people.insert(&person(1)).unwrap();
        db.checkpoint().unwrap();
        people.remove(1).unwrap();
        db.close().unwrap();
        env.trace()
    };
    assert_eq!(trace(), trace());
}
