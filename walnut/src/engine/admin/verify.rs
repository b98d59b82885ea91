//! Reads all that is on disk, and says the first thing that is wrong.

use crate::base::Kind;
use crate::cursor::EntryCursor;
use crate::engine::read::levels::Levels;
use crate::engine::{Core, directory};
use crate::error::Result;
use crate::files::FileName;
use crate::sync::Arc;

/// What [`Database::verify`](crate::Database::verify) went through.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct VerifyReport {
    /// Sorted files, each read and compared with what was recorded when it was written.
    pub sst_count: usize,
    /// Their length on disk, in bytes.
    pub sst_size: u64,
    /// Files of the value log, each read and compared with what was recorded when it was written.
    pub value_file_count: usize,
    /// Their length on disk, in bytes.
    pub value_log_size: u64,
    /// Tables whose rows were compared with their index entries.
    pub table_count: usize,
    /// Rows in them.
    pub row_count: u64,
    /// Index entries in them.
    pub entry_count: u64,
    /// Names in the directory that are no part of the database, whatever they are called, and of
    /// those in `aside/`.
    pub orphans: Vec<String>,
}

impl Levels {
    /// Reads every SST, every value that one points to, and every value file: see [`Core::verify`].
    pub(in crate::engine) fn verify(&self) -> Result<VerifyReport> {
        let mut verified = VerifyReport::default();
        for (_, sst) in self.ssts() {
            sst.verify()?;
            verified.sst_count += 1;
            verified.sst_size += sst.meta().size;
        }
        for file in self.value_files() {
            file.verify()?;
            verified.value_file_count += 1;
            verified.value_log_size += file.meta().size;
        }
        for (_, sst) in self.ssts().filter(|(_, sst)| !sst.meta().values.is_empty()) {
            let mut cursor = sst.sweep()?;
            while let Some(entry) = cursor.entry() {
                if entry.kind == Kind::Pointer {
                    self.verify_value(entry.value, entry.key)?;
                }
                cursor.advance()?;
            }
        }
        Ok(verified)
    }
}

impl Core {
    /// Reads every SST: every checksum, the order of keys, filters, counts, the digest of each
    /// file; every value that one points to; and every value file, live or not.
    ///
    /// Cost: reads every byte of every SST twice, past the cache, that of large values three times.
    pub(crate) fn verify(&self) -> Result<VerifyReport> {
        self.health.ensure_open()?;
        let levels = Arc::clone(&self.versions.view().levels);
        Ok(VerifyReport { orphans: self.orphans()?, ..levels.verify()? })
    }

    /// Names in the directory that no file of the database has, while no flush runs and the log
    /// stays as it is.
    fn orphans(&self) -> Result<Vec<String>> {
        let _pause = self.pause_flushes();
        self.commits.log.with_segments(|has_segment| {
            self.versions.with_manifest(|manifest| {
                let names = manifest.names();
                directory::orphans(&*self.env, &self.dir, |name| match name {
                    FileName::Current | FileName::Lock | FileName::Reserve => true,
                    FileName::Keys => self.sst_store.dir.keys.is_encrypted(),
                    FileName::Segment(number) => has_segment(number),
                    FileName::Sst(number) | FileName::Values(number) => {
                        names.contains(&name) || manifest.is_recent(number)
                    }
                    FileName::SstTemp(number) | FileName::ValuesTemp(number) => manifest.is_recent(number),
                    FileName::Manifest(_) => names.contains(&name),
                    FileName::CurrentTemp
                    | FileName::KeysTemp
                    | FileName::SegmentTemp(_)
                    | FileName::Unfinished
                    | FileName::Quarantine => false,
                })
            })
        })
    }
}
