//! `generate` and `stats --watch`.

use super::Place;

#[test]
fn a_table_is_guessed_of_a_file() {
    let place = Place::new();
    let lines = [
        "Name,id,Birth Date,score,zip,is_set,type,big,nothing,delta",
        "Ann,7,1990-01-01,1.5,01234,true,a,18446744073709551615,,-5",
        "\"Bob, Jr\",8,,2,99999,false,b,1,,0",
    ];
    place.write("more people.csv", lines.join("\n"));
    let expected = "use serde::{Deserialize, Serialize};
use walnut::Table;

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = \"more_people\")]
struct MorePeople {
    // In the header `Name`: call it `name` there to import it.
    name: String,
    #[primary_key]
    id: u64,
    // In the header `Birth Date`: call it `birth_date` there to import it.
    birth_date: Option<String>,
    score: f64,
    zip: String,
    is_set: bool,
    r#type: String,
    big: u64,
    nothing: Option<String>,
    delta: i64,
}
";
    assert_eq!(place.run(&["generate", "more people.csv"]).ok(), expected);
    let named = place.run(&["generate", "more people.csv", "order_lines"]).ok();
    assert!(named.contains("#[table(name = \"order_lines\")]\nstruct OrderLine {"), "{named}");
    assert_eq!(place.run_with(&["shell", "DB"], "generate 'more people.csv'\n").ok(), expected);
    let users = place.run(&["schema", "DB", "users"]).ok();
    assert_eq!(place.run(&["generate", "DB", "users"]).ok(), users);
    assert_eq!(place.run_with(&["shell", "DB"], "generate users\n").ok(), users);
    place.write("twice.csv", "a,a,7 up\n1,1,x\n1,1,x\n");
    let twice = place.run(&["generate", "twice.csv"]).ok();
    let key = "    // No column has a value of its own in each row: choose the columns of the key.\n    #[primary_key]\n    a: u64,\n";
    assert!(
        twice.contains(key)
            && twice.contains("    a_: u64,\n")
            && twice.contains("    column_7_up: String,\n"),
        "{twice}"
    );
}

#[test]
fn what_no_table_can_be_guessed_of_is_told() {
    let place = Place::new();
    place.write("empty.csv", "");
    assert!(place.run(&["generate", "empty.csv"]).fails(1).contains("no header"));
    assert!(place.run(&["generate", "DB"]).fails(1).contains("which table?"));
    assert!(place.run(&["generate", "nothing.csv", "x"]).fails(2).contains("nothing.csv cannot be opened"));
    place.write("open.csv", format!("a,b\n1,\"{}", "x,\n".repeat(6 << 20)));
    assert!(place.run(&["generate", "open.csv"]).ok().contains("a: "));
}

/// The numbers are printed again after a second, with what has changed, until an interrupt.
#[cfg(unix)]
#[test]
fn numbers_are_watched_until_an_interrupt() {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};
    let place = Place::new();
    let db = place.open();
    let mut watch = Command::new(env!("CARGO_BIN_EXE_walnut"))
        .args(["stats", "app.walnut", "--watch", "1"])
        .current_dir(place.dir.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    let number = |line: &str| line.split_whitespace().next().unwrap().parse::<u64>().unwrap();
    assert!(first.ends_with("  commits (sequence number)"), "{first}");
    let users = db.table::<super::User>().unwrap();
    users.modify(1, |user| user.age += 1).unwrap();
    let changed =
        lines.map(Result::unwrap).find(|line| line.contains("  commits (sequence number) (+")).unwrap();
    assert!(number(&changed) > number(&first), "{changed}");
    Command::new("kill").args(["-INT", &watch.id().to_string()]).status().unwrap();
    assert_eq!(watch.wait().unwrap().code(), Some(0));
    for seconds in ["0", "x", "-1"] {
        place.run(&["stats", "DB", "--watch", seconds]).fails(1);
    }
}
