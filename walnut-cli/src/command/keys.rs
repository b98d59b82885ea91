//! `encrypt`, `decrypt`, `key create`, `key change`, `key rotate`.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use walnut::Backup;
use zeroize::Zeroizing;

use crate::args::{Encrypt, NewKey};
use crate::failure::{Failure, Outcome};
use crate::key;
use crate::progress;
use crate::session::Session;

/// How often the progress of a rotation is looked at.
const LOOKED_EACH: Duration = Duration::from_millis(100);

/// Copies the database, encrypted.
pub(super) fn encrypt(session: &Session, args: &Encrypt) -> Outcome {
    let key = key::new(args.new.new_key_file.as_deref())?;
    copy(session, &args.copy.target, Backup::new().encryption(Some(key)), "the encrypted copy")
}

/// Copies the database without encryption.
pub(super) fn decrypt(session: &Session, target: &Path) -> Outcome {
    copy(session, target, Backup::new().encryption(None), "the copy, which is not encrypted,")
}

fn copy(session: &Session, target: &Path, backup: Backup, what: &str) -> Outcome {
    let database = session.database()?;
    let bar = progress::bar(None, "copying");
    database.backup_with(target, backup)?;
    bar.finish_and_clear();
    Ok(writeln!(io::stderr(), "{what} is in {}", target.display())?)
}

pub(super) fn create(path: &Path) -> Outcome {
    let mut key = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *key).map_err(|error| Failure::Open(format!("there is no random key: {error}")))?;
    let mut text = Zeroizing::new(String::with_capacity(65));
    for byte in *key {
        // Writing to a text does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text.push('\n');
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(path).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.map_err(|error| Failure::file(path, &error))?;
    let note = "keep a copy of it elsewhere: without it the database cannot be read";
    Ok(writeln!(io::stderr(), "the key is in {}; {note}", path.display())?)
}

/// Has another key open the database.
pub(super) fn change(session: &Session, new: &NewKey) -> Outcome {
    let database = session.database()?;
    let key = key::new(new.new_key_file.as_deref())?;
    database.change_key(&key)?;
    Ok(writeln!(io::stderr(), "{} is opened by the new key only", session.dir().display())?)
}

/// Replaces the data key, and waits until all data is under it.
pub(super) fn rotate(session: &Session) -> Outcome {
    let database = session.database()?;
    progress::watch_interrupts();
    database.rotate_data_key()?;
    let whole = database.stats().rotating_size;
    let bar = progress::bar(Some(whole), "rotating");
    loop {
        let stats = database.stats();
        if stats.data_key_count <= 1 {
            break;
        }
        bar.set_position(whole.saturating_sub(stats.rotating_size));
        if progress::wait(LOOKED_EACH) {
            return Err(Failure::Open(format!(
                "stopped by an interrupt; {} bytes are under the old data key, and the next opening goes on",
                stats.rotating_size
            )));
        }
    }
    bar.finish_and_clear();
    Ok(writeln!(io::stderr(), "all data is under the new data key")?)
}
