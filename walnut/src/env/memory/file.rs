//! Open files and held locks of a machine in memory.

use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::directory::DirectoryId;
use super::disk::Location;
use super::inode::Inode;
use super::machine::{Machine, MachineState};
use crate::env::{File, Lock, Operation};
use crate::error::{Error, Result};

/// A file handle. The file exists as long as it has a name or a handle.
pub(in crate::env) struct MemoryFile {
    machine: Arc<Machine>,
    inode: Arc<Inode>,
    path: PathBuf,
    is_writable: bool,
}

impl MemoryFile {
    /// `state` is that of `machine`, still locked by the operation that found the file.
    pub(super) fn new(
        machine: &Arc<Machine>,
        state: &mut MachineState,
        inode: Arc<Inode>,
        path: &Path,
        is_writable: bool,
    ) -> Arc<Self> {
        state.open_files += 1;
        state.disk.account(&inode, |content| content.handles += 1);
        Arc::new(Self { machine: Arc::clone(machine), inode, path: path.to_owned(), is_writable })
    }

    /// Drops the pending changes, as an operating system does after a failed sync.
    pub(in crate::env) fn lose_unsynced(&self) {
        self.inode.content().lose_unsynced();
    }

    fn check_writable(&self, operation: Operation) -> Result<()> {
        if self.is_writable {
            return Ok(());
        }
        Err(operation.failed(&self.path, ErrorKind::PermissionDenied.into()))
    }
}

impl File for MemoryFile {
    fn path(&self) -> &Path {
        &self.path
    }

    fn size(&self) -> Result<u64> {
        let _state = self.machine.enter(Operation::Size, &self.path, format_args!(""))?;
        Ok(self.inode.content().seen().size() as u64)
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> Result<usize> {
        let detail = format_args!(" {offset}+{}", bytes.len());
        let mut state = self.machine.enter(Operation::Read, &self.path, detail)?;
        let Ok(offset) = usize::try_from(offset) else { return Ok(0) };
        let image = self.inode.content().seen().clone();
        state.counts.bytes_read += image.size().saturating_sub(offset).min(bytes.len()) as u64;
        drop(state);
        Ok(image.read_at(bytes, offset))
    }

    /// On a full disk as many bytes are written as there is space for.
    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<()> {
        let detail = format_args!(" {offset}+{}", bytes.len());
        let mut state = self.machine.enter(Operation::Write, &self.path, detail)?;
        self.check_writable(Operation::Write)?;
        let written = state.disk.write(&self.inode, bytes, offset);
        let written = written.map_err(|error| Operation::Write.failed(&self.path, error))?;
        state.counts.bytes_written += written as u64;
        if written < bytes.len() { Err(Error::OutOfSpace) } else { Ok(()) }
    }

    fn sync(&self) -> Result<()> {
        let _state = self.machine.enter(Operation::Sync, &self.path, format_args!(""))?;
        self.inode.content().sync();
        Ok(())
    }

    fn set_size(&self, size: u64) -> Result<()> {
        let mut state = self.machine.enter(Operation::SetSize, &self.path, format_args!(" {size}"))?;
        self.check_writable(Operation::SetSize)?;
        let resized = state.disk.set_size(&self.inode, size);
        resized.map_err(|error| Operation::SetSize.failed(&self.path, error))
    }
}

impl Drop for MemoryFile {
    fn drop(&mut self) {
        let mut state = self.machine.state();
        state.open_files -= 1;
        state.disk.account(&self.inode, |content| content.handles -= 1);
    }
}

impl fmt::Debug for MemoryFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryFile").field("path", &self.path).finish_non_exhaustive()
    }
}

/// A held lock. Inode numbers are not reused, so no other file is mistaken for the locked one.
pub(super) struct MemoryLock {
    machine: Arc<Machine>,
    inode: u64,
    process: u32,
    base: DirectoryId,
    path: PathBuf,
    /// The number of name changes when the file was last seen under its path.
    seen: AtomicU64,
}

impl MemoryLock {
    /// Takes a lock; `state` is that of `machine`.
    pub(super) fn take(
        machine: &Arc<Machine>,
        state: &mut MachineState,
        inode: &Inode,
        at: Location<'_>,
    ) -> Result<Self> {
        if !state.locks.insert(inode.id) {
            return Err(Error::Locked);
        }
        Ok(Self {
            machine: Arc::clone(machine),
            inode: inode.id,
            process: machine.process_id(),
            base: at.base,
            path: at.path.to_owned(),
            seen: AtomicU64::new(machine.name_changes()),
        })
    }
}

impl Lock for MemoryLock {
    fn is_in_place(&self) -> Result<bool> {
        let changes = self.machine.name_changes();
        if self.seen.load(Ordering::Relaxed) == changes {
            return Ok(true);
        }
        let found = self.machine.state().disk.open(Location { base: self.base, path: &self.path });
        let is_in_place = found.is_ok_and(|inode| inode.id == self.inode);
        if is_in_place {
            self.seen.store(changes, Ordering::Relaxed);
        }
        Ok(is_in_place)
    }
}

impl Drop for MemoryLock {
    fn drop(&mut self) {
        if self.machine.process_id() == self.process {
            self.machine.state().locks.remove(&self.inode);
        }
    }
}

impl fmt::Debug for MemoryLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryLock").finish_non_exhaustive()
    }
}
