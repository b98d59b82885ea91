//! Dumps a manifest: every frame with what its edit changes. Behind an invalid frame the next valid
//! edit is searched at every multiple of eight.

use super::edit::VersionEdit;
use super::format::{FRAME_HEADER_SIZE, FrameHeader, next_frame};
use crate::codec::Reader;
use crate::crypt::Sealer;
use crate::env::File;
use crate::error::{Fault, Result};
use crate::files::{FilePart, PartVisitor};
use crate::sync::Arc;
use crate::wal::ALIGNMENT;

/// Passes every part of a manifest behind its headers to `visit`; returns where the last valid
/// frame ends.
pub(crate) fn dump(file: &Arc<dyn File>, sealer: &Sealer, visit: &mut PartVisitor<'_>) -> Result<u64> {
    let size = file.size()?;
    let start = sealer.header_size() as u64;
    let (mut offset, mut sound_end) = (start, start);
    let mut gap: Option<(u64, Fault)> = None;
    while offset + FRAME_HEADER_SIZE as u64 <= size {
        let frame = match read_frame(file, sealer, offset, size, gap.is_some())? {
            Ok(frame) => frame,
            Err(fault) => {
                gap.get_or_insert((offset, fault));
                offset += ALIGNMENT as u64;
                continue;
            }
        };
        let SoundFrame { crc, synced, bytes, size: frame_size } = frame;
        if let Some((start, fault)) = gap.take() {
            visit(FilePart::new("damage", start, offset - start).with_fault(fault));
        }
        let part = |name| {
            FilePart::new(name, offset, frame_size as u64)
                .with_checksum(crc)
                .with_text(format!("synced {synced}"))
        };
        match VersionEdit::decode(&bytes[FRAME_HEADER_SIZE..]) {
            Ok(edit) if edit == VersionEdit::default() => visit(part("seal")),
            Ok(edit) => {
                visit(part("edit"));
                visit_edit(&edit, offset, visit);
            }
            Err(fault) => visit(part("edit").with_fault(fault)),
        }
        offset = next_frame(offset, frame_size);
        sound_end = offset.min(size);
    }
    if sound_end < size {
        let reason = gap.map_or(Fault::Truncated, |(_, fault)| fault);
        visit(
            FilePart::new("rest", sound_end, size - sound_end).with_text(format!("no valid edit: {reason}")),
        );
    }
    Ok(sound_end)
}

/// A frame whose checksum matches.
struct SoundFrame {
    crc: u32,
    synced: u64,
    /// Opened, with the header.
    bytes: Vec<u8>,
    /// In the file.
    size: usize,
}

/// The frame at an offset, or why there is none. Where frames are `searched`, only an edit is one:
/// it says its own offset.
fn read_frame(
    file: &Arc<dyn File>,
    sealer: &Sealer,
    offset: u64,
    size: u64,
    searched: bool,
) -> Result<Result<SoundFrame, Fault>> {
    let tag_size = sealer.tag_size();
    let head_size = FRAME_HEADER_SIZE + tag_size;
    if size - offset < head_size as u64 {
        return Ok(Err(Fault::Truncated));
    }
    let head = file.read_vec_at(head_size, offset)?;
    let mut bytes = [0; FRAME_HEADER_SIZE];
    if let Err(fault) = sealer.open_fields(offset, &head, &mut bytes) {
        return Ok(Err(fault));
    }
    let mut reader = Reader::new(&bytes);
    let (Ok(crc), Ok(_), Ok(synced)) = (reader.u32(), reader.u32(), reader.u64()) else {
        return Ok(Err(Fault::Truncated));
    };
    if searched && synced != offset {
        return Ok(Err(Fault::Truncated));
    }
    let header = match FrameHeader::read(&bytes) {
        Ok(header) => header,
        Err(fault) => return Ok(Err(fault)),
    };
    let frame_size = header.frame_size().map(|frame| frame + 2 * tag_size);
    let Some(frame_size) = frame_size.filter(|&frame| frame as u64 <= size - offset) else {
        return Ok(Err(Fault::Truncated));
    };
    let mut bytes = file.read_vec_at(frame_size, offset)?;
    let opened = sealer.open_record(offset, &mut bytes, FRAME_HEADER_SIZE);
    let checked = opened.and_then(|()| header.check_synced(offset));
    Ok(checked.map(|()| SoundFrame { crc, synced, bytes, size: frame_size }))
}

/// The fields of an edit.
fn visit_edit(edit: &VersionEdit, offset: u64, visit: &mut PartVisitor<'_>) {
    let field = |name| FilePart::within(name, offset, 0);
    let numbers = [
        ("first log", edit.log_number.map(|number| number.0)),
        ("newest log", edit.newest_log.map(|number| number.0)),
        ("next file", edit.next_file.map(|number| number.0)),
        ("last seqno", edit.last_seqno.map(|seqno| seqno.0)),
        ("log seqno", edit.log_seqno.map(|seqno| seqno.0)),
    ];
    for (name, number) in numbers {
        if let Some(number) = number {
            visit(field(name).with_text(number));
        }
    }
    for (level, number) in &edit.removed {
        visit(field("removed").with_text(format!("{number}.sst of level {}", level.code())));
    }
    for (level, meta) in &edit.added {
        let text = format!(
            "{}.sst on level {}, {} bytes, {} entries,",
            meta.number,
            level.code(),
            meta.size,
            meta.entry_count
        );
        let seqnos = format!(", seqnos {} to {}", meta.smallest_seqno.0, meta.largest_seqno.0);
        let part = field("added").with_text(text).with_key(&meta.smallest).with_text("before");
        visit(part.with_key(&meta.end).with_text(seqnos));
    }
    for meta in &edit.values {
        let text = format!("{}.vlog, {} bytes, {} records", meta.number, meta.size, meta.record_count);
        visit(field("added").with_text(text));
    }
}
