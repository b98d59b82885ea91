//! Concurrent writers, readers, flushes and compactions.

use std::thread;

use super::*;
use crate::env::{FaultEffect, FaultPlan, Operation};

const WRITERS: u32 = 2;
const KEYS: u32 = 300;

fn threaded() -> EngineConfig {
    EngineConfig { background: Background::Thread, frozen_limit: 4, ..config() }
}

#[test]
fn readers_and_writers_agree_while_everything_is_compacted() {
    let env = machine();
    let engine = open_with(&env, threaded()).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let ends = Ends(&done);
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let engine = &engine;
                scope.spawn(move || {
                    for round in 0..8 {
                        for n in (writer..KEYS).step_by(WRITERS as usize) {
                            put(engine, n, round).unwrap();
                            assert_eq!(
                                get(engine, n).unwrap(),
                                Some(value(n, round)),
                                "a write is seen by its writer"
                            );
                            if n % 5 == 0 {
                                delete(engine, n).unwrap();
                                assert_eq!(get(engine, n).unwrap(), None);
                            }
                        }
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                let mut scan = engine.scan(KeyRange::all()).unwrap();
                let forward = drain(&mut engine_again(&scan), false).unwrap();
                let mut backward = drain(&mut scan, true).unwrap();
                backward.reverse();
                assert_eq!(forward, backward, "a scan sees one state");
                engine.verify().unwrap();
            }
        });
        scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                engine.compact().unwrap();
            }
        });
        let failed = writers.into_iter().any(|writer| writer.join().is_err());
        drop(ends);
        assert!(!failed);
    });
    engine.compact().unwrap();
    let expected: State = (0..KEYS).filter(|n| n % 5 > 0).map(|n| (key(n), value(n, 7))).collect();
    assert_eq!(state(&engine).unwrap(), expected);
    assert!(engine.stats().compaction_count > 0 && engine.stats().compaction_failure_count == 0);
    engine.close().unwrap();
    let engine = open(&env).unwrap();
    assert_eq!(state(&engine).unwrap(), expected);
    expect_no_leak(&env, &engine);
}

/// Another scan of the same state.
fn engine_again(scan: &EngineScan) -> EngineScan {
    scan.another(KeyRange::all())
}

#[test]
fn writers_go_on_when_compaction_fails_and_it_catches_up_when_it_can() {
    let env = FaultEnv::over_memory(machine());
    let memtable_size = 8 << 10;
    let engine = open_with(&env, EngineConfig { memtable_size, ..threaded() }).unwrap();
    let damaged = {
        for n in 0..400 {
            put(&engine, n, 0).unwrap();
        }
        engine.compact().unwrap();
        files(&env, ".sst")[0].clone()
    };
    // Every merge has to read this file, because there is no cache.
    engine.close().unwrap();
    let engine = open_with(&env, EngineConfig { memtable_size, cache_size: 0, ..threaded() }).unwrap();
    env.inject(FaultPlan::for_ever(Operation::Read, 0, FaultEffect::Error).in_files(&damaged));
    let mut version = 0;
    while engine.stats().compaction_failure_count == 0 || engine.stats().levels[0].sst_count <= 24 {
        assert!(version < 2000, "nothing is merged, and nothing fails");
        version += 1;
        for n in 0..400 {
            put(&engine, n, version).unwrap();
        }
    }
    env.heal();
    engine.compact().unwrap();
    let stats = engine.stats();
    assert_eq!((stats.levels[6].entry_count, stats.levels[0].sst_count), (400, 0));
    let expected: State = (0..400).map(|n| (key(n), value(n, version))).collect();
    assert_eq!(state(&engine).unwrap(), expected);
}

#[test]
fn closing_stops_a_merge_that_somebody_waits_for() {
    let env = machine();
    let engine = open_with(&env, EngineConfig { checkpoint_on_close: false, ..threaded() }).unwrap();
    for n in 0..2000 {
        put(&engine, n, 0).unwrap();
    }
    thread::scope(|scope| {
        let compacting = scope.spawn(|| engine.compact());
        engine.close().unwrap();
        // Either it was done before, or its error says why not.
        let outcome = compacting.join().unwrap();
        assert!(matches!(outcome, Ok(()) | Err(Error::Closed)), "{outcome:?}");
    });
    let engine = open(&env).unwrap();
    assert_eq!(state(&engine).unwrap().len(), 2000);
    expect_no_leak(&env, &engine);
}

/// The scheduler of `tests/interleavings` looks for the same race; this test uses real threads.
#[test]
fn what_readers_may_see_is_there_to_be_read() {
    const COUNT: u32 = 400;
    let engine = open_with(&machine(), EngineConfig { memtable_size: 64 << 20, ..config() }).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let ends = Ends(&done);
        let readers = [0, COUNT - 1].map(|n| {
            let (engine, done) = (&engine, &done);
            scope.spawn(move || {
                while !done.load(Ordering::Acquire) {
                    // The number of entries per commit is fixed, so the seqno tells how many a
                    // reader must see at least.
                    let expected = u32::try_from(engine.visible().0 / u64::from(COUNT)).unwrap();
                    let found = get(engine, n)
                        .unwrap()
                        .map_or(0, |found| u32::from_le_bytes(found[4..8].try_into().expect("four bytes")));
                    assert!(found >= expected, "{found} is read, and {expected} may be seen");
                }
            })
        });
        for version in 1..=300 {
            let mut batch = EntryBatch::new();
            (0..COUNT).for_each(|n| batch.put(&key(n), &value(n, version)));
            let durability = if version.is_multiple_of(2) { Durability::Safe } else { Durability::Fast };
            engine.commit(ReadSet::default(), batch, durability).unwrap();
        }
        drop(ends);
        for reader in readers {
            reader.join().unwrap();
        }
    });
}
