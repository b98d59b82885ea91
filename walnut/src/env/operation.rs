//! The operations of a machine by name: what tests count, trace, and make fail.

use std::fmt;
use std::io;
use std::path::Path;

use crate::error::Error;

/// One operation of [`Env`](super::Env) or [`File`](super::File).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Operation {
    /// `Env::create_dir`.
    CreateDir,
    /// `Env::sync_dir`.
    SyncDir,
    /// `Env::list`.
    List,
    /// `Env::kind`.
    Kind,
    /// `Env::create`.
    Create,
    /// `Env::open`.
    Open,
    /// `Env::open_dir`.
    OpenDir,
    /// `Env::rename`.
    Rename,
    /// `Env::remove`.
    Remove,
    /// `Env::lock`.
    Lock,
    /// `Env::free_space`.
    FreeSpace,
    /// `File::size`.
    Size,
    /// `File::read_at`.
    Read,
    /// `File::write_at`.
    Write,
    /// `File::sync`.
    Sync,
    /// `File::set_size`.
    SetSize,
}

impl Operation {
    const COUNT: usize = Self::SetSize as usize + 1;

    /// In a trace.
    fn name(self) -> &'static str {
        match self {
            Self::CreateDir => "create_dir",
            Self::SyncDir => "sync_dir",
            Self::List => "list",
            Self::Kind => "kind",
            Self::Create => "create",
            Self::Open => "open",
            Self::OpenDir => "open_dir",
            Self::Rename => "rename",
            Self::Remove => "remove",
            Self::Lock => "lock",
            Self::FreeSpace => "free_space",
            Self::Size => "size",
            Self::Read => "read",
            Self::Write => "write",
            Self::Sync => "sync",
            Self::SetSize => "set_size",
        }
    }

    /// The operation as the verb of an error: "cannot read /x".
    fn verb(self) -> &'static str {
        match self {
            Self::CreateDir => "create the directory",
            Self::SyncDir => "sync the directory",
            Self::List => "list the directory",
            Self::OpenDir => "open the directory",
            Self::Kind => "look at",
            Self::FreeSpace => "measure the free space at",
            Self::Size => "measure",
            Self::SetSize => "resize",
            _ => self.name(),
        }
    }

    pub(super) fn failed(self, path: &Path, source: io::Error) -> Error {
        Error::io(self.verb(), path, source)
    }

    /// Whether it changes the contents of the disk, or their durability.
    fn is_mutation(self) -> bool {
        !matches!(
            self,
            Self::List | Self::Kind | Self::Open | Self::OpenDir | Self::FreeSpace | Self::Size | Self::Read
        )
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of operations to count or to wait for.
///
/// ```
/// use walnut::env::{Operation, Operations};
/// assert!(Operations::Syncs.contains(Operation::SyncDir));
/// assert!(!Operations::Mutations.contains(Operation::Read));
/// assert_eq!(Operations::from(Operation::Write), Operations::Only(Operation::Write));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Operations {
    /// A single operation.
    Only(Operation),
    /// Operations that make data durable: [`Operation::Sync`] and [`Operation::SyncDir`].
    Syncs,
    /// Operations that change the contents of the disk or their durability, syncs included.
    Mutations,
    /// All.
    Any,
}

impl Operations {
    /// Whether an operation is in the set.
    pub fn contains(self, operation: Operation) -> bool {
        match self {
            Self::Only(only) => only == operation,
            Self::Syncs => matches!(operation, Operation::Sync | Operation::SyncDir),
            Self::Mutations => operation.is_mutation(),
            Self::Any => true,
        }
    }
}

impl From<Operation> for Operations {
    fn from(operation: Operation) -> Self {
        Self::Only(operation)
    }
}

/// How often each operation was tried, so that a test can assert the exact work of a call.
///
/// ```
/// use std::path::Path;
/// use walnut::env::{Env, MemoryEnv, Operation, Operations};
///
/// let env = MemoryEnv::new();
/// let before = env.counts();
/// env.create(Path::new("/file"))?.write_at(b"walnut", 0)?;
/// let work = env.counts().since(&before);
/// assert_eq!(work.of(Operation::Write), 1);
/// assert_eq!(work.of(Operations::Mutations), 2);
/// assert_eq!(work.bytes_written, 6);
/// # Ok::<(), walnut::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Counts {
    tried: [u64; Operation::COUNT],
    /// Bytes returned by reads.
    pub bytes_read: u64,
    /// Bytes accepted by writes.
    pub bytes_written: u64,
}

const ALL: [Operation; Operation::COUNT] = [
    Operation::CreateDir,
    Operation::SyncDir,
    Operation::List,
    Operation::Kind,
    Operation::Create,
    Operation::Open,
    Operation::OpenDir,
    Operation::Rename,
    Operation::Remove,
    Operation::Lock,
    Operation::FreeSpace,
    Operation::Size,
    Operation::Read,
    Operation::Write,
    Operation::Sync,
    Operation::SetSize,
];

impl Counts {
    /// How many of these operations were tried.
    pub fn of(&self, operations: impl Into<Operations>) -> u64 {
        let operations = operations.into();
        ALL.iter().filter(|one| operations.contains(**one)).map(|one| self.tried[*one as usize]).sum()
    }

    /// The difference to `earlier` counts of the same machine.
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            tried: std::array::from_fn(|i| self.tried[i] - earlier.tried[i]),
            bytes_read: self.bytes_read - earlier.bytes_read,
            bytes_written: self.bytes_written - earlier.bytes_written,
        }
    }

    pub(super) fn add(&mut self, operation: Operation) {
        self.tried[operation as usize] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_counted_in_its_own_place() {
        for (index, operation) in ALL.into_iter().enumerate() {
            assert_eq!(operation as usize, index);
            let mut counts = Counts::default();
            counts.add(operation);
            assert_eq!((counts.of(operation), counts.of(Operations::Any)), (1, 1));
        }
    }

    #[test]
    fn what_only_looks_is_no_mutation() {
        let looks: Vec<_> = ALL.into_iter().filter(|one| !Operations::Mutations.contains(*one)).collect();
        let expected = [
            Operation::List,
            Operation::Kind,
            Operation::Open,
            Operation::OpenDir,
            Operation::FreeSpace,
            Operation::Size,
            Operation::Read,
        ];
        assert_eq!(looks, expected);
    }
}
