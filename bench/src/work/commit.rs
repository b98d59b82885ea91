//! Durable commits: each call returns when its rows survive a power cut.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Job, Report, ensure};
use crate::account::{Account, id};
use crate::engine::{Engine, Result};
use crate::measure::{Span, rate};

pub(super) fn run<E: Engine>(job: &Job) -> Result<Report> {
    let mut report = Report::default();
    for (name, threads, batch) in [("commit", 1, 1), ("commit_8", 8, 1), ("commit_1000", 1, 1000)] {
        let dir = job.scratch(name)?;
        let engine = E::open(&dir, &job.setting(true))?;
        let next = AtomicU64::new(0);
        let commits = rate(Span::seconds(job.seconds), threads, 1, &job.random(), |_| {
            let first = next.fetch_add(batch, Ordering::Relaxed);
            let rows: Vec<Account> = (first..first + batch).map(Account::numbered).collect();
            engine.insert_many(&rows)?;
            Ok(batch)
        })?;
        report.note(name, commits);
        let count = next.load(Ordering::Relaxed);
        for number in (0..count).step_by(101) {
            ensure(
                engine.get(id(number))?.is_some_and(|row| row == Account::numbered(number)),
                "a committed row",
            )?;
        }
        engine.close()?;
        std::fs::remove_dir_all(&dir)?;
    }
    Ok(report)
}
