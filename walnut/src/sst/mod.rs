//! Sorted string tables: one immutable, sorted file each. Knows its own bytes, and not what a level is.

mod meta;

pub(crate) use meta::SstMeta;
