//! Batched inserts: the lookups of several rows are prefetched together, so that their cache misses
//! overlap.
//!
//! ```text
//!   rows ── a few at a time: keys and entries ── any of them there?
//!             no ──► written one after the other, each against those before it
//!             yes, or something is wrong with a key ──► inserted one after the other, so that the first fault is told
//! ```

use super::mutate::{Mutation, NewRow, PREFIX, PRIMARY_KEY};
use super::stored_row::StoredRow;
use crate::error::Result;

/// Rows whose lookups overlap.
const BATCH_COUNT: usize = 16;

impl Mutation<'_> {
    /// Inserts rows in their order; the first violation ends it with the error of
    /// [`insert`](Self::insert).
    pub(in crate::table) fn insert_many<T: StoredRow>(&self, rows: &[&T]) -> Result<()> {
        self.prefetch_rows(rows)?;
        let (row_count, mut bytes) = (rows.len(), Vec::new());
        for (done, rows) in rows.chunks(BATCH_COUNT).enumerate() {
            bytes.clear();
            match self.newcomers(rows, &mut bytes)? {
                Some(newcomers) => newcomers.iter().try_for_each(|new| self.add_newcomer(new, &bytes))?,
                None => rows.iter().try_for_each(|row| self.insert_uncounted(*row))?,
            }
            if done == 0 {
                self.txn.expect_more(row_count / BATCH_COUNT);
            }
        }
        self.add_to_row_count(0i64.wrapping_add_unsigned(row_count as u64));
        Ok(())
    }

    /// Encodes rows if none of their keys exists; `None` if they have to be inserted one by one.
    /// Their bytes are added to `bytes`.
    fn newcomers<T: StoredRow>(&self, rows: &[&T], bytes: &mut Vec<u8>) -> Result<Option<Vec<NewRow>>> {
        if rows.len() == 1 || !self.info.has_one_owner_each() {
            return Ok(None);
        }
        let newcomer = |row: &&T| self.new_row(*row, bytes, &mut None);
        let Ok(newcomers) = rows.iter().map(newcomer).collect::<Result<Vec<_>>>() else { return Ok(None) };
        let keys = newcomers.iter().filter_map(|new| new.key.finish().ok());
        let wanted: Vec<&[u8]> = keys.chain(newcomers.iter().flat_map(NewRow::owned)).collect();
        newcomers.iter().flat_map(NewRow::owned).for_each(|value| self.txn.reserve_or_wait(value));
        self.prefetch(|| &*wanted)?;
        let is_there = self.txn.read(|reader| reader.contains_any(&wanted))?;
        Ok((!is_there).then_some(newcomers))
    }

    /// Inserts a row whose keys did not exist before this statement's own writes.
    fn add_newcomer(&self, new: &NewRow, bytes: &[u8]) -> Result<()> {
        let key = new.key.finish()?;
        let primary_key = &key[PREFIX..];
        if self.txn.put_new(key, &bytes[new.bytes.clone()]).is_some() {
            return Err(self.violation(PRIMARY_KEY, primary_key));
        }
        for entry in &new.entries {
            if !entry.owned {
                self.txn.put(&entry.key, &[]);
            } else if let Some(owner) = self.txn.put_new(&entry.key, primary_key) {
                return Err(self.violation(self.info.schema.indexes[entry.index].name, &owner));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::{Deserialize, Serialize};

    use crate::{Database, DefaultTable};

    #[derive(crate::Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
    #[table(name = "guests", crate = crate)]
    struct Guest {
        #[primary_key]
        id: u16,
        #[index(unique)]
        name: String,
        #[index(unique)]
        seat: Option<u16>,
        #[index]
        table: u8,
    }

    impl Guest {
        fn of((id, name, seat): (u16, u16, Option<u16>)) -> Self {
            // One name in a thousand is too long for a key.
            let name = if name % 1000 == 7 { "n".repeat(3000) } else { format!("name {name}") };
            Self { id, name, seat, table: id.to_le_bytes()[0] % 3 }
        }
    }

    fn guests(ids: u16, most: usize) -> impl Strategy<Value = Vec<Guest>> {
        let guest = (0..ids, any::<u16>(), prop::option::of(any::<u16>())).prop_map(Guest::of);
        prop::collection::vec(guest, 0..most)
    }

    /// What comes of adding each row by itself, until one cannot be added.
    fn one_by_one(table: &DefaultTable<Guest>, rows: &[Guest]) -> String {
        format!("{:?}", rows.iter().try_for_each(|row| table.insert(row)))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn many_rows_at_once_end_as_the_same_rows_one_by_one(
            stored in guests(2000, 30),
            written in guests(2000, 4),
            removed in prop::option::of(any::<prop::sample::Index>()),
            added in guests(2000, 60),
            again in prop::option::of((any::<prop::sample::Index>(), any::<prop::sample::Index>())),
        ) {
            let db = Database::in_memory().expect("in memory");
            let guests = db.table::<Guest>().expect("new");
            for row in &stored {
                let _ = guests.insert(row);
            }
            let mut added = added;
            if let (Some((from, to)), false) = (again, added.is_empty()) {
                // A name comes twice.
                let (from, to) = (from.index(added.len()), to.index(added.len()));
                added[to].name = added[from].name.clone();
            }
            let outcome = |at_once: bool| {
                let tx = db.begin();
                let table = tx.table::<Guest>().expect("there");
                for row in &written {
                    let _ = table.insert(row);
                }
                if let (Some(removed), false) = (removed, stored.is_empty()) {
                    // What this transaction has removed may come again.
                    table.remove(stored[removed.index(stored.len())].id).expect("a transaction goes on");
                }
                let end = if at_once {
                    format!("{:?}", table.insert_many(&added))
                } else {
                    one_by_one(&table, &added)
                };
                let rows = table.iter().collect_vec().expect("a transaction goes on");
                if at_once && end == "Ok(())" {
                    tx.commit().expect("nobody else writes");
                }
                (end, rows)
            };
            let (alone, together) = (outcome(false), outcome(true));
            prop_assert_eq!(&together.0, &alone.0);
            if together.0 == "Ok(())" {
                prop_assert_eq!(&together.1, &alone.1);
                prop_assert_eq!(&guests.iter().collect_vec().expect("readable"), &alone.1);
            }
            db.verify().expect("rows and entries agree");
        }
    }
}
