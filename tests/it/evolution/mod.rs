//! A struct that changes between two runs of a program: indexes come, go, change and are renamed; rows get another layout.

mod back;
mod indexes;
mod layouts;
mod migrations;
mod shapes;

use std::sync::Arc;

use walnut::env::MemoryEnv;
use walnut::{Background, Database, Result};

fn open(env: &MemoryEnv) -> Result<Database> {
    let builder = Database::builder().memtable_size(64 << 10).background(Background::Manual);
    builder.env(Arc::new(env.clone())).open("/db")
}
