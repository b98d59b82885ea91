//! Dumps a file of a database: finds out what it is, and passes its parts on.
//!
//! The file is only read, by itself: no other file is needed but the key file, where it is
//! encrypted. A file whose headers are damaged has no sound part, because every checksum continues
//! that of the file header, and every tag is under a key that follows from both headers.

use std::path::Path;

use crate::base::Kind;
use crate::batch;
use crate::codec::{FileFormat, FileHeader, FileKind};
use crate::crypt::{DataKeys, EncryptionKey, Sealer};
use crate::engine::admin::keys;
use crate::env::{Env, File};
use crate::error::{Fault, Result};
use crate::files::{FilePart, PartVisitor};
use crate::sync::Arc;
use crate::{manifest, sst, vlog, wal};

/// What was found of a file as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FileSummary {
    pub(crate) kind: FileKind,
    pub(crate) size: u64,
    /// Where the last valid record, block or edit ends; 0 when the header is damaged or the key is
    /// missing.
    pub(crate) sound_end: u64,
}

/// Passes every part of a file of some kind to `visit_of`; of an encrypted one only the headers,
/// without its key. `Fault::Magic` when it is no file of a database.
pub(crate) fn dump(
    env: &Arc<dyn Env>,
    path: &Path,
    key: Option<&EncryptionKey>,
    visit_of: &mut dyn FnMut(FileKind, FilePart),
) -> Result<FileSummary> {
    let keys = match (key, path.parent()) {
        (Some(_), Some(dir)) => keys::find_in_damaged(&**env, dir, key)?,
        _ => DataKeys::none(),
    };
    let file = env.open(path)?;
    let size = file.size()?;
    if size < FileHeader::LEN as u64 {
        return Err(Fault::Truncated.at(path, size));
    }
    let header_size = size.min(FileHeader::LEN.max(keys.header_size()) as u64);
    let bytes = file.read_vec_at(usize::try_from(header_size).unwrap_or(FileHeader::LEN), 0)?;
    let (kind, format, decoded) = identify(&bytes).ok_or_else(|| Fault::Magic.at(path, 0))?;
    let visit: &mut PartVisitor<'_> = &mut |part| visit_of(kind, part);
    let opened = match format {
        FileFormat::Plain => DataKeys::none().open(kind, &bytes).map_err(|fault| fault.to_string()),
        FileFormat::Encrypted if keys.is_encrypted() => {
            keys.open(kind, &bytes).map_err(|fault| fault.to_string())
        }
        FileFormat::Encrypted => return without_key(&file, size, kind, decoded, visit),
    };
    let end = if format == FileFormat::Plain { FileHeader::LEN } else { keys.header_size() };
    let end = end as u64;
    let part = FilePart::new("header", 0, end.min(size));
    let part = match &decoded {
        Ok(header) => part.with_checksum(header.seed_as(format)).with_text(described(kind, header)),
        Err(_) => part,
    };
    let sealer = match opened {
        Ok((_, sealer)) => sealer,
        Err(fault) => {
            visit(part.with_fault(fault));
            let rest = size.saturating_sub(end);
            visit(FilePart::new("rest", end.min(size), rest).with_text("not checked without a header"));
            return Ok(FileSummary { kind, size, sound_end: 0 });
        }
    };
    visit(part);
    let header = decoded.map_err(|fault| fault.at(path, 0))?;
    let sound_end = dump_contents(&file, &header, sealer, visit)?;
    Ok(FileSummary { kind, size, sound_end })
}

/// The headers of an encrypted file, unchecked, and the size of what the key would open.
fn without_key(
    file: &Arc<dyn File>,
    size: u64,
    kind: FileKind,
    header: Result<FileHeader, Fault>,
    visit: &mut PartVisitor<'_>,
) -> Result<FileSummary> {
    let header = header.map_err(|fault| fault.at(file.path(), 0))?;
    let end = size.min(2 * FileHeader::LEN as u64);
    let bytes = file.read_vec_at(usize::try_from(end).unwrap_or(FileHeader::LEN), 0)?;
    let part = FilePart::new("header", 0, end).with_checksum(header.seed_as(FileFormat::Encrypted));
    let part = part.with_text(described(kind, &header));
    visit(match DataKeys::unchecked(&bytes) {
        Ok((data_key, salt)) => {
            let salt = salt.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
            part.with_text(format!(", encrypted under data key {data_key} with salt {salt}"))
        }
        Err(fault) => part.with_fault(fault),
    });
    visit(FilePart::new("rest", end, size - end).with_text("not opened without the key"));
    Ok(FileSummary { kind, size, sound_end: 0 })
}

/// The kind and the format of a file that begins with these bytes, and its header if it is sound.
fn identify(bytes: &[u8]) -> Option<(FileKind, FileFormat, Result<FileHeader, Fault>)> {
    let kinds = [FileKind::Wal, FileKind::Sst, FileKind::Manifest, FileKind::ValueFile];
    let kind = kinds.into_iter().find(|kind| bytes.starts_with(kind.magic()))?;
    Some(match FileHeader::decode_as(kind, FileFormat::Encrypted, bytes) {
        Ok(header) => (kind, FileFormat::Encrypted, Ok(header)),
        Err(_) => (kind, FileFormat::Plain, FileHeader::decode(kind, bytes)),
    })
}

fn described(kind: FileKind, header: &FileHeader) -> String {
    let database = u128::from_be_bytes(header.database);
    let first = if kind == FileKind::Wal { format!(", first seqno {}", header.word) } else { String::new() };
    format!("number {}, database {database:032x}, salt {:016x}{first}", header.number.0, header.salt)
}

fn dump_contents(
    file: &Arc<dyn File>,
    header: &FileHeader,
    sealer: Sealer,
    visit: &mut PartVisitor<'_>,
) -> Result<u64> {
    let tag_size = sealer.tag_size() as u64;
    match header.kind {
        FileKind::Wal => {
            wal::dump(file, header, sealer, &mut |part, commit| visit_record(part, commit, tag_size, visit))
        }
        FileKind::Sst => sst::dump(file, &sealer, visit),
        FileKind::Manifest => manifest::dump(file, &sealer, visit),
        FileKind::ValueFile => vlog::dump(file, &sealer, visit),
        FileKind::Current | FileKind::Keys => Ok(0),
    }
}

/// A record of the log, and the entries of its commit.
fn visit_record(part: FilePart, commit: Option<wal::Commit<'_>>, tag_size: u64, visit: &mut PartVisitor<'_>) {
    let Some(commit) = commit else { return visit(part) };
    let payload_start = part.offset + part.size - tag_size - commit.payload.len() as u64;
    if let Err(fault) = batch::decode(commit.payload, commit.count, |_, _| {}) {
        return visit(part.with_fault(fault));
    }
    visit(part);
    let mut seqno = commit.seq_start.0;
    let _ = batch::decode(commit.payload, commit.count, |at, (kind, key, value)| {
        let part = FilePart::within(kind.name(), payload_start + at as u64, (key.len() + value.len()) as u64);
        let part = part.with_key(key);
        let part = match kind {
            Kind::RangeDelete => part.with_text("before").with_key(value),
            _ => part.with_text(format!("{} bytes", value.len())),
        };
        visit(part.with_text(format!(", seqno {seqno}")));
        seqno += 1;
    });
}
