//! Hostile bytes as keys of every type: the entry point of fuzzing.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

use super::{Key, KeyReader, KeyWriter};

/// Takes `bytes` for a key of each type. It must not panic; what can be read is written again as
/// the same bytes, and is passed over in the same length.
pub fn fuzz(bytes: &[u8]) {
    macro_rules! decode {
        ($($type:ty),* $(,)?) => { $(check::<$type>(bytes);)* };
    }
    decode!(bool, char, u8, u16, u32, u64, u128, i8, i16, i32, i64, i128, f32, f64);
    #[cfg(feature = "uuid")]
    decode!(uuid::Uuid);
    decode!(String, Vec<u8>, [u8; 7], Option<u16>, Option<String>, Option<Option<Vec<u8>>>);
    decode!((), (u8, String), (String, String, i64), (Option<String>, Vec<u8>, bool, u32));
    decode!(Duration, SystemTime, IpAddr, SocketAddr);
}

fn check<K: Key>(bytes: &[u8]) {
    let mut reader = KeyReader::new(bytes);
    let Ok(key) = K::decode(&mut reader) else { return };
    let taken = &bytes[..bytes.len() - reader.rest().len()];
    let mut writer = KeyWriter::new(&[]);
    key.encode(&mut writer);
    if let Ok(written) = writer.finish() {
        assert_eq!(written, taken, "decoding accepts exactly what encoding writes");
    }
    let mut passed = KeyReader::new(bytes);
    K::skip(&mut passed).expect("what can be read can be passed over");
    assert_eq!(passed.rest(), reader.rest(), "a key is passed over in its length");
}
