//! Adds of one key that become one entry.
//!
//! ```text
//!   parts of history      9 add 3   8 add -1 | 6 add 2   5 put 40   4 put 7 |      nothing older lies anywhere
//!   kept                  9 add 2            | 6 put 42                     |
//! ```
//!
//! Which entries are of one part of history is known by [`Garbage`](crate::mvcc::Garbage): no reader tells one from the other.

use crate::base::{Entry, Kind, Operand, SeqNo};

/// An add and what was folded into it.
#[derive(Debug)]
pub(crate) struct FoldedAdds {
    key: Vec<u8>,
    seqno: SeqNo,
    /// `None` before the first.
    kind: Option<Kind>,
    sum: i64,
    value: [u8; 8],
}

impl FoldedAdds {
    /// Nothing yet.
    pub(super) fn none() -> Self {
        Self { key: Vec::new(), seqno: SeqNo::ZERO, kind: None, sum: 0, value: [0; 8] }
    }

    pub(super) fn is_begun(&self) -> bool {
        self.kind.is_some()
    }

    pub(super) fn key(&self) -> &[u8] {
        &self.key
    }

    /// Takes the next older version, of which this is what counts.
    pub(super) fn take(&mut self, entry: &Entry<'_>, part: Operand) {
        if self.kind.is_none() {
            entry.key.clone_into(&mut self.key);
            self.seqno = entry.seqno;
        }
        let (Operand::Delta(number) | Operand::Base(number)) = part;
        self.sum = self.sum.wrapping_add(number);
        self.value = self.sum.to_le_bytes();
        self.kind = Some(if matches!(part, Operand::Base(_)) { Kind::Put } else { Kind::Add });
    }

    /// Says that there is nothing below, so that the sum is a value.
    pub(super) fn end(&mut self) {
        self.kind = Some(Kind::Put);
    }

    /// The entry to be kept, of the newest of the numbers.
    pub(crate) fn entry(&self) -> Entry<'_> {
        let kind = self.kind.unwrap_or(Kind::Add);
        Entry { key: &self.key, seqno: self.seqno, kind, value: &self.value }
    }
}
