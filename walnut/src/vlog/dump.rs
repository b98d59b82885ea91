//! Dumps a value file: every record, live or not. Behind a damaged record the next one is looked
//! for where the damaged one says that it ends.

use super::format::{MAX_RECORD_SIZE, RECORD_HEADER_SIZE, ValueRecord, announced_size};
use crate::codec::Reader;
use crate::crypt::Sealer;
use crate::env::File;
use crate::error::Result;
use crate::files::{FilePart, PartVisitor};
use crate::sync::Arc;

/// Passes every part of a value file behind its headers to `visit`; returns where the last valid
/// record ends.
pub(crate) fn dump(file: &Arc<dyn File>, sealer: &Sealer, visit: &mut PartVisitor<'_>) -> Result<u64> {
    let (size, tag_size) = (file.size()?, sealer.tag_size());
    let mut offset = sealer.header_size() as u64;
    let mut sound_end = offset;
    while offset < size {
        let mut head = [0; RECORD_HEADER_SIZE];
        let head_size = head.len() + tag_size;
        let mut has_head = size - offset >= head_size as u64;
        if has_head {
            has_head = sealer.open_fields(offset, &file.read_vec_at(head_size, offset)?, &mut head).is_ok();
        }
        let record_size = announced_size(&head) + 2 * tag_size as u64;
        let memory = usize::try_from(record_size).ok().filter(|memory| *memory <= MAX_RECORD_SIZE);
        let Some(memory) = memory.filter(|_| has_head && record_size <= size - offset) else {
            visit(FilePart::new("rest", offset, size - offset).with_fault("no record begins here"));
            break;
        };
        let mut bytes = file.read_vec_at(memory, offset)?;
        let checksum = Reader::new(&head).u32().unwrap_or_default();
        let part = FilePart::new("value", offset, record_size).with_checksum(checksum);
        let decoded = ValueRecord::open(&mut bytes, sealer, offset).and_then(|record| {
            let value = record.unpack()?;
            let value_size = value.map_or(record.stored.len(), |value| value.len());
            let text = format!("{value_size} bytes, {} stored", record.stored.len());
            Ok(part.clone().with_key(record.key).with_text(text))
        });
        if decoded.is_ok() {
            sound_end = offset + record_size;
        }
        visit(part.or_fault(decoded));
        offset += record_size;
    }
    Ok(sound_end)
}
