//! The power fails at every operation, and the disk keeps any state that the crash model allows.

use super::*;
use crate::env::{CrashPolicy, Operations};

/// What a workload knows of its log when the power fails.
#[derive(Default)]
struct Knowledge {
    /// Whether the log was created, and the number of its last segment.
    newest: Option<FileNumber>,
    /// The last sequence number that was acknowledged as durable.
    acknowledged: u64,
    /// The last sequence number that was appended.
    started: u64,
}

/// Groups, single commits, unsynced commits, and rotations, until the power fails.
fn work(log: &mut LogWriter, known: &mut Knowledge) -> Result<()> {
    for step in 0..12 {
        for size in 0..=step % 3 {
            append(log, 10 + 300 * size)?;
            known.started = log.next_seqno().0 - 1;
        }
        log.write()?;
        if step % 4 != 1 {
            sync(log)?;
            known.acknowledged = log.next_seqno().0 - 1;
        }
        if step % 5 == 4 {
            known.newest = Some(log.rotate_next()?);
            known.acknowledged = log.next_seqno().0 - 1;
        }
    }
    Ok(())
}

fn live(env: &MemoryEnv, preallocate: u64, known: &mut Knowledge) -> Result<()> {
    let mut log = create(env, preallocate)?;
    known.newest = Some(log.number());
    work(&mut log, known)?;
    log.close()?;
    known.acknowledged = known.started;
    Ok(())
}

/// The log recovers a prefix of the started commits, with all that were acknowledged.
fn expect_kept(env: &MemoryEnv, known: &Knowledge) -> (Commits, Recovered) {
    let bounds = DurableBounds { newest: known.newest.unwrap(), ..ANY_LOG };
    let (commits, recovered) = read(env, &bounds).unwrap();
    let last = recovered.next_seqno.0 - 1;
    assert!(known.acknowledged <= last && last <= known.started, "{last} survives");
    (commits, recovered)
}

#[test]
fn a_crash_at_every_operation_keeps_what_was_acknowledged() {
    for preallocate in [0, 2000] {
        for cut in 0.. {
            let env = machine();
            let mut known = Knowledge::default();
            env.power_off_after(Operations::Mutations, cut);
            let _ = live(&env, preallocate, &mut known);
            let is_done = !env.is_off();
            if known.newest.is_some() {
                for (policy, seed) in CrashPolicy::ALL
                    .into_iter()
                    .flat_map(|policy| [cut, !cut, cut + 1000, cut * 7].map(|seed| (policy, seed)))
                {
                    let survivor = env.crash(policy, seed);
                    let (commits, recovered) = expect_kept(&survivor, &known);
                    let mut log = resume(&survivor, &recovered).unwrap();
                    commit(&mut log, 5).unwrap();
                    let (after, _) = read(&survivor.crash(CrashPolicy::Lost, seed), &ANY_LOG).unwrap();
                    assert_eq!(after[..commits.len()], commits);
                    assert_eq!(after.len(), commits.len() + 1);
                }
            }
            if is_done {
                break;
            }
        }
    }
}

#[test]
fn a_crash_at_every_operation_of_a_recovery_changes_nothing() {
    let env = machine();
    let mut known = Knowledge::default();
    env.power_off_after(Operations::Mutations, 31);
    live(&env, 1000, &mut known).unwrap_err();
    for seed in 0..8 {
        let policy = CrashPolicy::ALL[seed as usize % 4];
        let broken = env.crash(policy, seed);
        let (commits, recovered) = expect_kept(&broken, &known);
        for cut in 0.. {
            let env = broken.crash(CrashPolicy::Lost, 0);
            env.power_off_after(Operations::Mutations, cut);
            let is_done = resume(&env, &recovered).is_ok();
            for policy in CrashPolicy::ALL {
                let survivor = env.crash(policy, seed ^ cut);
                assert_eq!(expect_kept(&survivor, &known).0, commits);
            }
            if is_done {
                break;
            }
        }
    }
}

#[test]
fn what_a_recovery_saw_stays_though_only_the_cache_had_it() {
    // The process is killed, not the machine: the next one sees bytes that no sync has made
    // durable.
    for count in 0..=12 {
        let env = machine();
        let mut log = create(&env, 0).unwrap();
        for _ in 0..count {
            append(&mut log, 20).unwrap();
            log.write().unwrap();
        }
        drop(log);
        let (commits, recovered) = read(&env, &ANY_LOG).unwrap();
        assert_eq!(commits.len() as u64, count);
        let mut log = resume(&env, &recovered).unwrap();
        commit(&mut log, 5).unwrap();
        for policy in CrashPolicy::ALL {
            let (after, _) = read(&env.crash(policy, count), &ANY_LOG).unwrap();
            assert_eq!(after.len() as u64, count + 1);
        }
    }
}
