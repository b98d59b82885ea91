//! Writes values to as many files as they need.

use super::handle::Values;
use super::temp_file::{FinishedValues, TempValueFile, ValueStore};
use crate::base::FileNumber;
use crate::codec::ValuePointer;
use crate::error::Result;

/// Value files that are being written, one after the other. Dropping it removes them.
pub(crate) struct ValueWriter<'a> {
    place: &'a ValueStore,
    /// Gives the number of the next file.
    numbers: &'a dyn Fn() -> Result<FileNumber>,
    /// The bytes of a file at which the next one is begun.
    max_file_size: u64,
    open: Option<TempValueFile>,
    whole: Vec<FinishedValues>,
}

impl<'a> ValueWriter<'a> {
    /// Begins nothing yet: a file is made with its first value.
    pub(crate) fn new(
        place: &'a ValueStore,
        max_file_size: u64,
        numbers: &'a dyn Fn() -> Result<FileNumber>,
    ) -> Self {
        Self { place, numbers, max_file_size, open: None, whole: Vec::new() }
    }

    /// Adds a value, and gives the place where it will be found.
    pub(crate) fn add(&mut self, key: &[u8], value: &[u8]) -> Result<ValuePointer> {
        self.draft()?.add(key, value)
    }

    /// Adds the value of `key` that `pointer` refers to in another file; it is checked on its way, and not unpacked.
    pub(crate) fn copy(&mut self, from: &Values, pointer: &ValuePointer, key: &[u8]) -> Result<ValuePointer> {
        let draft = self.draft()?;
        from.reader()?.with_record(pointer, key, |record| draft.copy(&record))?
    }

    /// The files, all of them durable and none under its own name.
    pub(crate) fn finish(mut self) -> Result<Vec<FinishedValues>> {
        self.finish_file()?;
        Ok(self.whole)
    }

    fn draft(&mut self) -> Result<&mut TempValueFile> {
        if self.open.as_ref().is_some_and(|draft| draft.size() >= self.max_file_size) {
            self.finish_file()?;
        }
        match &mut self.open {
            Some(draft) => Ok(draft),
            none => Ok(none.insert(self.place.begin((self.numbers)()?)?)),
        }
    }

    fn finish_file(&mut self) -> Result<()> {
        if let Some(draft) = self.open.take() {
            self.whole.push(draft.finish()?);
        }
        Ok(())
    }
}
