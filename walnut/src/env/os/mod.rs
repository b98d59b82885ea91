//! The real machine: the one place where `std::fs` is named.
//!
//! 1. A sync is `fdatasync` of the file: its bytes, and as much of its metadata as is needed to read them
//!    again.
//! 2. Interrupted calls are repeated and short reads and writes continued, so that the promises of
//!    [`File`](super::File) hold.
//! 3. Files and directories are made for their owner alone, where the system knows owners.
//! 4. The lock belongs to the open file and not to the process: a second one in the same process is refused,
//!    too.
//!
//! No file is mapped into memory, and none is cached beyond what the system does.

mod pages;
mod threads;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

use std::fs::{self, DirBuilder, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

pub(crate) use pages::{LARGE_PAGE, prefer_large_pages};
pub(crate) use threads::prefer_other_threads;

use super::{Env, File, Lock, Operation, PathKind};
use crate::error::{Error, Result};

/// The machine that this program runs on.
///
/// ```
/// use walnut::env::{Env, OsEnv};
///
/// # let directory = tempfile::tempdir().unwrap();
/// let path = directory.path().join("greeting");
/// let env = OsEnv::new();
/// let file = env.create(&path)?;
/// file.write_at(b"hello", 0)?;
/// file.sync()?;
/// env.sync_dir(directory.path())?;
/// assert_eq!(env.list(directory.path())?, ["greeting"]);
/// # Ok::<(), walnut::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct OsEnv;

impl OsEnv {
    /// This machine.
    pub const fn new() -> Self {
        Self
    }
}

impl Env for OsEnv {
    fn create_dir(&self, dir: &Path) -> Result<()> {
        let mut builder = DirBuilder::new();
        system::for_owner_dir(&mut builder);
        builder.create(dir).map_err(|error| Operation::CreateDir.failed(dir, error))
    }

    fn sync_dir(&self, dir: &Path) -> Result<()> {
        system::sync_dir(dir).map_err(|error| Operation::SyncDir.failed(dir, error))
    }

    /// A name that is not Unicode is given in the nearest form that is; no file of a database has such a
    /// name.
    fn list(&self, dir: &Path) -> Result<Vec<String>> {
        let names = || -> io::Result<Vec<String>> {
            fs::read_dir(dir)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
        };
        let mut names = names().map_err(|error| Operation::List.failed(dir, error))?;
        names.sort_unstable();
        Ok(names)
    }

    /// Links are followed.
    fn kind(&self, path: &Path) -> Result<Option<PathKind>> {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_file() => Ok(Some(PathKind::File)),
            Ok(metadata) if metadata.is_dir() => Ok(Some(PathKind::Directory)),
            Ok(_) => Ok(Some(PathKind::Other)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Operation::Kind.failed(path, error)),
        }
    }

    fn create(&self, path: &Path) -> Result<Arc<dyn File>> {
        let mut options = OpenOptions::new();
        system::for_owner(options.read(true).write(true).create_new(true));
        let file = options.open(path).map_err(|error| Operation::Create.failed(path, error))?;
        Ok(Arc::new(OsFile { file, path: path.to_owned() }))
    }

    fn open(&self, path: &Path) -> Result<Arc<dyn File>> {
        let file = open_regular(path).map_err(|error| Operation::Open.failed(path, error))?;
        Ok(Arc::new(OsFile { file, path: path.to_owned() }))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        fs::rename(from, to).map_err(|error| Operation::Rename.failed(from, error))
    }

    fn remove(&self, path: &Path) -> Result<()> {
        fs::remove_file(path).map_err(|error| Operation::Remove.failed(path, error))
    }

    fn lock(&self, path: &Path) -> Result<Box<dyn Lock>> {
        let mut options = OpenOptions::new();
        system::for_owner(options.read(true).write(true).create(true).truncate(false));
        let file = options.open(path).map_err(|error| Operation::Lock.failed(path, error))?;
        match file.try_lock() {
            Ok(()) => Ok(Box::new(OsLock { _file: file })),
            Err(TryLockError::WouldBlock) => Err(Error::Locked),
            Err(TryLockError::Error(error)) => Err(Operation::Lock.failed(path, error)),
        }
    }

    fn may_write(&self, dir: &Path) -> Result<bool> {
        system::may_write(dir).map_err(|error| Operation::Kind.failed(dir, error))
    }

    fn free_space(&self, path: &Path) -> Result<u64> {
        system::free_space(path).map_err(|error| Operation::FreeSpace.failed(path, error))
    }

    fn file_limit(&self) -> Option<usize> {
        system::file_limit()
    }

    fn wall_clock(&self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }

    fn monotonic_clock(&self) -> Duration {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        START.elapsed()
    }

    /// # Panics
    ///
    /// When the system has no source of randomness, which no supported one lacks.
    fn fill_random(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the operating system gives random bytes");
    }
}

/// Opens what must be a file: on Unix a directory opens as well, and fails only at the first read.
fn open_regular(path: &Path) -> io::Result<fs::File> {
    let file = fs::File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    Ok(file)
}

/// An open file of the system.
#[derive(Debug)]
struct OsFile {
    file: fs::File,
    path: PathBuf,
}

impl File for OsFile {
    fn path(&self) -> &Path {
        &self.path
    }

    fn size(&self) -> Result<u64> {
        let metadata = self.file.metadata().map_err(|error| Operation::Size.failed(&self.path, error))?;
        Ok(metadata.len())
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> Result<usize> {
        read_fully(|rest, offset| system::read_at(&self.file, rest, offset), bytes, offset)
            .map_err(|error| Operation::Read.failed(&self.path, error))
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<()> {
        write_fully(|rest, offset| system::write_at(&self.file, rest, offset), bytes, offset)
            .map_err(|error| Operation::Write.failed(&self.path, error))
    }

    fn sync(&self) -> Result<()> {
        self.file.sync_data().map_err(|error| Operation::Sync.failed(&self.path, error))
    }

    fn set_size(&self, size: u64) -> Result<()> {
        self.file.set_len(size).map_err(|error| Operation::SetSize.failed(&self.path, error))
    }
}

/// Reads until the buffer is full or the file ends.
fn read_fully(
    read: impl Fn(&mut [u8], u64) -> io::Result<usize>,
    bytes: &mut [u8],
    offset: u64,
) -> io::Result<usize> {
    let mut done = 0;
    while done < bytes.len() {
        match read(&mut bytes[done..], offset + done as u64) {
            Ok(0) => break,
            Ok(count) => done += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// Writes until nothing is left.
fn write_fully(write: impl Fn(&[u8], u64) -> io::Result<usize>, bytes: &[u8], offset: u64) -> io::Result<()> {
    let mut done = 0;
    while done < bytes.len() {
        match write(&bytes[done..], offset + done as u64) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => done += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A lock that the system holds for as long as the file is open.
#[derive(Debug)]
struct OsLock {
    _file: fs::File,
}

impl Lock for OsLock {}

#[cfg(test)]
mod tests;
