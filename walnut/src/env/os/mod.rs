//! The real machine: the only code that names `std::fs`.
//!
//! 1. A sync is `fdatasync` of the file: its bytes, and as much of its metadata as is needed to
//!    read them again.
//! 2. Interrupted calls are repeated and short reads and writes continued, as [`File`]
//!    requires.
//! 3. Files and directories are created for their owner only, where the system has owners.
//! 4. The lock belongs to the open file and not to the process: a second one in the same process is
//!    refused, too. A process that was started meanwhile may have the file open as well, so the
//!    lock is released by a call and not by closing the file.
//! 5. Only regular files are opened, and opening never blocks. Links are followed, except in an
//!    open directory.
//!
//! No file is mapped into memory, and none is cached beyond the system's page cache.

mod dir;
mod pages;
mod threads;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(not(any(unix, windows)))]
compile_error!("Walnut runs on Unix and on Windows: it needs files, threads and locks on files");

#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use dir::{At, OsDir};
pub(crate) use pages::{LARGE_PAGE, prefer_large_pages};
use system::Base;
pub(crate) use threads::{ProcessorShare, prefer_other_threads};

use super::{Env, File, Lock, Operation, PathKind};
use crate::error::Result;

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
    /// The machine that this program runs on.
    pub const fn new() -> Self {
        Self
    }
}

/// The working directory, in which names are looked up until a directory is opened.
static WORKING: Base = Base::WORKING;

impl OsEnv {
    fn at(path: &Path) -> At<'_> {
        At { base: &WORKING, name: path, path }
    }
}

impl Env for OsEnv {
    fn create_dir(&self, dir: &Path) -> Result<()> {
        Self::at(dir).create_dir()
    }

    fn sync_dir(&self, dir: &Path) -> Result<()> {
        Self::at(dir).sync_dir()
    }

    /// A name that is not Unicode is converted lossily; no file of a database has such a name.
    fn list(&self, dir: &Path) -> Result<Vec<String>> {
        Self::at(dir).list()
    }

    /// Links are followed.
    fn kind(&self, path: &Path) -> Result<Option<PathKind>> {
        Self::at(path).kind()
    }

    fn create(&self, path: &Path) -> Result<Arc<dyn File>> {
        Self::at(path).create()
    }

    fn open(&self, path: &Path) -> Result<Arc<dyn File>> {
        Self::at(path).open()
    }

    fn reopen(&self, path: &Path) -> Result<Option<Arc<dyn File>>> {
        Self::at(path).reopen().map(Some)
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        Self::at(from).rename(&Self::at(to))
    }

    fn remove(&self, path: &Path) -> Result<()> {
        Self::at(path).remove()
    }

    fn lock(&self, path: &Path) -> Result<Box<dyn Lock>> {
        Self::at(path).lock()
    }

    /// On Unix a descriptor of the directory, elsewhere its absolute path.
    fn open_dir(&self, dir: &Path) -> Result<Option<Arc<dyn Env>>> {
        let base = Base::open(dir).map_err(|error| Operation::OpenDir.failed(dir, error))?;
        Ok(Some(Arc::new(OsDir { base, dir: dir.to_owned() })))
    }

    fn identify_dir(&self, dir: &Path) -> Result<Option<(u64, u64)>> {
        Self::at(dir).identify_dir()
    }

    fn may_write(&self, dir: &Path) -> Result<bool> {
        Self::at(dir).may_write()
    }

    fn free_space(&self, path: &Path) -> Result<u64> {
        Self::at(path).free_space()
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
    /// When the system has no source of randomness, which every supported one has.
    fn fill_random(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the operating system gives random bytes");
    }
}

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

    fn read_new(&self, size: usize, offset: u64) -> Result<Vec<u8>> {
        system::read_new(&self.file, size, offset).map_err(|error| Operation::Read.failed(&self.path, error))
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

#[cfg(test)]
mod tests;
