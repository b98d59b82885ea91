//! Keys that the store makes: none comes twice, whatever happens between two of them.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use walnut::env::{CrashPolicy, MemoryEnv};
use walnut::{Database, Durability, Error, Key, Limit, Result, Table};

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Note {
    #[primary_key(auto)]
    id: u64,
    #[index(unique)]
    text: String,
}

#[derive(Key, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct NoteId(i32);

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Named<K> {
    #[primary_key(auto)]
    id: K,
    name: String,
}

#[expect(clippy::needless_pass_by_value, reason = "what is written down at once is passed as it is")]
fn note(id: u64, text: impl ToString) -> Note {
    Note { id, text: text.to_string() }
}

fn named<K>(id: K) -> Named<K> {
    Named { id, name: "a".to_owned() }
}

fn open(env: &MemoryEnv) -> Result<Database> {
    Database::builder().env(Arc::new(env.clone())).open(Path::new("db"))
}

#[test]
fn a_row_gets_the_next_number_and_the_draft_stays_as_it_is() -> Result<()> {
    let notes = Database::in_memory()?.table::<Note>()?;
    let draft = note(77, "a");
    assert_eq!(notes.insert_new(&draft)?, 1);
    assert_eq!(notes.insert_new(&note(77, "b"))?, 2);
    assert_eq!(draft.id, 77);
    assert_eq!(notes.get(1)?, Some(note(1, "a")));
    assert!(!notes.contains(77)?);
    Ok(())
}

#[test]
fn a_row_that_is_refused_leaves_a_gap_at_most() -> Result<()> {
    let notes = Database::in_memory()?.table::<Note>()?;
    notes.insert_new(&note(0, "a"))?;
    let twin = notes.insert_new(&note(0, "a"));
    assert!(matches!(twin, Err(Error::UniqueViolation(it)) if it.is(Note::ix().text)));
    assert_eq!(notes.len()?, 1);
    assert!(notes.insert_new(&note(0, "b"))? > 1);
    Ok(())
}

#[test]
fn a_key_that_a_row_brings_along_moves_the_counter_on_for_good() -> Result<()> {
    let env = MemoryEnv::new();
    let mut last = 0;
    for (round, brought) in [5, 100, 40, 1_000, 999, 5_000].into_iter().enumerate() {
        let db = open(&env)?;
        let notes = db.table::<Note>()?;
        match round % 3 {
            0 => notes.insert(&note(brought, format!("brought {brought}")))?,
            1 => drop(notes.upsert(&note(brought, format!("brought {brought}")))?),
            _ => notes.insert_many(&[note(brought, "x"), note(brought - 1, "y")])?,
        }
        let new = notes.insert_new(&note(0, format!("new {brought}")))?;
        assert!(new > brought.max(last), "{new} after {brought}");
        last = new;
        notes.remove_many([brought, brought - 1, new])?;
        db.close()?;
    }
    Ok(())
}

#[test]
fn rows_from_before_the_keys_were_generated_count() -> Result<()> {
    mod before {
        #[derive(walnut::Table, serde::Serialize, serde::Deserialize)]
        #[table(name = "Note")]
        pub(super) struct Note {
            #[primary_key]
            pub(super) id: u64,
            #[index(unique)]
            pub(super) text: String,
        }
    }
    let env = MemoryEnv::new();
    let db = open(&env)?;
    db.table::<before::Note>()?.insert(&before::Note { id: 41, text: "old".to_owned() })?;
    db.close()?;
    let notes = open(&env)?.table::<Note>()?;
    assert_eq!(notes.insert_new(&note(0, "new"))?, 42);
    Ok(())
}

#[test]
fn no_key_comes_twice_over_crashes_and_roll_backs() -> Result<()> {
    const ROUNDS: u64 = walnut_tests::fewer!(8);
    for policy in [CrashPolicy::Lost, CrashPolicy::Kept] {
        let mut env = MemoryEnv::with_seed(3);
        let mut seen = BTreeSet::new();
        for round in 0..ROUNDS {
            let db = open(&env)?;
            let notes = db.table::<Note>()?;
            for turn in 0..90 {
                let new = notes.insert_new(&note(0, format!("{round} {turn}")))?;
                assert!(seen.insert(new), "{new} came twice");
                if turn % 7 == 0 {
                    notes.remove(new)?;
                }
            }
            let tx = db.begin();
            let taken = tx.table::<Note>()?.insert_new(&note(0, "rolled back"))?;
            drop(tx);
            // Its row never was, so it may come again after the next opening.
            assert!(!seen.contains(&taken) && !notes.contains(taken)?);
            db.sync()?;
            env = env.crash(policy, round);
        }
        let db = open(&env)?;
        let rows = db.table::<Note>()?.iter().keys().collect::<Result<Vec<_>>>()?;
        assert!(rows.iter().all(|id| seen.contains(id)));
        assert_eq!(rows.len() as u64, ROUNDS * (90 - 13));
    }
    Ok(())
}

#[test]
fn a_crash_that_loses_rows_loses_their_numbers_with_them() -> Result<()> {
    let env = MemoryEnv::with_seed(4);
    let db = open(&env)?;
    db.table::<Note>()?;
    db.sync()?;
    db.transact_with(Durability::Fast, |tx| tx.table::<Note>()?.insert_new(&note(0, "lost")))?;
    let crashed = open(&env.crash(CrashPolicy::Lost, 1))?;
    let notes = crashed.table::<Note>()?;
    let kept = notes.iter().keys().collect::<Result<Vec<_>>>()?;
    let new = notes.insert_new(&note(0, "new"))?;
    assert!(!kept.contains(&new));
    Ok(())
}

#[test]
fn a_transaction_that_reserves_numbers_does_not_lose_to_itself() -> Result<()> {
    let db = Database::in_memory()?;
    let tx = db.begin();
    let notes = tx.table::<Note>()?;
    notes.insert(&note(10_000, "brought"))?;
    let ids: Vec<u64> = (0..600).map(|turn| notes.insert_new(&note(0, turn))).collect::<Result<_>>()?;
    assert!(ids.is_sorted_by(|a, b| a < b) && ids[0] > 10_000);
    tx.commit()?;
    assert_eq!(db.table::<Note>()?.len()?, 601);
    Ok(())
}

#[test]
fn many_threads_get_many_numbers() -> Result<()> {
    let notes = Database::builder().durability(Durability::Fast).in_memory()?.table::<Note>()?;
    let all: Vec<u64> = thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                let notes = notes.clone();
                scope.spawn(move || {
                    let insert = |turn| notes.insert_new(&note(0, format!("{thread} {turn}"))).unwrap();
                    (0..200).map(insert).collect::<Vec<_>>()
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 800);
    assert_eq!(notes.len()?, 800);
    Ok(())
}

#[test]
fn the_last_number_of_a_type_is_given_and_none_after_it() -> Result<()> {
    let rows = Database::in_memory()?.table::<Named<u8>>()?;
    for id in 1..=255 {
        assert_eq!(rows.insert_new(&named(0))?, id);
    }
    assert!(matches!(rows.insert_new(&named(0)), Err(Error::Limit(Limit::Counter))));
    let ids = Database::in_memory()?.table::<Named<u64>>()?;
    ids.insert(&named(u64::MAX))?;
    assert!(matches!(ids.insert_new(&named(0)), Err(Error::Limit(Limit::Counter))));
    let wide = Database::in_memory()?.table::<Named<u128>>()?;
    wide.insert(&named(u128::MAX - 5))?;
    let given: Vec<_> = (0..9).map_while(|_| wide.insert_new(&named(0)).ok()).collect();
    assert!(!given.is_empty() && given.iter().all(|id| *id > u128::MAX - 5));
    Ok(())
}

#[test]
fn numbers_with_a_sign_begin_at_one_and_newtypes_count_too() -> Result<()> {
    let rows = Database::in_memory()?.table::<Named<NoteId>>()?;
    rows.insert(&named(NoteId(-5)))?;
    assert_eq!(rows.insert_new(&named(NoteId(0)))?, NoteId(1));
    rows.insert(&named(NoteId(i32::MIN)))?;
    assert_eq!(rows.insert_new(&named(NoteId(0)))?, NoteId(2));
    Ok(())
}

#[test]
fn a_uuid_begins_with_the_time_and_ascends() -> Result<()> {
    let rows = Database::in_memory()?.table::<Named<Uuid>>()?;
    let made: Vec<Uuid> = (0..50).map(|_| rows.insert_new(&named(Uuid::nil()))).collect::<Result<_>>()?;
    assert!(made.is_sorted_by(|a, b| a < b));
    assert!(made.iter().all(|id| id.get_version_num() == 7));
    assert_eq!(rows.iter().keys().collect::<Result<Vec<_>>>()?, made);
    Ok(())
}
