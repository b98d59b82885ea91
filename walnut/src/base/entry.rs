//! The entry (one version of one key) and the one ordering: user key ascending, then sequence
//! number descending.
//!
//! An internal key is a user key with the sequence number and the kind of the operation. Memtables,
//! SSTs and cursors hold entries in exactly this order, so that a flush or a compaction never
//! sorts.

use std::cmp::Ordering;

use super::SeqNo;

/// The operation that an entry is.
///
/// It takes four bytes. With one, an entry has seven bytes of padding, which a move copies in two
/// parts that overlap; the next move then waits until both are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub(crate) enum Kind {
    /// A point tombstone.
    Delete = 0,
    /// A put: the key has this value.
    Put = 1,
    /// A put whose value is in the value log; the entry's value is a
    /// [`ValuePointer`](crate::codec::ValuePointer). Only SSTs hold such entries.
    Pointer = 2,
    /// A range tombstone over the keys from this one up to, but without, the one that is the value.
    /// Occurs in write batches only: memtables and SSTs keep range tombstones apart from the
    /// entries.
    RangeDelete = 3,
    /// A merge operand: adds an eight-byte number to that of the key. See
    /// [`Operand`](super::Operand).
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

    /// The operation in words.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::Put => "put",
            Self::Pointer => "pointer",
            Self::RangeDelete => "delete range",
            Self::Add => "add",
        }
    }

    /// Whether the key exists after an entry of this kind.
    pub(crate) fn is_value(self) -> bool {
        matches!(self, Self::Put | Self::Pointer | Self::Add)
    }

    /// Whether an entry of this kind is a tombstone, of one key or of a range.
    pub(crate) fn is_tombstone(self) -> bool {
        matches!(self, Self::Delete | Self::RangeDelete)
    }

    /// Whether the operation is on one key, so that it is an entry in memtables and SSTs.
    pub(crate) fn is_point(self) -> bool {
        self != Self::RangeDelete
    }
}

/// One version of one key, borrowed from its container.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Entry<'a> {
    /// The user key: the keyspace's id and the bytes after it.
    pub(crate) key: &'a [u8],
    pub(crate) seqno: SeqNo,
    pub(crate) kind: Kind,
    /// Empty for a tombstone, the end of a range tombstone, the delta of an add.
    pub(crate) value: &'a [u8],
}

impl Entry<'_> {
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
