//! What only a real file system has: pipes, links and devices where a file is expected.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use walnut::{Database, Error};

use super::{Note, builder, note};

/// A database of fifty notes, closed.
fn filled(dir: &Path) {
    let db = builder().open(dir).unwrap();
    let notes = db.table::<Note>().unwrap();
    (0..50).for_each(|id| notes.insert(&note(id)).unwrap());
    db.close().unwrap();
}

fn names(dir: &Path) -> Vec<String> {
    fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Reads everything there is.
fn read(dir: &Path) -> walnut::Result<()> {
    let db = Database::open(dir)?;
    let notes = db.table::<Note>()?.iter().collect_vec()?;
    assert_eq!(notes.len(), 50);
    db.verify()?;
    db.close()
}

fn make_pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn what_is_no_regular_file_in_the_place_of_one_is_an_error_and_never_waited_for() {
    let root = tempfile::tempdir().unwrap();
    let whole = root.path().join("whole");
    filled(&whole);
    for name in names(&whole) {
        for kind in ["pipe", "link", "link to nothing", "directory"] {
            let dir = root.path().join("db");
            fs::create_dir(&dir).unwrap();
            for name in names(&whole) {
                fs::copy(whole.join(&name), dir.join(&name)).unwrap();
            }
            let path = dir.join(&name);
            fs::remove_file(&path).unwrap();
            match kind {
                "pipe" => make_pipe(&path),
                "link" => symlink(whole.join(&name), &path).unwrap(),
                "link to nothing" => symlink("/nowhere/at all", &path).unwrap(),
                _ => fs::create_dir(&path).unwrap(),
            }
            let outcome = read(&dir);
            assert!(
                matches!(outcome, Err(Error::Io(_) | Error::Corruption { .. } | Error::NotADatabase { .. })),
                "{name} is a {kind}: {outcome:?}"
            );
            fs::remove_dir_all(&dir).unwrap();
        }
    }
    read(&whole).unwrap();
}

#[test]
fn pipes_and_links_that_are_called_like_our_own_do_no_harm() {
    let names = ["000999.sst", "000999.vlog", "MANIFEST-000777", "000998.sst.tmp", "wal-000001.log", "aside"];
    for name in names {
        for kind in ["pipe", "link"] {
            let root = tempfile::tempdir().unwrap();
            let dir = root.path().join("db");
            filled(&dir);
            let innocent = root.path().join("innocent");
            fs::write(&innocent, b"mine").unwrap();
            match kind {
                "pipe" => make_pipe(&dir.join(name)),
                _ => symlink(&innocent, dir.join(name)).unwrap(),
            }
            for _ in 0..3 {
                read(&dir).unwrap_or_else(|error| panic!("{name} is a {kind}: {error}"));
            }
            assert_eq!(fs::read(&innocent).unwrap(), b"mine");
        }
    }
}

#[test]
fn a_directory_that_is_reached_by_a_link_is_the_one_that_was_opened() {
    let root = tempfile::tempdir().unwrap();
    let (one, two, link) = (root.path().join("one"), root.path().join("two"), root.path().join("link"));
    filled(&one);
    filled(&two);
    symlink(&one, &link).unwrap();
    let db = builder().open(&link).unwrap();
    let notes = db.table::<Note>().unwrap();
    fs::remove_file(&link).unwrap();
    symlink(&two, &link).unwrap();
    (50..200).for_each(|id| notes.insert(&note(id)).unwrap());
    db.compact().unwrap();
    db.close().unwrap();
    read(&two).unwrap();
    assert_eq!(Database::open(&one).unwrap().table::<Note>().unwrap().len().unwrap(), 200);
}
