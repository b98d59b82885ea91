//! Dumps an SST: every block with its entries, then filter, range tombstones, index, properties and
//! footer. Without a sound index, each block is searched behind the one before it, as a repair
//! does.

use std::borrow::Cow;

use super::block::Block;
use super::block_codec::decode_block;
use super::block_index::BlockIndex;
use super::format::{
    BlockHandle, Footer, MAX_BLOCK_SIZE, MAX_PART_SIZE, MAX_RANGES_SIZE, TRAILER_LEN, decode_fragments,
};
use super::properties::Properties;
use super::salvage::search_block;
use crate::base::Kind;
use crate::codec::{Reader, ValuePointer};
use crate::crypt::{CHECKSUM_SIZE, Sealer};
use crate::env::File;
use crate::error::{Fault, Result};
use crate::files::{FilePart, PartVisitor};
use crate::sync::Arc;

/// Passes every part of an SST behind its headers to `visit`; returns where the last valid block
/// ends.
pub(crate) fn dump(file: &Arc<dyn File>, sealer: &Sealer, visit: &mut PartVisitor<'_>) -> Result<u64> {
    let dump = SstDump { file, sealer, size: file.size()? };
    let footer_size = Footer::size(sealer);
    let Some(offset) = dump.size.checked_sub(footer_size as u64) else {
        return dump.search(dump.size, visit);
    };
    let bytes = file.read_vec_at(footer_size, offset)?;
    let footer = Footer::decode(&bytes, sealer, offset);
    let part = FilePart::new("footer", offset, footer_size as u64).with_checksum(last_crc(&bytes));
    let Ok(footer) = footer else {
        let sound_end = dump.search(offset, visit)?;
        visit(part.with_fault(footer.err().unwrap_or(Fault::Truncated)));
        return Ok(sound_end);
    };
    let data_end = footer.filter.offset.min(offset);
    let (index_part, index) = dump.part("index", footer.index, MAX_PART_SIZE, |payload| {
        BlockIndex::decode(payload, sealer, footer.filter.offset)
    })?;
    let sound_end = match &index {
        Some(index) => dump.blocks(index, visit)?,
        None => dump.search(data_end, visit)?,
    };
    if footer.filter.size > 0 {
        visit(dump.part("filter", footer.filter, MAX_PART_SIZE, |payload| Ok(payload.len()))?.0);
    }
    if footer.range_tombstones.size > 0 {
        let (part, fragments) =
            dump.part("ranges", footer.range_tombstones, MAX_RANGES_SIZE, decode_fragments)?;
        visit(part);
        for fragment in fragments.iter().flat_map(|fragments| fragments.iter()) {
            let seqnos = fragment.seqnos.iter().map(|seqno| seqno.0.to_string()).collect::<Vec<_>>();
            let part = FilePart::within("range tombstone", footer.range_tombstones.offset, 0);
            let part = part.with_key(&fragment.start).with_text("before").with_key(&fragment.end);
            visit(part.with_text(format!(", seqnos {}", seqnos.join(", "))));
        }
    }
    visit(match &index {
        Some(index) => index_part.with_text(format!(", {} blocks", index.len())),
        None => index_part,
    });
    let (properties_part, properties) =
        dump.part("properties", footer.properties, MAX_PART_SIZE, Properties::decode)?;
    visit(properties_part);
    if let Some(properties) = properties {
        visit_properties(&properties, footer.properties.offset, visit);
    }
    visit(part);
    Ok(sound_end)
}

struct SstDump<'f> {
    file: &'f Arc<dyn File>,
    sealer: &'f Sealer,
    size: u64,
}

impl SstDump<'_> {
    /// A part, and what it holds if it is sound.
    fn part<T>(
        &self,
        name: &'static str,
        handle: BlockHandle,
        max_size: usize,
        decode: impl FnOnce(&[u8]) -> Result<T, Fault>,
    ) -> Result<(FilePart, Option<T>)> {
        let part = FilePart::new(name, handle.offset, handle.size.into());
        let limit = max_size + TRAILER_LEN + self.sealer.seal_size();
        let is_within = handle.end() <= self.size && handle.size as usize <= limit;
        if !is_within {
            return Ok((part.with_fault("it is outside of the file, or too large"), None));
        }
        let sealed = self.file.read_vec_at(handle.size as usize, handle.offset)?;
        let part = part.with_checksum(last_crc(&sealed));
        let decoded = decode_block(Cow::Owned(sealed), self.sealer, handle.offset, max_size)
            .and_then(|payload| Ok((payload.len(), decode(&payload)?)));
        Ok(match decoded {
            Ok((size, decoded)) => (part.with_text(format!("{size} bytes decoded")), Some(decoded)),
            Err(fault) => (part.with_fault(fault), None),
        })
    }

    fn blocks(&self, index: &BlockIndex, visit: &mut PartVisitor<'_>) -> Result<u64> {
        let mut sound_end = self.sealer.header_size() as u64;
        for position in 0..index.len() {
            let handle = index.handle(position);
            let (part, block) =
                self.part("block", handle, MAX_BLOCK_SIZE, |payload| Block::new(payload.to_vec()))?;
            match block {
                Some(block) => {
                    visit_block(part, &block, visit);
                    sound_end = handle.end();
                }
                None => visit(part),
            }
        }
        Ok(sound_end)
    }

    /// Blocks one behind the other, up to `end`.
    fn search(&self, end: u64, visit: &mut PartVisitor<'_>) -> Result<u64> {
        let mut offset = self.sealer.header_size() as u64;
        while offset < end {
            let Some((block, next)) = search_block(self.file, self.sealer, offset, end)? else {
                visit(FilePart::new("rest", offset, end - offset).with_fault("no data block begins here"));
                break;
            };
            visit_block(FilePart::new("block", offset, next - offset), &block, visit);
            offset = next;
        }
        Ok(offset)
    }
}

/// The checksum at the end of a part.
fn last_crc(sealed: &[u8]) -> u32 {
    let start = sealed.len().saturating_sub(CHECKSUM_SIZE);
    Reader::new(&sealed[start..]).u32().unwrap_or_default()
}

fn visit_block(part: FilePart, block: &Block, visit: &mut PartVisitor<'_>) {
    let (offset, count) = (part.offset, block.row_count());
    let key = |index: usize| [block.prefix(), block.row(index).suffix].concat();
    let separator = if part.text.is_empty() { "" } else { ", " };
    let part = part.with_text(format!("{separator}{count} entries,"));
    visit(part.with_key(&key(0)).with_text("to").with_key(&key(count - 1)));
    for index in 0..count {
        let row = block.row(index);
        let text = match ValuePointer::decode(row.value) {
            Ok(pointer) if row.kind == Kind::Pointer => {
                format!(
                    "{} bytes at {} of {}.vlog, seqno {}",
                    pointer.size, pointer.offset, pointer.file, row.seqno.0
                )
            }
            _ => format!("{} bytes, seqno {}", row.value.len(), row.seqno.0),
        };
        let size = (row.suffix.len() + row.value.len()) as u64;
        visit(FilePart::within(row.kind.name(), offset, size).with_key(&key(index)).with_text(text));
    }
}

fn visit_properties(properties: &Properties, offset: u64, visit: &mut PartVisitor<'_>) {
    let field = |name, text: String| FilePart::within(name, offset, 0).with_text(text);
    let Properties { entry_count, tombstone_count, key_count, raw_size, dead_size, fragment_count, .. } =
        properties;
    let entries = format!(
        "{entry_count}, of them {tombstone_count} tombstones; {key_count} keys, {fragment_count} ranges"
    );
    visit(field("entries", entries));
    visit(field("sizes", format!("{raw_size} bytes of keys and values, {dead_size} of them dead")));
    let seqnos = format!("{} to {}", properties.smallest_seqno.0, properties.largest_seqno.0);
    visit(field("seqnos", seqnos));
    for keyspace in &properties.keyspaces {
        let text = format!(": {} entries, {} bytes", keyspace.entry_count, keyspace.raw_size);
        let part = FilePart::within("keyspace", offset, 0).with_key(&keyspace.id.prefix());
        visit(part.with_text(text));
    }
    for (file, size) in &properties.values {
        visit(field("values", format!("{size} bytes of {file}.vlog")));
    }
}
