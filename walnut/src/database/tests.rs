//! What a look at the rows that are left costs, counted in steps and block reads: the same whatever
//! was removed before them, and wherever its tombstones are by now.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::cursor::steps;
use crate::env::{CrashPolicy, MemoryEnv};
use crate::kv::Keyspace;
use crate::{Background, Database, DefaultTable, Durability};

/// Entries that one look steps over beside those that it returns, at most.
const STEPS: usize = 64;

/// Reads of blocks by one look, at most: those of ten rows that an index leads to and of some others,
/// and one in each run where the look starts and behind each dead range that it seeks past.
const READS: usize = 16;

/// Rows that a look walks over.
const TEN: usize = 10;

/// Removed entries between two rows that are not worth remembering.
const FEW: usize = 16;

/// Removed entries that came last, which are not scanned yet.
const LAST: usize = 1024;

/// Rows that wait behind those that are removed.
const BACKLOG: u64 = 100;

/// Rows of a commit that removes many.
const BATCH: usize = 1000;

#[derive(crate::Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = "jobs", crate = crate)]
struct Job {
    #[primary_key]
    id: u64,
    #[index]
    priority: u32,
}

/// The jobs of neighbouring ids have priorities far from each other.
fn job(id: u64) -> Job {
    // The finalizer of SplitMix64.
    let mut mixed = id.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    Job { id, priority: u32::try_from((mixed ^ mixed >> 31) >> 40).unwrap() }
}

/// The steps of a look at ten rows with so many removed ones between two of them.
fn ten_beside(between: usize) -> usize {
    TEN * (1 + between)
}

fn ids(jobs: Vec<Job>) -> Vec<u64> {
    jobs.into_iter().map(|job| job.id).collect()
}

/// The numbers of removals of a test: those of `WALNUT_REMOVALS`, separated by commas.
fn sizes() -> Vec<u64> {
    let sizes = std::env::var("WALNUT_REMOVALS").unwrap_or("1000,10000".to_owned());
    sizes.split(',').map(|size| size.parse().expect("a number")).collect()
}

/// A database none of whose blocks is cached, and what looks at it have cost. What a look has to do
/// in place of a background thread is not counted: scans for dead ranges, flushes and merges.
struct Looks {
    env: MemoryEnv,
    db: Database,
    /// The dearest look: its steps and its reads.
    most: (usize, usize),
}

impl Looks {
    fn new() -> Self {
        let env = MemoryEnv::new();
        Self { db: Self::open(&env), env, most: (0, 0) }
    }

    fn open(env: &MemoryEnv) -> Database {
        let builder = Database::builder().background(Background::Manual).durability(Durability::Fast);
        builder.cache_size(0).block_size(1 << 10).env(Arc::new(env.clone())).open("/db").unwrap()
    }

    fn jobs(&self) -> DefaultTable<Job> {
        self.db.table::<Job>().unwrap()
    }

    fn keyspace(&self) -> Keyspace {
        self.db.keyspace("keys").unwrap()
    }

    fn insert(&self, ids: std::ops::Range<u64>) {
        let jobs = self.jobs();
        for first in ids.clone().step_by(BATCH) {
            jobs.insert_many(&(first..ids.end.min(first + BATCH as u64)).map(job).collect::<Vec<_>>())
                .unwrap();
        }
    }

    fn look<R>(&mut self, walked: usize, look: impl FnOnce() -> R) -> R {
        let (seen, steps, reads) = steps::with_reads(look);
        let seeks = (1 + walked.min(TEN)) * self.db.stats().run_count;
        let reads = reads.saturating_sub(seeks);
        self.most = (self.most.0.max(steps.saturating_sub(walked)), self.most.1.max(reads));
        seen
    }

    fn expect_cheap(&mut self, when: &str) {
        let (steps, reads) = std::mem::take(&mut self.most);
        assert!(steps <= STEPS && reads <= READS, "{steps} steps, {reads} reads: {when}");
    }

    /// Looks, in each place where removed entries may be.
    fn everywhere(mut self, name: &str, mut looks: impl FnMut(&mut Self)) {
        type Move = fn(&mut Looks);
        let reopen: Move = |looks| {
            looks.db.close().unwrap();
            looks.db = Self::open(&looks.env);
        };
        let crash: Move = |looks| {
            looks.db.sync().unwrap();
            looks.env = looks.env.crash(CrashPolicy::Lost, 1);
            looks.db = Self::open(&looks.env);
            looks.db.step().unwrap();
        };
        let moves: [(&str, Move); 6] = [
            ("in memory", |_| {}),
            ("replayed", crash),
            ("flushed", |looks| looks.db.checkpoint().unwrap()),
            ("reopened", reopen),
            ("merged", |looks| looks.db.compact().unwrap()),
            ("reopened again", reopen),
        ];
        for (place, there) in moves {
            there(&mut self);
            looks(&mut self);
            self.expect_cheap(&format!("{name}, {place}"));
        }
    }

    /// Looks at these rows in the order of their ids. Up to so many removed ones may be between
    /// two of them.
    fn by_id(&mut self, left: &[u64], between: usize) {
        let jobs = self.jobs();
        let first = self.look(between, || jobs.iter().first().unwrap());
        assert_eq!(first.map(|job| job.id), left.first().copied());
        let last = self.look(between, || jobs.iter().last().unwrap());
        assert_eq!(last.map(|job| job.id), left.last().copied());
        let ten = self.look(ten_beside(between), || jobs.iter().limit(TEN as u64).collect_vec().unwrap());
        assert_eq!(ids(ten), left[..TEN]);
        let ten =
            self.look(ten_beside(between), || jobs.iter().rev().limit(TEN as u64).collect_vec().unwrap());
        assert!(ids(ten).into_iter().eq(left.iter().rev().take(TEN).copied()));
    }

    /// The same, in the order of their priorities.
    fn by_priority(&mut self, left: &[u64], between: usize) {
        let jobs = self.jobs();
        let mut left: Vec<Job> = left.iter().copied().map(job).collect();
        left.sort_by_key(|job| (job.priority, job.id));
        let left = ids(left);
        let by = || jobs.by().priority.iter();
        let first = self.look(between, || by().first().unwrap());
        assert_eq!(first.map(|job| job.id), left.first().copied());
        let ten = self.look(ten_beside(between), || by().limit(TEN as u64).collect_vec().unwrap());
        assert_eq!(ids(ten), left[..TEN]);
    }

    /// Looks in an order in which removed rows lie between those that are left, which are dear once.
    /// Few removed ones between two rows are stepped over each time.
    fn after_one(&mut self, looks: impl Fn(&mut Self)) {
        let most = self.most;
        looks(self);
        self.most = most;
        looks(self);
    }
}

#[test]
fn a_queue_costs_the_same_whatever_was_taken_from_it() {
    for count in sizes() {
        let mut looks = Looks::new();
        looks.insert(0..BACKLOG);
        let jobs = looks.jobs();
        for id in 0..count {
            jobs.insert(&job(id + BACKLOG)).unwrap();
            let seen = looks.look(0, || jobs.iter().first().unwrap());
            assert_eq!(seen, Some(job(id)));
            let taken = looks.look(0, || jobs.iter().pop_first().unwrap());
            assert_eq!(taken, Some(job(id)));
        }
        looks.expect_cheap(&format!("{count} taken"));
        let left: Vec<u64> = (count..count + BACKLOG).collect();
        looks.everywhere(&format!("{count} taken"), |looks| {
            looks.by_id(&left, 0);
            looks.after_one(|looks| looks.by_priority(&left, FEW));
        });
    }
}

#[test]
fn a_queue_by_an_index_costs_the_same_whatever_was_taken_from_it() {
    for count in sizes() {
        let mut looks = Looks::new();
        looks.insert(0..BACKLOG);
        let jobs = looks.jobs();
        let mut waiting: std::collections::BTreeSet<(u32, u64)> =
            (0..BACKLOG).map(|id| (job(id).priority, id)).collect();
        for id in BACKLOG..BACKLOG + count {
            jobs.insert(&job(id)).unwrap();
            waiting.insert((job(id).priority, id));
            let taken = looks.look(0, || jobs.by().priority.iter().pop_first().unwrap());
            assert_eq!(taken.map(|job| job.id), waiting.pop_first().map(|(_, id)| id));
        }
        looks.expect_cheap(&format!("{count} taken"));
        let mut left: Vec<u64> = waiting.iter().map(|(_, id)| *id).collect();
        left.sort_unstable();
        looks.everywhere(&format!("{count} taken"), |looks| {
            looks.by_priority(&left, 0);
            looks.after_one(|looks| looks.by_id(&left, FEW));
        });
    }
}

#[test]
fn draining_costs_the_same_for_each_row() {
    for count in sizes() {
        let mut looks = Looks::new();
        looks.insert(0..count + BACKLOG);
        let jobs = looks.jobs();
        let (mut low, mut high) = (0, count + BACKLOG);
        while high - low > BACKLOG {
            let from_back = low % 3 == 0 || high % 5 == 0;
            let taken = looks.look(0, || {
                if from_back { jobs.iter().pop_last() } else { jobs.iter().pop_first() }.unwrap()
            });
            let id = if from_back { high - 1 } else { low };
            (low, high) = if from_back { (low, id) } else { (low + 1, high) };
            assert_eq!(taken, Some(job(id)));
        }
        looks.expect_cheap(&format!("{count} taken"));
        let left: Vec<u64> = (low..high).collect();
        looks.everywhere(&format!("{count} taken"), |looks| looks.by_id(&left, 0));
    }
}

#[test]
fn the_first_look_after_a_bulk_removal_costs_as_much_as_any_other() {
    type Remove = fn(&DefaultTable<Job>, u64);
    let ways: [(&str, bool, Remove); 4] = [
        ("remove_all", false, |jobs, count| assert_eq!(jobs.range(..count).remove_all().unwrap(), count)),
        ("batches", false, |jobs, count| {
            assert_eq!(jobs.range(..count).in_batches(BATCH).remove_all().unwrap(), count);
        }),
        ("remove_many", false, |jobs, count| {
            for first in (0..count).step_by(BATCH) {
                let ids = first..count.min(first + BATCH as u64);
                assert!(jobs.remove_many(ids).unwrap().iter().all(Option::is_some));
            }
        }),
        ("row by row", true, |jobs, count| {
            (0..count).for_each(|id| assert!(jobs.remove(id).unwrap().is_some()));
        }),
    ];
    for (name, one_by_one, remove) in ways {
        for flushed in [false, true] {
            for count in sizes() {
                let looks = Looks::new();
                looks.insert(0..count + BACKLOG);
                if flushed {
                    looks.db.checkpoint().unwrap();
                }
                remove(&looks.jobs(), count);
                let left: Vec<u64> = (count..count + BACKLOG).collect();
                let name = format!("{name} of {count}, flushed before: {flushed}");
                looks.everywhere(&name, |looks| {
                    looks.by_id(&left, if one_by_one { LAST } else { 0 });
                    looks.after_one(|looks| looks.by_priority(&left, FEW));
                });
            }
        }
    }
}

/// With threads, too: such a commit scans for itself.
#[test]
fn a_commit_that_removes_many_rows_leaves_none_to_be_stepped_over() {
    let db = Database::builder().durability(Durability::Fast).in_memory().unwrap();
    let jobs = db.table::<Job>().unwrap();
    jobs.insert_many(&(0..4000 + BACKLOG).map(job).collect::<Vec<_>>()).unwrap();
    assert_eq!(jobs.range(..4000).remove_all().unwrap(), 4000);
    let (first, steps) = steps::of(|| jobs.iter().first().unwrap());
    assert_eq!(first, Some(job(4000)));
    assert!(steps <= STEPS, "{steps} steps");
}

#[test]
fn a_cleared_range_is_sought_past_at_once() {
    for count in sizes() {
        let looks = Looks::new();
        let keys = looks.keyspace();
        (0..count + BACKLOG).for_each(|n| keys.put(n.to_be_bytes(), b"").unwrap());
        keys.remove_range(..count.to_be_bytes()).unwrap();
        looks.everywhere(&format!("a range of {count}"), |looks| {
            let keys = looks.keyspace();
            let first = looks.look(0, || keys.first().unwrap());
            assert_eq!(first.map(|(key, _)| key), Some(count.to_be_bytes().to_vec()));
            let ten = looks.look(TEN, || keys.iter().take(TEN).map(Result::unwrap).count());
            assert_eq!(ten, TEN);
        });
    }
}

#[test]
fn clearing_again_and_again_costs_the_same() {
    for count in sizes() {
        let mut looks = Looks::new();
        let keys = looks.keyspace();
        for round in 0..count / 10 {
            (0..10).for_each(|n| keys.put((round * 10 + n).to_be_bytes(), b"").unwrap());
            keys.remove_range(..).unwrap();
            assert!(looks.look(0, || keys.is_empty().unwrap()));
        }
        looks.expect_cheap(&format!("{count} cleared"));
        looks.everywhere(&format!("{count} cleared"), |looks| {
            let keys = looks.keyspace();
            assert!(looks.look(0, || keys.is_empty().unwrap()));
        });
    }
}

#[test]
fn the_neighbours_of_a_hot_key_are_as_near_as_any() {
    for count in sizes() {
        let looks = Looks::new();
        let keys = looks.keyspace();
        for key in ["a", "b", "c"] {
            keys.put(key, b"").unwrap();
        }
        (0..count).for_each(|n| keys.put("b", n.to_be_bytes()).unwrap());
        looks.everywhere(&format!("{count} versions"), |looks| {
            let keys = looks.keyspace();
            let three = looks.look(3, || keys.iter().map(Result::unwrap).count());
            assert_eq!(three, 3);
            assert_eq!(looks.look(3, || keys.iter().rev().map(Result::unwrap).count()), 3);
        });
    }
}
