//! Everyday patterns in which a store can fall far behind: queues, drains, counters, small scans between writes.
//!
//! Each is measured on a database of its own, with buffered commits of one row.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::{Job, Report, ensure};
use crate::account::{Account, SCORE_LIMIT, id};
use crate::engine::{Engine, Result};
use crate::measure::{Span, rate};
use crate::random::{Random, mix};

const BATCH: u64 = 1000;

/// Rows that drains begin with, at most.
const DRAINED: u64 = 300_000;

/// Rows in which small scans look, at most.
const SCANNED: u64 = 100_000;

pub(super) fn run<E: Engine>(job: &Job) -> Result<Report> {
    let mut report = Report::default();
    for (name, backlog) in [("queue_0", 0), ("queue_1k", 1000), ("queue_100k", 100_000)] {
        let rounds = with_rows::<E, _>(job, backlog.min(job.rows), |engine| queue(engine, job, backlog))?;
        report.note(name, rounds);
    }
    let drained = DRAINED.min(job.rows);
    report.note("drain_front", with_rows::<E, _>(job, drained, |engine| drain(engine, job, End::Front))?);
    report.note("drain_back", with_rows::<E, _>(job, drained, |engine| drain(engine, job, End::Back))?);
    report.note("jobs", with_rows::<E, _>(job, drained, |engine| jobs(engine, job))?);
    report.note("after_removal", with_rows::<E, _>(job, drained, |engine| after_removal(engine, drained))?);
    for (name, threads) in [("counter", 1), ("counter_2", 2), ("counter_4", 4)] {
        report.note(name, with_rows::<E, _>(job, BATCH, |engine| counter(engine, job, threads))?);
    }
    report.note("beside_counter", with_rows::<E, _>(job, BATCH, |engine| beside_counter(engine, job))?);
    let scanned = SCANNED.min(job.rows);
    report
        .note("scan_between", with_rows::<E, _>(job, scanned, |engine| scan_between(engine, job, scanned))?);
    report.note("ends_between", with_rows::<E, _>(job, scanned, |engine| ends_between(engine, job))?);
    report.note("open_put_close", open_put_close::<E>(job)?);
    Ok(report)
}

/// Inserts the first rows in their order.
pub(super) fn fill<E: Engine>(engine: &E, count: u64) -> Result<()> {
    for first in (0..count).step_by(BATCH as usize) {
        let rows: Vec<Account> = (first..count.min(first + BATCH)).map(Account::numbered).collect();
        engine.insert_many(&rows)?;
    }
    Ok(())
}

/// Measures on a database with this many rows.
pub(super) fn with_rows<E: Engine, R>(
    job: &Job,
    count: u64,
    measure: impl FnOnce(&E) -> Result<R>,
) -> Result<R> {
    let dir = job.scratch("pattern")?;
    let engine = E::open(&dir, &job.setting(false))?;
    fill(&engine, count)?;
    let result = measure(&engine)?;
    engine.close()?;
    std::fs::remove_dir_all(&dir)?;
    Ok(result)
}

/// Rounds of one at the end, one from the front, behind a backlog.
fn queue<E: Engine>(engine: &E, job: &Job, backlog: u64) -> Result<f64> {
    let next = AtomicU64::new(backlog.min(job.rows));
    let first = AtomicU64::new(0);
    rate(Span::seconds(job.seconds), 1, 1, &job.random(), |_| {
        engine.insert_many(&[Account::numbered(next.fetch_add(1, Ordering::Relaxed))])?;
        let rows = engine.by_id(0, 1)?;
        let expected = first.fetch_add(1, Ordering::Relaxed);
        ensure(rows.first().is_some_and(|row| row.is(expected)), "the first of a queue")?;
        engine.remove_many(&[id(expected)])?;
        Ok(1)
    })
}

#[derive(Clone, Copy)]
enum End {
    Front,
    Back,
}

/// Takes row after row from one end until nothing is left.
fn drain<E: Engine>(engine: &E, job: &Job, end: End) -> Result<f64> {
    rate(Span::cold(4.0 * job.seconds), 1, 1, &job.random(), |_| {
        let row = match end {
            End::Front => engine.by_id(0, 1)?.pop(),
            End::Back => engine.last()?,
        };
        let Some(row) = row else { return Ok(0) };
        engine.remove_many(&[row.id])?;
        Ok(1)
    })
}

/// Takes the row with the lowest score until nothing is left.
fn jobs<E: Engine>(engine: &E, job: &Job) -> Result<f64> {
    let done = AtomicU64::new(0);
    rate(Span::cold(4.0 * job.seconds), 1, 1, &job.random(), |_| {
        let Some(row) = engine.by_score(0, 1)?.pop() else { return Ok(0) };
        ensure(done.fetch_max(row.score, Ordering::Relaxed) <= row.score, "the order of jobs")?;
        engine.remove_many(&[row.id])?;
        Ok(1)
    })
}

/// The first ten rows, right after the first nine tenths of all were removed.
fn after_removal<E: Engine>(engine: &E, count: u64) -> Result<f64> {
    let removed = count / 10 * 9;
    for first in (0..removed).step_by(BATCH as usize) {
        let ids: Vec<u64> = (first..removed.min(first + BATCH)).map(id).collect();
        engine.remove_many(&ids)?;
    }
    let start = Instant::now();
    let rows = black_box(engine.by_id(0, 10)?);
    let time = start.elapsed().as_nanos() as f64;
    ensure(rows.first().is_some_and(|row| row.is(removed)), "the first row that was not removed")?;
    Ok(time)
}

/// Changes of one row by some threads.
fn counter<E: Engine>(engine: &E, job: &Job, threads: usize) -> Result<f64> {
    rate(Span::seconds(job.seconds), threads, 1, &job.random(), |random| {
        engine.set_scores(&[(id(500), random.below(SCORE_LIMIT))])?;
        Ok(1)
    })
}

/// A walk over three rows, one of which was written very often.
fn beside_counter<E: Engine>(engine: &E, job: &Job) -> Result<f64> {
    for turn in 0..2 * DRAINED.min(job.rows) / 3 {
        engine.set_scores(&[(id(500), mix(turn) % SCORE_LIMIT)])?;
    }
    let start = Instant::now();
    let rows = black_box(engine.by_id(id(499), 3)?);
    let time = start.elapsed().as_nanos() as f64;
    ensure(rows.len() == 3 && rows.iter().zip(499..).all(|(row, number)| row.is(number)), "three rows")?;
    Ok(time)
}

/// Ten rows by id after each write of another row.
fn scan_between<E: Engine>(engine: &E, job: &Job, count: u64) -> Result<f64> {
    let somewhere = |random: &mut Random| random.below(count - 10);
    rate(Span::seconds(job.seconds), 1, 1, &job.random(), |random| {
        engine.set_scores(&[(id(somewhere(random)), random.below(SCORE_LIMIT))])?;
        let from = somewhere(random);
        let rows = black_box(engine.by_id(id(from), 10)?);
        ensure(rows.len() == 10 && rows[0].is(from), "ten rows")?;
        Ok(1)
    })
}

/// The first and the last row after each new one.
fn ends_between<E: Engine>(engine: &E, job: &Job) -> Result<f64> {
    let next = AtomicU64::new(SCANNED.min(job.rows));
    rate(Span::seconds(job.seconds), 1, 1, &job.random(), |_| {
        let number = next.fetch_add(1, Ordering::Relaxed);
        engine.insert_many(&[Account::numbered(number)])?;
        ensure(engine.by_id(0, 1)?.first().is_some_and(|row| row.is(0)), "the first row")?;
        ensure(engine.last()?.is_some_and(|row| row.is(number)), "the last row")?;
        Ok(1)
    })
}

/// Lives of a small database: open, one row, close.
fn open_put_close<E: Engine>(job: &Job) -> Result<f64> {
    let dir = job.scratch("lives")?;
    let next = AtomicU64::new(0);
    let lives = rate(Span::seconds(job.seconds), 1, 1, &job.random(), |_| {
        let engine = E::open(&dir, &job.setting(true))?;
        engine.insert_many(&[Account::numbered(next.fetch_add(1, Ordering::Relaxed))])?;
        engine.close()?;
        Ok(1)
    })?;
    let engine = E::open(&dir, &job.setting(true))?;
    let last = next.load(Ordering::Relaxed) - 1;
    ensure(engine.last()?.is_some_and(|row| row.is(last)), "the row of the last life")?;
    engine.close()?;
    std::fs::remove_dir_all(&dir)?;
    Ok(lives)
}
