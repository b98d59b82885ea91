//! The suites of the embedded database that ask nothing of its files, compiled over the reference engine.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(dead_code, unused_imports, reason = "what only the tests use that are left out")]

#[path = "../suites.rs"]
mod suites;
