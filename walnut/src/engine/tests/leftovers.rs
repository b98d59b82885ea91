//! What processes leave that end without closing, as a killed one does.

use super::*;
use crate::env::{CrashPolicy, Operations};

fn put_sized(engine: &Engine, n: u32, size: usize) {
    let mut batch = EntryBatch::new();
    batch.put(&key(n), &vec![u8::try_from(n % 251).unwrap(); size]);
    engine.commit(ReadSet::default(), batch, Durability::Safe).unwrap();
}

/// A configuration in which a memtable holds the data of many runs.
fn large() -> EngineConfig {
    let levels = LeveledConfig { max_sst_size: 1 << 20, base_level_size: 4 << 20 };
    EngineConfig { memtable_size: 4 << 20, preallocate: 8 << 10, frozen_limit: 4, levels, ..config() }
}

#[test]
fn runs_that_end_without_closing_leave_a_bounded_number_of_files_however_many_they_are() {
    for (seed, most) in [(1, 0), (2, 300), (3, 20_000), (4, 200_000)] {
        let mut random = Random(seed);
        let mut env = machine();
        let mut expected = State::new();
        let rounds = if most > 50_000 { 60 } else { 200 };
        for round in 0..rounds {
            let engine = open_with(&env, large()).unwrap();
            assert_eq!(state(&engine).unwrap(), expected, "seed {seed}, round {round}");
            for _ in 0..random.below(4) {
                let (n, size) = (random.below(50), random.below(most + 1) as usize);
                put_sized(&engine, n, size);
                expected.insert(key(n), vec![u8::try_from(n % 251).unwrap(); size]);
            }
            let stats = engine.stats();
            let (logs, ssts) = (files(&env, ".log").len(), files(&env, ".sst").len());
            assert!(logs <= 11, "{logs} segments: seed {seed}, round {round}");
            assert!(ssts <= 24, "{ssts} SSTs: seed {seed}, round {round}");
            assert!(stats.log_segment_count <= 11);
            env = env.crash(CrashPolicy::ALL[round % 4], round as u64);
        }
        let engine = open_with(&env, large()).unwrap();
        engine.verify().unwrap();
        assert_eq!(state(&engine).unwrap(), expected);
    }
}

#[test]
fn small_logs_become_one_segment_and_an_opening_that_finds_one_needs_no_more_syncs_than_without() {
    if is_encrypted() {
        return;
    }
    let mut env = machine();
    let mut syncs = Vec::new();
    for round in 0..20 {
        let before = env.sync_count();
        let engine = open_with(&env, large()).unwrap();
        syncs.push(env.sync_count() - before);
        assert_eq!(files(&env, ".log").len(), 1, "round {round}");
        put_sized(&engine, round, 100);
        env = env.crash(CrashPolicy::Kept, 1);
    }
    // The segment, its name, the last edit of the manifest rewritten, and the edit that names the
    // segment.
    assert!(syncs[1..].iter().all(|count| *count == 4), "{syncs:?}");
}

#[test]
fn opening_twice_in_a_row_changes_no_byte_that_counts() {
    let env = machine();
    let engine = open_with(&env, large()).unwrap();
    (0..30).for_each(|n| put_sized(&engine, n, 1000));
    let expected = state(&engine).unwrap();
    let mut machine = env.crash(CrashPolicy::Kept, 0);
    for _ in 0..5 {
        let engine = open_with(&machine, large()).unwrap();
        assert_eq!(state(&engine).unwrap(), expected);
        machine = machine.crash(CrashPolicy::Kept, 3);
        assert_eq!((files(&machine, ".log").len(), files(&machine, ".sst").len()), (1, 0));
    }
}

/// A machine on which processes have left a log of some segments, with records of this size.
fn left(runs: u32, size: usize) -> (MemoryEnv, State) {
    let mut env = machine();
    for run in 0..runs {
        let engine = open_with(&env, large()).unwrap();
        put_sized(&engine, run, size);
        env = env.crash(CrashPolicy::Kept, 0);
    }
    let engine = open_with(&env.crash(CrashPolicy::Kept, 0), large()).unwrap();
    (env, state(&engine).unwrap())
}

#[test]
fn a_crash_at_every_operation_of_an_opening_that_clears_up_loses_nothing() {
    // One log that is copied, and one that is flushed.
    for (runs, size) in [(3, 100), (9, 9000)] {
        let (env, expected) = left(runs, size);
        for cut in 0.. {
            let env = env.crash(CrashPolicy::Kept, 0);
            env.power_off_after(Operations::Mutations, cut);
            let opened = open_with(&env, large());
            for policy in CrashPolicy::ALL {
                let mut survivor = env.crash(policy, cut);
                // And again in the next open.
                survivor.power_off_after(Operations::Mutations, cut % 7);
                drop(open_with(&survivor, large()));
                survivor = survivor.crash(policy, cut + 1);
                let engine = open_with(&survivor, large()).unwrap();
                assert_eq!(state(&engine).unwrap(), expected, "{runs} runs, cut at {cut}, {policy:?}");
                put_sized(&engine, 77, 10);
                let engine = open_with(&survivor.crash(CrashPolicy::Lost, 0), large()).unwrap();
                assert_eq!(state(&engine).unwrap().len(), expected.len() + 1);
                engine.verify().unwrap();
            }
            drop(opened);
            if !env.is_off() {
                assert!(cut > 8, "{cut} operations");
                break;
            }
        }
    }
}
