//! Files that are thinned in place.

use super::*;
use crate::env::{CrashPolicy, Operations};

/// Two hundred rows in the last level; above them tombstones for nine of ten, and newer versions of
/// the rest.
fn layered(env: &(impl Env + Clone)) -> Engine {
    let engine = open_with(env, EngineConfig { memtable_size: 64 << 10, ..config() }).unwrap();
    (0..200).for_each(|n| put(&engine, n, 1).unwrap());
    engine.compact().unwrap();
    for n in 0..200 {
        if n % 10 > 0 { delete(&engine, n).unwrap() } else { put(&engine, n, 2).unwrap() }
    }
    engine.flush_everything().unwrap();
    engine
}

fn expected() -> State {
    (0..200).step_by(10).map(|n| (key(n), value(n, 2))).collect()
}

#[test]
fn what_newer_runs_hide_goes_and_what_hides_it_stays() {
    let env = machine();
    let engine = layered(&env);
    assert!(engine.thin().unwrap());
    let stats = engine.stats();
    assert_eq!(stats.levels[6].entry_count, 0);
    assert_eq!(stats.levels.iter().map(|level| level.entry_count).sum::<u64>(), 200, "all that hides");
    assert_eq!(state(&engine).unwrap(), expected());
    assert!(!engine.thin().unwrap());
    expect_no_leak(&env, &engine);
    assert_eq!(state(&open(&env.crash(CrashPolicy::Lost, 1)).unwrap()).unwrap(), expected());
}

#[test]
fn what_a_pin_sees_stays_until_it_goes() {
    let env = machine();
    let engine = open(&env).unwrap();
    (0..100).for_each(|n| put(&engine, n, 1).unwrap());
    engine.compact().unwrap();
    let pin = engine.pin_applied();
    (0..100).for_each(|n| delete(&engine, n).unwrap());
    engine.flush_everything().unwrap();
    assert!(!engine.thin().unwrap());
    assert_eq!(drain(&mut engine.core().scan_at(KeyRange::all(), &pin).unwrap(), false).unwrap().len(), 100);
    drop(pin);
    assert!(engine.thin().unwrap(), "another look is worth it");
    assert_eq!(engine.stats().levels[6].entry_count, 0);
}

#[test]
fn range_tombstones_hide_too_and_stay_in_the_files_that_have_them() {
    let engine = open_with(&machine(), EngineConfig { memtable_size: 64 << 10, ..config() }).unwrap();
    let pin = engine.pin_applied();
    (0..200).for_each(|n| put(&engine, n, 1).unwrap());
    clear(&engine, 0..100).unwrap();
    engine.flush_everything().unwrap();
    drop(pin);
    let before = engine.stats();
    clear(&engine, 150..190).unwrap();
    engine.flush_everything().unwrap();
    assert!(engine.thin().unwrap());
    let after = engine.stats();
    let tombstones =
        |stats: &Stats| stats.levels.iter().map(|level| level.range_tombstone_count).sum::<u64>();
    assert_eq!(tombstones(&after), tombstones(&before) + 1);
    let left: Vec<Vec<u8>> = (100..150).chain(190..200).map(key).collect();
    assert!(state(&engine).unwrap().into_keys().eq(left));
}

#[test]
fn a_crash_at_every_operation_of_a_thinning_loses_nothing() {
    for cut in 0.. {
        let env = machine();
        let engine = layered(&env);
        env.power_off_after(Operations::Mutations, cut);
        let thinned = engine.thin();
        for policy in CrashPolicy::ALL {
            let engine = open(&env.crash(policy, cut)).unwrap();
            assert_eq!(state(&engine).unwrap(), expected(), "cut at {cut}, {policy:?}");
            engine.verify().unwrap();
        }
        if !env.is_off() {
            assert!(thinned.unwrap() && cut > 4, "{cut} operations");
            break;
        }
    }
}
