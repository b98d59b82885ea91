//! The file names of a database: printed and parsed here, and nowhere else.
//!
//! ```text
//!   CURRENT  CURRENT.tmp  KEYS  KEYS.tmp  MANIFEST-000007  LOCK  RESERVE  UNFINISHED  aside/
//!   wal-000012.log  000009.sst  000010.vlog, and each of these with .tmp until it is complete
//! ```
//!
//! 1. A name belongs to a database if and only if it is, byte for byte, what its [`FileName`]
//!    prints.
//! 2. A number in a name is at most [`FileNumber::MAX`]; a name with a higher one is foreign.
//!
//! A name says nothing about the file: it may be a directory or a file that this database never
//! wrote.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::base::FileNumber;

/// The suffix of a temporary file, until it is complete.
const TEMP_SUFFIX: &str = ".tmp";

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum FileName {
    /// Names the manifest.
    Current,
    CurrentTemp,
    /// The key file of an encrypted database.
    Keys,
    KeysTemp,
    /// Locked by the process that has the database open.
    Lock,
    /// Preallocated space, released to recover from a full disk.
    Reserve,
    /// Exists while a backup into the directory is incomplete.
    Unfinished,
    Manifest(FileNumber),
    /// A WAL segment.
    Segment(FileNumber),
    SegmentTemp(FileNumber),
    Sst(FileNumber),
    SstTemp(FileNumber),
    /// A value log file.
    Values(FileNumber),
    ValuesTemp(FileNumber),
    /// The directory of quarantined files: complete ones that no manifest names.
    Quarantine,
}

impl FileName {
    /// `None` for a foreign name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let (whole, is_temp) = match name.strip_suffix(TEMP_SUFFIX) {
            Some(whole) => (whole, true),
            None => (name, false),
        };
        let found = match whole {
            "CURRENT" => Self::Current,
            "KEYS" => Self::Keys,
            "LOCK" => Self::Lock,
            "RESERVE" => Self::Reserve,
            "UNFINISHED" => Self::Unfinished,
            "aside" => Self::Quarantine,
            _ => Self::numbered(whole)?,
        };
        if is_temp { found.temp_file() } else { Some(found) }
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

    /// The name of the temporary file, for kinds that are renamed once they are complete.
    pub(crate) fn temp_file(self) -> Option<Self> {
        match self {
            Self::Current => Some(Self::CurrentTemp),
            Self::Keys => Some(Self::KeysTemp),
            Self::Segment(number) => Some(Self::SegmentTemp(number)),
            Self::Sst(number) => Some(Self::SstTemp(number)),
            Self::Values(number) => Some(Self::ValuesTemp(number)),
            _ => None,
        }
    }

    pub(crate) fn is_temp_file(self) -> bool {
        matches!(
            self,
            Self::CurrentTemp
                | Self::KeysTemp
                | Self::SegmentTemp(_)
                | Self::SstTemp(_)
                | Self::ValuesTemp(_)
        )
    }

    /// The number of an SST or of a value log file.
    pub(crate) fn data_number(self) -> Option<FileNumber> {
        match self {
            Self::Sst(number) | Self::Values(number) => Some(number),
            _ => None,
        }
    }

    pub(crate) fn segment_number(self) -> Option<FileNumber> {
        match self {
            Self::Segment(number) => Some(number),
            _ => None,
        }
    }

    pub(crate) fn manifest_number(self) -> Option<FileNumber> {
        match self {
            Self::Manifest(number) => Some(number),
            _ => None,
        }
    }

    pub(crate) fn path(self, dir: &Path) -> PathBuf {
        dir.join(self.to_string())
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Current => f.write_str("CURRENT"),
            Self::CurrentTemp => write!(f, "CURRENT{TEMP_SUFFIX}"),
            Self::Keys => f.write_str("KEYS"),
            Self::KeysTemp => write!(f, "KEYS{TEMP_SUFFIX}"),
            Self::Lock => f.write_str("LOCK"),
            Self::Reserve => f.write_str("RESERVE"),
            Self::Unfinished => f.write_str("UNFINISHED"),
            Self::Manifest(number) => write!(f, "MANIFEST-{number}"),
            Self::Segment(number) => write!(f, "wal-{number}.log"),
            Self::SegmentTemp(number) => write!(f, "wal-{number}.log{TEMP_SUFFIX}"),
            Self::Sst(number) => write!(f, "{number}.sst"),
            Self::SstTemp(number) => write!(f, "{number}.sst{TEMP_SUFFIX}"),
            Self::Values(number) => write!(f, "{number}.vlog"),
            Self::ValuesTemp(number) => write!(f, "{number}.vlog{TEMP_SUFFIX}"),
            Self::Quarantine => f.write_str("aside"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [fn(FileNumber) -> FileName; 7] = [
        FileName::Manifest,
        FileName::Segment,
        FileName::SegmentTemp,
        FileName::Sst,
        FileName::SstTemp,
        FileName::Values,
        FileName::ValuesTemp,
    ];

    #[test]
    fn a_name_is_parsed_as_what_prints_it() {
        let plain = [
            FileName::Current,
            FileName::CurrentTemp,
            FileName::Keys,
            FileName::KeysTemp,
            FileName::Lock,
            FileName::Reserve,
            FileName::Unfinished,
            FileName::Quarantine,
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
