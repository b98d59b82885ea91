//! What the manifest remembers of a value file.

use crate::base::FileNumber;
use crate::codec::FileHeader;

/// A finished value file, described well enough to notice that another one stands in its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ValueMeta {
    pub(crate) number: FileNumber,
    /// The file's length in bytes.
    pub(crate) size: u64,
    /// The XXH3 hash of all its bytes.
    pub(crate) digest: u64,
    pub(crate) record_count: u64,
}

impl ValueMeta {
    /// The bytes of its records: the most that pointers can refer to.
    pub(crate) fn records_size(&self) -> u64 {
        self.size.saturating_sub(FileHeader::LEN as u64)
    }
}
