//! The writer and the reader of keys.

use smallvec::SmallVec;

use crate::codec::Reader;
use crate::error::{Error, Fault, Limit, Result};

/// The most bytes that the encoding of one key or one index value may take.
pub const MAX_KEY_SIZE: usize = 2600;

/// The bytes of a key, inline for short ones.
pub(crate) type KeyBytes = SmallVec<[u8; 96]>;

/// Collects the encoding of a key. Short keys stay on the stack.
///
/// A key that is too long or has no exact form is remembered; an implementation of
/// [`Key`](super::Key) need not check. A write of it fails with [`Error::Limit`] before anything is
/// written. No row has it, so a look-up finds nothing, and a range begins or ends where the value
/// would be.
#[derive(Clone, Debug)]
pub struct KeyWriter {
    bytes: KeyBytes,
    /// The largest size with the prefix; zero once there is a fault.
    room: usize,
    fault: Option<EncodeFault>,
    /// The position of the value whose key has the fault.
    side: Side,
}

/// Why a key cannot be stored. A copy of a [`Limit`] without what has to be dropped: writers are
/// made, moved and copied for each key.
#[derive(Clone, Copy, Debug)]
enum EncodeFault {
    Long,
    Inexact(&'static str),
    Row { size: usize, limit: usize },
}

impl EncodeFault {
    #[cold]
    fn error(self) -> Error {
        Error::Limit(match self {
            Self::Long => Limit::Key { limit: MAX_KEY_SIZE },
            Self::Inexact(why) => Limit::Inexact(why),
            Self::Row { size, limit } => Limit::Row { size, limit },
        })
    }
}

/// The position of a value that cannot be stored, relative to the keys with its prefix.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Side {
    Before,
    After,
    Unknown,
}

/// A bound of a range.
pub(in crate::table) enum Edge<'k> {
    /// At the keys with this prefix, of which there is at most one.
    At(&'k [u8]),
    /// Before all keys with this prefix.
    Before(&'k [u8]),
    /// After all keys with this prefix.
    After(&'k [u8]),
}

impl KeyWriter {
    /// A writer whose key begins with `prefix`, which does not count against the limit.
    pub(crate) fn new(prefix: &[u8]) -> Self {
        let room = prefix.len() + MAX_KEY_SIZE;
        Self { bytes: SmallVec::from_slice(prefix), room, fault: None, side: Side::Unknown }
    }

    /// Adds bytes to the key.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.bytes.len() + bytes.len() > self.room {
            return self.overflow(bytes);
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// Adds as many bytes as fit. No key is a prefix of another one, so each stored key differs
    /// from this one within its own bytes, and the truncated key compares as the whole.
    #[cold]
    fn overflow(&mut self, bytes: &[u8]) {
        let free = self.room.saturating_sub(self.bytes.len());
        self.bytes.extend_from_slice(&bytes[..free.min(bytes.len())]);
        self.set_fault(EncodeFault::Long, Side::After);
    }

    fn set_fault(&mut self, fault: EncodeFault, side: Side) {
        if self.fault.is_none() {
            (self.fault, self.side, self.room) = (Some(fault), side, 0);
        }
    }

    /// Inverts every bit of what `write` adds, so that it sorts the other way round.
    pub(super) fn invert(&mut self, write: impl FnOnce(&mut Self)) {
        let (size, had_fault) = (self.bytes.len(), self.fault.is_some());
        write(self);
        self.bytes[size..].iter_mut().for_each(|byte| *byte = !*byte);
        if !had_fault {
            self.side = match self.side {
                Side::Before => Side::After,
                Side::After => Side::Before,
                Side::Unknown => Side::Unknown,
            };
        }
    }

    /// Records that the value has no exact form as a key; `why` is a sentence such as "a decimal
    /// has more digits than the scale of its index".
    ///
    /// A write of the value is then [`Error::Limit`], and a look-up finds nothing. A range that
    /// begins or ends with it is [`Error::Limit`] too, as its position among the keys is not known.
    pub fn refuse(&mut self, why: &'static str) {
        self.set_fault(EncodeFault::Inexact(why), Side::Unknown);
    }

    /// The same for a value on this side of all keys with the written prefix.
    pub(super) fn refuse_at(&mut self, side: Side, why: &'static str) {
        self.set_fault(EncodeFault::Inexact(why), side);
    }

    /// Records that the row of the key takes more bytes than `limit`.
    pub(crate) fn exceed(&mut self, size: usize, limit: usize) {
        self.set_fault(EncodeFault::Row { size, limit }, Side::Unknown);
    }

    /// The number of bytes.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// The key followed by `suffix`, which does not count against the limit; an error for a faulty
    /// key.
    pub(crate) fn finish_with(mut self, suffix: &[u8]) -> Result<KeyBytes> {
        match self.fault {
            None => {
                self.bytes.extend_from_slice(suffix);
                Ok(self.bytes)
            }
            Some(fault) => Err(fault.error()),
        }
    }

    /// The key to look up; `None` if it cannot be stored, so that no row has it.
    #[inline]
    pub(in crate::table) fn sought(&self) -> Option<&[u8]> {
        self.fault.is_none().then_some(&self.bytes)
    }

    /// The bound that this key is.
    pub(in crate::table) fn edge(&self) -> Result<Edge<'_>> {
        match (self.fault, self.side) {
            (None, _) => Ok(Edge::At(&self.bytes)),
            (Some(_), Side::Before) => Ok(Edge::Before(&self.bytes)),
            (Some(_), Side::After) => Ok(Edge::After(&self.bytes)),
            (Some(fault), Side::Unknown) => Err(fault.error()),
        }
    }

    /// The key; an error if it is faulty.
    #[inline]
    pub(crate) fn finish(&self) -> Result<&[u8]> {
        match self.fault {
            None => Ok(&self.bytes),
            Some(fault) => Err(fault.error()),
        }
    }
}

/// Reads the bytes of a key.
#[derive(Clone)]
pub struct KeyReader<'a> {
    reader: Reader<'a>,
}

impl<'a> KeyReader<'a> {
    #[inline]
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { reader: Reader::new(bytes) }
    }

    /// The next `len` bytes; [`Fault::Truncated`] when there are fewer.
    #[inline]
    pub fn take(&mut self, len: usize) -> Result<&'a [u8], Fault> {
        self.reader.bytes(len)
    }

    /// The next `N` bytes.
    #[inline]
    pub fn take_array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    /// The bytes not yet read.
    #[inline]
    pub fn rest(&self) -> &'a [u8] {
        self.reader.rest()
    }
}

/// The bytes of a key, to be measured.
#[cfg(feature = "parts")]
pub fn encode_key(key: &impl super::Key) -> Result<Vec<u8>> {
    let mut out = KeyWriter::new(&[]);
    key.encode(&mut out);
    Ok(out.finish()?.to_vec())
}

/// The key of these bytes, to be measured.
#[cfg(feature = "parts")]
pub fn decode_key<K: super::Key>(bytes: &[u8]) -> Result<K, Fault> {
    K::decode(&mut KeyReader::new(bytes))
}
