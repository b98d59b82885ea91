//! Half-open ranges of user keys.

/// The user keys from `start`, inclusive, to `end`, exclusive; unbounded when there is no `end`.
///
/// Every range of byte strings has this form, because `k ++ [0]` is the next byte string after `k`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct KeyRange {
    pub(crate) start: Vec<u8>,
    pub(crate) end: Option<Vec<u8>>,
}

impl KeyRange {
    pub(crate) fn all() -> Self {
        Self { start: Vec::new(), end: None }
    }

    /// The keys that begin with `prefix`.
    pub(crate) fn prefix(prefix: &[u8]) -> Self {
        Self { start: prefix.to_vec(), end: successor(prefix) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.end.as_ref().is_some_and(|end| *end <= self.start)
    }

    #[cfg(test)]
    pub(crate) fn contains(&self, key: &[u8]) -> bool {
        self.start.as_slice() <= key && self.ends_after(key)
    }

    /// Whether the range overlaps the keys from `smallest`, inclusive, to `end`, exclusive.
    pub(crate) fn overlaps(&self, smallest: &[u8], end: &[u8]) -> bool {
        *self.start < *end && self.ends_after(smallest)
    }

    pub(crate) fn ends_after(&self, key: &[u8]) -> bool {
        self.end.as_ref().is_none_or(|end| key < end.as_slice())
    }
}

pub(crate) fn after(key: &[u8]) -> Vec<u8> {
    let mut next = Vec::with_capacity(key.len() + 1);
    next.extend_from_slice(key);
    next.push(0);
    next
}

/// The first byte string after all those that begin with `prefix`; `None` when there is none.
pub(crate) fn successor(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|&byte| byte != u8::MAX)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_successor_ends_a_prefix_exactly() {
        assert_eq!(successor(b"ab"), Some(b"ac".to_vec()));
        assert_eq!(successor(b"a\xff\xff"), Some(b"b".to_vec()));
        assert_eq!(successor(b"\xff\xff"), None);
        assert_eq!(successor(b""), None);
        let range = KeyRange::prefix(b"a\xff");
        assert!(range.contains(b"a\xff") && range.contains(b"a\xff\xff\x07"));
        assert!(!range.contains(b"a\xfe") && !range.contains(b"b"));
    }

    #[test]
    fn a_range_is_half_open() {
        let range = KeyRange { start: b"b".to_vec(), end: Some(b"d".to_vec()) };
        for (key, inside) in [(&b"a"[..], false), (b"b", true), (b"c\xff", true), (b"d", false)] {
            assert_eq!(range.contains(key), inside, "{key:?}");
        }
        assert!(range.overlaps(b"a", &after(b"b")) && range.overlaps(b"c", b"z"));
        assert!(!range.overlaps(b"a", b"b") && !range.overlaps(b"d", b"z"));
        assert!(KeyRange { start: b"d".to_vec(), end: Some(b"b".to_vec()) }.is_empty());
        assert!(!KeyRange::all().is_empty() && KeyRange::all().contains(b""));
    }
}
