//! The engine: a log, memtables and SSTs that together are one durable sorted map with history.
//!
//! ```text
//!   commit ──► queue ──► log ──► active memtable ──freeze──► frozen memtables ──flush──► SSTs ◄─┐ compaction
//!                         │                                                               │  └─┘
//!                         └── sync, shared by all that wait                    manifest ◄─┘
//! ```
//!
//! 1. A commit is one record of the log; it is replayed whole or not at all.
//! 2. Commits are applied in the order of the log. `applied` is the last of them; `visible` the
//!    last that readers see. A commit becomes visible when it is durable, or at once when it (or a
//!    later one) did not ask to be.
//! 3. An entry is always in the log, in a frozen or active memtable *and* the log, or in an SST
//!    that the manifest names: a log segment goes only after the manifest with the SST was synced.
//! 4. A [`View`] is immutable; readers load it without a lock and keep it as long as they read.
//! 5. After a failed sync of the log nothing is acknowledged any more.
//!
//! The components, each with its locks private to one file: [`CommitPipeline`] (log, queue, group
//! sync, seqnos), [`VersionSet`] (view and manifest), [`Workers`] (the threads), [`Health`]
//! (closed, poisoned, owner of the directory).
//!
//! Locks, in the order in which they may be taken: `compacting`, `changing_keys`, `flushing`, that
//! of `reserve`, those of the commit pipeline, of the version set, of the workers and of the
//! progress of compaction; a later one is never held while an earlier one is taken. It does not
//! know what a table or an index is.

mod admin;
mod background;
mod commit;
mod directory;
mod follow;
mod health;
mod open;
mod read;
#[cfg(test)]
mod tests;
mod trace;
mod version_set;
mod write;

use std::fmt;
use std::num::NonZeroU64;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) use admin::backup::CopyKey;
pub(crate) use admin::dump::dump;
pub use admin::preflight::{BackupCheck, TargetState};
pub(crate) use admin::repair::{DamagedDatabase, Salvaged};
#[cfg(feature = "encryption")]
pub use admin::rotate::StateDigest;
pub use admin::stats::{LevelStats, Stats};
pub use admin::verify::VerifyReport;
pub use background::workers::Background;
pub use commit::Durability;
pub(crate) use commit::ReadSet;
pub(crate) use follow::{EngineFollower, FollowMode, Moment};
pub(crate) use read::scan::{EngineScan, FoundEntry};
pub(crate) use read::values::{StoredValue, ValueConfig};
pub(crate) use read::{Number, PointReader};

use crate::base::SeqNo;
use crate::compaction::{Compaction, LeveledConfig};
use crate::crypt::EncryptionKey;
use crate::env::Env;
use crate::error::{Error, Result};
use crate::mvcc::{DeadRanges, Pin, Snapshots};
use crate::sst::{SstConfig, SstStore};
use crate::sync::{Arc, AtomicU64, Mutex, MutexGuard};
use crate::vlog::ValueStore;
use background::dead_scan::DeadScans;
use background::deletions::Deletions;
use background::merge_hints::MergeHints;
use background::progress::Compactions;
use background::reserve::Reserve;
use background::thin::Thinned;
use background::throttle::Throttle;
use background::workers::Workers;
use commit::CommitPipeline;
use health::Health;
use version_set::VersionSet;

/// What the options of a database come down to.
#[derive(Clone, Debug)]
pub(crate) struct EngineConfig {
    /// Bytes in the active memtable at which it is frozen.
    pub(crate) memtable_size: usize,
    /// Frozen memtables at which writers help to flush before they go on.
    pub(crate) frozen_limit: usize,
    /// Bytes of decoded blocks, fences and filters that are kept in memory.
    pub(crate) cache_size: usize,
    /// SSTs that may be open at once, beside those that scans and merges hold.
    pub(crate) open_limit: usize,
    /// How long a commit may wait for others to share its sync.
    pub(crate) group_window: Duration,
    /// Bytes that are written with zeros ahead of the log's end; with zero, no segment is used
    /// again either.
    pub(crate) preallocate: u64,
    pub(crate) sst: SstConfig,
    pub(crate) compaction: Compaction,
    pub(crate) levels: LeveledConfig,
    pub(crate) values: ValueConfig,
    /// Bytes that merges may read and write in a second; not limited when `None`.
    pub(crate) io_limit: Option<NonZeroU64>,
    pub(crate) background: Background,
    /// Bytes on the disk that are held for deletions on a full one; none with zero.
    pub(crate) reserve_size: usize,
    /// The age at which a pin holds nothing back any more.
    pub(crate) snapshot_age_limit: Option<Duration>,
    /// Whether closing flushes what takes a while to replay, so that the next open replays next to
    /// nothing.
    pub(crate) checkpoint_on_close: bool,
    /// The user's key, of an encrypted database.
    pub(crate) encryption: Option<Arc<EncryptionKey>>,
}

/// A running engine. Dropping it closes it.
#[derive(Debug)]
pub(crate) struct Engine {
    core: Arc<Core>,
}

impl Deref for Engine {
    type Target = Core;

    fn deref(&self) -> &Core {
        &self.core
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // No caller is left to hear of a failure; what was acknowledged is in the log.
        let _ = self.close();
    }
}

/// What the threads of an engine share.
pub(crate) struct Core {
    // Constant after opening.
    /// The machine: for what is outside of the directory.
    machine: Arc<dyn Env>,
    /// The directory, which changes only as long as the engine owns it.
    env: Arc<dyn Env>,
    dir: PathBuf,
    config: EngineConfig,
    sst_store: Arc<SstStore>,
    value_store: Arc<ValueStore>,

    // Components with their own synchronization.
    health: Arc<Health>,
    versions: Arc<VersionSet>,
    commits: CommitPipeline,
    workers: Arc<Workers>,
    snapshots: Arc<Snapshots>,
    dead: Arc<DeadRanges>,
    dead_scans: DeadScans,
    hints: MergeHints,
    flush_failures: AtomicU64,
    deletions: Deletions,
    reserve: Reserve,
    compactions: Compactions,
    thinned: Thinned,
    throttle: Throttle,

    // Locked by the thread that runs such a job.
    compacting: Mutex<()>,
    #[cfg(feature = "encryption")]
    changing_keys: Mutex<()>,
    flushing: Mutex<()>,
}

impl Core {
    /// The database's directory.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The last seqno that readers see.
    pub(crate) fn visible(&self) -> SeqNo {
        self.commits.seqnos.visible()
    }

    /// The last seqno in the log; a transaction that writes may build on it before it is durable,
    /// because its own record comes later in the same log.
    pub(crate) fn applied(&self) -> SeqNo {
        self.commits.seqnos.applied()
    }

    /// Pins all that is in the log now, for a transaction that writes.
    pub(crate) fn pin_applied(&self) -> Pin {
        self.snapshots.pin(|| self.applied())
    }

    /// Pins what readers see now, for a snapshot.
    pub(crate) fn pin_visible(&self) -> Pin {
        self.snapshots.pin(|| self.visible())
    }

    /// A random number below `limit`, which is not zero.
    pub(crate) fn random_below(&self, limit: u64) -> u64 {
        self.env.random() % limit
    }

    /// The time since the Unix epoch, and random bits: what a unique number is made of.
    pub(crate) fn moment(&self) -> (Duration, u128) {
        let mut bytes = [0; 16];
        self.env.fill_random(&mut bytes);
        (self.env.wall_clock(), u128::from_le_bytes(bytes))
    }

    /// Waits for a running flush; none begins while the guard is held.
    fn pause_flushes(&self) -> MutexGuard<'_, ()> {
        self.flushing.lock()
    }
}

impl fmt::Debug for Core {
    /// One short line: handles of every kind hold this, and the store may be large.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core").field("dir", &self.dir).finish_non_exhaustive()
    }
}

impl Engine {
    /// What outlives the handle: a transaction or a scan may be there still when the engine is
    /// closed.
    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// Stops the engine: everything acknowledged is durable and, if configured so, flushed. Closing
    /// twice does nothing.
    pub(crate) fn close(&self) -> Result<()> {
        if !self.health.close() {
            return Ok(());
        }
        if matches!(self.health.owner().check_process(), Err(Error::Forked)) {
            return self.abandon_in_fork();
        }
        self.compactions.wake_all();
        self.workers.stop();
        let finished = self.finish();
        self.versions.remove_obsolete();
        // A merge that a caller asked for stops soon; until then the directory is not another's.
        let _nobody_compacts = self.compacting.lock();
        // A flush that comes late finds that the directory is not ours any more.
        let _pause = self.pause_flushes();
        self.health.owner().release();
        self.sst_store.dir.keys.clear_stack();
        finished
    }

    /// Lets go of an engine that belongs to the process of which this one is a fork. Its threads do
    /// not run here, and may have held any lock when they were left behind; so nothing of it is
    /// waited for, joined, unlocked or dropped.
    fn abandon_in_fork(&self) -> Result<()> {
        self.health.owner().release();
        std::mem::forget(Arc::clone(&self.core));
        Err(Error::Forked)
    }

    fn finish(&self) -> Result<()> {
        self.health.owner().detected_loss()?;
        self.health.ensure_unpoisoned()?;
        let flushed = if self.config.checkpoint_on_close { self.flush_to_close() } else { Ok(()) };
        let has_spares = self.commits.log.size().recycled_size > 0;
        self.with_reserve(|| self.commits.end_log())?;
        if has_spares {
            // They stay until the next opening when they cannot be removed.
            let _ = self.remove_old_log(&[]);
        }
        match flushed {
            // The log has what there is no room for in SSTs.
            Err(Error::OutOfSpace) => Ok(()),
            flushed => flushed,
        }
    }
}
