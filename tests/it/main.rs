//! The integration tests.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

// What the derives write, at work in a database: every kind of index, keys that are made, and the program that the
// documentation begins with.
mod derived;
// Tables by their stored schema, beside typed ones.
mod dynamic;
mod full_disk;
mod generated;
// Keys that are made, under random programs of several structs, restarts, drops and roll-backs, against a model.
mod generated_programs;
mod indexes;
mod quickstart;
// The rules of the source tree: layers, sizes, heads, words, links.
mod architecture;
// What the derives accept, and what they say of what they do not.
mod ui;

// Random workloads against the model, with crashes at every sync: Rule P.
mod model_check;

// What transactions and snapshots promise each other: every anomaly by its name, races, savepoints, failed statements.
mod isolation;

// A struct that changes between two runs.
mod evolution;

// A machine that fails at each operation in turn, and a full disk.
mod faults;

// A machine that fails at each operation of a long life, whose end is cut short in every way.
mod failures;

// Files shown part by part, damaged at each byte.
mod dump;

// Encrypted databases as a thief, an attacker and an operator see them.
mod encryption;

// Damaged files: each byte, each sector, each length.
mod damage;

// The promises of the public surface, one by one.
mod promises;

// The raw engine: keyspaces of bytes, drops, and a model check of their own with crashes at every sync.
mod kv;

// Databases in memory, options outside their ranges, and the texts of handles.
mod handles;

// An engine elsewhere that answers what makes no sense.
mod answers;

// A database copied to another engine, through faults and crashes.
mod copy;

// Row counts: exact in every state, one look-up.
mod counts;

// A state of the past is read as it was, and reading it writes nothing.
mod past;

// Block reads and allocations of operations, counted.
mod costs;

// Scans behave as iterators do.
mod scans;

// What no row can have is not found, and bounds a range all the same; what is missing has no owner.
mod lookups;

// Whole scans updated and removed, many generated keys, distinct values: against a map.
mod comforts;

// Many rows in one statement, which is judged by the state that it leaves.
mod upserts;

// Pages, removal by a scan, and what each way of reading one costs.
mod queries;

// The long life of a table with every kind of index, its struct changing on the way.
mod long_life;

// Tables as queues: each row is taken once, by one of many consumers.
mod queues;

// Odd ways of serde: a row, its key and its entries never disagree; and rows that a program does not read any more.
mod stored;

// Many threads: one owner, no lost update, no half commit.
mod races;

// Faults that engines like this one have had, each by its name, and what an opening does.
mod regressions;

// One directory, one owner: names that move, forks, files that are called like our own.
mod owner;

// Copies of a database that is written to, and a look at a place for one.
mod backup;

// A database that is only read: alone, and while another process writes.
mod follow;

// A damaged database, copied into a new one row by row.
mod repair;

// The fuzz targets, run for a moment on a stable compiler.
mod fuzz;

// The bytes of a database, pinned.
mod golden;
