//! Writes a manifest: the snapshot at its head, `CURRENT`, then edit after edit.
//!
//! 1. *Write header and snapshot, sync the file, sync the directory.* A crash leaves a file that nothing names.
//! 2. *Replace `CURRENT`.* A crash leaves the old one or the new one, each with its whole manifest.
//! 3. *Write an edit, sync.* A crash leaves the edit, or a torn tail.
//!
//! A manifest that was read is added to as well ([`ManifestWriter::reopen`]), if nothing stands behind its last frame. After a crash of
//! the process alone that last frame may be known to the operating system's cache only, and a cache that went through a failed sync
//! may lose it later though a second sync succeeds. So it is written once more, and synced, before the first new edit; and it has to be
//! an edit, because the process that wrote an edit knew that `CURRENT` was durable.
//!
//! Where a process closed the manifest in order, a *seal* stands behind the last frame: an edit that changes nothing, written when
//! everything before it was durable, and never synced. It says so to the next process, which writes its first edit over it.

use std::path::PathBuf;
use std::sync::Arc;

use super::current::CurrentFile;
use super::edit::VersionEdit;
use super::format::{MAX_EDIT_SIZE, put_frame};
use super::load::LoadedManifest;
use super::set::ManifestState;
use crate::base::FileNumber;
use crate::codec::{FileHeader, FileKind};
use crate::env::{Env, File};
use crate::error::{Error, Limit, Result};
use crate::files::FileName;

/// Edits may take so much room, or as much as the snapshot before them if that is more, before a new manifest is worth its price.
const EDITS_SIZE: u64 = 64 << 10;

/// The manifest that is written to, and the state that it describes.
#[derive(Debug)]
pub(crate) struct ManifestWriter {
    env: Arc<dyn Env>,
    dir: PathBuf,
    number: FileNumber,
    file: Arc<dyn File>,
    seed: u32,
    /// Where the snapshot ends.
    snapshot_end: u64,
    /// Where the frames end; all of them are durable.
    end: u64,
    state: ManifestState,
    /// Where the last frame begins when it is not certain to be durable.
    in_doubt: Option<u64>,
    /// Whether a seal stands behind the last frame.
    is_sealed: bool,
    is_poisoned: bool,
}

impl ManifestWriter {
    /// Writes a manifest with this number that begins with `state`, and makes it the current one.
    ///
    /// The number is below the state's `next_file`, and not that of the current manifest. When it is given again because an
    /// earlier try did not get as far as `CURRENT`, what that one left is replaced.
    pub(crate) fn create(
        env: Arc<dyn Env>,
        dir: PathBuf,
        number: FileNumber,
        database: [u8; 16],
        state: ManifestState,
    ) -> Result<Self> {
        assert!(number < state.next_file, "the manifest's own number was given");
        let path = FileName::Manifest(number).path(&dir);
        if env.kind(&path)?.is_some() {
            env.remove(&path)?;
        }
        let header = FileHeader { kind: FileKind::Manifest, database, number, salt: env.random(), word: 0 };
        let seed = header.seed();
        let mut bytes = header.encode().to_vec();
        for edit in state.snapshot() {
            let offset = bytes.len() as u64;
            put_frame(&mut bytes, seed, offset, 0, &encode(&edit)?);
        }
        let end = bytes.len() as u64;
        let file = env.create(&path)?;
        let written = file.write_at(&bytes, 0).and_then(|()| file.sync()).and_then(|()| env.sync_dir(&dir));
        if let Err(error) = written {
            // Nothing names it yet. On a full disk each try would leave another otherwise.
            drop(file);
            let _ = env.remove(&path);
            return Err(error);
        }
        CurrentFile { database, manifest: number, seed, snapshot_end: end, is_old: false }
            .write(&*env, &dir)?;
        Ok(Self {
            env,
            dir,
            number,
            file,
            seed,
            snapshot_end: end,
            end,
            state,
            in_doubt: None,
            is_sealed: false,
            is_poisoned: false,
        })
    }

    /// Goes on in the manifest that was read, which changes nothing yet. When it cannot be added to, every edit is
    /// [`Error::Poisoned`], as after a failed one: see [`is_poisoned`](Self::is_poisoned).
    pub(crate) fn reopen(env: Arc<dyn Env>, dir: PathBuf, loaded: &LoadedManifest) -> Result<Self> {
        let path = FileName::Manifest(loaded.number).path(&dir);
        let (file, can_append) = match env.reopen(&path)? {
            Some(file) => {
                let is_current = loaded.seal_end.is_some() || loaded.last_frame >= loaded.snapshot_end;
                let can_append =
                    is_current && !loaded.is_old && file.size()? == loaded.seal_end.unwrap_or(loaded.end);
                (file, can_append)
            }
            None => (env.open(&path)?, false),
        };
        Ok(Self {
            env,
            dir,
            number: loaded.number,
            file,
            seed: loaded.seed,
            snapshot_end: loaded.snapshot_end,
            end: loaded.end,
            state: loaded.state.clone(),
            in_doubt: loaded.seal_end.is_none().then_some(loaded.last_frame),
            is_sealed: loaded.seal_end.is_some(),
            is_poisoned: !can_append,
        })
    }

    /// The number of the manifest.
    pub(crate) fn number(&self) -> FileNumber {
        self.number
    }

    /// The state after all edits.
    pub(crate) fn state(&self) -> &ManifestState {
        &self.state
    }

    /// Makes an edit durable and gives the state after it.
    ///
    /// An edit that does not fit is an error and written nowhere. One for which there is no room is withdrawn: of its bytes some are
    /// missing, so it counts for no opening, and the next edit takes its place. After any other failed write, and each failed sync,
    /// nobody knows whether the edit will be there at the next opening: the manifest is [poisoned](Self::is_poisoned) then, and
    /// from then on every edit is [`Error::Poisoned`]. A new manifest, made of the state before that edit or after it, decides the
    /// question.
    pub(crate) fn append(&mut self, edit: &VersionEdit) -> Result<&ManifestState> {
        if self.is_poisoned {
            return Err(Error::Poisoned);
        }
        let path = self.file.path();
        let state = self.state.apply(edit).map_err(|fault| fault.at(path, self.end))?;
        let mut frame = Vec::new();
        put_frame(&mut frame, self.seed, self.end, self.end, &encode(edit)?);
        self.is_sealed = false;
        let written = self.settle().and_then(|()| self.file.write_at(&frame, self.end));
        let written = match written {
            Err(Error::OutOfSpace) if self.file.set_size(self.end).is_ok() => return Err(Error::OutOfSpace),
            written => written.and_then(|()| self.file.sync()),
        };
        self.is_poisoned = written.is_err();
        written?;
        self.end += frame.len() as u64;
        self.state = state;
        Ok(&self.state)
    }

    /// Makes the last frame durable, if it is not certain to be: it is dirty again when it was written again.
    fn settle(&mut self) -> Result<()> {
        let Some(start) = self.in_doubt else { return Ok(()) };
        let mut frame = vec![0; usize::try_from(self.end - start).unwrap_or(usize::MAX)];
        self.file.read_exact_at(&mut frame, start)?;
        self.file.write_at(&frame, start)?;
        self.file.sync()?;
        self.in_doubt = None;
        Ok(())
    }

    /// Whether nobody knows what became of the last edit, or a manifest that was read cannot be added to: a new one has to be begun.
    pub(crate) fn is_poisoned(&self) -> bool {
        self.is_poisoned
    }

    /// Whether there are so many edits that a new manifest should be begun when no commit waits for it.
    pub(crate) fn is_long(&self) -> bool {
        self.end - self.snapshot_end > self.snapshot_end.max(EDITS_SIZE)
    }

    /// Writes the seal, unless it is there. Nothing is lost without one.
    pub(crate) fn seal(&mut self) -> Result<()> {
        if self.is_poisoned || self.is_sealed || self.in_doubt.is_some() {
            return Ok(());
        }
        let mut frame = Vec::new();
        put_frame(&mut frame, self.seed, self.end, self.end, &encode(&VersionEdit::default())?);
        self.is_sealed = true;
        self.file.write_at(&frame, self.end)
    }

    /// Whether the state is known to be durable.
    pub(crate) fn is_durable(&self) -> bool {
        self.in_doubt.is_none()
    }

    /// Removes all other manifests. This one is current, so nothing names them.
    pub(crate) fn remove_others(&self) -> Result<()> {
        for name in self.env.list(&self.dir)? {
            let number = FileName::parse(&name).and_then(FileName::manifest_number);
            if number.is_some_and(|number| number != self.number) {
                self.env.remove_file(&self.dir.join(&name))?;
            }
        }
        Ok(())
    }
}

fn encode(edit: &VersionEdit) -> Result<Vec<u8>> {
    let payload = edit.encode();
    if payload.len() > MAX_EDIT_SIZE {
        return Err(Error::Limit(Limit::Commit { size: payload.len(), limit: MAX_EDIT_SIZE }));
    }
    Ok(payload)
}
