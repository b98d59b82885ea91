//! The command `walnut`: looks into a database, changes rows, imports, exports, verifies.
//!
//! ```text
//!   args ── command::* ── session (the open database) ── walnut::dynamic
//!                      └─ output (table, json, jsonl, csv) ── text, json (values as people write them)
//! ```
//!
//! 1. Whatever it does, the library can: nothing here knows how a row is stored.
//! 2. Rows stream: memory is bounded by a batch, a line, or the first rows of a table.
//! 3. A failure is one line on the standard error and an exit code: see [`failure`].

mod args;
mod command;
mod failure;
mod json;
mod key;
mod nearest;
mod output;
mod progress;
mod session;
mod text;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use args::Args;
use failure::Failure;

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // Help and the version are no failures.
            let is_asked_for = !error.use_stderr();
            let _ = error.print();
            return ExitCode::from(u8::from(!is_asked_for));
        }
    };
    match command::run(&args) {
        Ok(()) | Err(Failure::PipeClosed) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(std::io::stderr(), "walnut: {failure}");
            failure.code()
        }
    }
}
