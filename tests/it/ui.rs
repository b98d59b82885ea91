//! What the derives accept, and what the compiler says of what they and the types refuse: each file is a program of its
//! own, with the faults of one topic.
//!
//! `cargo test -p walnut-tests --test it -- ui:: trybuild=fail/index/` runs the files whose path contains the text.
//! `TRYBUILD=overwrite` before it writes down what the compiler says now; read the difference.

use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn programs_are_accepted_and_faults_told_under_their_smallest_token() {
    let cases = trybuild::TestCases::new();
    cases.pass("ui/pass/*.rs");
    cases.pass("ui/hygiene/*.rs");
    cases.compile_fail("ui/fail/*/*.rs");
}

/// trybuild reads the expected output of each program; one without a program is read by nothing.
#[test]
fn a_program_says_what_it_shows_and_every_expected_output_has_a_program() {
    let files = files_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("ui"));
    assert!(files.iter().any(|file| file.ends_with("fail/index/names.stderr")), "the directory was not read");
    for file in files {
        let path = file.display();
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("rs") => {
                let text = fs::read_to_string(&file).unwrap();
                assert!(text.starts_with("//! "), "{path}: begin with `//!` and what is learned here");
            }
            Some("stderr") => assert!(file.with_extension("rs").exists(), "{path}: its program is gone"),
            _ => panic!("{path}: neither a program nor an expected output"),
        }
    }
}

/// The files of a directory and of the directories in it.
fn files_below(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}
