//! `import` and `export`: every type comes back as it was, and bad lines are kept apart.

use std::fmt::Write;

use super::{Kinds, Place, User, kinds};

#[test]
fn what_is_exported_is_imported_as_it_was() {
    let mut rows: Vec<Kinds> = (0..120).map(kinds).collect();
    rows.sort_by(|one, other| (&one.place, one.number).cmp(&(&other.place, other.number)));
    for format in ["csv", "json", "jsonl"] {
        let (from, to) = (Place::new(), Place::new());
        {
            let db = from.open();
            db.table::<Kinds>().unwrap().insert_many(&rows).unwrap();
            db.close().unwrap();
        }
        let file = from.path("kinds").with_extension(format);
        let file = file.to_str().unwrap();
        assert!(from.run(&["export", "DB", "kinds", "--out", file]).ok().is_empty());
        let run = to.run(&["import", "DB", "kinds", file, "--batch", "7"]);
        assert_eq!((run.code, &*run.err), (Some(0), "120 rows were imported\n"), "{format}");
        assert_eq!(to.open().table::<Kinds>().unwrap().iter().collect_vec().unwrap(), rows, "{format}");
        // To the standard output and from the standard input, over what is there.
        let text = from.run(&["export", "DB", "kinds", "--format", format]).ok();
        let run = to.run_with(&["import", "DB", "kinds", "-", "--format", format, "--upsert"], &text);
        assert_eq!(run.code, Some(0), "{run:?}");
        // Keys and entries are compared of tables that are open.
        let db = to.open();
        assert_eq!(db.table::<Kinds>().unwrap().len().unwrap(), 120);
        db.verify().unwrap();
    }
}

const HEADER: &str = "id,email,city,age,note\n";

#[test]
fn bad_lines_are_kept_apart_with_their_numbers() {
    let place = Place::new();
    let lines = [
        "10,a@x.org,Rome,1,",           // 2
        "11,b@x.org,Rome,300,",         // 3: the age
        "12,c@x.org,Rome",              // 4: fields are missing
        "1,d@x.org,Rome,4,",            // 5: the key is there
        "13,a@x.org,Rome,5,",           // 6: the address is in this file
        "x,e@x.org,Rome,6,",            // 7: no number
        "\"14\",f@x.org,\"Ro\nme\",7,", // 8 and 9
        "15,g@x.org,Rome,8,x",          // 10
    ];
    place.write("users.csv", format!("\u{feff}{HEADER}{}\n", lines.join("\n")));
    let err = place.run(&["import", "DB", "users", "users.csv"]).fails(4);
    for (line, part) in [(3, "`age`"), (4, "3 fields"), (5, "primary_key"), (6, "`email`"), (7, "`id`")] {
        let is_told = |told: &str| told.starts_with(&format!("line {line}: ")) && told.contains(part);
        assert!(err.lines().any(is_told), "{err}");
    }
    let end = "walnut: 3 rows were imported; 5 lines were refused and are in users.csv.bad\n";
    assert!(err.ends_with(end), "{err}");
    let bad = place.read("users.csv.bad");
    assert_eq!(bad.lines().count(), 5, "{bad}");
    assert!(bad.contains("12,c@x.org,Rome\n") && bad.contains("1,d@x.org,Rome,4,\n"), "{bad}");
    assert_eq!(place.users().iter().map(|user| user.id).collect::<Vec<_>>(), [1, 2, 3, 10, 14, 15]);
    assert_eq!(place.users()[4].city, "Ro\nme");

    let err = place.run(&["import", "DB", "users", "users.csv", "--strict", "--skip", "3"]).fails(4);
    assert!(err.contains("line 4") && err.contains("go on with --skip 3"), "{err}");
}

#[test]
fn an_import_goes_on_where_another_one_ended() {
    let place = Place::new();
    let mut text = String::new();
    for id in 100..110 {
        writeln!(text, "{{\"id\": {id}, \"email\": \"{id}@x.org\", \"city\": \"Rome\", \"age\": 1}}")
            .unwrap();
    }
    place.write("users.jsonl", text);
    place.run(&["import", "DB", "users", "users.jsonl", "--skip", "4"]).ok();
    assert_eq!(place.users().len(), 3 + 6);
    let line = place.run(&["import", "DB", "users", "users.jsonl", "--batch", "3", "--strict"]).fails(4);
    assert!(
        line.contains("line 5: ") && line.contains("3 rows up to line 3 are in; go on with --skip 3"),
        "{line}"
    );
    assert_eq!(place.users().len(), 3 + 6 + 3, "a batch that is refused is refused as a whole");
    place.run(&["import", "DB", "users", "users.jsonl", "--upsert"]).ok();
    assert_eq!(place.users().len(), 3 + 10);
}

/// An import that reads a pipe, of which the writer neither writes on nor closes it, ends at once.
#[cfg(unix)]
#[test]
fn an_import_that_is_interrupted_says_where_to_go_on() {
    use std::io::Write as _;
    use std::process::{Command, Stdio};
    let place = Place::new();
    let row =
        |id: u32| format!("{{\"id\": {id}, \"email\": \"{id}@x.org\", \"city\": \"Rome\", \"age\": 1}}\n");
    let text: String = (1000..1095).map(row).collect();
    let mut import = Command::new(env!("CARGO_BIN_EXE_walnut"))
        .args(["import", "app.walnut", "users", "-", "--format", "jsonl", "--batch", "10"])
        .current_dir(place.dir.path())
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = import.stdin.take().unwrap();
    pipe.write_all(text.as_bytes()).unwrap();
    // Nine batches are complete.
    let follower = walnut::Database::follow(place.db()).unwrap();
    while follower.table::<User>().unwrap().len().unwrap() < 93 {
        follower.refresh().unwrap();
        std::thread::yield_now();
    }
    Command::new("kill").args(["-INT", &import.id().to_string()]).status().unwrap();
    let ended = import.wait_with_output().unwrap();
    drop(pipe);
    let line = String::from_utf8(ended.stderr).unwrap();
    let told = "walnut: stopped by an interrupt; 90 rows up to line 90 are in; go on with --skip 90\n";
    assert_eq!((ended.status.code(), &*line), (Some(2), told));
    assert_eq!(place.users().len(), 3 + 90);
    place.run_with(&["import", "DB", "users", "-", "--format", "jsonl", "--skip", "90"], &text).ok();
    assert_eq!(place.users().len(), 3 + 95);
}

/// An export that is ended: by damage, which it meets behind rows that it has written.
#[test]
fn an_export_that_does_not_succeed_leaves_what_was_there() {
    let place = Place::new();
    {
        let db = place.open();
        db.table::<Kinds>().unwrap().insert_many((0..3000).map(kinds)).unwrap();
        db.close().unwrap();
    }
    place.run(&["export", "DB", "kinds", "-o", "kinds.jsonl"]).ok();
    let before = place.read("kinds.jsonl");
    assert_eq!(before.lines().count(), 3000);
    place.run(&["checkpoint", "DB"]).ok();
    let files = std::fs::read_dir(place.db()).unwrap().map(|entry| entry.unwrap().path());
    let sst = files.filter(|path| path.extension().is_some_and(|extension| extension == "sst"));
    let largest = sst.max_by_key(|path| path.metadata().unwrap().len()).unwrap();
    let mut bytes = std::fs::read(&largest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(largest, bytes).unwrap();
    for file in ["kinds.jsonl", "other.csv"] {
        let line = place.run(&["export", "DB", "kinds", "--out", file]).fails(3);
        assert!(line.contains("damaged") && line.ends_with(&format!("{file} is as it was\n")), "{line}");
    }
    assert_eq!(place.read("kinds.jsonl"), before);
    for left in ["other.csv", "kinds.jsonl.part", "other.csv.part"] {
        assert!(!place.path(left).exists(), "{left}");
    }
    // A device is no file that is put in place of another.
    place.run(&["export", "DB", "users", "--out", "/dev/null", "--format", "csv"]).ok();
    assert!(!std::path::Path::new("/dev/null.part").exists());
}

#[test]
fn hostile_files_are_told_in_one_line() {
    let place = Place::new();
    let before = place.users();
    place.write("header.csv", "id,mail\n1,x\n");
    place.write("missing.csv", "id,email,city\n9,x,y\n");
    place.write("empty.csv", "");
    place.write("object.json", "{\"id\": 1}");
    place.write("cut.json", "[{\"id\": 9, \"email\": \"x\", \"city\": \"y\", \"age\": 1}, {");
    place.write("noname", "x");
    for (file, code, part) in [
        ("header.csv", 1, "no column `mail`; did you mean"),
        ("missing.csv", 1, "the header has no column `age`"),
        ("empty.csv", 1, "the header has no column `id`"),
        ("object.json", 2, "no array of JSON"),
        ("noname", 1, "add --format"),
        ("nothing.csv", 2, "nothing.csv: "),
    ] {
        let line = place.run(&["import", "DB", "users", file]).fails(code);
        assert!(line.contains(part) && line.lines().count() == 1, "{line}");
    }
    assert_eq!(place.users(), before);
    let line = place.run(&["import", "DB", "users", "cut.json"]).fails(2);
    assert!(line.contains("behind element 1"), "{line}");
    let row = "{\"id\":77,\"email\":\"z\",\"city\":\"y\",\"age\":1}";
    place.write("deep.jsonl", format!("{}\n{row}\n", "[".repeat(100_000)));
    let line = place.run(&["import", "DB", "users", "deep.jsonl"]).fails(4);
    assert!(line.contains("line 1: ") && line.contains("1 rows were imported"), "{line}");
    place.write("binary.jsonl", b"\xff\xfe\x00\n\n{}\nnull\n");
    let line = place.run(&["import", "DB", "users", "binary.jsonl"]).fails(4);
    for part in ["line 1: is not UTF-8", "line 3: ", "line 4: ", "0 rows were imported; 3 lines"] {
        assert!(line.contains(part), "{line}");
    }
    let words = place.run_with(&["import", "DB", "words", "-", "--format", "csv"], "text\nelm\n").fails(4);
    assert!(words.contains("by its program only"), "{words}");
}

#[test]
fn a_quote_that_does_not_close_ends_in_bounded_memory() {
    let place = Place::new();
    let mut text = format!("{HEADER}20,q@x.org,Rome,1,\n21,\"");
    text.push_str(&"x,\n".repeat(24 << 20));
    place.write("open.csv", text);
    let line = place.run(&["import", "DB", "users", "open.csv", "--batch", "1"]).fails(2);
    assert!(line.contains("does a quote not close?") && line.contains("go on with --skip 2"), "{line}");
    assert!(place.users().iter().any(|user: &User| user.id == 20));
}
