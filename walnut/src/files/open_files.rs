//! The limit of open files.

use std::fmt;
use std::ops::Deref;
use std::path::Path;

use crate::env::{Env, File};
use crate::error::{Fault, Result};
use crate::sync::{Arc, AtomicUsize, Notify, Ordering};

/// Counts a database's open files.
#[derive(Debug)]
pub(crate) struct OpenFiles {
    limit: usize,
    count: AtomicUsize,
    nearly_full: Notify,
}

/// A file that is counted until it is dropped.
pub(crate) struct OpenFile {
    file: Arc<dyn File>,
    account: Arc<OpenFiles>,
}

impl OpenFiles {
    /// `limit` is exceeded only by transient readers and by obsolete files.
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, count: AtomicUsize::new(0), nearly_full: Notify::default() })
    }

    /// Sets the callback for when a file is opened close to the limit; only the first call has an
    /// effect.
    pub(crate) fn on_nearly_full(&self, callback: impl Fn() + Send + Sync + 'static) {
        self.nearly_full.set_callback(callback);
    }

    /// The number of files to keep open when some are closed. Closing starts an eighth below the
    /// limit and goes down to two eighths below it.
    pub(crate) fn target(&self) -> usize {
        self.limit - self.limit / 8 * 2
    }

    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    pub(crate) fn is_over_limit(&self) -> bool {
        self.count() > self.limit
    }

    /// Closing starts early, because a file stays open until the last reader drops the view that
    /// holds it.
    pub(super) fn notify_if_nearly_full(&self) {
        if self.count() > self.limit - self.limit / 8 {
            self.nearly_full.notify();
        }
    }

    /// Opens an existing file; a missing one is a fault.
    pub(crate) fn open(self: &Arc<Self>, env: &dyn Env, path: &Path) -> Result<OpenFile> {
        if env.kind(path)?.is_none() {
            return Err(Fault::Missing.at(path, 0));
        }
        Ok(self.register(env.open(path)?))
    }

    pub(crate) fn register(self: &Arc<Self>, file: Arc<dyn File>) -> OpenFile {
        self.count.fetch_add(1, Ordering::Relaxed);
        OpenFile { file, account: Arc::clone(self) }
    }
}

impl OpenFile {
    /// A file that is not counted against a database's limit.
    pub(crate) fn standalone(file: Arc<dyn File>) -> Self {
        OpenFiles::new(1).register(file)
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
