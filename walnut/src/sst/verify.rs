//! Verification: reads a whole SST and checks everything that can be wrong.
//!
//! In addition to the checks of each read (checksums, entries, order within a block): that the file
//! equals the recorded one, byte for byte; the order across blocks; the fingerprint of each entry;
//! that the filter denies no key; that the properties match the entries.

use super::block::Block;
use super::properties::Properties;
use super::reader::SstReader;
use crate::base::{Entry, KeyHash, SeqNo, compare};
use crate::env::digest;
use crate::error::{Fault, Result};

impl SstReader {
    /// Reads and checks the whole file; the cache is neither used nor filled.
    pub(crate) fn verify(&self) -> Result<()> {
        let (size, digest) = digest(self.file())?;
        if size != self.meta.size {
            let fault = Fault::Length { recorded: self.meta.size, found: size };
            return Err(fault.at(self.file.path(), size.min(self.meta.size)));
        }
        let mut walk =
            VerifyWalk { reader: self, properties: Properties::none(), seqno: SeqNo::ZERO, key: Vec::new() };
        for position in 0..self.index.len() {
            let block = self.read_block(position)?;
            let offset = self.index.handle(position).offset;
            walk.check(&block).map_err(|fault| fault.at(self.file.path(), offset))?;
        }
        for fragment in self.ranges.iter().flat_map(|ranges| ranges.iter()) {
            walk.properties.count_fragment(fragment);
        }
        if walk.properties != *self.properties() {
            return Err(Fault::Invalid("summary of the entries").at(self.file.path(), self.index.data_end()));
        }
        // Last, because every other fault is more precise about its location.
        if digest != self.meta.digest {
            return Err(
                Fault::Invalid("digest of the file, compared with the recorded one,").at(self.file.path(), 0)
            );
        }
        Ok(())
    }
}

struct VerifyWalk<'a> {
    reader: &'a SstReader,
    properties: Properties,
    /// The seqno of the last entry; its key is the largest of the properties.
    seqno: SeqNo,
    key: Vec<u8>,
}

impl VerifyWalk<'_> {
    fn check(&mut self, block: &Block) -> Result<(), Fault> {
        for (index, &fingerprint) in block.fingerprints().iter().enumerate() {
            let row = block.row(index);
            self.key.clear();
            self.key.extend_from_slice(block.prefix());
            self.key.extend_from_slice(row.suffix);
            let entry = Entry { key: &self.key, seqno: row.seqno, kind: row.kind, value: row.value };
            let last = (self.properties.largest.as_slice(), self.seqno);
            if self.properties.entry_count > 0 && compare(last, (entry.key, entry.seqno)).is_ge() {
                return Err(Fault::Order);
            }
            let hash = KeyHash::of(entry.key);
            if hash.fingerprint() != fingerprint {
                return Err(Fault::Invalid("fingerprint of an entry"));
            }
            if self.reader.filter.as_ref().is_some_and(|filter| !filter.may_contain(hash)) {
                return Err(Fault::Invalid("filter, which denies an entry,"));
            }
            self.properties.count(&entry);
            self.seqno = row.seqno;
        }
        Ok(())
    }
}
