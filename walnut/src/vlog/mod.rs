//! The value log: large values beside the SSTs, so that a merge moves a pointer and not the value.
//!
//! ```text
//!   flush, reclaim --key, value--> ValueWriter --> value files --> ValueReader --> the value
//!                  <--pointer, for the SST--'             '--verify
//! ```
//!
//! - `format` draws every byte; `writer` and `draft` make value files, `reader` and `verify` read them.
//! - `handle`: what is asked of one that may not be open; `cache`: the values that were read lately.
//!
//! 1. A value file is written once, front to back, and never changed: it is durable under its own name before an SST
//!    that points into it is.
//! 2. A record has the key of its value, and a checksum that holds in this file and at this place only. Who follows a pointer
//!    gets the value of its own key, or an error that names file and offset.
//! 3. No memory is taken for a record before it is known to lie in the file.
//!
//! What of a file is live is no business of its own: SSTs say what they refer to, and the manifest adds it up. Whether a value
//! is large, and when a file is to be emptied, is decided above.

mod cache;
mod format;
mod fuzz;
mod handle;
mod meta;
mod reader;
mod temp_file;
#[cfg(test)]
mod tests;
mod verify;
mod writer;

pub(crate) use cache::{Caching, ReadValue};
pub use fuzz::fuzz;
pub(crate) use handle::Values;
pub(crate) use meta::ValueMeta;
pub(crate) use reader::ValueReader;
pub(crate) use temp_file::{FinishedValues, ValueStore};
pub(crate) use writer::ValueWriter;
