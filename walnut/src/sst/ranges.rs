//! The codec of an SST's range tombstones (format.rs draws it).

use super::format::MAX_RANGES_SIZE;
use crate::base::{Fragment, Fragments, SeqNo};
use crate::codec::{Reader, Writer};
use crate::error::Fault;

pub(super) fn encode(fragment: &Fragment, payload: &mut Vec<u8>) {
    payload.put_prefixed(&fragment.start);
    payload.put_prefixed(&fragment.end);
    payload.put_varint(fragment.seqnos.len() as u64);
    let mut above = None;
    for &SeqNo(seqno) in &fragment.seqnos {
        payload.put_varint(above.map_or(seqno, |above: u64| above - seqno));
        above = Some(seqno);
    }
}

pub(super) fn decode(payload: &[u8]) -> Result<Fragments, Fault> {
    let mut reader = Reader::new(payload);
    let mut list = Vec::new();
    while !reader.is_empty() {
        let (start, end) = (reader.prefixed()?.to_vec(), reader.prefixed()?.to_vec());
        let mut seqnos = Vec::new();
        for _ in 0..reader.varint()? {
            let (number, above) = (reader.varint()?, seqnos.last().copied());
            let seqno = above.map_or(Some(number), |SeqNo(above)| above.checked_sub(number));
            let seqno = seqno.map(SeqNo).filter(|&seqno| seqno <= SeqNo::MAX);
            seqnos.push(seqno.ok_or(Fault::Invalid("sequence number of a range tombstone"))?);
        }
        list.push(Fragment { start, end, seqnos });
    }
    if list.is_empty() {
        return Err(Fault::Invalid("block of range tombstones"));
    }
    Fragments::from_list(list).ok_or(Fault::Invalid("order of range tombstones"))
}

const _: () = assert!(MAX_RANGES_SIZE <= u32::MAX as usize / 2);

#[cfg(test)]
mod tests {
    use super::*;

    fn fragment(start: &str, end: &str, seqnos: &[u64]) -> Fragment {
        let seqnos = seqnos.iter().copied().map(SeqNo).collect();
        Fragment { start: start.into(), end: end.into(), seqnos }
    }

    fn payload(fragments: &[Fragment]) -> Vec<u8> {
        let mut payload = Vec::new();
        for fragment in fragments {
            encode(fragment, &mut payload);
        }
        payload
    }

    #[test]
    fn fragments_come_back_and_their_bytes_stay_as_they_are() {
        let list = vec![fragment("a", "bc", &[300, 7]), fragment("bc", "d", &[9])];
        let bytes = payload(&list);
        assert_eq!(bytes, b"\x01a\x02bc\x02\xac\x02\xa5\x02\x02bc\x01d\x01\x09");
        assert_eq!(decode(&bytes).map(|ranges| ranges.to_vec()), Ok(list));
        for size in (0..bytes.len()).filter(|&size| size != 10) {
            assert!(decode(&bytes[..size]).is_err(), "{size} bytes");
        }
    }

    #[test]
    fn fragments_that_are_never_written_are_refused() {
        let refused = |list: &[Fragment]| decode(&payload(list)).is_err();
        assert!(!refused(&[fragment("a", "b", &[1]), fragment("b", "c", &[1])]));
        assert!(refused(&[]) && refused(&[fragment("a", "a", &[1])]) && refused(&[fragment("b", "a", &[1])]));
        assert!(refused(&[fragment("a", "c", &[1]), fragment("b", "d", &[1])]));
        assert!(refused(&[fragment("a", "c", &[])]) && refused(&[fragment("a", "c", &[5, 5])]));
        assert!(
            refused(&[fragment("a", "c", &[1 << 56])]) && !refused(&[fragment("a", "c", &[SeqNo::MAX.0])])
        );
        assert!(decode(b"\x01a\x01b\x02\x05\x06").is_err(), "a number below zero");
    }
}
