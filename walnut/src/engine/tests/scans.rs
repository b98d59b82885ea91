//! Range reads: a scan of a single run bypasses the merging cursor, with the same result.

use proptest::prelude::*;

use super::*;
use crate::base::after;
use crate::cursor::Direction;
use crate::engine::read::scan::FoundEntry;

/// An engine with even numbers below `count`, in one run of many small blocks and several files.
fn settled(count: u32) -> Engine {
    let engine = open(&machine()).unwrap();
    for n in (0..count).step_by(2) {
        put(&engine, n, 1).unwrap();
    }
    engine.compact().unwrap();
    engine
}

fn expect(found: Option<FoundEntry<'_>>, expected: Option<(&Vec<u8>, &Vec<u8>)>) {
    let found = found.map(|found| (found.key.to_vec(), found.value.load().unwrap().to_vec()));
    assert_eq!(found, expected.map(|(key, value)| (key.clone(), value.clone())));
}

/// Scans everything, which is in one run, from both ends: the front when a bit of `turns` is clear.
/// Checks how many entries are reported as left.
fn walk(mut scan: EngineScan, state: &State, mut turns: u64) {
    let (mut state, mut left) = (state.iter(), KeyRange::all());
    loop {
        assert_eq!(scan.rest(), left);
        let from_front = turns & 1 == 0;
        turns = turns.rotate_right(1);
        let expected = if from_front { state.next() } else { state.next_back() };
        expect(if from_front { scan.next() } else { scan.next_back() }.unwrap(), expected);
        assert!(scan.walks_over_one_run());
        match expected {
            Some((key, _)) if from_front => left.start = after(key),
            Some((key, _)) => left.end = Some(key.clone()),
            None => break,
        }
    }
    assert!(scan.rest().is_empty());
    for from_back in [false, true, false] {
        assert_eq!(drain(&mut scan, from_back).unwrap(), [], "after the end");
    }
}

#[test]
fn both_ends_of_a_scan_of_one_run_meet_wherever_they_come_to() {
    let engine = settled(160);
    let state = state(&engine).unwrap();
    assert_eq!(state.len(), 80);
    for turns in
        [0, u64::MAX, 0x5555_5555_5555_5555, 0x0f0f_00ff_f0f0_0001, 0xfff0_0000_0000_0000, 1, 1 << 63]
    {
        walk(engine.scan(KeyRange::all()).unwrap(), &state, turns);
    }
}

#[test]
fn a_part_of_a_run_is_walked_over_to_its_bounds_and_not_beyond() {
    let engine = settled(160);
    let state = state(&engine).unwrap();
    for (from, to) in [(0, 160), (1, 159), (40, 41), (41, 42), (37, 93), (60, 60), (158, 500), (300, 400)] {
        let range = KeyRange { start: key(from), end: Some(key(to)) };
        let mut expected: Vec<_> =
            state.range(key(from)..key(to)).map(|(k, v)| (k.clone(), v.clone())).collect();
        assert_eq!(drain(&mut engine.scan(range.clone()).unwrap(), false).unwrap(), expected, "{from}..{to}");
        expected.reverse();
        assert_eq!(drain(&mut engine.scan(range).unwrap(), true).unwrap(), expected, "{from}..{to}");
    }
}

#[test]
fn versions_and_tombstones_that_fill_blocks_of_one_run_are_told_apart_in_both_directions() {
    const VERSIONS: u32 = 40;
    let engine = settled(60);
    let mut pins = Vec::new();
    for version in 2..2 + VERSIONS {
        // Versions of one key fill several blocks; neighbouring keys are put and deleted.
        put(&engine, 30, version).unwrap();
        if version % 2 == 0 { put(&engine, 29, version) } else { delete(&engine, 29) }.unwrap();
        if version % 3 == 0 { delete(&engine, 32) } else { put(&engine, 32, version) }.unwrap();
        pins.push((engine.pin_applied(), state(&engine).unwrap()));
    }
    engine.compact().unwrap();
    for (pin, state) in &pins {
        for turns in [0, u64::MAX, 0x5555_5555_5555_5555] {
            walk(engine.core().scan_at(KeyRange::all(), pin).unwrap(), state, turns);
        }
    }
}

#[test]
fn what_a_memtable_holds_elsewhere_leaves_a_run_alone_and_in_the_range_it_counts() {
    let engine = settled(160);
    let before = state(&engine).unwrap();
    let mut begun = engine.scan(KeyRange::all()).unwrap();
    expect(begun.next().unwrap(), before.iter().next());
    put(&engine, 51, 2).unwrap();
    delete(&engine, 52).unwrap();
    put(&engine, 54, 2).unwrap();
    // The back is opened when the memtable has entries that the scan must not see.
    expect(begun.next_back().unwrap(), before.iter().next_back());
    assert_eq!(drain(&mut begun, false).unwrap().len(), before.len() - 2);

    let now = state(&engine).unwrap();
    assert!(now.contains_key(&key(51)) && !now.contains_key(&key(52)));
    for (from, to, unmerged) in
        [(0, 51, true), (55, 160, true), (0, 52, false), (52, 53, false), (50, 56, false)]
    {
        for from_back in [false, true] {
            let mut scan = engine.scan(KeyRange { start: key(from), end: Some(key(to)) }).unwrap();
            let mut expected: Vec<_> =
                now.range(key(from)..key(to)).map(|(k, v)| (k.clone(), v.clone())).collect();
            if from_back {
                expected.reverse();
            }
            assert_eq!(drain(&mut scan, from_back).unwrap(), expected, "{from}..{to}");
            assert_eq!(scan.walks_over_one_run(), unmerged, "{from}..{to}");
        }
    }
}

#[test]
fn a_range_that_was_cleared_stays_so_over_a_single_run() {
    let engine = settled(160);
    let pin = engine.pin_applied();
    let before = state(&engine).unwrap();
    clear(&engine, 40..90).unwrap();
    for _ in 0..2 {
        let now = state(&engine).unwrap();
        assert_eq!(now.len(), before.len() - 25);
        for turns in [0, u64::MAX, 0x3333_3333_3333_3333] {
            walk(engine.scan(KeyRange::all()).unwrap(), &now, turns);
            walk(engine.core().scan_at(KeyRange::all(), &pin).unwrap(), &before, turns);
        }
        engine.compact().unwrap();
    }
}

/// The number of entries that a scan counts from one of its ends, and of those it has to look at.
fn counted(mut scan: EngineScan, direction: Direction) -> (u64, usize) {
    let (mut count, mut looked_at) = (0, 0);
    loop {
        let found = match direction {
            Direction::Forward => scan.next().unwrap().is_some(),
            Direction::Backward => scan.next_back().unwrap().is_some(),
        };
        if !found {
            return (count, looked_at);
        }
        looked_at += 1;
        count += 1 + scan.pass_live(direction) as u64;
    }
}

proptest! {
    /// After any writes, deletions, flushes and merges, a count without a look at each entry equals
    /// the number of visible entries.
    #[test]
    fn entries_that_are_passed_at_once_are_those_that_are_seen(
        writes in prop::collection::vec((0u8..8, 0u32..40, 1u32..12), 1..60),
        bounds in prop::collection::vec(0u32..42, 6),
    ) {
        let engine = open(&machine()).unwrap();
        let mut pins = Vec::new();
        for (version, (kind, n, count)) in (1..).zip(writes) {
            match kind {
                0..=1 => (n..n + count).for_each(|n| put(&engine, n, version).unwrap()),
                2 => {
                    // A version that a reader retains, possibly in another block than the newer
                    // one.
                    pins.push(engine.pin_applied());
                    put(&engine, n, version).unwrap();
                }
                3 => delete(&engine, n).unwrap(),
                4 => clear(&engine, n..n + count).unwrap(),
                5 => engine.flush_everything().unwrap(),
                6 => engine.compact().unwrap(),
                _ => pins.push(engine.pin_applied()),
            }
        }
        pins.push(engine.pin_applied());
        engine.flush_everything().unwrap();
        for pin in &pins {
            for (start, end) in bounds.iter().zip(&bounds[1..]) {
                let range = KeyRange { start: key(*start), end: Some(key(*end)) };
                let expected = drain(&mut engine.core.scan_at(range.clone(), pin).unwrap(), false).unwrap().len() as u64;
                for direction in [Direction::Forward, Direction::Backward] {
                    let scan = engine.core.scan_at(range.clone(), pin).unwrap();
                    prop_assert_eq!(counted(scan, direction).0, expected, "{:?}", direction);
                }
            }
        }
    }
}

#[test]
fn counting_looks_at_two_entries_of_a_block_and_at_those_beside_changed_ones() {
    let engine = open(&machine()).unwrap();
    for n in 0..2000 {
        put(&engine, n, 1).unwrap();
    }
    engine.compact().unwrap();
    let all = |direction| counted(engine.scan(KeyRange::all()).unwrap(), direction);
    let (_, in_blocks) = all(Direction::Forward);
    assert!(in_blocks < 1000, "{in_blocks} of 2000 entries, in blocks of five");
    assert_eq!(all(Direction::Backward), (2000, in_blocks));
    put(&engine, 1000, 2).unwrap();
    delete(&engine, 1500).unwrap();
    let (count, looked_at) = all(Direction::Forward);
    assert_eq!(count, 1999);
    assert!(looked_at < in_blocks + 10, "{looked_at} beside a memtable, {in_blocks} without");
}
