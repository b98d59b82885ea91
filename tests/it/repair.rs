//! A damaged database is repaired into a new one: every row whose block is sound is copied, the rest is listed, the original
//! is never touched, and the result verifies.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use walnut::env::{Env, MemoryEnv};
use walnut::report::{LostOwner, RepairReport};
use walnut::{Builder, Database, EncryptionKey, Error, KeyFault, Table};
use walnut_tests::model_check::{for_each_seed, share_of_seeds};
use walnut_tests::random::Random;
use walnut_tests::session::Setup;

const SOURCE: &str = "/db";
const TARGET: &str = "/mended";

#[derive(Table, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
#[table(name = "notes")]
struct Note {
    #[primary_key]
    id: u64,
    #[index(unique)]
    text: String,
    #[index]
    tag: u8,
}

/// What a database holds.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
struct State {
    notes: BTreeMap<u64, Note>,
    sums: BTreeMap<Vec<u8>, i64>,
}

fn builder(setup: &Setup, env: &MemoryEnv) -> Builder {
    setup.builder().env(Arc::new(env.clone()))
}

/// A random life, which ends with a close or a kill, and whether it was a kill.
fn live(random: &mut Random, setup: &Setup, env: &MemoryEnv) -> (State, bool) {
    let db = builder(setup, env).open(Path::new(SOURCE)).unwrap();
    let (notes, sums) = (db.table::<Note>().unwrap(), db.keyspace("sums").unwrap());
    let mut state = State::default();
    for number in 0..60 + random.below(200) {
        match random.below(30) {
            0 => db.checkpoint().unwrap(),
            1 => db.compact().unwrap(),
            2 | 3 => drop(db.step().unwrap()),
            4..=6 => {
                let id = random.below(80);
                assert_eq!(notes.remove(id).unwrap(), state.notes.remove(&id));
            }
            7..=11 => {
                let key = vec![b'k', random.next().to_le_bytes()[0] % 9];
                sums.add(&key, 5).unwrap();
                *state.sums.entry(key).or_default() += 5;
            }
            12 => {
                sums.remove_range(&b"k\x02"[..]..&b"k\x05"[..]).unwrap();
                state.sums.retain(|key, _| !(2..5).contains(&key[1]));
            }
            _ => {
                let (id, size) = (random.below(80), *random.pick(&[1, 20, 60, 300]));
                let note = Note { id, text: format!("{number} {}", "x".repeat(size)), tag: 3 };
                notes.upsert(&note).unwrap();
                state.notes.insert(id, note);
            }
        }
    }
    let is_killed = random.one_in(3);
    if is_killed {
        std::mem::forget((db, notes, sums));
    } else {
        db.close().unwrap();
    }
    (state, is_killed)
}

/// A file, and the bytes that it has from now on; `None` when it is removed.
struct Damage {
    path: PathBuf,
    bytes: Option<Vec<u8>>,
    /// Whether it is a byte of an SST behind the header: at most one block is lost.
    is_small: bool,
}

fn damage(random: &mut Random, setup: &Setup, env: &MemoryEnv) -> Damage {
    let files: Vec<PathBuf> = env
        .files()
        .into_iter()
        .filter(|path| !path.ends_with("LOCK") && !path.ends_with("RESERVE"))
        .collect();
    let path = random.pick(&files).clone();
    let mut bytes = env.read_file(&path).unwrap();
    let is_sst = path.extension().is_some_and(|end| end == "sst");
    if bytes.is_empty() || random.one_in(12) {
        return Damage { path, bytes: None, is_small: false };
    }
    let at = random.place(bytes.len());
    let (mut is_small, header_size) = (false, if setup.is_encrypted { 128 } else { 64 });
    match random.below(4) {
        0 | 1 => {
            bytes[at] ^= 1 << random.below(8);
            is_small = is_sst && at >= header_size;
        }
        2 => bytes.truncate(at),
        _ => {
            let end = (at + 1 + random.place(600)).min(bytes.len());
            bytes[at..end].fill(random.next().to_le_bytes()[0]);
        }
    }
    Damage { path, bytes: Some(bytes), is_small }
}

fn files(env: &MemoryEnv) -> BTreeMap<PathBuf, Vec<u8>> {
    let source = env.files().into_iter().filter(|path| path.starts_with(SOURCE));
    source.map(|path| (path.clone(), env.read_file(&path).unwrap())).collect()
}

fn is_listed(report: &RepairReport, owner: &LostOwner, key: &[u8]) -> bool {
    report.lost.iter().any(|lost| {
        let is_within = *lost.from <= *key && lost.to.as_ref().is_none_or(|to| key < to.as_slice());
        (lost.owner == *owner && is_within) || lost.owner == LostOwner::Catalog
    })
}

fn repair(seed: u64) {
    let mut random = Random::new(seed, "repair");
    let mut setup = Setup::draw(seed);
    setup.memtable_size = *random.pick(&[1 << 10, 2 << 10, 1 << 20]);
    let env = MemoryEnv::with_seed(seed);
    let (state, is_killed) = live(&mut random, &setup, &env);
    let is_log = |path: &PathBuf| path.extension().is_some_and(|end| end == "log");
    let last_log = env.files().into_iter().rfind(is_log);
    let damage = damage(&mut random, &setup, &env);
    // The end of the log of a killed process may be torn, for all that can be known: so it is for a recovery.
    let may_be_torn = is_killed && last_log.as_ref() == Some(&damage.path);
    match &damage.bytes {
        Some(bytes) => env.write_file(&damage.path, bytes).unwrap(),
        None => env.remove(&damage.path).unwrap(),
    }
    let case = format!("{} {:?}", damage.path.display(), damage.bytes.as_ref().map(Vec::len));
    let before = files(&env);
    let repaired = walnut::repair(SOURCE, TARGET, &builder(&setup, &env));
    assert!(files(&env) == before, "{case}: the original was changed");
    if damage.path.ends_with("KEYS") {
        assert!(matches!(repaired, Err(Error::WrongKey(KeyFault::Unreadable(_)))), "{case}: {repaired:?}");
        return;
    }
    let report = repaired.unwrap_or_else(|error| panic!("{case}: {error}"));

    let db = builder(&setup, &env).open(Path::new(TARGET)).unwrap();
    let table = LostOwner::Table("notes".to_owned());
    let (mut lost, mut lost_size) = (0, 0);
    let notes = db.table::<Note>().unwrap();
    let found: BTreeMap<u64, Note> =
        notes.iter().collect_vec().unwrap().into_iter().map(|note| (note.id, note)).collect();
    for id in state.notes.keys().chain(found.keys()) {
        if state.notes.get(id) != found.get(id) {
            let is_known = may_be_torn || is_listed(&report, &table, &id.to_be_bytes());
            assert!(is_known, "{case}: note {id} differs and is not listed: {report:?}");
            lost += 1;
            lost_size += state.notes.get(id).map_or(0, |note| note.text.len() + 20);
        }
    }
    // With its entry in the catalog a table is lost, and all its rows.
    let has_table = report.tables == ["notes"];
    if damage.is_small && has_table {
        assert!(lost_size <= setup.block_size * 3 + 1000, "{case}: {lost} notes are lost: {report:?}");
    }
    let sums = db.keyspace("sums").unwrap();
    for (key, sum) in &state.sums {
        let is_known = may_be_torn || is_listed(&report, &LostOwner::Keyspace("sums".to_owned()), key);
        assert!(is_known || sums.get_sum(key).unwrap() == *sum, "{case}: {key:?} differs: {report:?}");
    }
    // Names and numbers of keyspaces go on where they were.
    db.keyspace("another").unwrap().put("key", "value").unwrap();
    notes.upsert(&Note { id: 1000, text: "new".into(), tag: 3 }).unwrap();
    if !notes.by().text.get("new").is_ok_and(|note| note.is_some_and(|note| note.id == 1000)) {
        // Rows that came back may share a unique value; then the index is off, and says so.
        assert!(!report.lost.is_empty(), "{case}");
    }
    db.verify().unwrap_or_else(|error| panic!("{case}: {error}: {report:?}"));
}

#[test]
fn a_damaged_database_is_repaired_row_by_row() {
    let seeds = share_of_seeds(60, 1);
    for_each_seed("a_damaged_database_is_repaired_row_by_row", seeds, repair);
}

#[test]
fn what_is_sound_is_copied_whole_and_the_target_has_to_be_empty() {
    for seed in 0..6 {
        let env = MemoryEnv::with_seed(seed);
        let setup = Setup::draw(seed);
        let (state, _) = live(&mut Random::new(seed, "sound"), &setup, &env);
        let options = builder(&setup, &env);
        let report = walnut::repair(SOURCE, TARGET, &options).unwrap();
        assert_eq!(report.lost, []);
        assert_eq!(report.tables, ["notes"]);
        let again = walnut::repair(SOURCE, TARGET, &options);
        assert!(matches!(again, Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::AlreadyExists));
        let db = options.open(Path::new(TARGET)).unwrap();
        let notes = db.table::<Note>().unwrap();
        assert_eq!(notes.iter().collect_vec().unwrap(), state.notes.into_values().collect::<Vec<_>>());
        db.verify().unwrap();
    }
    let nothing = tempfile::tempdir().unwrap();
    let refused =
        walnut::repair(nothing.path().join("none"), nothing.path().join("new"), &Database::builder());
    assert!(refused.is_err());
}

#[test]
fn an_encrypted_database_is_repaired_with_its_own_key_alone() {
    let env = MemoryEnv::with_seed(1);
    let setup = Setup { is_encrypted: true, ..Setup::draw(1) };
    let (state, _) = live(&mut Random::new(1, "encrypted"), &setup, &env);
    let without = Setup { is_encrypted: false, ..setup.clone() };
    let refused = |options: Builder| walnut::repair(SOURCE, TARGET, &options).unwrap_err();
    assert!(matches!(refused(builder(&without, &env)), Error::WrongKey(KeyFault::Missing)));
    let wrong = builder(&without, &env).encryption(EncryptionKey::from_bytes([9; 32]));
    assert!(matches!(refused(wrong), Error::WrongKey(KeyFault::Wrong)));
    assert!(env.files().iter().all(|path| !path.starts_with(TARGET)), "nothing was made");
    let options = builder(&setup, &env);
    assert_eq!(walnut::repair(SOURCE, TARGET, &options).unwrap().lost, []);
    let db = options.open(Path::new(TARGET)).unwrap();
    assert_eq!(db.table::<Note>().unwrap().len().unwrap(), state.notes.len() as u64);
    let (own, copy) = (env.read_file(Path::new("/db/KEYS")), env.read_file(Path::new("/mended/KEYS")));
    assert_ne!(own.unwrap(), copy.unwrap());
    // What is not encrypted is repaired into an encrypted copy, when a key is given.
    let env = MemoryEnv::with_seed(2);
    let (state, _) = live(&mut Random::new(2, "plain"), &without, &env);
    assert_eq!(walnut::repair(SOURCE, TARGET, &builder(&setup, &env)).unwrap().lost, []);
    let db = builder(&setup, &env).open(Path::new(TARGET)).unwrap();
    assert_eq!(db.table::<Note>().unwrap().len().unwrap(), state.notes.len() as u64);
}
