//! A segment as a file: made whole or not at all, opened only under its own name.
//!
//! ```text
//!  wal-000002.log.tmp: header, records carried over, zeros --sync--> rename to wal-000002.log --sync directory-->
//!         ▲                                                                                        |
//!         '---- rename ---- spare: wal-000001.log, when the manifest no longer needs it <----------'
//! ```
//!
//! 1. A name that ends in `.log` stands for a whole segment: header, carried records and preallocated zeros were durable
//!    before it got that name. So a `.log` file with a bad header is damage and never a crash's remains.
//! 2. A `.tmp` file was never promised to anybody. It is not looked at, and the next opening of the database removes it.
//! 3. An obsolete segment may become the draft of a later one: its length and its extents are those that are wanted. What
//!    lies behind the new records then are records of earlier lives, and none of them is ever valid: the seed of the new
//!    header is drawn until it differs from that of every generation whose records may still stand there ([`Generations`]), and
//!    a record whose place and length stay the same has another checksum under every other seed.
//! 4. A file is taken over only by the process that wrote it, and only when every write and sync of it succeeded.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::format::RECORDS_START;
use crate::base::{FileNumber, SeqNo};
use crate::codec::{FileHeader, FileKind};
use crate::env::{Env, File};
use crate::error::{Error, Fault, Result};
use crate::files::FileName;

/// Zeros are written in pieces of this size.
const ZEROS: &[u8] = &[0; 64 << 10];

/// Where the segments of a database lie.
#[derive(Clone, Debug)]
pub(crate) struct LogDir {
    pub(crate) env: Arc<dyn Env>,
    pub(crate) dir: PathBuf,
    /// The database's id, which every segment carries.
    pub(crate) database: [u8; 16],
}

impl LogDir {
    pub(super) fn path(&self, number: FileNumber) -> PathBuf {
        FileName::Segment(number).path(&self.dir)
    }

    /// The names in the directory.
    pub(crate) fn names(&self) -> Result<Vec<String>> {
        self.env.list(&self.dir)
    }

    /// The path of a draft, at which nothing is left of an earlier try.
    fn free_draft_path(&self, number: FileNumber) -> Result<PathBuf> {
        let path = FileName::SegmentTemp(number).path(&self.dir);
        if self.env.kind(&path)?.is_some() {
            self.env.remove(&path)?;
        }
        Ok(path)
    }

    /// A header whose seed is that of no earlier life.
    pub(super) fn fresh_header(
        &self,
        number: FileNumber,
        first_seqno: SeqNo,
        lives: &Generations,
    ) -> FileHeader {
        loop {
            let header = FileHeader {
                kind: FileKind::Wal,
                database: self.database,
                number,
                salt: self.env.random(),
                word: first_seqno.0,
            };
            if !lives.have(header.seed()) {
                return header;
            }
        }
    }
}

/// The lives of a file whose records may still stand in it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Generations(Vec<Generation>);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Generation {
    seed: u32,
    /// Where its records ended.
    reach: u64,
}

impl Generations {
    /// Adds a life that has ended, and forgets those over which it wrote.
    pub(super) fn add(&mut self, seed: u32, reach: u64) {
        self.0.retain(|life| life.reach > reach);
        self.0.push(Generation { seed, reach });
    }

    fn have(&self, seed: u32) -> bool {
        self.0.iter().any(|life| life.seed == seed)
    }
}

/// A whole segment that nobody needs any more, under its old name.
#[derive(Debug)]
pub(super) struct RecycledSegment {
    pub(super) file: Arc<dyn File>,
    pub(super) number: FileNumber,
    pub(super) size: u64,
    pub(super) lives: Generations,
}

/// A segment that does not have its name yet.
pub(super) struct TempSegment<'a> {
    place: &'a LogDir,
    header: FileHeader,
    file: Arc<dyn File>,
    size: u64,
    lives: Generations,
}

/// A segment that has just got its name.
pub(super) struct FinishedSegment {
    pub(super) header: FileHeader,
    pub(super) file: Arc<dyn File>,
    /// The length of the file.
    pub(super) size: u64,
    /// Its earlier lives.
    pub(super) lives: Generations,
}

impl<'a> TempSegment<'a> {
    /// Makes the file and writes its header. Until [`publish`](Self::publish) nothing of it counts, and it can be made
    /// again.
    pub(super) fn create(place: &'a LogDir, number: FileNumber, first_seqno: SeqNo) -> Result<Self> {
        let path = place.free_draft_path(number)?;
        let file = place.env.create(&path)?;
        Self::begin(place, file, RECORDS_START, number, first_seqno, Generations::default())
    }

    /// The same of a file that is there. After an error it is nobody's spare any more.
    pub(super) fn recycle(
        place: &'a LogDir,
        spare: RecycledSegment,
        number: FileNumber,
        first_seqno: SeqNo,
    ) -> Result<Self> {
        let path = place.free_draft_path(number)?;
        place.env.rename(&place.path(spare.number), &path)?;
        Self::begin(place, spare.file, spare.size, number, first_seqno, spare.lives)
    }

    fn begin(
        place: &'a LogDir,
        file: Arc<dyn File>,
        size: u64,
        number: FileNumber,
        first_seqno: SeqNo,
        lives: Generations,
    ) -> Result<Self> {
        let header = place.fresh_header(number, first_seqno, &lives);
        file.write_at(&header.encode(), 0)?;
        Ok(Self { place, header, file, size, lives })
    }

    pub(super) fn file(&self) -> &dyn File {
        &*self.file
    }

    pub(super) fn seed(&self) -> u32 {
        self.header.seed()
    }

    /// Writes zeros from `end` up to `size`, unless the file is as long already, so that later writes change no length and
    /// no extent, and makes all of the file durable. On a full disk it goes without them: it grows as it is written then.
    pub(super) fn finish(&mut self, end: u64, size: u64) -> Result<()> {
        self.size = self.size.max(end);
        match write_zeros(&*self.file, self.size, size) {
            Ok(()) => self.size = self.size.max(size),
            Err(Error::OutOfSpace) => self.file.set_size(self.size)?,
            Err(error) => return Err(error),
        }
        self.file.sync()
    }

    /// Gives the finished file its name, also when another file has it. After an error nobody knows which name it has.
    pub(super) fn publish(self) -> Result<FinishedSegment> {
        let Self { place, header, file, size, lives } = self;
        let draft = FileName::SegmentTemp(header.number).path(&place.dir);
        place.env.rename(&draft, &place.path(header.number))?;
        place.env.sync_dir(&place.dir)?;
        Ok(FinishedSegment { header, file, size, lives })
    }
}

/// The numbers of the segments among these names, ascending.
pub(super) fn segment_numbers(names: &[String]) -> Vec<FileNumber> {
    let segment = |name: &String| FileName::parse(name)?.segment_number();
    let mut numbers: Vec<_> = names.iter().filter_map(segment).collect();
    numbers.sort_unstable();
    numbers
}

/// Writes zeros from one offset up to another.
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

/// A segment that is read.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) file: Arc<dyn File>,
    pub(super) size: u64,
    pub(super) seed: u32,
    pub(super) number: FileNumber,
    pub(super) first_seqno: SeqNo,
}

impl Segment {
    /// Opens a segment that must exist and must be the one that its name says.
    pub(super) fn open(place: &LogDir, number: FileNumber) -> Result<Self> {
        let path = place.path(number);
        let file = match place.env.open(&path) {
            Err(_) if place.env.kind(&path)?.is_none() => return Err(Fault::Missing.at(&path, 0)),
            opened => opened?,
        };
        let mut bytes = [0; FileHeader::LEN];
        file.read_exact_at(&mut bytes, 0)?;
        let header = FileHeader::decode(FileKind::Wal, &bytes).map_err(|fault| fault.at(&path, 0))?;
        if header.database != place.database || header.number != number {
            return Err(Fault::Identity.at(&path, 0));
        }
        if !(1..=SeqNo::MAX.0).contains(&header.word) {
            return Err(Fault::Invalid("first sequence number").at(&path, 0));
        }
        let size = file.size()?;
        Ok(Self { file, size, seed: header.seed(), number, first_seqno: SeqNo(header.word) })
    }

    pub(super) fn path(&self) -> &Path {
        self.file.path()
    }
}
