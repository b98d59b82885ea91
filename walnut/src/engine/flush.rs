//! From memory to disk: freezing the active memtable, writing frozen ones as SSTs, releasing the log behind them.
//!
//! The order of a flush, and what a crash after each step leaves:
//!
//! 1. the SST is written under a temporary name and synced: a file that the next open removes;
//! 2. it is renamed and the directory synced: an SST that no manifest names, moved aside by the next open;
//! 3. the manifest edit is synced: the SST counts and the log begins after it, the old segments are obsolete;
//! 4. old segments are removed.
//!
//! A flush that fails leaves the frozen memtable where it is and is tried again.

use super::Core;
use super::log::Log;
use crate::base::{FileNumber, KeyRange};
use crate::codec::{FileHeader, FileKind};
use crate::cursor::{Cursor, Direction};
use crate::error::{Error, Result};
use crate::manifest::{ManifestState, ManifestWriter, VersionEdit};
use crate::memtable::{Memtable, MemtableCursor};
use crate::sst::{self, SstBuilder, SstMeta, SstReader};
use crate::sync::{Arc, Ordering};
use crate::wal;

/// The manifest, and what it says.
#[derive(Debug)]
pub(super) struct Manifest {
    /// `None` after a write of it failed: the next edit begins a new file.
    pub(super) writer: Option<ManifestWriter>,
    pub(super) state: ManifestState,
}

impl Core {
    /// Flushes everything that was committed before the call, and releases the log behind it.
    pub(crate) fn checkpoint(&self) -> Result<()> {
        self.ensure_writable()?;
        self.flush_everything()
    }

    pub(super) fn flush_everything(&self) -> Result<()> {
        {
            let mut log = self.log.lock();
            if !self.view.load().active.is_empty() {
                self.freeze(&mut log)?;
            }
        }
        while self.flush_one()? {}
        Ok(())
    }

    /// Freezes the active memtable if it is full. A failure is not the commit's that noticed: the memtable only grows.
    pub(super) fn freeze_if_full(&self, log: &mut Log) {
        if self.view.load().active.size() >= self.config.memtable_size && self.freeze(log).is_err() {
            self.flush_failures.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Starts a new log segment and a new active memtable with it.
    fn freeze(&self, log: &mut Log) -> Result<()> {
        let applied = self.applied();
        let next_log = log.rotate_next().map_err(|error| match error {
            Error::OutOfSpace => error,
            other => self.poison(other),
        })?;
        let active = Arc::new(Memtable::new(applied));
        self.view.rcu(|view| view.with_frozen(next_log, &active));
        self.wake_worker();
        Ok(())
    }

    /// Has a writer wait, or flush itself, while too many memtables are frozen.
    pub(super) fn make_room(&self) -> Result<()> {
        while self.view.load().frozen.len() >= self.config.frozen_limit {
            self.flush_one()?;
        }
        Ok(())
    }

    /// Flushes the oldest frozen memtable; says whether there was one.
    pub(crate) fn flush_one(&self) -> Result<bool> {
        let _turn = self.flushing.lock();
        let view = self.view.load_full();
        let Some(frozen) = view.frozen.last() else { return Ok(false) };
        let sst = self.write_sst(&frozen.memtable)?;
        self.install(&VersionEdit {
            log_number: Some(frozen.next_log),
            last_seqno: Some(frozen.memtable.max_lsn()),
            added: sst.iter().map(|sst| (0, sst.meta().clone())).collect(),
            ..VersionEdit::default()
        })?;
        self.view.rcu(|view| view.with_flushed(sst.as_ref()));
        // A segment that cannot be removed now is removed after a later flush, or by the next open.
        let _ = wal::remove_before(&*self.env, &self.dir, frozen.next_log);
        Ok(true)
    }

    /// Writes a memtable as an SST, every version of it; `None` when it is empty.
    fn write_sst(&self, memtable: &Arc<Memtable>) -> Result<Option<Arc<SstReader>>> {
        if memtable.is_empty() {
            return Ok(None);
        }
        let number = self.allocate_file();
        let temporary = sst::temporary_path(&self.dir, number);
        let meta = self.build(memtable, number).inspect_err(|_| {
            // What is left of it is removed by the next open, if not here.
            let _ = self.env.remove(&temporary);
        })?;
        let path = sst::path(&self.dir, number);
        self.env.rename(&temporary, &path)?;
        self.env.sync_dir(&self.dir)?;
        let reader = SstReader::open(self.env.open(&path)?, self.database, &meta, &self.cache)?;
        Ok(Some(Arc::new(reader)))
    }

    fn build(&self, memtable: &Arc<Memtable>, number: FileNumber) -> Result<SstMeta> {
        let file = self.env.create(&sst::temporary_path(&self.dir, number))?;
        let header = FileHeader {
            kind: FileKind::Sst,
            database: self.database,
            number,
            salt: self.random_salt(),
            word: 0,
        };
        let mut builder = SstBuilder::new(file, header, self.config.sst.clone());
        let mut cursor = MemtableCursor::new(Arc::clone(memtable), KeyRange::all(), Direction::Forward);
        while let Some(entry) = cursor.entry() {
            builder.add(entry)?;
            cursor.advance()?;
        }
        builder.finish()
    }

    /// Makes an edit durable in the manifest; only after this may anything rely on it.
    fn install(&self, edit: &VersionEdit) -> Result<()> {
        let mut manifest = self.manifest.lock();
        let edit = VersionEdit { next_file: Some(self.next_file()), ..edit.clone() };
        let state = manifest.state.apply(&edit).map_err(|fault| fault.at(&self.dir, 0))?;
        let mut writer = match manifest.writer.take() {
            Some(writer) => writer,
            None => self.begin_manifest(&manifest.state)?,
        };
        writer.append(&edit)?;
        manifest.writer = Some(writer);
        manifest.state = state;
        Ok(())
    }
}
