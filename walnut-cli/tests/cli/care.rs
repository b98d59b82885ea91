//! `verify`, `sweep`, `compact`, `checkpoint`, `backup`, `restore`, `preflight`, `repair`, `shell`.

use std::io::{Seek, SeekFrom, Write};

use super::Place;

#[test]
fn a_database_in_order_is_verified_and_copied() {
    let place = Place::new();
    let verified = place.run(&["verify", "DB"]).ok();
    assert!(verified.contains("users: 3 rows and 9 index entries agree\n"), "{verified}");
    let words =
        "words: 1 rows and 0 index entries agree; not compared, as only the program computes it: initial\n";
    assert!(verified.contains(words), "{verified}");
    let swept = place.run(&["sweep", "DB", "users"]).ok();
    assert!(swept.starts_with("users: 3 rows, 9 entries; 0 entries removed, 0 added"), "{swept}");
    place.run(&["checkpoint", "DB"]).ok();
    place.run(&["compact", "DB"]).ok();
    assert!(place.run(&["preflight", "DB", "copy.walnut"]).ok().contains("bytes are needed"));
    place.run(&["backup", "DB", "copy.walnut"]).ok();
    assert!(place.run(&["preflight", "DB", "copy.walnut"]).fails(2).contains("would not succeed"));
    assert!(place.run(&["backup", "DB", "copy.walnut"]).fails(2).contains("copy.walnut"));
    place.run(&["restore", "copy.walnut", "again.walnut"]).ok();
    assert_eq!(place.run(&["count", "again.walnut", "users"]).ok(), "3\n");
}

#[test]
fn damage_is_found_and_named() {
    let place = Place::new();
    place.run(&["checkpoint", "DB"]).ok();
    let files = std::fs::read_dir(place.db()).unwrap().map(|entry| entry.unwrap().path());
    for path in files.filter(|path| path.extension().is_some_and(|extension| extension == "sst")) {
        let mut file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
        file.seek(SeekFrom::Start(80)).unwrap();
        file.write_all(b"damage").unwrap();
    }
    let line = place.run(&["verify", "DB"]).fails(3);
    assert!(line.contains(".sst") && line.contains("damaged"), "{line}");
    std::fs::write(place.db().join("CURRENT"), "nonsense").unwrap();
    let run = place.run(&["info", "DB"]);
    assert!(matches!(run.code, Some(2 | 3)) && run.err.lines().count() == 1, "{run:?}");
}

#[test]
fn a_damaged_database_is_repaired_into_a_new_one() {
    let place = Place::new();
    {
        let db = place.open();
        let rows = (0..3000).map(super::kinds);
        db.table::<super::Kinds>().unwrap().insert_many(rows).unwrap();
        db.close().unwrap();
    }
    let sound = place.run(&["repair", "DB", "sound.walnut"]).ok();
    assert!(sound.ends_with("keys are in sound.walnut; tables: kinds, users, words\n"), "{sound}");
    assert_eq!(sound.lines().count(), 1, "nothing was lost: {sound}");
    assert!(place.run(&["verify", "sound.walnut"]).ok().contains("kinds: 3000 rows"));
    assert!(place.run(&["repair", "DB", "sound.walnut"]).fails(2).contains("sound.walnut"));
    assert!(
        place.run(&["repair", "nowhere", "other.walnut"]).fails(2).contains("nowhere cannot be repaired")
    );
    assert!(place.run(&["repair", "DB", "app.walnut/inside"]).fails(2).contains("into the directory"));

    place.run(&["checkpoint", "DB"]).ok();
    let files = || {
        let entries = std::fs::read_dir(place.db()).unwrap().map(|entry| entry.unwrap().path());
        entries.map(|path| (std::fs::read(&path).unwrap(), path)).collect::<Vec<_>>()
    };
    let (bytes, largest) = files().into_iter().max_by_key(|(bytes, _)| bytes.len()).unwrap();
    let mut file = std::fs::OpenOptions::new().write(true).open(largest).unwrap();
    file.seek(SeekFrom::Start(bytes.len() as u64 / 2)).unwrap();
    file.write_all(b"damage").unwrap();
    let before = files();
    let run = place.run(&["repair", "DB", "mended.walnut"]);
    assert_eq!(run.code, Some(3), "{run:?}");
    let is_typed = |line: &str| line.starts_with("lost of table \"kinds\", keys behind (\"");
    assert!(run.out.lines().any(is_typed) && run.out.contains(".sst at byte "), "{run:?}");
    assert!(run.err.contains("what was lost is above; app.walnut is as it was"), "{run:?}");
    assert_eq!(files(), before, "the damaged one is only read");
    let count: u64 = place.run(&["count", "mended.walnut", "kinds"]).ok().trim().parse().unwrap();
    assert!((2000..3000).contains(&count), "{count}");
}

#[test]
fn a_shell_runs_commands_with_the_database_open() {
    let place = Place::new();
    let commands = "# a comment\n\ntables\ncount users --where 'age > 20'\n\
                    get users --index email ann@x.org --format csv\nexit\nboom\n";
    let out = place.run_with(&["shell", "DB"], commands).ok();
    assert_eq!(out, "kinds\nusers\nwords\n2\nid,email,city,age,note\n1,ann@x.org,Paris,30,\n");
    let run = place.run_with(&["shell", "DB"], "scan userz\ntables\n");
    assert_eq!((run.code, &*run.out), (Some(1), ""), "{run:?}");
    assert!(run.err.contains("did you mean `users`?"));
    let line = place.run_with(&["shell", "DB"], "scna users\n").fails(1);
    assert!(line.contains("unrecognized subcommand"), "{line}");
    assert!(place.run_with(&["shell", "DB"], "help scan\n").ok().contains("Usage"));
}
