//! Reads the manifest that `CURRENT` names. Writes nothing and removes nothing.

use std::path::Path;
use std::sync::Arc;

use super::current::Current;
use super::edit::VersionEdit;
use super::format::{FIRST_MANIFEST, FRAME_HEADER_SIZE, FRAMES_START, FrameHeader, next_frame};
use super::set::ManifestState;
use crate::base::FileNumber;
use crate::codec::{FileHeader, FileKind};
use crate::env::{Env, File};
use crate::error::{Fault, Result};
use crate::files::FileName;
use crate::wal::Suspect;

/// What the manifest says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Loaded {
    pub(crate) state: ManifestState,
    /// The number of the manifest.
    pub(crate) number: FileNumber,
    /// The database's id.
    pub(crate) database: [u8; 16],
    /// Where the frames end that count.
    pub(crate) end: u64,
}

/// Reads the manifest of the database in a directory; `None` when there is no database yet.
pub(crate) fn load(env: &dyn Env, dir: &Path) -> Result<Option<Loaded>> {
    let names = env.list(dir)?;
    if !Current::is_among(&names) {
        return if had_current(&names) { Err(Fault::Missing.at(&Current::path(dir), 0)) } else { Ok(None) };
    }
    let current = Current::read(env, dir)?;
    let manifest = Manifest::open(env, dir, &current)?;
    let (state, end) = manifest.read(current.snapshot_end)?;
    if current.manifest >= state.next_file {
        return Err(Fault::Invalid("next file number").at(manifest.file.path(), FRAMES_START));
    }
    Ok(Some(Loaded { state, number: current.manifest, database: current.database, end }))
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

/// A manifest that is read.
struct Manifest {
    file: Arc<dyn File>,
    size: u64,
    seed: u32,
}

impl Manifest {
    /// Opens the manifest, which must exist and be the one that `CURRENT` means.
    fn open(env: &dyn Env, dir: &Path, current: &Current) -> Result<Self> {
        let path = FileName::Manifest(current.manifest).path(dir);
        if env.kind(&path)?.is_none() {
            return Err(Fault::Missing.at(&path, 0));
        }
        let file = env.open(&path)?;
        let mut bytes = [0; FileHeader::LEN];
        file.read_exact_at(&mut bytes, 0)?;
        let header = FileHeader::decode(FileKind::Manifest, &bytes).map_err(|fault| fault.at(&path, 0))?;
        let fits = header.database == current.database
            && header.number == current.manifest
            && header.seed() == current.seed;
        if !fits {
            return Err(Fault::Identity.at(&path, 0));
        }
        let size = file.size()?;
        Ok(Self { file, size, seed: header.seed() })
    }

    /// The state after all frames that count, and where they end.
    fn read(&self, snapshot_end: u64) -> Result<(ManifestState, u64)> {
        let mut state = ManifestState::default();
        let mut offset = FRAMES_START;
        loop {
            let (payload, next) = match self.frame(offset)? {
                Ok(frame) => frame,
                Err(fault) if offset < snapshot_end || self.was_promised(offset)? => {
                    return Err(fault.at(self.file.path(), offset));
                }
                Err(_) => return Ok((state, offset)),
            };
            let edit = VersionEdit::decode(&payload);
            state = edit
                .and_then(|edit| state.apply(&edit))
                .map_err(|fault| fault.at(self.file.path(), offset))?;
            offset = next;
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
        self.file.read_exact_at(&mut bytes, offset)?;
        let header = FrameHeader::read(&bytes).map_err(|fault| fault.at(self.file.path(), offset))?;
        let Some(size) = header.frame_size().filter(|&size| size as u64 <= left) else {
            return Ok(Err(Fault::Truncated));
        };
        let mut frame = vec![0; size];
        self.file.read_exact_at(&mut frame, offset)?;
        if let Err(fault) = header.check_crc(self.seed, offset, &frame) {
            return Ok(Err(fault));
        }
        header.check_synced(offset).map_err(|fault| fault.at(self.file.path(), offset))?;
        frame.drain(..FRAME_HEADER_SIZE);
        Ok(Ok((frame, next_frame(offset, size))))
    }

    fn was_promised(&self, broken: u64) -> Result<bool> {
        let suspect = Suspect {
            file: &self.file,
            size: self.size,
            seed: self.seed,
            broken,
            header_size: FRAME_HEADER_SIZE,
            record_size: &|header, _| FrameHeader::read(header).ok()?.frame_size(),
        };
        suspect.was_promised()
    }
}
