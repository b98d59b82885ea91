//! Commits that share a write and a sync, and a log that stays short.

use std::thread;

use super::*;
use crate::env::{CrashPolicy, FaultEffect, FaultPlan, Operation, Operations};

fn recycling() -> EngineConfig {
    EngineConfig { preallocate: 4 << 10, frozen_limit: 2, ..config() }
}

fn put_durably(engine: &Engine, n: u32, durability: Durability) -> Result<()> {
    let mut batch = EntryBatch::new();
    batch.put(&key(n), &value(n, 1));
    engine.commit(ReadSet::default(), batch, durability)
}

#[test]
fn a_durable_commit_is_one_write_and_one_sync_and_a_fast_one_is_one_write() {
    for (durability, syncs) in [(Durability::Safe, 1), (Durability::Group, 1), (Durability::Fast, 0)] {
        let env = machine();
        let engine = open_with(&env, EngineConfig { memtable_size: 1 << 20, ..recycling() }).unwrap();
        put(&engine, 0, 0).unwrap();
        for n in 1..20 {
            let before = env.counts();
            put_durably(&engine, n, durability).unwrap();
            let work = env.counts().since(&before);
            assert_eq!((work.of(Operation::Write), work.of(Operation::Sync)), (1, syncs));
            assert_eq!(work.of(Operations::Any), 1 + syncs, "nothing else is done");
        }
    }
}

#[test]
fn eight_threads_that_wait_for_the_log_share_one_write_and_one_sync() {
    for durability in [Durability::Safe, Durability::Group] {
        let env = machine();
        let config =
            EngineConfig { memtable_size: 1 << 20, group_window: Duration::from_millis(1), ..recycling() };
        let engine = open_with(&env, config).unwrap();
        let before = env.counts();
        thread::scope(|scope| {
            let log = engine.commits.hold_log();
            let threads: Vec<_> = (0..8)
                .map(|n| {
                    let engine = &engine;
                    scope.spawn(move || put_durably(engine, n, durability))
                })
                .collect();
            until("all line up", || engine.commits.waiting_counts().1 == threads.len());
            drop(log);
            for thread in threads {
                thread.join().unwrap().unwrap();
            }
        });
        let work = env.counts().since(&before);
        assert_eq!((work.of(Operation::Write), work.of(Operation::Sync)), (1, 1), "{durability:?}");
        let survivor = env.crash(CrashPolicy::Lost, 0);
        drop(engine);
        assert_eq!(state(&open(&survivor).unwrap()).unwrap().len(), 8);
    }
}

#[test]
fn a_commit_that_read_what_another_of_its_group_wrote_is_refused() {
    let engine = open_with(&machine(), recycling()).unwrap();
    put(&engine, 1, 0).unwrap();
    let reads = |n| ReadSet {
        pin: Some(engine.pin_applied()),
        keys: [key(n)].into_iter().collect(),
        ranges: Vec::new(),
    };
    let commit = |reads: ReadSet, n: u32| {
        let mut batch = EntryBatch::new();
        batch.put(&key(n), b"new");
        engine.commit(reads, batch, Durability::Fast)
    };
    thread::scope(|scope| {
        let log = engine.commits.hold_log();
        let (first, second) = (reads(1), reads(1));
        let writers = [scope.spawn(move || commit(first, 1)), scope.spawn(move || commit(second, 1))];
        until("both line up", || engine.commits.waiting_counts().1 == 2);
        drop(log);
        let outcomes = writers.map(|writer| writer.join().unwrap());
        let refused = outcomes.iter().filter(|outcome| matches!(outcome, Err(Error::Conflict))).count();
        assert_eq!((refused, outcomes.iter().filter(|outcome| outcome.is_ok()).count()), (1, 1));
    });
}

#[test]
fn log_files_are_deleted_or_used_again() {
    for preallocate in [0, 4 << 10] {
        let env = machine();
        let engine = open_with(&env, EngineConfig { preallocate, ..recycling() }).unwrap();
        for n in 0..3000 {
            put(&engine, n % 200, n).unwrap();
            let stats = engine.stats();
            let needed = usize::try_from(stats.log_segment_count).unwrap();
            let spares = files(&env, ".log").len() - needed;
            assert!(needed <= 1 + stats.frozen_memtable_count, "{stats:?}");
            assert!(spares <= if preallocate > 0 { 2 } else { 0 });
            assert!(stats.log_spare_size <= 2 * ((2 << 10) + preallocate), "room for two segments");
        }
        engine.close().unwrap();
        assert_eq!(files(&env, ".log").len(), 1, "{:?}", files(&env, ""));
        assert_eq!(state(&open(&env).unwrap()).unwrap().len(), 200);
    }
}

#[test]
fn a_checkpoint_during_commits_truncates_none_of_them() {
    let env = machine();
    let config = EngineConfig { background: Background::Thread, frozen_limit: 4, ..recycling() };
    let engine = open_with(&env, config).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let ends = Ends(&done);
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let engine = &engine;
                scope.spawn(move || {
                    for n in 0..150 {
                        put_durably(engine, writer * 1000 + n, Durability::Safe).unwrap();
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                engine.checkpoint().unwrap();
            }
        });
        let failed = writers.into_iter().any(|writer| writer.join().is_err());
        drop(ends);
        assert!(!failed);
    });
    for policy in CrashPolicy::ALL {
        let engine = open(&env.crash(policy, 1)).unwrap();
        assert_eq!(state(&engine).unwrap().len(), 600, "{policy:?}");
    }
}

#[test]
fn a_checkpoint_that_fails_loses_nothing_and_is_made_up_for() {
    for n in 0.. {
        let memory = machine();
        let env = FaultEnv::over_memory(memory.clone());
        let engine = open_with(&env, EngineConfig { frozen_limit: 4, ..recycling() }).unwrap();
        for n in 0..60 {
            put_durably(&engine, n, Durability::Safe).unwrap();
        }
        let expected = state(&engine).unwrap();
        env.inject(FaultPlan::once(Operations::Mutations, n, FaultEffect::FullDisk));
        let failed = engine.checkpoint().is_err();
        if env.struck() == 0 {
            assert!(!failed && n > 10);
            return;
        }
        env.heal();
        assert_eq!(state(&engine).unwrap(), expected, "operation {n}");
        let survivor = open(&memory.crash(CrashPolicy::Lost, n)).unwrap();
        assert_eq!(state(&survivor).unwrap(), expected, "operation {n}");
        // A failure between two names of a segment is final until the next open, because its
        // outcome is unknown.
        let engine = if matches!(put(&engine, 1000, 1), Err(Error::Poisoned)) {
            drop(engine);
            let engine = open(&env).unwrap();
            put(&engine, 1000, 1).unwrap();
            engine
        } else {
            engine
        };
        engine.checkpoint().unwrap();
        assert_eq!(state(&engine).unwrap().len(), 61);
    }
}

#[test]
fn a_value_larger_than_every_buffer_is_written_and_closing_goes_on() {
    let env = machine();
    let engine = open_with(&env, recycling()).unwrap();
    let large = vec![7; 300 << 10];
    for n in 0..3 {
        let mut batch = EntryBatch::new();
        batch.put(&key(n), &large);
        engine.commit(ReadSet::default(), batch, Durability::Safe).unwrap();
        put(&engine, n + 10, 0).unwrap();
    }
    assert_eq!(get(&engine, 2).unwrap().as_ref(), Some(&large));
    engine.close().unwrap();
    let engine = open(&env).unwrap();
    assert_eq!(get(&engine, 0).unwrap().as_ref(), Some(&large));
    assert_eq!(state(&engine).unwrap().len(), 6);
}

#[test]
fn of_commits_that_do_not_wait_one_in_a_mib_syncs() {
    let env = machine();
    let engine = open_with(&env, EngineConfig { memtable_size: 64 << 20, ..config() }).unwrap();
    let put = |n| {
        let mut batch = EntryBatch::new();
        batch.put(&key(n), &vec![7; 100 << 10]);
        engine.commit(ReadSet::default(), batch, Durability::Fast).unwrap();
    };
    let before = env.sync_count();
    let syncs: Vec<u64> = (0..33)
        .map(|n| {
            put(n);
            env.sync_count() - before
        })
        .collect();
    // Eleven of them are more than a MiB.
    let expected: Vec<u64> = (1..=33).map(|count| count / 11).collect();
    assert_eq!(syncs, expected);
    let survivor = env.crash(CrashPolicy::Lost, 1);
    assert!(get(&open(&survivor).unwrap(), 32).unwrap().is_some(), "the last sync had all of them");
}

#[test]
fn the_flush_thread_syncs_what_nobody_waits_for_and_begins_the_next_segment() {
    let env = machine();
    let config = EngineConfig { memtable_size: 2 << 20, background: Background::Thread, ..recycling() };
    let engine = open_with(&env, EngineConfig { frozen_limit: 4, ..config }).unwrap();
    let put = |n| {
        let mut batch = EntryBatch::new();
        batch.put(&key(n), &vec![7; 100 << 10]);
        engine.commit(ReadSet::default(), batch, Durability::Fast).unwrap();
    };
    (0..11).for_each(put);
    until("all are durable", || engine.commits.seqnos.durable().0 == 11);
    let survivor = env.crash(CrashPolicy::Lost, 1);
    assert!(get(&open(&survivor).unwrap(), 10).unwrap().is_some(), "it had all of them");
    (11..21).for_each(put);
    until("the memtable is flushed", || engine.stats().flush_count > 0);
    assert_eq!(state(&engine).unwrap().len(), 21);
}

#[test]
fn a_sync_in_the_background_that_fails_is_told_to_the_next_who_commits() {
    let env = FaultEnv::over_memory(machine());
    let config = EngineConfig { memtable_size: 64 << 20, background: Background::Thread, ..recycling() };
    let engine = open_with(&env, config).unwrap();
    let put = |n| {
        let mut batch = EntryBatch::new();
        batch.put(&key(n), &vec![7; 100 << 10]);
        engine.commit(ReadSet::default(), batch, Durability::Fast)
    };
    env.inject(FaultPlan::once(Operation::Sync, 0, FaultEffect::Error));
    (0..11).for_each(|n| put(n).unwrap());
    until("the sync has failed", || engine.health.is_poisoned());
    assert!(matches!(put(11), Err(Error::Poisoned)));
    assert!(get(&engine, 10).unwrap().is_some(), "reads go on");
}
