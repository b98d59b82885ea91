//! Paths that can be no directory's, and files that are called like a database's own and are not.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use walnut::env::{Env, MemoryEnv};
use walnut::{Background, Builder, Database, Error, Result};

use super::{Note, ids, note};

const DIR: &str = "/db";

fn builder(env: &MemoryEnv) -> Builder {
    super::builder().background(Background::Manual).env(Arc::new(env.clone()))
}

/// A database with some files of every kind, closed.
fn filled(env: &MemoryEnv) {
    let db = builder(env).open(DIR).unwrap();
    let notes = db.table::<Note>().unwrap();
    (0..60).for_each(|id| notes.insert(&note(id)).unwrap());
    db.close().unwrap();
}

/// Opens it, looks at every row, writes one, and gives what `verify` takes for no part of it.
fn live(env: &MemoryEnv, id: u64) -> Result<Vec<String>> {
    let db = builder(env).open(DIR)?;
    let notes = db.table::<Note>()?;
    assert_eq!(ids(&notes)?, (0..id).collect::<Vec<_>>());
    notes.insert(&note(id))?;
    db.checkpoint()?;
    let orphans = db.verify()?.orphans;
    db.close()?;
    Ok(orphans)
}

/// Names that a database gives its files, with numbers that no sane one has, that it has given, and that it may give soon.
fn own_names() -> Vec<String> {
    let numbers = ["000001", "000002", "000099", "000999", "72057594037927935", "72057594037927936"];
    let numbers = numbers.into_iter().chain(["18446744073709551615", "4294967296", "1000000"]);
    let forms = ["N.sst", "N.vlog", "MANIFEST-N", "N.sst.tmp", "N.vlog.tmp", "wal-N.log.tmp"];
    numbers.flat_map(|number| forms.map(|form| form.replace('N', number))).collect()
}

#[test]
fn no_file_with_a_name_like_our_own_keeps_a_database_from_opening_again_and_again() {
    for name in own_names() {
        let env = MemoryEnv::new();
        filled(&env);
        let path = Path::new(DIR).join(&name);
        if env.read_file(&path).is_some() {
            continue;
        }
        env.write_file(&path, b"a stray").unwrap();
        for id in 60..64 {
            live(&env, id).unwrap_or_else(|error| panic!("{name}, opening {id}: {error}"));
        }
    }
}

#[test]
fn no_directory_with_a_name_like_our_own_keeps_a_database_from_opening_and_none_is_touched() {
    for name in own_names().into_iter().chain(["wal-000001.log", "UNFINISHED"].map(str::to_owned)) {
        let env = MemoryEnv::new();
        filled(&env);
        let path = Path::new(DIR).join(&name);
        if env.kind(&path).unwrap().is_some() {
            continue;
        }
        let inside = path.join("somebody's");
        env.write_file(&inside, b"data").unwrap();
        for id in 60..64 {
            let orphans = live(&env, id).unwrap_or_else(|error| panic!("{name}, opening {id}: {error}"));
            assert!(orphans.contains(&name), "{name}: {orphans:?}");
        }
        assert_eq!(env.read_file(&inside).unwrap(), b"data", "{name}");
    }
}

#[test]
fn what_stands_where_files_are_set_aside_does_not_keep_a_database_from_opening() {
    for stray in ["/db/aside", "/db/aside/000099.sst/inside", "/db/aside/letter.txt"] {
        let env = MemoryEnv::new();
        filled(&env);
        env.write_file(stray, b"mine").unwrap();
        env.write_file("/db/000099.sst", b"a stray").unwrap();
        for id in 60..64 {
            let orphans = live(&env, id).unwrap_or_else(|error| panic!("{stray}, opening {id}: {error}"));
            assert!(!orphans.is_empty(), "{stray}");
        }
        assert_eq!(env.read_file(stray).unwrap(), b"mine", "{stray}");
    }
}

#[test]
fn a_file_far_behind_the_log_that_is_no_segment_of_it_is_no_part_of_it() {
    let env = MemoryEnv::new();
    filled(&env);
    let log = env.files().into_iter().find(|path| path.extension().is_some_and(|ending| ending == "log"));
    let copy = env.read_file(log.unwrap()).unwrap();
    for (stray, bytes) in [
        ("/db/wal-000555.log", &b"a stray"[..]),
        ("/db/wal-000556.log", &copy),
        ("/db/wal-000557.log/inside", b"mine"),
        ("/db/wal-72057594037927935.log", &copy),
    ] {
        env.write_file(stray, bytes).unwrap();
    }
    for id in 60..64 {
        let orphans = live(&env, id).unwrap();
        let expected = ["wal-000555.log", "wal-000556.log", "wal-000557.log", "wal-72057594037927935.log"];
        assert_eq!(orphans, expected);
    }
}

#[test]
fn verify_lists_every_stray_whatever_it_is_called() {
    let env = MemoryEnv::new();
    let db = builder(&env).open(DIR).unwrap();
    let notes = db.table::<Note>().unwrap();
    (0..300).for_each(|id| notes.insert(&note(id)).unwrap());
    db.checkpoint().unwrap();
    (300..303).for_each(|id| notes.insert(&note(id)).unwrap());
    assert!(db.stats().sst_count > 1 && db.stats().value_file_count > 0);
    assert_eq!(db.verify().unwrap().orphans, Vec::<String>::new());
    let strays = [
        "090999.sst",
        "090999.vlog",
        "wal-000555.log",
        "wal-000556.log.tmp",
        "090998.sst.tmp",
        "090998.vlog.tmp",
        "MANIFEST-090777",
        "CURRENT.tmp",
        "UNFINISHED",
        "72057594037927936.sst",
        "letter.txt",
    ];
    for stray in strays {
        env.write_file(Path::new(DIR).join(stray), b"a stray").unwrap();
    }
    let mut expected = strays.map(str::to_owned);
    expected.sort();
    assert_eq!(db.verify().unwrap().orphans, expected);
    for id in 303..600 {
        notes.insert(&note(id)).unwrap();
    }
    db.compact().unwrap();
    assert_eq!(db.verify().unwrap().orphans, expected, "what the database made meanwhile is its own");
}

#[test]
fn an_empty_path_is_an_error_that_says_so() {
    let env = MemoryEnv::new();
    let on_disk = tempfile::tempdir().unwrap();
    let real = Database::open(on_disk.path().join("db")).unwrap();
    let in_memory = builder(&env).open(DIR).unwrap();
    let errors = [
        Database::open("").unwrap_err(),
        builder(&env).open("").unwrap_err(),
        real.backup("").unwrap_err(),
        in_memory.backup("").unwrap_err(),
        real.preflight("").unwrap_err(),
        in_memory.preflight("").unwrap_err(),
    ];
    for error in errors {
        assert!(error.to_string().contains("\"\": the path is empty"), "{error}");
        assert!(matches!(error, Error::Io(error) if error.kind() == ErrorKind::InvalidInput));
    }
}

/// Paths that nobody should give, and some that somebody may.
fn odd_paths(root: &Path) -> Vec<PathBuf> {
    let deep = vec!["d"; 20_000].join("/");
    let mut paths = vec![
        root.join("a\0b"),
        root.join("x".repeat(300)),
        root.join("y".repeat(100_000)),
        root.join(&deep),
        root.join(vec!["e"; 2_000_000].join("/")),
        root.join("made/../beside"),
        root.join("."),
        root.join("trailing/"),
        root.join("twice//double"),
    ];
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        paths.push(root.join(std::ffi::OsStr::from_bytes(b"not \xff unicode")));
    }
    paths
}

#[test]
fn no_path_makes_an_opening_or_a_copy_panic_or_hang() {
    let env = MemoryEnv::new();
    let on_disk = tempfile::tempdir().unwrap();
    let source = builder(&env).open("/source").unwrap();
    let real = Database::open(on_disk.path().join("source")).unwrap();
    for (n, path) in odd_paths(on_disk.path()).into_iter().enumerate() {
        if let Ok(db) = Database::open(path.join(format!("{n}"))) {
            db.table::<Note>().unwrap().insert(&note(1)).unwrap();
            db.close().unwrap();
        }
        let _ = real.backup(path.join(format!("copy {n}")));
        let _ = real.preflight(&path);
    }
    for (n, path) in odd_paths(Path::new("/odd")).into_iter().enumerate() {
        let _ = builder(&env).open(&path);
        let _ = source.backup(path.join(format!("copy {n}")));
        let _ = source.preflight(&path);
    }
    for path in ["/", "..", "../..", "/.."] {
        let standing = Database::open(path);
        assert!(matches!(standing, Err(Error::NotADatabase { .. } | Error::Io(_))), "{path}: {standing:?}");
        assert!(matches!(real.backup(path), Err(Error::Io(_))), "{path}");
    }
}
