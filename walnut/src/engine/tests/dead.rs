//! Dead keys: finding what is live costs the same however much was deleted before it, and is
//! correct while others write.

use proptest::prelude::*;

use super::*;
use crate::cursor::steps;
use crate::mvcc::Pin;

/// More entries than a walk skips before it records a dead range, once for each chain that a range
/// may have.
const FEW_STEPS: usize = 64;

/// An engine whose memtable holds everything that a test writes.
fn large() -> Engine {
    open_with(&machine(), EngineConfig { memtable_size: 64 << 20, ..config() }).unwrap()
}

fn range(from: u32, to: u32) -> KeyRange {
    KeyRange { start: key(from), end: Some(key(to)) }
}

/// The key at an end of a range, and how many entries were skipped.
fn end_of(mut scan: EngineScan, from_back: bool) -> (Option<Vec<u8>>, usize) {
    steps::of(|| {
        let found = if from_back { scan.next_back() } else { scan.next() }.unwrap();
        found.map(|found| found.key.to_vec())
    })
}

fn first(engine: &Engine) -> (Option<Vec<u8>>, usize) {
    end_of(engine.scan(range(0, u32::MAX)).unwrap(), false)
}

fn last(engine: &Engine) -> (Option<Vec<u8>>, usize) {
    end_of(engine.scan(range(0, u32::MAX)).unwrap(), true)
}

/// Pushes at the end and removes the first, in `rounds`; returns the most entries that a read
/// skipped.
fn run_queue(engine: &Engine, backlog: u32, rounds: Range<u32>) -> usize {
    let mut most = 0;
    for n in rounds {
        put(engine, n + backlog, 1).unwrap();
        let (found, steps) = first(engine);
        assert_eq!(found, Some(key(n)));
        delete(engine, n).unwrap();
        most = most.max(steps);
    }
    most
}

#[test]
fn a_look_at_the_front_of_a_queue_costs_the_same_whatever_was_removed() {
    for (backlog, rounds) in [(0, 5000), (1000, 3000)] {
        // With one memtable for everything, and with concurrent flushes and merges.
        for engine in [large(), open(&machine()).unwrap()] {
            for n in 0..backlog {
                put(&engine, n, 1).unwrap();
            }
            assert!(run_queue(&engine, backlog, 0..rounds) <= FEW_STEPS);
        }
    }
}

/// The read asks for the oldest reader, and drops nothing.
#[test]
fn a_look_for_room_on_the_disk_forgets_no_dead_keys_of_later() {
    let engine = large();
    assert!(!engine.thin().unwrap());
    assert!(run_queue(&engine, 0, 0..2000) <= FEW_STEPS);
}

#[test]
fn a_queue_that_runs_empty_again_and_again_costs_the_same() {
    let engine = large();
    for n in 0..2000 {
        put(&engine, n, 1).unwrap();
        for (expected, look) in [(Some(key(n)), first(&engine)), (Some(key(n)), last(&engine))] {
            assert_eq!(look.0, expected);
            assert!(look.1 <= FEW_STEPS);
        }
        delete(&engine, n).unwrap();
        for look in [first(&engine), last(&engine)] {
            assert_eq!(look.0, None);
            assert!(look.1 <= FEW_STEPS, "{} steps", look.1);
        }
    }
}

#[test]
fn a_queue_costs_the_same_while_a_snapshot_is_held() {
    for engine in [large(), open(&machine()).unwrap()] {
        for n in 0..200 {
            put(&engine, n, 1).unwrap();
        }
        let pin = engine.pin_applied();
        let before = state(&engine).unwrap();
        assert!(run_queue(&engine, 200, 0..3000) <= FEW_STEPS);
        let mut scan = engine.core().scan_at(KeyRange::all(), &pin).unwrap();
        assert!(drain(&mut scan, false).unwrap().into_iter().eq(before), "what the snapshot sees");
    }
}

#[test]
fn draining_from_either_end_costs_the_same_for_every_row() {
    for engine in [large(), open(&machine()).unwrap()] {
        let count = 3000;
        for n in 0..count {
            put(&engine, n, 1).unwrap();
        }
        let (mut low, mut high) = (0, count);
        while low < high {
            let from_back = low % 3 == 0 || high % 5 == 0;
            let (found, steps) = if from_back { last(&engine) } else { first(&engine) };
            let n = if from_back {
                high -= 1;
                high
            } else {
                low += 1;
                low - 1
            };
            assert_eq!(found, Some(key(n)));
            assert!(steps <= FEW_STEPS, "{steps} steps");
            delete(&engine, n).unwrap();
        }
        assert_eq!((first(&engine).0, last(&engine).0), (None, None));
    }
}

/// Jobs by priority: deletions are spread over many keys, and insertions come before and after
/// them.
#[test]
fn a_queue_by_priority_costs_the_same_whatever_was_removed() {
    let engine = large();
    let at = |n: u32| n.wrapping_mul(2_654_435_761) % 1000 * 10_000 + n;
    let mut waiting = std::collections::BTreeSet::new();
    for n in 0..200 {
        put(&engine, at(n), 1).unwrap();
        waiting.insert(at(n));
    }
    let mut total = 0;
    for n in 200..3000 {
        put(&engine, at(n), 1).unwrap();
        waiting.insert(at(n));
        let (found, steps) = first(&engine);
        let next = waiting.pop_first().unwrap();
        assert_eq!(found, Some(key(next)));
        delete(&engine, next).unwrap();
        total += steps;
    }
    assert!(total <= 2800 * FEW_STEPS, "{total} steps");
}

#[test]
fn a_walk_over_what_lies_around_a_dead_range_seeks_past_it() {
    let engine = large();
    for n in 0..20_000 {
        put(&engine, n, 1).unwrap();
    }
    for n in 100..19_900 {
        delete(&engine, n).unwrap();
    }
    for from_back in [false, true, false, true] {
        let walk = || drain(&mut engine.scan(range(0, u32::MAX)).unwrap(), from_back).unwrap().len();
        let (count, _) = steps::of(walk);
        assert_eq!(count, 200);
    }
    for from_back in [false, true] {
        let walk = || drain(&mut engine.scan(range(50, 19_950)).unwrap(), from_back).unwrap().len();
        let (count, steps) = steps::of(walk);
        assert!(count == 100 && steps <= 2 * 100 + FEW_STEPS, "{steps} steps");
    }
}

#[test]
fn what_is_dead_is_found_out_once_after_reopening() {
    let env = machine();
    let engine = open(&env).unwrap();
    // A snapshot retains all of it in the SSTs.
    let pin = engine.pin_applied();
    for n in 0..10 {
        put(&engine, n, 1).unwrap();
    }
    run_queue(&engine, 10, 0..3000);
    drop(pin);
    engine.close().unwrap();
    let engine = open(&env).unwrap();
    assert_eq!(first(&engine).0, Some(key(3000)));
    assert!(first(&engine).1 <= FEW_STEPS);
    assert!(last(&engine).1 <= FEW_STEPS);
}

/// The number of entries in all SSTs.
fn stored(engine: &Engine) -> u64 {
    engine.versions.view().levels.ssts().map(|(_, sst)| sst.meta().entry_count).sum()
}

#[test]
fn a_flush_writes_nothing_of_what_came_and_went_in_the_memtable() {
    let engine = large();
    // Odd keys are in an SST, whose range includes all that follow.
    for n in (1..4000).step_by(2) {
        put(&engine, n, 1).unwrap();
    }
    engine.flush_everything().unwrap();
    let before = stored(&engine);
    assert_eq!(before, 2000);
    // Reads of these keys open the file, as they do with a queue.
    assert_eq!(first(&engine).0, Some(key(1)));
    for n in (0..4000).step_by(2).chain(5000..6000) {
        put(&engine, n, 2).unwrap();
        delete(&engine, n).unwrap();
    }
    engine.flush_everything().unwrap();
    // A filter has a false positive for one key of a hundred.
    assert!(stored(&engine) - before <= 100, "{} entries", stored(&engine) - before);
    for n in (1..4000).step_by(2) {
        delete(&engine, n).unwrap();
    }
    engine.flush_everything().unwrap();
    assert!(stored_tombstones(&engine).0 > 0, "what an SST holds is not forgotten");
    assert_eq!(first(&engine).0, None);
}

#[test]
fn what_a_reader_had_to_step_over_is_merged_soon() {
    for compaction in [Compaction::Leveled, Compaction::Tiered, Compaction::Universal] {
        let levels = LeveledConfig { max_sst_size: 64 << 20, base_level_size: 64 << 20 };
        let roomy = EngineConfig { memtable_size: 64 << 20, levels, compaction, ..config() };
        let env = machine();
        let engine = open_with(&env, roomy.clone()).unwrap();
        for n in 0..4000 {
            put(&engine, n, 1).unwrap();
        }
        engine.flush_everything().unwrap();
        let pin = engine.pin_applied();
        for n in 0..1100 {
            delete(&engine, n).unwrap();
        }
        // One run with values and tombstones; none of these alone triggers a compaction.
        engine.compact().unwrap();
        drop(pin);
        engine.close().unwrap();
        let engine = open_with(&env, roomy.clone()).unwrap();
        assert!(engine.compact_due());
        let merges = |engine: &Engine| engine.stats().compaction_count;
        assert_eq!(merges(&engine), 0);
        let (found, steps) = first(&engine);
        assert!(found == Some(key(1100)) && steps >= 1100);
        assert!(engine.compact_due());
        assert_eq!(merges(&engine), 1);
        assert!(engine.compact_due());
        assert_eq!(merges(&engine), 1, "once");
        engine.close().unwrap();
        let engine = open_with(&env, roomy).unwrap();
        let (found, steps) = first(&engine);
        assert!(found == Some(key(1100)) && steps <= FEW_STEPS, "{steps} steps");
    }
}

/// The range tombstones and the tombstones of single keys in all SSTs.
fn stored_tombstones(engine: &Engine) -> (u64, u64) {
    let view = engine.versions.view();
    let counts = view.levels.ssts().map(|(_, sst)| sst.meta());
    let counts = counts.map(|meta| (meta.fragment_count, meta.tombstone_count));
    counts.fold((0, 0), |(ranges, keys), (more_ranges, more_keys)| (ranges + more_ranges, keys + more_keys))
}

#[test]
fn a_flush_writes_one_range_tombstone_for_all_of_a_dead_range() {
    let env = machine();
    let roomy = EngineConfig { memtable_size: 64 << 20, ..config() };
    let engine = open_with(&env, roomy.clone()).unwrap();
    (0..4000).for_each(|n| put(&engine, n, 1).unwrap());
    engine.flush_everything().unwrap();
    // From either side: pieces that were scanned one by one become one range.
    (0..1500).for_each(|n| delete(&engine, n).unwrap());
    (2000..3500).rev().for_each(|n| delete(&engine, n).unwrap());
    engine.scan_deleted();
    // What came and went in the memtable needs none.
    (5000..6000).for_each(|n| put(&engine, n, 1).unwrap());
    (5000..6000).for_each(|n| delete(&engine, n).unwrap());
    engine.scan_deleted();
    assert!(last(&engine).1 <= FEW_STEPS);
    let before = state(&engine).unwrap();
    assert_eq!(before.len(), 1000);
    engine.flush_everything().unwrap();
    let (ranges, keys) = stored_tombstones(&engine);
    assert!(ranges == 2 && keys <= 4, "{ranges} range tombstones and {keys} others");
    assert_eq!(state(&engine).unwrap(), before);
    for n in [10, 2600] {
        put(&engine, n, 2).unwrap();
    }
    engine.close().unwrap();
    let engine = open_with(&env, roomy).unwrap();
    assert_eq!(first(&engine).0, Some(key(10)));
    assert!(first(&engine).1 <= FEW_STEPS && last(&engine).1 <= FEW_STEPS);
    let steps = steps::of(|| drain(&mut engine.scan(range(1400, 2100)).unwrap(), false).unwrap().len());
    assert!(steps.0 == 500 && steps.1 <= 500 + FEW_STEPS, "{steps:?}");
    engine.compact().unwrap();
    assert_eq!(stored_tombstones(&engine), (0, 0));
    assert_eq!(state(&engine).unwrap().len(), 1002);
}

#[test]
fn a_flush_that_comes_late_knows_what_was_dead_when_the_memtable_was_frozen() {
    let roomy = EngineConfig { memtable_size: 64 << 20, frozen_limit: 4, ..config() };
    let engine = open_with(&machine(), roomy).unwrap();
    (0..12_000).for_each(|n| put(&engine, n, 1).unwrap());
    engine.flush_everything().unwrap();
    (0..4000).for_each(|n| delete(&engine, n).unwrap());
    engine.scan_deleted();
    engine.freeze_if(|_| true).unwrap();
    // Far more than the older generations of ranges reach back.
    (4000..10_000).for_each(|n| delete(&engine, n).unwrap());
    put(&engine, 100, 2).unwrap();
    assert!(engine.flush_one().unwrap());
    let (ranges, keys) = stored_tombstones(&engine);
    assert!(ranges == 1 && keys <= 4, "{ranges} range tombstones and {keys} others");
    let left = [100].into_iter().chain(10_000..12_000).map(key);
    assert!(state(&engine).unwrap().into_keys().eq(left));
}

#[test]
fn the_flush_thread_finds_what_is_dead() {
    let threads = EngineConfig { memtable_size: 64 << 20, background: Background::Thread, ..config() };
    let engine = open_with(&machine(), threads).unwrap();
    (0..3000).for_each(|n| put(&engine, n, 1).unwrap());
    (0..2500).for_each(|n| delete(&engine, n).unwrap());
    until("the front is known to be dead", || {
        let rest = engine.dead.without_front(range(0, u32::MAX), engine.visible());
        rest.start > key(1900)
    });
    let (found, steps) = first(&engine);
    assert!(found == Some(key(2500)) && steps <= 1100, "{steps} steps");
}

/// A scan below a number up to which versions may have been dropped is not remembered.
#[test]
fn deleted_keys_whose_scan_was_not_remembered_are_scanned_with_the_next_ones() {
    let engine = large();
    (0..3000).for_each(|n| put(&engine, n, 1).unwrap());
    let ahead = engine.visible().plus(1500);
    engine.snapshots.watermark(|| ahead);
    (0..1100).for_each(|n| delete(&engine, n).unwrap());
    assert_eq!(engine.dead.known(), [], "the first 1,024 were scanned in vain");
    (1100..2100).for_each(|n| delete(&engine, n).unwrap());
    let rest = engine.dead.without_front(range(0, u32::MAX), engine.visible());
    assert!(rest.start > key(2000), "all of the first 2,048 are known");
}

#[test]
fn commits_find_what_is_dead_when_the_flush_thread_does_not() {
    let (memtable_size, background) = (64 << 20, Background::Thread);
    let threads = EngineConfig { memtable_size, background, frozen_limit: 4, ..config() };
    let engine = open_with(&machine(), threads).unwrap();
    (0..8100).for_each(|n| put(&engine, n, 1).unwrap());
    let flushing = engine.flushing.lock();
    // The flush thread waits for the lock until the end.
    engine.freeze_if(|_| true).unwrap();
    (0..8000).for_each(|n| delete(&engine, n).unwrap());
    let (found, steps) = first(&engine);
    drop(flushing);
    // Two steps for a key whose put is in the other memtable.
    assert!(found == Some(key(8000)) && steps <= 2 * 4096 + FEW_STEPS, "{steps} steps");
}

/// A range tombstone in place of others would be a change since then.
#[test]
fn a_dead_range_is_no_change_to_a_transaction_that_saw_it_dead() {
    let engine = large();
    (0..500).for_each(|n| put(&engine, 2 * n, 1).unwrap());
    engine.flush_everything().unwrap();
    let early = engine.pin_applied();
    (0..400).for_each(|n| delete(&engine, 2 * n).unwrap());
    let late = engine.pin_applied();
    (400..450).for_each(|n| delete(&engine, 2 * n).unwrap());
    for is_flushed in [false, true] {
        if is_flushed {
            engine.scan_deleted();
            engine.flush_everything().unwrap();
            assert_eq!(stored_tombstones(&engine), (0, 450), "the first one sees what they hide");
        }
        for n in 0..450 {
            assert!(is_changed(&engine, 2 * n, early.at()).unwrap(), "{n}");
            assert!(!is_changed(&engine, 2 * n + 1, early.at()).unwrap(), "{n}");
            assert_eq!(is_changed(&engine, 2 * n, late.at()).unwrap(), n >= 400, "{n}");
            assert!(!is_changed(&engine, 2 * n + 1, late.at()).unwrap(), "{n}");
        }
    }
}

#[test]
fn deletions_among_live_keys_are_scanned_ever_more_seldom() {
    let engine = large();
    (0..60_000).for_each(|n| put(&engine, n, 1).unwrap());
    let known = || engine.dead.known().len();
    for n in (0..60_000).step_by(3) {
        delete(&engine, n).unwrap();
    }
    assert_eq!(known(), 0);
    for n in 0..9000 {
        delete(&engine, n).unwrap();
    }
    let (count, (_, steps)) = (known(), first(&engine));
    assert!(steps <= 1100 && count > 0, "{steps} steps, {count} dead ranges");
}

#[test]
fn a_flush_keeps_what_a_pin_sees_of_what_came_and_went() {
    let engine = large();
    put(&engine, 5, 1).unwrap();
    let pin = engine.pin_applied();
    delete(&engine, 5).unwrap();
    put(&engine, 6, 1).unwrap();
    delete(&engine, 6).unwrap();
    engine.flush_everything().unwrap();
    // And the other tombstone: a transaction that reads at the pin validates whether the key was
    // changed since.
    assert_eq!(stored(&engine), 3, "a value that a pin sees, and its tombstone");
    let mut scan = engine.core().scan_at(KeyRange::all(), &pin).unwrap();
    assert_eq!(drain(&mut scan, false).unwrap(), [(key(5), value(5, 1))]);
    assert_eq!(state(&engine).unwrap(), State::new());
}

/// An operation of the model on the engine.
#[derive(Clone, Debug)]
enum Deed {
    Put(u32),
    /// The keys from a number on, one by one.
    Fill(u32, u32),
    Remove(u32, u32),
    Clear(u32, u32),
    Pin,
    Unpin,
    /// The scan for dead ranges that comes after many deletions.
    Scan,
    Flush,
    Compact,
    /// Begins a scan that is continued later.
    Begin(u32, u32, bool),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let (start, size) = (0u32..200, 1u32..120);
    let deed = prop_oneof![
        3 => start.clone().prop_map(Deed::Put),
        2 => (start.clone(), size.clone()).prop_map(|(from, size)| Deed::Fill(from, size)),
        4 => (start.clone(), size.clone()).prop_map(|(from, size)| Deed::Remove(from, size)),
        1 => (start.clone(), size.clone()).prop_map(|(from, size)| Deed::Clear(from, size)),
        2 => Just(Deed::Pin),
        1 => Just(Deed::Unpin),
        2 => Just(Deed::Scan),
        2 => Just(Deed::Flush),
        1 => Just(Deed::Compact),
        2 => (start, size, any::<bool>()).prop_map(|(from, size, back)| Deed::Begin(from, size, back)),
    ];
    prop::collection::vec(deed, 1..30)
}

/// A scan that continues while the state changes, whether it is from the back, and what it must
/// still find.
type Begun = (EngineScan, bool, std::collections::VecDeque<(Vec<u8>, Vec<u8>)>);

/// Checks that a reader sees a state from both ends, completely and in parts.
fn expect_state(scan: impl Fn(KeyRange) -> EngineScan, state: &State, from: u32) {
    for range in [range(0, u32::MAX), range(from, from + 40), KeyRange::all()] {
        let expected: Vec<_> = state
            .iter()
            .filter(|(key, _)| range.contains(key))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        for from_back in [false, true] {
            let mut seen = drain(&mut scan(range.clone()), from_back).unwrap();
            if from_back {
                seen.reverse();
            }
            assert_eq!(seen, expected, "{range:?}, from the back: {from_back}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn every_reader_sees_its_state_whatever_is_known_to_be_dead(deeds in deeds(), is_large: bool) {
        let engine = if is_large { large() } else { open(&machine()).unwrap() };
        let mut model = State::new();
        let mut pins: Vec<(Pin, State)> = Vec::new();
        let mut begun: Vec<Begun> = Vec::new();
        for (version, deed) in (1..).zip(deeds) {
            let mut from = 0;
            match deed {
                Deed::Put(n) => {
                    put(&engine, n, version).unwrap();
                    model.insert(key(n), value(n, version));
                }
                Deed::Fill(start, size) => for n in start..start + size {
                    put(&engine, n, version).unwrap();
                    model.insert(key(n), value(n, version));
                },
                Deed::Remove(start, size) => {
                    for n in start..start + size {
                        delete(&engine, n).unwrap();
                        model.remove(&key(n));
                    }
                    from = start;
                }
                Deed::Clear(start, size) => {
                    clear(&engine, start..start + size).unwrap();
                    model.retain(|key, _| !range(start, start + size).contains(key));
                }
                Deed::Pin => pins.push((engine.pin_applied(), model.clone())),
                Deed::Unpin => pins.truncate(pins.len().saturating_sub(1)),
                Deed::Scan => drop(engine.scan_deleted()),
                Deed::Flush => engine.flush_everything().unwrap(),
                Deed::Compact => engine.compact().unwrap(),
                Deed::Begin(start, size, from_back) => {
                    let range = range(start, start + size);
                    let state = model.iter().filter(|(key, _)| range.contains(key));
                    let state = state.map(|(key, value)| (key.clone(), value.clone())).collect();
                    begun.push((engine.scan(range).unwrap(), from_back, state));
                }
            }
            for (scan, from_back, expected) in &mut begun {
                for _ in 0..7 {
                    let next = if *from_back { expected.pop_back() } else { expected.pop_front() };
                    let found = if *from_back { scan.next_back() } else { scan.next() }.unwrap();
                    let found = found.map(|found| (found.key.to_vec(), found.value.load().unwrap().to_vec()));
                    prop_assert_eq!(found, next);
                }
            }
            expect_state(|range| engine.scan(range).unwrap(), &model, from);
            for (pin, state) in &pins {
                expect_state(|range| engine.core().scan_at(range, pin).unwrap(), state, from);
            }
        }
    }
}

#[test]
fn a_key_that_is_put_among_dead_ones_is_seen_at_once_by_all() {
    let engine = large();
    for n in 0..2000 {
        put(&engine, n, 1).unwrap();
        delete(&engine, n).unwrap();
    }
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !ended.load(Ordering::Acquire) {
                    // Each finds dead keys, and records them.
                    first(&engine);
                    last(&engine);
                }
            });
        }
        let writers: Vec<_> = (0..2)
            .map(|writer| {
                let engine = &engine;
                scope.spawn(move || {
                    for round in 0..1000u32 {
                        let n = (round * 37 + writer * 11) % 1000 * 2 + writer;
                        put(engine, n, round).unwrap();
                        let seen = first(engine).0;
                        assert!(
                            seen.is_some_and(|seen| seen <= key(n)),
                            "a key that was written is not seen"
                        );
                        let seen = last(engine).0;
                        assert!(
                            seen.is_some_and(|seen| seen >= key(n)),
                            "a key that was written is not seen"
                        );
                        delete(engine, n).unwrap();
                    }
                })
            })
            .collect();
        let _ends = Ends(&ended);
        for writer in writers {
            writer.join().unwrap();
        }
    });
}
