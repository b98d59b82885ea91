//! What is measured: groups of measurements, each done by one process on one engine.
//!
//! ```text
//! load ──> read ──> write        on the data set that `load` made
//! commit   reopen   stall   patterns   churn   random   large      each on a database of its own
//! ```
//!
//! To add a measurement: give it a row in [`rows::ROWS`], and note a figure of that name in the group that can make it. To add a
//! group: a variant of [`Group`], a module with a `run`, a line in [`run`].

mod churn;
mod commit;
mod large;
mod load;
mod patterns;
mod random;
mod read;
mod reopen;
pub mod rows;
mod stall;
mod write;

use std::path::PathBuf;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::engine::{Engine, Result, Setting};
use crate::random::Random;

/// Measurements that are made in one process, one after the other.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// Bulk load with three indexes, sizes, peak memory.
    Load,
    /// Point reads, ranges, scans of settled, cached data.
    Read,
    /// Buffered updates, mixed work, deletes, reads while compacting.
    Write,
    /// Durable commits.
    Commit,
    /// Opening after a kill.
    Reopen,
    /// Latency of commits under sustained load.
    Stall,
    /// Queues, counters, small scans between writes.
    Patterns,
    /// Two consumers, clearing, a held snapshot, removal by an index, a small cache, many tables.
    Churn,
    /// Bulk load in a random order of the keys, and reads after it.
    Random,
    /// Rows of 4 and 100 KiB.
    Large,
    /// Not for itself: writes what `reopen` finds, and is killed.
    #[value(hide = true)]
    Crash,
}

impl Group {
    /// Those that are measured, in their order.
    pub const ALL: [Self; 10] = [
        Self::Load,
        Self::Read,
        Self::Write,
        Self::Commit,
        Self::Reopen,
        Self::Stall,
        Self::Patterns,
        Self::Churn,
        Self::Random,
        Self::Large,
    ];

    /// Whether it works on the data set that `load` leaves.
    pub fn needs_load(self) -> bool {
        matches!(self, Self::Read | Self::Write)
    }

    /// Its name on the command line.
    pub fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

/// A group to be measured on an engine.
#[derive(Clone, Debug)]
pub struct Job {
    /// What to do.
    pub group: Group,
    /// Where the engine's databases of this round are.
    pub dir: PathBuf,
    /// Rows of the data set.
    pub rows: u64,
    /// Seconds for each measurement that has no end of its own.
    pub seconds: f64,
    /// Bytes of cache.
    pub cache_size: usize,
    /// Differs from round to round.
    pub seed: u64,
    /// The name of the engine.
    pub engine: String,
}

/// Figures by the names of [`rows::ROWS`].
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// Name and value, in the order in which they were measured.
    pub figures: Vec<(String, f64)>,
}

impl Report {
    /// Notes a figure down.
    pub fn note(&mut self, name: &str, value: f64) {
        debug_assert!(rows::row_named(name).is_some(), "`{name}` has no row");
        self.figures.push((name.to_owned(), value));
    }
}

impl Job {
    /// A setting for buffered or durable commits.
    fn setting(&self, durable: bool) -> Setting {
        Setting { cache_size: self.cache_size, durable }
    }

    /// The directory of the data set.
    fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    /// An empty directory for a database of its own.
    fn scratch(&self, name: &str) -> Result<PathBuf> {
        let dir = self.dir.join(name);
        if dir.exists() {
            std::fs::remove_dir_all(&dir)?;
        }
        std::fs::create_dir_all(&dir)?;
        Ok(dir)
    }

    fn random(&self) -> Random {
        Random::new(self.seed)
    }
}

/// Does a job on an engine.
pub fn run<E: Engine>(job: &Job) -> Result<Report> {
    match job.group {
        Group::Load => load::run::<E>(job),
        Group::Read => read::run::<E>(job),
        Group::Write => write::run::<E>(job),
        Group::Commit => commit::run::<E>(job),
        Group::Reopen => reopen::run::<E>(job),
        Group::Stall => stall::run::<E>(job),
        Group::Patterns => patterns::run::<E>(job),
        Group::Churn => churn::run::<E>(job),
        Group::Random => random::run::<E>(job),
        Group::Large => large::run::<E>(job),
        Group::Crash => reopen::crash::<E>(job),
    }
}

/// An error unless a value is as it must be.
fn ensure(holds: bool, what: &str) -> Result<()> {
    if holds { Ok(()) } else { Err(format!("wrong answer: {what}").into()) }
}
