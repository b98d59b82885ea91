//! A machine that wraps another and fails on command.
//!
//! 1. Without a plan it does what the wrapped machine does.
//! 2. Every operation is counted, also one that fails; so a test runs a workload once to count, and then once
//!    for each operation to see it fail.
//! 3. Of several plans that strike at one operation the oldest has its effect; the others strike at a later
//!    one.
//!
//! Clocks and randomness cannot fail.

mod plan;

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::memory::MemoryFile;
use super::{Counts, Env, File, Lock, MemoryEnv, Operation, PathKind};
use crate::error::{Error, Result};

pub use plan::{FaultEffect, FaultPlan};

/// A machine that fails as planned. Clones are the same machine.
///
/// ```
/// use std::path::Path;
/// use walnut::env::{Env, FaultEffect, FaultEnv, FaultPlan, MemoryEnv, Operations};
///
/// fn workload(env: &dyn Env) -> walnut::Result<()> {
///     let file = env.create(Path::new("/file"))?;
///     file.write_at(b"bytes", 0)?;
///     file.sync()?;
///     env.sync_dir(Path::new("/"))
/// }
///
/// let counting = FaultEnv::over_memory(MemoryEnv::new());
/// workload(&counting)?;
/// let count = counting.counts().of(Operations::Any);
/// assert_eq!(count, 4);
/// for n in 0..count {
///     let env = FaultEnv::over_memory(MemoryEnv::new());
///     env.inject(FaultPlan::once(Operations::Any, n, FaultEffect::Error));
///     assert!(workload(&env).is_err());
/// }
/// # Ok::<(), walnut::Error>(())
/// ```
#[derive(Clone)]
pub struct FaultEnv {
    inner: Inner,
    book: Arc<Mutex<Book>>,
}

/// The wrapped machine. One in memory is told apart, because only there a lost sync can be played.
#[derive(Clone, Debug)]
enum Inner {
    Any(Arc<dyn Env>),
    Memory(MemoryEnv),
}

/// What was done, and what is planned.
#[derive(Debug, Default)]
struct Book {
    counts: Counts,
    plans: Vec<FaultPlan>,
    struck: u64,
}

impl FaultEnv {
    /// Wraps a machine.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use walnut::env::{Env, FaultEnv, OsEnv};
    /// let env = FaultEnv::new(Arc::new(OsEnv::new()));
    /// # let directory = tempfile::tempdir().unwrap();
    /// env.create(&directory.path().join("file"))?;
    /// # Ok::<(), walnut::Error>(())
    /// ```
    pub fn new(inner: Arc<dyn Env>) -> Self {
        Self { inner: Inner::Any(inner), book: Arc::default() }
    }

    /// Wraps a machine in memory, on which every effect can be played.
    pub fn over_memory(inner: MemoryEnv) -> Self {
        Self { inner: Inner::Memory(inner), book: Arc::default() }
    }

    /// Adds a plan.
    pub fn inject(&self, plan: FaultPlan) {
        self.book().plans.push(plan);
    }

    /// Gives up all plans, as when the cause of the trouble is gone.
    pub fn heal(&self) {
        self.book().plans.clear();
    }

    /// How many faults there were.
    pub fn struck(&self) -> u64 {
        self.book().struck
    }

    /// What was tried since this machine was made.
    pub fn counts(&self) -> Counts {
        self.book().counts
    }

    fn env(&self) -> &dyn Env {
        match &self.inner {
            Inner::Any(env) => env.as_ref(),
            Inner::Memory(env) => env,
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        lock(&self.book)
    }

    fn file(&self, inner: Arc<dyn File>, memory: Option<Arc<MemoryFile>>) -> Arc<dyn File> {
        Arc::new(FaultFile { inner, memory, book: Arc::clone(&self.book) })
    }
}

impl fmt::Debug for FaultEnv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (struck, plan_count) = {
            let book = self.book();
            (book.struck, book.plans.len())
        };
        f.debug_struct("FaultEnv")
            .field("inner", &self.inner)
            .field("plan_count", &plan_count)
            .field("struck", &struck)
            .finish_non_exhaustive()
    }
}

impl Env for FaultEnv {
    fn create_dir(&self, dir: &Path) -> Result<()> {
        attempt(&self.book, Operation::CreateDir, &[dir], || self.env().create_dir(dir))
    }

    fn sync_dir(&self, dir: &Path) -> Result<()> {
        let effect = self.book().meet(Operation::SyncDir, &[dir]);
        if let (Some(FaultEffect::LostSync), Inner::Memory(memory)) = (effect, &self.inner) {
            memory.lose_unsynced(dir)?;
        }
        play(effect, Operation::SyncDir, dir, || self.env().sync_dir(dir))
    }

    fn list(&self, dir: &Path) -> Result<Vec<String>> {
        attempt(&self.book, Operation::List, &[dir], || self.env().list(dir))
    }

    fn kind(&self, path: &Path) -> Result<Option<PathKind>> {
        attempt(&self.book, Operation::Kind, &[path], || self.env().kind(path))
    }

    fn create(&self, path: &Path) -> Result<Arc<dyn File>> {
        attempt(&self.book, Operation::Create, &[path], || match &self.inner {
            Inner::Any(env) => Ok(self.file(env.create(path)?, None)),
            Inner::Memory(memory) => {
                let file = memory.create_file(path)?;
                Ok(self.file(Arc::clone(&file) as Arc<dyn File>, Some(file)))
            }
        })
    }

    fn open(&self, path: &Path) -> Result<Arc<dyn File>> {
        attempt(&self.book, Operation::Open, &[path], || match &self.inner {
            Inner::Any(env) => Ok(self.file(env.open(path)?, None)),
            Inner::Memory(memory) => {
                let file = memory.open_file(path, false)?;
                Ok(self.file(Arc::clone(&file) as Arc<dyn File>, Some(file)))
            }
        })
    }

    fn reopen(&self, path: &Path) -> Result<Option<Arc<dyn File>>> {
        attempt(&self.book, Operation::Open, &[path], || match &self.inner {
            Inner::Any(env) => Ok(env.reopen(path)?.map(|file| self.file(file, None))),
            Inner::Memory(memory) => {
                let file = memory.open_file(path, true)?;
                Ok(Some(self.file(Arc::clone(&file) as Arc<dyn File>, Some(file))))
            }
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        attempt(&self.book, Operation::Rename, &[from, to], || self.env().rename(from, to))
    }

    fn remove(&self, path: &Path) -> Result<()> {
        attempt(&self.book, Operation::Remove, &[path], || self.env().remove(path))
    }

    fn lock(&self, path: &Path) -> Result<Box<dyn Lock>> {
        attempt(&self.book, Operation::Lock, &[path], || self.env().lock(path))
    }

    fn open_dir(&self, dir: &Path) -> Result<Option<Arc<dyn Env>>> {
        let held = attempt(&self.book, Operation::OpenDir, &[dir], || match &self.inner {
            Inner::Any(env) => Ok(env.open_dir(dir)?.map(Inner::Any)),
            Inner::Memory(memory) => Ok(Some(Inner::Memory(memory.hold(dir)?))),
        })?;
        Ok(held.map(|inner| Arc::new(Self { inner, book: Arc::clone(&self.book) }) as Arc<dyn Env>))
    }

    fn identify_dir(&self, dir: &Path) -> Result<Option<(u64, u64)>> {
        self.env().identify_dir(dir)
    }

    fn process_id(&self) -> u32 {
        self.env().process_id()
    }

    fn may_write(&self, dir: &Path) -> Result<bool> {
        attempt(&self.book, Operation::Kind, &[dir], || self.env().may_write(dir))
    }

    fn free_space(&self, path: &Path) -> Result<u64> {
        attempt(&self.book, Operation::FreeSpace, &[path], || self.env().free_space(path))
    }

    fn file_limit(&self) -> Option<usize> {
        self.env().file_limit()
    }

    fn is_in_memory(&self) -> bool {
        self.env().is_in_memory()
    }

    fn wall_clock(&self) -> Duration {
        self.env().wall_clock()
    }

    fn monotonic_clock(&self) -> Duration {
        self.env().monotonic_clock()
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        self.env().fill_random(bytes);
    }
}

/// A file whose operations fail as planned.
#[derive(Debug)]
struct FaultFile {
    inner: Arc<dyn File>,
    /// The same file, when it is one in memory.
    memory: Option<Arc<MemoryFile>>,
    book: Arc<Mutex<Book>>,
}

impl File for FaultFile {
    fn path(&self) -> &Path {
        self.inner.path()
    }

    fn size(&self) -> Result<u64> {
        attempt(&self.book, Operation::Size, &[self.path()], || self.inner.size())
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> Result<usize> {
        let effect = lock(&self.book).meet(Operation::Read, &[self.path()]);
        let count = play(effect, Operation::Read, self.path(), || self.inner.read_at(bytes, offset))?;
        if let Some(FaultEffect::FlippedBit(bit)) = effect {
            flip(&mut bytes[..count], bit);
        }
        lock(&self.book).counts.bytes_read += count as u64;
        Ok(count)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<()> {
        let effect = lock(&self.book).meet(Operation::Write, &[self.path()]);
        if let Some(FaultEffect::ShortWrite | FaultEffect::FullDisk) = effect {
            self.inner.write_at(&bytes[..bytes.len() / 2], offset)?;
        }
        play(effect, Operation::Write, self.path(), || self.inner.write_at(bytes, offset))?;
        lock(&self.book).counts.bytes_written += bytes.len() as u64;
        Ok(())
    }

    fn sync(&self) -> Result<()> {
        let effect = lock(&self.book).meet(Operation::Sync, &[self.path()]);
        if let (Some(FaultEffect::LostSync), Some(memory)) = (effect, &self.memory) {
            memory.lose_unsynced();
        }
        play(effect, Operation::Sync, self.path(), || self.inner.sync())
    }

    fn set_size(&self, size: u64) -> Result<()> {
        attempt(&self.book, Operation::SetSize, &[self.path()], || self.inner.set_size(size))
    }
}

impl Book {
    /// Counts an operation; the effect when it has to fail.
    fn meet(&mut self, operation: Operation, paths: &[&Path]) -> Option<FaultEffect> {
        self.counts.add(operation);
        let (place, effect) = self
            .plans
            .iter_mut()
            .enumerate()
            .find_map(|(place, plan)| plan.meet(operation, paths).map(|effect| (place, effect)))?;
        if !self.plans[place].is_for_ever() {
            self.plans.remove(place);
        }
        self.struck += 1;
        Some(effect)
    }
}

fn lock(book: &Mutex<Book>) -> MutexGuard<'_, Book> {
    book.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does an operation as planned, when no effect needs more than to leave it out or to hide its success.
fn attempt<T>(
    book: &Mutex<Book>,
    operation: Operation,
    paths: &[&Path],
    run: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let effect = lock(book).meet(operation, paths);
    play(effect, operation, paths[0], run)
}

fn play<T>(
    effect: Option<FaultEffect>,
    operation: Operation,
    path: &Path,
    run: impl FnOnce() -> Result<T>,
) -> Result<T> {
    match effect {
        None | Some(FaultEffect::FlippedBit(_)) => run(),
        Some(FaultEffect::ErrorAfter) => {
            run()?;
            Err(injected(operation, path))
        }
        Some(FaultEffect::FullDisk) => Err(Error::OutOfSpace),
        Some(FaultEffect::Kind(kind)) => Err(operation.failed(path, kind.into())),
        Some(FaultEffect::Error | FaultEffect::ShortWrite | FaultEffect::LostSync) => {
            Err(injected(operation, path))
        }
    }
}

fn injected(operation: Operation, path: &Path) -> Error {
    operation.failed(path, io::Error::other("the fault that was planned"))
}

fn flip(bytes: &mut [u8], bit: u64) {
    let Some(bits) = std::num::NonZeroU64::new(bytes.len() as u64 * 8) else { return };
    let bit = bit % bits;
    if let Some(byte) = usize::try_from(bit / 8).ok().and_then(|place| bytes.get_mut(place)) {
        *byte ^= 1 << (bit % 8);
    }
}

#[cfg(test)]
mod tests;
