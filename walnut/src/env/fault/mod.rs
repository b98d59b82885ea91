//! Fault injection: a machine that wraps another and fails on command.
//!
//! 1. Without a plan it behaves as the wrapped machine.
//! 2. Every operation is counted, failed ones included; so a test runs a workload once to count,
//!    and then once for each operation to see it fail.
//! 3. Of several plans that apply to one operation the oldest takes effect; the others apply to a
//!    later one.
//!
//! Clocks and randomness cannot fail.

mod plan;

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
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
    state: Arc<Mutex<FaultState>>,
}

/// A lost sync can be simulated only on a machine in memory.
#[derive(Clone, Debug)]
enum Inner {
    Any(Arc<dyn Env>),
    Memory(MemoryEnv),
}

/// The counts of operations, and the plans.
#[derive(Debug, Default)]
struct FaultState {
    counts: Counts,
    plans: Vec<FaultPlan>,
    struck: u64,
    syncs_after_failure: u64,
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
        Self { inner: Inner::Any(inner), state: Arc::default() }
    }

    /// Wraps a machine in memory, on which every effect can be simulated.
    pub fn over_memory(inner: MemoryEnv) -> Self {
        Self { inner: Inner::Memory(inner), state: Arc::default() }
    }

    /// Adds a plan.
    pub fn inject(&self, plan: FaultPlan) {
        self.state().plans.push(plan);
    }

    /// Drops all plans, as when the cause of the faults is gone.
    pub fn heal(&self) {
        self.state().plans.clear();
    }

    /// The number of injected faults.
    pub fn struck(&self) -> u64 {
        self.state().struck
    }

    /// The number of syncs of files that were tried through a handle whose sync had failed before.
    /// The bytes of the failed sync may be lost although such a sync succeeds, so a store that
    /// trusts in one loses data.
    pub fn syncs_after_failure(&self) -> u64 {
        self.state().syncs_after_failure
    }

    /// The operations that were tried since this machine was created.
    pub fn counts(&self) -> Counts {
        self.state().counts
    }

    fn env(&self) -> &dyn Env {
        match &self.inner {
            Inner::Any(env) => env.as_ref(),
            Inner::Memory(env) => env,
        }
    }

    fn state(&self) -> MutexGuard<'_, FaultState> {
        lock(&self.state)
    }

    fn file(&self, inner: Arc<dyn File>, memory: Option<Arc<MemoryFile>>) -> Arc<dyn File> {
        let has_failed = AtomicBool::new(false);
        Arc::new(FaultFile { inner, memory, has_failed, state: Arc::clone(&self.state) })
    }
}

impl fmt::Debug for FaultEnv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (struck, plan_count) = {
            let state = self.state();
            (state.struck, state.plans.len())
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
        attempt(&self.state, Operation::CreateDir, &[dir], || self.env().create_dir(dir))
    }

    fn sync_dir(&self, dir: &Path) -> Result<()> {
        let effect = self.state().on_operation(Operation::SyncDir, &[dir]);
        if let (Some(FaultEffect::LostSync), Inner::Memory(memory)) = (effect, &self.inner) {
            memory.lose_unsynced(dir)?;
        }
        run_with(effect, Operation::SyncDir, dir, || self.env().sync_dir(dir))
    }

    fn list(&self, dir: &Path) -> Result<Vec<String>> {
        attempt(&self.state, Operation::List, &[dir], || self.env().list(dir))
    }

    fn kind(&self, path: &Path) -> Result<Option<PathKind>> {
        attempt(&self.state, Operation::Kind, &[path], || self.env().kind(path))
    }

    fn create(&self, path: &Path) -> Result<Arc<dyn File>> {
        attempt(&self.state, Operation::Create, &[path], || match &self.inner {
            Inner::Any(env) => Ok(self.file(env.create(path)?, None)),
            Inner::Memory(memory) => {
                let file = memory.create_file(path)?;
                Ok(self.file(Arc::clone(&file) as Arc<dyn File>, Some(file)))
            }
        })
    }

    fn open(&self, path: &Path) -> Result<Arc<dyn File>> {
        attempt(&self.state, Operation::Open, &[path], || match &self.inner {
            Inner::Any(env) => Ok(self.file(env.open(path)?, None)),
            Inner::Memory(memory) => {
                let file = memory.open_file(path, false)?;
                Ok(self.file(Arc::clone(&file) as Arc<dyn File>, Some(file)))
            }
        })
    }

    fn reopen(&self, path: &Path) -> Result<Option<Arc<dyn File>>> {
        attempt(&self.state, Operation::Open, &[path], || match &self.inner {
            Inner::Any(env) => Ok(env.reopen(path)?.map(|file| self.file(file, None))),
            Inner::Memory(memory) => {
                let file = memory.open_file(path, true)?;
                Ok(Some(self.file(Arc::clone(&file) as Arc<dyn File>, Some(file))))
            }
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        attempt(&self.state, Operation::Rename, &[from, to], || self.env().rename(from, to))
    }

    fn remove(&self, path: &Path) -> Result<()> {
        attempt(&self.state, Operation::Remove, &[path], || self.env().remove(path))
    }

    fn lock(&self, path: &Path) -> Result<Box<dyn Lock>> {
        attempt(&self.state, Operation::Lock, &[path], || self.env().lock(path))
    }

    fn open_dir(&self, dir: &Path) -> Result<Option<Arc<dyn Env>>> {
        let held = attempt(&self.state, Operation::OpenDir, &[dir], || match &self.inner {
            Inner::Any(env) => Ok(env.open_dir(dir)?.map(Inner::Any)),
            Inner::Memory(memory) => Ok(Some(Inner::Memory(memory.hold(dir)?))),
        })?;
        Ok(held.map(|inner| Arc::new(Self { inner, state: Arc::clone(&self.state) }) as Arc<dyn Env>))
    }

    fn identify_dir(&self, dir: &Path) -> Result<Option<(u64, u64)>> {
        self.env().identify_dir(dir)
    }

    fn process_id(&self) -> u32 {
        self.env().process_id()
    }

    fn may_write(&self, dir: &Path) -> Result<bool> {
        attempt(&self.state, Operation::Kind, &[dir], || self.env().may_write(dir))
    }

    fn free_space(&self, path: &Path) -> Result<u64> {
        attempt(&self.state, Operation::FreeSpace, &[path], || self.env().free_space(path))
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
    /// Whether a sync has failed.
    has_failed: AtomicBool,
    state: Arc<Mutex<FaultState>>,
}

impl File for FaultFile {
    fn path(&self) -> &Path {
        self.inner.path()
    }

    fn size(&self) -> Result<u64> {
        attempt(&self.state, Operation::Size, &[self.path()], || self.inner.size())
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> Result<usize> {
        let effect = lock(&self.state).on_operation(Operation::Read, &[self.path()]);
        let count = run_with(effect, Operation::Read, self.path(), || self.inner.read_at(bytes, offset))?;
        if let Some(FaultEffect::FlippedBit(bit)) = effect {
            flip(&mut bytes[..count], bit);
        }
        lock(&self.state).counts.bytes_read += count as u64;
        Ok(count)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<()> {
        let effect = lock(&self.state).on_operation(Operation::Write, &[self.path()]);
        if let Some(FaultEffect::ShortWrite | FaultEffect::FullDisk) = effect {
            self.inner.write_at(&bytes[..bytes.len() / 2], offset)?;
        }
        run_with(effect, Operation::Write, self.path(), || self.inner.write_at(bytes, offset))?;
        lock(&self.state).counts.bytes_written += bytes.len() as u64;
        Ok(())
    }

    fn sync(&self) -> Result<()> {
        let effect = {
            let mut state = lock(&self.state);
            state.syncs_after_failure += u64::from(self.has_failed.load(Ordering::SeqCst));
            state.on_operation(Operation::Sync, &[self.path()])
        };
        if let (Some(FaultEffect::LostSync), Some(memory)) = (effect, &self.memory) {
            memory.lose_unsynced();
        }
        run_with(effect, Operation::Sync, self.path(), || self.inner.sync())
            .inspect_err(|_| self.has_failed.store(true, Ordering::SeqCst))
    }

    fn set_size(&self, size: u64) -> Result<()> {
        attempt(&self.state, Operation::SetSize, &[self.path()], || self.inner.set_size(size))
    }
}

impl FaultState {
    /// Counts an operation; returns the effect when it has to fail.
    fn on_operation(&mut self, operation: Operation, paths: &[&Path]) -> Option<FaultEffect> {
        self.counts.add(operation);
        let (index, effect) =
            self.plans.iter_mut().enumerate().find_map(|(index, plan)| {
                plan.on_operation(operation, paths).map(|effect| (index, effect))
            })?;
        if !self.plans[index].is_for_ever() {
            self.plans.remove(index);
        }
        self.struck += 1;
        Some(effect)
    }
}

fn lock(state: &Mutex<FaultState>) -> MutexGuard<'_, FaultState> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Performs an operation as planned, for effects that only suppress it or its success.
fn attempt<T>(
    state: &Mutex<FaultState>,
    operation: Operation,
    paths: &[&Path],
    run: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let effect = lock(state).on_operation(operation, paths);
    run_with(effect, operation, paths[0], run)
}

fn run_with<T>(
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
    if let Some(byte) = usize::try_from(bit / 8).ok().and_then(|index| bytes.get_mut(index)) {
        *byte ^= 1 << (bit % 8);
    }
}

#[cfg(test)]
mod tests;
