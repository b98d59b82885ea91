//! Where memtables go for which there is no room while the log is replayed.

use std::cell::Cell;
use std::sync::Arc;

use crate::base::{FileNumber, SeqNo};
use crate::engine::background::flush::{MemtableFlush, WholeFiles};
use crate::engine::directory;
use crate::engine::read::values::ValueConfig;
use crate::engine::read::view::Frozen;
use crate::error::{Error, Result};
use crate::manifest::{ManifestState, Version, VersionEdit};
use crate::sst::SstStore;
use crate::vlog::ValueStore;

/// What was spilled. What it writes has temporary names until the whole log was read without a
/// fault.
pub(in crate::engine) struct Spill<'a> {
    sst_store: &'a Arc<SstStore>,
    value_store: &'a Arc<ValueStore>,
    values: &'a ValueConfig,
    /// What was there before, and what was spilled since.
    version: Arc<Version>,
    /// The number of the next file; found out when there is one.
    next_file: Option<FileNumber>,
    files: WholeFiles,
    last_seqno: Option<SeqNo>,
    /// The first segment that holds more than what was spilled.
    pub(super) next_log: Option<FileNumber>,
}

impl<'a> Spill<'a> {
    /// Nothing is spilled yet.
    pub(in crate::engine) fn new(
        sst_store: &'a Arc<SstStore>,
        value_store: &'a Arc<ValueStore>,
        values: &'a ValueConfig,
        version: &Arc<Version>,
    ) -> Self {
        Self {
            sst_store,
            value_store,
            values,
            version: Arc::clone(version),
            next_file: None,
            files: WholeFiles::default(),
            last_seqno: None,
            next_log: None,
        }
    }

    pub(in crate::engine) fn is_empty(&self) -> bool {
        self.next_file.is_none()
    }

    /// Writes the oldest memtable; `false` when there is no space for it, and it has to stay in
    /// memory.
    pub(in crate::engine) fn take(&mut self, frozen: &Frozen, state: &ManifestState) -> Result<bool> {
        let memtable = &frozen.memtable;
        let next_file = Cell::new(if let Some(number) = self.next_file {
            number
        } else {
            let names = self.sst_store.dir.env.list(&self.sst_store.dir.path)?;
            directory::number_above(&names, state.next_file)
        });
        let flush = MemtableFlush {
            denies: &|_| false,
            sst_store: self.sst_store,
            value_store: self.value_store,
            values: self.values,
            version: &self.version,
            dead: Vec::new(),
            // All of the log is visible to every reader when it was replayed.
            boundaries: vec![memtable.max_lsn()],
            go_on: &|_| Ok(()),
        };
        let number = || Ok(next_file.replace(next_file.get().next()?));
        let flushed = flush.run(memtable, &number);
        self.next_file = Some(next_file.get());
        let files = match flushed {
            Ok(files) => files,
            Err(Error::OutOfSpace) => return Ok(false),
            Err(error) => return Err(error),
        };
        let edit =
            VersionEdit { added: files.added(), values: files.value_metas(), ..VersionEdit::default() };
        let version = self.version.apply(&edit).map_err(|fault| fault.at(&self.sst_store.dir.path, 0))?;
        self.version = Arc::new(version);
        self.last_seqno = Some(memtable.max_lsn());
        self.next_log = Some(frozen.next_log);
        self.files.extend(files);
        Ok(true)
    }

    /// Renames the spilled files to their names, durably, and returns the state of the manifest
    /// that has them.
    pub(in crate::engine) fn publish(self, state: &ManifestState) -> Result<ManifestState> {
        let next_file = self.next_file.map_or(state.next_file, |number| number.max(state.next_file));
        self.files.publish(self.sst_store, self.value_store)?;
        let last_seqno = self.last_seqno.unwrap_or(state.last_seqno);
        Ok(ManifestState { version: self.version, next_file, last_seqno, ..*state })
    }
}
