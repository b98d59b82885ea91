//! Unix calls that the standard library does not wrap portably.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use rustix::buffer::spare_capacity;
use rustix::fs::{self as system, Access, AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::{Errno, pread, retry_on_intr};

use crate::env::PathKind;

/// The directory in which names are looked up.
#[derive(Clone, Debug)]
pub(super) struct Base {
    /// An open directory; `None` for the current working directory.
    held: Option<Arc<OwnedFd>>,
}

/// The identity of a file: device and inode number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Identity(u64, u64);

impl Identity {
    #[allow(
        clippy::unnecessary_cast,
        clippy::cast_sign_loss,
        reason = "the types differ from system to system"
    )]
    fn of(stat: &Stat) -> Self {
        Self(stat.st_dev as u64, stat.st_ino as u64)
    }

    #[expect(clippy::unnecessary_wraps, reason = "other systems have none")]
    pub(super) fn numbers(self) -> Option<(u64, u64)> {
        Some((self.0, self.1))
    }
}

impl Base {
    pub(super) const WORKING: Self = Self { held: None };

    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let held = retry_on_intr(|| system::openat(CWD, path, directory(), Mode::empty()))?;
        Ok(Self { held: Some(Arc::new(held)) })
    }

    fn fd(&self) -> BorrowedFd<'_> {
        self.held.as_ref().map_or(CWD, |held| held.as_fd())
    }

    /// Links are followed from the working directory only: in an open directory they are not its
    /// own files.
    fn follows(&self) -> bool {
        self.held.is_none()
    }

    /// Creates files for their owner only, and does not block on a pipe or a device.
    fn open_at(&self, name: &Path, flags: OFlags) -> io::Result<File> {
        let follow = if self.follows() { OFlags::empty() } else { OFlags::NOFOLLOW };
        let flags = flags | follow | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let mode = Mode::RUSR | Mode::WUSR;
        match retry_on_intr(|| system::openat(self.fd(), name, flags, mode)) {
            Ok(file) => Ok(File::from(file)),
            Err(Errno::LOOP | Errno::MLINK) if !self.follows() => {
                Err(io::Error::new(io::ErrorKind::InvalidInput, "it is a link and not a regular file"))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn stat(&self, name: &Path) -> rustix::io::Result<Stat> {
        let flags = if self.follows() { AtFlags::empty() } else { AtFlags::SYMLINK_NOFOLLOW };
        retry_on_intr(|| system::statat(self.fd(), name, flags))
    }

    /// A new directory is accessible to its owner only.
    pub(super) fn create_dir(&self, name: &Path) -> io::Result<()> {
        Ok(retry_on_intr(|| system::mkdirat(self.fd(), name, Mode::RWXU))?)
    }

    pub(super) fn sync_dir(&self, name: &Path) -> io::Result<()> {
        let dir = self.open_at(name, OFlags::RDONLY)?;
        if !dir.metadata()?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        dir.sync_all()
    }

    pub(super) fn list(&self, name: &Path) -> io::Result<Vec<String>> {
        let dir = self.open_at(name, OFlags::RDONLY | OFlags::DIRECTORY)?;
        let mut names = Vec::new();
        for entry in Dir::new(OwnedFd::from(dir))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy();
            if name != "." && name != ".." {
                names.push(name.into_owned());
            }
        }
        Ok(names)
    }

    pub(super) fn kind(&self, name: &Path) -> io::Result<PathKind> {
        Ok(match FileType::from_raw_mode(self.stat(name)?.st_mode) {
            FileType::RegularFile => PathKind::File,
            FileType::Directory => PathKind::Directory,
            _ => PathKind::Other,
        })
    }

    pub(super) fn create(&self, name: &Path) -> io::Result<File> {
        self.open_at(name, OFlags::RDWR | OFlags::CREATE | OFlags::EXCL)
    }

    /// For reading.
    pub(super) fn open_file(&self, name: &Path) -> io::Result<File> {
        self.open_at(name, OFlags::RDONLY)
    }

    /// For reading and writing.
    pub(super) fn reopen_file(&self, name: &Path) -> io::Result<File> {
        self.open_at(name, OFlags::RDWR)
    }

    /// Opens the lock file, and creates it if it is missing.
    pub(super) fn open_lock(&self, name: &Path) -> io::Result<File> {
        self.open_at(name, OFlags::RDWR | OFlags::CREATE)
    }

    pub(super) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        Ok(retry_on_intr(|| system::renameat(self.fd(), from, self.fd(), to))?)
    }

    pub(super) fn remove(&self, name: &Path) -> io::Result<()> {
        Ok(retry_on_intr(|| system::unlinkat(self.fd(), name, AtFlags::empty()))?)
    }

    pub(super) fn identity(&self, name: &Path) -> io::Result<Identity> {
        Ok(Identity::of(&self.stat(name)?))
    }

    /// The space available to an unprivileged user.
    pub(super) fn free_space(&self, name: &Path) -> io::Result<u64> {
        let space = match self.held {
            None => system::statvfs(name)?,
            Some(_) => system::fstatvfs(self.open_at(name, OFlags::RDONLY)?)?,
        };
        Ok(space.f_bavail.saturating_mul(space.f_frsize))
    }

    /// Whether names in a directory may be created and removed.
    pub(super) fn may_write(&self, name: &Path) -> io::Result<bool> {
        let access = Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK;
        match system::accessat(self.fd(), name, access, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::ACCESS | Errno::ROFS | Errno::PERM) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

fn directory() -> OFlags {
    OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC
}

pub(super) fn identity(file: &File) -> io::Result<Identity> {
    Ok(Identity::of(&system::fstat(file)?))
}

pub(super) fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    file.read_at(bytes, offset)
}

/// Reads into memory that nothing has cleared.
pub(super) fn read_new(file: &File, size: usize, offset: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // There may be more memory than was asked for, and then more is read.
    bytes.reserve_exact(size);
    while bytes.len() < size {
        let at = offset + bytes.len() as u64;
        if retry_on_intr(|| pread(file, spare_capacity(&mut bytes), at))? == 0 {
            break;
        }
    }
    bytes.truncate(size);
    Ok(bytes)
}

pub(super) fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
    file.write_at(bytes, offset)
}

/// The soft limit, which the system enforces.
pub(super) fn file_limit() -> Option<usize> {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current?;
    usize::try_from(limit).ok()
}
