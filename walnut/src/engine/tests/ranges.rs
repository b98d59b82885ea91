//! Range tombstones: deleted ranges are gone at once, for good, and their space soon.

use std::collections::BTreeSet;

use super::*;
use crate::compaction::{self, Pick};
use crate::manifest::Level;

/// A batch with one range tombstone, and one key that is put after it.
fn clear_and_put(range: Range<u32>, n: u32, version: u32) -> EntryBatch {
    let mut batch = EntryBatch::new();
    batch.delete_range(&key(range.start), &key(range.end));
    batch.put(&key(n), &value(n, version));
    batch
}

fn filled(config: EngineConfig, count: u32) -> (MemoryEnv, Engine) {
    let env = machine();
    let engine = open_with(&env, config).unwrap();
    for n in 0..count {
        put(&engine, n, 1).unwrap();
    }
    (env, engine)
}

fn live(engine: &Engine) -> Vec<u32> {
    let number = |key: Vec<u8>| u32::from_be_bytes(key[4..].try_into().unwrap());
    let forward: Vec<u32> = state(engine).unwrap().into_keys().map(number).collect();
    let backward = drain(&mut engine.scan(KeyRange::all()).unwrap(), true).unwrap();
    assert!(backward.into_iter().rev().map(|(key, _)| number(key)).eq(forward.iter().copied()));
    for n in 0..forward.last().copied().unwrap_or(0) {
        assert_eq!(get(engine, n).unwrap().is_some(), forward.contains(&n), "key {n}");
    }
    forward
}

#[test]
fn a_range_is_gone_for_readers_of_now_and_there_for_those_of_before() {
    let (_, engine) = filled(config(), 20);
    let pin = engine.pin_applied();
    let mut begun = engine.scan(KeyRange::all()).unwrap();
    engine.commit(ReadSet::default(), clear_and_put(5..15, 7, 2), Durability::Fast).unwrap();
    for step in 0..3 {
        assert_eq!(live(&engine), [0, 1, 2, 3, 4, 7, 15, 16, 17, 18, 19], "step {step}");
        for n in 0..20 {
            let found = engine.read_at(&pin, |reader| reader.get(&key(n), <[u8]>::to_vec)).unwrap();
            assert_eq!(found, Some(value(n, 1)), "step {step}");
            assert_eq!(is_changed(&engine, n, pin.at()).unwrap(), (5..15).contains(&n), "step {step}");
        }
        match step {
            0 => engine.flush_everything().unwrap(),
            _ => engine.compact().unwrap(),
        }
    }
    assert_eq!(drain(&mut begun, true).unwrap().len(), 20);
    drop(pin);
    engine.compact().unwrap();
    let stats = engine.stats();
    assert_eq!((stats.levels[6].entry_count, stats.levels[6].range_tombstone_count), (11, 0));
    assert_eq!(live(&engine).len(), 11);
}

/// An entry with a zeroed seqno would be under every range tombstone, so no older one may be left.
#[test]
fn what_was_put_under_a_range_tombstone_stays_when_it_loses_its_number() {
    let (env, engine) = filled(config(), 20);
    engine.compact().unwrap();
    let smallest = |engine: &Engine| {
        let version = engine.versions.version();
        version.files().map(|(_, meta)| meta.smallest_seqno).min().unwrap()
    };
    assert_eq!(smallest(&engine), SeqNo::ZERO);
    engine.commit(ReadSet::default(), clear_and_put(5..15, 7, 2), Durability::Fast).unwrap();
    let pin = engine.pin_applied();
    engine.commit(ReadSet::default(), clear_and_put(6..20, 8, 3), Durability::Fast).unwrap();
    let before = [0, 1, 2, 3, 4, 7, 15, 16, 17, 18, 19];
    for _ in 0..2 {
        let seen = drain(&mut engine.core.scan_at(KeyRange::all(), &pin).unwrap(), false).unwrap();
        assert_eq!(seen.into_iter().map(|(key, _)| key).collect::<Vec<_>>(), before.map(key));
        assert_eq!(live(&engine), [0, 1, 2, 3, 4, 8]);
        for n in 0..20 {
            assert_eq!(is_changed(&engine, n, pin.at()).unwrap(), n >= 6);
        }
        engine.compact().unwrap();
    }
    engine.verify().unwrap();
    drop(pin);
    // Files that are older than a range tombstone over all of them are removed unread; newer ones
    // stay.
    engine.compact().unwrap();
    assert_eq!(live(&engine), [0, 1, 2, 3, 4, 8]);
    engine.close().unwrap();
    assert_eq!(live(&open(&env).unwrap()), [0, 1, 2, 3, 4, 8]);
}

#[test]
fn what_a_batch_puts_before_its_range_tombstone_is_gone_and_what_comes_after_stays() {
    let (env, engine) = filled(config(), 10);
    let mut batch = EntryBatch::new();
    batch.put(&key(3), &value(3, 2));
    batch.delete_range(&key(2), &key(6));
    batch.put(&key(4), &value(4, 2));
    batch.delete_range(&key(9), &key(9));
    engine.commit(ReadSet::default(), batch, Durability::Safe).unwrap();
    assert_eq!(live(&engine), [0, 1, 4, 6, 7, 8, 9]);
    let survivor = env.crash(crate::env::CrashPolicy::ALL[0], 1);
    let engine = open(&survivor).unwrap();
    assert_eq!(live(&engine), [0, 1, 4, 6, 7, 8, 9], "after a replay");
    engine.close().unwrap();
    assert_eq!(live(&open(&survivor).unwrap()), [0, 1, 4, 6, 7, 8, 9], "from an SST");
}

/// `engine.md` 8: a deleted key back after compaction, because range tombstones apart from point
/// keys were dropped.
#[test]
fn a_range_tombstone_outside_of_all_keys_of_its_file_is_not_lost() {
    let levels = LeveledConfig { max_sst_size: 700, base_level_size: 200 };
    let (env, engine) = filled(EngineConfig { levels, ..config() }, 200);
    engine.compact().unwrap();
    // The keys of the file are before the range, after it, or there are none.
    for (range, other) in [(20..60, Some(5)), (80..120, Some(190)), (140..160, None)] {
        clear(&engine, range).unwrap();
        if let Some(n) = other {
            put(&engine, n, 2).unwrap();
        }
        engine.flush_everything().unwrap();
    }
    let expected: Vec<u32> = (0..200)
        .filter(|n| !(20..60).contains(n) && !(80..120).contains(n) && !(140..160).contains(n))
        .collect();
    assert_eq!(live(&engine), expected);
    while engine.compact_due() && engine.compact_idle() && engine.stats().levels[0].sst_count > 0 {
        assert_eq!(live(&engine), expected);
    }
    assert_eq!(live(&engine), expected);
    engine.verify().unwrap();
    engine.close().unwrap();
    let engine = open(&env).unwrap();
    engine.compact().unwrap();
    assert_eq!(live(&engine), expected);
    assert_eq!(engine.stats().levels.iter().map(|level| level.range_tombstone_count).sum::<u64>(), 0);
}

/// `engine.md` 8: a deleted key back after compaction, because "older" was judged by file number.
#[test]
fn a_file_with_a_higher_number_than_the_range_tombstone_can_be_older() {
    let levels = LeveledConfig { max_sst_size: 8 << 10, base_level_size: 64 << 10 };
    let (env, engine) = filled(EngineConfig { levels, memtable_size: 1 << 20, ..config() }, 100);
    engine.flush_everything().unwrap();
    clear(&engine, 10..90).unwrap();
    put(&engine, 95, 2).unwrap();
    engine.flush_everything().unwrap();
    let tombstones = {
        let version = engine.versions.version();
        let meta = version.files().map(|(_, meta)| meta).find(|meta| meta.fragment_count > 0);
        (meta.unwrap().number, meta.unwrap().largest_seqno)
    };
    // The next flush is newer, its key is in the range, and its file number is higher, as after its
    // merges.
    for n in (0..100).step_by(10) {
        put(&engine, n, 3).unwrap();
    }
    engine.flush_everything().unwrap();
    let newer = {
        let version = engine.versions.version();
        version.level(Level::ZERO)[0].number
    };
    assert!(newer > tombstones.0);
    let expected: Vec<u32> = (0..100).filter(|n| !(10..90).contains(n) || n % 10 == 0).collect();
    assert_eq!(live(&engine), expected);
    // Only files with older seqnos are removed unread, whatever their file numbers are.
    assert!(engine.compact_idle());
    assert_eq!(live(&engine), expected);
    engine.compact().unwrap();
    assert_eq!(live(&engine), expected);
    engine.close().unwrap();
    assert_eq!(live(&open(&env).unwrap()), expected);
}

/// `engine.md` 8: a deleted key back after compaction, because a level boundary split a key's
/// versions.
#[test]
fn no_file_boundary_divides_the_versions_of_a_key_or_the_range_tombstones_over_it() {
    let levels = LeveledConfig { max_sst_size: 300, base_level_size: 200 };
    let (_, engine) = filled(EngineConfig { levels, ..config() }, 60);
    let mut pins = Vec::new();
    for round in 0..6 {
        pins.push((engine.pin_applied(), state(&engine).unwrap()));
        clear(&engine, round * 7..round * 7 + 25).unwrap();
        for n in (0..60).step_by(3) {
            put(&engine, n, 10 + round).unwrap();
        }
    }
    pins.push((engine.pin_applied(), state(&engine).unwrap()));
    engine.compact().unwrap();
    let stats = engine.stats();
    assert!(stats.levels[6].sst_count > 20, "{} files", stats.levels[6].sst_count);
    assert!(stats.levels[6].range_tombstone_count > stats.levels[6].sst_count as u64 / 2);
    let version = engine.versions.version();
    let files = version.level(Level::LAST);
    assert!(files.windows(2).all(|pair| pair[0].end <= pair[1].smallest));
    assert!(files.windows(2).any(|pair| pair[0].end == pair[1].smallest), "a range tombstone was cut");
    for round in 0..2 {
        for (pin, expected) in &pins {
            let mut scan = engine.core().scan_at(KeyRange::all(), pin).unwrap();
            assert_eq!(drain(&mut scan, false).unwrap().into_iter().collect::<State>(), *expected);
            for n in 0..60 {
                let found = engine.read_at(pin, |reader| reader.get(&key(n), <[u8]>::to_vec)).unwrap();
                assert_eq!(found.as_ref(), expected.get(&key(n)), "key {n} at {:?}, round {round}", pin.at());
            }
        }
        engine.compact().unwrap();
        engine.verify().unwrap();
    }
}

#[test]
fn a_large_range_gives_its_space_back_without_being_read() {
    let env = FaultEnv::over_memory(machine());
    let levels = LeveledConfig { max_sst_size: 2 << 10, base_level_size: 4 << 10 };
    let engine = open_with(&env, EngineConfig { cache_size: 0, levels, ..config() }).unwrap();
    for n in 0..3000 {
        put(&engine, n, 1).unwrap();
    }
    engine.compact().unwrap();
    let before = engine.stats();
    assert!(before.sst_count > 50);
    let pin = engine.pin_applied();
    clear(&engine, 100..2900).unwrap();
    engine.checkpoint().unwrap();
    assert_eq!(engine.stats().compaction_drop_count, 0, "somebody reads it");
    drop(pin);
    let read = env.counts().of(crate::env::Operation::Read);
    assert!(engine.compact_idle());
    let (after, read) = (engine.stats(), env.counts().of(crate::env::Operation::Read) - read);
    assert!(after.compaction_drop_count > 40, "{} files", after.compaction_drop_count);
    assert!(after.sst_size < before.sst_size / 10, "{} of {}", after.sst_size, before.sst_size);
    assert!(read < 60, "{read} reads for {} files", before.sst_count);
    assert_eq!(state(&engine).unwrap().len(), 200);
    expect_no_leak(&env, &engine);
}

#[test]
fn a_range_that_was_removed_is_a_conflict_for_who_read_of_it() {
    let (_, engine) = filled(config(), 30);
    let range = |start, end| KeyRange { start: key(start), end: Some(key(end)) };
    for flushed in [false, true] {
        let pins = std::cell::RefCell::new((0..6).map(|_| engine.pin_applied()).collect::<Vec<_>>());
        let reads = |keys: &[u32], ranges: &[(u32, u32)]| ReadSet {
            pin: pins.borrow_mut().pop(),
            keys: keys.iter().map(|&n| key(n)).collect(),
            ranges: ranges.iter().map(|&(start, end)| range(start, end)).collect(),
        };
        clear(&engine, 10..20).unwrap();
        if flushed {
            engine.flush_everything().unwrap();
        }
        let mut batch = EntryBatch::new();
        batch.put(&key(1000), b"");
        let commit = |reads| engine.commit(reads, batch.clone(), Durability::Fast);
        for lost in [reads(&[3, 10], &[]), reads(&[19], &[]), reads(&[], &[(0, 11)]), reads(&[], &[(19, 40)])]
        {
            assert!(matches!(commit(lost), Err(Error::Conflict)), "flushed: {flushed}");
        }
        // A transaction that has read an empty range conflicts all the same.
        assert!(matches!(commit(reads(&[], &[(12, 13)])), Err(Error::Conflict)));
        commit(reads(&[9, 20], &[(0, 10), (20, 30)])).unwrap();
    }
}

#[test]
fn more_ranges_than_the_limit_are_refused_and_as_many_are_taken() {
    let (_, engine) = filled(config(), 10);
    let mut batch = EntryBatch::new();
    for n in 0..1024 {
        batch.delete_range(&key(n), &key(n + 1));
    }
    engine.commit(ReadSet::default(), batch.clone(), Durability::Fast).unwrap();
    put(&engine, 5, 2).unwrap();
    batch.delete_range(&key(0), &key(1));
    let refused = engine.commit(ReadSet::default(), batch, Durability::Fast);
    assert!(matches!(refused, Err(Error::Limit(crate::Limit::Ranges { count: 1025, limit: 1024 }))));
    assert_eq!(live(&engine), [5]);
}

/// The first rows of a scan from one of its ends, and how many entries it skipped.
fn look(mut scan: EngineScan, count: usize, from_back: bool) -> (Vec<Vec<u8>>, usize) {
    crate::cursor::steps::of(|| {
        let mut keys = Vec::new();
        while keys.len() < count
            && let Some(found) = if from_back { scan.next_back().unwrap() } else { scan.next().unwrap() }
        {
            keys.push(found.key.to_vec());
        }
        keys
    })
}

/// A scan seeks past a range tombstone, wherever it is and whatever is under it.
#[test]
fn what_is_left_of_a_removed_range_is_found_in_as_many_steps_whatever_its_length() {
    for (count, places) in [300, 6000].into_iter().flat_map(|count| (0..8).map(move |places| (count, places)))
    {
        let env = machine();
        let engine = open_with(&env, EngineConfig { memtable_size: 2 << 20, ..config() }).unwrap();
        let flush_if = |bit: u32| {
            if places & bit > 0 {
                engine.flush_everything().unwrap();
            }
        };
        (0..count).for_each(|n| put(&engine, n, 1).unwrap());
        flush_if(1);
        // Entries that a pin retains under a range tombstone in the same file are skipped one by
        // one.
        let pin = (places & 1 > 0 || places == 0).then(|| engine.pin_applied());
        // Two that overlap, and a row between them that was put later.
        clear(&engine, 1..count / 2 + 9).unwrap();
        flush_if(2);
        clear(&engine, count / 2..count - 1).unwrap();
        put(&engine, count / 2, 2).unwrap();
        flush_if(4);
        let expected = [0, count / 2, count - 1].map(key).to_vec();
        for from_back in [false, true] {
            let (mut found, steps) = look(engine.scan(KeyRange::all()).unwrap(), 10, from_back);
            if from_back {
                found.reverse();
            }
            assert_eq!(found, expected, "{count} rows, flushed {places:b}");
            assert!(steps < 24, "{steps} steps among {count}, flushed {places:b}");
            if let Some(pin) = &pin {
                let pinned =
                    look(engine.core().scan_at(KeyRange::all(), pin).unwrap(), usize::MAX, from_back);
                assert_eq!(pinned.0.len(), count as usize, "somebody still sees them");
            }
        }
    }
}

#[test]
fn a_table_that_is_filled_and_cleared_again_and_again_is_looked_at_in_as_many_steps() {
    for from_back in [false, true] {
        let env = machine();
        let engine = open_with(&env, EngineConfig { memtable_size: 2 << 20, ..config() }).unwrap();
        for round in 0..400_u32 {
            for n in 0..10 {
                // New keys, and keys that are put again.
                let n = if n < 5 { n * 1_000_000 + round } else { n * 1_000_000 };
                put(&engine, n, round).unwrap();
            }
            let (found, steps) = look(engine.scan(KeyRange::all()).unwrap(), 3, from_back);
            assert!(found.len() == 3 && steps < 40, "{steps} steps to the first rows of round {round}");
            clear(&engine, 0..u32::MAX).unwrap();
            let (found, steps) = look(engine.scan(KeyRange::all()).unwrap(), 1, from_back);
            assert!(found.is_empty() && steps < 10, "{steps} steps in round {round}");
        }
    }
}

/// Closing waits for no merge: one that has only range tombstones calls the progress hook, too.
#[test]
fn a_merge_of_many_range_tombstones_can_be_stopped_and_leaves_nothing() {
    let (env, engine) = filled(EngineConfig { memtable_size: 1 << 20, ..config() }, 20);
    engine.compact().unwrap();
    // A reader sees what is under them, so they stay.
    let pin = engine.pin_applied();
    for n in 0..2000 {
        clear(&engine, 3 * n..3 * n + 1).unwrap();
    }
    engine.flush_everything().unwrap();
    let before = files(&env, "");
    let version = engine.versions.version();
    let young = version.level(Level::ZERO);
    assert!(
        young.len() > 4 && engine.stats().run_count == 2,
        "one run of files with some range tombstones each"
    );
    assert!(young.iter().all(|meta| meta.fragment_count < 400), "no file has too many of them");
    let Pick::Full(merge) = compaction::full(&version) else { panic!("there is something to merge") };
    let levels = Arc::clone(&engine.versions.view().levels);
    let asked = std::cell::Cell::new(0);
    let run = |patience: u32| {
        asked.set(0);
        let go_on = |_| {
            asked.set(asked.get() + 1);
            if asked.get() > patience { Err(Error::Closed) } else { Ok(()) }
        };
        let job = compaction::MergeJob {
            merge: &merge,
            version: &version,
            sst_store: &engine.sst_store,
            config: &engine.config.levels,
            boundaries: engine.snapshots.boundaries(|| engine.visible()),
            relocation: engine.moving(&levels, BTreeSet::new()),
            progress: &go_on,
        };
        let sst = |meta: &crate::sst::SstMeta| Arc::clone(levels.sst(meta.number).unwrap());
        job.run(sst, || engine.versions.allocate()).map(|written| written.ssts.len())
    };
    for patience in 0..3 {
        assert!(matches!(run(patience), Err(Error::Closed)));
        assert_eq!(files(&env, ""), before);
    }
    assert!(run(u32::MAX).unwrap() > 0 && asked.get() > 6, "it was asked {} times", asked.get());
    drop(pin);
}
