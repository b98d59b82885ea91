//! The value files of a database: the operations on one open the file when it is not open; a new
//! one is written under a temporary name, then synced, renamed and opened.
//!
//! ```text
//!   begin -> 000012.vlog.tmp --add, add, .., finish--> synced --publish--> 000012.vlog, open
//! ```
//!
//! 1. A file is renamed to its final name once its bytes are durable; when `publish` returns, the
//!    name is durable too.
//! 2. A file that is dropped before it is kept is removed. One that cannot be removed, or is left
//!    by a crash, has a temporary name and is removed by the next open, or is a complete file that
//!    no version names.

use std::sync::Arc;

use super::format::{MAX_VALUE_SIZE, ValueRecord, put_value};
use super::{Caching, ReadValue, ValueMeta, ValueReader};
use crate::base::FileNumber;
use crate::cache::Cache;
use crate::codec::{BlockCompression, FileKind, ValuePointer};
use crate::crypt::Sealer;
use crate::env::{Appender, TempFile};
use crate::error::{Error, Limit, Result};
use crate::files::{DatabaseDir, FileName, FileStore, Handle, OpenFiles};

/// The directory and options of the value files of a database.
#[derive(Debug)]
pub(crate) struct ValueStore {
    pub(crate) dir: DatabaseDir,
    pub(crate) compression: BlockCompression,
    pub(crate) cache: Arc<Cache>,
    pub(crate) open_files: Arc<OpenFiles>,
}

impl FileStore for ValueStore {
    type Meta = ValueMeta;
    type Reader = ValueReader;

    fn number(meta: &ValueMeta) -> FileNumber {
        meta.number
    }

    fn open(&self, meta: &ValueMeta) -> Result<Arc<ValueReader>> {
        let dir = &self.dir;
        let file = self.open_files.open(&*dir.env, &FileName::Values(meta.number).path(&dir.path))?;
        ValueReader::open(file, dir.database, &dir.keys, *meta, &self.cache).map(Arc::new)
    }

    fn open_files(&self) -> &OpenFiles {
        &self.open_files
    }
}

/// A value file of a view. Opening it costs one read, of its header.
pub(crate) type Values = Handle<ValueStore>;

impl Values {
    /// The value of `key` that a pointer refers to, through the cache: see
    /// [`ValueReader::value`](super::ValueReader::value).
    pub(crate) fn value(&self, pointer: &ValuePointer, key: &[u8], caching: Caching) -> Result<ReadValue> {
        self.reader()?.value(pointer, key, caching)
    }

    /// The value of `key` that a pointer refers to, past the cache: see
    /// [`ValueReader::read`](super::ValueReader::read).
    pub(crate) fn read(&self, pointer: &ValuePointer, key: &[u8]) -> Result<ReadValue> {
        self.reader()?.read(pointer, key)
    }

    /// Reads and checks the whole file: see [`ValueReader::verify`](super::ValueReader::verify).
    /// The file is not left open.
    pub(crate) fn verify(&self) -> Result<()> {
        self.open_transient()?.verify()
    }
}

impl ValueStore {
    /// Renames finished value files to their final names, durably, and opens them. After an error
    /// none of them is left.
    pub(crate) fn publish(self: &Arc<Self>, mut files: Vec<FinishedValues>) -> Result<NewValues> {
        if files.is_empty() {
            return Ok(NewValues::default());
        }
        let named = files.iter_mut().map(|file| (&mut file.temp, FileName::Values(file.meta.number)));
        self.dir.publish(&mut named.collect::<Vec<_>>())?;
        let made =
            files.iter().map(|file| Values::open_new(self, &Arc::new(file.meta))).collect::<Result<_>>()?;
        Ok(NewValues { files: made, temps: files.into_iter().map(|file| file.temp).collect() })
    }

    /// Begins a value file with this number, which must be unused.
    pub(super) fn begin(&self, number: FileNumber) -> Result<TempValueFile> {
        let (file, temp) = self.dir.create_temp(FileName::ValuesTemp(number))?;
        let mut appender = Appender::new(file);
        let (headers, sealer) = self.dir.headers(FileKind::ValueFile, number, 0);
        appender.append(&headers)?;
        Ok(TempValueFile { number, sealer, compression: self.compression, appender, record_count: 0, temp })
    }
}

/// A value file that is being written. After an error it must be dropped.
pub(super) struct TempValueFile {
    number: FileNumber,
    sealer: Sealer,
    compression: BlockCompression,
    appender: Appender,
    record_count: u64,
    temp: TempFile,
}

impl TempValueFile {
    /// Appends a value, and returns a pointer to it.
    pub(super) fn add(&mut self, key: &[u8], value: &[u8]) -> Result<ValuePointer> {
        if value.len() > MAX_VALUE_SIZE {
            return Err(Error::Limit(Limit::Row { size: value.len(), limit: MAX_VALUE_SIZE }));
        }
        if key.len() > usize::from(u16::MAX) {
            return Err(Error::Limit(Limit::Key { limit: usize::from(u16::MAX) }));
        }
        let compression = self.compression;
        self.append(|out, sealer, offset| put_value(out, (key, value), compression, sealer, offset))
    }

    /// Appends a record of another file without decompressing it.
    pub(super) fn copy(&mut self, record: &ValueRecord<'_>) -> Result<ValuePointer> {
        self.append(|out, sealer, offset| record.put(out, sealer, offset))
    }

    fn append(&mut self, put: impl FnOnce(&mut Vec<u8>, &Sealer, u64)) -> Result<ValuePointer> {
        let (offset, sealer) = (self.appender.offset(), &self.sealer);
        self.appender.append_with(|out| put(out, sealer, offset))?;
        self.record_count += 1;
        Ok(ValuePointer { file: self.number, offset, size: self.appender.offset() - offset })
    }

    /// The size of the file so far.
    pub(super) fn size(&self) -> u64 {
        self.appender.offset()
    }

    /// Syncs the file.
    pub(super) fn finish(self) -> Result<FinishedValues> {
        let (size, digest) = self.appender.finish()?;
        let meta = ValueMeta { number: self.number, size, digest, record_count: self.record_count };
        Ok(FinishedValues { meta, temp: self.temp })
    }
}

/// A value file whose bytes are durable, under its temporary name.
pub(crate) struct FinishedValues {
    meta: ValueMeta,
    temp: TempFile,
}

impl FinishedValues {
    pub(crate) fn meta(&self) -> &ValueMeta {
        &self.meta
    }
}

/// Value files that are durable under their own names. Dropping this removes them: see
/// [`keep`](Self::keep).
#[derive(Debug, Default)]
pub(crate) struct NewValues {
    files: Vec<Arc<Values>>,
    temps: Vec<TempFile>,
}

impl NewValues {
    /// Keeps the files, once the SSTs that point into them are durable.
    pub(crate) fn keep(self) -> Vec<Arc<Values>> {
        self.temps.into_iter().for_each(TempFile::keep);
        self.files
    }
}
