//! Where keys are written to and read from.

use smallvec::SmallVec;

use crate::codec::Reader;
use crate::error::{Error, Fault, Limit, Result};

/// The most bytes that the encoding of one key or one index value may take.
pub const MAX_KEY_SIZE: usize = 2600;

/// The bytes of a key; of a short one without an allocation.
pub(crate) type KeyBytes = SmallVec<[u8; 96]>;

/// Takes the encoding of a key. Short keys stay on the stack.
///
/// A key that is too long or has no exact form is noted here, and the operation that wanted it fails with
/// [`Error::Limit`] before anything is written; an implementation of [`Key`](super::Key) need not look.
#[derive(Clone, Debug)]
pub struct KeyWriter {
    bytes: KeyBytes,
    /// Where the part of the key begins that the limit counts.
    start: usize,
    fault: Option<Limit>,
}

impl KeyWriter {
    /// A writer whose key begins with `prefix`, which does not count against the limit.
    pub(crate) fn new(prefix: &[u8]) -> Self {
        Self { bytes: SmallVec::from_slice(prefix), start: prefix.len(), fault: None }
    }

    /// Adds bytes to the key.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.bytes.len() - self.start + bytes.len() > MAX_KEY_SIZE {
            self.fault.get_or_insert(Limit::Key { limit: MAX_KEY_SIZE });
            return;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// Inverts every bit of what was added after the first `size` bytes, so that it sorts the other way round.
    pub(super) fn invert_from(&mut self, size: usize) {
        self.bytes[size..].iter_mut().for_each(|byte| *byte = !*byte);
    }

    /// Notes that the value has no exact form as a key; `why` is the end of the sentence "a value cannot be a key".
    pub fn refuse(&mut self, why: &'static str) {
        self.fault.get_or_insert(Limit::Inexact(why));
    }

    /// Notes that what the key belongs to is past a limit.
    pub(crate) fn exceed(&mut self, limit: Limit) {
        self.fault.get_or_insert(limit);
    }

    /// How many bytes there are.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// The key followed by `suffix`, which does not count against the limit; or what was wrong with it.
    pub(crate) fn finish_with(mut self, suffix: &[u8]) -> Result<KeyBytes> {
        match self.fault {
            None => {
                self.bytes.extend_from_slice(suffix);
                Ok(self.bytes)
            }
            Some(limit) => Err(Error::Limit(limit)),
        }
    }

    /// The key, or what was wrong with it.
    pub(crate) fn finish(&self) -> Result<&[u8]> {
        match &self.fault {
            None => Ok(&self.bytes),
            Some(limit) => Err(Error::Limit(limit.clone())),
        }
    }
}

/// Gives back the bytes of a key.
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
