//! The user's key: 32 bytes, a passphrase, or a key that a provider wraps.

use std::fmt;

use zeroize::Zeroize;
#[cfg(feature = "passphrase")]
use zeroize::Zeroizing;

#[cfg(test)]
use super::Ledger;
#[cfg(feature = "passphrase")]
use super::secret::KEY_SIZE;
use super::secret::Secret;
use crate::env::Env;
use crate::error::{Error, KeyFault, Result};
#[cfg(test)]
use crate::sync::Arc;

pub(super) const PASSPHRASE_SALT_SIZE: usize = 32;

/// The largest wrapped key that a provider may return, in bytes.
pub(super) const MAX_WRAPPED_SIZE: usize = 8 << 10;

/// The most that a key file may ask a passphrase to cost: more is refused before it is paid.
const MAX_MEMORY_KIB: u32 = 1 << 20;
const MAX_PASSES: u32 = 64;
const MAX_LANES: u32 = 16;

/// The key of an encrypted database: see
/// [`Builder::encryption`](crate::Builder::encryption).
///
/// Its bytes, and everything that is derived from them, are cleared from memory when they are no
/// longer needed. It has no `Clone`, and its `Debug` shows nothing.
///
/// ```
/// use walnut::{Database, EncryptionKey, Error};
///
/// let dir = tempfile::tempdir().unwrap();
/// let path = dir.path().join("app.walnut");
/// let db = Database::builder().encryption(EncryptionKey::from_bytes([7; 32])).open(&path)?;
/// db.close()?;
/// let other = EncryptionKey::from_bytes([8; 32]);
/// assert!(matches!(Database::builder().encryption(other).open(&path), Err(Error::WrongKey(_))));
/// # Ok::<(), walnut::Error>(())
/// ```
pub struct EncryptionKey {
    source: KeySource,
    #[cfg(test)]
    ledger: Option<Arc<Ledger>>,
}

enum KeySource {
    Bytes(Secret),
    #[cfg(feature = "passphrase")]
    Passphrase(Zeroizing<Vec<u8>>),
    Provider(Box<dyn KeyProvider>),
}

/// Wraps and unwraps a key of 32 bytes: a keychain of the operating system, or a key management
/// service. See [`EncryptionKey::provided_by`].
///
/// ```
/// use walnut::{Database, EncryptionKey, Error, KeyProvider, Result};
///
/// /// For the example alone: a real provider encrypts.
/// struct Mask(u8);
///
/// impl KeyProvider for Mask {
///     fn wrap(&self, key: &[u8; 32]) -> Result<Vec<u8>> {
///         Ok(key.iter().map(|byte| byte ^ self.0).collect())
///     }
///
///     fn unwrap(&self, wrapped: &[u8]) -> Result<[u8; 32]> {
///         let mut key: [u8; 32] = wrapped.try_into().map_err(|_| Error::Unsupported("a key of this length"))?;
///         for byte in &mut key {
///             *byte ^= self.0;
///         }
///         Ok(key)
///     }
/// }
///
/// let db = Database::builder().encryption(EncryptionKey::provided_by(Mask(0x5a))).in_memory()?;
/// # Ok::<(), walnut::Error>(())
/// ```
pub trait KeyProvider: Send + Sync + 'static {
    /// Encrypts a key. The result, of at most 8 KiB, is stored in the key file `KEYS`; it is passed
    /// to [`unwrap`](Self::unwrap) when the database is opened.
    ///
    /// It is called when a database is made, and when its key is changed to this one.
    fn wrap(&self, key: &[u8; 32]) -> Result<Vec<u8>>;

    /// Decrypts what [`wrap`](Self::wrap) has returned. An error is that of the opening; a key that
    /// is not the wrapped one is found out, and is
    /// [`Error::WrongKey`](crate::Error::WrongKey).
    fn unwrap(&self, wrapped: &[u8]) -> Result<[u8; 32]>;
}

/// How the root key follows from the user's, as `KEYS` has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Derivation {
    Bytes,
    /// Argon2id.
    Passphrase {
        cost: PassphraseCost,
        salt: [u8; PASSPHRASE_SALT_SIZE],
    },
    Provider {
        wrapped: Vec<u8>,
    },
}

/// The cost of Argon2id.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct PassphraseCost {
    pub(super) memory_kib: u32,
    pub(super) passes: u32,
    pub(super) lanes: u32,
}

impl PassphraseCost {
    /// RFC 9106, section 4: the second recommended option, with one lane.
    #[cfg(feature = "passphrase")]
    const DEFAULT: Self = Self { memory_kib: if cfg!(test) { 256 } else { 64 << 10 }, passes: 3, lanes: 1 };

    /// Whether it is a cost that is ever asked for, checked before it is paid.
    pub(super) fn is_possible(self) -> bool {
        (8..=MAX_MEMORY_KIB).contains(&self.memory_kib)
            && (1..=MAX_PASSES).contains(&self.passes)
            && (1..=MAX_LANES).contains(&self.lanes)
            && self.memory_kib >= 8 * self.lanes
    }
}

pub(super) struct RootKey {
    pub(super) derivation: Derivation,
    pub(super) secret: Secret,
    #[cfg(test)]
    ledger: Option<Arc<Ledger>>,
}

impl RootKey {
    pub(super) fn duplicate(&self) -> Self {
        Self {
            derivation: self.derivation.clone(),
            secret: self.secret.duplicate(),
            #[cfg(test)]
            ledger: self.ledger.clone(),
        }
    }

    #[cfg(test)]
    pub(super) fn ledger(&self) -> Option<Arc<Ledger>> {
        self.ledger.clone()
    }
}

impl EncryptionKey {
    /// A key of 32 bytes. They should be random: they are used as they are.
    pub fn from_bytes(mut key: [u8; 32]) -> Self {
        let secret = Secret::filled(|bytes| bytes.copy_from_slice(&key));
        key.zeroize();
        Self::of(KeySource::Bytes(secret))
    }

    /// A key that follows from a passphrase by Argon2id, with a random salt. Available with the
    /// feature `passphrase`.
    ///
    /// Cost: opening a database takes 64 MiB of memory and about a tenth of a second for it.
    /// [`Error::Unsupported`] for an empty passphrase.
    #[cfg(feature = "passphrase")]
    pub fn from_passphrase(passphrase: &str) -> Result<Self> {
        if passphrase.is_empty() {
            return Err(Error::Unsupported("an empty passphrase"));
        }
        Ok(Self::of(KeySource::Passphrase(Zeroizing::new(passphrase.as_bytes().to_vec()))))
    }

    /// A random key that a provider wraps and unwraps. The database stores it only in the form that
    /// the provider has made of it.
    pub fn provided_by(provider: impl KeyProvider) -> Self {
        Self::of(KeySource::Provider(Box::new(provider)))
    }

    fn of(source: KeySource) -> Self {
        Self {
            source,
            #[cfg(test)]
            ledger: None,
        }
    }

    /// The same key; every seal under it is noted in the ledger.
    #[cfg(test)]
    pub(crate) fn noted_in(mut self, ledger: &Arc<Ledger>) -> Self {
        self.ledger = Some(Arc::clone(ledger));
        self
    }

    pub(super) fn new_root(&self, env: &dyn Env) -> Result<RootKey> {
        match &self.source {
            KeySource::Bytes(key) => Ok(self.root_key(Derivation::Bytes, key.duplicate())),
            #[cfg(feature = "passphrase")]
            KeySource::Passphrase(passphrase) => {
                let mut salt = [0; PASSPHRASE_SALT_SIZE];
                env.fill_random(&mut salt);
                let cost = PassphraseCost::DEFAULT;
                let secret = from_passphrase(passphrase, cost, &salt)?;
                Ok(self.root_key(Derivation::Passphrase { cost, salt }, secret))
            }
            KeySource::Provider(provider) => {
                let secret = Secret::random(env);
                let wrapped = provider.wrap(secret.bytes())?;
                if wrapped.len() > MAX_WRAPPED_SIZE {
                    return Err(Error::Unsupported("a wrapped key of more than 8 KiB"));
                }
                Ok(self.root_key(Derivation::Provider { wrapped }, secret))
            }
        }
    }

    /// The root key of an existing key file. Another kind of key is a wrong one.
    pub(super) fn root(&self, derivation: Derivation) -> Result<RootKey> {
        let secret = match (&self.source, &derivation) {
            (KeySource::Bytes(key), Derivation::Bytes) => key.duplicate(),
            #[cfg(feature = "passphrase")]
            (KeySource::Passphrase(passphrase), Derivation::Passphrase { cost, salt }) => {
                from_passphrase(passphrase, *cost, salt)?
            }
            (KeySource::Provider(provider), Derivation::Provider { wrapped }) => {
                let mut key = provider.unwrap(wrapped)?;
                let secret = Secret::filled(|bytes| bytes.copy_from_slice(&key));
                key.zeroize();
                secret
            }
            _ => return Err(Error::WrongKey(KeyFault::Wrong)),
        };
        Ok(self.root_key(derivation, secret))
    }

    #[cfg_attr(not(test), expect(clippy::unused_self, reason = "only a key of a test has a ledger"))]
    fn root_key(&self, derivation: Derivation, secret: Secret) -> RootKey {
        RootKey {
            derivation,
            secret,
            #[cfg(test)]
            ledger: self.ledger.clone(),
        }
    }
}

/// Argon2id version 0x13 of a passphrase, of a cost that was checked.
#[cfg(feature = "passphrase")]
fn from_passphrase(passphrase: &[u8], cost: PassphraseCost, salt: &[u8]) -> Result<Secret> {
    use argon2::{Algorithm, Argon2, Block, Params, Version};
    const IMPOSSIBLE: Error =
        Error::WrongKey(KeyFault::Unreadable("the cost of its passphrase is impossible"));
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(KEY_SIZE));
    let params = params.map_err(|_| IMPOSSIBLE)?;
    let mut memory = Vec::new();
    // A machine without that memory is told so, instead of ending the process.
    let reserved = memory.try_reserve_exact(params.block_count());
    reserved.map_err(|_| Error::Unsupported("a passphrase, which takes more memory than there is"))?;
    memory.resize(params.block_count(), Block::default());
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut outcome = Ok(());
    let secret = super::secret::with_clean_stack(|| {
        Secret::filled(|bytes| {
            outcome = argon.hash_password_into_with_memory(passphrase, salt, bytes, &mut memory);
        })
    });
    for block in &mut memory {
        block.as_mut().zeroize();
    }
    outcome.map_err(|_| IMPOSSIBLE)?;
    Ok(secret)
}

impl fmt::Debug for EncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EncryptionKey(..)")
    }
}
