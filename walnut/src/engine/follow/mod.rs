//! A read-only instance: opens a database that another process may have open (RocksDB: a secondary
//! instance), and follows it.
//!
//! ```text
//!   CURRENT, manifest ──► version ──► SSTs, value files: opened at once ─┐
//!   log ──► whole records ──► memtables, one for each segment ───────────┴─► Moment: view, seqno
//!                                                    refresh: what is new of each, the next Moment
//! ```
//!
//! 1. It takes no lock and writes nothing: no file is created, changed, renamed or removed.
//! 2. A [`Moment`] is what recovery would have found at some instant between the beginning and the
//!    end of the refresh that made it. It never changes: it holds its memtables and its open files.
//! 3. The manifest is read before the log. What the version has lost to compaction was hidden by
//!    entries that were in the log by then, and the log is read beyond them.
//! 4. A memtable holds entries of one segment. When a version has them in SSTs it is dropped; one
//!    that is in SSTs in part would count adds twice, so the log is read again from where the
//!    version says.
//! 5. A file that has vanished, or was overwritten, makes it begin again with the newest manifest,
//!    and so does one under a data key that was added since `KEYS` was read. The same fault
//!    [`SAME_FAULTS`] times in a row, under the same `KEYS`, is damage; nothing is tried more often
//!    than [`MAX_TRIES`] times. After an error the moment of before stays.

mod memtables;
mod moment;

use std::fmt;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use arc_swap::ArcSwap;

use crate::crypt::EncryptionKey;
use crate::engine::admin::keys::FoundKeys;
use crate::engine::open::replay;
use crate::engine::read::levels::Levels;
use crate::engine::read::view::{Frozen, View};
use crate::engine::{EngineConfig, directory, open};
use crate::env::Env;
use crate::error::{Error, Result};
use crate::files::DatabaseDir;
use crate::manifest::{self, LoadedManifest};
use crate::memtable::Memtable;
use crate::sst::SstStore;
use crate::sync::{Arc, Mutex};
use crate::vlog::ValueStore;
use crate::wal::{FollowStep, LogFollower};
pub(super) use memtables::LogMemtables;
pub(crate) use moment::Moment;

/// How often the same fault is found in a row before it is damage, and no longer a file that was
/// read while it changed.
const SAME_FAULTS: usize = 3;

/// How often an opening or a refresh begins again.
const MAX_TRIES: usize = 100;

/// What other processes may do meanwhile.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FollowMode {
    /// Another process may have the database open: all files are opened at once and stay open.
    Live,
    /// No process writes: files are opened when they are read, within the limit of open files, and
    /// every fault is damage.
    Static,
}

/// A database that this process reads only.
pub(crate) struct EngineFollower {
    // Constant after opening.
    /// The directory that was found at the path.
    env: Arc<dyn Env>,
    dir: PathBuf,
    mode: FollowMode,
    key: Option<Arc<EncryptionKey>>,
    memtable_size: usize,
    sst_store: Arc<SstStore>,
    value_store: Arc<ValueStore>,

    // With its own synchronization.
    moment: ArcSwap<Moment>,

    // Behind a lock.
    state: Mutex<FollowState>,
}

/// How far files were read.
#[derive(Debug)]
struct FollowState {
    keys: FoundKeys,
    manifest: LoadedManifest,
    levels: Arc<Levels>,
    /// `None` before the log was read, and when it has to be read from the beginning.
    log: Option<FollowedLog>,
}

#[derive(Debug)]
struct FollowedLog {
    follower: LogFollower,
    memtables: LogMemtables,
}

impl EngineFollower {
    /// Opens the database in `dir`, which has to exist.
    pub(crate) fn open(
        machine: &Arc<dyn Env>,
        dir: &Path,
        config: &EngineConfig,
        mode: FollowMode,
    ) -> Result<Arc<Self>> {
        let env = directory::hold_to_read(machine, dir)?;
        let key = config.encryption.as_deref();
        // A passphrase costs a tenth of a second each time: a key file that stays is opened once.
        let mut keys = FoundKeys::find(&*env, dir, key)?;
        let follower = Tries::new(dir, mode).run(|tries| {
            let found = keys.clone().find_again(&*env, dir, key)?;
            if found.differs_from(&keys) {
                tries.forget_faults();
            }
            keys = found;
            Self::load(&env, dir, config, keys.clone(), mode)
        })?;
        let follower = Arc::new(follower);
        if mode == FollowMode::Static {
            let weak = Arc::downgrade(&follower);
            follower.sst_store.open_files.on_nearly_full(move || {
                if let Some(follower) = weak.upgrade() {
                    follower.moment.load().close_unused();
                }
            });
        }
        Ok(follower)
    }

    /// Goes on to the present. Returns whether other commits are visible than before. After an
    /// error the state of before is what is read, and the next call begins again.
    ///
    /// Cost: six opened files when nothing is new; else the new records of the log are read, and
    /// the new files opened. When the log that was read is in SSTs by now, all of the log that is
    /// needed.
    pub(crate) fn refresh(&self) -> Result<bool> {
        let mut state = self.state.lock();
        let moment = Tries::new(&self.dir, self.mode).run(|tries| {
            if state.keys.reload(&*self.env, &self.dir, self.key.as_deref())? {
                tries.forget_faults();
            }
            let manifest =
                manifest::reload(&*self.env, &self.dir, &self.sst_store.dir.keys, &state.manifest)?;
            if manifest.database != self.sst_store.dir.database {
                return Err(Error::Moved);
            }
            let stepped = self.step(&mut state, manifest);
            if !matches!(stepped, Ok(Some(_))) {
                state.log = None;
            }
            stepped
        })?;
        let is_new = moment.at() != self.moment.load().at();
        self.moment.store(Arc::new(moment));
        Ok(is_new)
    }

    /// The database's directory.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// What the last refresh has found.
    pub(crate) fn moment(&self) -> Arc<Moment> {
        self.moment.load_full()
    }

    /// Reads everything for the first time. `None` when it has changed meanwhile.
    fn load(
        env: &Arc<dyn Env>,
        dir: &Path,
        config: &EngineConfig,
        keys: FoundKeys,
        mode: FollowMode,
    ) -> Result<Option<Self>> {
        let names = env.list(dir)?;
        let Some(manifest) = manifest::load(&**env, dir, &names, keys.data_keys())? else {
            directory::refuse(dir, "it holds no database yet")?;
            return Ok(None);
        };
        let open_limit = match mode {
            // The files of a version are all open, however many they are.
            FollowMode::Live => usize::MAX,
            FollowMode::Static => config.open_limit,
        };
        let limit = open::open_limit(open_limit, env.file_limit().filter(|_| mode == FollowMode::Static));
        let config = EngineConfig { open_limit: limit, ..config.clone() };
        let (path, keys_of_files) = (dir.to_owned(), keys.data_keys().clone());
        let files =
            DatabaseDir { env: Arc::clone(env), path, database: manifest.database, keys: keys_of_files };
        let sst_store = open::sst_store(files, &config);
        let value_store = open::value_store(&sst_store);
        if mode == FollowMode::Static {
            open::expect_files(&names, dir, &manifest.state.version)?;
        }
        let version = Arc::default();
        let state = FollowState { keys, manifest: manifest.clone(), levels: Arc::default(), log: None };
        let view = View { active: empty(), frozen: Vec::new(), levels: Arc::default() };
        let follower = Self {
            env: Arc::clone(env),
            dir: dir.to_owned(),
            mode,
            key: config.encryption.clone(),
            memtable_size: config.memtable_size,
            moment: ArcSwap::from_pointee(Moment::new(&sst_store, view, version, None)),
            sst_store,
            value_store,
            state: Mutex::new(state),
        };
        let moment = follower.step(&mut follower.state.lock(), manifest)?;
        let Some(moment) = moment else { return Ok(None) };
        follower.moment.store(Arc::new(moment));
        Ok(Some(follower))
    }

    /// The moment after what is new, of a manifest that was just read. `None` when files have
    /// changed meanwhile.
    fn step(&self, state: &mut FollowState, manifest: LoadedManifest) -> Result<Option<Moment>> {
        let version = &manifest.state.version;
        let levels = state.levels.reloaded(version, &self.sst_store, &self.value_store);
        if self.mode == FollowMode::Live {
            levels.open_all()?;
        }
        if !self.follow_log(state, &manifest)? {
            return Ok(None);
        }
        let levels = Arc::new(levels);
        let mut frozen: Vec<Frozen> = state.log.iter().flat_map(|log| log.memtables.frozen()).collect();
        let active = frozen.pop().map_or_else(empty, |last| last.memtable);
        frozen.reverse();
        let view = View { active, frozen, levels: Arc::clone(&levels) };
        let log = state.log.as_ref().map(|log| &log.follower);
        let moment = Moment::new(&self.sst_store, view, Arc::clone(version), log);
        (state.levels, state.manifest) = (levels, manifest);
        Ok(Some(moment))
    }

    /// Reads what is new of the log, and drops the memtables that the version has in SSTs. `false`
    /// when the log has to be read from the beginning, as a newer manifest says.
    fn follow_log(&self, state: &mut FollowState, manifest: &LoadedManifest) -> Result<bool> {
        let known = &manifest.state;
        let mut log = match state.log.take() {
            Some(log) if known.log_number <= Some(log.follower.number()) => log,
            _ => match self.open_log(manifest)? {
                OpenedLog::Log(log) => *log,
                OpenedLog::None => return Ok(true),
                OpenedLog::Changed => return Ok(false),
            },
        };
        let FollowedLog { follower, memtables } = &mut log;
        let followed = follower.advance(&mut |replayed| memtables.add(replayed))?;
        memtables.settle();
        let reached = known.last_seqno.max(known.log_seqno);
        let goes_on = followed == FollowStep::UpToDate
            && follower.last_seqno() >= reached
            && memtables.release(known.last_seqno);
        if goes_on {
            state.log = Some(log);
        }
        Ok(goes_on)
    }

    fn open_log(&self, manifest: &LoadedManifest) -> Result<OpenedLog> {
        let names = self.env.list(&self.dir)?;
        if manifest.state.log_number.is_none() && replay::is_unfinished(&names) {
            return Ok(OpenedLog::None);
        }
        let mut memtables = LogMemtables::new(manifest.state.last_seqno, self.memtable_size);
        let bounds = replay::durable_bounds(&manifest.state);
        let follower =
            LogFollower::open(&self.sst_store.dir, &names, &bounds, &mut |replayed| memtables.add(replayed))?;
        Ok(match follower {
            Some(follower) => OpenedLog::Log(Box::new(FollowedLog { follower, memtables })),
            None => OpenedLog::Changed,
        })
    }
}

enum OpenedLog {
    Log(Box<FollowedLog>),
    /// The database is being made, and has no log yet.
    None,
    Changed,
}

impl fmt::Debug for EngineFollower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineFollower").field("dir", &self.dir).finish_non_exhaustive()
    }
}

fn empty() -> Arc<Memtable> {
    Arc::new(Memtable::new(crate::base::SeqNo::ZERO))
}

/// Bounds how often something is tried again.
struct Tries<'a> {
    dir: &'a Path,
    mode: FollowMode,
    /// The text of the last fault, and how often it was found in a row.
    last: (String, usize),
}

impl<'a> Tries<'a> {
    fn new(dir: &'a Path, mode: FollowMode) -> Self {
        Self { dir, mode, last: (String::new(), 0) }
    }

    /// Calls `attempt` until it returns something, or an error that is not explained by files that
    /// change.
    fn run<T>(mut self, mut attempt: impl FnMut(&mut Self) -> Result<Option<T>>) -> Result<T> {
        for _ in 0..MAX_TRIES {
            match attempt(&mut self) {
                Ok(Some(done)) => return Ok(done),
                Err(error) if self.is_settled(&error) => return Err(error),
                Ok(None) | Err(_) => {}
            }
        }
        let busy = io::Error::new(ErrorKind::ResourceBusy, "its files change faster than they are read");
        Err(Error::io("follow", self.dir, busy))
    }

    /// Counts faults anew: a data key that the last try did not know may be known to the next.
    fn forget_faults(&mut self) {
        self.last = Default::default();
    }

    /// Whether a file that another process has changed or removed cannot be the reason.
    fn is_settled(&mut self, error: &Error) -> bool {
        let may_pass = match error {
            Error::Corruption { .. } => true,
            Error::Io(error) => error.kind() == ErrorKind::NotFound,
            _ => false,
        };
        if self.mode == FollowMode::Static || !may_pass {
            return true;
        }
        let text = error.to_string();
        self.last = if self.last.0 == text { (text, self.last.1 + 1) } else { (text, 1) };
        self.last.1 >= SAME_FAULTS
    }
}
