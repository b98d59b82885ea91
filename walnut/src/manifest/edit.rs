//! A version edit: one change of the manifest's state, and its encoding.
//!
//! ```text
//!  | tag u8 | size varint | value (size bytes) | tag | size | value | ...
//!
//!  tag 1  log_number  varint
//!      2  newest_log  varint
//!      3  next_file   varint
//!      4  last_seqno  varint
//!      5  log_seqno   varint
//!      6  removed     level u8, number varint
//!      7  added       level u8, number varint, size varint, digest u64, entry_count varint,
//!                     tombstone_count varint, raw_size varint, dead_size varint,
//!                     fragment_count varint, smallest key, end (size varint, bytes),
//!                     smallest_seqno varint, largest_seqno varint,
//!                     share_count varint, of each share: value file's number varint, size varint
//!      8  values      number varint, size varint, digest u64, record_count varint
//! ```
//!
//! An edit is valid if and only if (1) its tags are these, in ascending order, 1 to 5 at most once
//! each, (2) each value fills its size exactly, and (3) levels, file numbers and sequence numbers
//! are within their limits. So every edit has one encoding. An unknown tag is an error and is not
//! skipped: the program that wrote it relied on it.

use std::sync::Arc;

use super::level::Level;
use crate::base::{FileNumber, SeqNo};
use crate::codec::{Reader, Writer};
use crate::error::Fault;
use crate::sst::{SstMeta, ValueShare};
use crate::vlog::ValueMeta;

const LOG_NUMBER: u8 = 1;
const NEWEST_LOG: u8 = 2;
const NEXT_FILE: u8 = 3;
const LAST_SEQNO: u8 = 4;
const LOG_SEQNO: u8 = 5;
const REMOVED: u8 = 6;
const ADDED: u8 = 7;
const VALUES: u8 = 8;

/// A version edit. A field that is `None` does not change.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct VersionEdit {
    /// The oldest log segment that is still needed.
    pub(crate) log_number: Option<FileNumber>,
    /// A durable log segment; the log must reach it at least.
    pub(crate) newest_log: Option<FileNumber>,
    /// The number of the next SST or manifest.
    pub(crate) next_file: Option<FileNumber>,
    /// The last sequence number in the SSTs.
    pub(crate) last_seqno: Option<SeqNo>,
    /// The last sequence number with which the log was closed; the log must reach it at least.
    pub(crate) log_seqno: Option<SeqNo>,
    /// Files removed from their level. They are removed before others are added, so a file can move
    /// within one edit.
    pub(crate) removed: Vec<(Level, FileNumber)>,
    pub(crate) added: Vec<(Level, Arc<SstMeta>)>,
    /// Value files, added with SSTs that point into them. They are removed with the last of these
    /// SSTs.
    pub(crate) values: Vec<ValueMeta>,
}

impl VersionEdit {
    pub(super) fn changes_files(&self) -> bool {
        !(self.removed.is_empty() && self.added.is_empty() && self.values.is_empty())
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let numbers = [
            (LOG_NUMBER, self.log_number.map(|number| number.0)),
            (NEWEST_LOG, self.newest_log.map(|number| number.0)),
            (NEXT_FILE, self.next_file.map(|number| number.0)),
            (LAST_SEQNO, self.last_seqno.map(|seqno| seqno.0)),
            (LOG_SEQNO, self.log_seqno.map(|seqno| seqno.0)),
        ];
        for (tag, number) in numbers {
            if let Some(number) = number {
                put_field(&mut out, tag, |value| value.put_varint(number));
            }
        }
        for (level, number) in &self.removed {
            put_field(&mut out, REMOVED, |value| {
                value.put_u8(level.code());
                value.put_varint(number.0);
            });
        }
        for (level, meta) in &self.added {
            put_field(&mut out, ADDED, |value| {
                value.put_u8(level.code());
                put_meta(value, meta);
            });
        }
        for meta in &self.values {
            put_field(&mut out, VALUES, |value| put_value_meta(value, meta));
        }
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Fault> {
        let mut edit = Self::default();
        let mut reader = Reader::new(bytes);
        let mut last_tag = None;
        while !reader.is_empty() {
            let tag = reader.u8()?;
            if last_tag.is_some_and(|last| tag < last || tag == last && tag < REMOVED) {
                return Err(Fault::Invalid("order of the fields of an edit"));
            }
            last_tag = Some(tag);
            let mut value = Reader::new(reader.prefixed()?);
            match tag {
                LOG_NUMBER => edit.log_number = Some(read_number(&mut value)?),
                NEWEST_LOG => edit.newest_log = Some(read_number(&mut value)?),
                NEXT_FILE => edit.next_file = Some(read_number(&mut value)?),
                LAST_SEQNO => edit.last_seqno = Some(read_seqno(&mut value)?),
                LOG_SEQNO => edit.log_seqno = Some(read_seqno(&mut value)?),
                REMOVED => edit.removed.push((read_level(&mut value)?, read_number(&mut value)?)),
                ADDED => edit.added.push((read_level(&mut value)?, Arc::new(read_meta(&mut value)?))),
                VALUES => edit.values.push(read_value_meta(&mut value)?),
                _ => return Err(Fault::Invalid("tag of a field of an edit")),
            }
            value.finish()?;
        }
        Ok(edit)
    }
}

fn put_field(out: &mut Vec<u8>, tag: u8, write: impl FnOnce(&mut Vec<u8>)) {
    let mut value = Vec::new();
    write(&mut value);
    out.put_u8(tag);
    out.put_prefixed(&value);
}

fn put_meta(out: &mut Vec<u8>, meta: &SstMeta) {
    out.put_varint(meta.number.0);
    out.put_varint(meta.size);
    out.put_u64(meta.digest);
    out.put_varint(meta.entry_count);
    out.put_varint(meta.tombstone_count);
    out.put_varint(meta.raw_size);
    out.put_varint(meta.dead_size);
    out.put_varint(meta.fragment_count);
    out.put_prefixed(&meta.smallest);
    out.put_prefixed(&meta.end);
    out.put_varint(meta.smallest_seqno.0);
    out.put_varint(meta.largest_seqno.0);
    out.put_varint(meta.values.len() as u64);
    for share in &meta.values {
        out.put_varint(share.file.0);
        out.put_varint(share.size);
    }
}

fn put_value_meta(out: &mut Vec<u8>, meta: &ValueMeta) {
    out.put_varint(meta.number.0);
    out.put_varint(meta.size);
    out.put_u64(meta.digest);
    out.put_varint(meta.record_count);
}

fn read_meta(reader: &mut Reader<'_>) -> Result<SstMeta, Fault> {
    Ok(SstMeta {
        number: read_number(reader)?,
        size: reader.varint()?,
        digest: reader.u64()?,
        entry_count: reader.varint()?,
        tombstone_count: reader.varint()?,
        raw_size: reader.varint()?,
        dead_size: reader.varint()?,
        fragment_count: reader.varint()?,
        smallest: reader.prefixed()?.to_vec(),
        end: reader.prefixed()?.to_vec(),
        smallest_seqno: read_seqno(reader)?,
        largest_seqno: read_seqno(reader)?,
        values: read_shares(reader)?,
    })
}

fn read_shares(reader: &mut Reader<'_>) -> Result<Vec<ValueShare>, Fault> {
    let count = reader.varint()?;
    (0..count).map(|_| Ok(ValueShare { file: read_number(reader)?, size: reader.varint()? })).collect()
}

fn read_value_meta(reader: &mut Reader<'_>) -> Result<ValueMeta, Fault> {
    Ok(ValueMeta {
        number: read_number(reader)?,
        size: reader.varint()?,
        digest: reader.u64()?,
        record_count: reader.varint()?,
    })
}

fn read_level(reader: &mut Reader<'_>) -> Result<Level, Fault> {
    Level::from_code(reader.u8()?).ok_or(Fault::Invalid("level of a file"))
}

fn read_number(reader: &mut Reader<'_>) -> Result<FileNumber, Fault> {
    let number = FileNumber(reader.varint()?);
    if number <= FileNumber::MAX { Ok(number) } else { Err(Fault::Invalid("file number of an edit")) }
}

fn read_seqno(reader: &mut Reader<'_>) -> Result<SeqNo, Fault> {
    let seqno = SeqNo(reader.varint()?);
    if seqno <= SeqNo::MAX { Ok(seqno) } else { Err(Fault::Invalid("sequence number of an edit")) }
}
