//! A log is followed while it is written, rotated, recycled, recovered and closed.

use super::*;

/// A follower, and all that it has visited.
struct Follows {
    env: MemoryEnv,
    follower: LogFollower,
    commits: Commits,
}

impl Follows {
    fn open(env: &MemoryEnv) -> Self {
        let mut commits = Commits::new();
        let log_dir = log_dir(env);
        let names = log_dir.names().unwrap();
        let follower = LogFollower::open(&log_dir, &names, &ANY_LOG, &mut collect(&mut commits));
        Self { env: env.clone(), follower: follower.unwrap().unwrap(), commits }
    }

    fn advance(&mut self) -> Result<FollowStep> {
        self.follower.advance(&mut collect(&mut self.commits))
    }

    /// Everything is read that a recovery would find.
    fn is_up_to_date(&mut self) {
        assert_eq!(self.advance().unwrap(), FollowStep::UpToDate);
        let (commits, recovered) = read(&self.env, &ANY_LOG).unwrap();
        assert_eq!(self.commits, commits);
        assert_eq!(self.follower.last_seqno(), recovered.last_seqno());
    }
}

fn collect(commits: &mut Commits) -> impl FnMut(&Replayed<'_>) -> Result<()> {
    |found| {
        commits.push((found.commit.seq_start.0, found.commit.payload.to_vec()));
        check(commits);
        Ok(())
    }
}

#[test]
fn records_are_read_as_they_come_through_rotations_an_end_and_a_reopening() {
    for preallocate in [0, 4 << 10] {
        let env = machine();
        let mut log = create(&env, preallocate).unwrap();
        let mut follows = Follows::open(&env);
        for round in 0..12 {
            for size in [1, 40, 700] {
                append(&mut log, size).unwrap();
                log.write().unwrap();
                follows.is_up_to_date();
            }
            sync(&mut log).unwrap();
            if round % 3 == 2 {
                log.rotate_next().unwrap();
            }
            if round % 4 == 3 {
                log.close().unwrap();
                follows.is_up_to_date();
                let (_, recovered) = read(&env, &ANY_LOG).unwrap();
                let config = LogConfig { preallocate, ..LogConfig::default() };
                log = LogWriter::reopen(&log_dir(&env), &recovered, config).unwrap().unwrap();
            }
            follows.is_up_to_date();
        }
    }
}

#[test]
fn several_rotations_between_two_looks_are_caught_up_with() {
    let env = machine();
    let mut log = create(&env, 0).unwrap();
    commit(&mut log, 3).unwrap();
    let mut follows = Follows::open(&env);
    for _ in 0..4 {
        (0..3).for_each(|_| commit(&mut log, 50).unwrap());
        log.rotate_next().unwrap();
    }
    commit(&mut log, 3).unwrap();
    follows.is_up_to_date();
    assert_eq!(follows.follower.number(), log.number());
}

#[test]
fn a_recovery_that_copies_the_tail_makes_the_follower_begin_again() {
    let env = machine();
    let mut log = create(&env, 0).unwrap();
    (0..3).for_each(|_| commit(&mut log, 50).unwrap());
    let mut follows = Follows::open(&env);
    append(&mut log, 50).unwrap();
    log.write().unwrap();
    follows.is_up_to_date();
    drop(log);
    let (_, recovered) = read(&env, &ANY_LOG).unwrap();
    let mut log = resume(&env, &recovered).unwrap();
    assert_eq!(follows.advance().unwrap(), FollowStep::Restart);
    commit(&mut log, 7).unwrap();
    Follows::open(&env).is_up_to_date();
}

#[test]
fn an_empty_segment_that_is_made_again_makes_the_follower_begin_again() {
    let env = machine();
    let mut log = create(&env, 0).unwrap();
    commit(&mut log, 5).unwrap();
    log.rotate_next().unwrap();
    let mut follows = Follows::open(&env);
    drop(log);
    let (_, recovered) = read(&env, &ANY_LOG).unwrap();
    let mut log = resume(&env, &recovered).unwrap();
    assert_eq!(log.number(), FileNumber(2), "it takes the place of the empty one");
    commit(&mut log, 9).unwrap();
    assert_eq!(follows.advance().unwrap(), FollowStep::Restart);
    Follows::open(&env).is_up_to_date();
}

/// The bytes of a recycled segment are no torn tail of what it was before.
#[test]
fn a_segment_that_is_recycled_or_removed_makes_the_follower_begin_again() {
    for recycled in [true, false] {
        let env = machine();
        let config = LogConfig { preallocate: 4 << 10, recycled_size: 1 << 20, collapse: 0 };
        let mut log = LogWriter::create(log_dir(&env), FileNumber(1), SeqNo(1), config).unwrap();
        commit(&mut log, 5).unwrap();
        let mut follows = Follows::open(&env);
        (0..3).for_each(|_| commit(&mut log, 300).unwrap());
        log.rotate_next().unwrap();
        log.release_before(FileNumber(2));
        if recycled {
            log.rotate_next().unwrap();
            assert!(env.kind(&path(1)).unwrap().is_none(), "it is segment 3 now");
        } else {
            env.remove(&path(1)).unwrap();
        }
        assert_eq!(follows.advance().unwrap(), FollowStep::Restart);
        let read = follows.commits.len();
        assert!(read == 1 || read == 4, "{read}: nothing of another generation");
    }
}

#[test]
fn damage_below_what_was_synced_is_told_from_a_torn_tail() {
    for is_opened in [false, true] {
        let env = machine();
        let mut log = create(&env, 64 << 10).unwrap();
        commit(&mut log, 5).unwrap();
        let mut follows = Follows::open(&env);
        let end = log.end();
        (0..3).for_each(|_| commit(&mut log, 100).unwrap());
        let mut bytes = env.read_file(path(1)).unwrap();
        bytes[end as usize + 50] ^= 1;
        env.write_file(path(1), &bytes).unwrap();
        let error = if is_opened {
            let log_dir = log_dir(&env);
            let names = log_dir.names().unwrap();
            LogFollower::open(&log_dir, &names, &ANY_LOG, &mut |_| Ok(())).unwrap_err()
        } else {
            follows.advance().unwrap_err()
        };
        let (file, offset, _) = corruption(error);
        assert_eq!((file, offset), (path(1), end));
    }
}
