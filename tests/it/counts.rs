//! Row counts: `len` is exact in every state, costs one look-up, and stays right whatever changes rows, crashes or copies them.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};
use walnut::dynamic::{Query, Value};
use walnut::env::{CrashPolicy, FaultEnv, MemoryEnv, Operation, Operations};
use walnut::remote::{Memory, copy};
use walnut::{
    Access, Background, Builder, Compression, Database, DefaultTable, Durability, Error, Result, Snapshot,
    Table, WriteAccess,
};
use walnut_tests::random::Random;

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = "parcels")]
struct Parcel {
    #[primary_key(auto)]
    id: u64,
    #[index(unique)]
    label: Option<u8>,
    #[index]
    weight: u8,
}

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = "carts")]
struct Cart {
    #[primary_key]
    id: u64,
}

const DIR: &str = "/db";

fn builder(env: &MemoryEnv) -> Builder {
    let builder = Database::builder().background(Background::Manual).durability(Durability::Fast);
    builder.memtable_size(16 << 10).max_sst_size(8 << 10).env(Arc::new(env.clone()))
}

fn open(env: &MemoryEnv) -> Database {
    builder(env).open(DIR).unwrap()
}

fn parcel(random: &mut Random) -> Parcel {
    let label = random.one_in(2).then(|| byte(random, 40));
    Parcel { id: random.below(60) + 1, label, weight: byte(random, 9) }
}

fn byte(random: &mut Random, limit: u64) -> u8 {
    u8::try_from(random.below(limit)).unwrap()
}

/// What `len` returns, after comparing it with a walk over the rows.
fn checked<M: Access>(table: &DefaultTable<Parcel, M>) -> Result<u64> {
    let (len, walked) = (table.len()?, table.iter().count()?);
    assert_eq!(len, walked, "the row count and the rows");
    Ok(len)
}

/// Runs a random statement; a refusal changes nothing.
fn statement<M: WriteAccess>(table: &DefaultTable<Parcel, M>, random: &mut Random) -> Result<()> {
    let rows: Vec<Parcel> = (0..random.below(5)).map(|_| parcel(random)).collect();
    let (row, weight) = (parcel(random), byte(random, 9));
    let done = match random.below(20) {
        0 | 1 => table.insert(&row).map(drop),
        2 => table.insert_many(&rows).map(drop),
        3 => table.upsert(&row).map(drop),
        4 => table.upsert_many(&rows).map(drop),
        5 => table.replace(&row).map(drop),
        6 => table.modify(row.id, |row| row.weight = weight).map(drop),
        7 => table.remove(row.id).map(drop),
        8 => table.remove_many(rows.iter().flat_map(|row| [row.id, row.id])).map(drop),
        9 => table.insert_or_get(&row).map(drop),
        10 => table.insert_new(&row).map(drop),
        11 => table.insert_new_many(&rows).map(drop),
        12 => table.range(row.id..row.id + 5).remove_all().map(drop),
        13 => table.by().weight.all(weight).remove_all().map(drop),
        14 => table.range(row.id..row.id + 9).in_batches(2).remove_all().map(drop),
        15 => table.by().weight.all(weight).update_all(|row| row.weight = 3).map(drop),
        16 => table.iter().pop_first().map(drop),
        17 => table.by().weight.iter().pop_last().map(drop),
        18 => table.by().label.remove(Some(row.label.unwrap_or(1))).map(drop),
        _ => table.insert_many([row.clone(), row]).map(drop),
    };
    match done {
        Err(Error::UniqueViolation(_) | Error::NotFound) => Ok(()),
        done => done,
    }
}

/// Runs a random statement without the struct.
fn dynamic_statement(db: &Database, random: &mut Random) -> Result<()> {
    let table = db.dynamic("parcels")?;
    let Parcel { id, label, weight } = parcel(random);
    let row = Value::row([
        ("id", Value::from(id)),
        ("label", label.map_or(Value::Null, Value::from)),
        ("weight", weight.into()),
    ]);
    let done = match random.below(6) {
        0 => table.insert(&row),
        1 => table.upsert(&row).map(drop),
        2 => table.insert_many([&row, &row]),
        3 => table.upsert_many([&row, &row]).map(drop),
        4 => table.remove(id).map(drop),
        _ => table.remove_all(&Query::index("weight").prefix(weight)).map(drop),
    };
    assert_eq!(table.count(&Query::all())?, db.table::<Parcel>()?.iter().count()?);
    match done {
        Err(Error::UniqueViolation(_)) => Ok(()),
        done => done,
    }
}

/// Runs random statements in a transaction, some of them rolled back.
fn transaction(db: &Database, random: &mut Random) -> Result<()> {
    let tx = db.begin();
    let table = tx.table::<Parcel>()?;
    let mut savepoints = vec![(tx.savepoint(), checked(&table)?)];
    for _ in 0..random.below(8) {
        match random.below(6) {
            0 => savepoints.push((tx.savepoint(), checked(&table)?)),
            1 => {
                savepoints.truncate(1 + usize::try_from(random.below(savepoints.len() as u64)).unwrap());
                let (savepoint, len) = *savepoints.last().unwrap();
                tx.rollback_to(savepoint)?;
                assert_eq!(checked(&table)?, len, "what was rolled back counts no more");
            }
            _ => statement(&table, random)?,
        }
        checked(&table)?;
    }
    if random.one_in(4) { Ok(()) } else { tx.commit() }
}

/// A database whose tables come from an engine without row counts, with this many rows.
fn uncounted(rows: u64) -> MemoryEnv {
    let from = Database::on(Memory::new()).unwrap();
    let table = from.table::<Parcel>().unwrap();
    table.insert_many((1..=rows).map(|id| Parcel { id, label: None, weight: 0 })).unwrap();
    let (env, mut random) = (MemoryEnv::new(), Random::new(rows, "uncounted"));
    let db = builder(&env).durability(Durability::Safe).open(DIR).unwrap();
    copy(&from, &db).unwrap();
    assert_eq!(db.dynamic("parcels").unwrap().row_count().unwrap(), None, "no row was counted");
    let _ = statement(&db.table::<Parcel>().unwrap(), &mut random);
    db.close().unwrap();
    env
}

#[test]
fn len_is_the_number_of_rows_after_every_statement_in_every_state() {
    for seed in 0..12 {
        let mut random = Random::new(seed, "counts");
        let env = if seed % 2 == 0 { MemoryEnv::with_seed(seed) } else { uncounted(20) };
        let mut db = open(&env);
        let mut past: Vec<(Snapshot, u64)> = Vec::new();
        for _ in 0..150 {
            let parcels = db.table::<Parcel>().unwrap();
            match random.below(16) {
                0..=6 => statement(&parcels, &mut random).unwrap(),
                7 | 8 => dynamic_statement(&db, &mut random).unwrap(),
                9 | 10 => transaction(&db, &mut random).unwrap(),
                11 => past.push((db.snapshot(), parcels.iter().count().unwrap())),
                12 => db.checkpoint().unwrap(),
                13 => db.compact().unwrap(),
                14 if random.one_in(3) => {
                    past.clear();
                    assert!(db.drop_table("parcels").unwrap());
                }
                _ if random.one_in(4) => {
                    past.clear();
                    db.close().unwrap();
                    db = open(&env);
                }
                _ => drop(past.pop()),
            }
            checked(&db.table::<Parcel>().unwrap()).unwrap();
            for (snapshot, count) in &past {
                assert_eq!(snapshot.table::<Parcel>().unwrap().len().unwrap(), *count);
                assert_eq!(checked(&snapshot.table::<Parcel>().unwrap()).unwrap(), *count);
            }
        }
        db.verify().unwrap();
        past.clear();
        db.close().unwrap();
        let read = builder(&env).read_only().open(DIR).unwrap();
        checked(&read.table::<Parcel>().unwrap()).unwrap();
    }
}

#[test]
fn len_of_a_hundred_thousand_rows_reads_one_block_at_most_in_every_state() {
    let env = Arc::new(FaultEnv::over_memory(MemoryEnv::new()));
    let builder = Database::builder()
        .background(Background::Manual)
        .cache_size(0)
        .block_size(1 << 10)
        .compression(Compression::None);
    let db = builder.env(Arc::clone(&env) as Arc<_>).open(DIR).unwrap();
    let carts = db.table::<Cart>().unwrap();
    for first in (0..100_000).step_by(10_000) {
        carts.insert_many((first..first + 10_000).map(|id| Cart { id })).unwrap();
    }
    db.compact().unwrap();
    carts.iter().count().unwrap();
    let reads = |work: &dyn Fn() -> u64| {
        let before = env.counts().of(Operation::Read);
        assert_eq!(work(), 100_000);
        env.counts().of(Operation::Read) - before
    };
    assert!(
        reads(&|| carts.iter().rev().count().unwrap()) > 2,
        "rows are in many blocks, of which several are read at once"
    );
    assert_eq!(reads(&|| carts.len().unwrap()), 1);
    assert_eq!(reads(&|| db.snapshot().table::<Cart>().unwrap().len().unwrap()), 2, "one is of the catalog");
    let tx = db.begin();
    assert_eq!(reads(&|| tx.table::<Cart>().unwrap().len().unwrap()), 1);
    assert_eq!(
        reads(&|| db.dynamic("carts").unwrap().count(&Query::all()).unwrap()),
        3,
        "two are of the catalog"
    );
    drop(tx);
    // What was written since is in memory, and one version of the sum is enough.
    for id in 0..100 {
        carts.remove(id).unwrap();
        carts.insert(&Cart { id }).unwrap();
    }
    assert_eq!(reads(&|| carts.len().unwrap()), 1);
}

#[test]
fn a_commit_has_one_add_of_some_bytes_for_each_table_that_it_changed() {
    let env = MemoryEnv::new();
    let db = builder(&env).log_preallocation(0).memtable_size(1 << 20).open(DIR).unwrap();
    let carts = db.table::<Cart>().unwrap();
    let before = db.stats().visible_seqno;
    db.transact(|tx| {
        let carts = tx.table::<Cart>()?;
        (0..10).try_for_each(|id| carts.insert(&Cart { id }))?;
        carts.remove(0).map(drop)
    })
    .unwrap();
    assert_eq!(db.stats().visible_seqno - before, 10 + 1, "ten keys were written, and one sum");
    let before = db.stats().visible_seqno;
    carts.upsert(&Cart { id: 5 }).unwrap();
    carts.remove(77).unwrap();
    db.transact(|tx| {
        let carts = tx.table::<Cart>()?;
        carts.remove(4)?;
        carts.insert(&Cart { id: 50 })
    })
    .unwrap();
    assert_eq!(db.stats().visible_seqno - before, 2, "a commit that changes no row count has no add");
}

#[test]
fn a_transaction_that_asked_for_len_conflicts_with_commits_that_write_the_table_and_writers_never_do() {
    let db = Database::in_memory().unwrap();
    let (carts, parcels) = (db.table::<Cart>().unwrap(), db.table::<Parcel>().unwrap());
    parcels.insert_many((1..=4).map(|id| Parcel { id, label: None, weight: 1 })).unwrap();
    let rival = |work: &dyn Fn()| {
        let tx = db.begin();
        let count = tx.table::<Parcel>().unwrap().len().unwrap();
        tx.table::<Cart>().unwrap().upsert(&Cart { id: count }).unwrap();
        work();
        tx.table::<Cart>().unwrap().upsert(&Cart { id: 1000 + carts.len().unwrap() }).unwrap();
        tx.commit()
    };
    assert!(matches!(rival(&|| assert!(parcels.remove(1).unwrap().is_some())), Err(Error::Conflict)));
    assert!(matches!(
        rival(&|| parcels.insert(&Parcel { id: 9, label: None, weight: 1 }).unwrap()),
        Err(Error::Conflict)
    ));
    assert!(matches!(rival(&|| assert!(parcels.iter().remove_all().unwrap() > 0)), Err(Error::Conflict)));
    parcels.insert_many((1..=4).map(|id| Parcel { id, label: None, weight: 1 })).unwrap();
    assert!(matches!(
        rival(&|| assert!(parcels.modify(2, |row| row.weight = 7).unwrap().is_some())),
        Err(Error::Conflict)
    ));
    rival(&|| assert!(parcels.remove(77).unwrap().is_none())).unwrap();
    // Writers that do not ask never meet.
    let (one, other) = (db.begin(), db.begin());
    one.table::<Parcel>().unwrap().insert(&Parcel { id: 20, label: None, weight: 1 }).unwrap();
    other.table::<Parcel>().unwrap().insert(&Parcel { id: 21, label: None, weight: 1 }).unwrap();
    one.commit().unwrap();
    other.commit().unwrap();
    assert_eq!(checked(&parcels).unwrap(), 6);
}

#[test]
fn the_first_len_counts_the_rows_once_and_snapshots_from_before_still_know_theirs() {
    let env = uncounted(3000);
    let db = open(&env);
    let (parcels, before) = (db.table::<Parcel>().unwrap(), db.snapshot());
    let waiting = db.begin();
    assert_eq!(db.dynamic("parcels").unwrap().row_count().unwrap(), None);
    let count = parcels.len().unwrap();
    assert_eq!(db.dynamic("parcels").unwrap().row_count().unwrap(), Some(count));
    parcels.remove(7).unwrap();
    assert_eq!(checked(&parcels).unwrap(), count - 1);
    assert_eq!(checked(&before.table::<Parcel>().unwrap()).unwrap(), count);
    assert_eq!(checked(&waiting.table::<Parcel>().unwrap()).unwrap(), count);
    drop((before, waiting));
    db.close().unwrap();
    let db = open(&env);
    assert_eq!(db.dynamic("parcels").unwrap().row_count().unwrap(), Some(count - 1), "that is kept");
    db.verify().unwrap();
}

#[test]
fn rows_are_counted_while_others_write_and_no_change_is_lost_or_counted_twice() {
    for round in 0..6 {
        let env = uncounted(400);
        let db = open(&env);
        let parcels = db.table::<Parcel>().unwrap();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for writer in 0..3u64 {
                let (parcels, done) = (&parcels, &done);
                scope.spawn(move || {
                    let mut random = Random::new(100 * round + writer, "writer");
                    while !done.load(Ordering::Relaxed) {
                        statement(parcels, &mut random).unwrap();
                    }
                });
            }
            let askers: Vec<_> = (0..2).map(|_| scope.spawn(|| parcels.len().unwrap())).collect();
            for asker in askers {
                asker.join().unwrap();
            }
            for _ in 0..20 {
                let snapshot = db.snapshot();
                checked(&snapshot.table::<Parcel>().unwrap()).unwrap();
            }
            done.store(true, Ordering::Relaxed);
        });
        checked(&parcels).unwrap();
        assert!(db.dynamic("parcels").unwrap().row_count().unwrap().is_some());
        db.verify().unwrap();
    }
}

#[test]
fn a_crash_at_any_operation_around_the_first_count_leaves_a_count_or_none() {
    let script = |env: &MemoryEnv| -> Result<()> {
        let db = builder(env).durability(Durability::Safe).open(DIR)?;
        let parcels = db.table::<Parcel>()?;
        parcels.upsert(&Parcel { id: 70, label: None, weight: 1 })?;
        parcels.len()?;
        parcels.remove(70)?;
        parcels.insert_many((71..75).map(|id| Parcel { id, label: None, weight: 1 }))?;
        db.checkpoint()?;
        parcels.remove(72)?;
        parcels.len()?;
        db.close()
    };
    let start = uncounted(30);
    let whole = start.crash(CrashPolicy::ALL[0], 0);
    let before = whole.counts().of(Operations::Mutations);
    script(&whole).unwrap();
    let operations = whole.counts().of(Operations::Mutations) - before;
    let (mut counted, mut uncounted) = (0, 0);
    for at in 0..=operations {
        for (place, policy) in CrashPolicy::ALL.into_iter().enumerate() {
            let env = start.crash(CrashPolicy::ALL[0], at);
            env.power_off_before_next(Operations::Mutations, at);
            let _ = script(&env);
            let env = env.crash(policy, at + place as u64);
            let db = open(&env);
            match db.dynamic("parcels").unwrap().row_count().unwrap() {
                Some(_) => counted += 1,
                None => uncounted += 1,
            }
            db.table::<Parcel>().unwrap();
            db.verify().unwrap();
            checked(&db.table::<Parcel>().unwrap()).unwrap();
            db.verify().unwrap();
        }
    }
    assert!(counted > 10 && uncounted > 10, "{counted} and {uncounted}");
}

#[test]
fn a_copy_takes_the_count_along_where_both_engines_have_one() {
    let (here, there, back) = (
        Database::in_memory().unwrap(),
        Database::on(Memory::new()).unwrap(),
        Database::in_memory().unwrap(),
    );
    here.table::<Cart>().unwrap().insert_many((0..50).map(|id| Cart { id })).unwrap();
    here.table::<Cart>().unwrap().remove(3).unwrap();
    copy(&here, &there).unwrap();
    assert_eq!(there.table::<Cart>().unwrap().len().unwrap(), 49);
    there.table::<Cart>().unwrap().remove(4).unwrap();
    assert_eq!(there.table::<Cart>().unwrap().len().unwrap(), 48);
    copy(&there, &back).unwrap();
    assert_eq!(back.dynamic("carts").unwrap().row_count().unwrap(), None);
    assert_eq!(back.table::<Cart>().unwrap().len().unwrap(), 48);
    let again = Database::in_memory().unwrap();
    copy(&back, &again).unwrap();
    assert_eq!(again.dynamic("carts").unwrap().row_count().unwrap(), Some(48));
    again.table::<Cart>().unwrap().remove(5).unwrap();
    assert_eq!(again.table::<Cart>().unwrap().len().unwrap(), 47);
    again.verify().unwrap();
}

#[test]
fn a_repaired_database_counts_its_rows_anew() {
    let env = MemoryEnv::new();
    let db = open(&env);
    db.table::<Cart>().unwrap().insert_many((0..50).map(|id| Cart { id })).unwrap();
    db.close().unwrap();
    walnut::repair(DIR, Path::new("/mended"), &builder(&env)).unwrap();
    let db = builder(&env).open("/mended").unwrap();
    assert_eq!(db.dynamic("carts").unwrap().row_count().unwrap(), None);
    assert_eq!(db.table::<Cart>().unwrap().len().unwrap(), 50);
    assert_eq!(db.dynamic("carts").unwrap().row_count().unwrap(), Some(50));
    db.verify().unwrap();
}
