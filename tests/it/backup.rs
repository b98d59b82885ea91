//! Copies of a database that is written to, and a look at a place for one.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use walnut::env::{CrashPolicy, Env, FaultEffect, FaultEnv, FaultPlan, MemoryEnv, Operation, Operations};
use walnut::{Background, Builder, Database, DefaultTable, Error, Table, TargetState};
use walnut_tests::session::encrypted_if_asked;
use walnut_tests::threads::Ends;

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = "entries")]
struct Entry {
    #[primary_key]
    id: u64,
    #[index(unique)]
    label: String,
    body: Vec<u8>,
}

const DIR: &str = "/db";
const COPY: &str = "/copies/monday";

fn entry(id: u64) -> Entry {
    Entry {
        id,
        label: format!("entry {id}"),
        body: vec![id.to_le_bytes()[0]; usize::try_from(id * 13 % 200).unwrap()],
    }
}

fn builder(env: &(impl Env + Clone)) -> Builder {
    let builder = Database::builder()
        .memtable_size(2 << 10)
        .block_size(256)
        .max_sst_size(2 << 10)
        .base_level_size(2 << 10)
        .value_log_threshold(100)
        .background(Background::Manual)
        .env(Arc::new(env.clone()));
    encrypted_if_asked(builder)
}

fn open(env: &(impl Env + Clone), dir: &str) -> walnut::Result<(Database, DefaultTable<Entry>)> {
    let db = builder(env).open(dir)?;
    let entries = db.table()?;
    Ok((db, entries))
}

/// A database of eighty rows, some of them in memory, some in the value log.
fn filled(env: &(impl Env + Clone)) -> (Database, DefaultTable<Entry>) {
    let (db, entries) = open(env, DIR).unwrap();
    (0..80).for_each(|id| entries.insert(&entry(id)).unwrap());
    assert!(db.stats().value_file_count > 0 && db.stats().active_memtable_size > 0);
    (db, entries)
}

fn check(entries: &DefaultTable<Entry>, count: u64) {
    assert_eq!(entries.iter().collect_vec().unwrap(), (0..count).map(entry).collect::<Vec<_>>());
    for id in 0..count {
        assert_eq!(entries.by().label.get(&format!("entry {id}")).unwrap(), Some(entry(id)));
    }
}

#[test]
fn a_backup_opens_as_a_database_of_its_own() {
    let env = MemoryEnv::new();
    let (db, entries) = filled(&env);
    db.backup(COPY).unwrap();
    entries.insert(&entry(80)).unwrap();
    {
        let (copy, copied) = open(&env, COPY).unwrap();
        check(&copied, 80);
        let verified = copy.verify().unwrap();
        assert!(verified.orphans.is_empty(), "{:?}", verified.orphans);
        copied.insert(&Entry { label: "of the copy".into(), ..entry(1000) }).unwrap();
        copied.remove(0).unwrap();
        copy.compact().unwrap();
    }
    check(&entries, 81);
    db.verify().unwrap();
    drop((db, entries));
    check(&open(&env, DIR).unwrap().1, 81);
    let (_copy, copied) = open(&env, COPY).unwrap();
    assert_eq!((copied.len().unwrap(), copied.get(0).unwrap()), (80, None));
}

#[test]
fn a_backup_survives_a_power_cut_right_after_it() {
    for policy in CrashPolicy::ALL {
        let env = MemoryEnv::new();
        let (db, _entries) = filled(&env);
        db.backup(COPY).unwrap();
        check(&open(&env.crash(policy, 1), COPY).unwrap().1, 80);
    }
}

#[test]
fn a_backup_of_an_empty_database_is_one() {
    let env = MemoryEnv::new();
    let db = builder(&env).open(DIR).unwrap();
    db.backup(COPY).unwrap();
    assert!(builder(&env).open(COPY).unwrap().table_names().unwrap().is_empty());
}

#[test]
fn a_backup_of_a_backup_is_the_same_again() {
    let env = MemoryEnv::new();
    filled(&env).0.backup(COPY).unwrap();
    open(&env, COPY).unwrap().0.backup("/second").unwrap();
    check(&open(&env, "/second").unwrap().1, 80);
}

#[test]
fn nothing_is_written_into_a_directory_with_anything_in_it() {
    let env = MemoryEnv::new();
    let (db, _entries) = filled(&env);
    env.write_file("/taken/letter.txt", b"dear").unwrap();
    env.write_file("/file", b"").unwrap();
    db.backup(COPY).unwrap();
    let files = env.files();
    for target in ["/taken", "/file", COPY] {
        let error = db.backup(target).unwrap_err();
        assert!(
            matches!(&error, Error::Io(io) if io.kind() == ErrorKind::AlreadyExists),
            "{target}: {error}"
        );
    }
    for target in [DIR, "/db/inside"] {
        assert!(matches!(db.backup(target), Err(Error::Unsupported(_))), "{target}");
    }
    assert_eq!(env.files(), files);
    check(&open(&env, COPY).unwrap().1, 80);
}

#[test]
fn a_backup_while_writing_holds_a_prefix_of_the_commits_with_all_that_came_before_it() {
    let env = MemoryEnv::new();
    let db = builder(&env).background(Background::Thread).open(DIR).unwrap();
    let entries = db.table::<Entry>().unwrap();
    let (written, done) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let _ends = Ends(&done);
        scope.spawn(|| {
            for id in 0.. {
                if done.load(Ordering::Acquire) {
                    return;
                }
                entries.insert(&entry(id)).unwrap();
                written.store(id + 1, Ordering::Release);
            }
        });
        for number in 0..5 {
            let before = written.load(Ordering::Acquire);
            let target = format!("/copies/{number}");
            db.backup(&target).unwrap();
            let (copy, copied) = open(&env, &target).unwrap();
            let count = copied.len().unwrap();
            assert!(
                count >= before && count <= written.load(Ordering::Acquire) + 1,
                "{count} after {before}"
            );
            check(&copied, count);
            copy.verify().unwrap();
        }
    });
}

#[test]
fn a_crash_at_every_change_leaves_a_good_backup_or_one_that_is_refused() {
    let mut outcomes = [0; 2];
    for cut in 0.. {
        let env = MemoryEnv::new();
        let (db, _entries) = filled(&env);
        env.power_off_after(Operations::Mutations, cut);
        let is_done = db.backup(COPY).is_ok();
        for policy in CrashPolicy::ALL {
            let survivor = env.crash(policy, cut);
            check(&open(&survivor, DIR).unwrap().1, 80);
            // Before anything was written there is nothing, which is no backup and is not taken for one by who looks.
            if survivor.list(Path::new(COPY)).is_ok_and(|names| !names.is_empty()) {
                match open(&survivor, COPY) {
                    Ok((copy, copied)) => {
                        outcomes[0] += 1;
                        check(&copied, 80);
                        copy.verify().unwrap();
                    }
                    Err(Error::NotADatabase { reason, .. }) => {
                        outcomes[1] += 1;
                        assert!(reason.contains("backup"), "{reason}");
                        assert!(!is_done, "cut at {cut}, {policy:?}");
                    }
                    Err(error) => panic!("cut at {cut}, {policy:?}: {error}"),
                }
            } else {
                assert!(!is_done, "cut at {cut}, {policy:?}");
            }
        }
        if is_done && !env.is_off() {
            assert!(cut > 20 && outcomes.iter().all(|count| *count > 4), "{cut} changes, {outcomes:?}");
            return;
        }
    }
}

#[test]
fn a_failure_at_every_operation_leaves_nothing_and_the_next_try_succeeds() {
    for effect in [FaultEffect::Error, FaultEffect::FullDisk, FaultEffect::FlippedBit(1234)] {
        for n in 0.. {
            let env = FaultEnv::over_memory(MemoryEnv::new());
            let (db, entries) = filled(&env);
            env.inject(FaultPlan::once(Operations::Any, n, effect));
            let outcome = db.backup(COPY);
            let struck = env.struck() > 0;
            env.heal();
            if outcome.is_err() {
                let left = if env.kind(Path::new(COPY)).unwrap().is_some() {
                    env.list(Path::new(COPY)).unwrap()
                } else {
                    Vec::new()
                };
                let is_clean = left.is_empty() || left == ["LOCK"] || left.contains(&"UNFINISHED".to_owned());
                assert!(is_clean, "operation {n}, {effect:?}: {left:?}");
                check(&entries, 80);
                // A log whose sync failed is trusted no more, here as anywhere.
                if !matches!(db.sync(), Err(Error::Poisoned)) {
                    db.backup("/second").unwrap();
                    check(&open(&env, "/second").unwrap().1, 80);
                }
            } else {
                let (copy, copied) = open(&env, COPY).unwrap();
                check(&copied, 80);
                copy.verify().unwrap();
            }
            if !struck {
                assert!(n > 20);
                break;
            }
        }
    }
}

#[test]
fn a_damaged_file_is_not_copied() {
    let env = MemoryEnv::new();
    let (db, entries) = filled(&env);
    db.checkpoint().unwrap();
    db.close().unwrap();
    drop((db, entries));
    for ending in ["sst", "vlog"] {
        let is_such =
            |path: &PathBuf| path.starts_with(DIR) && path.extension().is_some_and(|kind| kind == ending);
        let path = env.files().into_iter().find(is_such).unwrap();
        let bytes = env.read_file(&path).unwrap();
        let mut damaged = bytes.clone();
        damaged[90] ^= 1;
        env.write_file(&path, &damaged).unwrap();
        let db = builder(&env).open(DIR).unwrap();
        let error = db.backup(COPY).unwrap_err();
        assert!(matches!(&error, Error::Corruption { file, .. } if *file == path), "{error}");
        assert!(env.list(Path::new(COPY)).unwrap().iter().all(|name| name == "LOCK"));
        drop(db);
        env.write_file(&path, &bytes).unwrap();
    }
}

#[test]
fn a_preflight_says_what_is_in_the_way_and_changes_nothing() {
    let env = MemoryEnv::new();
    let (db, _entries) = filled(&env);
    env.write_file("/taken/letter.txt", b"dear").unwrap();
    env.create_dir(Path::new("/empty")).unwrap();
    let before = env.files();
    let standing = |dir: &str| db.preflight(dir).unwrap().standing;
    assert_eq!(standing("/nowhere/at/all"), TargetState::Nothing);
    assert_eq!(standing("/empty"), TargetState::Empty);
    assert_eq!(standing("/taken"), TargetState::Foreign);
    assert_eq!(standing("/taken/letter.txt"), TargetState::Foreign);
    let own = db.preflight(DIR).unwrap();
    assert_eq!((own.standing, own.is_locked), (TargetState::Database, true));
    assert!(matches!(own.check(), Err(Error::Locked)));
    let fine = db.preflight("/empty").unwrap();
    assert!(fine.is_writable && !fine.is_locked && fine.needed_space > 1000);
    fine.check().unwrap();
    assert!(db.preflight("/taken").unwrap().check().is_err());
    let used: usize = before.iter().map(|path| env.read_file(path).unwrap().len()).sum();
    env.set_capacity(Some(used as u64 + 100));
    let tight = db.preflight("/empty").unwrap();
    assert_eq!(tight.free_space, 100);
    assert!(matches!(tight.check(), Err(Error::OutOfSpace)));
    assert_eq!(env.files(), before);
}

#[test]
fn a_directory_without_rights_is_noticed_on_a_real_file_system() {
    let dir = tempfile::tempdir().unwrap();
    let db = Database::open(dir.path().join("db")).unwrap();
    let missing = dir.path().join("a/b");
    let found = db.preflight(&missing).unwrap();
    assert!(found.is_writable && found.free_space > 0 && found.standing == TargetState::Nothing);
    found.check().unwrap();
    db.backup(&missing).unwrap();
    let again = db.preflight(&missing).unwrap();
    assert_eq!((again.standing, again.is_locked), (TargetState::Database, false));
    let _copy = Database::open(&missing).unwrap();
    assert!(db.preflight(&missing).unwrap().is_locked);
}

#[test]
fn a_backup_into_a_full_disk_is_out_of_space_and_gives_the_room_back() {
    let env = FaultEnv::over_memory(MemoryEnv::new());
    let (db, entries) = filled(&env);
    env.inject(FaultPlan::for_ever(Operation::Write, 3, FaultEffect::FullDisk));
    assert!(matches!(db.backup(COPY), Err(Error::OutOfSpace)));
    env.heal();
    check(&entries, 80);
    db.backup("/second").unwrap();
}
