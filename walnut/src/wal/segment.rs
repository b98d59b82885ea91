//! A segment as a file: created atomically, opened only under its own name.
//!
//! ```text
//!  wal-000002.log.tmp: header, copied records, zeros --sync--> rename to .log --sync directory--.
//!         ▲                                                                                     |
//!         '-- rename -- recycled: wal-000001.log, once the manifest does not need it <----------'
//! ```
//!
//! 1. A `.log` file is a complete segment: header, copied records and preallocated zeros were
//!    durable before the rename. So a `.log` file with a bad header is damage, not the result of a
//!    crash.
//! 2. A `.tmp` file was never acknowledged. It is ignored, and the next opening of the database
//!    removes it.
//! 3. An obsolete segment may be recycled as the temporary file of a later one: it already has the
//!    wanted length and extents. The bytes behind the new records are then records of earlier
//!    generations, and none of them is ever valid: the salt of the new header is drawn until its
//!    seed differs from that of every generation whose records may still be there
//!    ([`Generations`]), and a record at the same offset and of the same length has another
//!    checksum under every other seed.
//! 4. A file is recycled only by the process that wrote it, and only when every write and sync of
//!    it succeeded.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::{FileNumber, SeqNo};
use crate::codec::FileKind;
use crate::crypt::Sealer;
use crate::env::File;
use crate::error::{Error, Fault, Result};
use crate::files::{DatabaseDir, FileName};

const ZEROS: &[u8] = &[0; 64 << 10];

/// The part that is the log's.
impl DatabaseDir {
    pub(super) fn records_start(&self) -> u64 {
        self.keys.header_size() as u64
    }

    pub(super) fn segment_path(&self, number: FileNumber) -> PathBuf {
        FileName::Segment(number).path(&self.path)
    }

    pub(crate) fn names(&self) -> Result<Vec<String>> {
        self.env.list(&self.path)
    }

    /// The path of a temporary file, after removing one that an earlier try left there.
    fn temp_path(&self, number: FileNumber) -> Result<PathBuf> {
        let path = FileName::SegmentTemp(number).path(&self.path);
        if self.env.kind(&path)?.is_some() {
            self.env.remove(&path)?;
        }
        Ok(path)
    }

    /// Headers whose seed is that of no earlier generation, and their sealer.
    pub(super) fn fresh_headers(
        &self,
        number: FileNumber,
        first_seqno: SeqNo,
        generations: &Generations,
    ) -> (Vec<u8>, Sealer) {
        loop {
            let (headers, sealer) = self.headers(FileKind::Wal, number, first_seqno.0);
            if !generations.contains(sealer.seed()) {
                return (headers, sealer);
            }
        }
    }
}

/// The generations of a recycled file whose records may still be in it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Generations(Vec<Generation>);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Generation {
    seed: u32,
    records_end: u64,
}

impl Generations {
    /// Adds a generation, and forgets those that it has overwritten.
    pub(super) fn add(&mut self, seed: u32, records_end: u64) {
        self.0.retain(|generation| generation.records_end > records_end);
        self.0.push(Generation { seed, records_end });
    }

    fn contains(&self, seed: u32) -> bool {
        self.0.iter().any(|generation| generation.seed == seed)
    }
}

/// A complete, obsolete segment, still under its old name, that will be recycled.
#[derive(Debug)]
pub(super) struct RecycledSegment {
    pub(super) file: Arc<dyn File>,
    pub(super) number: FileNumber,
    pub(super) size: u64,
    pub(super) generations: Generations,
}

/// A segment before its rename.
pub(super) struct TempSegment<'a> {
    log_dir: &'a DatabaseDir,
    number: FileNumber,
    sealer: Sealer,
    file: Arc<dyn File>,
    size: u64,
    generations: Generations,
}

/// A segment after its rename.
pub(super) struct FinishedSegment {
    pub(super) number: FileNumber,
    pub(super) sealer: Sealer,
    pub(super) file: Arc<dyn File>,
    /// Of the file.
    pub(super) size: u64,
    pub(super) generations: Generations,
}

impl<'a> TempSegment<'a> {
    /// Creates the file and writes its header. It has no effect on the log before
    /// [`publish`](Self::publish), and can be created again.
    pub(super) fn create(log_dir: &'a DatabaseDir, number: FileNumber, first_seqno: SeqNo) -> Result<Self> {
        let path = log_dir.temp_path(number)?;
        let file = log_dir.env.create(&path)?;
        Self::begin(log_dir, file, log_dir.records_start(), number, first_seqno, Generations::default())
    }

    /// Reuses the file of an obsolete segment. After an error the file is not recycled again.
    pub(super) fn recycle(
        log_dir: &'a DatabaseDir,
        recycled: RecycledSegment,
        number: FileNumber,
        first_seqno: SeqNo,
    ) -> Result<Self> {
        let path = log_dir.temp_path(number)?;
        log_dir.env.rename(&log_dir.segment_path(recycled.number), &path)?;
        Self::begin(log_dir, recycled.file, recycled.size, number, first_seqno, recycled.generations)
    }

    fn begin(
        log_dir: &'a DatabaseDir,
        file: Arc<dyn File>,
        size: u64,
        number: FileNumber,
        first_seqno: SeqNo,
        generations: Generations,
    ) -> Result<Self> {
        let (headers, sealer) = log_dir.fresh_headers(number, first_seqno, &generations);
        file.write_at(&headers, 0)?;
        Ok(Self { log_dir, number, sealer, file, size, generations })
    }

    pub(super) fn file(&self) -> &dyn File {
        &*self.file
    }

    pub(super) fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    /// Preallocates zeros from `end` up to `size`, unless the file is already as long, so that
    /// later writes change neither length nor extents; then syncs the file. On a full disk it does
    /// without the zeros: the file then grows with each write.
    pub(super) fn finish(&mut self, end: u64, size: u64) -> Result<()> {
        self.size = self.size.max(end);
        match write_zeros(&*self.file, self.size, size) {
            Ok(()) => self.size = self.size.max(size),
            Err(Error::OutOfSpace) => self.file.set_size(self.size)?,
            Err(error) => return Err(error),
        }
        self.file.sync()
    }

    /// Renames the file to its final name, replacing an existing one. After an error the rename may
    /// or may not be durable.
    pub(super) fn publish(self) -> Result<FinishedSegment> {
        let Self { log_dir, number, sealer, file, size, generations } = self;
        let temp = FileName::SegmentTemp(number).path(&log_dir.path);
        let path = log_dir.segment_path(number);
        log_dir.env.change_names(&log_dir.path, &mut || log_dir.env.rename(&temp, &path))?;
        Ok(FinishedSegment { number, sealer, file, size, generations })
    }
}

/// The numbers of the segments among these names, ascending.
pub(super) fn segment_numbers(names: &[String]) -> Vec<FileNumber> {
    let segment = |name: &String| FileName::parse(name)?.segment_number();
    let mut numbers: Vec<_> = names.iter().filter_map(segment).collect();
    numbers.sort_unstable();
    numbers
}

pub(super) fn write_zeros(file: &dyn File, from: u64, to: u64) -> Result<()> {
    let mut offset = from;
    while offset < to {
        let left = usize::try_from(to - offset).unwrap_or(usize::MAX);
        let piece = &ZEROS[..left.min(ZEROS.len())];
        file.write_at(piece, offset)?;
        offset += piece.len() as u64;
    }
    Ok(())
}

/// A segment opened for replay.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) file: Arc<dyn File>,
    pub(super) size: u64,
    pub(super) sealer: Sealer,
    pub(super) number: FileNumber,
    pub(super) first_seqno: SeqNo,
}

impl Segment {
    /// Opens a segment that must exist and must match its name.
    pub(super) fn open(log_dir: &DatabaseDir, number: FileNumber) -> Result<Self> {
        let path = log_dir.segment_path(number);
        let file = match log_dir.env.open(&path) {
            Err(_) if log_dir.env.kind(&path)?.is_none() => return Err(Fault::Missing.at(&path, 0)),
            opened => opened?,
        };
        let mut bytes = vec![0; log_dir.keys.header_size()];
        file.read_exact_at(&mut bytes, 0)?;
        let (header, sealer) =
            log_dir.keys.open(FileKind::Wal, &bytes).map_err(|fault| fault.at(&path, 0))?;
        if header.database != log_dir.database || header.number != number {
            return Err(Fault::Identity.at(&path, 0));
        }
        if !(1..=SeqNo::MAX.0).contains(&header.word) {
            return Err(Fault::Invalid("first sequence number").at(&path, 0));
        }
        let size = file.size()?;
        Ok(Self { file, size, sealer, number, first_seqno: SeqNo(header.word) })
    }

    pub(super) fn path(&self) -> &Path {
        self.file.path()
    }

    /// The offset of the first record.
    pub(super) fn records_start(&self) -> u64 {
        self.sealer.header_size() as u64
    }
}
