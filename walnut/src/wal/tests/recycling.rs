//! Recycled segments: no record of an earlier generation is ever valid, whatever a crash leaves.

use super::*;
use crate::env::{CrashPolicy, Operation, Operations};
use crate::wal::segment::Generations;

const STEP: u64 = 512;

fn create_recycling(env: &(impl Env + Clone)) -> Result<LogWriter> {
    let config = LogConfig { preallocate: STEP, recycled_size: 1 << 20, ..LogConfig::default() };
    LogWriter::create(log_dir(env), FileNumber(1), SeqNo(1), config)
}

/// Continues in a new segment and releases those before it, as after a flush. Returns its number.
fn turn(log: &mut LogWriter) -> Result<FileNumber> {
    let number = log.rotate_next()?;
    log.release_before(number);
    Ok(number)
}

/// The bounds after everything before a segment was flushed.
fn promise_from(first: FileNumber, last_seqno: u64) -> DurableBounds {
    DurableBounds { first, newest: first, last_seqno: SeqNo(last_seqno), log_seqno: SeqNo::ZERO }
}

/// The commits of a log whose segments before `first` are obsolete.
fn read_from(env: &(impl Env + Clone), bounds: &DurableBounds) -> Result<(Commits, Recovered)> {
    let mut commits = Commits::new();
    let recovered = replay(&log_dir(env), bounds, &mut |found| {
        commits.push((found.commit.seq_start.0, found.commit.payload.to_vec()));
        Ok(())
    })?;
    for (seq_start, bytes) in &commits {
        assert_eq!(*bytes, payload(*seq_start, bytes.len()));
    }
    Ok((commits, recovered))
}

#[test]
fn a_released_segment_becomes_the_next_one_and_no_length_changes() {
    let env = machine();
    let mut log = create_recycling(&env).unwrap();
    commit(&mut log, 100).unwrap();
    turn(&mut log).unwrap();
    commit(&mut log, 100).unwrap();
    env.start_trace();
    assert_eq!(turn(&mut log).unwrap(), FileNumber(3));
    let changes: Vec<_> = env.trace().into_iter().filter(|line| !line.starts_with("kind")).collect();
    let expected = [
        "rename /db/wal-000001.log /db/wal-000003.log.tmp",
        "write /db/wal-000001.log.tmp 0+64",
        "sync /db/wal-000001.log.tmp",
        "rename /db/wal-000003.log.tmp /db/wal-000003.log",
        "sync_dir /db",
        "write /db/wal-000002.log.tmp 200+32",
        "sync /db/wal-000002.log.tmp",
    ];
    assert_eq!(changes, expected);
    assert_eq!(env.read_file(path(3)).unwrap().len() as u64, STEP);
    for _ in 0..3 {
        let before = env.counts();
        commit(&mut log, 100).unwrap();
        let work = env.counts().since(&before);
        assert_eq!((work.of(Operation::Write), work.of(Operation::Sync)), (1, 1));
        assert_eq!(work.of(Operations::Any), 2, "a commit is one write and one sync");
        assert_eq!(env.read_file(path(3)).unwrap().len() as u64, STEP);
    }
}

#[test]
fn a_segment_grows_by_steps_of_zeros() {
    let env = machine();
    let mut log = create_recycling(&env).unwrap();
    for _ in 0..100 {
        commit(&mut log, 24).unwrap();
        let size = env.read_file(path(1)).unwrap().len() as u64;
        assert!(log.end() <= size && size <= log.end() + STEP);
        assert_eq!(log.size().segment_size, size);
    }
    let syncs = env.counts().of(Operation::Write);
    assert!(syncs < 100 + 2 + 100 * 56 / STEP + 3, "{syncs} writes");
    // A group that is larger than a step changes the length anyway.
    commit(&mut log, 2 * STEP as usize).unwrap();
    assert_eq!(env.read_file(path(1)).unwrap().len() as u64, log.end());
    assert_eq!(read(&env, &ANY_LOG).unwrap().0.len(), 101);
}

#[test]
fn a_closed_log_ends_with_its_end_record_whatever_was_in_the_file() {
    let env = machine();
    let mut log = create_recycling(&env).unwrap();
    commit(&mut log, 4000).unwrap();
    turn(&mut log).unwrap();
    turn(&mut log).unwrap();
    let last_seqno = log.next_seqno().0 - 1;
    assert!(env.read_file(path(3)).unwrap().len() > 4000, "the first segment lives again");
    commit(&mut log, 8).unwrap();
    let end = log.end();
    log.close().unwrap();
    assert_eq!(env.read_file(path(3)).unwrap().len() as u64, end + 32);
    // Whether a crash undoes the truncation or not, the end record was durable before it.
    for policy in CrashPolicy::ALL {
        let survivor = env.crash(policy, 3);
        let (commits, recovered) = read_from(&survivor, &promise_from(FileNumber(3), last_seqno)).unwrap();
        assert_eq!((commits.len(), recovered.sealed), (1, true));
    }
}

#[test]
fn stale_records_in_the_very_places_of_new_ones_do_not_count() {
    for generation in 2..5 {
        for kept in 0..4 {
            let env = machine();
            let mut log = create_recycling(&env).unwrap();
            // Every segment has commits of the same sizes, so that each record is at the offset of
            // one of another generation.
            for _ in 0..generation {
                for size in [40, 8, 40, 16] {
                    commit(&mut log, size).unwrap();
                }
                turn(&mut log).unwrap();
            }
            let (first, last_seqno) = (log.number(), log.next_seqno().0 - 1);
            for size in [40, 8, 40, 16].into_iter().take(kept) {
                commit(&mut log, size).unwrap();
            }
            let survivor = env.crash(CrashPolicy::Lost, 0);
            let (commits, recovered) = read_from(&survivor, &promise_from(first, last_seqno)).unwrap();
            assert_eq!((commits.len(), recovered.segments.len()), (kept, 1), "life {generation}");
            assert!(!recovered.sealed, "the end of an earlier life is not the end of this one");
        }
    }
}

#[test]
fn a_file_is_longer_or_shorter_than_its_next_life() {
    for (before, after) in [(2000, 10), (10, 2000), (700, 700), (0, 0)] {
        let env = machine();
        let mut log = create_recycling(&env).unwrap();
        commit(&mut log, before).unwrap();
        turn(&mut log).unwrap();
        commit(&mut log, 1).unwrap();
        turn(&mut log).unwrap();
        let last_seqno = log.next_seqno().0 - 1;
        commit(&mut log, after).unwrap();
        commit(&mut log, after).unwrap();
        for policy in CrashPolicy::ALL {
            let survivor = env.crash(policy, 3);
            let (commits, recovered) =
                read_from(&survivor, &promise_from(FileNumber(3), last_seqno)).unwrap();
            assert_eq!(commits.len(), 2, "{before}, then {after}");
            let mut log = resume(&survivor, &recovered).unwrap();
            commit(&mut log, 5).unwrap();
        }
        // Damage to acknowledged records is detected among stale ones too.
        let mut bytes = env.read_file(path(3)).unwrap();
        bytes[64 + 8] ^= 1;
        env.write_file(path(3), &bytes).unwrap();
        let error = read_from(&env, &promise_from(FileNumber(3), last_seqno)).unwrap_err();
        assert_eq!(corruption(error).1, 64);
    }
}

#[test]
fn spares_are_few_and_of_bounded_size() {
    let env = machine();
    let config = LogConfig { preallocate: STEP, recycled_size: 4 * STEP, ..LogConfig::default() };
    let mut log = LogWriter::create(log_dir(&env), FileNumber(1), SeqNo(1), config).unwrap();
    for _ in 0..6 {
        commit(&mut log, 8).unwrap();
        log.rotate_next().unwrap();
    }
    assert_eq!((log.size().segment_count, log.size().recycled_size), (7, 0));
    assert_eq!(log.release_before(FileNumber(3)), [1, 2].map(FileNumber));
    assert_eq!(log.release_before(FileNumber(7)), [1, 2].map(FileNumber), "two are enough");
    assert_eq!((log.size().segment_count, log.size().recycled_size), (1, 2 * STEP));
    // The next segments are recycled from them, and then one is too large.
    assert_eq!(log.rotate_next().unwrap(), FileNumber(8));
    assert_eq!(log.rotate_next().unwrap(), FileNumber(9));
    commit(&mut log, 5 * STEP as usize).unwrap();
    log.rotate_next().unwrap();
    assert_eq!(log.release_before(FileNumber(10)), [7, 8].map(FileNumber));
    log.rotate_next().unwrap();
    log.rotate_next().unwrap();
    assert_eq!(log.release_before(FileNumber(12)), [10, 11].map(FileNumber));
}

#[test]
fn what_failed_or_was_recovered_is_not_used_again() {
    let memory = machine();
    let env = crate::env::FaultEnv::over_memory(memory.clone());
    let mut log = create_recycling(&env).unwrap();
    commit(&mut log, 8).unwrap();
    append(&mut log, 40).unwrap();
    env.inject(crate::env::FaultPlan::once(Operation::Write, 0, crate::env::FaultEffect::ErrorAfter));
    log.write().unwrap_err();
    log.rotate_next().unwrap();
    assert_eq!(log.release_before(FileNumber(2)), [], "a write of it failed");
    commit(&mut log, 8).unwrap();
    let (_, recovered) = read_from(&memory, &promise_from(FileNumber(2), 3)).unwrap();
    let config = LogConfig { preallocate: STEP, recycled_size: 1 << 20, ..LogConfig::default() };
    let mut log = LogWriter::resume(log_dir(&memory), &recovered, config).unwrap();
    assert_eq!(log.release_before(FileNumber(3)), [], "another process wrote it");
}

#[test]
fn a_seed_that_an_earlier_life_had_is_drawn_again() {
    let header = |generations: &Generations| {
        log_dir(&MemoryEnv::with_seed(5)).fresh_headers(FileNumber(7), SeqNo(9), generations)
    };
    let first = header(&Generations::default());
    let mut generations = Generations::default();
    generations.add(first.1.seed(), 1000);
    generations.add(77, 500);
    let second = header(&generations);
    assert_ne!(first.1.seed(), second.1.seed());
    // A generation that overwrote another one replaces it.
    generations.add(second.1.seed(), 1000);
    assert_eq!(header(&generations).0, first.0);
}

/// What a workload over many generations knows of its log when the power fails.
#[derive(Default)]
struct Knowledge {
    /// The first segment that is needed, and the last sequence number before it.
    first: Option<(FileNumber, u64)>,
    acknowledged: u64,
    started: u64,
}

fn live(env: &MemoryEnv, known: &mut Knowledge) -> Result<()> {
    let mut log = create_recycling(env)?;
    known.first = Some((log.number(), 0));
    for generation in 0..5 {
        // The same offsets in each generation, but for a part that some leave out.
        for (index, size) in [40, 8, 300, 16, 40, 64].into_iter().enumerate() {
            if (generation + index) % 5 == 4 {
                continue;
            }
            append(&mut log, size)?;
            known.started = log.next_seqno().0 - 1;
            log.write()?;
            if index != 2 {
                sync(&mut log)?;
                known.acknowledged = known.started;
            }
        }
        let number = log.rotate_next()?;
        known.acknowledged = known.started;
        if generation % 3 != 1 {
            // The manifest records this durably before a segment is released.
            known.first = Some((number, known.started));
            log.release_before(number);
        }
    }
    Ok(())
}

#[test]
fn a_crash_at_every_operation_of_many_lives_keeps_what_was_acknowledged() {
    let mut renames = 0;
    for cut in 0.. {
        let env = machine();
        let mut known = Knowledge::default();
        env.power_off_after(Operations::Mutations, cut);
        let is_done = live(&env, &mut known).is_ok();
        if let Some((first, before)) = known.first {
            for (policy, seed) in
                CrashPolicy::ALL.into_iter().flat_map(|policy| [cut, !cut].map(|seed| (policy, seed)))
            {
                let survivor = env.crash(policy, seed);
                let (commits, recovered) = read_from(&survivor, &promise_from(first, before)).unwrap();
                let last = recovered.next_seqno.0 - 1;
                assert!(known.acknowledged <= last && last <= known.started, "{last} survives, cut at {cut}");
                let mut log = resume(&survivor, &recovered).unwrap();
                commit(&mut log, 5).unwrap();
                let survivor = survivor.crash(CrashPolicy::Lost, seed);
                let (after, _) = read_from(&survivor, &promise_from(first, before)).unwrap();
                assert_eq!(
                    (after[..commits.len()].to_vec(), after.len()),
                    (commits.clone(), commits.len() + 1)
                );
            }
        }
        if is_done {
            renames = env.counts().of(Operation::Rename);
            break;
        }
    }
    assert!(renames > 6, "segments were used again: {renames} renames");
}
