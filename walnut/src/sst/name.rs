//! The names of SSTs.

use std::path::{Path, PathBuf};

use crate::base::FileNumber;

/// The path of an SST.
pub(crate) fn path(dir: &Path, number: FileNumber) -> PathBuf {
    dir.join(format!("{number}.sst"))
}

/// The path that an SST has until it is whole.
pub(crate) fn draft_path(dir: &Path, number: FileNumber) -> PathBuf {
    dir.join(format!("{number}.sst.tmp"))
}

/// The number of the SST that has this name; `None` for every other name.
pub(crate) fn number(name: &str) -> Option<FileNumber> {
    let digits = name.strip_suffix(".sst")?;
    let number = FileNumber(digits.parse().ok()?);
    (number.to_string() == digits).then_some(number)
}

/// Whether this is the name of an SST that never became whole.
pub(crate) fn is_draft(name: &str) -> bool {
    name.strip_suffix(".tmp").and_then(number).is_some()
}
