//! The value files of a version, and the live bytes of each.
//!
//! 1. A file is in the version if and only if an SST of the version points into it: it is added
//!    with the first such SST and removed with the last.
//! 2. The live size of a file is the sum of what these SSTs refer to in it, and no more than its
//!    records.

use std::collections::BTreeMap;

use crate::base::FileNumber;
use crate::error::Fault;
use crate::sst::SstMeta;
use crate::vlog::ValueMeta;

/// A value file and its live size.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ValueFile {
    pub(crate) meta: ValueMeta,
    /// The bytes of its records that SSTs of the version refer to.
    pub(crate) live_size: u64,
}

impl ValueFile {
    /// The bytes of its records that no SST refers to.
    pub(crate) fn dead_size(&self) -> u64 {
        self.meta.records_size() - self.live_size
    }
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct ValueFiles {
    files: BTreeMap<FileNumber, ValueFile>,
}

impl ValueFiles {
    pub(super) fn file(&self, number: FileNumber) -> Option<&ValueFile> {
        self.files.get(&number)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &ValueFile> {
        self.files.values()
    }

    /// Adds files into which no SST points yet.
    pub(super) fn add(&mut self, added: &[ValueMeta]) -> Result<(), Fault> {
        for meta in added {
            if self.files.insert(meta.number, ValueFile { meta: *meta, live_size: 0 }).is_some() {
                return Err(Fault::Invalid("number of a file that is there already"));
            }
        }
        Ok(())
    }

    pub(super) fn add_references(&mut self, sst: &SstMeta) -> Result<(), Fault> {
        for share in &sst.values {
            let file = self.files.get_mut(&share.file);
            let file = file.ok_or(Fault::Invalid("value file of a file, which is not there"))?;
            file.live_size = file.live_size.saturating_add(share.size);
            if file.live_size > file.meta.records_size() {
                return Err(Fault::Invalid("live bytes of a value file"));
            }
        }
        Ok(())
    }

    /// Subtracts the references of an SST that is removed; it must have been added.
    pub(super) fn remove_references(&mut self, sst: &SstMeta) {
        for share in &sst.values {
            if let Some(file) = self.files.get_mut(&share.file) {
                file.live_size -= share.size;
            }
        }
    }

    /// Removes the files into which no SST points. A file of `added` among them is a fault.
    pub(super) fn drop_dead(&mut self, added: &[ValueMeta]) -> Result<(), Fault> {
        self.files.retain(|_, file| file.live_size > 0);
        if added.iter().all(|meta| self.files.contains_key(&meta.number)) {
            Ok(())
        } else {
            Err(Fault::Invalid("value file that nothing points into"))
        }
    }
}
