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

use super::commit::SyncedTo;
use super::log::Log;
use super::{Core, directory};
use crate::base::{FileNumber, KeyRange, SeqNo};
use crate::codec::{FileHeader, FileKind};
use crate::cursor::{Cursor, Direction};
use crate::error::{Error, Result};
use crate::manifest::{Level, ManifestState, ManifestWriter, VersionEdit};
use crate::memtable::{Memtable, MemtableCursor};
use crate::sst::{self, SstBuilder, SstMeta, SstReader};
use crate::sync::{Arc, Ordering};

/// The manifest that edits go to.
#[derive(Debug)]
pub(super) struct Manifest {
    writer: ManifestWriter,
    /// Whether a write failed, so that nobody knows what stands at its end: the next edit goes to a new file.
    broken: bool,
    /// The number that the next SST or manifest gets.
    next_file: FileNumber,
}

impl Manifest {
    pub(super) fn new(writer: ManifestWriter) -> Self {
        let next_file = writer.state().next_file;
        Self { writer, broken: false, next_file }
    }

    fn allocate(&mut self) -> FileNumber {
        let number = self.next_file;
        self.next_file = number.next();
        number
    }
}

impl Core {
    /// Flushes everything that was committed before the call, and releases the log behind it.
    pub(crate) fn checkpoint(&self) -> Result<()> {
        self.ensure_writable()?;
        self.flush_everything()
    }

    pub(super) fn flush_everything(&self) -> Result<()> {
        self.freeze_if(|active| !active.is_empty())?;
        while self.flush_one()? {}
        Ok(())
    }

    /// Freezes the active memtable if it is full. A failure is not the commit's that noticed: the memtable only grows.
    pub(super) fn freeze_if_full(&self) {
        let is_full = |active: &Memtable| active.size() >= self.config.memtable_size;
        if is_full(&self.view.load().active) && self.freeze_if(is_full).is_err() {
            self.flush_failures.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Begins a new segment when nothing can follow what stands in the current one.
    pub(super) fn mend_log(&self) -> Result<()> {
        if !self.log_is_torn.load(Ordering::Acquire) {
            return Ok(());
        }
        let mut synced = self.synced.lock();
        let mut log = self.log.lock();
        if log.is_torn() { self.rotate(&mut synced, &mut log).map(drop) } else { Ok(()) }
    }

    /// Starts a new log segment and a new active memtable with it, if the active one is as `condition` says.
    fn freeze_if(&self, condition: impl FnOnce(&Memtable) -> bool) -> Result<()> {
        let mut synced = self.synced.lock();
        let mut log = self.log.lock();
        if !condition(&self.view.load().active) {
            return Ok(());
        }
        let applied = self.applied();
        let next_log = self.rotate(&mut synced, &mut log)?;
        let active = Arc::new(Memtable::new(applied));
        self.view.rcu(|view| view.with_frozen(next_log, &active));
        self.wake_worker();
        Ok(())
    }

    /// Begins a new segment. Whoever holds both locks knows that nobody syncs the old one; it is durable then.
    fn rotate(&self, synced: &mut SyncedTo, log: &mut Log) -> Result<FileNumber> {
        let next_log = log.rotate_next().map_err(|error| self.poison_like(log, error))?;
        self.log_is_torn.store(false, Ordering::Release);
        synced.position = log.position();
        self.publish(log.last_seqno());
        Ok(next_log)
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
        if self.lock.lock().is_none() {
            return Err(Error::Closed);
        }
        let view = self.view.load_full();
        let Some(frozen) = view.frozen.last() else { return Ok(false) };
        let sst = self.write_sst(&frozen.memtable)?;
        self.install(VersionEdit {
            log_number: Some(frozen.next_log),
            last_seqno: Some(frozen.memtable.max_lsn()),
            added: sst.iter().map(|sst| (Level::ZERO, Arc::new(sst.meta().clone()))).collect(),
            ..VersionEdit::default()
        })?;
        self.view.rcu(|view| view.with_flushed(sst.as_ref()));
        // A segment that cannot be removed now is removed after a later flush, or by the next open.
        let _ = directory::remove_log_before(&*self.env, &self.dir, frozen.next_log);
        Ok(true)
    }

    /// Writes a memtable as an SST, every version of it; `None` when it is empty.
    fn write_sst(&self, memtable: &Arc<Memtable>) -> Result<Option<Arc<SstReader>>> {
        if memtable.is_empty() {
            return Ok(None);
        }
        let number = self.manifest.lock().allocate();
        let draft = sst::draft_path(&self.dir, number);
        let meta = self.build(memtable, number).inspect_err(|_| {
            // What is left of it is removed by the next open, if not here.
            let _ = self.env.remove(&draft);
        })?;
        let path = sst::path(&self.dir, number);
        self.env.rename(&draft, &path)?;
        self.env.sync_dir(&self.dir)?;
        let reader = SstReader::open(self.env.open(&path)?, self.database, &meta, &self.cache)?;
        Ok(Some(Arc::new(reader)))
    }

    fn build(&self, memtable: &Arc<Memtable>, number: FileNumber) -> Result<SstMeta> {
        let file = self.env.create(&sst::draft_path(&self.dir, number))?;
        let mut salt = [0; 8];
        self.env.fill_random(&mut salt);
        let header = FileHeader {
            kind: FileKind::Sst,
            database: self.database,
            number,
            salt: u64::from_le_bytes(salt),
            word: 0,
        };
        let mut builder = SstBuilder::new(file, header, self.config.sst)?;
        let mut cursor = MemtableCursor::new(Arc::clone(memtable), KeyRange::all(), Direction::Forward);
        while let Some(entry) = cursor.entry() {
            builder.add(entry)?;
            cursor.advance()?;
        }
        builder.finish()
    }

    /// Notes in the manifest where the log ends that was closed, so that the loss of its end is found.
    pub(super) fn note_log_end(&self, last: SeqNo) -> Result<()> {
        let known = {
            let manifest = self.manifest.lock();
            let state = manifest.writer.state();
            state.last_seqno.max(state.log_seqno)
        };
        if last <= known {
            return Ok(());
        }
        self.install(VersionEdit { log_seqno: Some(last), ..VersionEdit::default() })
    }

    /// Makes an edit durable in the manifest; only after this may anything rely on it.
    fn install(&self, edit: VersionEdit) -> Result<()> {
        let mut manifest = self.manifest.lock();
        if manifest.broken {
            let number = manifest.allocate();
            let state = ManifestState { next_file: manifest.next_file, ..manifest.writer.state().clone() };
            manifest.writer = ManifestWriter::create(
                Arc::clone(&self.env),
                self.dir.clone(),
                number,
                self.database,
                state,
            )?;
            manifest.broken = false;
            // Those that stay are removed by the next open.
            let _ = manifest.writer.remove_others();
        }
        let edit = VersionEdit { next_file: Some(manifest.next_file), ..edit };
        let appended = manifest.writer.append(&edit).map(|_| ());
        manifest.broken = appended.is_err();
        appended
    }
}
