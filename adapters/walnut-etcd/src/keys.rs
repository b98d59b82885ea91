//! Where the adapter keeps what, below one prefix of the cluster's keys.
//!
//! ```text
//!   PREFIX d KEY     the value of a key
//!   PREFIX g BUCKET  a guard: written by each commit that removes a key of the bucket
//!   PREFIX G         the guard of all buckets: written by a commit that removes from many
//!   PREFIX m         the mark: says that the prefix is Walnut's
//! ```
//!
//! A comparison of etcd is about the last change of the keys that are there. A key that was removed
//! is not there, so a removal within a range that was read would go unnoticed: the guards are there
//! to be compared instead. A guard is never removed. The bucket of a key is its first four bytes,
//! which in Walnut's keys name the table or index.

/// The bytes of a key that name its bucket.
const BUCKET: usize = 4;

/// The keys below one prefix.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    prefix: Vec<u8>,
}

impl Keys {
    pub(crate) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.as_bytes().to_vec() }
    }

    fn at(&self, kind: u8, rest: &[u8]) -> Vec<u8> {
        [&self.prefix, &[kind][..], rest].concat()
    }

    pub(crate) fn data(&self, key: &[u8]) -> Vec<u8> {
        self.at(b'd', key)
    }

    /// Where the range of all values ends.
    pub(crate) fn data_end(&self) -> Vec<u8> {
        self.at(b'd' + 1, &[])
    }

    /// What a data key is the place of; `None` if it is not one.
    pub(crate) fn of_data<'a>(&self, data: &'a [u8]) -> Option<&'a [u8]> {
        data.strip_prefix(self.prefix.as_slice())?.strip_prefix(b"d")
    }

    pub(crate) fn guard(&self, bucket: &[u8]) -> Vec<u8> {
        self.at(b'g', bucket)
    }

    /// The guards of all buckets that keys between `start`, inclusive, and `end`, exclusive, may be
    /// in, as a range. Without an `end` the range is open.
    pub(crate) fn guards(&self, start: &[u8], end: Option<&[u8]>) -> (Vec<u8>, Vec<u8>) {
        let first = self.guard(bucket(start));
        let behind = match end {
            // No guard lies between a bucket's and this key: no bucket is longer.
            Some(end) => after(self.guard(bucket(end))),
            None => self.at(b'g' + 1, &[]),
        };
        (first, behind)
    }

    pub(crate) fn global_guard(&self) -> Vec<u8> {
        self.at(b'G', &[])
    }

    pub(crate) fn mark(&self) -> Vec<u8> {
        self.at(b'm', &[])
    }

    /// All keys below the prefix, as a range.
    pub(crate) fn all(&self) -> (Vec<u8>, Vec<u8>) {
        // A prefix is text, so no byte of it is the greatest.
        let mut end = self.prefix.clone();
        if let Some(last) = end.last_mut() {
            *last += 1;
        }
        (self.prefix.clone(), end)
    }
}

pub(crate) fn bucket(key: &[u8]) -> &[u8] {
    &key[..key.len().min(BUCKET)]
}

/// The bucket of all keys of a range; `None` if they may be in several.
pub(crate) fn only_bucket<'a>(start: &'a [u8], end: &[u8]) -> Option<&'a [u8]> {
    let bucket = bucket(start);
    // The end is exclusive, so it may be the bucket's own.
    let same = end.starts_with(bucket) || (bucket.len() == BUCKET && next(bucket).as_deref() == Some(end));
    (bucket.len() == BUCKET && same).then_some(bucket)
}

/// The least bytes of the same length that are greater.
fn next(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = bytes.to_vec();
    for byte in bytes.iter_mut().rev() {
        let (sum, carry) = byte.overflowing_add(1);
        *byte = sum;
        if !carry {
            return Some(bytes);
        }
    }
    None
}

/// The least key that is greater.
pub(crate) fn after(mut key: Vec<u8>) -> Vec<u8> {
    key.push(0);
    key
}

#[cfg(test)]
mod tests {
    use super::{Keys, after, bucket, only_bucket};

    #[test]
    fn the_guards_of_a_range_are_those_of_all_keys_in_it() {
        let keys = Keys::new("w/");
        let bytes = [
            &b""[..],
            b"\0",
            b"a",
            b"a\0",
            b"abc",
            b"abcd",
            b"abcd\0",
            b"abcdz",
            b"abce",
            b"b",
            b"\xff\xff\xff\xff\xff",
        ];
        for start in bytes {
            for end in bytes.into_iter().map(Some).chain([None]) {
                let (first, behind) = keys.guards(start, end);
                for key in bytes {
                    let guard = keys.guard(bucket(key));
                    let within = key >= start && end.is_none_or(|end| key < end);
                    assert!(!within || (guard >= first && guard < behind), "{start:?} {key:?} {end:?}");
                }
            }
        }
    }

    #[test]
    fn a_range_of_one_bucket_is_recognized() {
        assert_eq!(only_bucket(b"abcd", b"abce"), Some(&b"abcd"[..]), "a whole keyspace");
        assert_eq!(only_bucket(b"abcd1", b"abcd2"), Some(&b"abcd"[..]));
        assert_eq!(only_bucket(b"abcd1", b"abce\0"), None);
        assert_eq!(only_bucket(b"abc", b"abcd"), None, "a short key is a bucket of its own");
        assert_eq!(only_bucket(b"\xff\xff\xff\xff", b"\xff\xff\xff\xff\x01"), Some(&b"\xff\xff\xff\xff"[..]));
        assert_eq!(only_bucket(b"\0\0\0\xff", b"\0\0\x01\0"), Some(&b"\0\0\0\xff"[..]));
    }

    #[test]
    fn kinds_do_not_meet() {
        let keys = Keys::new("w/");
        let (first, end) = keys.all();
        for key in [keys.data(b"\xff"), keys.guard(b"\xff"), keys.global_guard(), keys.mark()] {
            assert!(key > first && key < end);
        }
        assert!(keys.data(b"\xff\xff") < keys.data_end() && keys.data_end() <= keys.guard(b""));
        assert_eq!(keys.of_data(&keys.data(b"k")), Some(&b"k"[..]));
        assert_eq!(keys.of_data(&keys.mark()), None);
        assert_eq!(after(b"a".to_vec()), b"a\0");
    }
}
