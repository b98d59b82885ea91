//! What Windows has and the standard library does not name portably.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::windows::fs::FileExt;
use std::path::Path;

/// A new file has the rights of its directory.
pub(super) fn for_owner(_options: &mut OpenOptions) {}

/// A new directory has the rights of its parent.
pub(super) fn for_owner_dir(_builder: &mut DirBuilder) {}

/// NTFS keeps names in its own journal, and there is no call to sync a directory.
pub(super) fn sync_dir(_dir: &Path) -> io::Result<()> {
    Ok(())
}

pub(super) fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    file.seek_read(bytes, offset)
}

pub(super) fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
    file.seek_write(bytes, offset)
}

/// Unknown without an unsafe call, so never the reason to stop: a full disk still answers the write itself.
pub(super) fn free_space(_path: &Path) -> io::Result<u64> {
    Ok(u64::MAX)
}

/// Whether names in a directory may be made and removed, as far as its attributes say.
pub(super) fn may_write(dir: &Path) -> io::Result<bool> {
    Ok(!std::fs::metadata(dir)?.permissions().readonly())
}

/// A process may have some sixteen million handles.
pub(super) fn file_limit() -> Option<usize> {
    None
}
