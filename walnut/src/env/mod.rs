//! The only access to the operating system: files, directories, the lock, the clock, randomness.
//!
//! Every higher layer works through [`Env`], so that a test can run the database on a machine that
//! loses power or fails at the n-th operation. [`OsEnv`] is the real machine, [`MemoryEnv`] one in
//! memory that can crash, [`FaultEnv`] one that wraps another and fails on command.
//!
//! What is durable, on every implementation:
//!
//! 1. bytes and length of a file, once [`File::sync`] returned after they were written;
//! 2. a name in a directory (created, renamed or removed), once [`Env::sync_dir`] of that directory
//!    returned afterwards; this holds for the name of a directory in its parent, too.
//!
//! Nothing else is: data that was not synced may survive in whole, in part, torn within a write, or
//! not at all.

mod append;
mod fault;
mod memory;
mod operation;
mod os;
mod owner;
mod temp_file;

use std::fmt::Debug;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, Fault, Result};

pub(crate) use append::{Appender, digest};
pub use fault::{FaultEffect, FaultEnv, FaultPlan};
pub use memory::{CrashPolicy, MemoryEnv};
pub use operation::{Counts, Operation, Operations};
pub use os::OsEnv;
pub(crate) use os::{LARGE_PAGE, ProcessorShare, prefer_large_pages, prefer_other_threads};
pub(crate) use owner::DirOwner;
pub(crate) use temp_file::TempFile;

/// What is at a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PathKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A device, a pipe or another object that is neither.
    Other,
}

/// A machine. Every method names the path and the operation in its error; a full disk is
/// [`Error::OutOfSpace`].
pub trait Env: Send + Sync + Debug + 'static {
    /// Creates a directory, whose parent must exist. Fails when the name is taken.
    fn create_dir(&self, dir: &Path) -> Result<()>;

    /// Makes the names in a directory durable.
    fn sync_dir(&self, dir: &Path) -> Result<()>;

    /// Changes names in a directory, and makes all changes durable before it returns.
    ///
    /// A failed sync of a directory may lose changes for which a later sync succeeds. So a machine
    /// whose threads change names at the same time lets no other sync of `dir` happen between
    /// `change` and its sync.
    fn change_names(&self, dir: &Path, change: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        change()?;
        self.sync_dir(dir)
    }

    /// The names in a directory, sorted.
    fn list(&self, dir: &Path) -> Result<Vec<String>>;

    /// What is at a path; `None` when there is nothing.
    fn kind(&self, path: &Path) -> Result<Option<PathKind>>;

    /// Creates an empty file for reading and writing. Fails when the name is taken.
    fn create(&self, path: &Path) -> Result<Arc<dyn File>>;

    /// Opens an existing file for reading. Fails, and never blocks, when it is not a regular file.
    fn open(&self, path: &Path) -> Result<Arc<dyn File>>;

    /// Opens an existing file for reading and writing. Fails, and never blocks, when it is not a
    /// regular file. `None` on a machine that cannot write to a file which it has not created: the
    /// store then starts a new file.
    fn reopen(&self, _path: &Path) -> Result<Option<Arc<dyn File>>> {
        Ok(None)
    }

    /// Renames a file atomically, replacing a file of the new name.
    fn rename(&self, from: &Path, to: &Path) -> Result<()>;

    /// Removes a file. Open handles can still read it.
    fn remove(&self, path: &Path) -> Result<()>;

    /// Takes the exclusive lock of a file, which is created if missing.
    /// [`Error::Locked`] when it is held, in this process or another one; a
    /// lock is released when its process dies.
    fn lock(&self, path: &Path) -> Result<Box<dyn Lock>>;

    /// Opens a directory: returns a machine on which paths below `dir` are looked up in the opened
    /// directory, whatever happens to its name or to the working directory, and on which links in
    /// it are not followed. `None` on a machine that cannot do this: paths are then looked up as
    /// they are.
    fn open_dir(&self, _dir: &Path) -> Result<Option<Arc<dyn Env>>> {
        Ok(None)
    }

    /// The identity of a directory: two numbers that no other directory has at the same time.
    /// `None` on a machine without one.
    fn identify_dir(&self, _dir: &Path) -> Result<Option<(u64, u64)>> {
        Ok(None)
    }

    /// The id of this process, which differs in a fork of it.
    fn process_id(&self) -> u32 {
        std::process::id()
    }

    /// Whether this process may create and remove names in a directory, as far as can be known
    /// without trying.
    fn may_write(&self, dir: &Path) -> Result<bool> {
        Ok(self.kind(dir)? == Some(PathKind::Directory))
    }

    /// The free space of the file system of a path, in bytes.
    fn free_space(&self, path: &Path) -> Result<u64>;

    /// The maximum number of open files of this process; `None` when there is no limit, or it is
    /// unknown.
    fn file_limit(&self) -> Option<usize> {
        None
    }

    /// Whether everything that is written here is lost with the last handle.
    /// [`Builder::in_memory`](crate::Builder::in_memory) accepts no other machine.
    fn is_in_memory(&self) -> bool {
        false
    }

    /// The time since the Unix epoch, for people.
    fn wall_clock(&self) -> Duration;

    /// A clock that never goes back, for measuring.
    fn monotonic_clock(&self) -> Duration;

    /// Fills a buffer with random bytes.
    fn fill_random(&self, bytes: &mut [u8]);

    /// A random number.
    fn random(&self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_random(&mut bytes);
        u64::from_le_bytes(bytes)
    }
}

impl dyn Env {
    /// Removes a file, if another thread that removes what is not needed has not been faster.
    /// Anything of that name that is not a file, such as a directory, stays.
    pub(crate) fn remove_file(&self, path: &Path) -> Result<()> {
        let removed = self.remove(path);
        match removed {
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(_) if matches!(self.kind(path), Ok(Some(PathKind::Directory | PathKind::Other))) => Ok(()),
            removed => removed,
        }
    }
}

/// An open file. Offsets and lengths are in bytes.
pub trait File: Send + Sync + Debug {
    /// The path under which it was opened or created, for errors.
    fn path(&self) -> &Path;

    /// The length.
    fn size(&self) -> Result<u64>;

    /// Reads from `offset` on until `bytes` is full or the file ends; returns how much was read.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> Result<usize>;

    /// Reads up to `size` bytes from `offset` on into new memory; fewer when the file ends before.
    /// A machine that need not zero the memory first overrides this.
    fn read_new(&self, size: usize, offset: u64) -> Result<Vec<u8>> {
        let mut bytes = vec![0; size];
        let read = self.read_at(&mut bytes, offset)?;
        bytes.truncate(read);
        Ok(bytes)
    }

    /// Writes all of `bytes` at `offset`; a gap before it reads as zeros. After an error any part
    /// may have been written.
    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<()>;

    /// Makes bytes and length durable. After an error nothing written since the last success can be
    /// relied on, even if a later call succeeds.
    fn sync(&self) -> Result<()>;

    /// Truncates the file, or extends it with zeros.
    fn set_size(&self, size: u64) -> Result<()>;
}

impl dyn File {
    /// Fills `bytes` from `offset` on; a file that ends before is [`Fault::Truncated`].
    pub(crate) fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> Result<()> {
        let read = self.read_at(bytes, offset)?;
        if read < bytes.len() {
            return Err(Fault::Truncated.at(self.path(), offset + read as u64));
        }
        Ok(())
    }

    /// Reads so many bytes from `offset` on; a file that ends before is [`Fault::Truncated`]. The
    /// caller bounds a size that it has read from a file.
    pub(crate) fn read_vec_at(&self, size: usize, offset: u64) -> Result<Vec<u8>> {
        let bytes = self.read_new(size, offset)?;
        if bytes.len() < size {
            return Err(Fault::Truncated.at(self.path(), offset + bytes.len() as u64));
        }
        Ok(bytes)
    }
}

/// A lock that is held until this is dropped by the process that took it. A fork of that process
/// does not own it: dropping it there does not unlock.
pub trait Lock: Send + Sync + Debug {
    /// Whether the locked file still has the name under which it was locked. `true` on a machine
    /// that cannot know, or on which a locked file keeps its name.
    fn is_in_place(&self) -> Result<bool> {
        Ok(true)
    }
}
