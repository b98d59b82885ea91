//! The names of the files of a database: printed and parsed here, and nowhere else.
//!
//! ```text
//!   CURRENT  CURRENT.tmp  MANIFEST-000007  LOCK  RESERVE  UNFINISHED  aside/
//!   wal-000012.log  000009.sst  000010.vlog, and each of these with .tmp until it is whole
//! ```
//!
//! 1. A name is one of a database if and only if it is, byte for byte, what its [`FileName`] prints.
//! 2. A number in a name is at most [`FileNumber::MAX`]; a name with a higher one is that of a foreign file.
//!
//! A name says nothing of what has it: it may be that of a directory or of a file that this database never made.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::base::FileNumber;

/// What a name ends in until its file is whole.
const DRAFT_SUFFIX: &str = ".tmp";

/// The name of a file of a database.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum FileName {
    /// Names the manifest.
    Current,
    CurrentDraft,
    /// Its lock is the right to the directory.
    Lock,
    /// Room that is held for the way out of a full disk.
    Reserve,
    /// Is there while a backup into the directory is not whole.
    Unfinished,
    Manifest(FileNumber),
    /// A segment of the log.
    Segment(FileNumber),
    SegmentDraft(FileNumber),
    Sst(FileNumber),
    SstDraft(FileNumber),
    /// A file of the value log.
    Values(FileNumber),
    ValuesDraft(FileNumber),
    /// The directory of finished files that nothing names.
    Aside,
}

impl FileName {
    /// What this name stands for; `None` for a name that no file of a database has.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let (whole, is_draft) = match name.strip_suffix(DRAFT_SUFFIX) {
            Some(whole) => (whole, true),
            None => (name, false),
        };
        let found = match whole {
            "CURRENT" => Self::Current,
            "LOCK" => Self::Lock,
            "RESERVE" => Self::Reserve,
            "UNFINISHED" => Self::Unfinished,
            "aside" => Self::Aside,
            _ => Self::numbered(whole)?,
        };
        if is_draft { found.temp_file() } else { Some(found) }
    }

    fn numbered(name: &str) -> Option<Self> {
        let (kind, digits): (fn(FileNumber) -> Self, &str) = if let Some(digits) = name.strip_suffix(".sst") {
            (Self::Sst, digits)
        } else if let Some(digits) = name.strip_suffix(".vlog") {
            (Self::Values, digits)
        } else if let Some(digits) = name.strip_prefix("MANIFEST-") {
            (Self::Manifest, digits)
        } else {
            (Self::Segment, name.strip_prefix("wal-")?.strip_suffix(".log")?)
        };
        FileNumber::from_name(digits).map(kind)
    }

    /// The name that the file has until it is whole, where it has another one then.
    pub(crate) fn temp_file(self) -> Option<Self> {
        match self {
            Self::Current => Some(Self::CurrentDraft),
            Self::Segment(number) => Some(Self::SegmentDraft(number)),
            Self::Sst(number) => Some(Self::SstDraft(number)),
            Self::Values(number) => Some(Self::ValuesDraft(number)),
            _ => None,
        }
    }

    /// Whether it is the name of a file that is not whole.
    pub(crate) fn is_temp_file(self) -> bool {
        matches!(self, Self::CurrentDraft | Self::SegmentDraft(_) | Self::SstDraft(_) | Self::ValuesDraft(_))
    }

    /// The number of an SST or of a value file.
    pub(crate) fn data_number(self) -> Option<FileNumber> {
        match self {
            Self::Sst(number) | Self::Values(number) => Some(number),
            _ => None,
        }
    }

    /// The number of a segment of the log.
    pub(crate) fn segment_number(self) -> Option<FileNumber> {
        match self {
            Self::Segment(number) => Some(number),
            _ => None,
        }
    }

    /// The number of a manifest.
    pub(crate) fn manifest_number(self) -> Option<FileNumber> {
        match self {
            Self::Manifest(number) => Some(number),
            _ => None,
        }
    }

    /// The path of the file of this name in a directory.
    pub(crate) fn path(self, dir: &Path) -> PathBuf {
        dir.join(self.to_string())
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Current => f.write_str("CURRENT"),
            Self::CurrentDraft => write!(f, "CURRENT{DRAFT_SUFFIX}"),
            Self::Lock => f.write_str("LOCK"),
            Self::Reserve => f.write_str("RESERVE"),
            Self::Unfinished => f.write_str("UNFINISHED"),
            Self::Manifest(number) => write!(f, "MANIFEST-{number}"),
            Self::Segment(number) => write!(f, "wal-{number}.log"),
            Self::SegmentDraft(number) => write!(f, "wal-{number}.log{DRAFT_SUFFIX}"),
            Self::Sst(number) => write!(f, "{number}.sst"),
            Self::SstDraft(number) => write!(f, "{number}.sst{DRAFT_SUFFIX}"),
            Self::Values(number) => write!(f, "{number}.vlog"),
            Self::ValuesDraft(number) => write!(f, "{number}.vlog{DRAFT_SUFFIX}"),
            Self::Aside => f.write_str("aside"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [fn(FileNumber) -> FileName; 7] = [
        FileName::Manifest,
        FileName::Segment,
        FileName::SegmentDraft,
        FileName::Sst,
        FileName::SstDraft,
        FileName::Values,
        FileName::ValuesDraft,
    ];

    #[test]
    fn a_name_is_parsed_as_what_prints_it() {
        let plain = [
            FileName::Current,
            FileName::CurrentDraft,
            FileName::Lock,
            FileName::Reserve,
            FileName::Unfinished,
            FileName::Aside,
        ];
        let numbers = [0, 1, 999_999, 1_000_000, FileNumber::MAX.0].map(FileNumber);
        let numbered = KINDS.into_iter().flat_map(|kind| numbers.map(kind));
        for name in plain.into_iter().chain(numbered) {
            assert_eq!(FileName::parse(&name.to_string()), Some(name));
        }
    }

    #[test]
    fn a_name_that_no_file_is_given_is_foreign() {
        for kind in KINDS {
            for number in [FileNumber::MAX.0 + 1, u64::MAX] {
                let name = kind(FileNumber(number)).to_string();
                assert_eq!(FileName::parse(&name), None, "{name}");
            }
            let name = kind(FileNumber(1)).to_string();
            for digits in ["1", "+00001", "0000001", "", "00001x", " 000001", "99999999999999999999999"] {
                let name = name.replace("000001", digits);
                assert_eq!(FileName::parse(&name), None, "{name}");
            }
            for other in
                [format!("{name}x"), format!("x{name}"), format!("{name}.tmp.tmp"), name.to_uppercase()]
            {
                let is_same = other == name;
                assert!(is_same || FileName::parse(&other).is_none(), "{other}");
            }
        }
        for name in
            ["", ".tmp", ".sst", "LOCK.tmp", "aside.tmp", "MANIFEST-000001.tmp", "current", "wal-.log"]
        {
            assert_eq!(FileName::parse(name), None, "{name}");
        }
    }
}
