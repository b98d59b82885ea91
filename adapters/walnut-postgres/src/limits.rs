//! What PostgreSQL accepts in one commit.

use walnut::remote::{Failure, Limits, Writes};

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

/// Refuses writes past a limit before anything is sent.
pub(crate) fn check(server: &str, writes: &Writes) -> Result<(), Failure> {
    let too_large = |what: &str, size: usize, limit: usize| {
        Err(Failure::TooLarge(format!("{server}: {what} of {size}, the limit is {limit}")))
    };
    for (key, value) in writes.keys() {
        if key.len() > KEY {
            return too_large("a key (bytes)", key.len(), KEY);
        }
        if let Some(value) = value
            && value.len() > VALUE
        {
            return too_large("a value (bytes)", value.len(), VALUE);
        }
    }
    if writes.size() > COMMIT_SIZE {
        return too_large("a commit (bytes)", writes.size(), COMMIT_SIZE);
    }
    if writes.len() > COMMIT_COUNT {
        return too_large("a commit (keys and ranges)", writes.len(), COMMIT_COUNT);
    }
    if writes.ranges().len() > RANGES {
        return too_large("a commit (ranges)", writes.ranges().len(), RANGES);
    }
    Ok(())
}
