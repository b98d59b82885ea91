//! Point reads, of a state of the engine or of a transaction.

use super::notes::Notes;
use super::remote::RemoteReader;
use super::writes::{Write, Writes};
use crate::base::KeyHash;
use crate::engine::{Number, PointReader};
use crate::error::Result;

/// Reads single keys of one state.
#[derive(Clone, Copy)]
pub(crate) enum EntryReader<'a> {
    /// What the engine holds at a sequence number.
    Engine(PointReader<'a>),
    /// The same under the writes of an attempt.
    Overlay { below: PointReader<'a>, writes: &'a Writes, notes: &'a Notes },
    /// What an engine elsewhere holds, perhaps under the writes of an attempt.
    Remote(RemoteReader<'a>),
}

impl EntryReader<'_> {
    /// Gives the value of `key` to `found`; `None` when there is none.
    ///
    /// Cost: at most one block read for each SST whose keys span `key` and whose filter does not
    /// deny it.
    #[inline(always)]
    pub(crate) fn get<R>(self, key: &[u8], mut found: impl FnMut(&[u8]) -> R) -> Result<Option<R>> {
        match self {
            Self::Engine(reader) => reader.get(key, found),
            Self::Remote(reader) => Ok(reader.get(key)?.map(|value| found(&value))),
            Self::Overlay { below, writes, notes } => {
                let hash = KeyHash::of(key);
                match writes.get(key, hash) {
                    Some(Write::Put(value)) => return Ok(Some(found(value))),
                    Some(Write::Delete) => return Ok(None),
                    Some(Write::Add(_)) => {
                        return Ok(self.number(key)?.known().map(|sum| found(&sum.to_le_bytes())));
                    }
                    None => {}
                }
                notes.key(key, hash);
                below.get(key, &mut found)
            }
        }
    }

    /// Whether `key` has a value, which is not read.
    #[inline(always)]
    pub(crate) fn contains(self, key: &[u8]) -> Result<bool> {
        match self {
            Self::Engine(reader) => reader.contains(key),
            Self::Remote(reader) => Ok(reader.get(key)?.is_some()),
            Self::Overlay { below, writes, notes } => {
                let hash = KeyHash::of(key);
                if let Some(written) = writes.get(key, hash) {
                    return Ok(written != Write::Delete);
                }
                notes.key(key, hash);
                below.contains(key)
            }
        }
    }

    /// The number that `key` has.
    ///
    /// Cost: that of [`get`](Self::get), but a value in the value log is not read.
    pub(crate) fn number(self, key: &[u8]) -> Result<Number> {
        match self {
            Self::Engine(reader) => reader.number(key),
            Self::Remote(reader) => {
                Ok(reader.get(key)?.map_or(Number::Nothing, |value| Number::in_value(&value)))
            }
            Self::Overlay { below, writes, notes } => {
                let hash = KeyHash::of(key);
                let delta = match writes.get(key, hash) {
                    Some(Write::Put(value)) => return Ok(Number::in_value(value)),
                    Some(Write::Delete) => return Ok(Number::Nothing),
                    Some(Write::Add(delta)) => Some(delta),
                    None => None,
                };
                notes.key(key, hash);
                let below = below.number(key)?;
                Ok(delta.map_or(below, |delta| below.plus(delta)))
            }
        }
    }

    /// Whether one of `keys` has a value. Those after the first that has are not looked for.
    ///
    /// Cost: for each key that of [`contains`](Self::contains).
    pub(crate) fn contains_any(self, keys: &[&[u8]]) -> Result<bool> {
        match self {
            Self::Engine(below) | Self::Overlay { below, .. } => below.prefetch(keys),
            Self::Remote(reader) => reader.prefetch(keys)?,
        }
        for key in keys {
            if self.contains(key)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Gives `found` the value of each of `keys` in turn, or that there is none, until it fails.
    ///
    /// Cost: for each key that of [`get`](Self::get).
    pub(crate) fn get_many(
        self,
        keys: &[&[u8]],
        mut found: impl FnMut(Option<&[u8]>) -> Result<()>,
    ) -> Result<()> {
        match self {
            Self::Engine(reader) => return reader.get_many(keys, found),
            Self::Remote(reader) => reader.prefetch(keys)?,
            Self::Overlay { .. } => {}
        }
        for key in keys {
            self.get(key, |value| found(Some(value)))?.unwrap_or_else(|| found(None))?;
        }
        Ok(())
    }
}
