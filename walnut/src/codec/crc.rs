//! CRC-32 (IEEE 802.3), seeded per file so that the bytes of one file never validate in another.

/// The checksum of `bytes`, continued from `seed`.
pub(crate) fn crc32(seed: u32, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(seed);
    hasher.update(bytes);
    hasher.finalize()
}

/// The seed of the checksum of a block at `offset` in a file with this seed, so that a block never
/// validates at another offset.
pub(crate) fn seed_at(file_seed: u32, offset: u64) -> u32 {
    crc32(file_seed, &offset.to_le_bytes())
}

/// `crc32(first, bytes)`, given `second = crc32(0, bytes)` and the size of `bytes`.
pub(crate) fn crc32_combine(first: u32, second: u32, second_size: u64) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(first);
    hasher.combine(&crc32fast::Hasher::new_with_initial_len(second, second_size));
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn combining_checksums_is_continuing_them() {
        let bytes: Vec<u8> = (0..=255).cycle().take(1000).collect();
        for cut in [0, 1, 7, 512, 999, 1000] {
            let (first, second) = (crc32(0x1234, &bytes[..cut]), crc32(0, &bytes[cut..]));
            let size = (bytes.len() - cut) as u64;
            assert_eq!(crc32_combine(first, second, size), crc32(0x1234, &bytes));
        }
    }
}
