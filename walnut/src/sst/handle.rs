//! An SST that is known and opened when somebody first reads it.
//!
//! ```text
//!   Sst (of a view) --first read--> SstReader: file, fences, filter, places for blocks
//!    \-> Shared (of the file) --before its name goes, if somebody may still come to read--> the same, kept
//! ```
//!
//! 1. A handle that is open stays open: who has it reads without a lock and counts no reference. A file is closed by putting a
//!    handle that is not open in the place of one that is, in a new view; who reads the old view reads on.
//! 2. A name is removed only when the file is open for all who may still come to read it, or nobody can.
//! 3. What is wrong with a file is found when it is opened or read, and names it.

use std::sync::{Arc, OnceLock, Weak};

use super::{SstCursor, SstMeta, SstPlace, SstReader};
use crate::base::{Entry, FileNumber, Fragments, KeyHash, KeyRange, SeqNo};
use crate::cursor::Direction;
use crate::error::Result;
use crate::sync::{AtomicBool, Mutex, Ordering};

/// An SST of a view.
#[derive(Debug)]
pub(crate) struct Sst {
    shared: Arc<Shared>,
    reader: OnceLock<Arc<SstReader>>,
    /// Whether it was read since somebody last looked.
    used: AtomicBool,
}

/// What all handles of a file share.
#[derive(Debug)]
struct Shared {
    place: Arc<SstPlace>,
    meta: Arc<SstMeta>,
    /// Open since before the file lost its name.
    kept: OnceLock<Arc<SstReader>>,
    /// Held while the file is opened.
    opening: Mutex<()>,
}

/// A file that no version names any more, and that somebody may still read.
#[derive(Debug)]
pub(crate) struct Leaving {
    number: FileNumber,
    shared: Weak<Shared>,
}

impl Sst {
    /// A file that is there and was not opened.
    pub(crate) fn closed(place: &Arc<SstPlace>, meta: &Arc<SstMeta>) -> Self {
        let shared = Shared {
            place: Arc::clone(place),
            meta: Arc::clone(meta),
            kept: OnceLock::new(),
            opening: Mutex::default(),
        };
        Self { shared: Arc::new(shared), reader: OnceLock::new(), used: AtomicBool::new(false) }
    }

    /// A file that was opened when it was made.
    pub(crate) fn opened(place: &Arc<SstPlace>, reader: &Arc<SstReader>) -> Self {
        let sst = Self::closed(place, &Arc::new(reader.meta().clone()));
        let _ = sst.reader.set(Arc::clone(reader));
        sst.used.store(true, Ordering::Relaxed);
        sst
    }

    /// Another handle of the same file, which is not open.
    pub(crate) fn another(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), reader: OnceLock::new(), used: AtomicBool::new(false) }
    }

    /// What the manifest says of it.
    #[inline]
    pub(crate) fn meta(&self) -> &SstMeta {
        &self.shared.meta
    }

    /// The open file; opens it when it is not.
    ///
    /// Costs, when it is not open, five reads: header, footer, properties, index and filter; one more for range tombstones.
    #[inline]
    pub(crate) fn reader(&self) -> Result<&Arc<SstReader>> {
        if !self.used.load(Ordering::Relaxed) {
            self.used.store(true, Ordering::Relaxed);
        }
        match self.reader.get() {
            Some(reader) => Ok(reader),
            None => self.open(),
        }
    }

    /// The file, if it is open and has no range tombstones.
    #[inline]
    pub(crate) fn if_plain(&self) -> Option<&SstReader> {
        if self.meta().fragment_count > 0 || !self.is_open() {
            return None;
        }
        self.reader().ok().map(|reader| &**reader)
    }

    #[cold]
    fn open(&self) -> Result<&Arc<SstReader>> {
        let place = &self.shared.place;
        {
            let _turn = self.shared.opening.lock();
            if self.reader.get().is_none() {
                let _ = self.reader.set(self.shared.open()?);
            }
        }
        place.note_open();
        Ok(self.reader.get().expect("it was opened above, and stays so"))
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
        Ok(self.passing()?.range_tombstones().cloned())
    }

    /// A cursor over the entries in `range`: see [`SstReader::cursor`].
    pub(crate) fn cursor(&self, range: &KeyRange, direction: Direction) -> Result<SstCursor> {
        self.reader()?.cursor(range, direction)
    }

    /// A cursor over everything for those who replace the file: see [`SstReader::sweep`]. It does not stay open for that.
    pub(crate) fn sweep(&self) -> Result<SstCursor> {
        self.passing()?.sweep()
    }

    /// Reads and checks everything in the file: see [`SstReader::verify`]. It does not stay open for that.
    pub(crate) fn verify(&self) -> Result<()> {
        self.passing()?.verify()
    }

    /// The open file, or one that is closed after use.
    pub(crate) fn passing(&self) -> Result<Arc<SstReader>> {
        if let Some(reader) = self.reader.get() {
            return Ok(Arc::clone(reader));
        }
        let _turn = self.shared.opening.lock();
        self.shared.open()
    }

    /// Whether it is open.
    pub(crate) fn is_open(&self) -> bool {
        self.reader.get().is_some()
    }

    /// Whether it was read since this was last asked.
    pub(crate) fn take_used(&self) -> bool {
        self.used.swap(false, Ordering::Relaxed)
    }

    /// Takes note that no version names the file any more.
    pub(crate) fn leave(&self) -> Leaving {
        Leaving { number: self.meta().number, shared: Arc::downgrade(&self.shared) }
    }
}

impl Shared {
    /// Opens the file, or gives it as it was kept. The caller holds the turn.
    fn open(&self) -> Result<Arc<SstReader>> {
        self.kept.get().map_or_else(|| self.place.open(&self.meta), |kept| Ok(Arc::clone(kept)))
    }
}

impl Leaving {
    /// A file that nobody reads.
    pub(crate) fn unread(number: FileNumber) -> Self {
        Self { number, shared: Weak::new() }
    }

    pub(crate) fn number(&self) -> FileNumber {
        self.number
    }

    /// Whether the name can go: nobody can come to read the file, or it is open for them from now on. Who asks for the `last`
    /// time opens it even when too many files are open: later nobody removes the name.
    pub(crate) fn is_ready(&self, last: bool) -> bool {
        let Some(shared) = self.shared.upgrade() else { return true };
        let _turn = shared.opening.lock();
        if shared.kept.get().is_none() {
            if shared.place.is_crowded() && !last {
                return false;
            }
            let Ok(reader) = shared.open() else { return false };
            let _ = shared.kept.set(reader);
        }
        true
    }
}
