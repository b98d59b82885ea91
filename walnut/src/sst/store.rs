//! The SSTs of a database: the operations on one open the file when it is not open; a new one is
//! written under a temporary name, then synced, renamed and opened.
//!
//! ```text
//!   begin -> 000012.sst.tmp --add, add, .., finish--> synced --publish--> 000012.sst, open
//! ```
//!
//! 1. A file is renamed to its final name once its bytes are durable; several files of one job,
//!    once all of them are.
//! 2. When `publish` returns, bytes and names are durable and the files were opened, which checks
//!    everything but the entries.
//! 3. A file that is dropped before that is removed. One that cannot be removed, or is left by a
//!    crash, has a temporary name and is removed by the next open, or is a complete SST that no
//!    version names.
//!
//! Whether an SST is part of the database is decided by the manifest.

use super::{BlockCache, SstBuilder, SstConfig, SstCursor, SstMeta, SstReader};
use crate::base::{Entry, FileNumber, Fragment, Fragments, KeyHash, KeyRange, SeqNo};
use crate::codec::FileKind;
use crate::cursor::Direction;
use crate::env::TempFile;
use crate::error::Result;
use crate::files::{DatabaseDir, FileName, FileStore, Handle, OpenFiles};
use crate::sync::Arc;

/// The directory, options and cache of the SSTs of a database.
#[derive(Debug)]
pub(crate) struct SstStore {
    pub(crate) dir: DatabaseDir,
    pub(crate) config: SstConfig,
    pub(crate) cache: Arc<BlockCache>,
    pub(crate) open_files: Arc<OpenFiles>,
}

impl FileStore for SstStore {
    type Meta = SstMeta;
    type Reader = SstReader;

    fn number(meta: &SstMeta) -> FileNumber {
        meta.number
    }

    fn open(&self, meta: &SstMeta) -> Result<Arc<SstReader>> {
        let dir = &self.dir;
        let file = self.open_files.open(&*dir.env, &FileName::Sst(meta.number).path(&dir.path))?;
        SstReader::open(file, dir.database, &dir.keys, meta, &self.cache).map(Arc::new)
    }

    fn open_files(&self) -> &OpenFiles {
        &self.open_files
    }
}

/// An SST of a view. Opening it costs five reads: header, footer, properties, index and filter; one
/// more for range tombstones.
pub(crate) type Sst = Handle<SstStore>;

impl Sst {
    /// The reader, if the file is open and has no range tombstones.
    #[inline]
    pub(crate) fn if_plain(&self) -> Option<&SstReader> {
        if self.meta().fragment_count > 0 { None } else { self.if_open() }
    }

    /// Calls `found` with the newest version of `key` that is not newer than `at`: see
    /// [`SstReader::get`].
    #[inline]
    pub(crate) fn get<R>(
        &self,
        key: &[u8],
        hash: KeyHash,
        at: SeqNo,
        expected: bool,
        found: impl FnOnce(Entry<'_>) -> R,
    ) -> Result<Option<R>> {
        self.reader()?.get(key, hash, at, expected, found)
    }

    /// The newest range tombstone over `key` that is not newer than `at`. A file without range
    /// tombstones is not opened.
    #[inline]
    pub(crate) fn covering(&self, key: &[u8], at: SeqNo) -> Result<Option<SeqNo>> {
        if self.meta().fragment_count == 0 {
            return Ok(None);
        }
        Ok(self.reader()?.covering(key, at))
    }

    /// The range tombstones, if there are any. A file without them is not opened, and one with them
    /// is not left open.
    pub(crate) fn range_tombstones(&self) -> Result<Option<Arc<Fragments>>> {
        if self.meta().fragment_count == 0 {
            return Ok(None);
        }
        Ok(self.open_transient()?.range_tombstones().cloned())
    }

    /// A cursor over the entries in `range`: see [`SstReader::cursor`].
    pub(crate) fn cursor(&self, range: &KeyRange, direction: Direction) -> Result<SstCursor> {
        self.reader()?.cursor(range, direction)
    }

    /// A cursor over the whole file for compaction: see [`SstReader::sweep`]. The file is not left
    /// open.
    pub(crate) fn sweep(&self) -> Result<SstCursor> {
        self.open_transient()?.sweep()
    }

    /// Reads and checks the whole file: see [`SstReader::verify`]. The file is not left open.
    pub(crate) fn verify(&self) -> Result<()> {
        self.open_transient()?.verify()
    }
}

impl SstStore {
    /// Begins an SST with this number, which must be unused.
    pub(crate) fn begin(&self, number: FileNumber) -> Result<TempSst> {
        let (file, temp) = self.dir.create_temp(FileName::SstTemp(number))?;
        let begun = self.dir.headers(FileKind::Sst, number, 0);
        Ok(TempSst { builder: SstBuilder::new(file, number, begun, self.config)?, temp })
    }

    /// Renames finished SSTs to their final names, durably, and opens them. After an error none of
    /// them is left.
    pub(crate) fn publish(self: &Arc<Self>, mut ssts: Vec<FinishedSst>) -> Result<Vec<Arc<Sst>>> {
        if ssts.is_empty() {
            return Ok(Vec::new());
        }
        let named = ssts.iter_mut().map(|sst| (&mut sst.temp, FileName::Sst(sst.meta.number)));
        self.dir.publish(&mut named.collect::<Vec<_>>())?;
        let made = ssts.iter().map(|sst| Sst::open_new(self, &sst.meta)).collect::<Result<_>>()?;
        for sst in ssts {
            sst.temp.keep();
        }
        Ok(made)
    }
}

pub(crate) struct TempSst {
    builder: SstBuilder,
    temp: TempFile,
}

impl TempSst {
    /// Adds the next entry: see [`SstBuilder::add`].
    pub(crate) fn add(&mut self, entry: Entry<'_>) -> Result<()> {
        self.builder.add(entry)
    }

    /// Adds the next fragment of range tombstones: see [`SstBuilder::add_fragment`].
    pub(crate) fn add_fragment(&mut self, fragment: &Fragment) -> Result<()> {
        self.builder.add_fragment(fragment)
    }

    /// The approximate size of the file if it were finished now: see
    /// [`SstBuilder::estimated_size`].
    pub(crate) fn estimated_size(&self) -> u64 {
        self.builder.estimated_size()
    }

    /// The encoded size of the range tombstones added so far.
    pub(crate) fn ranges_size(&self) -> usize {
        self.builder.ranges_size()
    }

    /// Syncs the file.
    pub(crate) fn finish(self) -> Result<FinishedSst> {
        Ok(FinishedSst { meta: Arc::new(self.builder.finish()?), temp: self.temp })
    }
}

/// An SST whose bytes are durable, under its temporary name.
pub(crate) struct FinishedSst {
    meta: Arc<SstMeta>,
    temp: TempFile,
}

impl FinishedSst {
    pub(crate) fn meta(&self) -> &Arc<SstMeta> {
        &self.meta
    }
}
