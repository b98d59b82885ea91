//! Copies a database into another one, between any two engines.
//!
//! ```text
//!   begin    the target's next keyspace lies behind those of the source, and a mark says so
//!   pass     both sides are walked in step, and what differs is written to the target
//!   ..       again, until a pass finds no difference and all it has read was one state of the source
//!   end      one commit: tables and keyspaces are in the catalog, and the mark is gone
//! ```
//!
//! ```text
//!   00000000 'p'            -> version of this form (1), then the next keyspace id, u32 little-endian: a copy has begun
//! ```
//!
//! 1. Until the end the target has no table and no keyspace, so no program opens half of one. A
//!    table that a program creates meanwhile shares no key with the copy, which then fails.
//! 2. Keys, values and keyspace ids are those of the source: no struct is needed, and indexes need
//!    not be built.
//! 3. An interrupted copy starts over. It keeps no position, since the source may have changed, and
//!    a pass writes nothing where both sides agree.
//! 4. The last pass has verified every key of the target against the source.

use std::cmp::Ordering;

use crate::backend::SLOT;
use crate::base::{KeyRange, KeyspaceId, SeqNo, after};
use crate::engine::Durability;
use crate::error::{Error, Fault, Result};
use crate::sync::Arc;
use crate::table::catalog;
use crate::table::catalog::keyspaces;
use crate::table::source::snapshot::Snapshot;
use crate::table::source::store::Store;
use crate::txn::{EntryScan, Txn};

/// The kind of the mark in the catalog.
const COPYING: u8 = b'p';

/// The version of the mark's format.
const FORM: u8 = 1;

/// The most entries and bytes of the source that are compared in one transaction of the target.
const WINDOW_COUNT: usize = 1000;
const WINDOW_SIZE: usize = 4 << 20;

/// Passes after which a copy fails: the source, or the target, is being written.
const MAX_PASSES: u32 = 16;

/// Attempts to read on after which an engine is taken to keep no snapshot for long enough.
const MAX_ROUNDS: u32 = 16;

/// Kinds of catalog entries that are copied besides those of tables and keyspaces.
const NOTES: &[u8] = b"bgkm";

/// What a copy has done: [`copy`](crate::remote::copy) returns it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct CopyReport {
    /// The names of the tables, sorted.
    pub tables: Vec<String>,
    /// The names of the keyspaces of the raw engine, sorted.
    pub keyspaces: Vec<String>,
    /// Keys that both databases have now: rows, index entries, keys of the raw engine.
    pub key_count: u64,
    /// Keys that were written or removed by this call. An interrupted call before may have written
    /// others.
    pub written_count: u64,
    /// The number of passes over both sides.
    pub pass_count: u32,
}

/// How far a copy is: [`copy_with`](crate::remote::copy_with) passes it to its closure.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct CopyProgress {
    /// The number of the pass, from 1. Most copies need two: one that writes, and one that
    /// verifies.
    pub pass: u32,
    /// Keys that this pass has compared.
    pub key_count: u64,
    /// Keys that were written or removed, by all passes.
    pub written_count: u64,
}

struct CopyJob<'c> {
    from: &'c Arc<Store>,
    to: &'c Arc<Store>,
    snapshot: Snapshot,
    /// Whether this pass has read several snapshots, because the engine has dropped one.
    has_moved: bool,
    progress: CopyProgress,
    report: &'c mut dyn FnMut(&CopyProgress) -> Result<()>,
}

type Entry = (Vec<u8>, Vec<u8>);

/// Identifies a state of the source.
#[derive(PartialEq, Eq)]
enum SourceVersion {
    /// The last commit.
    Commit(SeqNo),
    /// The slots of all clients: each commit writes one.
    Slots(Vec<Entry>),
}

struct Contents {
    tables: Vec<String>,
    keyspaces: Vec<String>,
    /// The catalog records of tables and keyspaces.
    records: Vec<Entry>,
    /// The ids of all keyspaces in use, sorted.
    ids: Vec<u32>,
}

impl Contents {
    fn of(snapshot: &Snapshot) -> Result<Self> {
        let dir = snapshot.dir();
        let tables = catalog::stored(|range| snapshot.scan(range), dir)?;
        let keyspaces = keyspaces::all(|range| snapshot.scan(range), dir)?;
        let mut records = Vec::new();
        for prefix in record_prefixes() {
            let mut scan = snapshot.scan(KeyRange::prefix(&prefix))?;
            while let Some(record) = next_of(&mut scan)? {
                records.push(record);
            }
        }
        let of_tables = tables.iter().flat_map(|(_, table)| [vec![table.rows], table.keyspaces()].concat());
        let mut ids: Vec<u32> = of_tables.chain(keyspaces.iter().map(|(_, id)| *id)).collect();
        ids.sort_unstable();
        let tables = tables.into_iter().map(|(name, _)| name).collect();
        let keyspaces = keyspaces.into_iter().map(|(name, _)| name).collect();
        Ok(Self { tables, keyspaces, records, ids })
    }

    /// The ranges of a pass, in order, up to the keyspace `next`, each with whether the source has
    /// it. The others can only hold what an earlier copy has left in the target.
    fn ranges(&self, next: u32, with_row_counts: bool) -> Vec<(KeyRange, bool)> {
        let notes = NOTES.iter().map(|letter| KeyRange::prefix(&catalog::catalog_key(*letter, &[])));
        let row_counts = with_row_counts.then(|| KeyRange::prefix(&KeyspaceId::ROW_COUNTS.prefix()));
        let mut ranges: Vec<_> = notes.chain(row_counts).map(|range| (range, true)).collect();
        let end = Some(KeyspaceId(next).prefix().to_vec());
        let mut gap = KeyRange { start: KeyspaceId(catalog::FIRST_KEYSPACE).prefix().to_vec(), end };
        for id in &self.ids {
            let here = KeyRange::prefix(&KeyspaceId(*id).prefix());
            ranges.push((KeyRange { start: gap.start, end: Some(here.start.clone()) }, false));
            gap.start = KeyspaceId(id.saturating_add(1)).prefix().to_vec();
            ranges.push((here, true));
        }
        ranges.push((gap, false));
        ranges.retain(|(range, _)| !range.is_empty());
        ranges
    }
}

impl Store {
    /// Copies everything into `to`, which is empty or holds part of an earlier copy, and calls
    /// `report` after each transaction; its error ends the copy.
    pub(crate) fn copy_to(
        self: &Arc<Self>,
        to: &Arc<Self>,
        report: &mut dyn FnMut(&CopyProgress) -> Result<()>,
    ) -> Result<CopyReport> {
        if self.storage().address() == to.storage().address() {
            return Err(Error::Unsupported("copying a database into itself"));
        }
        let progress = CopyProgress { pass: 0, key_count: 0, written_count: 0 };
        let snapshot = Snapshot::new(self);
        let mut copy = CopyJob { from: self, to, snapshot, has_moved: false, progress, report };
        while copy.progress.pass < MAX_PASSES {
            if let Some(contents) = copy.pass()? {
                return copy.end(contents);
            }
        }
        Err(Error::SnapshotTooOld)
    }
}

impl CopyJob<'_> {
    /// One pass; returns the source's contents if there was no difference and the pass has read a
    /// single state.
    fn pass(&mut self) -> Result<Option<Contents>> {
        self.progress = CopyProgress { pass: self.progress.pass + 1, key_count: 0, ..self.progress };
        let (version, contents) = self.look()?;
        let next = self.begin(contents.ids.last().copied().unwrap_or_default())?;
        let before = self.progress.written_count;
        for (range, is_of_source) in contents.ranges(next, self.copies_row_counts()) {
            self.walk(range, is_of_source)?;
        }
        let is_same = self.progress.written_count == before && (!self.has_moved || self.look()?.0 == version);
        Ok(is_same.then_some(contents))
    }

    /// The state of the source from now on, and its contents.
    fn look(&mut self) -> Result<(SourceVersion, Contents)> {
        self.has_moved = false;
        let mut round = 0;
        loop {
            match self.version().and_then(|version| Ok((version, Contents::of(&self.snapshot)?))) {
                Ok(found) => return Ok(found),
                Err(error) => self.renew(error, round)?,
            }
            round += 1;
        }
    }

    /// Reads a newer snapshot of the source, if that may help after `round` other transactions.
    fn renew(&mut self, error: Error, round: u32) -> Result<()> {
        let may_help = match (&error, self.from.client()) {
            (Error::SnapshotTooOld, _) => round < MAX_ROUNDS,
            (Error::Unavailable(_), Some(client)) => {
                client.is_patient() && {
                    client.pause(round);
                    true
                }
            }
            _ => false,
        };
        if !may_help {
            return Err(error);
        }
        (self.snapshot, self.has_moved) = (Snapshot::new(self.from), true);
        Ok(())
    }

    /// Whether both engines have row counts. A shared engine has none; after a copy from there, the
    /// first `len` counts the rows.
    fn copies_row_counts(&self) -> bool {
        self.from.client().is_none() && self.to.client().is_none()
    }

    fn version(&self) -> Result<SourceVersion> {
        if self.from.client().is_none() {
            return Ok(SourceVersion::Commit(self.snapshot.at()));
        }
        let (mut slots, mut scan) =
            (Vec::new(), self.snapshot.scan(KeyRange::prefix(&catalog::catalog_key(SLOT, &[])))?);
        while let Some(slot) = next_of(&mut scan)? {
            slots.push(slot);
        }
        Ok(SourceVersion::Slots(slots))
    }

    /// Marks the target as one into which keyspaces up to `last` are copied. Returns the first
    /// keyspace behind the copy.
    fn begin(&self, last: u32) -> Result<u32> {
        self.to.change_internally(self.to.durability(), |txn| {
            ensure_unused(txn)?;
            catalog::reserve_above(txn, last, self.to.dir())?;
            let next = catalog::next_keyspace(txn)?;
            if mark(txn)? != Some(next) {
                txn.put(&mark_key(), &[&[FORM][..], &next.to_le_bytes()].concat());
            }
            Ok(next)
        })
    }

    /// Makes a range of the target equal to the source's; empties it if the source has none.
    fn walk(&mut self, mut rest: KeyRange, is_of_source: bool) -> Result<()> {
        let (mut scan, mut round) = (None, 0);
        while !rest.is_empty() {
            let window = if is_of_source { self.read(&mut scan, &rest) } else { Ok(Window::empty(&rest)) };
            let window = match window {
                Ok(window) => window,
                Err(error) => {
                    self.renew(error, round)?;
                    (scan, round) = (None, round + 1);
                    continue;
                }
            };
            round = 0;
            let mut done = KeyRange { start: rest.start, end: window.end.clone() };
            while !done.is_empty() {
                let changed = self
                    .to
                    .change_internally(self.to.durability(), |txn| window.change(txn, &done, self.to))?;
                self.progress.written_count += changed.count;
                let Some(next) = changed.rest else { break };
                done.start = next;
                (self.report)(&self.progress)?;
            }
            self.progress.key_count += window.entries.len() as u64;
            (self.report)(&self.progress)?;
            let Some(end) = window.end else { break };
            rest.start = end;
        }
        Ok(())
    }

    /// The next entries of the source; begins a scan if there is none.
    fn read(&self, scan: &mut Option<EntryScan>, rest: &KeyRange) -> Result<Window> {
        let scan = match scan {
            Some(scan) => scan,
            none => none.insert(self.snapshot.scan(rest.clone())?),
        };
        Window::read(scan, rest)
    }

    /// Publishes the tables and keyspaces.
    fn end(self, contents: Contents) -> Result<CopyReport> {
        let Contents { tables, keyspaces, mut records, .. } = contents;
        if !self.copies_row_counts() {
            let dir = self.to.dir();
            for (_, record) in records.iter_mut().filter(|(key, _)| key.starts_with(&catalog::table_key("")))
            {
                *record = catalog::without_row_count(record).map_err(|fault| fault.at(dir, 0))?;
            }
        }
        self.to.change_internally(Durability::Safe, |txn| {
            ensure_unused(txn)?;
            for (key, record) in &records {
                txn.put(key, record);
            }
            txn.delete(&mark_key());
            Ok(())
        })?;
        let CopyProgress { pass, key_count, written_count } = self.progress;
        Ok(CopyReport { tables, keyspaces, key_count, written_count, pass_count: pass })
    }
}

/// Consecutive entries of the source.
struct Window {
    entries: Vec<Entry>,
    /// The first key behind the window, if it has an end.
    end: Option<Vec<u8>>,
}

struct WindowOutcome {
    count: u64,
    /// Where to continue, if the window was not finished.
    rest: Option<Vec<u8>>,
}

impl Window {
    fn empty(range: &KeyRange) -> Self {
        Self { entries: Vec::new(), end: range.end.clone() }
    }

    /// The next entries of a scan of `rest`.
    fn read(scan: &mut EntryScan, rest: &KeyRange) -> Result<Self> {
        let (mut entries, mut size) = (Vec::new(), 0);
        while entries.len() < WINDOW_COUNT && size < WINDOW_SIZE {
            let Some(entry) = next_of(scan)? else { return Ok(Self { entries, end: rest.end.clone() }) };
            size += entry.0.len() + entry.1.len();
            entries.push(entry);
        }
        let end = entries.last().map(|(key, _)| after(key));
        Ok(Self { entries, end })
    }

    /// Makes a part of the window in the target equal to the source's, as far as one commit can.
    fn change(&self, txn: &Txn, range: &KeyRange, to: &Store) -> Result<WindowOutcome> {
        let (max_count, max_size) = (to.batch_count(WINDOW_COUNT, 1), to.batch_size(WINDOW_SIZE, 1));
        let first = self.entries.partition_point(|(key, _)| *key < range.start);
        let mut wanted = self.entries[first..].iter().peekable();
        let mut scan = txn.scan(range.clone())?;
        let mut here = next_of(&mut scan)?;
        let (mut changes, mut size, mut rest) = (Vec::new(), 0, None);
        loop {
            let order = match (wanted.peek(), &here) {
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((key, _)), Some((there, _))) => key.cmp(there),
            };
            let is_same = order.is_eq() && wanted.peek().copied() == here.as_ref();
            if !is_same {
                let entry = wanted.peek().copied().filter(|_| order.is_le());
                let key = entry.or(here.as_ref()).map(|(key, _)| key.clone()).unwrap_or_default();
                size += key.len() + entry.map_or(0, |(_, value)| value.len());
                let is_full = changes.len() == max_count || (size > max_size && !changes.is_empty());
                if is_full {
                    rest = Some(key);
                    break;
                }
                changes.push((key, entry.map(|(_, value)| value)));
            }
            if order.is_le() {
                wanted.next();
            }
            if order.is_ge() {
                here = next_of(&mut scan)?;
            }
        }
        for (key, value) in &changes {
            match value {
                Some(value) => txn.put(key, value),
                None => txn.delete(key),
            }
        }
        Ok(WindowOutcome { count: changes.len() as u64, rest })
    }
}

fn next_of(scan: &mut EntryScan) -> Result<Option<Entry>> {
    let Some(found) = scan.next()? else { return Ok(None) };
    Ok(Some((found.key.to_vec(), found.value.load()?.to_vec())))
}

fn mark_key() -> Vec<u8> {
    catalog::catalog_key(COPYING, &[])
}

/// The next keyspace id at the beginning of a copy.
fn mark(txn: &Txn) -> Result<Option<u32>> {
    let mark = txn.get(&mark_key(), |bytes| match bytes {
        [FORM, next @ ..] => next.try_into().map(u32::from_le_bytes).ok(),
        _ => None,
    })?;
    mark.map(|next| next.ok_or_else(|| txn.corruption(Fault::Invalid("mark of a copy")))).transpose()
}

/// An error for a target in which a program has created a table or a keyspace, even if it was
/// dropped since: a program that has not noticed the drop would take a copied keyspace for its own.
fn ensure_unused(txn: &Txn) -> Result<()> {
    let next = catalog::next_keyspace(txn)?;
    let mut is_used = next != mark(txn)?.unwrap_or(catalog::FIRST_KEYSPACE);
    for prefix in record_prefixes() {
        is_used |= txn.scan(KeyRange::prefix(&prefix))?.next()?.is_some();
    }
    if is_used {
        return Err(Error::Unsupported(
            "copying into a database that has, or once had, a table or a keyspace",
        ));
    }
    Ok(())
}

/// The key prefixes of the records of tables and keyspaces.
fn record_prefixes() -> [Vec<u8>; 2] {
    [catalog::table_key(""), keyspaces::keyspace_key("")]
}
