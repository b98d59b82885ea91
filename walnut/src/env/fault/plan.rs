//! Fault plans: which operation is to fail, and how.

use std::io;
use std::path::Path;

use crate::env::{Operation, Operations};

/// A planned fault: a set of operations, how many of them succeed before it, and its effect.
///
/// Only operations to which the effect applies are counted, so [`FaultEffect::ShortWrite`] with
/// [`Operations::Any`] waits for writes.
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
    /// How many of them still succeed.
    passing: u64,
    is_for_ever: bool,
    effect: FaultEffect,
    suffix: String,
}

/// The effect of a fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum FaultEffect {
    /// The operation is not performed and fails.
    Error,
    /// The operation is performed, and fails all the same.
    ErrorAfter,
    /// The first half of a write is written; then it fails.
    ShortWrite,
    /// There is no space: for half of a write, for a longer file, a new name, or a sync that has to
    /// allocate.
    FullDisk,
    /// A sync fails, and the system drops the data that it had not written: later syncs succeed,
    /// and a crash loses those bytes or names all the same. Over a machine other than
    /// [`MemoryEnv`](super::super::MemoryEnv) this is [`FaultEffect::Error`].
    LostSync,
    /// The operation is not performed and fails with the operating system's error of this kind.
    Kind(io::ErrorKind),
    /// A read returns its bytes with this bit flipped, counted from the first one, modulo the
    /// number of bits.
    FlippedBit(u64),
}

impl FaultPlan {
    /// Lets `passing` of these operations succeed; the next one fails, and those after it succeed
    /// again.
    pub fn once(operations: impl Into<Operations>, passing: u64, effect: FaultEffect) -> Self {
        let operations = operations.into();
        Self { operations, passing, is_for_ever: false, effect, suffix: String::new() }
    }

    /// Lets `passing` of these operations succeed; all later ones fail.
    pub fn for_ever(operations: impl Into<Operations>, passing: u64, effect: FaultEffect) -> Self {
        Self { is_for_ever: true, ..Self::once(operations, passing, effect) }
    }

    /// Restricts the plan to paths with this suffix.
    pub fn in_files(mut self, suffix: &str) -> Self {
        suffix.clone_into(&mut self.suffix);
        self
    }

    /// Counts an operation; returns the effect when it has to fail.
    pub(super) fn on_operation(&mut self, operation: Operation, paths: &[&Path]) -> Option<FaultEffect> {
        let applies = self.operations.contains(operation)
            && self.effect.fits(operation)
            && paths.iter().any(|path| path.to_string_lossy().ends_with(&self.suffix));
        if !applies {
            return None;
        }
        if self.passing > 0 {
            self.passing -= 1;
            return None;
        }
        Some(self.effect)
    }

    pub(super) fn is_for_ever(&self) -> bool {
        self.is_for_ever
    }
}

impl FaultEffect {
    /// Whether the effect applies to an operation.
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
