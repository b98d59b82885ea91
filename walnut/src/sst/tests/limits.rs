//! Edge cases: no entry, wrong order, huge entries, many versions, large writes and reads.

use super::super::format::{MAX_BLOCK_SIZE, MAX_KEY_SIZE};
use super::*;
use crate::error::{Error, Limit};
use crate::files::OpenFile;

fn builder(config: SstConfig) -> (Arc<TestFile>, SstBuilder) {
    let file = Arc::new(TestFile::default());
    let builder = SstBuilder::new(file.clone(), HEADER.number, begun(), config).unwrap();
    (file, builder)
}

#[test]
fn an_sst_without_entries_is_not_written() {
    let (file, builder) = builder(SstConfig::default());
    assert!(matches!(builder.finish(), Err(Error::Unsupported(_))));
    assert_eq!(file.write_count(), 0);
}

#[test]
#[cfg_attr(debug_assertions, should_panic = "internal order")]
fn an_entry_out_of_order_is_refused() {
    let (_, mut builder) = builder(SstConfig::default());
    builder.add(Owned::put(b"key", 5, b"").entry()).unwrap();
    let again = builder.add(Owned::put(b"key", 5, b"").entry());
    assert!(matches!(again, Err(Error::Corruption { fault: crate::Fault::Order, .. })));
}

#[test]
fn an_entry_that_no_reader_would_take_back_is_refused() {
    let (_, mut builder) = builder(SstConfig::default());
    for entry in
        [Owned { value: b"x".to_vec(), ..Owned::delete(b"key", 5) }, Owned::put(b"key", 1 << 56, b"")]
    {
        let refused = builder.add(entry.entry());
        assert!(matches!(refused, Err(Error::Corruption { fault: crate::Fault::Invalid(_), .. })));
    }
    builder.add(Owned::put(b"key", SeqNo::MAX.0, b"").entry()).unwrap();
}

#[test]
fn a_row_at_the_limit_comes_back_and_one_past_it_is_refused() {
    let key = [9; 6000];
    // A block of one row: 12 bytes, prefix, slot, two varints of one byte each (the key is the
    // prefix), value.
    let room = MAX_BLOCK_SIZE - 12 - key.len() - 3 - 2;
    let mut value = vec![0xa5; room];
    value[room / 2] = 1;
    let entries =
        [Owned::put(&[1], 3, b"before"), Owned::put(&key, 2, &value), Owned::put(&[0xff], 1, b"after")];
    for compression in [BlockCompression::None, BlockCompression::Lz4] {
        let (file, meta) = build(&entries, SstConfig { compression, ..SstConfig::default() });
        let reader = open(file, &meta).unwrap();
        assert!(reader.verify().is_ok());
        for entry in &entries {
            assert!(get(&reader, &entry.key, entry.seqno).unwrap().as_ref() == Some(entry));
        }
        assert!(scan(&reader, &KeyRange::all(), Direction::Forward).unwrap() == entries);
    }
    value.push(0);
    let (_, mut builder) = builder(SstConfig::default());
    let refused = builder.add(Owned::put(&key, 2, &value).entry());
    assert!(matches!(refused, Err(Error::Limit(Limit::Row { limit: MAX_BLOCK_SIZE, .. }))));
}

#[test]
fn a_key_at_the_limit_comes_back_and_one_past_it_is_refused() {
    let mut key = vec![7; MAX_KEY_SIZE];
    let entries = [Owned::put(&key, 9, b"new"), Owned::delete(&key, 4), Owned::put(&[8], 1, b"")];
    let (file, meta) = build(&entries, SstConfig::default());
    let reader = open(file, &meta).unwrap();
    assert_eq!(get(&reader, &key, SeqNo(5)).unwrap().as_ref(), Some(&entries[1]));
    assert!(reader.verify().is_ok());
    key.push(7);
    let (_, mut builder) = builder(SstConfig::default());
    assert!(matches!(builder.add(Owned::put(&key, 1, b"").entry()), Err(Error::Limit(Limit::Key { .. }))));
}

#[test]
fn blocks_as_large_as_offsets_allow_hold_their_rows() {
    let entries: Vec<Owned> =
        (0..9000u32).map(|id| Owned::put(&id.to_be_bytes(), u64::from(id), &[1; 11])).collect();
    let config =
        SstConfig { block_size: usize::MAX, compression: BlockCompression::None, ..SstConfig::default() };
    let (file, meta) = build(&entries, config);
    let reader = open(file, &meta).unwrap();
    assert!(reader.verify().is_ok());
    for position in 0..reader.index.len() {
        assert!(reader.read_block(position).unwrap().payload().len() < 1 << 16);
    }
    assert_eq!(scan(&reader, &KeyRange::all(), Direction::Forward).unwrap(), entries);
}

#[test]
fn the_versions_of_a_key_are_found_across_blocks() {
    let mut entries = vec![Owned::put(b"\0\0\0\x01a", 1, b"before")];
    entries.extend((0..200).rev().map(|seqno| Owned::put(b"\0\0\0\x01k", 2 * seqno + 10, &[7; 20])));
    entries.push(Owned::put(b"\0\0\0\x01z", 1, b"after"));
    let (file, meta) = build(&entries, tiny(BlockCompression::None));
    let reader = open(file, &meta).unwrap();
    assert!(reader.index.len() > 40);
    for seqno in 0..420 {
        let expected = entries.iter().find(|entry| entry.key == entries[1].key && entry.seqno.0 <= seqno);
        assert_eq!(get(&reader, b"\0\0\0\x01k", SeqNo(seqno)).unwrap().as_ref(), expected);
    }
    let range = KeyRange { start: b"\0\0\0\x01k".to_vec(), end: Some(b"\0\0\0\x01z".to_vec()) };
    assert_eq!(scan(&reader, &range, Direction::Forward).unwrap(), entries[1..201]);
}

#[test]
fn a_key_counts_once_in_the_filter_whatever_its_versions() {
    let versions: Vec<Owned> = (0..1000).rev().map(|seqno| Owned::put(b"\0\0\0\x01k", seqno, b"")).collect();
    let (file, meta) = build(&versions, SstConfig::default());
    let reader = open(file, &meta).unwrap();
    assert_eq!(reader.filter.as_ref().unwrap().memory_size(), 64, "one line");
    assert_eq!(reader.properties().key_count, 1);
}

#[test]
fn sizes_are_estimated_well_enough_to_cut_files() {
    let (file, mut builder) =
        builder(SstConfig { compression: BlockCompression::None, ..SstConfig::default() });
    for id in 0..20_000u64 {
        builder.add(Owned::put(&id.to_be_bytes(), id, &[1; 100]).entry()).unwrap();
    }
    assert_eq!(builder.entry_count(), 20_000);
    let estimated = builder.estimated_size();
    let meta = builder.finish().unwrap();
    assert!(estimated.abs_diff(meta.size) < meta.size / 100, "{estimated} of {}", meta.size);
    assert!(file.write_count() < 10, "{} writes", file.write_count());
}

#[test]
fn a_get_reads_one_block_and_a_stranger_mostly_none() {
    let entries: Vec<Owned> =
        (0..4000u64).map(|id| Owned::put(&(id * 2).to_be_bytes(), id, &[1; 100])).collect();
    let (file, meta) = build(&entries, SstConfig::default());
    let cache = BlockCache::new(1 << 20, 8192);
    let reader = Arc::new(
        SstReader::open(OpenFile::standalone(file.clone()), DATABASE, &DataKeys::none(), &meta, &cache)
            .unwrap(),
    );
    let opened = file.read_count();
    get(&reader, &entries[2000].key, SeqNo::MAX).unwrap();
    get(&reader, &entries[2000].key, SeqNo::MAX).unwrap();
    assert_eq!(file.read_count() - opened, 1, "the second time it is cached");
    for id in 0..1000u64 {
        get(&reader, &(id * 8 + 1).to_be_bytes(), SeqNo::MAX).unwrap();
    }
    assert!(file.read_count() - opened < 30, "a filter stands before the blocks");
}

#[test]
fn a_long_scan_makes_few_reads_and_a_sweep_leaves_the_cache_alone() {
    let entries: Vec<Owned> = (0..20_000u64).map(|id| Owned::put(&id.to_be_bytes(), id, &[1; 100])).collect();
    let config = SstConfig { compression: BlockCompression::None, ..SstConfig::default() };
    let (file, meta) = build(&entries, config);
    let cache = BlockCache::new(8 << 20, 8192);
    let reader = Arc::new(
        SstReader::open(OpenFile::standalone(file.clone()), DATABASE, &DataKeys::none(), &meta, &cache)
            .unwrap(),
    );
    let (opened, used) = (file.read_count(), cache.used_size());
    assert_eq!(collect(reader.sweep().unwrap()).unwrap(), entries);
    let reads = file.read_count() - opened;
    assert!(reads < 20, "{reads} reads of {} blocks", reader.index.len());
    assert_eq!(cache.used_size(), used);
    assert_eq!(scan(&reader, &KeyRange::all(), Direction::Forward).unwrap(), entries);
    let reads = file.read_count();
    assert_eq!(scan(&reader, &KeyRange::all(), Direction::Forward).unwrap(), entries);
    assert_eq!(file.read_count(), reads, "what a cursor read is cached");
    assert!(cache.used_size() > 2 << 20);
}
