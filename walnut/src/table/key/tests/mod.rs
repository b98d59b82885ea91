//! The law of keys, tested: properties of every type, the pinned bytes, the points that a range
//! takes, the limits.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod folding;
#[cfg(all(feature = "time", feature = "chrono", feature = "jiff"))]
mod foreign;
mod law;
mod limits;
mod points;
mod vectors;

use super::{Key, KeyReader, KeyWriter};
use crate::error::Fault;

fn encode<K: Key>(key: &K) -> Vec<u8> {
    let mut out = KeyWriter::new(&[]);
    key.encode(&mut out);
    out.finish().unwrap().to_vec()
}

fn encode_ref<K: Key>(point: &K::Ref<'_>) -> Vec<u8> {
    let mut out = KeyWriter::new(&[]);
    K::encode_ref(point, &mut out);
    out.finish().unwrap().to_vec()
}

/// The key at the beginning of `bytes`, and how many bytes it took.
fn decode<K: Key>(bytes: &[u8]) -> Result<(K, usize), Fault> {
    let mut input = KeyReader::new(bytes);
    let key = K::decode(&mut input)?;
    Ok((key, bytes.len() - input.rest().len()))
}

/// How many bytes [`Key::skip`] passes over.
fn skip<K: Key>(bytes: &[u8]) -> Result<usize, Fault> {
    let mut input = KeyReader::new(bytes);
    K::skip(&mut input)?;
    Ok(bytes.len() - input.rest().len())
}
