//! From the log to memtables.

use std::cell::Cell;
use std::sync::Arc;

use super::directory;
use super::flush::{MemtableFlush, WholeFiles};
use super::keys;
use super::load::{LoadLimits, Loader};
use super::open::FIRST_LOG;
use super::values::ValueConfig;
use super::view::Frozen;
use crate::base::{FileNumber, SeqNo};
use crate::error::{Error, Result};
use crate::files::FileName;
use crate::manifest::{ManifestState, Version, VersionEdit};
use crate::sst::SstStore;
use crate::vlog::ValueStore;
use crate::wal::{self, DurableBounds, LogConfig, LogDir, LogWriter};

/// What a replay leaves.
pub(super) struct Replay {
    /// Oldest first. The last of them is the one that commits go on filling.
    pub(super) memtables: Vec<Frozen>,
    pub(super) last_seqno: SeqNo,
    pub(super) log: LogWriter,
    /// The oldest segment that is still needed.
    pub(super) first_log: FileNumber,
    /// Whether the log was closed in order and goes on in its last segment; nothing of it was
    /// changed then.
    pub(super) is_settled: bool,
}

/// Replays the log that the manifest knows of, and begins a new segment behind it, unless it was
/// closed in order. `names` are those in the directory.
///
/// A memtable that is full is followed by another one where a segment ends, so that the segments
/// before it can go when it is flushed; one that is twice as full, wherever it is. The oldest are
/// spilled when there are too many: so a log of any length is replayed in the memory that it took
/// to write it.
pub(super) fn replay(
    place: &LogDir,
    names: &[String],
    state: &ManifestState,
    limits: LoadLimits,
    config: LogConfig,
    spill: &mut Spill<'_>,
) -> Result<Replay> {
    let (first_number, first_seqno) = FIRST_LOG;
    if state.log_number.is_none() && is_unfinished(names) {
        keys::renew(&*place.env, &place.dir, &place.keys)?;
        let log = LogWriter::create(place.clone(), first_number, first_seqno, config)?;
        return Ok(Replay {
            memtables: Vec::new(),
            last_seqno: SeqNo::ZERO,
            log,
            first_log: first_number,
            is_settled: false,
        });
    }
    let first = state.log_number.unwrap_or(first_number);
    let promise = durable_bounds(state);
    let loader = Loader::new(first, limits, state, spill);
    let (mut memtables, recovered) = loader.load(|visit| wal::replay(place, names, &promise, visit))?;
    let last_seqno = recovered.last_seqno();
    if spill.is_empty()
        && let Some(log) = LogWriter::reopen(place, &recovered, config)?
    {
        return Ok(Replay { memtables, last_seqno, log, first_log: first, is_settled: true });
    }
    let nothing = memtables.iter().all(|frozen| frozen.memtable.is_empty());
    // What the SSTs have is not copied.
    let config = LogConfig { collapse: if nothing { 0 } else { config.collapse }, ..config };
    // The log was read without a fault: a damaged database is left as it is.
    keys::renew(&*place.env, &place.dir, &place.keys)?;
    let log = LogWriter::resume(place.clone(), &recovered, config)?;
    let spilled = spill.next_log.unwrap_or(first);
    let first_log = if nothing { log.number() } else { log.first_number().max(spilled) };
    for frozen in &mut memtables {
        frozen.next_log = frozen.next_log.max(first_log);
    }
    Ok(Replay { memtables, last_seqno, log, first_log, is_settled: false })
}

/// What the manifest knows of the log.
pub(super) fn durable_bounds(state: &ManifestState) -> DurableBounds {
    let first = state.log_number.unwrap_or(FIRST_LOG.0);
    DurableBounds {
        first,
        newest: state.newest_log.unwrap_or(first),
        last_seqno: state.last_seqno,
        log_seqno: state.log_seqno,
    }
}

/// Where memtables go for which there is no room while the log is replayed.
///
/// What it writes has the names of drafts until the whole log was read without a fault.
pub(super) struct Spill<'a> {
    place: &'a Arc<SstStore>,
    value_place: &'a Arc<ValueStore>,
    values: &'a ValueConfig,
    /// What was there before, and what was spilled since.
    version: Arc<Version>,
    /// The number of the next file; found out when there is one.
    next_file: Option<FileNumber>,
    files: WholeFiles,
    last_seqno: Option<SeqNo>,
    /// The first segment that holds more than what was spilled.
    next_log: Option<FileNumber>,
}

impl<'a> Spill<'a> {
    /// Nothing is spilled yet.
    pub(super) fn new(
        place: &'a Arc<SstStore>,
        value_place: &'a Arc<ValueStore>,
        values: &'a ValueConfig,
        version: &Arc<Version>,
    ) -> Self {
        Self {
            place,
            value_place,
            values,
            version: Arc::clone(version),
            next_file: None,
            files: WholeFiles::default(),
            last_seqno: None,
            next_log: None,
        }
    }

    /// Whether nothing was spilled.
    pub(super) fn is_empty(&self) -> bool {
        self.next_file.is_none()
    }

    /// Writes the oldest memtable; `false` when there is no space for it, and it has to stay in
    /// memory.
    pub(super) fn take(&mut self, frozen: &Frozen, state: &ManifestState) -> Result<bool> {
        let memtable = &frozen.memtable;
        let next_file = Cell::new(if let Some(number) = self.next_file {
            number
        } else {
            let names = self.place.env.list(&self.place.dir)?;
            directory::number_above(&names, state.next_file)
        });
        let flush = MemtableFlush {
            denies: &|_| false,
            place: self.place,
            value_place: self.value_place,
            values: self.values,
            version: &self.version,
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
        let version = self.version.apply(&edit).map_err(|fault| fault.at(&self.place.dir, 0))?;
        self.version = Arc::new(version);
        self.last_seqno = Some(memtable.max_lsn());
        self.next_log = Some(frozen.next_log);
        self.files.extend(files);
        Ok(true)
    }

    /// Renames the spilled files to their names, durably, and returns the state of the manifest
    /// that has them.
    pub(super) fn publish(self, state: &ManifestState) -> Result<ManifestState> {
        let next_file = self.next_file.map_or(state.next_file, |number| number.max(state.next_file));
        self.files.publish(self.place, self.value_place)?;
        let last_seqno = self.last_seqno.unwrap_or(state.last_seqno);
        Ok(ManifestState { version: self.version, next_file, last_seqno, ..*state })
    }
}

/// Whether the making of the database stopped just before its log. A manifest that lost its end
/// says the same, but then there are files that come later.
pub(super) fn is_unfinished(names: &[String]) -> bool {
    !names.iter().any(|name| {
        FileName::parse(name).is_some_and(|name| name.segment_number().or(name.data_number()).is_some())
    })
}
