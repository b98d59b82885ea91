//! The options of a database: the effect of each, its unit, default and range.

use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::compaction::{Compaction, LeveledConfig};
use crate::crypt::EncryptionKey;
#[cfg(feature = "encryption")]
use crate::engine::CopyKey;
use crate::engine::{Background, Durability, EngineConfig, ValueConfig};
use crate::env::{Env, MemoryEnv, OsEnv};
use crate::error::{Error, OptionsError, Result};
use crate::sst::{BlockCompression as SstCompression, SstConfig};

/// The size of a value file in SSTs: value files are never merged, and few large ones need few open
/// files.
const VALUE_FILE_FACTOR: u64 = 8;

/// The longest wait of a group commit.
const MAX_GROUP_WINDOW: Duration = Duration::from_secs(60);

const MIN_OPEN_FILES: usize = 8;

/// Limits of sizes, in bytes. The upper ones are far above any useful value: they catch a mistake,
/// such as a number in the wrong unit.
const MIN_SIZE: u64 = 1 << 10;
const MAX_CACHE_SIZE: u64 = 1 << 44;
const MAX_MEMTABLE_SIZE: u64 = 4 << 30;
const MIN_BLOCK_SIZE: u64 = 256;
const MAX_BLOCK_SIZE: u64 = 32 << 10;
const MAX_SST_SIZE: u64 = 1 << 40;
const MAX_BASE_LEVEL_SIZE: u64 = 1 << 50;
const MAX_LOG_PREALLOCATION: u64 = 1 << 30;
const MAX_DISK_RESERVE: u64 = 1 << 30;

/// The default size of a memtable, on disk and in memory.
const MEMTABLE_SIZE: usize = 32 << 20;
const MEMTABLE_SIZE_IN_MEMORY: usize = 4 << 20;

/// The default preallocation of the log, on disk.
const LOG_PREALLOCATION: u64 = 256 << 10;

/// The default reserve on disk, and the part of it that is not for memtables when these are small.
const RESERVE: usize = 1 << 20;
const SMALL_RESERVE: usize = 128 << 10;

/// How blocks of SSTs are compressed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Compression {
    /// Uncompressed.
    None,
    /// LZ4, for blocks where it saves enough to be worth the time.
    #[default]
    Lz4,
}

/// Collects the options of a database. The defaults suit a small server.
///
/// A value outside the range of its option is [`Error::Options`](crate::Error::Options) when the
/// database is opened; the error names every such option at once, and nothing is created or
/// changed.
///
/// ```
/// use std::time::Duration;
/// use walnut::{Database, Durability};
///
/// let db = Database::builder()
///     .durability(Durability::Group)
///     .group_window(Duration::from_micros(500))
///     .cache_size(256 << 20)
///     .in_memory()?;
/// # Ok::<(), walnut::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Builder {
    durability: Durability,
    group_window: Duration,
    cache_size: usize,
    max_open_files: usize,
    /// The default when `None`.
    memtable_size: Option<usize>,
    block_size: usize,
    max_sst_size: u64,
    base_level_size: u64,
    value_log_threshold: usize,
    compaction: Compaction,
    io_limit: Option<NonZeroU64>,
    /// The default when `None`.
    log_preallocation: Option<u64>,
    compression: Compression,
    /// The default when `None`.
    disk_reserve: Option<usize>,
    background: Background,
    snapshot_age_limit: Option<Duration>,
    checkpoint_on_close: bool,
    env: Option<Arc<dyn Env>>,
    encryption: Option<Arc<EncryptionKey>>,
}

/// How a database is copied: see [`Database::backup_with`](crate::Database::backup_with).
#[cfg(feature = "encryption")]
#[derive(Debug, Default)]
#[must_use]
pub struct Backup {
    key: CopyKey,
}

#[cfg(feature = "encryption")]
impl Backup {
    /// A copy that is encrypted as the database is, under the same key.
    pub fn new() -> Self {
        Self::default()
    }

    /// The key that the copy is encrypted with, whatever that of the database is; `None` for a copy
    /// that is not encrypted. Default: a copy of the files as they are, which the key of the
    /// database opens.
    pub fn encryption(self, key: Option<EncryptionKey>) -> Self {
        Self { key: CopyKey::Other(key) }
    }

    pub(crate) fn into_key(self) -> CopyKey {
        self.key
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            durability: Durability::Safe,
            group_window: Duration::from_millis(1),
            cache_size: 64 << 20,
            max_open_files: 500,
            memtable_size: None,
            block_size: 8 << 10,
            max_sst_size: 32 << 20,
            base_level_size: 64 << 20,
            value_log_threshold: 8 << 10,
            compaction: Compaction::Leveled,
            io_limit: None,
            log_preallocation: None,
            compression: Compression::Lz4,
            disk_reserve: None,
            background: Background::Thread,
            snapshot_age_limit: None,
            checkpoint_on_close: true,
            env: None,
            encryption: None,
        }
    }
}

impl Builder {
    /// What a commit survives once its call has returned. Default: [`Durability::Safe`].
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// How long a [`Durability::Group`] commit may wait for others to share its sync. A longer
    /// window allows more commits per second from many threads, and makes each of them slower.
    /// Default: 1 ms; from 0 to one minute.
    pub fn group_window(mut self, window: Duration) -> Self {
        self.group_window = window;
        self
    }

    /// The size in bytes of the block cache, which also holds block indexes, filters and values of
    /// the value log (those that take no more than a sixteenth of it). A larger cache saves reads
    /// from disk. Default: 64 MiB; from 0, with which every block is read each time, to 16 TiB.
    pub fn cache_size(mut self, bytes: usize) -> Self {
        self.cache_size = bytes;
        self
    }

    /// The number of SSTs and value files that are kept open for reads, besides those in use by a
    /// scan or a compaction. A file is opened on its first read, at the cost of five reads (one for
    /// a value file), and the least recently used one is closed. A larger number avoids opening
    /// files again and again; it costs file handles, and memory for the filters and block indexes
    /// of SSTs, about 12 bits per key, which is charged to the cache. Default: 500; at least 8, and
    /// at most half of the open files that the system allows this process.
    pub fn max_open_files(mut self, count: usize) -> Self {
        self.max_open_files = count;
        self
    }

    /// The size in bytes at which a memtable is frozen and flushed to an SST. Larger memtables make
    /// fewer and larger files; they cost memory (up to five times this size under load) and a
    /// longer replay after a crash. Default: 32 MiB, and 4 MiB [in memory](Self::in_memory); from 1
    /// KiB to 4 GiB.
    pub fn memtable_size(mut self, bytes: usize) -> Self {
        self.memtable_size = Some(bytes);
        self
    }

    /// The size in bytes of a block before compression: the unit of reading. Smaller blocks make
    /// single reads from disk cheaper, larger ones compress better. Default: 8 KiB; from 256 bytes
    /// to 32 KiB.
    pub fn block_size(mut self, bytes: usize) -> Self {
        self.block_size = bytes;
        self
    }

    /// The size in bytes at which a compaction ends an SST and begins the next one. A file may be
    /// slightly larger, and much larger when a single key is. Larger files need fewer open files;
    /// smaller ones are compacted in smaller steps, which need less free space. Default: 32 MiB;
    /// from 1 KiB to 1 TiB.
    pub fn max_sst_size(mut self, bytes: u64) -> Self {
        self.max_sst_size = bytes;
        self
    }

    /// Levels are sized from the bottom up, each ten times the one above (RocksDB: dynamic level
    /// sizes). Once the last level exceeds ten times this value, in bytes, a second level is kept
    /// above it, and a third from a hundred times on. A larger value means fewer levels for a read
    /// to search, and more data rewritten when new files are merged in. With [`Compaction::Tiered`]
    /// it is the largest size of a run of the first tier. Default: 64 MiB; from 1 KiB to 1 PiB.
    pub fn base_level_size(mut self, bytes: u64) -> Self {
        self.base_level_size = bytes;
        self
    }

    /// The size in bytes from which a row is stored in the value log, with a pointer to it in the
    /// SST (RocksDB: `min_blob_size`). Compaction leaves the value in place, so a large row is
    /// written once or twice and not once per level. Each is read on its own, so a scan makes one
    /// read for each such row that is not cached, and the space of deleted rows is reclaimed later.
    /// 0 turns the value log off for new rows; existing ones stay readable. Default: 8 KiB.
    pub fn value_log_threshold(mut self, bytes: usize) -> Self {
        self.value_log_threshold = bytes;
        self
    }

    /// The compaction strategy: whether reads, writes or space are to be cheap. It may differ from
    /// open to open. Default: [`Compaction::Leveled`].
    pub fn compaction(mut self, strategy: Compaction) -> Self {
        self.compaction = strategy;
        self
    }

    /// The rate limit of background compaction, in bytes of uncompressed entries read and written
    /// per second; 0 for none. A lower limit leaves more of the disk to reads and commits. If it is
    /// too low, compaction falls behind, files accumulate, and writers are throttled to its speed:
    /// by microseconds for each KiB of a commit, at most 5 ms. Flushes are counted but never
    /// delayed. Default: 0. There is no limit for work that the caller runs itself
    /// ([`Background::Manual`]).
    pub fn io_limit(mut self, bytes_per_second: u64) -> Self {
        self.io_limit = NonZeroU64::new(bytes_per_second);
        self
    }

    /// The size in bytes of zeros that are written ahead of the log's end, a step at a time. Syncs
    /// are up to four times cheaper when they do not record a new file size. Unless this is 0, up
    /// to two obsolete log segments are also recycled, which takes up to twice the `memtable_size`
    /// on disk. Default: 256 KiB, and 0 [in memory](Self::in_memory), where a sync costs nothing;
    /// from 0 to 1 GiB.
    pub fn log_preallocation(mut self, bytes: u64) -> Self {
        self.log_preallocation = Some(bytes);
        self
    }

    /// The size in bytes of a reserve file that makes it possible to recover from a full disk:
    /// deleting rows and ranges, dropping tables, flushing, closing and opening continue when
    /// nothing else can be written. Other writes return
    /// [`Error::OutOfSpace`](crate::Error::OutOfSpace) while the reserve is in use, and continue
    /// once there is space for it again. It is created after a quarter of its size was committed,
    /// not when the database is opened; 0 for none. Default: 1 MiB, or 128 KiB and four times the
    /// [`memtable_size`](Self::memtable_size) if that is less, and none [in
    /// memory](Self::in_memory); from 0 to 1 GiB.
    pub fn disk_reserve(mut self, bytes: usize) -> Self {
        self.disk_reserve = Some(bytes);
        self
    }

    /// How new blocks are compressed; existing blocks are not changed. Default:
    /// [`Compression::Lz4`].
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// What runs flushes and compactions. Default: [`Background::Thread`].
    pub fn background(mut self, background: Background) -> Self {
        self.background = background;
        self
    }

    /// The age at which a snapshot or a transaction stops retaining history: from then on its
    /// reads, and its commit, return [`Error::SnapshotTooOld`](crate::Error::SnapshotTooOld). An
    /// older iterator is refused too, at its next block at the latest, and then releases its
    /// resources; an iterator that is never advanced holds them until it is dropped
    /// ([`Stats::iterator_count`](crate::Stats::iterator_count)). The limit bounds the space that a
    /// forgotten snapshot can cost, and adds a look at the clock to each read in a snapshot.
    /// Default: none; a limit of zero, with which no snapshot could be read, is refused.
    pub fn snapshot_age_limit(mut self, limit: Duration) -> Self {
        self.snapshot_age_limit = Some(limit);
        self
    }

    /// Whether closing flushes the memtable, so that the next open has little to replay: at most 64
    /// KiB of log, or an eighth of the [`memtable_size`](Self::memtable_size) if that is less.
    /// Without it closing is faster and opening slower; nothing is lost either way. Default: true.
    pub fn checkpoint_on_close(mut self, checkpoint: bool) -> Self {
        self.checkpoint_on_close = checkpoint;
        self
    }

    /// The environment to run on instead of the operating system: one in memory, or one that
    /// injects faults. [`in_memory`](Self::in_memory) accepts only one in memory.
    pub fn env(mut self, env: Arc<dyn Env>) -> Self {
        self.env = Some(env);
        self
    }

    /// Encrypts the database: keys, values, names and the bounds of files, with AES-256-GCM under
    /// this key. A database is encrypted when it is made, or never: [`Database::backup_with`] makes
    /// an encrypted copy of one that is not, and the other way round. Default: no encryption.
    /// Available with the feature `encryption`, which is on by default.
    ///
    /// [`Error::WrongKey`](crate::Error::WrongKey) when the database is opened and this is not its
    /// key, when the database is not encrypted, and when it is and no key is given; nothing is
    /// created, changed or removed then.
    ///
    /// Cost: reads of cached data cost the same, because the cache is not encrypted; a block that
    /// is read from disk, and every commit, takes about a microsecond more for each KiB. Each
    /// opening begins a new log segment and a new manifest.
    ///
    /// [`Database::backup_with`]: crate::Database::backup_with
    #[cfg(feature = "encryption")]
    pub fn encryption(mut self, key: EncryptionKey) -> Self {
        self.encryption = Some(Arc::new(key));
        self
    }

    pub(crate) fn chosen_durability(&self) -> Durability {
        self.durability
    }

    /// The environment and directory of a database at a path.
    pub(crate) fn location(&self, path: &Path) -> (Arc<dyn Env>, PathBuf) {
        let env = self.env.clone().unwrap_or_else(|| Arc::new(OsEnv::new()));
        (env, path.to_owned())
    }

    /// The environment and directory of a database in memory.
    pub(crate) fn location_in_memory(&self) -> Result<(Arc<dyn Env>, PathBuf)> {
        let env = match &self.env {
            None => Arc::new(MemoryEnv::with_real_time()),
            Some(env) if env.is_in_memory() => Arc::clone(env),
            Some(_) => {
                return Err(Error::Unsupported(
                    "a database in memory on a machine with disks; open it at a path, or leave `env` out",
                ));
            }
        };
        Ok((env, PathBuf::from("/memory")))
    }

    /// An error that names every option whose value is outside its range.
    pub(crate) fn check(&self) -> Result<()> {
        let size = |bytes: usize| bytes as u64;
        let ranges = [
            ("memtable_size", size(self.memtable_size.unwrap_or(MEMTABLE_SIZE)), MIN_SIZE, MAX_MEMTABLE_SIZE),
            ("cache_size", size(self.cache_size), 0, MAX_CACHE_SIZE),
            ("max_open_files", size(self.max_open_files), size(MIN_OPEN_FILES), u64::MAX),
            ("block_size", size(self.block_size), MIN_BLOCK_SIZE, MAX_BLOCK_SIZE),
            ("max_sst_size", self.max_sst_size, MIN_SIZE, MAX_SST_SIZE),
            ("base_level_size", self.base_level_size, MIN_SIZE, MAX_BASE_LEVEL_SIZE),
            (
                "log_preallocation",
                self.log_preallocation.unwrap_or(LOG_PREALLOCATION),
                0,
                MAX_LOG_PREALLOCATION,
            ),
            ("disk_reserve", size(self.disk_reserve.unwrap_or(RESERVE)), 0, MAX_DISK_RESERVE),
        ];
        let mut faults = OptionsError::default();
        for (option, value, least, most) in ranges {
            if value < least {
                faults.add(option, format!("is {value}, and {least} is the least"));
            } else if value > most {
                faults.add(option, format!("is {value}, and {most} is the most"));
            }
        }
        if self.group_window > MAX_GROUP_WINDOW {
            faults.add("group_window", format!("is longer than {MAX_GROUP_WINDOW:?}"));
        }
        if self.snapshot_age_limit.is_some_and(|limit| limit.is_zero()) {
            faults.add("snapshot_age_limit", "is zero, so no snapshot could be read".to_owned());
        }
        faults.into_result()
    }

    /// The configuration of a database in memory. Its log and files take the same memory as the
    /// data, so the defaults are smaller.
    pub(crate) fn engine_config_in_memory(&self) -> EngineConfig {
        let mut config = self.engine_config();
        config.memtable_size = self.memtable_size.unwrap_or(MEMTABLE_SIZE_IN_MEMORY);
        config.preallocate = self.log_preallocation.unwrap_or(0);
        config.reserve_size = self.disk_reserve.unwrap_or(0);
        config
    }

    pub(crate) fn engine_config(&self) -> EngineConfig {
        let memtable_size = self.memtable_size.unwrap_or(MEMTABLE_SIZE);
        let default_reserve = memtable_size.saturating_mul(4).saturating_add(SMALL_RESERVE).min(RESERVE);
        EngineConfig {
            memtable_size,
            reserve_size: self.disk_reserve.unwrap_or(default_reserve),
            frozen_limit: 4,
            cache_size: self.cache_size,
            open_limit: self.max_open_files,
            group_window: self.group_window,
            preallocate: self.log_preallocation.unwrap_or(LOG_PREALLOCATION),
            sst: SstConfig {
                block_size: self.block_size,
                compression: match self.compression {
                    Compression::None => SstCompression::None,
                    Compression::Lz4 => SstCompression::Lz4,
                },
                ..SstConfig::default()
            },
            compaction: self.compaction,
            io_limit: self.io_limit,
            levels: LeveledConfig { max_sst_size: self.max_sst_size, base_level_size: self.base_level_size },
            values: ValueConfig {
                threshold: if self.value_log_threshold == 0 { usize::MAX } else { self.value_log_threshold },
                max_file_size: self.max_sst_size.saturating_mul(VALUE_FILE_FACTOR),
            },
            background: self.background,
            snapshot_age_limit: self.snapshot_age_limit,
            checkpoint_on_close: self.checkpoint_on_close,
            encryption: self.encryption.clone(),
        }
    }
}
