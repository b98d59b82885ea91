//! The cost of open and close, and that their shortcuts lose nothing: the log and the manifest of
//! an earlier process are appended to, whatever has happened to that process and to the machine.

use super::*;
use crate::env::{Counts, CrashPolicy, FaultEffect, FaultPlan, Operation, Operations};

/// A configuration in which a log of some commits is left as it is.
fn roomy() -> EngineConfig {
    let levels = LeveledConfig { max_sst_size: 1 << 20, base_level_size: 4 << 20 };
    EngineConfig { memtable_size: 1 << 20, preallocate: 8 << 10, frozen_limit: 4, levels, ..config() }
}

fn put_as(engine: &Engine, n: u32, durability: Durability) -> Result<()> {
    let mut batch = EntryBatch::new();
    batch.put(&key(n), &value(n, 1));
    engine.commit(ReadSet::default(), batch, durability)
}

/// The I/O of a call.
fn work(env: &MemoryEnv, call: impl FnOnce()) -> Counts {
    let before = env.counts();
    call();
    env.counts().since(&before)
}

fn bytes(env: &MemoryEnv) -> BTreeMap<PathBuf, Vec<u8>> {
    env.files().into_iter().map(|path| (path.clone(), env.read_file(&path).unwrap())).collect()
}

/// A cleanly closed database, with SSTs, and with a log if `has_log`.
fn closed(has_log: bool) -> (MemoryEnv, State) {
    let env = machine();
    let engine = open_with(&env, roomy()).unwrap();
    (0..200).for_each(|n| put_as(&engine, n, Durability::Safe).unwrap());
    engine.compact().unwrap();
    if has_log {
        (200..230).for_each(|n| put_as(&engine, n, Durability::Safe).unwrap());
    }
    let expected = state(&engine).unwrap();
    engine.close().unwrap();
    (env, expected)
}

#[test]
fn opening_and_closing_what_was_closed_in_order_lists_once_and_changes_nothing() {
    if is_encrypted() {
        return;
    }
    for has_log in [false, true] {
        let (env, expected) = closed(has_log);
        let before = bytes(&env);
        for _ in 0..3 {
            let mut opened = None;
            let opening = work(&env, || opened = Some(open_with(&env, roomy()).unwrap()));
            let engine = opened.unwrap();
            assert_eq!(opening.of(Operation::List), 1);
            assert_eq!(opening.of(Operations::Mutations), 1, "the lock is taken");
            // CURRENT; the manifest and the segment, each for reading and for later appends.
            assert_eq!(opening.of(Operation::Open), 5);
            // CURRENT, the manifest, the header of the segment and what follows it.
            assert_eq!(opening.of(Operation::Read), 4);
            assert!(opening.bytes_read < 6000, "{} bytes", opening.bytes_read);
            assert_eq!(state(&engine).unwrap(), expected);
            let closing = work(&env, || engine.close().unwrap());
            assert_eq!(closing.of(Operations::Any), 0);
            assert_eq!(bytes(&env), before);
        }
    }
}

#[test]
fn a_commit_between_opening_and_closing_is_two_syncs() {
    if is_encrypted() {
        return;
    }
    for has_log in [false, true] {
        let (env, mut expected) = closed(has_log);
        for n in 1000..1020 {
            let work = work(&env, || {
                let engine = open_with(&env, roomy()).unwrap();
                put_as(&engine, n, Durability::Safe).unwrap();
                expected.insert(key(n), value(n, 1));
                engine.close().unwrap();
            });
            // The sync of the commit, and of the edit that records how far the log is durable.
            assert_eq!((work.of(Operation::Sync), work.of(Operation::SyncDir)), (2, 0));
            assert_eq!((work.of(Operation::List), work.of(Operation::Create)), (1, 0));
            // The commit and its preallocation, the edit, the end of the log, the seal of the
            // manifest.
            assert!(work.of(Operation::Write) <= 5, "{} writes", work.of(Operation::Write));
            assert!(work.bytes_written < 10_000, "{} bytes", work.bytes_written);
        }
        assert_eq!(files(&env, ".log").len(), 1);
        for policy in CrashPolicy::ALL {
            assert_eq!(state(&open_with(&env.crash(policy, 1), roomy()).unwrap()).unwrap(), expected);
        }
    }
}

#[test]
fn an_opening_after_a_kill_is_one_list_and_three_syncs_and_one_more_when_the_manifest_was_written_to() {
    if is_encrypted() {
        return;
    }
    let (env, expected) = closed(false);
    for is_noted in [false, true] {
        let survivor = env.crash(CrashPolicy::Kept, 0);
        let engine = open_with(&survivor, roomy()).unwrap();
        put_as(&engine, 1000, Durability::Safe).unwrap();
        if is_noted {
            assert!(engine.run_one_job().unwrap());
        }
        put_as(&engine, 1001, Durability::Fast).unwrap();
        let killed = survivor.crash(CrashPolicy::Kept, 0);
        let mut opened = None;
        let work = work(&killed, || opened = Some(open_with(&killed, roomy()).unwrap()));
        // The segment and its name, the edit that names it; and first the last edit of the manifest
        // again, if it is in doubt.
        let syncs = 2 + u64::from(is_noted);
        assert_eq!((work.of(Operation::Sync), work.of(Operation::SyncDir)), (syncs, 1));
        assert_eq!(work.of(Operation::List), 1);
        assert_eq!(state(&opened.unwrap()).unwrap().len(), expected.len() + 2);
    }
}

#[test]
fn what_many_processes_commit_each_is_kept_in_a_log_and_files_of_bounded_number() {
    let env = machine();
    for n in 0..2000 {
        let engine = open_with(&env, roomy()).unwrap();
        put_as(&engine, n, Durability::Safe).unwrap();
        engine.close().unwrap();
        if n % 100 == 99 {
            let names = files(&env, "");
            assert!(names.len() <= 12, "{names:?}");
            assert_eq!(files(&env, ".log").len(), 1);
        }
    }
    let engine = open_with(&env, roomy()).unwrap();
    assert_eq!(state(&engine).unwrap().len(), 2000);
    engine.verify().unwrap();
}

/// Random numbers from a seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from((self.0 >> 33) % u64::from(limit)).unwrap()
    }
}

/// A history of puts of ascending numbers: what is left after a crash is a prefix of it.
#[derive(Default)]
struct History {
    /// How many were begun, and how many of them must survive any crash.
    begun: u32,
    durable: u32,
}

impl History {
    /// Checks that what is left is a prefix with everything acknowledged. It becomes the history of
    /// the next process.
    fn check(&mut self, engine: &Engine, told: &str) {
        let state = state(engine).unwrap_or_else(|error| panic!("{told}: {error}"));
        let count = u32::try_from(state.len()).unwrap();
        assert!(
            (self.durable..=self.begun).contains(&count),
            "{told}: {count} of {}..={}",
            self.durable,
            self.begun
        );
        let expected: State = (0..count).map(|n| (key(n), value(n, 1))).collect();
        assert_eq!(state, expected, "{told}");
        self.begun = count;
    }

    fn put(&mut self, engine: &Engine, durability: Durability) {
        self.begun += 1;
        match put_as(engine, self.begun - 1, durability) {
            Ok(()) if durability == Durability::Safe => self.durable = self.begun,
            Ok(()) => {}
            // A later put would follow one that is missing.
            Err(_) => drop(engine.close()),
        }
    }
}

/// Ends a process without closing: it writes nothing more, and the next one sees what it wrote.
fn kill(env: &FaultEnv, engine: Engine) {
    env.inject(FaultPlan::for_ever(Operations::Mutations, 0, FaultEffect::Error));
    drop(engine);
    env.heal();
}

#[test]
fn processes_that_close_fail_are_killed_and_lose_power_one_after_the_other_lose_nothing_that_was_promised() {
    for seed in 0..150 {
        let mut random = Random(seed);
        let mut memory = machine();
        let mut history = History::default();
        let small = seed % 3 == 0;
        let config = if small { EngineConfig { preallocate: 1 << 10, ..config() } } else { roomy() };
        for process in 0..25 {
            let told = format!("seed {seed}, process {process}");
            let env = FaultEnv::over_memory(memory.clone());
            // Occasional faults while it opens; whatever is left is opened by the next process.
            if random.below(4) == 0 {
                let effects = [FaultEffect::Error, FaultEffect::ErrorAfter, FaultEffect::LostSync];
                let effect = effects[random.below(3) as usize];
                env.inject(FaultPlan::once(Operations::Any, u64::from(random.below(60)), effect));
            }
            let opened = open_with(&env, config.clone());
            let Ok(engine) = opened else {
                assert!(env.struck() > 0, "{told}: {}", opened.unwrap_err());
                continue;
            };
            env.heal();
            history.check(&engine, &told);
            if random.below(4) == 0 {
                let effect = [FaultEffect::Error, FaultEffect::LostSync][random.below(2) as usize];
                env.inject(FaultPlan::once(Operations::Mutations, u64::from(random.below(40)), effect));
            }
            for _ in 0..random.below(12) {
                match random.below(10) {
                    0 => drop(engine.flush_everything()),
                    1 => drop(engine.compact()),
                    2 => drop(engine.run_one_job()),
                    3..6 => history.put(&engine, Durability::Fast),
                    _ => history.put(&engine, Durability::Safe),
                }
            }
            match random.below(3) {
                0 => kill(&env, engine),
                1 => drop(engine),
                _ => {
                    if engine.close().is_ok() && env.struck() == 0 {
                        history.durable = history.begun;
                    }
                }
            }
            if random.below(3) == 0 {
                memory =
                    memory.crash(CrashPolicy::ALL[random.below(4) as usize], u64::from(random.below(1000)));
            }
        }
        let engine = open_with(&memory, config).unwrap();
        history.check(&engine, &format!("seed {seed}, at last"));
        engine.verify().unwrap();
    }
}

#[test]
fn a_crash_at_every_operation_of_a_process_that_goes_on_keeps_what_was_promised() {
    for has_log in [false, true] {
        for cut in 0.. {
            let (env, expected) = closed(has_log);
            env.power_off_after(Operations::Mutations, cut);
            let mut acknowledged = 0;
            let live = |acknowledged: &mut u32| -> Result<()> {
                let engine = open_with(&env, roomy())?;
                for n in 0..3 {
                    put_as(&engine, 1000 + n, Durability::Safe)?;
                    *acknowledged = n + 1;
                }
                engine.flush_everything()?;
                put_as(&engine, 1003, Durability::Safe)?;
                *acknowledged = 4;
                engine.close()
            };
            let is_done = live(&mut acknowledged).is_ok();
            for policy in CrashPolicy::ALL {
                let survivor = env.crash(policy, cut);
                for _ in 0..2 {
                    let engine = open_with(&survivor, roomy()).unwrap();
                    let added = state(&engine).unwrap().len() - expected.len();
                    let added = u32::try_from(added).unwrap();
                    let promised = acknowledged..=acknowledged + 1;
                    assert!(promised.contains(&added), "cut {cut}, {policy:?}: {added} of {promised:?}");
                }
            }
            if is_done {
                assert!(cut > 15, "{cut} operations");
                break;
            }
        }
    }
}

#[test]
fn a_machine_that_cannot_write_to_a_file_again_begins_new_ones() {
    /// An environment that does not implement [`Env::reopen`].
    #[derive(Clone, Debug)]
    struct Plain(MemoryEnv);

    impl Env for Plain {
        fn create_dir(&self, dir: &Path) -> Result<()> {
            self.0.create_dir(dir)
        }
        fn sync_dir(&self, dir: &Path) -> Result<()> {
            self.0.sync_dir(dir)
        }
        fn list(&self, dir: &Path) -> Result<Vec<String>> {
            self.0.list(dir)
        }
        fn kind(&self, path: &Path) -> Result<Option<crate::env::PathKind>> {
            self.0.kind(path)
        }
        fn create(&self, path: &Path) -> Result<Arc<dyn crate::env::File>> {
            self.0.create(path)
        }
        fn open(&self, path: &Path) -> Result<Arc<dyn crate::env::File>> {
            self.0.open(path)
        }
        fn rename(&self, from: &Path, to: &Path) -> Result<()> {
            self.0.rename(from, to)
        }
        fn remove(&self, path: &Path) -> Result<()> {
            self.0.remove(path)
        }
        fn lock(&self, path: &Path) -> Result<Box<dyn crate::env::Lock>> {
            self.0.lock(path)
        }
        fn free_space(&self, path: &Path) -> Result<u64> {
            self.0.free_space(path)
        }
        fn wall_clock(&self) -> Duration {
            self.0.wall_clock()
        }
        fn monotonic_clock(&self) -> Duration {
            self.0.monotonic_clock()
        }
        fn fill_random(&self, bytes: &mut [u8]) {
            self.0.fill_random(bytes);
        }
    }

    let (env, mut expected) = closed(true);
    for n in 1000..1005 {
        let engine = open_with(&Plain(env.clone()), roomy()).unwrap();
        assert_eq!(state(&engine).unwrap(), expected);
        put_as(&engine, n, Durability::Safe).unwrap();
        expected.insert(key(n), value(n, 1));
        engine.close().unwrap();
    }
    let engine = open_with(&env, roomy()).unwrap();
    assert_eq!(state(&engine).unwrap(), expected);
}

/// A log of about three MiB that a killed process has left, in segments of one MiB.
fn long_log() -> (MemoryEnv, State) {
    let env = machine();
    let config = EngineConfig { frozen_limit: 100, ..roomy() };
    let engine = open_with(&env, config).unwrap();
    let mut expected = State::new();
    for n in 0..2000_u32 {
        let (key, value) = (key(n * 7919 % 700), vec![n.to_le_bytes()[0]; 1000 + n as usize]);
        let mut batch = EntryBatch::new();
        batch.put(&key, &value);
        engine.commit(ReadSet::default(), batch, Durability::Fast).unwrap();
        expected.insert(key, value);
        if n % 500 == 499 {
            clear(&engine, 0..50).unwrap();
            expected.retain(|key, _| *key >= super::key(50));
        }
    }
    (env.crash(CrashPolicy::Kept, 0), expected)
}

#[test]
fn a_long_log_is_loaded_to_the_same_state_by_one_thread_and_by_two() {
    let (env, expected) = long_log();
    for frozen_limit in [1, 100] {
        for background in [Background::Manual, Background::Thread] {
            let survivor = env.crash(CrashPolicy::Kept, 0);
            let config = EngineConfig { frozen_limit, background, ..roomy() };
            let engine = open_with(&survivor, config).unwrap();
            assert_eq!(state(&engine).unwrap(), expected, "{frozen_limit}, {background:?}");
            engine.verify().unwrap();
        }
    }
}

#[test]
fn what_stops_the_thread_that_fills_memtables_is_the_error_of_the_opening() {
    let (env, expected) = long_log();
    let config = EngineConfig { frozen_limit: 1, background: Background::Thread, ..roomy() };
    for operation in [Operation::Create, Operation::Write, Operation::Sync] {
        let survivor = env.crash(CrashPolicy::Kept, 0);
        let faulty = FaultEnv::over_memory(survivor.clone());
        faulty.inject(FaultPlan::once(operation, 0, FaultEffect::Error).in_files(".sst.tmp"));
        let refused = open_with(&faulty, config.clone()).unwrap_err();
        assert!(matches!(&refused, Error::Io(_)), "{operation}: {refused}");
        assert_eq!(state(&open_with(&survivor, config.clone()).unwrap()).unwrap(), expected);
    }
    // And damage in the log is found while the thread works.
    let survivor = env.crash(CrashPolicy::Kept, 0);
    let path = Path::new(DIR).join(&files(&survivor, ".log")[0]);
    let mut bytes = survivor.read_file(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    survivor.write_file(&path, &bytes).unwrap();
    let refused = open_with(&survivor, config).unwrap_err();
    assert!(matches!(&refused, Error::Corruption { file, .. } if *file == path), "{refused}");
}
