//! Drives store and model side by side, cuts the power wherever it hurts, and holds what comes back against Rule P.
//!
//! *Rule P*: the state after recovery is the model's after m statements, with acknowledged <= m <= started.
//!
//! ```text
//!   run      one workload on one machine, until it ends or the power does
//!   crash    what is left of it, opened again, perhaps crashing once more on the way
//!   go on    a little, on what was recovered
//! ```
//!
//! A seed says everything: options, workload, crash points. A failure names the seed and how to run it alone.

use std::ops::RangeInclusive;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use walnut::env::{CrashPolicy, MemoryEnv, Operations};
use walnut::remote::{Engine, Memory, Serializable, copy};
use walnut::{Database, Durability};

use crate::course;
use crate::model::{History, State};
use crate::random::Random;
use crate::rows::{Document, User};
use crate::session::{DIR, Session, Setup, leaks};
use crate::workload::{self, Step};

/// How much is done for a seed.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Steps of the workload.
    pub steps: usize,
    /// Where it is crashed.
    pub crashes: Crashes,
}

/// The crash points of a run.
#[derive(Clone, Copy, Debug)]
pub enum Crashes {
    /// So many, spread over it.
    Spread(u64),
    /// Every sync once, under one policy or another, just before it or just after it.
    EverySync,
    /// Every sync before and after it, and every fifth change between them, under every policy.
    EverySyncUnderEveryPolicy,
}

/// When the power goes.
#[derive(Clone, Copy, Debug)]
struct Cut {
    operations: Operations,
    count: u64,
    /// At the next such operation, or at once.
    lingers: bool,
}

/// What a run came to.
#[derive(Debug)]
struct Run {
    history: History,
    /// How many statements were acknowledged as durable.
    acknowledged: usize,
    /// Whether the steps came to their end before the power did.
    finished: bool,
}

/// The seeds to be tried: as many as `WALNUT_SEEDS` says, beginning with the number that `WALNUT_SEED` says.
pub fn seeds(default_count: u64) -> RangeInclusive<u64> {
    share_of_seeds(default_count, 1)
}

/// The same for a test whose seeds are as much work as `weight` others: that much fewer than `WALNUT_SEEDS` says.
pub fn share_of_seeds(default_count: u64, weight: u64) -> RangeInclusive<u64> {
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let first = number("WALNUT_SEED");
    let wanted = number("WALNUT_SEEDS").map(|count| count.div_ceil(weight));
    let count = wanted.unwrap_or(if first.is_some() { 1 } else { default_count });
    let first = first.unwrap_or(0);
    first..=first + count.max(1) - 1
}

/// Does `check` for every seed, on all cores; a failure says which seed it was and how it is run alone.
pub fn for_each_seed(test: &str, seeds: RangeInclusive<u64>, check: impl Fn(u64) + Sync) {
    let next = AtomicU64::new(*seeds.start());
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed > *seeds.end() {
                return;
            }
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| check(seed))) {
                next.store(u64::MAX / 2, Ordering::Relaxed);
                let reason = panic
                    .downcast_ref::<String>()
                    .cloned()
                    .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
                let Some(reason) = reason else { resume_unwind(panic) };
                let replay = format!("WALNUT_SEED={seed} cargo test -p walnut-tests --test it {test}");
                panic!("seed {seed} failed:\n{reason}\nreplay it with: {replay}");
            }
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        for thread in threads {
            if let Err(panic) = thread.join() {
                resume_unwind(panic);
            }
        }
    });
}

/// Runs the workload of a seed without a crash, and then with as many as asked for.
pub fn check_model(seed: u64, effort: Effort) {
    let setup = Setup::draw(seed);
    let steps = workload::draw(seed, effort.steps);
    let env = machine(&setup, seed);
    let before = (env.sync_count(), env.counts().of(Operations::Mutations));
    let run = run(&setup, &env, &steps, History::from(State::default()));
    assert!(run.finished, "the power was never cut");
    check_after_reopening(&setup, &env, run.history.now(), false);
    let (syncs, changes) = (env.sync_count() - before.0, env.counts().of(Operations::Mutations) - before.1);
    for (number, (cut, policy)) in (0..).zip(cuts(seed, effort, syncs, changes)) {
        let machine = machine(&setup, seed);
        let case = || format!("{cut:?}, {policy:?}, crash {number}, {setup:?}");
        in_case(case, || crash(&setup, &machine, &steps, cut, policy, seed.wrapping_add(number)));
    }
}

/// Runs the workload of a seed on an engine that runs elsewhere, each time that it is opened as another client. What
/// only a database in files has, such as a compaction, compares rows and entries there.
pub fn check_model_on<E: Engine + Serializable>(
    seed: u64,
    step_count: usize,
    open: impl Fn() -> walnut::Result<Session<E>>,
) {
    let mut history = History::from(State::default());
    let mut session = open().expect("the engine is there");
    for (number, step) in workload::draw(seed, step_count).iter().enumerate() {
        let run = || {
            match step {
                Step::Op(_) | Step::Transaction { .. } | Step::Ask(..) => {
                    let written = || session.state();
                    return course::run(&session, &mut history, step, written, |_| ());
                }
                Step::Reopen { .. } => session = open()?,
                Step::Checkpoint | Step::Sync | Step::Compact | Step::Steps(_) => {}
            }
            session.db.verify_tables().map(drop)
        };
        let outcome = in_case(|| format!("step {number}, {step:?}"), run);
        outcome.unwrap_or_else(|error| panic!("step {number}, {step:?}: {error}"));
    }
    session.check(history.now()).expect("the engine is there");
    session.db.verify_tables().expect("every entry is one that a row asks for");
}

/// A machine on which nothing was written, or a database whose tables have no row count yet: one that was copied from an
/// engine that has none.
fn machine(setup: &Setup, seed: u64) -> MemoryEnv {
    let env = MemoryEnv::with_seed(seed);
    if Random::new(seed, "machine").one_in(3) {
        let from = Database::on(Memory::new()).expect("it is in memory");
        from.table::<User>().and_then(|_| from.table::<Document>()).expect("it is new");
        let to = setup.builder().env(Arc::new(env.clone())).open(DIR).expect("it is new");
        copy(&from, &to).expect("nothing is in the way");
        to.close().expect("nothing is in the way");
    }
    env
}

/// The crash points of a seed.
fn cuts(seed: u64, effort: Effort, syncs: u64, changes: u64) -> Vec<(Cut, CrashPolicy)> {
    let at = |operations, count, lingers| Cut { operations, count, lingers };
    let mut random = Random::new(seed, "cuts");
    let count = match effort.crashes {
        Crashes::Spread(count) => count,
        Crashes::EverySync => {
            let cut = |n| (at(Operations::Syncs, n, random.one_in(2)), *random.pick(&CrashPolicy::ALL));
            return (0..syncs).map(cut).collect();
        }
        Crashes::EverySyncUnderEveryPolicy => {
            let at_syncs =
                (0..syncs).flat_map(|n| [true, false].map(|lingers| at(Operations::Syncs, n, lingers)));
            let between = (0..changes).step_by(5).map(|n| at(Operations::Mutations, n, true));
            let every = at_syncs.chain(between);
            return every.flat_map(|cut| CrashPolicy::ALL.map(|policy| (cut, policy))).collect();
        }
    };
    let cut = |n| {
        let policy = *random.pick(&CrashPolicy::ALL);
        // Spread evenly, with a shift of the seed's own, so that all seeds together hit everything.
        let spread = |all: u64, random: &mut Random| (n * all / count + random.below(all / count + 1)) % all;
        match random.below(4) {
            0 => (at(Operations::Mutations, spread(changes, &mut random), true), policy),
            1 => (at(Operations::Syncs, spread(syncs, &mut random), false), policy),
            _ => (at(Operations::Syncs, spread(syncs, &mut random), true), policy),
        }
    };
    (0..count).map(cut).collect()
}

/// Runs a workload on a machine whose power is cut, and looks at what is left.
fn crash(setup: &Setup, machine: &MemoryEnv, steps: &[Step], cut: Cut, policy: CrashPolicy, seed: u64) {
    let Cut { operations, count, lingers } = cut;
    if lingers {
        machine.power_off_before_next(operations, count);
    } else {
        machine.power_off_after(operations, count);
    }
    let Run { history, acknowledged, .. } = run(setup, machine, steps, History::from(State::default()));
    let (env, session) = recover(setup, machine, policy, seed);
    let state = session.state().expect("what was recovered can be read");
    let allowed = acknowledged..=history.length();
    let found = allowed.clone().rev().find(|statements| *history.after(*statements) == state);
    let Some(statements) = found else {
        let before = (0..=history.length()).rev().find(|statements| *history.after(*statements) == state);
        panic!("Rule P: {before:?} statements were recovered, and {allowed:?} are allowed\n{state:#?}");
    };
    session.check(history.after(statements)).expect("what was recovered can be read");
    drop(session);
    let run = run_on(setup, &env, &workload::draw(seed, 6), History::from(state));
    check_after_reopening(setup, &env, run.history.now(), true);
}

/// Opens what a crash left, which may crash itself now and then.
fn recover(setup: &Setup, machine: &MemoryEnv, policy: CrashPolicy, seed: u64) -> (MemoryEnv, Session) {
    let mut random = Random::new(seed, "recovery");
    let mut env = machine.crash(policy, seed);
    while random.one_in(3) {
        env.power_off_before_next(Operations::Mutations, random.below(30));
        drop(setup.open(Arc::new(env.clone())));
        let policy = *random.pick(&CrashPolicy::ALL);
        env = env.crash(policy, random.next());
    }
    let session = setup.open(Arc::new(env.clone()));
    let session = session.unwrap_or_else(|error| panic!("a crashed database does not open: {error}"));
    (env, session)
}

/// Runs steps that nothing may disturb.
fn run_on(setup: &Setup, env: &MemoryEnv, steps: &[Step], history: History) -> Run {
    let run = run(setup, env, steps, history);
    assert!(run.finished, "the power was never cut");
    run
}

/// Runs steps on store and model until they or the power come to their end, and closes the database.
fn run(setup: &Setup, env: &MemoryEnv, steps: &[Step], history: History) -> Run {
    let mut run = Run { history, acknowledged: 0, finished: false };
    match run.steps(setup, env, steps) {
        Ok(()) => run.finished = true,
        Err(error) => assert!(env.is_off(), "an error though the power is on: {error}"),
    }
    run
}

impl Run {
    fn steps(&mut self, setup: &Setup, env: &MemoryEnv, steps: &[Step]) -> walnut::Result<()> {
        let mut session = setup.open(Arc::new(env.clone()))?;
        for (number, step) in steps.iter().enumerate() {
            let told = in_case(|| format!("step {number}, {step:?}"), || self.step(setup, &session, step));
            told?;
            if let Step::Reopen { .. } = step {
                drop(session);
                session = setup.open(Arc::new(env.clone()))?;
            }
        }
        session.check(self.history.now())?;
        self.close(&session)
    }

    fn step(&mut self, setup: &Setup, session: &Session, step: &Step) -> walnut::Result<()> {
        match step {
            Step::Op(_) | Step::Transaction { .. } | Step::Ask(..) => {
                let written = || Ok(session.db.stats().visible_seqno);
                let acknowledged = &mut self.acknowledged;
                course::run(session, &mut self.history, step, written, |history| {
                    if setup.durability != Durability::Fast {
                        *acknowledged = history.length();
                    }
                })?;
            }
            Step::Checkpoint => {
                session.db.checkpoint()?;
                self.acknowledged = self.history.length();
            }
            Step::Compact => {
                session.db.compact()?;
                self.acknowledged = self.history.length();
            }
            // A flush makes durable what it flushes, which is the past; no more than that is acknowledged.
            Step::Steps(count) => {
                for _ in 0..*count {
                    session.db.step()?;
                }
            }
            Step::Sync => {
                session.db.sync()?;
                self.acknowledged = self.history.length();
            }
            Step::Reopen { close: true } => self.close(session)?,
            Step::Reopen { close: false } => {}
        }
        Ok(())
    }

    fn close(&mut self, session: &Session) -> walnut::Result<()> {
        session.db.close()?;
        self.acknowledged = self.history.length();
        Ok(())
    }
}

/// Closed and opened again, twice, everything is as it was and no file was left lying about.
fn check_after_reopening(setup: &Setup, env: &MemoryEnv, state: &State, crashed: bool) {
    let none: [String; 0] = [];
    for _ in 0..2 {
        assert_eq!(leaks(env, setup, crashed), none);
        let session = setup.open(Arc::new(env.clone())).expect("it was closed in order");
        session.check(state).expect("it was closed in order");
        session.db.close().expect("nothing is in the way");
    }
    assert_eq!(leaks(env, setup, crashed), none);
}

/// Adds to a panic what was being done.
fn in_case<R>(case: impl Fn() -> String, run: impl FnOnce() -> R) -> R {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        match text {
            Some(text) => panic!("{text}\nwhile: {}", case()),
            None => resume_unwind(panic),
        }
    })
}
