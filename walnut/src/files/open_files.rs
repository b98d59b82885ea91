//! How many files are open for reads, and who is called when these are too many.

use std::fmt;
use std::ops::Deref;
use std::path::Path;

use crate::env::{Env, File};
use crate::error::{Fault, Result};
use crate::sync::{Arc, AtomicUsize, Notify, Ordering};

/// The account of a database's open files.
#[derive(Debug)]
pub(crate) struct OpenFiles {
    limit: usize,
    count: AtomicUsize,
    nearly_full: Notify,
}

/// A file that counts as open until it is dropped.
pub(crate) struct OpenFile {
    file: Arc<dyn File>,
    account: Arc<OpenFiles>,
}

impl OpenFiles {
    /// An account of no more than so many files, unless there is no other way.
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, count: AtomicUsize::new(0), nearly_full: Notify::default() })
    }

    /// Says what is done when a file is opened and there are nearly too many; only the first time counts.
    pub(crate) fn when_nearly_crowded(&self, answer: impl Fn() + Send + Sync + 'static) {
        self.nearly_full.answer(answer);
    }

    /// How many stay open when some are closed, which is done an eighth before the limit and down to two eighths before it.
    pub(crate) fn target(&self) -> usize {
        self.limit - self.limit / 8 * 2
    }

    /// How many are open.
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Whether more are open than may be.
    pub(crate) fn is_crowded(&self) -> bool {
        self.count() > self.limit
    }

    /// Has some closed before there are too many: they are open until nobody reads the view that they were in.
    pub(super) fn call_in_time(&self) {
        if self.count() > self.limit - self.limit / 8 {
            self.nearly_full.notify();
        }
    }

    /// Opens a file that is there; one that is missing is a fault.
    pub(crate) fn open(self: &Arc<Self>, env: &dyn Env, path: &Path) -> Result<OpenFile> {
        if env.kind(path)?.is_none() {
            return Err(Fault::Missing.at(path, 0));
        }
        Ok(self.admit(env.open(path)?))
    }

    /// Counts a file that was opened.
    pub(crate) fn admit(self: &Arc<Self>, file: Arc<dyn File>) -> OpenFile {
        self.count.fetch_add(1, Ordering::Relaxed);
        OpenFile { file, account: Arc::clone(self) }
    }
}

impl OpenFile {
    /// A file in an account of its own, for those who read only this one.
    pub(crate) fn lone(file: Arc<dyn File>) -> Self {
        OpenFiles::new(1).admit(file)
    }
}

impl Deref for OpenFile {
    type Target = Arc<dyn File>;

    #[inline]
    fn deref(&self) -> &Arc<dyn File> {
        &self.file
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        self.account.count.fetch_sub(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for OpenFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OpenFile").field(&self.file.path()).finish()
    }
}
