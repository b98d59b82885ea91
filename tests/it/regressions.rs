//! Faults that engines like this one have had: each by its name, as a test that it does not happen here.
//!
//! The tests use the public API, so that they hold whatever the inside looks like. Crashes, faults and damage are tested
//! more deeply by `model_check`, `faults`, `failures` and `damage`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use walnut::env::{CrashPolicy, Env, FaultEffect, FaultEnv, FaultPlan, MemoryEnv, Operation, Operations};
use walnut::{
    Background, Builder, Database, DefaultTable, Durability, Error, Fault, KeyFault, Result, Table,
};
use walnut_tests::random::Random;
use walnut_tests::session::encrypted_if_asked;
use walnut_tests::threads::Ends;

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = "notes")]
struct Note {
    #[primary_key]
    id: u64,
    version: u64,
    text: String,
}

const DIR: &str = "/db";

fn note(id: u64, version: u64) -> Note {
    Note {
        id,
        version,
        text: format!("note {id}, version {version}, {}", "x".repeat(usize::try_from(id % 50).unwrap())),
    }
}

fn builder(env: &(impl Env + Clone)) -> Builder {
    let builder = Database::builder()
        .memtable_size(2 << 10)
        .block_size(256)
        .max_sst_size(1 << 10)
        .base_level_size(1 << 10)
        .value_log_threshold(60)
        .background(Background::Manual)
        .checkpoint_on_close(false)
        .env(Arc::new(env.clone()));
    encrypted_if_asked(builder)
}

fn open_with(builder: &Builder) -> Result<(Database, DefaultTable<Note>)> {
    let db = builder.open(DIR)?;
    let notes = db.table()?;
    Ok((db, notes))
}

fn open(env: &(impl Env + Clone)) -> Result<(Database, DefaultTable<Note>)> {
    open_with(&builder(env))
}

fn ids(notes: &DefaultTable<Note>) -> Vec<u64> {
    notes.iter().map(|note| note.unwrap().id).collect()
}

/// The newest file with this ending, and its bytes.
fn last_file(env: &MemoryEnv, ending: &str) -> (PathBuf, Vec<u8>) {
    let is_such = |path: &PathBuf| path.to_string_lossy().ends_with(ending);
    let path = env.files().into_iter().rfind(is_such).unwrap();
    let bytes = env.read_file(&path).unwrap();
    (path, bytes)
}

fn manifest(env: &MemoryEnv) -> (PathBuf, Vec<u8>) {
    let path = env.files().into_iter().rfind(|path| path.to_string_lossy().contains("MANIFEST-")).unwrap();
    let bytes = env.read_file(&path).unwrap();
    (path, bytes)
}

/// Where the records of a log segment end: the last byte that is not zero.
fn end_of(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|&byte| byte != 0).unwrap() + 1
}

/// A crashed machine with `count` durable notes in its log.
fn crashed(count: u64) -> MemoryEnv {
    let env = MemoryEnv::new();
    let (_db, notes) = open_with(&builder(&env).memtable_size(1 << 20)).unwrap();
    (0..count).for_each(|id| notes.insert(&note(id, 0)).unwrap());
    env.crash(CrashPolicy::Kept, 1)
}

#[test]
fn a_log_cut_by_three_bytes_opens() {
    for cut in 1..40 {
        let env = crashed(5);
        let (path, bytes) = last_file(&env, ".log");
        env.write_file(&path, &bytes[..end_of(&bytes) - cut]).unwrap();
        let (_db, notes) = open(&env).unwrap_or_else(|error| panic!("cut by {cut}: {error}"));
        assert_eq!(ids(&notes), [0, 1, 2, 3], "the record that was cut, and no other");
        notes.insert(&note(9, 0)).unwrap();
        assert_eq!(ids(&open(&env.crash(CrashPolicy::Lost, 2)).unwrap().1), [0, 1, 2, 3, 9]);
    }
}

#[test]
fn stray_bytes_are_not_taken_for_a_clean_end_after_which_the_next_write_is_lost() {
    for stray in [vec![0; 700], vec![0xff; 3], vec![1; 64], (0..=255).collect::<Vec<u8>>()] {
        let env = crashed(5);
        let (path, bytes) = last_file(&env, ".log");
        env.write_file(&path, &[&bytes[..end_of(&bytes).next_multiple_of(8)], &stray].concat()).unwrap();
        let (db, notes) = open(&env).unwrap();
        assert_eq!(ids(&notes), [0, 1, 2, 3, 4]);
        notes.insert(&note(5, 0)).unwrap();
        let (_db, notes) = open(&env.crash(CrashPolicy::Lost, 3)).unwrap();
        assert_eq!(ids(&notes), [0, 1, 2, 3, 4, 5], "what was acknowledged after the stray bytes is there");
        drop(db);
    }
}

#[test]
fn one_flipped_bit_in_the_manifest_does_not_delete_every_sst() {
    let env = MemoryEnv::new();
    let (db, notes) = open(&env).unwrap();
    (0..60).for_each(|id| notes.insert(&note(id, 0)).unwrap());
    db.checkpoint().unwrap();
    db.close().unwrap();
    drop((db, notes));
    let files = env.files();
    let contents: Vec<_> = files.iter().map(|path| env.read_file(path).unwrap()).collect();
    let data = |path: &&PathBuf| path.extension().is_some_and(|kind| kind == "sst" || kind == "vlog");
    assert!(files.iter().filter(data).count() > 3);
    let (victim, bytes) = manifest(&env);
    // An encrypted manifest has no end record, so a last edit that is damaged counts as torn; then
    // a file is missed that this edit made obsolete.
    let has_end = !files.iter().any(|path| path.ends_with("KEYS"));
    for bit in (0..bytes.len() * 8).step_by(7) {
        let env = MemoryEnv::new();
        files.iter().zip(&contents).for_each(|(path, bytes)| env.write_file(path, bytes).unwrap());
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        env.write_file(&victim, &damaged).unwrap();
        match open(&env) {
            Ok((_db, notes)) => assert_eq!(ids(&notes), (0..60).collect::<Vec<_>>(), "bit {bit}"),
            Err(Error::Corruption { file, fault, .. }) => {
                assert!(
                    file == victim || !has_end && fault == Fault::Missing,
                    "bit {bit}: {}",
                    file.display()
                );
            }
            Err(error) => panic!("bit {bit}: {error}"),
        }
        for (path, bytes) in files.iter().zip(&contents).filter(|(path, _)| data(path)) {
            assert_eq!(env.read_file(path).as_ref(), Some(bytes), "bit {bit}: {}", path.display());
        }
    }
}

#[test]
fn the_first_bad_frame_does_not_truncate_later_acknowledged_commits() {
    let env = crashed(8);
    let (path, bytes) = last_file(&env, ".log");
    let end = end_of(&bytes);
    for place in (64..end - 200).step_by(5) {
        let mut damaged = bytes.clone();
        damaged[place] ^= 0x40;
        env.write_file(&path, &damaged).unwrap();
        match open(&env.crash(CrashPolicy::Kept, 0)) {
            // Padding between records belongs to none.
            Ok((_db, notes)) => assert_eq!(ids(&notes), (0..8).collect::<Vec<_>>(), "byte {place}"),
            Err(Error::Corruption { file, offset, .. }) => {
                assert!(
                    file == path && offset <= place as u64,
                    "byte {place}: {} at {offset}",
                    file.display()
                );
            }
            Err(error) => panic!("byte {place}: {error}"),
        }
        assert_eq!(env.read_file(&path), Some(damaged), "nothing was cut");
    }
}

#[test]
fn a_value_larger_than_the_buffer_is_written_and_does_not_break_close() {
    for threshold in [0, 1 << 10] {
        let env = MemoryEnv::new();
        let builder =
            builder(&env).memtable_size(1 << 10).value_log_threshold(threshold).checkpoint_on_close(true);
        let (db, notes) = open_with(&builder).unwrap();
        let large = Note { text: "y".repeat(3 << 20), ..note(1, 0) };
        notes.insert(&large).unwrap();
        notes.insert(&note(2, 0)).unwrap();
        db.close().unwrap();
        drop((db, notes));
        let (db, notes) = open_with(&builder).unwrap();
        assert!(notes.get(1).unwrap() == Some(large));
        assert_eq!(ids(&notes), [1, 2]);
        db.close().unwrap();
    }
}

#[test]
fn a_deleted_key_is_not_back_after_compaction_though_its_range_lay_outside_the_point_keys() {
    // At the store's level a range of rows goes in one commit, and with a file whose other keys lie elsewhere.
    let env = MemoryEnv::new();
    let (db, notes) = open(&env).unwrap();
    (0..200).for_each(|id| notes.insert(&note(id, 0)).unwrap());
    db.compact().unwrap();
    assert_eq!(notes.remove_many(50..150).unwrap().len(), 100);
    notes.insert(&note(500, 0)).unwrap();
    db.checkpoint().unwrap();
    db.compact().unwrap();
    let left: Vec<u64> = (0..50).chain(150..200).chain([500]).collect();
    assert_eq!(ids(&notes), left);
    drop((db, notes));
    assert_eq!(ids(&open(&env.crash(CrashPolicy::Lost, 1)).unwrap().1), left);
}

#[test]
fn a_deleted_key_is_not_back_because_older_was_judged_by_file_number() {
    let env = MemoryEnv::new();
    let (db, notes) = open(&env).unwrap();
    for round in 0..6 {
        // A compaction writes old rows into files with new numbers, beside removals in files with older ones.
        (0..80).for_each(|id| drop(notes.upsert(&note(id, round)).unwrap()));
        db.checkpoint().unwrap();
        (0..80).filter(|id| id % 3 == 0).for_each(|id| drop(notes.remove(id).unwrap()));
        if round % 2 == 0 {
            db.compact().unwrap();
        } else {
            db.checkpoint().unwrap();
        }
        let left: Vec<u64> = (0..80).filter(|id| id % 3 > 0).collect();
        assert_eq!(ids(&notes), left, "round {round}");
    }
}

#[test]
fn a_deleted_key_is_not_back_because_a_boundary_split_its_versions() {
    let env = MemoryEnv::new();
    let (db, notes) = open(&env).unwrap();
    let snapshots: Vec<_> = (0..40)
        .map(|version| {
            (0..4).for_each(|id| drop(notes.upsert(&note(id, version)).unwrap()));
            db.snapshot()
        })
        .collect();
    // Each key has forty versions that a snapshot reads, more than a file holds.
    db.compact().unwrap();
    notes.remove(2).unwrap();
    db.checkpoint().unwrap();
    for (version, snapshot) in (0..).zip(&snapshots) {
        let seen = snapshot.table::<Note>().unwrap().get(2).unwrap().map(|note| note.version);
        assert_eq!(seen, Some(version));
    }
    assert_eq!(notes.get(2).unwrap(), None);
    drop(snapshots);
    db.compact().unwrap();
    assert_eq!(ids(&notes), [0, 1, 3]);
    db.verify().unwrap();
}

#[test]
fn a_scan_over_a_damaged_block_does_not_return_fewer_rows_and_no_compaction_makes_it_so() {
    let env = MemoryEnv::new();
    let (db, notes) = open(&env).unwrap();
    (0..100).for_each(|id| notes.insert(&note(id, 0)).unwrap());
    db.checkpoint().unwrap();
    db.close().unwrap();
    drop((db, notes));
    for (ending, place) in [(".sst", 80), (".vlog", 100)] {
        let (path, bytes) = last_file(&env, ending);
        let mut damaged = bytes.clone();
        damaged[place] ^= 2;
        env.write_file(&path, &damaged).unwrap();
        let (db, notes) = open(&env).unwrap();
        let mut scan = notes.iter();
        let error = scan.find_map(Result::err).expect("the damage is met");
        assert!(matches!(error, Error::Corruption { file, .. } if file == path));
        assert!(scan.next().is_none(), "a scan ends with its error");
        assert!(db.verify().is_err());
        if ending == ".sst" {
            notes.insert(&note(1000, 0)).unwrap();
            assert!(db.compact().is_err());
        }
        drop(scan);
        db.close().unwrap();
        drop((db, notes));
        assert_eq!(env.read_file(&path).as_ref(), Some(&damaged), "the damaged file is kept");
        env.write_file(&path, &bytes).unwrap();
    }
    let (db, notes) = open(&env).unwrap();
    let all: Vec<u64> = (0..100).chain([1000]).collect();
    assert_eq!(ids(&notes), all);
    db.compact().unwrap();
    assert_eq!(ids(&notes), all);
}

#[test]
fn a_checkpoint_does_not_truncate_commits_that_are_made_while_it_runs() {
    for seed in 0..3 {
        let env = MemoryEnv::with_seed(seed);
        let (db, notes) = open_with(&builder(&env).background(Background::Thread)).unwrap();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let _ends = Ends(&done);
            scope.spawn(|| {
                while !done.load(Ordering::Acquire) {
                    db.checkpoint().unwrap();
                }
            });
            (0..300).for_each(|id| notes.insert(&note(id, 0)).unwrap());
        });
        let (_db, notes) = open(&env.crash(CrashPolicy::Lost, seed)).unwrap();
        assert_eq!(ids(&notes), (0..300).collect::<Vec<_>>(), "seed {seed}");
    }
}

#[test]
fn a_checkpoint_that_fails_does_not_lose_the_memtable() {
    for n in 0.. {
        let env = FaultEnv::over_memory(MemoryEnv::new());
        let (db, notes) = open(&env).unwrap();
        (0..20).for_each(|id| notes.insert(&note(id, 0)).unwrap());
        env.inject(FaultPlan::once(Operations::Mutations, n, FaultEffect::Error));
        let failed = db.checkpoint().is_err();
        let struck = env.struck() > 0;
        env.heal();
        assert_eq!(ids(&notes), (0..20).collect::<Vec<_>>(), "operation {n}");
        if failed && notes.insert(&note(20, 0)).is_ok() {
            db.checkpoint().unwrap();
            assert_eq!(ids(&notes), (0..=20).collect::<Vec<_>>(), "operation {n}");
        }
        if !struck {
            assert!(n > 5);
            return;
        }
    }
}

#[test]
fn reads_do_not_go_back_in_time_between_memtable_and_sst() {
    let env = MemoryEnv::new();
    let (db, notes) = open_with(&builder(&env).background(Background::Thread)).unwrap();
    notes.insert(&note(7, 0)).unwrap();
    let (written, done) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let _ends = Ends(&done);
        for _ in 0..2 {
            scope.spawn(|| {
                let mut last = 0;
                while !done.load(Ordering::Acquire) {
                    let floor = written.load(Ordering::Acquire);
                    let scanned = notes.iter().next().unwrap().unwrap().version;
                    let got = notes.get(7).unwrap().unwrap().version;
                    assert!(
                        scanned >= floor.max(last) && got >= scanned,
                        "{got} and {scanned} after {floor}, {last}"
                    );
                    last = got;
                }
            });
        }
        for version in 1..2000 {
            db.transact_with(Durability::Fast, |tx| tx.table::<Note>()?.upsert(&note(7, version))).unwrap();
            written.store(version, Ordering::Release);
        }
    });
}

#[test]
fn log_files_are_deleted() {
    let env = MemoryEnv::new();
    let (db, notes) = open_with(&builder(&env).background(Background::Thread)).unwrap();
    let logs = || env.files().iter().filter(|path| path.to_string_lossy().ends_with(".log")).count();
    for id in 0..2000 {
        notes.insert(&note(id, 0)).unwrap();
        assert!(logs() < 12, "{} segments after {id} rows", logs());
    }
    db.checkpoint().unwrap();
    // The one that is written to, and at most two that are kept to be used again.
    assert!(logs() <= 3, "{} segments after a checkpoint", logs());
    db.close().unwrap();
    assert_eq!(logs(), 1, "closing keeps none to be used again");
}

#[test]
fn readers_do_not_wait_behind_a_major_compaction() {
    let env = MemoryEnv::new();
    let (db, notes) = open(&env).unwrap();
    (0..2000).for_each(|id| notes.insert(&note(id, 0)).unwrap());
    let (reads, done) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let _ends = Ends(&done);
        let reader = scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                assert_eq!(
                    notes.get(reads.load(Ordering::Acquire) % 2000).unwrap().map(|note| note.version),
                    Some(0)
                );
                reads.fetch_add(1, Ordering::AcqRel);
            }
        });
        // Compactions go on until enough was read while they did; a reader that waited for one would never get there.
        let before = reads.load(Ordering::Acquire);
        let mut during = 0;
        while during < 50 {
            assert!(!reader.is_finished(), "the reader has failed");
            let begun = reads.load(Ordering::Acquire);
            db.compact().unwrap();
            during += reads.load(Ordering::Acquire) - begun;
            notes.upsert(&note(before % 7 + 5000, 1)).unwrap();
        }
    });
}

#[test]
fn a_sync_that_fails_once_is_not_trusted_the_second_time() {
    let memory = MemoryEnv::new();
    let env = FaultEnv::over_memory(memory.clone());
    let (db, notes) = open(&env).unwrap();
    notes.insert(&note(1, 0)).unwrap();
    env.inject(FaultPlan::once(Operation::Sync, 0, FaultEffect::LostSync));
    assert!(matches!(notes.insert(&note(2, 0)), Err(Error::Io(_))));
    env.heal();
    assert!(
        matches!(notes.insert(&note(3, 0)), Err(Error::Poisoned)),
        "the next sync would succeed without the data"
    );
    assert!(matches!(db.sync(), Err(Error::Poisoned)));
    assert_eq!(ids(&open(&memory.crash(CrashPolicy::Lost, 1)).unwrap().1), [1]);
}

#[test]
fn a_parent_directory_is_synced() {
    let env = MemoryEnv::new();
    let db = builder(&env).open("/a/b/c").unwrap();
    let notes = db.table::<Note>().unwrap();
    notes.insert(&note(1, 0)).unwrap();
    let survivor = env.crash(CrashPolicy::Lost, 1);
    let notes = builder(&survivor).open("/a/b/c").unwrap().table::<Note>().unwrap();
    assert_eq!(ids(&notes), [1]);
}

#[test]
fn a_replay_error_is_not_swallowed_and_nothing_is_truncated() {
    let env = crashed(8);
    let (path, bytes) = last_file(&env, ".log");
    let mut damaged = bytes.clone();
    damaged[64 + 20] ^= 1;
    env.write_file(&path, &damaged).unwrap();
    let files = env.files();
    for _ in 0..2 {
        let error = open(&env).unwrap_err();
        assert!(matches!(&error, Error::Corruption { file, .. } if *file == path), "{error}");
        assert_eq!(env.files(), files);
        assert_eq!(env.read_file(&path).as_ref(), Some(&damaged));
    }
    for n in 0.. {
        env.write_file(&path, &bytes).unwrap();
        let faulty = FaultEnv::over_memory(env.crash(CrashPolicy::Kept, 0));
        faulty.inject(FaultPlan::once(Operation::Read, n, FaultEffect::Error));
        let opened = open(&faulty);
        if faulty.struck() == 0 {
            assert!(n > 3);
            break;
        }
        if let Ok((_db, notes)) = opened {
            assert_eq!(ids(&notes), (0..8).collect::<Vec<_>>(), "read {n}");
        }
        faulty.heal();
        assert_eq!(ids(&open(&faulty).unwrap().1), (0..8).collect::<Vec<_>>(), "read {n} failed before");
    }
}

#[test]
fn no_hostile_file_makes_the_store_panic() {
    let env = MemoryEnv::new();
    let (db, notes) = open(&env).unwrap();
    (0..60).for_each(|id| notes.insert(&note(id, 0)).unwrap());
    db.checkpoint().unwrap();
    notes.insert(&note(60, 0)).unwrap();
    drop((db, notes));
    let files: Vec<_> =
        env.files().into_iter().map(|path| (path.clone(), env.read_file(&path).unwrap())).collect();
    let mut random = Random::new(1, "hostile files");
    for round in 0..400 {
        let env = MemoryEnv::new();
        let victim = random.place(files.len());
        for (number, (path, bytes)) in files.iter().enumerate() {
            let mut bytes = bytes.clone();
            if number == victim && !bytes.is_empty() {
                let (start, end) = (random.place(bytes.len()), random.place(bytes.len()));
                match round % 4 {
                    0 => bytes[start] = random.next().to_le_bytes()[0],
                    1 => bytes[start.min(end)..start.max(end)].fill(random.next().to_le_bytes()[0]),
                    2 => bytes.truncate(start),
                    _ => bytes.copy_within(start.min(end)..start.max(end), 0),
                }
            }
            env.write_file(path, &bytes).unwrap();
        }
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let (db, notes) = open(&env)?;
            let rows = notes.iter().collect_vec()?;
            db.verify()?;
            Ok::<_, Error>(rows.len())
        }));
        let outcome = outcome.unwrap_or_else(|_| panic!("round {round}, {}", files[victim].0.display()));
        // The one row that is in the log alone may be what a crash tore.
        assert!(
            outcome.is_err() || (60..=61).contains(outcome.as_ref().unwrap()),
            "round {round}: {outcome:?}"
        );
    }
}

mod recovery {
    //! What an opening does, and does again.

    use super::*;

    /// Files by ending, with their bytes.
    fn data_files(env: &MemoryEnv) -> Vec<(PathBuf, Vec<u8>)> {
        let is_data = |path: &PathBuf| path.extension().is_some_and(|kind| kind == "sst" || kind == "vlog");
        env.files()
            .into_iter()
            .filter(is_data)
            .map(|path| (path.clone(), env.read_file(&path).unwrap()))
            .collect()
    }

    fn filled(env: &MemoryEnv) {
        let (db, notes) = open(env).unwrap();
        (0..60).for_each(|id| notes.insert(&note(id, 0)).unwrap());
        db.checkpoint().unwrap();
        (60..65).for_each(|id| notes.insert(&note(id, 0)).unwrap());
    }

    #[test]
    fn opening_again_and_again_changes_nothing() {
        let env = MemoryEnv::new();
        filled(&env);
        drop(open(&env).unwrap());
        let (data, count) = (data_files(&env), env.files().len());
        let size = |env: &MemoryEnv| {
            env.files().iter().map(|path| env.read_file(path).unwrap().len()).sum::<usize>()
        };
        let before = size(&env);
        let seqno = open(&env).unwrap().0.stats().visible_seqno;
        for _ in 0..10 {
            let (db, notes) = open(&env).unwrap();
            assert_eq!(ids(&notes), (0..65).collect::<Vec<_>>());
            assert_eq!(db.stats().visible_seqno, seqno, "no number is used up by opening");
            drop((db, notes));
            assert!(data_files(&env) == data, "a data file was changed");
            assert!(env.files().len() <= count + 10, "only the log grows, by an empty segment");
        }
        assert!(size(&env) <= before + 10 * 256, "{} bytes of {before}", size(&env));
    }

    #[test]
    fn a_moved_and_renamed_database_opens() {
        let env = MemoryEnv::new();
        filled(&env);
        let moved = MemoryEnv::new();
        for path in env.files() {
            let to = Path::new("/elsewhere/under another name").join(path.strip_prefix(DIR).unwrap());
            moved.write_file(&to, &env.read_file(&path).unwrap()).unwrap();
        }
        let db = builder(&moved).open("/elsewhere/under another name").unwrap();
        assert_eq!(ids(&db.table::<Note>().unwrap()), (0..65).collect::<Vec<_>>());
        db.verify().unwrap();
    }

    #[test]
    fn a_crash_at_every_change_of_a_recovery_is_recovered_from() {
        let env = MemoryEnv::new();
        filled(&env);
        // A process that is killed leaves something to recover.
        let (_db, notes) = open(&env).unwrap();
        notes.upsert(&note(64, 0)).unwrap();
        notes.upsert(&note(64, 1)).unwrap();
        let env = env.crash(CrashPolicy::Kept, 0);
        for cut in 0.. {
            let machine = env.crash(CrashPolicy::Kept, 0);
            machine.power_off_after(Operations::Mutations, cut);
            drop(open(&machine));
            for policy in CrashPolicy::ALL {
                let (db, notes) = open(&machine.crash(policy, cut)).unwrap();
                assert_eq!(ids(&notes), (0..65).collect::<Vec<_>>(), "cut at {cut}, {policy:?}");
                db.verify().unwrap();
            }
            if !machine.is_off() {
                assert!(cut > 8, "{cut} changes");
                return;
            }
        }
    }

    #[test]
    fn a_missing_file_is_named_whatever_it_is() {
        let env = MemoryEnv::new();
        filled(&env);
        drop(open(&env).unwrap());
        let files = env.files();
        for missing in files.iter().filter(|path| !path.ends_with("LOCK")) {
            let bytes = env.read_file(missing).unwrap();
            env.remove(missing).unwrap();
            let before = env.files();
            match open(&env) {
                Err(Error::Corruption { file, fault: Fault::Missing, .. }) => assert_eq!(file, *missing),
                Err(Error::WrongKey(KeyFault::Unreadable(_))) => assert!(missing.ends_with("KEYS")),
                Err(error) => panic!("{}: {error}", missing.display()),
                Ok((_db, notes)) => {
                    panic!("{} is missed by nobody: {} rows", missing.display(), ids(&notes).len())
                }
            }
            assert_eq!(env.files(), before, "nothing is touched");
            env.write_file(missing, &bytes).unwrap();
        }
        assert_eq!(ids(&open(&env).unwrap().1), (0..65).collect::<Vec<_>>());
    }
}
