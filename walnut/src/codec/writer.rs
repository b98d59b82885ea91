//! The encoder: writes fields little-endian, as [`Reader`](super::Reader) reads them.

pub(crate) trait Writer {
    fn put_u8(&mut self, value: u8);
    fn put_u16(&mut self, value: u16);
    fn put_u32(&mut self, value: u32);
    fn put_u64(&mut self, value: u64);
    /// A `u64` in LEB128, shortest form.
    fn put_varint(&mut self, value: u64);
    /// A varint length and the bytes.
    fn put_prefixed(&mut self, bytes: &[u8]);
}

/// The number of bytes that [`Writer::put_varint`] writes.
#[inline]
pub(crate) fn varint_size(value: u64) -> usize {
    (u64::BITS - (value | 1).leading_zeros()).div_ceil(7) as usize
}

impl Writer for Vec<u8> {
    fn put_u8(&mut self, value: u8) {
        self.push(value);
    }

    fn put_u16(&mut self, value: u16) {
        self.extend_from_slice(&value.to_le_bytes());
    }

    fn put_u32(&mut self, value: u32) {
        self.extend_from_slice(&value.to_le_bytes());
    }

    fn put_u64(&mut self, value: u64) {
        self.extend_from_slice(&value.to_le_bytes());
    }

    #[expect(clippy::cast_possible_truncation, reason = "the low seven bits are what is wanted")]
    fn put_varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.push(value as u8);
    }

    fn put_prefixed(&mut self, bytes: &[u8]) {
        self.put_varint(bytes.len() as u64);
        self.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Reader;
    use super::*;
    use crate::error::Fault;

    #[test]
    fn varints_round_trip_and_have_one_form() {
        for shift in 0..64 {
            for value in [(1u64 << shift) - 1, 1 << shift, (1 << shift) + 1, u64::MAX] {
                let mut bytes = Vec::new();
                bytes.put_varint(value);
                let mut reader = Reader::new(&bytes);
                assert_eq!(reader.varint(), Ok(value));
                assert!(reader.is_empty());
            }
        }
        assert!(matches!(Reader::new(&[0x80, 0x00]).varint(), Err(Fault::Invalid(_))));
        assert!(matches!(Reader::new(&[0xff; 10]).varint(), Err(Fault::Invalid(_))));
        assert_eq!(Reader::new(&[0x80]).varint(), Err(Fault::Truncated));
    }

    #[test]
    fn a_length_beyond_the_end_is_an_error() {
        let mut bytes = Vec::new();
        bytes.put_varint(u64::MAX);
        bytes.push(1);
        assert_eq!(Reader::new(&bytes).prefixed(), Err(Fault::Truncated));
    }
}
