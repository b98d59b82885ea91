//! The state that the manifest describes: the version, and the counters that continue from it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::edit::VersionEdit;
use super::version::Version;
use crate::base::{FileNumber, SeqNo};
use crate::error::Fault;

/// The most files in one edit of a snapshot.
const SNAPSHOT_FILES: usize = 1000;

/// What is known of the database without opening an SST or the log.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct ManifestState {
    pub(crate) version: Arc<Version>,
    /// The oldest log segment that is still needed; `None` until the log of a new database exists.
    pub(crate) log_number: Option<FileNumber>,
    /// A durable log segment, not older than `log_number`; the log must reach it. An open that
    /// creates a segment records it here, so that its loss is detected.
    pub(crate) newest_log: Option<FileNumber>,
    /// The number of the next SST or manifest. It is above all numbers in use.
    pub(crate) next_file: FileNumber,
    /// The last sequence number in the SSTs. Everything up to it was durable.
    pub(crate) last_seqno: SeqNo,
    /// The last sequence number that the log is known to have held durably. A shorter log is
    /// damage.
    pub(crate) log_seqno: SeqNo,
}

impl ManifestState {
    /// The state after an edit, or the fault of an edit that does not fit this state.
    ///
    /// No counter ever decreases. `newest_log` rises with `log_number`, and `last_seqno` with the
    /// files that are added.
    pub(crate) fn apply(&self, edit: &VersionEdit) -> Result<Self, Fault> {
        let log_number = edit.log_number.or(self.log_number);
        let newest_log = edit.newest_log.or(self.newest_log).max(log_number);
        let next_file = edit.next_file.unwrap_or(self.next_file);
        let last_seqno = edit.last_seqno.unwrap_or(self.last_seqno);
        let log_seqno = edit.log_seqno.unwrap_or(self.log_seqno);
        if log_number < self.log_number || newest_log < self.newest_log {
            return Err(Fault::Invalid("log number, which falls"));
        }
        if newest_log.is_some() && log_number.is_none() {
            return Err(Fault::Invalid("newest log of a database without a log"));
        }
        if next_file < self.next_file {
            return Err(Fault::Invalid("next file number, which falls"));
        }
        if last_seqno < self.last_seqno || log_seqno < self.log_seqno {
            return Err(Fault::Invalid("last sequence number, which falls"));
        }
        let numbers = edit.added.iter().map(|(_, meta)| meta.number);
        if numbers.chain(edit.values.iter().map(|meta| meta.number)).any(|number| number >= next_file) {
            return Err(Fault::Invalid("file number, which was not given yet"));
        }
        let added_seqno = edit.added.iter().map(|(_, meta)| meta.largest_seqno).max().unwrap_or_default();
        Ok(Self {
            version: if edit.changes_files() {
                Arc::new(self.version.apply(edit)?)
            } else {
                Arc::clone(&self.version)
            },
            log_number,
            newest_log,
            next_file,
            last_seqno: last_seqno.max(added_seqno),
            log_seqno,
        })
    }

    /// Edits that make this state when they are applied to the empty state.
    pub(super) fn snapshot(&self) -> Vec<VersionEdit> {
        let files: Vec<_> = self.version.files().map(|(level, meta)| (level, Arc::clone(meta))).collect();
        let numbers = VersionEdit {
            log_number: self.log_number,
            newest_log: self.newest_log,
            next_file: Some(self.next_file),
            last_seqno: Some(self.last_seqno),
            log_seqno: Some(self.log_seqno),
            ..VersionEdit::default()
        };
        let mut named = BTreeSet::new();
        let pieces = files.chunks(SNAPSHOT_FILES).map(|added| {
            // A value file is added with the first SST that points into it.
            let shares = added.iter().flat_map(|(_, meta)| &meta.values);
            let first = shares.filter(|share| named.insert(share.file));
            let values = first.filter_map(|share| self.version.value_file(share.file)).map(|file| file.meta);
            VersionEdit { values: values.collect(), added: added.to_vec(), ..VersionEdit::default() }
        });
        std::iter::once(numbers).chain(pieces).collect()
    }
}
