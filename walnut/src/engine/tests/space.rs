//! Space is reclaimed.

use super::*;

#[test]
fn a_key_written_a_hundred_thousand_times_takes_the_space_of_one() {
    let env = machine();
    let memtable_size = 256 << 10;
    let levels = LeveledConfig { max_sst_size: 64 << 10, base_level_size: 64 << 10 };
    let engine = open_with(&env, EngineConfig { memtable_size, levels, ..config() }).unwrap();
    for round in 0..1000 {
        let mut batch = EntryBatch::new();
        for n in 0..100 {
            batch.put(&key(1), &value(1, round * 100 + n));
        }
        engine.commit(ReadSet::default(), batch, Durability::Fast).unwrap();
    }
    engine.compact().unwrap();
    let stats = engine.stats();
    assert_eq!((stats.sst_count, stats.levels[6].entry_count), (1, 1));
    assert!(stats.sst_size < 1000);
    assert_eq!(get(&engine, 1).unwrap(), Some(value(1, 99_999)));
    expect_no_leak(&env, &engine);
    let logs = files(&env, ".log");
    assert_eq!(logs.len(), 1, "{logs:?}");
}

/// The number of rows of a test: `default`, or that of `WALNUT_ROWS`. Memtables and files grow with
/// it.
fn rows(default: u32) -> u32 {
    std::env::var("WALNUT_ROWS").map_or(default, |text| text.parse().expect("a number"))
}

/// Sizes for so many rows: about ten memtables of them, and files of half a memtable.
fn sized_for(rows: u32) -> EngineConfig {
    let memtable_size = (rows as usize * 10).clamp(8 << 10, 32 << 20);
    let max_sst_size = memtable_size as u64 / 2;
    let levels = LeveledConfig { max_sst_size, base_level_size: 2 * max_sst_size };
    EngineConfig { memtable_size, levels, ..config() }
}

#[test]
fn removing_nine_of_ten_rows_gives_back_their_space_when_idle() {
    let rows = rows(10_000);
    let engine = open_with(&machine(), sized_for(rows)).unwrap();
    for n in 0..rows {
        put(&engine, u32::try_from(u64::from(n) * 7919 % u64::from(rows)).unwrap(), 1).unwrap();
    }
    engine.checkpoint().unwrap();
    let full = engine.stats().sst_size;
    for n in (0..rows).filter(|n| n % 10 > 0) {
        delete(&engine, n).unwrap();
    }
    // A manual checkpoint stands for the idle time of the thread.
    engine.checkpoint().unwrap();
    let left = engine.stats();
    assert!(left.sst_size * 5 <= full, "{} of {full} bytes are left: {left:?}", left.sst_size);
    assert_eq!(state(&engine).unwrap().len(), rows.div_ceil(10) as usize);
}

#[test]
fn what_a_reader_pins_is_given_back_when_it_goes() {
    let engine = open(&machine()).unwrap();
    for n in 0..500 {
        put(&engine, n, 1).unwrap();
    }
    engine.checkpoint().unwrap();
    let pin = engine.pin_applied();
    for n in 0..500 {
        delete(&engine, n).unwrap();
    }
    engine.checkpoint().unwrap();
    assert!(engine.stats().levels.iter().map(|level| level.entry_count).sum::<u64>() >= 1000);
    assert!(engine.has_waste(), "there is something to come back for");
    drop(pin);
    engine.checkpoint().unwrap();
    assert_eq!(engine.stats().sst_count, 0);
    assert!(!engine.has_waste());
}

#[test]
fn updates_of_ten_times_the_data_take_less_than_two_and_a_half_times_its_space() {
    let rows = rows(2000);
    let env = machine();
    let engine = open_with(&env, sized_for(rows)).unwrap();
    for n in 0..rows {
        put(&engine, n, 0).unwrap();
    }
    engine.compact().unwrap();
    let live = engine.stats().sst_size;
    let mut random = 1u32;
    for n in 0..10 * rows {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        put(&engine, (random >> 8) % rows, n).unwrap();
        if n % (rows / 4) == 0 {
            let size = engine.stats().sst_size;
            assert!(size * 2 < live * 5, "{size} bytes for {live} live ones: {:?}", engine.stats());
        }
    }
}

/// Rows of about 80 bytes in SSTs, in an engine whose memtable does not fill soon, and the size of
/// these files.
fn settled(env: &MemoryEnv, background: Background) -> (Engine, u64) {
    let levels = LeveledConfig { max_sst_size: 32 << 10, base_level_size: 64 << 10 };
    let limits =
        EngineConfig { memtable_size: 4 << 20, preallocate: 16 << 10, background, levels, ..config() };
    let engine = open_with(env, EngineConfig { frozen_limit: 4, ..limits }).unwrap();
    for n in 0..5000 {
        put(&engine, n, 1).unwrap();
    }
    engine.checkpoint().unwrap();
    engine.compact().unwrap();
    let size = engine.stats().sst_size;
    assert!(size > 200 << 10, "{size}");
    (engine, size)
}

#[test]
fn what_is_cleared_comes_back_by_steps_without_a_checkpoint() {
    let clearings: [fn(&Engine); 3] = [
        |engine| clear(engine, 0..10_000).unwrap(),
        |engine| (0..10).for_each(|tenth| clear(engine, tenth * 490..(tenth + 1) * 490).unwrap()),
        |engine| (0..4900).for_each(|n| delete(engine, n).unwrap()),
    ];
    for cleared in clearings {
        let (engine, full) = settled(&machine(), Background::Manual);
        cleared(&engine);
        let mut steps = 0;
        while engine.run_one_job().unwrap() {
            steps += 1;
            assert!(steps < 200, "it comes to an end");
        }
        let left = engine.stats();
        assert!(left.sst_size * 10 < full, "{} of {full} bytes are left", left.sst_size);
        assert!(left.active_memtable_size < 4096);
        // Without further deletions nothing is written.
        for n in 0..50 {
            put(&engine, n, 2).unwrap();
            assert!(!engine.run_one_job().unwrap());
        }
    }
}

#[test]
fn what_only_memory_and_log_hold_comes_back_too_when_it_is_cleared() {
    let env = machine();
    let limits = EngineConfig { memtable_size: 4 << 20, preallocate: 16 << 10, frozen_limit: 4, ..config() };
    let engine = open_with(&env, limits).unwrap();
    for n in 0..10_000 {
        put(&engine, n, 1).unwrap();
    }
    assert!(engine.stats().log_size > 700 << 10);
    clear(&engine, 0..20_000).unwrap();
    while engine.run_one_job().unwrap() {}
    let stats = engine.stats();
    let (flushed, taken) = (stats.flush_written_size, stats.log_size + stats.log_spare_size + stats.sst_size);
    assert!(flushed < 2000, "{flushed} bytes were written for nothing");
    assert!(taken < 40 << 10, "{taken} bytes are left of nothing");
    assert!(stats.active_memtable_size < 1000);
}

#[test]
fn few_deletions_are_not_worth_a_flush() {
    let (engine, _) = settled(&machine(), Background::Manual);
    let flushes = engine.stats().flush_count;
    for n in 0..3000 {
        put(&engine, 100_000 + n, 1).unwrap();
    }
    for n in 0..50 {
        delete(&engine, n).unwrap();
        engine.run_one_job().unwrap();
    }
    assert_eq!(engine.stats().flush_count, flushes);
}

#[test]
fn the_thread_flushes_what_is_cleared_in_a_quiet_moment() {
    let env = machine();
    let (engine, full) = settled(&env, Background::Thread);
    clear(&engine, 0..10_000).unwrap();
    // The clock of this machine hardly advances, and the thread's does.
    while engine.stats().sst_size * 10 >= full {
        std::thread::yield_now();
    }
    let flushes = engine.stats().flush_count;
    while engine.deletions.any() {
        std::thread::yield_now();
    }
    assert!(engine.stats().flush_count <= flushes + 1);
}

#[test]
fn a_flush_writes_no_version_that_nobody_can_read_and_each_that_a_pin_keeps() {
    let engine = open_with(&machine(), EngineConfig { memtable_size: 1 << 20, ..config() }).unwrap();
    put(&engine, 1, 1).unwrap();
    let pin = engine.pin_visible();
    for version in 2..1000 {
        put(&engine, 1, version).unwrap();
    }
    for n in 10..500 {
        put(&engine, n, 1).unwrap();
    }
    clear(&engine, 10..600).unwrap();
    put(&engine, 20, 7).unwrap();
    engine.flush_everything().unwrap();
    let stats = engine.stats();
    assert_eq!(
        stats.levels[0].entry_count, 3,
        "two versions of one key, and one that came after the range went"
    );
    assert_eq!(stats.levels[0].range_tombstone_count, 1);
    assert_eq!(get(&engine, 1).unwrap(), Some(value(1, 999)));
    let then = engine.read_at(&pin, |reader| reader.get(&key(1), <[u8]>::to_vec)).unwrap();
    assert_eq!(then, Some(value(1, 1)));
    assert_eq!(state(&engine).unwrap().len(), 2);
}
