//! Files dumped part by part: every flipped byte of a part is found and named, and no length of a file is a surprise.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use walnut::env::MemoryEnv;
use walnut::report::{DumpedFile, DumpedPart, FileType};
use walnut::{Builder, Database, Result, Table};

#[derive(Table, serde::Serialize, serde::Deserialize, Clone, Debug)]
#[table(name = "notes")]
#[index(by_kind = (kind, id))]
struct Note {
    #[primary_key]
    id: u32,
    kind: String,
    text: String,
}

fn options(env: &MemoryEnv) -> Builder {
    Database::builder().env(Arc::new(env.clone())).block_size(256).log_preallocation(512)
}

/// The files of a small database: a log, a sorted file of several blocks and range tombstones, a value file, manifests.
fn files() -> Vec<(PathBuf, Vec<u8>)> {
    let env = MemoryEnv::with_seed(3);
    let db = options(&env).open("/db").unwrap();
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

/// A file by itself, dumped.
fn dumped(name: &Path, bytes: &[u8]) -> Result<(DumpedFile, Vec<DumpedPart>)> {
    let env = MemoryEnv::new();
    env.write_file(name, bytes).unwrap();
    let mut parts = Vec::new();
    let found = walnut::dump(name, &options(&env), |part| parts.push(part.clone()))?;
    Ok((found, parts))
}

fn is_dumped(path: &Path) -> bool {
    let name = path.file_name().unwrap().to_str().unwrap();
    name.starts_with("MANIFEST") || [".log", ".sst", ".vlog"].iter().any(|end| name.ends_with(end))
}

#[test]
fn every_flipped_byte_of_a_part_is_found_and_named() {
    let mut types = Vec::new();
    for (path, bytes) in files().into_iter().filter(|(path, _)| is_dumped(path)) {
        let (sound, parts) = dumped(&path, &bytes).unwrap();
        assert_eq!(sound.fault_count, 0, "{}: {parts:?}", path.display());
        types.push(sound.file_type);
        let checked = parts.iter().filter(|part| part.depth == 0 && part.checksum.is_some());
        for part in checked {
            for at in part.offset..part.offset + part.size {
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
    for (path, bytes) in files().into_iter().filter(|(path, _)| is_dumped(path)) {
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
    let env = MemoryEnv::new();
    for (path, bytes) in files() {
        env.write_file(path, &bytes).unwrap();
    }
    let mut text = String::new();
    for path in env.files().into_iter().filter(|path| is_dumped(path)) {
        walnut::dump(path, &options(&env), |part| text.extend([part.to_string(), "\n".to_owned()])).unwrap();
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
