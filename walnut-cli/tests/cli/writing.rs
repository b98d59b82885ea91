//! `insert`, `update`, `delete`, and what a constraint refuses.

use super::Place;

#[test]
fn single_rows_are_written() {
    let place = Place::new();
    let dan = "{\"id\": 4, \"email\": \"dan@x.org\", \"city\": \"Rome\", \"age\": 50}";
    place.run(&["insert", "DB", "users", dan]).ok();
    place.run(&["update", "DB", "users", "4", "--set", "age=51", "--set", "note=x=y"]).ok();
    let users = place.users();
    assert_eq!((users[3].age, users[3].note.as_deref()), (51, Some("x=y")));
    place.run(&["update", "DB", "users", "4", "--set", "note=null"]).ok();
    place.run(&["insert", "DB", "users", &dan.replace("Rome", "Bonn"), "--upsert"]).ok();
    let users = place.users();
    assert_eq!((&*users[3].city, &users[3].note), ("Bonn", &None));
    place.run(&["delete", "DB", "users", "4"]).ok();
    assert_eq!(place.run(&["delete", "DB", "users", "--index", "age", "--to", "30", "--all"]).ok(), "2\n");
    assert_eq!(place.users().len(), 1);
    let db = place.open();
    db.table::<super::User>().unwrap();
    db.verify().unwrap();
}

#[test]
fn what_is_refused_leaves_nothing_behind() {
    let place = Place::new();
    let before = place.users();
    let row = |id: &str, email: &str| {
        format!("{{\"id\": {id}, \"email\": \"{email}\", \"city\": \"Rome\", \"age\": 50}}")
    };
    for (row, code, part) in [
        (row("1", "new@x.org"), 4, "unique `primary_key`"),
        (row("9", "ann@x.org"), 4, "unique `email`"),
        (row("-9", "new@x.org"), 1, "`id` is u64, which cannot hold the given value"),
        (row("\"nine\"", "new@x.org"), 1, "`id` is u64, and text was given"),
        ("{\"id\": 9}".to_owned(), 1, "`email` is String, and nothing was given"),
        ("{\"id\": 9".to_owned(), 1, "the row is no JSON"),
        ("[".repeat(5000), 1, "the row is no JSON"),
    ] {
        let line = place.run(&["insert", "DB", "users", &row]).fails(code);
        assert!(line.contains(part), "{line}");
    }
    assert!(place.run(&["update", "DB", "users", "1", "--set", "age=300"]).fails(1).contains("u8"));
    assert!(place.run(&["update", "DB", "users", "1", "--set", "id=5"]).fails(1).contains("primary key"));
    assert!(place.run(&["update", "DB", "users", "7", "--set", "age=3"]).fails(4).contains("no such row"));
    assert!(place.run(&["delete", "DB", "users", "7"]).fails(4).contains("no such row"));
    assert!(place.run(&["delete", "DB", "users"]).fails(1).contains("required"));
    let word = place.run(&["insert", "DB", "words", "{\"text\": \"elm\"}"]).fails(4);
    assert!(word.contains("cannot be written without its program") && word.contains("`: char`"), "{word}");
    assert_eq!(place.users(), before);
}
