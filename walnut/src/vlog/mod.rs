//! The value log: large values in files of their own, so that compaction moves a pointer and not
//! the value.
//!
//! ```text
//!   flush, value gc --key, value--> ValueWriter --> value files --> ValueReader --> the value
//!                   <--pointer, for the SST--'             '--verify
//! ```
//!
//! - `format` describes every byte; `writer` and `store` create value files, `reader` and
//!   `verify` read them.
//! - `store`: the files of a database, open or not, and how a new one gets its name. `cache`: the
//!   cached values.
//!
//! 1. A value file is written once, front to back, and never changed: it is durable under its own
//!    name before an SST points into it.
//! 2. A record has the key of its value, and a checksum that is valid in this file and at this
//!    offset only. A pointer resolves to the value of its own key, or to an error that names file
//!    and offset.
//! 3. No memory is allocated for a record before it is known to be within the file.
//!
//! The live part of a file is not known here: SSTs record their references, and the manifest adds
//! them up. Which values are large, and when a file is garbage-collected, is decided above.

mod cache;
mod dump;
mod format;
mod fuzz;
mod meta;
mod reader;
mod salvage;
mod store;
#[cfg(test)]
mod tests;
mod verify;
mod writer;

pub(crate) use cache::{Caching, ReadValue};
pub(crate) use dump::dump;
pub use fuzz::fuzz;
pub(crate) use meta::ValueMeta;
pub(crate) use reader::ValueReader;
pub(crate) use salvage::SalvagedValues;
pub(crate) use store::{FinishedValues, ValueStore, Values};
pub(crate) use writer::ValueWriter;
