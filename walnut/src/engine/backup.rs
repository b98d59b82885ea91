//! A copy of a database that is being written to.
//!
//! ```text
//!   flush   what was committed before the call is in files that never change
//!   copy    SSTs and value files of one version, each compared with what the manifest noted of it
//!   begin   an empty log behind it, a manifest, CURRENT
//! ```
//!
//! 1. The copy holds exactly the commits up to one sequence number: all that were acknowledged
//!    before the call, and none that was begun after it returned.
//! 2. An opening of the copy finds a whole one or is refused: until it is whole it has a file named
//!    `UNFINISHED`, and `CURRENT` is written when everything else is durable.
//! 3. Every byte was checked twice: as it was read, against the digest in the manifest, and as it
//!    is in the copy.
//! 4. Nothing is written into a directory that is not empty, nor into the database's own.
//!
//! Files are copied and not linked: a linked file shares the fate of its bytes, and a copy is made
//! to have another one. Writers, flushes and compactions go on meanwhile; files that go are held
//! open until they are copied.

use std::io;
use std::path::{Path, PathBuf};

use super::directory;
use super::levels::Levels;
use super::{Core, open};
use crate::env::{Appender, DirOwner, Env, File, PathKind, digest};
use crate::error::{Error, Fault, Result};
use crate::files::FileName;
use crate::manifest::{ManifestState, ManifestWriter};
use crate::sync::Arc;
use crate::wal::{LogConfig, LogDir, LogWriter};

/// How many bytes are copied at once.
const PIECE_SIZE: usize = 512 << 10;

/// The most directories that are looked at on the way from a target to the root.
const MAX_DEPTH: usize = 4096;

/// What is copied: files whose names stay, or that are held open, and the state that names them.
struct BackupSource {
    levels: Arc<Levels>,
    state: ManifestState,
}

impl Core {
    /// Copies the database into a directory, which must be empty or missing. After an error nothing
    /// is left in it but, when it cannot be removed, what an opening refuses, or a copy that is
    /// whole.
    pub(crate) fn backup(&self, target: &Path) -> Result<()> {
        self.ensure_writable()?;
        directory::check_path(target, "back up into")?;
        if target.starts_with(&self.dir) || self.contains(target)? {
            return Err(Error::Unsupported("a backup into the directory of the database"));
        }
        self.owner.check_lock()?;
        let held = make_empty(&self.machine, target)?;
        // The marker is durable before anything else is there, the lock file included: an opening
        // never takes what a crash leaves for a new database. The thread that creates it first has
        // the directory.
        let marker = held.create(&directory::marker_path(target))?;
        let copied = marker.sync().and_then(|()| self.copy_into(&held, target));
        if copied.is_err() {
            // What stays is refused by its marker; the error of the copy says more than that of
            // cleaning up.
            let _ = held.remove(&directory::marker_path(target));
        }
        copied
    }

    /// Whether a path leads into the directory of the database, by whatever way.
    fn contains(&self, target: &Path) -> Result<bool> {
        let Some(own) = self.env.identify_dir(&self.dir)? else { return Ok(false) };
        let mut at = directory::nearest(&*self.machine, target)?;
        if self.machine.kind(&at)? != Some(PathKind::Directory) {
            at = directory::parent(&at);
        }
        // A path upwards ends at a directory that is its own parent; the limit is for a machine on
        // which it does not.
        for _ in 0..MAX_DEPTH {
            let found = self.machine.identify_dir(&at)?;
            if found == Some(own) {
                return Ok(true);
            }
            at.push("..");
            if found.is_none() || self.machine.identify_dir(&at)? == found {
                break;
            }
        }
        Ok(false)
    }

    fn copy_into(&self, held: &Arc<dyn Env>, target: &Path) -> Result<()> {
        held.sync_dir(target)?;
        directory::sync_name(&**held, target)?;
        let owner = DirOwner::take(Arc::clone(held), &directory::lock_path(target))?;
        let env: Arc<dyn Env> = Arc::new(owner.clone());
        let copied = self.copy_files(&env, target);
        if copied.is_err() {
            clear(&*env, target)?;
            owner.release();
            held.remove(&directory::lock_path(target))?;
            held.sync_dir(target)?;
        }
        copied
    }

    fn copy_files(&self, env: &Arc<dyn Env>, target: &Path) -> Result<()> {
        self.flush_everything()?;
        let source = self.source();
        for (_, sst) in source.levels.ssts() {
            let meta = sst.meta();
            self.copy_file(sst.open_transient()?.file(), (meta.size, meta.digest), &**env, target)?;
        }
        for file in source.levels.value_files() {
            let meta = file.meta();
            self.copy_file(file.open_transient()?.file(), (meta.size, meta.digest), &**env, target)?;
        }
        env.sync_dir(target)?;
        self.begin_copy(env, target, &source.state)?;
        env.remove(&directory::marker_path(target))?;
        env.sync_dir(target)
    }

    /// The files of now, and what the manifest says of them. They were flushed to, so they hold all
    /// commits up to a number.
    fn source(&self) -> BackupSource {
        let manifest = self.manifest.lock();
        BackupSource { levels: Arc::clone(&self.view.load().levels), state: manifest.state() }
    }

    /// Copies a file under its own name, durably, and compares both ends with what was noted of it.
    fn copy_file(&self, from: &dyn File, noted: (u64, u64), env: &dyn Env, target: &Path) -> Result<()> {
        let name = from.path().file_name().unwrap_or_default();
        let to = env.create(&target.join(name))?;
        let mut appender = Appender::new(Arc::clone(&to));
        let mut piece = vec![0; PIECE_SIZE];
        loop {
            let read = from.read_at(&mut piece, appender.offset())?;
            appender.append(&piece[..read])?;
            if read < piece.len() {
                break;
            }
            self.ensure_open()?;
        }
        let found = appender.finish()?;
        compare(from, found, noted)?;
        compare(&*to, digest(&*to)?, noted)
    }

    /// Writes what a database needs beside its files: a log that begins behind them, and the
    /// manifest.
    fn begin_copy(&self, env: &Arc<dyn Env>, target: &Path, source: &ManifestState) -> Result<()> {
        let (env, dir, database) = (Arc::clone(env), PathBuf::from(target), self.sst_store.database);
        let last = source.last_seqno;
        let place = LogDir { env: Arc::clone(&env), dir: dir.clone(), database };
        let (number, _) = open::FIRST_LOG;
        LogWriter::create(place, number, last.plus(1), LogConfig::default())?.close()?;
        let state = ManifestState {
            log_number: Some(number),
            newest_log: Some(number),
            next_file: source.next_file.next()?,
            log_seqno: last,
            ..source.clone()
        };
        ManifestWriter::create(env, dir, source.next_file, database, state).map(drop)
    }
}

/// Holds the directory, which is made when it is missing; an error when anything is in it.
fn make_empty(machine: &Arc<dyn Env>, target: &Path) -> Result<Arc<dyn Env>> {
    let taken = || Error::io("back up into", target, io::ErrorKind::AlreadyExists.into());
    match machine.kind(target)? {
        Some(PathKind::Directory) => {}
        Some(_) => return Err(taken()),
        None => directory::prepare(&**machine, target)?,
    }
    let held = directory::hold(machine, target)?;
    if held.list(target)?.is_empty() { Ok(held) } else { Err(taken()) }
}

/// Removes what an unfinished copy left, except its marker and its lock: `CURRENT` first, so that
/// no crash leaves it without the files that it names.
fn clear(env: &dyn Env, target: &Path) -> Result<()> {
    let names = env.list(target)?;
    let is_current = |name: &String| FileName::parse(name) == Some(FileName::Current);
    if let Some(current) = names.iter().find(|name| is_current(name)) {
        env.remove(&target.join(current))?;
        env.sync_dir(target)?;
    }
    for name in names.iter().filter(|name| !is_current(name)) {
        if !matches!(FileName::parse(name), Some(FileName::Unfinished | FileName::Lock)) {
            env.remove(&target.join(name))?;
        }
    }
    env.sync_dir(target)
}

fn compare(file: &dyn File, found: (u64, u64), noted: (u64, u64)) -> Result<()> {
    if found.0 != noted.0 {
        let fault = Fault::Length { recorded: noted.0, found: found.0 };
        return Err(fault.at(file.path(), found.0.min(noted.0)));
    }
    if found.1 != noted.1 {
        let fault = Fault::Invalid("digest of the file, compared with the recorded one,");
        return Err(fault.at(file.path(), 0));
    }
    Ok(())
}
