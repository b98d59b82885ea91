//! The operations of a commit.
//!
//! etcd refuses a transaction that puts a key and removes a range with it, so a range is divided at
//! the keys that are put within. Each removal also writes the guard of its bucket, see the
//! module of keys.

use std::collections::BTreeSet;

use walnut::remote::{Failure, Limits, Writes};

use crate::keys::{Keys, after, bucket, only_bucket};
use crate::wire::{DeleteRangeRequest, Op, PutRequest, RequestOp};

/// The most operations of one commit, as etcd is configured by default.
pub(crate) const OPERATIONS: usize = 128;
/// Guards of single buckets in one commit. Above that, the guard of all buckets is written.
const GUARDS: usize = 8;
/// etcd has no limit for keys but that of a request; its index keeps all of them in memory.
pub(crate) const KEY: usize = 8192;
/// A request may have 1.5 MiB, as etcd is configured by default; this leaves room for a value's
/// commit.
pub(crate) const VALUE: usize = 1 << 20;
/// The keys and values of one commit. Comparisons and the prefixes of keys are not counted, and get
/// the rest of the 1.5 MiB.
pub(crate) const COMMIT_SIZE: usize = (1 << 20) + (64 << 10);
/// Ranges of one commit. Each key within a range costs another operation.
pub(crate) const RANGES: usize = 16;

/// The limits of a cluster whose transactions take so many operations.
pub(crate) fn limits(operation_count: usize) -> Limits {
    Limits {
        key: KEY,
        value: VALUE,
        commit_size: COMMIT_SIZE,
        // There is room for the guards.
        commit_count: operation_count - GUARDS - 1,
        ranges: RANGES,
        max_age: None,
    }
}

/// The operations of `writes`; [`Failure::TooLarge`] if etcd would refuse them.
pub(crate) fn operations(
    server: &str,
    operation_count: usize,
    keys: &Keys,
    writes: &Writes,
) -> Result<Vec<RequestOp>, Failure> {
    limits(operation_count).check(server, writes)?;
    let mut operations: Vec<RequestOp> = Vec::new();
    let mut buckets: BTreeSet<&[u8]> = BTreeSet::new();
    let mut many_buckets = false;
    for (key, value) in writes.keys() {
        let data = keys.data(key);
        if let Some(value) = value {
            operations.push(Op::Put(PutRequest { key: data, value: value.to_vec() }).into());
        } else {
            buckets.insert(bucket(key));
            operations.push(Op::DeleteRange(DeleteRangeRequest { key: data, range_end: Vec::new() }).into());
        }
    }
    for (start, end) in writes.ranges() {
        match only_bucket(start, end) {
            Some(bucket) => drop(buckets.insert(bucket)),
            None => many_buckets = true,
        }
        operations.extend(divided(writes, start, end).map(|(start, end)| {
            let range = DeleteRangeRequest { key: keys.data(&start), range_end: keys.data(&end) };
            Op::DeleteRange(range).into()
        }));
    }
    let put_guard = |key| Op::Put(PutRequest { key, value: Vec::new() }).into();
    if many_buckets || buckets.len() > GUARDS {
        operations.push(put_guard(keys.global_guard()));
    } else {
        operations.extend(buckets.into_iter().map(|bucket| put_guard(keys.guard(bucket))));
    }
    if operations.len() > operation_count {
        let count = operations.len();
        let text = format!("{server}: a commit of {count} operations, the limit is {operation_count}");
        return Err(Failure::TooLarge(text));
    }
    Ok(operations)
}

/// The parts of a range between the keys that are written within it.
fn divided(writes: &Writes, start: &[u8], end: &[u8]) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
    let mut bounds = vec![start.to_vec()];
    for (key, _) in writes.keys().filter(|(key, _)| *key >= start && *key < end) {
        bounds.extend([key.to_vec(), after(key.to_vec())]);
    }
    bounds.push(end.to_vec());
    let parts: Vec<_> = bounds.chunks_exact(2).map(|part| (part[0].clone(), part[1].clone())).collect();
    parts.into_iter().filter(|(start, end)| start < end)
}

#[cfg(test)]
mod tests {
    use walnut::remote::{Failure, Writes};

    use super::{OPERATIONS, divided, limits, operations};
    use crate::keys::Keys;
    use crate::wire::Op;

    fn puts(keys: &Keys, writes: &Writes) -> Vec<Vec<u8>> {
        let operations = operations("s", OPERATIONS, keys, writes).expect("few");
        operations
            .into_iter()
            .filter_map(|operation| match operation.request {
                Some(Op::Put(put)) => Some(put.key),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn a_removal_writes_the_guard_of_its_bucket() {
        let keys = Keys::new("w/");
        let mut writes = Writes::new();
        writes.put(b"tab1k", b"v");
        assert_eq!(puts(&keys, &writes), [keys.data(b"tab1k")], "a put has none");
        writes.remove(b"tab1a");
        writes.remove(b"tab1b");
        writes.remove_range(b"tab2", b"tab3");
        assert_eq!(puts(&keys, &writes), [keys.data(b"tab1k"), keys.guard(b"tab1"), keys.guard(b"tab2")]);
        writes.remove_range(b"ta", b"tb");
        assert_eq!(puts(&keys, &writes), [keys.global_guard()]);
    }

    #[test]
    fn removals_from_many_buckets_write_one_guard_and_still_fit() {
        let keys = Keys::new("w/");
        let mut writes = Writes::new();
        for number in 0..limits(OPERATIONS).commit_count {
            writes.remove(format!("{number:04}").as_bytes());
        }
        assert_eq!(puts(&keys, &writes), [keys.global_guard()]);
        writes.remove(b"one more");
        assert!(matches!(operations("s", OPERATIONS, &keys, &writes), Err(Failure::TooLarge(_))));
    }

    #[test]
    fn a_range_is_divided_at_the_keys_within() {
        let mut writes = Writes::new();
        writes.remove_range(b"b", b"f");
        for key in [&b"a"[..], b"b", b"d", b"f"] {
            writes.put(key, b"");
        }
        let parts: Vec<_> = divided(&writes, b"b", b"f").collect();
        assert_eq!(parts, [(b"b\0".to_vec(), b"d".to_vec()), (b"d\0".to_vec(), b"f".to_vec())]);
    }
}
