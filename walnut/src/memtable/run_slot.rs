//! A sorted key, as runs and the skip list hold it.

use super::entries::{EntryId, EntryTable};
use crate::base::{KeyPrefix, key_prefix};

/// A sought key, with its prefix.
pub(super) type Target<'k> = (KeyPrefix, &'k [u8]);

/// A sorted key: a prefix that decides most comparisons, and the id of the oldest version of a
/// chain.
#[derive(Clone, Copy, Debug)]
pub(super) struct RunSlot {
    pub(super) prefix: KeyPrefix,
    pub(super) id: EntryId,
}

impl RunSlot {
    pub(super) fn new(entries: &EntryTable, id: EntryId) -> Self {
        Self { prefix: key_prefix(entries.key(id)), id }
    }

    /// The order of two slots; of equal keys the newer comes first.
    #[inline]
    pub(super) fn order(&self, other: &Self, entries: &EntryTable) -> std::cmp::Ordering {
        let keys = || entries.key(self.id).cmp(entries.key(other.id));
        let newer_first = || other.id.cmp(&self.id);
        self.prefix.cmp(&other.prefix).then_with(keys).then_with(newer_first)
    }

    pub(super) fn target(self, entries: &EntryTable) -> Target<'_> {
        (self.prefix, entries.key(self.id))
    }

    /// Whether this slot's key is below another key.
    #[inline]
    pub(super) fn is_below(&self, (prefix, key): Target<'_>, entries: &EntryTable) -> bool {
        self.prefix.cmp(&prefix).then_with(|| entries.key(self.id).cmp(key)).is_lt()
    }
}
