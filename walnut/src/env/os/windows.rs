//! Windows calls that the standard library does not wrap portably.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::windows::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::env::PathKind;

/// Other processes may open a locked file (its lock prevents access to its bytes), but not remove
/// or rename it, nor a directory above it.
const SHARE_READ_AND_WRITE: u32 = 3;

/// The directory in which names are looked up.
#[derive(Clone, Debug)]
pub(super) struct Base {
    /// The absolute path of a directory; `None` for the current working directory. A directory with
    /// an open file keeps its name.
    held: Option<PathBuf>,
}

/// The identity of a file: empty, because a locked file keeps its name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Identity;

impl Identity {
    pub(super) fn numbers(self) -> Option<(u64, u64)> {
        None
    }
}

impl Base {
    pub(super) const WORKING: Self = Self { held: None };

    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let held = std::path::absolute(path)?;
        if !fs::metadata(&held)?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(Self { held: Some(held) })
    }

    fn path(&self, name: &Path) -> PathBuf {
        self.held.as_ref().map_or_else(|| name.to_owned(), |held| held.join(name))
    }

    /// A new directory inherits the permissions of its parent.
    pub(super) fn create_dir(&self, name: &Path) -> io::Result<()> {
        fs::create_dir(self.path(name))
    }

    /// NTFS keeps names in its own journal, and there is no call to sync a directory.
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "other systems need both")]
    pub(super) fn sync_dir(&self, _name: &Path) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn list(&self, name: &Path) -> io::Result<Vec<String>> {
        let entries = fs::read_dir(self.path(name))?;
        entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }

    pub(super) fn kind(&self, name: &Path) -> io::Result<PathKind> {
        let path = self.path(name);
        let metadata = if self.held.is_some() { fs::symlink_metadata(path)? } else { fs::metadata(path)? };
        Ok(match (metadata.is_file(), metadata.is_dir()) {
            (true, _) => PathKind::File,
            (_, true) => PathKind::Directory,
            _ => PathKind::Other,
        })
    }

    /// A new file inherits the permissions of its directory.
    pub(super) fn create(&self, name: &Path) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create_new(true).open(self.path(name))
    }

    /// For reading.
    pub(super) fn open_file(&self, name: &Path) -> io::Result<File> {
        File::open(self.path(name))
    }

    /// For reading and writing.
    pub(super) fn reopen_file(&self, name: &Path) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).open(self.path(name))
    }

    /// Opens the lock file, and creates it if it is missing.
    pub(super) fn open_lock(&self, name: &Path) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).share_mode(SHARE_READ_AND_WRITE);
        options.open(self.path(name))
    }

    pub(super) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(self.path(from), self.path(to))
    }

    pub(super) fn remove(&self, name: &Path) -> io::Result<()> {
        fs::remove_file(self.path(name))
    }

    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "other systems need both")]
    pub(super) fn identity(&self, _name: &Path) -> io::Result<Identity> {
        Ok(Identity)
    }

    /// Unknown without an unsafe call, so never a reason to stop: on a full disk the write itself
    /// fails.
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "other systems need both")]
    pub(super) fn free_space(&self, _name: &Path) -> io::Result<u64> {
        Ok(u64::MAX)
    }

    /// Whether names in a directory may be created and removed, as far as its attributes tell.
    pub(super) fn may_write(&self, name: &Path) -> io::Result<bool> {
        Ok(!fs::metadata(self.path(name))?.permissions().readonly())
    }
}

#[expect(clippy::unnecessary_wraps, reason = "other systems may fail")]
pub(super) fn identity(_file: &File) -> io::Result<Identity> {
    Ok(Identity)
}

pub(super) fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    file.seek_read(bytes, offset)
}

pub(super) fn read_new(file: &File, size: usize, offset: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; size];
    let read = super::read_fully(|rest, offset| read_at(file, rest, offset), &mut bytes, offset)?;
    bytes.truncate(read);
    Ok(bytes)
}

pub(super) fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
    file.seek_write(bytes, offset)
}

/// A process may have some sixteen million handles.
pub(super) fn file_limit() -> Option<usize> {
    None
}
