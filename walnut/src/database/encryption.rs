//! Encryption at rest: what an open database can do with its keys.

use std::path::Path;

use super::Database;
use crate::crypt::EncryptionKey;
use crate::engine::StateDigest;
use crate::error::Result;
use crate::options::Backup;

impl Database {
    /// Encrypts the data keys of the database under another key, which alone opens it from now on.
    /// Data is not rewritten: a copy of the key file `KEYS` that was made before is still opened by
    /// the old key, and holds the same data keys. After a leak see
    /// [`rotate_data_key`](Self::rotate_data_key).
    ///
    /// [`Error::WrongKey`](crate::Error::WrongKey) when the database is not encrypted. After any
    /// other error either the old key or the new one opens it, and never neither.
    ///
    /// Cost: one small file written and synced, whatever the size of the database; with a
    /// passphrase what that costs.
    ///
    /// ```
    /// # use walnut::{Database, EncryptionKey};
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let path = dir.path().join("app.walnut");
    /// let db = Database::builder().encryption(EncryptionKey::from_bytes([1; 32])).open(&path)?;
    /// db.change_key(&EncryptionKey::from_bytes([2; 32]))?;
    /// db.close()?;
    /// Database::builder().encryption(EncryptionKey::from_bytes([2; 32])).open(&path)?;
    /// # Ok::<(), walnut::Error>(())
    /// ```
    pub fn change_key(&self, key: &EncryptionKey) -> Result<()> {
        self.store.engine()?.change_key(key)
    }

    /// Begins to encrypt under a new data key: new files are under it at once, the others are
    /// rewritten by the work in the background, also after the next opening. The old data key is
    /// dropped when no file is under it any more; readers and writers go on meanwhile.
    /// [`Stats::rotating_size`](crate::Stats::rotating_size) tells what is left, and
    /// [`Stats::data_key_count`](crate::Stats::data_key_count) is 1 when it is done.
    ///
    /// [`Error::WrongKey`](crate::Error::WrongKey) when the database is not encrypted. An error
    /// does not stop a rotation that has begun.
    ///
    /// Cost: a flush and a new manifest before it returns; all data is read and written once in the
    /// background, at the pace of [`Builder::io_limit`](crate::Builder::io_limit).
    pub fn rotate_data_key(&self) -> Result<()> {
        self.store.engine()?.rotate_data_key()
    }

    /// Copies the database as [`backup`](Self::backup) does, under another key or under none: see
    /// [`Backup::encryption`].
    ///
    /// Cost: that of `backup`; under another key every block is read, checked and written anew, and
    /// the copy shares no key with the original.
    ///
    /// ```
    /// use walnut::{Backup, Database, EncryptionKey};
    ///
    /// let dir = tempfile::tempdir().unwrap();
    /// let db = Database::open(dir.path().join("plain.walnut"))?;
    /// let vault = dir.path().join("vault.walnut");
    /// db.backup_with(&vault, Backup::new().encryption(Some(EncryptionKey::from_bytes([7; 32]))))?;
    /// Database::builder().encryption(EncryptionKey::from_bytes([7; 32])).open(&vault)?;
    /// # Ok::<(), walnut::Error>(())
    /// ```
    pub fn backup_with(&self, dir: impl AsRef<Path>, backup: Backup) -> Result<()> {
        self.store.engine()?.backup(dir.as_ref(), &backup.into_key())
    }

    /// A number that only rises, and a hash of all that the database holds. Encryption finds every
    /// change of a file, but not a directory that was put back as a whole to an earlier moment, as
    /// from a backup: kept elsewhere and compared after the next opening, before anything is
    /// written, the digest shows that.
    ///
    /// Cost: reads everything once.
    pub fn state_digest(&self) -> Result<StateDigest> {
        self.store.engine()?.core().state_digest()
    }
}
