//! Group commit: commits that share a sync are not acknowledged before that sync.

use std::sync::atomic::AtomicUsize;
use std::thread;

use super::*;
use crate::env::{CrashPolicy, FaultEffect, FaultPlan, Operation};

/// Commits, with a power failure at the moment of the acknowledgement.
fn put_and_lose_power(engine: &Engine, env: &MemoryEnv, n: u32, durability: Durability) {
    let mut batch = EntryBatch::new();
    batch.put(&key(n), &value(n, 1));
    engine.commit(ReadSet::default(), batch, durability).unwrap();
    let survivor = open(&env.crash(CrashPolicy::Lost, n.into())).unwrap();
    assert_eq!(get(&survivor, n).unwrap(), Some(value(n, 1)), "commit {n} is acknowledged, and lost");
}

fn gathering(group_window: Duration) -> EngineConfig {
    EngineConfig { memtable_size: 1 << 20, group_window, ..config() }
}

#[test]
fn no_commit_is_acknowledged_while_its_group_gathers() {
    let env = machine();
    // Long enough that no commit stops waiting before the last one has arrived.
    let engine = open_with(&env, gathering(Duration::from_secs(20))).unwrap();
    engine.commits.expect_group(4);
    let acknowledged = AtomicUsize::new(0);
    thread::scope(|scope| {
        let commit = |n| {
            put_and_lose_power(&engine, &env, n, Durability::Group);
            acknowledged.fetch_add(1, Ordering::SeqCst);
        };
        for n in 0..3 {
            scope.spawn(move || commit(n));
            let count = n as usize + 1;
            until("one more waits", || {
                engine.commits.waiting_counts().0 == count || acknowledged.load(Ordering::SeqCst) > 0
            });
        }
        assert_eq!(acknowledged.load(Ordering::SeqCst), 0);
        commit(3);
    });
    assert_eq!(acknowledged.load(Ordering::SeqCst), 4);
}

#[test]
fn a_sync_that_fails_while_a_group_gathers_is_told_to_all_of_it_at_once() {
    let window = Duration::from_secs(100);
    for _ in 0..30 {
        let began = std::time::Instant::now();
        let env = FaultEnv::over_memory(machine());
        let engine = open_with(&env, gathering(window)).unwrap();
        engine.commits.expect_group(4);
        let told = AtomicUsize::new(0);
        thread::scope(|scope| {
            for n in 0..3 {
                let (engine, told) = (&engine, &told);
                scope.spawn(move || {
                    let mut batch = EntryBatch::new();
                    batch.put(&key(n), &value(n, 1));
                    let outcome = engine.commit(ReadSet::default(), batch, Durability::Group);
                    assert!(matches!(outcome, Err(Error::Poisoned)), "{outcome:?}");
                    told.fetch_add(1, Ordering::SeqCst);
                });
            }
            until("all gather", || engine.commits.waiting_counts().0 == 3);
            env.inject(FaultPlan::once(Operation::Sync, 0, FaultEffect::Error));
            engine.sync().unwrap_err();
            until("all are told", || told.load(Ordering::SeqCst) == 3);
        });
        assert!(began.elapsed() < window, "a commit waits for others that cannot come");
    }
}

#[test]
fn an_acknowledged_commit_is_durable_whatever_others_wait_for() {
    for (background, window) in
        [(Background::Manual, 200), (Background::Thread, 200), (Background::Manual, 5000)]
    {
        let env = machine();
        let config = EngineConfig { background, ..gathering(Duration::from_micros(window)) };
        let engine = open_with(&env, config).unwrap();
        thread::scope(|scope| {
            for writer in 0..4 {
                let (engine, env) = (&engine, &env);
                scope.spawn(move || {
                    for n in 0..12 {
                        // A commit that waits for no other syncs while others form a group.
                        let is_safe = (writer + n) % 5 == 0;
                        let durability = if is_safe { Durability::Safe } else { Durability::Group };
                        put_and_lose_power(engine, env, writer * 100 + n, durability);
                    }
                });
            }
        });
        assert_eq!(state(&engine).unwrap().len(), 48);
    }
}
