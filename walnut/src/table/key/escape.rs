//! The escaping of byte strings of any length, such that a longer string sorts after its prefixes.
//!
//! ```text
//!  ""       00 00                          00 00 ends the string
//!  "a"      61 00 00
//!  "a\0"    61 00 ff 00 00                 a zero byte inside it is 00 ff
//!  "ab"     61 62 00 00
//! ```
//!
//! An encoding is valid if and only if (1) every 00 before its end is followed by ff, and (2) it
//! ends with 00 00. So it has one form, no encoding is a prefix of another, and whatever follows it
//! cannot change how it compares.

use super::{KeyReader, KeyWriter};
use crate::error::Fault;

const END: [u8; 2] = [0x00, 0x00];
const ZERO: [u8; 2] = [0x00, 0xff];

pub(super) fn encode(bytes: &[u8], out: &mut KeyWriter) {
    encode_start(bytes, out);
    out.push(&END);
}

/// Adds the common prefix of the encodings of all byte strings that begin with `bytes`.
pub(super) fn encode_start(bytes: &[u8], out: &mut KeyWriter) {
    // Nearly all strings have no zero byte; searching for one as a whole is fast.
    if !bytes.contains(&0) {
        return out.push(bytes);
    }
    for (index, piece) in bytes.split(|&byte| byte == 0).enumerate() {
        if index > 0 {
            out.push(&ZERO);
        }
        out.push(piece);
    }
}

pub(super) fn decode(input: &mut KeyReader<'_>) -> Result<Vec<u8>, Fault> {
    let body = take_body(input)?;
    if !body.contains(&0) {
        return Ok(body.to_vec());
    }
    let mut bytes = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some(zero) = rest.iter().position(|&byte| byte == 0) {
        bytes.extend_from_slice(&rest[..=zero]);
        rest = &rest[zero + ZERO.len()..];
    }
    bytes.extend_from_slice(rest);
    Ok(bytes)
}

pub(super) fn skip(input: &mut KeyReader<'_>) -> Result<(), Fault> {
    take_body(input).map(drop)
}

/// Takes an encoding and returns what precedes its end, in which each zero byte is followed by ff.
fn take_body<'a>(input: &mut KeyReader<'a>) -> Result<&'a [u8], Fault> {
    let bytes = input.rest();
    let mut searched = 0;
    while let Some(zero) = bytes[searched..].iter().position(|&byte| byte == 0) {
        let zero = searched + zero;
        match bytes[zero..] {
            [0x00, 0x00, ..] => {
                let taken = input.take(zero + END.len())?;
                return Ok(&taken[..zero]);
            }
            [0x00, 0xff, ..] => searched = zero + ZERO.len(),
            [_] | [] => break,
            _ => return Err(Fault::Invalid("zero byte in the text of a key")),
        }
    }
    Err(Fault::Truncated)
}
