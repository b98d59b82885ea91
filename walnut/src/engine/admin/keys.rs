//! The keys of a database: found before anything is touched, made with the database, changed while
//! it is open.
//!
//! ```text
//!   KEYS  key given
//!    no     no      not encrypted, if CURRENT says so
//!    yes    yes     the data keys, if the key opens them and CURRENT is of the same database
//!    no     yes     a new database, if there is none
//!    otherwise      Error::WrongKey
//! ```
//!
//! 1. The keys are found before the lock is taken, so a wrong key leaves the directory as it was;
//!    `KEYS` is read again under the lock, because another process may have changed it before.
//! 2. `KEYS` is durable before the first file that is encrypted under one of its data keys. A
//!    process that writes puts it in place anew when it opens the database: what it has read may be
//!    visible and yet not durable, after a sync that failed in a process before.
//! 3. This is the only place that makes the [`DataKeys`] of a database: whatever opens its files is
//!    handed them from here.
//! 4. A follower reads `KEYS` before anything else, each time: a file of what it reads afterwards
//!    may be under a data key that the writer has added. One that is added behind its back makes it
//!    begin again.

use std::path::Path;

use crate::crypt::{DataKeys, EncryptionKey, KeyFile};
#[cfg(not(feature = "encryption"))]
use crate::engine::Core;
use crate::engine::directory;
use crate::env::Env;
use crate::error::{Error, KeyFault, Result};
use crate::files::FileName;
use crate::manifest;

/// What is in a directory before it is opened.
#[derive(Clone, Debug)]
pub(in crate::engine) struct FoundKeys {
    data_keys: DataKeys,
    file: Option<KeyFile>,
}

impl FoundKeys {
    /// Looks for the keys of the database in `dir`; writes nothing.
    pub(in crate::engine) fn find(env: &dyn Env, dir: &Path, key: Option<&EncryptionKey>) -> Result<Self> {
        let file = KeyFile::read(env, &FileName::Keys.path(dir))?;
        let data_keys = match (&file, key) {
            (Some(_), None) => return Err(Error::WrongKey(KeyFault::Missing)),
            (Some(file), Some(key)) => file.unlock(key)?,
            (None, _) => DataKeys::none(),
        };
        check_current(env, dir, &data_keys, key)?;
        Ok(Self { data_keys, file })
    }

    /// The same later, under the lock of the directory or in another try to read it.
    pub(in crate::engine) fn find_again(
        self,
        env: &dyn Env,
        dir: &Path,
        key: Option<&EncryptionKey>,
    ) -> Result<Self> {
        let file = KeyFile::read(env, &FileName::Keys.path(dir))?;
        if file == self.file { Ok(self) } else { Self::find(env, dir, key) }
    }

    /// Reads `KEYS` again, if it has changed: all holders of the data keys have those of now
    /// afterwards. Returns whether it has.
    pub(in crate::engine) fn reload(
        &mut self,
        env: &dyn Env,
        dir: &Path,
        key: Option<&EncryptionKey>,
    ) -> Result<bool> {
        let (Some(ring), Some(key)) = (self.data_keys.ring(), key) else { return Ok(false) };
        let found = KeyFile::read(env, &FileName::Keys.path(dir))?;
        if found == self.file {
            return Ok(false);
        }
        let file = found.ok_or(Error::WrongKey(KeyFault::Unreadable("it is missing")))?;
        if let Some(newer) = file.unlock(key)?.ring() {
            ring.exchange(newer)?;
        }
        self.file = Some(file);
        Ok(true)
    }

    /// Whether the key file has changed between the two.
    pub(in crate::engine) fn differs_from(&self, other: &Self) -> bool {
        self.file != other.file
    }

    /// The data keys that were found, or none.
    pub(in crate::engine) fn data_keys(&self) -> &DataKeys {
        &self.data_keys
    }
}

/// The data keys of a database that may be damaged. A key that is given for one that is not
/// encrypted is that of its repaired copy.
pub(in crate::engine) fn find_in_damaged(
    env: &dyn Env,
    dir: &Path,
    key: Option<&EncryptionKey>,
) -> Result<DataKeys> {
    match (KeyFile::read(env, &FileName::Keys.path(dir))?, key) {
        (Some(_), None) => Err(Error::WrongKey(KeyFault::Missing)),
        (Some(file), Some(key)) => file.unlock(key),
        // What cannot be read of `CURRENT` is damage.
        (None, _) => match manifest::identity(env, dir) {
            Ok(Some((_, true))) => Err(Error::WrongKey(KeyFault::Unreadable("it is missing"))),
            _ => Ok(DataKeys::none()),
        },
    }
}

/// Makes the id of a new database and its keys, which are durable when this returns. The key file
/// of a database whose making did not come to its end is used.
pub(in crate::engine) fn make(
    env: &dyn Env,
    dir: &Path,
    found: &DataKeys,
    key: Option<&EncryptionKey>,
) -> Result<([u8; 16], DataKeys)> {
    if let Some(ring) = found.ring() {
        renew(env, dir, found)?;
        return Ok((ring.database(), found.clone()));
    }
    let database = directory::new_id(env);
    let Some(key) = key else { return Ok((database, DataKeys::none())) };
    let (file, data_keys) = KeyFile::create(env, database, key)?;
    write(env, dir, &file)?;
    Ok((database, data_keys))
}

/// Makes the keys durable that were found, before anything is encrypted under them (rule 2).
pub(in crate::engine) fn renew(env: &dyn Env, dir: &Path, found: &DataKeys) -> Result<()> {
    found.ring().map_or(Ok(()), |ring| write(env, dir, &KeyFile::copy(env, ring).0))
}

/// Puts a key file in its place, durably.
pub(in crate::engine) fn write(env: &dyn Env, dir: &Path, file: &KeyFile) -> Result<()> {
    file.replace(env, dir, &FileName::KeysTemp.path(dir), &FileName::Keys.path(dir))
}

/// The key file and the data keys that a copy of a database is to have.
#[derive(Debug)]
pub(in crate::engine) struct CopiedKeys {
    data_keys: DataKeys,
    file: Option<KeyFile>,
}

impl CopiedKeys {
    /// Those of now: a data key that is dropped later stays in them.
    pub(in crate::engine) fn of(env: &dyn Env, keys: &DataKeys) -> Self {
        let (file, data_keys) = keys.ring().map(|ring| KeyFile::copy(env, ring)).unzip();
        Self { data_keys: data_keys.unwrap_or_default(), file }
    }

    /// Writes the key file, if there is one; returns the data keys.
    pub(in crate::engine) fn write(&self, env: &dyn Env, dir: &Path) -> Result<DataKeys> {
        if let Some(file) = &self.file {
            write(env, dir, file)?;
        }
        Ok(self.data_keys.clone())
    }
}

/// A build that opens no encrypted database has nothing to rotate.
#[cfg(not(feature = "encryption"))]
#[expect(clippy::unused_self, reason = "with encryption they rewrite files")]
impl Core {
    pub(in crate::engine) fn rotate_while(&self) -> bool {
        true
    }

    #[expect(clippy::unnecessary_wraps, reason = "with encryption files are written")]
    pub(in crate::engine) fn rotate_one(&self) -> Result<bool> {
        Ok(false)
    }

    pub(in crate::engine) fn rotation_left(&self, _: &manifest::Version) -> (usize, u64, usize) {
        (0, 0, 0)
    }
}

/// Compares the keys with what `CURRENT` says of the database, if there is one.
fn check_current(env: &dyn Env, dir: &Path, keys: &DataKeys, key: Option<&EncryptionKey>) -> Result<()> {
    // Without a key and a key file the opening reads `CURRENT` soon, and before it writes anything
    // but the lock file, where that is missing.
    if key.is_none() && !keys.is_encrypted() && env.kind(&FileName::Lock.path(dir))?.is_some() {
        return Ok(());
    }
    let Some((database, is_encrypted)) = manifest::identity(env, dir)? else { return Ok(()) };
    let fault = match (keys.database(), is_encrypted) {
        (Some(own), true) if own != database => KeyFault::OtherDatabase,
        (Some(_), true) => return Ok(()),
        (None, true) => KeyFault::Unreadable("it is missing"),
        (None, false) if key.is_none() => return Ok(()),
        (_, false) => KeyFault::NotEncrypted,
    };
    Err(Error::WrongKey(fault))
}
