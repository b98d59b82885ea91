//! LZ4 block compression, kept only where it pays.

/// How blocks and large values are stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum BlockCompression {
    None,
    /// LZ4, for data that it makes smaller by at least an eighth.
    Lz4,
}

/// The highest compression ratio of LZ4: bounds what is allocated before decompression.
pub(crate) const MAX_RATIO: usize = 255;

/// Appends the compressed bytes to `out` and returns whether it did; appends nothing when they are
/// not smaller by an eighth.
pub(crate) fn compress(bytes: &[u8], out: &mut Vec<u8>) -> bool {
    let start = out.len();
    out.resize(start + lz4_flex::block::get_maximum_output_size(bytes.len()), 0);
    let size = lz4_flex::block::compress_into(bytes, &mut out[start..]).unwrap_or(usize::MAX);
    let pays = size < bytes.len() - bytes.len() / 8;
    out.truncate(if pays { start + size } else { start });
    pays
}

/// The decompressed bytes, if they are exactly `size`. The caller has checked `size` against
/// [`MAX_RATIO`].
pub(crate) fn decompress(stored: &[u8], size: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; size];
    let written = lz4_flex::block::decompress_into(stored, &mut bytes).ok()?;
    (written == size).then_some(bytes)
}
