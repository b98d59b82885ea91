//! What a migration makes of a row, and when: an old row is, at each read, the row that it will be when it is rewritten.

use std::collections::BTreeMap;
use std::net::{Ipv6Addr, SocketAddrV6};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use walnut::env::MemoryEnv;
use walnut::{Database, Error, IndexState, Table};
use walnut_tests::random::Random;

use super::open;

/// The program of the first version.
mod first {
    use super::*;

    #[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
    #[table(name = "events")]
    pub(super) struct Event {
        #[primary_key]
        pub(super) id: u64,
        #[index(unique)]
        pub(super) millis: u64,
    }
}

#[derive(Table, Serialize, Deserialize)]
#[table(name = "events", history)]
struct EventV1 {
    #[primary_key]
    id: u64,
    millis: u64,
}

/// Whole seconds of a time that has finer ones.
mod seconds {
    use super::*;

    pub(super) fn serialize<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(time.as_secs())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_secs)
    }
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(from = "String", into = "String")]
struct Lower(String);

impl From<String> for Lower {
    fn from(text: String) -> Self {
        Self(text.to_lowercase())
    }
}

impl From<Lower> for String {
    fn from(lower: Lower) -> Self {
        lower.0
    }
}

/// The program of the second version, whose serde forms lose something of each value that its migration makes.
#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = "events", version = 2, migrate_from = EventV1)]
#[index(label: String = Event::label)]
struct Event {
    #[primary_key]
    id: u64,
    #[index(unique)]
    #[serde(with = "seconds")]
    at: Duration,
    #[index]
    from: SocketAddrV6,
    label: Lower,
}

impl Event {
    fn label(&self) -> String {
        self.label.0.clone()
    }
}

impl From<EventV1> for Event {
    fn from(old: EventV1) -> Self {
        let scope = u32::try_from(old.millis % 7).unwrap();
        Self {
            id: old.id,
            at: Duration::from_millis(old.millis),
            from: SocketAddrV6::new(Ipv6Addr::LOCALHOST, 80, 0, scope),
            label: Lower(format!("Event {}", old.millis % 5)),
        }
    }
}

/// What is stored of an event.
fn stored(id: u64, millis: u64) -> Event {
    let Event { at, from, label, .. } = EventV1 { id, millis }.into();
    let (at, label) = (Duration::from_secs(at.as_secs()), Lower(label.0.to_lowercase()));
    Event { id, at, from: SocketAddrV6::new(*from.ip(), from.port(), 0, 0), label }
}

fn filled(events: impl IntoIterator<Item = (u64, u64)>) -> MemoryEnv {
    let env = MemoryEnv::with_seed(1);
    let db = open(&env).unwrap();
    let events = events.into_iter().map(|(id, millis)| first::Event { id, millis });
    db.table::<first::Event>().unwrap().insert_many(events).unwrap();
    db.close().unwrap();
    env
}

/// That the program of the first version finds its rows.
fn check_first(env: &MemoryEnv, count: u64) {
    let db = open(env).unwrap();
    assert_eq!(db.table::<first::Event>().unwrap().len().unwrap(), count);
    assert_eq!(db.verify().unwrap().entry_count, count);
    db.close().unwrap();
}

fn refusal(error: Error) -> String {
    let Error::Schema(told) = error else { panic!("{error:?}") };
    told.to_string()
}

/// Random programs read, change and rewrite old rows whose migration makes values that serde does not store in full.
#[test]
fn an_old_row_is_read_as_it_will_be_rewritten_and_keeps_its_entries() {
    for seed in 0..12 {
        let mut random = Random::new(seed, "lossy migration");
        let mut model: BTreeMap<u64, Event> = BTreeMap::new();
        let env = filled((0..40).map(|id| {
            let millis = id * 1000 + random.below(1000);
            model.insert(id, stored(id, millis));
            (id, millis)
        }));
        let mut db = open(&env).unwrap();
        for step in 0..40 {
            let (events, id) = (db.table::<Event>().unwrap(), random.below(50));
            match random.below(7) {
                0 => assert_eq!(events.remove(id).unwrap(), model.remove(&id), "seed {seed}"),
                1 => {
                    let modified = events.modify(id, |event| event.label.0.push('X')).unwrap();
                    let expected = model.get_mut(&id).map(|event| {
                        event.label.0.push('x');
                        event.clone()
                    });
                    assert_eq!(modified, expected, "seed {seed}");
                }
                2 => {
                    let before =
                        events.upsert(&EventV1 { id, millis: id * 1000 + random.below(1000) }.into());
                    let now = events.get(id).unwrap().unwrap();
                    assert_eq!(before.unwrap(), model.insert(id, now), "seed {seed}");
                }
                3 if random.one_in(5) => drop(events.migrate_all().unwrap()),
                4 if random.one_in(3) => {
                    db.close().unwrap();
                    db = open(&env).unwrap();
                }
                _ => {
                    let second = Duration::from_secs(id);
                    assert_eq!(events.by().at.get(second).unwrap().as_ref(), model.get(&id), "seed {seed}");
                }
            }
            if step % 8 == 7 {
                let events = db.table::<Event>().unwrap();
                assert!(events.iter().map(Result::unwrap).eq(model.values().cloned()), "seed {seed}");
                assert_eq!(db.verify().unwrap().entry_count, 3 * model.len() as u64, "seed {seed}");
                assert!(events.sweep().unwrap().is_clean(), "seed {seed}");
            }
        }
    }
}

#[test]
fn unique_values_that_are_the_same_once_stored_are_found_before_a_layout_is_taken() {
    let env = filled([(1, 1000), (2, 2100), (3, 2900), (4, 4000)]);
    let db = open(&env).unwrap();
    let events = db.table::<Event>().unwrap();
    assert_eq!(events.index_status().unwrap()[1].state, IndexState::Off { duplicates: vec![(2, 3)] });
    assert_eq!(events.migrate_all().unwrap().rewritten_count, 4);
    events.modify(3, |event| event.at = Duration::from_secs(3)).unwrap();
    db.verify().unwrap();
    db.close().unwrap();
    let db = open(&env).unwrap();
    let found = db.table::<Event>().unwrap().by().at.get(Duration::from_secs(3)).unwrap();
    assert_eq!(found.unwrap().id, 3);
    db.verify().unwrap();
}

static COUNTER: AtomicU64 = AtomicU64::new(0);

/// A migration that counts how often it was called, in a field that `INDEXED` says whether an index has.
macro_rules! counting {
    ($name:ident $(#[$index:meta])?) => {
        #[derive(Table, Serialize, Deserialize)]
        #[table(name = "events", version = 2, migrate_from = EventV1)]
        struct $name {
            #[primary_key]
            id: u64,
            $(#[$index])?
            number: u64,
        }

        impl From<EventV1> for $name {
            fn from(old: EventV1) -> Self {
                Self { id: old.id, number: COUNTER.fetch_add(1, Ordering::Relaxed) }
            }
        }
    };
}

#[test]
fn a_migration_whose_indexed_values_do_not_follow_from_the_row_is_refused() {
    counting!(Counted #[index]);
    counting!(Unindexed);
    let env = filled((0..20).map(|id| (id, id)));
    let db = open(&env).unwrap();
    let told = refusal(db.table::<Counted>().unwrap_err());
    assert!(told.contains("`events`") && told.contains("the row with primary key 0, of version 1"), "{told}");
    assert!(told.contains("each time"), "{told}");
    db.close().unwrap();
    check_first(&env, 20);

    let db = open(&env).unwrap();
    let events = db.table::<Unindexed>().unwrap();
    events.migrate_all().unwrap();
    let settled = events.get(7).unwrap().unwrap().number;
    assert_eq!(events.get(7).unwrap().unwrap().number, settled);
    db.verify().unwrap();
}

static IS_STRICT: AtomicBool = AtomicBool::new(false);

#[derive(Table, Serialize, Deserialize, Debug)]
#[table(name = "events", version = 2, migrate_from = EventV1)]
struct Strict {
    #[primary_key]
    id: u64,
    #[index]
    millis: u64,
}

impl TryFrom<EventV1> for Strict {
    type Error = ();

    fn try_from(old: EventV1) -> Result<Self, ()> {
        let is_taken = old.id != 7 || !IS_STRICT.load(Ordering::Relaxed);
        is_taken.then_some(Self { id: old.id, millis: old.millis }).ok_or(())
    }
}

/// A later edition of a struct whose `TryFrom` refuses a row that the edition before took, and that was not rewritten.
#[test]
fn whatever_meets_a_row_that_its_migration_refuses_names_table_and_row() {
    let env = filled((0..20).map(|id| (id, id)));
    let db = open(&env).unwrap();
    db.table::<Strict>().unwrap();
    IS_STRICT.store(true, Ordering::Relaxed);
    let events = db.table::<Strict>().unwrap();
    let change = Strict { id: 7, millis: 0 };
    let in_transaction = db.transact(|tx| tx.table::<Strict>()?.get(7).map(drop));
    for (statement, error) in [
        ("get", events.get(7).map(drop)),
        ("get_many", events.get_many([1, 7]).map(drop)),
        ("iter", events.iter().collect_vec().map(drop)),
        ("range", events.range(3..).rev().collect_vec().map(drop)),
        ("index", events.by().millis.all(7).collect_vec().map(drop)),
        ("page", events.iter().page(10, None).map(drop)),
        ("modify", events.modify(7, |_| ()).map(drop)),
        ("upsert", events.upsert(&change).map(drop)),
        ("upsert_many", events.upsert_many([change]).map(drop)),
        ("snapshot", db.snapshot().table::<Strict>().unwrap().get(7).map(drop)),
        ("transaction", in_transaction),
        ("migrate_all", events.migrate_all().map(drop)),
    ] {
        let told = refusal(error.expect_err(statement));
        assert!(told.contains("`events`") && told.contains("primary key 7,"), "{statement}: {told}");
        assert!(told.contains("version 1") && told.contains("`TryFrom`"), "{statement}: {told}");
    }
    assert_eq!(events.unreadable().collect::<walnut::Result<Vec<_>>>().unwrap(), [7]);
    events.remove(7).unwrap();
    assert_eq!(events.migrate_all().unwrap().rewritten_count, 19);
    db.verify().unwrap();
}

static PANICS: AtomicBool = AtomicBool::new(true);

#[derive(Table, Serialize, Deserialize)]
#[table(name = "events", version = 2, migrate_from = EventV1)]
struct Panicking {
    #[primary_key]
    id: u64,
    #[index]
    millis: u64,
}

impl From<EventV1> for Panicking {
    fn from(old: EventV1) -> Self {
        assert!(old.id != 7 || !PANICS.load(Ordering::Relaxed), "a fault in the migration");
        Self { id: old.id, millis: old.millis }
    }
}

#[test]
fn after_a_migration_that_panics_the_old_program_goes_on() {
    let env = filled((0..20).map(|id| (id, id)));
    let db = open(&env).unwrap();
    let opened = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| db.table::<Panicking>().map(drop)));
    opened.expect_err("the migration panics");
    db.table::<first::Event>().unwrap().insert(&first::Event { id: 20, millis: 20 }).unwrap();
    db.close().unwrap();
    check_first(&env, 21);
    PANICS.store(false, Ordering::Relaxed);
    let db = open(&env).unwrap();
    assert_eq!(db.table::<Panicking>().unwrap().by().millis.iter().count().unwrap(), 21);
    db.verify().unwrap();
}

/// A struct with a field of a nested type, in two editions.
mod nested {
    use super::*;

    #[derive(Serialize, Deserialize)]
    pub(super) struct Size {
        pub(super) width: u8,
        pub(super) height: u8,
    }

    #[derive(Serialize, Deserialize)]
    pub(super) struct Turned {
        pub(super) height: u8,
        pub(super) width: u8,
    }

    #[derive(Table, Serialize, Deserialize)]
    #[table(name = "pictures")]
    pub(super) struct Picture {
        #[primary_key]
        pub(super) id: u8,
        pub(super) size: Size,
    }

    /// Says of a past that it was otherwise than it was.
    #[derive(Table, Serialize, Deserialize)]
    #[table(name = "pictures", history)]
    pub(super) struct OtherV1 {
        #[primary_key]
        id: u8,
        size: Turned,
    }

    #[derive(Table, Serialize, Deserialize)]
    #[table(name = "pictures", version = 2, migrate_from = OtherV1)]
    pub(super) struct Area {
        #[primary_key]
        pub(super) id: u8,
        pub(super) width: u8,
    }

    impl From<OtherV1> for Area {
        fn from(old: OtherV1) -> Self {
            Self { id: old.id, width: old.size.width }
        }
    }
}

#[test]
fn a_struct_of_the_past_whose_nested_type_was_another_one_is_refused() {
    let env = MemoryEnv::with_seed(1);
    let db = open(&env).unwrap();
    let picture = nested::Picture { id: 1, size: nested::Size { width: 2, height: 3 } };
    db.table::<nested::Picture>().unwrap().insert(&picture).unwrap();
    db.close().unwrap();
    let db: Database = open(&env).unwrap();
    let told = refusal(db.table::<nested::Area>().map(drop).unwrap_err());
    assert!(told.contains("in the struct of version 1, field `size` had `width` as field 1"), "{told}");
    db.close().unwrap();
    let db = open(&env).unwrap();
    let read = db.table::<nested::Picture>().unwrap().get(1).unwrap().unwrap();
    assert_eq!((read.size.width, read.size.height), (2, 3));
}
