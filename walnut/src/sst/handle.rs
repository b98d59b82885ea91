//! What is asked of an SST of a view, which may have to be opened for it.

use super::{SstCursor, SstReader, SstStore};
use crate::base::{Entry, Fragments, KeyHash, KeyRange, SeqNo};
use crate::cursor::Direction;
use crate::error::Result;
use crate::files::Handle;
use crate::sync::Arc;

/// An SST of a view. To open it costs five reads: header, footer, properties, index and filter; one more for range tombstones.
pub(crate) type Sst = Handle<SstStore>;

impl Sst {
    /// The file, if it is open and has no range tombstones.
    #[inline]
    pub(crate) fn if_plain(&self) -> Option<&SstReader> {
        if self.meta().fragment_count > 0 { None } else { self.if_open() }
    }

    /// Gives `found` the newest version of `key` that is not newer than `at`: see [`SstReader::get`].
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

    /// The newest range tombstone over `key` that is not above `at`. A file without range tombstones is not opened.
    #[inline]
    pub(crate) fn covering(&self, key: &[u8], at: SeqNo) -> Result<Option<SeqNo>> {
        if self.meta().fragment_count == 0 {
            return Ok(None);
        }
        Ok(self.reader()?.covering(key, at))
    }

    /// Its range tombstones, if it has any; a file without them is not opened, and one with them does not stay open for that.
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

    /// A cursor over everything for those who replace the file: see [`SstReader::sweep`]. It does not stay open for that.
    pub(crate) fn sweep(&self) -> Result<SstCursor> {
        self.open_transient()?.sweep()
    }

    /// Reads and checks everything in the file: see [`SstReader::verify`]. It does not stay open for that.
    pub(crate) fn verify(&self) -> Result<()> {
        self.open_transient()?.verify()
    }
}
