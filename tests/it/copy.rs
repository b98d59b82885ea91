//! A database copied to another engine is the same database: whatever engines, whatever fails, however often it is begun
//! again.

use std::cell::Cell;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use walnut::env::{CrashPolicy, MemoryEnv, Operations};
use walnut::remote::{CopyProgress, Faults, Limits, Memory, copy, copy_with};
use walnut::{Background, Database, Error, Result, Table};
use walnut_tests::random::Random;

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = "people")]
struct Person {
    #[primary_key(auto)]
    id: u64,
    #[index(unique)]
    email: String,
    #[index]
    age: u8,
    #[index(each)]
    tags: Vec<String>,
    note: String,
}

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = "places")]
struct Place {
    #[primary_key]
    name: String,
    #[index(unique)]
    number: Option<u32>,
}

/// What a database has, read through its public face.
#[derive(Debug, PartialEq, Default)]
struct Seen {
    tables: Vec<String>,
    keyspaces: Vec<String>,
    people: Vec<Person>,
    by_age: Vec<u64>,
    by_tag: Vec<u64>,
    places: Vec<Place>,
    keys: Vec<(Vec<u8>, Vec<u8>)>,
}

fn seen<E>(db: &Database<E>) -> Result<Seen> {
    let mut seen = Seen { tables: db.table_names()?, keyspaces: db.keyspace_names()?, ..Seen::default() };
    if seen.tables.iter().any(|name| name == "people") {
        let people = db.table::<Person>()?;
        seen.people = people.iter().collect::<Result<_>>()?;
        seen.by_age = people.by().age.iter().keys().collect::<Result<_>>()?;
        seen.by_tag = people.by().tags.iter().keys().collect::<Result<_>>()?;
    }
    if seen.tables.iter().any(|name| name == "places") {
        seen.places = db.table::<Place>()?.iter().collect::<Result<_>>()?;
    }
    for name in &seen.keyspaces {
        for entry in &db.keyspace(name)? {
            seen.keys.push(entry?);
        }
    }
    Ok(seen)
}

/// Random statements on all that a database can have.
fn work<E>(db: &Database<E>, random: &mut Random, steps: u64) -> Result<()> {
    let (people, places) = (db.table::<Person>()?, db.table::<Place>()?);
    for _ in 0..steps {
        let number = random.below(60);
        match random.below(10) {
            0..5 => {
                let size = if random.one_in(12) { 9_000 } else { random.place(60) };
                let tags = (0..random.below(3)).map(|_| format!("tag {}", random.below(4))).collect();
                let age = u8::try_from(random.below(90)).unwrap_or_default();
                let (email, note) = (format!("{number}@x.org"), "n".repeat(size));
                match people.insert_new(&Person { id: 0, email, age, tags, note }) {
                    Ok(_) | Err(Error::UniqueViolation(_)) => {}
                    Err(error) => return Err(error),
                }
            }
            5 => drop(people.remove(number)?),
            6 | 7 => {
                let number = number.is_multiple_of(2).then_some(u32::try_from(number).unwrap_or_default());
                let place = Place { name: format!("place {}", random.below(20)), number };
                match places.upsert(&place) {
                    Ok(_) | Err(Error::UniqueViolation(_)) => {}
                    Err(error) => return Err(error),
                }
            }
            8 => db.keyspace("raw")?.put(number.to_be_bytes(), number.to_le_bytes())?,
            _ => db.keyspace("counts")?.add(number.to_be_bytes(), 3)?,
        }
    }
    if random.one_in(4) {
        db.drop_table("places")?;
    }
    Ok(())
}

fn embedded(env: &MemoryEnv) -> Result<Database> {
    Database::builder().env(Arc::new(env.clone())).background(Background::Manual).open("db")
}

fn an_engine(random: &mut Random) -> Memory {
    let engine = Memory::with_seed(random.next());
    if random.one_in(2) {
        engine.set_limits(Limits { commit_count: 64, ranges: 0, ..Limits::default() });
    }
    engine
}

/// Interrupts a copy at a report.
fn until(count: u64) -> impl FnMut(&CopyProgress) -> Result<()> {
    let left = Cell::new(count);
    move |_| match left.get() {
        0 => Err(Error::Unsupported("going on")),
        count => {
            left.set(count - 1);
            Ok(())
        }
    }
}

#[test]
fn from_a_directory_to_an_engine_and_back_it_is_the_same_database() -> Result<()> {
    for seed in 0..12 {
        let mut random = Random::new(seed, "copy");
        let from = embedded(&MemoryEnv::with_seed(seed))?;
        work(&from, &mut random, 150)?;
        let engine = an_engine(&mut random);
        let there = Database::on(engine.clone())?;
        let faults = Faults {
            conflict: 20,
            lost_before: 30,
            lost_after: 30,
            late: 20,
            short_pages: 100,
            unavailable: 20,
        };
        engine.set_faults(faults);
        let copied = copy(&from, &there)?;
        engine.set_faults(Faults::default());
        let expected = seen(&from)?;
        assert_eq!(seen(&there)?, expected, "seed {seed}");
        assert_eq!((&copied.tables, &copied.keyspaces), (&expected.tables, &expected.keyspaces));
        assert!(copied.written_count >= copied.key_count && copied.pass_count == 2, "{copied:?}");
        there.verify_tables()?;

        let back = embedded(&MemoryEnv::with_seed(seed))?;
        engine.set_faults(Faults { unavailable: 20, short_pages: 100, ..Faults::default() });
        assert_eq!(copy(&there, &back)?.key_count, copied.key_count);
        engine.set_faults(Faults::default());
        assert_eq!(seen(&back)?, expected, "seed {seed}, back");
        back.verify()?;
        // They are databases like any other one: keys go on where the source's would have.
        work(&back, &mut random.clone(), 30)?;
        work(&there, &mut random.clone(), 30)?;
        work(&from, &mut random, 30)?;
        assert_eq!(seen(&back)?.places, seen(&from)?.places, "seed {seed}");
        back.verify()?;
        there.verify_tables()?;
    }
    Ok(())
}

#[test]
fn a_copy_that_was_interrupted_goes_on_and_follows_what_has_changed() -> Result<()> {
    for seed in 0..20 {
        let mut random = Random::new(seed, "interrupted copy");
        let from = Database::on(an_engine(&mut random))?;
        work(&from, &mut random, 120)?;
        let to = Database::on(an_engine(&mut random))?;
        let first = Cell::new(0);
        let mut stop = until(random.below(25));
        let interrupted = copy_with(&from, &to, |progress| {
            first.set(progress.written_count);
            stop(progress)
        });
        let changes = seed % 2 == 1;
        if interrupted.is_err() {
            assert_eq!(seen(&to)?, Seen::default(), "nobody sees a half copy");
            if changes {
                work(&from, &mut random, 40)?;
            }
            let copied = copy(&from, &to)?;
            if !changes {
                assert_eq!(copied.written_count + first.get(), copied.key_count, "nothing is written twice");
            }
        }
        assert_eq!(seen(&to)?, seen(&from)?, "seed {seed}");
        to.verify_tables()?;
    }
    Ok(())
}

#[test]
fn a_crash_in_the_middle_leaves_a_target_that_a_copy_completes() -> Result<()> {
    for seed in 0..16 {
        let mut random = Random::new(seed, "crashed copy");
        let from = Database::on(Memory::with_seed(seed))?;
        work(&from, &mut random, 150)?;
        let env = MemoryEnv::with_seed(seed);
        let to = embedded(&env)?;
        env.power_off_before_next(Operations::Mutations, random.below(40));
        let done = copy(&from, &to).is_ok();
        drop(to);
        let env = env.crash(*random.pick(&CrashPolicy::ALL), seed);
        let to = embedded(&env)?;
        let found = seen(&to)?;
        if done || found != Seen::default() {
            assert_eq!(found, seen(&from)?, "seed {seed}: all or nothing");
        } else {
            copy(&from, &to)?;
            assert_eq!(seen(&to)?, seen(&from)?, "seed {seed}");
        }
        to.verify()?;
    }
    Ok(())
}

#[test]
fn a_target_that_was_used_is_refused_and_left_alone() -> Result<()> {
    let from = Database::in_memory()?;
    work(&from, &mut Random::new(1, "used"), 60)?;
    let refused = |to: &Database<Memory>| assert!(matches!(copy(&from, to), Err(Error::Unsupported(_))));
    let place = Place { name: "here".into(), number: None };

    let used = Database::on(Memory::new())?;
    used.table::<Place>()?.insert(&place)?;
    refused(&used);
    used.drop_table("places")?;
    refused(&used);

    // In the middle of a copy, too: what was made there meanwhile shares no key with it.
    let engine = Memory::new();
    let to = Database::on(engine.clone())?;
    let other = Database::on(engine)?;
    let made = Cell::new(false);
    let interrupted = copy_with(&from, &to, |progress| {
        if progress.written_count > 20 && !made.replace(true) {
            other.table::<Place>()?.insert(&place)?;
        }
        Ok(())
    });
    assert!(matches!(interrupted, Err(Error::Unsupported(_))) && made.get());
    refused(&to);
    assert_eq!(other.table::<Place>()?.iter().collect::<Result<Vec<_>>>()?, [place]);
    other.verify_tables()?;
    assert!(matches!(copy(&from, &from), Err(Error::Unsupported(_))));
    Ok(())
}

#[test]
fn what_is_copied_is_one_state_also_when_the_engine_lets_go_of_it() -> Result<()> {
    for seed in 0..10 {
        let mut random = Random::new(seed, "moving copy");
        let engine = Memory::with_seed(seed);
        let from = Database::on(engine.clone())?;
        work(&from, &mut random, 100)?;
        let to = Database::on(Memory::new())?;
        let left = Cell::new(random.below(6));
        copy_with(&from, &to, |_| {
            if left.get() > 0 {
                left.set(left.get() - 1);
                work(&from, &mut random, 3)?;
                engine.expire_sessions();
            }
            Ok(())
        })?;
        assert_eq!(seen(&to)?, seen(&from)?, "seed {seed}");
        to.verify_tables()?;
    }
    let engine = Memory::new();
    let from = Database::on(engine.clone())?;
    let raw = from.keyspace("raw")?;
    raw.put("a", "1")?;
    let to = Database::on(Memory::new())?;
    let endless = copy_with(&from, &to, |_| {
        raw.add("count", 1)?;
        engine.expire_sessions();
        Ok(())
    });
    assert!(matches!(endless, Err(Error::SnapshotTooOld)), "{endless:?}");
    Ok(())
}

#[test]
fn a_row_that_the_target_refuses_is_a_limit_and_the_engine_is_named() -> Result<()> {
    let from = Database::in_memory()?;
    let note = "n".repeat(5_000);
    from.table::<Person>()?.insert(&Person { id: 1, email: "a".into(), age: 1, tags: vec![], note })?;
    let engine = Memory::new();
    engine.set_limits(Limits { value: 1_000, ..Limits::default() });
    let to = Database::on(engine)?;
    let refused = copy(&from, &to).map(drop);
    assert!(matches!(refused, Err(Error::Limit(_))), "{refused:?}");
    assert_eq!(seen(&to)?, Seen::default());
    Ok(())
}
