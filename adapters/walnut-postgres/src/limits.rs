//! What PostgreSQL accepts in one commit.

use walnut::remote::Limits;

/// An entry of a B-tree index has 2,704 bytes at most, a third of a page, of which 12 are its head.
pub(crate) const KEY: usize = 2680;
/// A field may have 1 GiB, but client and server hold several copies of each value.
pub(crate) const VALUE: usize = 32 << 20;
/// The whole commit is in the memory of client and server.
pub(crate) const COMMIT_SIZE: usize = 64 << 20;
/// The keys of a commit are one array.
pub(crate) const COMMIT_COUNT: usize = 100_000;
/// Each range is a statement.
pub(crate) const RANGES: usize = 256;

pub(crate) fn limits() -> Limits {
    Limits {
        key: KEY,
        value: VALUE,
        commit_size: COMMIT_SIZE,
        commit_count: COMMIT_COUNT,
        ranges: RANGES,
        max_age: None,
    }
}
