//! The manifest: the log of version edits that says which SSTs make up the database and where its
//! WAL begins.
//!
//! ```text
//!  CURRENT --names--> MANIFEST-000007: | snapshot | edit | edit | edit |
//!                                            |       apply, apply, apply
//!                                            v
//!  ManifestState: version (levels of SSTs), log numbers, next file number, last sequence number
//! ```
//!
//! 1. An edit is durable before anything depends on it. The swap of a compaction's inputs for its
//!    outputs is a single edit, so it is atomic.
//! 2. A version is immutable; an edit makes the next one, or is refused and not written.
//! 3. An open appends to the existing manifest when nothing but its last edit is in doubt, and
//!    first makes that edit durable. Otherwise it begins a new manifest, and the old ones are
//!    removed once `CURRENT` names the new one. Both happen with the first edit.
//! 4. `CURRENT` acknowledges the snapshot, and each edit acknowledges the one before it. Damage in
//!    acknowledged bytes is an error that names the file; only a torn last edit is dropped.
//! 5. Reading removes nothing and writes nothing.
//! 6. In an encrypted manifest a place is sealed once: an open begins a new manifest with the first
//!    edit, and so does the edit after one whose write failed.
//!
//! # How a database is created
//!
//! First the manifest, whose state has no log; then `CURRENT`; then the first log segment; then the
//! edit that names the segment. So a directory with a segment, an SST or a second manifest has had
//! a `CURRENT`, and when that is missing it was lost. A first manifest alone is a creation that a
//! crash interrupted, and nothing is lost with it.
//!
//! The manifest does not know what is in an SST, and opens none; it does not decide which files are
//! obsolete.

mod current;
mod dump;
mod edit;
mod format;
mod fuzz;
mod level;
mod load;
mod set;
mod values;
mod version;
mod writer;

#[cfg(test)]
mod tests;

pub(crate) use dump::dump;
pub(crate) use edit::VersionEdit;
pub(crate) use format::FIRST_MANIFEST;
pub use fuzz::fuzz;
pub(crate) use level::{LEVEL_COUNT, Level};
pub(crate) use load::{LoadedManifest, identity, load, reload};
pub(crate) use set::ManifestState;
pub(crate) use values::ValueFile;
pub(crate) use version::Version;
pub(crate) use writer::ManifestWriter;
