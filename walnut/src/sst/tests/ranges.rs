//! Range tombstones in an SST: with entries, and alone.

use super::*;
use crate::base::Fragments;
use crate::error::{Error, Fault};

fn fragments() -> Vec<Fragment> {
    let lists = [("a", "item", 40), ("b", "c", 7), ("\0\0\0\x05item/a", "\0\0\0\x05item/b3", 900)]
        .map(|(start, end, seqno)| Fragments::one(start.as_bytes(), end.as_bytes(), SeqNo(seqno)));
    Fragments::merged(&lists).to_vec()
}

#[test]
fn range_tombstones_come_back_beside_the_entries_and_widen_the_bounds() {
    for compression in [BlockCompression::None, BlockCompression::Lz4] {
        let (file, meta) = build_with(&sample(), &fragments(), tiny(compression));
        assert_eq!((meta.fragment_count, &*meta.end, meta.largest_seqno), (4, &b"item"[..], SeqNo(900)));
        let reader = open(file, &meta).unwrap();
        reader.verify().unwrap();
        assert_eq!(scan(&reader, &KeyRange::all(), Direction::Forward).unwrap(), sample());
        assert_eq!(reader.range_tombstones().map(|ranges| ranges.to_vec()), Some(fragments()));
        assert_eq!(reader.covering(b"b", SeqNo::MAX), Some(SeqNo(40)));
        assert_eq!(reader.covering(b"b", SeqNo(39)), Some(SeqNo(7)));
        assert_eq!(reader.covering(b"item", SeqNo::MAX), None);
    }
}

#[test]
fn a_file_with_range_tombstones_alone_is_a_file() {
    let (file, meta) = build_with(&[], &fragments(), SstConfig::default());
    assert_eq!((meta.entry_count, meta.tombstone_count, meta.raw_size), (0, 0, 0));
    assert_eq!((&*meta.smallest, &*meta.end), (&b"\0\0\0\x05item/a"[..], &b"item"[..]));
    assert_eq!((meta.smallest_seqno, meta.largest_seqno), (SeqNo(7), SeqNo(900)));
    let reader = open(file, &meta).unwrap();
    reader.verify().unwrap();
    assert_eq!(get(&reader, b"b", SeqNo::MAX).unwrap(), None);
    for direction in [Direction::Forward, Direction::Backward] {
        assert_eq!(scan(&reader, &KeyRange::all(), direction).unwrap(), []);
    }
    assert_eq!(reader.covering(b"b", SeqNo::MAX), Some(SeqNo(40)));
}

#[test]
fn each_flipped_bit_of_a_file_with_range_tombstones_is_found() {
    for entries in [sample(), Vec::new()] {
        let (file, meta) = build_with(&entries, &fragments(), tiny(BlockCompression::None));
        let bytes = file.bytes();
        for place in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[place] ^= 1 << (place % 8);
            let found = open(Arc::new(TestFile::with(damaged)), &meta).and_then(|reader| reader.verify());
            assert!(matches!(found, Err(Error::Corruption { .. })), "byte {place}");
        }
    }
}

#[test]
fn range_tombstones_out_of_order_are_refused() {
    let file = Arc::new(TestFile::default());
    let mut builder = SstBuilder::new(file, HEADER.number, begun(), SstConfig::default()).unwrap();
    let fragment =
        |start: &[u8], end: &[u8]| Fragment { start: start.into(), end: end.into(), seqnos: vec![SeqNo(1)] };
    builder.add_fragment(&fragment(b"b", b"d")).unwrap();
    for refused in [fragment(b"c", b"e"), fragment(b"a", b"b"), fragment(b"e", b"e")] {
        let refused = builder.add_fragment(&refused);
        assert!(matches!(refused, Err(Error::Corruption { fault: Fault::Order, .. })));
    }
    builder.add_fragment(&fragment(b"d", b"e")).unwrap();
}

#[test]
fn a_summary_that_does_not_fit_the_range_tombstones_is_refused() {
    let (file, meta) = build_with(&sample(), &fragments(), SstConfig::default());
    for other in [
        SstMeta { fragment_count: 3, ..meta.clone() },
        SstMeta { end: b"iten".to_vec(), ..meta.clone() },
        SstMeta { largest_seqno: SeqNo(899), ..meta.clone() },
    ] {
        assert!(matches!(
            open(file.clone(), &other),
            Err(Error::Corruption { fault: Fault::Invalid(_), .. })
        ));
    }
}
