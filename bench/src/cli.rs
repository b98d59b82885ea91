//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::work::{Group, Job};

/// The same typed work on Walnut and on its peers, side by side.
///
/// Peers are compiled in with `--features peers`, or one by one with a feature of their name.
#[derive(Debug, Parser)]
#[command(version, about)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Measure, and print a table of ratios.
    Run(Run),
    /// Print table and chart again from the results of an earlier run.
    Report(Report),
    /// List the engines, groups and rows that there are.
    List,
    /// What `run` starts: one group on one engine, figures as JSON.
    #[command(hide = true)]
    Worker(Worker),
}

/// Options of `run`.
#[derive(Debug, Args)]
pub struct Run {
    /// Rows of the data set.
    #[arg(short = 'n', long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1000..))]
    pub rows: u64,
    /// Rounds; the median of each figure counts.
    #[arg(short, long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,
    /// Engines, separated by commas; all that were compiled in when none is given.
    #[arg(short, long, value_delimiter = ',')]
    pub engines: Vec<String>,
    /// Groups of measurements, separated by commas; all when none is given.
    #[arg(short, long, value_delimiter = ',')]
    pub groups: Vec<Group>,
    /// Seconds for each measurement.
    #[arg(short, long, default_value_t = 1.0)]
    pub seconds: f64,
    /// MiB of cache for each engine; by default enough for all data.
    #[arg(short, long)]
    pub cache: Option<usize>,
    /// Where the databases are made; they are removed afterwards. By default the directory for temporary files, which should
    /// be on a disk, not in memory.
    #[arg(short, long)]
    pub dir: Option<PathBuf>,
    /// Where the results go, as JSON.
    #[arg(short, long, default_value = "results.json")]
    pub output: PathBuf,
    /// Where the chart goes, as SVG.
    #[arg(long)]
    pub chart: Option<PathBuf>,
    /// Something to be said about the run, printed with it.
    #[arg(long, default_value = "")]
    pub note: String,
}

/// Options of `report`.
#[derive(Debug, Args)]
pub struct Report {
    /// Results of `run`.
    #[arg(default_value = "results.json")]
    pub results: PathBuf,
    /// Where the chart goes, as SVG.
    #[arg(long)]
    pub chart: Option<PathBuf>,
}

/// Options of `worker`.
#[derive(Debug, Args)]
pub struct Worker {
    #[arg(long)]
    engine: String,
    #[arg(long)]
    group: Group,
    #[arg(long)]
    dir: PathBuf,
    #[arg(long)]
    rows: u64,
    #[arg(long)]
    seconds: f64,
    #[arg(long)]
    cache_size: usize,
    #[arg(long)]
    seed: u64,
}

impl From<Worker> for Job {
    fn from(worker: Worker) -> Self {
        let Worker { engine, group, dir, rows, seconds, cache_size, seed } = worker;
        Self { group, dir, rows, seconds, cache_size, seed, engine }
    }
}

impl Job {
    /// The arguments with which this program does a group of this job.
    pub fn arguments(&self, group: Group) -> Vec<String> {
        let mut arguments = vec!["worker".to_owned()];
        for (name, value) in [
            ("engine", self.engine.clone()),
            ("group", group.name()),
            ("dir", self.dir.display().to_string()),
            ("rows", self.rows.to_string()),
            ("seconds", self.seconds.to_string()),
            ("cache-size", self.cache_size.to_string()),
            ("seed", self.seed.to_string()),
        ] {
            arguments.extend([format!("--{name}"), value]);
        }
        arguments
    }
}
