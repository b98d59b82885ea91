//! Whatever is wrong is one sentence on standard error that names the thing, and exit code 1.

use std::fs;

use walnut::Database;

use crate::program::{Cities, first_lines, read_data, with_field};

#[test]
fn a_malformed_line_is_named_and_what_was_acknowledged_stays() {
    let cities = Cities::new();
    cities.write_data("good.tsv", first_lines(100));
    let broken = |(place, line): (usize, String)| match place {
        72 => with_field(&line, 7, "many"),
        _ => line,
    };
    cities.write_data("bad.tsv", first_lines(100).enumerate().map(broken));
    let sentence = cities.refusal(&["--data", "bad.tsv", "--batch", "10"]);
    assert_eq!(
        sentence,
        "bad.tsv, line 73, field population: \"many\" is not a whole number below 4,294,967,296"
    );
    assert_eq!(cities.rows(), read_data(&cities.path("good.tsv"))[..70]);

    let loaded = cities.answers(&["--data", "good.tsv", "--load-only"]);
    assert!(loaded.contains("  30 new, 0 changed, 70 unchanged\n"), "{loaded}");
}

#[test]
fn a_slug_that_occurs_twice_is_refused_with_its_batch_and_its_owner() {
    let cities = Cities::new();
    let same = |(place, line): (usize, String)| match place {
        47 => with_field(&line, 1, "shahrak-e-qods-ir"),
        _ => line,
    };
    cities.write_data("same.tsv", first_lines(100).enumerate().map(same));
    let sentence = cities.refusal(&["--data", "same.tsv", "--batch", "10"]);
    let reason = "table `cities`: another row has the same value in unique `slug`; the city 362 has it";
    assert_eq!(sentence, format!("same.tsv, lines 42 to 51: {reason}"));
    assert_eq!(cities.rows(), read_data(&cities.path("same.tsv"))[..40]);
}

#[test]
fn a_data_file_that_cannot_be_read_is_named_and_no_database_is_made() {
    let cities = Cities::new();
    fs::write(cities.path("empty.tsv"), "").unwrap();
    assert!(cities.refusal(&["--data", "none.tsv"]).starts_with("none.tsv: cannot read it: "));
    assert!(cities.refusal(&["--data", "."]).starts_with("., line 1: cannot read it: "));
    let header = "empty.tsv, line 1: the header must name the fields id, slug, name, ";
    assert!(cities.refusal(&["--data", "empty.tsv"]).starts_with(header));
    assert!(!cities.path("cities.walnut").exists());
}

#[test]
fn a_question_does_not_make_a_database() {
    let cities = Cities::new();
    let sentence = cities.refusal(&["--query-only", "--db", "none.walnut"]);
    assert_eq!(sentence, "there is no database none.walnut; run without --query-only to load it");
    assert!(!cities.path("none.walnut").exists());
}

#[test]
fn a_path_that_is_no_database_is_named_and_left_untouched() {
    let cities = Cities::new();
    fs::write(cities.path("file"), "a letter").unwrap();
    fs::create_dir(cities.path("dir")).unwrap();
    fs::write(cities.path("dir/letter"), "another letter").unwrap();
    for db in ["file", "dir", "file/db"] {
        let sentence = cities.refusal(&["--db", db]);
        assert!(sentence.starts_with(&format!("cannot open {db}: ")), "{sentence}");
    }
    assert_eq!(fs::read_to_string(cities.path("file")).unwrap(), "a letter");
    assert_eq!(fs::read_to_string(cities.path("dir/letter")).unwrap(), "another letter");
    assert_eq!(fs::read_dir(cities.path("dir")).unwrap().count(), 1);
}

#[test]
fn a_database_that_is_in_use_is_refused_until_it_is_closed() {
    let cities = Cities::new();
    cities.write_data("few.tsv", first_lines(10));
    let db = Database::open(cities.path("cities.walnut")).unwrap();
    let sentence = cities.refusal(&["--data", "few.tsv"]);
    assert!(sentence.starts_with("cannot open cities.walnut: the database is already open"), "{sentence}");
    db.close().unwrap();
    cities.answers(&["--data", "few.tsv"]);
}

#[test]
fn a_damaged_file_is_named() {
    let cities = Cities::new();
    cities.write_data("few.tsv", first_lines(1_000));
    cities.answers(&["--data", "few.tsv"]);
    let files = fs::read_dir(cities.path("cities.walnut")).unwrap().map(|file| file.unwrap().path());
    let ssts = files.filter(|file| file.extension().is_some_and(|kind| kind == "sst"));
    let largest = ssts.max_by_key(|file| fs::metadata(file).unwrap().len()).unwrap();
    let mut bytes = fs::read(&largest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    fs::write(&largest, bytes).unwrap();

    let sentence = cities.refusal(&["--query-only"]);
    let name = largest.file_name().unwrap().to_str().unwrap();
    assert!(sentence.contains(name) && sentence.contains("is damaged at byte"), "{sentence}");
}

#[test]
fn wrong_arguments_are_explained() {
    let cities = Cities::new();
    for args in [
        &["--batch", "0"][..],
        &["--country", "France"],
        &["--durability", "perhaps"],
        &["--load-only", "--query-only"],
        &["--query-only", "--data", "few.tsv"],
        &["--min-population", "many"],
        &["--colour"],
    ] {
        let ended = cities.run(args);
        assert_eq!(ended.code, Some(2), "{args:?}: {ended:?}");
        assert!(ended.err.starts_with("error: ") && ended.err.contains(args[0]), "{args:?}: {ended:?}");
    }
}
