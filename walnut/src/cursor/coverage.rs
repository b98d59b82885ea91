//! The range tombstones that lie over a walk, from all the containers that it goes through.

use crate::base::{FragmentWalk, Fragments, SeqNo};
use crate::sync::Arc;

/// Says of key after key, in the order of a walk, which range tombstone is the newest over it.
#[derive(Debug, Default)]
pub(crate) struct Coverage {
    walks: Vec<FragmentWalk>,
}

impl Coverage {
    /// The range tombstones of these lists. Without any, nothing is covered, and asking costs nothing.
    pub(crate) fn new(lists: impl IntoIterator<Item = Arc<Fragments>>) -> Self {
        Self { walks: lists.into_iter().map(FragmentWalk::new).collect() }
    }

    /// Whether a version of `key` is hidden from a reader at `at`: by a range tombstone that is newer, and that it sees.
    #[inline]
    pub(crate) fn hides(&mut self, key: &[u8], version: SeqNo, at: SeqNo) -> bool {
        self.walks.iter_mut().any(|walk| walk.covering(key, at).is_some_and(|seqno| seqno > version))
    }
}
