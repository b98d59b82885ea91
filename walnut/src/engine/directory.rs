//! The directory of a database: making it, telling it from others, keeping it tidy.
//!
//! ```text
//!   CURRENT  MANIFEST-000007  LOCK  wal-000012.log  000009.sst  000010.vlog  aside/
//! ```

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::base::FileNumber;
use crate::env::{Env, PathKind};
use crate::error::{Error, Result};
use crate::manifest::{ManifestState, manifest_number};
use crate::sst;
use crate::vlog;
use crate::wal::{segment_number, segment_path};

/// Where files go that nobody names and that might still be somebody's data.
const ASIDE: &str = "aside";

/// What stands in a directory while a backup into it is not whole.
pub(super) const UNFINISHED: &str = "UNFINISHED";

/// The file whose lock is the right to the directory.
pub(super) fn lock_path(dir: &Path) -> PathBuf {
    dir.join("LOCK")
}

/// Makes the directory when it is missing; an error when something stands there that is not a database.
pub(super) fn prepare(env: &dyn Env, dir: &Path) -> Result<()> {
    let standing = match env.kind(dir) {
        Err(Error::Io(error)) if error.kind() == ErrorKind::NotADirectory => {
            return refuse(dir, "a directory above it is a file");
        }
        standing => standing?,
    };
    match standing {
        Some(PathKind::Directory) => {
            let names = env.list(dir)?;
            let has = |wanted: &str| names.iter().any(|name| name == wanted);
            if has(UNFINISHED) && !has("CURRENT") {
                return refuse(dir, "a backup into it did not come to its end");
            }
            if names.iter().any(|name| is_foreign(name)) && !names.iter().any(|name| is_own(name)) {
                return refuse(dir, "it is a directory with other files in it");
            }
            Ok(())
        }
        Some(PathKind::File) => refuse(dir, "it is a file"),
        Some(PathKind::Other) => refuse(dir, "it is neither a file nor a directory"),
        None => {
            let parent = parent(dir);
            match env.kind(&parent)? {
                Some(PathKind::Directory) => {}
                Some(_) => return refuse(dir, "a directory above it is a file"),
                None => prepare(env, &parent)?,
            }
            let made = env.create_dir(dir);
            if made.is_err() && env.kind(dir)? != Some(PathKind::Directory) {
                return made;
            }
            env.sync_dir(&parent)
        }
    }
}

/// Makes the directory's own name durable.
pub(super) fn sync_name(env: &dyn Env, dir: &Path) -> Result<()> {
    env.sync_dir(&parent(dir))
}

/// The number of the SST or value file that has this name.
pub(super) fn data_number(name: &str) -> Option<FileNumber> {
    sst::number(name).or(vlog::number(name))
}

/// A file number above that of every SST, value file and manifest in the directory, named or not.
pub(super) fn number_above(names: &[String]) -> FileNumber {
    let numbers = names.iter().filter_map(|name| data_number(name).or(manifest_number(name)));
    numbers.max().unwrap_or_default().next()
}

/// Removes what is certainly of no use any more: unfinished files, and the log before the manifest's. A finished SST or value
/// file that the manifest does not name is the output of work that did not come to its end; its entries are elsewhere. It is moved aside
/// all the same, and removed by the next opening that gets as far as this.
pub(super) fn tidy(env: &dyn Env, dir: &Path, state: &ManifestState) -> Result<()> {
    let log_number = state.log_number.unwrap_or_default();
    let aside = dir.join(ASIDE);
    if env.kind(&aside)?.is_some() {
        for name in env.list(&aside)?.iter().filter(|name| data_number(name).is_some()) {
            env.remove(&aside.join(name))?;
        }
    }
    for name in env.list(dir)? {
        let path = dir.join(&name);
        if name == UNFINISHED
            || sst::is_draft(&name)
            || vlog::is_draft(&name)
            || segment_number(&name).is_some_and(|number| number < log_number)
        {
            env.remove(&path)?;
        } else if data_number(&name).is_some_and(|number| !state.version.names(number)) {
            set_aside(env, dir, &name)?;
        }
    }
    Ok(())
}

/// Removes the log segments before a number, but for those that are kept.
pub(super) fn remove_log_before(
    env: &dyn Env,
    dir: &Path,
    number: FileNumber,
    kept: &[FileNumber],
) -> Result<()> {
    let numbers = env.list(dir)?;
    let numbers = numbers.iter().filter_map(|name| segment_number(name));
    for old in numbers.filter(|old| *old < number && !kept.contains(old)) {
        env.remove(&segment_path(dir, old))?;
    }
    Ok(())
}

fn set_aside(env: &dyn Env, dir: &Path, name: &str) -> Result<()> {
    let aside = dir.join(ASIDE);
    if env.kind(&aside)?.is_none() {
        env.create_dir(&aside)?;
    }
    env.rename(&dir.join(name), &aside.join(name))
}

/// The names of files that are no part of the database.
pub(super) fn orphans(env: &dyn Env, dir: &Path) -> Result<Vec<String>> {
    let mut orphans: Vec<String> = env.list(dir)?.into_iter().filter(|name| is_foreign(name)).collect();
    orphans.retain(|name| name != ASIDE);
    if env.kind(&dir.join(ASIDE))?.is_some() {
        orphans.extend(env.list(&dir.join(ASIDE))?.iter().map(|name| format!("{ASIDE}/{name}")));
    }
    Ok(orphans)
}

fn refuse(path: &Path, reason: &'static str) -> Result<()> {
    Err(Error::NotADatabase { path: path.to_owned(), reason })
}

/// The directory above; the current one for a bare name.
pub(super) fn parent(dir: &Path) -> PathBuf {
    match dir.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        Some(_) => PathBuf::from("."),
        None => dir.to_owned(),
    }
}

/// Whether a file of this name is one of a database.
pub(super) fn is_own(name: &str) -> bool {
    name == "CURRENT"
        || name == "LOCK"
        || name == UNFINISHED
        || manifest_number(name).is_some()
        || segment_number(name).is_some()
        || data_number(name).is_some()
}

/// Whether a file of this name shows that the directory is somebody else's.
fn is_foreign(name: &str) -> bool {
    !is_own(name) && !name.starts_with('.') && name != "lost+found"
}
