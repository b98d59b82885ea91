//! AES-256-GCM for one generation of a file.
//!
//! ```text
//!  file key         HKDF-SHA256(data key, salt of the file, "walnut/1 file" | magic of the kind | database id | number u64)
//!  nonce            offset u64 | part u8 | zero 3
//!  additional data  magic of the kind | database id | number u64 | part u8 | offset u64 | length u64
//! ```
//!
//! Numbers are little-endian. `tests::golden` pins the bytes.

use std::fmt;

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce, Tag};
use hkdf::Hkdf;
use sha2::Sha256;

#[cfg(test)]
use super::Ledger;
use super::sealer::{SealedPart, TAG_SIZE};
use super::secret::{Secret, is_equal, with_clean_stack};
use crate::base::FileNumber;
use crate::codec::{FileKind, Writer};
use crate::error::Fault;
#[cfg(test)]
use crate::sync::Arc;
use crate::sync::{AtomicU64, Ordering};

const NONCE_SIZE: usize = 12;

/// Magic, database id and number.
const IDENTITY_SIZE: usize = 8 + 16 + 8;

/// Identity, part, offset and length.
const ADDITIONAL_SIZE: usize = IDENTITY_SIZE + 1 + 8 + 8;

/// Bits of a place that name the part.
const PART_BITS: u32 = 3;

/// A secret that follows from another one; `info` says what it is for.
pub(super) fn derive(secret: &Secret, salt: &[u8], info: &[&[u8]]) -> Secret {
    with_clean_stack(|| {
        Secret::filled(|bytes| {
            let hkdf = Hkdf::<Sha256>::new(Some(salt), secret.bytes());
            hkdf.expand_multi_info(info, bytes).expect("32 bytes are one block of the hash");
        })
    })
}

/// A cipher under a key; the caller never uses a nonce twice.
pub(super) fn aead(key: &Secret) -> Box<Aes256Gcm> {
    with_clean_stack(|| Box::new(Aes256Gcm::new(key.bytes().into())))
}

pub(super) struct FileCipher {
    aead: Box<Aes256Gcm>,
    identity: [u8; IDENTITY_SIZE],
    /// The place after that of the last seal.
    next_place: AtomicU64,
    #[cfg(test)]
    ledger: Option<(Arc<Ledger>, [u8; 32])>,
}

impl FileCipher {
    /// The cipher of the generation of a file that has this salt.
    pub(super) fn new(
        data_key: &Secret,
        salt: &[u8],
        kind: FileKind,
        database: &[u8; 16],
        number: FileNumber,
    ) -> Self {
        let mut identity = Vec::with_capacity(IDENTITY_SIZE);
        identity.extend_from_slice(kind.magic());
        identity.extend_from_slice(database);
        identity.put_u64(number.0);
        let key = derive(data_key, salt, &[b"walnut/1 file", &identity]);
        let mut fixed = [0; IDENTITY_SIZE];
        fixed.copy_from_slice(&identity);
        Self {
            aead: aead(&key),
            identity: fixed,
            next_place: AtomicU64::new(0),
            #[cfg(test)]
            ledger: None,
        }
    }

    /// Notes every seal in the ledger; `generation` tells that of the file from all others.
    #[cfg(test)]
    pub(super) fn note_in(mut self, ledger: Option<&Arc<Ledger>>, generation: [u8; 32]) -> Self {
        self.ledger = ledger.map(|ledger| (Arc::clone(ledger), generation));
        self
    }

    /// Encrypts a part at an offset of the file, in place, and returns its tag.
    ///
    /// # Panics
    ///
    /// When the place is not behind that of the last seal: nothing may be sealed twice.
    pub(super) fn seal(&self, part: SealedPart, offset: u64, bytes: &mut [u8]) -> [u8; TAG_SIZE] {
        let place = (offset << PART_BITS | part as u64) + 1;
        let before = self.next_place.fetch_max(place, Ordering::Relaxed);
        assert!(before < place, "a place in a generation of a file is sealed once, and places rise");
        let tag = self.encrypt(part, offset, bytes);
        #[cfg(test)]
        if let Some((ledger, generation)) = &self.ledger {
            ledger.note(*generation, nonce(part, offset).into(), bytes, &tag);
        }
        tag
    }

    /// Decrypts a part that was read from an offset, in place; after a fault the bytes are as they
    /// were.
    pub(super) fn open(
        &self,
        part: SealedPart,
        offset: u64,
        bytes: &mut [u8],
        tag: &[u8],
    ) -> Result<(), Fault> {
        let tag: &[u8; TAG_SIZE] = tag.try_into().map_err(|_| Fault::Truncated)?;
        let additional = self.additional(part, offset, bytes.len());
        self.aead
            .decrypt_inout_detached(&nonce(part, offset), &additional, bytes.into(), &Tag::from(*tag))
            .map_err(|_| Fault::Tag)
    }

    /// The tag that authenticates bytes which are not secret: the headers, or a text.
    pub(super) fn authenticate(&self, bytes: &[u8]) -> [u8; TAG_SIZE] {
        self.seal(SealedPart::Header, 0, &mut bytes.to_vec())
    }

    /// Checks the tag of [`authenticate`](Self::authenticate).
    pub(super) fn check(&self, bytes: &[u8], tag: &[u8]) -> Result<(), Fault> {
        let computed = self.encrypt(SealedPart::Header, 0, &mut bytes.to_vec());
        if is_equal(&computed, tag) { Ok(()) } else { Err(Fault::Tag) }
    }

    fn encrypt(&self, part: SealedPart, offset: u64, bytes: &mut [u8]) -> [u8; TAG_SIZE] {
        let additional = self.additional(part, offset, bytes.len());
        let sealed = self.aead.encrypt_inout_detached(&nonce(part, offset), &additional, bytes.into());
        // The limit of GCM, 64 GiB, is far above that of every container.
        sealed.expect("a part is far smaller than the limit of the cipher").into()
    }

    fn additional(&self, part: SealedPart, offset: u64, size: usize) -> [u8; ADDITIONAL_SIZE] {
        let mut bytes = [0; ADDITIONAL_SIZE];
        bytes[..IDENTITY_SIZE].copy_from_slice(&self.identity);
        bytes[IDENTITY_SIZE] = part as u8;
        bytes[IDENTITY_SIZE + 1..IDENTITY_SIZE + 9].copy_from_slice(&offset.to_le_bytes());
        bytes[IDENTITY_SIZE + 9..].copy_from_slice(&(size as u64).to_le_bytes());
        bytes
    }
}

fn nonce(part: SealedPart, offset: u64) -> Nonce<aes_gcm::aead::consts::U12> {
    let mut bytes = [0; NONCE_SIZE];
    bytes[..8].copy_from_slice(&offset.to_le_bytes());
    bytes[8] = part as u8;
    bytes.into()
}

impl fmt::Debug for FileCipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FileCipher(..)")
    }
}
