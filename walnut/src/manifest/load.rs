//! Reads the manifest that `CURRENT` names. Writes nothing and removes nothing.

use std::path::Path;
use std::sync::Arc;

use super::current::CurrentFile;
use super::edit::VersionEdit;
use super::format::{FIRST_MANIFEST, FRAME_HEADER_SIZE, FRAMES_START, FrameHeader, next_frame};
use super::set::ManifestState;
use crate::base::FileNumber;
use crate::codec::{FileHeader, FileKind};
use crate::env::{Env, File};
use crate::error::{Fault, Result};
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
    /// Where the snapshot ends.
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
pub(crate) fn load(env: &dyn Env, dir: &Path, names: &[String]) -> Result<Option<LoadedManifest>> {
    if !CurrentFile::is_among(names) {
        return if had_current(names) {
            Err(Fault::Missing.at(&CurrentFile::path(dir), 0))
        } else {
            Ok(None)
        };
    }
    let current = CurrentFile::read(env, dir)?;
    let none = Frames {
        state: ManifestState::default(),
        end: FRAMES_START,
        last_frame_start: FRAMES_START,
        seal_end: None,
    };
    read_frames(env, dir, &current, none).map(Some)
}

/// Reads what was added to a manifest since it was `loaded`, or the manifest that replaced it. The
/// directory is not listed.
///
/// Cost: two opened files, and the new frames.
pub(crate) fn reload(env: &dyn Env, dir: &Path, loaded: &LoadedManifest) -> Result<LoadedManifest> {
    let current = CurrentFile::read(env, dir)?;
    let is_same =
        (current.database, current.manifest, current.seed) == (loaded.database, loaded.number, loaded.seed);
    let (end, last_frame_start, state) = if is_same {
        (loaded.end, loaded.last_frame_start, loaded.state.clone())
    } else {
        (FRAMES_START, FRAMES_START, ManifestState::default())
    };
    // The seal, if there was one, may have been overwritten.
    read_frames(env, dir, &current, Frames { state, end, last_frame_start, seal_end: None })
}

/// The manifest that `current` names; its frames up to the end of `known` are known.
fn read_frames(env: &dyn Env, dir: &Path, current: &CurrentFile, known: Frames) -> Result<LoadedManifest> {
    let manifest = ManifestReader::open(env, dir, current, known.end)?;
    let Frames { state, end, last_frame_start, seal_end } = manifest.read(current.snapshot_end, known)?;
    if current.manifest >= state.next_file {
        return Err(Fault::Invalid("next file number").at(manifest.file.path(), FRAMES_START));
    }
    let CurrentFile { database, manifest: number, seed, snapshot_end, is_old } = *current;
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
    seed: u32,
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

impl ManifestReader {
    /// Opens the manifest that `CURRENT` names, to be read from `start` on; a missing file, or
    /// another one under its name, is corruption.
    fn open(env: &dyn Env, dir: &Path, current: &CurrentFile, start: u64) -> Result<Self> {
        let path = FileName::Manifest(current.manifest).path(dir);
        let file = match env.open(&path) {
            Err(_) if env.kind(&path)?.is_none() => return Err(Fault::Missing.at(&path, 0)),
            opened => opened?,
        };
        let size = file.size()?;
        if size < FileHeader::LEN as u64 {
            return Err(Fault::Truncated.at(&path, 0));
        }
        // The first frames follow the header, and are read with it.
        let window_start = if start == FRAMES_START { 0 } else { start };
        let window_size = size.saturating_sub(window_start).min(WINDOW_SIZE);
        let mut window = vec![0; usize::try_from(window_size).expect("it is below the limit")];
        file.read_exact_at(&mut window, window_start)?;
        let mut bytes = [0; FileHeader::LEN];
        match window.first_chunk() {
            Some(first) if window_start == 0 => bytes = *first,
            _ => file.read_exact_at(&mut bytes, 0)?,
        }
        let header = FileHeader::decode(FileKind::Manifest, &bytes).map_err(|fault| fault.at(&path, 0))?;
        let fits = header.database == current.database
            && header.number == current.manifest
            && header.seed() == current.seed;
        if !fits {
            return Err(Fault::Identity.at(&path, 0));
        }
        Ok(Self { file, size, seed: header.seed(), window, window_start })
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
        let mut bytes = [0; FRAME_HEADER_SIZE];
        if left < bytes.len() as u64 {
            return Ok(Err(Fault::Truncated));
        }
        self.read_at(&mut bytes, offset)?;
        let header = FrameHeader::read(&bytes).map_err(|fault| fault.at(self.file.path(), offset))?;
        let Some(size) = header.frame_size().filter(|&size| size as u64 <= left) else {
            return Ok(Err(Fault::Truncated));
        };
        let mut frame = vec![0; size];
        self.read_at(&mut frame, offset)?;
        if let Err(fault) = header.check_crc(self.seed, offset, &frame) {
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
            seed: self.seed,
            broken,
            header_size: FRAME_HEADER_SIZE,
            record_size: &|header, _| FrameHeader::read(header).ok()?.frame_size(),
        };
        fault.is_acknowledged()
    }
}
