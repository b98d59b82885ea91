//! The directory of a database: making it, telling it from others, keeping it tidy.
//!
//! ```text
//!   CURRENT  KEYS  MANIFEST-000007  LOCK  RESERVE  wal-000012.log  000009.sst  000010.vlog  aside/
//! ```

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::base::FileNumber;
use crate::env::{DirOwner, Env, PathKind};
use crate::error::{Error, Result};
use crate::files::FileName;
use crate::manifest::ManifestState;
use crate::sync::Arc;

/// The longest path of a directory, in bytes; the system's limit is lower as a rule.
const MAX_PATH_SIZE: usize = 32 << 10;

/// By how much the number of a file may be above those that the manifest knows of. What this
/// database has made since then is far below; a file with a higher number is foreign, and must not
/// move the numbers towards their end.
const NUMBER_REACH: u64 = 1 << 32;

pub(super) fn lock_path(dir: &Path) -> PathBuf {
    FileName::Lock.path(dir)
}

/// The file that is in a directory while a backup into it is not whole.
pub(super) fn marker_path(dir: &Path) -> PathBuf {
    FileName::Unfinished.path(dir)
}

/// An error unless the path can be that of a directory; `operation` is the verb of the error.
pub(super) fn check_path(dir: &Path, operation: &'static str) -> Result<()> {
    let size = dir.as_os_str().len();
    if size == 0 {
        let empty = io::Error::new(ErrorKind::InvalidInput, "the path is empty");
        return Err(Error::io(operation, dir, empty));
    }
    if size > MAX_PATH_SIZE {
        return Err(Error::io(operation, dir, ErrorKind::InvalidFilename.into()));
    }
    Ok(())
}

/// Makes the directory, and those above it, when it is missing; an error when there is something
/// that is not a directory.
pub(super) fn prepare(env: &dyn Env, dir: &Path) -> Result<()> {
    let mut missing = Vec::new();
    for at in dir.ancestors() {
        let at = if at == Path::new("") { Path::new(".") } else { at };
        let standing = match env.kind(at) {
            Err(Error::Io(error)) if error.kind() == ErrorKind::NotADirectory => {
                return refuse(dir, "a directory above it is a file");
            }
            standing => standing?,
        };
        match standing {
            Some(PathKind::Directory) => break,
            None => missing.push(at),
            Some(_) if at != dir => return refuse(dir, "a directory above it is a file"),
            Some(PathKind::File) => return refuse(dir, "it is a file"),
            Some(PathKind::Other) => return refuse(dir, "it is neither a file nor a directory"),
        }
    }
    for dir in missing.into_iter().rev() {
        let made = env.create_dir(dir);
        if made.is_err() && env.kind(dir)? != Some(PathKind::Directory) {
            return made;
        }
        env.sync_dir(&parent(dir))?;
    }
    Ok(())
}

/// Takes the directory at a path, which exists, for this process: what is done with the owner is
/// done there, wherever the path leads by then. An error when something is in it that is not a
/// database.
///
/// `look` looks at the directory before anything in it is changed.
pub(super) fn own<T>(
    machine: &Arc<dyn Env>,
    dir: &Path,
    look: impl FnOnce(&dyn Env) -> Result<T>,
) -> Result<(DirOwner, T)> {
    let held = hold(machine, dir)?;
    check(&*held, dir)?;
    let seen = look(&*held)?;
    Ok((DirOwner::take(held, &lock_path(dir))?, seen))
}

pub(super) fn new_id(env: &dyn Env) -> [u8; 16] {
    let mut database = [0; 16];
    env.fill_random(&mut database);
    database
}

/// Holds the directory at a path, which has to exist, to read in it: takes no lock and changes
/// nothing. An error when something is in it that is not a database.
pub(super) fn hold_to_read(machine: &Arc<dyn Env>, dir: &Path) -> Result<Arc<dyn Env>> {
    check_path(dir, "open")?;
    match machine.kind(dir)? {
        Some(PathKind::Directory) => {}
        Some(PathKind::File) => refuse(dir, "it is a file")?,
        Some(PathKind::Other) => refuse(dir, "it is neither a file nor a directory")?,
        None => return Err(Error::io("open", dir, ErrorKind::NotFound.into())),
    }
    let held = hold(machine, dir)?;
    check(&*held, dir)?;
    Ok(held)
}

/// Holds the directory at a path, on a machine that can.
pub(super) fn hold(machine: &Arc<dyn Env>, dir: &Path) -> Result<Arc<dyn Env>> {
    Ok(machine.open_dir(dir)?.unwrap_or_else(|| Arc::clone(machine)))
}

/// An error when a directory holds something that is not a database. One that has a `CURRENT` is
/// one, and is not listed for that.
fn check(env: &dyn Env, dir: &Path) -> Result<()> {
    if env.kind(&FileName::Current.path(dir))? == Some(PathKind::File) {
        return Ok(());
    }
    let names = env.list(dir)?;
    let has = |wanted| names.iter().any(|name| FileName::parse(name) == Some(wanted));
    if has(FileName::Unfinished) && !has(FileName::Current) {
        return refuse(dir, "a backup into it did not come to its end");
    }
    if names.iter().any(|name| is_foreign(name)) && !names.iter().any(|name| is_own(name)) {
        return refuse(dir, "it is a directory with other files in it");
    }
    Ok(())
}

/// Makes the own name of a directory that is held durable.
pub(super) fn sync_name(env: &dyn Env, dir: &Path) -> Result<()> {
    env.sync_dir(&dir.join(".."))
}

/// A file number that is not below `next`, and above that of every file in the directory that this
/// database can have made, whether the manifest names it or not.
pub(super) fn number_above(names: &[String], next: FileNumber) -> FileNumber {
    let numbers = names.iter().filter_map(|name| {
        Some(match FileName::parse(name)? {
            FileName::Sst(number)
            | FileName::SstTemp(number)
            | FileName::Values(number)
            | FileName::ValuesTemp(number)
            | FileName::Manifest(number) => number,
            _ => return None,
        })
    });
    let above =
        numbers.filter(|number| is_in_reach(*number, next)).filter_map(|number| number.next().ok()).max();
    above.map_or(next, |above| above.max(next))
}

/// Whether this database can have made a file of this number.
fn is_in_reach(number: FileNumber, next: FileNumber) -> bool {
    number.0 < next.0.saturating_add(NUMBER_REACH)
}

/// A name in the directory of a database that is no use to it any more.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Leftover {
    /// Is removed: an unfinished file, another manifest, the log before the manifest's, what an
    /// earlier opening has moved aside.
    Removed(PathBuf),
    /// Is moved aside: a finished SST or value file that the manifest does not name. It is the
    /// output of work that did not come to its end; its entries are elsewhere.
    Aside(String),
}

/// What an opening found in the directory that is of no use any more: of these names, and in
/// `aside/`. `manifest` is the one that counts.
pub(super) fn leftovers(
    env: &dyn Env,
    dir: &Path,
    names: &[String],
    state: &ManifestState,
    manifest: FileNumber,
) -> Result<Vec<Leftover>> {
    let log_number = state.log_number.unwrap_or_default();
    let counted = state.version.names();
    let mut leftovers = Vec::new();
    for name in names {
        let path = dir.join(name);
        let leftover = match FileName::parse(name) {
            Some(FileName::Unfinished) => Leftover::Removed(path),
            Some(own) if own.is_temp_file() => Leftover::Removed(path),
            Some(FileName::Segment(number)) if number < log_number => Leftover::Removed(path),
            Some(FileName::Manifest(number)) if number != manifest => Leftover::Removed(path),
            Some(own @ (FileName::Sst(number) | FileName::Values(number)))
                if !counted.contains(&own) && is_in_reach(number, state.next_file) =>
            {
                Leftover::Aside(name.clone())
            }
            Some(FileName::Quarantine) if env.kind(&path)? == Some(PathKind::Directory) => {
                let moved = env.list(&path)?.into_iter().filter(|name| is_data(name));
                leftovers.extend(moved.map(|name| Leftover::Removed(path.join(name))));
                continue;
            }
            _ => continue,
        };
        leftovers.push(leftover);
    }
    Ok(leftovers)
}

fn is_data(name: &str) -> bool {
    FileName::parse(name).is_some_and(|name| name.data_number().is_some())
}

/// Removes leftovers, or moves them aside: the state that does not need them is durable. What is no
/// regular file is left alone, whatever its name.
pub(super) fn remove_obsolete_files(env: &dyn Env, dir: &Path, leftovers: &[Leftover]) -> Result<()> {
    leftovers.iter().try_for_each(|leftover| match leftover {
        Leftover::Removed(path) => match env.remove_file(path) {
            // The temporary file of a segment may have become one meanwhile.
            Err(_) if env.kind(path)?.is_none() => Ok(()),
            removed => removed,
        },
        Leftover::Aside(name) => quarantine(env, dir, name),
    })
}

/// Removes the files that were moved aside.
#[cfg(feature = "encryption")]
pub(super) fn clear_quarantine(env: &dyn Env, dir: &Path) -> Result<()> {
    let aside = FileName::Quarantine.path(dir);
    if env.kind(&aside)? != Some(PathKind::Directory) {
        return Ok(());
    }
    for name in env.list(&aside)?.iter().filter(|name| is_data(name)) {
        env.remove_file(&aside.join(name))?;
    }
    env.sync_dir(&aside)
}

/// Removes the log segments before a number, but for those that are kept.
pub(super) fn remove_log_before(
    env: &dyn Env,
    dir: &Path,
    number: FileNumber,
    kept: &[FileNumber],
) -> Result<()> {
    for name in env.list(dir)? {
        let segment = FileName::parse(&name).and_then(FileName::segment_number);
        if segment.is_some_and(|old| old < number && !kept.contains(&old)) {
            env.remove_file(&dir.join(&name))?;
        }
    }
    Ok(())
}

/// Moves a file aside, when it is a file and there is a place for it.
fn quarantine(env: &dyn Env, dir: &Path, name: &str) -> Result<()> {
    let (from, aside) = (dir.join(name), FileName::Quarantine.path(dir));
    if env.kind(&from)? != Some(PathKind::File) {
        return Ok(());
    }
    match env.kind(&aside)? {
        None => env.create_dir(&aside)?,
        Some(PathKind::Directory) => {}
        Some(_) => return Ok(()),
    }
    let to = aside.join(name);
    match env.kind(&to)? {
        None | Some(PathKind::File) => env.rename(&from, &to),
        Some(_) => Ok(()),
    }
}

/// The names in the directory that are no part of the database, and those in `aside/`; `in_use`
/// says of the name of a file whether the database has such a file now.
pub(super) fn orphans(env: &dyn Env, dir: &Path, in_use: impl Fn(FileName) -> bool) -> Result<Vec<String>> {
    let aside = FileName::Quarantine.path(dir);
    let has_aside = env.kind(&aside)? == Some(PathKind::Directory);
    let mut orphans = env.list(dir)?;
    orphans.retain(|name| match FileName::parse(name) {
        Some(FileName::Quarantine) => !has_aside,
        Some(own) => !in_use(own),
        None => is_foreign(name),
    });
    if has_aside {
        orphans.extend(env.list(&aside)?.iter().map(|name| format!("{}/{name}", FileName::Quarantine)));
    }
    Ok(orphans)
}

pub(super) fn taken(operation: &'static str, dir: &Path) -> Error {
    Error::io(operation, dir, ErrorKind::AlreadyExists.into())
}

pub(super) fn refuse(path: &Path, reason: &'static str) -> Result<()> {
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

/// The path, or the nearest one above it that exists.
pub(super) fn nearest(env: &dyn Env, dir: &Path) -> Result<PathBuf> {
    for at in dir.ancestors() {
        let at = if at == Path::new("") { Path::new(".") } else { at };
        if env.kind(at)?.is_some() {
            return Ok(at.to_owned());
        }
    }
    Ok(PathBuf::from("."))
}

/// Whether a file of this name shows that the directory is a database's.
pub(super) fn is_own(name: &str) -> bool {
    FileName::parse(name).is_some_and(|name| !name.is_temp_file() && name != FileName::Quarantine)
}

/// Whether a file of this name shows that the directory belongs to another program. The first file
/// of an encrypted database is the temporary file of its keys: a crash may leave it alone.
fn is_foreign(name: &str) -> bool {
    let is_temp_keys = FileName::parse(name) == Some(FileName::KeysTemp);
    !is_own(name) && !is_temp_keys && !name.starts_with('.') && name != "lost+found"
}
