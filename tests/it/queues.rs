//! Tables as queues: each row is taken once, in order, by one of many consumers, whatever fails or is changed meanwhile.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};
use walnut::env::{CrashPolicy, FaultEffect, FaultEnv, FaultPlan, MemoryEnv, Operation};
use walnut::{Background, Builder, Database, DefaultTable, Durability, Error, Table};
use walnut_tests::random::Random;

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = "jobs")]
struct Job {
    #[primary_key]
    id: u64,
    #[index]
    priority: u8,
    #[index(unique)]
    name: String,
    #[index(each)]
    tags: Vec<u8>,
}

fn job(id: u64) -> Job {
    let priority = u8::try_from(id * 7 % 10).unwrap();
    Job { id, priority, name: format!("job {id}"), tags: vec![priority, priority + 1] }
}

fn small() -> Builder {
    Database::builder().memtable_size(64 << 10).block_size(1 << 10)
}

fn jobs(count: u64) -> (Database, DefaultTable<Job>) {
    let env = Arc::new(MemoryEnv::new());
    let db = small().background(Background::Manual).env(env).open("/db").unwrap();
    let jobs = db.table::<Job>().unwrap();
    jobs.insert_many(&(0..count).map(job).collect::<Vec<_>>()).unwrap();
    (db, jobs)
}

#[test]
fn rows_are_taken_in_the_order_of_the_scan_from_either_end() {
    let (db, jobs) = jobs(500);
    let mut left: BTreeSet<(u8, u64)> = (0..500).map(|id| (job(id).priority, id)).collect();
    for turn in 0..300 {
        let (taken, expected) = match turn % 3 {
            0 => (jobs.by().priority.iter().pop_first().unwrap(), left.pop_first()),
            1 => (jobs.by().priority.iter().pop_last().unwrap(), left.pop_last()),
            _ => (jobs.by().priority.iter().rev().pop_first().unwrap(), left.pop_last()),
        };
        assert_eq!(taken, expected.map(|(_, id)| job(id)));
    }
    let by_id: BTreeSet<u64> = left.iter().map(|(_, id)| *id).collect();
    assert_eq!(jobs.iter().pop_first().unwrap().map(|job| job.id), by_id.first().copied());
    assert_eq!(jobs.iter().pop_last().unwrap().map(|job| job.id), by_id.last().copied());
    assert_eq!(jobs.len().unwrap(), 198);
    db.verify().unwrap();
}

#[test]
fn what_narrows_a_scan_narrows_what_is_taken_from_it() {
    let (db, jobs) = jobs(100);
    assert_eq!(jobs.range(40..).pop_first().unwrap(), Some(job(40)));
    assert_eq!(jobs.range(..40).pop_last().unwrap(), Some(job(39)));
    assert_eq!(jobs.iter().filter(|job| job.id % 10 == 7).pop_first().unwrap(), Some(job(7)));
    assert_eq!(jobs.iter().filter(|job| job.id % 10 == 7).pop_last().unwrap(), Some(job(97)));
    assert_eq!(jobs.iter().skip(2).pop_first().unwrap(), Some(job(2)));
    assert_eq!(jobs.iter().limit(2).pop_last().unwrap(), Some(job(1)));
    assert_eq!(jobs.iter().limit(0).pop_first().unwrap(), None);
    assert_eq!(jobs.range(1000..).pop_first().unwrap(), None);
    assert_eq!(jobs.by().name.starts_with("job 5").pop_first().unwrap(), Some(job(5)));
    let tagged = jobs.by().tags.all(3).pop_first().unwrap().unwrap();
    assert!(tagged.tags.contains(&3));
    assert_eq!(
        jobs.by().priority.all(job(50).priority).by_row().pop_last().unwrap().map(|job| job.id),
        Some(90)
    );
    db.verify().unwrap();
}

#[test]
fn a_scan_takes_what_is_there_when_it_is_asked() {
    let (_db, jobs) = jobs(0);
    let (first, second) = (jobs.iter(), jobs.iter());
    jobs.insert(&job(5)).unwrap();
    assert_eq!(first.pop_first().unwrap(), Some(job(5)));
    assert_eq!(second.pop_first().unwrap(), None);
}

#[test]
fn in_a_transaction_a_row_is_taken_with_its_writes_or_not_at_all() {
    let (db, jobs) = jobs(10);
    let refused: Result<(), Error> = db.transact(|tx| {
        let jobs = tx.table::<Job>()?;
        jobs.insert(&Job { priority: 0, ..job(100) })?;
        jobs.remove(0)?;
        assert_eq!(jobs.iter().pop_first()?, Some(job(1)), "what it has removed is gone for it");
        assert_eq!(jobs.iter().pop_last()?.map(|job| job.id), Some(100), "what it has added is there");
        Err(Error::abort("no"))
    });
    assert!(refused.is_err());
    assert_eq!(jobs.len().unwrap(), 10);
    db.transact(|tx| tx.table::<Job>()?.by().priority.iter().pop_first()).unwrap();
    assert_eq!(jobs.len().unwrap(), 9);
    // Of two that take the same row one loses.
    let (one, two) = (db.begin(), db.begin());
    let taken = [&one, &two].map(|tx| tx.table::<Job>().unwrap().iter().pop_first().unwrap().unwrap());
    assert_eq!(taken[0], taken[1]);
    one.commit().unwrap();
    assert!(matches!(two.commit(), Err(Error::Conflict)));
    db.verify().unwrap();
}

#[test]
fn each_of_many_consumers_takes_other_rows_and_none_conflicts() {
    for (durability, count) in [(Durability::Fast, 10_000), (Durability::Safe, 1000)] {
        let env = Arc::new(MemoryEnv::new());
        let db = small().durability(durability).env(env).open("/db").unwrap();
        let jobs = db.table::<Job>().unwrap();
        let half: Vec<Job> = (0..count / 2).map(job).collect();
        jobs.insert_many(&half).unwrap();
        let taken = Mutex::new(Vec::new());
        let is_filled = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for id in count / 2..count {
                    jobs.insert(&job(id)).unwrap();
                }
                is_filled.store(true, Ordering::Release);
            });
            for consumer in 0..8 {
                let (taken, is_filled, jobs) = (&taken, &is_filled, &jobs);
                scope.spawn(move || {
                    let mut mine = Vec::new();
                    loop {
                        let was_filled = is_filled.load(Ordering::Acquire);
                        let job = match consumer % 3 {
                            0 => jobs.by().priority.iter().pop_first(),
                            1 => jobs.iter().pop_last(),
                            _ => jobs.iter().pop_first(),
                        };
                        match job.unwrap() {
                            Some(job) => mine.push(job.id),
                            None if was_filled => break,
                            None => std::thread::yield_now(),
                        }
                    }
                    taken.lock().unwrap().extend(mine);
                });
            }
        });
        let mut taken = taken.into_inner().unwrap();
        taken.sort_unstable();
        assert!(taken.into_iter().eq(0..count), "each exactly once");
        assert!(jobs.is_empty().unwrap());
        assert_eq!(db.stats().conflict_count, 0);
        db.verify().unwrap();
    }
}

#[test]
fn a_row_that_changes_before_it_is_taken_is_taken_as_it_is_or_passed_over() {
    let env = Arc::new(MemoryEnv::new());
    let db = small().durability(Durability::Fast).env(env).open("/db").unwrap();
    let jobs = db.table::<Job>().unwrap();
    jobs.insert_many(&(0..2000).map(|id| Job { priority: 1, ..job(id) }).collect::<Vec<_>>()).unwrap();
    let changed = AtomicU64::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for id in 0..2000 {
                let id = id * 7 % 2000;
                if jobs.modify(id, |job| job.priority = 9).unwrap().is_some() {
                    changed.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(job) = jobs.by().priority.range(..5).pop_first().unwrap() {
                    assert_eq!(job.priority, 1, "a row that the scan does not give any more");
                }
            });
        }
    });
    assert_eq!(jobs.by().priority.range(..5).count().unwrap(), 0);
    assert_eq!(jobs.len().unwrap(), changed.into_inner());
    db.verify().unwrap();
}

#[test]
fn a_row_whose_removal_fails_is_there_for_the_next_consumer() {
    let env = FaultEnv::over_memory(MemoryEnv::new());
    let db = small().background(Background::Manual).env(Arc::new(env.clone())).open("/db").unwrap();
    let jobs = db.table::<Job>().unwrap();
    jobs.insert_many(&(0..10).map(job).collect::<Vec<_>>()).unwrap();
    // For ever: with the reserve of the database a removal would find room.
    env.inject(FaultPlan::for_ever(Operation::Write, 0, FaultEffect::FullDisk));
    assert!(matches!(jobs.iter().pop_first(), Err(Error::OutOfSpace)));
    env.heal();
    assert_eq!(jobs.iter().pop_first().unwrap(), Some(job(0)));
    // Asked for the second time when the row is claimed.
    let mut asked = 0;
    let keep = |job: &Job| {
        asked += 1;
        assert!(asked < 2, "{}", job.id);
        true
    };
    let take = std::panic::AssertUnwindSafe(|| jobs.iter().filter(keep).pop_first());
    let panicked = std::panic::catch_unwind(take);
    assert!(panicked.is_err());
    assert_eq!(jobs.iter().pop_first().unwrap(), Some(job(1)));
}

#[test]
fn a_row_that_was_taken_durably_is_taken_once_whatever_crashes() {
    for seed in 0..40 {
        let (mut random, mut memory) = (Random::new(seed, "queue"), MemoryEnv::with_seed(seed));
        let mut waiting: BTreeSet<u64> = BTreeSet::new();
        let mut next = 0;
        for _life in 0..4 {
            let db =
                small().memtable_size(2 << 10).background(Background::Manual).env(Arc::new(memory.clone()));
            let db = db.open("/db").unwrap();
            let jobs = db.table::<Job>().unwrap();
            assert!(jobs.iter().keys().map(Result::unwrap).eq(waiting.iter().copied()), "seed {seed}");
            db.verify().unwrap();
            for _ in 0..random.below(60) {
                match random.below(6) {
                    0..3 => {
                        jobs.insert(&job(next)).unwrap();
                        waiting.insert(next);
                        next += 1;
                    }
                    3 => assert_eq!(jobs.iter().pop_last().unwrap().map(|job| job.id), waiting.pop_last()),
                    4 => assert_eq!(jobs.iter().pop_first().unwrap().map(|job| job.id), waiting.pop_first()),
                    _ => db.step().map(drop).unwrap(),
                }
            }
            memory =
                memory.crash(*random.pick(&[CrashPolicy::Lost, CrashPolicy::Kept, CrashPolicy::Torn]), seed);
        }
    }
}
