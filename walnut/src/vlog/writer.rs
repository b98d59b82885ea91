//! Writes values to as many value files as they need.

use super::store::{FinishedValues, TempValueFile, ValueStore, Values};
use crate::base::FileNumber;
use crate::codec::ValuePointer;
use crate::error::Result;

/// Value files that are being written, one after the other. Dropping it removes them.
pub(crate) struct ValueWriter<'a> {
    value_store: &'a ValueStore,
    numbers: &'a dyn Fn() -> Result<FileNumber>,
    max_file_size: u64,
    open: Option<TempValueFile>,
    finished: Vec<FinishedValues>,
}

impl<'a> ValueWriter<'a> {
    /// Creates no file yet; a file is created with its first value.
    pub(crate) fn new(
        value_store: &'a ValueStore,
        max_file_size: u64,
        numbers: &'a dyn Fn() -> Result<FileNumber>,
    ) -> Self {
        Self { value_store, numbers, max_file_size, open: None, finished: Vec::new() }
    }

    /// Appends a value, and returns a pointer to it.
    pub(crate) fn add(&mut self, key: &[u8], value: &[u8]) -> Result<ValuePointer> {
        self.current_file()?.add(key, value)
    }

    /// Copies the value of `key` that `pointer` refers to in another file; its checksum is
    /// verified, and it is not decompressed.
    pub(crate) fn copy(&mut self, from: &Values, pointer: &ValuePointer, key: &[u8]) -> Result<ValuePointer> {
        let file = self.current_file()?;
        from.reader()?.with_record(pointer, key, |record| file.copy(&record))?
    }

    /// The value files, durable and still under temporary names.
    pub(crate) fn finish(mut self) -> Result<Vec<FinishedValues>> {
        self.finish_file()?;
        Ok(self.finished)
    }

    fn current_file(&mut self) -> Result<&mut TempValueFile> {
        if self.open.as_ref().is_some_and(|file| file.size() >= self.max_file_size) {
            self.finish_file()?;
        }
        match &mut self.open {
            Some(file) => Ok(file),
            none => Ok(none.insert(self.value_store.begin((self.numbers)()?)?)),
        }
    }

    fn finish_file(&mut self) -> Result<()> {
        if let Some(file) = self.open.take() {
            self.finished.push(file.finish()?);
        }
        Ok(())
    }
}
