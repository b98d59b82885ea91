//! The same on the real machine, with real processes: a working directory that changes, a fork, programs that start meanwhile.
//!
//! Each test runs alone in a process of its own, which is this program started again for that one test.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use walnut::{Background, Database, DefaultTable, Durability, Error};

use super::fork::{Idle, in_fork};
use super::{Note, builder, ids, note};

/// Set in the process in which a test runs alone.
const ALONE: &str = "WALNUT_TEST_ALONE";

/// Runs a test in a process of its own.
fn alone(test: &str, body: impl FnOnce()) {
    if env::var_os(ALONE).is_some() {
        return body();
    }
    let mut command = Command::new(env::current_exe().unwrap());
    command.args([&format!("owner::processes::{test}"), "--exact", "--test-threads=1", "--nocapture"]);
    let output = command.env(ALONE, "1").output().unwrap();
    let printed =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && printed.contains("1 passed"), "{test}: {printed}");
}

/// Without threads of its own, so that files change by the calls of the test alone.
fn open(path: impl AsRef<Path>) -> (Database, DefaultTable<Note>) {
    let db = builder().background(Background::Manual).open(path).unwrap();
    let notes = db.table().unwrap();
    (db, notes)
}

fn opened(path: impl AsRef<Path>, ids: std::ops::Range<u64>) -> (Database, DefaultTable<Note>) {
    let (db, notes) = open(path);
    ids.for_each(|id| notes.insert(&note(id)).unwrap());
    (db, notes)
}

/// A database whose threads have nothing left to do, with fifty notes.
fn idle(dir: &Path, background: Background) -> (Database, DefaultTable<Note>) {
    let db = builder().memtable_size(1 << 20).background(background).open(dir).unwrap();
    let notes = db.table::<Note>().unwrap();
    (0..30).for_each(|id| notes.insert(&note(id)).unwrap());
    db.compact().unwrap();
    (30..50).for_each(|id| notes.insert(&note(id)).unwrap());
    (db, notes)
}

/// The notes of a database that nobody has open.
fn found(path: impl AsRef<Path>) -> Vec<u64> {
    let (db, notes) = open(path);
    let found = ids(&notes).unwrap();
    db.verify().unwrap();
    db.close().unwrap();
    found
}

/// Every file below a directory, with its bytes.
fn tree(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(tree(&path));
        } else {
            files.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    files
}

#[test]
fn a_relative_path_means_the_directory_of_its_opening() {
    alone("a_relative_path_means_the_directory_of_its_opening", || {
        let root = tempfile::tempdir().unwrap();
        let (one, two) = (root.path().join("one"), root.path().join("two"));
        fs::create_dir(&one).unwrap();
        fs::create_dir(&two).unwrap();
        env::set_current_dir(&one).unwrap();
        let (first, first_notes) = opened("app.walnut", 0..100);
        env::set_current_dir(&two).unwrap();
        let (second, second_notes) = opened("app.walnut", 1000..1100);
        for id in 0..300 {
            first_notes.insert(&note(100 + id)).unwrap();
            second_notes.insert(&note(1100 + id)).unwrap();
        }
        first.compact().unwrap();
        second.compact().unwrap();
        first.backup("copy").unwrap();
        assert_eq!(found("copy"), (0..400).collect::<Vec<_>>(), "a target is where the call is made");
        first.close().unwrap();
        second.close().unwrap();
        assert_eq!(found(one.join("app.walnut")), (0..400).collect::<Vec<_>>());
        assert_eq!(found(two.join("app.walnut")), (1000..1400).collect::<Vec<_>>());
    });
}

#[test]
fn a_backup_into_the_own_directory_is_refused_whatever_it_is_called() {
    alone("a_backup_into_the_own_directory_is_refused_whatever_it_is_called", || {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("db");
        let (db, _notes) = opened(&dir, 0..10);
        std::os::unix::fs::symlink(&dir, root.path().join("link")).unwrap();
        env::set_current_dir(&dir).unwrap();
        let targets = [dir.join("copy"), "copy".into(), "./x/copy".into(), "../db/copy".into()];
        for target in targets.into_iter().chain([root.path().join("link/copy"), root.path().join("link")]) {
            let refused = db.backup(&target);
            assert!(matches!(refused, Err(Error::Unsupported(_) | Error::Io(_))), "{target:?}: {refused:?}");
            assert!(!dir.join("copy").exists() && !dir.join("x").exists(), "{target:?}");
        }
    });
}

#[test]
fn a_directory_that_is_renamed_takes_its_database_along() {
    alone("a_directory_that_is_renamed_takes_its_database_along", || {
        for background in [Background::Thread, Background::Manual] {
            let root = tempfile::tempdir().unwrap();
            let (dir, moved) = (root.path().join("db"), root.path().join("moved"));
            let db = builder().background(background).open(&dir).unwrap();
            let notes = db.table::<Note>().unwrap();
            (0..50).for_each(|id| notes.insert(&note(id)).unwrap());
            db.backup(root.path().join("copy")).unwrap();
            fs::rename(&dir, &moved).unwrap();
            fs::rename(root.path().join("copy"), &dir).unwrap();
            let before = tree(&dir);
            (50..300).for_each(|id| notes.insert(&note(id)).unwrap());
            db.compact().unwrap();
            assert_eq!(db.verify().unwrap().orphans, Vec::<String>::new());
            db.close().unwrap();
            assert_eq!(tree(&dir), before, "the copy is untouched");
            assert_eq!(found(&moved), (0..300).collect::<Vec<_>>());
            assert_eq!(found(&dir), (0..50).collect::<Vec<_>>());
        }
    });
}

#[test]
fn a_directory_that_is_removed_takes_no_more_promises() {
    alone("a_directory_that_is_removed_takes_no_more_promises", || {
        for durability in [Durability::Safe, Durability::Group] {
            let root = tempfile::tempdir().unwrap();
            let dir = root.path().join("db");
            let (db, notes) = opened(&dir, 0..50);
            fs::remove_dir_all(&dir).unwrap();
            let (other, _) = opened(&dir, 900..910);
            other.close().unwrap();
            let before = tree(&dir);
            let refused = db.transact_with(durability, |tx| tx.table::<Note>()?.insert(&note(50)));
            assert!(matches!(refused, Err(Error::Moved)), "{refused:?}");
            assert!(matches!(notes.insert(&note(51)), Err(Error::Moved)), "for good");
            assert!(matches!(db.checkpoint(), Err(Error::Moved)));
            assert!(matches!(db.close(), Err(Error::Moved)));
            drop((db, notes));
            assert_eq!(tree(&dir), before);
            assert_eq!(found(&dir), (900..910).collect::<Vec<_>>());
        }
    });
}

#[test]
fn a_lock_that_is_removed_ends_the_first_of_two_owners() {
    alone("a_lock_that_is_removed_ends_the_first_of_two_owners", || {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("db");
        let (first, first_notes) = opened(&dir, 0..50);
        fs::remove_file(dir.join("LOCK")).unwrap();
        let (second, second_notes) = opened(&dir, 500..550);
        let refused = first_notes.insert(&note(50));
        assert!(matches!(refused, Err(Error::Moved)), "{refused:?}");
        assert!(matches!(first.compact(), Err(Error::Moved)));
        (550..800).for_each(|id| second_notes.insert(&note(id)).unwrap());
        assert!(matches!(first.close(), Err(Error::Moved)));
        drop((first, first_notes));
        second.compact().unwrap();
        assert_eq!(second.verify().unwrap().orphans, Vec::<String>::new());
        second.close().unwrap();
        assert_eq!(found(&dir), (0..50).chain(500..800).collect::<Vec<_>>());
    });
}

#[test]
fn a_fork_writes_nothing_and_its_drop_leaves_everything_to_the_parent() {
    alone("a_fork_writes_nothing_and_its_drop_leaves_everything_to_the_parent", || {
        for background in [Background::Thread, Background::Manual] {
            let root = tempfile::tempdir().unwrap();
            let dir = root.path().join("db");
            let (db, notes) = idle(&dir, background);
            let before = tree(&dir);
            let came_through = in_fork(|| {
                for durability in [Durability::Safe, Durability::Group, Durability::Fast] {
                    let refused = db.transact_with(durability, |tx| tx.table::<Note>()?.insert(&note(900)));
                    assert!(matches!(refused, Err(Error::Forked)), "{refused:?}");
                }
                assert_eq!(notes.get(7).unwrap(), Some(note(7)));
                assert!(matches!(db.sync(), Err(Error::Forked)));
                assert!(matches!(db.checkpoint(), Err(Error::Forked)));
                assert!(matches!(db.compact(), Err(Error::Forked)));
                assert!(matches!(db.step(), Err(Error::Forked)));
                assert!(matches!(db.backup(root.path().join("copy")), Err(Error::Forked)));
                assert!(matches!(db.drop_table("notes"), Err(Error::Forked)));
                assert!(matches!(db.close(), Err(Error::Forked)));
                let again = builder().open(&dir);
                assert!(matches!(again, Err(Error::Locked)), "{again:?}");
            });
            assert!(came_through);
            assert!(in_fork({
                let (db, notes) = (db.clone(), notes.clone());
                move || drop((db, notes))
            }));
            assert_eq!(tree(&dir), before);
            assert!(matches!(builder().open(&dir), Err(Error::Locked)), "the fork unlocked nothing");
            (50..300).for_each(|id| notes.insert(&note(id)).unwrap());
            db.close().unwrap();
            assert_eq!(found(&dir), (0..300).collect::<Vec<_>>());
        }
    });
}

#[test]
fn dropping_the_last_handle_in_a_fork_neither_panics_nor_hangs() {
    alone("dropping_the_last_handle_in_a_fork_neither_panics_nor_hangs", || {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("db");
        let (db, notes) = idle(&dir, Background::Thread);
        let (snapshot, transaction, scan) = (db.snapshot(), db.begin(), notes.iter());
        let before = tree(&dir);
        let mut handles = Some((db, notes, snapshot, transaction, scan));
        assert!(in_fork(|| drop(handles.take())));
        assert_eq!(tree(&dir), before);
        let (db, notes, ..) = handles.take().unwrap();
        notes.insert(&note(50)).unwrap();
        db.close().unwrap();
        assert_eq!(found(&dir), (0..51).collect::<Vec<_>>());
    });
}

#[test]
fn a_database_opens_again_at_once_whatever_other_processes_have_inherited() {
    alone("a_database_opens_again_at_once_whatever_other_processes_have_inherited", || {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("db");
        for id in 0..20 {
            let (db, notes) = open(&dir);
            notes.insert(&note(id)).unwrap();
            let _child = Idle::start();
            db.close().unwrap();
            drop((db, notes));
            let (db, _) = open(&dir);
            db.close().unwrap();
        }
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    Command::new("true").current_dir(root.path()).status().unwrap();
                }
            });
            for _ in 0..50 {
                let (db, _) = open(&dir);
                db.close().unwrap();
            }
            stop.store(true, Ordering::Relaxed);
        });
        assert_eq!(found(&dir), (0..20).collect::<Vec<_>>());
    });
}
