//! What is no database, is damaged, or goes away.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use walnut::env::{Env, FaultEffect, FaultEnv, FaultPlan, MemoryEnv, Operation};
use walnut::{Database, EncryptionKey, Error};
use walnut_tests::watched_env::WatchedEnv;

use super::{DIR, Note, builder, ids, note, opened};

fn follow(env: &MemoryEnv) -> walnut::Result<walnut::Follower> {
    builder().env(Arc::new(env.clone())).follow(DIR)
}

#[test]
fn what_is_no_database_is_named_and_left_alone() {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name);
    let open = |name: &str| {
        let errors = [
            Database::follow(path(name)).unwrap_err(),
            Database::builder().read_only().open(path(name)).unwrap_err(),
        ];
        assert_eq!(errors[0].to_string(), errors[1].to_string());
        errors.into_iter().next().unwrap()
    };
    assert!(matches!(open("nothing"), Error::Io(error) if error.kind() == std::io::ErrorKind::NotFound));
    assert!(!path("nothing").exists());
    std::fs::create_dir(path("empty")).unwrap();
    assert!(open("empty").to_string().contains("no database yet"), "{}", open("empty"));
    assert_eq!(std::fs::read_dir(path("empty")).unwrap().count(), 0);
    std::fs::write(path("file"), "text").unwrap();
    assert!(matches!(open("file"), Error::NotADatabase { reason: "it is a file", .. }));
    std::fs::create_dir(path("photos")).unwrap();
    std::fs::write(path("photos").join("a.jpg"), "text").unwrap();
    assert!(matches!(open("photos"), Error::NotADatabase { .. }));
    assert!(matches!(Database::builder().memtable_size(1).follow(path("empty")), Err(Error::Options(_))));
}

#[test]
fn a_damaged_file_is_named_and_the_state_of_before_stays() {
    let (env, db) = opened();
    let notes = db.table::<Note>().unwrap();
    (0..20).for_each(|id| notes.insert(&note(id)).unwrap());
    let follower = follow(&env).unwrap();
    let before = ids(&follower.table::<Note>().unwrap());
    (20..60).for_each(|id| notes.insert(&note(id)).unwrap());
    db.checkpoint().unwrap();
    db.compact().unwrap();
    let sst = env.files().into_iter().rfind(|path| path.extension().is_some_and(|end| end == "sst")).unwrap();
    let bytes = env.read_file(&sst).unwrap();
    env.write_file(&sst, &vec![0; bytes.len()]).unwrap();
    for _ in 0..2 {
        match follower.refresh() {
            Err(Error::Corruption { file, .. }) => assert_eq!(file, sst),
            other => panic!("{other:?}"),
        }
        assert_eq!(ids(&follower.table::<Note>().unwrap()), before);
    }
    assert!(matches!(follow(&env), Err(Error::Corruption { .. })));
    env.write_file(&sst, &bytes).unwrap();
    assert!(follower.refresh().unwrap());
    assert_eq!(ids(&follower.table::<Note>().unwrap()).len(), 60);
}

#[test]
fn a_log_that_is_damaged_below_what_was_synced_is_told_from_a_torn_tail() {
    let (env, db) = opened();
    let notes = db.table::<Note>().unwrap();
    let follower = follow(&env).unwrap();
    let log = env.files().into_iter().find(|path| path.extension().is_some_and(|end| end == "log")).unwrap();
    let end = env.read_file(&log).unwrap().iter().rposition(|byte| *byte != 0).unwrap();
    (0..5).for_each(|id| notes.insert(&note(id)).unwrap());
    let bytes = env.read_file(&log).unwrap();
    let mut damaged = bytes.clone();
    damaged[end + 60] ^= 1;
    env.write_file(&log, &damaged).unwrap();
    assert!(matches!(follower.refresh(), Err(Error::Corruption { .. })));
    assert!(matches!(follow(&env), Err(Error::Corruption { .. })));
    env.write_file(&log, &bytes).unwrap();
    follower.refresh().unwrap();
    assert_eq!(ids(&follower.table::<Note>().unwrap()).len(), 5);
}

#[test]
fn a_directory_that_goes_away_is_an_error_and_what_was_read_stays_readable() {
    let (env, db) = opened();
    let notes = db.table::<Note>().unwrap();
    (0..60).for_each(|id| notes.insert(&note(id)).unwrap());
    let follower = follow(&env).unwrap();
    env.rename_dir(DIR, "/elsewhere").unwrap();
    (60..70).for_each(|id| notes.insert(&note(id)).unwrap());
    assert!(follower.refresh().unwrap(), "it goes along with the directory");
    assert_eq!(ids(&follower.table::<Note>().unwrap()).len(), 70);
    drop((notes, db));
    env.remove_dir("/elsewhere").unwrap();
    assert!(follower.refresh().is_err());
    assert_eq!(ids(&follower.table::<Note>().unwrap()).len(), 70);
}

#[test]
fn another_database_in_the_same_directory_is_not_followed() {
    let (env, db) = opened();
    db.table::<Note>().unwrap().insert(&note(1)).unwrap();
    let follower = follow(&env).unwrap();
    db.close().unwrap();
    for path in env.files() {
        env.remove(&path).unwrap();
    }
    let db = builder().env(Arc::new(env.clone())).open(Path::new(DIR)).unwrap();
    db.table::<Note>().unwrap().insert(&note(2)).unwrap();
    assert!(matches!(follower.refresh(), Err(Error::Moved)));
    assert_eq!(ids(&follower.table::<Note>().unwrap()), [1]);
    assert_eq!(ids(&follow(&env).unwrap().table::<Note>().unwrap()), [2]);
}

#[test]
fn a_write_that_failed_does_not_count_once_the_writer_goes_on() {
    let env = MemoryEnv::new();
    let faults = FaultEnv::over_memory(env.clone());
    let db = builder().memtable_size(1 << 20).env(Arc::new(faults.clone())).open(Path::new(DIR)).unwrap();
    let notes = db.table::<Note>().unwrap();
    (0..5).for_each(|id| notes.insert(&note(id)).unwrap());
    let follower = follow(&env).unwrap();
    faults.inject(FaultPlan::once(Operation::Write, 0, FaultEffect::FullDisk).in_files(".log.tmp"));
    assert!(matches!(notes.insert(&note(77)), Err(Error::OutOfSpace)));
    assert!(!follower.refresh().unwrap());
    (5..9).for_each(|id| notes.insert(&note(id)).unwrap());
    assert!(follower.refresh().unwrap());
    assert_eq!(ids(&follower.table::<Note>().unwrap()), (0..9).collect::<Vec<_>>());
}

#[test]
fn every_read_that_fails_leaves_the_state_of_before_and_the_next_refresh_goes_on() {
    let (env, db) = opened();
    let notes = db.table::<Note>().unwrap();
    let faults = FaultEnv::over_memory(env.clone());
    let follower = builder().env(Arc::new(faults.clone())).follow(DIR).unwrap();
    let mut count = 0;
    for operation in [Operation::Open, Operation::Read, Operation::Size, Operation::Kind, Operation::List] {
        for passing in (0..).step_by(5) {
            for id in count..count + 6 {
                notes.insert(&note(id)).unwrap();
            }
            let before = ids(&follower.table::<Note>().unwrap());
            faults.inject(FaultPlan::once(operation, passing, FaultEffect::Error));
            let refreshed = follower.refresh();
            let struck = faults.struck() > 0;
            faults.heal();
            if refreshed.is_err() {
                assert_eq!(ids(&follower.table::<Note>().unwrap()), before);
                follower.refresh().unwrap();
            }
            count += 6;
            assert_eq!(ids(&follower.table::<Note>().unwrap()), (0..count).collect::<Vec<_>>());
            if !struck || passing > 60 {
                break;
            }
        }
    }
}

#[test]
fn data_keys_that_are_added_behind_its_back_are_no_damage_and_one_that_is_nowhere_is() {
    let env = MemoryEnv::with_seed(5);
    let options = || builder().encryption(EncryptionKey::from_bytes([7; 32]));
    let db = Arc::new(options().env(Arc::new(env.clone())).open(DIR).unwrap());
    let notes = db.table::<Note>().unwrap();
    notes.insert(&note(0)).unwrap();
    let restless = Arc::new(AtomicUsize::new(0));
    let hooked: Arc<dyn Env> = {
        let (db, restless) = (Arc::clone(&db), Arc::clone(&restless));
        Arc::new(WatchedEnv::new(Arc::new(env.clone()), move |_| {
            if restless.load(Ordering::Relaxed) > 0 {
                restless.fetch_sub(1, Ordering::Relaxed);
                db.rotate_data_key().unwrap();
            }
        }))
    };
    let follow = |rotations| {
        restless.store(rotations, Ordering::Relaxed);
        options().env(Arc::clone(&hooked)).follow(DIR)
    };
    let follower = follow(0).unwrap();
    for id in 1..4 {
        notes.insert(&note(id)).unwrap();
        restless.store(60, Ordering::Relaxed);
        follower.refresh().unwrap();
        assert_eq!(restless.load(Ordering::Relaxed), 0, "it began again until the keys stayed");
        assert_eq!(ids(&follower.table::<Note>().unwrap()).len() as u64, notes.len().unwrap());
        assert_eq!(ids(&follow(60).unwrap().table::<Note>().unwrap()), (0..=id).collect::<Vec<_>>());
    }
    let keys = Path::new(DIR).join("KEYS");
    let old = env.read_file(&keys).unwrap();
    db.rotate_data_key().unwrap();
    env.write_file(&keys, &old).unwrap();
    assert!(matches!(follower.refresh(), Err(Error::Corruption { .. })));
    assert!(matches!(follow(0), Err(Error::Corruption { .. })));
}
