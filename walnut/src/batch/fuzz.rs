//! The fuzzing entry point for write batches.

use super::decode;

/// Decodes `bytes` as a payload, with every count that they could have and with the one in front of
/// them. It must not panic, hang or allocate much memory; every other outcome is correct.
pub fn fuzz(bytes: &[u8]) {
    if let Some((count, payload)) = bytes.split_first_chunk() {
        walk(payload, u32::from_le_bytes(*count));
    }
    for count in 0..u32::try_from(bytes.len() / 2 + 2).unwrap_or(u32::MAX).min(64) {
        walk(bytes, count);
    }
}

fn walk(payload: &[u8], count: u32) {
    let mut size = 0;
    let _ = decode(payload, count, |_, (_, key, value)| size += key.len() + value.len());
    assert!(size <= payload.len(), "entries lie in the payload");
}
