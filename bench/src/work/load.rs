//! Bulk load: rows by id into an empty table with three indexes, 10,000 in a commit, nothing durable but the end.

use std::time::{Duration, Instant};

use super::{Job, Report, ensure};
use crate::account::{Account, id};
use crate::engine::{Engine, Result};
use crate::measure::{disk_size, peak_memory};

const BATCH: usize = 10_000;

pub(super) fn run<E: Engine>(job: &Job) -> Result<Report> {
    let mut report = Report::default();
    let dir = job.scratch("data")?;
    let engine = E::open(&dir, &job.setting(false))?;
    report.note("load", bulk(&engine, 0..job.rows)?);
    report.note("memory", peak_memory()?);
    report.note("size_loaded", disk_size(&dir)?);
    let taken = engine.insert_many(&[Account { id: id(job.rows), ..Account::numbered(0) }]);
    ensure(taken.is_err(), "a unique value was taken twice")?;
    engine.settle()?;
    engine.close()?;
    report.note("size_settled", disk_size(&dir)?);
    Ok(report)
}

/// Inserts the rows with these numbers, and makes them durable in the end: rows in a second.
pub(super) fn bulk<E: Engine>(engine: &E, mut numbers: impl Iterator<Item = u64>) -> Result<f64> {
    let (mut time, mut count) = (Duration::ZERO, 0);
    loop {
        let rows: Vec<Account> = numbers.by_ref().take(BATCH).map(Account::numbered).collect();
        if rows.is_empty() {
            break;
        }
        let start = Instant::now();
        engine.insert_many(&rows)?;
        time += start.elapsed();
        count += rows.len();
    }
    let start = Instant::now();
    engine.sync()?;
    time += start.elapsed();
    Ok(count as f64 / time.as_secs_f64())
}
