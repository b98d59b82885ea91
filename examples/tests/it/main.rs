//! The example programs, run as programs on real data:
//!
//! - `quickstart`: it runs, twice, and the README shows the same program;
//! - `cities`: its answers, and that a second run gives the same;
//! - `front`: README, justfile and CI speak of the same commands;
//! - `refusals`: whatever is wrong is one sentence and exit code 1, and nothing is lost;
//! - `kill`: a load that was killed in the middle has lost nothing that it acknowledged;
//! - `grow`: the same in one program, which goes on with what the killed one has left.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod cities;
mod front;
mod grow;
#[cfg(unix)]
mod kill;
mod program;
mod quickstart;
mod refusals;
mod vault;
