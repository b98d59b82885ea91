//! The end of a repair: losses by table, and indexes that are built anew where rows or entries may
//! be missing.

use std::fmt;
use std::path::PathBuf;

use crate::base::{KeyRange, KeyspaceId, successor};
use crate::engine::Salvaged;
use crate::error::Result;
use crate::table::catalog;
use crate::table::catalog::keyspaces;
use crate::table::key::KeyShape;
use crate::table::source::store::Store;

/// What a repair has copied, and what not: [`repair`](crate::repair) returns it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct RepairReport {
    /// Keys that were copied: rows, index entries, entries of the catalog, and keys of the raw
    /// engine.
    pub key_count: u64,
    /// The names of the tables in the new database, sorted.
    pub tables: Vec<String>,
    /// What was lost, in the order of the keys. Nothing was, when this is empty.
    pub lost: Vec<LostRange>,
}

/// A part of a damaged file, and the keys that it may have held; part of [`RepairReport`].
///
/// Rows in the range may be missing, may be older than they were, or may be back that were removed:
/// their newest version may have been in what is damaged.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct LostRange {
    /// What holds the keys.
    pub owner: LostOwner,
    /// The first key of the range, encoded as [`Key`](crate::Key) says: a primary key of a table, a
    /// key of a keyspace. Empty for all from the first one.
    pub from: Vec<u8>,
    /// The first key behind the range; `None` for all up to the last one.
    pub to: Option<Vec<u8>>,
    /// The same as text, such as `keys from 7 before 12`: typed where the catalog
    /// knows how the keys of the table are encoded, else hexadecimal. Holds stored keys, so
    /// `Display` leaves it out.
    pub keys: String,
    /// The damaged file.
    pub file: PathBuf,
    /// Where the damage begins, in bytes.
    pub offset: u64,
    /// What is wrong, as a sentence.
    pub reason: String,
}

/// What holds the keys of a [`LostRange`].
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum LostOwner {
    /// Rows of the table of this name.
    Table(String),
    /// A keyspace of the raw engine of this name.
    Keyspace(String),
    /// The catalog: tables may be missing, with all their rows.
    Catalog,
}

impl fmt::Display for LostOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Table(name) => write!(f, "table {name:?}"),
            Self::Keyspace(name) => write!(f, "keyspace {name:?}"),
            Self::Catalog => f.write_str("the catalog"),
        }
    }
}

impl fmt::Display for LostRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.from.is_empty() && self.to.is_none() { "any key" } else { "a range of keys" };
        let Self { owner, file, offset, reason, .. } = self;
        write!(f, "{owner}, {what}: {} at byte {offset}: {reason}", file.display())
    }
}

impl Store {
    /// Completes a database into which `salvaged` was copied: reserves the ids in use, marks
    /// indexes for a build where something was lost, and reports the losses.
    pub(crate) fn complete_repair(&self, salvaged: &Salvaged) -> Result<RepairReport> {
        let dir = self.dir();
        self.change(|txn| catalog::reserve_above(txn, salvaged.last_keyspace, dir))?;
        let tables = catalog::stored(|range| self.scan_now(range), dir)?;
        let keyspaces = keyspaces::all(|range| self.scan_now(range), dir)?;
        let mut repaired = RepairReport { key_count: salvaged.key_count, ..RepairReport::default() };
        for (name, table) in &tables {
            if table.has_row_count {
                self.change(|txn| catalog::forget_row_count(txn, name, dir))?;
            }
            let indexes = table.keyspaces();
            let is_lost = |id: u32| salvaged.lost.iter().any(|lost| within(&lost.range, id).is_some());
            if indexes.iter().chain(&[table.rows]).any(|id| is_lost(*id)) {
                self.change(|txn| catalog::rebuild(txn, name, dir))?;
            }
        }
        let owners = tables
            .iter()
            .map(|(name, table)| (table.rows, LostOwner::Table(name.clone()), table.key_shape()))
            .chain(keyspaces.iter().map(|(name, id)| (*id, LostOwner::Keyspace(name.clone()), None)))
            .chain([(KeyspaceId::CATALOG.0, LostOwner::Catalog, None)]);
        for (id, owner, shape) in owners {
            for lost in &salvaged.lost {
                if let Some((from, to)) = within(&lost.range, id) {
                    repaired.lost.push(LostRange {
                        owner: owner.clone(),
                        keys: range_text(shape, &from, to.as_deref()),
                        from,
                        to,
                        file: lost.file.clone(),
                        offset: lost.offset,
                        reason: lost.reason.clone(),
                    });
                }
            }
        }
        repaired.tables = tables.into_iter().map(|(name, _)| name).collect();
        Ok(repaired)
    }
}

fn range_text(shape: Option<&KeyShape>, from: &[u8], to: Option<&[u8]>) -> String {
    let custom = KeyShape::custom();
    let show = |key: &[u8]| shape.unwrap_or(&custom).show(key);
    // The successor of a whole key is that key and a zero byte.
    let is_shown = |text: &String| !text.starts_with("0x");
    let shown_before = |key: &[u8]| {
        let (0, whole) = key.split_last()? else { return None };
        (!is_shown(&show(key))).then(|| show(whole)).filter(is_shown)
    };
    let start = match shown_before(from) {
        _ if from.is_empty() => String::new(),
        Some(last) => format!(" behind {last}"),
        None => format!(" from {}", show(from)),
    };
    let end = match to.map(|to| (to, shown_before(to))) {
        None if from.is_empty() => return "any key".to_owned(),
        None => " on".to_owned(),
        Some((_, Some(last))) => format!(" up to {last}"),
        Some((to, None)) => format!(" before {}", show(to)),
    };
    format!("keys{start}{end}")
}

/// The part of a range that is in a keyspace, without the keyspace's id.
fn within(range: &KeyRange, id: u32) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
    let prefix = KeyspaceId(id).prefix();
    let end = successor(&prefix);
    let is_before = range.end.as_ref().is_some_and(|end| end.as_slice() <= prefix.as_slice());
    let is_behind = end.as_ref().is_some_and(|end| range.start >= *end);
    if is_before || is_behind {
        return None;
    }
    let from = range.start.strip_prefix(&prefix[..]).unwrap_or_default().to_vec();
    let to = range.end.as_ref().and_then(|end| end.strip_prefix(&prefix[..])).map(<[u8]>::to_vec);
    Some((from, to))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::key::{Key, KeyWriter};

    fn encoded<K: Key>(key: &K) -> Vec<u8> {
        let mut out = KeyWriter::new(&[]);
        key.encode(&mut out);
        out.finish().expect("short").to_vec()
    }

    #[test]
    fn bounds_are_typed_where_they_are_keys() {
        let shape = u16::key_shape();
        let text = |from: &[u8], to: Option<Vec<u8>>| range_text(Some(&shape), from, to.as_deref());
        let behind = |key: u16| [encoded(&key), vec![0]].concat();
        assert_eq!(text(&[], None), "any key");
        assert_eq!(text(&encoded(&7u16), Some(encoded(&256u16))), "keys from 7 before 256");
        assert_eq!(text(&behind(7), Some(behind(9))), "keys behind 7 up to 9");
        assert_eq!(text(&behind(7), None), "keys behind 7 on");
        assert_eq!(text(&[], Some(vec![1])), "keys before 0x01", "a separator is the beginning of a key");
        assert_eq!(range_text(None, &[1], Some(&[0])), "keys from 0x01 before 0x00");
    }
}
