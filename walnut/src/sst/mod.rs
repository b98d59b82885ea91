//! Sorted string tables (SST): one immutable sorted file each. Knows its own bytes, and not what a
//! level is.
//!
//! ```text
//! entries in order -> SstBuilder -> file -> SstReader: get, cursor, sweep, verify
//!                                              \-> BlockCache: one budget for all readers
//! ```
//!
//! - `format` describes every byte; `block_codec` encodes blocks with compression and checksum.
//! - `block` and `block_builder`, `index`, `filter`, `ranges`, `properties`: the payloads, one
//!   each.
//! - `store`: the files of a database, open or not, and how a new one gets its name.
//! - `block_index` with its `index_partition`s, and `fingerprint`: how a block and an entry are
//!   found in memory. `cache`: the cached blocks, in the `slot`s of each file and the memory of
//!   `slab`. `multi_get`: batched lookups.
//!
//! 1. A file is written once, front to back, and never changed.
//! 2. Entries are stored as they are added, with all versions: garbage is dropped above.
//! 3. Damage is an error that names file and offset; it is never a shorter answer, nor a panic.

mod block;
mod block_builder;
mod block_codec;
mod block_index;
mod builder;
mod cache;
mod cursor;
mod dump;
mod filter;
mod fingerprint;
mod format;
mod fuzz;
mod index;
mod index_partition;
mod layout;
#[cfg(feature = "parts")]
mod measure;
mod meta;
mod multi_get;
mod properties;
mod ranges;
mod reader;
mod salvage;
mod slab;
mod slot;
mod store;
#[cfg(test)]
mod tests;
mod verify;

pub(crate) use crate::codec::BlockCompression;
use builder::SstBuilder;
pub(crate) use builder::SstConfig;
pub(crate) use cache::BlockCache;
pub(crate) use cursor::SstCursor;
pub(crate) use dump::dump;
pub use fuzz::fuzz;
#[cfg(feature = "parts")]
pub use measure::{MeasuredBlock, MeasuredFilter};
pub(crate) use meta::{SstMeta, ValueShare};
pub(crate) use multi_get::{BatchedLookup, Lookup};
pub(crate) use reader::SstReader;
pub(crate) use salvage::{LostKeys, LostSink, SalvageCursor};
pub(crate) use slot::Epoch;
pub(crate) use store::{FinishedSst, Sst, SstStore, TempSst};
