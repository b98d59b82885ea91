//! The cities on one machine, and on an engine that many share: one function fills and asks both.
//!
//! `--faults` has the engine lose every tenth reply to a commit, `--kill` kills the program that
//! loads in the middle of it; the rows are the same ones. The program of the same name in the
//! workspace of the adapters has the clients of servers, too.

use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
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

    /// Kill in the middle what holds the rows, with `kill -9`, and go on with what it has left: the program that loads
    /// with `--engine embedded`, the server with `postgres`, the leader of three nodes with `etcd`
    #[arg(long)]
    pub kill: bool,

    /// Only load, into this directory, and tell what is acknowledged
    #[arg(long, value_name = "DIR", hide = true)]
    pub load: Option<PathBuf>,
}

/// Where the rows are.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Engine {
    /// In this process
    Embedded,
    /// On the reference engine for tests of programs, in memory
    Memory,
    /// On a `PostgreSQL` server, which the program starts
    Postgres,
    /// On three nodes of etcd, which the program starts
    Etcd,
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
    let cities = sample(args.rows)?;
    if let Some(dir) = &args.load {
        load(dir, &cities, out)?;
        return Ok(Answers { count: cities.len() as u64, largest: Vec::new(), named: Vec::new() });
    }
    match args.engine {
        Engine::Embedded if args.kill => kill(&cities, out),
        Engine::Memory if args.kill => {
            Err("--engine memory goes with the program; try --faults, or --kill with another engine"
                .to_owned())
        }
        Engine::Postgres | Engine::Etcd => {
            Err("this program has no client of a server; the one of the adapters has: \
             cargo run --release --manifest-path adapters/Cargo.toml --bin grow -- --engine ..."
                .to_owned())
        }
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

/// So many cities from all parts of the file, and so of the world.
pub fn sample(count: usize) -> Result<Vec<City>, String> {
    let data = Data::open(&crate::cities::repository_data()).map_err(|error| error.to_string())?;
    let cities: Vec<City> = data.collect::<Result<_, _>>().map_err(|error| error.to_string())?;
    let step = (cities.len() / count.max(1)).max(1);
    Ok(cities.into_iter().step_by(step).take(count).collect())
}

/// Has another process load the cities, kills it when it has acknowledged half of them, and goes on
/// with its directory.
fn kill(cities: &[City], out: &mut dyn Write) -> Result<Answers, String> {
    let told = |error: io::Error| error.to_string();
    let dir = std::env::temp_dir().join(format!("grow-{}.walnut", std::process::id()));
    let mut loader = Command::new(std::env::current_exe().map_err(told)?);
    loader.arg("--load").arg(&dir).arg("--rows").arg(cities.len().to_string()).stdout(Stdio::piped());
    let mut child = loader.spawn().map_err(told)?;
    let lines = child.stdout.take().ok_or("the loader has no output")?;
    let mut acknowledged = 0;
    for line in BufReader::new(lines).lines() {
        let line = line.map_err(told)?;
        acknowledged = line.parse::<u64>().map_err(|_| format!("the loader says {line:?}"))?;
        if acknowledged >= cities.len() as u64 / 2 {
            // It may acknowledge more until it is dead. Those are in the pipe, and are read, too.
            child.kill().map_err(told)?;
        }
    }
    child.wait().map_err(told)?;
    let db = Database::open(&dir).map_err(|error| text(&error))?;
    let count = db.table::<City>().and_then(|table| table.len()).map_err(|error| text(&error))?;
    writeln!(out, "killed; {acknowledged} cities were acknowledged, {count} are there").map_err(told)?;
    if count < acknowledged {
        return Err(format!("{} acknowledged cities are lost", acknowledged - count));
    }
    let answers = answer(&db, cities, out)?;
    let verified = db.verify().map_err(|error| text(&error))?;
    let line = format!("{} rows and {} index entries agree", verified.row_count, verified.entry_count);
    writeln!(out, "{line}").map_err(told)?;
    db.close().map_err(|error| text(&error))?;
    std::fs::remove_dir_all(&dir).map_err(told)?;
    Ok(answers)
}

/// Loads the cities, and prints how many are acknowledged after each commit.
fn load(dir: &Path, cities: &[City], out: &mut dyn Write) -> Result<(), String> {
    let told = |error: io::Error| error.to_string();
    let db = Database::open(dir).map_err(|error| text(&error))?;
    let table = db.table::<City>().map_err(|error| text(&error))?;
    let mut count = 0;
    for batch in cities.chunks(10) {
        table.upsert_many(batch).map_err(|error| text(&error))?;
        count += batch.len();
        writeln!(out, "{count}").and_then(|()| out.flush()).map_err(told)?;
    }
    Ok(())
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
            run(&Args { engine, rows: 1_000, faults, kill: false, load: None }, &mut Vec::new())
                .unwrap_or_else(|error| panic!("{error}"))
        };
        let embedded = answers(Engine::Embedded, false);
        assert_eq!((embedded.count, embedded.largest.len()), (1_000, 5));
        assert!(!embedded.named.is_empty());
        assert_eq!(answers(Engine::Memory, false), embedded);
        assert_eq!(answers(Engine::Memory, true), embedded);
    }
    #[test]
    fn a_server_is_asked_of_the_program_that_has_its_client() {
        for engine in [Engine::Postgres, Engine::Etcd] {
            let args = Args { engine, rows: 10, faults: false, kill: false, load: None };
            let refused = run(&args, &mut Vec::new());
            assert!(refused.as_ref().is_err_and(|text| text.contains("adapters/Cargo.toml")), "{refused:?}");
        }
    }
}
