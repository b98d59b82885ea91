//! The options of a database: what each does, its unit, its default and its range.

use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::compaction::{Compaction, LeveledConfig};
use crate::engine::{Background, Durability, EngineConfig, ValueConfig};
use crate::env::{Env, MemoryEnv, OsEnv};
use crate::error::{Error, OptionsError, Result};
use crate::sst::{BlockCompression as SstCompression, SstConfig};

/// How many times larger than an SST a value file may become: it is never merged, and fewer are fewer to keep open.
const VALUE_FILE_FACTOR: u64 = 8;

/// The longest that a commit waits for others.
const MAX_GROUP_WINDOW: Duration = Duration::from_secs(60);

/// The fewest files that are kept open.
const MIN_OPEN_FILES: usize = 8;

/// The bounds of sizes, in bytes. Upper ones are far above what is of use: they refuse a slip, such as a number in the wrong unit.
const MIN_SIZE: u64 = 1 << 10;
const MAX_CACHE_SIZE: u64 = 1 << 44;
const MAX_MEMTABLE_SIZE: u64 = 4 << 30;
const MIN_BLOCK_SIZE: u64 = 256;
const MAX_BLOCK_SIZE: u64 = 32 << 10;
const MAX_SST_SIZE: u64 = 1 << 40;
const MAX_BASE_LEVEL_SIZE: u64 = 1 << 50;
const MAX_LOG_PREALLOCATION: u64 = 1 << 30;
const MAX_DISK_RESERVE: u64 = 1 << 30;

/// The size of a memtable that is not set, on disk and in memory.
const MEMTABLE_SIZE: usize = 32 << 20;
const MEMTABLE_SIZE_IN_MEMORY: usize = 4 << 20;

/// The zeros ahead of the log's end that are not set, on disk.
const LOG_PREALLOCATION: u64 = 256 << 10;

/// The reserve on disk that is not set, and what it has beside room for small memtables.
const RESERVE: usize = 1 << 20;
const SMALL_RESERVE: usize = 128 << 10;

/// How blocks of sorted files are compressed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Compression {
    /// As they are.
    None,
    /// LZ4, where it saves enough to be worth the time.
    #[default]
    Lz4,
}

/// Collects the options of a database. Those that are not set have defaults that suit a small server.
///
/// A value outside the range of its option is [`Error::Options`](crate::Error::Options) when the database is opened; the error names every such option
/// at once, and nothing was touched.
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
    /// The usual one when `None`.
    memtable_size: Option<usize>,
    block_size: usize,
    max_sst_size: u64,
    base_level_size: u64,
    value_log_threshold: usize,
    compaction: Compaction,
    io_limit: Option<NonZeroU64>,
    /// The usual one when `None`.
    log_preallocation: Option<u64>,
    compression: Compression,
    /// The usual one when `None`.
    disk_reserve: Option<usize>,
    background: Background,
    snapshot_age_limit: Option<Duration>,
    checkpoint_on_close: bool,
    env: Option<Arc<dyn Env>>,
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
        }
    }
}

impl Builder {
    /// What a commit has survived when its call returns. Default: [`Durability::Safe`].
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// How long a [`Durability::Group`] commit may wait for others to share its sync: the longer, the more commits a second
    /// from many threads, and the longer each of them takes. Default: 1 ms; from 0 to a minute.
    pub fn group_window(mut self, window: Duration) -> Self {
        self.group_window = window;
        self
    }

    /// Bytes of blocks, fences and filters that are kept in memory: the more, the fewer reads from disk. Default: 64 MiB; from 0,
    /// with which every block is read each time, to 16 TiB.
    pub fn cache_size(mut self, bytes: usize) -> Self {
        self.cache_size = bytes;
        self
    }

    /// Sorted files and files of the value log that are kept open for reads, beside those that a scan or a merge is reading. A file is
    /// opened when it is first read, which costs five reads, or one of the value log, and closed when others are needed more. The
    /// more, the fewer files are opened again and again; the more file handles, and memory for the filters and fences of sorted files,
    /// some 12 bits for each key of theirs, which is charged to the cache. Default: 500; at least 8, and at most half of what
    /// the system lets this process have open.
    pub fn max_open_files(mut self, count: usize) -> Self {
        self.max_open_files = count;
        self
    }

    /// Bytes of the newest entries in memory at which they are written out as a sorted file. The larger, the fewer and
    /// larger the files; the more memory (up to five times this much under load) and the longer the replay after a
    /// crash. Default: 32 MiB, and 4 MiB [in memory](Self::in_memory); from 1 KiB to 4 GiB.
    pub fn memtable_size(mut self, bytes: usize) -> Self {
        self.memtable_size = Some(bytes);
        self
    }

    /// Bytes of a block before compression: the unit of reading. Smaller blocks make single reads from disk cheaper, larger
    /// ones compress better. Default: 8 KiB; from 256 bytes to 32 KiB.
    pub fn block_size(mut self, bytes: usize) -> Self {
        self.block_size = bytes;
        self
    }

    /// Bytes of a sorted file at which compaction begins the next one; a file is somewhat larger, and much larger when a single
    /// key takes more. Larger files are fewer to keep open; smaller ones are compacted in smaller steps, which need less
    /// room meanwhile. Default: 32 MiB; from 1 KiB to 1 TiB.
    pub fn max_sst_size(mut self, bytes: u64) -> Self {
        self.max_sst_size = bytes;
        self
    }

    /// Bytes in the last level of sorted files from ten times which on a further level stands above it, and one more from a hundred
    /// times on. The larger, the fewer levels a read searches, and the more is rewritten when new files are merged in.
    /// With [`Compaction::Tiered`] the size up to which runs are of the first tier.
    /// Default: 64 MiB; from 1 KiB to 1 PiB.
    pub fn base_level_size(mut self, bytes: u64) -> Self {
        self.base_level_size = bytes;
        self
    }

    /// Bytes of a row from which on it is kept in the value log, beside the sorted files, which have a pointer to it: merges then
    /// leave it where it is, so large rows are written once or twice and not once for each level. Each is read on its own, so a
    /// scan over them makes one read for a row; and room that removed rows leave is given back later. 0 turns it off for what is
    /// written from now on; what is there can always be read. Default: 8 KiB.
    pub fn value_log_threshold(mut self, bytes: usize) -> Self {
        self.value_log_threshold = bytes;
        self
    }

    /// How sorted files are merged: whether reads, writes or space are to be cheap. It can be another one at each opening.
    /// Default: [`Compaction::Leveled`].
    pub fn compaction(mut self, strategy: Compaction) -> Self {
        self.compaction = strategy;
        self
    }

    /// Bytes of entries, before compression, that merges in the background read and write in a second at most; 0 for no limit. The
    /// lower, the more of the disk is left to reads and commits; too low, and merges fall behind, files pile up, and writers
    /// are slowed until they write no faster than merges go: by microseconds for each KiB of a commit, 5 ms at most. Writing
    /// memtables out is counted and never held up. Default: 0. No limit holds for what is done by hand
    /// ([`Background::Manual`]).
    pub fn io_limit(mut self, bytes_per_second: u64) -> Self {
        self.io_limit = NonZeroU64::new(bytes_per_second);
        self
    }

    /// Bytes of zeros that are written ahead of the log's end, a step at a time. Syncs are up to four times cheaper when they
    /// need not record a new length. Unless this is 0, up to two parts of the log that are no longer needed are also kept
    /// and used again, which takes up to twice the `memtable_size` on disk. Default: 256 KiB, and 0
    /// [in memory](Self::in_memory), where a sync costs nothing; from 0 to 1 GiB.
    pub fn log_preallocation(mut self, bytes: u64) -> Self {
        self.log_preallocation = Some(bytes);
        self
    }

    /// Bytes on the disk that are held in a file of their own, for the way out of a full one: removing rows and ranges, dropping tables,
    /// flushing, closing and opening go on when nothing else can be written. Ordinary writes are
    /// [`Error::OutOfSpace`](crate::Error::OutOfSpace) while it is used up, and go on when there is room for it again. It is made when a
    /// quarter of it was committed, not by opening; 0 for none. Default: 1 MiB, or 128 KiB and four times the
    /// [`memtable_size`](Self::memtable_size) if that is less, and none [in memory](Self::in_memory); from 0 to 1 GiB.
    pub fn disk_reserve(mut self, bytes: usize) -> Self {
        self.disk_reserve = Some(bytes);
        self
    }

    /// How blocks are compressed from now on; blocks that are there stay as they are. Default: [`Compression::Lz4`].
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Who writes and merges sorted files. Default: [`Background::Thread`].
    pub fn background(mut self, background: Background) -> Self {
        self.background = background;
        self
    }

    /// How old a snapshot or a transaction may become before it keeps no more history: from then on its reads, and its commit,
    /// are [`Error::SnapshotTooOld`](crate::Error::SnapshotTooOld). An iterator that is older
    /// is refused too, when it goes on to its next block at the latest, and lets go of what it holds then; one that is never asked again holds
    /// it until it is dropped ([`Stats::iterator_count`](crate::Stats::iterator_count)). A limit bounds the space that somebody
    /// who forgot a snapshot can cost, and adds a look at the clock to each read in one. Default: none; a limit of nothing,
    /// with which no snapshot could be read, is refused.
    pub fn snapshot_age_limit(mut self, limit: Duration) -> Self {
        self.snapshot_age_limit = Some(limit);
        self
    }

    /// Whether closing writes what is in memory to sorted files, so that the next open has next to nothing to replay: no more than
    /// 64 KiB of log, or an eighth of the [`memtable_size`](Self::memtable_size) if that is less. Without it closing is quicker and
    /// opening slower; nothing is lost either way. Default: true.
    pub fn checkpoint_on_close(mut self, checkpoint: bool) -> Self {
        self.checkpoint_on_close = checkpoint;
        self
    }

    /// The machine to run on instead of the operating system: one in memory, or one that fails on command.
    /// [`in_memory`](Self::in_memory) takes only one in memory.
    pub fn env(mut self, env: Arc<dyn Env>) -> Self {
        self.env = Some(env);
        self
    }

    pub(crate) fn chosen_durability(&self) -> Durability {
        self.durability
    }

    /// The machine and the directory on it for a database at a path.
    pub(crate) fn place(&self, path: &Path) -> (Arc<dyn Env>, PathBuf) {
        let env = self.env.clone().unwrap_or_else(|| Arc::new(OsEnv::new()));
        (env, path.to_owned())
    }

    /// A machine in memory and a directory on it.
    pub(crate) fn place_in_memory(&self) -> Result<(Arc<dyn Env>, PathBuf)> {
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

    /// What the engine of a database in memory is told: its log and its files take the same memory as what they are to save, so what
    /// was not set is smaller.
    pub(crate) fn engine_config_in_memory(&self) -> EngineConfig {
        let mut config = self.engine_config();
        config.memtable_size = self.memtable_size.unwrap_or(MEMTABLE_SIZE_IN_MEMORY);
        config.preallocate = self.log_preallocation.unwrap_or(0);
        config.reserve_size = self.disk_reserve.unwrap_or(0);
        config
    }

    /// What the engine is told.
    pub(crate) fn engine_config(&self) -> EngineConfig {
        let memtable_size = self.memtable_size.unwrap_or(MEMTABLE_SIZE);
        let usual_reserve = memtable_size.saturating_mul(4).saturating_add(SMALL_RESERVE).min(RESERVE);
        EngineConfig {
            memtable_size,
            reserve_size: self.disk_reserve.unwrap_or(usual_reserve),
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
        }
    }
}
