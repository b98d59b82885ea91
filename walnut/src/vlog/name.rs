//! The names of value files.

use std::path::{Path, PathBuf};

use crate::base::FileNumber;

/// The path of a value file.
pub(crate) fn path(dir: &Path, number: FileNumber) -> PathBuf {
    dir.join(format!("{number}.vlog"))
}

/// The path that a value file has until it is whole.
pub(super) fn draft_path(dir: &Path, number: FileNumber) -> PathBuf {
    dir.join(format!("{number}.vlog.tmp"))
}

/// The number of the value file that has this name; `None` for every other name.
pub(crate) fn number(name: &str) -> Option<FileNumber> {
    FileNumber::from_name(name.strip_suffix(".vlog")?)
}

/// Whether this is the name of a value file that never became whole.
pub(crate) fn is_draft(name: &str) -> bool {
    name.strip_suffix(".tmp").and_then(number).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_are_given_are_taken_for_value_files() {
        for n in [1, 999_999, 1_000_000, FileNumber::MAX.0].map(FileNumber) {
            let name = path(Path::new(""), n).display().to_string();
            assert_eq!((number(&name), is_draft(&name)), (Some(n), false));
            let draft = draft_path(Path::new(""), n).display().to_string();
            assert_eq!((number(&draft), is_draft(&draft)), (None, true));
        }
        for name in ["1.vlog", "+00001.vlog", ".vlog", "000001.sst", "000001.vlog.tmp.tmp"] {
            assert!(number(name).is_none() && !is_draft(name), "{name}");
        }
    }
}
