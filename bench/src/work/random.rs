//! Bulk load in a random order of the primary key, and reads of what it leaves, settled and cached.

use std::hint::black_box;

use super::load::bulk;
use super::{Job, Report, ensure};
use crate::account::id;
use crate::engine::{Engine, Result};
use crate::measure::{Span, rate};

/// Rows, at most.
const ROWS: u64 = 1_000_000;

pub(super) fn run<E: Engine>(job: &Job) -> Result<Report> {
    let mut report = Report::default();
    let count = job.rows.min(ROWS);
    let dir = job.scratch("random")?;
    let engine = E::open(&dir, &job.setting(false))?;
    let order = job.random().order(u32::try_from(count)?);
    report.note("load_random", bulk(&engine, order.into_iter().map(u64::from))?);
    engine.settle()?;
    engine.close()?;
    let engine = E::open(&dir, &job.setting(false))?;
    // The first scan fills the cache.
    scan(&engine, count)?;
    report.note("get_random", gets(&engine, job, count)?);
    let scans = rate(Span::seconds(job.seconds), 1, 1, &job.random(), |_| scan(&engine, count))?;
    report.note("scan_random", scans);
    engine.close()?;
    std::fs::remove_dir_all(&dir)?;
    Ok(report)
}

/// Gets of random rows of so many, by one thread.
pub(super) fn gets<E: Engine>(engine: &E, job: &Job, count: u64) -> Result<f64> {
    rate(Span::seconds(job.seconds), 1, 64, &job.random(), |random| {
        let number = random.below(count);
        let row = black_box(engine.get(id(number))?);
        ensure(row.is_some_and(|row| row.is(number)), "a get of a random row")?;
        Ok(1)
    })
}

/// Reads all rows, and returns their number.
fn scan<E: Engine>(engine: &E, expected: u64) -> Result<u64> {
    let mut count = 0;
    engine.scan(|row| {
        count += u64::from(row.id == id(count));
        black_box(row);
    })?;
    ensure(count == expected, "a scan after a load in random order")?;
    Ok(count)
}
