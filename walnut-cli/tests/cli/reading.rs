//! `info`, `tables`, `schema`, `stats`, `get`, `scan`, `count`, and names that do not exist.

use super::Place;

#[test]
fn what_is_there_is_told() {
    let place = Place::new();
    assert_eq!(place.run(&["tables", "DB"]).ok(), "kinds\nusers\nwords\n");
    let info = place.run(&["info", "DB", "--format", "jsonl"]).ok();
    assert_eq!(
        info.lines().nth(1).unwrap(),
        "{\"table\":\"users\",\"rows\":3,\"primary_key\":\"id\",\"indexes\":\"city_age(city, age), email unique, age\"}"
    );
    assert!(place.run(&["info", "DB"]).ok().starts_with("table"));
    assert!(place.run(&["stats", "DB"]).ok().contains("sorted files"));
    for words in [&["--help"][..], &["scan", "--help"], &["--version"]] {
        assert!(!place.run(words).ok().is_empty());
    }
}

#[test]
fn a_schema_is_the_struct_that_would_read_it() {
    let place = Place::new();
    let schema = place.run(&["schema", "DB", "users"]).ok();
    let expected = "use serde::{Deserialize, Serialize};
use walnut::Table;

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = \"users\")]
#[index(city_age = (city, age))]
struct User {
    #[primary_key]
    id: u64,
    #[index(unique)]
    email: String,
    city: String,
    #[index]
    age: u8,
    note: Option<String>,
}
";
    assert_eq!(schema, expected);
    let kinds = place.run(&["generate", "DB", "kinds"]).ok();
    let shape = "enum Shape {\n    Dot,\n    Circle(f32),\n    Box { side: u16 },\n}";
    for part in ["primary_key = (place, number)", shape] {
        assert!(kinds.contains(part), "{kinds}");
    }
    let words = place.run(&["schema", "DB", "words"]).ok();
    assert!(words.contains("computed by the program"), "{words}");
}

#[test]
fn rows_are_found_by_key_and_by_index() {
    let place = Place::new();
    let ann = "{\"id\":1,\"email\":\"ann@x.org\",\"city\":\"Paris\",\"age\":30,\"note\":null}\n";
    assert_eq!(place.run(&["get", "DB", "users", "1"]).ok(), ann);
    assert_eq!(place.run(&["get", "DB", "users", "--index", "email", "ann@x.org"]).ok(), ann);
    let scan = ["scan", "DB", "users", "--index", "city_age", "--prefix", "Paris", "--from", "21", "--rev"];
    assert_eq!(place.run(&[&scan[..], &["--limit", "10", "--format", "jsonl"]].concat()).ok(), ann);
    let table = place.run(&["scan", "DB", "users", "--columns", "id,city", "--where", "age > 20"]).ok();
    assert_eq!(table, "id  city\n 1  Paris\n 3  Oslo\n");
    let csv = place.run(&["scan", "DB", "users", "--format", "csv", "--columns", "note,id"]).ok();
    assert_eq!(csv, "note,id\n,1\nnote 2,2\n,3\n");
    let json = place.run(&["scan", "DB", "users", "--format", "json", "--columns", "id", "--skip", "1"]).ok();
    assert_eq!(json, "[\n{\"id\":2},\n{\"id\":3}\n]\n");
    for (condition, count) in [
        ("note = null", "2"),
        ("note != null", "1"),
        ("city ~ ari", "2"),
        ("city='Oslo'", "1"),
        ("age<=30", "2"),
    ] {
        let counted = place.run(&["count", "DB", "users", "--where", condition]).ok();
        assert_eq!(counted.trim(), count, "{condition}");
    }
    let between = ["count", "DB", "users", "--index", "age", "--before", "41", "--after", "20"];
    assert_eq!(place.run(&between).ok(), "1\n");
    assert_eq!(
        place.run(&["scan", "DB", "words", "--index", "initial", "--prefix", "o"]).ok(),
        "text\noak\n"
    );
}

#[test]
fn a_name_that_does_not_exist_is_told_with_the_nearest() {
    let place = Place::new();
    for (words, line) in [
        (&["scan", "DB", "user"][..], "there is no table `user`; did you mean `users`?"),
        (
            &["scan", "DB", "users", "--index", "city_ages"],
            "table `users` has no index `city_ages`; did you mean `city_age`?",
        ),
        (
            &["scan", "DB", "users", "--columns", "id,address"],
            "table `users` has no column `address`; there are `id`, `email`, `city`, `age`, `note`",
        ),
        (
            &["scan", "DB", "users", "--where", "agee > 3"],
            "table `users` has no column `agee`; did you mean `age`?",
        ),
        (
            &["scan", "DB", "users", "--where", "age"],
            "`age` is no condition; write a column, one of = != < <= > >= ~, and a value",
        ),
        (&["get", "DB", "users", "x"], "the primary key (id) takes a whole number, and `x` is none"),
        (&["get", "DB", "users", "1", "2"], "the primary key (id) has 1 parts, and 2 were given"),
        (&["get", "DB", "users", "--index", "age", "3"], "the index `age` is not unique; use `scan`"),
        (&["scan", "DB", "users", "--prefix", "1", "--from", "2"], "the key has only 1 parts: id"),
    ] {
        assert_eq!(place.run(words).fails(1), format!("walnut: {line}\n"));
    }
    assert_eq!(place.run(&["get", "DB", "users", "9"]).fails(4), "walnut: table `users` has no such row\n");
    assert!(place.run(&["scna", "DB"]).fails(1).contains("scan"));
}

#[test]
fn a_directory_that_is_no_database_is_told() {
    let place = Place::new();
    std::fs::create_dir(place.path("empty")).unwrap();
    std::fs::create_dir(place.path("other")).unwrap();
    place.write("other/file", "x");
    for (dir, part) in [
        ("nowhere", "nowhere cannot be opened: "),
        ("empty", "empty is empty: there is no database in it"),
        ("other", "other is not a Walnut database: it has no file CURRENT"),
        ("other/file", "other/file cannot be opened: "),
    ] {
        let line = place.run(&["info", dir]).fails(2);
        assert!(line.starts_with("walnut: ") && line.contains(part) && line.lines().count() == 1, "{line}");
    }
    assert!(!place.path("nowhere").exists(), "nothing is made");
}

#[test]
fn a_database_that_is_in_use_is_read_and_not_written() {
    let place = Place::new();
    let db = place.open();
    let users = db.table::<super::User>().unwrap();
    for age in 31..41 {
        users.modify(1, |user| user.age = age).unwrap();
        let found =
            place.run(&["scan", "DB", "users", "--index", "age", "--from", "31", "--columns", "age"]).ok();
        assert_eq!(found, format!("age\n {age}\n 41\n"));
    }
    assert!(place.run(&["verify", "DB"]).ok().contains("users: 3 rows and 9 index entries agree"));
    let line = place.run(&["update", "DB", "users", "1", "--set", "age=1"]).fails(2);
    assert!(line.contains("is open in another process"), "{line}");
    users.remove(1).unwrap();
    assert_eq!(place.run(&["count", "DB", "users"]).ok(), "2\n");
}

#[test]
fn a_pipe_that_closes_is_no_failure() {
    use std::io::Read;
    use std::process::{Command, Stdio};
    let place = Place::new();
    {
        let db = place.open();
        let table = db.table::<super::Kinds>().unwrap();
        table.insert_many((0..3000).map(super::kinds)).unwrap();
        db.close().unwrap();
    }
    let mut child = Command::new(env!("CARGO_BIN_EXE_walnut"))
        .args(["scan", "app.walnut", "kinds", "--format", "jsonl"])
        .current_dir(place.dir.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 100];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}
