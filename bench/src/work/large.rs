//! Large rows: inserts, gets and updates, with buffered commits of one row.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Job, Report, ensure};
use crate::account::{Account, id};
use crate::engine::{Engine, Result, Setting};
use crate::measure::{Span, rate};
use crate::random::Random;

/// Bytes of cache: more than the rows take that are inserted in a few seconds.
const CACHE_SIZE: usize = 1 << 30;

/// What share of the rows fits the small cache.
const SHARE_CACHED: usize = 10;

/// Bytes of letters, of which texts are cut.
const LETTERS: usize = 1 << 20;

pub(super) fn run<E: Engine>(job: &Job) -> Result<Report> {
    let letters = letters(&mut job.random());
    let mut report = Report::default();
    for (names, size) in [
        (["insert_4k", "get_4k", "update_4k", "get_4k_uncached"], 4 << 10),
        (["insert_100k", "get_100k", "update_100k", "get_100k_uncached"], 100 << 10),
    ] {
        let dir = job.scratch("large")?;
        let [insert, get, update, uncached] = names;
        let rows = Rows { job, letters: &letters, size };
        let engine = E::open(&dir, &Rows::setting(CACHE_SIZE))?;
        let (inserts, count) = rows.insert(&engine)?;
        report.note(insert, inserts);
        // Everything is in the cache before gets count.
        for number in 0..count {
            ensure(engine.get(id(number))?.is_some(), "a large row")?;
        }
        report.note(get, rows.get(&engine, count)?);
        report.note(update, rows.update(&engine, count)?);
        engine.settle()?;
        engine.close()?;
        let engine = E::open(&dir, &Rows::setting(count as usize * size / SHARE_CACHED))?;
        report.note(uncached, rows.get(&engine, count)?);
        engine.close()?;
        std::fs::remove_dir_all(&dir)?;
    }
    Ok(report)
}

/// Rows with texts of one size.
struct Rows<'a> {
    job: &'a Job,
    letters: &'a str,
    size: usize,
}

impl Rows<'_> {
    fn setting(cache_size: usize) -> Setting {
        Setting { cache_size, durable: false }
    }

    fn span(&self) -> Span {
        Span::seconds(self.job.seconds)
    }

    /// Letters that compress a little: some of those that there are, so that it takes no time to make them.
    fn text(&self, random: &mut Random) -> &str {
        let start = random.below((LETTERS - self.size) as u64) as usize;
        &self.letters[start..start + self.size]
    }

    /// New rows: how many in a second, and how many there are.
    fn insert<E: Engine>(&self, engine: &E) -> Result<(f64, u64)> {
        let next = AtomicU64::new(0);
        let inserts = rate(self.span(), 1, 1, &self.job.random(), |random| {
            let about = self.text(random).to_owned();
            let number = next.fetch_add(1, Ordering::Relaxed);
            engine.insert_many(&[Account { about, ..Account::numbered(number) }])?;
            Ok(1)
        })?;
        Ok((inserts, next.into_inner()))
    }

    /// Gets of random rows.
    fn get<E: Engine>(&self, engine: &E, count: u64) -> Result<f64> {
        rate(self.span(), 1, 1, &self.job.random(), |random| {
            let number = random.below(count);
            let row = black_box(engine.get(id(number))?);
            ensure(row.is_some_and(|row| row.is(number) && row.about.len() == self.size), "a large row")?;
            Ok(1)
        })
    }

    /// Other texts for random rows.
    fn update<E: Engine>(&self, engine: &E, count: u64) -> Result<f64> {
        rate(self.span(), 1, 1, &self.job.random(), |random| {
            engine.set_about(id(random.below(count)), self.text(random))?;
            Ok(1)
        })
    }
}

fn letters(random: &mut Random) -> String {
    let letters = std::iter::repeat_with(|| random.next().to_le_bytes()).flatten();
    letters.take(LETTERS).map(|byte| char::from(b'a' + byte % 26)).collect()
}
