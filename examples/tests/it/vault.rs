//! The program `vault`.

use std::process::Command;

#[test]
fn a_vault_shows_nothing_opens_with_its_passphrase_and_rotates() {
    let dir = tempfile::tempdir().unwrap();
    let run = || {
        let output = Command::new(env!("CARGO_BIN_EXE_vault")).arg(dir.path().join("v")).output().unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    };
    let (is_done, out) = run();
    assert!(is_done, "{out}");
    let looked: Vec<_> = out.lines().filter(|line| line.contains("words of ours")).collect();
    assert!(looked.len() > 4 && looked.iter().all(|line| line.ends_with("in it: 0")), "{out}");
    for sentence in
        ["does not open this database", "1000 secrets are there", "under the old data key: nothing"]
    {
        assert!(out.contains(sentence), "{sentence}: {out}");
    }
    // Its passphrase is another one now.
    let (is_done, out) = run();
    assert!(!is_done && out.contains("does not open this database"), "{out}");
}
