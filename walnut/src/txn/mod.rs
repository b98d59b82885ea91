//! Transactions over the engine: reads of one state, writes of one's own, a commit that is all or
//! nothing.
//!
//! ```text
//!   transact ── again and again until one attempt wins;  Lane: those who lost often take turns
//!                                                        Guard: those who want the same unique value meet
//!     Attempt ── a pinned state ── Notes: what was read of it ── WriteSet: what is written over it
//!       EntryReader, EntryScan ── the pinned state with the writes laid over it
//! ```
//!
//! 1. All reads of an attempt are of one state, the one that was in the log when it began, under
//!    its own writes.
//! 2. Whatever an attempt has read of that state is noted before it is told, also when the
//!    statement that read it fails.
//! 3. A commit succeeds only if nothing that was noted has changed; one without writes has nothing
//!    to fear.
//! 4. An attempt that is repeated is never repeated because of itself: see `running`.
//! 5. A statement that fails leaves the writes as they were.
//!
//! It does not know what a table or an index is; a unique value is a key of which others may want
//! to know early.

mod attempt;
mod below;
mod engine_reads;
mod guard;
mod lane;
mod notes;
mod overlay;
mod place;
mod reader;
mod remote;
mod running;
mod scan;
mod transact;
mod write_set;
mod writes;

pub(crate) use attempt::Attempt;
pub(crate) use engine_reads::EngineReads;
pub(crate) use guard::Guard;
pub(crate) use lane::Lane;
#[cfg(feature = "untracked")]
pub use notes::leave_conflicts_unnoticed;
pub(crate) use place::Place;
pub(crate) use reader::EntryReader;
pub(crate) use remote::{RemoteReader, commit_remotely};
pub(crate) use running::commit_beside;
pub(crate) use scan::{EntryScan, ScanState};
pub(crate) use transact::transact;
pub use write_set::Savepoint;
