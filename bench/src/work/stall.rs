//! What the slowest commits take while eight threads write as fast as they can.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::{Job, Report};
use crate::account::Account;
use crate::engine::{Engine, Result};
use crate::measure::Latencies;

const WRITERS: usize = 8;
const BATCH: u64 = 10;

pub(super) fn run<E: Engine>(job: &Job) -> Result<Report> {
    let dir = job.scratch("stall")?;
    let engine = E::open(&dir, &job.setting(false))?;
    let next = AtomicU64::new(0);
    let all = Mutex::new(Latencies::default());
    let (start, time) = (Instant::now(), Duration::from_secs_f64(5.0 * job.seconds));
    std::thread::scope(|scope| {
        let write = || -> Result<()> {
            let mut latencies = Latencies::default();
            while start.elapsed() < time {
                let first = next.fetch_add(BATCH, Ordering::Relaxed);
                let rows: Vec<Account> = (first..first + BATCH).map(Account::numbered).collect();
                latencies.time(|| engine.insert_many(&rows))?;
            }
            all.lock().map_err(|_| "a writer panicked")?.extend(latencies);
            Ok(())
        };
        let writers: Vec<_> = (0..WRITERS).map(|_| scope.spawn(write)).collect();
        writers.into_iter().try_for_each(|writer| writer.join().map_err(|_| "a writer panicked")?)
    })?;
    let seconds = start.elapsed().as_secs_f64();
    let mut all = all.into_inner().map_err(|_| "a writer panicked")?;
    let mut report = Report::default();
    report.note("stall_rate", all.count() as f64 / seconds);
    report.note("stall_p999", all.quantile(0.999));
    report.note("stall_worst", all.quantile(1.0));
    engine.close()?;
    std::fs::remove_dir_all(&dir)?;
    Ok(report)
}
