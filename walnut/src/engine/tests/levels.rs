//! How files reach their levels, and what happens meanwhile.

use super::*;
use crate::env::{FaultEffect, FaultPlan, Operation};

fn counts(engine: &Engine) -> Vec<usize> {
    engine.stats().levels.iter().map(|level| level.sst_count).collect()
}

#[test]
fn files_go_down_and_their_levels_keep_their_sizes() {
    let env = machine();
    let engine = open(&env).unwrap();
    for n in 0..4000 {
        put(&engine, n * 7919 % 2000, n).unwrap();
    }
    let stats = engine.stats();
    assert!(stats.levels[0].sst_count < 4, "{:?}", counts(&engine));
    assert!(stats.levels[5].sst_count > 0 && stats.levels[6].sst_count > 20, "{:?}", counts(&engine));
    assert!(stats.levels[1..6].iter().map(|level| level.size).sum::<u64>() < stats.levels[6].size);
    assert!(stats.compaction_count > 10 && stats.compaction_failure_count == 0);
    assert!(stats.compaction_written_size > stats.sst_size && stats.compaction_read_size > stats.sst_size);
    expect_no_leak(&env, &engine);
    engine.close().unwrap();
    let again = open(&env).unwrap();
    let before: Vec<_> = stats.levels[1..].to_vec();
    assert_eq!(again.stats().levels[1..], before, "an opening finds every file in its level");
    again.verify().unwrap();
    assert_eq!(state(&again).unwrap().len(), 2000);
}

#[test]
fn what_is_loaded_in_order_is_moved_and_not_written_again() {
    let levels = LeveledConfig { max_sst_size: 2 << 10, base_level_size: 2 << 10 };
    let engine = open_with(&machine(), EngineConfig { levels, ..config() }).unwrap();
    for n in 0..3000 {
        put(&engine, n, 0).unwrap();
    }
    let stats = engine.stats();
    assert!(stats.compaction_move_count > 10, "{stats:?}");
    assert_eq!(stats.compaction_count, 0, "{stats:?}");
    assert_eq!(state(&engine).unwrap().len(), 3000);
}

#[test]
fn small_checkpoints_do_not_leave_small_files() {
    let levels = LeveledConfig { max_sst_size: 64 << 10, base_level_size: 64 << 10 };
    let engine = open_with(&machine(), EngineConfig { levels, ..config() }).unwrap();
    for n in 0..400 {
        put(&engine, n, 0).unwrap();
        engine.checkpoint().unwrap();
    }
    assert!(engine.stats().sst_count < 20, "{:?}", counts(&engine));
    assert!(engine.stats().compaction_written_size < 30 * engine.stats().sst_size);
}

#[test]
fn a_scan_reads_on_after_its_files_were_compacted_away() {
    let env = machine();
    let engine = open(&env).unwrap();
    for n in 0..300 {
        put(&engine, n, 1).unwrap();
    }
    engine.checkpoint().unwrap();
    let before = state(&engine).unwrap();
    let (mut begun, mut fresh) =
        (engine.scan(KeyRange::all()).unwrap(), engine.scan(KeyRange::all()).unwrap());
    let first = begun
        .next()
        .unwrap()
        .map(|found| (found.key.to_vec(), found.value.load().unwrap().to_vec()))
        .unwrap();
    for n in 0..300 {
        delete(&engine, n).unwrap();
    }
    engine.compact().unwrap();
    assert_eq!((counts(&engine), files(&env, ".sst").len()), (vec![0; 7], 0));
    let mut seen: State = drain(&mut begun, false).unwrap().into_iter().collect();
    seen.insert(first.0, first.1);
    assert_eq!(seen, before);
    let backwards: State = drain(&mut fresh, true).unwrap().into_iter().collect();
    assert_eq!(backwards, before);
    assert_eq!(state(&engine).unwrap(), State::new());
}

#[test]
fn a_pinned_number_keeps_what_it_sees_and_notices_what_changed() {
    let engine = open(&machine()).unwrap();
    for n in 0..100 {
        put(&engine, n, 1).unwrap();
    }
    let pin = engine.pin_applied();
    for n in 0..100 {
        delete(&engine, n).unwrap();
        put(&engine, n + 1000, 2).unwrap();
    }
    engine.compact().unwrap();
    for n in 0..100 {
        let found = engine.read_at(&pin, |reader| reader.get(&key(n), <[u8]>::to_vec)).unwrap();
        assert_eq!(found, Some(value(n, 1)));
        assert!(is_changed(&engine, n, pin.at()).unwrap());
        let found = engine.read_at(&pin, |reader| reader.get(&key(n + 1000), <[u8]>::to_vec)).unwrap();
        assert_eq!((found, get(&engine, n).unwrap()), (None, None));
    }
    assert_eq!(engine.stats().levels[6].entry_count, 300);
    drop(pin);
    engine.compact().unwrap();
    assert_eq!(engine.stats().levels[6].entry_count, 100, "what nobody reads is gone");
    let stats = engine.stats();
    engine.compact().unwrap();
    assert_eq!(engine.stats(), stats, "one run in which nothing is dead is left alone");
}

/// `engine.md` 8: a deleted key back after compaction.
#[test]
fn a_deleted_key_stays_deleted_however_deep_it_lay() {
    let engine = open(&machine()).unwrap();
    for round in 0..6 {
        for n in 0..600 {
            put(&engine, n, round).unwrap();
        }
    }
    let depth = counts(&engine).iter().filter(|&&count| count > 0).count();
    assert!(depth >= 2, "old versions lie in several levels: {:?}", counts(&engine));
    for n in 0..600 {
        delete(&engine, n).unwrap();
        if n % 50 == 0 {
            // The put between them makes the tombstones go down alone.
            engine.checkpoint().unwrap();
            assert!((0..=n).all(|n| get(&engine, n).unwrap().is_none()));
        }
    }
    engine.compact().unwrap();
    assert_eq!((state(&engine).unwrap(), engine.stats().sst_count), (State::new(), 0));
}

/// Each file of level 0 has a first key before all rows and a last key behind them, as tables have
/// with their row counts and indexes.
#[test]
fn rows_that_come_in_the_order_of_their_keys_are_written_to_the_last_level_once() {
    let levels = LeveledConfig { max_sst_size: 4 << 10, base_level_size: 1 << 20 };
    let engine = open_with(&machine(), EngineConfig { levels, ..config() }).unwrap();
    let key_in = |keyspace: u32, n: u32| [KeyspaceId(keyspace).prefix(), n.to_be_bytes()].concat();
    for n in 0..8000 {
        let mut batch = EntryBatch::new();
        batch.put(&key_in(16, n), &value(n, 0));
        batch.add(&key_in(KeyspaceId::ROW_COUNTS.0, 16), 1);
        batch.put(&key_in(17, n % 50), b"");
        engine.commit(ReadSet::default(), batch, Durability::Fast).unwrap();
    }
    let stats = engine.stats();
    assert!(stats.compaction_count > 50 && stats.sst_size > 300 << 10, "{stats:?}");
    assert!(stats.compaction_written_size < 2 * stats.sst_size, "{stats:?}");
}

/// `engine.md` 8: a scan over a damaged block that returns fewer rows, made permanent by the next
/// compaction.
#[test]
fn a_damaged_block_stops_the_compaction_and_its_neighbours_stay_readable() {
    if is_encrypted() {
        return;
    }
    let env = machine();
    let engine = open(&env).unwrap();
    for n in 0..100 {
        put(&engine, n, 1).unwrap();
    }
    engine.close().unwrap();
    let name = Path::new(DIR).join(&files(&env, ".sst")[0]);
    let mut bytes = env.read_file(&name).unwrap();
    bytes[300] ^= 4;
    env.write_file(&name, &bytes).unwrap();
    let engine = open(&env).unwrap();
    let before = files(&env, ".sst");
    for _ in 0..2 {
        let error = engine.compact().unwrap_err();
        assert!(matches!(error, Error::Corruption { fault: Fault::Checksum { .. }, .. }), "{error}");
        assert_eq!((files(&env, ".sst"), files(&env, ".tmp").len()), (before.clone(), 0));
    }
    assert_eq!(engine.stats().compaction_failure_count, 2);
    assert!(state(&engine).is_err(), "the rows are not passed over");
    bytes[300] ^= 4;
    env.write_file(&name, &bytes).unwrap();
    engine.compact().unwrap();
    assert_eq!(state(&engine).unwrap().len(), 100, "nothing was lost");
}

#[test]
fn an_opening_names_the_file_that_is_missing_in_a_deep_level() {
    let env = machine();
    let engine = open(&env).unwrap();
    for n in 0..300 {
        put(&engine, n, 1).unwrap();
    }
    engine.compact().unwrap();
    engine.close().unwrap();
    let name = Path::new(DIR).join(&files(&env, ".sst")[1]);
    env.remove(&name).unwrap();
    let error = open(&env).unwrap_err();
    assert!(
        matches!(&error, Error::Corruption { file, fault: Fault::Missing, .. } if *file == name),
        "{error}"
    );
}

#[test]
fn a_get_of_a_missing_key_reads_no_block_and_one_that_is_there_reads_one() {
    let env = FaultEnv::over_memory(machine());
    let engine = open_with(&env, EngineConfig { cache_size: 0, ..config() }).unwrap();
    for n in 0..2000 {
        put(&engine, n * 7919 % 2000 * 2, n).unwrap();
    }
    engine.checkpoint().unwrap();
    assert!(counts(&engine).iter().filter(|&&count| count > 0).count() >= 2);
    let reads = || env.counts().of(Operation::Read);
    let before = reads();
    for n in 0..2000 {
        assert!(get(&engine, n * 2 + 1).unwrap().is_none());
    }
    let missing = reads() - before;
    assert!(missing < 60, "{missing} block reads for 2000 missing keys");
    for n in 0..2000 {
        assert!(get(&engine, n * 2).unwrap().is_some());
    }
    let present = reads() - before - missing;
    assert!((2000..2060).contains(&present), "{present} block reads for 2000 keys");
}

#[test]
fn a_file_that_cannot_be_removed_is_removed_later() {
    let env = FaultEnv::over_memory(machine());
    let engine = open(&env).unwrap();
    for n in 0..200 {
        put(&engine, n, 1).unwrap();
    }
    env.inject(FaultPlan::for_ever(Operation::Remove, 0, FaultEffect::Error).in_files(".sst"));
    engine.compact().unwrap();
    assert!(files(&env, ".sst").len() > engine.stats().sst_count);
    env.heal();
    put(&engine, 1, 2).unwrap();
    engine.checkpoint().unwrap();
    expect_no_leak(&env, &engine);
}
