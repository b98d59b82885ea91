//! CRC-32 (IEEE 802.3), seeded so that bytes of one file never validate in another.

/// The checksum of `bytes`, continued from `seed`.
pub(crate) fn crc32(seed: u32, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(seed);
    hasher.update(bytes);
    hasher.finalize()
}
