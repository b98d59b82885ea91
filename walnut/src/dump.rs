//! A file of a database, part by part.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::codec::FileKind;
use crate::engine::{self, EngineFollower, FollowMode};
use crate::error::Result;
use crate::files::{FilePart, PartText};
use crate::options::Builder;
use crate::table::{Following, KeyNames};

/// A part of a file: [`dump`] passes them on in the order of their offsets.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct DumpedPart {
    /// What the file is.
    pub file_type: FileType,
    /// What it is, such as `block`, `commit`, `put`. `damage` is a gap in which nothing is valid;
    /// `rest` is what follows the last valid part.
    pub name: &'static str,
    /// 1 for what is within the part before it: an entry, a field of an edit.
    pub depth: usize,
    /// Where it begins, in bytes; of an entry of a block, where the block begins.
    pub offset: u64,
    /// In bytes, in the file.
    pub size: u64,
    /// The checksum as it is stored.
    pub checksum: Option<u32>,
    /// What it holds: counts, seqnos, keys. Values are not shown.
    pub text: String,
    /// What is wrong with it.
    pub fault: Option<String>,
}

/// What a file is: part of [`DumpedPart`] and [`DumpedFile`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum FileType {
    /// A segment of the log.
    Log,
    /// A sorted file.
    Sst,
    /// A manifest.
    Manifest,
    /// A value file.
    Values,
}

/// What [`dump`] found of a file as a whole.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct DumpedFile {
    /// What the file is.
    pub file_type: FileType,
    /// Its size in bytes.
    pub size: u64,
    /// Where the last valid record, block or edit ends; 0 when the header is damaged.
    pub sound_end: u64,
    /// How many parts have a fault.
    pub fault_count: u64,
}

impl From<FileKind> for FileType {
    fn from(kind: FileKind) -> Self {
        match kind {
            FileKind::Wal => Self::Log,
            FileKind::Sst => Self::Sst,
            // The last two have no parts, and are never shown.
            FileKind::Manifest | FileKind::Current | FileKind::Keys => Self::Manifest,
            FileKind::ValueFile => Self::Values,
        }
    }
}

impl fmt::Display for FileType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Log => "a segment of the log",
            Self::Sst => "a sorted file",
            Self::Manifest => "a manifest",
            Self::Values => "a value file",
        })
    }
}

impl fmt::Display for DumpedPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, offset, size, text, .. } = self;
        if self.depth > 0 {
            write!(f, "{:22}{name}", "")?;
        } else {
            write!(f, "{offset:>10} {size:>10} {name}")?;
        }
        if !text.is_empty() {
            write!(f, " {text}")?;
        }
        if let Some(checksum) = self.checksum {
            write!(f, "{} crc {checksum:08x}", if text.is_empty() { "" } else { "," })?;
        }
        self.fault.as_ref().map_or(Ok(()), |fault| write!(f, ": {fault}"))
    }
}

/// Passes every part of a file of a database to `visit`: records of the log with their entries,
/// blocks of a sorted file with theirs, edits of a manifest, records of a value file, each with
/// offset, size and checksum, and what is wrong where.
///
/// The file is read by itself, so it may be damaged, or a copy elsewhere. Keys are shown typed
/// where the database is in the file's directory and its catalog can be read, else hexadecimal.
/// Nothing is locked and nothing is written. Of an encrypted file only the headers are shown,
/// unless `options` have its key and `KEYS` is beside it.
///
/// [`Error::Corruption`](crate::Error::Corruption) when it is no file of a database, or shorter
/// than a header; damage behind the header is passed to `visit` and counted.
///
/// Cost: reads the file once, and what [`Builder::follow`] reads of the database beside it; memory
/// for one part.
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// # use walnut::{Database, Table};
/// # #[derive(Table, Serialize, Deserialize)]
/// # #[table(name = "cities")]
/// # struct City { #[primary_key] id: u64, name: String }
/// # let dir = tempfile::tempdir().unwrap();
/// let db = Database::open(dir.path())?;
/// db.table::<City>()?.insert(&City { id: 1, name: "Paris".into() })?;
///
/// let mut shown = Vec::new();
/// let log = dir.path().join("wal-000001.log");
/// let found = walnut::dump(log, &Database::builder(), |part| shown.push(part.to_string()))?;
/// assert_eq!(found.fault_count, 0);
/// assert!(shown.iter().any(|part| part.contains("put cities 1 ")));
/// # Ok::<(), walnut::Error>(())
/// ```
pub fn dump(
    file: impl AsRef<Path>,
    options: &Builder,
    mut visit: impl FnMut(&DumpedPart),
) -> Result<DumpedFile> {
    options.check()?;
    let (env, path) = options.location(file.as_ref());
    let names = path.parent().and_then(|dir| names_in(dir, options).ok()).unwrap_or_default();
    let mut fault_count = 0;
    let config = options.engine_config();
    let found = engine::dump(&env, &path, config.encryption.as_deref(), &mut |kind, part| {
        fault_count += u64::from(part.fault.is_some());
        visit(&described(kind.into(), part, &names));
    })?;
    Ok(DumpedFile { file_type: found.kind.into(), size: found.size, sound_end: found.sound_end, fault_count })
}

fn names_in(dir: &Path, options: &Builder) -> Result<KeyNames> {
    let (env, dir) = options.location(dir);
    let engine = EngineFollower::open(&env, &dir, &options.engine_config(), FollowMode::Live)?;
    KeyNames::of(&Arc::new(Following::new(engine)))
}

fn described(file_type: FileType, part: FilePart, names: &KeyNames) -> DumpedPart {
    let mut text = String::new();
    for piece in part.text {
        let piece = match piece {
            PartText::Plain(text) => text,
            PartText::Key(key) => names.show(&key),
        };
        if !text.is_empty() && !piece.starts_with([',', ':']) {
            text.push(' ');
        }
        text.push_str(&piece);
    }
    let FilePart { name, depth, offset, size, checksum, fault, .. } = part;
    DumpedPart { file_type, name, depth, offset, size, checksum, text, fault }
}
