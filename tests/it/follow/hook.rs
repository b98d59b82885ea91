//! A machine that calls a function before each operation: what other processes do meanwhile.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use walnut::Result;
use walnut::env::{Env, File, Lock, PathKind};

type Hook = Arc<dyn Fn() + Send + Sync>;

pub(super) struct HookEnv {
    inner: Arc<dyn Env>,
    hook: Hook,
}

impl HookEnv {
    pub(super) fn new(inner: Arc<dyn Env>, hook: impl Fn() + Send + Sync + 'static) -> Self {
        Self { inner, hook: Arc::new(hook) }
    }

    fn inner(&self) -> &dyn Env {
        (self.hook)();
        &*self.inner
    }

    fn file(&self, file: Result<Arc<dyn File>>) -> Result<Arc<dyn File>> {
        Ok(Arc::new(HookFile { inner: file?, hook: Arc::clone(&self.hook) }))
    }
}

impl fmt::Debug for HookEnv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HookEnv")
    }
}

impl Env for HookEnv {
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
        self.file(self.inner().create(path))
    }

    fn open(&self, path: &Path) -> Result<Arc<dyn File>> {
        self.file(self.inner().open(path))
    }

    fn reopen(&self, path: &Path) -> Result<Option<Arc<dyn File>>> {
        self.inner().reopen(path)?.map(|file| self.file(Ok(file))).transpose()
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
        let held = self.inner().open_dir(dir)?;
        Ok(held.map(|inner| Arc::new(Self { inner, hook: Arc::clone(&self.hook) }) as Arc<dyn Env>))
    }

    fn identify_dir(&self, dir: &Path) -> Result<Option<(u64, u64)>> {
        self.inner.identify_dir(dir)
    }

    fn free_space(&self, path: &Path) -> Result<u64> {
        self.inner.free_space(path)
    }

    fn is_in_memory(&self) -> bool {
        self.inner.is_in_memory()
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

struct HookFile {
    inner: Arc<dyn File>,
    hook: Hook,
}

impl HookFile {
    fn inner(&self) -> &dyn File {
        (self.hook)();
        &*self.inner
    }
}

impl fmt::Debug for HookFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HookFile").field(&self.inner.path()).finish()
    }
}

impl File for HookFile {
    fn path(&self) -> &Path {
        self.inner.path()
    }

    fn size(&self) -> Result<u64> {
        self.inner().size()
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> Result<usize> {
        self.inner().read_at(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<()> {
        self.inner().write_at(bytes, offset)
    }

    fn sync(&self) -> Result<()> {
        self.inner().sync()
    }

    fn set_size(&self, size: u64) -> Result<()> {
        self.inner().set_size(size)
    }
}
