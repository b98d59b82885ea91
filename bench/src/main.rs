//! Measures Walnut and its peers on the same typed work. `walnut-bench --help` tells how; docs/BENCHMARKS.md tells what was found.
//!
//! ```text
//! run ──> for each round, group and engine: worker (a process) ──> JSON ──> results.json, table, chart
//! ```

mod account;
mod cli;
mod conduct;
mod engine;
mod engines;
mod limits;
mod measure;
mod random;
mod report;
mod stores;
#[cfg_attr(not(feature = "peers"), allow(dead_code, reason = "for engines of bytes, if there are any"))]
mod typed;
mod work;

use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};
use engine::Result;
use report::Results;
use work::{Group, Job};

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    let engines = engines::all();
    match command {
        Command::Run(options) => {
            let known: Vec<&str> = engines.iter().map(|(name, _)| *name).collect();
            let results = conduct::run(&options, &known)?;
            std::fs::write(&options.output, serde_json::to_string_pretty(&results)?)?;
            show(&results, options.chart.as_deref())
        }
        Command::Report(options) => {
            let results: Results = serde_json::from_slice(&std::fs::read(&options.results)?)?;
            show(&results, options.chart.as_deref())
        }
        Command::List => {
            let names: Vec<&str> = engines.iter().map(|(name, _)| *name).collect();
            println!("engines: {}", names.join(", "));
            println!("groups:  {}", Group::ALL.map(Group::name).join(", "));
            for row in work::rows::ROWS {
                println!("{:16} {}", row.name, row.label);
            }
            Ok(())
        }
        Command::Worker(options) => {
            let job = Job::from(options);
            let (_, run) = engines.iter().find(|(name, _)| *name == job.engine).ok_or("no such engine")?;
            println!("{}", serde_json::to_string(&run(&job)?)?);
            Ok(())
        }
    }
}

fn show(results: &Results, chart: Option<&Path>) -> Result<()> {
    print!("{}", report::markdown(results));
    if let Some(path) = chart {
        std::fs::write(path, report::chart(results))?;
    }
    Ok(())
}
