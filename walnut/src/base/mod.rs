//! The types that every layer shares: keys, sequence numbers, entries, range tombstones. No I/O, no
//! locks.

mod encoded_entry;
mod entry;
mod fragment;
mod fragment_merge;
mod hash;
mod hash_index;
mod key_prefix;
mod key_set;
mod number;
mod range;
mod sum;

pub(crate) use encoded_entry::{EncodedEntry, SealedBatch};
pub(crate) use entry::{Entry, Kind, compare};
pub(crate) use fragment::{CoveredSpan, Fragment, Fragments, RangeTombstones};
pub(crate) use fragment_merge::{FragmentMerge, FragmentSource};
pub(crate) use hash::KeyHash;
pub(crate) use hash_index::HashIndex;
pub(crate) use key_prefix::{KeyPrefix, key_prefix};
pub(crate) use key_set::KeySet;
pub(crate) use number::{FileNumber, KeyspaceId, SeqNo};
pub(crate) use range::{KeyRange, after, successor};
pub(crate) use sum::{Operand, number_in};
