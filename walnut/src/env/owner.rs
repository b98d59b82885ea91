//! A directory that this process owns, for as long as the lock of its file `LOCK` is the right to it.
//!
//! ```text
//!   create, reopen, rename, remove, ..    the lock is looked at before
//!   write, set_size                       the process is compared before
//!   sync, sync_dir                        the lock is looked at after: what is not ours is not durable for us
//!   open, list, kind, read                go on, whatever has happened
//! ```
//!
//! 1. No name is made, changed or removed, and no success of a sync is told, when the file `LOCK` in the directory is not the one whose
//!    lock is held, or when this process is not the one that took it.
//! 2. What was found once holds for ever: all later changes get the same error.
//! 3. A fork writes nothing, not even into files that are open.
//! 4. A look that fails for another reason is an error of the operation, and decides nothing.
//!
//! Cost: a look at the lock asks the file system for one name (a microsecond); a comparison of the process asks the system for its number
//! (a tenth of one).
//!
//! Between a look and the change after it another process may still take the directory; there is no call that does both in one step.
//! For a sync the order makes up for it: whoever takes the directory after the look finds what was synced before.

use std::path::Path;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use super::{Env, File, Lock, PathKind};
use crate::error::{Error, Result};

/// The directory is ours, as far as was seen.
const HELD: u8 = 0;
const MOVED: u8 = 1;
const FORKED: u8 = 2;

/// A machine that changes one directory only, and only while it is owned. Clones are the same owner.
#[derive(Clone, Debug)]
pub(crate) struct DirOwner {
    title: Arc<Title>,
}

/// The right to a directory.
#[derive(Debug)]
struct Title {
    env: Arc<dyn Env>,
    /// `None` once it was given back. Outside of `release` it is only read, and never for longer than a look takes.
    lock: RwLock<Option<Box<dyn Lock>>>,
    process: u32,
    /// What was found out.
    found: AtomicU8,
}

impl DirOwner {
    /// Takes the lock of a file in a directory that `env` holds; [`Error::Locked`] when somebody else has it.
    pub(crate) fn take(env: Arc<dyn Env>, lock_path: &Path) -> Result<Self> {
        let lock = env.lock(lock_path)?;
        let process = env.process_id();
        let title = Title { env, lock: RwLock::new(Some(lock)), process, found: AtomicU8::new(HELD) };
        // The file may have lost its name between being opened and being locked.
        title.look()?;
        Ok(Self { title: Arc::new(title) })
    }

    /// An error unless this is the process that took the lock, and the lock was in place whenever it was looked at.
    #[inline]
    pub(crate) fn check_process(&self) -> Result<()> {
        self.title.check_process()
    }

    /// An error in a fork, and only there: for whoever is about to wait for a thread that does not exist there.
    pub(crate) fn check_fork(&self) -> Result<()> {
        match self.check_process() {
            Err(Error::Forked) => Err(Error::Forked),
            _ => Ok(()),
        }
    }

    /// An error unless the lock is held and in place.
    pub(crate) fn look(&self) -> Result<()> {
        self.title.look()
    }

    /// What was found out before, without asking anybody.
    pub(crate) fn finding(&self) -> Result<()> {
        self.title.finding()
    }

    /// Gives the lock back: every later change is [`Error::Closed`]. In a fork nothing is unlocked.
    pub(crate) fn release(&self) {
        let lock = if self.title.env.process_id() == self.title.process {
            self.title.lock.write().unwrap_or_else(PoisonError::into_inner).take()
        } else {
            // A thread that does not exist here may hold it for ever.
            self.title.lock.try_write().ok().and_then(|mut lock| lock.take())
        };
        drop(lock);
    }
}

impl Title {
    fn finding(&self) -> Result<()> {
        match self.found.load(Ordering::Acquire) {
            HELD => Ok(()),
            MOVED => Err(Error::Moved),
            _ => Err(Error::Forked),
        }
    }

    fn note(&self, found: u8) -> Result<()> {
        // What was found first stays.
        let _ = self.found.compare_exchange(HELD, found, Ordering::AcqRel, Ordering::Acquire);
        self.finding()
    }

    #[inline]
    fn check_process(&self) -> Result<()> {
        self.finding()?;
        if self.env.process_id() == self.process { Ok(()) } else { self.note(FORKED) }
    }

    fn look(&self) -> Result<()> {
        self.check_process()?;
        let lock = self.lock.read().unwrap_or_else(PoisonError::into_inner);
        let lock = lock.as_ref().ok_or(Error::Closed)?;
        if lock.is_in_place()? { Ok(()) } else { self.note(MOVED) }
    }
}

impl Env for DirOwner {
    fn create_dir(&self, dir: &Path) -> Result<()> {
        self.look()?;
        self.title.env.create_dir(dir)
    }

    fn sync_dir(&self, dir: &Path) -> Result<()> {
        self.title.env.sync_dir(dir)?;
        self.look()
    }

    fn list(&self, dir: &Path) -> Result<Vec<String>> {
        self.title.env.list(dir)
    }

    fn kind(&self, path: &Path) -> Result<Option<PathKind>> {
        self.title.env.kind(path)
    }

    fn create(&self, path: &Path) -> Result<Arc<dyn File>> {
        self.look()?;
        let file = self.title.env.create(path)?;
        Ok(Arc::new(OwnedFile { file, title: Arc::clone(&self.title) }))
    }

    /// A file that is opened is only read.
    fn open(&self, path: &Path) -> Result<Arc<dyn File>> {
        self.title.env.open(path)
    }

    fn reopen(&self, path: &Path) -> Result<Option<Arc<dyn File>>> {
        self.look()?;
        let file = self.title.env.reopen(path)?;
        Ok(file.map(|file| Arc::new(OwnedFile { file, title: Arc::clone(&self.title) }) as Arc<dyn File>))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        self.look()?;
        self.title.env.rename(from, to)
    }

    fn remove(&self, path: &Path) -> Result<()> {
        self.look()?;
        self.title.env.remove(path)
    }

    fn lock(&self, path: &Path) -> Result<Box<dyn Lock>> {
        self.look()?;
        self.title.env.lock(path)
    }

    fn open_dir(&self, dir: &Path) -> Result<Option<Arc<dyn Env>>> {
        self.title.env.open_dir(dir)
    }

    fn identify_dir(&self, dir: &Path) -> Result<Option<(u64, u64)>> {
        self.title.env.identify_dir(dir)
    }

    fn process_id(&self) -> u32 {
        self.title.env.process_id()
    }

    fn may_write(&self, dir: &Path) -> Result<bool> {
        self.title.env.may_write(dir)
    }

    fn free_space(&self, path: &Path) -> Result<u64> {
        self.title.env.free_space(path)
    }

    fn file_limit(&self) -> Option<usize> {
        self.title.env.file_limit()
    }

    fn wall_clock(&self) -> Duration {
        self.title.env.wall_clock()
    }

    fn monotonic_clock(&self) -> Duration {
        self.title.env.monotonic_clock()
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        self.title.env.fill_random(bytes);
    }

    fn random(&self) -> u64 {
        self.title.env.random()
    }
}

/// A file that was created, or is written to again, in a directory that is owned.
#[derive(Debug)]
struct OwnedFile {
    file: Arc<dyn File>,
    title: Arc<Title>,
}

impl File for OwnedFile {
    fn path(&self) -> &Path {
        self.file.path()
    }

    fn size(&self) -> Result<u64> {
        self.file.size()
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> Result<usize> {
        self.file.read_at(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<()> {
        self.title.check_process()?;
        self.file.write_at(bytes, offset)
    }

    fn sync(&self) -> Result<()> {
        self.file.sync()?;
        self.title.look()
    }

    fn set_size(&self, size: u64) -> Result<()> {
        self.title.check_process()?;
        self.file.set_size(size)
    }
}
