//! Engine keys in readable form: the table or index of each, and its columns.

use std::collections::BTreeMap;

use super::keyspaces;
use crate::base::KeyspaceId;
use crate::error::Result;
use crate::table::catalog;
use crate::table::key::KeyShape;
use crate::table::source::following::Following;
use crate::table::write::row_count::row_count_key;
use crate::txn::EntryScan;

/// What the keyspaces of a database hold, from its catalog.
#[derive(Debug, Default)]
pub(crate) struct KeyNames(BTreeMap<u32, KeyspaceName>);

#[derive(Debug)]
struct KeyspaceName {
    name: String,
    /// How the keys are encoded. An index has two: with the primary key, and without it, as in
    /// unique entries.
    shapes: Vec<KeyShape>,
}

impl KeyNames {
    pub(crate) fn of(following: &Following) -> Result<Self> {
        let (moment, dir) = (following.engine().moment(), following.engine().dir());
        let mut names = BTreeMap::new();
        for (table, stored) in catalog::stored(|range| Ok(EntryScan::Engine(moment.scan(range))), dir)? {
            let key = stored.key_shape().cloned().unwrap_or_else(KeyShape::custom);
            for (index, keyspace, parts) in stored.index_shapes() {
                let value = KeyShape::tuple(parts.iter().cloned());
                let entry = KeyShape::tuple(parts.iter().cloned().chain([key.clone()]));
                let name = format!("{table}.{index}");
                names.insert(keyspace, KeyspaceName { name, shapes: vec![entry, value] });
            }
            names.insert(stored.keyspace().0, KeyspaceName { name: table, shapes: vec![key] });
        }
        for (name, id) in keyspaces::all(|range| Ok(EntryScan::Engine(moment.scan(range))), dir)? {
            names.insert(id, KeyspaceName { name, shapes: Vec::new() });
        }
        Ok(Self(names))
    }

    /// The name of the table whose row count has this key.
    fn counted_table(&self, key: &[u8]) -> Option<&str> {
        let rows = key.last_chunk().map(|id| u32::from_be_bytes(*id))?;
        let is_its_key = *key == row_count_key(KeyspaceId(rows));
        self.0.get(&rows).filter(|_| is_its_key).map(|keyspace| &*keyspace.name)
    }

    /// A key with its keyspace: typed if the catalog knows the encoding, else hexadecimal.
    pub(crate) fn show(&self, key: &[u8]) -> String {
        let Some((id, rest)) = key.split_first_chunk() else {
            return KeyShape::custom().show(key);
        };
        let id = u32::from_be_bytes(*id);
        if let Some(table) = self.counted_table(key) {
            return format!("row count of {table}");
        }
        if id == KeyspaceId::CATALOG.0 {
            return format!("catalog \"{}\"", rest.escape_ascii());
        }
        let Some(KeyspaceName { name, shapes }) = self.0.get(&id) else {
            return format!("keyspace {id} {}", KeyShape::custom().show(rest));
        };
        if rest.is_empty() {
            return name.clone();
        }
        let custom = KeyShape::custom();
        let shown = shapes.iter().map(|shape| shape.show(rest)).find(|text| !text.starts_with("0x"));
        format!("{name} {}", shown.unwrap_or_else(|| custom.show(rest)))
    }
}
