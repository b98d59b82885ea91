//! The command as people use it: the binary runs, and its output and exit code are read.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod care;
mod dump;
mod exchange;
mod generate;
mod guide;
mod keys;
mod reading;
mod writing;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use walnut::{Database, Table};

/// A user, as the guide has them.
#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = "users")]
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

/// A row with a field of every kind that text has to hold.
#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = "kinds", primary_key = (place, number))]
struct Kinds {
    place: String,
    number: i128,
    wide: u128,
    single: f32,
    double: f64,
    letter: char,
    is_set: Option<bool>,
    text: Option<String>,
    raw: Vec<u8>,
    hash: [u8; 4],
    at: SystemTime,
    length: Duration,
    list: Vec<Option<i8>>,
    map: BTreeMap<u8, Vec<String>>,
    shape: Shape,
    deep: (i8, Option<(u8, String)>),
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
enum Shape {
    Dot,
    Circle(f32),
    Box { side: u16 },
}

/// A table with an index that only its program computes.
#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = "words")]
#[index(initial: char = Word::initial)]
struct Word {
    #[primary_key]
    text: String,
}

impl Word {
    fn initial(&self) -> Option<char> {
        self.text.chars().next()
    }
}

fn kinds(number: i128) -> Kinds {
    let small = u8::try_from(number.rem_euclid(100)).unwrap();
    let at = usize::from(small);
    let texts = ["", "\\", "a,\"b\"\nc", "null", "é\u{10ffff}", "  ", "0x12", "[1]"];
    let text = |at: u8| texts[usize::from(at) % texts.len()].to_owned();
    Kinds {
        place: text(small),
        number,
        wide: u128::MAX - u128::from(small),
        single: [0.1, -0.0, f32::NEG_INFINITY, f32::MIN_POSITIVE, 16_777_217.0][at % 5],
        double: [0.1, -0.0, f64::INFINITY, 1e300, 5e-324][at % 5],
        letter: ['"', '\0', 'é', ',', '\\'][at % 5],
        is_set: [None, Some(true), Some(false)][at % 3],
        text: (!small.is_multiple_of(3)).then(|| text(small / 3)),
        raw: vec![small; at % 4],
        hash: [0, 255, small, 1],
        at: SystemTime::UNIX_EPOCH + Duration::new(u64::from(small) * 86_399, u32::from(small)),
        length: Duration::from_nanos(u64::from(small) * 1_500_000_007),
        list: vec![None, Some(-1), Some(1)],
        map: [(small, vec![text(small), text(small + 1)]), (200, Vec::new())].into(),
        shape: match small % 3 {
            0 => Shape::Dot,
            1 => Shape::Circle(0.3),
            _ => Shape::Box { side: u16::from(small) },
        },
        deep: (-1, (!small.is_multiple_of(2)).then(|| (small, text(small)))),
    }
}

/// A directory with a database of three tables, closed.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { dir: tempfile::tempdir().unwrap() };
        let db = Database::open(place.db()).unwrap();
        let users = db.table::<User>().unwrap();
        let user = |id: u64, email: &str, city: &str, age: u8| User {
            id,
            email: email.to_owned(),
            city: city.to_owned(),
            age,
            note: id.is_multiple_of(2).then(|| format!("note {id}")),
        };
        users
            .insert_many([
                user(1, "ann@x.org", "Paris", 30),
                user(2, "bob@x.org", "Paris", 20),
                user(3, "cyn@x.org", "Oslo", 41),
            ])
            .unwrap();
        db.table::<Kinds>().unwrap();
        db.table::<Word>().unwrap().insert(&Word { text: "oak".into() }).unwrap();
        db.close().unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn db(&self) -> PathBuf {
        self.path("app.walnut")
    }

    fn open(&self) -> Database {
        Database::open(self.db()).unwrap()
    }

    fn users(&self) -> Vec<User> {
        self.open().table::<User>().unwrap().iter().collect_vec().unwrap()
    }

    /// Runs a command in the directory, given in words, of which `DB` is the database.
    fn run(&self, words: &[&str]) -> Run {
        self.run_with(words, "")
    }

    fn run_with(&self, words: &[&str], input: &str) -> Run {
        let words = words.iter().map(|&word| if word == "DB" { "app.walnut" } else { word });
        run_in(self.dir.path(), words, input)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }
}

fn run_in<'w>(dir: &Path, words: impl Iterator<Item = &'w str>, input: &str) -> Run {
    let mut child = Command::new(env!("CARGO_BIN_EXE_walnut"))
        .args(words)
        .current_dir(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    // A command that failed reads nothing.
    let writer = std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    Run {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

#[derive(Debug)]
struct Run {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Run {
    /// The output of a run that succeeded.
    #[track_caller]
    fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.out
    }

    /// What a run said that failed with an exit code.
    #[track_caller]
    fn fails(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(!self.err.contains("panicked"), "{self:?}");
        self.err
    }
}
