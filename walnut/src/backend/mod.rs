//! Storage backends that run elsewhere: the contract between Walnut and an engine that many
//! processes share.
//!
//! ```text
//!   Engine ── begin(mode) ──► Session ── get_many, scan ── all of one state
//!                               └── commit(Writes) ── one atomic commit on top of that state
//! ```
//!
//! 1. All reads of a session are of one state, that of its `pin` or of its first read.
//! 2. A commit is [`Failure::Conflict`] if a key that it writes was changed since that state, or a
//!    range that it removes; with an engine that is [`Serializable`], also if anything that the
//!    session has read was changed, absent keys and ranges included, and no serial order explains
//!    both. An engine may be stricter.
//! 3. Every failure means that nothing was done, but [`Failure::CommitUnknown`], which means
//!    neither.
//! 4. A session that is dropped leaves nothing behind.
//!
//! It does not know what a table or an index is: keys and values are bytes.

mod client;
mod contract;
mod failure;
mod fate;
mod gone;
mod memory;
mod scan;
mod session;
mod writes;

pub use client::RemoteOptions;
pub(crate) use client::{Client, SHARD_COUNT, SLOT};
pub use contract::{Embedded, Engine, Limits, Mode, Page, Serializable, Session, StaleReads, TimeTravel};
pub use failure::Failure;
pub use memory::{Faults, Memory};
pub(crate) use scan::{Follow, RemoteScan};
pub(crate) use session::{RemoteSession, RemoteValue};
pub use writes::Writes;
