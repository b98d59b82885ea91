//! The library under its own name, with a `Database` whose engine is [`Memory`](real::remote::Memory):
//! what uses it is a test of the embedded database, compiled for a remote one without a change.

mod door;
mod stand_in;

pub use real::*;
pub use stand_in::{Builder, Database, env};
