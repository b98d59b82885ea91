//! Large values, out of the entries of a flush and back in when they are asked for; and sums, which
//! are not at hand either.

use std::ops::Deref;
use std::path::Path;

use crate::base::{Entry, FileNumber, Kind, SeqNo};
use crate::codec::ValuePointer;
use crate::engine::read::levels::Levels;
use crate::engine::read::view::View;
use crate::error::{Fault, Result};
use crate::files::FileName;
use crate::vlog::{Caching, FinishedValues, ReadValue, ValueStore, ValueWriter, Values};

/// Which values are large.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ValueConfig {
    /// Bytes of a value from which on a flush writes it to the value log; at least 1, and
    /// `usize::MAX` for none.
    pub(crate) threshold: usize,
    /// Bytes of a value file at which the next one is begun.
    pub(crate) max_file_size: u64,
}

/// No value that is shorter is ever put in the value log, whatever the threshold.
const MIN_SIZE: usize = size_of::<i64>() + 1;

/// Takes large values out of entries on their way into an SST. Dropping it removes what it wrote.
pub(in crate::engine) struct Separator<'a> {
    threshold: usize,
    writer: ValueWriter<'a>,
    pointer: Vec<u8>,
}

impl<'a> Separator<'a> {
    pub(in crate::engine) fn new(
        config: &ValueConfig,
        value_store: &'a ValueStore,
        numbers: &'a dyn Fn() -> Result<FileNumber>,
    ) -> Self {
        let writer = ValueWriter::new(value_store, config.max_file_size, numbers);
        Self { threshold: config.threshold, writer, pointer: Vec::new() }
    }

    /// The entry as the SST is to hold it: with a pointer, when its value is large, after that was
    /// written.
    pub(in crate::engine) fn pass<'e>(&'e mut self, entry: Entry<'e>) -> Result<Entry<'e>> {
        // What can be a number stays where a sum finds it, and is no longer than a pointer.
        if entry.kind != Kind::Put || entry.value.len() < self.threshold.max(MIN_SIZE) {
            return Ok(entry);
        }
        let pointer = self.writer.add(entry.key, entry.value)?;
        self.pointer.clear();
        pointer.encode(&mut self.pointer);
        Ok(Entry { kind: Kind::Pointer, value: &self.pointer, ..entry })
    }

    /// The value files, durable and under temporary names.
    pub(in crate::engine) fn finish(self) -> Result<Vec<FinishedValues>> {
        self.writer.finish()
    }
}

/// A value that a scan has come to: at hand, or in the value log or a sum, and then read only when
/// it is asked for.
#[derive(Clone, Copy)]
pub(crate) enum StoredValue<'s> {
    Here(&'s [u8]),
    There(LoggedValue<'s>),
    Sum(Sum<'s>),
}

/// The value of a key whose newest version is an add.
#[derive(Clone, Copy)]
pub(crate) struct Sum<'s> {
    key: &'s [u8],
    /// What the newest version adds.
    delta: &'s [u8],
    view: &'s View,
    at: SeqNo,
}

/// A value in the value log.
#[derive(Clone, Copy)]
pub(crate) struct LoggedValue<'s> {
    key: &'s [u8],
    pointer: &'s [u8],
    levels: &'s Levels,
}

/// The bytes of a value.
pub(crate) enum LoadedValue<'s> {
    Here(&'s [u8]),
    Read(ReadValue),
    Sum([u8; 8]),
}

impl Deref for LoadedValue<'_> {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match self {
            Self::Here(bytes) => bytes,
            Self::Read(value) => value,
            Self::Sum(sum) => sum,
        }
    }
}

impl<'s> StoredValue<'s> {
    /// What an entry of a kind that is a value holds, in a view that is read at a number.
    #[inline]
    pub(in crate::engine) fn new(
        key: &'s [u8],
        kind: Kind,
        stored: &'s [u8],
        view: &'s View,
        at: SeqNo,
    ) -> Self {
        match kind {
            Kind::Pointer => Self::There(LoggedValue { key, pointer: stored, levels: &view.levels }),
            Kind::Add => Self::Sum(Sum { key, delta: stored, view, at }),
            _ => Self::Here(stored),
        }
    }

    /// The kind and the bytes of the entry: what `EngineScan::value` makes this of again.
    pub(crate) fn stored(&self) -> (Kind, &'s [u8]) {
        match self {
            Self::Here(bytes) => (Kind::Put, bytes),
            Self::There(remote) => (Kind::Pointer, remote.pointer),
            Self::Sum(sum) => (Kind::Add, sum.delta),
        }
    }

    /// The bytes of the value.
    ///
    /// Cost: one read when it is in the value log; that of a get when it is a sum.
    #[inline]
    pub(crate) fn load(self) -> Result<LoadedValue<'s>> {
        match self {
            Self::Here(bytes) => Ok(LoadedValue::Here(bytes)),
            Self::There(remote) => {
                remote.levels.value(remote.pointer, remote.key, Caching::Spare).map(LoadedValue::Read)
            }
            Self::Sum(sum) => Ok(LoadedValue::Sum(sum.view.sum(sum.key, sum.at)?.to_le_bytes())),
        }
    }
}

impl Levels {
    /// The value of `key` that the pointer in these bytes refers to.
    pub(in crate::engine) fn value(&self, pointer: &[u8], key: &[u8], caching: Caching) -> Result<ReadValue> {
        let pointer = ValuePointer::decode(pointer).expect("an SST holds valid pointers only");
        self.named(&pointer)?.value(&pointer, key, caching)
    }

    /// That the pointer in these bytes leads to a value of `key` in the file itself.
    pub(in crate::engine) fn verify_value(&self, pointer: &[u8], key: &[u8]) -> Result<()> {
        let pointer = ValuePointer::decode(pointer).expect("an SST holds valid pointers only");
        self.named(&pointer)?.read(&pointer, key).map(drop)
    }

    fn named(&self, pointer: &ValuePointer) -> Result<&Values> {
        let file = self.value_file(pointer.file).map(|file| &**file);
        file.ok_or_else(|| {
            Fault::Missing.at(&FileName::Values(pointer.file).path(Path::new("")), pointer.offset)
        })
    }
}
