//! `verify`, `sweep`, `compact`, `checkpoint`, `backup`, `restore`, `preflight`, `shell`.

use std::io::{Seek, SeekFrom, Write};

use super::Place;

#[test]
fn a_database_in_order_is_verified_and_copied() {
    let place = Place::new();
    let verified = place.run(&["verify", "DB"]).ok();
    assert!(verified.contains("users: 3 rows and 9 index entries agree\n"), "{verified}");
    let words = "words: 1 rows and 0 index entries agree; 1 computed indexes were left out";
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
