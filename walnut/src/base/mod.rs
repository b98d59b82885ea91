//! The numbers and orders that every storey shares. No input or output, no locks.

mod entry;
mod fragment;
mod fragment_merge;
mod hash;
mod head;
mod key_set;
mod number;
mod places;
mod range;
mod seqno;
mod sum;

pub(crate) use entry::{Entry, Kind, compare};
pub(crate) use fragment::{Fragment, Fragments, RangeTombstones, Stretch};
pub(crate) use fragment_merge::{FragmentMerge, FragmentSource};
pub(crate) use hash::KeyHash;
pub(crate) use head::{Head, head};
pub(crate) use key_set::KeySet;
pub(crate) use number::{FileNumber, KeyspaceId};
pub(crate) use places::Places;
pub(crate) use range::{KeyRange, after, successor};
pub(crate) use seqno::SeqNo;
pub(crate) use sum::{Part, number_in};
