//! The data keys of an encrypted database in memory, and the user's key that they are stored under.

use std::fmt;

use super::FileCipher;
#[cfg(test)]
use super::Ledger;
use super::encryption_key::RootKey;
use super::sealer::SALT_SIZE;
use super::secret::Secret;
use crate::base::FileNumber;
use crate::codec::FileKind;
use crate::env::Env;
use crate::error::{Error, KeyFault, Result};
#[cfg(test)]
use crate::sync::Arc;
use crate::sync::Mutex;

/// The most data keys of a database.
pub(super) const MAX_KEYS: usize = 1024;

/// A data key, under which file keys are derived.
#[derive(Debug)]
pub(super) struct DataKey {
    pub(super) id: u32,
    /// Every file from this number on was begun under this key, or under a newer one.
    pub(super) since: FileNumber,
    pub(super) secret: Secret,
}

impl DataKey {
    pub(super) fn duplicate(&self) -> Self {
        Self { secret: self.secret.duplicate(), ..*self }
    }
}

/// The data keys, and the root of the key that encrypts them in `KEYS`.
pub(crate) struct KeyRing {
    pub(super) database: [u8; 16],
    keys: Mutex<RingState>,
    #[cfg(test)]
    ledger: Option<Arc<Ledger>>,
}

struct RingState {
    root: RootKey,
    /// By id, ascending; the last one is current.
    data_keys: Vec<DataKey>,
}

impl KeyRing {
    /// A ring with these keys, of which there is one at least.
    pub(super) fn new(database: [u8; 16], root: RootKey, data_keys: Vec<DataKey>) -> Self {
        Self {
            database,
            #[cfg(test)]
            ledger: root.ledger(),
            keys: Mutex::new(RingState { root, data_keys }),
        }
    }

    /// The database's id.
    pub(crate) fn database(&self) -> [u8; 16] {
        self.database
    }

    /// The id of the data key under which files are begun.
    pub(crate) fn current(&self) -> u32 {
        self.keys.lock().data_keys.last().map_or(0, |key| key.id)
    }

    pub(crate) fn count(&self) -> usize {
        self.keys.lock().data_keys.len()
    }

    /// The first number of a file that cannot be under an older data key; `None` when there is only
    /// one data key.
    pub(crate) fn rotating_since(&self) -> Option<FileNumber> {
        let keys = self.keys.lock();
        if keys.data_keys.len() < 2 { None } else { keys.data_keys.last().map(|key| key.since) }
    }

    /// The cipher of a generation of a file; `None` when there is no such data key.
    pub(super) fn cipher(
        &self,
        data_key: u32,
        salt: &[u8; SALT_SIZE],
        kind: FileKind,
        database: &[u8; 16],
        number: FileNumber,
    ) -> Option<FileCipher> {
        let keys = self.keys.lock();
        let found = keys.data_keys.iter().find(|key| key.id == data_key)?;
        let cipher = FileCipher::new(&found.secret, salt, kind, database, number);
        #[cfg(test)]
        let cipher = cipher.note_in(self.ledger.as_ref(), *salt);
        Some(cipher)
    }

    pub(super) fn with<R>(&self, read: impl FnOnce(&RootKey, &[DataKey]) -> R) -> R {
        let keys = self.keys.lock();
        read(&keys.root, &keys.data_keys)
    }

    /// A data key that comes after the current one, for files from `since` on.
    pub(super) fn next_key(&self, env: &dyn Env, since: FileNumber) -> DataKey {
        DataKey { id: self.current() + 1, since, secret: Secret::random(env) }
    }

    /// Makes a data key current that is durably in `KEYS`.
    pub(super) fn push(&self, key: DataKey) {
        self.keys.lock().data_keys.push(key);
    }

    /// Takes note that `KEYS` is stored under another root key.
    pub(super) fn set_root(&self, root: RootKey) {
        self.keys.lock().root = root;
    }

    /// Exchanges the keys with those of a newer key file; [`Error::WrongKey`] when it is another
    /// database's.
    pub(crate) fn exchange(&self, newer: &Self) -> Result<()> {
        if newer.database != self.database {
            return Err(Error::WrongKey(KeyFault::OtherDatabase));
        }
        std::mem::swap(&mut *self.keys.lock(), &mut *newer.keys.lock());
        Ok(())
    }

    /// Drops all data keys but the current one, under which all files are.
    pub(crate) fn retire(&self) {
        let mut keys = self.keys.lock();
        let old = keys.data_keys.len() - 1;
        keys.data_keys.drain(..old);
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyRing(..)")
    }
}
