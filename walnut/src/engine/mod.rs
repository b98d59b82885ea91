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
//! Locks, in the order in which they may be taken: `compacting`, `changing_keys`, `flushing`, that
//! of `reserve`, `synced`, `log`, `queue`, `manifest`, and those of the workers and of the progress
//! of compaction; a later one is never held while an earlier one is taken. It does not know what a
//! table or an index is.

mod background;
mod backup;
mod commit;
mod commit_queue;
mod compact;
mod deletions;
mod directory;
mod dump;
mod flush;
mod follow;
mod group_sync;
mod held;
mod keys;
mod levels;
mod load;
mod log;
mod merge_hints;
mod multi_get;
mod open;
mod preflight;
mod read;
mod read_set;
mod repair;
mod replay;
mod reserve;
#[cfg(feature = "encryption")]
mod rotate;
mod scan;
mod stats;
#[cfg(test)]
mod tests;
mod thin;
mod throttle;
mod trace;
mod validate;
mod values;
mod verify;
mod version_set;
mod view;

use std::fmt;
use std::num::NonZeroU64;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::time::Duration;

use arc_swap::ArcSwap;

pub use background::Background;
pub(crate) use backup::CopyKey;
pub use commit::Durability;
pub(crate) use dump::dump;
pub(crate) use follow::{EngineFollower, FollowMode, Moment};
pub use preflight::{BackupCheck, TargetState};
pub(crate) use read::{Number, PointReader};
pub(crate) use read_set::ReadSet;
pub(crate) use repair::{DamagedDatabase, Salvaged};
#[cfg(feature = "encryption")]
pub use rotate::StateDigest;
pub(crate) use scan::{EngineScan, FoundEntry};
pub use stats::{LevelStats, Stats};
pub(crate) use values::{StoredValue, ValueConfig};
pub use verify::VerifyReport;

use crate::base::SeqNo;
use crate::compaction::{Compaction, LeveledConfig};
use crate::crypt::EncryptionKey;
use crate::env::{DirOwner, Env};
use crate::error::{Error, Result};
use crate::mvcc::{DeadRanges, Pin, Snapshots};
use crate::sst::{SstConfig, SstStore};
use crate::sync::{Arc, AtomicBool, AtomicU64, Condvar, Mutex, Ordering};
use crate::vlog::ValueStore;
use background::Worker;
use commit_queue::Queue;
use compact::Compactions;
use deletions::Deletions;
use group_sync::SyncedTo;
use held::PinnedMemory;
use log::EngineLog;
use merge_hints::MergeHints;
use reserve::Reserve;
use thin::Thinned;
use throttle::Throttle;
use validate::Validations;
use version_set::VersionSet;
use view::View;

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
    /// The directory, which changes only as long as it is ours: the same as `owner`.
    env: Arc<dyn Env>,
    owner: DirOwner,
    dir: PathBuf,
    config: EngineConfig,
    sst_store: Arc<SstStore>,
    value_store: Arc<ValueStore>,

    // Each with its own synchronization.
    view: ArcSwap<View>,
    applied: AtomicU64,
    visible: AtomicU64,
    durable: AtomicU64,
    /// Bytes of commits that do not wait for a sync, since the last one began.
    unsynced_size: AtomicU64,
    /// Whether the flush thread knows that the manifest lags behind `durable`; a sync that makes
    /// more durable calls it if not.
    is_note_due: AtomicBool,
    snapshots: Arc<Snapshots>,
    dead: DeadRanges,
    hints: MergeHints,
    held: PinnedMemory,
    poisoned: AtomicBool,
    /// Whether the log has to go on in a new segment before anything can be written.
    log_is_torn: AtomicBool,
    closed: AtomicBool,
    is_closing_files: AtomicBool,
    flush_failures: AtomicU64,
    deletions: Deletions,
    reserve: Reserve,
    compactions: Compactions,
    thinned: Thinned,
    throttle: Throttle,
    validations: Validations,
    flusher: Worker,
    compactor: Worker,

    // Behind locks, in the order given at the head.
    compacting: Mutex<()>,
    #[cfg(feature = "encryption")]
    changing_keys: Mutex<()>,
    flushing: Mutex<()>,
    synced: Mutex<SyncedTo>,
    sync_done: Condvar,
    log: Mutex<EngineLog>,
    queue: Mutex<Queue>,
    manifest: Mutex<VersionSet>,
}

impl Core {
    /// The database's directory.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The last sequence number that readers see.
    pub(crate) fn visible(&self) -> SeqNo {
        SeqNo(self.visible.load(Ordering::Acquire))
    }

    /// The last sequence number in the log; a transaction that writes may build on it before it is
    /// durable, because its own record comes later in the same log.
    pub(crate) fn applied(&self) -> SeqNo {
        SeqNo(self.applied.load(Ordering::Acquire))
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

    /// An error unless the engine is open.
    fn ensure_open(&self) -> Result<()> {
        if self.closed.load(Ordering::Acquire) { Err(Error::Closed) } else { Ok(()) }
    }

    /// An error unless writes can be acknowledged.
    fn ensure_writable(&self) -> Result<()> {
        self.owner.check_process()?;
        self.ensure_writable_cached()
    }

    /// An error if it is known already that writes cannot be acknowledged, without a system call.
    /// In a fork the write itself fails, and a thread that would wait before it for a thread that
    /// is not there asks first: see [`DirOwner::check_fork`].
    fn ensure_writable_cached(&self) -> Result<()> {
        self.ensure_open()?;
        self.owner.detected_loss()?;
        self.ensure_unpoisoned()
    }

    /// An error when the log can no longer be trusted: that it is not ours any more, if it is not.
    fn ensure_unpoisoned(&self) -> Result<()> {
        if self.poisoned.load(Ordering::Acquire) { Err(self.poisoned_error()) } else { Ok(()) }
    }

    /// Why nothing can be promised any more.
    fn poisoned_error(&self) -> Error {
        self.owner.detected_loss().err().unwrap_or(Error::Poisoned)
    }

    /// Notes that the log can no longer be trusted, and passes the reason on: that it is not ours
    /// any more, if it is not; and never that of a disk that is only full, which promises that
    /// writes go on.
    fn poison(&self, error: Error) -> Error {
        self.poisoned.store(true, Ordering::Release);
        // A group does not gather any more for a sync that cannot come.
        self.sync_done.notify_all();
        let error = if matches!(error, Error::OutOfSpace) { Error::Poisoned } else { error };
        self.owner.detected_loss().err().unwrap_or(error)
    }

    /// Takes note of a failure of the log, and passes its reason on: the engine is poisoned if the
    /// log is, and only then.
    fn poison_like(&self, log: &EngineLog, error: Error) -> Error {
        if log.is_poisoned() { self.poison(error) } else { error }
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
        if self.closed.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        if matches!(self.owner.check_process(), Err(Error::Forked)) {
            return self.abandon_in_fork();
        }
        self.compactions.call();
        self.stop_workers();
        let finished = self.finish();
        self.remove_obsolete();
        // A merge that a caller asked for stops soon; until then the directory is not another's.
        let _nobody_compacts = self.compacting.lock();
        // A flush that comes late finds that the directory is not ours any more.
        let _nobody_flushes = self.flushing.lock();
        self.owner.release();
        self.sst_store.keys.clear_stack();
        finished
    }

    /// Lets go of an engine that belongs to the process of which this one is a fork. Its threads do
    /// not run here, and may have held any lock when they were left behind; so nothing of it is
    /// waited for, joined, unlocked or dropped.
    fn abandon_in_fork(&self) -> Result<()> {
        self.owner.release();
        std::mem::forget(Arc::clone(&self.core));
        Err(Error::Forked)
    }

    fn finish(&self) -> Result<()> {
        self.owner.detected_loss()?;
        self.ensure_unpoisoned()?;
        let flushed = if self.config.checkpoint_on_close { self.flush_to_close() } else { Ok(()) };
        let has_spares = self.log.lock().size().recycled_size > 0;
        self.with_reserve(|| self.end_log())?;
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

    /// Ends log and manifest in order. What was written is synced, and noted in the manifest
    /// durably; the marks that say so to the next opening are not synced: without them it goes
    /// another way to the same state.
    fn end_log(&self) -> Result<()> {
        let mut synced = self.synced_while_nobody_syncs();
        let mut log = self.log.lock();
        if !log.is_unchanged() {
            let end = log.position();
            log.sync().map_err(|error| self.poison_like(&log, error))?;
            synced.position = end;
            self.advance_visible(log.last_seqno());
            self.note_log_end(log.last_seqno())?;
        }
        match log.close() {
            Err(Error::OutOfSpace) => return Err(Error::OutOfSpace),
            closed => closed.map_err(|error| self.poison(error))?,
        }
        self.seal_manifest();
        Ok(())
    }
}
