//! Encrypted databases: a key comes of a file or of the environment, and every command takes it.

use std::path::Path;
use std::process::Command;

use super::{Place, Run};

/// A place with a key, and an encrypted copy of the database under it.
fn vault() -> Place {
    let place = Place::new();
    place.run(&["key", "create", "app.key"]).ok();
    place.run(&["encrypt", "DB", "vault.walnut", "--new-key-file", "app.key"]).ok();
    place
}

/// Runs the command with variables of the environment.
fn run_with(place: &Place, variables: &[(&str, &str)], words: &[&str]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_walnut"));
    command.args(words).current_dir(place.dir.path()).stdin(std::process::Stdio::null());
    let output = command.envs(variables.iter().copied()).output().unwrap();
    Run {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn holds(dir: &Path, text: &str) -> bool {
    let files = std::fs::read_dir(dir).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
    files.into_iter().any(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
}

#[test]
fn an_encrypted_copy_is_read_and_written_with_its_key_only() {
    let place = vault();
    assert!(holds(&place.db(), "ann@x.org") && !holds(&place.path("vault.walnut"), "ann@x.org"));
    let told = "walnut: vault.walnut is encrypted; give its key with --key-file FILE, WALNUT_KEY_FILE or WALNUT_PASSPHRASE\n";
    for words in
        [&["info", "vault.walnut"][..], &["count", "vault.walnut", "users"], &["checkpoint", "vault.walnut"]]
    {
        assert_eq!(place.run(words).fails(2), told);
    }
    let key = ["--key-file", "app.key"];
    let with_key = |words: &[&str]| place.run(&[words, &key[..]].concat());
    assert_eq!(with_key(&["count", "vault.walnut", "users"]).ok(), "3\n");
    with_key(&["update", "vault.walnut", "users", "1", "--set", "age=31"]).ok();
    assert!(with_key(&["verify", "vault.walnut"]).ok().contains("users: 3 rows and 9 index entries agree"));
    assert_eq!(
        place.run_with(&["shell", "vault.walnut", "--key-file", "app.key"], "count users\n").ok(),
        "3\n"
    );
    let named = run_with(&place, &[("WALNUT_KEY_FILE", "app.key")], &["count", "vault.walnut", "users"]);
    assert_eq!(named.ok(), "3\n");

    with_key(&["backup", "vault.walnut", "copy.walnut"]).ok();
    with_key(&["repair", "vault.walnut", "mended.walnut"]).ok();
    for copy in ["copy.walnut", "mended.walnut"] {
        assert!(place.run(&["count", copy, "users"]).fails(2).contains("is encrypted"), "{copy}");
        assert_eq!(with_key(&["count", copy, "users"]).ok(), "3\n");
    }
    with_key(&["decrypt", "vault.walnut", "plain.walnut"]).ok();
    let ann = place.run(&["get", "plain.walnut", "users", "--index", "email", "ann@x.org"]).ok();
    assert!(ann.contains("\"age\":31"), "{ann}");
    assert!(with_key(&["count", "plain.walnut", "users"]).fails(2).contains("not encrypted"));
}

#[test]
fn a_key_is_changed_and_a_data_key_replaced() {
    let place = vault();
    place.run(&["key", "create", "new.key"]).ok();
    assert!(place.run(&["key", "create", "new.key"]).fails(2).contains("new.key"), "none is overwritten");
    let change = ["key", "change", "vault.walnut", "--key-file", "app.key"];
    assert!(place.run(&change).fails(1).contains("--new-key-file"));
    place.run(&[&change[..], &["--new-key-file", "new.key"]].concat()).ok();
    let count = ["count", "vault.walnut", "users", "--key-file"];
    assert!(place.run(&[&count[..], &["app.key"]].concat()).fails(2).contains("does not open this database"));
    assert_eq!(place.run(&[&count[..], &["new.key"]].concat()).ok(), "3\n");
    let rotated = place.run(&["key", "rotate", "vault.walnut", "--key-file", "new.key"]);
    assert_eq!((rotated.code, &*rotated.err), (Some(0), "all data is under the new data key\n"));
    assert_eq!(place.run(&[&count[..], &["new.key"]].concat()).ok(), "3\n");
    assert!(place.run(&["key", "rotate", "DB"]).fails(2).contains("encrypted"));
}

#[test]
fn a_passphrase_comes_of_the_environment() {
    let place = Place::new();
    let new = [("WALNUT_NEW_PASSPHRASE", "correct horse")];
    run_with(&place, &new, &["encrypt", "app.walnut", "vault.walnut"]).ok();
    let count = ["count", "vault.walnut", "users"];
    assert_eq!(run_with(&place, &[("WALNUT_PASSPHRASE", "correct horse")], &count).ok(), "3\n");
    assert!(run_with(&place, &[("WALNUT_PASSPHRASE", "battery")], &count).fails(2).contains("does not open"));
    assert!(run_with(&place, &[("WALNUT_PASSPHRASE", "")], &count).fails(2).contains("is encrypted"));
}

#[test]
fn what_is_no_key_is_told() {
    let place = vault();
    let key = place.read("app.key");
    assert_eq!((key.len(), key.trim_end().len()), (65, 64));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(place.path("app.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "only its owner reads it");
    }
    place.write("short.key", "0123");
    place.write("long.key", "0".repeat(10_000));
    place.write("word.key", "g".repeat(64));
    for file in ["short.key", "long.key", "word.key"] {
        let line = place.run(&["info", "vault.walnut", "--key-file", file]).fails(1);
        assert_eq!(line, format!("walnut: {file} holds no key: 32 bytes, or 64 hexadecimal digits\n"));
    }
    assert!(place.run(&["info", "vault.walnut", "--key-file", "nothing"]).fails(2).contains("nothing: "));
    let digits = key.trim_end().as_bytes().chunks(2);
    let bytes: Vec<u8> =
        digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect();
    place.write("raw.key", bytes);
    assert_eq!(place.run(&["count", "vault.walnut", "users", "--key-file", "raw.key"]).ok(), "3\n");
}

#[test]
fn an_encrypted_file_is_dumped_with_its_key_and_its_headers_without() {
    let place = vault();
    let names = std::fs::read_dir(place.path("vault.walnut")).unwrap().map(|entry| entry.unwrap().path());
    for path in names.filter(|path| path.extension().is_some_and(|end| end == "sst" || end == "log")) {
        let kind = if path.extension().unwrap() == "sst" { "sst" } else { "wal" };
        let words = ["dump", kind, path.to_str().unwrap()];
        let closed = place.run(&words).ok();
        assert!(closed.contains("header number ") && closed.contains(" salt "), "{closed}");
        assert!(!closed.contains(" put ") && !closed.contains("users"), "{closed}");
        let open = place.run(&[&words[..], &["--key-file", "app.key"]].concat()).ok();
        assert!(open.contains("is where the last valid part ends"), "{open}");
        assert!(kind == "wal" || open.contains("put users 1 "), "{open}");
    }
}
