//! The suites of the embedded database that ask nothing of its files, compiled over PostgreSQL.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(dead_code, unused_imports, reason = "what only the tests use that are left out")]

#[path = "../../../tests/on-memory/suites.rs"]
mod suites;
