//! `grow --kill`: the program that loads dies in the middle, and nothing that it acknowledged is lost.

use std::process::Command;

#[test]
fn a_killed_load_goes_on_and_rows_and_entries_agree() {
    let output = Command::new(env!("CARGO_BIN_EXE_grow")).args(["--kill", "--rows", "600"]).output().unwrap();
    let (told, wrong) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{wrong}");
    let line = told.lines().find_map(|line| line.strip_prefix("killed; ")).unwrap();
    let counts: Vec<u64> = line.split(' ').filter_map(|word| word.parse().ok()).collect();
    assert!(counts[0] >= 300 && counts[1] >= counts[0], "{line}");
    assert!(told.contains("Answers { count: 600,"), "{told}");
    assert!(told.contains("600 rows and "), "{told}");
}
