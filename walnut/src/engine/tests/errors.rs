//! The effect of each error of the operating system: a full disk, a broken log, or a plain failure.

use std::io::ErrorKind;

use super::*;
use crate::env::{FaultEffect, FaultPlan, Operation, Operations};

/// The error of the system when there is no space for more bytes.
const FULL: [ErrorKind; 3] = [ErrorKind::StorageFull, ErrorKind::QuotaExceeded, ErrorKind::FileTooLarge];

/// Its other errors, as far as kinds are distinguished.
const BROKEN: [ErrorKind; 5] = [
    ErrorKind::ReadOnlyFilesystem,
    ErrorKind::PermissionDenied,
    ErrorKind::OutOfMemory,
    ErrorKind::NotFound,
    ErrorKind::Other,
];

fn put_durably(engine: &Engine, n: u32) -> Result<()> {
    let mut batch = EntryBatch::new();
    batch.put(&key(n), &value(n, 1));
    engine.commit(ReadSet::default(), batch, Durability::Safe)
}

/// An engine with one row, on a machine with fault injection.
fn begun() -> (FaultEnv, Engine) {
    let env = FaultEnv::over_memory(machine());
    let engine = open_with(&env, EngineConfig { memtable_size: 1 << 20, ..config() }).unwrap();
    put_durably(&engine, 0).unwrap();
    (env, engine)
}

#[test]
fn a_log_that_finds_no_room_is_a_full_disk_and_goes_on_when_there_is_room() {
    for kind in FULL {
        let (env, engine) = begun();
        env.inject(FaultPlan::for_ever(Operation::Write, 0, FaultEffect::Kind(kind)));
        for n in 1..4 {
            assert!(matches!(put_durably(&engine, n), Err(Error::OutOfSpace)), "{kind:?}");
        }
        assert_eq!(get(&engine, 0).unwrap(), Some(value(0, 1)), "reads go on");
        env.heal();
        put_durably(&engine, 9).unwrap();
        engine.close().unwrap();
        assert_eq!(state(&open(&env).unwrap()).unwrap().len(), 2, "{kind:?}");
    }
}

#[test]
fn a_log_that_cannot_be_written_for_another_reason_says_it_once_and_is_poisoned() {
    for kind in BROKEN {
        let (env, engine) = begun();
        env.inject(FaultPlan::once(Operation::Write, 0, FaultEffect::Kind(kind)));
        let Err(Error::Io(error)) = put_durably(&engine, 1) else { panic!("{kind:?}") };
        assert_eq!(error.kind(), kind);
        assert!(matches!(put_durably(&engine, 2), Err(Error::Poisoned)), "{kind:?}");
        drop(engine);
        assert_eq!(get(&open(&env).unwrap(), 0).unwrap(), Some(value(0, 1)));
    }
}

#[test]
fn a_sync_of_the_log_that_fails_is_final_and_never_called_a_full_disk() {
    for kind in FULL.into_iter().chain(BROKEN) {
        let (env, engine) = begun();
        env.inject(FaultPlan::once(Operations::Syncs, 0, FaultEffect::Kind(kind)));
        let failed = put_durably(&engine, 1).unwrap_err();
        assert!(matches!(failed, Error::Io(_) | Error::Poisoned), "{kind:?}: {failed}");
        assert!(matches!(put_durably(&engine, 2), Err(Error::Poisoned)), "{kind:?}");
    }
}

#[test]
fn a_new_segment_that_finds_no_room_at_any_step_before_it_has_its_name_is_tried_again() {
    for kind in FULL {
        for operation in [Operation::Create, Operation::Write, Operation::Rename] {
            let (env, engine) = begun();
            let config = FaultPlan::once(operation, 0, FaultEffect::Kind(kind));
            env.inject(config.in_files(".tmp"));
            assert!(matches!(engine.checkpoint(), Err(Error::OutOfSpace)), "{operation} {kind:?}");
            assert_eq!(env.struck(), 1);
            put_durably(&engine, 1).unwrap();
            engine.checkpoint().unwrap();
            engine.close().unwrap();
            assert_eq!(state(&open(&env).unwrap()).unwrap().len(), 2, "{operation} {kind:?}");
        }
    }
}

#[test]
fn an_opening_that_fails_says_why_and_the_next_one_succeeds() {
    for kind in FULL.into_iter().chain(BROKEN) {
        for n in 0.. {
            let (env, engine) = begun();
            drop(engine);
            env.inject(FaultPlan::once(Operations::Mutations, n, FaultEffect::Kind(kind)));
            let opened = open(&env);
            if env.struck() == 0 {
                break;
            }
            match opened {
                Err(Error::OutOfSpace) => assert!(FULL.contains(&kind), "{kind:?}"),
                Err(Error::Io(error)) => assert_eq!(error.kind(), kind),
                Err(error) => panic!("{kind:?}: {error}"),
                Ok(_) => {}
            }
            assert_eq!(get(&open(&env).unwrap(), 0).unwrap(), Some(value(0, 1)), "{kind:?}, operation {n}");
        }
    }
}

/// Fills memory while nothing that these plans hit can be done, and expects it to stay bounded.
fn expect_bounded(plan: &FaultPlan, background: Background) {
    let env = FaultEnv::over_memory(machine());
    let limits = EngineConfig { frozen_limit: 3, preallocate: 4 << 10, background, ..config() };
    let (frozen_limit, memtable_size) = (limits.frozen_limit, limits.memtable_size);
    let engine = open_with(&env, limits).unwrap();
    put(&engine, 0, 0).unwrap();
    env.inject(plan.clone());
    let mut refused = 0;
    let mut taken = 1;
    for n in 1..2000 {
        match put(&engine, n, 0) {
            Ok(()) => taken += 1,
            Err(Error::Io(error)) => {
                assert_eq!(error.kind(), ErrorKind::PermissionDenied, "the cause is told");
                refused += 1;
            }
            Err(error) => panic!("{plan:?}: {error}"),
        }
        let stats = engine.stats();
        let size = stats.active_memtable_size + stats.frozen_memtable_size;
        assert!(size <= (frozen_limit + 3) * memtable_size, "{size} bytes: {plan:?}");
    }
    assert!(refused > 1000, "{plan:?}");
    for n in 0..taken {
        assert!(get(&engine, n).unwrap().is_some(), "reads go on: {plan:?}");
    }
    env.heal();
    put(&engine, 5000, 0).unwrap();
    engine.checkpoint().unwrap();
    engine.close().unwrap();
    assert_eq!(state(&open(&env).unwrap()).unwrap().len(), taken as usize + 1, "{plan:?}");
}

#[test]
fn memory_is_bounded_while_nothing_can_be_flushed_and_writers_are_told_why() {
    let failing = |operation, suffix| {
        let effect = FaultEffect::Kind(ErrorKind::PermissionDenied);
        FaultPlan::for_ever(Operations::Only(operation), 0, effect).in_files(suffix)
    };
    let plans = [
        failing(Operation::Create, ".tmp"),
        failing(Operation::Create, ".log.tmp"),
        failing(Operation::Create, ".sst.tmp"),
        failing(Operation::Write, ".sst.tmp"),
        failing(Operation::Sync, ".sst.tmp"),
        failing(Operation::Rename, ".sst"),
    ];
    for plan in plans {
        expect_bounded(&plan, Background::Manual);
        expect_bounded(&plan, Background::Thread);
    }
}
