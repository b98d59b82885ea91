//! Looks at a directory without changing anything: what is there, whether it may be written,
//! whether there is room.

use std::path::{Path, PathBuf};

use crate::engine::{Core, directory};
use crate::env::{Env, PathKind};
use crate::error::{Error, Result};

/// What is at a path; part of [`BackupCheck`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum TargetState {
    /// Nothing. Directories above it may be missing too.
    Nothing,
    /// A directory with nothing in it.
    Empty,
    /// A directory with a Walnut database in it, or what is left of one.
    Database,
    /// A file, or a directory with other files.
    Foreign,
}

/// What [`Database::preflight`](crate::Database::preflight) found. Sizes are in bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct BackupCheck {
    /// What is at the path.
    pub standing: TargetState,
    /// Whether a database there is open, in this process or in another.
    pub is_locked: bool,
    /// Whether this process may make and remove files there; of a directory that is missing,
    /// whether it may be made.
    pub is_writable: bool,
    /// What can still be written to the file system.
    pub free_space: u64,
    /// What a copy of this database would take.
    pub needed_space: u64,
    path: PathBuf,
}

impl BackupCheck {
    /// An error when a backup into the directory could not succeed, as things stand: the one that
    /// it would end with.
    ///
    /// [`Error::Io`] when the directory may not be written or is not empty, [`Error::Locked`] when
    /// a database there is open, [`Error::OutOfSpace`] when there is not enough room.
    pub fn check(&self) -> Result<()> {
        use std::io::ErrorKind;
        if self.is_locked {
            return Err(Error::Locked);
        }
        if !matches!(self.standing, TargetState::Nothing | TargetState::Empty) {
            return Err(Error::io("back up into", &self.path, ErrorKind::AlreadyExists.into()));
        }
        if !self.is_writable {
            return Err(Error::io("back up into", &self.path, ErrorKind::PermissionDenied.into()));
        }
        if self.free_space < self.needed_space {
            return Err(Error::OutOfSpace);
        }
        Ok(())
    }
}

impl Core {
    /// Looks at a directory as a place for a copy of this database. Writes nothing.
    pub(crate) fn preflight(&self, dir: &Path) -> Result<BackupCheck> {
        self.health.ensure_open()?;
        directory::check_path(dir, "back up into")?;
        let env = &*self.machine;
        let standing = standing(env, dir)?;
        let existing = directory::nearest(env, dir)?;
        Ok(BackupCheck {
            standing,
            is_locked: standing == TargetState::Database && is_locked(env, dir)?,
            is_writable: env.may_write(&existing)?,
            free_space: env.free_space(&existing)?,
            needed_space: self.data_size(),
            path: dir.to_owned(),
        })
    }

    /// What the files of the database take, and what is in memory would at most.
    fn data_size(&self) -> u64 {
        let stats = self.stats();
        let in_memory = stats.active_memtable_size + stats.frozen_memtable_size;
        stats.sst_size + stats.value_log_size + in_memory as u64
    }
}

fn standing(env: &dyn Env, dir: &Path) -> Result<TargetState> {
    Ok(match env.kind(dir)? {
        None => TargetState::Nothing,
        Some(PathKind::Directory) => {
            let names = env.list(dir)?;
            if names.is_empty() {
                TargetState::Empty
            } else if names.iter().any(|name| directory::is_own(name)) {
                TargetState::Database
            } else {
                TargetState::Foreign
            }
        }
        Some(_) => TargetState::Foreign,
    })
}

/// Whether a process holds the lock of a database. A lock file that is missing is not made.
fn is_locked(env: &dyn Env, dir: &Path) -> Result<bool> {
    let path = directory::lock_path(dir);
    if env.kind(&path)?.is_none() {
        return Ok(false);
    }
    match env.lock(&path) {
        Ok(_released_at_once) => Ok(false),
        Err(Error::Locked) => Ok(true),
        Err(error) => Err(error),
    }
}
