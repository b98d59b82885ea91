//! The fuzzing entry point for write batches.

use super::BatchEntries;

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
    if let Ok(entries) = BatchEntries::new(payload, count) {
        let size = entries.map(|(_, key, value)| key.len() + value.len()).sum::<usize>();
        assert!(size <= payload.len(), "entries lie in the payload");
    }
}
