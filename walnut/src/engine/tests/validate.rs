//! The cost of validation, counted, and the expiry of old pins.

use super::*;

/// A scan of everything, at a new pin.
fn everything(engine: &Engine) -> ReadSet {
    ReadSet { pin: Some(engine.pin_applied()), keys: KeySet::default(), ranges: vec![KeyRange::all()] }
}

fn commit(engine: &Engine, reads: ReadSet, n: u32) -> Result<()> {
    let mut batch = EntryBatch::new();
    batch.put(&key(n), &value(n, 1));
    engine.commit(reads, batch, Durability::Fast)
}

fn compared(engine: &Engine) -> u64 {
    engine.stats().compared_entry_count
}

#[test]
fn the_log_waits_for_as_many_comparisons_as_entries_came_since_however_much_was_read() {
    for rows in [10, 3000] {
        let config = EngineConfig { memtable_size: 64 << 20, ..config() };
        let engine = open_with(&machine(), config).unwrap();
        for n in 0..rows {
            put(&engine, n, 0).unwrap();
        }
        assert_eq!(compared(&engine), 0, "who reads nothing is compared with nothing");

        // No commits since.
        commit(&engine, everything(&engine), 1).unwrap();
        assert_eq!(compared(&engine), 0);

        // Seven entries since, the first of which is a conflict; a transaction that read other keys
        // checks all of them.
        let (reads, others) = (everything(&engine), engine.pin_applied());
        for n in 0..7 {
            put(&engine, 100_000 + n, 0).unwrap();
        }
        assert!(matches!(commit(&engine, reads, 1), Err(Error::Conflict)));
        assert_eq!(compared(&engine), 1);
        let keys = (1000..2000).map(|n| key(200_000 + n)).collect();
        let below = KeyRange { start: Vec::new(), end: Some(key(100_000)) };
        commit(&engine, ReadSet { pin: Some(others), keys, ranges: vec![below] }, 2).unwrap();
        assert_eq!(compared(&engine), 8);

        // So many since that they are prevalidated before the log is locked; none came after that.
        let (reads, others) = (everything(&engine), engine.pin_applied());
        for n in 0..500 {
            put(&engine, 300_000 + n, 0).unwrap();
        }
        assert!(matches!(commit(&engine, reads, 1), Err(Error::Conflict)));
        let below = KeyRange { start: Vec::new(), end: Some(key(100_000)) };
        commit(&engine, ReadSet { pin: Some(others), keys: KeySet::default(), ranges: vec![below] }, 3)
            .unwrap();
        assert_eq!(compared(&engine), 8);
        assert_eq!(engine.stats().conflict_count, 2);
    }
}

#[test]
fn a_change_is_found_also_when_it_was_flushed() {
    let engine = open(&machine()).unwrap();
    let (first, second) = (everything(&engine), everything(&engine));
    let mut batch = EntryBatch::new();
    // Larger than a memtable, which is frozen after it.
    for n in 0..40 {
        batch.put(&key(n), &vec![7; 30_000]);
    }
    engine.commit(ReadSet::default(), batch, Durability::Fast).unwrap();
    assert!(matches!(commit(&engine, first, 99), Err(Error::Conflict)));
    engine.compact().unwrap();
    assert!(matches!(commit(&engine, second, 99), Err(Error::Conflict)));
    assert_eq!(compared(&engine), 0, "both were looked up in the files");
}

#[test]
fn every_change_is_found_at_any_distance() {
    // One key is read, and one of many later commits changes it, or none does.
    let engine = open(&machine()).unwrap();
    for distance in [1, 2, 63, 64, 65, 100, 1023, 1024, 1025, 1500] {
        for changed in [None, Some(0), Some(distance / 2), Some(distance - 1)] {
            let pin = Some(engine.pin_applied());
            let reads = ReadSet { pin, keys: [key(7)].into_iter().collect(), ranges: Vec::new() };
            for n in 0..distance {
                let n = if changed == Some(n) { 7 } else { 1000 + n % 10 };
                put(&engine, n, distance).unwrap();
            }
            let outcome = commit(&engine, reads, 500);
            assert_eq!(outcome.is_err(), changed.is_some(), "{changed:?} of {distance}: {outcome:?}");
        }
    }
}

#[test]
fn a_pin_that_is_too_old_keeps_nothing_and_reads_nothing() {
    let env = machine();
    let limit = Duration::from_secs(60);
    let engine = open_with(&env, EngineConfig { snapshot_age_limit: Some(limit), ..config() }).unwrap();
    for n in 0..200 {
        put(&engine, n, 0).unwrap();
    }
    let pin = engine.pin_applied();
    let reads = everything(&engine);
    let mut scan = engine.core().scan_at(KeyRange::all(), &pin).unwrap();
    for n in 0..200 {
        put(&engine, n, 1).unwrap();
    }
    engine.checkpoint().unwrap();
    let held = engine.stats();
    assert!(held.pinned_count == 2 && held.oldest_pin_lag == 200 && held.pinned_size > 0, "{held:?}");
    assert_eq!(held.levels.iter().map(|level| level.entry_count).sum::<u64>(), 400);
    let found = engine.read_at(&pin, |reader| reader.get(&key(5), <[u8]>::to_vec)).unwrap();
    assert_eq!(found, Some(value(5, 0)));

    env.advance(limit);
    engine.compact().unwrap();
    let stats = engine.stats();
    assert_eq!((stats.pinned_count, stats.oldest_pin_lag, stats.iterator_count), (0, 0, 1));
    assert_eq!(stats.pinned_size, stats.held_memory_size as u64 + stats.held_file_size, "the scan holds it");
    assert_eq!(stats.oldest_pin_age, Duration::ZERO);
    assert_eq!(stats.levels.iter().map(|level| level.entry_count).sum::<u64>(), 200);
    let read = engine.read_at(&pin, |reader| reader.get(&key(5), <[u8]>::to_vec));
    assert!(matches!(read, Err(Error::SnapshotTooOld)), "{read:?}");
    assert!(matches!(engine.core().scan_at(KeyRange::all(), &pin).err(), Some(Error::SnapshotTooOld)));
    assert!(matches!(commit(&engine, reads, 1), Err(Error::SnapshotTooOld)));
    // A scan that was begun before is as old, and releases what it held.
    assert!(matches!(drain(&mut scan, false), Err(Error::SnapshotTooOld)));
    assert!(matches!(scan.next_back().err(), Some(Error::SnapshotTooOld)));
    assert_eq!(engine.stats().pinned_size, 0);
    drop(scan);
    assert_eq!(engine.stats().iterator_count, 0);
}

#[test]
fn a_long_snapshot_keeps_one_version_of_each_key_and_no_more() {
    let engine = open(&machine()).unwrap();
    for n in 0..100 {
        put(&engine, n, 0).unwrap();
    }
    let pin = engine.pin_applied();
    for version in 1..30 {
        for n in 0..100 {
            put(&engine, n, version).unwrap();
        }
    }
    engine.compact().unwrap();
    let stats = engine.stats();
    assert_eq!(stats.levels.iter().map(|level| level.entry_count).sum::<u64>(), 200);
    let one = (key(0).len() + value(0, 0).len()) as u64;
    assert_eq!((stats.oldest_pin_lag, stats.pinned_size), (2900, 100 * one));
    for n in 0..100 {
        let old = engine.read_at(&pin, |reader| reader.get(&key(n), <[u8]>::to_vec)).unwrap();
        assert_eq!((old, get(&engine, n).unwrap()), (Some(value(n, 0)), Some(value(n, 29))));
    }
    drop(pin);
    engine.compact().unwrap();
    assert_eq!(engine.stats().levels.iter().map(|level| level.entry_count).sum::<u64>(), 100);
}

#[test]
fn reads_that_race_with_their_pins_end_are_right_or_refused() {
    let env = machine();
    let limit = Duration::from_millis(20);
    let engine = open_with(&env, EngineConfig { snapshot_age_limit: Some(limit), ..config() }).unwrap();
    for n in 0..60 {
        put(&engine, n, 0).unwrap();
    }
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for version in (1..20_000).take_while(|_| !done.load(Ordering::Acquire)) {
                for n in 0..60 {
                    put(&engine, n, version).unwrap();
                }
                env.advance(limit / 4);
                engine.compact().unwrap();
            }
        });
        let (mut right, mut refused) = (0, 0);
        while right < 500 || refused < 5 {
            let pin = engine.pin_visible();
            let mut first = None;
            for n in (0..60).cycle().take(6000) {
                // The writer visits the keys in order, so the number of those left falls by at most
                // one, once, within one state.
                match engine.read_at(&pin, |reader| reader.get(&key(n), <[u8]>::to_vec)) {
                    Ok(found) => {
                        let found = found.expect("it is never removed");
                        let version = u32::from_le_bytes(found[4..8].try_into().unwrap());
                        let first = *first.get_or_insert(version);
                        assert!(version <= first && version + 1 >= first, "{version} beside {first}");
                        right += 1;
                    }
                    Err(Error::SnapshotTooOld) => {
                        refused += 1;
                        break;
                    }
                    Err(error) => panic!("{error}"),
                }
            }
        }
        done.store(true, Ordering::Release);
    });
}
