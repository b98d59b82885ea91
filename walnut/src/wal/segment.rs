//! A segment as a file: made whole or not at all, opened only under its own name.
//!
//! ```text
//!  wal-000002.log.tmp: header, records carried over, zeros --sync--> rename to wal-000002.log --sync directory-->
//! ```
//!
//! 1. A name that ends in `.log` stands for a whole segment: header, carried records and preallocated zeros were durable
//!    before it got that name. So a `.log` file with a bad header is damage and never a crash's remains.
//! 2. A `.tmp` file was never promised to anybody. It is not looked at, and removed by the next opening.
//! 3. A segment is made of a new file always, so no bytes of an earlier life can lie behind its records.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::format::{draft_path, is_draft, segment_number, segment_path};
use crate::base::{FileNumber, SeqNo};
use crate::codec::{FileHeader, FileKind};
use crate::env::{Env, File};
use crate::error::{Fault, Result};

/// Zeros are written in pieces of this size.
const ZEROS: &[u8] = &[0; 64 << 10];

/// Where the segments of a database lie.
#[derive(Clone, Debug)]
pub(crate) struct LogPlace {
    pub(crate) env: Arc<dyn Env>,
    pub(crate) dir: PathBuf,
    /// The database's id, which every segment carries.
    pub(crate) database: [u8; 16],
}

impl LogPlace {
    pub(super) fn path(&self, number: FileNumber) -> PathBuf {
        segment_path(&self.dir, number)
    }

    /// The numbers of the segments there are, ascending.
    pub(super) fn list(&self) -> Result<Vec<FileNumber>> {
        let names = self.env.list(&self.dir)?;
        let mut numbers: Vec<_> = names.iter().filter_map(|name| segment_number(name)).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Removes what is left of segments that never became whole.
    pub(super) fn remove_drafts(&self) -> Result<()> {
        for name in self.env.list(&self.dir)?.iter().filter(|name| is_draft(name)) {
            self.env.remove(&self.dir.join(name))?;
        }
        Ok(())
    }
}

/// A segment that does not have its name yet.
pub(super) struct Draft<'a> {
    place: &'a LogPlace,
    header: FileHeader,
    file: Arc<dyn File>,
}

impl<'a> Draft<'a> {
    /// Makes the file and writes its header. Until [`publish`](Self::publish) nothing of it counts, and it can be made
    /// again.
    pub(super) fn create(place: &'a LogPlace, number: FileNumber, first_seqno: SeqNo) -> Result<Self> {
        let draft = draft_path(&place.dir, number);
        if place.env.kind(&draft)?.is_some() {
            place.env.remove(&draft)?;
        }
        let mut salt = [0; 8];
        place.env.fill_random(&mut salt);
        let header = FileHeader {
            kind: FileKind::Wal,
            database: place.database,
            number,
            salt: u64::from_le_bytes(salt),
            word: first_seqno.0,
        };
        let file = place.env.create(&draft)?;
        file.write_at(&header.encode(), 0)?;
        Ok(Self { place, header, file })
    }

    pub(super) fn file(&self) -> &dyn File {
        &*self.file
    }

    pub(super) fn seed(&self) -> u32 {
        self.header.seed()
    }

    /// Writes zeros from `end` up to `size`, so that later writes change no length and no extent, and makes all of
    /// the file durable.
    pub(super) fn finish(&self, end: u64, size: u64) -> Result<()> {
        let mut offset = end;
        while offset < size {
            let left = usize::try_from(size - offset).unwrap_or(usize::MAX);
            let piece = &ZEROS[..left.min(ZEROS.len())];
            self.file.write_at(piece, offset)?;
            offset += piece.len() as u64;
        }
        self.file.sync()
    }

    /// Gives the finished file its name, also when another file has it. After an error nobody knows which name it has.
    pub(super) fn publish(self) -> Result<(FileHeader, Arc<dyn File>)> {
        let number = self.header.number;
        self.place.env.rename(&draft_path(&self.place.dir, number), &self.place.path(number))?;
        self.place.env.sync_dir(&self.place.dir)?;
        Ok((self.header, self.file))
    }
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
    pub(super) fn open(place: &LogPlace, number: FileNumber) -> Result<Self> {
        let path = place.path(number);
        if place.env.kind(&path)?.is_none() {
            return Err(Fault::Missing.at(&path, 0));
        }
        let file = place.env.open(&path)?;
        let mut bytes = [0; FileHeader::LEN];
        file.read_exact_at(&mut bytes, 0)?;
        let header = FileHeader::decode(FileKind::Wal, &bytes).map_err(|fault| fault.at(&path, 0))?;
        if header.database != place.database || header.number != number {
            return Err(Fault::Identity.at(&path, 0));
        }
        if header.word > SeqNo::MAX.0 {
            return Err(Fault::Invalid("first sequence number").at(&path, 0));
        }
        let size = file.size()?;
        Ok(Self { file, size, seed: header.seed(), number, first_seqno: SeqNo(header.word) })
    }

    pub(super) fn path(&self) -> &Path {
        self.file.path()
    }
}
