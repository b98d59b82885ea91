//! Verification of a table: rows against their keys and index entries.
//!
//! Every entry of every row is looked up, and all entries are counted: if the counts agree, rows
//! and entries match one to one. Otherwise each entry is compared with the row that it names. The
//! row count is compared with the number of rows.

use crate::base::KeyRange;
use crate::engine::VerifyReport;
use crate::error::{Disagreement, Error, FindingKind, Result};
use crate::table::catalog::TableInfo;
use crate::table::write::mutate::PREFIX;
use crate::table::write::owner::{self, EntryMatch};
use crate::table::write::stored_row::StoredRow;
use crate::txn::EntryScan;

/// The most disagreements that are listed.
const FINDING_LIMIT: usize = 1000;

/// Disagreements so far.
#[derive(Default)]
pub(in crate::table) struct Findings {
    found: Disagreement,
}

impl Findings {
    fn add(&mut self, info: &TableInfo, kind: FindingKind, index: Option<usize>, primary_key: &[u8]) {
        self.found.count += 1;
        if self.found.findings.len() < FINDING_LIMIT {
            self.found.findings.push(info.finding(kind, index, primary_key));
        }
    }

    pub(in crate::table) fn into_result(self) -> Result<()> {
        if self.found.count == 0 { Ok(()) } else { Err(Error::Disagreement(self.found)) }
    }
}

/// Compares one table. `rows` is a scan over its keyspace.
///
/// Cost: reads every row and every entry, and looks up every entry of every row; if there are stray
/// entries, also looks up a row for each entry of that index.
pub(in crate::table) fn table<T: StoredRow>(
    mut rows: EntryScan,
    info: &TableInfo,
    verified: &mut VerifyReport,
    findings: &mut Findings,
) -> Result<()> {
    let (mut seen, mut row_count) = (vec![0u64; info.indexes.len()], 0i64);
    while let Some(found) = rows.next()? {
        verified.row_count += 1;
        row_count += 1;
        let (key, primary_key) = (found.key, &found.key[PREFIX..]);
        let Ok(row) = T::open(info, &found.value.load()?) else {
            findings.add(info, FindingKind::UnreadableRow, None, primary_key);
            continue;
        };
        if info.row_key(&row).finish().ok() != Some(key) {
            findings.add(info, FindingKind::OtherKey, None, primary_key);
        }
        let entries = info.entries(primary_key, &row)?;
        for entry in entries.iter().filter(|entry| info.indexes[entry.index].is_readable()) {
            let owner: &[u8] = if entry.owned { primary_key } else { &[] };
            let kind = match found.state.reader().get(&entry.key, |value| value == owner)? {
                Some(true) => {
                    seen[entry.index] += 1;
                    continue;
                }
                Some(false) => FindingKind::OtherOwner,
                None => FindingKind::MissingEntry,
            };
            findings.add(info, kind, Some(entry.index), primary_key);
        }
    }
    if info.row_count_in(rows.state().reader())?.is_some_and(|kept| kept != row_count) {
        findings.add(info, FindingKind::OtherRowCount, None, &[]);
    }
    for (ordinal, seen) in
        seen.into_iter().enumerate().filter(|(ordinal, _)| info.indexes[*ordinal].is_readable())
    {
        let range = KeyRange::prefix(&info.indexes[ordinal].keyspace.prefix());
        let mut count = 0;
        let mut entries = another(&rows, range.clone())?;
        while entries.next()?.is_some() {
            count += 1;
        }
        verified.entry_count += count;
        if count == seen {
            continue;
        }
        let mut entries = another(&rows, range)?;
        while let Some(found) = entries.next()? {
            let (value, reader) = (found.value.load()?, found.state.reader());
            if owner::entry_match::<T>(reader, info, ordinal, found.key, &value)? == EntryMatch::No {
                let primary_key = owner::of::<T>(info, ordinal, found.key, &value);
                findings.add(info, FindingKind::StrayEntry, Some(ordinal), primary_key);
            }
        }
    }
    verified.table_count += 1;
    Ok(())
}

fn another(rows: &EntryScan, range: KeyRange) -> Result<EntryScan> {
    rows.another(range).ok_or(Error::Unsupported("verifying what a transaction sees"))
}
