//! A short run of every fuzz target on a stable compiler, through the same entry points: the seeds, and mutations of them.
//!
//! The mutations follow from the seed and a number, so a failure names what has to be run again. `WALNUT_SEEDS` takes more of them.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use walnut_tests::random::Random;

/// What takes hostile bytes.
type Target = fn(&[u8]);

/// A target: its name, which is that of its directory, and what it calls.
const TARGETS: [(&str, Target); 8] = [
    ("batch", walnut::__fuzz::batch),
    ("key", walnut::__fuzz::key),
    ("keys", walnut::__fuzz::keys),
    ("manifest", walnut::__fuzz::manifest),
    ("sealed", walnut::__fuzz::sealed),
    ("sst", walnut::__fuzz::sst),
    ("value_log", walnut::__fuzz::value_log),
    ("wal", walnut::__fuzz::wal),
];

/// How many mutations of each seed are tried when nothing else is said.
const MUTATIONS: u64 = 60;

fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds").join(target);
    let mut seeds: Vec<_> = fs::read_dir(&dir)
        .unwrap_or_else(|error| panic!("{}: {error}", dir.display()))
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(path).unwrap()))
        .collect();
    seeds.sort();
    seeds
}

/// Changes bytes as damage and a fuzzer's luck do.
fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(4) {
        let (one, other) = (random.place(bytes.len() + 1), random.place(bytes.len() + 1));
        let (start, end) = (one.min(other), one.max(other));
        match random.below(7) {
            0 => bytes[start..end.min(start + 8)].fill(0xff),
            1 => bytes.truncate(end),
            2 => drop(bytes.drain(start..end.min(start + 64))),
            3 => bytes.insert(start, random.next().to_le_bytes()[0]),
            4 if end < bytes.len() => bytes[end] ^= 1 << random.below(8),
            5 => bytes.copy_within(start..end, 0),
            _ => {
                let piece = random.next().to_le_bytes();
                let end = bytes.len().min(start + 1 + random.place(8));
                bytes[start..end].copy_from_slice(&piece[..end - start]);
            }
        }
    }
}

#[test]
fn hostile_bytes_neither_panic_nor_break_an_invariant() {
    let count = std::env::var("WALNUT_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(MUTATIONS);
    for (target, run) in TARGETS {
        let seeds = seeds(target);
        assert!(!seeds.is_empty(), "{target} has no seeds");
        for (name, bytes) in &seeds {
            for number in 0..=count {
                let mut input = bytes.clone();
                let mut random = Random::new(number, name);
                // Number 0 is the seed itself.
                (0..number.min(1)).for_each(|_| mutate(&mut input, &mut random));
                let outcome = catch_unwind(AssertUnwindSafe(|| run(&input)));
                assert!(outcome.is_ok(), "the panic above is of {target}, seed {name}, mutation {number}");
            }
        }
    }
}

#[test]
fn every_target_has_a_program_that_fuzzes_it() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/fuzz_targets");
    let mut programs: Vec<_> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    programs.sort();
    assert_eq!(programs, TARGETS.map(|(name, _)| format!("{name}.rs")));
}
