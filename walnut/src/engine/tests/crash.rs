//! The power is cut, or an operation fails, at every step of compactions.

use super::*;
use crate::env::{CrashPolicy, FaultEffect, FaultPlan, Operations};

/// Versions and tombstones in several levels, all of it durable; and the state.
fn prepare(env: &(impl Env + Clone)) -> (Engine, State) {
    let engine = open(env).unwrap();
    for round in 0..3 {
        for n in 0..90 {
            put(&engine, n * 37 % 90, round).unwrap();
        }
    }
    for n in (0..90).step_by(2) {
        delete(&engine, n).unwrap();
    }
    engine.flush_everything().unwrap();
    let state = state(&engine).unwrap();
    assert_eq!(state.len(), 45);
    (engine, state)
}

/// All the ways of compacting.
fn compact_everything(engine: &Engine) -> Result<()> {
    let due = engine.compact_due();
    let idle = engine.compact_idle();
    engine.compact()?;
    if due && idle { Ok(()) } else { Err(Error::OutOfSpace) }
}

#[test]
fn a_crash_at_every_operation_of_compaction_leaves_the_state() {
    for cut in 0.. {
        let env = machine();
        let (engine, state) = prepare(&env);
        env.power_off_after(Operations::Mutations, cut);
        let is_done = compact_everything(&engine).is_ok();
        for policy in CrashPolicy::ALL {
            let survivor = env.crash(policy, cut);
            let engine = open(&survivor).unwrap();
            assert_eq!(super::state(&engine).unwrap(), state, "cut at {cut}, {policy:?}");
            for n in (0..90).step_by(2) {
                assert_eq!(get(&engine, n).unwrap(), None, "a deleted key is back, cut at {cut}, {policy:?}");
            }
            expect_no_leak(&survivor, &engine);
            compact_everything(&engine).unwrap();
            assert_eq!(super::state(&engine).unwrap(), state);
            engine.verify().unwrap();
            assert_eq!(engine.stats().levels[6].entry_count, 45);
        }
        if is_done && !env.is_off() {
            assert!(cut > 40, "{cut} operations");
            return;
        }
    }
}

#[test]
fn a_failure_at_any_operation_leaves_the_inputs_and_is_made_up_for() {
    for effect in [FaultEffect::Error, FaultEffect::ErrorAfter, FaultEffect::LostSync, FaultEffect::FullDisk]
    {
        for n in 0.. {
            let env = FaultEnv::over_memory(machine());
            let (engine, state) = prepare(&env);
            env.inject(FaultPlan::once(Operations::Any, n, effect));
            let _ = compact_everything(&engine);
            assert_eq!(super::state(&engine).unwrap(), state, "operation {n}, {effect:?}");
            let struck = env.struck() > 0;
            env.heal();
            put(&engine, 1000, 1).unwrap();
            compact_everything(&engine).unwrap();
            assert_eq!(engine.stats().levels[6].entry_count, 46, "operation {n}, {effect:?}");
            assert_eq!(super::state(&engine).unwrap().len(), 46);
            engine.verify().unwrap();
            engine.close().unwrap();
            let engine = open(&env).unwrap();
            assert_eq!(super::state(&engine).unwrap().len(), 46, "operation {n}, {effect:?}");
            expect_no_leak(&env, &engine);
            if !struck {
                assert!(n > 10);
                break;
            }
        }
    }
}
