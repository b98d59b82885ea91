//! A copy of a database that is being written to.
//!
//! ```text
//!   flush   what was committed before the call is in files that never change
//!   copy    SSTs and value files of one version, each compared with what the manifest noted of it
//!   begin   an empty log behind it, a manifest, CURRENT
//! ```
//!
//! 1. The copy holds exactly the commits up to one sequence number: all that were acknowledged before the call, and none that
//!    was begun after it returned.
//! 2. Whoever opens the copy finds a whole one or is refused: until it is whole a file named `UNFINISHED` stands in it, and
//!    `CURRENT` is written when everything else is durable.
//! 3. Every byte was checked twice: as it was read, against the digest in the manifest, and as it lies in the copy.
//! 4. Nothing is written into a directory in which anything stands, nor into the database's own.
//!
//! Files are copied and not linked: a linked file shares the fate of its bytes, and a copy is made to have another one.
//! Writers, flushes and compactions go on meanwhile; files that go are held open until they are copied.

use std::io;
use std::path::{Path, PathBuf};

use super::directory::{self, UNFINISHED};
use super::levels::Levels;
use super::{Core, open};
use crate::env::{Appender, Env, File, PathKind, digest};
use crate::error::{Error, Fault, Result};
use crate::manifest::{CURRENT, ManifestState, ManifestWriter};
use crate::sync::Arc;
use crate::wal::{LogConfig, LogPlace, LogWriter};

/// How many bytes are copied at once.
const PIECE_SIZE: usize = 512 << 10;

/// What is copied: files whose names stay, or that are held open, and the state that names them.
struct Source {
    levels: Arc<Levels>,
    state: ManifestState,
}

impl Core {
    /// Copies the database into a directory, which must be empty or missing. After an error nothing is left in it but, when it
    /// cannot be removed, what an opening refuses, or a copy that is whole.
    pub(crate) fn backup(&self, target: &Path) -> Result<()> {
        self.ensure_writable()?;
        if target.starts_with(&self.dir) {
            return Err(Error::Unsupported("a backup into the directory of the database"));
        }
        make_empty(&*self.env, target)?;
        // The marker is durable before anything else stands there, the lock's file included: an opening never takes what a crash
        // leaves for a new database.
        let marked = self.env.create(&target.join(UNFINISHED)).and_then(|marker| marker.sync());
        let copied = marked.and_then(|()| self.copy_into(target));
        if copied.is_err() {
            // What stays is refused by its marker; the error of the copy says more than that of cleaning up.
            let _ = clear(&*self.env, target);
        }
        copied
    }

    fn copy_into(&self, target: &Path) -> Result<()> {
        self.env.sync_dir(target)?;
        directory::sync_name(&*self.env, target)?;
        let _lock = self.env.lock(&directory::lock_path(target))?;
        self.flush_everything()?;
        let source = self.source();
        for (_, sst) in source.levels.ssts() {
            let meta = sst.meta();
            self.copy_file(sst.passing()?.file(), (meta.size, meta.digest), target)?;
        }
        for file in source.levels.value_files() {
            let meta = file.meta();
            self.copy_file(file.passing()?.file(), (meta.size, meta.digest), target)?;
        }
        self.env.sync_dir(target)?;
        self.begin_copy(target, &source.state)?;
        self.env.remove(&target.join(UNFINISHED))?;
        self.env.sync_dir(target)
    }

    /// The files of now, and what the manifest says of them. They were flushed to, so they hold all commits up to a number.
    fn source(&self) -> Source {
        let manifest = self.manifest.lock();
        Source { levels: Arc::clone(&self.view.load().levels), state: manifest.state() }
    }

    /// Copies a file under its own name, durably, and compares both ends with what was noted of it.
    fn copy_file(&self, from: &dyn File, noted: (u64, u64), target: &Path) -> Result<()> {
        let name = from.path().file_name().unwrap_or_default();
        let to = self.env.create(&target.join(name))?;
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

    /// Writes what a database needs beside its files: a log that begins behind them, and the manifest.
    fn begin_copy(&self, target: &Path, source: &ManifestState) -> Result<()> {
        let (env, dir, database) = (Arc::clone(&self.env), PathBuf::from(target), self.place.database);
        let last = source.last_seqno;
        let place = LogPlace { env: Arc::clone(&env), dir: dir.clone(), database };
        let (number, _) = open::FIRST_LOG;
        LogWriter::create(place, number, last.plus(1), LogConfig { preallocate: 0, spare_size: 0 })?
            .close()?;
        let state = ManifestState {
            log_number: Some(number),
            newest_log: Some(number),
            next_file: source.next_file.next(),
            log_seqno: last,
            ..source.clone()
        };
        ManifestWriter::create(env, dir, source.next_file, database, state).map(drop)
    }
}

/// Makes the directory when it is missing; an error when anything stands in it.
fn make_empty(env: &dyn Env, target: &Path) -> Result<()> {
    let is_empty = match env.kind(target)? {
        Some(PathKind::Directory) => env.list(target)?.is_empty(),
        Some(_) => false,
        None => {
            directory::prepare(env, target)?;
            true
        }
    };
    let taken = || Error::io("back up into", target, io::ErrorKind::AlreadyExists.into());
    if is_empty { Ok(()) } else { Err(taken()) }
}

/// Removes what a copy left that came to nothing: `CURRENT` first, so that no crash leaves it without the files that it
/// stands for, and the marker last.
fn clear(env: &dyn Env, target: &Path) -> Result<()> {
    let names = env.list(target)?;
    if names.iter().any(|name| name == CURRENT) {
        env.remove(&target.join(CURRENT))?;
        env.sync_dir(target)?;
    }
    for name in names.iter().filter(|name| *name != UNFINISHED && *name != CURRENT) {
        env.remove(&target.join(name))?;
    }
    env.sync_dir(target)?;
    env.remove(&target.join(UNFINISHED))
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
