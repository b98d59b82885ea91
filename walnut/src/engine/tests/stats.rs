//! The statistics match the operations.

use super::*;

#[test]
#[expect(clippy::cast_precision_loss, reason = "a ratio, compared roughly")]
fn commits_flushes_and_merges_are_counted_in_bytes() {
    let engine = open(&machine()).unwrap();
    let before = engine.stats();
    assert_eq!((before.committed_size, before.log_segment_count, before.run_count), (0, 1, 0));
    let ratios = [before.write_amplification(), before.space_amplification(), before.read_amplification()];
    assert!(ratios.iter().all(|ratio| *ratio == 0.0), "{ratios:?}");
    for n in 0..200 {
        put(&engine, n % 50, n).unwrap();
    }
    engine.flush_everything().unwrap();
    let flushed = engine.stats();
    let row = (key(0).len() + value(0, 0).len()) as u64;
    assert!(flushed.committed_size >= 200 * row && flushed.committed_size < 300 * row, "{flushed:?}");
    assert!(flushed.flush_count > 2 && flushed.flush_written_size > 50 * row);
    let written = flushed.committed_size + flushed.flush_written_size + flushed.compaction_written_size;
    let amplification = flushed.write_amplification() * flushed.committed_size as f64;
    assert!((amplification - written as f64).abs() < 1.0);
    assert!(flushed.run_count >= 1 && flushed.space_amplification() >= 1.0);
    engine.compact().unwrap();
    let compacted = engine.stats();
    assert_eq!((compacted.run_count, compacted.compaction_debt_size), (1, 0));
    assert!((compacted.space_amplification() - 1.0).abs() < 0.001);
    assert!((compacted.read_amplification() - 1.0).abs() < 0.001);
    assert_eq!((compacted.stall_count, compacted.stall_time), (0, Duration::ZERO), "nobody waits by hand");
}

#[test]
fn segments_of_the_log_are_counted_until_they_are_released() {
    let engine = open_with(&machine(), EngineConfig { frozen_limit: 100, ..config() }).unwrap();
    for n in 0..300 {
        put(&engine, n, 1).unwrap();
    }
    let stats = engine.stats();
    assert_eq!(stats.log_segment_count, stats.frozen_memtable_count as u64 + 1);
    assert!(stats.log_segment_count > 3);
    engine.checkpoint().unwrap();
    assert_eq!(engine.stats().log_segment_count, 1);
}

#[test]
fn hits_and_misses_of_the_cache_are_counted() {
    let engine = open(&machine()).unwrap();
    for n in 0..100 {
        put(&engine, n, 1).unwrap();
    }
    engine.compact().unwrap();
    let before = engine.stats();
    for _ in 0..3 {
        for n in 0..100 {
            get(&engine, n).unwrap();
        }
    }
    let stats = engine.stats();
    let (hits, misses) =
        (stats.cache_hit_count - before.cache_hit_count, stats.cache_miss_count - before.cache_miss_count);
    assert_eq!(hits + misses, 300);
    assert!(misses > 5 && misses <= 100, "each block is read once: {misses}");
    assert!(stats.cache_used_size > 0 && stats.cache_used_size <= stats.cache_budget);
    assert_eq!((stats.cache_budget, stats.open_file_count), (1 << 20, stats.sst_count));
}
