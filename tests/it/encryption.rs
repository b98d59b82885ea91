//! An encrypted database as others see it: a thief of every byte that was ever written, and the operating system.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};
use walnut::env::MemoryEnv;
use walnut::{
    Background, Backup, Builder, Compression, Database, EncryptionKey, Error, KeyFault, Result, Table,
};
use walnut_tests::watched_env::{WatchedEnv, WatchedOperation};

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = "zqtablename")]
#[index(zqindexname = (zqfieldname, id))]
struct Patient {
    #[primary_key]
    id: u64,
    #[index(unique)]
    zqfieldname: String,
    zqtext: String,
    body: Vec<u8>,
}

/// What is searched for, in a name, a key or a value each.
const SENTINELS: [&str; 7] = [
    "zqtablename",
    "zqindexname",
    "zqfieldname",
    "zqtext",
    "zqindexedvalue",
    "zqstoredvalue",
    "zqrawkeyofakeyspace",
];

fn patient(id: u64) -> Patient {
    Patient {
        id,
        zqfieldname: format!("zqindexedvalue{id}"),
        zqtext: format!("zqstoredvalue{}", "zqstoredvalue".repeat(usize::try_from(id % 5).unwrap())),
        // Bytes that compression cannot make smaller.
        body: (0..200_u64).map(|n| (((id + 1) * (n + 7) * 0x9e37_79b9) >> 13).to_le_bytes()[0]).collect(),
    }
}

/// Every byte that was ever written to a file of a machine, whatever became of the file.
#[derive(Clone, Default)]
struct Recording {
    /// An image of each file that was created, in the order of creation.
    images: Arc<Mutex<Vec<Vec<u8>>>>,
    /// What of the images was searched and overwritten later.
    hits: Arc<Mutex<BTreeMap<String, u64>>>,
}

impl Recording {
    fn of(machine: MemoryEnv) -> (WatchedEnv, Self) {
        let recording = Self::default();
        let recorder = recording.clone();
        let env = WatchedEnv::plain(Arc::new(machine), move |operation| {
            if let WatchedOperation::Write(created, bytes, offset) = operation {
                recorder.note(created, bytes, usize::try_from(offset).unwrap());
            }
        });
        (env, recording)
    }

    fn note(&self, created: usize, bytes: &[u8], offset: usize) {
        let mut images = self.images.lock().unwrap();
        if images.len() <= created {
            images.resize(created + 1, Vec::new());
        }
        let image = &mut images[created];
        if image.len() < offset + bytes.len() {
            image.resize(offset + bytes.len(), 0);
        }
        image[offset..offset + bytes.len()].copy_from_slice(bytes);
        // A sentinel may be in two writes that are side by side.
        let around = &image[offset.saturating_sub(64)..image.len().min(offset + bytes.len() + 64)];
        for (name, needle) in needles() {
            let count = around.windows(needle.len()).filter(|window| *window == needle).count();
            if count > 0 {
                *self.hits.lock().unwrap().entry(name).or_default() += count as u64;
            }
        }
    }
}

/// Every sentinel as it is, in hexadecimal, reversed and in UTF-16.
fn needles() -> Vec<(String, Vec<u8>)> {
    let mut needles = Vec::new();
    for sentinel in SENTINELS {
        let hex = |upper: bool| -> Vec<u8> {
            let digits = sentinel
                .bytes()
                .map(|byte| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") });
            digits.collect::<String>().into_bytes()
        };
        needles.extend([
            (format!("{sentinel}, raw"), sentinel.as_bytes().to_vec()),
            (format!("{sentinel}, hex"), hex(false)),
            (format!("{sentinel}, HEX"), hex(true)),
            (format!("{sentinel}, reversed"), sentinel.bytes().rev().collect()),
            (format!("{sentinel}, UTF-16"), sentinel.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ]);
    }
    needles
}

/// All that a database does with rows: commits, flushes, merges, values of their own, a torn log, a rotation, a copy.
fn live(machine: &WatchedEnv, builder: &dyn Fn() -> Builder, is_encrypted: bool) {
    let open = || builder().env(Arc::new(machine.clone())).open("/db").unwrap();
    let db = open();
    let (patients, raw) = (db.table::<Patient>().unwrap(), db.keyspace("zqindexname").unwrap());
    for round in 0..3 {
        for id in 0..60 {
            patients.upsert(&Patient { zqtext: format!("zqstoredvalue{round}"), ..patient(id) }).unwrap();
            raw.put(format!("zqrawkeyofakeyspace{id}"), "zqstoredvalue").unwrap();
        }
        db.checkpoint().unwrap();
        patients.remove(round).unwrap();
    }
    db.compact().unwrap();
    patients.insert_many((100..140).map(patient).collect::<Vec<_>>()).unwrap();
    if is_encrypted {
        db.rotate_data_key().unwrap();
        while db.step().unwrap() {}
        db.change_key(&EncryptionKey::from_bytes([9; 32])).unwrap();
        db.backup_with("/copy", Backup::new().encryption(Some(EncryptionKey::from_bytes([3; 32])))).unwrap();
        db.change_key(&EncryptionKey::from_bytes([7; 32])).unwrap();
    }
    drop((patients, raw, db));
    let db = open();
    assert_eq!(db.table::<Patient>().unwrap().len().unwrap(), 99);
    db.close().unwrap();
}

fn builder(compression: Compression) -> Builder {
    Database::builder()
        .memtable_size(8 << 10)
        .block_size(1 << 10)
        .value_log_threshold(240)
        .compression(compression)
        .log_preallocation(4 << 10)
        .background(Background::Manual)
}

#[test]
fn nothing_of_what_is_stored_is_in_any_byte_that_was_ever_written() {
    for compression in [Compression::None, Compression::Lz4] {
        let (machine, plain) = Recording::of(MemoryEnv::with_seed(11));
        live(&machine, &|| builder(compression), false);
        let hits = plain.hits.lock().unwrap();
        assert!(hits.len() >= SENTINELS.len(), "the search finds what is there: {hits:?}");
        let (machine, vault) = Recording::of(MemoryEnv::with_seed(11));
        let encrypted = || builder(compression).encryption(EncryptionKey::from_bytes([7; 32]));
        live(&machine, &encrypted, true);
        assert_eq!(*vault.hits.lock().unwrap(), BTreeMap::new(), "{compression:?}");
        expect_noise(&vault.images.lock().unwrap());
    }
}

/// Each page of 4 KiB behind the headers has the entropy of random bytes, apart from the zeros between records and those that
/// are preallocated.
fn expect_noise(images: &[Vec<u8>]) {
    let mut page_count = 0;
    for image in images.iter().filter(|image| image.starts_with(b"walnut") && !image.starts_with(b"walnut d"))
    {
        for page in image[128.min(image.len())..].chunks(4096).filter(|page| page.len() == 4096) {
            let page = &page[..page.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)];
            if page.len() < 2048 {
                continue;
            }
            let mut counts = [0_u32; 256];
            for byte in page {
                counts[usize::from(*byte)] += 1;
            }
            let size = f64::from(u32::try_from(page.len()).unwrap());
            let entropy = counts.iter().filter(|count| **count > 0).map(|count| {
                let part = f64::from(*count) / size;
                -part * part.log2()
            });
            let entropy: f64 = entropy.sum();
            assert!(entropy > 7.2, "{entropy} bits in a byte, in a file of {:?}", &image[..8]);
            page_count += 1;
        }
    }
    assert!(page_count > 20, "{page_count} pages");
}

#[cfg(unix)]
#[test]
fn files_and_directories_are_the_owners_alone_and_nothing_planted_is_followed() {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("vault");
    let open = || Database::builder().encryption(EncryptionKey::from_bytes([7; 32])).open(&path);
    let db = open().unwrap();
    db.table::<Patient>().unwrap().insert_many((0..50).map(patient).collect::<Vec<_>>()).unwrap();
    db.checkpoint().unwrap();
    db.close().unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    let names: Vec<PathBuf> = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()).collect();
    for name in &names {
        assert_eq!(mode(name), 0o600, "{}", name.display());
    }
    for name in names.iter().filter(|name| !name.ends_with("LOCK") && !name.ends_with("RESERVE")) {
        let aside = dir.path().join("aside");
        // An opening that succeeded has begun some files anew.
        if fs::symlink_metadata(name).is_err() {
            continue;
        }
        fs::rename(name, &aside).unwrap();
        let before = fs::read(&aside).unwrap();
        let refused = |db: Result<Database>| match db {
            Err(_) => true,
            Ok(db) => db.table::<Patient>().and_then(|table| table.iter().collect_vec()).is_err(),
        };
        symlink(&aside, name).unwrap();
        assert!(refused(open()), "a link in the place of {}", name.display());
        fs::remove_file(name).unwrap();
        fs::create_dir(name).unwrap();
        assert!(refused(open()), "a directory in the place of {}", name.display());
        fs::remove_dir(name).unwrap();
        assert_eq!(fs::read(&aside).unwrap(), before);
        fs::rename(&aside, name).unwrap();
    }
}

#[test]
fn a_wrong_key_leaves_a_directory_of_the_system_byte_for_byte() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("vault");
    let open = |key: Option<u8>| match key {
        Some(byte) => Database::builder().encryption(EncryptionKey::from_bytes([byte; 32])).open(&path),
        None => Database::open(&path),
    };
    open(Some(1)).unwrap().close().unwrap();
    std::fs::remove_file(path.join("LOCK")).unwrap();
    let image = || {
        let entries = std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path());
        entries.map(|path| (path.clone(), std::fs::read(&path).unwrap())).collect::<BTreeMap<_, _>>()
    };
    let before = image();
    assert!(matches!(open(Some(2)), Err(Error::WrongKey(KeyFault::Wrong))));
    assert!(matches!(open(None), Err(Error::WrongKey(KeyFault::Missing))));
    assert_eq!(image(), before);
    open(Some(1)).unwrap();
}

#[test]
fn an_error_and_the_text_of_a_key_show_nothing_of_it() {
    let key = EncryptionKey::from_bytes(*b"zqsecretzqsecretzqsecretzqsecret");
    let own = format!("{key:?}");
    let text = format!("{own} {:?}", Database::builder().encryption(key));
    assert!(
        text.contains("EncryptionKey(..)") && !text.contains("zqsecret") && !text.contains("122, 113"),
        "{text}"
    );
}
