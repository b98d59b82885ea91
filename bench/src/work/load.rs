//! Bulk load: rows by id into an empty table with three indexes, 10,000 in a commit, nothing durable but the end.

use std::time::{Duration, Instant};

use super::{Job, Report, ensure};
use crate::account::{Account, id};
use crate::engine::{Engine, Result};
use crate::measure::{disk_size, peak_memory};

const BATCH: u64 = 10_000;

pub(super) fn run<E: Engine>(job: &Job) -> Result<Report> {
    let mut report = Report::default();
    let dir = job.scratch("data")?;
    let engine = E::open(&dir, &job.setting(false))?;
    let mut time = Duration::ZERO;
    for first in (0..job.rows).step_by(BATCH as usize) {
        let rows: Vec<Account> = (first..job.rows.min(first + BATCH)).map(Account::numbered).collect();
        let start = Instant::now();
        engine.insert_many(&rows)?;
        time += start.elapsed();
    }
    let start = Instant::now();
    engine.sync()?;
    time += start.elapsed();
    report.note("load", job.rows as f64 / time.as_secs_f64());
    report.note("memory", peak_memory()?);
    report.note("size_loaded", disk_size(&dir)?);
    let taken = engine.insert_many(&[Account { id: id(job.rows), ..Account::numbered(0) }]);
    ensure(taken.is_err(), "a unique value was taken twice")?;
    engine.settle()?;
    engine.close()?;
    report.note("size_settled", disk_size(&dir)?);
    Ok(report)
}
