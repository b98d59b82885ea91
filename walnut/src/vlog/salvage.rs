//! Reads values of a value file that may be damaged or cut short: each record is checked by itself.

use super::format::{MAX_RECORD_SIZE, ValueRecord};
use crate::base::FileNumber;
use crate::codec::{FileKind, ValuePointer};
use crate::crypt::{DataKeys, Sealer};
use crate::env::File;
use crate::error::{Fault, Result};
use crate::sync::Arc;

/// A value file whose header is sound.
#[derive(Debug)]
pub(crate) struct SalvagedValues {
    file: Arc<dyn File>,
    sealer: Sealer,
}

impl SalvagedValues {
    /// Opens the value file of this number, of this database if that is known.
    pub(crate) fn open(
        file: Arc<dyn File>,
        keys: &DataKeys,
        database: Option<[u8; 16]>,
        number: FileNumber,
    ) -> Result<Self> {
        let bytes = file.read_vec_at(keys.header_size(), 0)?;
        let (header, sealer) =
            keys.open(FileKind::ValueFile, &bytes).map_err(|fault| fault.at(file.path(), 0))?;
        if header.number != number || database.is_some_and(|database| database != header.database) {
            return Err(Fault::Identity.at(file.path(), 0));
        }
        Ok(Self { file, sealer })
    }

    pub(crate) fn value(&self, pointer: &ValuePointer, key: &[u8]) -> Result<Vec<u8>> {
        let damaged = |fault: Fault| fault.at(self.file.path(), pointer.offset);
        let size = usize::try_from(pointer.size).ok().filter(|size| *size <= MAX_RECORD_SIZE);
        let size = size.ok_or_else(|| damaged(Fault::Invalid("size of a value")))?;
        if self.file.size()?.checked_sub(pointer.offset).is_none_or(|left| left < size as u64) {
            return Err(damaged(Fault::Truncated));
        }
        let mut bytes = self.file.read_vec_at(size, pointer.offset)?;
        let record = ValueRecord::open(&mut bytes, &self.sealer, pointer.offset).map_err(damaged)?;
        if record.key != key {
            return Err(damaged(Fault::Invalid("key of a value")));
        }
        Ok(record.unpack().map_err(damaged)?.unwrap_or_else(|| record.stored.to_vec()))
    }
}
