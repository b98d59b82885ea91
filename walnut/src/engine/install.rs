//! Changes the version: durable in the manifest first, then seen by readers, and only then are files removed.
//!
//! 1. The manifest and the view change under one lock, so in one order.
//! 2. A file is removed when no version names it: the inputs of a compaction after the edit that replaced them is
//!    durable, the outputs of one whose edit failed after a new manifest has decided that it does not count.
//! 3. A file is closed by a change of the view alone: see `files::Handle`. Its name goes when it is open for all who may come to read
//!    it: those of older views.
//! 4. A file that cannot be removed is tried again with the next change; the next opening moves it aside.

use std::collections::HashSet;
use std::path::Path;

use super::Core;
use super::levels::{Levels, NewFiles};
use super::view::View;
use crate::base::{FileNumber, SeqNo};
use crate::error::Result;
use crate::files::{FileName, Leaving, Place};
use crate::manifest::{ManifestState, ManifestWriter, Version, VersionEdit};
use crate::sst::SstPlace;
use crate::sync::{Arc, Ordering};
use crate::vlog::ValuePlace;

/// The manifest that edits go to.
#[derive(Debug)]
pub(super) struct Manifest {
    writer: ManifestWriter,
    /// Whether a write failed, so that nobody knows what stands at its end: the next edit goes to a new file.
    broken: bool,
    /// The number that the next SST or manifest gets.
    next_file: FileNumber,
    /// The first number that was given since the opening.
    first_file: FileNumber,
    /// SSTs that were named or were to be: those that are not, now, are to be removed.
    leaving: Vec<Leaving<SstPlace>>,
    /// The same of value files.
    leaving_values: Vec<Leaving<ValuePlace>>,
}

impl Manifest {
    pub(super) fn new(writer: ManifestWriter) -> Self {
        let next_file = writer.state().next_file;
        Self {
            writer,
            broken: false,
            next_file,
            first_file: next_file,
            leaving: Vec::new(),
            leaving_values: Vec::new(),
        }
    }

    /// A number that no file has.
    pub(super) fn allocate(&mut self) -> Result<FileNumber> {
        let number = self.next_file;
        self.next_file = number.next()?;
        Ok(number)
    }

    /// The first segment of the log that is still needed.
    pub(super) fn log_number(&self) -> Option<FileNumber> {
        self.writer.state().log_number
    }

    /// What the manifest says, with the numbers that were given since.
    pub(super) fn state(&self) -> ManifestState {
        ManifestState { next_file: self.next_file, ..self.writer.state().clone() }
    }

    /// The names of the manifest and of all that it names, and of what it has named and is still there.
    pub(super) fn names(&self) -> HashSet<FileName> {
        let mut names = self.version().names();
        names.insert(FileName::Manifest(self.writer.number()));
        names.extend(self.leaving.iter().map(|leaving| FileName::Sst(leaving.number())));
        names.extend(self.leaving_values.iter().map(|leaving| FileName::Values(leaving.number())));
        names
    }

    /// Whether a number was given since the opening, so that a file which nothing names may be in the making.
    pub(super) fn is_recent(&self, number: FileNumber) -> bool {
        (self.first_file..self.next_file).contains(&number)
    }

    /// The version of now.
    pub(super) fn version(&self) -> Arc<Version> {
        Arc::clone(&self.writer.state().version)
    }
}

impl Core {
    /// Makes an edit durable in the manifest; `shows` makes of a view the one with the SSTs after it, of which `new` are those
    /// that were not open before. After an error nothing has changed, and the new files go when that is certain.
    pub(super) fn install(
        &self,
        edit: VersionEdit,
        new: &NewFiles,
        shows: impl Fn(&View, &Arc<Levels>) -> View,
    ) -> Result<()> {
        let mut manifest = self.manifest.lock();
        let added: Vec<_> = edit.added.iter().map(|(_, meta)| meta.number).collect();
        let added_values: Vec<_> = edit.values.iter().map(|meta| meta.number).collect();
        let removed: HashSet<_> = edit.removed.iter().map(|(_, number)| *number).collect();
        if let Err(error) = self.append(&mut manifest, edit) {
            manifest.leaving.extend(added.into_iter().map(Leaving::unread));
            manifest.leaving_values.extend(added_values.into_iter().map(Leaving::unread));
            return Err(error);
        }
        let version = manifest.version();
        {
            let before = Arc::clone(&self.view.load().levels);
            let levels = Arc::new(before.become_those_of(&version, new));
            self.view.rcu(|view| shows(view, &levels));
            let leave = before.ssts().filter(|(_, sst)| removed.contains(&sst.meta().number));
            manifest.leaving.extend(leave.map(|(_, sst)| sst.leave()));
            let leave = before.value_files().filter(|file| version.value_file(file.meta().number).is_none());
            manifest.leaving_values.extend(leave.map(|file| file.leave()));
        }
        self.reckon_debt(&version);
        self.remove_leaving(&mut manifest, false);
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
        let number = manifest.allocate()?;
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

    /// Removes what no version names any more. Whoever may still read it has it open.
    fn remove_leaving(&self, manifest: &mut Manifest, last: bool) {
        if manifest.leaving.is_empty() && manifest.leaving_values.is_empty() {
            return;
        }
        let version = manifest.version();
        let named: HashSet<_> = version.files().map(|(_, meta)| meta.number).collect();
        manifest.leaving.retain(|sst| {
            let path = FileName::Sst(sst.number()).path(&self.dir);
            !named.contains(&sst.number()) && !self.goes(sst, &path, last)
        });
        manifest.leaving_values.retain(|file| {
            let path = FileName::Values(file.number()).path(&self.dir);
            version.value_file(file.number()).is_none() && !self.goes(file, &path, last)
        });
    }

    /// Removes the name of a file that no version names, if it can go; says whether it is gone.
    fn goes<P: Place>(&self, file: &Leaving<P>, path: &Path, last: bool) -> bool {
        file.is_ready(last) && self.env.remove(path).is_ok()
    }

    /// Removes files whose names stayed for somebody who might come to read them, for the last time.
    pub(super) fn remove_what_left(&self) {
        self.remove_leaving(&mut self.manifest.lock(), true);
    }

    /// Closes files that nobody read lately, when nearly as many are open as may be.
    pub(super) fn close_unused(&self) {
        // Whoever comes while this is done finds it done, or comes again.
        if !self.is_closing_files.swap(true, Ordering::Acquire) {
            let count = self.place.open_files.target();
            let closing = self.view.load().levels.least_used(count);
            if !closing.is_empty() {
                self.view.rcu(|view| view.with_levels(&Arc::new(view.levels.with_closed(&closing))));
            }
            self.is_closing_files.store(false, Ordering::Release);
        }
    }
}
