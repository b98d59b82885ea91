//! The manifest's description of an SST.

use crate::base::{FileNumber, SeqNo};

/// A finished SST, described well enough to search it and to detect another file in its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct SstMeta {
    pub(crate) number: FileNumber,
    /// The file's size in bytes.
    pub(crate) size: u64,
    /// The XXH3 hash of the whole file.
    pub(crate) digest: u64,
    pub(crate) entry_count: u64,
    pub(crate) tombstone_count: u64,
    /// The size of its keys and values in bytes, uncompressed.
    pub(crate) raw_size: u64,
    /// The part of that in tombstones and in all but the newest version of a key.
    pub(crate) dead_size: u64,
    /// The number of fragments of its range tombstones.
    pub(crate) fragment_count: u64,
    /// The lower bound of its key range: the first user key, or the start of a range tombstone.
    pub(crate) smallest: Vec<u8>,
    /// The exclusive upper bound of its key range: above all its keys and range tombstones.
    pub(crate) end: Vec<u8>,
    pub(crate) smallest_seqno: SeqNo,
    pub(crate) largest_seqno: SeqNo,
    /// The references of its pointers, in order of file numbers.
    pub(crate) values: Vec<ValueShare>,
}

/// The references of an SST into one value file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ValueShare {
    pub(crate) file: FileNumber,
    /// The size of the referenced records in bytes.
    pub(crate) size: u64,
}
