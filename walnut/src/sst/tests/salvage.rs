//! What is read of a damaged file, and what is reported of the rest.

use super::*;
use crate::base::Fragments;
use crate::sst::{LostSink, SalvageCursor, SalvagedSst};

fn fragments() -> Vec<Fragment> {
    // The second begins and ends beyond the entries.
    let lists = [("\0\0\0\x05item/a", "\0\0\0\x05item/b3", 900), ("\0\0\0\x05later", "\0\0\0\x05zone", 40)]
        .map(|(start, end, seqno)| Fragments::one(start.as_bytes(), end.as_bytes(), SeqNo(seqno)));
    Fragments::merged(&lists).to_vec()
}

/// Keys to which was added so often that their versions fill several tiny blocks.
fn sums() -> Vec<Owned> {
    let add = |key: u8, seqno| Owned {
        key: vec![0, 0, 0, 5, key],
        seqno: SeqNo(seqno),
        kind: Kind::Add,
        value: seqno.to_le_bytes().to_vec(),
    };
    (0..3).flat_map(|key| (1..15).rev().map(move |seqno| add(key, seqno))).collect()
}

/// Every entry and range tombstone that is not read of these bytes is in a range that is reported,
/// but for entries that a newer one hides. Returns these ranges.
fn assert_losses_are_reported(
    bytes: Vec<u8>,
    meta: &SstMeta,
    entries: &[Owned],
    ranges: &[Fragment],
) -> Vec<KeyRange> {
    let lost = LostSink::default();
    let sst = SalvagedSst {
        number: meta.number,
        bounds: KeyRange { start: meta.smallest.clone(), end: Some(meta.end.clone()) },
        has_range_tombstones: meta.fragment_count > 0,
    };
    let file = Arc::new(TestFile::with(bytes));
    let (mut cursor, found) =
        SalvageCursor::open(file, &DataKeys::none(), Some(DATABASE), &sst, &lost).unwrap();
    let mut read = Vec::new();
    while let Some(entry) = cursor.entry() {
        read.push(Owned::from(entry));
        cursor.advance().unwrap();
    }
    let reported: Vec<KeyRange> = lost.lock().iter().map(|lost| lost.range.clone()).collect();
    assert!(read.iter().all(|entry| entries.contains(entry)), "what is read was written");
    for entry in entries.iter().filter(|entry| !read.contains(entry)) {
        let hides =
            |newer: &Owned| newer.key == entry.key && newer.seqno > entry.seqno && newer.kind != Kind::Add;
        if read.iter().any(hides) {
            continue;
        }
        assert!(reported.iter().any(|range| range.contains(&entry.key)), "{entry:?}: {reported:?}");
    }
    let found: Vec<Fragment> = found.map(|found| found.to_vec()).unwrap_or_default();
    for fragment in ranges.iter().filter(|fragment| !found.contains(fragment)) {
        let is_within =
            |range: &KeyRange| range.start <= fragment.start && range.end.as_ref() >= Some(&fragment.end);
        assert!(reported.iter().any(is_within), "{fragment:?}: {reported:?}");
    }
    reported
}

#[test]
fn whatever_a_cut_or_a_flipped_bit_takes_is_in_a_range_that_is_reported() {
    for compression in [BlockCompression::None, BlockCompression::Lz4] {
        for (entries, ranges) in
            [(sample(), Vec::new()), (sample(), fragments()), (Vec::new(), fragments()), (sums(), Vec::new())]
        {
            let (file, meta) = build_with(&entries, &ranges, tiny(compression));
            let bytes = file.bytes();
            for size in 0..bytes.len() {
                assert_losses_are_reported(bytes[..size].to_vec(), &meta, &entries, &ranges);
                let mut flipped = bytes.clone();
                flipped[size] ^= 1 << (size % 8);
                assert_losses_are_reported(flipped, &meta, &entries, &ranges);
            }
            assert_eq!(assert_losses_are_reported(bytes, &meta, &entries, &ranges), []);
        }
    }
}
