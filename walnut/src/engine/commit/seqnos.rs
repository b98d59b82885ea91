//! The seqnos of the commit pipeline: how far the log is applied, visible and durable.

use crate::base::SeqNo;
use crate::sync::{AtomicU64, Ordering};

#[derive(Debug)]
pub(in crate::engine) struct Seqnos {
    applied: AtomicU64,
    visible: AtomicU64,
    durable: AtomicU64,
}

impl Seqnos {
    pub(super) fn new(last: SeqNo) -> Self {
        let last = || AtomicU64::new(last.0);
        Self { applied: last(), visible: last(), durable: last() }
    }

    /// The last seqno in the log; a transaction that writes may build on it before it is durable,
    /// because its own record comes later in the same log.
    #[inline]
    pub(in crate::engine) fn applied(&self) -> SeqNo {
        SeqNo(self.applied.load(Ordering::Acquire))
    }

    /// The last seqno that readers see.
    #[inline]
    pub(in crate::engine) fn visible(&self) -> SeqNo {
        SeqNo(self.visible.load(Ordering::Acquire))
    }

    /// The last seqno that no crash takes back.
    pub(in crate::engine) fn durable(&self) -> SeqNo {
        SeqNo(self.durable.load(Ordering::SeqCst))
    }

    pub(super) fn set_applied(&self, last: SeqNo) {
        self.applied.store(last.0, Ordering::Release);
    }

    pub(super) fn advance_visible(&self, last: SeqNo) {
        self.visible.fetch_max(last.0, Ordering::AcqRel);
    }

    pub(super) fn advance_durable(&self, last: SeqNo) {
        self.durable.fetch_max(last.0, Ordering::SeqCst);
    }
}
