//! Recovery from a full disk: deleting, flushing, closing and opening continue when nothing else
//! can be written.

use super::*;
use crate::env::{CrashPolicy, Operations};

const RESERVE: usize = 24 << 10;

fn limits() -> EngineConfig {
    let levels = LeveledConfig { max_sst_size: 4 << 10, base_level_size: 8 << 10 };
    EngineConfig { memtable_size: 4 << 10, preallocate: 4 << 10, reserve_size: RESERVE, levels, ..config() }
}

fn begin(env: &MemoryEnv) -> Result<Engine> {
    open_with(env, limits())
}

/// The size of all files.
fn used(env: &MemoryEnv) -> u64 {
    env.files().iter().filter_map(|path| env.read_file(path)).map(|bytes| bytes.len() as u64).sum()
}

/// The files and their sizes, for messages.
fn told(env: &MemoryEnv) -> String {
    let sizes = env.files().into_iter().map(|path| {
        let size = env.read_file(&path).map_or(0, |bytes| bytes.len());
        format!("{} {size}", path.display())
    });
    sizes.collect::<Vec<_>>().join(", ")
}

/// Writes rows until the disk is full, and returns their number. None is lost, and another attempt
/// changes nothing.
fn fill(engine: &Engine) -> u32 {
    let mut n = 0;
    let full = loop {
        match put(engine, n, 1) {
            Ok(()) => n += 1,
            Err(error) => break error,
        }
        assert!(n < 100_000, "the disk does not fill");
    };
    assert!(matches!(full, Error::OutOfSpace), "{full}");
    for _ in 0..5 {
        let again = put(engine, n, 1);
        assert!(matches!(again, Err(Error::OutOfSpace)), "{again:?}");
    }
    assert_eq!(state(engine).unwrap().len(), n as usize, "reads go on, and nothing is lost");
    n
}

/// A way to free space: keeps the rows from a number on.
type Way = fn(&mut MemoryEnv, Engine, u32) -> (Engine, u32);

fn by_single_removals(_: &mut MemoryEnv, engine: Engine, count: u32) -> (Engine, u32) {
    // Single rows are many log records, each of which needs space, and leave their space to
    // compaction.
    (0..100).for_each(|n| delete(&engine, n).unwrap());
    clear(&engine, 50..count - 5).unwrap();
    (engine, count - 5)
}

fn by_a_range(_: &mut MemoryEnv, engine: Engine, count: u32) -> (Engine, u32) {
    clear(&engine, 0..count - 3).unwrap();
    (engine, count - 3)
}

fn by_everything_and_a_checkpoint(_: &mut MemoryEnv, engine: Engine, count: u32) -> (Engine, u32) {
    clear(&engine, 0..count).unwrap();
    engine.checkpoint().unwrap();
    (engine, count)
}

fn by_a_range_and_a_merge(_: &mut MemoryEnv, engine: Engine, count: u32) -> (Engine, u32) {
    clear(&engine, 0..count - count / 8).unwrap();
    engine.compact().unwrap();
    (engine, count - count / 8)
}

fn after_closing(env: &mut MemoryEnv, engine: Engine, count: u32) -> (Engine, u32) {
    engine.close().unwrap();
    drop(engine);
    let engine = begin(env).unwrap();
    assert_eq!(state(&engine).unwrap().len(), count as usize);
    by_a_range(env, engine, count)
}

fn after_a_kill(env: &mut MemoryEnv, engine: Engine, count: u32) -> (Engine, u32) {
    // A killed process closes nothing: its engine is left, and does not affect the machine of its
    // successor.
    let killed = env.crash(CrashPolicy::Kept, 1);
    drop(engine);
    *env = killed;
    let engine = begin(env).unwrap();
    assert_eq!(state(&engine).unwrap().len(), count as usize);
    by_a_range(env, engine, count)
}

const WAYS: [Way; 6] = [
    by_single_removals,
    by_a_range,
    by_everything_and_a_checkpoint,
    by_a_range_and_a_merge,
    after_closing,
    after_a_kill,
];

#[test]
fn a_full_disk_of_any_size_is_left_by_every_way_and_writing_goes_on() {
    if is_encrypted() {
        return;
    }
    for base in [100_000, 190_000] {
        for (place, delta) in (0..5000).step_by(167).enumerate() {
            let (mut env, capacity) = (machine(), base + delta);
            env.set_capacity(Some(capacity));
            let engine = begin(&env).unwrap();
            let count = fill(&engine);
            assert!(count > 300, "{count} rows in {capacity} bytes");
            let (engine, left) = WAYS[place % WAYS.len()](&mut env, engine, count);
            let expected: State = (left..count).map(|n| (key(n), value(n, 1))).collect();
            let told = format!("{capacity} bytes, way {}", place % WAYS.len());
            assert_eq!(state(&engine).unwrap(), expected, "{told}");
            while engine
                .run_one_job()
                .unwrap_or_else(|error| panic!("{told}: {error}: {}, {:?}", self::told(&env), engine.stats()))
            {
            }
            for n in 0..250 {
                put(&engine, n, 2)
                    .unwrap_or_else(|error| panic!("{told}, row {n}: {error}: {}", self::told(&env)));
            }
            let held = env.read_file(Path::new(DIR).join("RESERVE")).unwrap();
            assert_eq!(held.len(), RESERVE, "it is held again: {told}");
            engine.verify().unwrap();
            engine.close().unwrap();
            let engine = begin(&env).unwrap();
            assert_eq!(state(&engine).unwrap().len(), expected.len() + 250, "{told}");
            let taken = used(&env) - RESERVE as u64;
            assert!(taken < capacity / 2, "{taken} of {capacity} bytes, way {}", place % WAYS.len());
        }
    }
}

#[test]
fn rows_that_are_removed_one_by_one_give_back_their_space_however_full_the_disk_is() {
    if is_encrypted() {
        return;
    }
    for (place, capacity) in (90_000..200_000).step_by(5501).enumerate() {
        // Every second row, all but every fifth, and all but every twelfth: the rest is spread over
        // every file.
        let kept = [2, 5, 12][place % 3];
        let env = machine();
        env.set_capacity(Some(capacity));
        let engine = begin(&env).unwrap();
        let count = fill(&engine);
        for n in (0..count).filter(|n| n % kept > 0) {
            delete(&engine, n)
                .unwrap_or_else(|error| panic!("{capacity} bytes, row {n}: {error}: {}", told(&env)));
        }
        engine.compact().unwrap_or_else(|error| panic!("{capacity} bytes: {error}: {}", told(&env)));
        let expected: State = (0..count).step_by(kept as usize).map(|n| (key(n), value(n, 1))).collect();
        assert_eq!(state(&engine).unwrap(), expected, "{capacity} bytes");
        for n in 0..count / 8 {
            put(&engine, count + n, 2)
                .unwrap_or_else(|error| panic!("{capacity} bytes, new row {n}: {error}: {}", told(&env)));
        }
        engine.verify().unwrap();
        engine.close().unwrap();
        assert_eq!(state(&begin(&env).unwrap()).unwrap().len(), expected.len() + count as usize / 8);
    }
}

#[test]
fn a_disk_that_another_program_fills_is_left_too() {
    for rows in (1000..1700).step_by(23) {
        let env = machine();
        let engine = begin(&env).unwrap();
        for n in 0..rows + 200 {
            put(&engine, n, 1).unwrap();
        }
        env.set_capacity(Some(used(&env)));
        fill_up(&engine, rows + 200);
        engine.close().unwrap();
        drop(engine);
        let engine = begin(&env).unwrap();
        clear(&engine, 0..rows + 150).unwrap();
        engine.checkpoint().unwrap();
        while engine.run_one_job().unwrap() {}
        put(&engine, 1, 3).unwrap_or_else(|error| panic!("{rows} rows: {error}: {}", told(&env)));
        assert_eq!(get(&engine, rows + 199).unwrap(), Some(value(rows + 199, 1)));
    }
}

/// Writes until the disk is full; there are rows already.
fn fill_up(engine: &Engine, from: u32) {
    let mut n = from;
    while put(engine, n, 1).is_ok() {
        n += 1;
    }
}

#[test]
fn opening_writing_a_row_and_closing_makes_no_reserve_and_no_sync_more() {
    let work = |reserve_size| {
        let env = machine();
        let limits = EngineConfig { reserve_size, ..limits() };
        open_with(&env, limits.clone()).unwrap().close().unwrap();
        let before = env.counts();
        let engine = open_with(&env, limits).unwrap();
        put(&engine, 1, 1).unwrap();
        engine.close().unwrap();
        let after = env.counts();
        (after.since(&before), files(&env, "RESERVE").len())
    };
    let (without, with) = (work(0), work(RESERVE));
    assert_eq!(without.0.of(Operations::Mutations), with.0.of(Operations::Mutations));
    assert_eq!((without.1, with.1), (0, 0));
}

#[test]
fn threads_leave_a_full_disk_too() {
    if is_encrypted() {
        return;
    }
    let env = machine();
    env.set_capacity(Some(400_000));
    // Twice as many memtables, with their segments, as may wait for a flush.
    let waiting = 2 * 3 * (8 << 10);
    let limits = || EngineConfig {
        background: Background::Thread,
        frozen_limit: 3,
        reserve_size: RESERVE + waiting,
        ..limits()
    };
    let engine = open_with(&env, limits()).unwrap();
    let count = fill(&engine);
    std::thread::scope(|scope| {
        for part in 0..4 {
            let (engine, env) = (&engine, &env);
            scope.spawn(move || {
                for n in (part..count).step_by(4) {
                    delete(engine, n)
                        .unwrap_or_else(|error| panic!("row {n} of {count}: {error}: {}", told(env)));
                }
            });
        }
    });
    engine.checkpoint().unwrap();
    while put(&engine, 1, 2).is_err() {
        std::thread::yield_now();
    }
    assert_eq!(state(&engine).unwrap().len(), 1);
    engine.close().unwrap();
    assert_eq!(state(&open_with(&env, limits()).unwrap()).unwrap().len(), 1);
}

/// Checks that a call succeeds, or runs out of space.
fn unless_full(done: Result<()>, told: &str) -> bool {
    match done {
        Ok(()) => true,
        Err(Error::OutOfSpace) => false,
        Err(error) => panic!("{told}: {error}"),
    }
}

#[test]
fn whatever_is_done_on_a_disk_that_grows_shrinks_and_crashes_nothing_is_lost() {
    for seed in 0..20 {
        let mut random = Random(seed);
        let mut env = machine();
        let mut engine = Some(begin(&env).unwrap());
        let mut expected = State::new();
        for step in 0..250 {
            let told = format!("seed {seed}, step {step}");
            let Some(open) = &engine else {
                env.set_capacity(None);
                engine = Some(begin(&env).unwrap());
                continue;
            };
            match random.below(20) {
                0 => env.set_capacity(Some(used(&env) + u64::from(random.below(60_000)))),
                1 => env.set_capacity(None),
                2 => drop(unless_full(open.checkpoint(), &told)),
                3 => drop(unless_full(open.compact(), &told)),
                4 => drop(unless_full(open.run_one_job().map(drop), &told)),
                5 => {
                    if unless_full(open.close(), &told) {
                        drop(engine.take());
                        engine =
                            begin(&env).map_err(|error| assert!(matches!(error, Error::OutOfSpace))).ok();
                    } else {
                        engine = None;
                    }
                }
                6 => {
                    unless_full(open.sync(), &told);
                    env = env.crash(CrashPolicy::ALL[random.below(4) as usize], u64::from(step));
                    engine = begin(&env).map_err(|error| assert!(matches!(error, Error::OutOfSpace))).ok();
                }
                7 => {
                    let start = random.below(400);
                    let end = start + random.below(200);
                    if unless_full(clear(open, start..end), &told) {
                        expected.retain(|at, _| !(key(start)..key(end)).contains(at));
                    }
                }
                8..11 => {
                    let n = random.below(400);
                    if unless_full(delete(open, n), &told) {
                        expected.remove(&key(n));
                    }
                }
                _ => {
                    for _ in 0..random.below(30) {
                        let n = random.below(400);
                        if !unless_full(put(open, n, step), &told) {
                            break;
                        }
                        expected.insert(key(n), value(n, step));
                    }
                }
            }
            if let Some(open) = &engine {
                assert_eq!(state(open).unwrap(), expected, "{told}");
            }
        }
        env.set_capacity(None);
        drop(engine);
        let engine = begin(&env).unwrap();
        assert_eq!(state(&engine).unwrap(), expected, "seed {seed}");
        put(&engine, 1, 1).unwrap();
        engine.compact().unwrap();
        engine.verify().unwrap();
    }
}
