//! Encodes payloads as blocks and decodes them: compression, bounds, seal.
//!
//! ```text
//! payload --compress if it pays--> stored bytes | encoding | size --seal--> block   (format.rs draws it)
//! ```
//!
//! 1. A block is valid only in the file and at the offset for which it was encoded.
//! 2. Nothing is allocated for a payload before its size is known to be possible.
//!
//! The content of payloads is not known here.

use std::borrow::Cow;

use super::format::{ENCODING_LZ4, ENCODING_RAW, TRAILER_ENCODING, TRAILER_LEN, TRAILER_SIZE};
use crate::codec::{BlockCompression, MAX_RATIO, Reader, Writer, compress, decompress};
use crate::crypt::{SealedPart, Sealer};
use crate::error::Fault;

/// Appends the block of `payload` to `out`, to be written at `offset` in the file of this sealer.
pub(super) fn encode_block(
    payload: &[u8],
    compression: BlockCompression,
    sealer: &Sealer,
    offset: u64,
    out: &mut Vec<u8>,
) {
    let start = out.len();
    let encoding = match compression {
        BlockCompression::Lz4 if compress(payload, out) => ENCODING_LZ4,
        _ => {
            out.extend_from_slice(payload);
            ENCODING_RAW
        }
    };
    out.put_u8(encoding);
    out.put_u32(u32::try_from(payload.len()).expect("the limits of payloads are far below 4 GiB"));
    sealer.seal(SealedPart::Block, offset, out, start);
}

/// Decodes a block that was read from `offset`; returns its payload. An owned block that is not
/// compressed becomes the payload without a copy.
pub(super) fn decode_block(
    block: Cow<'_, [u8]>,
    sealer: &Sealer,
    offset: u64,
    max_size: usize,
) -> Result<Vec<u8>, Fault> {
    let block = sealer.open(SealedPart::Block, offset, block)?;
    let (stored, trailer) = block.split_last_chunk::<TRAILER_LEN>().ok_or(Fault::Truncated)?;
    let size = Reader::new(&trailer[TRAILER_SIZE]).u32()? as usize;
    if size > max_size {
        return Err(Fault::Invalid("size of a block"));
    }
    match trailer[TRAILER_ENCODING.start] {
        ENCODING_RAW if size == stored.len() => {
            let mut payload = block.into_owned();
            payload.truncate(size);
            Ok(payload)
        }
        ENCODING_LZ4 if size <= stored.len().saturating_mul(MAX_RATIO) => {
            decompress(stored, size).ok_or(Fault::Invalid("compressed block"))
        }
        ENCODING_RAW | ENCODING_LZ4 => Err(Fault::Invalid("size of a block")),
        _ => Err(Fault::Invalid("encoding of a block")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{crc32, seed_at};

    fn decode_block(block: &[u8], file_seed: u32, offset: u64, max_size: usize) -> Result<Vec<u8>, Fault> {
        let sealer = &Sealer::checksummed(file_seed);
        let payload = super::decode_block(Cow::Borrowed(block), sealer, offset, max_size);
        assert_eq!(super::decode_block(Cow::Owned(block.to_vec()), sealer, offset, max_size), payload);
        payload
    }

    fn sealed(payload: &[u8], compression: BlockCompression) -> Vec<u8> {
        let mut block = Vec::new();
        encode_block(payload, compression, &Sealer::checksummed(7), 640, &mut block);
        block
    }

    #[test]
    fn a_block_opens_where_it_was_sealed_and_nowhere_else() {
        let noise: Vec<u8> = (0..200u32).map(|i| i.wrapping_mul(0x9e37_79b1).to_le_bytes()[3]).collect();
        for payload in [&b""[..], b"a", &[0; 5000], &noise] {
            for compression in [BlockCompression::None, BlockCompression::Lz4] {
                let block = sealed(payload, compression);
                assert_eq!(decode_block(&block, 7, 640, 5000).as_deref(), Ok(payload));
                assert!(matches!(decode_block(&block, 7, 641, 5000), Err(Fault::Checksum { .. })));
                assert!(matches!(decode_block(&block, 8, 640, 5000), Err(Fault::Checksum { .. })));
            }
        }
        assert!(sealed(&[0; 5000], BlockCompression::Lz4).len() < 100);
        assert_eq!(sealed(&noise, BlockCompression::Lz4), sealed(&noise, BlockCompression::None));
    }

    #[test]
    fn every_flipped_bit_and_every_missing_byte_is_found() {
        let block = sealed(&[3; 300], BlockCompression::Lz4);
        for bit in 0..block.len() * 8 {
            let mut damaged = block.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(decode_block(&damaged, 7, 640, 5000), Err(Fault::Checksum { .. })), "bit {bit}");
        }
        for size in 0..block.len() {
            assert!(decode_block(&block[..size], 7, 640, 5000).is_err(), "size {size}");
        }
    }

    #[test]
    fn a_block_compressed_by_hand_opens() {
        // LZ4: one literal zero, repeated 94 times from one byte back, and five literal zeros.
        let mut block = vec![0x1f, 0, 1, 0, 75, 0x50, 0, 0, 0, 0, 0];
        block.put_u8(ENCODING_LZ4);
        block.put_u32(100);
        let crc = crc32(seed_at(7, 640), &block);
        block.put_u32(crc);
        assert_eq!(decode_block(&block, 7, 640, 100).as_deref(), Ok(&[0; 100][..]));
    }

    #[test]
    fn a_size_that_cannot_be_is_refused_before_memory_is_taken() {
        let forged = |encoding, size| {
            let mut block = vec![0x1f; 20];
            block.put_u8(encoding);
            block.put_u32(size);
            let crc = crc32(seed_at(7, 640), &block);
            block.put_u32(crc);
            decode_block(&block, 7, 640, usize::MAX)
        };
        assert_eq!(forged(ENCODING_LZ4, u32::MAX), Err(Fault::Invalid("size of a block")));
        assert_eq!(forged(ENCODING_LZ4, 300), Err(Fault::Invalid("compressed block")));
        assert_eq!(forged(ENCODING_RAW, 21), Err(Fault::Invalid("size of a block")));
        assert_eq!(forged(2, 20), Err(Fault::Invalid("encoding of a block")));
        assert_eq!(
            decode_block(&sealed(&[0; 11], BlockCompression::None), 7, 640, 10),
            Err(Fault::Invalid("size of a block"))
        );
    }
}
