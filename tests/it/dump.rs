//! Files dumped part by part: every flipped byte of a part is found and named, and no length of a file is a surprise.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use walnut::env::MemoryEnv;
use walnut::report::{DumpedFile, DumpedPart, FileType};
use walnut::{Builder, Database, EncryptionKey, Result, Table};

#[derive(Table, serde::Serialize, serde::Deserialize, Clone, Debug)]
#[table(name = "notes")]
#[index(by_kind = (kind, id))]
struct Note {
    #[primary_key]
    id: u32,
    kind: String,
    text: String,
}

fn options(env: &MemoryEnv, is_encrypted: bool) -> Builder {
    let options = Database::builder().env(Arc::new(env.clone())).block_size(256).log_preallocation(512);
    if is_encrypted { options.encryption(EncryptionKey::from_bytes([7; 32])) } else { options }
}

/// The files of a small database: a log, a sorted file of several blocks and range tombstones, a value file, manifests.
fn files(is_encrypted: bool) -> Vec<(PathBuf, Vec<u8>)> {
    let env = MemoryEnv::with_seed(3);
    let db = options(&env, is_encrypted).open("/db").unwrap();
    let notes = db.table::<Note>().unwrap();
    let note = |id: u32, size: usize| Note { id, kind: format!("kind {}", id % 3), text: "x".repeat(size) };
    notes.insert_many((0..40).map(|id| note(id, 30))).unwrap();
    notes.insert_many((40..42).map(|id| note(id, 9000 + id as usize))).unwrap();
    let old = db.keyspace("old").unwrap();
    old.put(b"a", b"b").unwrap();
    db.checkpoint().unwrap();
    old.remove_range(b"a".as_slice()..b"c".as_slice()).unwrap();
    db.checkpoint().unwrap();
    notes.insert_many((50..53).map(|id| note(id, 10))).unwrap();
    db.close().unwrap();
    env.files().into_iter().map(|path| (path.clone(), env.read_file(&path).unwrap())).collect()
}

/// A file by itself, dumped; with its key file, if there is one.
fn dumped(name: &Path, bytes: &[u8], keys: Option<&[u8]>) -> Result<(DumpedFile, Vec<DumpedPart>)> {
    let env = MemoryEnv::new();
    env.write_file(name, bytes).unwrap();
    if let Some(keys) = keys {
        env.write_file(name.with_file_name("KEYS"), keys).unwrap();
    }
    let mut parts = Vec::new();
    let found = walnut::dump(name, &options(&env, keys.is_some()), |part| parts.push(part.clone()))?;
    Ok((found, parts))
}

fn is_dumped(path: &Path) -> bool {
    let name = path.file_name().unwrap().to_str().unwrap();
    name.starts_with("MANIFEST") || [".log", ".sst", ".vlog"].iter().any(|end| name.ends_with(end))
}

fn keys_of(files: &[(PathBuf, Vec<u8>)]) -> Option<Vec<u8>> {
    files.iter().find(|(path, _)| path.ends_with("KEYS")).map(|(_, bytes)| bytes.clone())
}

#[test]
fn every_flipped_byte_of_a_part_is_found_and_named() {
    expect_damage_found(files(false), 1);
}

#[test]
fn every_flipped_byte_of_an_encrypted_part_is_found_and_named() {
    expect_damage_found(files(true), 7);
}

fn expect_damage_found(files: Vec<(PathBuf, Vec<u8>)>, step: usize) {
    let (keys, mut types) = (keys_of(&files), Vec::new());
    let dumped = |path: &Path, bytes: &[u8]| dumped(path, bytes, keys.as_deref());
    for (path, bytes) in files.into_iter().filter(|(path, _)| is_dumped(path)) {
        let (sound, parts) = dumped(&path, &bytes).unwrap();
        assert_eq!(sound.fault_count, 0, "{}: {parts:?}", path.display());
        types.push(sound.file_type);
        let checked = parts.iter().filter(|part| part.depth == 0 && part.checksum.is_some());
        for part in checked {
            for at in (part.offset..part.offset + part.size).step_by(step) {
                // A large value is one record.
                if at > part.offset + 300 && at % 97 != 0 {
                    continue;
                }
                let mut damaged = bytes.clone();
                damaged[usize::try_from(at).unwrap()] ^= 1;
                let case = format!("byte {at} of {}, in {part}", path.display());
                let Ok((found, damaged)) = dumped(&path, &damaged) else {
                    assert!(part.name == "header" && at < 8, "{case}");
                    continue;
                };
                // The end of a log or a manifest that is damaged looks as if it was being written.
                let is_named = |found: &DumpedPart| {
                    let ends =
                        matches!(sound.file_type, FileType::Log | FileType::Manifest) && found.name == "rest";
                    (found.fault.is_some() || ends) && found.offset == part.offset
                };
                assert!(damaged.iter().any(is_named), "{case}: {found:?} {damaged:?}");
                let same = |other: &&DumpedPart| other.depth == 0 && damaged.contains(other);
                let others = parts.iter().filter(|other| other.depth == 0).count();
                if part.name != "header" && part.name != "footer" && part.name != "index" {
                    assert!(
                        parts.iter().filter(same).count() + 2 >= others,
                        "{case}: the other parts are shown: {damaged:?}"
                    );
                }
            }
        }
    }
    for wanted in [FileType::Log, FileType::Sst, FileType::Manifest, FileType::Values] {
        assert!(types.contains(&wanted), "{types:?}");
    }
}

#[test]
fn a_file_of_any_length_is_dumped_up_to_its_end() {
    for is_encrypted in [false, true] {
        expect_ends(files(is_encrypted));
    }
}

fn expect_ends(files: Vec<(PathBuf, Vec<u8>)>) {
    let keys = keys_of(&files);
    let dumped = |path: &Path, bytes: &[u8]| dumped(path, bytes, keys.as_deref());
    for (path, bytes) in files.into_iter().filter(|(path, _)| is_dumped(path)) {
        let (sound, _) = dumped(&path, &bytes).unwrap();
        for length in (0..bytes.len()).step_by(7) {
            let case = format!("{length} bytes of {}", path.display());
            match dumped(&path, &bytes[..length]) {
                Err(error) => assert!(length < 64, "{case}: {error}"),
                Ok((found, _)) => {
                    assert!(found.sound_end <= length as u64, "{case}: {found:?}");
                    let is_short = (length as u64) < sound.sound_end;
                    assert!(!is_short || found.sound_end < sound.sound_end, "{case}: {found:?}");
                }
            }
        }
    }
}

#[test]
fn keys_are_typed_beside_their_database_and_bytes_elsewhere() {
    for is_encrypted in [false, true] {
        expect_typed_keys(is_encrypted);
    }
}

fn expect_typed_keys(is_encrypted: bool) {
    let env = MemoryEnv::new();
    for (path, bytes) in files(is_encrypted) {
        env.write_file(path, &bytes).unwrap();
    }
    let options = options(&env, is_encrypted);
    let mut text = String::new();
    for path in env.files().into_iter().filter(|path| is_dumped(path)) {
        walnut::dump(path, &options, |part| text.extend([part.to_string(), "\n".to_owned()])).unwrap();
    }
    for part in [
        "put notes 7 ",
        "put notes.by_kind (\"kind 1\", 7, 7) ",
        "pointer notes 41 ",
        "value notes 41 ",
        "range tombstone old 0x61 before old 0x63",
        "keyspace notes.by_kind: 4",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("xxxxx"), "values are not shown");
}

#[test]
fn of_an_encrypted_file_without_its_key_only_the_header_is_shown() {
    let files = files(true);
    for (path, bytes) in files.into_iter().filter(|(path, _)| is_dumped(path)) {
        let (found, parts) = dumped(&path, &bytes, None).unwrap();
        let names: Vec<_> = parts.iter().map(|part| part.name).collect();
        assert_eq!((names, found.sound_end), (vec!["header", "rest"], 0));
        assert_eq!(found.fault_count, 0, "a key that is missing is no damage");
        assert!(parts[0].text.contains(", encrypted under data key 1 with salt "), "{}", parts[0]);
        assert_eq!(parts.iter().map(|part| part.size).sum::<u64>(), bytes.len() as u64);
    }
}
