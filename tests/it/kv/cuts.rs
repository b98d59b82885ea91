//! Ranges that are removed over each other, again and again: what they take in memory is bounded by what readers can tell apart,
//! counted, and what they hide is what a map says, in both directions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use allocation_counter::measure;
use walnut::env::{CrashPolicy, MemoryEnv};
use walnut::kv::Iter;
use walnut::{Background, Builder, Compaction, Database, Durability, Result, Snapshot};
use walnut_tests::model_check::{for_each_seed, seeds};
use walnut_tests::random::Random;

const DIR: &str = "/db";
const MIB: u64 = 1 << 20;

fn builder(env: &MemoryEnv) -> Builder {
    let builder = Database::builder().background(Background::Manual).durability(Durability::Fast);
    builder.cache_size(0).env(Arc::new(env.clone()))
}

fn key(n: u64) -> [u8; 8] {
    n.to_be_bytes()
}

/// Calls, and says how many bytes more than before were held at once meanwhile.
fn peak<R>(call: impl FnOnce() -> R) -> (R, u64) {
    let mut result = None;
    let counted = measure(|| result = Some(call()));
    (result.unwrap(), counted.bytes_max)
}

/// What is there, the same from both ends.
fn all(iter: impl Fn() -> Iter) -> Vec<(Vec<u8>, Vec<u8>)> {
    let found: Vec<_> = iter().collect::<Result<_>>().unwrap();
    let mut backward: Vec<_> = iter().rev().collect::<Result<_>>().unwrap();
    backward.reverse();
    assert_eq!(found, backward);
    found
}

/// What a log does that is read to its end: every cut is a new one over all that went before.
#[test]
fn nested_cuts_take_memory_in_proportion_to_their_number_however_they_lie() {
    const COUNT: u64 = 24_000;
    for falling in [false, true] {
        let env = MemoryEnv::new();
        let options = || builder(&env).memtable_size(2 << 20);
        let db = options().open(DIR).unwrap();
        let space = db.keyspace("log").unwrap();
        let pin = db.snapshot();
        let ((), written) = peak(|| {
            for n in 1..=COUNT {
                let cutoff = key(if falling { COUNT - n } else { n });
                space.put(key(n), b"").unwrap();
                space.remove_range(..cutoff).unwrap();
            }
        });
        // The machine keeps its files in memory: a log, some sorted files and what is durable of each.
        assert!(written < 60 * MIB, "{written} bytes to write {COUNT} cuts");
        drop((space, pin, db));
        for settle in [Database::checkpoint, Database::compact] {
            let (db, opened) = peak(|| options().open(DIR).unwrap());
            assert!(opened < 16 * MIB, "{opened} bytes to open");
            let (settled, took) = peak(|| settle(&db));
            settled.unwrap();
            assert!(took < 24 * MIB, "{took} bytes for a checkpoint or a merge");
            let expected = if falling { COUNT / 2 + 1 } else { 1 };
            let space = db.keyspace("log").unwrap();
            assert_eq!(space.last().unwrap().map(|(key, _)| key), Some(key(COUNT).to_vec()));
            assert_eq!(space.len().unwrap(), expected);
        }
        let db = options().open(DIR).unwrap();
        db.compact().unwrap();
        let left: u64 = db.stats().levels.iter().map(|level| level.range_tombstone_count).sum();
        assert_eq!(left, 0, "nothing is left that they could hide");
    }
}

#[test]
fn a_log_of_any_length_is_replayed_in_the_memory_of_a_few_memtables() {
    let env = MemoryEnv::new();
    let db = builder(&env).memtable_size(1 << 30).open(DIR).unwrap();
    let space = db.keyspace("log").unwrap();
    let mut expected = BTreeMap::new();
    let mut random = Random::new(1, "long log");
    for n in 0..20_000_u64 {
        let (key, value) = (key(random.below(15_000)).to_vec(), vec![n.to_le_bytes()[0]; 700]);
        space.put(&key, &value).unwrap();
        expected.insert(key, value);
    }
    db.sync().unwrap();
    let survivor = env.crash(*CrashPolicy::ALL.first().unwrap(), 1);
    drop((space, db));
    for round in 0..3 {
        let (db, opened) = peak(|| builder(&survivor).memtable_size(256 << 10).open(DIR).unwrap());
        // The files that are spilled are in the machine's memory, twice at most.
        let spilled = 2 * db.stats().sst_size;
        assert!(
            opened < 8 * MIB + if round == 0 { spilled } else { 0 },
            "{opened} bytes, {spilled} of them files"
        );
        let space = db.keyspace("log").unwrap();
        assert!(all(|| space.iter()).into_iter().eq(expected.clone()), "opening {round}");
        drop(space);
        db.verify().unwrap();
        if round == 1 {
            db.close().unwrap();
        }
    }
}

/// Where the newest cut of a stripe of history changes, over all keys and stripes: what the store may remember, and no more.
fn pieces(cuts: &[(u64, u64, u64)], boundaries: &BTreeSet<u64>) -> u64 {
    let newest = |key: u64, above: u64, at: u64| {
        let over = cuts
            .iter()
            .filter(|(start, end, time)| (*start..*end).contains(&key) && *time > above && *time <= at);
        over.map(|(.., time)| *time).max()
    };
    let stripes = |key: u64| {
        let mut above = 0;
        let stripe = |&at: &u64| newest(key, std::mem::replace(&mut above, at), at);
        boundaries.iter().map(stripe).collect::<Vec<_>>()
    };
    let mut count = 0;
    let mut last = Vec::new();
    for key in 0..KEYS + MAX_BEYOND {
        let here = stripes(key);
        count += u64::from(here != last && here.iter().any(Option::is_some));
        last = here;
    }
    count
}

const KEYS: u64 = 300;

/// How far a cut may reach beyond the keys.
const MAX_BEYOND: u64 = 40;

type State = BTreeMap<u64, u64>;

struct Held {
    snapshot: Snapshot,
    at: u64,
    state: State,
}

fn check(iter: impl Fn() -> Iter, state: &State) {
    let found = all(&iter).into_iter();
    let found = found.map(|(key, value)| (number(&key), number(&value))).collect::<Vec<_>>();
    assert_eq!(found, state.clone().into_iter().collect::<Vec<_>>());
    let key_of = |found: Option<Result<(Vec<u8>, Vec<u8>)>>| found.map(|found| number(&found.unwrap().0));
    assert_eq!(key_of(iter().next()), state.first_key_value().map(|(key, _)| *key));
    assert_eq!(key_of(iter().next_back()), state.last_key_value().map(|(key, _)| *key));
}

fn number(bytes: &[u8]) -> u64 {
    u64::from_be_bytes(bytes.try_into().unwrap())
}

/// A cut of one of the shapes: nested from an end, nested inwards, overlapping its neighbour, apart from all others, everything.
fn cut(random: &mut Random, time: u64) -> (u64, u64) {
    let size = random.below(MAX_BEYOND) + 1;
    match random.below(6) {
        0 => (0, random.below(KEYS) + 1),
        1 => (random.below(KEYS), KEYS),
        2 => (time % 150, KEYS - time % 150),
        3 => (time * 7 % KEYS, time * 7 % KEYS + 20),
        4 => (time % 30 * 10, time % 30 * 10 + 5),
        _ => (random.below(KEYS), random.below(KEYS) + size),
    }
}

fn program(seed: u64, steps: u64) {
    let mut random = Random::new(seed, "cuts");
    let mut env = MemoryEnv::with_seed(seed);
    let strategy = *random.pick(&[Compaction::Leveled, Compaction::Tiered, Compaction::Universal]);
    let memtable_size = *random.pick(&[4 << 10, 32 << 10, 1 << 20]);
    let options = |env: &MemoryEnv| builder(env).memtable_size(memtable_size).compaction(strategy);
    let mut db = options(&env).open(DIR).unwrap();
    let (mut state, mut cuts) = (State::new(), Vec::new());
    let mut held: Vec<Held> = Vec::new();
    for time in 1..=steps {
        let space = db.keyspace("k").unwrap();
        match random.below(100) {
            0..40 => {
                let at = random.below(KEYS);
                space.put(key(at), key(time)).unwrap();
                state.insert(at, time);
            }
            40..80 => {
                let (start, end) = cut(&mut random, time);
                space.remove_range(key(start)..key(end)).unwrap();
                state.retain(|key, _| !(start..end).contains(key));
                cuts.push((start, end, time));
            }
            80..84 if held.len() < 4 => {
                held.push(Held { snapshot: db.snapshot(), at: time, state: state.clone() });
            }
            84..86 if !held.is_empty() => drop(held.swap_remove(random.place(held.len()))),
            86..90 => db.checkpoint().unwrap(),
            90..93 => {
                let (done, took) = peak(|| db.compact());
                done.unwrap();
                let boundaries = held.iter().map(|held| held.at).chain([time]).collect();
                let (pieces, found) = (pieces(&cuts, &boundaries), db.stats());
                let fragments: u64 = found.levels.iter().map(|level| level.range_tombstone_count).sum();
                assert!(fragments <= pieces + found.sst_count as u64, "{fragments} for {pieces} pieces");
                let bound = 2 * MIB + 600 * (pieces + state.len() as u64) * (held.len() as u64 + 1);
                assert!(took < bound, "{took} bytes for a merge, with {pieces} pieces, seed {seed}");
            }
            93..95 => {
                db.sync().unwrap();
                drop(space);
                held.clear();
                env = env.crash(*random.pick(&CrashPolicy::ALL), random.next());
                db = options(&env).open(DIR).unwrap();
            }
            95..97 => {
                drop(space);
                held.clear();
                db.close().unwrap();
                db = options(&env).open(DIR).unwrap();
            }
            _ => check(|| space.iter(), &state),
        }
        if time % 40 == 0 {
            let space = db.keyspace("k").unwrap();
            check(|| space.iter(), &state);
            for Held { snapshot, state, .. } in &held {
                match snapshot.keyspace("k").unwrap() {
                    Some(space) => check(|| space.iter(), state),
                    None => assert!(state.is_empty()),
                }
            }
        }
    }
    db.verify().unwrap();
}

#[test]
fn programs_of_cuts_pins_merges_and_crashes_see_what_a_map_says_within_bounded_memory() {
    for_each_seed("programs_of_cuts_pins_merges_and_crashes", seeds(20), |seed| program(seed, 600));
}
