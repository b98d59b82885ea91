//! Which operation is to fail, and how.

use std::io;
use std::path::Path;

use crate::env::{Operation, Operations};

/// A fault that is to come: a set of operations, how many of them pass before it, and what it does.
///
/// Only operations that the effect fits are counted, so [`FaultEffect::ShortWrite`] among [`Operations::Any`]
/// waits for writes.
///
/// ```
/// use std::path::Path;
/// use walnut::env::{Env, FaultEffect, FaultEnv, FaultPlan, MemoryEnv, Operation};
///
/// let env = FaultEnv::over_memory(MemoryEnv::new());
/// env.inject(FaultPlan::once(Operation::Write, 1, FaultEffect::FullDisk).in_files(".wal"));
/// let (wal, other) = (env.create(Path::new("/1.wal"))?, env.create(Path::new("/2.sst"))?);
/// wal.write_at(b"passes", 0)?;
/// other.write_at(b"is another file", 0)?;
/// assert!(matches!(wal.write_at(b"fails", 6), Err(walnut::Error::OutOfSpace)));
/// wal.write_at(b"passes", 6)?;
/// # Ok::<(), walnut::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct FaultPlan {
    operations: Operations,
    /// How many of them still pass.
    passing: u64,
    is_for_ever: bool,
    effect: FaultEffect,
    suffix: String,
}

/// What a fault does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum FaultEffect {
    /// The operation does not happen and gives an error.
    Error,
    /// The operation happens, and gives an error all the same.
    ErrorAfter,
    /// The first half of a write is written; then an error.
    ShortWrite,
    /// There is no space: for half of a write, for a longer file, a new name, or a sync that has to allocate.
    FullDisk,
    /// A sync gives an error, and the system forgets what it had not written: later syncs succeed, and a
    /// crash takes those bytes or names all the same. Over a machine other than
    /// [`MemoryEnv`](super::super::MemoryEnv) this is [`FaultEffect::Error`].
    LostSync,
    /// The operation does not happen and gives the error that the operating system has of this kind.
    Kind(io::ErrorKind),
    /// A read gives its bytes with this bit flipped, counted from their first one and round again behind the
    /// last.
    FlippedBit(u64),
}

impl FaultPlan {
    /// Lets so many of these operations pass; the one after that fails, and those that follow pass again.
    pub fn once(operations: impl Into<Operations>, passing: u64, effect: FaultEffect) -> Self {
        let operations = operations.into();
        Self { operations, passing, is_for_ever: false, effect, suffix: String::new() }
    }

    /// Lets so many of these operations pass; all that follow fail.
    pub fn for_ever(operations: impl Into<Operations>, passing: u64, effect: FaultEffect) -> Self {
        Self { is_for_ever: true, ..Self::once(operations, passing, effect) }
    }

    /// Counts and fails only operations on a path that ends so.
    pub fn in_files(mut self, suffix: &str) -> Self {
        suffix.clone_into(&mut self.suffix);
        self
    }

    /// Takes note of an operation; the effect when it has to fail.
    pub(super) fn meet(&mut self, operation: Operation, paths: &[&Path]) -> Option<FaultEffect> {
        let is_meant = self.operations.contains(operation)
            && self.effect.fits(operation)
            && paths.iter().any(|path| path.to_string_lossy().ends_with(&self.suffix));
        if !is_meant {
            return None;
        }
        if self.passing > 0 {
            self.passing -= 1;
            return None;
        }
        Some(self.effect)
    }

    /// Whether it goes on after it struck.
    pub(super) fn is_for_ever(&self) -> bool {
        self.is_for_ever
    }
}

impl FaultEffect {
    /// Whether it is something that can happen to an operation.
    fn fits(self, operation: Operation) -> bool {
        match self {
            Self::Error | Self::ErrorAfter | Self::Kind(_) => true,
            Self::ShortWrite => operation == Operation::Write,
            Self::FullDisk => Operations::Mutations.contains(operation) && operation != Operation::Remove,
            Self::LostSync => Operations::Syncs.contains(operation),
            Self::FlippedBit(_) => operation == Operation::Read,
        }
    }
}
