//! A machine that calls a function before each operation, to see it, to delay it, or to do something else meanwhile.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use walnut::Result;
use walnut::env::{Env, File, Lock, PathKind};

/// An operation that is about to happen.
#[derive(Debug)]
pub enum WatchedOperation<'a> {
    /// A write to the n-th file that was created: n, the bytes and their offset.
    Write(usize, &'a [u8], u64),
    /// The sync of a file.
    Sync,
    /// Another one on a directory or a file.
    Other,
}

type Watch = Arc<dyn Fn(WatchedOperation<'_>) + Send + Sync>;

/// A machine with its watch.
#[derive(Clone)]
pub struct WatchedEnv {
    inner: Arc<dyn Env>,
    watch: Watch,
    created: Arc<AtomicUsize>,
    is_plain: bool,
}

impl WatchedEnv {
    /// Whatever `inner` can do, watched.
    pub fn new(inner: Arc<dyn Env>, watch: impl Fn(WatchedOperation<'_>) + Send + Sync + 'static) -> Self {
        Self { inner, watch: Arc::new(watch), created: Arc::default(), is_plain: false }
    }

    /// What every machine must be able to do, watched: it opens no directory and continues no file.
    pub fn plain(inner: Arc<dyn Env>, watch: impl Fn(WatchedOperation<'_>) + Send + Sync + 'static) -> Self {
        Self { is_plain: true, ..Self::new(inner, watch) }
    }

    fn inner(&self) -> &dyn Env {
        (self.watch)(WatchedOperation::Other);
        &*self.inner
    }

    fn watched(&self, inner: Arc<dyn File>, created: usize) -> Arc<dyn File> {
        Arc::new(WatchedFile { inner, watch: Arc::clone(&self.watch), created })
    }
}

impl fmt::Debug for WatchedEnv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WatchedEnv")
    }
}

impl Env for WatchedEnv {
    fn create_dir(&self, dir: &Path) -> Result<()> {
        self.inner().create_dir(dir)
    }

    fn sync_dir(&self, dir: &Path) -> Result<()> {
        self.inner().sync_dir(dir)
    }

    fn list(&self, dir: &Path) -> Result<Vec<String>> {
        self.inner().list(dir)
    }

    fn kind(&self, path: &Path) -> Result<Option<PathKind>> {
        self.inner().kind(path)
    }

    fn create(&self, path: &Path) -> Result<Arc<dyn File>> {
        let file = self.inner().create(path)?;
        Ok(self.watched(file, self.created.fetch_add(1, Ordering::SeqCst)))
    }

    fn open(&self, path: &Path) -> Result<Arc<dyn File>> {
        Ok(self.watched(self.inner().open(path)?, usize::MAX))
    }

    fn reopen(&self, path: &Path) -> Result<Option<Arc<dyn File>>> {
        if self.is_plain {
            return Ok(None);
        }
        Ok(self.inner().reopen(path)?.map(|file| self.watched(file, usize::MAX)))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        self.inner().rename(from, to)
    }

    fn remove(&self, path: &Path) -> Result<()> {
        self.inner().remove(path)
    }

    fn lock(&self, path: &Path) -> Result<Box<dyn Lock>> {
        self.inner().lock(path)
    }

    fn open_dir(&self, dir: &Path) -> Result<Option<Arc<dyn Env>>> {
        if self.is_plain {
            return Ok(None);
        }
        let held = self.inner().open_dir(dir)?;
        Ok(held.map(|inner| Arc::new(Self { inner, ..self.clone() }) as Arc<dyn Env>))
    }

    fn identify_dir(&self, dir: &Path) -> Result<Option<(u64, u64)>> {
        if self.is_plain { Ok(None) } else { self.inner.identify_dir(dir) }
    }

    fn free_space(&self, path: &Path) -> Result<u64> {
        self.inner.free_space(path)
    }

    fn is_in_memory(&self) -> bool {
        !self.is_plain && self.inner.is_in_memory()
    }

    fn process_id(&self) -> u32 {
        self.inner.process_id()
    }

    fn wall_clock(&self) -> Duration {
        self.inner.wall_clock()
    }

    fn monotonic_clock(&self) -> Duration {
        self.inner.monotonic_clock()
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        self.inner.fill_random(bytes);
    }
}

struct WatchedFile {
    inner: Arc<dyn File>,
    watch: Watch,
    created: usize,
}

impl WatchedFile {
    fn inner(&self, operation: WatchedOperation<'_>) -> &dyn File {
        (self.watch)(operation);
        &*self.inner
    }
}

impl fmt::Debug for WatchedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WatchedFile").field(&self.inner.path()).finish()
    }
}

impl File for WatchedFile {
    fn path(&self) -> &Path {
        self.inner.path()
    }

    fn size(&self) -> Result<u64> {
        self.inner(WatchedOperation::Other).size()
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> Result<usize> {
        self.inner(WatchedOperation::Other).read_at(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<()> {
        self.inner(WatchedOperation::Write(self.created, bytes, offset)).write_at(bytes, offset)
    }

    fn sync(&self) -> Result<()> {
        self.inner(WatchedOperation::Sync).sync()
    }

    fn set_size(&self, size: u64) -> Result<()> {
        self.inner(WatchedOperation::Other).set_size(size)
    }
}
