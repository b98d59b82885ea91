//! Repair of indexes and the row count: removes entries that no row has, adds missing ones, and
//! reports duplicates.
//!
//! ```text
//!   pass over each index   entries, a batch at a time ── a row that has it?  no: removed
//!   pass over the rows     rows, a batch at a time ──── the entry there?     no: added;  of another row: a duplicate
//! ```
//!
//! 1. Each batch is a transaction: what it concludes from a row or its absence holds at the commit,
//!    or it runs again.
//! 2. Rows are never written, and the entries of a row that cannot be decoded stay. A unique value
//!    that two rows have stays with the row that the index names, or goes to the first by primary
//!    key if it names none.
//! 3. A wrong row count is corrected at the end.
//! 4. A batch has a limit, so memory is bounded, and a writer waits for one batch at most.
//!
//! Only readable indexes are swept: `build` fills one that is being built, and one that is off has
//! no entries.

use std::fmt;

use crate::base::{KeyRange, after, successor};
use crate::error::Result;
use crate::table::catalog::TableInfo;
use crate::table::key::{Key, KeyReader};
use crate::table::schema::mapper::Table;
use crate::table::source::store::Store;
use crate::table::write::mutate::{PREFIX, RowEntry};
use crate::table::write::owner::{self, EntryMatch};
use crate::table::write::stored_row::StoredRow;
use crate::txn::Txn;

/// Entries of one transaction.
const BATCH_COUNT: usize = 256;

/// The most duplicates that are listed.
const DUPLICATE_LIMIT: usize = 1000;

/// What [`DefaultTable::sweep`](crate::DefaultTable::sweep) found and did.
#[non_exhaustive]
pub struct SweepReport<T: Table> {
    /// Rows that were looked at.
    pub row_count: u64,
    /// Index entries that were looked at.
    pub entry_count: u64,
    /// Entries that no row had, and that were removed.
    pub removed_count: u64,
    /// Entries that rows were missing, and that were added.
    pub added_count: u64,
    /// Rows that the struct of this program does not read, of which nothing was changed;
    /// [`unreadable`](crate::DefaultTable::unreadable) lists them.
    pub unreadable_count: u64,
    /// Unique values of rows that another row owns.
    pub duplicate_count: u64,
    /// By how much the row count that [`len`](crate::DefaultTable::len) returns was too large, or
    /// too small if below zero, before it was corrected.
    pub row_count_difference: i64,
    /// The first thousand of these, by primary key of the row that does not own the value.
    pub duplicates: Vec<Duplicate<T>>,
}

/// Two rows with one unique value; part of [`SweepReport`].
#[non_exhaustive]
pub struct Duplicate<T: Table> {
    /// The name of the index.
    pub index: &'static str,
    /// The row that owns the value.
    pub owner: T::PrimaryKey,
    /// The row that has it, too, and is not found by it.
    pub other: T::PrimaryKey,
}

/// The untyped result of a sweep.
#[derive(Default)]
pub(in crate::table) struct Sweep {
    pub(in crate::table) row_count: u64,
    pub(in crate::table) entry_count: u64,
    pub(in crate::table) removed_count: u64,
    pub(in crate::table) added_count: u64,
    pub(in crate::table) unreadable_count: u64,
    pub(in crate::table) duplicate_count: u64,
    pub(in crate::table) row_count_difference: i64,
    shared: Vec<SharedValue>,
}

/// A unique value of two rows, by their encoded primary keys.
struct SharedValue {
    index: usize,
    owner: Vec<u8>,
    other: Vec<u8>,
}

struct SweptBatch {
    swept: Sweep,
    /// Where the next batch begins; `None` after the last.
    next: Option<Vec<u8>>,
}

/// Makes the indexes with these ordinals agree with the rows.
pub(in crate::table) fn sweep<R: StoredRow>(
    store: &Store,
    info: &TableInfo,
    indexes: &[usize],
) -> Result<Sweep> {
    let mut swept = Sweep::default();
    for &index in indexes {
        let prefix = info.indexes[index].keyspace.prefix();
        in_batches(store, info, &prefix, &mut swept, |txn, range, count| {
            remove_strays::<R>(txn, info, index, (range, count))
        })?;
    }
    in_batches(store, info, &info.rows.prefix(), &mut swept, |txn, range, count| {
        add_missing::<R>(txn, info, indexes, (range, count))
    })?;
    if store.client().is_none() {
        swept.row_count_difference = store.count_rows(info)?.difference;
    }
    Ok(swept)
}

/// Runs `run` on consecutive pieces of a keyspace, each in a transaction of its own.
fn in_batches(
    store: &Store,
    info: &TableInfo,
    prefix: &[u8],
    swept: &mut Sweep,
    run: impl Fn(&Txn, KeyRange, usize) -> Result<SweptBatch>,
) -> Result<()> {
    let count = store.batch_count(BATCH_COUNT, 1);
    let mut next = Some(prefix.to_vec());
    while let Some(start) = next {
        let range = KeyRange { start, end: successor(prefix) };
        let batch = store.change(|txn| {
            if let Some(session) = txn.session() {
                info.ensure_current(session, &[])?;
            }
            run(txn, range.clone(), count)
        })?;
        swept.add(batch.swept);
        next = batch.next;
    }
    Ok(())
}

/// Removes the entries at the beginning of a range of an index that no row has.
fn remove_strays<R: StoredRow>(
    txn: &Txn,
    info: &TableInfo,
    index: usize,
    (range, most): (KeyRange, usize),
) -> Result<SweptBatch> {
    let mut scan = txn.scan(range)?;
    let mut entries = Vec::new();
    while entries.len() < most
        && let Some(found) = scan.next()?
    {
        entries.push((found.key.to_vec(), found.value.load()?.to_vec()));
    }
    drop(scan);
    let next = (entries.len() == most).then(|| entries.last().map(|(key, _)| after(key))).flatten();
    let mut swept = Sweep { entry_count: entries.len() as u64, ..Sweep::default() };
    for (key, value) in entries {
        // The entries of a row that cannot be decoded are removed with that row.
        let entry_match = txn.read(|reader| owner::entry_match::<R>(reader, info, index, &key, &value))?;
        if entry_match == EntryMatch::No {
            txn.delete(&key);
            swept.removed_count += 1;
        }
    }
    Ok(SweptBatch { swept, next })
}

/// Adds the missing entries of the rows at the beginning of a range.
fn add_missing<R: StoredRow>(
    txn: &Txn,
    info: &TableInfo,
    indexes: &[usize],
    (range, most): (KeyRange, usize),
) -> Result<SweptBatch> {
    let mut scan = txn.scan(range)?;
    let mut batch = SweptBatch { swept: Sweep::default(), next: None };
    let (mut rows, mut entry_count) = (Vec::new(), 0);
    // A row counts itself, and has any number of entries.
    while entry_count < most {
        let Some(found) = scan.next()? else { break };
        let (key, row) = (found.key.to_vec(), R::open(info, &found.value.load()?));
        let mut entries = Vec::new();
        if let Ok(row) = row {
            entries = info.entries(&key[PREFIX..], &row)?;
        } else {
            batch.swept.unreadable_count += 1;
        }
        entries.retain(|entry| indexes.contains(&entry.index));
        entry_count += 1 + entries.len();
        batch.next = Some(after(&key));
        rows.push((key, entries));
    }
    if entry_count < most {
        batch.next = None;
    }
    drop(scan);
    for (key, entries) in &rows {
        batch.swept.row_count += 1;
        for entry in entries {
            add(txn, entry, &key[PREFIX..], &mut batch.swept)?;
        }
    }
    Ok(batch)
}

/// Adds an entry of a row, unless it exists, or another row owns its value.
fn add(txn: &Txn, entry: &RowEntry, primary_key: &[u8], swept: &mut Sweep) -> Result<()> {
    let expected: &[u8] = if entry.owned { primary_key } else { &[] };
    match txn.get(&entry.key, <[u8]>::to_vec)? {
        Some(found) if found == expected => {}
        Some(owner) if entry.owned => {
            swept.duplicate_count += 1;
            if swept.shared.len() < DUPLICATE_LIMIT {
                swept.shared.push(SharedValue { index: entry.index, owner, other: primary_key.to_vec() });
            }
        }
        _ => {
            txn.put(&entry.key, expected);
            swept.added_count += 1;
        }
    }
    Ok(())
}

impl Sweep {
    fn add(&mut self, other: Self) {
        self.row_count += other.row_count;
        self.entry_count += other.entry_count;
        self.removed_count += other.removed_count;
        self.added_count += other.added_count;
        self.unreadable_count += other.unreadable_count;
        self.duplicate_count += other.duplicate_count;
        let room = DUPLICATE_LIMIT - self.shared.len();
        self.shared.extend(other.shared.into_iter().take(room));
    }
}

impl<T: Table> SweepReport<T> {
    /// Whether there was nothing to repair.
    pub fn is_clean(&self) -> bool {
        self.removed_count == 0
            && self.added_count == 0
            && self.unreadable_count == 0
            && self.duplicate_count == 0
            && self.row_count_difference == 0
    }

    /// Decodes the primary keys.
    pub(in crate::table) fn of(info: &TableInfo, swept: &Sweep) -> Result<Self> {
        let decode = |key: &[u8]| {
            let decoded = T::PrimaryKey::decode(&mut KeyReader::new(key));
            decoded.map_err(|fault| info.unreadable(key, fault))
        };
        let duplicate = |shared: &SharedValue| {
            let index = info.schema.indexes[shared.index].name;
            Ok(Duplicate { index, owner: decode(&shared.owner)?, other: decode(&shared.other)? })
        };
        Ok(Self {
            row_count: swept.row_count,
            entry_count: swept.entry_count,
            removed_count: swept.removed_count,
            added_count: swept.added_count,
            unreadable_count: swept.unreadable_count,
            duplicate_count: swept.duplicate_count,
            row_count_difference: swept.row_count_difference,
            duplicates: swept.shared.iter().map(duplicate).collect::<Result<_>>()?,
        })
    }
}

impl<T: Table> fmt::Debug for SweepReport<T> {
    /// Shows counts, and no key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SweepReport")
            .field("row_count", &self.row_count)
            .field("entry_count", &self.entry_count)
            .field("removed_count", &self.removed_count)
            .field("added_count", &self.added_count)
            .field("unreadable_count", &self.unreadable_count)
            .field("duplicate_count", &self.duplicate_count)
            .field("row_count_difference", &self.row_count_difference)
            .finish_non_exhaustive()
    }
}

impl<T: Table> fmt::Debug for Duplicate<T> {
    /// Shows the index, and no key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Duplicate").field("index", &self.index).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::batch::EntryBatch;
    use crate::engine::{Durability, ReadSet};
    use crate::error::Error;
    use crate::table::row;
    use crate::{Builder, DefaultTable};

    #[derive(crate::Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
    #[table(name = "things", crate = crate)]
    #[index(pair = (shelf, label), unique)]
    struct Thing {
        /// Text, so that the end of an entry could be a key in more than one way.
        #[primary_key]
        id: String,
        #[index(unique)]
        name: Option<String>,
        #[index]
        label: String,
        shelf: u8,
    }

    /// Places in the schema's list.
    const PAIR: usize = 0;
    const NAME: usize = 1;
    const LABEL: usize = 2;

    fn thing(n: u32) -> Thing {
        let name = (!n.is_multiple_of(4)).then(|| format!("name {n}"));
        let label = ["", "a", "a\0", "b"][n as usize % 4].to_owned();
        Thing { id: format!("{n}\0{}", n % 3), name, label: format!("{label}{n}"), shelf: 3 }
    }

    fn things(count: u32) -> (crate::Database, DefaultTable<Thing>) {
        let db = Builder::default().memtable_size(8 << 10).in_memory().unwrap();
        let table = db.table::<Thing>().unwrap();
        let rows: Vec<_> = (0..count).map(thing).collect();
        table.insert_many(&rows).unwrap();
        (db, table)
    }

    /// Writes past all that keeps rows and entries together.
    fn write(table: &DefaultTable<Thing>, key: &[u8], value: Option<&[u8]>) {
        let mut batch = EntryBatch::new();
        match value {
            Some(value) => batch.put(key, value),
            None => batch.delete(key),
        }
        let store = table.source().store().unwrap();
        store.engine().unwrap().commit(ReadSet::default(), batch, Durability::Fast).unwrap();
    }

    fn row_key(table: &DefaultTable<Thing>, row: &Thing) -> Vec<u8> {
        table.info().row_key(row).finish().unwrap().to_vec()
    }

    fn entry(table: &DefaultTable<Thing>, row: &Thing, index: usize) -> Vec<u8> {
        let key = row_key(table, row);
        let mut entries = table.info().entries(&key[PREFIX..], row).unwrap().into_iter();
        entries.find(|entry| entry.index == index).unwrap().key.to_vec()
    }

    fn sealed(row: &Thing) -> Vec<u8> {
        let mut bytes = Vec::new();
        row::seal(row, &mut bytes, false).unwrap();
        bytes
    }

    #[test]
    fn a_table_that_is_in_order_stays_as_it_is() {
        let (db, table) = things(700);
        let before = db.stats().visible_seqno;
        let swept = table.sweep().unwrap();
        assert!(swept.is_clean());
        assert_eq!((swept.row_count, swept.entry_count), (700, 2100));
        assert_eq!(db.stats().visible_seqno, before, "nothing is written");
    }

    #[test]
    fn entries_without_rows_go_and_missing_ones_come() {
        let (db, table) = things(700);
        // Every index loses entries, and rows lose theirs behind their back.
        for n in (0..700).step_by(7) {
            write(&table, &entry(&table, &thing(n), n as usize % 3), None);
        }
        for n in (3..700).step_by(70) {
            write(&table, &row_key(&table, &thing(n)), None);
        }
        // Entries that never had a row, one that names the wrong row, and bytes that are no entry
        // at all.
        let stray = Thing { id: "nobody".into(), name: Some("stray".into()), ..thing(5) };
        for index in [PAIR, NAME, LABEL] {
            write(&table, &entry(&table, &stray, index), Some(b"nobody\0\0"));
        }
        write(&table, &entry(&table, &thing(9), NAME), Some(b"8\x00\xff2\0\0"));
        let prefix = table.info().indexes[LABEL].keyspace.prefix();
        write(&table, &[&prefix[..], b"\xff\xff"].concat(), Some(b""));
        let Err(Error::Disagreement(found)) = db.verify() else { panic!("rows and entries disagree") };
        assert!(found.count() >= 120, "{found}");

        let swept = table.sweep().unwrap();
        assert_eq!((swept.row_count, swept.duplicate_count), (690, 0));
        assert!(swept.removed_count >= 30 && swept.added_count >= 90, "{swept:?}");
        db.verify().unwrap();
        assert!(table.sweep().unwrap().is_clean());
        assert_eq!(table.by().name.get(Some("name 9")).unwrap(), Some(thing(9)));
        assert_eq!(table.by().name.get(Some("stray")).unwrap(), None);
    }

    #[test]
    fn each_disagreement_is_told_by_its_kind_and_its_row() {
        let (db, table) = things(40);
        write(&table, &entry(&table, &thing(1), LABEL), None);
        write(&table, &entry(&table, &thing(2), NAME), Some(b"nobody\0\0"));
        let stray = Thing { id: "nobody".into(), name: Some("stray".into()), ..thing(5) };
        write(&table, &entry(&table, &stray, LABEL), Some(b""));
        write(&table, &row_key(&table, &thing(3)), Some(b"\x01\xff"));
        write(&table, &row_key(&table, &thing(6)), Some(&sealed(&Thing { id: "6".into(), ..thing(6) })));

        let Err(Error::Disagreement(found)) = db.verify() else { panic!("much is wrong") };
        let mut told: Vec<_> = found
            .findings()
            .iter()
            .map(|it| (it.kind(), it.index().unwrap_or_default(), it.primary_key::<Thing>().unwrap()))
            .map(|(kind, index, id)| format!("{kind:?} {index} {}", id.escape_default()))
            .collect();
        told.sort_unstable();
        let expected = [
            "MissingEntry label 1\\u{0}1",
            "OtherKey  6\\u{0}0",
            "OtherOwner name 2\\u{0}2",
            "StrayEntry label nobody",
            "StrayEntry name nobody",
            "UnreadableRow  3\\u{0}0",
        ];
        assert_eq!(told, expected);
        assert_eq!(found.count(), 6);
        assert!(!format!("{found} {found:?}").contains("nobody"), "no message has a value");

        // Entries are mended; what a row should be is not known here.
        let swept = table.sweep().unwrap();
        assert_eq!((swept.removed_count, swept.added_count, swept.unreadable_count), (2, 2, 1));
        assert_eq!(table.unreadable().remove_all().unwrap(), 1);
        table.remove(&thing(6).id).unwrap();
        db.verify().unwrap();
    }

    #[test]
    fn rows_that_share_a_unique_value_are_told_and_stay() {
        let (_db, table) = things(20);
        let twin = Thing { id: "twin".into(), ..thing(7) };
        write(&table, &row_key(&table, &twin), Some(&sealed(&twin)));
        let swept = table.sweep().unwrap();
        let mut told: Vec<_> =
            swept.duplicates.iter().map(|found| (found.index, &*found.owner, &*found.other)).collect();
        told.sort_unstable();
        assert_eq!(told, [("name", &*thing(7).id, "twin"), ("pair", &*thing(7).id, "twin")]);
        assert_eq!((swept.duplicate_count, swept.added_count), (2, 1), "the label may repeat");
        assert!(!format!("{swept:?} {:?}", swept.duplicates).contains("twin"), "no message has a value");
        assert_eq!(table.by().name.get(Some("name 7")).unwrap(), Some(thing(7)));
        assert_eq!(table.get("twin").unwrap(), Some(twin));
        // Once one row has another value, no duplicate is left; the shared entries went with it.
        table.modify("twin", |row| row.name = Some("own".into())).unwrap();
        table.modify("twin", |row| row.shelf = 4).unwrap();
        let swept = table.sweep().unwrap();
        assert_eq!((swept.added_count, swept.removed_count, swept.duplicate_count), (2, 0, 0));
        assert!(table.sweep().unwrap().is_clean());
        assert_eq!(table.by().name.get(Some("name 7")).unwrap(), Some(thing(7)));
    }

    #[test]
    fn a_sweep_respects_those_who_write_meanwhile() {
        let (db, table) = things(300);
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let writers: Vec<_> = (0..2)
                .map(|writer| {
                    let (table, done) = (&table, &done);
                    scope.spawn(move || {
                        for n in (0..300).step_by(2).cycle().map(|n| n + writer).take(4000) {
                            if done.load(Ordering::Relaxed) {
                                break;
                            }
                            table.remove(&thing(n).id).unwrap();
                            table.upsert(&Thing { shelf: 4, ..thing(n) }).unwrap();
                        }
                    })
                })
                .collect();
            for round in 0..6 {
                for n in (round..300).step_by(30) {
                    let stray = Thing { id: format!("stray {n}"), ..thing(1000 + n) };
                    write(&table, &entry(&table, &stray, LABEL), Some(b""));
                }
                let swept = table.sweep();
                let strays =
                    swept.map(|swept| (swept.removed_count, swept.added_count, swept.duplicate_count));
                done.store(round == 5 || strays.is_err(), Ordering::Relaxed);
                assert_eq!(strays.unwrap(), (10, 0, 0));
            }
            for writer in writers {
                writer.join().unwrap();
            }
        });
        db.verify().unwrap();
    }
}
