//! Power is cut, or an operation fails, at every step of creating, appending to and replacing
//! manifests.

use super::*;
use crate::env::{CrashPolicy, FaultEffect, FaultEnv, FaultPlan, Operations};

/// The history of a run: the number of flushes that are durable and that were tried, `None` before
/// the first manifest.
#[derive(Default)]
struct Knowledge {
    is_made: bool,
    acknowledged: usize,
    started: usize,
}

/// Three opens with flushes: each creates its manifest and removes the previous one.
fn live(env: &(impl Env + Clone), known: &mut Knowledge) -> Result<()> {
    let mut state = new_state();
    for number in [1, 10, 20] {
        state.next_file = state.next_file.max(FileNumber(number + 1));
        let mut manifest = create(env, number, state)?;
        known.is_made = true;
        manifest.remove_others()?;
        for _ in 0..3 {
            known.started += 1;
            manifest.append(&flush(manifest.state()))?;
            known.acknowledged += 1;
        }
        state = manifest.state().clone();
    }
    Ok(())
}

fn expect_kept(env: &MemoryEnv, known: &Knowledge) -> Option<ManifestState> {
    let Some(loaded) = read(env).unwrap() else {
        assert!(!known.is_made);
        return None;
    };
    let found = loaded.state.version.files().count();
    assert!((known.acknowledged..=known.started).contains(&found), "{found} flushes survive");
    Some(loaded.state)
}

#[test]
fn a_crash_at_every_operation_keeps_every_durable_edit() {
    for cut in 0.. {
        let env = machine();
        let mut known = Knowledge::default();
        env.power_off_after(Operations::Mutations, cut);
        let is_done = live(&env, &mut known).is_ok();
        for (policy, seed) in CrashPolicy::ALL.into_iter().flat_map(|policy| [(policy, cut), (policy, !cut)])
        {
            let survivor = env.crash(policy, seed);
            let state = expect_kept(&survivor, &known).unwrap_or_else(new_state);
            // The database opens, writes and crashes again.
            let number = state.next_file.0;
            let state = ManifestState { next_file: state.next_file.next().unwrap(), ..state };
            let mut manifest = create(&survivor, number, state).unwrap();
            manifest.remove_others().unwrap();
            manifest.append(&flush(manifest.state())).unwrap();
            let loaded = read(&survivor.crash(CrashPolicy::Lost, seed)).unwrap().unwrap();
            assert_eq!(loaded.state, *manifest.state());
        }
        if is_done {
            break;
        }
    }
}

#[test]
fn a_failure_of_every_operation_loses_no_durable_edit() {
    for effect in [FaultEffect::Error, FaultEffect::ErrorAfter, FaultEffect::LostSync, FaultEffect::FullDisk]
    {
        for n in 0.. {
            let memory = machine();
            let env = FaultEnv::over_memory(memory.clone());
            env.inject(FaultPlan::once(Operations::Mutations, n, effect));
            let mut known = Knowledge::default();
            let done = live(&env, &mut known);
            if env.struck() == 0 {
                done.unwrap();
                break;
            }
            for policy in CrashPolicy::ALL {
                expect_kept(&memory.crash(policy, n), &known);
            }
            // Opened again in the same boot, and then power is cut.
            let state = expect_kept(&memory, &known).unwrap_or_else(new_state);
            let number = state.next_file.0;
            let state = ManifestState { next_file: state.next_file.next().unwrap(), ..state };
            let mut manifest = create(&memory, number, state).unwrap();
            manifest.append(&flush(manifest.state())).unwrap();
            manifest.remove_others().unwrap();
            for policy in CrashPolicy::ALL {
                let loaded = read(&memory.crash(policy, n)).unwrap().unwrap();
                assert_eq!(loaded.state, *manifest.state(), "{effect:?} at {n}, {policy:?}");
            }
        }
    }
}
