//! The same tables on one machine and on an engine elsewhere. See `grow --help`.
#![expect(clippy::print_stderr, reason = "a program tells its user what is wrong")]

use std::io;
use std::process::ExitCode;

use clap::Parser;
use walnut_examples::grow::{Args, run};

fn main() -> ExitCode {
    match run(&Args::parse(), &mut io::stdout().lock()) {
        Ok(_) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}
