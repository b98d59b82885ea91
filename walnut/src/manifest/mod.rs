//! The manifest: which SSTs make up the database and where its log begins, changed one durable edit at a time.
//!
//! ```text
//!  CURRENT --names--> MANIFEST-000007: | snapshot | edit | edit | edit |
//!                                            |       apply, apply, apply
//!                                            v
//!  ManifestState: version (levels of SSTs), log numbers, next file number, last sequence number
//! ```
//!
//! 1. An edit is durable before anything depends on it. A swap of inputs for outputs is one edit, so it happens whole or
//!    not at all.
//! 2. A version never changes; an edit makes the next one of it, or is refused and written nowhere.
//! 3. An opening adds to the manifest that it has read when nothing but its last edit is in doubt, and then it makes that one durable
//!    first; otherwise it begins a new one, and old ones go when `CURRENT` names the new one. Both happen with the first edit.
//! 4. The snapshot is promised by `CURRENT`, each edit by the next. Damage below a promise is an error that names the file;
//!    only a torn last edit is dropped.
//! 5. Reading removes nothing and writes nothing.
//!
//! # How a database is made
//!
//! First the manifest, whose state has no log; then `CURRENT`; then the first log segment; then the edit that names it. So
//! a directory with a segment, an SST or a second manifest has had a `CURRENT`, and when that is missing it was lost.
//! A first manifest alone is a making that a crash cut short, and nothing is lost with it.
//!
//! It does not know what is in an SST, and opens none; it does not decide which files are obsolete.

mod current;
mod edit;
mod format;
mod fuzz;
mod load;
mod set;
mod values;
mod version;
mod writer;

#[cfg(test)]
mod tests;

pub(crate) use edit::VersionEdit;
pub(crate) use format::FIRST_MANIFEST;
pub use fuzz::fuzz;
pub(crate) use load::{LoadedManifest, load};
pub(crate) use set::ManifestState;
pub(crate) use values::ValueFile;
pub(crate) use version::{LEVEL_COUNT, Level, Version};
pub(crate) use writer::ManifestWriter;
