//! The only door to the operating system: files, directories, the lock, the clock, randomness.
//!
//! Everything above works through [`Env`], so that a test can put a machine under the store that loses power or
//! fails at the n-th operation. [`OsEnv`] is the real machine, [`MemoryEnv`] one in memory that can crash, [`FaultEnv`]
//! one that wraps another and fails on command.
//!
//! What is durable, on every implementation:
//!
//! 1. bytes and length of a file, once [`File::sync`] returned after they were written;
//! 2. a name in a directory (made, renamed or removed), once [`Env::sync_dir`] of that directory returned after it;
//!    this holds for the name of a directory in its parent, too.
//!
//! Nothing else is: what was not synced may survive in whole, in part, torn within a write, or not at all.

mod append;
mod draft;
mod fault;
mod memory;
mod operation;
mod os;
mod owner;

use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Fault, Result};

pub(crate) use append::{Appender, digest};
pub(crate) use draft::Draft;
pub use fault::{FaultEffect, FaultEnv, FaultPlan};
pub use memory::{CrashPolicy, MemoryEnv};
pub use operation::{Counts, Operation, Operations};
pub use os::OsEnv;
pub(crate) use os::{LARGE_PAGE, prefer_large_pages, prefer_other_threads};
pub(crate) use owner::DirOwner;

/// What stands at a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PathKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A device, a pipe or another thing that is neither.
    Other,
}

/// A machine. Every method names the path and the operation in its error; a full disk is
/// [`Error::OutOfSpace`](crate::Error::OutOfSpace).
pub trait Env: Send + Sync + Debug + 'static {
    /// Makes a directory whose parent exists. An error when something stands there already.
    fn create_dir(&self, dir: &Path) -> Result<()>;

    /// Makes the names in a directory durable.
    fn sync_dir(&self, dir: &Path) -> Result<()>;

    /// The names in a directory, sorted.
    fn list(&self, dir: &Path) -> Result<Vec<String>>;

    /// What stands at a path, `None` when nothing does.
    fn kind(&self, path: &Path) -> Result<Option<PathKind>>;

    /// Makes a new empty file for reading and writing. An error when the name is taken.
    fn create(&self, path: &Path) -> Result<Arc<dyn File>>;

    /// Opens an existing file for reading. What is not a regular file is an error, and never waited for.
    fn open(&self, path: &Path) -> Result<Arc<dyn File>>;

    /// Opens an existing file for reading and writing. What is not a regular file is an error, and never waited for. `None` on a machine
    /// that cannot write to a file it has not created: the store begins a new file then.
    fn reopen(&self, _path: &Path) -> Result<Option<Arc<dyn File>>> {
        Ok(None)
    }

    /// Gives a file another name, in one step, replacing a file that has it.
    fn rename(&self, from: &Path, to: &Path) -> Result<()>;

    /// Removes a file. Those who have it open can go on reading it.
    fn remove(&self, path: &Path) -> Result<()>;

    /// Takes the exclusive lock of a file, which is made when missing.
    /// [`Error::Locked`](crate::Error::Locked) when somebody holds it, in this process or another;
    /// a lock dies with its process.
    fn lock(&self, path: &Path) -> Result<Box<dyn Lock>>;

    /// Opens a directory: gives a machine on which paths below `dir` are looked up in the directory that was opened, whatever
    /// becomes of its name or of the working directory, and on which links in it are not followed. `None` on a machine that cannot
    /// hold a directory: paths are looked up as they are then.
    fn open_dir(&self, _dir: &Path) -> Result<Option<Arc<dyn Env>>> {
        Ok(None)
    }

    /// Which directory a path leads to: two numbers that no other directory has at the same time. `None` on a machine that cannot tell.
    fn identify_dir(&self, _dir: &Path) -> Result<Option<(u64, u64)>> {
        Ok(None)
    }

    /// The number of this process, which differs in a fork of it.
    fn process_id(&self) -> u32 {
        std::process::id()
    }

    /// Whether this process may make and remove names in a directory, as far as can be told without trying.
    fn may_write(&self, dir: &Path) -> Result<bool> {
        Ok(self.kind(dir)? == Some(PathKind::Directory))
    }

    /// Bytes that can still be written to the file system of a path.
    fn free_space(&self, path: &Path) -> Result<u64>;

    /// How many files this process may have open at once, `None` when nobody says so.
    fn file_limit(&self) -> Option<usize> {
        None
    }

    /// Whether everything that is written here is gone with the last handle to it.
    /// [`Builder::in_memory`](crate::Builder::in_memory) takes no other machine.
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
    /// Removes a file. What has its name and is no file, a directory say, stays.
    pub(crate) fn remove_file(&self, path: &Path) -> Result<()> {
        let removed = self.remove(path);
        match removed {
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

    /// Reads from `offset` on until `bytes` is full or the file ends; gives how much was read.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> Result<usize>;

    /// Writes all of `bytes` at `offset`; a gap before it reads as zeros. On an error any part may have been written.
    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<()>;

    /// Makes bytes and length durable. After an error nothing written since the last success can be relied on, even
    /// if a later call succeeds.
    fn sync(&self) -> Result<()>;

    /// Cuts the file, or lengthens it with zeros.
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
}

/// A lock that is held until this is dropped by the process that took it. A fork of that process has no part in it: what it drops
/// stays locked.
pub trait Lock: Send + Sync + Debug {
    /// Whether the locked file still has the name under which it was locked. `true` on a machine that cannot tell, or on which a
    /// locked file keeps its name.
    fn is_in_place(&self) -> Result<bool> {
        Ok(true)
    }
}
