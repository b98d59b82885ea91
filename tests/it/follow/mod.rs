//! A database that is only read: an archive that no process writes to, and a follower of one that another process has open.

mod errors;
mod processes;
mod property;
mod read_only;

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use walnut::env::MemoryEnv;
use walnut::{Background, Builder, Database, Table};

pub(super) const DIR: &str = "/db";

#[derive(Table, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
#[table(name = "notes")]
pub(super) struct Note {
    #[primary_key]
    pub id: u64,
    #[index(unique)]
    pub text: String,
    #[index]
    pub tag: u8,
}

pub(super) fn note(id: u64) -> Note {
    Note { id, text: format!("note {id}, {}", "x".repeat(usize::try_from(id % 7).unwrap() * 10)), tag: 3 }
}

/// Options with which everything happens soon.
pub(super) fn builder() -> Builder {
    Database::builder().memtable_size(2 << 10).max_sst_size(2 << 10).background(Background::Manual)
}

/// A machine with a database, which is open.
pub(super) fn opened() -> (MemoryEnv, Database) {
    let env = MemoryEnv::new();
    let db = builder().env(Arc::new(env.clone())).open(Path::new(DIR)).unwrap();
    (env, db)
}

pub(super) fn ids(table: &walnut::DefaultTable<Note, walnut::ReadOnly>) -> Vec<u64> {
    let found = table.iter().keys().collect::<walnut::Result<Vec<_>>>().unwrap();
    assert_eq!(table.by().tag.all(3).count().unwrap(), found.len() as u64);
    found
}
