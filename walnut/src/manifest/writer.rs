//! Writes a manifest: the snapshot, `CURRENT`, then edit after edit.
//!
//! 1. *Write header and snapshot, sync the file, sync the directory.* A crash leaves a file that
//!    nothing names.
//! 2. *Replace `CURRENT`.* A crash leaves the old one or the new one, each with its complete
//!    manifest.
//! 3. *Write an edit, sync.* A crash leaves the edit, or a torn tail.
//!
//! An existing manifest is appended to as well ([`ManifestWriter::reopen`]) if nothing follows its
//! last frame. After a crash of the process alone, that frame may be in the operating system's
//! cache only, and a cache that went through a failed sync may lose it later though a second sync
//! succeeds. So the frame is rewritten, and synced, before the first new edit. It must be an edit
//! and not the snapshot, because the process that wrote an edit knew that `CURRENT` was durable.
//!
//! When a process closes the manifest cleanly, it writes a *seal* after the last frame: an edit
//! that changes nothing, written when everything before it is durable, and never synced. It tells
//! the next process so, which writes its first edit over it.
//!
//! An encrypted manifest is appended to by the process that has begun it alone, is not sealed when
//! it is closed, and is not appended to behind a failed write: no place in it is sealed twice.

use std::sync::Arc;

use super::current::CurrentFile;
use super::edit::VersionEdit;
use super::format::{MAX_EDIT_SIZE, put_frame};
use super::load::LoadedManifest;
use super::set::ManifestState;
use crate::base::FileNumber;
use crate::codec::FileKind;
use crate::crypt::Sealer;
use crate::env::File;
use crate::error::{Error, Limit, Result};
use crate::files::{DatabaseDir, FileName};

/// The size in bytes that edits may reach, or the size of the snapshot if that is larger, before a
/// new manifest is worth its cost.
const EDITS_SIZE: u64 = 64 << 10;

/// The manifest that is appended to, and the state that it describes.
#[derive(Debug)]
pub(crate) struct ManifestWriter {
    dir: DatabaseDir,
    number: FileNumber,
    file: Arc<dyn File>,
    sealer: Sealer,
    snapshot_end: u64,
    /// Where the frames end; all of them are durable, unless `in_doubt`.
    end: u64,
    state: ManifestState,
    /// Where the last frame begins, if it is not known to be durable.
    in_doubt: Option<u64>,
    /// Whether a seal follows the last frame.
    is_sealed: bool,
    is_poisoned: bool,
}

impl ManifestWriter {
    /// Creates the manifest `number` with a snapshot of `state`, and makes it current.
    ///
    /// `number` must be below the state's `next_file` and not that of the current manifest. If an
    /// earlier attempt with this number did not get as far as `CURRENT`, its file is replaced.
    pub(crate) fn create(dir: &DatabaseDir, number: FileNumber, state: ManifestState) -> Result<Self> {
        let env = &*dir.env;
        assert!(number < state.next_file, "the manifest's own number was given");
        let name = FileName::Manifest(number);
        let path = name.path(&dir.path);
        if env.kind(&path)?.is_some() {
            env.remove(&path)?;
        }
        let (mut bytes, sealer) = dir.headers(FileKind::Manifest, number, 0);
        for edit in state.snapshot() {
            let offset = bytes.len() as u64;
            put_frame(&mut bytes, &sealer, offset, 0, &encode(&edit)?);
        }
        let end = bytes.len() as u64;
        let written = dir.create(name).and_then(|file| {
            file.write_at(&bytes, 0)?;
            file.sync()?;
            Ok(file)
        });
        let file = written.inspect_err(|_| {
            // Nothing names the file yet. On a full disk each attempt would leave another one
            // otherwise.
            let _ = env.remove(&path);
        })?;
        let current = CurrentFile {
            database: dir.database,
            manifest: number,
            seed: sealer.seed(),
            snapshot_end: end,
            is_old: false,
            seal: None,
        };
        current.write(env, &dir.path, &dir.keys)?;
        Ok(Self {
            dir: dir.clone(),
            number,
            file,
            sealer,
            snapshot_end: end,
            end,
            state,
            in_doubt: None,
            is_sealed: false,
            is_poisoned: false,
        })
    }

    /// Continues a manifest that was read; writes nothing yet. If it cannot be appended to, every
    /// edit returns [`Error::Poisoned`], as after a failed one: see
    /// [`is_poisoned`](Self::is_poisoned).
    pub(crate) fn reopen(dir: &DatabaseDir, loaded: &LoadedManifest) -> Result<Self> {
        let path = FileName::Manifest(loaded.number).path(&dir.path);
        let (file, can_append) = match dir.env.reopen(&path)? {
            Some(file) => {
                let is_current = loaded.seal_end.is_some() || loaded.last_frame_start >= loaded.snapshot_end;
                let can_append = !dir.keys.is_encrypted()
                    && is_current
                    && !loaded.is_old
                    && file.size()? == loaded.seal_end.unwrap_or(loaded.end);
                (file, can_append)
            }
            None => (dir.env.open(&path)?, false),
        };
        Ok(Self {
            dir: dir.clone(),
            number: loaded.number,
            file,
            sealer: Sealer::checksummed(loaded.seed),
            snapshot_end: loaded.snapshot_end,
            end: loaded.end,
            state: loaded.state.clone(),
            in_doubt: loaded.seal_end.is_none().then_some(loaded.last_frame_start),
            is_sealed: loaded.seal_end.is_some(),
            is_poisoned: !can_append,
        })
    }

    pub(crate) fn number(&self) -> FileNumber {
        self.number
    }

    /// The state after all edits.
    pub(crate) fn state(&self) -> &ManifestState {
        &self.state
    }

    /// Makes an edit durable and returns the state after it.
    ///
    /// An edit that does not fit is an error and not written. On a full disk an edit is undone,
    /// unless the manifest is encrypted: it is incomplete, so an open ignores it, and the next edit
    /// overwrites it. After any other failed write, and any failed sync, it is unknown whether the
    /// next open will find the edit: the manifest is then [poisoned](Self::is_poisoned), and every
    /// further edit returns [`Error::Poisoned`]. A new manifest, with the state before that edit or
    /// after it, decides the question.
    ///
    /// Cost: one write and one sync; with the first edit after [`reopen`](Self::reopen) one of each
    /// more.
    pub(crate) fn append(&mut self, edit: &VersionEdit) -> Result<&ManifestState> {
        if self.is_poisoned {
            return Err(Error::Poisoned);
        }
        let path = self.file.path();
        let state = self.state.apply(edit).map_err(|fault| fault.at(path, self.end))?;
        let mut frame = Vec::new();
        put_frame(&mut frame, &self.sealer, self.end, self.end, &encode(edit)?);
        self.is_sealed = false;
        let written = self.sync_last_frame().and_then(|()| self.file.write_at(&frame, self.end));
        let written = match written {
            Err(Error::OutOfSpace) if !self.sealer.is_encrypted() && self.file.set_size(self.end).is_ok() => {
                return Err(Error::OutOfSpace);
            }
            written => written.and_then(|()| self.file.sync()),
        };
        self.is_poisoned = written.is_err();
        written?;
        self.end += frame.len() as u64;
        self.state = state;
        Ok(&self.state)
    }

    /// Makes the last frame durable, if it is in doubt, by writing it again: the rewrite makes its
    /// pages dirty, so the sync cannot skip them.
    fn sync_last_frame(&mut self) -> Result<()> {
        let Some(start) = self.in_doubt else { return Ok(()) };
        let mut frame = vec![0; usize::try_from(self.end - start).unwrap_or(usize::MAX)];
        self.file.read_exact_at(&mut frame, start)?;
        self.file.write_at(&frame, start)?;
        self.file.sync()?;
        self.in_doubt = None;
        Ok(())
    }

    /// Whether the fate of the last edit is unknown, or the manifest that was read cannot be
    /// appended to: a new manifest must be created.
    pub(crate) fn is_poisoned(&self) -> bool {
        self.is_poisoned
    }

    /// Whether there are so many edits that a new manifest should be created when no commit waits
    /// for it.
    pub(crate) fn is_long(&self) -> bool {
        self.end - self.snapshot_end > self.snapshot_end.max(EDITS_SIZE)
    }

    /// Writes the seal, unless it is there or the manifest is encrypted. An open without a seal
    /// only does more work.
    pub(crate) fn seal(&mut self) -> Result<()> {
        let is_closed = self.is_poisoned || self.is_sealed || self.in_doubt.is_some();
        if is_closed || self.sealer.is_encrypted() {
            return Ok(());
        }
        let mut frame = Vec::new();
        put_frame(&mut frame, &self.sealer, self.end, self.end, &encode(&VersionEdit::default())?);
        self.is_sealed = true;
        self.file.write_at(&frame, self.end)
    }

    /// Whether the state is known to be durable.
    pub(crate) fn is_durable(&self) -> bool {
        self.in_doubt.is_none()
    }

    /// Removes all other manifests. This one is current, so nothing names them.
    pub(crate) fn remove_others(&self) -> Result<()> {
        for name in self.dir.env.list(&self.dir.path)? {
            let number = FileName::parse(&name).and_then(FileName::manifest_number);
            if number.is_some_and(|number| number != self.number) {
                self.dir.env.remove_file(&self.dir.path.join(&name))?;
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
