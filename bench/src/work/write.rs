//! Buffered writes on the loaded data set, and reads after and among them. Leaves the data set without half of its rows.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::{Job, Report, ensure};
use crate::account::{SCORE_LIMIT, id};
use crate::engine::{Engine, Result};
use crate::measure::{Latencies, Span, rate};
use crate::random::{Zipf, mix};

const BATCH: u64 = 100;

/// Primes by which numbers are stepped through without repeating one.
const UPDATE_STEP: u64 = 1_000_003;
const DELETE_STEP: u64 = 1_000_033;

pub(super) fn run<E: Engine>(job: &Job) -> Result<Report> {
    let mut report = Report::default();
    let engine = E::open(&job.data(), &job.setting(false))?;
    engine.scan(|row| drop(black_box(row)))?;
    updates(&engine, job, &mut report)?;
    let gets = rate(Span::seconds(job.seconds), 1, 64, &job.random(), |random| {
        let wanted = id(random.below(job.rows));
        let row = black_box(engine.get(wanted)?);
        ensure(row.is_some_and(|row| row.id == wanted), "a get after updates")?;
        Ok(1)
    })?;
    report.note("get_unsettled", gets);
    mixed(&engine, job, &mut report)?;
    deletes(&engine, job, &mut report)?;
    settling(&engine, job, &mut report)?;
    engine.close()?;
    Ok(report)
}

fn updates<E: Engine>(engine: &E, job: &Job, report: &mut Report) -> Result<()> {
    let next = AtomicU64::new(0);
    let change =
        |place: u64| (id(place.wrapping_mul(UPDATE_STEP) % job.rows), mix(place ^ job.seed) % SCORE_LIMIT);
    let rows = rate(Span::seconds(2.0 * job.seconds), 1, 1, &job.random(), |_| {
        let first = next.fetch_add(BATCH, Ordering::Relaxed);
        let changes: Vec<(u64, u64)> = (first..first + BATCH).map(change).collect();
        engine.set_scores(&changes)?;
        Ok(BATCH)
    })?;
    report.note("update_100", rows);
    let last = next.load(Ordering::Relaxed);
    for place in (last.saturating_sub(job.rows / 2)..last).step_by(997) {
        let (id, score) = change(place);
        ensure(engine.get(id)?.is_some_and(|row| row.score == score), "an updated row")?;
        ensure(engine.by_score(score, 1)?.first().is_some_and(|row| row.score == score), "an updated entry")?;
    }
    Ok(())
}

fn mixed<E: Engine>(engine: &E, job: &Job, report: &mut Report) -> Result<()> {
    let zipf = Zipf::new(job.rows);
    let both = rate(Span::seconds(2.0 * job.seconds), 2, 16, &job.random(), |random| {
        let wanted = id(zipf.next(random));
        if random.below(2) == 0 {
            ensure(
                black_box(engine.get(wanted)?).is_some_and(|row| row.id == wanted),
                "a get among updates",
            )?;
        } else {
            engine.set_scores(&[(wanted, random.below(SCORE_LIMIT))])?;
        }
        Ok(1)
    })?;
    report.note("mixed", both);
    Ok(())
}

fn deletes<E: Engine>(engine: &E, job: &Job, report: &mut Report) -> Result<()> {
    let next = AtomicU64::new(0);
    let victim = |place: u64| id(place.wrapping_mul(DELETE_STEP) % job.rows);
    let rows = rate(Span::cold(2.0 * job.seconds), 1, 1, &job.random(), |_| {
        let first = next.load(Ordering::Relaxed);
        if first + BATCH > job.rows / 2 {
            return Ok(0);
        }
        next.store(first + BATCH, Ordering::Relaxed);
        let ids: Vec<u64> = (first..first + BATCH).map(victim).collect();
        engine.remove_many(&ids)?;
        Ok(BATCH)
    })?;
    report.note("delete_100", rows);
    for place in (0..next.load(Ordering::Relaxed)).step_by(97) {
        ensure(engine.get(victim(place))?.is_none(), "a removed row")?;
    }
    Ok(())
}

fn settling<E: Engine>(engine: &E, job: &Job, report: &mut Report) -> Result<()> {
    let settled = AtomicBool::new(false);
    let mut latencies = Latencies::default();
    let mut random = job.random();
    std::thread::scope(|scope| {
        let settling = scope.spawn(|| {
            let result = engine.settle();
            settled.store(true, Ordering::Release);
            result
        });
        while !settled.load(Ordering::Acquire) {
            black_box(latencies.time(|| engine.get(id(random.below(job.rows))))?);
        }
        settling.join().map_err(|_| "settling panicked")?
    })?;
    report.note("settling_p999", latencies.quantile(0.999));
    report.note("settling_worst", latencies.quantile(1.0));
    Ok(())
}
