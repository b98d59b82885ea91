//! What Unix has and the standard library does not name portably.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::Path;

/// New files are read and written by their owner alone.
pub(super) fn for_owner(options: &mut OpenOptions) {
    options.mode(0o600);
}

/// New directories are entered by their owner alone.
pub(super) fn for_owner_dir(builder: &mut DirBuilder) {
    builder.mode(0o700);
}

pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    let dir = File::open(dir)?;
    if !dir.metadata()?.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    dir.sync_all()
}

pub(super) fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    file.read_at(bytes, offset)
}

pub(super) fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
    file.write_at(bytes, offset)
}

/// The space open to a user without privileges.
pub(super) fn free_space(path: &Path) -> io::Result<u64> {
    let space = rustix::fs::statvfs(path)?;
    Ok(space.f_bavail.saturating_mul(space.f_frsize))
}

/// Whether names in a directory may be made and removed.
pub(super) fn may_write(dir: &Path) -> io::Result<bool> {
    use rustix::fs::Access;
    match rustix::fs::access(dir, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::ACCESS | rustix::io::Errno::ROFS | rustix::io::Errno::PERM) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The soft limit: what the system refuses to go beyond now.
pub(super) fn file_limit() -> Option<usize> {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current?;
    usize::try_from(limit).ok()
}
