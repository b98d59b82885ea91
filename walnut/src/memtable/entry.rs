//! An internal key as the list keeps it, and how it is searched for without making one.

use std::borrow::Borrow;
use std::cmp::Ordering;

use smallvec::SmallVec;

use crate::base::{Entry, Kind, SeqNo, compare};

/// Key, sequence number and kind of an entry. Keys of up to 24 bytes lie in the node of the list itself.
#[derive(Debug)]
pub(super) struct Stored {
    key: SmallVec<[u8; 24]>,
    seqno: SeqNo,
    kind: Kind,
}

impl Stored {
    pub(super) fn new(entry: &Entry<'_>) -> Self {
        Self { key: SmallVec::from_slice(entry.key), seqno: entry.seqno, kind: entry.kind }
    }

    pub(super) fn key(&self) -> &[u8] {
        &self.key
    }

    /// The whole entry, with its value beside it.
    pub(super) fn entry<'a>(&'a self, value: &'a [u8]) -> Entry<'a> {
        Entry { key: &self.key, seqno: self.seqno, kind: self.kind, value }
    }
}

/// What has a place in the order of the list: a stored key, or a borrowed one that is looked for.
pub(super) trait Probe {
    fn place(&self) -> (&[u8], SeqNo);
}

impl Probe for Stored {
    fn place(&self) -> (&[u8], SeqNo) {
        (&self.key, self.seqno)
    }
}

impl Probe for (&[u8], SeqNo) {
    fn place(&self) -> (&[u8], SeqNo) {
        *self
    }
}

impl Ord for dyn Probe + '_ {
    fn cmp(&self, other: &Self) -> Ordering {
        compare(self.place(), other.place())
    }
}

impl PartialOrd for dyn Probe + '_ {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for dyn Probe + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for dyn Probe + '_ {}

impl Ord for Stored {
    fn cmp(&self, other: &Self) -> Ordering {
        compare(self.place(), other.place())
    }
}

impl PartialOrd for Stored {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Stored {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Stored {}

impl<'a> Borrow<dyn Probe + 'a> for Stored {
    fn borrow(&self) -> &(dyn Probe + 'a) {
        self
    }
}
