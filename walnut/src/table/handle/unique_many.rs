//! Batched lookups by a unique index: first the owners of the values, then their rows.

use smallvec::SmallVec;

use super::index::Unique;
use crate::error::{FindingKind, Result};
use crate::table::key::{Key, KeyWriter};
use crate::table::row;
use crate::table::schema::mapper::Table;
use crate::table::source::Access;
use crate::table::write::mutate::{PREFIX, engine_key};

const BATCH_COUNT: usize = 32;

impl<T: Table, K: Key, M: Access> Unique<'_, T, K, M> {
    /// The rows that own these values, in the order of the values, all of one snapshot; `None` for
    /// a value without an owner.
    ///
    /// Cost: two look-ups for each value; several run side by side.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use walnut::{Database, Table};
    /// # #[derive(Table, Serialize, Deserialize)]
    /// # struct User { #[primary_key] id: u64, #[index(unique)] email: String }
    /// # let users = Database::in_memory()?.table::<User>()?;
    /// users.insert(&User { id: 7, email: "ann@x.org".into() })?;
    /// let found = users.by().email.get_many(["bob@x.org", "ann@x.org"])?;
    /// assert_eq!(found.iter().map(|user| user.as_ref().map(|user| user.id)).collect::<Vec<_>>(), [None, Some(7)]);
    /// # Ok::<(), walnut::Error>(())
    /// ```
    pub fn get_many<'k>(&self, values: impl IntoIterator<Item = K::Ref<'k>>) -> Result<Vec<Option<T>>> {
        self.table.ensure_readable(self.ordinal)?;
        let entry = |value: K::Ref<'k>| (!K::ref_is_none(&value)).then(|| self.entry(&value));
        let entries: Vec<Option<KeyWriter>> = values.into_iter().map(entry).collect();
        let (info, prefix) = (self.table.info(), self.table.info().rows.prefix());
        let mut rows: Vec<Option<T>> = Vec::with_capacity(entries.len());
        self.table.source().read(|reader| {
            rows.clear();
            for entries in entries.chunks(BATCH_COUNT) {
                // Positions of the values that can be looked up at all, and then of those that have
                // an owner.
                let sought =
                    |entry: &Option<KeyWriter>| entry.as_ref().is_some_and(|entry| entry.sought().is_some());
                let sought_indexes: SmallVec<[usize; BATCH_COUNT]> =
                    (0..entries.len()).filter(|&at| sought(&entries[at])).collect();
                let keys: SmallVec<[&[u8]; BATCH_COUNT]> =
                    entries.iter().flatten().filter_map(KeyWriter::sought).collect();
                let mut owners: Vec<(usize, KeyWriter)> = Vec::with_capacity(keys.len());
                let mut next = sought_indexes.iter();
                reader.get_many(&keys, |owner| {
                    let at = next.next().copied().unwrap_or_default();
                    owners.extend(owner.map(|owner| (at, engine_key(prefix, |out| out.push(owner)))));
                    Ok(())
                })?;
                let first = rows.len();
                rows.resize_with(first + entries.len(), || None);
                let keys = owners
                    .iter()
                    .map(|(_, key)| key.finish())
                    .collect::<Result<SmallVec<[&[u8]; BATCH_COUNT]>>>()?;
                let mut next = owners.iter();
                reader.get_many(&keys, |stored| {
                    let Some((at, key)) = next.next() else { return Ok(()) };
                    let primary_key = &key.finish()?[PREFIX..];
                    let stray = || {
                        info.finding(FindingKind::StrayEntry, Some(self.ordinal), primary_key).into_error()
                    };
                    let row = row::open(stored.ok_or_else(stray)?);
                    rows[first + at] = Some(row.map_err(|fault| info.unreadable(primary_key, fault))?);
                    Ok(())
                })?;
            }
            Ok(())
        })?;
        Ok(rows)
    }
}
