//! What is in use stays in the block cache through a merge, and nothing else comes into it.

use super::*;
use crate::env::{FaultEffect, FaultPlan, Operation};

const KEYS: u32 = 400;

fn no_block_can_be_read() -> FaultPlan {
    FaultPlan::for_ever(Operation::Read, 0, FaultEffect::Error).in_files(".sst")
}

fn open_with_cache(env: &(impl Env + Clone), cache_size: usize) -> Engine {
    open_with(env, EngineConfig { cache_size, ..config() }).unwrap()
}

/// The engine with all keys, merged.
fn filled(engine: Engine) -> Engine {
    for n in 0..KEYS {
        put(&engine, n, 0).unwrap();
    }
    engine.compact().unwrap();
    engine
}

/// Writes each tenth key anew, and merges everything into new files.
fn rewrite(engine: &Engine, version: u32) {
    for n in (0..KEYS).step_by(10) {
        put(engine, n, version).unwrap();
    }
    engine.compact().unwrap();
}

fn written(n: u32, version: u32) -> Vec<u8> {
    value(n, if n.is_multiple_of(10) { version } else { 0 })
}

#[test]
fn blocks_that_are_used_are_cached_after_a_merge_and_others_are_not() {
    let env = FaultEnv::over_memory(machine());
    let engine = filled(open_with_cache(&env, 1 << 20));
    for _ in 0..2 {
        for n in 100..200 {
            assert_eq!(get(&engine, n).unwrap(), Some(written(n, 0)));
        }
    }
    rewrite(&engine, 1);
    env.inject(no_block_can_be_read());
    for n in 100..200 {
        assert_eq!(get(&engine, n).unwrap(), Some(written(n, 1)));
    }
    assert!(get(&engine, 5).is_err() && get(&engine, 350).is_err(), "nobody has read these");
    env.heal();
    // A second merge finds them used.
    rewrite(&engine, 2);
    env.inject(no_block_can_be_read());
    assert_eq!(get(&engine, 150).unwrap(), Some(written(150, 2)));
    env.heal();
    assert_eq!(get(&engine, 350).unwrap(), Some(written(350, 2)));
}

#[test]
fn blocks_that_only_merges_have_read_are_not_in_use() {
    let env = FaultEnv::over_memory(machine());
    let engine = filled(open_with_cache(&env, 1 << 20));
    for n in (0..KEYS).chain(0..KEYS) {
        get(&engine, n).unwrap();
    }
    rewrite(&engine, 1);
    rewrite(&engine, 2);
    env.inject(no_block_can_be_read());
    assert!((0..KEYS).all(|n| get(&engine, n).is_err()), "two merges without a reader between them");
    env.heal();
    assert_eq!(get(&engine, 7).unwrap(), Some(written(7, 2)));
}

#[test]
fn blocks_that_a_filter_was_wrong_about_are_not_in_use() {
    let env = FaultEnv::over_memory(machine());
    // One file: a filter takes at least a cache line, which is seldom wrong about a few keys.
    let levels = LeveledConfig { max_sst_size: 1 << 20, base_level_size: 1 << 20 };
    let engine = filled(open_with(&env, EngineConfig { levels, ..config() }).unwrap());
    let before = engine.stats();
    for n in 0..KEYS {
        for more in 0..100 {
            let missing = [&key(n)[..], &[more]].concat();
            assert_eq!(engine.read(|reader| reader.get(&missing, <[u8]>::to_vec)).unwrap(), None);
        }
    }
    let hits = engine.stats().cache_hit_count - before.cache_hit_count;
    assert!(hits > 100, "of 40,000 missing keys the filters pass some: {hits}");
    rewrite(&engine, 1);
    env.inject(no_block_can_be_read());
    assert!((0..KEYS).all(|n| get(&engine, n).is_err()), "nothing was found in them");
}

#[test]
fn a_full_cache_evicts_nothing_for_a_merge() {
    let env = FaultEnv::over_memory(machine());
    let engine = filled(open_with_cache(&env, 1 << 20));
    let fixed = engine.stats().cache_used_size;
    drop(engine);
    // Room for a few blocks besides filters and indexes.
    let engine = open_with_cache(&env, fixed + 2000);
    for n in (0..KEYS).chain(0..KEYS) {
        get(&engine, n).unwrap();
    }
    let full = engine.stats();
    assert!(full.cache_used_size > fixed && full.cache_used_size <= full.cache_budget);
    rewrite(&engine, 1);
    assert!(engine.stats().cache_used_size <= full.cache_budget);
    env.inject(no_block_can_be_read());
    assert!((0..KEYS).all(|n| get(&engine, n).is_err()), "the blocks of the inputs took all the room");
    env.heal();
    assert_eq!(get(&engine, 7).unwrap(), Some(written(7, 1)));
}

#[test]
fn a_merge_succeeds_though_its_output_cannot_be_read_again() {
    let env = FaultEnv::over_memory(machine());
    let engine = filled(open_with_cache(&env, 1 << 20));
    for n in (0..KEYS).chain(0..KEYS) {
        get(&engine, n).unwrap();
    }
    let mut tries = 0;
    for at in 0.. {
        for n in (0..KEYS).step_by(10) {
            put(&engine, n, at + 1).unwrap();
        }
        env.inject(FaultPlan::once(Operation::Read, at.into(), FaultEffect::Error).in_files(".sst"));
        let before = env.struck();
        let merged = engine.compact();
        let was_hit = env.struck() > before;
        env.heal();
        tries += u32::from(was_hit && merged.is_ok());
        engine.compact().unwrap();
        for n in (0..KEYS).chain(0..KEYS) {
            assert_eq!(get(&engine, n).unwrap(), Some(written(n, at + 1)));
        }
        if !was_hit {
            break;
        }
    }
    assert!(tries > 0, "a read that failed was none that the merge needs");
}
