//! UTF-8 validation with a fast path for ASCII.
//!
//! Most stored text is ASCII and short, and the standard library checks short texts byte by byte:
//! that was a fifth of all instructions of a scan. Here ASCII is detected eight bytes at a time.
//! Long text is checked and copied piece by piece, so that the copy finds in the L1 cache what the
//! check has read. The invariant of the unsafe calls:
//!
//! 1. Bytes that are ASCII are UTF-8 (RFC 3629, section 1: "US-ASCII octet values do not appear
//!    otherwise in a UTF-8 encoded character stream", and each of them is a character).

use std::str::Utf8Error;

#[inline]
#[expect(unsafe_code, reason = "a measured fifth of a scan; see the invariant at the head")]
pub(crate) fn text(bytes: &[u8]) -> Result<&str, Utf8Error> {
    if is_ascii(bytes) {
        // SAFETY: all bytes are ASCII (1).
        return Ok(unsafe { std::str::from_utf8_unchecked(bytes) });
    }
    std::str::from_utf8(bytes)
}

const PIECE: usize = 4 << 10;

/// A copy of the text that these bytes are.
#[inline(never)]
#[expect(
    unsafe_code,
    reason = "a second pass over long text is a fifth of a get; see the invariant at the head"
)]
pub(crate) fn long_text(bytes: &[u8]) -> Result<String, Utf8Error> {
    let mut copy = Vec::with_capacity(bytes.len());
    for piece in bytes.chunks(PIECE) {
        if !is_ascii(piece) {
            return std::str::from_utf8(bytes).map(str::to_owned);
        }
        copy.extend_from_slice(piece);
    }
    // SAFETY: all bytes are ASCII (1), piece by piece.
    Ok(unsafe { String::from_utf8_unchecked(copy) })
}

/// Whether no byte has its highest bit set. The standard library's version goes byte by byte over
/// short slices, too.
#[inline]
fn is_ascii(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks();
    let united = words.iter().fold(0, |united, word| united | u64::from_le_bytes(*word));
    let last = match bytes.last_chunk() {
        Some(word) => u64::from_le_bytes(*word),
        None => rest.iter().fold(0, |united, &byte| united | u64::from(byte)),
    };
    (united | last) & 0x8080_8080_8080_8080 == 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn text_is_what_the_standard_library_takes_for_it(
            ascii in "[ -~]{0,40}",
            other in proptest::collection::vec(any::<u8>(), 0..3),
            end in any::<prop::sample::Index>(),
        ) {
            let mut bytes = ascii.into_bytes();
            let offset = end.index(bytes.len() + 1);
            bytes.splice(offset..offset, other);
            prop_assert_eq!(text(&bytes), std::str::from_utf8(&bytes));
            prop_assert_eq!(is_ascii(&bytes), bytes.is_ascii());
        }

        #[test]
        fn long_text_is_what_the_standard_library_takes_for_it(
            size in 0..3 * PIECE,
            other in proptest::collection::vec(any::<u8>(), 0..5),
            at in any::<prop::sample::Index>(),
        ) {
            let mut bytes: Vec<u8> = (b'a'..=b'z').cycle().take(size).collect();
            let place = at.index(size + 1);
            bytes.splice(place..place, other);
            prop_assert_eq!(long_text(&bytes), std::str::from_utf8(&bytes).map(str::to_owned));
        }
    }
}
