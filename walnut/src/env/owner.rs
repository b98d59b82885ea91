//! The owner of a database directory: this process, as long as it holds the lock of the file `LOCK`
//! there.
//!
//! ```text
//!   create, reopen, rename, remove, ..    the lock is checked before
//!   write, set_size                       the process id is compared before
//!   sync, sync_dir                        the lock is checked after: a sync does not count
//!                                         in a directory that was lost
//!   open, list, kind, read                always allowed
//! ```
//!
//! 1. No name is created, changed or removed, and no sync reports success, when the file `LOCK` in
//!    the directory is not the locked one, or when this process is not the one that took the lock.
//! 2. A loss is permanent: all later changes fail with the same error.
//! 3. A fork writes nothing, not even to files that are already open.
//! 4. A check that fails for another reason is an error of the operation, and not a loss.
//! 5. One thread at a time changes names durably ([`Env::change_names`]), so a failed sync of the
//!    directory is reported to the thread whose names are in doubt.
//!
//! Cost: a check of the lock looks up one name in the file system (a microsecond); a comparison of
//! the process id asks the system for it (a tenth of one).
//!
//! Between a check and the change after it another process may still take the directory; no call
//! does both atomically. For a sync the order makes up for it: a process that takes the directory
//! after the check finds the synced data.

use std::path::Path;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use super::{Env, File, Lock, PathKind};
use crate::error::{Error, Result};
use crate::sync::Mutex;

/// No loss was detected.
const HELD: u8 = 0;
const MOVED: u8 = 1;
const FORKED: u8 = 2;

/// A machine that changes one directory only, and only while the process owns it. Clones are the
/// same owner.
#[derive(Clone, Debug)]
pub(crate) struct DirOwner {
    ownership: Arc<Ownership>,
}

/// The ownership of a directory.
#[derive(Debug)]
struct Ownership {
    env: Arc<dyn Env>,
    /// `None` after the release. Apart from `release` it is only read, and never for longer than a
    /// check takes.
    lock: RwLock<Option<Box<dyn Lock>>>,
    process: u32,
    /// Held from a change of names to the sync of their directory: a sync that another thread
    /// makes meanwhile could fail, and hide the failure from this one.
    naming: Mutex<()>,
    /// The detected loss, if any.
    loss: AtomicU8,
}

impl DirOwner {
    /// Takes the lock of a file in a directory that `env` has open; [`Error::Locked`] when it is
    /// held.
    pub(crate) fn take(env: Arc<dyn Env>, lock_path: &Path) -> Result<Self> {
        let lock = env.lock(lock_path)?;
        let process = env.process_id();
        let ownership = Ownership {
            env,
            lock: RwLock::new(Some(lock)),
            process,
            naming: Mutex::default(),
            loss: AtomicU8::new(HELD),
        };
        // The file may have lost its name between being opened and being locked.
        ownership.check_lock()?;
        Ok(Self { ownership: Arc::new(ownership) })
    }

    /// Fails unless this is the process that took the lock, and the lock was in place at every
    /// check.
    #[inline]
    pub(crate) fn check_process(&self) -> Result<()> {
        self.ownership.check_process()
    }

    /// Fails in a fork only: for a caller that is about to wait for a thread that does not exist
    /// there.
    pub(crate) fn check_fork(&self) -> Result<()> {
        match self.check_process() {
            Err(Error::Forked) => Err(Error::Forked),
            _ => Ok(()),
        }
    }

    /// Fails unless the lock is held and in place.
    pub(crate) fn check_lock(&self) -> Result<()> {
        self.ownership.check_lock()
    }

    /// The loss that an earlier check detected, without a system call.
    pub(crate) fn detected_loss(&self) -> Result<()> {
        self.ownership.detected_loss()
    }

    /// Releases the lock: every later change is [`Error::Closed`]. In a fork nothing is unlocked.
    pub(crate) fn release(&self) {
        let lock = if self.ownership.env.process_id() == self.ownership.process {
            self.ownership.lock.write().unwrap_or_else(PoisonError::into_inner).take()
        } else {
            // A thread that does not exist here may hold it for ever.
            self.ownership.lock.try_write().ok().and_then(|mut lock| lock.take())
        };
        drop(lock);
    }
}

impl Ownership {
    fn detected_loss(&self) -> Result<()> {
        match self.loss.load(Ordering::Acquire) {
            HELD => Ok(()),
            MOVED => Err(Error::Moved),
            _ => Err(Error::Forked),
        }
    }

    fn record_loss(&self, loss: u8) -> Result<()> {
        // The first loss is kept.
        let _ = self.loss.compare_exchange(HELD, loss, Ordering::AcqRel, Ordering::Acquire);
        self.detected_loss()
    }

    #[inline]
    fn check_process(&self) -> Result<()> {
        self.detected_loss()?;
        if self.env.process_id() == self.process { Ok(()) } else { self.record_loss(FORKED) }
    }

    fn sync_dir(&self, dir: &Path) -> Result<()> {
        self.env.sync_dir(dir)?;
        self.check_lock()
    }

    fn check_lock(&self) -> Result<()> {
        self.check_process()?;
        let lock = self.lock.read().unwrap_or_else(PoisonError::into_inner);
        let lock = lock.as_ref().ok_or(Error::Closed)?;
        if lock.is_in_place()? { Ok(()) } else { self.record_loss(MOVED) }
    }
}

impl Env for DirOwner {
    fn create_dir(&self, dir: &Path) -> Result<()> {
        self.check_lock()?;
        self.ownership.env.create_dir(dir)
    }

    fn sync_dir(&self, dir: &Path) -> Result<()> {
        // In a fork a thread that does not exist there may hold the turn for ever.
        self.check_process()?;
        let _turn = self.ownership.naming.lock();
        self.ownership.sync_dir(dir)
    }

    fn change_names(&self, dir: &Path, change: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        self.check_process()?;
        let _turn = self.ownership.naming.lock();
        change()?;
        self.ownership.sync_dir(dir)
    }

    fn list(&self, dir: &Path) -> Result<Vec<String>> {
        self.ownership.env.list(dir)
    }

    fn kind(&self, path: &Path) -> Result<Option<PathKind>> {
        self.ownership.env.kind(path)
    }

    fn create(&self, path: &Path) -> Result<Arc<dyn File>> {
        self.check_lock()?;
        let file = self.ownership.env.create(path)?;
        Ok(Arc::new(OwnedFile { file, ownership: Arc::clone(&self.ownership) }))
    }

    /// A file that is opened is only read.
    fn open(&self, path: &Path) -> Result<Arc<dyn File>> {
        self.ownership.env.open(path)
    }

    fn reopen(&self, path: &Path) -> Result<Option<Arc<dyn File>>> {
        self.check_lock()?;
        let file = self.ownership.env.reopen(path)?;
        Ok(file.map(|file| {
            Arc::new(OwnedFile { file, ownership: Arc::clone(&self.ownership) }) as Arc<dyn File>
        }))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        self.check_lock()?;
        self.ownership.env.rename(from, to)
    }

    fn remove(&self, path: &Path) -> Result<()> {
        self.check_lock()?;
        self.ownership.env.remove(path)
    }

    fn lock(&self, path: &Path) -> Result<Box<dyn Lock>> {
        self.check_lock()?;
        self.ownership.env.lock(path)
    }

    fn open_dir(&self, dir: &Path) -> Result<Option<Arc<dyn Env>>> {
        self.ownership.env.open_dir(dir)
    }

    fn identify_dir(&self, dir: &Path) -> Result<Option<(u64, u64)>> {
        self.ownership.env.identify_dir(dir)
    }

    fn process_id(&self) -> u32 {
        self.ownership.env.process_id()
    }

    fn may_write(&self, dir: &Path) -> Result<bool> {
        self.ownership.env.may_write(dir)
    }

    fn free_space(&self, path: &Path) -> Result<u64> {
        self.ownership.env.free_space(path)
    }

    fn file_limit(&self) -> Option<usize> {
        self.ownership.env.file_limit()
    }

    fn wall_clock(&self) -> Duration {
        self.ownership.env.wall_clock()
    }

    fn monotonic_clock(&self) -> Duration {
        self.ownership.env.monotonic_clock()
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        self.ownership.env.fill_random(bytes);
    }

    fn random(&self) -> u64 {
        self.ownership.env.random()
    }
}

/// A writable file in an owned directory.
#[derive(Debug)]
struct OwnedFile {
    file: Arc<dyn File>,
    ownership: Arc<Ownership>,
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

    fn read_new(&self, size: usize, offset: u64) -> Result<Vec<u8>> {
        self.file.read_new(size, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<()> {
        self.ownership.check_process()?;
        self.file.write_at(bytes, offset)
    }

    fn sync(&self) -> Result<()> {
        self.file.sync()?;
        self.ownership.check_lock()
    }

    fn set_size(&self, size: u64) -> Result<()> {
        self.ownership.check_process()?;
        self.file.set_size(size)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::env::MemoryEnv;

    /// Otherwise the sync of one thread could fail, and with it the names of the other, whose own
    /// sync succeeds.
    #[test]
    fn no_thread_syncs_a_directory_between_a_change_of_names_and_its_sync() {
        let env = MemoryEnv::new();
        env.create_dir(Path::new("/db")).unwrap();
        let owner = DirOwner::take(Arc::new(env.clone()), Path::new("/db/LOCK")).unwrap();
        env.start_trace();
        std::thread::scope(|scope| {
            for name in ["one", "two", "three"] {
                let owner = owner.clone();
                scope.spawn(move || {
                    let (temp, path) = (format!("/db/{name}.tmp"), format!("/db/{name}"));
                    for _ in 0..300 {
                        owner.create(Path::new(&temp)).unwrap();
                        let rename = &mut || {
                            owner.rename(Path::new(&temp), Path::new(&path))?;
                            // The moment in which another thread's sync would be in between.
                            (0..20).for_each(|_| std::thread::yield_now());
                            Ok(())
                        };
                        owner.change_names(Path::new("/db"), rename).unwrap();
                        owner.sync_dir(Path::new("/db")).unwrap();
                    }
                });
            }
        });
        let is_about_names = |line: &String| line.starts_with("rename") || line.starts_with("sync_dir");
        let trace: Vec<_> = env.trace().into_iter().filter(is_about_names).collect();
        let renamed = |line: &&String| line.starts_with("rename");
        assert_eq!(trace.iter().filter(renamed).count(), 900);
        // A rename that follows another one would share its sync.
        assert!(trace.iter().zip(&trace[1..]).all(|(line, next)| !renamed(&line) || !renamed(&next)));
    }
}
