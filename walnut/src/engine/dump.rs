//! Dumps a file of a database: finds out what it is, and passes its parts on.
//!
//! The file is only read, by itself: neither a manifest nor another file is needed. A file whose
//! header is damaged has no sound part, because every checksum continues that of the header.

use std::path::Path;

use crate::base::Kind;
use crate::batch::BatchEntries;
use crate::codec::{FileHeader, FileKind};
use crate::env::Env;
use crate::error::{Fault, Result};
use crate::files::{FilePart, PartVisitor};
use crate::sync::Arc;
use crate::{manifest, sst, vlog, wal};

/// What was found of a file as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FileSummary {
    pub(crate) kind: FileKind,
    pub(crate) size: u64,
    /// Where the last valid record, block or edit ends; 0 when the header is damaged.
    pub(crate) sound_end: u64,
}

/// Passes every part of a file of some kind to `visit_of`. `Fault::Magic` when it is no file of a
/// database.
pub(crate) fn dump(
    env: &Arc<dyn Env>,
    path: &Path,
    visit_of: &mut dyn FnMut(FileKind, FilePart),
) -> Result<FileSummary> {
    let file = env.open(path)?;
    let size = file.size()?;
    let mut bytes = [0; FileHeader::LEN];
    if size < bytes.len() as u64 {
        return Err(Fault::Truncated.at(path, size));
    }
    file.read_exact_at(&mut bytes, 0)?;
    let kinds = [FileKind::Wal, FileKind::Sst, FileKind::Manifest, FileKind::ValueFile];
    let decoded = kinds.map(|kind| (kind, FileHeader::decode(kind, &bytes)));
    let found = decoded.into_iter().find(|(_, decoded)| *decoded != Err(Fault::Magic));
    let (kind, decoded) = found.ok_or_else(|| Fault::Magic.at(path, 0))?;
    let visit: &mut PartVisitor<'_> = &mut |part| visit_of(kind, part);
    let part = FilePart::new("header", 0, FileHeader::LEN as u64);
    let header = match decoded {
        Ok(header) => header,
        Err(fault) => {
            visit(part.with_fault(fault));
            let start = FileHeader::LEN as u64;
            visit(FilePart::new("rest", start, size - start).with_text("not checked without a header"));
            return Ok(FileSummary { kind, size, sound_end: 0 });
        }
    };
    let database = format!("{:032x}", u128::from_be_bytes(header.database));
    let first = if kind == FileKind::Wal { format!(", first seqno {}", header.word) } else { String::new() };
    let text = format!("number {}, database {database}, salt {:016x}{first}", header.number.0, header.salt);
    visit(part.with_checksum(header.seed()).with_text(text));
    let sound_end = match kind {
        FileKind::Wal => wal::dump(&file, &header, &mut |part, commit| visit_record(part, commit, visit))?,
        FileKind::Sst => sst::dump(&file, &header, visit)?,
        FileKind::Manifest => manifest::dump(&file, &header, visit)?,
        FileKind::ValueFile => vlog::dump(&file, &header, visit)?,
    };
    Ok(FileSummary { kind, size, sound_end })
}

/// A record of the log, and the entries of its commit.
fn visit_record(part: FilePart, commit: Option<wal::Commit<'_>>, visit: &mut PartVisitor<'_>) {
    let Some(commit) = commit else { return visit(part) };
    let payload_start = part.offset + part.size - commit.payload.len() as u64;
    let entries = match BatchEntries::new(commit.payload, commit.count) {
        Ok(entries) => entries,
        Err(fault) => return visit(part.with_fault(fault)),
    };
    visit(part);
    for ((at, (kind, key, value)), seqno) in entries.with_offsets().zip(commit.seq_start.0..) {
        let name = match kind {
            Kind::Put => "put",
            Kind::Delete => "delete",
            Kind::Pointer => "pointer",
            Kind::Add => "add",
            Kind::RangeDelete => "delete range",
        };
        let part = FilePart::within(name, payload_start + at as u64, (key.len() + value.len()) as u64);
        let part = part.with_key(key);
        let part = match kind {
            Kind::RangeDelete => part.with_text("before").with_key(value),
            _ => part.with_text(format!("{} bytes", value.len())),
        };
        visit(part.with_text(format!(", seqno {seqno}")));
    }
}
