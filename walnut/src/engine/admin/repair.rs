//! Copies what is readable of a damaged database into a new one.
//!
//! ```text
//!   SSTs: sound blocks ─┐
//!   log: sound records ─┴─ merged by key, newest first ──► the live value of each key ──► commits to the new database
//! ```
//!
//! 1. The source is only read: no lock is taken, no file is created, changed or removed.
//! 2. An entry is copied when its block, or its record of the log, is sound; a large value, when
//!    its record in the value log is.
//! 3. What is damaged is reported as a range of keys. In such a range keys may be missing, older
//!    than they were, or back that were removed: the newest version may have been in what is lost.
//! 4. Without a manifest every SST in the directory is read. Files that a merge had replaced and
//!    that were not removed yet may bring back removed keys; so everything counts as lost then.
//! 5. Memory is one block for each run of SSTs, and the log.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::base::{Entry, FileNumber, Fragments, KeyRange, Kind, Operand, SeqNo, after};
use crate::batch::EntryBatch;
use crate::codec::ValuePointer;
use crate::crypt::{DataKeys, EncryptionKey};
use crate::cursor::{Coverage, Direction, EntryCursor, MergeCursor};
use crate::engine::admin::keys;
use crate::engine::follow::LogMemtables;
use crate::engine::{Durability, Engine, ReadSet, directory};
use crate::env::Env;
use crate::error::{Fault, Result};
use crate::files::{DatabaseDir, FileName};
use crate::manifest::{self, LoadedManifest};
use crate::memtable::{DeltaCursor, MemtableCursor};
use crate::sst::{LostKeys, LostSink, SalvageCursor, SalvagedSst, SstMeta};
use crate::sync::{Arc, Mutex};
use crate::vlog::SalvagedValues;
use crate::wal;

/// The bytes of entries that are committed at once.
const COMMIT_SIZE: usize = 1 << 20;

/// What was copied, and what was not.
#[derive(Debug, Default)]
pub(crate) struct Salvaged {
    pub(crate) key_count: u64,
    /// In the order of their keys.
    pub(crate) lost: Vec<LostKeys>,
    /// The highest id of a keyspace in which something was found.
    pub(crate) last_keyspace: u32,
}

#[expect(clippy::large_enum_variant, reason = "there are few, and they are moved only when they are made")]
enum RepairSource {
    Run(SalvagedRun),
    Memtable(DeltaCursor),
}

impl EntryCursor for RepairSource {
    fn entry(&self) -> Option<Entry<'_>> {
        match self {
            Self::Run(run) => run.current.as_ref()?.entry(),
            Self::Memtable(cursor) => cursor.entry(),
        }
    }

    fn advance(&mut self) -> Result<()> {
        match self {
            Self::Run(run) => run.advance(),
            Self::Memtable(cursor) => cursor.advance(),
        }
    }
}

/// SSTs of which no two share a key, one after the other.
struct SalvagedRun {
    source: Arc<RepairSsts>,
    waiting: std::vec::IntoIter<SalvagedSst>,
    current: Option<SalvageCursor>,
}

/// How the SSTs of the source are opened.
struct RepairSsts {
    env: Arc<dyn Env>,
    dir: PathBuf,
    keys: DataKeys,
    database: Option<[u8; 16]>,
    lost: LostSink,
}

impl RepairSsts {
    /// `None` when the file cannot be opened, which is reported.
    fn open(&self, sst: &SalvagedSst) -> Result<Option<(SalvageCursor, Option<Arc<Fragments>>)>> {
        let path = FileName::Sst(sst.number).path(&self.dir);
        match self.env.open(&path) {
            Ok(file) => SalvageCursor::open(file, &self.keys, self.database, sst, &self.lost).map(Some),
            Err(error) => {
                let (range, reason) = (sst.bounds.clone(), error.to_string());
                self.lost.lock().push(LostKeys { range, file: path, offset: 0, reason });
                Ok(None)
            }
        }
    }
}

impl SalvagedRun {
    fn advance(&mut self) -> Result<()> {
        if let Some(current) = &mut self.current {
            current.advance()?;
        }
        while self.current.as_ref().is_none_or(|current| current.entry().is_none()) {
            let Some(next) = self.waiting.next() else {
                self.current = None;
                return Ok(());
            };
            self.current = self.source.open(&next)?.map(|(cursor, _)| cursor);
        }
        Ok(())
    }
}

/// What is known of the source.
struct RepairState {
    database: Option<[u8; 16]>,
    ssts: Vec<SalvagedSst>,
    first_log: FileNumber,
    /// The last sequence number in the SSTs, and the last that the log has to have.
    last_seqno: SeqNo,
    log_seqno: SeqNo,
}

/// A database whose files may be damaged, which is only read.
pub(crate) struct DamagedDatabase {
    env: Arc<dyn Env>,
    dir: PathBuf,
    keys: DataKeys,
    names: Vec<String>,
    state: RepairState,
    lost: LostSink,
}

impl DamagedDatabase {
    /// Looks at the directory, which has to hold a file of a database that can be read.
    pub(crate) fn open(machine: &Arc<dyn Env>, dir: &Path, key: Option<&EncryptionKey>) -> Result<Self> {
        let env = directory::hold_to_read(machine, dir)?;
        let keys = keys::find_in_damaged(&*env, dir, key)?;
        let lost: LostSink = Arc::new(Mutex::default());
        let names = env.list(dir)?;
        let state = find_state(&env, dir, &keys, &names, &lost)?;
        Ok(Self { env, dir: dir.to_owned(), keys, names, state, lost })
    }
}

impl Engine {
    /// Copies what is readable of a damaged database into this one, which is empty.
    pub(crate) fn salvage(&self, source: DamagedDatabase) -> Result<Salvaged> {
        let memtables = self.salvage_log(&source)?;
        let DamagedDatabase { env, dir, keys, state, lost, .. } = source;
        let ssts = Arc::new(RepairSsts {
            env: Arc::clone(&env),
            dir: dir.clone(),
            keys: keys.clone(),
            database: state.database,
            lost: Arc::clone(&lost),
        });
        let mut lists: Vec<Arc<dyn crate::base::RangeTombstones>> = Vec::new();
        for sst in &state.ssts {
            // What is damaged is reported when the file is read for its entries.
            let before = lost.lock().len();
            let opened = ssts.open(sst)?;
            lost.lock().truncate(before);
            if let Some((_, Some(fragments))) = opened {
                lists.push(fragments);
            }
        }
        let mut sources: Vec<RepairSource> = Vec::new();
        for frozen in memtables.frozen() {
            if frozen.memtable.has_range_tombstones() {
                lists.push(Arc::clone(&frozen.memtable) as _);
            }
            let cursor = MemtableCursor::new(frozen.memtable, &KeyRange::all(), Direction::Forward);
            sources.push(RepairSource::Memtable(DeltaCursor::new(cursor)));
        }
        for run in runs(state.ssts) {
            let mut run = SalvagedRun { source: Arc::clone(&ssts), waiting: run.into_iter(), current: None };
            run.advance()?;
            sources.push(RepairSource::Run(run));
        }
        let merge = MergeCursor::new(sources, Direction::Forward);
        let mut copy = RepairCopy {
            target: self,
            batch: EntryBatch::new(),
            values: SalvagedValueFiles { env, dir, keys, database: state.database, open: BTreeMap::new() },
            coverage: Coverage::new(SeqNo::MAX, lists),
            salvaged: Salvaged::default(),
            lost: &lost,
        };
        copy.run(merge)?;
        let mut salvaged = copy.salvaged;
        salvaged.lost = std::mem::take(&mut *lost.lock());
        salvaged.lost.sort_by(|one, other| one.range.start.cmp(&other.range.start));
        Ok(salvaged)
    }

    fn salvage_log(&self, source: &DamagedDatabase) -> Result<LogMemtables> {
        let DamagedDatabase { env, dir, keys, names, state, lost } = source;
        let mut memtables = LogMemtables::new(state.last_seqno, self.config.memtable_size);
        let Some(database) = state.database else { return Ok(memtables) };
        let log_dir = DatabaseDir { env: Arc::clone(env), path: dir.clone(), database, keys: keys.clone() };
        let report = |number, offset, reason| {
            let file = FileName::Segment(number).path(dir);
            lost.lock().push(LostKeys { range: KeyRange::all(), file, offset, reason });
        };
        let reached = wal::salvage(
            &log_dir,
            names,
            state.first_log,
            state.last_seqno.plus(1),
            &mut |replayed| memtables.add(replayed),
            &mut |commits| report(commits.number, commits.offset, commits.reason),
        )?;
        memtables.settle();
        let expected = state.last_seqno.max(state.log_seqno).plus(1);
        if reached < expected {
            let reason = format!("commits {} to {} are missing", reached.0, expected.0 - 1);
            report(state.first_log, 0, reason);
        }
        Ok(memtables)
    }
}

/// What the manifest says of the source, or the directory when there is none that can be read.
fn find_state(
    env: &Arc<dyn Env>,
    dir: &Path,
    keys: &DataKeys,
    names: &[String],
    lost: &LostSink,
) -> Result<RepairState> {
    let reason = match manifest::load(&**env, dir, names, keys) {
        Ok(Some(loaded)) if is_behind(env, dir, keys, names, &loaded) => "it has lost its end".to_owned(),
        Ok(Some(loaded)) => return Ok(RepairState::of(&loaded)),
        Ok(None) => "it is missing".to_owned(),
        Err(error) => error.to_string(),
    };
    let files: Vec<FileName> = names.iter().filter_map(|name| FileName::parse(name)).collect();
    let database = files.iter().find_map(|name| database_of(&**env, dir, keys, *name));
    if database.is_none() {
        directory::refuse(dir, "no file of a database in it can be read")?;
    }
    let ssts = files.iter().filter_map(|name| match name {
        // Its range tombstones need no report of their own: all keys are reported below.
        FileName::Sst(number) => {
            Some(SalvagedSst { number: *number, bounds: KeyRange::all(), has_range_tombstones: false })
        }
        _ => None,
    });
    let reason = format!("without a manifest, removed or replaced keys may be back: {reason}");
    let file = FileName::Current.path(dir);
    lost.lock().push(LostKeys { range: KeyRange::all(), file, offset: 0, reason });
    let (first_log, seqno) = (FileNumber::default(), SeqNo::ZERO);
    Ok(RepairState { database, ssts: ssts.collect(), first_log, last_seqno: seqno, log_seqno: seqno })
}

impl RepairState {
    fn of(loaded: &LoadedManifest) -> Self {
        let state = &loaded.state;
        let candidate = |meta: &SstMeta| SalvagedSst {
            number: meta.number,
            bounds: KeyRange { start: meta.smallest.clone(), end: Some(meta.end.clone()) },
            has_range_tombstones: meta.fragment_count > 0,
        };
        Self {
            database: Some(loaded.database),
            ssts: state.version.files().map(|(_, meta)| candidate(meta)).collect(),
            first_log: state.log_number.unwrap_or_default(),
            last_seqno: state.last_seqno,
            log_seqno: state.log_seqno,
        }
    }
}

/// Whether a manifest is older than the files: the log begins behind what its SSTs have, and there
/// are SSTs that it does not name. Its last edits are damaged then, which looks like a torn tail.
fn is_behind(
    env: &Arc<dyn Env>,
    dir: &Path,
    keys: &DataKeys,
    names: &[String],
    loaded: &LoadedManifest,
) -> bool {
    let state = &loaded.state;
    let (path, keys) = (dir.to_owned(), keys.clone());
    let log_dir = DatabaseDir { env: Arc::clone(env), path, database: loaded.database, keys };
    let oldest = wal::oldest_seqno(&log_dir, names, state.log_number.unwrap_or_default());
    let counted = state.version.names();
    let mut found = names.iter().filter_map(|name| FileName::parse(name));
    oldest.is_none_or(|oldest| oldest > state.last_seqno.plus(1))
        && found.any(|name| matches!(name, FileName::Sst(_)) && !counted.contains(&name))
}

/// The id in the header of a file.
fn database_of(env: &dyn Env, dir: &Path, keys: &DataKeys, name: FileName) -> Option<[u8; 16]> {
    use crate::codec::FileKind;
    let kind = match name {
        FileName::Sst(_) => FileKind::Sst,
        FileName::Segment(_) => FileKind::Wal,
        FileName::Manifest(_) => FileKind::Manifest,
        FileName::Values(_) => FileKind::ValueFile,
        _ => return None,
    };
    let file = env.open(&name.path(dir)).ok()?;
    let bytes = file.read_vec_at(keys.header_size(), 0).ok()?;
    keys.open(kind, &bytes).ok().map(|(header, _)| header.database)
}

/// SSTs in as few runs as their bounds permit.
fn runs(mut ssts: Vec<SalvagedSst>) -> Vec<Vec<SalvagedSst>> {
    ssts.sort_by(|one, other| one.bounds.start.cmp(&other.bounds.start));
    let mut runs: Vec<Vec<SalvagedSst>> = Vec::new();
    for sst in ssts {
        let is_behind =
            |last: &SalvagedSst| last.bounds.end.as_ref().is_some_and(|end| *end <= sst.bounds.start);
        match runs.iter_mut().find(|run| run.last().is_some_and(is_behind)) {
            Some(run) => run.push(sst),
            None => runs.push(vec![sst]),
        }
    }
    runs
}

/// The value files of the source, opened when they are first needed.
struct SalvagedValueFiles {
    env: Arc<dyn Env>,
    dir: PathBuf,
    keys: DataKeys,
    database: Option<[u8; 16]>,
    open: BTreeMap<FileNumber, Option<Arc<SalvagedValues>>>,
}

impl SalvagedValueFiles {
    fn value(&mut self, pointer: &[u8], key: &[u8]) -> Result<Vec<u8>> {
        let pointer = ValuePointer::decode(pointer).map_err(|fault| fault.at(&self.dir, 0))?;
        let path = FileName::Values(pointer.file).path(&self.dir);
        let (env, keys, database) = (&self.env, &self.keys, self.database);
        let file = self.open.entry(pointer.file).or_insert_with(|| {
            let file = env.open(&path).ok()?;
            SalvagedValues::open(file, keys, database, pointer.file).ok().map(Arc::new)
        });
        let file = file.as_ref().ok_or_else(|| Fault::Missing.at(&path, pointer.offset))?;
        file.value(&pointer, key)
    }
}

/// The copying of live entries.
struct RepairCopy<'a> {
    target: &'a Engine,
    batch: EntryBatch,
    values: SalvagedValueFiles,
    coverage: Coverage,
    salvaged: Salvaged,
    lost: &'a LostSink,
}

impl RepairCopy<'_> {
    fn run(&mut self, mut merge: MergeCursor<RepairSource>) -> Result<()> {
        while let Some(entry) = merge.entry() {
            let key = entry.key.to_vec();
            if let Some(value) = self.newest(&key, &mut merge)? {
                self.put(&key, &value)?;
            }
            while merge.entry().is_some_and(|entry| entry.key == key) {
                merge.advance()?;
            }
        }
        self.commit()
    }

    /// The live value of the current key.
    fn newest(&mut self, key: &[u8], merge: &mut MergeCursor<RepairSource>) -> Result<Option<Vec<u8>>> {
        let (mut sum, mut last) = (None, None);
        while let Some(entry) = merge.entry().filter(|entry| entry.key == key) {
            if self.coverage.hides(key, entry.seqno) {
                break;
            }
            match (entry.kind, entry.operand()) {
                // The same version may be in two files of which one has replaced the other.
                (Kind::Add, _) if last == Some(entry.seqno) => {}
                (Kind::Add, Operand::Delta(delta)) => sum = Some(sum.unwrap_or(0i64).wrapping_add(delta)),
                (_, Operand::Base(base)) if sum.is_some() => {
                    return Ok(sum.map(|sum| sum.wrapping_add(base).to_le_bytes().to_vec()));
                }
                (Kind::Put, _) => return Ok(Some(entry.value.to_vec())),
                (Kind::Pointer, _) => return Ok(self.large(key, entry.value)),
                _ => return Ok(None),
            }
            last = Some(entry.seqno);
            merge.advance()?;
        }
        Ok(sum.map(|sum| sum.to_le_bytes().to_vec()))
    }

    /// A value of the value log; `None` when it is damaged, which is reported.
    fn large(&mut self, key: &[u8], pointer: &[u8]) -> Option<Vec<u8>> {
        self.values
            .value(pointer, key)
            .map_err(|error| {
                let (file, offset) = match &error {
                    crate::error::Error::Corruption { file, offset, .. } => (file.clone(), *offset),
                    _ => (self.values.dir.clone(), 0),
                };
                let range = KeyRange { start: key.to_vec(), end: Some(after(key)) };
                self.lost.lock().push(LostKeys { range, file, offset, reason: error.to_string() });
            })
            .ok()
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        if !self.batch.is_empty() && self.batch.size() + key.len() + value.len() > COMMIT_SIZE {
            self.commit()?;
        }
        self.batch.put(key, value);
        self.salvaged.key_count += 1;
        if let Some(id) = key.first_chunk() {
            self.salvaged.last_keyspace = self.salvaged.last_keyspace.max(u32::from_be_bytes(*id));
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<()> {
        let batch = std::mem::replace(&mut self.batch, EntryBatch::new());
        self.target.commit(ReadSet::default(), batch, Durability::Fast)
    }
}
