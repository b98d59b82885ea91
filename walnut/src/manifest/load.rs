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

/// What the manifest says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct LoadedManifest {
    pub(crate) state: ManifestState,
    /// The number of the manifest.
    pub(crate) number: FileNumber,
    /// The database's id.
    pub(crate) database: [u8; 16],
    /// Where the frames end that count, but for a seal.
    pub(crate) end: u64,
    pub(super) seed: u32,
    /// Where the snapshot ends.
    pub(super) snapshot_end: u64,
    /// Where the last frame begins, but for a seal.
    pub(super) last_frame: u64,
    /// Whether `CURRENT` has to be written anew before anything else is, because it is of an older format.
    pub(crate) is_old: bool,
    /// Where the seal ends, if there is one: then all frames before it, and `CURRENT`, were durable when it was written.
    pub(super) seal_end: Option<u64>,
}

/// Reads the manifest of the database in a directory in which there are these names; `None` when there is no database yet.
pub(crate) fn load(env: &dyn Env, dir: &Path, names: &[String]) -> Result<Option<LoadedManifest>> {
    if !CurrentFile::is_among(names) {
        return if had_current(names) {
            Err(Fault::Missing.at(&CurrentFile::path(dir), 0))
        } else {
            Ok(None)
        };
    }
    let current = CurrentFile::read(env, dir)?;
    let manifest = ManifestReader::open(env, dir, &current)?;
    let Frames { state, end, last_frame, seal_end } = manifest.read(current.snapshot_end)?;
    if current.manifest >= state.next_file {
        return Err(Fault::Invalid("next file number").at(manifest.file.path(), FRAMES_START));
    }
    let CurrentFile { database, manifest: number, seed, snapshot_end, is_old } = current;
    Ok(Some(LoadedManifest {
        state,
        number,
        database,
        end,
        seed,
        snapshot_end,
        last_frame,
        is_old,
        seal_end,
    }))
}

/// Whether there is a file that is made only after `CURRENT`.
fn had_current(names: &[String]) -> bool {
    names.iter().any(|name| {
        FileName::parse(name).is_some_and(|name| match name {
            FileName::Manifest(number) => number != FIRST_MANIFEST,
            FileName::Segment(_) | FileName::Sst(_) | FileName::Values(_) => true,
            _ => false,
        })
    })
}

/// The first so many bytes of a manifest are read at once: most are shorter.
const HEAD_SIZE: u64 = 64 << 10;

/// A manifest that is read.
struct ManifestReader {
    file: Arc<dyn File>,
    size: u64,
    seed: u32,
    /// The first bytes of the file, all of them if they are few.
    head: Vec<u8>,
}

/// What the frames of a manifest come to.
struct Frames {
    state: ManifestState,
    /// Where those end that count, but for a seal.
    end: u64,
    /// Where the last of them begins.
    last_frame: u64,
    /// Where the seal ends, if there is one behind them.
    seal_end: Option<u64>,
}

impl ManifestReader {
    /// Opens the manifest, which must exist and be the one that `CURRENT` means.
    fn open(env: &dyn Env, dir: &Path, current: &CurrentFile) -> Result<Self> {
        let path = FileName::Manifest(current.manifest).path(dir);
        let file = match env.open(&path) {
            Err(_) if env.kind(&path)?.is_none() => return Err(Fault::Missing.at(&path, 0)),
            opened => opened?,
        };
        let size = file.size()?;
        let mut head = vec![0; usize::try_from(size.min(HEAD_SIZE)).expect("it is below the limit")];
        file.read_exact_at(&mut head, 0)?;
        let header = head.first_chunk().ok_or(Fault::Truncated);
        let header =
            header.and_then(|bytes: &[u8; FileHeader::LEN]| FileHeader::decode(FileKind::Manifest, bytes));
        let header = header.map_err(|fault| fault.at(&path, 0))?;
        let fits = header.database == current.database
            && header.number == current.manifest
            && header.seed() == current.seed;
        if !fits {
            return Err(Fault::Identity.at(&path, 0));
        }
        Ok(Self { file, size, seed: header.seed(), head })
    }

    /// The state after all frames that count, and where they are.
    fn read(&self, snapshot_end: u64) -> Result<Frames> {
        let (state, end, last_frame) = (ManifestState::default(), FRAMES_START, FRAMES_START);
        let mut frames = Frames { state, end, last_frame, seal_end: None };
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
                frames = Frames { state, end: next, last_frame: offset, seal_end: None };
            }
        }
    }

    /// The payload of the frame at `offset` and where the next one stands, or why no valid one stands there. A frame with
    /// a right checksum that breaks another rule is an error.
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

    /// Reads bytes that lie in the file.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> Result<()> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        match self.head.get(start..start.saturating_add(bytes.len())) {
            Some(held) => bytes.copy_from_slice(held),
            None => self.file.read_exact_at(bytes, offset)?,
        }
        Ok(())
    }

    fn is_acknowledged(&self, broken: u64) -> Result<bool> {
        let suspect = TailFault {
            file: &self.file,
            size: self.size,
            seed: self.seed,
            broken,
            header_size: FRAME_HEADER_SIZE,
            record_size: &|header, _| FrameHeader::read(header).ok()?.frame_size(),
        };
        suspect.is_acknowledged()
    }
}
