//! From a directory to a running engine: the lock, the manifest, the SSTs, the log.
//!
//! A new database is made in the order that `manifest` describes: until its first log segment is in
//! the manifest nothing can have been acknowledged, and an opening that finds less than that goes
//! on where the making stopped.
//!
//! The path is looked at once. What is done from then on is done in the directory that was found
//! there, and only as long as the lock in it is ours: see `env::DirOwner`.
//!
//! An existing one is opened so:
//!
//! 1. the manifest is loaded, and every SST and value file that it names is there; they are opened
//!    when they are first read;
//! 2. the log is replayed from the manifest's log number on, into as many memtables as it had
//!    filled;
//! 3. a log that was closed in order goes on where it ends, and then an opening writes nothing;
//! 4. otherwise a new segment is begun, which seals the end of the recovered log, and the manifest
//!    is told of it, by an edit or in a new one;
//! 5. only then, after a clean read of everything, what no version names is removed, or moved aside
//!    where it might be data.
//!
//! The directory is listed once. A crash at any point leaves what the next opening reads to the
//! same state.

pub(super) mod load;
pub(super) mod replay;
mod spill;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::{FileNumber, SeqNo};
use crate::crypt::{DataKeys, EncryptionKey};
use crate::engine::admin::keys::{self, FoundKeys};
use crate::engine::background::dead_scan::DeadScans;
use crate::engine::background::merge_hints::MergeHints;
use crate::engine::background::reserve;
use crate::engine::background::throttle::Throttle;
use crate::engine::background::workers::Workers;
use crate::engine::commit::CommitPipeline;
use crate::engine::health::Health;
use crate::engine::open::load::LoadLimits;
use crate::engine::open::replay::{FIRST_LOG, Replay, replay};
use crate::engine::open::spill::Spill;
use crate::engine::read::levels::Levels;
use crate::engine::read::view::View;
use crate::engine::version_set::VersionSet;
use crate::engine::{
    Background, Compactions, Core, Deletions, Engine, EngineConfig, Reserve, Thinned, directory, trace,
};
use crate::env::{DirOwner, Env, PathKind};
use crate::error::{Error, Fault, Result};
use crate::files::{DatabaseDir, FileName, OpenFiles};
use crate::manifest::{self, FIRST_MANIFEST, ManifestState, ManifestWriter, Version, VersionEdit};
use crate::memtable::Memtable;
use crate::mvcc::{DeadRanges, Snapshots};
use crate::sst::{BlockCache, SstStore};
use crate::sync::{AtomicU64, Mutex};
use crate::vlog::ValueStore;
use crate::wal::{LogConfig, LogWriter};

/// Fewer open files than these would have every read open one.
const MIN_OPEN_LIMIT: usize = 8;

/// Up to so many bytes of records of a log that was not closed are copied into the segment with
/// which it goes on, which is the whole log then.
const COLLAPSE_SIZE: u64 = 64 << 10;

/// A log that was not closed and has more segments is flushed by the opening that finds it; and
/// level 0 is merged by it when it has more runs. A process that always ends before its threads get
/// to that leaves no more than so many.
const MAX_SEGMENTS_LEFT: usize = 8;
const MAX_RUNS_LEFT: usize = 16;

/// What an opening found or made.
struct LoadedState {
    sst_store: Arc<SstStore>,
    value_store: Arc<ValueStore>,
    manifest: ManifestWriter,
    /// The number that the next SST or manifest gets.
    next_file: FileNumber,
    log: LogWriter,
    view: View,
    last_seqno: SeqNo,
}

impl Engine {
    /// Opens the database in `dir`, making directory and database when there are none.
    pub(crate) fn open(env: Arc<dyn Env>, dir: PathBuf, config: EngineConfig) -> Result<Self> {
        let machine = env;
        let (owner, keys) = take(&machine, &dir, config.encryption.as_deref())?;
        let env: Arc<dyn Env> = Arc::new(owner.clone());
        let opening = Opening { env: &env, dir: &dir, config: &config, keys: keys.data_keys() };
        let LoadedState { sst_store, value_store, manifest, next_file, log, view, last_seqno } =
            opening.open_or_make_in_room()?;
        let memtable_count = view.memtables().filter(|memtable| !memtable.is_empty()).count();
        trace::recovered(view.levels.ssts().count(), memtable_count, last_seqno.0);
        let snapshots = Snapshots::new(Arc::clone(&env), config.snapshot_age_limit);
        let health = Arc::new(Health::new(owner));
        let workers = Arc::new(Workers::new(config.background));
        let dead = Arc::new(DeadRanges::default());
        let versions = Arc::new(VersionSet::new((&env, &dir), &sst_store, view, manifest, next_file));
        let commits = CommitPipeline::new(
            (&health, &workers),
            (&versions, &dead),
            config.group_window,
            (log, last_seqno),
        );
        let throttle = Throttle::new(config.memtable_size, config.io_limit, workers.is_manual());
        let core = Arc::new_cyclic(|core| Core {
            reserve: Reserve::new(&env, &dir, config.reserve_size),
            machine,
            env,
            dir,
            config,
            sst_store,
            value_store,
            health,
            versions,
            commits,
            workers,
            snapshots: Arc::new(snapshots),
            dead,
            dead_scans: DeadScans::new(core, memtable_count > 0),
            hints: MergeHints::default(),
            flush_failures: AtomicU64::new(0),
            deletions: Deletions::default(),
            compactions: Compactions::default(),
            thinned: Thinned::default(),
            throttle,
            compacting: Mutex::default(),
            #[cfg(feature = "encryption")]
            changing_keys: Mutex::default(),
            flushing: Mutex::default(),
        });
        let engine = Self { core };
        engine.clear_up();
        if !engine.versions.view().active.is_empty() {
            engine.note_deletion();
        }
        engine.reckon_debt(&engine.versions.version());
        let core = Arc::downgrade(&engine.core);
        engine.sst_store.open_files.on_nearly_full(move || {
            if let Some(core) = core.upgrade() {
                core.versions.close_unused();
            }
        });
        engine.workers.flusher.wake();
        engine.workers.compactor.wake();
        engine.start_workers()?;
        Ok(engine)
    }
}

impl Engine {
    /// Makes a database in `dir`, which must be empty or missing.
    pub(crate) fn open_empty(env: Arc<dyn Env>, dir: PathBuf, config: EngineConfig) -> Result<Self> {
        directory::check_path(&dir, "create")?;
        let is_free = match env.kind(&dir)? {
            None => true,
            Some(PathKind::Directory) => env.list(&dir)?.is_empty(),
            Some(_) => false,
        };
        if is_free { Self::open(env, dir, config) } else { Err(directory::taken("create", &dir)) }
    }

    /// Writes out what runs without a close have left, when that is more than background work
    /// leaves. A failure puts it off.
    fn clear_up(&self) {
        if self.commits.log.size().segment_count <= MAX_SEGMENTS_LEFT {
            return;
        }
        // What the log has deleted is known to be dead before it is flushed.
        self.scan_for_dead_ranges();
        let is_crowded = || self.versions.view().levels.runs().len() > MAX_RUNS_LEFT;
        match self.flush_everything() {
            Ok(()) if is_crowded() => drop(self.compact_due()),
            Ok(()) => {}
            Err(error) => self.note_flush_failure(&error),
        }
    }
}

/// Takes the directory, which is made when it is missing, and finds the keys of what is in it.
fn take(machine: &Arc<dyn Env>, dir: &Path, key: Option<&EncryptionKey>) -> Result<(DirOwner, FoundKeys)> {
    directory::check_path(dir, "open")?;
    directory::prepare(&**machine, dir)?;
    let (owner, keys) = directory::own(machine, dir, |env| FoundKeys::find(env, dir, key))?;
    let keys = keys.find_again(&owner, dir, key)?;
    Ok((owner, keys))
}

/// A directory that is ours, and how the database in it is opened.
#[derive(Clone, Copy)]
struct Opening<'a> {
    env: &'a Arc<dyn Env>,
    dir: &'a Path,
    config: &'a EngineConfig,
    keys: &'a DataKeys,
}

impl Opening<'_> {
    /// Opens the database that is there, or makes one; on a full disk the reserve is spent for it.
    fn open_or_make_in_room(self) -> Result<LoadedState> {
        match self.open_or_make(COLLAPSE_SIZE) {
            Err(Error::OutOfSpace) if reserve::release(&**self.env, self.dir)? => self.open_or_make(0),
            opened => opened,
        }
    }

    /// Opens the database that is there, or makes one. What an error leaves is read by the next try
    /// to the same state.
    fn open_or_make(self, collapse: u64) -> Result<LoadedState> {
        let names = self.env.list(self.dir)?;
        match manifest::load(&**self.env, self.dir, &names, self.keys)? {
            Some(loaded) => open_existing(self, &names, &loaded, collapse),
            None => make_new(self),
        }
    }
}

fn log_config(config: &EngineConfig) -> LogConfig {
    // A memtable takes more memory than its log takes space, so there is room for two ordinary
    // segments.
    let spare_size = 2 * (config.memtable_size as u64).saturating_add(config.preallocate);
    LogConfig { preallocate: config.preallocate, recycled_size: spare_size, collapse: 0 }
}

pub(in crate::engine) fn sst_store(dir: DatabaseDir, config: &EngineConfig) -> Arc<SstStore> {
    Arc::new(SstStore {
        config: config.sst,
        cache: BlockCache::new(config.cache_size, config.sst.block_size),
        open_files: OpenFiles::new(open_limit(config.open_limit, dir.env.file_limit())),
        dir,
    })
}

/// How many files stay open, of a process that may have so many open: it has others to open, and so
/// have scans and merges.
pub(in crate::engine) fn open_limit(wanted: usize, of_process: Option<usize>) -> usize {
    wanted.min(of_process.map_or(usize::MAX, |limit| limit / 2)).max(MIN_OPEN_LIMIT)
}

fn make_new(Opening { env, dir, config, keys }: Opening<'_>) -> Result<LoadedState> {
    let (database, keys) = keys::make(&**env, dir, keys, config.encryption.as_deref())?;
    directory::sync_name(&**env, dir)?;
    let state = ManifestState { next_file: FIRST_MANIFEST.next()?, ..ManifestState::default() };
    let dir = DatabaseDir { env: Arc::clone(env), path: dir.to_owned(), database, keys };
    let mut manifest = ManifestWriter::create(&dir, FIRST_MANIFEST, state)?;
    let (number, first_seqno) = FIRST_LOG;
    let log = LogWriter::create(dir.clone(), number, first_seqno, log_config(config))?;
    manifest.append(&VersionEdit {
        log_number: Some(number),
        newest_log: Some(number),
        ..VersionEdit::default()
    })?;
    let active = Arc::new(Memtable::new(SeqNo::ZERO));
    let view = View { active, frozen: Vec::new(), levels: Arc::default() };
    let sst_store = sst_store(dir, config);
    Ok(LoadedState {
        value_store: value_store(&sst_store),
        sst_store,
        next_file: manifest.state().next_file,
        manifest,
        log,
        view,
        last_seqno: SeqNo::ZERO,
    })
}

pub(in crate::engine) fn value_store(sst_store: &SstStore) -> Arc<ValueStore> {
    Arc::new(ValueStore {
        dir: sst_store.dir.clone(),
        compression: sst_store.config.compression,
        cache: Arc::clone(sst_store.cache.budget()),
        open_files: Arc::clone(&sst_store.open_files),
    })
}

/// An error that names the first file of a version that is not among the names in the directory.
pub(in crate::engine) fn expect_files(names: &[String], dir: &Path, version: &Version) -> Result<()> {
    let names: HashSet<_> = names.iter().map(String::as_str).collect();
    let ssts = version.files().map(|(_, meta)| FileName::Sst(meta.number));
    let values = version.value_files().map(|file| FileName::Values(file.meta.number));
    let missing = ssts.chain(values).find(|name| !names.contains(&*name.to_string()));
    missing.map_or(Ok(()), |name| Err(Fault::Missing.at(&name.path(dir), 0)))
}

fn open_existing(
    opening: Opening<'_>,
    names: &[String],
    loaded: &manifest::LoadedManifest,
    collapse: u64,
) -> Result<LoadedState> {
    let Opening { env, dir, config, keys } = opening;
    let (path, keys) = (dir.to_owned(), keys.clone());
    let dir = DatabaseDir { env: Arc::clone(env), path, database: loaded.database, keys };
    let sst_store = sst_store(dir.clone(), config);
    let version = &loaded.state.version;
    expect_files(names, &dir.path, version)?;
    let value_store = value_store(&sst_store);
    let limits = LoadLimits {
        memtable_size: config.memtable_size,
        frozen_limit: config.frozen_limit,
        // With `Manual` the same calls do the same operations in the same order.
        in_parallel: config.background == Background::Thread,
    };
    let mut spill = Spill::new(&sst_store, &value_store, &config.values, version);
    let log_config = LogConfig { collapse, ..log_config(config) };
    let Replay { memtables, last_seqno, log, first_log, is_settled } =
        replay(&dir, names, &loaded.state, limits, log_config, &mut spill)?;
    let is_spilled = !spill.is_empty();
    let state = ManifestState {
        log_number: Some(first_log),
        newest_log: Some(log.number()).max(loaded.state.newest_log),
        log_seqno: last_seqno,
        ..spill.publish(&loaded.state)?
    };
    let levels = Arc::new(Levels::of(&state.version, &sst_store, &value_store));
    let news = match (is_settled, is_spilled) {
        (true, _) => OpenEvent::None(state),
        (false, false) => OpenEvent::Log(state),
        (false, true) => OpenEvent::Files(state),
    };
    let (manifest, next_file) = go_on(&dir, names, loaded, news)?;
    let mut frozen = memtables;
    let active = frozen.pop().map_or_else(|| Arc::new(Memtable::new(last_seqno)), |last| last.memtable);
    active.inject_max_lsn(last_seqno);
    frozen.reverse();
    let view = View { active, frozen, levels };
    Ok(LoadedState { sst_store, value_store, manifest, next_file, log, view, last_seqno })
}

/// The state after a replay, and what of it the manifest does not say yet.
enum OpenEvent {
    None(ManifestState),
    /// Where the log begins and how far it goes.
    Log(ManifestState),
    /// The same, and files that were written because there was no room in memory.
    Files(ManifestState),
}

/// The manifest to go on with, which says durably what is new, and the next number of a file. Where
/// nothing is new and nothing is left over, nothing is written. What is left over is removed when
/// the state that does not need it is durable.
fn go_on(
    dir: &DatabaseDir,
    names: &[String],
    loaded: &manifest::LoadedManifest,
    news: OpenEvent,
) -> Result<(ManifestWriter, FileNumber)> {
    let mut manifest = ManifestWriter::reopen(dir, loaded)?;
    let (is_new, is_edit, state) = match news {
        OpenEvent::None(state) => (false, true, state),
        OpenEvent::Log(state) => (true, true, state),
        OpenEvent::Files(state) => (true, false, state),
    };
    let next_file = directory::number_above(names, state.next_file);
    let leftovers = directory::leftovers(&*dir.env, &dir.path, names, &state, loaded.number)?;
    if !is_new && !loaded.is_old && (leftovers.is_empty() || manifest.is_durable()) {
        directory::remove_obsolete_files(&*dir.env, &dir.path, &leftovers)?;
        return Ok((manifest, next_file));
    }
    if !manifest.is_poisoned() && is_edit {
        manifest.append(&VersionEdit {
            log_number: state.log_number,
            newest_log: state.newest_log,
            next_file: Some(next_file),
            log_seqno: Some(state.log_seqno),
            ..VersionEdit::default()
        })?;
    } else {
        let state = ManifestState { next_file: next_file.next()?, ..state };
        manifest = ManifestWriter::create(dir, next_file, state)?;
    }
    let leftovers = directory::leftovers(&*dir.env, &dir.path, names, manifest.state(), manifest.number())?;
    directory::remove_obsolete_files(&*dir.env, &dir.path, &leftovers)?;
    let next_file = manifest.state().next_file;
    Ok((manifest, next_file))
}

#[cfg(test)]
mod tests {
    use super::open_limit;

    #[test]
    fn half_of_what_a_process_may_open_is_left_to_others() {
        assert_eq!(open_limit(500, None), 500);
        assert_eq!(open_limit(500, Some(1024)), 500);
        assert_eq!(open_limit(500, Some(256)), 128);
        assert_eq!(open_limit(500, Some(3)), 8);
        assert_eq!(open_limit(1, Some(1024)), 8);
    }
}
