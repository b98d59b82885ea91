//! The program of the README.

use std::process::Command;

use crate::program::ended;

#[test]
fn the_quickstart_runs_again_and_again() {
    let dir = tempfile::tempdir().unwrap();
    for before in [0, 2, 2] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quickstart"));
        let ended = ended(&command.current_dir(dir.path()).output().unwrap());
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
        let lines: Vec<&str> = ended.out.lines().collect();
        assert_eq!(
            lines,
            [
                &format!("{before} users were here before"),
                "User { id: 1, email: \"ann@example.org\", age: 31 }",
                "User { id: 2, email: \"bob@example.org\", age: 27 }",
                "Some(User { id: 2, email: \"bob@example.org\", age: 27 })",
                "table `User`: another row has the same value in unique `email`: Some(1)",
            ]
        );
    }
}

/// Word by word, because the README sets the fields of the struct more narrowly than rustfmt does.
#[test]
fn the_program_of_the_readme_is_the_quickstart() {
    let readme = include_str!("../../../README.md");
    let program = readme.split("```").nth(1).and_then(|block| block.strip_prefix("rust,no_run\n")).unwrap();
    let mut quickstart = include_str!("../../src/bin/quickstart.rs").split_whitespace();
    for line in program.lines().filter(|line| !line.starts_with("use walnut::")) {
        for word in line.split_whitespace() {
            assert!(quickstart.any(|other| other == word), "{word:?} of {line:?} is not in the quickstart");
        }
    }
}
