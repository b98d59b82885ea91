//! Everyday work on data that comes and goes: two consumers of a queue, clearing, a snapshot that is held,
//! removal by an index, a cache that is too small, many tables.
//!
//! Each is measured on a database of its own, with buffered commits.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::patterns::{fill, with_rows};
use super::random::gets;
use super::{Job, Report, ensure};
use crate::account::{Account, SCORE_LIMIT, id};
use crate::engine::{Engine, Result, Setting};
use crate::measure::{Span, disk_size, rate};
use crate::random::mix;

/// Rows that wait in the queue.
const BACKLOG: u64 = 1000;

/// Rows that are put before each clearing.
const CLEARED: u64 = 10;

/// Rows under the held snapshot, at most, and how often each is overwritten.
const OVERWRITTEN: u64 = 100_000;
const TURNS: u64 = 10;
const BATCH: u64 = 100;

/// Updates under a snapshot end after so many times the time of a measurement: a copy-on-write tree takes up
/// to a megabyte of disk for each batch.
const LONGEST: f64 = 20.0;

/// Rows of which an index finds those to be removed, and of which a fifth is cached, at most.
const ROWS: u64 = 300_000;

/// Bytes of a row with its key, and what share of the rows fits the small cache.
const ROW_SIZE: u64 = 200;
const SHARE_CACHED: u64 = 5;

const MAPS: u64 = 100;

pub(super) fn run<E: Engine>(job: &Job) -> Result<Report> {
    let mut report = Report::default();
    report.note("queue_2", with_rows::<E, _>(job, BACKLOG, |engine| queue(engine, job))?);
    report.note("clear_loop", with_rows::<E, _>(job, 0, |engine| clear_loop(engine, job))?);
    snapshot_held::<E>(job, &mut report)?;
    remove_by_index::<E>(job, &mut report)?;
    report.note("get_5x", get_5x::<E>(job)?);
    if let Some(rows) = maps::<E>(job)? {
        report.note("tables_100", rows);
    }
    Ok(report)
}

/// Rounds of two threads: each puts one row at the end and takes the first one that the other is not taking.
fn queue<E: Engine>(engine: &E, job: &Job) -> Result<f64> {
    let next = AtomicU64::new(BACKLOG);
    // Sums of hashes tell that each row is taken once.
    let taken = AtomicU64::new(0);
    let rounds = rate(Span::seconds(job.seconds), 2, 1, &job.random(), |_| {
        engine.insert_many(&[Account::numbered(next.fetch_add(1, Ordering::Relaxed))])?;
        let row = engine.pop_first()?.ok_or("a queue is empty")?;
        ensure(row.is(row.id / 2), "the first of a queue")?;
        taken.fetch_add(mix(row.id), Ordering::Relaxed);
        Ok(1)
    })?;
    let (mut sum, mut left) = (taken.into_inner(), 0);
    engine.scan(|row| {
        sum = sum.wrapping_add(mix(row.id));
        left += 1;
    })?;
    let expected = (0..next.into_inner()).map(|number| mix(id(number))).fold(0, u64::wrapping_add);
    ensure(left == BACKLOG && sum == expected, "the rows of a queue with two consumers")?;
    Ok(rounds)
}

/// Rounds of ten rows in one commit, all of them removed, and a look whether there is one.
fn clear_loop<E: Engine>(engine: &E, job: &Job) -> Result<f64> {
    let rows: Vec<Account> = (0..CLEARED).map(Account::numbered).collect();
    rate(Span::seconds(job.seconds), 1, 1, &job.random(), |_| {
        engine.insert_many(&rows)?;
        engine.clear()?;
        ensure(engine.by_id(0, 1)?.is_empty(), "an empty table")?;
        Ok(1)
    })
}

/// All rows get another score again and again while a snapshot is held; then the size without it.
fn snapshot_held<E: Engine>(job: &Job, report: &mut Report) -> Result<()> {
    let count = OVERWRITTEN.min(job.rows);
    let dir = job.scratch("held")?;
    let engine = E::open(&dir, &job.setting(false))?;
    fill(&engine, count)?;
    let updates = engine.with_snapshot(|get| {
        let updates = overwrite(&engine, job, count)?;
        ensure(get(id(0))? == Some(Account::numbered(0)), "a row of a held snapshot")?;
        Ok(updates)
    })?;
    if let Some(updates) = updates {
        report.note("snapshot_held", updates);
        let row = engine.get(id(0))?.ok_or("a row is missing")?;
        ensure(row.is(0) && row != Account::numbered(0), "a row after a snapshot")?;
        report.note("size_snapshot", settled_size(engine, &dir)?);
    } else {
        engine.close()?;
    }
    Ok(std::fs::remove_dir_all(&dir)?)
}

/// Overwrites the scores of all rows some times: rows in a second.
fn overwrite<E: Engine>(engine: &E, job: &Job, count: u64) -> Result<f64> {
    let (start, longest) = (Instant::now(), Duration::from_secs_f64(LONGEST * job.seconds));
    let mut done = 0;
    for place in (0..TURNS * count).step_by(BATCH as usize) {
        let change = |place| (id(place % count), mix(place + count) % SCORE_LIMIT);
        let changes: Vec<(u64, u64)> = (place..place + BATCH).map(change).collect();
        engine.set_scores(&changes)?;
        done += changes.len();
        if start.elapsed() > longest {
            break;
        }
    }
    Ok(done as f64 / start.elapsed().as_secs_f64())
}

/// All rows with a score in the lower half are removed by the index; then the size of the others.
fn remove_by_index<E: Engine>(job: &Job, report: &mut Report) -> Result<()> {
    const LIMIT: u64 = SCORE_LIMIT / 2;
    let count = ROWS.min(job.rows);
    let dir = job.scratch("removed")?;
    let engine = E::open(&dir, &job.setting(false))?;
    fill(&engine, count)?;
    let start = Instant::now();
    let removed = engine.remove_below(LIMIT)?;
    report.note("remove_by_index", removed as f64 / start.elapsed().as_secs_f64());
    let (mut left, mut right) = (0, true);
    engine.scan(|row| {
        right &= row.score >= LIMIT;
        left += 1;
    })?;
    ensure(right && removed > 0 && removed + left == count, "the rows that an index left")?;
    ensure(engine.by_score(0, 1)?.first().is_some_and(|row| row.score >= LIMIT), "the entries of an index")?;
    report.note("size_removed", settled_size(engine, &dir)?);
    Ok(std::fs::remove_dir_all(&dir)?)
}

/// Gets with a cache for a fifth of the rows; the files are in the page cache.
///
/// LMDB has no other cache, and `SQLite` reads through a memory map, so both have all rows in memory here.
fn get_5x<E: Engine>(job: &Job) -> Result<f64> {
    let count = ROWS.min(job.rows);
    let dir = job.scratch("cached")?;
    let engine = E::open(&dir, &job.setting(false))?;
    fill(&engine, count)?;
    engine.settle()?;
    engine.close()?;
    let cache_size = usize::try_from(count * ROW_SIZE / SHARE_CACHED)?;
    let engine = E::open(&dir, &Setting { cache_size, durable: false })?;
    let gets = gets(&engine, job, count)?;
    engine.close()?;
    std::fs::remove_dir_all(&dir)?;
    Ok(gets)
}

/// Rows into 100 maps in turn, each in a commit; `None` on an engine where that is not measured.
fn maps<E: Engine>(job: &Job) -> Result<Option<f64>> {
    let dir = job.scratch("maps")?;
    let Some(maps) = E::maps(&dir, &job.setting(false), MAPS as usize)? else { return Ok(None) };
    let rows = (0..1000).map(|number| postcard::to_allocvec(&Account::numbered(number)));
    let rows = rows.collect::<postcard::Result<Vec<_>>>()?;
    let entry =
        |place: u64| ((place % MAPS) as usize, (place / MAPS).to_be_bytes(), &rows[place as usize % 1000]);
    let next = AtomicU64::new(0);
    let puts = rate(Span::seconds(job.seconds), 1, 1, &job.random(), |_| {
        let (map, key, row) = entry(next.fetch_add(1, Ordering::Relaxed));
        maps.put(map, &key, row)?;
        Ok(1)
    })?;
    for place in (0..next.into_inner()).step_by(97) {
        let (map, key, row) = entry(place);
        ensure(maps.get(map, &key)?.as_ref() == Some(row), "a row of many maps")?;
    }
    drop(maps);
    std::fs::remove_dir_all(&dir)?;
    Ok(Some(puts))
}

/// The size on disk when everything has taken its lasting form.
fn settled_size<E: Engine>(engine: E, dir: &Path) -> Result<f64> {
    engine.settle()?;
    engine.close()?;
    disk_size(dir)
}
