//! A machine in memory whose power can fail.
//!
//! ```text
//!   MemoryEnv, MemoryFile, MemoryLock     handles
//!     machine                             power, clock, randomness, locks, counts, trace
//!       disk                              paths, capacity
//!         directory    inode              visible state, durable state, the changes in between
//!           crash                         which of those changes survive
//!             image                       bytes
//! ```
//!
//! 1. It guarantees what [`env`](super) requires and nothing more: data that was not synced may be
//!    lost in every way that POSIX allows.
//! 2. The same calls on a machine with the same seed have the same results, times and trace.
//! 3. A crash leaves the old machine unchanged. Cost: the pending changes and a step per file.
//!
//! There are no links, no permissions, and no files beyond 1 GiB, and [`Env`] removes no directory.

mod crash;
mod directory;
mod disk;
mod file;
mod image;
mod inode;
mod machine;
mod random;

use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::{Counts, Env, File, Lock, Operation, Operations, PathKind};
use crate::error::Result;

pub use crash::CrashPolicy;
use directory::DirectoryId;
use disk::Location;
pub(super) use file::MemoryFile;
use file::MemoryLock;
use machine::{Machine, PowerCut};

/// A machine in memory, for tests: it can lose power, run out of space, and report what was done to
/// it. Clones are the same machine.
///
/// ```
/// use std::path::Path;
/// use walnut::env::{CrashPolicy, Env, MemoryEnv};
///
/// let env = MemoryEnv::new();
/// let file = env.create(Path::new("/notes"))?;
/// file.write_at(b"one ", 0)?;
/// file.sync()?;
/// env.sync_dir(Path::new("/"))?;
/// file.write_at(b"two", 4)?;
///
/// let lost = env.crash(CrashPolicy::Lost, 0);
/// assert_eq!(lost.read_file("/notes").unwrap(), b"one ");
/// let kept = env.crash(CrashPolicy::Kept, 0);
/// assert_eq!(kept.read_file("/notes").unwrap(), b"one two");
/// # Ok::<(), walnut::Error>(())
/// ```
#[derive(Clone)]
pub struct MemoryEnv {
    machine: Arc<Machine>,
    /// An open directory, and the path by which it was opened: paths below that are relative to it.
    held: Option<(Arc<Path>, DirectoryId)>,
}

impl MemoryEnv {
    /// A machine with an empty root directory, and seed 0.
    pub fn new() -> Self {
        Self::with_seed(0)
    }

    /// A machine whose randomness depends on a seed. Its clocks start at fixed times and advance by
    /// a microsecond whenever they are read.
    ///
    /// ```
    /// use walnut::env::{Env, MemoryEnv};
    /// let (mut one, mut same, mut other) = ([0; 8], [0; 8], [0; 8]);
    /// MemoryEnv::with_seed(1).fill_random(&mut one);
    /// MemoryEnv::with_seed(1).fill_random(&mut same);
    /// MemoryEnv::with_seed(2).fill_random(&mut other);
    /// assert!(one == same && one != other);
    /// ```
    pub fn with_seed(seed: u64) -> Self {
        Self { machine: Arc::new(Machine::new(seed)), held: None }
    }

    /// A machine for programs and not for tests: it has the clocks and the randomness of the
    /// operating system, loses everything in a crash, and stores every byte once.
    pub(crate) fn with_real_time() -> Self {
        Self { machine: Arc::new(Machine::real()), held: None }
    }

    /// Advances both clocks.
    ///
    /// ```
    /// use std::time::Duration;
    /// use walnut::env::{Env, MemoryEnv};
    /// let env = MemoryEnv::new();
    /// let before = env.monotonic_clock();
    /// env.advance(Duration::from_secs(60));
    /// assert!(env.monotonic_clock() - before >= Duration::from_secs(60));
    /// ```
    pub fn advance(&self, time: Duration) {
        self.machine.state().advance(time);
    }

    /// The machine that boots after a power failure now: with all synced data, and of the rest what
    /// the policy keeps. No file is open or locked on it, its counts start at zero and its power is
    /// on; capacity and wall clock continue. This machine is unchanged, and can crash again.
    ///
    /// ```
    /// use std::path::Path;
    /// use walnut::env::{CrashPolicy, Env, MemoryEnv};
    ///
    /// let env = MemoryEnv::new();
    /// env.create(Path::new("/nameless"))?.sync()?;
    /// let survives = |seed| !env.crash(CrashPolicy::Mixed, seed).files().is_empty();
    /// assert!((0..100).any(survives) && !(0..100).all(survives));
    /// # Ok::<(), walnut::Error>(())
    /// ```
    pub fn crash(&self, policy: CrashPolicy, seed: u64) -> Self {
        Self { machine: Arc::new(self.machine.crash(policy, seed)), held: None }
    }

    /// Turns the power off: every later operation fails. Files and locks can still be dropped, the
    /// clocks run, and the helpers for tests work.
    pub fn power_off(&self) {
        self.machine.state().is_off = true;
    }

    /// Turns the power off as soon as `count` more of these operations are done; at once when
    /// `count` is zero.
    ///
    /// ```
    /// use std::path::Path;
    /// use walnut::env::{Env, MemoryEnv, Operations};
    ///
    /// let env = MemoryEnv::new();
    /// let file = env.create(Path::new("/file"))?;
    /// env.power_off_after(Operations::Syncs, 1);
    /// file.write_at(b"saved", 0)?;
    /// file.sync()?;
    /// assert!(env.is_off() && file.write_at(b"never", 5).is_err());
    /// # Ok::<(), walnut::Error>(())
    /// ```
    pub fn power_off_after(&self, operations: impl Into<Operations>, count: u64) {
        let mut state = self.machine.state();
        state.is_off |= count == 0;
        state.cut = Some(PowerCut { operations: operations.into(), left: count, lingers: false });
    }

    /// Turns the power off after `count` more of these operations, at the moment the next one is
    /// tried: that one is not performed, but all other operations in between are. With
    /// [`Operations::Syncs`] this is the moment with the most unsynced data.
    ///
    /// ```
    /// use std::path::Path;
    /// use walnut::env::{Env, MemoryEnv, Operations};
    ///
    /// let env = MemoryEnv::new();
    /// let file = env.create(Path::new("/file"))?;
    /// env.power_off_before_next(Operations::Syncs, 1);
    /// file.sync()?;
    /// file.write_at(b"pending", 0)?;
    /// assert!(file.sync().is_err() && env.is_off());
    /// # Ok::<(), walnut::Error>(())
    /// ```
    pub fn power_off_before_next(&self, operations: impl Into<Operations>, count: u64) {
        self.machine.state().cut =
            Some(PowerCut { operations: operations.into(), left: count, lingers: true });
    }

    /// Whether the power is off.
    pub fn is_off(&self) -> bool {
        self.machine.state().is_off
    }

    /// The operations since the machine started.
    pub fn counts(&self) -> Counts {
        self.machine.state().counts
    }

    /// The number of syncs of files and directories since the machine started.
    pub fn sync_count(&self) -> u64 {
        self.counts().of(Operations::Syncs)
    }

    /// Starts a new trace, to which each operation adds a line.
    pub fn start_trace(&self) {
        self.machine.state().trace = Some(Vec::new());
    }

    /// The operations since [`start_trace`](Self::start_trace), one per line, failed ones included;
    /// empty when it was never called.
    ///
    /// ```
    /// use std::path::Path;
    /// use walnut::env::{Env, MemoryEnv};
    ///
    /// let env = MemoryEnv::new();
    /// env.start_trace();
    /// env.create(Path::new("/a"))?.write_at(b"walnut", 2)?;
    /// env.rename(Path::new("/a"), Path::new("/b"))?;
    /// assert_eq!(env.trace(), ["create /a", "write /a 2+6", "rename /a /b"]);
    /// # Ok::<(), walnut::Error>(())
    /// ```
    pub fn trace(&self) -> Vec<String> {
        self.machine.state().trace.clone().unwrap_or_default()
    }

    /// Sets or removes the limit of space. A file takes as many bytes as it is long, until it has
    /// neither a name nor a handle; names take none. Existing files stay, even beyond the limit.
    ///
    /// ```
    /// use std::path::Path;
    /// use walnut::Error;
    /// use walnut::env::{Env, MemoryEnv};
    ///
    /// let env = MemoryEnv::new();
    /// env.set_capacity(Some(4));
    /// let file = env.create(Path::new("/file"))?;
    /// assert!(matches!(file.write_at(b"walnut", 0), Err(Error::OutOfSpace)));
    /// env.set_capacity(Some(10));
    /// file.write_at(b"walnut", 0)?;
    /// assert_eq!(env.free_space(Path::new("/"))?, 4);
    /// # Ok::<(), walnut::Error>(())
    /// ```
    pub fn set_capacity(&self, capacity: Option<u64>) {
        self.machine.state().disk.capacity = capacity;
    }

    /// The bytes of a file as a reader sees them now; `None` when there is no file.
    pub fn read_file(&self, path: impl AsRef<Path>) -> Option<Vec<u8>> {
        let inode = self.machine.state().disk.open(path.as_ref().into()).ok()?;
        let image = inode.content().seen().clone();
        Some(image.to_vec())
    }

    /// Writes a file, durable with its name and all directories above it, which are created if
    /// missing. Open handles see the new bytes, so this is how a test damages a file.
    ///
    /// ```
    /// use walnut::env::{CrashPolicy, MemoryEnv};
    /// let env = MemoryEnv::new();
    /// env.write_file("/deep/down/file", b"bytes")?;
    /// let survivor = env.crash(CrashPolicy::Lost, 0);
    /// assert_eq!(survivor.read_file("/deep/down/file").unwrap(), b"bytes");
    /// # Ok::<(), walnut::Error>(())
    /// ```
    pub fn write_file(&self, path: impl AsRef<Path>, bytes: &[u8]) -> Result<()> {
        let path = path.as_ref();
        let written = self.machine.state().disk.write_durably(path, bytes);
        written.map_err(|error| Operation::Write.failed(path, error))
    }

    /// Renames a directory, durably; the new name must be free. Open handles of the directory stay
    /// valid.
    ///
    /// ```
    /// use std::path::Path;
    /// use walnut::env::{Env, MemoryEnv};
    /// let env = MemoryEnv::new();
    /// env.write_file("/old/file", b"bytes")?;
    /// let held = env.open_dir(Path::new("/old"))?.unwrap();
    /// env.rename_dir("/old", "/new")?;
    /// assert!(env.open(Path::new("/old/file")).is_err());
    /// assert_eq!(held.open(Path::new("/old/file"))?.size()?, 5);
    /// # Ok::<(), walnut::Error>(())
    /// ```
    pub fn rename_dir(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) -> Result<()> {
        let (from, to) = (from.as_ref(), to.as_ref());
        let mut state = self.machine.state();
        let renamed = state.disk.rename_dir(from, to);
        self.machine.count_name_change();
        renamed.map_err(|error| Operation::Rename.failed(from, error))
    }

    /// Removes a directory recursively, durably. Open handles find it empty and read-only.
    pub fn remove_dir(&self, dir: impl AsRef<Path>) -> Result<()> {
        let dir = dir.as_ref();
        let mut state = self.machine.state();
        let removed = state.disk.remove_dir(dir);
        self.machine.count_name_change();
        removed.map_err(|error| Operation::Remove.failed(dir, error))
    }

    /// Continues as a fork of the current process, with its open files and locks, but another
    /// [`Env::process_id`]. Returns the parent's id, for [`return_to`](Self::return_to).
    ///
    /// ```
    /// use walnut::env::MemoryEnv;
    /// use walnut::{Database, Error};
    /// # use std::sync::Arc;
    /// let env = MemoryEnv::new();
    /// let builder = Database::builder().env(Arc::new(env.clone()));
    /// let db = builder.open("/db")?;
    /// let parent = env.fork();
    /// assert!(matches!(db.sync(), Err(Error::Forked)));
    /// drop(db);
    /// assert!(matches!(builder.open("/db"), Err(Error::Locked)), "what a fork drops stays locked");
    /// # let _ = parent;
    /// # Ok::<(), walnut::Error>(())
    /// ```
    pub fn fork(&self) -> u32 {
        self.machine.fork()
    }

    /// Continues as an earlier process.
    pub fn return_to(&self, process: u32) {
        self.machine.return_to(process);
    }

    /// The paths of all files, sorted.
    pub fn files(&self) -> Vec<PathBuf> {
        self.machine.state().disk.files().into_iter().map(|(path, _)| path).collect()
    }

    /// The number of open file handles, those of removed files included.
    pub fn open_files(&self) -> usize {
        self.machine.state().open_files
    }

    /// Drops the pending changes of a file or a directory, as an operating system does after a
    /// failed sync: they stay visible, later syncs succeed, and a crash loses them all the same.
    ///
    /// ```
    /// use std::path::Path;
    /// use walnut::env::{CrashPolicy, Env, MemoryEnv};
    ///
    /// let env = MemoryEnv::new();
    /// env.write_file("/file", b"old")?;
    /// env.remove(Path::new("/file"))?;
    /// env.lose_unsynced("/")?;
    /// env.sync_dir(Path::new("/"))?;
    /// assert_eq!(env.read_file("/file"), None);
    /// assert!(env.crash(CrashPolicy::Kept, 0).read_file("/file").is_some());
    /// # Ok::<(), walnut::Error>(())
    /// ```
    pub fn lose_unsynced(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let lost = self.machine.state().disk.lose_unsynced(self.locate(path));
        lost.map_err(|error| Operation::Sync.failed(path, error))
    }

    /// Empties the cache of a file, so that bytes which a failed sync lost become invisible, too.
    pub fn drop_cache(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let mut state = self.machine.state();
        let inode = state.disk.open(path.into()).map_err(|error| Operation::Read.failed(path, error))?;
        state.disk.account(&inode, inode::Content::drop_cache);
        Ok(())
    }

    /// Where a path is looked up.
    fn locate<'p>(&self, path: &'p Path) -> Location<'p> {
        let Some((dir, base)) = &self.held else { return path.into() };
        match path.strip_prefix(dir) {
            Ok(rest) if !rest.starts_with("..") => Location { base: *base, path: rest },
            _ => path.into(),
        }
    }

    /// [`Env::open_dir`], with the concrete type.
    pub(super) fn hold(&self, dir: &Path) -> Result<Self> {
        let state = self.machine.enter(Operation::OpenDir, dir, format_args!(""))?;
        let id =
            state.disk.directory(self.locate(dir)).map_err(|error| Operation::OpenDir.failed(dir, error))?;
        drop(state);
        Ok(Self { machine: Arc::clone(&self.machine), held: Some((dir.into(), id)) })
    }

    /// [`Env::create`], with the concrete type.
    pub(super) fn create_file(&self, path: &Path) -> Result<Arc<MemoryFile>> {
        let mut state = self.machine.enter(Operation::Create, path, format_args!(""))?;
        let inode =
            state.disk.create(self.locate(path)).map_err(|error| Operation::Create.failed(path, error))?;
        Ok(MemoryFile::new(&self.machine, &mut state, inode, path, true))
    }

    /// [`Env::open`] or [`Env::reopen`], with the concrete type.
    pub(super) fn open_file(&self, path: &Path, is_writable: bool) -> Result<Arc<MemoryFile>> {
        let mut state = self.machine.enter(Operation::Open, path, format_args!(""))?;
        let inode =
            state.disk.open(self.locate(path)).map_err(|error| Operation::Open.failed(path, error))?;
        Ok(MemoryFile::new(&self.machine, &mut state, inode, path, is_writable))
    }
}

impl Env for MemoryEnv {
    fn create_dir(&self, dir: &Path) -> Result<()> {
        let mut state = self.machine.enter(Operation::CreateDir, dir, format_args!(""))?;
        state.disk.create_dir(self.locate(dir)).map_err(|error| Operation::CreateDir.failed(dir, error))
    }

    fn sync_dir(&self, dir: &Path) -> Result<()> {
        let mut state = self.machine.enter(Operation::SyncDir, dir, format_args!(""))?;
        state.disk.sync_dir(self.locate(dir)).map_err(|error| Operation::SyncDir.failed(dir, error))
    }

    fn list(&self, dir: &Path) -> Result<Vec<String>> {
        let state = self.machine.enter(Operation::List, dir, format_args!(""))?;
        state.disk.list(self.locate(dir)).map_err(|error| Operation::List.failed(dir, error))
    }

    fn kind(&self, path: &Path) -> Result<Option<PathKind>> {
        let state = self.machine.enter(Operation::Kind, path, format_args!(""))?;
        state.disk.kind(self.locate(path)).map_err(|error| Operation::Kind.failed(path, error))
    }

    fn create(&self, path: &Path) -> Result<Arc<dyn File>> {
        Ok(self.create_file(path)?)
    }

    fn open(&self, path: &Path) -> Result<Arc<dyn File>> {
        Ok(self.open_file(path, false)?)
    }

    fn reopen(&self, path: &Path) -> Result<Option<Arc<dyn File>>> {
        Ok(Some(self.open_file(path, true)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        let mut state = self.machine.enter(Operation::Rename, from, format_args!(" {}", to.display()))?;
        let renamed = state.disk.rename(self.locate(from), self.locate(to));
        self.machine.count_name_change();
        renamed.map_err(|error| Operation::Rename.failed(from, error))
    }

    fn remove(&self, path: &Path) -> Result<()> {
        let mut state = self.machine.enter(Operation::Remove, path, format_args!(""))?;
        let removed = state.disk.remove(self.locate(path));
        self.machine.count_name_change();
        removed.map_err(|error| Operation::Remove.failed(path, error))
    }

    fn lock(&self, path: &Path) -> Result<Box<dyn Lock>> {
        let mut state = self.machine.enter(Operation::Lock, path, format_args!(""))?;
        let inode = match state.disk.open(self.locate(path)) {
            Err(error) if error.kind() == ErrorKind::NotFound => state.disk.create(self.locate(path)),
            found => found,
        };
        let inode = inode.map_err(|error| Operation::Lock.failed(path, error))?;
        Ok(Box::new(MemoryLock::take(&self.machine, &mut state, &inode, self.locate(path))?))
    }

    fn open_dir(&self, dir: &Path) -> Result<Option<Arc<dyn Env>>> {
        Ok(Some(Arc::new(self.hold(dir)?)))
    }

    fn identify_dir(&self, dir: &Path) -> Result<Option<(u64, u64)>> {
        let found = self.machine.state().disk.directory(self.locate(dir));
        let id = found.map_err(|error| Operation::Kind.failed(dir, error))?;
        Ok(Some((0, id.0 as u64)))
    }

    fn process_id(&self) -> u32 {
        self.machine.process_id()
    }

    fn free_space(&self, path: &Path) -> Result<u64> {
        let state = self.machine.enter(Operation::FreeSpace, path, format_args!(""))?;
        state.disk.free_space(self.locate(path)).map_err(|error| Operation::FreeSpace.failed(path, error))
    }

    fn is_in_memory(&self) -> bool {
        true
    }

    fn wall_clock(&self) -> Duration {
        self.machine.state().wall_clock()
    }

    fn monotonic_clock(&self) -> Duration {
        self.machine.state().monotonic_clock()
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        self.machine.state().fill_random(bytes);
    }
}

impl Default for MemoryEnv {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryEnv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryEnv").field("file_count", &self.files().len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
