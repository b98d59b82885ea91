//! The manifest's description of a value file.

use crate::base::FileNumber;
use crate::codec::FileHeader;

/// A finished value file, described well enough to detect another file in its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ValueMeta {
    pub(crate) number: FileNumber,
    pub(crate) size: u64,
    /// The XXH3 hash of the whole file.
    pub(crate) digest: u64,
    pub(crate) record_count: u64,
}

impl ValueMeta {
    /// The size of its records in bytes: the most that pointers can refer to.
    pub(crate) fn records_size(&self) -> u64 {
        self.size.saturating_sub(FileHeader::LEN as u64)
    }
}
