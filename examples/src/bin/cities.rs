//! The main job: loads a real data set, closes, reopens and asks. See `cities --help`.
#![expect(clippy::print_stderr, reason = "a program tells its user what is wrong")]

use std::io;
use std::process::ExitCode;

use clap::Parser;
use walnut_examples::cities::{Args, run};

fn main() -> ExitCode {
    match run(&Args::parse(), &mut io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}
