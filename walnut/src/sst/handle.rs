//! The operations on an SST of a view, which open the file when it is not open.

use super::{SstCursor, SstReader, SstStore};
use crate::base::{Entry, Fragments, KeyHash, KeyRange, SeqNo};
use crate::cursor::Direction;
use crate::error::Result;
use crate::files::Handle;
use crate::sync::Arc;

/// An SST of a view. Opening it costs five reads: header, footer, properties, index and filter; one
/// more for range tombstones.
pub(crate) type Sst = Handle<SstStore>;

impl Sst {
    /// The reader, if the file is open and has no range tombstones.
    #[inline]
    pub(crate) fn if_plain(&self) -> Option<&SstReader> {
        if self.meta().fragment_count > 0 { None } else { self.if_open() }
    }

    /// Calls `found` with the newest version of `key` that is not newer than `at`: see
    /// [`SstReader::get`].
    #[inline]
    pub(crate) fn get<R>(
        &self,
        key: &[u8],
        hash: KeyHash,
        at: SeqNo,
        expected: bool,
        found: impl FnOnce(Entry<'_>) -> R,
    ) -> Result<Option<R>> {
        self.reader()?.get(key, hash, at, expected, found)
    }

    /// The newest range tombstone over `key` that is not newer than `at`. A file without range
    /// tombstones is not opened.
    #[inline]
    pub(crate) fn covering(&self, key: &[u8], at: SeqNo) -> Result<Option<SeqNo>> {
        if self.meta().fragment_count == 0 {
            return Ok(None);
        }
        Ok(self.reader()?.covering(key, at))
    }

    /// The range tombstones, if there are any. A file without them is not opened, and one with them
    /// is not left open.
    pub(crate) fn range_tombstones(&self) -> Result<Option<Arc<Fragments>>> {
        if self.meta().fragment_count == 0 {
            return Ok(None);
        }
        Ok(self.open_transient()?.range_tombstones().cloned())
    }

    /// A cursor over the entries in `range`: see [`SstReader::cursor`].
    pub(crate) fn cursor(&self, range: &KeyRange, direction: Direction) -> Result<SstCursor> {
        self.reader()?.cursor(range, direction)
    }

    /// A cursor over the whole file for compaction: see [`SstReader::sweep`]. The file is not left
    /// open.
    pub(crate) fn sweep(&self) -> Result<SstCursor> {
        self.open_transient()?.sweep()
    }

    /// Reads and checks the whole file: see [`SstReader::verify`]. The file is not left open.
    pub(crate) fn verify(&self) -> Result<()> {
        self.open_transient()?.verify()
    }
}
