//! Change of the user's key, and rotation of the data key.
//!
//! ```text
//!   change_key        KEYS under another user's key; the data keys stay
//!   rotate_data_key   KEYS with one more data key ──► manifest and log begun anew under it
//!                     background: file after file rewritten in its place ──► KEYS with that key alone
//! ```
//!
//! 1. A data key is durably in `KEYS` before a file is begun under it, and stays there until no
//!    file is left that was begun under it. So a crash at any point leaves a database that opens.
//! 2. No number of a file is allocated while a data key is added: every file with a number from
//!    that of the data key on was begun under it. So which files are left follows from their
//!    numbers.
//! 3. A rotation that did not come to its end goes on after the next opening.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::base::{FileNumber, KeyRange};
use crate::compaction::{self, ValueGc};
use crate::crypt::{EncryptionKey, KeyFile, KeyRing};
use crate::engine::admin::keys;
use crate::engine::{Core, directory};
use crate::error::{Error, KeyFault, Result};
use crate::manifest::Version;

/// The state of a database at one moment: see
/// [`Database::state_digest`](crate::Database::state_digest).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StateDigest {
    /// How many entries were ever written. It never falls, but for a roll-back.
    pub epoch: u64,
    /// SHA-256 of all keys and values.
    pub digest: [u8; 32],
}

impl Core {
    fn ring(&self) -> Result<&Arc<KeyRing>> {
        self.sst_store.dir.keys.ring().ok_or(Error::WrongKey(KeyFault::NotEncrypted))
    }

    /// Encrypts the data keys under another user's key. After an error the old key or the new one
    /// opens the database.
    ///
    /// Cost: one small file written and synced, whatever the size of the database.
    pub(crate) fn change_key(&self, key: &EncryptionKey) -> Result<()> {
        self.health.ensure_writable()?;
        let ring = self.ring()?;
        let _turn = self.changing_keys.lock();
        let (file, done) = KeyFile::under(&*self.env, ring, key)?;
        keys::write(&*self.env, &self.dir, &file)?;
        done(ring);
        Ok(())
    }

    /// Adds a data key, and begins manifest and log anew under it. After an error it may be current
    /// or not; what is left to do is done in the background.
    pub(crate) fn rotate_data_key(&self) -> Result<()> {
        self.health.ensure_writable()?;
        let ring = self.ring()?;
        {
            let _turn = self.changing_keys.lock();
            // Rule 2: no number is allocated meanwhile.
            self.versions.renew_after(|next_file| {
                let (file, done) = KeyFile::with_next_key(&*self.env, ring, next_file)?;
                keys::write(&*self.env, &self.dir, &file)?;
                done(ring);
                Ok(())
            })?;
        }
        let renewed = self.renew_log();
        self.workers.compactor.wake();
        renewed
    }

    /// Goes on in a new segment, and flushes what is in the older ones, which are removed.
    fn renew_log(&self) -> Result<()> {
        self.with_reserve(|| self.freeze_if(|_| true))?;
        while self.flush_one()? {}
        self.commits.log.drop_recycled();
        self.remove_old_log(&[])
    }

    /// Rewrites what is left under older data keys; returns whether that succeeded.
    pub(in crate::engine) fn rotate_while(&self) -> bool {
        loop {
            match self.rotate_one() {
                Ok(true) => {}
                Ok(false) => return true,
                Err(error) => {
                    crate::engine::trace::failed("rotation of the data key", &error);
                    return false;
                }
            }
        }
    }

    /// Rewrites one file that is under an older data key, or drops the older data keys when there
    /// is none; returns whether there was anything to do.
    pub(in crate::engine) fn rotate_one(&self) -> Result<bool> {
        let Some(ring) = self.sst_store.dir.keys.ring() else { return Ok(false) };
        let Some(since) = ring.rotating_since() else { return Ok(false) };
        let done = {
            let _turn = self.compacting.lock();
            if self.health.ensure_open().is_err() {
                return Ok(false);
            }
            let version = self.versions.version();
            match older_file(&version, since) {
                Some(rewrite) => {
                    let done = self.versions.ready_manifest().and_then(|()| self.run_reclaim(&rewrite));
                    return self.settle(done.map(|()| true));
                }
                None => self.retire_keys(ring),
            }
        };
        self.settle(done)
    }

    /// Drops the older data keys, of which no file is left in the version; returns whether it
    /// could: a reader may keep an older file that it has not opened yet.
    fn retire_keys(&self, ring: &Arc<KeyRing>) -> Result<bool> {
        let _turn = self.changing_keys.lock();
        if self.versions.has_obsolete_files() {
            return Ok(false);
        }
        self.renew_log()?;
        self.versions.renew_before(|| {
            directory::clear_quarantine(&*self.env, &self.dir)?;
            self.env.sync_dir(&self.dir)?;
            keys::write(&*self.env, &self.dir, &KeyFile::without_old_keys(&*self.env, ring))?;
            ring.retire();
            Ok(true)
        })
    }

    /// The number and the length of files that are under an older data key, and the number of data
    /// keys.
    pub(in crate::engine) fn rotation_left(&self, version: &Version) -> (usize, u64, usize) {
        let Some(ring) = self.sst_store.dir.keys.ring() else { return (0, 0, 0) };
        let Some(since) = ring.rotating_since() else { return (0, 0, 1) };
        let ssts = version.files().map(|(_, meta)| (meta.number, meta.size));
        let values = version.value_files().map(|file| (file.meta.number, file.meta.size));
        let older = ssts.chain(values).filter(|(number, _)| *number < since);
        let (count, size) = older.fold((0, 0), |(count, sum), (_, size)| (count + 1, sum + size));
        (count, size, ring.count())
    }

    /// The state that readers see.
    pub(crate) fn state_digest(self: &Arc<Self>) -> Result<StateDigest> {
        let pin = self.pin_visible();
        let mut scan = self.scan_at(KeyRange::all(), &pin)?;
        let mut hash = Sha256::new();
        while let Some(found) = scan.next()? {
            let value = found.value.load()?;
            for part in [found.key, &value] {
                hash.update((part.len() as u64).to_le_bytes());
                hash.update(part);
            }
        }
        Ok(StateDigest { epoch: pin.at().0, digest: hash.finalize().into() })
    }
}

/// The first SST that is under an older data key, or points into a value file that is, and these
/// value files.
fn older_file(version: &Version, since: FileNumber) -> Option<ValueGc> {
    let is_older = |number: FileNumber| number < since;
    let (level, meta) = version
        .files()
        .find(|(_, meta)| is_older(meta.number) || meta.values.iter().any(|share| is_older(share.file)))?;
    let candidates = meta.values.iter().map(|share| share.file).filter(|file| is_older(*file));
    Some(compaction::ValueGc { ssts: vec![(level, Arc::clone(meta))], candidates: candidates.collect() })
}
