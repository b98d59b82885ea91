//! Encryption at rest: AES-256-GCM under every file, or the checksums of a database without it.
//!
//! ```text
//!  EncryptionKey ──HKDF──► key of KEYS ──opens──► data keys ──HKDF(salt of the file)──► file key ──► Sealer
//! ```
//!
//! - `sealer`: how a container seals and opens its blocks and records, by checksum or by cipher.
//!   It is the only part that containers know.
//! - `data_keys`: begins and opens files; holds the data keys of a database, or none.
//! - `cipher`: AES-256-GCM for one file, and the derivation of its key.
//! - `encryption_key`, `key_file`, `key_ring`: the user's key, the file `KEYS`, what was read of
//!   it.
//!
//! 1. Each generation of a file has a key of its own: its salt is random and drawn when the file is
//!    begun.
//! 2. A nonce is the place in the file. A place is sealed once in a generation: places only rise,
//!    which [`Sealer`] asserts, and a process seals in files alone that it has begun itself. So no
//!    crash, no copy of the directory and no retry seals two contents at one place of one
//!    generation.
//! 3. The additional data of a seal is the identity of the file, what is sealed, and its offset and
//!    length. So nothing opens in another place, file, generation or database.
//! 4. Secrets are on the heap in memory that is cleared on drop, and stack frames that held one are
//!    overwritten.
//!
//! docs/format/encryption.md draws the bytes.

#![cfg_attr(
    not(feature = "encryption"),
    allow(dead_code, unreachable_code, unused_variables, reason = "its types have no values then")
)]

mod data_keys;
mod sealer;

#[cfg(feature = "encryption")]
mod cipher;
#[cfg(feature = "encryption")]
mod encryption_key;
#[cfg(feature = "encryption")]
mod fuzz;
#[cfg(feature = "encryption")]
mod key_file;
#[cfg(feature = "encryption")]
mod key_ring;
#[cfg(feature = "encryption")]
mod secret;

#[cfg(not(feature = "encryption"))]
mod absent;
#[cfg(all(test, feature = "encryption"))]
mod ledger;
#[cfg(all(test, feature = "encryption"))]
mod tests;

pub(crate) use data_keys::{DataKeys, TextSeal};
pub(crate) use sealer::{CHECKSUM_SIZE, SealedPart, Sealer, TAG_SIZE};

#[cfg(not(feature = "encryption"))]
pub(crate) use absent::{Absent as EncryptionKey, Absent as KeyFile, Absent as KeyRing};
#[cfg(feature = "encryption")]
pub use encryption_key::{EncryptionKey, KeyProvider};
#[cfg(feature = "encryption")]
pub use fuzz::{keys as fuzz_keys, sealed as fuzz_sealed};
#[cfg(feature = "encryption")]
pub(crate) use key_file::KeyFile;
#[cfg(feature = "encryption")]
pub(crate) use key_ring::KeyRing;
#[cfg(all(test, feature = "encryption"))]
pub(crate) use ledger::Ledger;

#[cfg(not(feature = "encryption"))]
use absent::{Absent as FileCipher, overwrite_stack};
#[cfg(feature = "encryption")]
use cipher::FileCipher;
#[cfg(feature = "encryption")]
use secret::overwrite_stack;
