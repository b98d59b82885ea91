//! Damaged and hostile files: a typed error or the right answer, never a panic, never a wrong row.

use proptest::prelude::*;

use super::super::block_codec::{decode_block, encode_block};
use super::super::format::{Footer, TRAILER_LEN};
use super::super::fuzz;
use super::*;
use crate::error::{Error, Fault};
use crate::files::OpenFile;

/// Every get and scan of a file that should hold the entries; returns whether there was an error.
fn read_everything(bytes: Vec<u8>, meta: &SstMeta, entries: &[Owned]) -> bool {
    let mut failed = false;
    let mut note = |result: Result<()>| match result {
        Ok(()) => (),
        Err(Error::Corruption { file, .. }) => {
            assert_eq!(file.to_str(), Some("000007.sst"));
            failed = true;
        }
        Err(other) => panic!("damage is corruption, not {other}"),
    };
    let reader = match open(Arc::new(TestFile::with(bytes)), meta) {
        Ok(reader) => reader,
        Err(error) => {
            note(Err(error));
            return failed;
        }
    };
    for entry in entries {
        note(get(&reader, &entry.key, entry.seqno).map(|found| assert_eq!(found.as_ref(), Some(entry))));
        let stranger = [&entry.key[..], b"?"].concat();
        note(get(&reader, &stranger, SeqNo::MAX).map(|found| assert_eq!(found, None)));
    }
    let middle =
        KeyRange { start: entries[3].key.clone(), end: Some(entries[entries.len() - 3].key.clone()) };
    for range in [KeyRange::all(), middle] {
        let mut expected: Vec<_> =
            entries.iter().filter(|entry| range.contains(&entry.key)).cloned().collect();
        note(scan(&reader, &range, Direction::Forward).map(|found| assert_eq!(found, expected)));
        expected.reverse();
        note(scan(&reader, &range, Direction::Backward).map(|found| assert_eq!(found, expected)));
    }
    note(reader.sweep().and_then(collect).map(|found| assert_eq!(found, entries)));
    note(reader.verify());
    failed
}

#[test]
fn every_flipped_byte_is_found() {
    let entries = sample();
    for compression in [BlockCompression::None, BlockCompression::Lz4] {
        let (file, meta) = build(&entries, tiny(compression));
        let bytes = file.bytes();
        assert!(!read_everything(bytes.clone(), &meta, &entries));
        for at in 0..bytes.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut damaged = bytes.clone();
                damaged[at] ^= flip;
                assert!(read_everything(damaged, &meta, &entries), "byte {at}");
            }
        }
    }
}

#[test]
fn every_truncation_is_found_even_with_the_length_recorded_for_it() {
    let entries = sample();
    let (file, meta) = build(&entries, tiny(BlockCompression::Lz4));
    let bytes = file.bytes();
    for size in 0..bytes.len() {
        assert!(read_everything(bytes[..size].to_vec(), &meta, &entries), "size {size}");
        let shorter = SstMeta { size: size as u64, ..meta.clone() };
        assert!(read_everything(bytes[..size].to_vec(), &shorter, &entries), "size {size}");
    }
    let longer = SstMeta { size: meta.size + 1, ..meta.clone() };
    assert!(read_everything([&bytes[..], &[0]].concat(), &longer, &entries));
    assert!(read_everything([&bytes[..], &[0]].concat(), &meta, &entries));
}

#[test]
fn swapped_blocks_and_zeroed_stretches_are_found() {
    let entries: Vec<Owned> =
        (0..40u8).map(|id| Owned::put(&[0, 0, 0, 1, id], u64::from(id), &[id; 10])).collect();
    let (file, meta) = build(&entries, tiny(BlockCompression::None));
    let bytes = file.bytes();
    let reader = open(file, &meta).unwrap();
    let (first, second) = (reader.index.handle(1), reader.index.handle(2));
    assert_eq!(first.size, second.size, "the blocks could be mistaken for each other");
    let (start, middle) = (usize::try_from(first.offset).unwrap(), usize::try_from(second.offset).unwrap());
    let end = middle + second.size as usize;
    let swapped = [&bytes[..start], &bytes[middle..end], &bytes[start..middle], &bytes[end..]].concat();
    assert!(read_everything(swapped, &meta, &entries));
    for start in (0..bytes.len()).step_by(64) {
        let mut zeroed = bytes.clone();
        let end = bytes.len().min(start + 64);
        zeroed[start..end].fill(0);
        assert!(read_everything(zeroed, &meta, &entries), "zeroed from {start}");
    }
}

#[test]
fn a_file_in_the_place_of_another_is_noticed() {
    let entries = sample();
    let (file, meta) = build(&entries, tiny(BlockCompression::Lz4));
    let refused = |database, meta: &SstMeta| match SstReader::open(
        OpenFile::standalone(file.clone()),
        database,
        &DataKeys::none(),
        meta,
        &BlockCache::new(0, 8192),
    ) {
        Err(Error::Corruption { fault, .. }) => fault,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused([0; 16], &meta), Fault::Identity);
    assert_eq!(refused(DATABASE, &SstMeta { number: FileNumber(8), ..meta.clone() }), Fault::Identity);
    let size = Fault::Length { recorded: meta.size - 1, found: meta.size };
    assert_eq!(refused(DATABASE, &SstMeta { size: meta.size - 1, ..meta.clone() }), size);
    let count = SstMeta { entry_count: meta.entry_count + 1, ..meta.clone() };
    assert!(matches!(refused(DATABASE, &count), Fault::Invalid(_)));
    let end = SstMeta { end: b"z".to_vec(), ..meta.clone() };
    assert!(matches!(refused(DATABASE, &end), Fault::Invalid(_)));
    let digest = SstMeta { digest: meta.digest ^ 1, ..meta.clone() };
    assert!(open(file.clone(), &digest).unwrap().verify().is_err());
}

/// The file with one data block replaced by another of the same encoded size, with a matching
/// checksum.
fn forge(bytes: &[u8], meta: &SstMeta, position: usize, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let reader = open(Arc::new(TestFile::with(bytes.to_vec())), meta).unwrap();
    let handle = reader.index.handle(position);
    let (start, end) = (usize::try_from(handle.offset).unwrap(), usize::try_from(handle.end()).unwrap());
    let mut payload = decode_block((&bytes[start..end]).into(), &sealer(), handle.offset, 1 << 20).unwrap();
    change(&mut payload);
    assert_eq!(payload.len() + TRAILER_LEN + sealer().seal_size(), handle.size as usize);
    let mut forged = bytes[..start].to_vec();
    encode_block(&payload, BlockCompression::None, &sealer(), handle.offset, &mut forged);
    forged.extend_from_slice(&bytes[end..]);
    forged
}

#[test]
fn hostile_counts_offsets_and_sizes_behind_a_good_checksum_are_errors() {
    let entries: Vec<Owned> =
        (0..40u8).map(|id| Owned::put(&[0, 0, 0, 1, id], u64::from(id), &[id; 10])).collect();
    let (file, meta) = build(&entries, tiny(BlockCompression::None));
    let bytes = file.bytes();
    for at in 8..40 {
        for byte in [0x00, 0x7f, 0x80, 0xff] {
            let forged = forge(&bytes, &meta, 1, |payload| payload[at] = byte);
            let file = Arc::new(TestFile::with(forged.clone()));
            let reader = open(file, &meta).unwrap();
            let whole = collect(reader.cursor(&KeyRange::all(), Direction::Forward).unwrap());
            // Whatever was forged, the order holds, and verification finds that the file is not the
            // recorded one.
            if let Ok(whole) = whole {
                assert!(
                    whole.is_sorted_by(
                        |a, b| crate::base::compare((&a.key, a.seqno), (&b.key, b.seqno)).is_lt()
                    )
                );
            }
            assert!(forged == bytes || reader.verify().is_err(), "byte {at} is {byte}");
            fuzz(&forged);
        }
    }
}

#[test]
fn a_wrong_fingerprint_a_denying_filter_and_wrong_counts_are_found_by_verification() {
    let entries: Vec<Owned> =
        (0..40u8).map(|id| Owned::put(&[0, 0, 0, 1, id], u64::from(id), &[id; 10])).collect();
    let (file, meta) = build(
        &entries,
        SstConfig { block_size: 100, compression: BlockCompression::None, ..SstConfig::default() },
    );
    let verdict = |bytes: Vec<u8>| {
        let digest = xxhash_rust::xxh3::xxh3_64(&bytes);
        let reader = open(Arc::new(TestFile::with(bytes)), &SstMeta { digest, ..meta.clone() }).unwrap();
        match reader.verify() {
            Ok(()) => None,
            Err(Error::Corruption { fault, offset, .. }) => Some((fault, offset)),
            Err(other) => panic!("{other}"),
        }
    };
    let bytes = file.bytes();
    assert_eq!(verdict(bytes.clone()), None);
    let offset = open(file.clone(), &meta).unwrap().index.handle(1).offset;
    let fingerprint = forge(&bytes, &meta, 1, |payload| payload[12 + 4] ^= 1);
    assert_eq!(verdict(fingerprint), Some((Fault::Invalid("fingerprint of an entry"), offset)));

    let footer_offset = bytes.len() - Footer::size(&sealer());
    let footer = Footer::decode(&bytes[footer_offset..], &sealer(), footer_offset as u64).unwrap();
    let (start, end) =
        (usize::try_from(footer.filter.offset).unwrap(), usize::try_from(footer.filter.end()).unwrap());
    let mut payload =
        decode_block((&bytes[start..end]).into(), &sealer(), footer.filter.offset, 1 << 20).unwrap();
    payload[8..].fill(0);
    let mut denying = bytes[..start].to_vec();
    encode_block(&payload, BlockCompression::None, &sealer(), footer.filter.offset, &mut denying);
    denying.extend_from_slice(&bytes[end..]);
    assert_eq!(verdict(denying), Some((Fault::Invalid("filter, which denies an entry,"), 64)));

    let value = forge(&bytes, &meta, 1, |payload| payload[8] -= 1);
    assert!(verdict(value).is_some());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn nothing_that_is_read_makes_the_reader_panic(
        mut changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        position in any::<prop::sample::Index>(),
        noise in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        fuzz(&noise);
        let (file, meta) = build(&sample(), tiny(BlockCompression::None));
        let bytes = file.bytes();
        fuzz(&bytes);
        let reader = open(file, &meta).unwrap();
        let position = position.index(reader.index.len());
        let forged = forge(&bytes, &meta, position, |payload| {
            for (at, byte) in changes.drain(..) {
                let at = at.index(payload.len());
                payload[at] = byte;
            }
            fuzz(payload);
        });
        fuzz(&forged);
        let _ = read_hostile(forged, &meta);
    }
}

/// Reads everything that can be read.
fn read_hostile(bytes: Vec<u8>, meta: &SstMeta) -> Result<()> {
    let reader = open(Arc::new(TestFile::with(bytes)), meta)?;
    for entry in sample() {
        let _ = get(&reader, &entry.key, entry.seqno);
    }
    let _ = scan(&reader, &KeyRange::all(), Direction::Backward);
    scan(&reader, &KeyRange::all(), Direction::Forward).map(|_| ())
}
