//! The table cache's entry: an immutable file that is opened by its first read.
//!
//! ```text
//!   Handle (of a view) --first read--> reader: the open file, and its parts in memory
//!    \-> SharedFile --before the file is unlinked, if a reader may come--> the reader, retained
//! ```
//!
//! 1. An open handle stays open: a read takes no lock and counts no reference. A file is closed by
//!    a new view with an unopened handle in place of the open one; readers of the old view are not
//!    affected.
//! 2. The limit of open files holds. A reader that opens one more triggers the closing of others;
//!    as long as old views keep these open, the file is open for that reader alone.
//! 3. A file is unlinked only after it is open for every reader that may still come, or when no
//!    reader can.
//! 4. A damaged file is detected when it is opened or read; the error names it.

use std::fmt::Debug;
use std::ops::Deref;
use std::sync::Weak;

use super::OpenFiles;
use crate::base::FileNumber;
use crate::error::Result;
use crate::sync::{Arc, AtomicBool, Mutex, OnceLock, Ordering};

/// Opens files of one kind.
pub(crate) trait FileStore: Debug {
    /// The manifest's metadata of a file.
    type Meta: Debug;
    /// An open file.
    type Reader: Debug;

    /// The number in the file's name.
    fn number(meta: &Self::Meta) -> FileNumber;

    /// Opens an existing file; a missing one is a fault.
    fn open(&self, meta: &Self::Meta) -> Result<Arc<Self::Reader>>;

    /// Where its readers are counted.
    fn open_files(&self) -> &OpenFiles;
}

/// A file of a view.
#[derive(Debug)]
pub(crate) struct Handle<P: FileStore> {
    shared: Arc<SharedFile<P>>,
    reader: OnceLock<Arc<P::Reader>>,
    /// Whether it was read since the last [`take_used`](Self::take_used).
    used: AtomicBool,
}

/// Shared by all handles of a file.
#[derive(Debug)]
struct SharedFile<P: FileStore> {
    store: Arc<P>,
    meta: Arc<P::Meta>,
    /// The reader, from before the file was unlinked.
    retained: OnceLock<Arc<P::Reader>>,
    /// Held while the file is opened.
    opening: Mutex<()>,
}

/// A reader that is open as long as its handle, or for one caller only.
pub(crate) enum OpenReader<'h, R> {
    Cached(&'h Arc<R>),
    Transient(Arc<R>),
}

/// A file that no version refers to, but that a reader of an old view may still need.
#[derive(Debug)]
pub(crate) struct ObsoleteFile<P: FileStore> {
    number: FileNumber,
    shared: Weak<SharedFile<P>>,
}

impl<P: FileStore> Handle<P> {
    /// A handle of an existing file, which is not opened.
    pub(crate) fn unopened(store: &Arc<P>, meta: &Arc<P::Meta>) -> Self {
        Self::of(Arc::new(SharedFile {
            store: Arc::clone(store),
            meta: Arc::clone(meta),
            retained: OnceLock::new(),
            opening: Mutex::default(),
        }))
    }

    /// A handle of a file that was just created. The file is opened, which checks it, and stays
    /// open if the limit permits.
    pub(crate) fn open_new(store: &Arc<P>, meta: &Arc<P::Meta>) -> Result<Arc<Self>> {
        let handle = Self::unopened(store, meta);
        handle.reader()?;
        Ok(Arc::new(handle))
    }

    /// Another handle of the same file, not opened.
    pub(crate) fn clone_unopened(&self) -> Self {
        Self::of(Arc::clone(&self.shared))
    }

    fn of(shared: Arc<SharedFile<P>>) -> Self {
        Self { shared, reader: OnceLock::new(), used: AtomicBool::new(false) }
    }

    #[inline]
    pub(crate) fn meta(&self) -> &P::Meta {
        &self.shared.meta
    }

    /// The open file. It is opened if necessary, and stays open if the limit permits.
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
        let _opening = self.shared.opening.lock();
        if let Some(reader) = self.reader.get() {
            return Ok(OpenReader::Cached(reader));
        }
        let reader = self.shared.open()?;
        let open_files = self.shared.store.open_files();
        // The thread that closes files opens none, so it never waits for `opening`.
        open_files.notify_if_nearly_full();
        if open_files.is_over_limit() {
            return Ok(OpenReader::Transient(reader));
        }
        Ok(OpenReader::Cached(self.reader.get_or_init(|| reader)))
    }

    /// The open file, or a reader that is closed after use.
    pub(crate) fn open_transient(&self) -> Result<Arc<P::Reader>> {
        if let Some(reader) = self.reader.get() {
            return Ok(Arc::clone(reader));
        }
        let _opening = self.shared.opening.lock();
        self.shared.open()
    }

    /// The file, if it is open.
    #[inline]
    pub(crate) fn if_open(&self) -> Option<&P::Reader> {
        self.touch();
        self.reader.get().map(|reader| &**reader)
    }

    pub(crate) fn is_open(&self) -> bool {
        self.reader.get().is_some()
    }

    #[inline]
    fn touch(&self) {
        // Reading first keeps the cache line shared among all readers of the file.
        if !self.used.load(Ordering::Relaxed) {
            self.used.store(true, Ordering::Relaxed);
        }
    }

    /// Whether it was read since the last call.
    pub(crate) fn take_used(&self) -> bool {
        self.used.swap(false, Ordering::Relaxed)
    }

    /// To be called when no version refers to the file any more.
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
    /// Opens the file, or returns the retained reader. The caller holds `opening`.
    fn open(&self) -> Result<Arc<P::Reader>> {
        self.retained.get().map_or_else(|| self.store.open(&self.meta), |kept| Ok(Arc::clone(kept)))
    }
}

impl<P: FileStore> ObsoleteFile<P> {
    /// A file that no reader can reach.
    pub(crate) fn unread(number: FileNumber) -> Self {
        Self { number, shared: Weak::new() }
    }

    pub(crate) fn number(&self) -> FileNumber {
        self.number
    }

    /// Whether the file can be unlinked: no reader can come to it, or it is open for all of them
    /// from now on. The `last` call opens it even above the limit of open files, because nothing
    /// unlinks it later.
    pub(crate) fn is_ready(&self, last: bool) -> bool {
        let Some(shared) = self.shared.upgrade() else { return true };
        let _opening = shared.opening.lock();
        if shared.retained.get().is_none() {
            if shared.store.open_files().is_over_limit() && !last {
                return false;
            }
            let Ok(reader) = shared.open() else { return false };
            let _ = shared.retained.set(reader);
        }
        true
    }
}
