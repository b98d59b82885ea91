//! Large values: where they are stored, reads from there, and the reclaiming of their space.

use super::*;
use crate::base::Kind;
use crate::codec::ValuePointer;
use crate::cursor::EntryCursor;
use crate::env::{CrashPolicy, FaultEffect, FaultPlan, Operation, Operations};

/// Nearly every value of these tests is large, and a value file holds about twenty.
fn values() -> EngineConfig {
    let values = ValueConfig { threshold: 20, max_file_size: 1500 };
    let levels = LeveledConfig { max_sst_size: 1 << 10, base_level_size: 200 };
    EngineConfig { frozen_limit: 100, values, levels, ..config() }
}

fn open_values(env: &(impl Env + Clone)) -> Result<Engine> {
    open_with(env, values())
}

fn get_at(engine: &Engine, n: u32, at: &Pin) -> Option<Vec<u8>> {
    engine.read_at(at, |reader| reader.get(&key(n), <[u8]>::to_vec)).unwrap()
}

/// Checks that the live bytes of the manifest are what the SSTs point to, record by record.
fn expect_true_liveness(engine: &Engine) {
    let view = engine.versions.view_full();
    let mut live = BTreeMap::<_, u64>::new();
    for (_, sst) in view.levels.ssts() {
        let mut cursor = sst.sweep().unwrap();
        while let Some(entry) = cursor.entry() {
            if entry.kind == Kind::Pointer {
                let pointer = ValuePointer::decode(entry.value).unwrap();
                *live.entry(pointer.file).or_default() += pointer.size;
            }
            cursor.advance().unwrap();
        }
    }
    let version = engine.versions.version();
    let noted: BTreeMap<_, _> =
        version.value_files().map(|file| (file.meta.number, file.live_size)).collect();
    assert_eq!(live, noted);
}

#[test]
fn large_values_stand_in_the_value_log_and_small_ones_do_not() {
    if is_encrypted() {
        return;
    }
    let env = machine();
    let engine = open_values(&env).unwrap();
    let mut batch = EntryBatch::new();
    for n in 0..40 {
        batch.put(&key(n), &vec![7; n as usize]);
    }
    engine.commit(ReadSet::default(), batch, Durability::Fast).unwrap();
    engine.checkpoint().unwrap();
    assert_eq!(files(&env, ".vlog").len(), 1);
    let in_log = (20..40u64).map(|n| 16 + 8 + n).sum::<u64>();
    assert_eq!(engine.stats().value_log_live_size, in_log);
    for again in [false, true] {
        let engine = if again {
            open_values(&env).unwrap()
        } else {
            engine.close().map(|()| open_values(&env)).unwrap().unwrap()
        };
        for n in 0..40 {
            assert_eq!(get(&engine, n).unwrap(), Some(vec![7; n as usize]));
        }
        let expected: Vec<_> = (0..40).map(|n| (key(n), vec![7; n as usize])).collect();
        let mut scanned = drain(&mut engine.scan(KeyRange::all()).unwrap(), false).unwrap();
        assert_eq!(scanned, expected);
        scanned.reverse();
        assert_eq!(drain(&mut engine.scan(KeyRange::all()).unwrap(), true).unwrap(), scanned);
        let verified = engine.verify().unwrap();
        assert_eq!((verified.value_file_count, verified.value_log_size), (1, in_log + 64));
        engine.close().unwrap();
    }
}

#[test]
fn who_asks_for_keys_only_reads_no_value_and_a_merge_passes_pointers_on() {
    if is_encrypted() {
        return;
    }
    let env = FaultEnv::over_memory(machine());
    let engine = open_values(&env).unwrap();
    for round in 0..3 {
        for n in 0..60 {
            put(&engine, n * 7 % 60, round).unwrap();
        }
        engine.flush_everything().unwrap();
    }
    env.inject(FaultPlan::for_ever(Operation::Read, 0, FaultEffect::Error).in_files(".vlog"));
    for n in 0..120 {
        assert_eq!(engine.read(|reader| reader.contains(&key(n))).unwrap(), n < 60);
    }
    for from_back in [false, true] {
        let mut scan = engine.scan(KeyRange::all()).unwrap();
        let mut count = 0;
        while (if from_back { scan.next_back() } else { scan.next() }).unwrap().is_some() {
            count += 1;
        }
        assert_eq!(count, 60);
    }
    assert!(engine.compact_while(crate::compaction::full), "no value is read for a merge");
    assert!(get(&engine, 1).is_err());
    env.heal();
    assert_eq!(get(&engine, 1).unwrap(), Some(value(1, 2)));
    assert_eq!(engine.stats().levels[6].entry_count, 60);
    assert_eq!(engine.stats().value_log_live_size, 60 * (16 + 8 + 38), "what was overwritten is dead");
    expect_true_liveness(&engine);
    expect_no_leak(&env, &engine);
}

#[test]
fn a_value_larger_than_a_memtable_is_written_and_kept() {
    let env = machine();
    let engine = open_values(&env).unwrap();
    let sizes = [values().memtable_size - 1, values().memtable_size, 300_000, 16 << 20];
    for (n, size) in (0..).zip(sizes) {
        let mut batch = EntryBatch::new();
        batch.put(&key(n), &vec![n.to_le_bytes()[0]; size]);
        engine.commit(ReadSet::default(), batch, Durability::Safe).unwrap();
    }
    let mut engine = engine;
    for _ in 0..2 {
        engine.compact().unwrap();
        engine.close().unwrap();
        engine = open_values(&env).unwrap();
        for (n, size) in (0..).zip(sizes) {
            assert!(get(&engine, n).unwrap().unwrap() == vec![n.to_le_bytes()[0]; size], "{size} bytes");
        }
    }
}

#[test]
fn small_checkpoints_do_not_leave_small_value_files() {
    let env = machine();
    let values = ValueConfig { threshold: 20, max_file_size: 64 << 10 };
    let levels = LeveledConfig { max_sst_size: 64 << 10, base_level_size: 64 << 10 };
    let engine = open_with(&env, EngineConfig { levels, values, ..config() }).unwrap();
    for n in 0..200 {
        put(&engine, n, 0).unwrap();
        engine.checkpoint().unwrap();
    }
    assert!(engine.stats().value_file_count < 30, "{:?}", engine.stats());
    assert_eq!(state(&engine).unwrap().len(), 200);
    expect_true_liveness(&engine);
}

#[test]
fn a_value_file_goes_with_its_last_pointer_and_a_worn_one_is_emptied() {
    if is_encrypted() {
        return;
    }
    let env = machine();
    let engine = open_values(&env).unwrap();
    for n in 0..100 {
        put(&engine, n, 1).unwrap();
    }
    engine.checkpoint().unwrap();
    let full = engine.stats();
    assert!(full.value_file_count >= 4 && full.value_log_live_size == 100 * (16 + 8 + 38), "{full:?}");
    for n in (0..100).filter(|n| n % 10 > 0) {
        delete(&engine, n).unwrap();
    }
    engine.checkpoint().unwrap();
    let left = engine.stats();
    assert_eq!(left.value_log_live_size, 10 * (16 + 8 + 38));
    assert!(left.value_log_size < 2 * left.value_log_live_size, "{left:?}");
    assert_eq!(state(&engine).unwrap().len(), 10);
    expect_true_liveness(&engine);
    expect_no_leak(&env, &engine);
    for n in (0..100).step_by(10) {
        delete(&engine, n).unwrap();
    }
    engine.compact().unwrap();
    assert_eq!((engine.stats().value_file_count, files(&env, ".vlog").len()), (0, 0));
}

#[test]
fn a_key_written_a_thousand_times_leaves_the_room_of_one_value() {
    if is_encrypted() {
        return;
    }
    let env = machine();
    let engine = open_values(&env).unwrap();
    for version in 0..1000 {
        put(&engine, 1, version).unwrap();
    }
    engine.compact().unwrap();
    let stats = engine.stats();
    assert_eq!((stats.value_file_count, stats.value_log_size), (1, 64 + 16 + 8 + 38));
    assert_eq!(get(&engine, 1).unwrap(), Some(value(1, 999)));
}

#[test]
fn updates_of_ten_times_the_data_do_not_pile_up_in_the_value_log() {
    const ROWS: u32 = 500;
    if is_encrypted() {
        return;
    }
    let engine =
        open_with(&machine(), EngineConfig { memtable_size: 2 << 10, frozen_limit: 1, ..values() }).unwrap();
    let live = u64::from(ROWS) * (16 + 8 + 38);
    let mut random = 1u32;
    for n in 0..10 * ROWS {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        put(&engine, (random >> 8) % ROWS, n).unwrap();
        let size = engine.stats().value_log_size;
        assert!(n < ROWS || size * 2 < live * 5, "{size} bytes for {live} live ones, after {n}");
    }
    engine.verify().unwrap();
    expect_true_liveness(&engine);
}

#[test]
fn a_scan_and_a_snapshot_read_values_whose_files_were_emptied_and_removed() {
    if is_encrypted() {
        return;
    }
    let env = machine();
    let engine = open_values(&env).unwrap();
    for n in 0..100 {
        put(&engine, n, 1).unwrap();
    }
    engine.checkpoint().unwrap();
    let pin = engine.pin_applied();
    let before = state(&engine).unwrap();
    let mut begun = engine.scan(KeyRange::all()).unwrap();
    begun.next().unwrap().unwrap();
    let mut fresh = engine.scan(KeyRange::all()).unwrap();
    for n in 0..100 {
        if n % 9 > 0 { delete(&engine, n).unwrap() } else { put(&engine, n, 2).unwrap() }
    }
    engine.compact().unwrap();
    for n in 0..100 {
        assert_eq!(get_at(&engine, n, &pin), Some(value(n, 1)), "the snapshot keeps its values");
    }
    assert_eq!(engine.stats().value_log_live_size, 112 * (16 + 8 + 38));
    drop(pin);
    engine.compact().unwrap();
    let stats = engine.stats();
    assert_eq!(stats.value_log_size, 12 * (16 + 8 + 38) + 64 * stats.value_file_count as u64);
    assert_eq!(drain(&mut begun, false).unwrap().len(), 99);
    let backwards: State = drain(&mut fresh, true).unwrap().into_iter().collect();
    assert_eq!(backwards, before);
}

#[test]
fn a_missing_value_file_is_named_by_the_opening_and_a_wrong_one_by_who_reads_it() {
    if is_encrypted() {
        return;
    }
    let env = machine();
    let engine = open_values(&env).unwrap();
    for n in 0..60 {
        put(&engine, n, 1).unwrap();
    }
    engine.close().unwrap();
    let name = Path::new(DIR).join(&files(&env, ".vlog")[1]);
    let bytes = env.read_file(&name).unwrap();
    env.remove(&name).unwrap();
    let before = env.files();
    let error = open_values(&env).unwrap_err();
    assert!(
        matches!(&error, Error::Corruption { file, fault: Fault::Missing, .. } if *file == name),
        "{error}"
    );
    assert_eq!(env.files(), before);
    for (damaged, fault) in [
        (
            bytes[..bytes.len() - 1].to_vec(),
            Fault::Length { recorded: bytes.len() as u64, found: bytes.len() as u64 - 1 },
        ),
        ([b"x", &bytes[1..]].concat(), Fault::Magic),
        (env.read_file(Path::new(DIR).join(&files(&env, ".vlog")[0])).unwrap(), Fault::Identity),
    ] {
        env.write_file(&name, &damaged).unwrap();
        let engine = open_values(&env).unwrap();
        let fits = |found: &Fault| *found == fault || matches!(found, Fault::Length { .. });
        let mut refused = 0;
        for n in 0..60 {
            match get(&engine, n) {
                Ok(found) => assert_eq!(found, Some(value(n, 1))),
                Err(Error::Corruption { file, fault, .. }) if file == name && fits(&fault) => refused += 1,
                Err(error) => panic!("{error}"),
            }
        }
        assert!((10..30).contains(&refused), "{refused} of 60");
        assert!(matches!(engine.verify(), Err(Error::Corruption { file, .. }) if file == name));
        env.write_file(&name, &bytes).unwrap();
        engine.verify().unwrap();
    }
}

#[test]
fn a_damaged_value_stops_the_reclaim_and_its_neighbours_stay_readable() {
    if is_encrypted() {
        return;
    }
    let env = machine();
    let engine = open_values(&env).unwrap();
    for n in 0..20 {
        put(&engine, n, 1).unwrap();
    }
    engine.checkpoint().unwrap();
    for n in 2..20 {
        delete(&engine, n).unwrap();
    }
    engine.close().unwrap();
    let name = Path::new(DIR).join(&files(&env, ".vlog")[0]);
    let mut bytes = env.read_file(&name).unwrap();
    bytes[64 + 62 + 30] ^= 1;
    env.write_file(&name, &bytes).unwrap();
    let engine = open_values(&env).unwrap();
    for error in [engine.compact().unwrap_err(), get(&engine, 1).unwrap_err(), engine.verify().unwrap_err()] {
        assert!(
            matches!(&error, Error::Corruption { file, offset: 126, fault: Fault::Checksum { .. } } if *file == name),
            "{error}"
        );
    }
    assert!(engine.stats().compaction_failure_count > 0);
    assert_eq!(get(&engine, 0).unwrap(), Some(value(0, 1)));
    bytes[64 + 62 + 30] ^= 1;
    env.write_file(&name, &bytes).unwrap();
    engine.compact().unwrap();
    assert_eq!(get(&engine, 1).unwrap(), Some(value(1, 1)));
    expect_no_leak(&env, &engine);
}

/// Two rounds of values, half of the first dead, all durable; and the state.
fn prepare(env: &(impl Env + Clone)) -> (Engine, State) {
    let engine = open_values(env).unwrap();
    for n in 0..50 {
        put(&engine, n, 0).unwrap();
    }
    engine.flush_everything().unwrap();
    for n in (0..50).filter(|n| n % 5 > 0) {
        if n % 2 == 0 { delete(&engine, n).unwrap() } else { put(&engine, n, 1).unwrap() }
    }
    let state = state(&engine).unwrap();
    engine.sync().unwrap();
    (engine, state)
}

/// Flush, merge and value gc.
fn work(engine: &Engine) -> Result<()> {
    engine.flush_everything()?;
    let done = engine.compact_due() && engine.compact_idle();
    engine.compact()?;
    if done { Ok(()) } else { Err(Error::OutOfSpace) }
}

#[test]
fn a_crash_at_every_operation_of_flush_and_reclaim_loses_no_value() {
    for cut in 0.. {
        let env = machine();
        let (engine, state) = prepare(&env);
        env.power_off_after(Operations::Mutations, cut);
        let is_done = work(&engine).is_ok();
        for policy in CrashPolicy::ALL {
            let survivor = env.crash(policy, cut);
            let engine = open_values(&survivor).unwrap();
            assert_eq!(super::state(&engine).unwrap(), state, "cut at {cut}, {policy:?}");
            expect_no_leak(&survivor, &engine);
            expect_true_liveness(&engine);
            work(&engine).unwrap();
            assert_eq!(super::state(&engine).unwrap(), state, "cut at {cut}, {policy:?}");
            engine.verify().unwrap();
            let left = engine.stats();
            let (headers, tags) = if is_encrypted() { (128, 32) } else { (64, 0) };
            assert_eq!(left.value_log_live_size, state.len() as u64 * (16 + 8 + 38 + tags));
            let records = left.value_log_size - headers * left.value_file_count as u64;
            assert!(records <= left.value_log_live_size * 10 / 9);
        }
        if is_done && !env.is_off() {
            assert!(cut > 30, "{cut} operations");
            return;
        }
    }
}

#[test]
fn a_failure_at_any_operation_of_flush_and_reclaim_is_made_up_for() {
    for effect in [FaultEffect::Error, FaultEffect::ErrorAfter, FaultEffect::LostSync, FaultEffect::FullDisk]
    {
        for n in 0.. {
            let env = FaultEnv::over_memory(machine());
            let (engine, state) = prepare(&env);
            env.inject(FaultPlan::once(Operations::Any, n, effect));
            let _ = work(&engine);
            let struck = env.struck() > 0;
            env.heal();
            if engine.health.ensure_writable().is_ok() {
                assert_eq!(super::state(&engine).unwrap(), state, "operation {n}, {effect:?}");
                work(&engine).unwrap();
                put(&engine, 1000, 1).unwrap();
                work(&engine).unwrap();
                engine.verify().unwrap();
                delete(&engine, 1000).unwrap();
                engine.close().unwrap();
            }
            drop(engine);
            let engine = open_values(&env).unwrap();
            assert_eq!(super::state(&engine).unwrap(), state, "operation {n}, {effect:?}");
            expect_true_liveness(&engine);
            expect_no_leak(&env, &engine);
            if !struck {
                assert!(n > 5);
                break;
            }
        }
    }
}
