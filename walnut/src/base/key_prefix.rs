//! The first bytes of a key as integers, which compare faster than bytes.

/// The first sixteen bytes of a key, big-endian and zero-padded: prefixes that differ have the
/// order of their keys; equal prefixes decide nothing.
pub(crate) type KeyPrefix = (u64, u64);

#[inline]
pub(crate) fn key_prefix(key: &[u8]) -> KeyPrefix {
    let split = |bytes: &[u8; 16]| {
        let [first, second] = bytes.as_chunks().0 else { unreachable!("sixteen bytes are two words") };
        (u64::from_be_bytes(*first), u64::from_be_bytes(*second))
    };
    if let Some(bytes) = key.first_chunk() {
        return split(bytes);
    }
    let mut bytes = [0; 16];
    bytes[..key.len()].copy_from_slice(key);
    split(&bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn heads_that_differ_are_in_the_order_of_their_keys(
            left in prop::collection::vec(0u8..3, 0..20),
            right in prop::collection::vec(0u8..3, 0..20),
        ) {
            prop_assert!(key_prefix(&left) == key_prefix(&right) || key_prefix(&left).cmp(&key_prefix(&right)) == left.cmp(&right));
            prop_assert!(left != right || key_prefix(&left) == key_prefix(&right));
        }
    }
}
