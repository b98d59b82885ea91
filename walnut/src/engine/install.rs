//! Changes the version: durable in the manifest first, then seen by readers, and only then are files removed.
//!
//! 1. The manifest and the view change under one lock, so in one order.
//! 2. A file is removed when no version names it: the inputs of a compaction after the edit that replaced them is
//!    durable, the outputs of one whose edit failed after a new manifest has decided that it does not count.
//! 3. A file that cannot be removed is tried again with the next change; the next opening moves it aside.

use std::path::PathBuf;

use super::Core;
use super::levels::{Levels, NewFiles};
use super::view::View;
use crate::base::{FileNumber, SeqNo};
use crate::error::Result;
use crate::manifest::{ManifestState, ManifestWriter, Version, VersionEdit};
use crate::sst;
use crate::sync::Arc;
use crate::vlog;

/// The manifest that edits go to.
#[derive(Debug)]
pub(super) struct Manifest {
    writer: ManifestWriter,
    /// Whether a write failed, so that nobody knows what stands at its end: the next edit goes to a new file.
    broken: bool,
    /// The number that the next SST or manifest gets.
    next_file: FileNumber,
    /// SSTs and value files that were named or were to be: those that are not, now, are to be removed.
    leaving: Vec<(FileNumber, PathBuf)>,
}

impl Manifest {
    pub(super) fn new(writer: ManifestWriter) -> Self {
        let next_file = writer.state().next_file;
        Self { writer, broken: false, next_file, leaving: Vec::new() }
    }

    /// A number that no file has.
    pub(super) fn allocate(&mut self) -> FileNumber {
        let number = self.next_file;
        self.next_file = number.next();
        number
    }

    /// What the manifest says, with the numbers that were given since.
    pub(super) fn state(&self) -> ManifestState {
        ManifestState { next_file: self.next_file, ..self.writer.state().clone() }
    }

    /// The version of now.
    pub(super) fn version(&self) -> Arc<Version> {
        Arc::clone(&self.writer.state().version)
    }
}

impl Core {
    /// Makes an edit durable in the manifest; `shows` makes of a view the one with the files after it, of which `new` are those
    /// that were not open before. After an error nothing has changed, and the new files go when that is certain.
    pub(super) fn install(
        &self,
        edit: VersionEdit,
        new: &NewFiles,
        shows: impl Fn(&View, &Arc<Levels>) -> View,
    ) -> Result<()> {
        let mut manifest = self.manifest.lock();
        let sst = |number: FileNumber| (number, sst::path(&self.dir, number));
        let values = |number: FileNumber| (number, vlog::path(&self.dir, number));
        let added = edit.added.iter().map(|(_, meta)| sst(meta.number));
        let added: Vec<_> = added.chain(edit.values.iter().map(|meta| values(meta.number))).collect();
        let mut removed: Vec<_> = edit.removed.iter().map(|(_, number)| sst(*number)).collect();
        let before = manifest.version();
        if let Err(error) = self.append(&mut manifest, edit) {
            manifest.leaving.extend(added);
            return Err(error);
        }
        let version = manifest.version();
        removed.extend(before.value_files().map(|file| values(file.meta.number)));
        let levels = Arc::new(self.view.load().levels.become_those_of(&version, new));
        self.view.rcu(|view| shows(view, &levels));
        manifest.leaving.extend(removed);
        self.remove_leaving(&mut manifest);
        Ok(())
    }

    /// Notes where the log ends that was closed, so that the loss of its end is found.
    pub(super) fn note_log_end(&self, last: SeqNo) -> Result<()> {
        let mut manifest = self.manifest.lock();
        let state = manifest.writer.state();
        if last <= state.last_seqno.max(state.log_seqno) {
            return Ok(());
        }
        self.append(&mut manifest, VersionEdit { log_seqno: Some(last), ..VersionEdit::default() })
    }

    fn append(&self, manifest: &mut Manifest, edit: VersionEdit) -> Result<()> {
        if manifest.broken {
            self.replace(manifest)?;
        }
        let edit = VersionEdit { next_file: Some(manifest.next_file), ..edit };
        let appended = manifest.writer.append(&edit).map(|_| ());
        manifest.broken = appended.is_err();
        appended
    }

    /// Begins a new manifest with the state before the edit that failed, which decides that it does not count.
    fn replace(&self, manifest: &mut Manifest) -> Result<()> {
        let number = manifest.allocate();
        let state = ManifestState { next_file: manifest.next_file, ..manifest.writer.state().clone() };
        manifest.writer = ManifestWriter::create(
            Arc::clone(&self.env),
            self.dir.clone(),
            number,
            self.place.database,
            state,
        )?;
        manifest.broken = false;
        // Those that stay are removed by the next open.
        let _ = manifest.writer.remove_others();
        Ok(())
    }

    /// Removes what no version names any more. Whoever reads it has it open.
    fn remove_leaving(&self, manifest: &mut Manifest) {
        let version = manifest.version();
        manifest.leaving.retain(|(number, path)| !version.names(*number) && self.env.remove(path).is_err());
    }
}
