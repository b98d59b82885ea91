//! A machine that fails: one operation at a time, in every way, in a workload and while opening; and a disk that is full.
//!
//! Whatever fails: no panic, no wrong result, nothing acknowledged is lost. A statement that failed is not seen, and is
//! found after a reopen only if it was the last one. After a failed sync of the log every write is `Poisoned`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use walnut::env::{CrashPolicy, FaultEffect, FaultEnv, FaultPlan, MemoryEnv, Operation, Operations};
use walnut::{Error, KeyFault};
use walnut_tests::model::State;
use walnut_tests::session::{Session, Setup};
use walnut_tests::workload::{self, Op, Part, Step};

/// A workload on a machine that fails.
struct Trial {
    setup: Setup,
    memory: MemoryEnv,
    env: FaultEnv,
    /// What is acknowledged and seen.
    now: State,
    /// What a reopening may find instead: the last statement, which failed, has happened all the same.
    perhaps: Option<State>,
    poisoned: bool,
}

impl Trial {
    fn new(setup: &Setup, seed: u64) -> Self {
        let memory = MemoryEnv::with_seed(seed);
        let env = FaultEnv::over_memory(memory.clone());
        Self { setup: setup.clone(), memory, env, now: State::default(), perhaps: None, poisoned: false }
    }

    /// Opens the database, again after a failure, and looks at what is there.
    fn open(&mut self) -> Session {
        let mut failures = 0;
        let session = loop {
            match self.setup.open(Arc::new(self.env.clone())) {
                Ok(session) => break session,
                Err(error) if self.env.struck() > failures => {
                    failures = self.env.struck();
                    assert_is_a_failure(&error);
                }
                Err(error) => panic!("opening fails for no reason: {error}"),
            }
        };
        self.poisoned = false;
        let state = self.ask(|| session.state());
        if state != self.now {
            assert_eq!(Some(&state), self.perhaps.as_ref(), "an acknowledged commit is lost");
            self.now = state;
        }
        self.perhaps = None;
        self.ask(|| session.check(&self.now));
        session
    }

    /// Asks a question that may fail when a fault strikes, and then never again.
    fn ask<R>(&self, question: impl Fn() -> walnut::Result<R>) -> R {
        let struck = self.env.struck();
        match question() {
            Ok(answer) => answer,
            Err(error) => {
                assert!(self.env.struck() > struck, "a read fails for no reason: {error}");
                assert_is_a_failure(&error);
                question().expect("reads go on after a failure")
            }
        }
    }

    fn run(&mut self, steps: &[Step]) {
        let mut session = self.open();
        for step in steps {
            match step {
                Step::Op(op) => self.op(&session, op),
                // Its statements one by one: what a fault does to one commit it does to any.
                Step::Transaction { parts, .. } => {
                    for part in parts {
                        if let Part::Op(op) | Part::Rival(op) = part {
                            self.op(&session, op);
                        }
                    }
                }
                Step::Ask(users, documents) => {
                    self.ask(|| users.ask(&session.users, &self.now.users));
                    self.ask(|| documents.ask(&session.documents, &self.now.documents));
                }
                Step::Checkpoint => self.call(|| session.db.checkpoint()),
                Step::Compact => self.call(|| session.db.compact()),
                Step::Steps(count) => self.call(|| (0..*count).try_for_each(|_| session.db.step().map(drop))),
                Step::Sync => self.call(|| session.db.sync()),
                Step::Reopen { close } => {
                    if *close && let Err(error) = session.db.close() {
                        assert_is_a_failure(&error);
                    }
                    drop(session);
                    session = self.open();
                }
            }
        }
        self.ask(|| session.check(&self.now));
        for policy in [CrashPolicy::Lost, CrashPolicy::Kept, CrashPolicy::Torn] {
            let crashed = self.memory.crash(policy, 7);
            let reopened = self.setup.open(Arc::new(crashed)).expect("a crashed database opens");
            let state = reopened.state().expect("what was recovered can be read");
            assert!(state == self.now || Some(&state) == self.perhaps.as_ref(), "{policy:?} loses a commit");
            reopened.check(&state).expect("what was recovered can be read");
        }
        drop(session);
        if let Err(error) = self.open().db.close() {
            assert_is_a_failure(&error);
            self.open();
        }
    }

    fn op(&mut self, session: &Session, op: &Op) {
        let mut next = self.now.clone();
        let expected = next.run(op);
        let struck = self.env.struck();
        match session.run(op) {
            Ok(told) => {
                assert!(!self.poisoned, "a poisoned database accepts a statement");
                assert_eq!(told, expected, "{op:?}");
                // A statement that writes nothing does not bury the one before it that failed.
                if self.now != next {
                    (self.now, self.perhaps) = (next, None);
                }
            }
            Err(error) => {
                if self.poisoned {
                    assert!(matches!(error, Error::Poisoned), "a poisoned database says {error}");
                } else {
                    assert!(self.env.struck() > struck || matches!(error, Error::Poisoned), "{error}");
                    self.poisoned = matches!(error, Error::Poisoned);
                    if !self.poisoned || self.perhaps.is_none() {
                        self.perhaps = Some(next);
                    }
                }
                assert_is_a_failure(&error);
                self.ask(|| session.check(&self.now));
            }
        }
    }

    fn call(&mut self, call: impl Fn() -> walnut::Result<()>) {
        let struck = self.env.struck();
        match call() {
            Ok(()) => assert!(!self.poisoned),
            Err(error) => {
                assert_is_a_failure(&error);
                self.poisoned |= matches!(error, Error::Poisoned);
                assert!(self.env.struck() > struck || self.poisoned, "{error}");
            }
        }
    }
}

fn assert_is_a_failure(error: &Error) {
    let fine = matches!(
        error,
        Error::Io(_)
            | Error::OutOfSpace
            | Error::Poisoned
            | Error::Corruption { .. }
            | Error::NotADatabase { .. }
            // Of `KEYS`.
            | Error::WrongKey(KeyFault::Unreadable(_))
    );
    assert!(fine, "not an error of a machine that fails: {error:?}");
}

fn setups() -> [Setup; 3] {
    let small = Setup {
        memtable_size: 1 << 10,
        block_size: 256,
        max_sst_size: 1 << 10,
        base_level_size: 1 << 10,
        ..Setup::plain()
    };
    [
        Setup { checkpoint_on_close: false, log_preallocation: 4 << 10, ..Setup::plain() },
        Setup { value_log_threshold: 0, memtable_size: 2 << 10, ..small.clone() },
        Setup { value_log_threshold: 40, memtable_size: 2 << 10, ..small },
    ]
}

/// Makes the first, second, .. operation that an effect fits fail, until a run has fewer of them.
fn each_operation_fails(plan: impl Fn(u64) -> FaultPlan) {
    let mut failures = Vec::new();
    for (seed, setup) in (0..).zip(setups()) {
        let steps = workload::draw(seed + 40, 18);
        for n in 0.. {
            let mut trial = Trial::new(&setup, seed);
            trial.env.inject(plan(n));
            if catch_unwind(AssertUnwindSafe(|| trial.run(&steps))).is_err() {
                failures.push(format!("setup {seed}, {:?}", plan(n)));
            }
            if trial.env.struck() == 0 {
                break;
            }
        }
    }
    assert!(failures.is_empty(), "the failures above are of these cases: {failures:#?}");
}

#[test]
fn an_operation_that_fails_loses_nothing() {
    each_operation_fails(|n| FaultPlan::once(Operations::Any, n, FaultEffect::Error));
}

#[test]
fn an_operation_that_fails_though_it_happened_loses_nothing() {
    each_operation_fails(|n| FaultPlan::once(Operations::Any, n, FaultEffect::ErrorAfter));
}

#[test]
fn a_short_write_loses_nothing() {
    each_operation_fails(|n| FaultPlan::once(Operations::Any, n, FaultEffect::ShortWrite));
}

#[test]
fn a_moment_without_space_loses_nothing() {
    each_operation_fails(|n| FaultPlan::once(Operations::Any, n, FaultEffect::FullDisk));
}

#[test]
fn a_failed_sync_that_forgets_its_pages_loses_nothing_acknowledged() {
    each_operation_fails(|n| FaultPlan::once(Operation::Sync, n, FaultEffect::LostSync));
}

#[test]
fn a_bit_that_flips_on_the_way_is_never_an_answer() {
    each_operation_fails(|n| {
        FaultPlan::once(Operations::Any, n, FaultEffect::FlippedBit(n.wrapping_mul(7919)))
    });
}

#[test]
fn after_a_failed_sync_of_the_log_writes_are_poisoned_and_reads_go_on() {
    let memory = MemoryEnv::new();
    let env = FaultEnv::over_memory(memory.clone());
    let session = Setup::plain().open(Arc::new(env.clone())).unwrap();
    let Step::Op(Op::User(walnut_tests::workload::Statement::Insert(row))) = first_insert() else {
        unreachable!("it was picked so")
    };
    session.users.insert(&row).unwrap();
    env.inject(FaultPlan::once(Operation::Sync, 0, FaultEffect::LostSync));
    assert!(matches!(session.users.remove(row.id), Err(Error::Io(_))));
    for _ in 0..3 {
        assert!(matches!(session.users.remove(row.id), Err(Error::Poisoned)));
        assert!(matches!(session.users.remove(row.id + 1), Err(Error::Poisoned)));
        assert!(matches!(session.users.insert(&row), Err(Error::Poisoned)));
        assert!(matches!(session.users.upsert(&row), Err(Error::Poisoned)));
        assert!(matches!(session.db.sync(), Err(Error::Poisoned)));
        assert!(matches!(session.db.checkpoint(), Err(Error::Poisoned)));
        assert_eq!(session.users.get(row.id).unwrap().as_ref(), Some(&row));
    }
    assert!(matches!(session.db.close(), Err(Error::Poisoned)));
    let reopened = Setup::plain().open(Arc::new(env)).unwrap();
    reopened.users.upsert(&row).unwrap();
    assert_eq!(reopened.users.len().unwrap(), 1);
}

fn first_insert() -> Step {
    let is_insert =
        |step: &Step| matches!(step, Step::Op(Op::User(walnut_tests::workload::Statement::Insert(_))));
    workload::draw(3, 200).into_iter().find(is_insert).expect("workloads insert users")
}

#[test]
fn a_full_disk_loses_nothing_and_writes_go_on_when_there_is_room() {
    let mut full = 0;
    for seed in 0..24 {
        let setup = setups()[usize::from(seed % 2 == 0)].clone();
        let memory = MemoryEnv::with_seed(seed);
        let mut session = setup.open(Arc::new(memory.clone())).unwrap();
        let mut now = State::default();
        let mut perhaps = None;
        for (number, step) in workload::draw(seed + 900, 120).iter().enumerate() {
            if number == 20 {
                let used: usize =
                    memory.files().iter().map(|path| memory.read_file(path).unwrap().len()).sum();
                memory.set_capacity(Some(used as u64 + seed * 37));
            }
            if number == 100 {
                memory.set_capacity(None);
            }
            match step {
                Step::Op(op) => {
                    let mut next = now.clone();
                    let expected = next.run(op);
                    match session.run(op) {
                        Ok(told) => {
                            assert_eq!(told, expected);
                            if now != next {
                                (now, perhaps) = (next, None);
                            }
                        }
                        Err(Error::OutOfSpace) => {
                            assert!((20..100).contains(&number), "there is room, seed {seed}");
                            full += 1;
                            perhaps = Some(next);
                        }
                        Err(error) => panic!("seed {seed}, step {number}: {error}"),
                    }
                    session.check(&now).unwrap();
                }
                Step::Checkpoint | Step::Sync => match session.db.checkpoint() {
                    Ok(()) => {}
                    Err(Error::OutOfSpace) => {
                        assert!((20..100).contains(&number), "there is room, seed {seed}");
                    }
                    Err(error) => panic!("seed {seed}, step {number}: {error}"),
                },
                _ => {}
            }
        }
        let crashed = setup.open(Arc::new(memory.crash(CrashPolicy::Lost, seed))).unwrap();
        let state = crashed.state().unwrap();
        assert!(state == now || Some(state) == perhaps);
        session.db.close().unwrap();
        session = setup.open(Arc::new(memory)).unwrap();
        session.check(&now).unwrap();
    }
    assert!(full > 40, "the disk was full {full} times");
}

#[test]
fn a_failed_sync_of_a_directory_loses_nothing_acknowledged() {
    // That of its parent is left out: nobody can take back the name of a directory.
    each_operation_fails(|n| FaultPlan::once(Operation::SyncDir, n, FaultEffect::LostSync).in_files("/db"));
}

#[test]
fn a_disk_that_stays_full_until_it_is_healed_loses_nothing() {
    for (seed, setup) in (0..).zip(setups()) {
        let steps = workload::draw(seed + 40, 18);
        for n in 0.. {
            let mut trial = Trial::new(&setup, seed);
            let mut session = trial.open();
            trial.env.inject(FaultPlan::for_ever(Operation::Write, n, FaultEffect::FullDisk));
            for step in &steps {
                let Step::Op(op) = step else { continue };
                trial.op(&session, op);
            }
            let struck = trial.env.struck();
            trial.env.heal();
            assert!(!trial.poisoned, "setup {seed}, write {n}: a full disk poisons the database");
            for step in &steps {
                let Step::Op(op) = step else { continue };
                trial.op(&session, op);
            }
            drop(session);
            session = trial.open();
            session.db.close().unwrap();
            if struck == 0 {
                break;
            }
        }
    }
}
