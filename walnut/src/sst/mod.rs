//! Sorted string tables (SST): one immutable sorted file each. Knows its own bytes, and not what a
//! level is.
//!
//! ```text
//! entries in order -> SstBuilder -> file -> SstReader: get, cursor, sweep, verify
//!                                              \-> BlockCache: one budget for all readers
//! ```
//!
//! - `format` describes every byte; `block_codec` encodes blocks with compression and checksum.
//! - `block` and `block_builder`, `block_index`, `filter`, `properties`: the payloads, one each.
//! - `builder` writes a file; `reader` opens one, gets and loads blocks; `cursor`, `multi_get`,
//!   `verify`, `dump` and `salvage` read through it. `store`: the files of a database, open or not.
//! - `cache/`: the cached blocks, in the `slot`s of each file and the memory of `slab`.
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
mod format;
mod fuzz;
#[cfg(feature = "parts")]
mod measure;
mod multi_get;
mod properties;
mod reader;
mod salvage;
mod store;
#[cfg(test)]
mod tests;
mod verify;
mod warm;

pub(crate) use crate::codec::BlockCompression;
use builder::SstBuilder;
pub(crate) use builder::SstConfig;
pub(crate) use cache::{BlockCache, Epoch};
pub(crate) use cursor::SstCursor;
pub(crate) use dump::dump;
pub use fuzz::fuzz;
#[cfg(feature = "parts")]
pub use measure::{MeasuredBlock, MeasuredFilter};
pub(crate) use multi_get::{BatchedLookup, Lookup};
pub(crate) use properties::{SstMeta, ValueShare};
pub(crate) use reader::SstReader;
pub(crate) use salvage::{LostKeys, LostSink, SalvageCursor, SalvagedSst};
pub(crate) use store::{FinishedSst, Sst, SstStore, TempSst};
pub(crate) use warm::warm_cache;
