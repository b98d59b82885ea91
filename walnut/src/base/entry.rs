//! The entry and the one ordering: user key ascending, then sequence number descending.
//!
//! An internal key is a user key with the sequence number and the kind of what was done to it. Memtables, SSTs and
//! cursors hold entries in exactly this order, so nothing is ever sorted again on its way down.

use std::cmp::Ordering;

use super::SeqNo;

/// What an entry does to its key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Kind {
    /// A tombstone: the key is gone from here on.
    Delete = 0,
    /// The key has this value from here on.
    Put = 1,
    /// The key has a value from here on that stands in the value log; in place of the value the entry has a pointer to it. Only
    /// SSTs hold such entries.
    Pointer = 2,
    /// A range tombstone: every key from this one on, and before the one that is the value, is gone from here on. Stands in
    /// commits only: memtables and SSTs keep range tombstones in a structure of their own.
    RangeDelete = 3,
    /// An add: the key has the number that it had before and this one more, eight bytes each. See [`Operand`](super::Operand).
    Add = 4,
}

impl Kind {
    /// The kind with this code on disk.
    pub(crate) fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Delete),
            1 => Some(Self::Put),
            2 => Some(Self::Pointer),
            3 => Some(Self::RangeDelete),
            4 => Some(Self::Add),
            _ => None,
        }
    }

    /// Whether the key has a value after an entry of this kind.
    pub(crate) fn is_value(self) -> bool {
        matches!(self, Self::Put | Self::Pointer | Self::Add)
    }

    /// Whether an entry of this kind takes away what is there, and never gives a key a value.
    pub(crate) fn only_removes(self) -> bool {
        matches!(self, Self::Delete | Self::RangeDelete)
    }

    /// Whether it is one key that this is done to, so that it stands among the entries of memtables and SSTs.
    pub(crate) fn is_of_one_key(self) -> bool {
        self != Self::RangeDelete
    }
}

/// One version of one key, borrowed from the container that holds it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Entry<'a> {
    /// The user key: the keyspace's id and the bytes after it.
    pub(crate) key: &'a [u8],
    pub(crate) seqno: SeqNo,
    pub(crate) kind: Kind,
    /// Empty for a tombstone; where a range tombstone ends; what an add adds.
    pub(crate) value: &'a [u8],
}

impl Entry<'_> {
    /// How this entry is ordered against another: see the module's head.
    pub(crate) fn order(&self, other: &Entry<'_>) -> Ordering {
        compare((self.key, self.seqno), (other.key, other.seqno))
    }
}

/// The order of internal keys.
pub(crate) fn compare(left: (&[u8], SeqNo), right: (&[u8], SeqNo)) -> Ordering {
    left.0.cmp(right.0).then(right.1.cmp(&left.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_versions_of_a_key_come_first() {
        let order = |left: (&[u8], u64), right: (&[u8], u64)| {
            compare((left.0, SeqNo(left.1)), (right.0, SeqNo(right.1)))
        };
        assert_eq!(order((b"a", 9), (b"a", 3)), Ordering::Less);
        assert_eq!(order((b"a", 3), (b"b", 9)), Ordering::Less);
        assert_eq!(order((b"ab", 9), (b"a", 1)), Ordering::Greater);
        assert_eq!(order((b"a", 3), (b"a", 3)), Ordering::Equal);
    }
}
