//! What stands under the number of an entry: where its bytes are, and the older versions of its key.
//!
//! ```text
//!   rows    number 1    number 2    number 3   ..       a number is the distance of a seqno from the memtable's first
//!             |           |           |
//!             v           v           v
//!   bytes   [ an insertion's bytes ] [ the next one's ]
//!
//!   older:  9 ──► 7 ──► 5 ──► 4 ──► 1      each version knows the one before it,
//!                 7 ──────────────► 1      and one far below it, so that a search among n of them takes log n steps
//!
//!   chains: [9 .. 9]   [7 ....... 1]       a range tombstone, number 8, lies between: 9 is a new chain
//!            ▲    │     ▲         │
//!            └────┘     └─────────┘        the oldest of a chain knows the newest, every other one the oldest
//! ```
//!
//! 1. A row is filled before anything leads to it. Of the oldest version of a chain the newest changes, and nothing else changes.
//! 2. The versions of a key have falling numbers.
//! 3. `far` leads from a version of depth d to one of a depth that only d decides (Myers, "An applicative
//!    random-access stack", 1983): the distances double as far as they can.
//! 4. A *chain* is the versions of a key between which no range tombstone covers it. So whatever range tombstone covers the key hides all of a
//!    chain or nothing of it, and the order of keys holds a chain once, by its oldest version ([`super::sorted_runs`]).

use super::append_vec::AppendVec;
use super::sealed_batch::SealedEntry;
use crate::base::{Entry, Kind, SeqNo};
use crate::sync::{AtomicU64, OnceLock, Ordering};

/// The number of an entry in its memtable; 0 is none.
pub(super) type EntryId = u32;

/// The entries of a memtable by their numbers.
#[derive(Debug)]
pub(super) struct EntryTable {
    /// The sequence number before the first: an entry's number is its distance from it.
    base: SeqNo,
    by_number: AppendVec<EntrySlot>,
    bytes: AppendVec<OnceLock<Vec<u8>>>,
}

/// One entry. Each field is two numbers of 32 bits, the first in the high half.
#[derive(Debug, Default)]
struct EntrySlot {
    /// Which insertion's bytes, and the offset of the key in them.
    place: AtomicU64,
    /// Sizes of key and value.
    sizes: AtomicU64,
    /// The version before this one, and one far below.
    older: AtomicU64,
    /// Of the oldest version of a chain the newest, of every other one the oldest; and the kind, to which are added `FILLED` and
    /// the rank: its `far` leads 2^rank - 1 versions down.
    chain: AtomicU64,
}

/// By how many bits the rank is shifted.
const RANK_SHIFT: u32 = 16;

/// How a version follows the one before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Link {
    /// There is none, or a range tombstone over the key lies between.
    Begins,
    /// Nothing lies between.
    GoesOn,
}

/// Tells a row that was filled from one that was not.
const FILLED: u32 = 1 << 8;

pub(super) fn pack(high: u32, low: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

/// The halves of what a reader finds. It was led here by something that was stored after them.
#[inline]
pub(super) fn unpack(word: &AtomicU64) -> (u32, u32) {
    unpack_word(word.load(Ordering::Relaxed))
}

/// The halves of a word.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "each half has 32 bits")]
pub(super) fn unpack_word(word: u64) -> (u32, u32) {
    ((word >> 32) as u32, word as u32)
}

impl EntryTable {
    pub(super) fn new(base: SeqNo) -> Self {
        Self { base, by_number: AppendVec::default(), bytes: AppendVec::default() }
    }

    pub(super) fn base(&self) -> SeqNo {
        self.base
    }

    /// The highest number that is not above a sequence number; 0 when all are.
    pub(super) fn number_at(&self, at: SeqNo) -> EntryId {
        EntryId::try_from(at.0.saturating_sub(self.base.0)).unwrap_or(EntryId::MAX)
    }

    /// The number of an entry that is to be inserted.
    ///
    /// # Panics
    ///
    /// When it is not newer than the memtable, or further away than a memtable can hold entries.
    pub(super) fn number_of(&self, seqno: SeqNo) -> EntryId {
        assert!(seqno > self.base, "a memtable holds what is newer than its beginning");
        EntryId::try_from(seqno.0 - self.base.0).expect("a memtable is frozen long before")
    }

    /// Keeps the bytes of an insertion.
    pub(super) fn keep(&self, place: u32, bytes: Vec<u8>) {
        self.bytes.make(place).set(bytes).expect("each insertion has a place of its own");
    }

    /// Fills the row of an entry whose next older version is `older`, or 0, and which goes on the chain of that, or begins one.
    pub(super) fn fill(&self, number: EntryId, bytes: u32, entry: &SealedEntry, older: EntryId, link: Link) {
        let (far, rank) = match older {
            0 => (number, 0),
            older => self.leap_above(older),
        };
        let oldest = match link {
            Link::Begins => number,
            Link::GoesOn => self.oldest(older),
        };
        let row = self.by_number.make(number);
        row.place.store(pack(bytes, entry.key_offset), Ordering::Relaxed);
        row.sizes.store(pack(entry.key_size, entry.value_size), Ordering::Relaxed);
        row.older.store(pack(older, far), Ordering::Relaxed);
        let kind = rank << RANK_SHIFT | FILLED | entry.kind as u32;
        row.chain.store(pack(oldest, kind), Ordering::Relaxed);
        if oldest < number {
            let row = self.row(oldest);
            let (_, kind) = unpack(&row.chain);
            // A reader that finds the number here finds its row filled.
            row.chain.store(pack(number, kind), Ordering::Release);
        }
    }

    /// Where a version right above `older` leaps to, and its rank.
    fn leap_above(&self, older: EntryId) -> (EntryId, u32) {
        let far_and_rank = |number| {
            let row = self.row(number);
            (unpack(&row.older).1, unpack(&row.chain).1 >> RANK_SHIFT)
        };
        let (far, rank) = far_and_rank(older);
        let (further, far_rank) = far_and_rank(far);
        if rank == far_rank { (further, rank + 1) } else { (older, 1) }
    }

    /// The oldest version of the chain of this one.
    fn oldest(&self, number: EntryId) -> EntryId {
        unpack(&self.row(number).chain).0.min(number)
    }

    /// Whether it is the oldest version of its chain.
    fn begins_chain(&self, number: EntryId) -> bool {
        unpack(&self.row(number).chain).0 >= number
    }

    /// The newest version not above `at` of the chain that begins with `oldest`, which is not above it either.
    #[inline]
    pub(super) fn version_in_chain(&self, oldest: EntryId, at: EntryId) -> EntryId {
        let (newest, _) = unpack_word(self.row(oldest).chain.load(Ordering::Acquire));
        if newest <= at { newest } else { self.version(newest, at) }
    }

    /// The version right below this one in its chain; 0 when it is the oldest.
    pub(super) fn older_in_chain(&self, number: EntryId) -> EntryId {
        if self.begins_chain(number) { 0 } else { unpack(&self.row(number).older).0 }
    }

    /// The version right above this one, of a chain whose newest version that counts is `newest`; 0 when it is that one.
    pub(super) fn newer_in_chain(&self, number: EntryId, newest: EntryId) -> EntryId {
        if number == newest {
            return 0;
        }
        let mut newer = newest;
        loop {
            let (older, far) = unpack(&self.row(newer).older);
            match older {
                older if older == number => return newer,
                _ => newer = if far > number { far } else { older },
            }
        }
    }

    /// The newest version not above `at` among `newest` and those below it; 0 when there is none.
    #[inline]
    pub(super) fn version(&self, newest: EntryId, at: EntryId) -> EntryId {
        let mut number = newest;
        while number > at {
            let (older, far) = unpack(&self.row(number).older);
            // The oldest leaps to itself.
            number = if far > at && far < number { far } else { older };
        }
        number
    }

    /// The key of an entry whose bytes are kept and whose row is not filled yet.
    pub(super) fn key_in(&self, bytes: u32, entry: &SealedEntry) -> &[u8] {
        &self.bytes(bytes)[entry.key_offset as usize..][..entry.key_size as usize]
    }

    /// The value of such an entry.
    pub(super) fn value_in(&self, bytes: u32, entry: &SealedEntry) -> &[u8] {
        &self.bytes(bytes)[(entry.key_offset + entry.key_size) as usize..][..entry.value_size as usize]
    }

    /// The version below an entry, of the same key.
    pub(super) fn older(&self, number: EntryId) -> Option<EntryId> {
        Some(unpack(&self.row(number).older).0).filter(|&older| older > 0)
    }

    #[inline]
    pub(super) fn key(&self, number: EntryId) -> &[u8] {
        let row = self.row(number);
        let ((bytes, offset), (size, _)) = (unpack(&row.place), unpack(&row.sizes));
        &self.bytes(bytes)[offset as usize..][..size as usize]
    }

    /// The bytes of key and value of an entry.
    pub(super) fn size(&self, number: EntryId) -> usize {
        let (key_size, value_size) = unpack(&self.row(number).sizes);
        key_size as usize + value_size as usize
    }

    /// The entry with this number, which there is.
    #[inline]
    pub(super) fn entry(&self, number: EntryId) -> Entry<'_> {
        let row = self.row(number);
        let ((bytes, offset), (key_size, value_size)) = (unpack(&row.place), unpack(&row.sizes));
        let bytes = &self.bytes(bytes)[offset as usize..][..key_size as usize + value_size as usize];
        let (key, value) = bytes.split_at(key_size as usize);
        Entry { key, seqno: self.base.plus(number.into()), kind: self.kind(number), value }
    }

    /// Those of these numbers that there are.
    pub(super) fn filled(&self, numbers: std::ops::RangeInclusive<EntryId>) -> impl Iterator<Item = EntryId> {
        numbers
            .filter(|&number| self.by_number.get(number).is_some_and(|row| unpack(&row.chain).1 & FILLED > 0))
    }

    /// Those of them that begin a chain: the oldest versions of keys.
    pub(super) fn chains(&self, numbers: std::ops::RangeInclusive<EntryId>) -> impl Iterator<Item = EntryId> {
        const RANGE: u32 = FILLED | Kind::RangeDelete as u32;
        numbers.filter(|&number| {
            self.by_number.get(number).is_some_and(|row| {
                let (link, kind) = unpack(&row.chain);
                kind & FILLED > 0 && link >= number && kind != RANGE
            })
        })
    }

    /// Those of them that are no range tombstones.
    pub(super) fn of_one_key(
        &self,
        numbers: std::ops::RangeInclusive<EntryId>,
    ) -> impl Iterator<Item = EntryId> {
        self.filled(numbers).filter(|&number| self.kind(number).is_point())
    }

    fn kind(&self, number: EntryId) -> Kind {
        Kind::from_code(unpack(&self.row(number).chain).1.to_le_bytes()[0]).expect("a kind was stored")
    }

    #[inline]
    fn row(&self, number: EntryId) -> &EntrySlot {
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
        let rows = EntryTable::new(SeqNo(100));
        rows.keep(0, b"k".to_vec());
        let entry = SealedEntry {
            hash: crate::base::KeyHash::of(b"k"),
            key_offset: 0,
            key_size: 1,
            value_size: 0,
            kind: Kind::Put,
        };
        // Every third number is another key's.
        let numbers: Vec<EntryId> = (1..6000).filter(|number| number % 3 > 0).collect();
        let mut newest = 0;
        for &number in &numbers {
            let link = if newest == 0 || number % 1000 == 1 { Link::Begins } else { Link::GoesOn };
            rows.fill(number, 0, &entry, newest, link);
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
