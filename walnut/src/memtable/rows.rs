//! What stands under the number of an entry: where its bytes are, and the older versions of its key.
//!
//! ```text
//!   rows    number 1    number 2    number 3   ..       a number is the distance of a seqno from the memtable's first
//!             |           |           |
//!             v           v           v
//!   bytes   [ an insertion's bytes ] [ the next one's ]
//!
//!   older:  7 ──► 5 ──► 4 ──► 1      each version knows the one before it,
//!           7 ──────────────► 1      and one far below it, so that a search among n of them takes log n steps
//! ```
//!
//! 1. A row is filled before anything leads to it, and never changed.
//! 2. The versions of a key have falling numbers.
//! 3. `far` leads from a version of depth d to one of a depth that only d decides (Myers, "An applicative
//!    random-access stack", 1983): the distances double as far as they can.

use super::growing::Growing;
use super::insertion::Prepared;
use crate::base::{Entry, Kind, SeqNo};
use crate::sync::{AtomicU64, OnceLock, Ordering};

/// The number of an entry in its memtable; 0 is none.
pub(super) type Number = u32;

/// The entries of a memtable by their numbers.
#[derive(Debug)]
pub(super) struct Rows {
    /// The sequence number before the first: an entry's number is its distance from it.
    base: SeqNo,
    by_number: Growing<Row>,
    bytes: Growing<OnceLock<Vec<u8>>>,
}

/// One entry. Each field is two numbers of 32 bits, the first in the high half.
#[derive(Debug, Default)]
struct Row {
    /// Which insertion's bytes, and the offset of the key in them.
    place: AtomicU64,
    /// Sizes of key and value.
    sizes: AtomicU64,
    /// The version before this one, and one far below.
    older: AtomicU64,
    /// How many versions lie below, and the kind, to which `FILLED` is added.
    depth: AtomicU64,
}

/// Tells a row that was filled from one that was not.
const FILLED: u32 = 1 << 8;

fn pack(high: u32, low: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

/// The halves of what a reader finds. It was led here by something that was stored after them.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "each half has 32 bits")]
fn unpack(word: &AtomicU64) -> (u32, u32) {
    let word = word.load(Ordering::Relaxed);
    ((word >> 32) as u32, word as u32)
}

impl Rows {
    pub(super) fn new(base: SeqNo) -> Self {
        Self { base, by_number: Growing::default(), bytes: Growing::default() }
    }

    pub(super) fn base(&self) -> SeqNo {
        self.base
    }

    /// The highest number that is not above a sequence number; 0 when all are.
    pub(super) fn number_at(&self, at: SeqNo) -> Number {
        Number::try_from(at.0.saturating_sub(self.base.0)).unwrap_or(Number::MAX)
    }

    /// The number of an entry that is to be inserted.
    ///
    /// # Panics
    ///
    /// When it is not newer than the memtable, or further away than a memtable can hold entries.
    pub(super) fn number_of(&self, seqno: SeqNo) -> Number {
        assert!(seqno > self.base, "a memtable holds what is newer than its beginning");
        Number::try_from(seqno.0 - self.base.0).expect("a memtable is frozen long before")
    }

    /// Keeps the bytes of an insertion.
    pub(super) fn keep(&self, place: u32, bytes: Vec<u8>) {
        self.bytes.make(place).set(bytes).expect("each insertion has a place of its own");
    }

    /// Fills the row of an entry whose next older version is `older`, or 0.
    pub(super) fn fill(&self, number: Number, bytes: u32, entry: &Prepared, older: Number) {
        let (far, depth) = match older {
            0 => (number, 0),
            older => self.leap_above(older),
        };
        let row = self.by_number.make(number);
        row.place.store(pack(bytes, entry.key_offset), Ordering::Relaxed);
        row.sizes.store(pack(entry.key_size, entry.value_size), Ordering::Relaxed);
        row.older.store(pack(older, far), Ordering::Relaxed);
        row.depth.store(pack(depth, FILLED | entry.kind as u32), Ordering::Relaxed);
    }

    /// Where a version right above `older` leaps to, and its depth.
    fn leap_above(&self, older: Number) -> (Number, u32) {
        let far_and_depth = |number| {
            let row = self.row(number);
            (unpack(&row.older).1, unpack(&row.depth).0)
        };
        let (far, depth) = far_and_depth(older);
        let (further, far_depth) = far_and_depth(far);
        let (_, further_depth) = far_and_depth(further);
        let doubles = depth - far_depth == far_depth - further_depth;
        (if doubles { further } else { older }, depth + 1)
    }

    /// The newest version not above `at` among `newest` and those below it; 0 when there is none.
    #[inline]
    pub(super) fn version(&self, newest: Number, at: Number) -> Number {
        let mut number = newest;
        while number > at {
            let (older, far) = unpack(&self.row(number).older);
            // The oldest leaps to itself.
            number = if far > at && far < number { far } else { older };
        }
        number
    }

    /// The key of an entry whose bytes are kept and whose row is not filled yet.
    pub(super) fn key_in(&self, bytes: u32, entry: &Prepared) -> &[u8] {
        &self.bytes(bytes)[entry.key_offset as usize..][..entry.key_size as usize]
    }

    /// The value of such an entry.
    pub(super) fn value_in(&self, bytes: u32, entry: &Prepared) -> &[u8] {
        &self.bytes(bytes)[(entry.key_offset + entry.key_size) as usize..][..entry.value_size as usize]
    }

    /// The version below an entry, of the same key.
    pub(super) fn older(&self, number: Number) -> Option<Number> {
        Some(unpack(&self.row(number).older).0).filter(|&older| older > 0)
    }

    #[inline]
    pub(super) fn key(&self, number: Number) -> &[u8] {
        let row = self.row(number);
        let ((bytes, offset), (size, _)) = (unpack(&row.place), unpack(&row.sizes));
        &self.bytes(bytes)[offset as usize..][..size as usize]
    }

    /// The bytes of key and value of an entry.
    pub(super) fn size(&self, number: Number) -> usize {
        let (key_size, value_size) = unpack(&self.row(number).sizes);
        key_size as usize + value_size as usize
    }

    /// The entry with this number, which there is.
    #[inline]
    pub(super) fn entry(&self, number: Number) -> Entry<'_> {
        let row = self.row(number);
        let ((bytes, offset), (key_size, value_size)) = (unpack(&row.place), unpack(&row.sizes));
        let bytes = &self.bytes(bytes)[offset as usize..][..key_size as usize + value_size as usize];
        let (key, value) = bytes.split_at(key_size as usize);
        Entry { key, seqno: self.base.plus(number.into()), kind: self.kind(number), value }
    }

    /// Those of these numbers that there are.
    pub(super) fn filled(&self, numbers: std::ops::RangeInclusive<Number>) -> impl Iterator<Item = Number> {
        numbers
            .filter(|&number| self.by_number.get(number).is_some_and(|row| unpack(&row.depth).1 & FILLED > 0))
    }

    /// Those of them that are no range tombstones.
    pub(super) fn of_one_key(
        &self,
        numbers: std::ops::RangeInclusive<Number>,
    ) -> impl Iterator<Item = Number> {
        self.filled(numbers).filter(|&number| self.kind(number).is_of_one_key())
    }

    fn kind(&self, number: Number) -> Kind {
        Kind::from_code(unpack(&self.row(number).depth).1.to_le_bytes()[0]).expect("a kind was stored")
    }

    #[inline]
    fn row(&self, number: Number) -> &Row {
        self.by_number.get(number).expect("a number that somebody was led to")
    }

    #[inline]
    fn bytes(&self, place: u32) -> &[u8] {
        self.bytes.get(place).and_then(OnceLock::get).expect("bytes are kept before a row leads to them")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_right_one_of_many_versions_is_found_in_a_logarithm_of_steps() {
        let rows = Rows::new(SeqNo(100));
        rows.keep(0, b"k".to_vec());
        let entry = Prepared {
            hash: crate::base::KeyHash::of(b"k"),
            key_offset: 0,
            key_size: 1,
            value_size: 0,
            kind: Kind::Put,
        };
        // Every third number is another key's.
        let numbers: Vec<Number> = (1..6000).filter(|number| number % 3 > 0).collect();
        let mut newest = 0;
        for &number in &numbers {
            rows.fill(number, 0, &entry, newest);
            newest = number;
        }
        for at in (0..=6000).chain([u32::MAX]) {
            let expected = numbers.iter().rev().find(|&&number| number <= at).copied().unwrap_or(0);
            assert_eq!(rows.version(newest, at), expected, "at {at}");
            let (mut number, mut steps) = (newest, 0);
            while number > at {
                let (older, far) = unpack(&rows.row(number).older);
                number = if far > at && far < number { far } else { older };
                steps += 1;
            }
            assert!(steps < 40, "{steps} steps");
        }
    }
}
