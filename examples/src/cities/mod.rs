//! The program `cities`: a real data set, loaded into a durable, indexed, typed store and asked questions.
//!
//! ```text
//!   cities.tsv -> data -> load -> Database -> close
//!                                 Database -> questions -> report -> standard output
//! ```
//!
//! 1. A batch that the program has acknowledged, by a line on standard output, is in the database, whatever happens
//!    to the process afterwards (with `--durability fast`: what happens to the process, but not to the machine).
//! 2. Running it again on the same directory gives the same answers.
//! 3. Whatever is wrong with a path, the data or the database is one sentence on standard error and exit code 1.

mod args;
mod city;
mod data;
mod failure;
mod load;
mod questions;
mod report;

use std::io::Write;
use std::time::Instant;

use walnut::Database;

pub use args::Args;
pub use args::repository_data;
pub use city::City;
pub use data::{Data, DataError};
pub use failure::Failure;

use report::{Report, seconds, thousands};

/// Does what the arguments ask for and writes the answers to `out`.
pub fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failure> {
    let mut report = Report::new(out);
    if !args.query_only {
        load(args, &mut report)?;
    }
    if !args.load_only {
        query(args, &mut report)?;
    }
    Ok(())
}

fn load(args: &Args, report: &mut Report<'_>) -> Result<(), Failure> {
    let path = args.data_path();
    let data = Data::open(&path)?;
    report.title(&format!("Loading {} into {}", path.display(), args.db.display()))?;
    let start = Instant::now();
    let db = open(args)?;
    let loaded = load::load(&db.table::<City>()?, data, args.batch_size(), report)?;
    let (new, changed, unchanged) =
        (thousands(loaded.new), thousands(loaded.changed), thousands(loaded.unchanged));
    report.line(&format!("{new} new, {changed} changed, {unchanged} unchanged"))?;
    report.took("loaded", start)?;
    let start = Instant::now();
    db.close()?;
    report.took("closed", start)?;
    Ok(())
}

fn query(args: &Args, report: &mut Report<'_>) -> Result<(), Failure> {
    if !args.db.exists() {
        return Err(Failure::NoDatabase(args.db.clone()));
    }
    let start = Instant::now();
    let db = open(args)?;
    let cities = db.table::<City>()?;
    let count = thousands(cities.len()?);
    report.title(&format!("Opened {}: {count} cities  [{}]", args.db.display(), seconds(start.elapsed())))?;
    questions::ask_all(&cities, args, report)?;
    db.close()?;
    Ok(())
}

fn open(args: &Args) -> Result<Database, Failure> {
    let opened = Database::builder().durability(args.durability.into()).open(&args.db);
    opened.map_err(|source| Failure::Open { path: args.db.clone(), source })
}
