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

#[test]
fn removing_nine_of_ten_rows_gives_back_their_space_when_idle() {
    const ROWS: u32 = 10_000;
    let levels = LeveledConfig { max_sst_size: 16 << 10, base_level_size: 32 << 10 };
    let engine = open_with(&machine(), EngineConfig { memtable_size: 32 << 10, levels, ..config() }).unwrap();
    for n in 0..ROWS {
        put(&engine, n * 7919 % ROWS, 1).unwrap();
    }
    engine.checkpoint().unwrap();
    let full = engine.stats().sst_size;
    for n in (0..ROWS).filter(|n| n % 10 > 0) {
        delete(&engine, n).unwrap();
    }
    // A checkpoint by hand is the idle time of the thread.
    engine.checkpoint().unwrap();
    let left = engine.stats();
    assert!(left.sst_size * 5 <= full, "{} of {full} bytes are left: {left:?}", left.sst_size);
    assert_eq!(state(&engine).unwrap().len(), ROWS as usize / 10);
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
fn updates_of_ten_times_the_data_do_not_pile_up() {
    const ROWS: u32 = 2000;
    let levels = LeveledConfig { max_sst_size: 4 << 10, base_level_size: 8 << 10 };
    let engine = open_with(&machine(), EngineConfig { memtable_size: 8 << 10, levels, ..config() }).unwrap();
    let live = u64::from(ROWS) * (key(0).len() + value(0, 0).len()) as u64;
    let mut random = 1u32;
    for n in 0..10 * ROWS {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        put(&engine, (random >> 8) % ROWS, n).unwrap();
        if n % 500 == 0 && n > ROWS {
            let raw = engine.stats().sst_raw_size;
            assert!(raw * 2 < live * 5, "{raw} bytes for {live} live ones");
        }
    }
}
