//! `KEYS`: the data keys of a database, encrypted under the user's key. Replaced by a rename.
//!
//! ```text
//!  0             64       65       68               76             80             112    144        176
//!  | file header | kind u8 | zero 3 | memory KiB u32 | passes u32   | lanes u32 .. | salt | passphrase salt 32 | check 32 |
//!  | wrapped size u32 | wrapped key | table size u32 | encrypted table | tag 16 | crc32 |
//!
//!  the table, before it is encrypted: for each data key  | id u32 | since u64 | key 32 |
//! ```
//!
//! The file header has kind `Keys`, number 0 and word 0. `kind` is 1 (32 bytes), 2 (a passphrase)
//! or 3 (a provider's key); what the kind does not use is zero, or empty. The file is valid if and
//! only if
//!
//! 1. `crc32` is the checksum of all bytes before it, and these are laid out so, to the last byte;
//! 2. the cost of a passphrase is possible (see `PassphraseCost`), which is checked before it is
//!    paid;
//! 3. `check` follows from the user's key and `salt`: a key that does not fit is refused by it, and
//!    not by the tag, because GCM does not commit to its key;
//! 4. the tag is that of the table, with everything before the table as additional data;
//! 5. the table has one data key to [`MAX_KEYS`], whose ids rise and are not zero.
//!
//! `salt` is new with each file, so the key of the table is used once, with a nonce of zero.

use std::path::Path;

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Nonce, Tag};
use zeroize::Zeroizing;

use super::DataKeys;
use super::cipher::{aead, derive};
use super::encryption_key::{
    Derivation, EncryptionKey, MAX_WRAPPED_SIZE, PASSPHRASE_SALT_SIZE, PassphraseCost, RootKey,
};
use super::key_ring::{DataKey, KeyRing, MAX_KEYS};
use super::sealer::TAG_SIZE;
use super::secret::{KEY_SIZE, Secret, is_equal};
use crate::base::FileNumber;
use crate::codec::{FileHeader, FileKind, Reader, Writer, crc32};
use crate::env::{Env, PathKind};
use crate::error::{Error, Fault, KeyFault, Result};
use crate::sync::Arc;

const KIND_BYTES: u8 = 1;
const KIND_PASSPHRASE: u8 = 2;
const KIND_PROVIDER: u8 = 3;

const SALT_SIZE: usize = 32;
const CHECK_SIZE: usize = 32;
const CRC_SIZE: usize = 4;
const ROW_SIZE: usize = 4 + 8 + KEY_SIZE;

/// The largest key file, in bytes.
const MAX_SIZE: u64 = (512 + MAX_WRAPPED_SIZE + MAX_KEYS * ROW_SIZE) as u64;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct KeyFile(Vec<u8>);

/// A key file that is laid out correctly, and not decrypted.
struct KeyLayout<'a> {
    database: [u8; 16],
    derivation: Derivation,
    salt: &'a [u8],
    check: &'a [u8],
    /// Everything before the table.
    head: &'a [u8],
    table: &'a [u8],
    tag: &'a [u8; TAG_SIZE],
}

impl KeyFile {
    /// Reads the file at a path; `None` when there is none.
    pub(crate) fn read(env: &dyn Env, path: &Path) -> Result<Option<Self>> {
        match env.kind(path)? {
            None => return Ok(None),
            Some(PathKind::File) => {}
            Some(_) => return Err(unreadable("it is not a file")),
        }
        let file = env.open(path)?;
        let size = file.size()?;
        if size > MAX_SIZE {
            return Err(unreadable("it is too large"));
        }
        let size = usize::try_from(size).map_err(|_| unreadable("it is too large"))?;
        file.read_vec_at(size, 0).map(|bytes| Some(Self(bytes)))
    }

    pub(crate) fn create(env: &dyn Env, database: [u8; 16], key: &EncryptionKey) -> Result<(Self, DataKeys)> {
        let root = key.new_root(env)?;
        let data_key = DataKey { id: 1, since: FileNumber::default(), secret: Secret::random(env) };
        let file = Self::encode(env, database, &root, &[&data_key]);
        Ok((file, DataKeys::of(Arc::new(KeyRing::new(database, root, vec![data_key])))))
    }

    /// The same keys for a copy of the database, which changes with the copy alone.
    pub(crate) fn copy(env: &dyn Env, ring: &KeyRing) -> (Self, DataKeys) {
        ring.with(|root, keys| {
            let file = Self::encode(env, ring.database, root, &keys.iter().collect::<Vec<_>>());
            let keys = keys.iter().map(DataKey::duplicate).collect();
            (file, DataKeys::of(Arc::new(KeyRing::new(ring.database, root.duplicate(), keys))))
        })
    }

    /// The same data keys under another user's key. Returns a change of the ring that the caller
    /// makes when the file is in place.
    pub(crate) fn under(
        env: &dyn Env,
        ring: &KeyRing,
        key: &EncryptionKey,
    ) -> Result<(Self, impl FnOnce(&KeyRing) + use<>)> {
        let root = key.new_root(env)?;
        let file =
            ring.with(|_, keys| Self::encode(env, ring.database, &root, &keys.iter().collect::<Vec<_>>()));
        Ok((file, move |ring: &KeyRing| ring.set_root(root)))
    }

    /// The same, and one more data key, for the files from a number on.
    pub(crate) fn with_next_key(
        env: &dyn Env,
        ring: &KeyRing,
        since: FileNumber,
    ) -> Result<(Self, impl FnOnce(&KeyRing) + use<>)> {
        let next = ring.next_key(env, since);
        let file = ring.with(|root, keys| {
            if keys.len() == MAX_KEYS {
                return Err(Error::Unsupported("more than 1024 data keys at a time"));
            }
            let keys: Vec<_> = keys.iter().chain([&next]).collect();
            Ok(Self::encode(env, ring.database, root, &keys))
        })?;
        Ok((file, move |ring: &KeyRing| ring.push(next)))
    }

    /// The same with the current data key alone.
    pub(crate) fn without_old_keys(env: &dyn Env, ring: &KeyRing) -> Self {
        ring.with(|root, keys| {
            let current = keys.last().expect("a ring has one data key at least");
            Self::encode(env, ring.database, root, &[current])
        })
    }

    /// Replaces the file at `path`, atomically and durably. After an error the old file or the new
    /// one is in effect.
    pub(crate) fn replace(&self, env: &dyn Env, dir: &Path, temp: &Path, path: &Path) -> Result<()> {
        if env.kind(temp)?.is_some() {
            env.remove(temp)?;
        }
        let file = env.create(temp)?;
        file.write_at(&self.0, 0)?;
        file.sync()?;
        env.change_names(dir, &mut || env.rename(temp, path))
    }

    /// The data keys. [`Error::WrongKey`] when the key does not open them.
    pub(crate) fn unlock(&self, key: &EncryptionKey) -> Result<DataKeys> {
        let layout = KeyLayout::of(&self.0).map_err(Error::WrongKey)?;
        let root = key.root(layout.derivation.clone())?;
        if !is_equal(check(&root, layout.salt, layout.database).bytes(), layout.check) {
            return Err(Error::WrongKey(KeyFault::Wrong));
        }
        let mut table = Zeroizing::new(layout.table.to_vec());
        let cipher = aead(&table_key(&root, layout.salt, layout.database));
        cipher
            .decrypt_inout_detached(
                &Nonce::default(),
                layout.head,
                table.as_mut_slice().into(),
                &Tag::from(*layout.tag),
            )
            .map_err(|_| unreadable("its tag does not match"))?;
        let keys = data_keys(&table).map_err(|_| unreadable("its table is impossible"))?;
        Ok(DataKeys::of(Arc::new(KeyRing::new(layout.database, root, keys))))
    }

    fn encode(env: &dyn Env, database: [u8; 16], root: &RootKey, keys: &[&DataKey]) -> Self {
        let mut salt = [0; SALT_SIZE];
        env.fill_random(&mut salt);
        let header = FileHeader {
            kind: FileKind::Keys,
            database,
            number: FileNumber::default(),
            salt: env.random(),
            word: 0,
        };
        let mut bytes = header.encode().to_vec();
        let (kind, cost, passphrase_salt, wrapped) = match &root.derivation {
            Derivation::Bytes => (KIND_BYTES, None, [0; PASSPHRASE_SALT_SIZE], &[][..]),
            Derivation::Passphrase { cost, salt } => (KIND_PASSPHRASE, Some(*cost), *salt, &[][..]),
            Derivation::Provider { wrapped } => {
                (KIND_PROVIDER, None, [0; PASSPHRASE_SALT_SIZE], &wrapped[..])
            }
        };
        let cost = cost.unwrap_or(PassphraseCost { memory_kib: 0, passes: 0, lanes: 0 });
        bytes.put_u8(kind);
        bytes.extend_from_slice(&[0; 3]);
        bytes.put_u32(cost.memory_kib);
        bytes.put_u32(cost.passes);
        bytes.put_u32(cost.lanes);
        bytes.extend_from_slice(&salt);
        bytes.extend_from_slice(&passphrase_salt);
        bytes.extend_from_slice(check(root, &salt, database).bytes());
        bytes.put_u32(u32::try_from(wrapped.len()).expect("it is limited to 8 KiB"));
        bytes.extend_from_slice(wrapped);
        bytes.put_u32(u32::try_from(keys.len() * ROW_SIZE).expect("there are 1024 keys at most"));
        // The plain table has one place in memory.
        let mut table = Zeroizing::new(Vec::with_capacity(keys.len() * ROW_SIZE));
        for key in keys {
            table.put_u32(key.id);
            table.put_u64(key.since.0);
            table.extend_from_slice(key.secret.bytes());
        }
        let cipher = aead(&table_key(root, &salt, database));
        let tag = cipher.encrypt_inout_detached(&Nonce::default(), &bytes, table.as_mut_slice().into());
        let tag: [u8; TAG_SIZE] = tag.expect("a table is far smaller than the limit of the cipher").into();
        bytes.extend_from_slice(&table);
        bytes.extend_from_slice(&tag);
        let crc = crc32(0, &bytes);
        bytes.put_u32(crc);
        Self(bytes)
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl<'a> KeyLayout<'a> {
    /// Checks rules 1 and 2.
    fn of(bytes: &'a [u8]) -> Result<Self, KeyFault> {
        let damaged = |_| KeyFault::Unreadable("it is damaged or cut short");
        let (covered, crc) =
            bytes.split_last_chunk::<CRC_SIZE>().ok_or(KeyFault::Unreadable("it is cut short"))?;
        if u32::from_le_bytes(*crc) != crc32(0, covered) {
            return Err(KeyFault::Unreadable("it is damaged or cut short"));
        }
        let header = FileHeader::decode(FileKind::Keys, covered).map_err(|fault| match fault {
            Fault::Format { .. } => KeyFault::Unreadable("a newer version has written it"),
            _ => KeyFault::Unreadable("its header is that of another file"),
        })?;
        if header.number != FileNumber::default() || header.word != 0 {
            return Err(KeyFault::Unreadable("its header is that of another file"));
        }
        Self::read(header.database, covered).map_err(damaged)?.checked()
    }

    fn read(database: [u8; 16], covered: &'a [u8]) -> Result<Self, Fault> {
        let invalid = Fault::Invalid("field of the key file");
        let mut reader = Reader::new(&covered[FileHeader::LEN..]);
        let kind = reader.u8()?;
        if reader.bytes(3)? != [0; 3] {
            return Err(invalid);
        }
        let cost = PassphraseCost { memory_kib: reader.u32()?, passes: reader.u32()?, lanes: reader.u32()? };
        let salt = reader.bytes(SALT_SIZE)?;
        let passphrase_salt: [u8; PASSPHRASE_SALT_SIZE] =
            reader.bytes(PASSPHRASE_SALT_SIZE)?.try_into().map_err(|_| Fault::Truncated)?;
        let check = reader.bytes(CHECK_SIZE)?;
        let wrapped_size = reader.u32()? as usize;
        let wrapped = reader.bytes(wrapped_size)?;
        let table_size = reader.u32()? as usize;
        let head = &covered[..covered.len() - reader.rest().len()];
        let table = reader.bytes(table_size)?;
        let tag = reader.rest().try_into().map_err(|_| Fault::Truncated)?;
        let is_free =
            cost == PassphraseCost { memory_kib: 0, passes: 0, lanes: 0 } && passphrase_salt == [0; 32];
        let derivation = match kind {
            KIND_BYTES if is_free && wrapped.is_empty() => Derivation::Bytes,
            KIND_PASSPHRASE if wrapped.is_empty() => Derivation::Passphrase { cost, salt: passphrase_salt },
            KIND_PROVIDER if is_free => Derivation::Provider { wrapped: wrapped.to_vec() },
            _ => return Err(invalid),
        };
        Ok(Self { database, derivation, salt, check, head, table, tag })
    }

    fn checked(self) -> Result<Self, KeyFault> {
        match &self.derivation {
            Derivation::Passphrase { cost, .. } if !cost.is_possible() => {
                Err(KeyFault::Unreadable("the cost of its passphrase is impossible"))
            }
            Derivation::Provider { wrapped } if wrapped.len() > MAX_WRAPPED_SIZE => {
                Err(KeyFault::Unreadable("its wrapped key is too large"))
            }
            _ => Ok(self),
        }
    }
}

/// Rule 5.
fn data_keys(table: &[u8]) -> Result<Vec<DataKey>, Fault> {
    let invalid = Fault::Invalid("table of the key file");
    let (rows, []) = table.as_chunks::<ROW_SIZE>() else { return Err(invalid) };
    if rows.is_empty() || rows.len() > MAX_KEYS {
        return Err(invalid);
    }
    let mut keys: Vec<DataKey> = Vec::with_capacity(rows.len());
    for row in rows {
        let mut reader = Reader::new(row);
        let (id, since) = (reader.u32()?, FileNumber(reader.u64()?));
        if id <= keys.last().map_or(0, |key| key.id) || since > FileNumber::MAX {
            return Err(invalid);
        }
        let key = reader.bytes(KEY_SIZE)?;
        keys.push(DataKey { id, since, secret: Secret::filled(|bytes| bytes.copy_from_slice(key)) });
    }
    Ok(keys)
}

fn table_key(root: &RootKey, salt: &[u8], database: [u8; 16]) -> Secret {
    derive(&root.secret, salt, &[b"walnut/1 keys", &database])
}

/// What tells the right key from a wrong one.
fn check(root: &RootKey, salt: &[u8], database: [u8; 16]) -> Secret {
    derive(&root.secret, salt, &[b"walnut/1 check", &database])
}

fn unreadable(how: &'static str) -> Error {
    Error::WrongKey(KeyFault::Unreadable(how))
}
