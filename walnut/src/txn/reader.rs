//! Point reads of a snapshot or a transaction.

use super::read_tracker::ReadTracker;
use super::remote::RemoteReader;
use super::write_buffer::{CounterKey, Write, WriteBuffer};
use crate::base::{KeyHash, KeyRange, SeqNo};
use crate::engine::{Number, PointReader};
use crate::error::Result;

#[derive(Clone, Copy)]
pub(crate) enum EntryReader<'a> {
    /// The engine at a seqno.
    Engine(PointReader<'a>),
    /// The same merged with the writes of a transaction, if it has any.
    Merged { base: PointReader<'a>, writes: Option<&'a WriteBuffer>, reads: &'a ReadTracker },
    /// A remote engine, with or without the writes of a transaction.
    Remote(RemoteReader<'a>),
}

impl EntryReader<'_> {
    /// The seqno of the snapshot; `None` for a remote engine.
    pub(crate) fn at(self) -> Option<SeqNo> {
        match self {
            Self::Engine(reader) | Self::Merged { base: reader, .. } => Some(reader.at()),
            Self::Remote(_) => None,
        }
    }

    /// Calls `found` with the value of `key`; returns `None` if there is none.
    ///
    /// Cost: at most one block read for each SST whose keys span `key` and whose filter does not
    /// rule it out.
    #[inline(always)]
    pub(crate) fn get<R>(self, key: &[u8], mut found: impl FnMut(&[u8]) -> R) -> Result<Option<R>> {
        match self {
            Self::Engine(reader) => reader.get(key, found),
            Self::Remote(reader) => Ok(reader.get(key)?.map(|value| found(&value))),
            Self::Merged { base, writes, reads } => {
                let hash = KeyHash::of(key);
                match writes.and_then(|writes| writes.get(key, hash)) {
                    Some(Write::Put(value)) => return Ok(Some(found(value))),
                    Some(Write::Delete) => return Ok(None),
                    Some(Write::Add(_)) => {
                        return Ok(self.number(key)?.known().map(|sum| found(&sum.to_le_bytes())));
                    }
                    None => {}
                }
                reads.track_key(key, hash);
                base.get_hashed(key, hash, &mut found)
            }
        }
    }

    #[inline(always)]
    pub(crate) fn contains(self, key: &[u8]) -> Result<bool> {
        match self {
            Self::Engine(reader) => reader.contains(key),
            Self::Remote(reader) => Ok(reader.get(key)?.is_some()),
            Self::Merged { base, writes, reads } => {
                let hash = KeyHash::of(key);
                if let Some(written) = writes.and_then(|writes| writes.get(key, hash)) {
                    return Ok(written != Write::Delete);
                }
                reads.track_key(key, hash);
                base.contains_hashed(key, hash)
            }
        }
    }

    /// The number under `key`.
    ///
    /// Cost: that of [`get`](Self::get), but a value in the value log is not read.
    pub(crate) fn number(self, key: &[u8]) -> Result<Number> {
        match self {
            Self::Engine(reader) => reader.number(key),
            Self::Remote(reader) => {
                Ok(reader.get(key)?.map_or(Number::Nothing, |value| Number::in_value(&value)))
            }
            Self::Merged { base, writes, reads } => {
                let hash = KeyHash::of(key);
                let delta = match writes.and_then(|writes| writes.get(key, hash)) {
                    Some(Write::Put(value)) => return Ok(Number::in_value(value)),
                    Some(Write::Delete) => return Ok(Number::Nothing),
                    Some(Write::Add(delta)) => Some(delta),
                    None => None,
                };
                reads.track_key(key, hash);
                let base = base.number(key)?;
                Ok(delta.map_or(base, |delta| base.plus(delta)))
            }
        }
    }

    /// Adds a range to the read set of a transaction.
    pub(crate) fn track_range(self, range: &KeyRange) {
        if let Self::Merged { reads, .. } = self {
            reads.track_range(&mut None, &range.start, range.end.as_deref());
        }
    }

    /// The number of a counter; zero if nothing was added.
    ///
    /// Cost: that of [`get`](Self::get).
    pub(crate) fn counter(self, key: CounterKey) -> Result<i64> {
        let base = self.number(&key)?.known().unwrap_or(0);
        Ok(match self {
            Self::Merged { writes: Some(writes), .. } => base.wrapping_add(writes.counted(key)),
            Self::Engine(_) | Self::Merged { .. } | Self::Remote(_) => base,
        })
    }

    /// Whether one of `keys` has a value. Stops at the first that has.
    ///
    /// Cost: for each key that of [`contains`](Self::contains).
    pub(crate) fn contains_any(self, keys: &[&[u8]]) -> Result<bool> {
        match self {
            Self::Engine(base) | Self::Merged { base, .. } => base.prefetch(keys),
            Self::Remote(reader) => reader.prefetch(keys)?,
        }
        for key in keys {
            if self.contains(key)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Calls `found` with the value of each of `keys` in turn, or with `None`, until it fails.
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
            Self::Merged { .. } => {}
        }
        for key in keys {
            self.get(key, |value| found(Some(value)))?.unwrap_or_else(|| found(None))?;
        }
        Ok(())
    }
}
