//! The data keys of a database, or none: begins new files and opens existing ones.
//!
//! ```text
//!  0             64                                                                     128
//!  | file header | data key u32 | zero 12 | salt 32 | tag 16 |   contents ..
//! ```
//!
//! The encryption header is valid if and only if (1) zero is zero, (2) the data key is one of the
//! database, and (3) the tag is that of all bytes before it under the file key that follows from
//! data key, salt, kind, database and number. A file of a database without encryption has no
//! encryption header; a file of the other form is refused.

use std::fmt;
use std::sync::Arc;

use super::KeyRing;
use super::sealer::{ENCRYPTION_HEADER_SIZE, SALT_SIZE, Sealer, TAG_SIZE, header_size};
use crate::base::FileNumber;
use crate::codec::{FileFormat, FileHeader, FileKind, Reader, Writer};
use crate::env::Env;
use crate::error::Fault;

const ZERO_SIZE: usize = 12;

const _: () = assert!(4 + ZERO_SIZE + SALT_SIZE + TAG_SIZE == ENCRYPTION_HEADER_SIZE);

/// A handle to the data keys of a database; none when it is not encrypted.
#[derive(Clone, Default)]
pub(crate) struct DataKeys(Option<Arc<KeyRing>>);

/// The seal of a text file: it authenticates the text, which is not secret.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TextSeal {
    pub(crate) data_key: u32,
    pub(crate) salt: [u8; SALT_SIZE],
    pub(crate) tag: [u8; TAG_SIZE],
}

impl DataKeys {
    /// The keys of a database that is not encrypted.
    pub(crate) fn none() -> Self {
        Self(None)
    }

    #[cfg(feature = "encryption")]
    pub(crate) fn of(ring: Arc<KeyRing>) -> Self {
        Self(Some(ring))
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        self.0.is_some()
    }

    pub(crate) fn ring(&self) -> Option<&Arc<KeyRing>> {
        self.0.as_ref()
    }

    pub(crate) fn database(&self) -> Option<[u8; 16]> {
        self.0.as_ref().map(|ring| ring.database())
    }

    /// Overwrites the part of the stack where this thread has sealed and opened files, so that no
    /// key is left there; nothing without encryption.
    pub(crate) fn clear_stack(&self) {
        if self.is_encrypted() {
            super::overwrite_stack();
        }
    }

    pub(crate) fn header_size(&self) -> usize {
        header_size(self.is_encrypted())
    }

    /// Begins a generation of a file: returns its headers, with a new salt, and its sealer.
    pub(crate) fn begin(&self, env: &dyn Env, header: FileHeader) -> (Vec<u8>, Sealer) {
        let Some(ring) = &self.0 else {
            return (header.encode().to_vec(), Sealer::checksummed(header.seed()));
        };
        let mut salt = [0; SALT_SIZE];
        env.fill_random(&mut salt);
        let data_key = ring.current();
        let cipher = ring.cipher(data_key, &salt, header.kind, &header.database, header.number);
        let cipher = cipher.expect("the current data key is one of the ring");
        let mut bytes = header.encode_as(FileFormat::Encrypted).to_vec();
        bytes.put_u32(data_key);
        bytes.extend_from_slice(&[0; ZERO_SIZE]);
        bytes.extend_from_slice(&salt);
        let tag = cipher.authenticate(&bytes);
        bytes.extend_from_slice(&tag);
        (bytes, Sealer::encrypted(header.seed_as(FileFormat::Encrypted), cipher))
    }

    /// Opens a file of this kind that begins with `bytes`. The caller compares the database id and
    /// the number of the header.
    pub(crate) fn open(&self, kind: FileKind, bytes: &[u8]) -> Result<(FileHeader, Sealer), Fault> {
        let Some(ring) = &self.0 else {
            let header = FileHeader::decode(kind, bytes)?;
            return Ok((header, Sealer::checksummed(header.seed())));
        };
        let header = FileHeader::decode_as(kind, FileFormat::Encrypted, bytes)?;
        let bytes = bytes.get(..self.header_size()).ok_or(Fault::Truncated)?;
        let (authenticated, tag) = bytes.split_at(bytes.len() - TAG_SIZE);
        let mut reader = Reader::new(&authenticated[FileHeader::LEN..]);
        let data_key = reader.u32()?;
        if reader.bytes(ZERO_SIZE)? != [0; ZERO_SIZE] {
            return Err(Fault::Invalid("reserved field of the encryption header"));
        }
        let salt = reader.bytes(SALT_SIZE)?.try_into().map_err(|_| Fault::Truncated)?;
        let cipher = ring.cipher(data_key, salt, kind, &header.database, header.number);
        let cipher = cipher.ok_or(Fault::Invalid("data key of the encryption header"))?;
        cipher.check(authenticated, tag)?;
        Ok((header, Sealer::encrypted(header.seed_as(FileFormat::Encrypted), cipher)))
    }

    /// The id of the data key and the salt in the encryption header of a file that begins with
    /// `bytes`. No key has checked them.
    pub(crate) fn unchecked(bytes: &[u8]) -> Result<(u32, [u8; SALT_SIZE]), Fault> {
        let mut reader = Reader::new(bytes.get(FileHeader::LEN..).ok_or(Fault::Truncated)?);
        let data_key = reader.u32()?;
        reader.bytes(ZERO_SIZE)?;
        Ok((data_key, reader.bytes(SALT_SIZE)?.try_into().map_err(|_| Fault::Truncated)?))
    }

    /// Seals a text file of a database; `None` without encryption.
    pub(crate) fn seal_text(
        &self,
        env: &dyn Env,
        kind: FileKind,
        database: &[u8; 16],
        text: &str,
    ) -> Option<TextSeal> {
        let ring = self.0.as_ref()?;
        let mut salt = [0; SALT_SIZE];
        env.fill_random(&mut salt);
        let data_key = ring.current();
        let cipher = ring.cipher(data_key, &salt, kind, database, FileNumber::default())?;
        Some(TextSeal { data_key, salt, tag: cipher.authenticate(text.as_bytes()) })
    }

    /// Checks the seal of a text file. A database without encryption has no seal, and one with it
    /// has one.
    pub(crate) fn check_text(
        &self,
        kind: FileKind,
        database: &[u8; 16],
        text: &str,
        seal: Option<&TextSeal>,
    ) -> Result<(), Fault> {
        match (&self.0, seal) {
            (None, None) => Ok(()),
            (Some(ring), Some(seal)) => {
                let cipher = ring.cipher(seal.data_key, &seal.salt, kind, database, FileNumber::default());
                let cipher = cipher.ok_or(Fault::Invalid("data key of the text"))?;
                cipher.check(text.as_bytes(), &seal.tag)
            }
            _ => Err(Fault::Identity),
        }
    }
}

impl fmt::Debug for DataKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_encrypted() { "DataKeys(..)" } else { "DataKeys(none)" })
    }
}

#[cfg(all(test, feature = "encryption"))]
impl DataKeys {
    /// The root key, the data keys and the file keys of files with these headers, each byte masked
    /// so that a search of the memory does not find them here.
    pub(crate) fn masked_secrets(&self, mask: u8, files: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let ring = self.ring().expect("an encrypted database");
        let masked = |secret: &super::secret::Secret| -> Vec<u8> {
            secret.bytes().iter().map(|byte| byte ^ mask).collect()
        };
        let mut secrets = ring.with(|root, keys| {
            let keys = keys.iter().map(|key| masked(&key.secret));
            std::iter::once(masked(&root.secret)).chain(keys).collect::<Vec<_>>()
        });
        for file in files {
            let mut reader = Reader::new(&file[FileHeader::LEN..]);
            let (id, salt) = (reader.u32().expect("an id"), &file[80..112]);
            let identity = [&file[..8], &file[16..40]].concat();
            let key = ring.with(|_, keys| {
                let key = keys.iter().find(|key| key.id == id).expect("a data key");
                super::cipher::derive(&key.secret, salt, &[b"walnut/1 file", &identity])
            });
            secrets.push(masked(&key));
        }
        secrets
    }
}
