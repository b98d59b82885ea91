//! A vault: a passphrase, a look at its files as an attacker, a change of the passphrase, and a rotation of the data key
//! with its progress. `vault DIRECTORY` makes it in a directory that is empty or missing.
#![expect(clippy::print_stdout, reason = "a program shows what it finds")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde::{Deserialize, Serialize};
use walnut::{Background, Database, EncryptionKey, Error, Result, Table};

#[derive(Table, Serialize, Deserialize)]
#[table(name = "secrets")]
struct Secret {
    #[primary_key]
    id: u64,
    #[index(unique)]
    site: String,
    password: String,
}

fn main() -> ExitCode {
    let dir = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("vault.walnut"), PathBuf::from);
    match run(&dir) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn open(dir: &Path, passphrase: &str) -> Result<Database> {
    let key = EncryptionKey::from_passphrase(passphrase)?;
    // With `Manual` this program runs the work in the background itself, to show its progress.
    Database::builder().encryption(key).background(Background::Manual).open(dir)
}

fn run(dir: &Path) -> Result<()> {
    let db = open(dir, "correct horse")?;
    let secrets = db.table::<Secret>()?;
    for id in 0..1000 {
        let (site, password) = (format!("site-{id}.example"), format!("hunter{id}"));
        secrets.upsert(&Secret { id, site, password })?;
    }
    db.checkpoint()?;
    db.close()?;
    look(dir);

    match open(dir, "battery staple") {
        Err(Error::WrongKey(fault)) => println!("with another passphrase: {fault}"),
        other => drop(other?),
    }
    let db = open(dir, "correct horse")?;
    db.change_key(&EncryptionKey::from_passphrase("battery staple")?)?;
    db.close()?;
    let db = open(dir, "battery staple")?;
    println!("the passphrase is changed; {} secrets are there", db.table::<Secret>()?.len()?);

    db.rotate_data_key()?;
    while db.stats().data_key_count > 1 {
        println!("under the old data key: {} bytes", db.stats().rotating_size);
        db.step()?;
    }
    println!("under the old data key: nothing");
    let digest = db.state_digest()?;
    println!("to be kept elsewhere against roll-backs: epoch {}", digest.epoch);
    db.close()
}

/// What an attacker with the directory reads in it.
fn look(dir: &Path) {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.path()).collect();
    files.sort();
    for file in files {
        let bytes = fs::read(&file).unwrap_or_default();
        let found = ["secrets", "site-", "hunter"]
            .iter()
            .filter(|word| bytes.windows(word.len()).any(|window| window == word.as_bytes()));
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        println!("{name:>16}  {:>7} bytes, words of ours in it: {}", bytes.len(), found.count());
    }
}
