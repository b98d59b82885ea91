//! Verification: reads a whole value file and checks every record, live or not.

use super::format::{MAX_RECORD_SIZE, RECORD_HEADER_SIZE, ValueRecord, announced_size};
use super::reader::ValueReader;
use crate::env::digest;
use crate::error::{Fault, Result};

impl ValueReader {
    /// Checks checksum, sizes and value of every record; that the records fill the file and are as
    /// many as recorded; and that the file is the recorded one, byte for byte.
    pub(crate) fn verify(&self) -> Result<()> {
        let mut offset = self.sealer.header_size() as u64;
        let mut count = 0;
        let mut bytes = Vec::new();
        while offset < self.meta().size {
            offset = self.verify_record(offset, &mut bytes)?;
            count += 1;
        }
        if count != self.meta().record_count {
            return Err(Fault::Invalid("number of records").at(self.file.path(), offset));
        }
        let (size, digest) = digest(self.file())?;
        if size != self.meta().size {
            let fault = Fault::Length { recorded: self.meta().size, found: size };
            return Err(fault.at(self.file.path(), size.min(self.meta().size)));
        }
        // Last, because every other fault is more precise about its location.
        if digest != self.meta().digest {
            let fault = Fault::Invalid("digest of the file, compared with the recorded one,");
            return Err(fault.at(self.file.path(), 0));
        }
        Ok(())
    }

    /// Checks the record at an offset, and returns the offset of the next one.
    fn verify_record(&self, offset: u64, bytes: &mut Vec<u8>) -> Result<u64> {
        let tag_size = self.sealer.tag_size();
        let sealed = self.file.read_vec_at(RECORD_HEADER_SIZE + tag_size, offset)?;
        let mut header = [0; RECORD_HEADER_SIZE];
        self.sealer
            .open_fields(offset, &sealed, &mut header)
            .map_err(|fault| fault.at(self.file.path(), offset))?;
        let size = announced_size(&header) + 2 * tag_size as u64;
        let fits = offset + size <= self.meta().size;
        let Some(memory) = usize::try_from(size).ok().filter(|size| fits && *size <= MAX_RECORD_SIZE) else {
            return Err(Fault::Truncated.at(self.file.path(), offset));
        };
        bytes.resize(memory, 0);
        self.file.read_exact_at(bytes, offset)?;
        ValueRecord::open(bytes, &self.sealer, offset)
            .and_then(|record| record.unpack())
            .map_err(|fault| fault.at(self.file.path(), offset))?;
        Ok(offset + size)
    }
}
