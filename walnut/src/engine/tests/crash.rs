//! Power is cut, or an operation fails, at every step of compactions.

use super::*;
use crate::env::{CrashPolicy, FaultEffect, FaultPlan, Operations};

/// Several levels with little data, and no compaction until a test asks for it.
pub(super) fn open_small(env: &(impl Env + Clone)) -> Result<Engine> {
    let levels = LeveledConfig { max_sst_size: 1 << 10, base_level_size: 200 };
    open_with(env, EngineConfig { frozen_limit: 100, levels, ..config() })
}

/// Versions and tombstones in several levels, all durable; and the state.
pub(super) fn prepare(env: &(impl Env + Clone)) -> (Engine, State) {
    let engine = open_small(env).unwrap();
    for round in 0..3 {
        for n in 0..90 {
            put(&engine, n * 37 % 90, round).unwrap();
        }
        engine.flush_everything().unwrap();
        assert!(round == 2 || engine.compact_due());
    }
    for n in (0..90).step_by(2) {
        delete(&engine, n).unwrap();
    }
    // Over the odd keys of a range, too, which are put again; and over a range without a key.
    clear(&engine, 20..60).unwrap();
    clear(&engine, 200..300).unwrap();
    for n in (21..60).step_by(2) {
        put(&engine, n, 4).unwrap();
    }
    engine.flush_everything().unwrap();
    assert!(engine.stats().levels[0].sst_count > 4 && engine.stats().levels[6].sst_count > 4);
    let state = state(&engine).unwrap();
    assert_eq!(state.len(), 45);
    (engine, state)
}

pub(super) fn compact_everything(engine: &Engine) -> Result<()> {
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
            let engine = open_small(&survivor).unwrap();
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
            let struck = env.struck() > 0;
            env.heal();
            assert_eq!(super::state(&engine).unwrap(), state, "operation {n}, {effect:?}");
            put(&engine, 1000, 1).unwrap();
            compact_everything(&engine).unwrap();
            assert_eq!(engine.stats().levels[6].entry_count, 46, "operation {n}, {effect:?}");
            assert_eq!(super::state(&engine).unwrap().len(), 46);
            engine.verify().unwrap();
            engine.close().unwrap();
            let engine = open_small(&env).unwrap();
            assert_eq!(super::state(&engine).unwrap().len(), 46, "operation {n}, {effect:?}");
            expect_no_leak(&env, &engine);
            if !struck {
                assert!(n > 5);
                break;
            }
        }
    }
}
