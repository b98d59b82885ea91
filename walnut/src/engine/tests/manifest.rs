//! A manifest write with an unknown outcome: the state before it and the state after it both stay
//! intact.

use super::crash::{compact_everything, open_small, prepare};
use super::*;
use crate::env::{CrashPolicy, FaultEffect, FaultPlan, Operation, Operations};

const EFFECTS: [FaultEffect; 5] = [
    FaultEffect::Error,
    FaultEffect::ErrorAfter,
    FaultEffect::ShortWrite,
    FaultEffect::FullDisk,
    FaultEffect::LostSync,
];

/// Checks that a directory opens, again and again, with this state.
fn expect_state(env: &(impl Env + Clone), state: &State, what: &str) {
    for _ in 0..2 {
        let engine = open_small(env).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(&super::state(&engine).unwrap(), state, "{what}");
        engine.verify().unwrap_or_else(|error| panic!("{what}: {error}"));
    }
}

/// Lets an operation of compactions fail, closes without another write, and opens what is left on
/// disk.
fn fail_and_close(plan: FaultPlan, policy: CrashPolicy, what: &str) -> bool {
    let memory = machine();
    let env = FaultEnv::over_memory(memory.clone());
    let (engine, state) = prepare(&env);
    env.inject(plan);
    let _ = compact_everything(&engine);
    let struck = env.struck() > 0;
    let killed = memory.crash(policy, 5);
    let _ = engine.close();
    drop(engine);
    env.heal();
    expect_state(&killed, &state, &format!("{what}, crash, {policy:?}"));
    expect_state(&memory.crash(policy, 6), &state, &format!("{what}, crash after closing, {policy:?}"));
    expect_state(&env, &state, what);
    struck
}

#[test]
fn no_file_goes_that_the_state_before_or_after_a_failed_write_names() {
    for effect in EFFECTS {
        for n in 0.. {
            let operations = Operations::Mutations;
            let policy = CrashPolicy::ALL[usize::try_from(n % 4).unwrap()];
            let plan = FaultPlan::once(operations, n, effect);
            let once = fail_and_close(plan, policy, &format!("{n}, {effect:?}"));
            let plan = FaultPlan::for_ever(operations, n, effect);
            fail_and_close(plan, policy, &format!("{n} and later, {effect:?}"));
            if !once {
                assert!(n > 10, "{n} operations");
                break;
            }
        }
    }
}

#[test]
fn files_of_an_edit_that_failed_go_when_a_new_manifest_is_durable_and_not_before() {
    let env = FaultEnv::over_memory(machine());
    let engine = open_small(&env).unwrap();
    for round in 0..3 {
        for n in 0..90 {
            put(&engine, n, round).unwrap();
        }
        engine.flush_everything().unwrap();
    }
    let state = super::state(&engine).unwrap();
    let named = files(&env, ".sst").len();
    let manifest = files(&env, "").into_iter().find(|name| name.starts_with("MANIFEST-")).unwrap();
    env.inject(FaultPlan::once(Operation::Sync, 0, FaultEffect::Error).in_files(&manifest));
    engine.compact().unwrap_err();
    let doubted = files(&env, ".sst").len();
    assert!(doubted > named, "inputs and outputs are there");
    // The next manifest is written and renamed, and perhaps not durably.
    env.inject(FaultPlan::once(Operation::SyncDir, 1, FaultEffect::ErrorAfter));
    engine.compact().unwrap_err();
    assert_eq!(env.struck(), 2);
    assert_eq!(files(&env, ".sst").len(), doubted);
    engine.compact().unwrap();
    expect_no_leak(&env, &engine);
    assert_eq!(super::state(&engine).unwrap(), state);
}

#[test]
fn a_flush_that_no_manifest_can_name_leaves_no_files_behind() {
    let env = FaultEnv::over_memory(machine());
    let (engine, _) = prepare(&env);
    let manifest = files(&env, "").into_iter().find(|name| name.starts_with("MANIFEST-")).unwrap();
    env.inject(FaultPlan::once(Operation::Sync, 0, FaultEffect::Error).in_files(&manifest));
    put(&engine, 1, 1).unwrap();
    engine.checkpoint().unwrap_err();
    let doubted = files(&env, ".sst");
    env.inject(FaultPlan::for_ever(Operations::Any, 0, FaultEffect::FullDisk).in_files("CURRENT.tmp"));
    for _ in 0..5 {
        engine.checkpoint().unwrap_err();
        engine.compact().unwrap_err();
        assert_eq!(files(&env, ".sst"), doubted);
        assert!(files(&env, ".tmp").iter().all(|name| name == "CURRENT.tmp"));
    }
    env.heal();
    engine.checkpoint().unwrap();
    expect_no_leak(&env, &engine);
    assert_eq!(get(&engine, 1).unwrap(), Some(value(1, 1)));
}

#[test]
fn a_scan_reads_on_whatever_edit_fails_while_files_move_and_merge() {
    for n in 0.. {
        let env = FaultEnv::over_memory(machine());
        let (engine, state) = prepare(&env);
        engine.close().unwrap();
        // No file is open yet, and the scan opens each by its name.
        let engine = open_small(&env).unwrap();
        let mut scan = engine.scan(KeyRange::all()).unwrap();
        let manifest = files(&env, "").into_iter().find(|name| name.starts_with("MANIFEST-")).unwrap();
        env.inject(FaultPlan::once(Operation::Sync, n, FaultEffect::Error).in_files(&manifest));
        let _ = compact_everything(&engine);
        compact_everything(&engine).unwrap();
        assert_eq!(drain(&mut scan, false).unwrap().into_iter().collect::<State>(), state, "edit {n}");
        if env.struck() == 0 {
            assert!(n > 2, "{n} edits");
            return;
        }
    }
}
