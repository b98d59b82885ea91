//! Parts of an SST on their own, for benchmarks.

use super::block;
use super::block_builder::BlockBuilder;
use super::filter;
use crate::base::{Entry, KeyHash, Kind, SeqNo};
use crate::error::Fault;

/// A data block.
#[derive(Debug)]
pub struct MeasuredBlock(block::Block);

impl MeasuredBlock {
    /// Builds the payload of a block; the keys must ascend.
    pub fn build<'a>(entries: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Vec<u8> {
        let mut builder = BlockBuilder::default();
        for (key, value) in entries {
            let entry = Entry { key, seqno: SeqNo(1), kind: Kind::Put, value };
            builder.push(&entry, KeyHash::of(key).fingerprint());
        }
        builder.finish()
    }

    /// Checks a payload and opens it.
    pub fn open(payload: Vec<u8>) -> Result<Self, Fault> {
        block::Block::new(payload).map(Self)
    }

    /// The size of a key's value.
    pub fn get(&self, key: &[u8]) -> Option<usize> {
        self.0.find(key, KeyHash::of(key).fingerprint(), SeqNo::MAX).map(|row| row.value.len())
    }

    /// The index of the first entry that is not before a key.
    pub fn seek(&self, key: &[u8]) -> usize {
        self.0.lower_bound(key)
    }
}

/// A filter.
#[derive(Debug)]
pub struct MeasuredFilter(filter::Filter);

impl MeasuredFilter {
    /// Builds the filter of these keys, with ten bits for each.
    pub fn build<'a>(keys: impl Iterator<Item = &'a [u8]>) -> Self {
        Self(filter::Filter::build(&keys.map(KeyHash::of).collect::<Vec<_>>(), 10))
    }

    /// Returns whether a key may be present.
    pub fn may_contain(&self, key: &[u8]) -> bool {
        self.0.may_contain(KeyHash::of(key))
    }
}
