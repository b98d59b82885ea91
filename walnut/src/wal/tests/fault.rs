//! Operations fail one by one. A failed sync is final, a failed write costs the segment, a full
//! disk costs nothing.

use super::*;
use crate::env::{CrashPolicy, FaultEffect, FaultEnv, FaultPlan, Operation, Operations};

#[test]
fn a_failed_sync_is_final() {
    let env = FaultEnv::over_memory(machine());
    let mut log = create(&env, 0).unwrap();
    commit(&mut log, 8).unwrap();
    env.inject(FaultPlan::once(Operation::Sync, 0, FaultEffect::Error));
    assert!(matches!(commit(&mut log, 8), Err(Error::Io(_))));
    assert!(matches!(append(&mut log, 8), Err(Error::Poisoned)));
    assert!(matches!(log.write(), Err(Error::Poisoned)));
    assert!(matches!(log.rotate_next(), Err(Error::Poisoned)));
    // A second sync would succeed, without the bytes that the first one has lost.
    let tried = env.counts().of(Operation::Sync);
    assert!(matches!(log.sync(), Err(Error::Poisoned)));
    assert!(matches!(log.sync_point(), Err(Error::Poisoned)));
    assert!(matches!(log.close(), Err(Error::Poisoned)));
    assert_eq!(env.counts().of(Operation::Sync), tried);
}

#[test]
fn a_failed_write_leaves_no_ghost() {
    for effect in
        [FaultEffect::Error, FaultEffect::ErrorAfter, FaultEffect::ShortWrite, FaultEffect::FullDisk]
    {
        let memory = machine();
        let env = FaultEnv::over_memory(memory.clone());
        let mut log = create(&env, 0).unwrap();
        commit(&mut log, 8).unwrap();
        for _ in 0..4 {
            append(&mut log, 40).unwrap();
        }
        env.inject(FaultPlan::once(Operation::Write, 0, effect));
        log.write().unwrap_err();
        assert!(matches!(append(&mut log, 8), Err(Error::Poisoned)));
        assert_eq!(log.next_seqno(), SeqNo(4));
        log.rotate_next().unwrap();
        commit(&mut log, 9).unwrap();
        for policy in CrashPolicy::ALL {
            let (commits, _) = read(&memory.crash(policy, 7), &ANY_LOG).unwrap();
            assert_eq!(commits, [(1, payload(1, 8)), (4, payload(4, 9))]);
        }
    }
}

#[test]
fn a_log_closed_after_a_failed_write_ends_before_it() {
    let memory = machine();
    let env = FaultEnv::over_memory(memory.clone());
    let mut log = create(&env, 0).unwrap();
    commit(&mut log, 8).unwrap();
    append(&mut log, 40).unwrap();
    append(&mut log, 40).unwrap();
    env.inject(FaultPlan::once(Operation::Write, 0, FaultEffect::ErrorAfter));
    log.write().unwrap_err();
    log.close().unwrap();
    let (commits, recovered) = read(&memory, &ANY_LOG).unwrap();
    assert_eq!((commits.len(), recovered.sealed), (1, true));
}

#[test]
fn a_rotation_without_space_can_be_tried_again() {
    let memory = machine();
    let mut log = create(&memory, 1000).unwrap();
    commit(&mut log, 8).unwrap();
    memory.set_capacity(Some(1020));
    for _ in 0..3 {
        assert!(matches!(log.rotate_next(), Err(Error::OutOfSpace)));
        commit(&mut log, 8).unwrap();
    }
    memory.set_capacity(None);
    log.rotate_next().unwrap();
    commit(&mut log, 8).unwrap();
    assert_eq!(read(&memory.crash(CrashPolicy::Lost, 0), &ANY_LOG).unwrap().0.len(), 5);
}

/// Some commits, each durable, over three segments. Returns the last sequence number that was
/// acknowledged.
fn work(env: &FaultEnv, acknowledged: &mut u64) -> Result<()> {
    let mut log = create(env, 0)?;
    for step in 0..6 {
        commit(&mut log, 8)?;
        *acknowledged = log.next_seqno().0 - 1;
        if step % 2 == 1 {
            log.rotate_next()?;
        }
    }
    log.close()
}

#[test]
fn a_recovery_after_any_failure_outlives_the_next_crash() {
    let effects =
        [FaultEffect::Error, FaultEffect::ErrorAfter, FaultEffect::LostSync, FaultEffect::ShortWrite];
    for effect in effects {
        for n in 0.. {
            let memory = machine();
            let env = FaultEnv::over_memory(memory.clone());
            env.inject(FaultPlan::once(Operations::Mutations, n, effect));
            let mut acknowledged = 0;
            let done = work(&env, &mut acknowledged);
            if env.struck() == 0 {
                done.unwrap();
                break;
            }
            // Opened again in the same boot: the bytes that the failed sync lost are still
            // readable.
            let Ok((commits, recovered)) = read(&memory, &ANY_LOG) else {
                assert_eq!(acknowledged, 0, "only a log that was never made is not there");
                continue;
            };
            assert!(acknowledged < recovered.next_seqno.0);
            let mut log = resume(&memory, &recovered).unwrap();
            commit(&mut log, 5).unwrap();
            for policy in CrashPolicy::ALL {
                let (after, _) = read(&memory.crash(policy, n), &ANY_LOG).unwrap();
                assert_eq!(after[..commits.len()], commits, "{effect:?} at {n}, {policy:?}");
                assert_eq!(after.len(), commits.len() + 1);
            }
        }
    }
}
