//! The attributes with which other libraries mark a primary key are answered with ours.

use serde::{Deserialize, Serialize};
use walnut::{DefaultTable, Table};

#[derive(Table, Serialize, Deserialize)]
struct Primary {
    #[primary]
    id: u64,
}

#[derive(Table, Serialize, Deserialize)]
struct Key {
    name: String,
    #[key]
    id: u64,
}

#[derive(Table, Serialize, Deserialize)]
struct Auto {
    #[auto]
    id: u64,
}

fn use_them(primary: &DefaultTable<Primary>, key: &DefaultTable<Key>) {
    // The field that was meant is the key here.
    let _ = primary.get(7);
    let _ = key.remove(7);
}

fn main() {}
