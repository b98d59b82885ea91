//! From a directory to a running engine: the lock, the manifest, the SSTs, the log.
//!
//! A new database is made in the order that `manifest` describes: until its first log segment is in the manifest nothing
//! can have been acknowledged, and an opening that finds less than that goes on where the making stopped.
//!
//! An existing one is opened so:
//!
//! 1. the manifest is loaded, every SST that it names is opened;
//! 2. the log is replayed from the manifest's log number on, into as many memtables as it had filled;
//! 3. a new segment is begun, which seals the end of the recovered log;
//! 4. a new manifest is written that knows of it, and `CURRENT` turned to it;
//! 5. only then, after a clean read of everything, what nobody names is removed, or moved aside where it might be data.
//!
//! A crash at any point leaves what the next opening reads to the same state.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::commit::SyncedTo;
use super::flush::Manifest;
use super::log::Log;
use super::replay::{Replay, replay};
use super::view::View;
use super::{Core, Engine, EngineConfig, directory};
use crate::base::{FileNumber, SeqNo};
use crate::env::Env;
use crate::error::{Fault, Result};
use crate::manifest::{self, FIRST_MANIFEST, ManifestState, ManifestWriter, VersionEdit};
use crate::memtable::Memtable;
use crate::mvcc::Snapshots;
use crate::sst::{self, BlockCache, SstReader};
use crate::sync::{AtomicBool, AtomicU64, Condvar, Mutex};
use crate::wal::{LogConfig, LogPlace, LogWriter};

/// The first log segment of a database, and the first sequence number in it.
pub(super) const FIRST_LOG: (FileNumber, SeqNo) = (FileNumber(1), SeqNo(1));

/// What an opening found or made.
struct Opened {
    database: [u8; 16],
    manifest: ManifestWriter,
    log: LogWriter,
    view: View,
    last_seqno: SeqNo,
}

impl Engine {
    /// Opens the database in `dir`, making directory and database when there are none.
    pub(crate) fn open(env: Arc<dyn Env>, dir: PathBuf, config: EngineConfig) -> Result<Self> {
        directory::prepare(&*env, &dir)?;
        let lock = env.lock(&directory::lock_path(&dir))?;
        let cache = BlockCache::new(config.cache_size);
        let opened = match manifest::load(&*env, &dir)? {
            Some(loaded) => open_existing(&env, &dir, &config, &cache, loaded)?,
            None => make_new(&env, &dir, &config)?,
        };
        let Opened { database, manifest, log, view, last_seqno } = opened;
        let core = Core {
            dir,
            database,
            config,
            cache,
            view: ArcSwap::from_pointee(view),
            applied: AtomicU64::new(last_seqno.0),
            visible: AtomicU64::new(last_seqno.0),
            snapshots: Arc::new(Snapshots::default()),
            poisoned: AtomicBool::new(false),
            log_is_torn: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            flush_failures: AtomicU64::new(0),
            flushing: Mutex::default(),
            synced: Mutex::new(SyncedTo::default()),
            sync_done: Condvar::default(),
            log: Mutex::new(Log::new(log, last_seqno)),
            queue: Mutex::default(),
            manifest: Mutex::new(Manifest::new(manifest)),
            worker: Mutex::default(),
            worker_wakes: Condvar::default(),
            lock: Mutex::new(Some(lock)),
            env,
        };
        let engine = Self { core: Arc::new(core) };
        engine.start_worker()?;
        if !engine.view.load().frozen.is_empty() {
            engine.wake_worker();
        }
        Ok(engine)
    }
}

fn log_config(config: &EngineConfig) -> LogConfig {
    LogConfig { preallocate: config.preallocate }
}

fn make_new(env: &Arc<dyn Env>, dir: &Path, config: &EngineConfig) -> Result<Opened> {
    let mut database = [0; 16];
    env.fill_random(&mut database);
    directory::sync_name(&**env, dir)?;
    let state = ManifestState { next_file: FIRST_MANIFEST.next(), ..ManifestState::default() };
    let mut manifest =
        ManifestWriter::create(Arc::clone(env), dir.to_owned(), FIRST_MANIFEST, database, state)?;
    let place = LogPlace { env: Arc::clone(env), dir: dir.to_owned(), database };
    let (number, first_seqno) = FIRST_LOG;
    let log = LogWriter::create(place, number, first_seqno, log_config(config))?;
    manifest.append(&VersionEdit {
        log_number: Some(number),
        newest_log: Some(number),
        ..VersionEdit::default()
    })?;
    let view = View { active: Arc::new(Memtable::new(SeqNo::ZERO)), frozen: Vec::new(), ssts: Vec::new() };
    Ok(Opened { database, manifest, log, view, last_seqno: SeqNo::ZERO })
}

fn open_existing(
    env: &Arc<dyn Env>,
    dir: &Path,
    config: &EngineConfig,
    cache: &Arc<BlockCache>,
    loaded: manifest::Loaded,
) -> Result<Opened> {
    let database = loaded.database;
    let ssts = open_ssts(&**env, dir, database, &loaded.state, cache)?;
    let place = LogPlace { env: Arc::clone(env), dir: dir.to_owned(), database };
    let Replay { memtables, last_seqno, log, first_log } =
        replay(&place, &loaded.state, config.memtable_size, log_config(config))?;
    let names = env.list(dir)?;
    let number = loaded.state.next_file.max(directory::number_above(&names));
    let state = ManifestState {
        log_number: Some(first_log),
        newest_log: Some(log.number()),
        next_file: number.next(),
        log_seqno: last_seqno,
        ..loaded.state
    };
    let manifest = ManifestWriter::create(Arc::clone(env), dir.to_owned(), number, database, state)?;
    manifest.remove_others()?;
    directory::tidy(&**env, dir, manifest.state())?;
    let mut frozen = memtables;
    let active = frozen.pop().map_or_else(|| Arc::new(Memtable::new(last_seqno)), |last| last.memtable);
    active.inject_max_lsn(last_seqno);
    frozen.reverse();
    Ok(Opened { database, manifest, log, view: View { active, frozen, ssts }, last_seqno })
}

/// Opens every SST that the manifest names, newest first.
fn open_ssts(
    env: &dyn Env,
    dir: &Path,
    database: [u8; 16],
    state: &ManifestState,
    cache: &Arc<BlockCache>,
) -> Result<Vec<Arc<SstReader>>> {
    let open = |(_, meta): (_, &Arc<sst::SstMeta>)| {
        let path = sst::path(dir, meta.number);
        if env.kind(&path)?.is_none() {
            return Err(Fault::Missing.at(&path, 0));
        }
        Ok(Arc::new(SstReader::open(env.open(&path)?, database, meta, cache)?))
    };
    state.version.files().map(open).collect()
}
