//! Every operation of a long life fails, in every way, and what comes after it is cut short: by closing, by dropping the handle, by the
//! end of the process, by the power. Whatever is left opens again, and is what was acknowledged.
//!
//! ```text
//!   life     keyspaces, large values, merges, backups, drops, reopenings; threads in the background or none
//!   fault    at the n-th operation, once or for ever: an error, a full disk, half of a write, a sync that forgets
//!   end      at once, some steps later, or when the life is over
//! ```
//!
//! What comes after a fault matters as much as the fault: a write that follows it decides what is in doubt, and so hides what closing
//! makes of the doubt. `WALNUT_STRIDE=1` tries every point, see `docs/TESTING.md`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use walnut::env::{CrashPolicy, Env, FaultEffect, FaultEnv, FaultPlan, MemoryEnv, Operation, Operations};
use walnut::kv::WriteBatch;
use walnut::{Background, Builder, Compaction, Database, Durability, Error, Result};
use walnut_tests::model_check::{for_each_seed, seeds};
use walnut_tests::random::Random;
use walnut_tests::session::{DIR, Setup};

const NAMES: [&str; 2] = ["a", "b"];

/// One point in so many is tried unless `WALNUT_STRIDE` says otherwise.
const STRIDE: u64 = 61;

type Map = BTreeMap<Vec<u8>, Vec<u8>>;
type State = [Map; NAMES.len()];

#[derive(Clone, Debug)]
enum Step {
    Put(usize, u8, usize),
    Remove(usize, u8),
    Clear(usize, u8, u8),
    Batch(Vec<(usize, u8, usize)>),
    Drop(usize),
    Checkpoint,
    Compact,
    Work,
    Sync,
    Backup,
    Reopen { close: bool },
}

fn life(seed: u64) -> Vec<Step> {
    let mut random = Random::new(seed, "life");
    let random = &mut random;
    let put = |random: &mut Random| {
        let size = *random.pick(&[10, 30, 30, 100, 400]);
        (random.place(NAMES.len()), key(random), size)
    };
    let step = |place: u64| match random.below(40) {
        // Each of the rare ones a few times for certain, not only when the dice say so.
        _ if place % 23 == 11 => Step::Compact,
        _ if place % 41 == 30 => Step::Backup,
        _ if place % 37 == 20 => Step::Drop(random.place(NAMES.len())),
        0..=19 => {
            let (space, key, size) = put(random);
            Step::Put(space, key, size)
        }
        20..=23 => Step::Remove(random.place(NAMES.len()), key(random)),
        24 | 25 => {
            let (one, other) = (key(random), key(random));
            Step::Clear(random.place(NAMES.len()), one.min(other), one.max(other))
        }
        26..=32 => Step::Batch((0..=random.below(8)).map(|_| put(random)).collect()),
        33 => Step::Checkpoint,
        34..=36 => Step::Work,
        37 => Step::Sync,
        38 => Step::Compact,
        _ => Step::Reopen { close: random.one_in(2) },
    };
    (0..110).map(step).collect()
}

fn key(random: &mut Random) -> u8 {
    random.next().to_le_bytes()[0] % 40
}

fn value(place: usize, key: u8, size: usize) -> Vec<u8> {
    (0..size).map(|byte| key ^ (byte + place).to_le_bytes()[0]).collect()
}

/// A database, how it does its work, and what is done with it.
#[derive(Clone, Debug)]
struct Life {
    setup: Setup,
    background: Background,
    steps: Vec<Step>,
    seed: u64,
}

fn lives() -> Vec<Life> {
    let small = Setup {
        memtable_size: 2 << 10,
        block_size: 256,
        max_sst_size: 1 << 10,
        base_level_size: 1 << 10,
        value_log_threshold: 90,
        ..Setup::plain()
    };
    let setups = [
        small.clone(),
        Setup {
            compaction: Compaction::Tiered,
            log_preallocation: 2 << 10,
            durability: Durability::Fast,
            ..small.clone()
        },
        Setup { compaction: Compaction::Universal, checkpoint_on_close: false, max_open_files: 8, ..small },
    ];
    let lives = (0..).zip(setups).flat_map(|(seed, setup)| {
        [Background::Manual, Background::Thread].map(|background| Life {
            setup: setup.clone(),
            background,
            steps: life(seed),
            seed,
        })
    });
    lives.collect()
}

impl Life {
    fn builder(&self) -> Builder {
        self.setup.builder().background(self.background)
    }
}

/// A fault of a kind, without its place.
#[derive(Clone, Copy, Debug)]
struct Kind {
    operations: Operations,
    effect: FaultEffect,
    is_for_ever: bool,
}

impl Kind {
    fn plan(self, n: u64) -> FaultPlan {
        let Self { operations, effect, is_for_ever } = self;
        if is_for_ever {
            FaultPlan::for_ever(operations, n, effect)
        } else {
            FaultPlan::once(operations, n, effect)
        }
    }
}

fn kinds() -> Vec<Kind> {
    use FaultEffect::{Error, ErrorAfter, FullDisk, LostSync, ShortWrite};
    let effects = [
        (Operations::Any, Error),
        (Operations::Any, ErrorAfter),
        (Operations::Mutations, FullDisk),
        (Operations::from(Operation::Write), ShortWrite),
        (Operations::Syncs, LostSync),
    ];
    let kinds = effects.into_iter().flat_map(|(operations, effect)| {
        [false, true].map(|is_for_ever| Kind { operations, effect, is_for_ever })
    });
    kinds.collect()
}

/// A fault at one place of a life, and how the life ends.
#[derive(Clone, Copy, Debug)]
struct Point {
    life: usize,
    kind: Kind,
    n: u64,
    /// How many more steps there are after the one in which the fault strikes.
    steps_after: usize,
    closes: bool,
    policy: CrashPolicy,
}

/// All points, each with an end of its own.
fn points(lives: &[Life]) -> Vec<Point> {
    let mut points = Vec::new();
    for (place, life) in lives.iter().enumerate() {
        // Threads do not do the same number of operations each time, and a seed is to say the same point each time.
        let life = &Life { background: Background::Manual, ..life.clone() };
        let env = FaultEnv::over_memory(MemoryEnv::with_seed(life.seed));
        let counts = {
            let mut trial = Trial::new(life, &env, None);
            trial.live(usize::MAX);
            trial.end(true);
            env.counts()
        };
        let mut random = Random::new(life.seed, "ends of a life");
        for kind in kinds() {
            points.extend((0..counts.of(kind.operations)).map(|n| Point {
                life: place,
                kind,
                n,
                steps_after: *random.pick(&[0, 0, 2, 10, usize::MAX]),
                closes: random.one_in(2),
                policy: *random.pick(&CrashPolicy::ALL),
            }));
        }
    }
    points
}

/// A life on a machine that fails.
struct Trial<'l> {
    life: &'l Life,
    env: &'l FaultEnv,
    db: Option<Database>,
    /// The states since the last one that is durable; the last is what is seen.
    states: Vec<State>,
    /// What an opening may find instead of the last: a statement that failed has happened all the same.
    perhaps: Option<State>,
    is_poisoned: bool,
    /// Copies that were acknowledged.
    copies: Vec<(PathBuf, State)>,
    copy_count: usize,
}

impl<'l> Trial<'l> {
    /// The directory is there: nothing can take back the name of one, and so not what a lost sync of its parent has done.
    fn new(life: &'l Life, env: &'l FaultEnv, fault: Option<FaultPlan>) -> Self {
        env.create_dir(Path::new(DIR)).expect("the machine is new");
        env.sync_dir(Path::new("/")).expect("the machine is new");
        if let Some(fault) = fault {
            env.inject(fault);
        }
        Self {
            life,
            env,
            db: None,
            states: vec![State::default()],
            perhaps: None,
            is_poisoned: false,
            copies: Vec::new(),
            copy_count: 0,
        }
    }

    fn now(&self) -> &State {
        self.states.last().unwrap()
    }

    /// Opens the database, a second time when that fails; says whether it is open.
    fn open(&mut self) -> bool {
        for _ in 0..2 {
            match self.life.builder().env(Arc::new(self.env.clone())).open(DIR) {
                Ok(db) => {
                    self.db = Some(db);
                    self.is_poisoned = false;
                    let Some(found) = self.ask(state) else { return false };
                    self.expect_found(&found, true);
                    // What an opening has replayed is durable.
                    (self.states, self.perhaps) = (vec![found], None);
                    return true;
                }
                Err(error) => self.expect_failure(&error),
            }
        }
        false
    }

    /// That a state is one that may be found: after a crash from the last durable one on, and otherwise the last.
    fn expect_found(&self, found: &State, is_same_machine: bool) {
        let skipped = if is_same_machine { self.states.len() - 1 } else { 0 };
        let is_fine = self.states[skipped..].contains(found) || self.perhaps.as_ref() == Some(found);
        assert!(is_fine, "{found:?} was found\nof {:?}\nor {:?}", &self.states[skipped..], self.perhaps);
    }

    fn expect_failure(&self, error: &Error) {
        assert!(self.env.struck() > 0, "it fails for no reason: {error}");
        assert!(matches!(error, Error::Io(_) | Error::OutOfSpace | Error::Poisoned), "{error:?}");
    }

    /// Asks a question, again when a fault strikes; `None` when that does not help.
    fn ask<R>(&self, question: impl Fn(&Database) -> Result<R>) -> Option<R> {
        let db = self.db.as_ref().unwrap();
        question(db).or_else(|_| question(db)).inspect_err(|error| self.expect_failure(error)).ok()
    }

    /// Does the steps, until there were so many after the one in which a fault struck.
    fn live(&mut self, mut steps_after: usize) {
        if !self.open() {
            return;
        }
        for (place, step) in self.life.steps.iter().enumerate() {
            match step {
                Step::Reopen { close } => {
                    self.end(*close);
                    if !self.open() {
                        return;
                    }
                }
                Step::Backup => self.back_up(),
                Step::Checkpoint => self.call(Database::checkpoint),
                Step::Compact => self.call(Database::compact),
                Step::Sync => self.call(Database::sync),
                Step::Work => {
                    if let Err(error) = self.db.as_ref().unwrap().step() {
                        self.expect_failure(&error);
                    }
                }
                step => self.write(place, step),
            }
            if self.env.struck() > 0 {
                if steps_after == 0 {
                    return;
                }
                steps_after -= 1;
            }
        }
    }

    fn write(&mut self, place: usize, step: &Step) {
        let mut next = self.now().clone();
        apply(&mut next, place, step);
        match write(self.db.as_ref().unwrap(), place, step) {
            Ok(()) => {
                assert!(!self.is_poisoned || &next == self.now(), "a poisoned database accepts a statement");
                self.states.push(next);
                self.perhaps = None;
                if self.life.setup.durability != Durability::Fast {
                    self.all_durable();
                }
            }
            Err(error) => {
                self.expect_failure(&error);
                self.is_poisoned |= matches!(error, Error::Poisoned);
                if !self.is_poisoned || self.perhaps.is_none() {
                    self.perhaps = Some(next);
                }
            }
        }
    }

    fn all_durable(&mut self) {
        self.states.drain(..self.states.len() - 1);
    }

    fn call(&mut self, call: impl Fn(&Database) -> Result<()>) {
        match call(self.db.as_ref().unwrap()) {
            Ok(()) => self.all_durable(),
            Err(error) => {
                self.expect_failure(&error);
                self.is_poisoned |= matches!(error, Error::Poisoned);
            }
        }
    }

    fn back_up(&mut self) {
        self.copy_count += 1;
        let target = PathBuf::from(format!("/copy {}", self.copy_count));
        match self.db.as_ref().unwrap().backup(&target) {
            Ok(()) => {
                self.all_durable();
                self.copies.push((target, self.now().clone()));
            }
            Err(error) => {
                self.expect_failure(&error);
                self.is_poisoned |= matches!(error, Error::Poisoned);
            }
        }
    }

    /// Closes the database or drops its handle.
    fn end(&mut self, close: bool) {
        let Some(db) = self.db.take() else { return };
        if close {
            match db.close() {
                Ok(()) => self.all_durable(),
                Err(error) => self.expect_failure(&error),
            }
        }
    }

    /// That what is on a machine opens again and again, is whole, and is what it may be; and so are the copies.
    fn expect_left(&self, machine: &MemoryEnv, is_same_machine: bool) {
        let mut found = None;
        for _ in 0..2 {
            let db = self.life.builder().env(Arc::new(machine.clone())).open(DIR);
            let db = db.unwrap_or_else(|error| panic!("it does not open: {error}\n{:?}", machine.files()));
            let state = state(&db).expect("what was recovered can be read");
            self.expect_found(&state, is_same_machine);
            assert_eq!(found.get_or_insert_with(|| state.clone()), &state, "opening again changes nothing");
            db.verify().expect("what was recovered is whole");
            db.close().expect("nothing is in the way");
        }
        for (path, expected) in &self.copies {
            let db = self.life.builder().env(Arc::new(machine.clone())).open(path).expect("a copy opens");
            assert_eq!(&state(&db).unwrap(), expected, "a copy is what was copied");
        }
        for number in 1..=self.copy_count {
            let path = PathBuf::from(format!("/copy {number}"));
            let is_there = machine.kind(&path.join("CURRENT")).is_ok_and(|kind| kind.is_some());
            if is_there && let Ok(db) = self.life.builder().env(Arc::new(machine.clone())).open(&path) {
                db.verify().expect("a copy is whole or refused");
            }
        }
    }
}

fn state(db: &Database) -> Result<State> {
    let mut state = State::default();
    let names = db.keyspace_names()?;
    for (map, name) in state.iter_mut().zip(NAMES) {
        if names.iter().any(|there| there == name) {
            *map = db.keyspace(name)?.iter().collect::<Result<_>>()?;
        }
    }
    Ok(state)
}

fn apply(state: &mut State, place: usize, step: &Step) {
    match step {
        Step::Put(space, key, size) => drop(state[*space].insert(vec![*key], value(place, *key, *size))),
        Step::Remove(space, key) => drop(state[*space].remove(&vec![*key])),
        Step::Clear(space, start, end) => state[*space].retain(|key, _| !(*start..*end).contains(&key[0])),
        Step::Batch(puts) => {
            for (space, key, size) in puts {
                state[*space].insert(vec![*key], value(place, *key, *size));
            }
        }
        Step::Drop(space) => state[*space].clear(),
        step => unreachable!("{step:?} writes nothing"),
    }
}

fn write(db: &Database, place: usize, step: &Step) -> Result<()> {
    match step {
        Step::Put(space, key, size) => db.keyspace(NAMES[*space])?.put([*key], value(place, *key, *size)),
        Step::Remove(space, key) => db.keyspace(NAMES[*space])?.remove([*key]),
        Step::Clear(space, start, end) => {
            let space = db.keyspace(NAMES[*space])?;
            if start < end { space.remove_range(vec![*start]..vec![*end]) } else { Ok(()) }
        }
        Step::Batch(puts) => {
            let spaces = NAMES.map(|name| db.keyspace(name));
            let [Ok(a), Ok(b)] = spaces else {
                return spaces.into_iter().find_map(Result::err).map_or(Ok(()), Err);
            };
            let spaces = [a, b];
            let mut batch = WriteBatch::new();
            for (space, key, size) in puts {
                batch.put(&spaces[*space], [*key], value(place, *key, *size))?;
            }
            db.write(batch)
        }
        Step::Drop(space) => db.drop_keyspace(NAMES[*space]).map(drop),
        step => unreachable!("{step:?} writes nothing"),
    }
}

fn try_point(life: &Life, point: &Point) {
    let memory = MemoryEnv::with_seed(life.seed);
    let env = FaultEnv::over_memory(memory.clone());
    let mut trial = Trial::new(life, &env, Some(point.kind.plan(point.n)));
    trial.live(point.steps_after);
    let killed = memory.crash(point.policy, point.n);
    trial.expect_left(&killed, false);
    trial.end(point.closes);
    env.heal();
    trial.expect_left(&memory.crash(point.policy, point.n + 1), false);
    trial.expect_left(&memory, true);
    assert_eq!(memory.open_files(), 0, "files are left open");
    assert_eq!(env.syncs_after_failure(), 0, "a sync after a failed one proves nothing");
}

#[test]
fn whatever_fails_and_however_it_ends_what_was_acknowledged_opens_again() {
    const NAME: &str = "whatever_fails_and_however_it_ends";
    let lives = lives();
    let points = points(&lives);
    let stride = std::env::var("WALNUT_STRIDE").map_or(STRIDE, |stride| stride.parse().expect("a number"));
    let is_one = std::env::var("WALNUT_SEED").is_ok();
    let all = 0..=points.len() as u64 - 1;
    for_each_seed(NAME, if is_one { seeds(1) } else { all }, |place| {
        let mut random = Random::new(place, "which points are tried");
        if is_one || random.below(stride) == 0 {
            let point = &points[usize::try_from(place).unwrap()];
            let tried = std::panic::catch_unwind(|| try_point(&lives[point.life], point));
            if let Err(panic) = tried {
                let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
                let reason = panic.downcast_ref::<String>().cloned().or(text).unwrap_or_default();
                panic!("{point:?} of {} points: {reason}", points.len());
            }
        }
    });
}

/// A close that meets a failed sync has nothing to promise: the bytes are lost although the next sync of the same file succeeds.
#[test]
fn closing_after_a_failed_sync_promises_nothing() {
    for background in [Background::Manual, Background::Thread] {
        let setup = Setup {
            memtable_size: 2 << 10,
            durability: Durability::Fast,
            compaction: Compaction::Tiered,
            ..Setup::plain()
        };
        let builder = || setup.builder().background(background);
        for n in 0.. {
            let memory = MemoryEnv::with_seed(n);
            let env = FaultEnv::over_memory(memory.clone());
            let db = builder().env(Arc::new(env.clone())).open(DIR).unwrap();
            let rows = db.keyspace("rows").unwrap();
            for key in 0..5u8 {
                rows.put([key], [key; 100]).unwrap();
            }
            env.inject(FaultPlan::once(Operations::Syncs, n, FaultEffect::LostSync));
            let closed = db.close();
            assert_eq!(env.syncs_after_failure(), 0, "a file is synced again after sync {n} has failed");
            let survivor = memory.crash(CrashPolicy::Lost, n);
            let db = builder()
                .env(Arc::new(survivor))
                .open(DIR)
                .unwrap_or_else(|error| panic!("sync {n}: {error}"));
            let found = db.keyspace("rows").unwrap().iter().count();
            assert!(
                closed.is_err() || found == 5,
                "sync {n}: {found} rows are left of what closing has acknowledged"
            );
            db.close().unwrap();
            if env.struck() == 0 {
                assert!(n > 1, "closing syncs");
                break;
            }
        }
    }
}
