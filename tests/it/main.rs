//! The integration tests.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

// What the derives write, at work in a database.
mod derived;
// The rules of the source tree: storeys, sizes, heads, words.
mod house;
// What the derives accept, and what they say of what they do not.
mod ui;

// Random workloads against the model, with crashes at every sync: Rule P.
mod lockstep;

// What transactions and snapshots promise each other: every anomaly by its name, races, savepoints, failed statements.
mod isolation;

// A machine that fails at each operation in turn, and a full disk.
mod faults;

// Damaged files: each byte, each sector, each length.
mod damage;

// The promises of the public surface, one by one.
mod promises;

// Scans behave as iterators do.
mod scans;

// Many threads: one owner, no lost update, no half commit.
mod races;

// What has gone wrong in engines like this one: each wound by its name, and what an opening does.
mod wounds;

// Copies of a database that is written to, and a look at a place for one.
mod backup;

// The fuzz targets, run for a moment on a stable compiler.
mod fuzz;

// The bytes of a database, pinned.
mod golden;
