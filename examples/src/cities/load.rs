//! Loads cities in batches; what is there already is left alone, so a second run changes nothing.

use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressStyle};
use walnut::{DefaultTable, Error};

use super::report::{Report, thousands};
use super::{City, Data, Failure};

/// What became of the rows of a data file.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Loaded {
    pub(super) new: u64,
    pub(super) changed: u64,
    pub(super) unchanged: u64,
}

/// Puts every city of `data` into the table, `batch_size` at a time, and acknowledges each batch that is committed.
///
/// At a line that is not a city it stops; the batches before it stay.
pub(super) fn load(
    cities: &DefaultTable<City>,
    mut data: Data,
    batch_size: usize,
    report: &mut Report<'_>,
) -> Result<Loaded, Failure> {
    let progress = Progress::new(data.size());
    let mut loaded = Loaded::default();
    loop {
        let first_line = data.line() + 1;
        let batch = data.by_ref().take(batch_size).collect::<Result<Vec<_>, _>>()?;
        if batch.is_empty() {
            progress.finish();
            return Ok(loaded);
        }
        commit(cities, &batch, &mut loaded).map_err(|source| Failure::Rows {
            path: data.path().to_owned(),
            lines: (first_line, data.line()),
            owner: owner(&source),
            source,
        })?;
        progress.acknowledge(&loaded, data.read(), report)?;
    }
}

fn commit(cities: &DefaultTable<City>, batch: &[City], loaded: &mut Loaded) -> Result<(), Error> {
    let before = cities.upsert_many(batch)?;
    for (before, city) in before.iter().zip(batch) {
        match before {
            None => loaded.new += 1,
            Some(before) if before != city => loaded.changed += 1,
            Some(_) => loaded.unchanged += 1,
        }
    }
    Ok(())
}

fn owner(error: &Error) -> Option<u32> {
    match error {
        Error::UniqueViolation(violation) => violation.owner::<City>(),
        _ => None,
    }
}

/// A bar for people; a line for each batch when nobody watches.
enum Progress {
    Bar(ProgressBar),
    Lines,
}

impl Progress {
    fn new(size: u64) -> Self {
        if !io::stderr().is_terminal() {
            return Self::Lines;
        }
        let style = ProgressStyle::with_template("  [{bar:40}] {percent:>3} %  {msg}");
        Self::Bar(ProgressBar::new(size).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())))
    }

    fn acknowledge(&self, loaded: &Loaded, read: u64, report: &mut Report<'_>) -> io::Result<()> {
        let rows = thousands(loaded.new + loaded.changed + loaded.unchanged);
        match self {
            Self::Bar(bar) => {
                bar.set_message(format!("{rows} rows"));
                bar.set_position(read);
                Ok(())
            }
            Self::Lines => report.line(&format!("acknowledged {rows} rows")),
        }
    }

    fn finish(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}
