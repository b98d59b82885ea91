//! A database that no process writes to: nothing is written, created, renamed or removed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use walnut::env::{FaultEnv, Operation, Operations};
use walnut::{Database, Durability};

use super::{DIR, Note, builder, ids, note, opened};

/// The bytes of each file.
fn tree(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), fs::read(&path).unwrap()))
        .collect()
}

#[test]
fn opening_reading_and_refreshing_change_nothing_and_take_no_lock() {
    for clean in [true, false] {
        let (env, db) = opened();
        let notes = db.table::<Note>().unwrap();
        (0..100).for_each(|id| notes.insert(&note(id)).unwrap());
        db.keyspace("raw").unwrap().put("key", "value").unwrap();
        if clean {
            db.close().unwrap();
        } else {
            // As a killed process leaves it: the log has no end, and the lock is held here.
            std::mem::forget((db, notes));
        }
        let recorded = FaultEnv::over_memory(env);
        let modes = [
            builder().env(Arc::new(recorded.clone())).read_only().open(DIR).unwrap(),
            builder().env(Arc::new(recorded.clone())).follow(DIR).unwrap(),
        ];
        for follower in modes {
            assert_eq!(ids(&follower.table::<Note>().unwrap()), (0..100).collect::<Vec<_>>());
            assert_eq!(follower.table_names().unwrap(), ["notes"]);
            assert_eq!(follower.keyspace_names().unwrap(), ["raw"]);
            let raw = follower.keyspace("raw").unwrap().unwrap();
            assert_eq!(raw.get("key").unwrap().as_deref(), Some(&b"value"[..]));
            assert!(follower.keyspace("other").unwrap().is_none());
            assert!(!follower.refresh().unwrap());
            let verified = follower.verify().unwrap();
            assert_eq!((verified.table_count, verified.row_count, verified.entry_count), (1, 100, 200));
            assert!(verified.sst_count > 1);
            let stats = follower.stats();
            assert_eq!(stats.sst_count, verified.sst_count);
            assert!(stats.visible_seqno >= 100 && stats.open_file_count > 0);
        }
        let counts = recorded.counts();
        assert_eq!(counts.of(Operations::Mutations), 0);
        assert_eq!(counts.of(Operation::Lock), 0);
        assert!(counts.of(Operation::Open) > 0);
    }
}

#[test]
fn a_directory_without_write_permission_is_read() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("archive.walnut");
    let db = Database::builder().durability(Durability::Fast).memtable_size(4 << 10).open(&dir).unwrap();
    let notes = db.table::<Note>().unwrap();
    (0..300).for_each(|id| notes.insert(&note(id)).unwrap());
    drop((db, notes));
    let permit = |mode: u32| {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            for path in tree(&dir).into_keys() {
                fs::set_permissions(path, fs::Permissions::from_mode(mode & 0o666)).unwrap();
            }
            fs::set_permissions(&dir, fs::Permissions::from_mode(mode)).unwrap();
        }
        #[cfg(not(unix))]
        let _ = mode;
    };
    let before = tree(&dir);
    permit(0o555);
    for follower in [Database::follow(&dir), Database::builder().read_only().open(&dir)] {
        let follower = follower.unwrap();
        assert_eq!(ids(&follower.table::<Note>().unwrap()), (0..300).collect::<Vec<_>>());
        follower.verify().unwrap();
    }
    permit(0o755);
    assert_eq!(tree(&dir), before);
}

#[test]
fn an_archive_keeps_no_more_files_open_than_its_limit() {
    let (env, db) = opened();
    let notes = db.table::<Note>().unwrap();
    (0..600).for_each(|id| notes.insert(&note(id)).unwrap());
    db.close().unwrap();
    let archive = builder().env(Arc::new(env.clone())).max_open_files(8).read_only().open(DIR).unwrap();
    assert!(archive.stats().sst_count > 12, "{}", archive.stats().sst_count);
    for _ in 0..2 {
        assert_eq!(ids(&archive.table::<Note>().unwrap()), (0..600).collect::<Vec<_>>());
    }
    assert!(archive.stats().open_file_count <= 8 + 4, "{}", archive.stats().open_file_count);
}

#[test]
fn a_state_stays_as_it_was_whatever_the_writer_does() {
    let (env, db) = opened();
    let notes = db.table::<Note>().unwrap();
    (0..40).for_each(|id| notes.insert(&note(id)).unwrap());
    let follower = builder().env(Arc::new(env.clone())).follow(DIR).unwrap();
    let (first, snapshot) = (follower.table::<Note>().unwrap(), follower.snapshot());
    let scan = first.iter();
    db.drop_table("notes").unwrap();
    db.checkpoint().unwrap();
    db.compact().unwrap();
    while db.step().unwrap() {}
    assert_eq!(ids(&follower.table::<Note>().unwrap()).len(), 40, "it was not refreshed yet");
    assert!(follower.refresh().unwrap());
    assert_eq!(ids(&follower.table::<Note>().unwrap()), [0; 0]);
    assert_eq!(follower.table_names().unwrap(), [""; 0]);
    assert_eq!(ids(&first).len(), 40);
    assert_eq!(ids(&snapshot.table::<Note>().unwrap()).len(), 40);
    assert_eq!(scan.count().unwrap(), 40);
    let db_files = env.open_files();
    drop((first, snapshot));
    assert!(env.open_files() < db_files, "the files of a state go with its last reader");
}
