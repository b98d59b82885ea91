//! The entries of a memtable: where the bytes of each are, and the version chain of its key.
//!
//! ```text
//!   slots   id 1        id 2        id 3   ..      an id is the distance of a seqno from the base
//!             |           |           |
//!             v           v           v
//!   bytes   [ bytes of a batch ]     [ of the next one ]
//!
//!   older:  9 ──► 7 ──► 5 ──► 4 ──► 1      each version links to the one before it, and jumps to
//!                 7 ──────────────► 1      one far below: a search among n versions takes log n
//!
//!   chains: [9 .. 9]   [7 ....... 1]       a range tombstone (id 8) separates them: 9 starts one
//!            ▲    │     ▲         │
//!            └────┘     └─────────┘        the oldest of a chain links to the newest,
//!                                          every other one to the oldest
//! ```
//!
//! 1. A slot is filled before anything links to it. Only the link from the oldest version of a
//!    chain to the newest changes afterwards.
//! 2. The ids of the versions of a key descend.
//! 3. `jump` links a version of depth d to one of a depth that depends on d only (Myers, "An
//!    applicative random-access stack", 1983): the distances double as far as they can.
//! 4. A *chain* is a sequence of versions of a key without a range tombstone over the key between
//!    them. So a range tombstone hides all of a chain or nothing of it, and the sorted runs contain
//!    a chain once, by its oldest version ([`super::sorted_runs`]).

use super::append_vec::AppendVec;
use crate::base::{EncodedEntry, Entry, Kind, SeqNo};
use crate::sync::{AtomicU64, OnceLock, Ordering};

/// The id of an entry in its memtable; 0 is none.
pub(super) type EntryId = u32;

/// The entries of a memtable by id.
#[derive(Debug)]
pub(super) struct EntryTable {
    /// The sequence number that ids are relative to: that of the first entry is above it.
    base: SeqNo,
    slots: AppendVec<EntrySlot>,
    bytes: AppendVec<OnceLock<Vec<u8>>>,
}

/// An entry. Each word is two 32-bit numbers, the first in the high half.
#[derive(Debug, Default)]
struct EntrySlot {
    /// The id of the bytes, and the offset of the key in them.
    location: AtomicU64,
    /// The sizes of key and value.
    sizes: AtomicU64,
    /// The next older version, and the jump pointer.
    older: AtomicU64,
    /// The newest version of the chain in the slot of the oldest, the oldest in every other one;
    /// and the kind, with `FILLED` and the rank added: the jump pointer skips 2^rank - 1 versions.
    chain: AtomicU64,
}

/// The bit position of the rank.
const RANK_SHIFT: u32 = 16;

/// How a version is linked to the one before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Link {
    /// There is no older version, or a range tombstone over the key separates them.
    NewChain,
    /// In the same chain.
    SameChain,
}

/// Marks a slot as filled.
const FILLED: u32 = 1 << 8;

pub(super) fn pack(high: u32, low: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

/// Relaxed: the link that led the reader here was stored after the word, with `Release`.
#[inline]
pub(super) fn unpack(word: &AtomicU64) -> (u32, u32) {
    unpack_word(word.load(Ordering::Relaxed))
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "each half has 32 bits")]
pub(super) fn unpack_word(word: u64) -> (u32, u32) {
    ((word >> 32) as u32, word as u32)
}

impl EntryTable {
    pub(super) fn new(base: SeqNo) -> Self {
        Self { base, slots: AppendVec::default(), bytes: AppendVec::default() }
    }

    pub(super) fn base(&self) -> SeqNo {
        self.base
    }

    /// The highest id at or below a sequence number; 0 when all entries are above it.
    pub(super) fn id_at(&self, at: SeqNo) -> EntryId {
        EntryId::try_from(at.0.saturating_sub(self.base.0)).unwrap_or(EntryId::MAX)
    }

    /// The id of an entry that is to be inserted.
    ///
    /// # Panics
    ///
    /// When the sequence number is not above the base, or too far above it for a memtable.
    pub(super) fn id_of(&self, seqno: SeqNo) -> EntryId {
        assert!(seqno > self.base, "a memtable holds what is newer than its beginning");
        EntryId::try_from(seqno.0 - self.base.0).expect("a memtable is frozen long before")
    }

    /// Stores the bytes of a batch.
    pub(super) fn keep_bytes(&self, buffer: u32, bytes: Vec<u8>) {
        self.bytes.make(buffer).set(bytes).expect("each buffer is stored once");
    }

    /// Fills the slot of an entry whose next older version is `older` (0: none).
    pub(super) fn fill(&self, id: EntryId, bytes: u32, entry: &EncodedEntry, older: EntryId, link: Link) {
        let (jump, rank) = match older {
            0 => (id, 0),
            older => self.jump_above(older),
        };
        let oldest = match link {
            Link::NewChain => id,
            Link::SameChain => self.oldest(older),
        };
        let slot = self.slots.make(id);
        slot.location.store(pack(bytes, entry.key_offset), Ordering::Relaxed);
        slot.sizes.store(pack(entry.key_size, entry.value_size), Ordering::Relaxed);
        slot.older.store(pack(older, jump), Ordering::Relaxed);
        let kind = rank << RANK_SHIFT | FILLED | entry.kind as u32;
        slot.chain.store(pack(oldest, kind), Ordering::Relaxed);
        if oldest < id {
            let slot = self.slot(oldest);
            let (_, kind) = unpack(&slot.chain);
            // A reader that finds the id here finds its slot filled.
            slot.chain.store(pack(id, kind), Ordering::Release);
        }
    }

    /// The jump pointer of a version right above `older`, and its rank.
    fn jump_above(&self, older: EntryId) -> (EntryId, u32) {
        let jump_and_rank = |id| {
            let slot = self.slot(id);
            (unpack(&slot.older).1, unpack(&slot.chain).1 >> RANK_SHIFT)
        };
        let (jump, rank) = jump_and_rank(older);
        let (further, jump_rank) = jump_and_rank(jump);
        if rank == jump_rank { (further, rank + 1) } else { (older, 1) }
    }

    fn oldest(&self, id: EntryId) -> EntryId {
        unpack(&self.slot(id).chain).0.min(id)
    }

    fn begins_chain(&self, id: EntryId) -> bool {
        unpack(&self.slot(id).chain).0 >= id
    }

    /// The newest version at or below `at` of the chain that starts with `oldest`, which is at or
    /// below `at`.
    #[inline]
    pub(super) fn version_in_chain(&self, oldest: EntryId, at: EntryId) -> EntryId {
        let (newest, _) = unpack_word(self.slot(oldest).chain.load(Ordering::Acquire));
        if newest <= at { newest } else { self.version(newest, at) }
    }

    /// The next older version in the chain; 0 for the oldest.
    pub(super) fn older_in_chain(&self, id: EntryId) -> EntryId {
        if self.begins_chain(id) { 0 } else { unpack(&self.slot(id).older).0 }
    }

    /// The next newer version in a chain whose newest visible version is `newest`; 0 for that one.
    pub(super) fn newer_in_chain(&self, id: EntryId, newest: EntryId) -> EntryId {
        if id == newest {
            return 0;
        }
        let mut newer = newest;
        loop {
            let (older, jump) = unpack(&self.slot(newer).older);
            match older {
                older if older == id => return newer,
                _ => newer = if jump > id { jump } else { older },
            }
        }
    }

    /// The newest version at or below `at` among `newest` and those below it; 0 when there is none.
    #[inline]
    pub(super) fn version(&self, newest: EntryId, at: EntryId) -> EntryId {
        let mut id = newest;
        while id > at {
            let (older, jump) = unpack(&self.slot(id).older);
            // The oldest version jumps to itself.
            id = if jump > at && jump < id { jump } else { older };
        }
        id
    }

    /// The key of an entry whose bytes are stored and whose slot is not filled yet.
    pub(super) fn key_in(&self, bytes: u32, entry: &EncodedEntry) -> &[u8] {
        &self.bytes(bytes)[entry.key_offset as usize..][..entry.key_size as usize]
    }

    pub(super) fn value_in(&self, bytes: u32, entry: &EncodedEntry) -> &[u8] {
        &self.bytes(bytes)[(entry.key_offset + entry.key_size) as usize..][..entry.value_size as usize]
    }

    /// The next older version of the same key.
    pub(super) fn older(&self, id: EntryId) -> Option<EntryId> {
        Some(unpack(&self.slot(id).older).0).filter(|&older| older > 0)
    }

    #[inline]
    pub(super) fn key(&self, id: EntryId) -> &[u8] {
        let slot = self.slot(id);
        let ((bytes, offset), (size, _)) = (unpack(&slot.location), unpack(&slot.sizes));
        &self.bytes(bytes)[offset as usize..][..size as usize]
    }

    /// The size of key and value, in bytes.
    pub(super) fn size(&self, id: EntryId) -> usize {
        let (key_size, value_size) = unpack(&self.slot(id).sizes);
        key_size as usize + value_size as usize
    }

    /// The entry must exist.
    #[inline]
    pub(super) fn entry(&self, id: EntryId) -> Entry<'_> {
        let slot = self.slot(id);
        let ((bytes, offset), (key_size, value_size)) = (unpack(&slot.location), unpack(&slot.sizes));
        let bytes = &self.bytes(bytes)[offset as usize..][..key_size as usize + value_size as usize];
        let (key, value) = bytes.split_at(key_size as usize);
        Entry { key, seqno: self.base.plus(id.into()), kind: self.kind(id), value }
    }

    pub(super) fn filled(&self, ids: std::ops::RangeInclusive<EntryId>) -> impl Iterator<Item = EntryId> {
        ids.filter(|&id| self.slots.get(id).is_some_and(|slot| unpack(&slot.chain).1 & FILLED > 0))
    }

    /// The ids among these that start a chain: the oldest versions of keys.
    pub(super) fn chains(&self, ids: std::ops::RangeInclusive<EntryId>) -> impl Iterator<Item = EntryId> {
        const RANGE: u32 = FILLED | Kind::RangeDelete as u32;
        ids.filter(|&id| {
            self.slots.get(id).is_some_and(|slot| {
                let (link, kind) = unpack(&slot.chain);
                kind & FILLED > 0 && link >= id && kind != RANGE
            })
        })
    }

    /// The ids among these that are not range tombstones.
    pub(super) fn points(&self, ids: std::ops::RangeInclusive<EntryId>) -> impl Iterator<Item = EntryId> {
        self.filled(ids).filter(|&id| self.kind(id).is_point())
    }

    fn kind(&self, id: EntryId) -> Kind {
        Kind::from_code(unpack(&self.slot(id).chain).1.to_le_bytes()[0]).expect("a kind was stored")
    }

    #[inline]
    fn slot(&self, id: EntryId) -> &EntrySlot {
        self.slots.get(id).expect("the slot of an id is filled")
    }

    #[inline]
    fn bytes(&self, buffer: u32) -> &[u8] {
        self.bytes.get(buffer).and_then(OnceLock::get).expect("bytes are stored before a slot refers to them")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_right_one_of_many_versions_is_found_in_a_logarithm_of_steps() {
        let entries = EntryTable::new(SeqNo(100));
        entries.keep_bytes(0, b"k".to_vec());
        let entry = EncodedEntry::new(Kind::Put, 0, b"k", 0);
        // Every third id is another key's.
        let ids: Vec<EntryId> = (1..6000).filter(|id| id % 3 > 0).collect();
        let mut newest = 0;
        for &id in &ids {
            let link = if newest == 0 || id % 1000 == 1 { Link::NewChain } else { Link::SameChain };
            entries.fill(id, 0, &entry, newest, link);
            newest = id;
        }
        for at in (0..=6000).chain([u32::MAX]) {
            let expected = ids.iter().rev().find(|&&id| id <= at).copied().unwrap_or(0);
            assert_eq!(entries.version(newest, at), expected, "at {at}");
            let (mut id, mut steps) = (newest, 0);
            while id > at {
                let (older, jump) = unpack(&entries.slot(id).older);
                id = if jump > at && jump < id { jump } else { older };
                steps += 1;
            }
            assert!(steps < 40, "{steps} steps");
        }
    }
}
