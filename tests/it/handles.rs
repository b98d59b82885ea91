//! What a program has in hand before the first row: a database in memory, options, and handles whose text is one line.

use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use walnut::env::{Env, FaultEnv, MemoryEnv, OsEnv};
use walnut::kv::WriteBatch;
use walnut::{Builder, Database, Error, Result, Table};

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Visit {
    #[primary_key(auto)]
    id: Uuid,
    #[index]
    page: u64,
    #[index(unique)]
    name: Option<String>,
}

fn visit(page: u64) -> Visit {
    Visit { id: Uuid::nil(), page, name: None }
}

fn first_ids(db: &Database) -> Result<Vec<Uuid>> {
    let visits = db.table::<Visit>()?;
    (0..20).map(|page| visits.insert_new(&visit(page))).collect()
}

fn milliseconds(id: Uuid) -> u128 {
    id.as_u128() >> 80
}

fn now() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()
}

#[test]
fn two_databases_in_memory_make_different_keys_of_the_time_that_it_is() -> Result<()> {
    let before = now();
    let (one, other) = (first_ids(&Database::in_memory()?)?, first_ids(&Database::builder().in_memory()?)?);
    let after = now();
    assert!(one.iter().all(|id| !other.contains(id)), "{one:?} {other:?}");
    // Within a millisecond, keys count on.
    let is_now = |id: &Uuid| (before..=after + 1).contains(&milliseconds(*id));
    assert!(one.iter().chain(&other).all(is_now), "{before} {one:?} {other:?} {after}");
    Ok(())
}

#[test]
fn a_machine_with_a_seed_does_the_same_each_time_also_for_a_database_in_memory() -> Result<()> {
    let ids = |seed, faulty: bool| {
        let memory = MemoryEnv::with_seed(seed);
        let env: Arc<dyn Env> =
            if faulty { Arc::new(FaultEnv::over_memory(memory)) } else { Arc::new(memory) };
        first_ids(&Database::builder().env(env).in_memory()?)
    };
    assert_eq!(ids(3, false)?, ids(3, true)?);
    assert_ne!(ids(3, false)?, ids(4, false)?);
    Ok(())
}

#[test]
fn time_passes_in_a_database_in_memory_so_that_snapshots_grow_old() -> Result<()> {
    let limit = Duration::from_millis(5);
    let db = Database::builder().snapshot_age_limit(limit).in_memory()?;
    db.table::<Visit>()?.insert_new(&visit(1))?;
    let began = Instant::now();
    let snapshot = db.snapshot();
    let visits = snapshot.table::<Visit>()?;
    while began.elapsed() <= limit {
        std::hint::spin_loop();
    }
    assert!(matches!(visits.len(), Err(Error::SnapshotTooOld)));
    assert_eq!(db.snapshot().table::<Visit>()?.len()?, 1);
    Ok(())
}

#[test]
fn a_database_in_memory_never_touches_a_machine_with_disks() {
    for env in [Arc::new(OsEnv::new()) as Arc<dyn Env>, Arc::new(FaultEnv::new(Arc::new(OsEnv::new())))] {
        let outcome = Database::builder().env(env).in_memory();
        let Err(error @ Error::Unsupported(_)) = outcome else { panic!("{outcome:?}") };
        assert!(error.to_string().contains("open it at a path"), "{error}");
    }
    assert!(!Path::new("/memory").exists());
}

type Setting = (&'static str, fn(Builder) -> Builder);

/// Each option outside its range.
const OUTSIDE: [Setting; 17] = [
    ("group_window", |it| it.group_window(Duration::MAX)),
    ("group_window", |it| it.group_window(Duration::from_secs(61))),
    ("cache_size", |it| it.cache_size(usize::MAX)),
    ("max_open_files", |it| it.max_open_files(0)),
    ("max_open_files", |it| it.max_open_files(7)),
    ("memtable_size", |it| it.memtable_size(0)),
    ("memtable_size", |it| it.memtable_size(usize::MAX)),
    ("block_size", |it| it.block_size(0)),
    ("block_size", |it| it.block_size(255)),
    ("block_size", |it| it.block_size((32 << 10) + 1)),
    ("max_sst_size", |it| it.max_sst_size(0)),
    ("max_sst_size", |it| it.max_sst_size(u64::MAX)),
    ("base_level_size", |it| it.base_level_size(1023)),
    ("base_level_size", |it| it.base_level_size(u64::MAX)),
    ("log_preallocation", |it| it.log_preallocation(u64::MAX)),
    ("log_preallocation", |it| it.log_preallocation((1 << 30) + 1)),
    ("snapshot_age_limit", |it| it.snapshot_age_limit(Duration::ZERO)),
];

/// Each option at an end of its range, or where there is no end at what is furthest.
const WITHIN: [Setting; 22] = [
    ("group_window", |it| it.group_window(Duration::ZERO)),
    ("cache_size", |it| it.cache_size(0)),
    ("cache_size", |it| it.cache_size(1)),
    ("cache_size", |it| it.cache_size(1 << 44)),
    ("max_open_files", |it| it.max_open_files(8)),
    ("max_open_files", |it| it.max_open_files(usize::MAX)),
    ("memtable_size", |it| it.memtable_size(1 << 10)),
    ("memtable_size", |it| it.memtable_size(4 << 30)),
    ("block_size", |it| it.block_size(256)),
    ("block_size", |it| it.block_size(32 << 10)),
    ("max_sst_size", |it| it.max_sst_size(1 << 10)),
    ("max_sst_size", |it| it.max_sst_size(1 << 40)),
    ("base_level_size", |it| it.base_level_size(1 << 10)),
    ("base_level_size", |it| it.base_level_size(1 << 50)),
    ("value_log_threshold", |it| it.value_log_threshold(0)),
    ("value_log_threshold", |it| it.value_log_threshold(1)),
    ("value_log_threshold", |it| it.value_log_threshold(usize::MAX)),
    ("io_limit", |it| it.io_limit(0)),
    ("io_limit", |it| it.io_limit(u64::MAX)),
    ("log_preallocation", |it| it.log_preallocation(0)),
    ("snapshot_age_limit", |it| it.snapshot_age_limit(Duration::MAX)),
    ("snapshot_age_limit", |it| it.snapshot_age_limit(Duration::from_secs(3600))),
];

#[test]
fn an_option_outside_its_range_is_named_and_nothing_is_touched() {
    for (name, set) in OUTSIDE {
        let env = MemoryEnv::new();
        let builder = set(Database::builder()).env(Arc::new(env.clone()));
        for outcome in [builder.open("/db"), builder.in_memory()] {
            let Err(Error::Options(error)) = outcome else { panic!("{name}: {outcome:?}") };
            assert_eq!(error.options().collect::<Vec<_>>(), [name]);
            assert!(error.to_string().contains(&format!("`{name}`")), "{error}");
        }
        assert!(env.files().is_empty(), "{name}");
    }
}

#[test]
fn all_options_outside_their_ranges_are_named_at_once() {
    let builder = OUTSIDE.iter().fold(Database::builder(), |builder, (_, set)| set(builder));
    let Err(Error::Options(error)) = builder.in_memory() else { panic!("nothing of it makes sense") };
    let mut named: Vec<&str> = error.options().collect();
    let mut all: Vec<&str> = OUTSIDE.iter().map(|(name, _)| *name).collect();
    named.sort_unstable();
    all.dedup();
    all.sort_unstable();
    assert_eq!(named, all);
}

#[test]
fn an_option_at_the_end_of_its_range_makes_a_database_that_works() -> Result<()> {
    for (name, set) in WITHIN {
        let env: Arc<dyn Env> = Arc::new(MemoryEnv::new());
        let open = || set(Database::builder()).env(Arc::clone(&env)).open("/db");
        let db = open()?;
        let visits = db.table::<Visit>()?;
        for page in 0..40 {
            let name = Some(format!("{page} {}", "x".repeat(200)));
            visits.insert_new(&Visit { name, ..visit(page) })?;
        }
        db.checkpoint()?;
        visits.by().page.range(..20).remove_all()?;
        db.compact()?;
        assert_eq!(db.snapshot().table::<Visit>()?.len()?, 20, "{name}");
        db.close()?;
        let db = open()?;
        assert_eq!(db.table::<Visit>()?.by().page.range(30..).count()?, 10, "{name}");
        db.verify()?;
    }
    Ok(())
}

/// The longest text of a handle, in bytes.
const LONGEST: usize = 1000;

#[track_caller]
fn one_line(texts: &mut Vec<usize>, handle: &dyn Debug) {
    let text = format!("{handle:?}");
    assert!(text.len() <= LONGEST && !text.contains('\n'), "{} bytes: {text:.2000}", text.len());
    assert!(!text.contains("secret"), "a stored value: {text}");
    let lines = format!("{handle:#?}").lines().count();
    assert!(lines <= 50, "{lines} lines");
    texts.push(text.len());
}

/// The sizes of the texts of everything that can be had from a database of so many rows.
fn texts(row_count: u64) -> Result<Vec<usize>> {
    let (memory, mut sizes) = (MemoryEnv::new(), Vec::new());
    let faults = FaultEnv::over_memory(memory.clone());
    let builder = Database::builder().env(Arc::new(faults.clone())).memtable_size(16 << 10);
    let db = builder.open("/db")?;
    let (visits, space) = (db.table::<Visit>()?, db.keyspace("space")?);
    let rows: Vec<Visit> = (0..row_count)
        .map(|page| Visit { id: Uuid::from_u128(page.into()), page, name: Some(format!("secret {page}")) })
        .collect();
    for rows in rows.chunks(500) {
        visits.insert_many(rows)?;
    }
    let mut batch = WriteBatch::new();
    for row in &rows {
        batch.put(&space, row.page.to_be_bytes(), "secret")?;
    }
    one_line(&mut sizes, &batch);
    db.write(batch)?;
    let (tx, snapshot) = (db.begin(), db.snapshot());
    let (in_tx, in_snapshot) = (tx.table::<Visit>()?, snapshot.table::<Visit>()?);
    for row in rows.iter().take(3000) {
        in_tx.modify(row.id, |row| row.name = row.name.take().map(|name| name + " secret"))?;
    }
    in_tx.iter().collect_vec()?;

    one_line(&mut sizes, &db);
    one_line(&mut sizes, &builder);
    one_line(&mut sizes, &tx);
    one_line(&mut sizes, &snapshot);
    one_line(&mut sizes, &space);
    one_line(&mut sizes, &tx.keyspace("space")?);
    one_line(&mut sizes, &snapshot.keyspace("space")?);
    one_line(&mut sizes, &visits);
    one_line(&mut sizes, &in_tx);
    one_line(&mut sizes, &in_snapshot);
    one_line(&mut sizes, &tx.savepoint());
    one_line(&mut sizes, &memory);
    one_line(&mut sizes, &faults);
    one_line(&mut sizes, &visits.by().page);
    one_line(&mut sizes, &in_tx.by().name);
    one_line(&mut sizes, &visits.index_status()?);
    let mut scan = visits.iter();
    scan.next();
    one_line(&mut sizes, &scan);
    let mut stages = in_tx.by().page.range(..).by_row().filter(|row| row.page > 3);
    for _ in 0..row_count {
        stages = stages.skip(1).limit(9);
    }
    one_line(&mut sizes, &stages);
    one_line(&mut sizes, &in_snapshot.iter().keys());
    one_line(&mut sizes, &visits.by().name.iter().entries());
    let mut walk = space.iter();
    walk.next();
    one_line(&mut sizes, &walk);
    one_line(&mut sizes, &tx.keyspace("space")?.iter());
    one_line(&mut sizes, &db.verify()?);
    one_line(&mut sizes, &db.preflight("/copy")?);
    Ok(sizes)
}

#[test]
fn the_text_of_a_handle_is_one_line_however_much_the_store_holds() -> Result<()> {
    let (empty, full) = (texts(0)?, texts(10_000)?);
    for (place, (empty, full)) in empty.iter().zip(&full).enumerate() {
        assert!(full.abs_diff(*empty) < 60, "handle {place}: {empty} and {full} bytes");
    }
    Ok(())
}
