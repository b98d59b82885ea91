//! After an idle moment, the manifest records how far the log is durable; loss of acknowledged
//! records is then corruption.

use super::*;
use crate::env::{CrashPolicy, FaultEffect, FaultPlan, Operation, Operations};

fn roomy() -> EngineConfig {
    EngineConfig { memtable_size: 1 << 20, preallocate: 4 << 10, ..config() }
}

fn put_safe(engine: &Engine, n: u32, version: u32) -> Result<()> {
    let mut batch = EntryBatch::new();
    batch.put(&key(n), &value(n, version));
    engine.commit(ReadSet::default(), batch, Durability::Safe)
}

/// The path of the last segment, and its bytes.
fn last_segment(env: &MemoryEnv) -> (PathBuf, Vec<u8>) {
    let path = Path::new(DIR).join(files(env, ".log").pop().unwrap());
    let bytes = env.read_file(&path).unwrap();
    (path, bytes)
}

/// Machines on which the last log record was damaged: in each of its bytes, and with everything
/// from its beginning on lost.
fn with_damaged_end(env: &MemoryEnv) -> Vec<MemoryEnv> {
    let (path, bytes) = last_segment(env);
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    let start = end - 40;
    let mut damaged: Vec<Vec<u8>> = (start..end)
        .map(|place| {
            let mut bytes = bytes.clone();
            bytes[place] ^= 0x40;
            bytes
        })
        .collect();
    let mut zeros = bytes.clone();
    zeros[start..].fill(0);
    damaged.push(zeros);
    damaged.push(bytes[..start].to_vec());
    let machine = |bytes: Vec<u8>| {
        let machine = env.crash(CrashPolicy::Kept, 0);
        machine.write_file(&path, &bytes).unwrap();
        machine
    };
    damaged.into_iter().map(machine).collect()
}

fn expect_damage_is_found(env: &MemoryEnv) {
    let (path, _) = last_segment(env);
    for machine in with_damaged_end(env) {
        for _ in 0..2 {
            let refused = open_with(&machine, roomy()).unwrap_err();
            assert!(matches!(&refused, Error::Corruption { file, .. } if *file == path), "{refused}");
        }
    }
}

#[test]
fn a_damaged_last_commit_is_found_when_nothing_was_written_for_a_moment_after_it() {
    let env = machine();
    let engine = open_with(&env, roomy()).unwrap();
    for n in 0..3 {
        put_safe(&engine, n, 0).unwrap();
    }
    // Right after the commit nothing acknowledges it.
    for machine in with_damaged_end(&env) {
        assert_eq!(state(&open_with(&machine, roomy()).unwrap()).unwrap().len(), 2);
    }
    assert!(engine.run_one_job().unwrap() && !engine.run_one_job().unwrap());
    expect_damage_is_found(&env.crash(CrashPolicy::Lost, 1));
    // The loss of commits that were not acknowledged is not damage.
    put(&engine, 3, 0).unwrap();
    assert!(!engine.run_one_job().unwrap());
    for policy in CrashPolicy::ALL {
        let found = state(&open_with(&env.crash(policy, 1), roomy()).unwrap()).unwrap().len();
        assert!((3..=4).contains(&found), "{found} after {policy:?}");
    }
}

#[test]
fn the_flush_thread_notes_the_end_of_the_log_when_nothing_is_written_and_then_rests() {
    let env = machine();
    let engine = open_with(&env, EngineConfig { background: Background::Thread, ..roomy() }).unwrap();
    for round in 1..=2 {
        put_safe(&engine, round, 0).unwrap();
        until("the end of the log is noted", || {
            engine.versions.with_manifest(|manifest| manifest.state().log_seqno)
                == engine.commits.seqnos.durable()
        });
        assert!(!engine.commits.is_note_due(), "the thread does not look again");
        expect_damage_is_found(&env.crash(CrashPolicy::Lost, 1));
    }
}

#[test]
fn a_crash_at_every_operation_around_notes_keeps_what_was_promised() {
    let live = |env: &MemoryEnv, acknowledged: &mut u32| -> Result<()> {
        let config = EngineConfig { memtable_size: 2 << 10, preallocate: 1 << 10, ..config() };
        let engine = open_with(env, config)?;
        for n in 0..24 {
            put_safe(&engine, n, 0)?;
            *acknowledged = n + 1;
            while n % 3 == 0 && engine.run_one_job()? {}
            if n % 8 == 7 {
                engine.flush_everything()?;
            }
        }
        engine.close()
    };
    for cut in 0.. {
        let env = machine();
        let mut acknowledged = 0;
        env.power_off_after(Operations::Mutations, cut);
        let is_done = live(&env, &mut acknowledged).is_ok();
        for policy in CrashPolicy::ALL {
            let survivor = env.crash(policy, cut);
            let mut found = None;
            for _ in 0..2 {
                let engine = open(&survivor).unwrap_or_else(|error| panic!("cut {cut}, {policy:?}: {error}"));
                let state = state(&engine).unwrap();
                let count = u32::try_from(state.len()).unwrap();
                assert!((acknowledged..=acknowledged + 1).contains(&count), "cut {cut}, {policy:?}: {count}");
                assert_eq!(
                    found.get_or_insert_with(|| state.clone()),
                    &state,
                    "opening again changes nothing"
                );
            }
        }
        if is_done {
            assert!(cut > 60, "{cut} operations");
            return;
        }
    }
}

#[test]
fn nothing_is_noted_after_a_failed_sync() {
    let memory = machine();
    let env = FaultEnv::over_memory(memory.clone());
    let engine = open_with(&env, roomy()).unwrap();
    put_safe(&engine, 0, 0).unwrap();
    env.inject(FaultPlan::once(Operation::Sync, 0, FaultEffect::LostSync));
    put_safe(&engine, 1, 0).unwrap_err();
    assert!(matches!(engine.run_one_job(), Err(Error::Poisoned)));
    assert!(matches!(engine.commits.note_durable(), Err(Error::Poisoned)));
    for policy in CrashPolicy::ALL {
        assert_eq!(state(&open_with(&memory.crash(policy, 1), roomy()).unwrap()).unwrap().len(), 1);
    }
}

#[test]
fn a_note_that_fails_takes_nothing_away_and_is_made_up_for() {
    for effect in [FaultEffect::Error, FaultEffect::ErrorAfter, FaultEffect::FullDisk, FaultEffect::LostSync]
    {
        for n in 0.. {
            let memory = machine();
            let env = FaultEnv::over_memory(memory.clone());
            let engine = open_with(&env, roomy()).unwrap();
            put_safe(&engine, 0, 0).unwrap();
            env.inject(FaultPlan::once(Operations::Any, n, effect));
            assert_eq!(engine.run_one_job().is_err(), env.struck() > 0, "operation {n}, {effect:?}");
            if env.struck() == 0 {
                assert!(n > 0, "there is something that can fail");
                break;
            }
            put_safe(&engine, 1, 0).unwrap();
            for policy in CrashPolicy::ALL {
                assert_eq!(state(&open_with(&memory.crash(policy, 1), roomy()).unwrap()).unwrap().len(), 2);
            }
            assert!(engine.run_one_job().unwrap());
            expect_damage_is_found(&memory.crash(CrashPolicy::Lost, 1));
        }
    }
}

#[test]
fn a_database_that_rests_again_and_again_has_a_short_manifest() {
    let env = machine();
    let engine = open_with(&env, EngineConfig { memtable_size: 8 << 20, ..roomy() }).unwrap();
    let mut largest = 0;
    for n in 0..5000 {
        put_safe(&engine, n % 10, n).unwrap();
        assert!(engine.run_one_job().unwrap() && !engine.run_one_job().unwrap());
        if n % 50 == 0 {
            let manifests: Vec<_> =
                files(&env, "").into_iter().filter(|name| name.starts_with("MANIFEST-")).collect();
            assert_eq!(manifests.len(), 1);
            largest = largest.max(env.read_file(Path::new(DIR).join(&manifests[0])).unwrap().len());
        }
    }
    assert!((40 << 10..80 << 10).contains(&largest), "{largest} bytes");
    let survivor = env.crash(CrashPolicy::Lost, 1);
    assert_eq!(state(&open_with(&survivor, roomy()).unwrap()).unwrap().len(), 10);
    expect_damage_is_found(&env.crash(CrashPolicy::Lost, 1));
}
