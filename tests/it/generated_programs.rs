//! Generated keys under random programs, against a model that remembers every number that a committed row has had.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use walnut::env::{CrashPolicy, MemoryEnv};
use walnut::{Database, Error, Generated, Limit, Result, Table};
use walnut_tests::random::Random;

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = "rows")]
struct Auto<K> {
    #[primary_key(auto)]
    id: K,
    text: String,
}

/// The same table by a struct that knows nothing of generated keys.
#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = "rows")]
struct Plain<K> {
    #[primary_key]
    id: K,
    text: String,
}

/// An integer that is a key.
trait Integer:
    Generated
    + for<'k> walnut::Key<Ref<'k> = Self>
    + Serialize
    + DeserializeOwned
    + Copy
    + Debug
    + Ord
    + Send
    + Sync
    + 'static
{
}

impl<K> Integer for K where
    K: Generated
        + for<'k> walnut::Key<Ref<'k> = K>
        + Serialize
        + DeserializeOwned
        + Copy
        + Debug
        + Ord
        + Send
        + Sync
        + 'static
{
}

fn auto<K: Integer>(number: u128) -> Auto<K> {
    Auto { id: K::from_number(number), text: String::new() }
}

fn plain<K: Integer>(number: u128) -> Plain<K> {
    Plain { id: K::from_number(number), text: String::new() }
}

fn open(env: &MemoryEnv) -> Result<Database> {
    Database::builder().env(Arc::new(env.clone())).open("/db")
}

fn last_of<K: Generated>() -> u128 {
    match K::GENERATOR {
        walnut::KeyGenerator::Sequence { last } => last,
        way @ walnut::KeyGenerator::UuidV7 => panic!("{way:?}"),
    }
}

fn exhausted<R>(outcome: &Result<R>) -> bool {
    matches!(outcome, Err(Error::Limit(Limit::Counter)))
}

/// What is true of a table.
#[derive(Default)]
struct Model {
    rows: BTreeSet<u128>,
    /// Every number that a committed row has had, and the greatest of them.
    ever: BTreeSet<u128>,
    used: u128,
}

impl Model {
    fn commit(&mut self, number: u128) {
        self.rows.insert(number);
        self.ever.insert(number);
        self.used = self.used.max(number);
    }

    /// A number that was generated must be one that no committed row has had, and there must be one as long as one is left.
    fn check<K: Integer>(&self, outcome: &Result<K>, context: &str) -> Option<u128> {
        if let Ok(key) = outcome {
            let number = key.number().unwrap();
            assert!(!self.ever.contains(&number), "{context}: {number} came again");
            return Some(number);
        }
        assert!(exhausted(outcome), "{context}: {outcome:?}");
        assert_eq!(self.used, last_of::<K>(), "{context}: numbers are left");
        None
    }
}

/// A number to bring along: near what is used, anywhere, and seldom the last ones.
fn brought<K: Integer>(random: &mut Random, model: &Model) -> u128 {
    let last = last_of::<K>();
    let number = match random.below(8) {
        0..=4 => model.used.saturating_add(1 + u128::from(random.below(5))),
        5 | 6 => 1 + u128::from(random.below(40)),
        _ => last - u128::from(random.below(3)),
    };
    number.min(last)
}

/// Rolls back a transaction that brings a number along and asks for one.
fn roll_back<K: Integer>(db: &Database, model: &Model, number: u128, context: &str) -> Result<()> {
    let tx = db.begin();
    let rows = tx.table::<Auto<K>>()?;
    let _ = rows.insert(&auto(number));
    let new = rows.insert_new(&auto(0));
    let is_new = |new: &K| !model.ever.contains(&new.number().unwrap());
    assert!(new.as_ref().is_ok_and(is_new) || new.is_err(), "{context}: {new:?}");
    assert!(new.is_ok() || exhausted(&new), "{context}: {new:?}");
    let _ = rows.remove(K::from_number(number))?;
    Ok(())
}

/// Asks for three numbers in one transaction.
fn commit_several<K: Integer>(db: &Database, model: &mut Model, context: &str) -> Result<()> {
    let tx = db.begin();
    let rows = tx.table::<Auto<K>>()?;
    let news: Vec<Result<K>> = (0..3).map(|_| rows.insert_new(&auto(0))).collect();
    for new in news.iter().flatten() {
        let number = new.number().unwrap();
        assert!(!model.ever.contains(&number), "{context}: {number} came again");
        model.commit(number);
    }
    assert!(news.iter().all(|new| new.is_ok() || exhausted(new)), "{context}: {news:?}");
    assert!(news[0].is_ok() || model.used == last_of::<K>(), "{context}: {news:?}");
    drop(rows);
    tx.commit()
}

fn program<K: Integer>(seed: u64, steps: u32) -> Result<()> {
    let mut random = Random::new(seed, std::any::type_name::<K>());
    let mut env = MemoryEnv::with_seed(seed);
    let mut db = open(&env)?;
    let mut model = Model::default();
    for step in 0..steps {
        let context = format!("{} seed {seed} step {step}", std::any::type_name::<K>());
        let number = brought::<K>(&mut random, &model);
        let rare = random.one_in(6);
        match random.below(14) {
            0..=3 => {
                let new = db.table::<Auto<K>>()?.insert_new(&auto(0));
                if let Some(number) = model.check(&new, &context) {
                    model.commit(number);
                }
            }
            4 if rare => {
                let inserted = db.table::<Auto<K>>()?.insert(&auto(number));
                assert_eq!(inserted.is_ok(), !model.rows.contains(&number), "{context}");
                model.commit(number);
            }
            5 if rare => {
                db.table::<Plain<K>>()?.upsert(&plain(number))?;
                model.commit(number);
            }
            6 if rare => {
                let rows: Vec<Auto<K>> = (number.saturating_sub(2).max(1)..=number).map(auto).collect();
                if db.table::<Auto<K>>()?.insert_many(&rows).is_ok() {
                    for row in &rows {
                        model.commit(row.id.number().unwrap());
                    }
                }
            }
            // The greatest rows go, by the struct that knows of numbers or by the one that does not.
            7 | 8 => {
                if let Some(greatest) = model.rows.pop_last() {
                    db.table::<Auto<K>>()?.remove(K::from_number(greatest))?.unwrap();
                }
            }
            9 => {
                if let Some(greatest) = model.rows.pop_last() {
                    db.table::<Plain<K>>()?.range(K::from_number(greatest)..).remove_all()?;
                }
            }
            10 => roll_back::<K>(&db, &model, number, &context)?,
            11 => commit_several::<K>(&db, &mut model, &context)?,
            12 if rare => {
                db.drop_table("rows")?;
                model = Model::default();
            }
            13 if rare => {
                db.close()?;
                db = open(&env)?;
            }
            13 => {
                db.sync()?;
                env = env.crash(CrashPolicy::Mixed, u64::from(step));
                db = open(&env)?;
            }
            _ => {}
        }
        let rows: Vec<u128> = db
            .table::<Plain<K>>()?
            .iter()
            .keys()
            .map(|key| key.map(|key| key.number().unwrap()))
            .collect::<Result<_>>()?;
        assert!(rows.iter().copied().eq(model.rows.iter().copied()), "{context}: {rows:?}");
    }
    Ok(())
}

macro_rules! programs {
    ($($name:ident: $int:ident, $seeds:expr, $steps:expr;)*) => {$(
        #[test]
        fn $name() -> Result<()> {
            (0..$seeds).try_for_each(|seed| program::<$int>(seed, $steps))
        }
    )*};
}

programs! {
    a_number_of_a_committed_row_never_comes_again_and_none_is_refused_while_one_is_left_u8: u8, 12, 150;
    a_number_of_a_committed_row_never_comes_again_and_none_is_refused_while_one_is_left_i8: i8, 12, 150;
    a_number_of_a_committed_row_never_comes_again_and_none_is_refused_while_one_is_left_u16: u16, 6, 120;
    a_number_of_a_committed_row_never_comes_again_and_none_is_refused_while_one_is_left_i32: i32, 4, 100;
    a_number_of_a_committed_row_never_comes_again_and_none_is_refused_while_one_is_left_u64: u64, 6, 120;
    a_number_of_a_committed_row_never_comes_again_and_none_is_refused_while_one_is_left_u128: u128, 4, 100;
    a_number_of_a_committed_row_never_comes_again_and_none_is_refused_while_one_is_left_i128: i128, 4, 100;
}

#[test]
fn a_small_type_is_not_used_up_by_restarts_and_crashes() -> Result<()> {
    for crashes in [false, true] {
        let mut env = MemoryEnv::with_seed(5);
        for round in 0..51_u8 {
            let db = open(&env)?;
            let rows = db.table::<Auto<u8>>()?;
            for turn in 1..=5 {
                assert_eq!(rows.insert_new(&auto(0))?, 5 * round + turn);
            }
            if round % 3 == 0 {
                rows.remove(5 * round + 5)?;
            }
            if crashes {
                env = env.crash(CrashPolicy::Kept, u64::from(round));
            } else {
                db.close()?;
            }
        }
        let rows = open(&env)?.table::<Auto<u8>>()?;
        assert!(exhausted(&rows.insert_new(&auto(0))));
        // The last number was used: that it is free again changes nothing.
        rows.remove(255)?;
        assert!(exhausted(&rows.insert_new(&auto(0))));
    }
    // Two thousand numbers are left, and each restart after a removal costs a 256th of what is left at most.
    let env = MemoryEnv::with_seed(6);
    open(&env)?.table::<Auto<u16>>()?.insert(&auto(63_535))?;
    let mut before = 63_535;
    for round in 0..40 {
        let db = open(&env)?;
        let rows = db.table::<Auto<u16>>()?;
        let new = rows.insert_new(&auto(0))?;
        assert!(new > before && new - before <= 1 + 2000 / 256, "{new} after {before} in round {round}");
        before = new;
        rows.remove(new)?;
        db.close()?;
    }
    Ok(())
}

#[test]
fn a_last_number_that_was_never_committed_ends_nothing() -> Result<()> {
    let db = Database::in_memory()?;
    let ids = db.table::<Auto<u64>>()?;
    for round in 1..5 {
        let tx = db.begin();
        let rows = tx.table::<Auto<u64>>()?;
        rows.insert(&auto(u64::MAX.into()))?;
        rows.insert_new(&auto(0))?;
        rows.remove(u64::MAX)?;
        drop(rows);
        drop(tx);
        assert!(ids.insert_new(&auto(0))? < 100, "{round}");
    }
    ids.insert(&auto(u64::MAX.into()))?;
    assert!(exhausted(&ids.insert_new(&auto(0))));
    Ok(())
}

#[test]
fn numbers_of_a_small_type_that_were_rolled_back_are_not_lost() -> Result<()> {
    let db = Database::in_memory()?;
    for _ in 0..300 {
        db.begin().table::<Auto<u8>>()?.insert_new(&auto(0))?;
    }
    let rows = db.table::<Auto<u8>>()?;
    for _ in 0..300 {
        let refused = db.transact(|tx| {
            tx.table::<Auto<u8>>()?.insert_new(&auto(0))?;
            Err::<(), _>(Error::NotFound)
        });
        assert!(matches!(refused, Err(Error::NotFound)));
    }
    rows.insert_new(&auto(0))?;
    Ok(())
}

#[test]
fn rows_of_a_struct_without_auto_are_stepped_over_and_remembered() -> Result<()> {
    let env = MemoryEnv::new();
    let db = open(&env)?;
    let (autos, plains) = (db.table::<Auto<u32>>()?, db.table::<Plain<u32>>()?);
    assert_eq!(autos.insert_new(&auto(0))?, 1);
    plains.insert_many(&[plain(2), plain(3), plain(9)])?;
    assert_eq!(autos.insert_new(&auto(0))?, 10);
    plains.insert(&plain(50))?;
    plains.remove(50)?;
    assert_eq!(autos.insert_new(&auto(0))?, 51);
    plains.insert(&plain(70))?;
    db.close()?;
    let db = open(&env)?;
    db.table::<Plain<u32>>()?.remove(70)?;
    db.close()?;
    assert!(open(&env)?.table::<Auto<u32>>()?.insert_new(&auto(0))? > 70);
    Ok(())
}

#[test]
fn a_dropped_table_takes_its_numbers_along() -> Result<()> {
    let env = MemoryEnv::new();
    for restarted in [false, true] {
        let mut db = open(&env)?;
        let rows = db.table::<Auto<u8>>()?;
        rows.insert(&auto(255))?;
        rows.remove(255)?;
        assert!(exhausted(&rows.insert_new(&auto(0))));
        db.drop_table("rows")?;
        assert!(matches!(rows.insert_new(&auto(0)), Err(Error::Dropped)));
        if restarted {
            db.close()?;
            db = open(&env)?;
        }
        assert_eq!(db.table::<Auto<u8>>()?.insert_new(&auto(0))?, 1);
        db.drop_table("rows")?;
        db.close()?;
    }
    Ok(())
}

#[test]
fn a_queue_writes_one_note_for_many_removals() -> Result<()> {
    let env = MemoryEnv::new();
    let db = open(&env)?;
    let rows = db.table::<Auto<u64>>()?;
    rows.insert_new(&auto(0))?;
    let before = env.counts().of(walnut::env::Operation::Write);
    for _ in 0..256 {
        let new = rows.insert_new(&auto(0))?;
        rows.remove(new)?;
    }
    let written = env.counts().of(walnut::env::Operation::Write) - before;
    assert!(written <= 2 * 256 + 8, "{written} writes for 512 commits");
    Ok(())
}
