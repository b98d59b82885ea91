//! The health of an engine: whether it is open, still owns its directory, and can trust its log.

use crate::env::DirOwner;
use crate::error::{Error, Result};
use crate::sync::{AtomicBool, Ordering};

#[derive(Debug)]
pub(super) struct Health {
    owner: DirOwner,
    is_closed: AtomicBool,
    is_poisoned: AtomicBool,
}

impl Health {
    pub(super) fn new(owner: DirOwner) -> Self {
        Self { owner, is_closed: AtomicBool::new(false), is_poisoned: AtomicBool::new(false) }
    }

    pub(super) fn owner(&self) -> &DirOwner {
        &self.owner
    }

    /// Marks the engine as closed; returns whether it was open.
    pub(super) fn close(&self) -> bool {
        !self.is_closed.swap(true, Ordering::AcqRel)
    }

    pub(super) fn ensure_open(&self) -> Result<()> {
        if self.is_closed.load(Ordering::Acquire) { Err(Error::Closed) } else { Ok(()) }
    }

    /// An error unless writes can be acknowledged.
    pub(super) fn ensure_writable(&self) -> Result<()> {
        self.owner.check_process()?;
        self.ensure_writable_cached()
    }

    /// An error if it is known already that writes cannot be acknowledged, without a system call.
    /// In a fork the write itself fails, and a thread that would wait before it for a thread that
    /// does not exist checks first: see [`DirOwner::check_fork`].
    pub(super) fn ensure_writable_cached(&self) -> Result<()> {
        self.ensure_open()?;
        self.owner.detected_loss()?;
        self.ensure_unpoisoned()
    }

    /// An error if the log can no longer be trusted, or if the directory was lost.
    pub(super) fn ensure_unpoisoned(&self) -> Result<()> {
        if self.is_poisoned() { Err(self.poisoned_error()) } else { Ok(()) }
    }

    pub(super) fn is_poisoned(&self) -> bool {
        self.is_poisoned.load(Ordering::Acquire)
    }

    /// Why nothing can be acknowledged any more.
    pub(super) fn poisoned_error(&self) -> Error {
        self.owner.detected_loss().err().unwrap_or(Error::Poisoned)
    }

    /// Poisons the engine and returns the reason: the loss of the directory, if it was lost; and
    /// never that of a full disk, which promises that writes go on.
    pub(super) fn poison(&self, error: Error) -> Error {
        self.is_poisoned.store(true, Ordering::Release);
        let error = if matches!(error, Error::OutOfSpace) { Error::Poisoned } else { error };
        self.owner.detected_loss().err().unwrap_or(error)
    }
}
