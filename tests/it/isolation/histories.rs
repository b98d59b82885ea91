//! Random transactions of many threads, through crashes, held against a checker of histories; and the checker itself, held
//! against histories that are wrong.
//!
//! A long hunt: `WALNUT_SEEDS=100 cargo test --release -p walnut-tests --test it isolation::histories` is 100,000
//! transactions.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use walnut::env::{CrashPolicy, MemoryEnv, Operations};
use walnut::{
    Background, Database, DefaultTable, Durability, Error, InTransaction, Result, Table, Transaction,
};
use walnut_tests::history::{Anomaly, Deed, Done, End, Lists, check};
use walnut_tests::model_check::{for_each_seed, seeds};
use walnut_tests::random::Random;

/// A list, found by each of its columns.
#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = "lists")]
struct List {
    #[primary_key]
    id: u64,
    #[index(unique)]
    name: String,
    #[index]
    group: u64,
    elements: Vec<u64>,
}

const THREADS: u64 = 8;
/// Crashes of a seed, and transactions of each thread before each.
const LIVES: u64 = 5;
const TRANSACTIONS: u64 = 25;
/// Lists that are in use at a time, and elements after which others are.
const LISTS: u64 = 6;
const ELEMENTS: u64 = 60;
/// Lists of a group, which are read together.
const GROUP: u64 = 3;

fn name(id: u64) -> String {
    format!("list {id}")
}

/// The transactions of all threads of a seed.
#[derive(Default)]
struct Life {
    elements: AtomicU64,
    history: Mutex<Vec<Done>>,
}

impl Life {
    /// One of the lists that are in use.
    fn list(&self, random: &mut Random) -> u64 {
        self.elements.load(Ordering::Relaxed) / ELEMENTS * LISTS + random.below(LISTS)
    }

    fn note(&self, session: u64, deeds: Vec<Deed>, end: End) {
        self.history.lock().unwrap().push(Done { session, deeds, end });
    }

    /// What a thread does until it has done enough or the power goes.
    fn live(&self, db: &Database, session: u64, seed: u64) {
        let mut random = Random::new(seed, "session");
        for _ in 0..TRANSACTIONS {
            // Each run of a closure that is run again was a transaction of its own, which lost.
            let runs = RefCell::new(Vec::new());
            let outcome = if random.one_in(3) {
                let tx = db.begin();
                let done = self.run(&tx, &mut random, &runs);
                done.and_then(|()| tx.commit())
            } else {
                let durability = *random.pick(&[Durability::Safe, Durability::Group]);
                db.transact_with(durability, |tx| self.run(tx, &mut random, &runs))
            };
            let mut runs = runs.into_inner();
            let last = runs.pop().unwrap_or_default();
            for deeds in runs {
                self.note(session, deeds, End::Aborted);
            }
            match outcome {
                Ok(()) => self.note(session, last, End::Committed),
                Err(Error::Conflict | Error::Abort(_)) => self.note(session, last, End::Aborted),
                // The power is gone.
                Err(_) => return self.note(session, last, End::Unknown),
            }
        }
    }

    /// One transaction: some deeds, perhaps some that are taken back, perhaps all of them.
    fn run(&self, tx: &Transaction, random: &mut Random, runs: &RefCell<Vec<Vec<Deed>>>) -> Result<()> {
        runs.borrow_mut().push(Vec::new());
        let note = |deed| runs.borrow_mut().last_mut().unwrap().push(deed);
        let lists = tx.table::<List>()?;
        for _ in 0..=random.below(4) {
            let id = self.list(random);
            match random.below(9) {
                0..4 => note(Deed::Append(id, self.append(&lists, id, random)?)),
                4 => {
                    let savepoint = tx.savepoint();
                    // It is never seen by anybody, so that nobody need know of it.
                    self.append(&lists, id, random)?;
                    tx.rollback_to(savepoint)?;
                }
                _ => read(&lists, id, random, note)?,
            }
        }
        if random.one_in(10) { Err(Error::abort("rolled back")) } else { Ok(()) }
    }

    /// Appends a new element to a list, one way or another.
    fn append(
        &self,
        lists: &DefaultTable<List, InTransaction<'_>>,
        id: u64,
        random: &mut Random,
    ) -> Result<u64> {
        let element = self.elements.fetch_add(1, Ordering::Relaxed);
        let new = List { id, name: name(id), group: id / GROUP, elements: vec![element] };
        let changed = match random.below(3) {
            0 => lists.modify(id, |list| list.elements.push(element))?,
            1 => lists.by().name.modify(&name(id), |list| list.elements.push(element))?,
            _ => match lists.insert(&new) {
                Ok(()) => Some(new.clone()),
                Err(Error::UniqueViolation(_)) => lists.modify(id, |list| list.elements.push(element))?,
                Err(error) => return Err(error),
            },
        };
        if changed.is_none() {
            lists.insert(&new)?;
        }
        Ok(element)
    }
}

/// Reads a list, or all of its group, one way or another. One that is not there is empty.
fn read(
    lists: &DefaultTable<List, InTransaction<'_>>,
    id: u64,
    random: &mut Random,
    note: impl Fn(Deed),
) -> Result<()> {
    let elements = |list: Option<List>| list.map_or_else(Vec::new, |list| list.elements);
    let first = id / GROUP * GROUP;
    let found = match random.below(4) {
        0 => {
            note(Deed::Read(id, elements(lists.get(id)?)));
            return Ok(());
        }
        1 => {
            note(Deed::Read(id, elements(lists.by().name.get(&name(id))?)));
            return Ok(());
        }
        2 => lists.by().group.all(id / GROUP).collect_vec()?,
        _ => lists.range(first..first + GROUP).rev().collect_vec()?,
    };
    for id in first..first + GROUP {
        note(Deed::Read(id, elements(found.iter().find(|list| list.id == id).cloned())));
    }
    Ok(())
}

fn all(lists: &DefaultTable<List>) -> Result<Lists> {
    lists.iter().map(|list| list.map(|list| (list.id, list.elements))).collect()
}

/// Lives on one machine, each ended by a crash, and what the checker says of them all.
fn live_and_check(seed: u64) {
    let mut random = Random::new(seed, "histories");
    let mut env = MemoryEnv::with_seed(seed);
    let life = Life::default();
    for number in 0..=LIVES {
        let builder = Database::builder()
            .env(Arc::new(env.clone()))
            .group_window(Duration::ZERO)
            .memtable_size(*random.pick(&[4 << 10, 64 << 10]))
            .block_size(512)
            .background(*random.pick(&[Background::Thread, Background::Manual]));
        let db = builder.open("/db").expect("it was crashed, not damaged");
        let lists = db.table::<List>().expect("nothing is in the way");
        db.verify().expect("rows and entries belong together");
        if number == LIVES {
            let end = all(&lists).expect("nothing is in the way");
            let history = life.history.into_inner().unwrap();
            assert!(history.iter().filter(|done| done.end == End::Committed).count() > 50);
            assert_eq!(check(&history, &end), []);
            return;
        }
        env.power_off_before_next(Operations::Mutations, 200 + random.below(TRANSACTIONS * THREADS * 3));
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let (db, life) = (&db, &life);
                let session = number * THREADS + thread;
                scope.spawn(move || life.live(db, session, seed << 16 | session));
            }
        });
        drop((lists, db));
        env = env.crash(*random.pick(&CrashPolicy::ALL), random.next());
    }
}

/// Not on an engine elsewhere: its processes do not crash with a machine.
#[cfg(not(feature = "remote"))]
#[test]
fn no_history_of_eight_threads_and_their_crashes_has_an_anomaly() {
    for_each_seed("no_history_of_eight_threads", seeds(3), live_and_check);
}

/// A committed transaction.
fn done(session: u64, deeds: Vec<Deed>) -> Done {
    Done { session, deeds, end: End::Committed }
}

fn found(history: &[Done], end: &[(u64, &[u64])]) -> Vec<Anomaly> {
    check(history, &end.iter().map(|(list, elements)| (*list, elements.to_vec())).collect::<BTreeMap<_, _>>())
}

use Deed::{Append, Read};

#[test]
fn the_checker_takes_what_can_have_happened() {
    let history = [
        done(1, vec![Append(1, 10), Read(1, vec![10]), Append(2, 20)]),
        done(2, vec![Read(1, vec![]), Read(2, vec![])]),
        done(3, vec![Read(1, vec![10]), Append(1, 11), Read(1, vec![10, 11]), Append(1, 12)]),
        Done { session: 4, deeds: vec![Append(1, 13), Read(2, vec![99])], end: End::Aborted },
        Done { session: 5, deeds: vec![Append(1, 14), Append(2, 24)], end: End::Unknown },
        Done { session: 6, deeds: vec![Append(1, 15), Append(2, 25)], end: End::Unknown },
        done(7, vec![Read(2, vec![20, 24]), Read(1, vec![10, 11, 12, 14])]),
    ];
    assert_eq!(found(&history, &[(1, &[10, 11, 12, 14]), (2, &[20, 24])]), []);
}

#[test]
fn the_checker_finds_reads_of_what_never_was_or_was_taken_back() {
    let aborted = Done { session: 1, deeds: vec![Append(1, 10)], end: End::Aborted };
    let reads = |list: Vec<u64>| done(2, vec![Read(1, list)]);
    assert!(found(&[aborted.clone(), reads(vec![10])], &[]).contains(&Anomaly::AbortedG1a(10)));
    assert_eq!(found(&[aborted], &[(1, &[10])]), [Anomaly::AbortedG1a(10)]);
    assert!(found(&[reads(vec![77])], &[]).contains(&Anomaly::Garbage(77)));
    let appends = done(1, vec![Append(1, 10), Append(1, 11)]);
    assert!(
        found(&[appends.clone(), reads(vec![10])], &[(1, &[10, 11])]).contains(&Anomaly::IntermediateG1b(10))
    );
    assert!(
        found(&[appends.clone(), reads(vec![11])], &[(1, &[10, 11])]).contains(&Anomaly::Incompatible(1))
    );
    assert!(found(&[appends], &[(1, &[10, 11, 10])]).contains(&Anomaly::Twice(10)));
}

#[test]
fn the_checker_finds_what_was_lost_and_who_does_not_see_itself() {
    let appends = done(1, vec![Append(1, 10), Append(2, 20)]);
    assert_eq!(found(std::slice::from_ref(&appends), &[(1, &[10])]), [Anomaly::Lost(0)]);
    let half = Done { end: End::Unknown, ..appends };
    assert_eq!(found(std::slice::from_ref(&half), &[(1, &[10])]), [Anomaly::Lost(0)]);
    assert_eq!(found(&[half], &[]), []);
    let blind = done(1, vec![Append(1, 10), Read(1, vec![])]);
    assert!(found(&[blind], &[(1, &[10])]).contains(&Anomaly::Internal(0)));
    let wavers = done(1, vec![Read(1, vec![]), Read(1, vec![10])]);
    assert!(found(&[wavers, done(2, vec![Append(1, 10)])], &[(1, &[10])]).contains(&Anomaly::Internal(0)));
}

#[test]
fn the_checker_names_cycles() {
    let same = |found: Vec<Anomaly>, name: fn(Vec<usize>) -> Anomaly| {
        let [anomaly] = &found[..] else { panic!("{found:?}") };
        let (Anomaly::WriteCycleG0(cycle)
        | Anomaly::CircularG1c(cycle)
        | Anomaly::SkewGSingle(cycle)
        | Anomaly::AntiDependencyG2(cycle)) = anomaly
        else {
            panic!("{anomaly:?}")
        };
        assert_eq!(*anomaly, name(cycle.clone()));
        cycle.len()
    };
    let one = done(1, vec![Append(1, 10), Append(2, 20)]);
    let other = done(2, vec![Append(1, 11), Append(2, 21)]);
    let end: &[(u64, &[u64])] = &[(1, &[10, 11]), (2, &[21, 20])];
    assert_eq!(same(found(&[one, other], end), Anomaly::WriteCycleG0), 2);

    let one = done(1, vec![Append(1, 10), Read(2, vec![20])]);
    let other = done(2, vec![Append(2, 20), Read(1, vec![10])]);
    let end: &[(u64, &[u64])] = &[(1, &[10]), (2, &[20])];
    assert_eq!(same(found(&[one, other], end), Anomaly::CircularG1c), 2);

    // Half of a transaction is seen.
    let writer = done(1, vec![Append(1, 10), Append(2, 20)]);
    let reader = done(2, vec![Read(1, vec![10]), Read(2, vec![])]);
    assert_eq!(same(found(&[writer, reader], end), Anomaly::SkewGSingle), 2);

    // Write skew.
    let one = done(1, vec![Read(1, vec![]), Append(2, 20)]);
    let other = done(2, vec![Read(2, vec![]), Append(1, 10)]);
    assert_eq!(same(found(&[one, other], end), Anomaly::AntiDependencyG2), 2);

    // A ring of three.
    let ring: Vec<Done> =
        (0..3).map(|n| done(n, vec![Read(n, vec![]), Append((n + 1) % 3, 10 + n)])).collect();
    let end: &[(u64, &[u64])] = &[(0, &[12]), (1, &[10]), (2, &[11])];
    assert_eq!(same(found(&ring, end), Anomaly::AntiDependencyG2), 3);

    // A session goes back in time.
    let history =
        [done(1, vec![Append(1, 10)]), done(2, vec![Read(1, vec![10])]), done(2, vec![Read(1, vec![])])];
    assert_eq!(same(found(&history, &[(1, &[10])]), Anomaly::SkewGSingle), 3);
}
