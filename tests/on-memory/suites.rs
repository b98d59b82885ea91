//! The suites that are run on every engine. Those that are not, and the tests of these that differ,
//! are listed in docs/TESTING.md with their reasons.

#[path = "../it/comforts.rs"]
mod comforts;
#[path = "../it/derived.rs"]
mod derived;
#[path = "../it/dynamic/mod.rs"]
mod dynamic;
#[path = "../it/generated.rs"]
mod generated;
#[path = "../it/indexes.rs"]
mod indexes;
#[path = "../it/isolation/mod.rs"]
mod isolation;
#[path = "../it/lookups.rs"]
mod lookups;
#[path = "../it/queries.rs"]
mod queries;
#[path = "../it/quickstart.rs"]
mod quickstart;
#[path = "../it/scans.rs"]
mod scans;
#[cfg(not(feature = "few"))]
#[path = "../it/stored/mod.rs"]
mod stored;
#[path = "../it/upserts.rs"]
mod upserts;
