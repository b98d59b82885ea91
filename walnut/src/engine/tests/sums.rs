//! Adds: their sums, what compaction leaves of them, and their conflicts.

use super::*;
use crate::env::{CrashPolicy, Operations};
use crate::mvcc::Pin;

fn number(engine: &Engine, n: u32) -> Number {
    engine.read(|reader| reader.number(&key(n))).unwrap()
}

fn number_at(engine: &Engine, n: u32, pin: &Pin) -> Number {
    engine.read_at(pin, |reader| reader.number(&key(n))).unwrap()
}

fn entry_count(engine: &Engine) -> u64 {
    engine.versions.view().levels.ssts().map(|(_, sst)| sst.meta().entry_count).sum()
}

/// Adds one, `count` times.
fn count_to(engine: &Engine, n: u32, count: u32) {
    (0..count).for_each(|_| add(engine, n, 1).unwrap());
}

#[test]
fn adds_of_one_part_of_history_become_one_entry_and_those_of_two_never_do() {
    for values_below in [false, true] {
        let config = EngineConfig { memtable_size: 1 << 20, ..config() };
        let engine = open_with(&machine(), config).unwrap();
        let below = if values_below {
            set(&engine, 1, 1000).unwrap();
            engine.compact().unwrap();
            1000
        } else {
            0
        };
        let mut pins = Vec::new();
        for _ in 0..3 {
            count_to(&engine, 1, 100);
            pins.push(engine.pin_applied());
        }
        count_to(&engine, 1, 50);
        let check = |pins: &[Pin], entries: u64| {
            assert_eq!(number(&engine, 1), Number::Known(below + 350));
            for (pin, sum) in pins.iter().zip([100, 200, 300]) {
                assert_eq!(number_at(&engine, 1, pin), Number::Known(below + sum));
            }
            assert_eq!(entry_count(&engine), entries);
        };
        check(&pins, u64::from(values_below));
        // A flush folds the entries of the memtable, a merge those and the ones below.
        engine.checkpoint().unwrap();
        check(&pins, 4 + u64::from(values_below));
        engine.compact().unwrap();
        check(&pins, 4);
        drop(pins);
        engine.compact().unwrap();
        check(&[], 1);
        engine.verify().unwrap();
    }
}

#[test]
fn sums_of_many_files_are_those_of_one() {
    let engine = open(&machine()).unwrap();
    let mut sum = 0;
    for round in 0..20 {
        for delta in 0..7 {
            add(&engine, 1, delta - round).unwrap();
            sum += delta - round;
        }
        if round == 5 {
            clear(&engine, 0..3).unwrap();
            sum = 0;
        }
        if round == 11 {
            delete(&engine, 1).unwrap();
            sum = 0;
        }
        if round % 2 == 0 {
            engine.flush_everything().unwrap();
        }
        assert_eq!(
            number(&engine, 1),
            if sum == 0 && matches!(round, 5 | 11) { Number::Nothing } else { Number::Known(sum) }
        );
    }
}

#[test]
fn an_add_is_lost_or_counted_once_wherever_the_power_fails() {
    for cut in 0.. {
        let env = machine();
        env.power_off_after(Operations::Syncs, cut);
        let mut acknowledged = 0;
        let run = (|| -> Result<()> {
            let engine = open(&env)?;
            for place in 0..40 {
                let mut batch = EntryBatch::new();
                batch.add(&key(1), 1);
                batch.put(&key(2), &[7; 200]);
                engine.commit(ReadSet::default(), batch, Durability::Safe)?;
                acknowledged += 1;
                if place % 8 == 7 {
                    engine.checkpoint()?;
                }
                if place % 20 == 19 {
                    engine.compact()?;
                }
            }
            engine.close()
        })();
        let is_cut = env.is_off();
        assert!(run.is_ok() || is_cut);
        let survivor = env.crash(CrashPolicy::ALL[0], 7);
        for _ in 0..2 {
            let engine = open(&survivor).unwrap();
            let sum = number(&engine, 1).known().unwrap_or(0);
            assert!((acknowledged..=acknowledged + 1).contains(&sum), "{sum} of {acknowledged}, cut {cut}");
            engine.close().unwrap();
        }
        if !is_cut {
            assert!(cut > 10, "there was something to cut");
            return;
        }
    }
}
