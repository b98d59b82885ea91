//! Large values in the block cache: what is asked for again is not read again, and what passes once
//! evicts nothing.

use super::*;
use crate::env::{FaultEffect, FaultPlan, Operation};

/// Every value of these tests is large.
fn open_with_cache(env: &(impl Env + Clone), cache_size: usize) -> Engine {
    let values = ValueConfig { threshold: 100, max_file_size: 1 << 20 };
    open_with(env, EngineConfig { cache_size, values, frozen_limit: 100, ..config() }).unwrap()
}

fn large(n: u32) -> Vec<u8> {
    (0..1000u32).map(|i| (n * 31 + i * i).to_le_bytes()[0]).collect()
}

fn put_large(engine: &Engine, count: u32) {
    for n in 0..count {
        let mut batch = EntryBatch::new();
        batch.put(&key(n), &large(n));
        engine.commit(ReadSet::default(), batch, Durability::Fast).unwrap();
    }
    engine.checkpoint().unwrap();
}

fn no_value_can_be_read() -> FaultPlan {
    FaultPlan::for_ever(Operation::Read, 0, FaultEffect::Error).in_files(".vlog")
}

#[test]
fn a_value_that_was_asked_for_is_not_read_again_and_is_charged() {
    let env = FaultEnv::over_memory(machine());
    let engine = open_with_cache(&env, 1 << 20);
    put_large(&engine, 50);
    assert!(get(&engine, 0).unwrap().is_some());
    let before = engine.stats();
    for n in 1..50 {
        assert_eq!(get(&engine, n).unwrap(), Some(large(n)));
    }
    let stats = engine.stats();
    let grown = stats.cache_used_size - before.cache_used_size;
    assert!((49 * 1000..49 * 1300).contains(&grown), "{grown}");
    env.inject(no_value_can_be_read());
    for n in 0..50 {
        assert_eq!(get(&engine, n).unwrap(), Some(large(n)));
    }
    let all: Vec<_> = (0..50).map(|n| (key(n), large(n))).collect();
    assert_eq!(drain(&mut engine.scan(KeyRange::all()).unwrap(), false).unwrap(), all);
    assert!(engine.verify().is_err(), "what is verified is the file");
    env.heal();
    engine.verify().unwrap();
    assert!(engine.stats().cache_hit_count >= stats.cache_hit_count + 100);
}

#[test]
fn a_scan_of_many_large_values_leaves_what_is_used_in_the_cache() {
    let env = FaultEnv::over_memory(machine());
    let engine = open_with_cache(&env, 256 << 10);
    put_large(&engine, 500);
    let used = || (0..20).map(|n| get(&engine, n * 25)).collect::<Result<Vec<_>>>();
    let wanted: Vec<_> = (0..20).map(|n| Some(large(n * 25))).collect();
    for _ in 0..3 {
        assert_eq!(used().unwrap(), wanted);
    }
    for _ in 0..4 {
        // All but those: a scan that passes a cached value uses it.
        for n in 0..20 {
            let between = KeyRange { start: key(n * 25 + 1), end: Some(key((n + 1) * 25)) };
            assert_eq!(drain(&mut engine.scan(between).unwrap(), false).unwrap().len(), 24);
        }
        let stats = engine.stats();
        assert!(stats.cache_used_size <= stats.cache_budget);
    }
    env.inject(no_value_can_be_read());
    assert_eq!(used().unwrap(), wanted);
}

#[test]
fn gets_of_more_than_the_cache_holds_stay_in_the_budget_and_are_right() {
    let env = machine();
    let engine = open_with_cache(&env, 64 << 10);
    put_large(&engine, 300);
    let mut random = Random(7);
    for round in 0..3000 {
        let n = random.below(300);
        assert_eq!(get(&engine, n).unwrap(), Some(large(n)));
        if round % 100 == 0 {
            let stats = engine.stats();
            assert!(stats.cache_used_size <= stats.cache_budget);
        }
    }
    // What is overwritten is never answered again.
    for n in 0..300 {
        let mut batch = EntryBatch::new();
        batch.put(&key(n), &large(n + 1000));
        engine.commit(ReadSet::default(), batch, Durability::Fast).unwrap();
    }
    engine.compact().unwrap();
    for n in 0..300 {
        assert_eq!(get(&engine, n).unwrap(), Some(large(n + 1000)));
    }
}
