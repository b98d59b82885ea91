//! Hostile bytes as the payload of a commit: the entry point of fuzzing.

use super::Entries;

/// Takes `bytes` for a payload, of every count that they could have and of one that they say. It must not panic, hang or take much
/// memory; whatever else happens is right.
pub fn fuzz(bytes: &[u8]) {
    if let Some((count, payload)) = bytes.split_first_chunk() {
        walk(payload, u32::from_le_bytes(*count));
    }
    for count in 0..u32::try_from(bytes.len() / 2 + 2).unwrap_or(u32::MAX).min(64) {
        walk(bytes, count);
    }
}

fn walk(payload: &[u8], count: u32) {
    if let Ok(entries) = Entries::new(payload, count) {
        let size = entries.map(|(_, key, value)| key.len() + value.len()).sum::<usize>();
        assert!(size <= payload.len(), "entries lie in the payload");
    }
}
