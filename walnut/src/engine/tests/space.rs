//! Space comes back.

use super::*;

#[test]
fn a_key_written_a_hundred_thousand_times_takes_the_space_of_one() {
    let env = machine();
    let memtable_size = 256 << 10;
    let levels = LeveledConfig { max_sst_size: 64 << 10, base_level_size: 64 << 10 };
    let engine = open_with(&env, EngineConfig { memtable_size, levels, ..config() }).unwrap();
    for round in 0..1000 {
        let mut batch = WriteBatch::new();
        for n in 0..100 {
            batch.put(&key(1), &value(1, round * 100 + n));
        }
        engine.commit(Reads::default(), batch, Durability::Fast).unwrap();
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

/// How many rows a test has: so many, or as many as `WALNUT_ROWS` says. Memtables and files grow with them.
fn rows(default: u32) -> u32 {
    std::env::var("WALNUT_ROWS").map_or(default, |text| text.parse().expect("a number"))
}

/// Sizes for so many rows: some ten memtables of them, and files of half a memtable.
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
    // A checkpoint by hand is the idle time of the thread.
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
