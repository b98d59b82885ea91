//! Golden bytes: a small database as each version wrote it opens for ever, and as the newest one writes it, it is written byte for byte.
//!
//! | directory | written |
//! |---|---|
//! | `v1` | without the shapes of rows and keys in the catalog |
//! | `v2` | with them |
//! | `v3` | with adds, which programs that wrote the others refuse by the format in `CURRENT` |
//! | `v4` | with a seal behind the last edit of a manifest that was closed in order |
//! | `v4-encrypted` | the same, encrypted; keys and salts follow from the seed |
//! | `v5`, `v5-encrypted` | with row counts, and records of tables in a form that programs which wrote the others refuse |
//!
//! A change of format comes with a new version and a new directory beside this one; the old one stays, and stays readable.
//! To write the files anew before a first release: `WALNUT_BLESS=1 cargo test -p walnut-tests --test it golden::`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use walnut::env::MemoryEnv;
use walnut::{Background, Builder, Compression, Database, EncryptionKey, Error, Key, Table};

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = "specimens")]
#[index(place = (shelf, drawer), unique)]
#[index(kind_weight = (kind, weight))]
struct Specimen {
    #[primary_key]
    id: u64,
    #[index(unique)]
    label: String,
    #[index(unique)]
    barcode: Option<String>,
    #[index]
    kind: Kind,
    weight: i32,
    shelf: u16,
    drawer: Option<u8>,
    notes: Vec<String>,
}

#[derive(Key, Serialize, Deserialize, Clone, Copy, Debug, PartialEq)]
enum Kind {
    Nut = 1,
    Drupe = 2,
}

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = "visits", primary_key = (guest, day))]
struct Visit {
    guest: String,
    day: i64,
    #[index]
    seconds: u32,
}

fn specimen(id: u64) -> Specimen {
    Specimen {
        id,
        label: format!("specimen {id}\0"),
        barcode: (!id.is_multiple_of(3)).then(|| format!("{:08}", id * 7919)),
        kind: if id.is_multiple_of(2) { Kind::Nut } else { Kind::Drupe },
        weight: i32::try_from(id).unwrap() * 10 - 50,
        shelf: u16::try_from(id % 4).unwrap(),
        drawer: (!id.is_multiple_of(5)).then(|| u8::try_from(id).unwrap()),
        notes: vec!["a drupe is no nut".to_owned(); usize::try_from(id % 4).unwrap()],
    }
}

fn visit(day: i64) -> Visit {
    Visit { guest: if day < 0 { "ann" } else { "böb" }.to_owned(), day, seconds: 60 }
}

fn builder(env: &MemoryEnv) -> Builder {
    let builder = Database::builder().block_size(512).compression(Compression::Lz4).log_preallocation(0);
    let builder = builder.value_log_threshold(70);
    builder.background(Background::Manual).checkpoint_on_close(false).env(Arc::new(env.clone()))
}

fn encrypted(env: &MemoryEnv) -> Builder {
    builder(env).encryption(EncryptionKey::from_bytes(walnut_tests::session::KEY))
}

/// A database with an SST in the last level and one in the first that has removals in it, value files of both, and commits that
/// are in the log alone. The removals are few among what was inserted, or the checkpoint would merge them.
fn made(builder: fn(&MemoryEnv) -> Builder) -> MemoryEnv {
    let env = MemoryEnv::with_seed(1);
    let db = builder(&env).open("/db").unwrap();
    let (specimens, visits) = (db.table::<Specimen>().unwrap(), db.table::<Visit>().unwrap());
    specimens.insert_many(&(0..24).map(specimen).collect::<Vec<_>>()).unwrap();
    visits.insert_many(&[visit(-1), visit(0), visit(7)]).unwrap();
    let tallies = db.keyspace("tallies").unwrap();
    tallies.add("nuts", 40).unwrap();
    tallies.put("drupes", 7i64.to_le_bytes()).unwrap();
    db.compact().unwrap();
    let held = db.snapshot();
    tallies.add("nuts", 3).unwrap();
    tallies.add("drupes", -2).unwrap();
    specimens.insert_many(&(31..61).map(specimen).collect::<Vec<_>>()).unwrap();
    specimens.remove_many([3, 4]).unwrap();
    specimens.modify(5, |row| row.weight = 0).unwrap();
    db.checkpoint().unwrap();
    drop(held);
    tallies.add("nuts", -1).unwrap();
    specimens.insert(&specimen(30)).unwrap();
    visits.remove(("ann", -1)).unwrap();
    db.close().unwrap();
    env
}

/// What is in it.
fn check(db: &Database) {
    let (specimens, visits) = (db.table::<Specimen>().unwrap(), db.table::<Visit>().unwrap());
    let mut expected: Vec<_> =
        (0..24).chain(30..61).filter(|id| !matches!(id, 3 | 4)).map(specimen).collect();
    expected.iter_mut().filter(|row| row.id == 5).for_each(|row| row.weight = 0);
    assert_eq!(specimens.iter().collect_vec().unwrap(), expected);
    assert_eq!(visits.iter().collect_vec().unwrap(), [visit(0), visit(7)]);
    assert_eq!([specimens.len().unwrap(), visits.len().unwrap()], [expected.len() as u64, 2]);
    let by = specimens.by();
    for row in &expected {
        assert_eq!(by.label.get(&row.label).unwrap().as_ref(), Some(row));
    }
    let count = expected.len() as u64;
    assert_eq!([by.barcode.iter().count().unwrap(), by.place.iter().count().unwrap()], [count, count]);
    let light = by.kind_weight.prefix(Kind::Drupe).range(..=0).keys();
    assert_eq!(light.map(Result::unwrap).collect::<Vec<_>>(), [1, 5]);
}

/// The version that is written, and its encrypted form.
const NEWEST: &str = "v5";
const NEWEST_ENCRYPTED: &str = "v5-encrypted";

fn golden(version: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(version)
}

/// A copy of the files of a version.
fn copied(version: &str) -> MemoryEnv {
    let env = MemoryEnv::new();
    for entry in fs::read_dir(golden(version)).unwrap() {
        let path = entry.unwrap().path();
        env.write_file(Path::new("/db").join(path.file_name().unwrap()), &fs::read(&path).unwrap()).unwrap();
    }
    env
}

fn files(env: &MemoryEnv) -> Vec<(String, Vec<u8>)> {
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    env.files().iter().map(|path| (name(path), env.read_file(path).unwrap())).collect()
}

#[test]
fn a_database_is_written_byte_for_byte_as_the_newest_version_wrote_it() {
    compare(NEWEST, &files(&made(builder)));
}

#[test]
fn an_encrypted_database_is_written_byte_for_byte_as_the_newest_version_wrote_it() {
    compare(NEWEST_ENCRYPTED, &files(&made(encrypted)));
}

#[test]
fn an_encrypted_database_of_every_version_opens_with_its_key() {
    for version in ["v4-encrypted", NEWEST_ENCRYPTED] {
        let env = copied(version);
        assert!(matches!(builder(&env).open("/db"), Err(Error::WrongKey(_))));
        let db = encrypted(&env).open("/db").unwrap();
        check(&db);
        db.verify().unwrap();
    }
}

/// Compares files with those of a version, byte for byte.
fn compare(version: &str, made: &[(String, Vec<u8>)]) {
    if std::env::var_os("WALNUT_BLESS").is_some() {
        fs::create_dir_all(golden(version)).unwrap();
        for old in fs::read_dir(golden(version)).unwrap() {
            fs::remove_file(old.unwrap().path()).unwrap();
        }
        for (name, bytes) in made {
            fs::write(golden(version).join(name), bytes).unwrap();
        }
    }
    let mut kept: Vec<_> = fs::read_dir(golden(version))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    kept.sort();
    assert_eq!(kept, made.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>());
    for (name, bytes) in made {
        let golden = fs::read(golden(version).join(name)).unwrap();
        let same = golden.iter().zip(bytes).take_while(|(one, other)| one == other).count();
        assert!(
            golden == *bytes,
            "{name} differs from byte {same} on, {} and {} bytes",
            golden.len(),
            bytes.len()
        );
    }
}

#[test]
fn a_database_of_every_version_opens() {
    for version in ["v1", "v2", "v3", "v4", "v5"] {
        let env = copied(version);
        let db = builder(&env).open("/db").unwrap();
        let row_count = || db.dynamic("specimens").unwrap().row_count().unwrap();
        assert_eq!(row_count(), (version == "v5").then_some(53), "{version}");
        check(&db);
        assert_eq!(row_count(), Some(53), "the first `len` has counted");
        let tallies = db.keyspace("tallies").unwrap();
        let sums = || ["nuts", "drupes"].map(|key| tallies.get_sum(key).unwrap());
        assert_eq!(sums(), if matches!(version, "v3" | "v4" | "v5") { [42, 5] } else { [0, 0] });
        db.checkpoint().unwrap();
        check(&db);
        tallies.add("nuts", 1).unwrap();
        assert_eq!(sums()[0], if matches!(version, "v3" | "v4" | "v5") { 43 } else { 1 });
        let current = env.read_file(Path::new("/db/CURRENT")).unwrap();
        assert!(current.starts_with(b"walnut database\nformat 2\n"), "programs without adds stay away");
        db.close().unwrap();
        check(&builder(&env).open("/db").unwrap());
    }
}

/// The same source text as [`Visit`] has, read otherwise.
mod changed {
    use super::{Deserialize, Serialize, Table};

    #[expect(non_camel_case_types, reason = "that is the fault")]
    type i64 = core::primitive::i32;

    #[derive(Table, Serialize, Deserialize)]
    #[table(name = "visits", primary_key = (guest, day))]
    pub(super) struct Visit {
        guest: String,
        day: i64,
        #[index]
        seconds: u32,
    }
}

#[test]
fn a_database_without_shapes_is_told_them_by_the_next_program_that_opens_it() {
    for (version, knows) in [("v1", false), ("v2", true), ("v3", true), ("v4", true), ("v5", true)] {
        let env = copied(version);
        let opened = builder(&env).open("/db").unwrap().table::<changed::Visit>().map(drop);
        assert_eq!(opened.is_err(), knows, "{version}: {opened:?}");
        let env = copied(version);
        check(&builder(&env).open("/db").unwrap());
        let told = builder(&env).open("/db").unwrap().table::<changed::Visit>().unwrap_err().to_string();
        assert!(told.contains("(guest: String, day: i64), stored as (String, i64)"), "{told}");
    }
}
