//! The library under its own name, with a `Database` whose engine is PostgreSQL: what uses it is a test of
//! the embedded database, compiled for a server without a change.

mod door;
#[path = "../../../tests/on-memory/src/stand_in.rs"]
mod stand_in;

pub use real::*;
pub use stand_in::{Builder, Database, env};
