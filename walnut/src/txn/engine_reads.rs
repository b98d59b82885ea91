//! Reads of an attempt whose data is in this process.

use super::attempt::Attempt;
use super::reader::EntryReader;
use crate::engine::Core;
use crate::error::Result;
use crate::sync::Arc;

/// Reads of an attempt whose data is in this process. What calls them in one place is compiled with
/// them.
pub(crate) struct EngineReads<'a> {
    attempt: &'a Attempt,
    core: &'a Arc<Core>,
}

impl<'a> EngineReads<'a> {
    #[inline(always)]
    pub(super) fn new(attempt: &'a Attempt, core: &'a Arc<Core>) -> Self {
        Self { attempt, core }
    }

    /// Calls `reads` with a reader of the state under the writes.
    #[inline(always)]
    pub(crate) fn read<R>(&self, reads: impl FnOnce(EntryReader<'_>) -> Result<R>) -> Result<R> {
        self.attempt.at();
        self.core.read_held(
            || self.attempt.hold(),
            |below, writes| {
                reads(EntryReader::Overlay { below, writes: &writes, notes: self.attempt.notes() })
            },
        )
    }
}
