//! `dump`: every part of every kind of file, and what is wrong where.

use std::path::{Path, PathBuf};

use super::{Place, User};

/// The files of the database whose names end so, the largest first.
fn files(place: &Place, end: &str) -> Vec<PathBuf> {
    let names = std::fs::read_dir(place.db()).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = names.filter(|path| path.to_str().unwrap().ends_with(end)).collect();
    files.sort_by_key(|path| std::cmp::Reverse(std::fs::metadata(path).unwrap().len()));
    files
}

fn dump(place: &Place, kind: &str, path: &Path) -> super::Run {
    place.run(&["dump", kind, path.to_str().unwrap()])
}

/// Changes a byte.
fn damage(path: &Path, offset: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[offset] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

/// The offset of the first part whose line contains this.
#[track_caller]
fn offset_of(dumped: &str, part: &str) -> usize {
    let line = dumped.lines().find(|line| line.contains(part)).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn a_log_is_dumped_record_by_record() {
    let place = Place::new();
    let log = files(&place, ".log").remove(0);
    let dumped = dump(&place, "wal", &log).ok();
    for part in [
        "header number 1, database ",
        "put users 3 ",
        "put users.city_age (\"Paris\", 30, 1) 0 bytes, seqno ",
        "end no segment follows",
    ] {
        assert!(dumped.contains(part), "{part}: {dumped}");
    }
    let users = dumped.lines().find(|line| line.contains("put users 1 ")).unwrap();
    assert!(!users.contains("ann@x.org"), "values are not shown: {users}");
    let end = format!(", of {} bytes\n", std::fs::metadata(&log).unwrap().len());
    assert!(dumped.ends_with(&end) && dumped.contains(" is where the last valid part ends"), "{dumped}");
    let brief = place.run(&["dump", "wal", log.to_str().unwrap(), "--brief"]).ok();
    assert!(brief.contains(" commit ") && !brief.contains(" put "), "{brief}");

    // A copy elsewhere has no catalog beside it.
    let copy = place.path("copy.log");
    std::fs::copy(&log, &copy).unwrap();
    assert!(dump(&place, "wal", &copy).ok().contains("put keyspace "));

    let offset = offset_of(&dumped, "commit");
    damage(&copy, offset + 40);
    let run = dump(&place, "wal", &copy);
    assert_eq!(run.code, Some(3), "{run:?}");
    assert_eq!(offset_of(&run.out, "damage"), offset);
    assert!(run.out.contains("the checksum is ") && run.out.contains(" end no segment follows"), "{run:?}");
    assert!(run.err.contains("1 parts of ") && run.err.contains("are damaged"), "{run:?}");
}

#[test]
fn a_torn_log_says_where_it_ends() {
    let place = Place::new();
    let log = files(&place, ".log").remove(0);
    let last = dump(&place, "wal", &log).ok();
    let last = last.lines().rfind(|line| line.contains(" commit ")).unwrap();
    let offset: usize = last.split_whitespace().next().unwrap().parse().unwrap();
    let torn = place.path("torn.log");
    std::fs::write(&torn, &std::fs::read(&log).unwrap()[..offset + 50]).unwrap();
    let dumped = dump(&place, "wal", &torn).ok();
    assert!(dumped.contains(" rest no valid record: "), "{dumped}");
    let end = format!("{offset:>10} is where the last valid part ends, of {} bytes\n", offset + 50);
    assert!(dumped.ends_with(&end), "{dumped}");
}

#[test]
fn sorted_files_manifests_and_value_files_are_dumped() {
    let place = Place::new();
    {
        let db = place.open();
        let users = db.table::<User>().unwrap();
        users.modify(1, |user| user.note = Some("long ".repeat(5000))).unwrap();
        users.remove(2).unwrap();
        db.close().unwrap();
    }
    place.run(&["checkpoint", "DB"]).ok();
    let sst = files(&place, ".sst").remove(0);
    let dumped = dump(&place, "sst", &sst).ok();
    for part in [
        " block ",
        "put users 3 ",
        "pointer users 1 ",
        ".vlog, seqno ",
        " filter ",
        " index ",
        "keyspace users: ",
        " footer",
    ] {
        assert!(dumped.contains(part), "{part}: {dumped}");
    }
    let values = files(&place, ".vlog").remove(0);
    let dumped_values = dump(&place, "vlog", &values).ok();
    assert!(
        dumped_values.contains("value users 1 ") && dumped_values.contains(" stored, crc "),
        "{dumped_values}"
    );
    let current = place.read("app.walnut/CURRENT");
    let manifest =
        files(&place, "").into_iter().find(|path| path.to_str().unwrap().contains("MANIFEST")).unwrap();
    let dumped_manifest = dump(&place, "manifest", &manifest).ok();
    assert!(!current.is_empty() && dumped_manifest.contains(".sst on level 0, "), "{dumped_manifest}");

    for (kind, path, dumped, part) in [
        ("sst", &sst, &dumped, " block "),
        ("vlog", &values, &dumped_values, " value "),
        ("manifest", &manifest, &dumped_manifest, " edit "),
    ] {
        let line = dump(&place, if kind == "sst" { "wal" } else { "sst" }, path).fails(1);
        assert!(line.contains("walnut dump --help"), "{line}");
        let (copy, offset) = (place.path("copy"), offset_of(dumped, part));
        std::fs::copy(path, &copy).unwrap();
        damage(&copy, offset + 20);
        let run = dump(&place, kind, &copy);
        assert!(run.code == Some(3) || kind == "manifest", "{run:?}");
        let line = run.out.lines().find(|line| line.contains("the checksum is ")).unwrap();
        assert_eq!(line.split_whitespace().next(), Some(&*offset.to_string()), "{run:?}");
        damage(&copy, 20);
        let run = dump(&place, kind, &copy);
        assert!(run.code == Some(3) && run.out.contains("header: the checksum is "), "{run:?}");
    }
}

#[test]
fn what_is_no_file_of_a_database_is_told() {
    let place = Place::new();
    place.write("text", "nothing of ours ".repeat(10));
    place.write("short", "walnutL\n");
    assert!(place.run(&["dump", "wal", "text"]).fails(3).contains("text cannot be dumped"));
    assert!(place.run(&["dump", "wal", "short"]).fails(3).contains("short cannot be dumped"));
    assert!(place.run(&["dump", "wal", "nothing"]).fails(2).contains("nothing cannot be dumped"));
    assert!(place.run(&["dump", "wal", "app.walnut"]).fails(2).contains("app.walnut cannot be dumped"));
}
