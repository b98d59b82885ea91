//! An SST against a sorted vector that holds the same entries.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::base::{after, compare};

/// Keys that share prefixes, are prefixes of others, and are few enough to repeat.
fn key() -> impl Strategy<Value = Vec<u8>> {
    let text = (prop_oneof!["", "https://example.com/", "https://example.com/path/to/"], "[ab]{0,3}")
        .prop_map(|(head, tail)| [&[0, 0, 0, 3][..], head.as_bytes(), tail.as_bytes()].concat());
    let number = (1u32..3, 0u64..30)
        .prop_map(|(space, id)| [&space.to_be_bytes()[..], &(id * id * id * 7919).to_be_bytes()].concat());
    let edge = vec(prop_oneof![Just(0u8), Just(1), Just(255)], 0..6);
    prop_oneof![4 => text, 4 => number, 1 => edge]
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => Just(Vec::new()),
        6 => vec(any::<u8>(), 1..20),
        2 => (any::<u8>(), 20usize..300).prop_map(|(byte, size)| vec![byte; size]),
        1 => vec(any::<u8>(), 300..900),
    ]
}

fn entries() -> impl Strategy<Value = Vec<Owned>> {
    let seqno = prop_oneof![4 => 0u64..40, 1 => (0u64..40).prop_map(|seqno| SeqNo::MAX.0 - seqno)];
    let entry = (key(), seqno, prop_oneof![1 => Just(None), 3 => value().prop_map(Some)]);
    vec(entry, 1..150).prop_map(|entries| {
        let mut entries: Vec<Owned> = entries
            .into_iter()
            .map(|(key, seqno, value)| match value {
                Some(value) => Owned::put(&key, seqno, &value),
                None => Owned::delete(&key, seqno),
            })
            .collect();
        entries.sort_by(|a, b| compare((&a.key, a.seqno), (&b.key, b.seqno)));
        entries.dedup_by(|a, b| a.key == b.key && a.seqno == b.seqno);
        entries
    })
}

fn config() -> impl Strategy<Value = SstConfig> {
    let compression = prop_oneof![Just(BlockCompression::None), Just(BlockCompression::Lz4)];
    let block_size = prop_oneof![Just(1usize), 30usize..400, Just(8 << 10)];
    (block_size, compression, prop_oneof![Just(0u32), Just(1), Just(10)]).prop_map(
        |(block_size, compression, filter_bits_per_key)| SstConfig {
            block_size,
            compression,
            filter_bits_per_key,
        },
    )
}

fn range() -> impl Strategy<Value = KeyRange> {
    (prop_oneof![1 => Just(Vec::new()), 4 => key()], prop_oneof![1 => Just(None), 4 => key().prop_map(Some)])
        .prop_map(|(start, end)| KeyRange { start, end })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]

    #[test]
    fn every_version_is_found_and_nothing_else(
        entries in entries(),
        config in config(),
        strangers in vec(key(), 0..20),
        budget in prop_oneof![Just(0usize), 500usize..5000, Just(1 << 20)],
    ) {
        let (file, meta) = build(&entries, config);
        let cache = BlockCache::new(budget, 8192);
        let reader = SstReader::open(OpenFile::standalone(file), DATABASE, &DataKeys::none(), &meta, &cache).unwrap();
        prop_assert!(reader.verify().is_ok());
        for key in entries.iter().map(|entry| &entry.key).chain(&strangers) {
            let seqnos = entries.iter().filter(|entry| entry.key == *key).map(|entry| entry.seqno.0);
            let around = seqnos.flat_map(|seqno| [seqno.saturating_sub(1), seqno, seqno + 1]);
            for at in around.chain([0, 20, SeqNo::MAX.0]).map(SeqNo) {
                let expected = entries.iter().find(|entry| entry.key == *key && entry.seqno <= at);
                prop_assert_eq!(get(&reader, key, at).unwrap(), expected.cloned());
            }
        }
        drop(reader);
        prop_assert_eq!(cache.used_size(), 0);
    }

    #[test]
    fn every_range_is_walked_in_both_directions(
        entries in entries(),
        config in config(),
        ranges in vec(range(), 1..20),
    ) {
        let (file, meta) = build(&entries, config);
        let reader = open(file, &meta).unwrap();
        let all = KeyRange::all();
        for range in ranges.iter().chain([&all]) {
            let mut expected: Vec<Owned> =
                entries.iter().filter(|entry| range.contains(&entry.key)).cloned().collect();
            prop_assert_eq!(&scan(&reader, range, Direction::Forward).unwrap(), &expected);
            expected.reverse();
            prop_assert_eq!(&scan(&reader, range, Direction::Backward).unwrap(), &expected);
        }
        prop_assert_eq!(collect(reader.sweep().unwrap()).unwrap(), entries);
    }

    #[test]
    fn what_is_recorded_of_a_file_is_true(entries in entries(), config in config()) {
        let (file, meta) = build(&entries, config);
        prop_assert_eq!(meta.number, HEADER.number);
        prop_assert_eq!(meta.size, file.bytes().len() as u64);
        prop_assert_eq!(meta.digest, xxhash_rust::xxh3::xxh3_64(&file.bytes()));
        prop_assert_eq!(meta.entry_count, entries.len() as u64);
        let tombstones = entries.iter().filter(|entry| entry.kind == Kind::Delete).count();
        prop_assert_eq!(meta.tombstone_count, tombstones as u64);
        prop_assert_eq!(Some(&meta.smallest), entries.first().map(|entry| &entry.key));
        prop_assert_eq!(Some(meta.end.clone()), entries.last().map(|entry| after(&entry.key)));
        prop_assert_eq!(Some(meta.smallest_seqno), entries.iter().map(|entry| entry.seqno).min());
        prop_assert_eq!(Some(meta.largest_seqno), entries.iter().map(|entry| entry.seqno).max());
        let reader = open(file, &meta).unwrap();
        prop_assert_eq!(&reader.meta, &meta);
        prop_assert_eq!(reader.properties().entry_count, meta.entry_count);
    }
}

#[test]
fn readers_in_many_threads_agree_while_blocks_come_and_go() {
    let entries = sample();
    let (file, meta) = build(&entries, tiny(BlockCompression::Lz4));
    let roomy = BlockCache::new(1 << 20, 8192);
    let reader = Arc::new(
        SstReader::open(OpenFile::standalone(file.clone()), DATABASE, &DataKeys::none(), &meta, &roomy)
            .unwrap(),
    );
    let fixed = roomy.used_size();
    scan(&reader, &KeyRange::all(), Direction::Forward).unwrap();
    let budget = fixed + (roomy.used_size() - fixed) / 4;
    let cache = BlockCache::new(budget, 8192);
    let reader = Arc::new(
        SstReader::open(OpenFile::standalone(file), DATABASE, &DataKeys::none(), &meta, &cache).unwrap(),
    );
    std::thread::scope(|scope| {
        for turn in 0..4 {
            let (entries, reader, cache) = (&entries, &reader, &cache);
            scope.spawn(move || {
                for round in 0..60 {
                    for entry in entries.iter().cycle().skip(turn * 9 + round).take(entries.len()) {
                        assert_eq!(get(reader, &entry.key, entry.seqno).unwrap().as_ref(), Some(entry));
                    }
                    assert_eq!(&scan(reader, &KeyRange::all(), Direction::Forward).unwrap(), entries);
                    assert!(cache.used_size() <= budget);
                }
            });
        }
    });
}
