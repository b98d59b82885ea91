//! A copy of a database that is being written to.
//!
//! ```text
//!   flush   what was committed before the call is in files that never change
//!   copy    SSTs and value files of one version, each compared with what the manifest noted of it
//!   begin   an empty log behind it, a manifest, CURRENT
//! ```
//!
//! A copy under another key, or under none, is written anew, file by file: every entry and every
//! value is read, checked, and sealed under new data keys of a database with an id of its own.
//!
//! 1. The copy holds exactly the commits up to one sequence number: all that were acknowledged
//!    before the call, and none that was begun after it returned.
//! 2. An opening of the copy finds a whole one or is refused: until it is whole it has a file named
//!    `UNFINISHED`, and `CURRENT` is written when everything else is durable.
//! 3. Every byte was checked twice: as it was read, against the digest in the manifest or, where it
//!    is sealed anew, against its seal; and as it is in the copy.
//! 4. Nothing is written into a directory that is not empty, nor into the database's own.
//!
//! Files are copied and not linked: a linked file shares the fate of its bytes, and a copy is made
//! to have another one. Writers, flushes and compactions go on meanwhile; files that go are held
//! open until they are copied.

use std::io;
use std::path::Path;

use std::cell::Cell;

use crate::base::FileNumber;
use crate::cache::Cache;
use crate::compaction::{Relocation, ValueGc, ValueGcJob};
use crate::crypt::{DataKeys, EncryptionKey};
use crate::engine::admin::keys::{self, CopiedKeys};
use crate::engine::open::replay::FIRST_LOG;
use crate::engine::read::levels::Levels;
use crate::engine::{Core, directory};
use crate::env::{Appender, DirOwner, Env, File, PathKind, digest};
use crate::error::{Error, Fault, Result};
use crate::files::{DatabaseDir, FileName, OpenFiles};
use crate::manifest::{ManifestState, ManifestWriter, Version, VersionEdit};
use crate::sst::{BlockCache, SstStore};
use crate::sync::Arc;
use crate::vlog::ValueStore;
use crate::wal::{LogConfig, LogWriter};

/// How many bytes are copied at once.
const PIECE_SIZE: usize = 512 << 10;

/// The most directories that are looked at on the way from a target to the root.
const MAX_DEPTH: usize = 4096;

#[derive(Debug, Default)]
pub(crate) enum CopyKey {
    /// That of the database, or none if it has none.
    #[default]
    Same,
    /// Another one, or none.
    #[cfg_attr(not(feature = "encryption"), expect(dead_code, reason = "there is no key"))]
    Other(Option<EncryptionKey>),
}

/// What is copied: files whose names stay, or that are held open, and the state that names them.
struct BackupSource {
    levels: Arc<Levels>,
    state: ManifestState,
    /// The keys of these files, whatever becomes of those of the database.
    keys: CopiedKeys,
}

impl Core {
    /// Copies the database into a directory, which must be empty or missing. After an error nothing
    /// is left in it but, when it cannot be removed, what an opening refuses, or a copy that is
    /// whole.
    pub(crate) fn backup(&self, target: &Path, key: &CopyKey) -> Result<()> {
        self.health.ensure_writable()?;
        directory::check_path(target, "back up into")?;
        if target.starts_with(&self.dir) || self.contains(target)? {
            return Err(Error::Unsupported("a backup into the directory of the database"));
        }
        self.health.owner().check_lock()?;
        let held = make_empty(&self.machine, target)?;
        // The marker is durable before anything else is there, the lock file included: an opening
        // never takes what a crash leaves for a new database. The thread that creates it first has
        // the directory.
        let marker = held.create(&directory::marker_path(target))?;
        let copied = marker.sync().and_then(|()| self.copy_into(&held, target, key));
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

    fn copy_into(&self, held: &Arc<dyn Env>, target: &Path, key: &CopyKey) -> Result<()> {
        held.sync_dir(target)?;
        directory::sync_name(&**held, target)?;
        let owner = DirOwner::take(Arc::clone(held), &directory::lock_path(target))?;
        let env: Arc<dyn Env> = Arc::new(owner.clone());
        let copied = self.copy_files(&env, target, key);
        if copied.is_err() {
            clear(&*env, target)?;
            owner.release();
            held.remove(&directory::lock_path(target))?;
            held.sync_dir(target)?;
        }
        copied
    }

    fn copy_files(&self, env: &Arc<dyn Env>, target: &Path, key: &CopyKey) -> Result<()> {
        self.flush_everything()?;
        let source = self.source();
        let (target, state) = match key {
            CopyKey::Other(key) if key.is_some() || self.sst_store.dir.keys.is_encrypted() => {
                let (database, keys) = keys::make(&**env, target, &DataKeys::none(), key.as_ref())?;
                let target = DatabaseDir { env: Arc::clone(env), path: target.to_owned(), database, keys };
                let state = self.rewrite_files(&source, &target)?;
                (target, state)
            }
            CopyKey::Same | CopyKey::Other(_) => {
                self.copy_as_it_is(&source, &**env, target)?;
                let keys = source.keys.write(&**env, target)?;
                let database = self.sst_store.dir.database;
                (DatabaseDir { env: Arc::clone(env), path: target.to_owned(), database, keys }, source.state)
            }
        };
        env.sync_dir(&target.path)?;
        begin_copy(&target, &state)?;
        env.remove(&directory::marker_path(&target.path))?;
        env.sync_dir(&target.path)
    }

    /// The files of now, and what the manifest says of them. They were flushed to, so they hold all
    /// commits up to a number.
    fn source(&self) -> BackupSource {
        self.versions.with_manifest(|manifest| BackupSource {
            levels: Arc::clone(&self.versions.view().levels),
            state: manifest.state(),
            keys: CopiedKeys::of(&*self.env, &self.sst_store.dir.keys),
        })
    }

    fn copy_as_it_is(&self, source: &BackupSource, env: &dyn Env, target: &Path) -> Result<()> {
        for (_, sst) in source.levels.ssts() {
            let meta = sst.meta();
            self.copy_file(sst.open_transient()?.file(), (meta.size, meta.digest), env, target)?;
        }
        for file in source.levels.value_files() {
            let meta = file.meta();
            self.copy_file(file.open_transient()?.file(), (meta.size, meta.digest), env, target)?;
        }
        Ok(())
    }

    /// Writes every SST anew under the keys of the copy, and the values that it points to; returns
    /// the state that names the new files.
    fn rewrite_files(&self, source: &BackupSource, target: &DatabaseDir) -> Result<ManifestState> {
        let next_file = Cell::new(source.state.next_file);
        let numbers = || -> Result<FileNumber> { Ok(next_file.replace(next_file.get().next()?)) };
        let (sst_store, value_store) = self.copy_stores(target);
        let mut edit = VersionEdit::default();
        for (level, sst) in source.levels.ssts() {
            let candidates = sst.meta().values.iter().map(|share| share.file);
            let gc = ValueGc {
                ssts: vec![(level, Arc::new(sst.meta().clone()))],
                candidates: candidates.collect(),
            };
            let files = gc.candidates.iter();
            let files = files.filter_map(|file| Some((*file, Arc::clone(source.levels.value_file(*file)?))));
            let job = ValueGcJob {
                relocation: Relocation {
                    candidates: files.collect(),
                    value_store: &value_store,
                    max_file_size: self.config.values.max_file_size,
                },
                gc: &gc,
                sst_store: &sst_store,
                progress: &|_| self.health.ensure_open(),
            };
            let written = job.run(|_| Arc::clone(sst), &numbers)?;
            for sst in &written.ssts {
                sst.verify()?;
                edit.added.push((level, Arc::new(sst.meta().clone())));
            }
            for file in &written.values {
                file.verify()?;
                edit.values.push(*file.meta());
            }
        }
        let version = Version::default().apply(&edit).map_err(|fault| fault.at(&target.path, 0))?;
        Ok(ManifestState { version: Arc::new(version), next_file: next_file.get(), ..source.state })
    }

    fn copy_stores(&self, target: &DatabaseDir) -> (Arc<SstStore>, Arc<ValueStore>) {
        let open_files = OpenFiles::new(self.config.open_limit);
        let sst_store = SstStore {
            dir: target.clone(),
            config: self.config.sst,
            cache: BlockCache::new(0, self.config.sst.block_size),
            open_files: Arc::clone(&open_files),
        };
        let value_store = ValueStore {
            dir: target.clone(),
            compression: self.config.sst.compression,
            cache: Cache::new(0),
            open_files,
        };
        (Arc::new(sst_store), Arc::new(value_store))
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
            self.health.ensure_open()?;
        }
        let found = appender.finish()?;
        compare(from, found, noted)?;
        compare(&*to, digest(&*to)?, noted)
    }
}

/// Writes what a database needs beside its files: a log that begins behind them, and the manifest.
fn begin_copy(target: &DatabaseDir, source: &ManifestState) -> Result<()> {
    let last = source.last_seqno;
    let (number, _) = FIRST_LOG;
    LogWriter::create(target.clone(), number, last.plus(1), LogConfig::default())?.close()?;
    let state = ManifestState {
        log_number: Some(number),
        newest_log: Some(number),
        next_file: source.next_file.next()?,
        log_seqno: last,
        ..source.clone()
    };
    ManifestWriter::create(target, source.next_file, state).map(drop)
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
