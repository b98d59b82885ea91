//! The version set: the view of readers and the manifest behind it. A version edit is durable in
//! the manifest first, then visible to readers, and only then are files removed.
//!
//! 1. The manifest and the view change under one lock, so in one order.
//! 2. A file is removed when no version names it: the inputs of a compaction after the edit that
//!    replaced them is durable, the outputs of one whose edit failed after a new manifest has
//!    decided, durably, that it does not count. While the outcome of a write to the manifest is
//!    unknown, every file stays that the state before it or after it names; when the engine is
//!    closed then, the next opening finds out which of the two holds.
//! 3. A file is closed by a change of the view alone: see `files::Handle`. Its name goes when it is
//!    open for every reader that may come to need it: those of older views.
//! 4. A file that cannot be removed is tried again with the next change; the next opening moves it
//!    aside.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use arc_swap::{ArcSwap, Guard};

use crate::base::{FileNumber, KeyRange, SeqNo};
use crate::engine::read::held::PinnedMemory;
use crate::engine::read::levels::{Levels, NewFiles};
use crate::engine::read::view::View;
use crate::env::Env;
use crate::error::Result;
use crate::files::{FileName, FileStore, ObsoleteFile};
use crate::manifest::{ManifestState, ManifestWriter, Version, VersionEdit};
use crate::memtable::Memtable;
use crate::sst::SstStore;
use crate::sync::{Arc, AtomicBool, Mutex, Ordering};
use crate::vlog::ValueStore;

pub(super) struct VersionSet {
    // Constant after opening.
    env: Arc<dyn Env>,
    dir: PathBuf,
    sst_store: Arc<SstStore>,

    // Each with its own synchronization.
    view: ArcSwap<View>,
    /// What iterators still hold of older views.
    pub(super) held: PinnedMemory,
    is_closing_files: AtomicBool,

    manifest: Mutex<OpenManifest>,
}

/// The manifest that edits go to.
pub(super) struct OpenManifest {
    writer: ManifestWriter,
    /// Whether the outcome of a write is unknown, of an edit or of `CURRENT`, or nothing can be
    /// added to a manifest that an opening has read: the next edit goes to a new file.
    broken: bool,
    /// The number that the next SST or manifest gets.
    next_file: FileNumber,
    /// The first number that was allocated since the opening.
    first_file: FileNumber,
    /// Files that no manifest names that may be read again, whatever became of the writes that
    /// failed.
    obsolete: ObsoleteFiles,
    /// Files of edits whose outcome is unknown. A new manifest decides that they do not count.
    doubted: ObsoleteFiles,
}

/// Files that are removed when it is certain that nothing names them.
#[derive(Default)]
struct ObsoleteFiles {
    ssts: Vec<ObsoleteFile<SstStore>>,
    values: Vec<ObsoleteFile<ValueStore>>,
}

impl ObsoleteFiles {
    /// The files that an edit makes known. One that only moves to another level may be read
    /// already.
    fn added_by(edit: &VersionEdit) -> Self {
        let moves = |number| edit.removed.iter().any(|(_, removed)| *removed == number);
        let made = edit.added.iter().map(|(_, meta)| meta.number).filter(|number| !moves(*number));
        Self {
            ssts: made.map(ObsoleteFile::unread).collect(),
            values: edit.values.iter().map(|meta| ObsoleteFile::unread(meta.number)).collect(),
        }
    }

    fn append(&mut self, mut other: Self) {
        self.ssts.append(&mut other.ssts);
        self.values.append(&mut other.values);
    }

    fn is_empty(&self) -> bool {
        self.ssts.is_empty() && self.values.is_empty()
    }
}

impl OpenManifest {
    /// A number that no file has.
    pub(super) fn allocate(&mut self) -> Result<FileNumber> {
        let number = self.next_file;
        self.next_file = number.next()?;
        Ok(number)
    }

    /// The state in the manifest, with the numbers that were allocated since.
    pub(super) fn state(&self) -> ManifestState {
        ManifestState { next_file: self.next_file, ..self.writer.state().clone() }
    }

    /// The names of the manifest and of its files, and of obsolete ones that still exist.
    pub(super) fn names(&self) -> HashSet<FileName> {
        let mut names = self.version().names();
        names.insert(FileName::Manifest(self.writer.number()));
        for files in [&self.obsolete, &self.doubted] {
            names.extend(files.ssts.iter().map(|file| FileName::Sst(file.number())));
            names.extend(files.values.iter().map(|file| FileName::Values(file.number())));
        }
        names
    }

    /// Whether a number was allocated since the opening, so that an unnamed file may still be being
    /// written.
    pub(super) fn is_recent(&self, number: FileNumber) -> bool {
        (self.first_file..self.next_file).contains(&number)
    }

    fn version(&self) -> Arc<Version> {
        Arc::clone(&self.writer.state().version)
    }
}

impl VersionSet {
    /// `next_file` is not below that of the writer's state. A writer that cannot append is replaced
    /// with the first edit.
    pub(super) fn new(
        (env, dir): (&Arc<dyn Env>, &Path),
        sst_store: &Arc<SstStore>,
        view: View,
        writer: ManifestWriter,
        next_file: FileNumber,
    ) -> Self {
        let broken = writer.is_poisoned();
        let (obsolete, doubted) = Default::default();
        let manifest = OpenManifest { writer, broken, next_file, first_file: next_file, obsolete, doubted };
        Self {
            env: Arc::clone(env),
            dir: dir.to_path_buf(),
            sst_store: Arc::clone(sst_store),
            view: ArcSwap::from_pointee(view),
            held: PinnedMemory::default(),
            is_closing_files: AtomicBool::new(false),
            manifest: Mutex::new(manifest),
        }
    }

    /// The view of readers, without a lock or a count. Not for long: it keeps a slot of the thread.
    #[inline]
    pub(super) fn view(&self) -> Guard<Arc<View>> {
        self.view.load()
    }

    /// The same to be kept.
    #[inline]
    pub(super) fn view_full(&self) -> Arc<View> {
        self.view.load_full()
    }

    /// Replaces the active memtable, which is frozen; its log ends before the segment `next_log`.
    /// The caller holds the log's lock, so no commit is applied meanwhile.
    pub(super) fn freeze(
        &self,
        next_log: FileNumber,
        dead: &Arc<[(KeyRange, SeqNo)]>,
        active: &Arc<Memtable>,
    ) {
        self.view.rcu(|view| view.with_frozen(next_log, dead, active));
    }

    pub(super) fn version(&self) -> Arc<Version> {
        self.manifest.lock().version()
    }

    /// A number that no file has.
    pub(super) fn allocate(&self) -> Result<FileNumber> {
        self.manifest.lock().allocate()
    }

    /// The first segment of the log that is still needed.
    pub(super) fn log_number(&self) -> Option<FileNumber> {
        self.manifest.lock().writer.state().log_number
    }

    /// Calls `read` while no edit is applied and no number allocated.
    pub(super) fn with_manifest<R>(&self, read: impl FnOnce(&OpenManifest) -> R) -> R {
        read(&self.manifest.lock())
    }

    /// Begins a new manifest after `prepare`, which gets the number of the next file: none is
    /// allocated meanwhile.
    #[cfg(feature = "encryption")]
    pub(super) fn renew_after(&self, prepare: impl FnOnce(FileNumber) -> Result<()>) -> Result<()> {
        let mut manifest = self.manifest.lock();
        prepare(manifest.next_file)?;
        self.replace(&mut manifest)
    }

    /// Begins a new manifest, removes all others, and calls `finish` before any edit.
    #[cfg(feature = "encryption")]
    pub(super) fn renew_before<R>(&self, finish: impl FnOnce() -> Result<R>) -> Result<R> {
        let mut manifest = self.manifest.lock();
        self.replace(&mut manifest)?;
        manifest.writer.remove_others()?;
        finish()
    }

    /// Makes an edit durable in the manifest, then visible: `shows` makes of a view the one with
    /// the SSTs after it, of which `new` are those that were not open before. `applied` is called
    /// with the version, in the order of edits. After an error nothing has changed, and the new
    /// files are removed when that is certain.
    pub(super) fn apply_edit(
        &self,
        edit: VersionEdit,
        new: &NewFiles,
        shows: impl Fn(&View, &Arc<Levels>) -> View,
        applied: impl FnOnce(&Version),
    ) -> Result<()> {
        let mut manifest = self.manifest.lock();
        let added = ObsoleteFiles::added_by(&edit);
        let numbers: HashSet<_> = edit.added.iter().map(|(_, meta)| meta.number).collect();
        let removed: HashSet<_> = edit.removed.iter().map(|(_, number)| *number).collect();
        if let Err(error) = self.decide(&mut manifest) {
            // No manifest has ever named them.
            manifest.obsolete.append(added);
            self.remove_unread(&mut manifest, false);
            return Err(error);
        }
        if let Err(error) = self.append(&mut manifest, edit) {
            if manifest.broken {
                manifest.doubted.append(added);
            } else {
                manifest.obsolete.append(added);
                self.remove_unread(&mut manifest, false);
            }
            return Err(error);
        }
        let version = manifest.version();
        {
            let before = Arc::clone(&self.view.load().levels);
            let levels = Arc::new(before.next_levels(&version, new));
            self.view.rcu(|view| shows(view, &levels));
            for (_, sst) in before.ssts().filter(|(_, sst)| removed.contains(&sst.meta().number)) {
                manifest.obsolete.ssts.push(sst.mark_obsolete());
                // One that is added again has moved.
                if !numbers.contains(&sst.meta().number) {
                    self.held.track_file(sst, sst.meta().size);
                }
            }
            for file in before.value_files().filter(|file| version.value_file(file.meta().number).is_none()) {
                manifest.obsolete.values.push(file.mark_obsolete());
                self.held.track_file(file, file.meta().size);
            }
        }
        applied(&version);
        self.remove_unread(&mut manifest, false);
        Ok(())
    }

    /// Records in the manifest up to which seqno the log is durable, so that the loss of its end is
    /// detected; returns whether that was new. Everything up to `last` was synced.
    pub(super) fn note_log_end(&self, last: SeqNo) -> Result<bool> {
        let mut manifest = self.manifest.lock();
        let state = manifest.writer.state();
        if last <= state.last_seqno.max(state.log_seqno) {
            return Ok(false);
        }
        // A database that is idle again and again notes this again and again.
        if manifest.writer.is_long() {
            self.replace(&mut manifest)?;
        }
        self.append(&mut manifest, VersionEdit { log_seqno: Some(last), ..VersionEdit::default() })?;
        Ok(true)
    }

    /// Marks the manifest as closed in order, if it is.
    pub(super) fn seal_manifest(&self) {
        let mut manifest = self.manifest.lock();
        if !manifest.broken {
            // Nothing depends on it.
            let _ = manifest.writer.seal();
        }
    }

    fn append(&self, manifest: &mut OpenManifest, edit: VersionEdit) -> Result<()> {
        self.decide(manifest)?;
        let edit = VersionEdit { next_file: Some(manifest.next_file), ..edit };
        let appended = manifest.writer.append(&edit).map(|_| ());
        manifest.broken = manifest.writer.is_poisoned();
        appended
    }

    /// An error unless the manifest can be written to; called before files are written that it is
    /// to name.
    pub(super) fn ready_manifest(&self) -> Result<()> {
        self.decide(&mut self.manifest.lock())
    }

    /// Begins a new manifest if the outcome of a write to this one is unknown.
    fn decide(&self, manifest: &mut OpenManifest) -> Result<()> {
        if manifest.broken { self.replace(manifest) } else { Ok(()) }
    }

    /// Begins a new manifest with the state before the edit that failed. When `CURRENT` names it
    /// durably, that decides that the edit does not count; after an error nothing is decided.
    fn replace(&self, manifest: &mut OpenManifest) -> Result<()> {
        let number = manifest.allocate()?;
        manifest.broken = true;
        let state = ManifestState { next_file: manifest.next_file, ..manifest.writer.state().clone() };
        manifest.writer = ManifestWriter::create(&self.sst_store.dir, number, state)?;
        manifest.broken = false;
        let doubted = std::mem::take(&mut manifest.doubted);
        manifest.obsolete.append(doubted);
        // Those that stay are removed by the next open.
        let _ = manifest.writer.remove_others();
        Ok(())
    }

    /// Removes files that no version names any more. A reader that may still need one has it open.
    fn remove_unread(&self, manifest: &mut OpenManifest, last: bool) {
        if manifest.obsolete.is_empty() {
            return;
        }
        let version = manifest.version();
        let named: HashSet<_> = version.files().map(|(_, meta)| meta.number).collect();
        manifest.obsolete.ssts.retain(|sst| {
            let path = FileName::Sst(sst.number()).path(&self.dir);
            !named.contains(&sst.number()) && !self.remove_if_ready(sst, &path, last)
        });
        manifest.obsolete.values.retain(|file| {
            let path = FileName::Values(file.number()).path(&self.dir);
            version.value_file(file.number()).is_none() && !self.remove_if_ready(file, &path, last)
        });
    }

    /// Removes a file that no version names if no reader may still open it; returns whether it is
    /// gone.
    fn remove_if_ready<P: FileStore>(&self, file: &ObsoleteFile<P>, path: &Path, last: bool) -> bool {
        file.is_ready(last) && self.env.remove(path).is_ok()
    }

    /// Whether a file is left that no version names, after a try to remove it.
    #[cfg(feature = "encryption")]
    pub(super) fn has_obsolete_files(&self) -> bool {
        let mut manifest = self.manifest.lock();
        self.remove_unread(&mut manifest, false);
        !(manifest.obsolete.is_empty() && manifest.doubted.is_empty())
    }

    /// Removes files whose names were kept for readers that might open them, for the last time.
    pub(super) fn remove_obsolete(&self) {
        self.remove_unread(&mut self.manifest.lock(), true);
    }

    /// Closes files that were not read lately, when nearly as many are open as may be.
    pub(super) fn close_unused(&self) {
        // A thread that comes while this runs finds it done, or comes again.
        if !self.is_closing_files.swap(true, Ordering::Acquire) {
            let count = self.sst_store.open_files.target();
            let closing = self.view.load().levels.least_used(count);
            if !closing.is_empty() {
                self.view.rcu(|view| view.with_levels(&Arc::new(view.levels.with_closed(&closing))));
            }
            self.is_closing_files.store(false, Ordering::Release);
        }
    }
}
