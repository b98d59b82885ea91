//! One directory, one owner, whatever happens to names: after an opening every operation reaches the directory that was opened, and
//! none changes a name or promises a commit once the file `LOCK` in it is not the one whose lock is held.

#[cfg(unix)]
mod fork;
mod moves;
mod names;
#[cfg(unix)]
mod processes;
#[cfg(unix)]
mod strays;

use serde::{Deserialize, Serialize};
use walnut::{Builder, Database, DefaultTable, Result, Table};

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = "notes")]
struct Note {
    #[primary_key]
    id: u64,
    text: String,
}

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = "others")]
struct Other {
    #[primary_key]
    id: u64,
}

/// The note of this number, long enough for the value log when the number is odd.
fn note(id: u64) -> Note {
    Note { id, text: format!("note {id} {}", "x".repeat(if id % 2 == 1 { 90 } else { 5 })) }
}

fn builder() -> Builder {
    Database::builder()
        .memtable_size(2 << 10)
        .block_size(256)
        .max_sst_size(1 << 10)
        .base_level_size(1 << 10)
        .value_log_threshold(60)
}

fn ids(notes: &DefaultTable<Note>) -> Result<Vec<u64>> {
    notes.iter().map(|note| Ok(note?.id)).collect()
}
