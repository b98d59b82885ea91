//! Sorted string tables: one immutable, sorted file each. Knows its own bytes, and not what a level is.
//!
//! ```text
//! entries in order -> SstBuilder -> file -> SstReader: get, cursor, sweep, verify
//!                                              \-> BlockCache: one budget for all readers
//! ```
//!
//! - `format` draws every byte; `seal` puts blocks into the file and takes them out; `output` writes it.
//! - `block` and `block_builder`, `index`, `filter`, `ranges`, `properties`: the payloads, one each.
//! - `draft`: how a new file comes under its name. `handle`: what is asked of one that may not be open.
//! - `fences` of `stretch`es, and `fingerprint`: how a block and a row are found in memory. `cache`: what stays there, in the `slot`s
//!   of each file and the memory of `slab`. `approach`: several look-ups at once.
//!
//! 1. A file is written once, front to back, and never changed.
//! 2. Entries are stored as they are given, all versions of them: what may be dropped is decided above.
//! 3. Damage is an error that names file and offset; it is never a shorter answer, nor a panic.

mod block;
mod block_builder;
mod block_codec;
mod block_index;
mod builder;
mod cache;
mod cursor;
mod filter;
mod fingerprint;
mod format;
mod fuzz;
mod handle;
mod index;
mod index_partition;
mod layout;
#[cfg(feature = "parts")]
mod measure;
mod meta;
mod multi_get;
mod properties;
mod ranges;
mod read_ahead;
mod reader;
mod slab;
mod slot;
mod sst_file;
mod temp_file;
#[cfg(test)]
mod tests;
mod verify;

pub(crate) use crate::codec::BlockCompression;
use builder::SstBuilder;
pub(crate) use builder::SstConfig;
pub(crate) use cache::BlockCache;
pub(crate) use cursor::SstCursor;
pub use fuzz::fuzz;
pub(crate) use handle::Sst;
#[cfg(feature = "parts")]
pub use measure::{MeasuredBlock, MeasuredFilter};
pub(crate) use meta::{SstMeta, ValueShare};
pub(crate) use multi_get::{BatchedLookup, Lookup};
pub(crate) use reader::SstReader;
pub(crate) use slot::Epoch;
pub(crate) use temp_file::{FinishedSst, SstStore, TempSst};
