//! The engine keys of a keyspace: its id, then the caller's key.

use smallvec::SmallVec;

use super::{MAX_KEY_SIZE, MAX_VALUE_SIZE};
use crate::error::{Error, Limit, Result};

/// The size of the keyspace's id in front of every key.
pub(super) const PREFIX: usize = 4;

pub(super) fn inner_key(prefix: [u8; PREFIX], key: &[u8]) -> SmallVec<[u8; 64]> {
    let mut inner = SmallVec::from_slice(&prefix);
    inner.extend_from_slice(key);
    inner
}

/// The engine key of a key that is written; an error if it is too long.
pub(super) fn checked_key(prefix: [u8; PREFIX], key: &[u8]) -> Result<SmallVec<[u8; 64]>> {
    sought_key(prefix, key).ok_or(Error::Limit(Limit::Key { limit: MAX_KEY_SIZE }))
}

/// The engine key of a key that is looked up; `None` if it is too long to exist.
pub(super) fn sought_key(prefix: [u8; PREFIX], key: &[u8]) -> Option<SmallVec<[u8; 64]>> {
    (!is_too_long(key)).then(|| inner_key(prefix, key))
}

pub(super) fn is_too_long(key: &[u8]) -> bool {
    key.len() > MAX_KEY_SIZE
}

pub(super) fn check_value(value: &[u8]) -> Result<()> {
    if value.len() > MAX_VALUE_SIZE {
        return Err(Error::Limit(Limit::Row { size: value.len(), limit: MAX_VALUE_SIZE }));
    }
    Ok(())
}
