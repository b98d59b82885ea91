//! Every strategy preserves the same history, and each can take over from any other.

use super::*;

const ALL: [Compaction; 3] = [Compaction::Leveled, Compaction::Tiered, Compaction::Universal];

fn with(compaction: Compaction) -> EngineConfig {
    EngineConfig { compaction, ..config() }
}

/// Writes, overwrites and deletes, from a seed; the model follows.
fn churn(engine: &Engine, model: &mut State, seed: u32, count: u32) {
    let mut random = seed.wrapping_mul(2_654_435_761).wrapping_add(12_345);
    for version in 0..count {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let n = (random >> 8) % 700;
        if random.is_multiple_of(5) {
            delete(engine, n).unwrap();
            model.remove(&key(n));
        } else {
            put(engine, n, version).unwrap();
            model.insert(key(n), value(n, version));
        }
    }
}

#[test]
fn a_database_goes_from_any_strategy_to_any_other() {
    for (seed, from) in (0..).zip(ALL) {
        for to in ALL {
            let env = machine();
            let mut model = State::new();
            for (round, strategy) in (0..).zip([from, to, from, to]) {
                let engine = open_with(&env, with(strategy)).unwrap();
                let before = engine.scan(KeyRange::all()).unwrap();
                let seen = model.clone();
                churn(&engine, &mut model, 10 * seed + round, 500);
                assert_eq!(state(&engine).unwrap(), model, "{from:?} to {to:?}, round {round}");
                let mut before = before;
                let kept: State = drain(&mut before, round % 2 == 0).unwrap().into_iter().collect();
                assert_eq!(kept, seen, "what a scan began with stays");
                if round == 2 {
                    engine.checkpoint().unwrap();
                }
                for n in (0..700).step_by(7) {
                    assert_eq!(get(&engine, n).unwrap(), model.get(&key(n)).cloned());
                }
                engine.verify().unwrap();
                drop(before);
                expect_no_leak(&env, &engine);
                engine.close().unwrap();
            }
            let engine = open_with(&env, with(to)).unwrap();
            engine.compact().unwrap();
            assert_eq!(state(&engine).unwrap(), model);
            assert_eq!(engine.stats().run_count, 1);
        }
    }
}

#[test]
fn strategies_differ_in_what_they_write_and_in_how_many_runs_they_keep() {
    let [leveled, tiered, universal] = ALL.map(|strategy| {
        let engine = open_with(&machine(), with(strategy)).unwrap();
        let mut most_runs = 0;
        for n in 0..5000u32 {
            put(&engine, n.wrapping_mul(7919) % 2500, n).unwrap();
            if n % 200 == 0 {
                most_runs = most_runs.max(engine.stats().run_count);
            }
        }
        (engine.stats().compaction_written_size, most_runs)
    });
    assert!(tiered.0 < universal.0 && universal.0 < leveled.0, "{tiered:?} {universal:?} {leveled:?}");
    assert!(universal.1 <= 7 && tiered.1 <= 24 && leveled.1 <= 7, "{tiered:?} {universal:?} {leveled:?}");
}

#[test]
fn every_strategy_gives_space_back_when_it_is_idle() {
    for strategy in ALL {
        let env = machine();
        let engine = open_with(&env, with(strategy)).unwrap();
        for n in 0..2000 {
            put(&engine, n * 7919 % 2000, 1).unwrap();
        }
        engine.checkpoint().unwrap();
        let full = engine.stats().sst_size;
        for n in (0..2000).filter(|n| n % 10 > 0) {
            delete(&engine, n).unwrap();
        }
        engine.checkpoint().unwrap();
        let left = engine.stats();
        assert!(left.sst_size * 5 <= full, "{strategy:?}: {} of {full} bytes are left", left.sst_size);
        assert_eq!(state(&engine).unwrap().len(), 200);
    }
}

#[test]
fn a_pinned_number_survives_every_strategy() {
    for strategy in ALL {
        let engine = open_with(&machine(), with(strategy)).unwrap();
        let mut model = State::new();
        churn(&engine, &mut model, 1, 500);
        let pin = engine.pin_applied();
        let seen = model.clone();
        churn(&engine, &mut model, 2, 1000);
        engine.checkpoint().unwrap();
        let mut scan = engine.core().scan_at(KeyRange::all(), &pin).unwrap();
        let kept: State = drain(&mut scan, false).unwrap().into_iter().collect();
        assert_eq!(kept, seen, "{strategy:?}");
        assert_eq!(state(&engine).unwrap(), model);
    }
}
