//! Opening after a kill: a process writes and is killed, the next one opens what it left.

use std::process::{Command, Stdio};
use std::time::Instant;

use super::{Group, Job, Report, ensure};
use crate::account::{Account, id};
use crate::engine::{Engine, Result};

/// Rows that are written before the kill: about 64 MB of log, and less than what makes the engines write anything else.
const ROWS: u64 = 150_000;
const BATCH: u64 = 1000;

pub(super) fn run<E: Engine>(job: &Job) -> Result<Report> {
    let dir = job.scratch("killed")?;
    let program = std::env::current_exe()?;
    let killed = Command::new(program).args(job.arguments(Group::Crash)).stdout(Stdio::null()).status()?;
    ensure(!killed.success(), "the process that was to be killed ended by itself")?;
    let mut report = Report::default();
    let start = Instant::now();
    let engine = E::open(&dir, &job.setting(false))?;
    ensure(engine.get(id(1))?.is_some_and(|row| row.is(1)), "the first get after a kill")?;
    report.note("open_killed", start.elapsed().as_nanos() as f64);
    // Buffered commits have left the process and so survive its end; sled and SQLite may keep some of them in it.
    let mut number = 0;
    engine.scan(|row| {
        number += u64::from(row == Account::numbered(number));
    })?;
    ensure(number > 0 && number <= rows(job), "the rows after a kill")?;
    engine.close()?;
    std::fs::remove_dir_all(&dir)?;
    Ok(report)
}

pub(super) fn crash<E: Engine>(job: &Job) -> Result<Report> {
    let engine = E::open(&job.dir.join("killed"), &job.setting(false))?;
    for first in (0..rows(job)).step_by(BATCH as usize) {
        let batch: Vec<Account> = (first..first + BATCH).map(Account::numbered).collect();
        engine.insert_many(&batch)?;
        if first == 0 {
            engine.sync()?;
        }
    }
    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL)?;
    unreachable!("killed")
}

fn rows(job: &Job) -> u64 {
    (job.rows / BATCH * BATCH).clamp(BATCH, ROWS)
}
