//! Keys to bytes and back, to be measured.

use super::{Key, KeyReader, KeyWriter};
use crate::error::{Fault, Result};

/// The bytes of a key.
pub fn encode_key(key: &impl Key) -> Result<Vec<u8>> {
    let mut out = KeyWriter::new(&[]);
    key.encode(&mut out);
    Ok(out.finish()?.to_vec())
}

/// The key of these bytes.
pub fn decode_key<K: Key>(bytes: &[u8]) -> Result<K, Fault> {
    K::decode(&mut KeyReader::new(bytes))
}
