//! Reads the manifest that `CURRENT` names. Writes nothing and removes nothing.

use std::path::Path;
use std::sync::Arc;

use super::current::CurrentFile;
use super::edit::VersionEdit;
use super::format::{FIRST_MANIFEST, FRAME_HEADER_SIZE, FrameHeader, next_frame};
use super::set::ManifestState;
use crate::base::FileNumber;
use crate::codec::FileKind;
use crate::crypt::{DataKeys, Sealer};
use crate::env::{Env, File, PathKind};
use crate::error::{Error, Fault, Result};
use crate::files::FileName;
use crate::wal::TailFault;

/// A manifest as it was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct LoadedManifest {
    pub(crate) state: ManifestState,
    pub(crate) number: FileNumber,
    /// The database's id.
    pub(crate) database: [u8; 16],
    /// Where the last valid frame ends, a seal excluded.
    pub(crate) end: u64,
    pub(super) seed: u32,
    pub(super) snapshot_end: u64,
    /// Where the last valid frame begins, a seal excluded.
    pub(super) last_frame_start: u64,
    /// Whether `CURRENT` is in an older format, and must be rewritten before anything else is
    /// written.
    pub(crate) is_old: bool,
    /// Where the seal ends, if there is one: all frames before it, and `CURRENT`, were durable when
    /// it was written.
    pub(super) seal_end: Option<u64>,
}

/// Reads the manifest of the database in `dir`, which has the files `names`; `None` when there is
/// no database yet.
pub(crate) fn load(
    env: &dyn Env,
    dir: &Path,
    names: &[String],
    keys: &DataKeys,
) -> Result<Option<LoadedManifest>> {
    if !CurrentFile::is_among(names) {
        return if had_current(names) {
            Err(Fault::Missing.at(&CurrentFile::path(dir), 0))
        } else {
            Ok(None)
        };
    }
    let current = CurrentFile::read(env, dir, keys)?;
    read_frames(env, dir, &current, keys, Frames::none(keys)).map(Some)
}

/// Reads what was added to a manifest since it was `loaded`, or the manifest that replaced it. The
/// directory is not listed.
///
/// Cost: two opened files, and the new frames.
pub(crate) fn reload(
    env: &dyn Env,
    dir: &Path,
    keys: &DataKeys,
    loaded: &LoadedManifest,
) -> Result<LoadedManifest> {
    let current = CurrentFile::read(env, dir, keys)?;
    let is_same =
        (current.database, current.manifest, current.seed) == (loaded.database, loaded.number, loaded.seed);
    let known = if is_same {
        // The seal, if there was one, may have been overwritten.
        let LoadedManifest { end, last_frame_start, .. } = *loaded;
        Frames { state: loaded.state.clone(), end, last_frame_start, seal_end: None }
    } else {
        Frames::none(keys)
    };
    read_frames(env, dir, &current, keys, known)
}

/// The manifest that `current` names; its frames up to the end of `known` are known.
fn read_frames(
    env: &dyn Env,
    dir: &Path,
    current: &CurrentFile,
    keys: &DataKeys,
    known: Frames,
) -> Result<LoadedManifest> {
    let manifest = ManifestReader::open(env, dir, current, keys, known.end)?;
    let Frames { state, end, last_frame_start, seal_end } = manifest.read(current.snapshot_end, known)?;
    if current.manifest >= state.next_file {
        return Err(Fault::Invalid("next file number").at(manifest.file.path(), keys.header_size() as u64));
    }
    let CurrentFile { database, manifest: number, seed, snapshot_end, is_old, .. } = *current;
    Ok(LoadedManifest {
        state,
        number,
        database,
        end,
        seed,
        snapshot_end,
        last_frame_start,
        is_old,
        seal_end,
    })
}

/// The id of the database in `dir`, and whether it is encrypted, as `CURRENT` says without a check
/// of its seal. `None` when there is no `CURRENT`, or one that [`load`] refuses.
pub(crate) fn identity(env: &dyn Env, dir: &Path) -> Result<Option<([u8; 16], bool)>> {
    if env.kind(&CurrentFile::path(dir))? != Some(PathKind::File) {
        return Ok(None);
    }
    match CurrentFile::read_unchecked(env, dir) {
        Err(Error::Corruption { .. }) => Ok(None),
        current => current.map(|current| Some((current.database, current.seal.is_some()))),
    }
}

/// Whether there is a file that is only created after `CURRENT`.
fn had_current(names: &[String]) -> bool {
    names.iter().any(|name| {
        FileName::parse(name).is_some_and(|name| match name {
            FileName::Manifest(number) => number != FIRST_MANIFEST,
            FileName::Segment(_) | FileName::Sst(_) | FileName::Values(_) => true,
            _ => false,
        })
    })
}

/// The bytes of a manifest that are read at once; most manifests are shorter.
const WINDOW_SIZE: u64 = 64 << 10;

struct ManifestReader {
    file: Arc<dyn File>,
    size: u64,
    sealer: Sealer,
    /// The bytes from `window_start` on: [`WINDOW_SIZE`], or up to the end of the file.
    window: Vec<u8>,
    window_start: u64,
}

/// The frames of a manifest: the state after them and their offsets.
struct Frames {
    state: ManifestState,
    /// Where the last valid frame ends, a seal excluded.
    end: u64,
    last_frame_start: u64,
    /// Where the seal ends, if there is one.
    seal_end: Option<u64>,
}

impl Frames {
    /// No frame yet.
    fn none(keys: &DataKeys) -> Self {
        let start = keys.header_size() as u64;
        Self { state: ManifestState::default(), end: start, last_frame_start: start, seal_end: None }
    }
}

impl ManifestReader {
    /// Opens the manifest that `CURRENT` names, to be read from `start` on; a missing file, or
    /// another one under its name, is corruption.
    fn open(env: &dyn Env, dir: &Path, current: &CurrentFile, keys: &DataKeys, start: u64) -> Result<Self> {
        let path = FileName::Manifest(current.manifest).path(dir);
        let file = match env.open(&path) {
            Err(_) if env.kind(&path)?.is_none() => return Err(Fault::Missing.at(&path, 0)),
            opened => opened?,
        };
        let size = file.size()?;
        let header_size = keys.header_size();
        if size < header_size as u64 {
            return Err(Fault::Truncated.at(&path, 0));
        }
        // The first frames follow the headers, and are read with them.
        let window_start = if start == header_size as u64 { 0 } else { start };
        let window_size = size.saturating_sub(window_start).min(WINDOW_SIZE);
        let mut window = vec![0; usize::try_from(window_size).expect("it is below the limit")];
        file.read_exact_at(&mut window, window_start)?;
        let opened = match window.get(..header_size) {
            Some(first) if window_start == 0 => keys.open(FileKind::Manifest, first),
            _ => keys.open(FileKind::Manifest, &file.read_vec_at(header_size, 0)?),
        };
        let (header, sealer) = opened.map_err(|fault| fault.at(&path, 0))?;
        let fits = header.database == current.database
            && header.number == current.manifest
            && sealer.seed() == current.seed;
        if !fits {
            return Err(Fault::Identity.at(&path, 0));
        }
        Ok(Self { file, size, sealer, window, window_start })
    }

    /// Replays the frames behind those that are known, up to a torn tail.
    fn read(&self, snapshot_end: u64, known: Frames) -> Result<Frames> {
        let mut frames = known;
        loop {
            let offset = frames.seal_end.unwrap_or(frames.end);
            let (payload, next) = match self.frame(offset)? {
                Ok(frame) => frame,
                Err(fault) if offset < snapshot_end || self.is_acknowledged(offset)? => {
                    return Err(fault.at(self.file.path(), offset));
                }
                Err(_) => return Ok(frames),
            };
            let applied = VersionEdit::decode(&payload).and_then(|edit| {
                let state = frames.state.apply(&edit)?;
                Ok((edit, state))
            });
            let (edit, state) = applied.map_err(|fault| fault.at(self.file.path(), offset))?;
            if edit == VersionEdit::default() {
                frames.seal_end = Some(next);
            } else {
                frames = Frames { state, end: next, last_frame_start: offset, seal_end: None };
            }
        }
    }

    /// Returns the payload of the frame at `offset` and the offset of the next frame, or why there
    /// is no valid frame. A frame with a matching checksum that violates another rule is an error.
    fn frame(&self, offset: u64) -> Result<Result<(Vec<u8>, u64), Fault>> {
        let left = self.size.saturating_sub(offset);
        let tag_size = self.sealer.tag_size();
        let mut sealed = vec![0; FRAME_HEADER_SIZE + tag_size];
        if left < sealed.len() as u64 {
            return Ok(Err(Fault::Truncated));
        }
        self.read_at(&mut sealed, offset)?;
        let mut bytes = [0; FRAME_HEADER_SIZE];
        if let Err(fault) = self.sealer.open_fields(offset, &sealed, &mut bytes) {
            return Ok(Err(fault));
        }
        let header = FrameHeader::read(&bytes).map_err(|fault| fault.at(self.file.path(), offset))?;
        let size = header.frame_size().map(|size| size + 2 * tag_size).filter(|&size| size as u64 <= left);
        let Some(size) = size else { return Ok(Err(Fault::Truncated)) };
        let mut frame = vec![0; size];
        self.read_at(&mut frame, offset)?;
        if let Err(fault) = self.sealer.open_record(offset, &mut frame, FRAME_HEADER_SIZE) {
            return Ok(Err(fault));
        }
        header.check_synced(offset).map_err(|fault| fault.at(self.file.path(), offset))?;
        frame.drain(..FRAME_HEADER_SIZE);
        Ok(Ok((frame, next_frame(offset, size))))
    }

    /// Reads bytes that are within the file.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> Result<()> {
        let start = offset.checked_sub(self.window_start).and_then(|start| usize::try_from(start).ok());
        match start.and_then(|start| self.window.get(start..start.saturating_add(bytes.len()))) {
            Some(held) => bytes.copy_from_slice(held),
            None => self.file.read_exact_at(bytes, offset)?,
        }
        Ok(())
    }

    fn is_acknowledged(&self, broken: u64) -> Result<bool> {
        let fault = TailFault {
            file: &self.file,
            size: self.size,
            sealer: &self.sealer,
            broken,
            header_size: FRAME_HEADER_SIZE,
            record_size: &|header, _| FrameHeader::read(header).ok()?.frame_size(),
        };
        fault.is_acknowledged()
    }
}
