//! What the manifest remembers of an SST.

use crate::base::{FileNumber, SeqNo};

/// A finished SST, described well enough to search it or to notice that another file stands in its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct SstMeta {
    pub(crate) number: FileNumber,
    /// The file's length in bytes.
    pub(crate) size: u64,
    /// The XXH3 hash of all its bytes.
    pub(crate) digest: u64,
    pub(crate) entry_count: u64,
    pub(crate) tombstone_count: u64,
    /// The bytes of its keys and values, uncompressed.
    pub(crate) raw_size: u64,
    /// The part of these in tombstones and in all but the newest version of a key.
    pub(crate) dead_size: u64,
    /// The fragments of its range tombstones.
    pub(crate) fragment_count: u64,
    /// Where what it says of keys begins: the first user key, or the start of a range tombstone.
    pub(crate) smallest: Vec<u8>,
    /// Where that ends: the first byte string after all its keys and behind all its range tombstones.
    pub(crate) end: Vec<u8>,
    pub(crate) smallest_seqno: SeqNo,
    pub(crate) largest_seqno: SeqNo,
    /// What its pointers refer to, in order of the files' numbers.
    pub(crate) values: Vec<ValueShare>,
}

/// What the pointers of an SST refer to in one value file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ValueShare {
    pub(crate) file: FileNumber,
    /// The bytes of the records there.
    pub(crate) size: u64,
}
