//! The nonce ledger of tests: every seal, and whether a nonce was used twice for other bytes.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use sha2::{Digest, Sha256};

use crate::sync::Mutex;

/// The seals under the keys that it was given to.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<Seals>);

#[derive(Debug, Default)]
struct Seals {
    /// By generation of a file and nonce: a hash of what was sealed.
    by_nonce: HashMap<([u8; 32], [u8; 12]), [u8; 32]>,
    count: u64,
    repeats: Vec<[u8; 12]>,
}

impl Ledger {
    pub(super) fn note(&self, generation: [u8; 32], nonce: [u8; 12], bytes: &[u8], tag: &[u8]) {
        let hash: [u8; 32] = Sha256::new().chain_update(bytes).chain_update(tag).finalize().into();
        let mut seals = self.0.lock();
        seals.count += 1;
        match seals.by_nonce.entry((generation, nonce)) {
            Entry::Vacant(vacant) => drop(vacant.insert(hash)),
            Entry::Occupied(known) if *known.get() == hash => {}
            Entry::Occupied(_) => seals.repeats.push(nonce),
        }
    }

    /// The number of seals, and the nonces that were used again for other bytes.
    pub(crate) fn read(&self) -> (u64, Vec<[u8; 12]>) {
        let seals = self.0.lock();
        (seals.count, seals.repeats.clone())
    }
}
