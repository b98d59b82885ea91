//! An open directory of the operating system, and operations on names in it.

use std::fs::{self, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::system::{self, Base, Identity};
use super::{OsEnv, OsFile};
use crate::env::{Env, File, Lock, Operation, PathKind};
use crate::error::{Error, Result};

/// A name, the directory in which it is looked up, and the path for errors.
pub(super) struct At<'a> {
    pub(super) base: &'a Base,
    pub(super) name: &'a Path,
    pub(super) path: &'a Path,
}

impl At<'_> {
    fn outcome<T>(&self, operation: Operation, outcome: io::Result<T>) -> Result<T> {
        outcome.map_err(|error| operation.failed(self.path, error))
    }

    pub(super) fn create_dir(&self) -> Result<()> {
        self.outcome(Operation::CreateDir, self.base.create_dir(self.name))
    }

    pub(super) fn sync_dir(&self) -> Result<()> {
        self.outcome(Operation::SyncDir, self.base.sync_dir(self.name))
    }

    pub(super) fn list(&self) -> Result<Vec<String>> {
        let mut names = self.outcome(Operation::List, self.base.list(self.name))?;
        names.sort_unstable();
        Ok(names)
    }

    pub(super) fn kind(&self) -> Result<Option<PathKind>> {
        let found = match self.base.kind(self.name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            found => found.map(Some),
        };
        self.outcome(Operation::Kind, found)
    }

    pub(super) fn create(&self) -> Result<Arc<dyn File>> {
        self.file(Operation::Create, self.base.create(self.name))
    }

    pub(super) fn open(&self) -> Result<Arc<dyn File>> {
        self.file(Operation::Open, self.base.open_file(self.name).and_then(regular))
    }

    pub(super) fn reopen(&self) -> Result<Arc<dyn File>> {
        self.file(Operation::Open, self.base.reopen_file(self.name).and_then(regular))
    }

    fn file(&self, operation: Operation, file: io::Result<fs::File>) -> Result<Arc<dyn File>> {
        let file = self.outcome(operation, file)?;
        Ok(Arc::new(OsFile { file, path: self.path.to_owned() }))
    }

    pub(super) fn rename(&self, to: &Self) -> Result<()> {
        self.outcome(Operation::Rename, self.base.rename(self.name, to.name))
    }

    pub(super) fn remove(&self) -> Result<()> {
        self.outcome(Operation::Remove, self.base.remove(self.name))
    }

    pub(super) fn lock(&self) -> Result<Box<dyn Lock>> {
        let file = self.outcome(Operation::Lock, self.base.open_lock(self.name).and_then(regular))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::Locked),
            Err(TryLockError::Error(error)) => return Err(Operation::Lock.failed(self.path, error)),
        }
        let lock = OsLock {
            identity: self.outcome(Operation::Lock, system::identity(&file))?,
            file,
            base: self.base.clone(),
            name: self.name.to_owned(),
            path: self.path.to_owned(),
            process: OsEnv.process_id(),
        };
        Ok(Box::new(lock))
    }

    pub(super) fn identify_dir(&self) -> Result<Option<(u64, u64)>> {
        self.outcome(Operation::Kind, self.base.identity(self.name).map(Identity::numbers))
    }

    pub(super) fn may_write(&self) -> Result<bool> {
        self.outcome(Operation::Kind, self.base.may_write(self.name))
    }

    pub(super) fn free_space(&self) -> Result<u64> {
        self.outcome(Operation::FreeSpace, self.base.free_space(self.name))
    }
}

/// Rejects all but regular files: on Unix a directory can be opened too, and fails only at the
/// first read; a pipe would block.
fn regular(file: fs::File) -> io::Result<fs::File> {
    let metadata = file.metadata()?;
    if metadata.is_file() {
        Ok(file)
    } else if metadata.is_dir() {
        Err(io::ErrorKind::IsADirectory.into())
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"))
    }
}

/// An open directory: paths below the one by which it was opened are looked up in it.
#[derive(Debug)]
pub(super) struct OsDir {
    pub(super) base: Base,
    pub(super) dir: PathBuf,
}

impl OsDir {
    fn at<'a>(&'a self, operation: Operation, path: &'a Path) -> Result<At<'a>> {
        let Ok(name) = path.strip_prefix(&self.dir) else {
            let outside =
                io::Error::new(io::ErrorKind::InvalidInput, "it is outside of the directory that is held");
            return Err(operation.failed(path, outside));
        };
        let name = if name == Path::new("") { Path::new(".") } else { name };
        Ok(At { base: &self.base, name, path })
    }
}

impl Env for OsDir {
    fn create_dir(&self, dir: &Path) -> Result<()> {
        self.at(Operation::CreateDir, dir)?.create_dir()
    }

    fn sync_dir(&self, dir: &Path) -> Result<()> {
        self.at(Operation::SyncDir, dir)?.sync_dir()
    }

    fn list(&self, dir: &Path) -> Result<Vec<String>> {
        self.at(Operation::List, dir)?.list()
    }

    /// A link is neither a file nor a directory here.
    fn kind(&self, path: &Path) -> Result<Option<PathKind>> {
        self.at(Operation::Kind, path)?.kind()
    }

    fn create(&self, path: &Path) -> Result<Arc<dyn File>> {
        self.at(Operation::Create, path)?.create()
    }

    fn open(&self, path: &Path) -> Result<Arc<dyn File>> {
        self.at(Operation::Open, path)?.open()
    }

    fn reopen(&self, path: &Path) -> Result<Option<Arc<dyn File>>> {
        self.at(Operation::Open, path)?.reopen().map(Some)
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        self.at(Operation::Rename, from)?.rename(&self.at(Operation::Rename, to)?)
    }

    fn remove(&self, path: &Path) -> Result<()> {
        self.at(Operation::Remove, path)?.remove()
    }

    fn lock(&self, path: &Path) -> Result<Box<dyn Lock>> {
        self.at(Operation::Lock, path)?.lock()
    }

    fn identify_dir(&self, dir: &Path) -> Result<Option<(u64, u64)>> {
        self.at(Operation::Kind, dir)?.identify_dir()
    }

    fn may_write(&self, dir: &Path) -> Result<bool> {
        self.at(Operation::Kind, dir)?.may_write()
    }

    fn free_space(&self, path: &Path) -> Result<u64> {
        self.at(Operation::FreeSpace, path)?.free_space()
    }

    fn file_limit(&self) -> Option<usize> {
        OsEnv.file_limit()
    }

    fn wall_clock(&self) -> Duration {
        OsEnv.wall_clock()
    }

    fn monotonic_clock(&self) -> Duration {
        OsEnv.monotonic_clock()
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        OsEnv.fill_random(bytes);
    }
}

/// A lock that the system holds as long as the file is open, here or in a process that was started
/// meanwhile; dropping it unlocks, in the process that took it.
#[derive(Debug)]
struct OsLock {
    file: fs::File,
    identity: Identity,
    base: Base,
    name: PathBuf,
    path: PathBuf,
    process: u32,
}

impl Lock for OsLock {
    fn is_in_place(&self) -> Result<bool> {
        match self.base.identity(&self.name) {
            Ok(found) => Ok(found == self.identity),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Operation::Lock.failed(&self.path, error)),
        }
    }
}

impl Drop for OsLock {
    fn drop(&mut self) {
        // A fork shares the lock, and must not release it for its parent.
        if OsEnv.process_id() == self.process {
            // A lock that cannot be released ends with the last process that has the file open.
            let _ = self.file.unlock();
        }
    }
}
