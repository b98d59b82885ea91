//! Folds the adds of one key into a single entry (RocksDB: a partial or full merge of operands).
//!
//! ```text
//!   stripes     9 add 3   8 add -1 | 6 add 2   5 put 40   4 put 7 |  nothing older anywhere
//!   kept        9 add 2            | 6 put 42                     |
//! ```
//!
//! [`Garbage`](crate::mvcc::Garbage) decides which entries are in one stripe, where no reader can
//! tell one from the other.

use crate::base::{Entry, Kind, Operand, SeqNo};

#[derive(Debug)]
pub(crate) struct FoldedAdds {
    key: Vec<u8>,
    seqno: SeqNo,
    /// `None` before the first entry.
    kind: Option<Kind>,
    sum: i64,
    value: [u8; 8],
}

impl FoldedAdds {
    pub(super) fn none() -> Self {
        Self { key: Vec::new(), seqno: SeqNo::ZERO, kind: None, sum: 0, value: [0; 8] }
    }

    pub(super) fn is_begun(&self) -> bool {
        self.kind.is_some()
    }

    pub(super) fn key(&self) -> &[u8] {
        &self.key
    }

    /// Folds the next older version, whose operand this is.
    pub(super) fn take(&mut self, entry: &Entry<'_>, operand: Operand) {
        if self.kind.is_none() {
            entry.key.clone_into(&mut self.key);
            self.seqno = entry.seqno;
        }
        let (Operand::Delta(number) | Operand::Base(number)) = operand;
        self.sum = self.sum.wrapping_add(number);
        self.value = self.sum.to_le_bytes();
        self.kind = Some(if matches!(operand, Operand::Base(_)) { Kind::Put } else { Kind::Add });
    }

    /// Makes the sum a value, because nothing older exists.
    pub(super) fn end(&mut self) {
        self.kind = Some(Kind::Put);
    }

    /// The folded entry, with the sequence number of the newest version.
    pub(crate) fn entry(&self) -> Entry<'_> {
        let kind = self.kind.unwrap_or(Kind::Add);
        Entry { key: &self.key, seqno: self.seqno, kind, value: &self.value }
    }
}
