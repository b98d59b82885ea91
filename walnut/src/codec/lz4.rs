//! LZ4's block format, where it pays.

/// How blocks and large values are stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Compression {
    None,
    /// LZ4, for whatever it makes smaller by an eighth.
    Lz4,
}

/// The most bytes that LZ4 can make of one.
pub(crate) const MAX_RATIO: usize = 255;

/// Adds the compressed bytes to `out`, or nothing when they are not smaller by an eighth.
pub(crate) fn compress(bytes: &[u8], out: &mut Vec<u8>) -> bool {
    let start = out.len();
    out.resize(start + lz4_flex::block::get_maximum_output_size(bytes.len()), 0);
    let size = lz4_flex::block::compress_into(bytes, &mut out[start..]).unwrap_or(usize::MAX);
    let pays = size < bytes.len() - bytes.len() / 8;
    out.truncate(if pays { start + size } else { start });
    pays
}

/// The bytes that these were made of, if they are exactly `size`, for which the caller has seen that there may be so many.
pub(crate) fn decompress(stored: &[u8], size: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; size];
    let written = lz4_flex::block::decompress_into(stored, &mut bytes).ok()?;
    (written == size).then_some(bytes)
}
