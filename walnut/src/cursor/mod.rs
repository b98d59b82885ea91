//! The plug that memtables and SSTs fit: an entry, and a step to the next.
//!
//! A cursor is made for one range and one direction and stands on the first entry at once. Going forward it gives
//! entries in internal order (key ascending, sequence number descending); going backward in exactly the reverse.
//! It knows nothing of snapshots: what a reader sees is decided by the visible cursor on top.

use crate::base::Entry;
use crate::error::Result;

/// Which way a cursor goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Direction {
    Forward,
    Backward,
}

/// A walk over entries.
pub(crate) trait Cursor {
    /// The entry that the cursor stands on; `None` at the end.
    fn entry(&self) -> Option<Entry<'_>>;

    /// Moves to the next entry in the cursor's direction. After an error the cursor must not be used again.
    fn advance(&mut self) -> Result<()>;
}
