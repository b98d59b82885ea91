//! What Windows has and the standard library does not name portably.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::windows::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::env::PathKind;

/// Others may read and write a locked file (which its lock keeps from them), but not remove or rename it, nor a directory above it.
const SHARE_READ_AND_WRITE: u32 = 3;

/// Where names are looked up.
#[derive(Clone, Debug)]
pub(super) struct Base {
    /// The absolute path of a directory; `None` for the working directory of the moment. A directory with an open file keeps its name.
    held: Option<PathBuf>,
}

/// Which file it is: nothing, because a locked file keeps its name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Identity;

impl Identity {
    pub(super) fn numbers(self) -> Option<(u64, u64)> {
        None
    }
}

impl Base {
    pub(super) const WORKING: Self = Self { held: None };

    /// Holds a directory.
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

    /// A new directory has the rights of its parent.
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

    /// Makes a new file, which has the rights of its directory.
    pub(super) fn create(&self, name: &Path) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create_new(true).open(self.path(name))
    }

    /// Opens a file for reading.
    pub(super) fn open_file(&self, name: &Path) -> io::Result<File> {
        File::open(self.path(name))
    }

    /// Opens a file for reading and writing.
    pub(super) fn reopen_file(&self, name: &Path) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).open(self.path(name))
    }

    /// Opens a file that is to be locked, and makes it when it is missing.
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

    /// Which file has a name now.
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "other systems need both")]
    pub(super) fn identity(&self, _name: &Path) -> io::Result<Identity> {
        Ok(Identity)
    }

    /// Unknown without an unsafe call, so never the reason to stop: a full disk still answers the write itself.
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "other systems need both")]
    pub(super) fn free_space(&self, _name: &Path) -> io::Result<u64> {
        Ok(u64::MAX)
    }

    /// Whether names in a directory may be made and removed, as far as its attributes say.
    pub(super) fn may_write(&self, name: &Path) -> io::Result<bool> {
        Ok(!fs::metadata(self.path(name))?.permissions().readonly())
    }
}

/// Which file this is.
#[expect(clippy::unnecessary_wraps, reason = "other systems may fail")]
pub(super) fn identity(_file: &File) -> io::Result<Identity> {
    Ok(Identity)
}

pub(super) fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    file.seek_read(bytes, offset)
}

pub(super) fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
    file.seek_write(bytes, offset)
}

/// A process may have some sixteen million handles.
pub(super) fn file_limit() -> Option<usize> {
    None
}
