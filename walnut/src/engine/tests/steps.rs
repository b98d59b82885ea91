//! Manual background work, one job at a time: the test controls what happens between two jobs.

use super::*;
use crate::compaction;

/// Runs all jobs; returns their number.
fn finish(engine: &Engine) -> usize {
    std::iter::from_fn(|| engine.run_one_job().unwrap().then_some(())).count()
}

/// The number of memtables that fit before a writer has to work.
fn roomy() -> EngineConfig {
    EngineConfig { frozen_limit: 100, ..config() }
}

#[test]
fn a_step_flushes_one_memtable_or_runs_one_compaction() {
    let engine = open_with(&machine(), roomy()).unwrap();
    for n in 0..400 {
        put(&engine, n % 100, n).unwrap();
    }
    let frozen = engine.stats().frozen_memtable_count as u64;
    assert!(frozen >= 5 && engine.stats().sst_count == 0);
    for done in 1..=frozen {
        assert!(engine.run_one_job().unwrap());
        let stats = engine.stats();
        assert_eq!((stats.flush_count, stats.frozen_memtable_count as u64), (done, frozen - done));
        assert_eq!(stats.compaction_count + stats.compaction_move_count, 0, "flushes come first");
    }
    assert!(engine.run_one_job().unwrap());
    let stats = engine.stats();
    assert_eq!(stats.compaction_count + stats.compaction_move_count, 1);
    finish(&engine);
    assert!(!engine.run_one_job().unwrap(), "nothing is left to do");
}

#[test]
fn the_same_calls_give_the_same_file_operations() {
    for compaction in [Compaction::Leveled, Compaction::Tiered, Compaction::Universal] {
        let traces = [0, 1].map(|_| {
            let env = machine();
            env.start_trace();
            let engine = open_with(&env, EngineConfig { compaction, frozen_limit: 3, ..config() }).unwrap();
            for n in 0..1200 {
                put(&engine, n * 31 % 400, n).unwrap();
                if n % 90 == 0 {
                    engine.run_one_job().unwrap();
                }
            }
            finish(&engine);
            engine.close().unwrap();
            env.trace()
        });
        assert!(traces[0].len() > 300);
        assert_eq!(traces[0], traces[1], "{compaction:?}");
    }
}

#[test]
fn readers_go_on_at_every_step_of_flushing_and_compacting() {
    let env = machine();
    let engine = open_with(&env, roomy()).unwrap();
    let mut expected = State::new();
    for n in 0..600 {
        put(&engine, n % 200, n).unwrap();
        expected.insert(key(n % 200), value(n % 200, n));
    }
    let mut scans = Vec::new();
    loop {
        // A scan begins before each step, and each one has seen one step more: none waits, none
        // changes.
        scans.push((engine.scan(KeyRange::all()).unwrap(), expected.clone(), State::new()));
        for (scan, _, seen) in &mut scans {
            for _ in 0..5 {
                if let Some(found) = scan.next().unwrap() {
                    seen.insert(found.key.to_vec(), found.value.load().unwrap().to_vec());
                }
            }
        }
        let n = u32::try_from(scans.len()).unwrap();
        put(&engine, n, 10_000).unwrap();
        expected.insert(key(n), value(n, 10_000));
        if !engine.run_one_job().unwrap() {
            break;
        }
    }
    engine.compact().unwrap();
    assert!(scans.len() > 10);
    for (mut scan, expected, mut seen) in scans {
        seen.extend(drain(&mut scan, false).unwrap());
        assert_eq!(seen, expected);
    }
    expect_no_leak(&env, &engine);
}

/// `engine.md` 8: readers waiting behind a major compaction.
#[test]
fn a_read_in_the_middle_of_a_full_merge_is_answered() {
    let env = machine();
    let engine = open_with(&env, EngineConfig { cache_size: 0, ..config() }).unwrap();
    for n in 0..1500 {
        put(&engine, n, 1).unwrap();
    }
    engine.checkpoint().unwrap();
    for n in 0..1500 {
        put(&engine, n, 2).unwrap();
    }
    engine.flush_everything().unwrap();
    let version = engine.versions.version();
    let compaction::Pick::Full(merge) = compaction::full(&version) else {
        panic!("there is something to merge")
    };
    let levels = Arc::clone(&engine.versions.view().levels);
    // The merge calls its progress hook: between two of its steps, in the same thread, everything
    // can be read and written.
    let asked = std::cell::Cell::new(0u32);
    let go_on = |_| {
        let n = asked.replace(asked.get() + 1);
        assert_eq!(get(&engine, n)?, Some(value(n, 2)));
        assert_eq!(state(&engine)?.len(), 1500);
        put(&engine, n, 2)?;
        engine.flush_everything()
    };
    let job = compaction::MergeJob {
        merge: &merge,
        version: &version,
        sst_store: &engine.sst_store,
        config: &engine.config.levels,
        boundaries: vec![engine.visible()],
        relocation: engine.moving(&levels, std::collections::BTreeSet::new()),
        progress: &go_on,
    };
    let outputs =
        job.run(|meta| Arc::clone(levels.sst(meta.number).unwrap()), || engine.versions.allocate()).unwrap();
    assert!(asked.get() >= 3 && !outputs.ssts.is_empty());
}
