//! The cities on one machine, and on an engine that many share: one function fills and asks both.
//!
//! `--faults` has the engine lose every tenth reply to a commit; the rows are the same ones.

use std::io::{self, Write};
use std::time::Instant;

use clap::{Parser, ValueEnum};
use walnut::remote::{Faults, Memory};
use walnut::{Database, Error};

use crate::cities::{City, Data};

/// Puts cities into tables on one machine or on an engine elsewhere, and asks the same of both.
#[derive(Parser, Debug)]
#[command(name = "grow", version)]
pub struct Args {
    /// Where the rows are
    #[arg(long, value_enum, default_value_t = Engine::Embedded)]
    pub engine: Engine,

    /// How many cities
    #[arg(long, value_name = "ROWS", default_value_t = 2_000)]
    pub rows: usize,

    /// Lose replies to commits, before and after they are done; only with `--engine memory`
    #[arg(long)]
    pub faults: bool,
}

/// Where the rows are.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Engine {
    /// In this process
    Embedded,
    /// On the reference engine for tests of programs, in memory
    Memory,
}

/// What a run has found, the same on every engine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answers {
    /// The number of cities.
    pub count: u64,
    /// The largest cities of France.
    pub largest: Vec<String>,
    /// Their names that begin with `San `.
    pub named: Vec<String>,
}

/// Runs the program.
pub fn run(args: &Args, out: &mut dyn Write) -> Result<Answers, String> {
    let data = Data::open(&crate::cities::repository_data()).map_err(|error| error.to_string())?;
    let cities: Vec<City> =
        data.take(args.rows).collect::<Result<_, _>>().map_err(|error| error.to_string())?;
    match args.engine {
        Engine::Embedded => answer(&Database::in_memory().map_err(|error| text(&error))?, &cities, out),
        Engine::Memory => {
            let engine = Memory::with_seed(1);
            let db = Database::on(engine.clone()).map_err(|error| text(&error))?;
            if args.faults {
                engine.set_faults(Faults { lost_before: 50, lost_after: 50, ..Faults::default() });
            }
            let answers = answer(&db, &cities, out)?;
            engine.set_faults(Faults::default());
            let verified = db.verify_tables().map_err(|error| text(&error))?;
            let line = format!(
                "{} replies were lost; {} rows and {} index entries agree",
                engine.unknown_count(),
                verified.row_count,
                verified.entry_count
            );
            writeln!(out, "{line}").map_err(|error| error.to_string())?;
            Ok(answers)
        }
    }
}

/// Fills the table and asks it, wherever it is.
pub fn answer<E>(db: &Database<E>, cities: &[City], out: &mut dyn Write) -> Result<Answers, String> {
    let told = |error: io::Error| error.to_string();
    let start = Instant::now();
    let table = db.table::<City>().map_err(|error| text(&error))?;
    for batch in cities.chunks(10) {
        table.upsert_many(batch).map_err(|error| text(&error))?;
    }
    writeln!(out, "{} cities in {:.1?}", cities.len(), start.elapsed()).map_err(told)?;
    let french = table.by().country_population.prefix("FR").rev().limit(5);
    let largest = french
        .map(|city| city.map(|city| city.slug))
        .collect::<Result<_, _>>()
        .map_err(|error| text(&error))?;
    let san = table.by().name.starts_with("San ").limit(5);
    let named =
        san.map(|city| city.map(|city| city.slug)).collect::<Result<_, _>>().map_err(|error| text(&error))?;
    let answers = Answers { count: table.len().map_err(|error| text(&error))?, largest, named };
    writeln!(out, "{answers:?}").map_err(told)?;
    Ok(answers)
}

fn text(error: &Error) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::{Args, Engine, run};

    #[test]
    fn the_answers_are_the_same_on_every_engine_and_under_every_fault() {
        let answers = |engine, faults| {
            run(&Args { engine, rows: 1_000, faults }, &mut Vec::new())
                .unwrap_or_else(|error| panic!("{error}"))
        };
        let embedded = answers(Engine::Embedded, false);
        assert_eq!(embedded.count, 1_000);
        assert_eq!(answers(Engine::Memory, false), embedded);
        assert_eq!(answers(Engine::Memory, true), embedded);
    }
}
