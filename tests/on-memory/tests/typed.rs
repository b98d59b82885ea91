//! The suites of the embedded database that ask nothing of its files, compiled over the reference engine.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(dead_code, unused_imports, reason = "what only the tests use that are left out")]

#[path = "../../it/comforts.rs"]
mod comforts;
#[path = "../../it/derived.rs"]
mod derived;
#[path = "../../it/indexes.rs"]
mod indexes;
#[path = "../../it/isolation/mod.rs"]
mod isolation;
#[path = "../../it/lookups.rs"]
mod lookups;
#[path = "../../it/upserts.rs"]
mod upserts;
