//! A file that is known and opened when somebody first reads it.
//!
//! ```text
//!   Handle (of a view) --first read--> reader: the file, and what of it is in memory
//!    \-> Shared (of the file) --before its name goes, if somebody may still come to read--> the same, kept
//! ```
//!
//! 1. A handle that is open stays open: who has it reads without a lock and counts no reference. A file is closed by putting a
//!    handle that is not open in the place of one that is, in a new view; who reads the old view reads on.
//! 2. No more files stay open than may. Who comes to one more has some closed; as long as others read the views in which these are open,
//!    it is open for its reader only.
//! 3. A name is removed only when the file is open for all who may still come to read it, or nobody can.
//! 4. What is wrong with a file is found when it is opened or read, and names it.

use std::fmt::Debug;
use std::ops::Deref;
use std::sync::Weak;

use super::OpenFiles;
use crate::base::FileNumber;
use crate::error::Result;
use crate::sync::{Arc, AtomicBool, Mutex, OnceLock, Ordering};

/// Where files of one kind are.
pub(crate) trait FileStore: Debug {
    /// What the manifest says of a file.
    type Meta: Debug;
    /// A file that is open.
    type Reader: Debug;

    /// The number in the file's name.
    fn number(meta: &Self::Meta) -> FileNumber;

    /// Opens a file that is there; one that is missing is a fault.
    fn open(&self, meta: &Self::Meta) -> Result<Arc<Self::Reader>>;

    /// The account in which its readers are.
    fn open_files(&self) -> &OpenFiles;
}

/// A file of a view.
#[derive(Debug)]
pub(crate) struct Handle<P: FileStore> {
    shared: Arc<SharedFile<P>>,
    reader: OnceLock<Arc<P::Reader>>,
    /// Whether it was read since somebody last looked.
    used: AtomicBool,
}

/// What all handles of a file share.
#[derive(Debug)]
struct SharedFile<P: FileStore> {
    store: Arc<P>,
    meta: Arc<P::Meta>,
    /// Open since before the file lost its name.
    kept: OnceLock<Arc<P::Reader>>,
    /// Held while the file is opened.
    opening: Mutex<()>,
}

/// A reader that is open for as long as its handle, or for the caller alone.
pub(crate) enum OpenReader<'h, R> {
    Cached(&'h Arc<R>),
    Transient(Arc<R>),
}

/// A file that no version names any more, and that somebody may still read.
#[derive(Debug)]
pub(crate) struct ObsoleteFile<P: FileStore> {
    number: FileNumber,
    shared: Weak<SharedFile<P>>,
}

impl<P: FileStore> Handle<P> {
    /// A file that is there and was not opened.
    pub(crate) fn closed(place: &Arc<P>, meta: &Arc<P::Meta>) -> Self {
        Self::of(Arc::new(SharedFile {
            store: Arc::clone(place),
            meta: Arc::clone(meta),
            kept: OnceLock::new(),
            opening: Mutex::default(),
        }))
    }

    /// A file that was just made. It is opened, which checks it, and stays open if it may.
    pub(crate) fn made(place: &Arc<P>, meta: &Arc<P::Meta>) -> Result<Arc<Self>> {
        let handle = Self::closed(place, meta);
        handle.reader()?;
        Ok(Arc::new(handle))
    }

    /// Another handle of the same file, which is not open.
    pub(crate) fn clone_unopened(&self) -> Self {
        Self::of(Arc::clone(&self.shared))
    }

    fn of(shared: Arc<SharedFile<P>>) -> Self {
        Self { shared, reader: OnceLock::new(), used: AtomicBool::new(false) }
    }

    /// What the manifest says of it.
    #[inline]
    pub(crate) fn meta(&self) -> &P::Meta {
        &self.shared.meta
    }

    /// The open file. It is opened when it is not, and stays open if it may.
    #[inline]
    pub(crate) fn reader(&self) -> Result<OpenReader<'_, P::Reader>> {
        self.touch();
        match self.reader.get() {
            Some(reader) => Ok(OpenReader::Cached(reader)),
            None => self.open(),
        }
    }

    #[cold]
    fn open(&self) -> Result<OpenReader<'_, P::Reader>> {
        let _turn = self.shared.opening.lock();
        if let Some(reader) = self.reader.get() {
            return Ok(OpenReader::Cached(reader));
        }
        let reader = self.shared.open()?;
        let open_files = self.shared.store.open_files();
        // Whoever closes files opens none, and so waits for no turn.
        open_files.call_in_time();
        if open_files.is_crowded() {
            return Ok(OpenReader::Transient(reader));
        }
        Ok(OpenReader::Cached(self.reader.get_or_init(|| reader)))
    }

    /// The open file, or one that is closed after use.
    pub(crate) fn open_transient(&self) -> Result<Arc<P::Reader>> {
        if let Some(reader) = self.reader.get() {
            return Ok(Arc::clone(reader));
        }
        let _turn = self.shared.opening.lock();
        self.shared.open()
    }

    /// The file, if it is open.
    #[inline]
    pub(crate) fn if_open(&self) -> Option<&P::Reader> {
        self.touch();
        self.reader.get().map(|reader| &**reader)
    }

    /// Whether it is open.
    pub(crate) fn is_open(&self) -> bool {
        self.reader.get().is_some()
    }

    #[inline]
    fn touch(&self) {
        // A store would take the line from all who read the file.
        if !self.used.load(Ordering::Relaxed) {
            self.used.store(true, Ordering::Relaxed);
        }
    }

    /// Whether it was read since this was last asked.
    pub(crate) fn take_used(&self) -> bool {
        self.used.swap(false, Ordering::Relaxed)
    }

    /// Takes note that no version names the file any more.
    pub(crate) fn mark_obsolete(&self) -> ObsoleteFile<P> {
        ObsoleteFile { number: P::number(self.meta()), shared: Arc::downgrade(&self.shared) }
    }
}

impl<R> Deref for OpenReader<'_, R> {
    type Target = Arc<R>;

    #[inline]
    fn deref(&self) -> &Arc<R> {
        match self {
            Self::Cached(reader) => reader,
            Self::Transient(reader) => reader,
        }
    }
}

impl<P: FileStore> SharedFile<P> {
    /// Opens the file, or gives it as it was kept. The caller holds the turn.
    fn open(&self) -> Result<Arc<P::Reader>> {
        self.kept.get().map_or_else(|| self.store.open(&self.meta), |kept| Ok(Arc::clone(kept)))
    }
}

impl<P: FileStore> ObsoleteFile<P> {
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
            if shared.store.open_files().is_crowded() && !last {
                return false;
            }
            let Ok(reader) = shared.open() else { return false };
            let _ = shared.kept.set(reader);
        }
        true
    }
}
