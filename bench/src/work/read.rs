//! Reads of settled data that fits the cache.

use std::hint::black_box;
use std::time::Instant;

use super::{Job, Report, ensure};
use crate::account::{Account, CITY_COUNT, SCORE_LIMIT, city, email, id};
use crate::engine::{Engine, Result};
use crate::measure::{Span, memory, rate};

/// How many queries by email are made beforehand.
const QUERY_COUNT: u64 = 1 << 15;

pub(super) fn run<E: Engine>(job: &Job) -> Result<Report> {
    let mut report = Report::default();
    let start = Instant::now();
    let engine = E::open(&job.data(), &job.setting(false))?;
    ensure(engine.get(id(1))?.is_some_and(|row| row.is(1)), "the first get")?;
    report.note("open_clean", start.elapsed().as_nanos() as f64);
    report.note("memory_rest", memory()?);
    check(&engine, job)?;
    points(&engine, job, &mut report)?;
    indexes(&engine, job, &mut report)?;
    let scan = rate(Span::seconds(job.seconds), 1, 1, &job.random(), |_| {
        let mut count = 0;
        engine.scan(|row| {
            count += u64::from(row.id == id(count));
            black_box(row);
        })?;
        ensure(count == job.rows, "a scan")?;
        Ok(count)
    })?;
    report.note("scan", scan);
    engine.close()?;
    Ok(report)
}

/// Reads everything once, which also warms the cache, and compares a part of it in full.
fn check<E: Engine>(engine: &E, job: &Job) -> Result<()> {
    let (mut number, mut right) = (0, true);
    engine.scan(|row| {
        right &= row.id == id(number) && (number % 64 != 0 || row == Account::numbered(number));
        number += 1;
    })?;
    ensure(right && number == job.rows, "the rows of a scan")?;
    for place in 0..CITY_COUNT {
        let rows = engine.in_city(&city(place))?;
        ensure(rows.iter().all(|row| row.city == city(place)), "the rows of a city")?;
        ensure(rows.len() == engine.ids_in_city(&city(place))?.len(), "the ids of a city")?;
    }
    let rows = engine.by_score(0, 1000)?;
    ensure(
        rows.is_sorted_by_key(|row| row.score) && rows.len() == 1000.min(job.rows as usize),
        "rows by score",
    )?;
    for number in (0..job.rows).step_by(17) {
        ensure(engine.by_email(&email(number))?.is_some_and(|row| row.id == id(number)), "a row by email")?;
    }
    Ok(())
}

fn points<E: Engine>(engine: &E, job: &Job, report: &mut Report) -> Result<()> {
    let (span, random) = (Span::seconds(job.seconds), job.random());
    for (name, threads) in [("get", 1), ("get_2", 2)] {
        let gets = rate(span, threads, 64, &random, |random| {
            let wanted = id(random.below(job.rows));
            let row = black_box(engine.get(wanted)?);
            ensure(row.is_some_and(|row| row.id == wanted), "a get")?;
            Ok(1)
        })?;
        report.note(name, gets);
    }
    let many = rate(span, 1, 1, &random, |random| {
        let ids: [u64; 64] = std::array::from_fn(|_| id(random.below(job.rows)));
        let rows = black_box(engine.get_many(&ids)?);
        ensure(
            rows.iter().zip(ids).all(|(row, id)| row.as_ref().is_some_and(|row| row.id == id)),
            "get_many",
        )?;
        Ok(64)
    })?;
    report.note("get_many", many);
    let missing = rate(span, 1, 64, &random, |random| {
        let row = black_box(engine.get(id(random.below(job.rows)) + 1)?);
        ensure(row.is_none(), "a row that nobody wrote")?;
        Ok(1)
    })?;
    report.note("missing", missing);
    Ok(())
}

fn indexes<E: Engine>(engine: &E, job: &Job, report: &mut Report) -> Result<()> {
    let (span, mut random) = (Span::seconds(job.seconds), job.random());
    let numbers = (0..QUERY_COUNT).map(|_| random.below(job.rows));
    let queries: Vec<(u64, String)> = numbers.map(|number| (id(number), email(number))).collect();
    let unique = rate(span, 1, 64, &random, |random| {
        let (id, email) = &queries[random.below(QUERY_COUNT) as usize];
        let row = black_box(engine.by_email(email)?);
        ensure(row.is_some_and(|row| row.id == *id), "a get by email")?;
        Ok(1)
    })?;
    report.note("get_unique", unique);
    let range = rate(span, 1, 1, &random, |random| {
        let from = random.below(SCORE_LIMIT - SCORE_LIMIT / 10);
        let rows = black_box(engine.by_score(from, 100)?);
        ensure(rows.first().is_some_and(|row| row.score >= from), "a range by score")?;
        Ok(rows.len() as u64)
    })?;
    report.note("range_100", range);
    let cities: Vec<String> = (0..CITY_COUNT).map(city).collect();
    let keys = rate(span, 1, 1, &random, |random| {
        let ids = black_box(engine.ids_in_city(&cities[random.below(CITY_COUNT) as usize])?);
        Ok(ids.len() as u64)
    })?;
    report.note("equal_keys", keys);
    let rows = rate(span, 1, 1, &random, |random| {
        let rows = black_box(engine.in_city(&cities[random.below(CITY_COUNT) as usize])?);
        Ok(rows.len() as u64)
    })?;
    report.note("equal_rows", rows);
    Ok(())
}
