//! A table as the catalog describes it, opened without its struct.

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::generation::TableGeneration;
use super::info::Compiled;
use super::info::{BuiltState, OpenIndex, TableInfo};
use super::stored::{StoredIndex, StoredLayout, StoredState, StoredTable};
use crate::base::{KeyspaceId, SeqNo};
use crate::error::{Error, Result, SchemaError};
use crate::sync::{AtomicBool, AtomicU64, Mutex as StateMutex};
use crate::table::dynamic::{Mapper, StoredForm, StoredParts};
use crate::table::key::KeyShape;
use crate::table::shape::RowShape;
use crate::table::write::key_sequence::KeySequence;
use crate::table::write::row_count::RowCount;
use crate::table::{FieldSchema, IndexSchema, TableSchema};

impl StoredTable {
    /// The stored table of this name, for handles without its struct.
    ///
    /// An error during the trial of another layout: rows that are written now would be missing in
    /// its indexes.
    pub(in crate::table) fn describe(
        &self,
        name: &str,
        key_sequence: Arc<KeySequence>,
        row_count: Arc<RowCount>,
    ) -> Result<TableInfo> {
        if !self.pending.is_empty() {
            return Err(Error::Schema(SchemaError {
                table: name.to_owned(),
                sentence: "a program was changing its layout, and has not come to the end; open it with that program first".to_owned(),
            }));
        }
        let newest = self.newest();
        let shape = newest.and_then(|layout| layout.shape.clone()).unwrap_or_else(RowShape::opaque);
        let schema = intern(name, self);
        let built = |index: &StoredIndex| match index.state {
            StoredState::Readable => Some(BuiltState::Readable { since: SeqNo::ZERO }),
            StoredState::Building | StoredState::Off => None,
        };
        let open = |index: &StoredIndex| OpenIndex::new(KeyspaceId(index.keyspace), built(index));
        Ok(TableInfo {
            schema,
            compiled: Arc::new(Compiled {
                schema,
                row: TypeId::of::<Mapper>(),
                shape,
                key: self.key_shape.clone().unwrap_or_else(KeyShape::custom),
                indexes: self.indexes.iter().map(|index| index.shapes.clone()).collect(),
            }),
            mapper: Some(Arc::new(self.mapper())),
            rows: KeyspaceId(self.rows),
            row_count,
            indexes: self.indexes.iter().map(open).collect(),
            building: StateMutex::default(),
            built_count: AtomicU64::new(0),
            trial_count: AtomicU64::new(0),
            dropped: AtomicBool::new(false),
            key_sequence,
            made: SeqNo::ZERO,
            generation: TableGeneration::default(),
            is_past: false,
        })
    }

    fn mapper(&self) -> Mapper {
        let form = |layout: &StoredLayout| StoredForm {
            version: layout.version,
            fields: layout.fields.iter().map(|field| field.name.clone()).collect(),
            shape: layout.shape.clone(),
        };
        let parts = |index: &StoredIndex| StoredParts {
            sparse: index.sparse,
            parts: index.parts.clone(),
            shapes: index.shapes.clone(),
        };
        Mapper::new(
            self.layouts.iter().map(form).collect(),
            &self.primary_key,
            self.key_shape.clone(),
            self.indexes.iter().map(parts).collect(),
        )
    }

    pub(in crate::table) fn keyspace(&self) -> KeyspaceId {
        KeyspaceId(self.rows)
    }

    pub(in crate::table) fn newest_fields(&self) -> (u32, Vec<(&str, &str)>) {
        let Some(newest) = self.newest() else { return (0, Vec::new()) };
        let fields = newest.fields.iter().map(|field| (&*field.name, &*field.type_name));
        (newest.version, fields.collect())
    }
}

/// The schema of a stored table, with names that live as long as the process, since violations and
/// findings have them. Equal schemas are interned, so the memory is bounded by the number of
/// different schemas that a process opens.
fn intern(name: &str, stored: &StoredTable) -> TableSchema {
    static SCHEMAS: OnceLock<Mutex<HashMap<Vec<u8>, TableSchema>>> = OnceLock::new();
    let mut key = name.as_bytes().to_vec();
    key.push(0);
    let described = (
        stored.newest().map(|layout| (layout.version, &layout.fields)),
        &stored.primary_key,
        stored
            .indexes
            .iter()
            .map(|index| (&index.name, index.unique, index.sparse, &index.parts))
            .collect::<Vec<_>>(),
    );
    // Writing to memory does not fail; if it did, the schema would be leaked once more.
    if let Ok(described) = postcard::to_extend(&described, Vec::new()) {
        key.extend(described);
    }
    let schemas = SCHEMAS.get_or_init(Mutex::default);
    let mut schemas = schemas.lock().unwrap_or_else(PoisonError::into_inner);
    *schemas.entry(key).or_insert_with(|| leak_schema(name, stored))
}

fn leak_schema(name: &str, stored: &StoredTable) -> TableSchema {
    let (version, fields) = stored.newest_fields();
    let fields: Vec<FieldSchema> =
        fields.into_iter().map(|(name, type_name)| FieldSchema::new(leak(name), leak(type_name))).collect();
    let index = |index: &StoredIndex| {
        let schema = IndexSchema::new(leak(&index.name), index.unique, leak_all(&index.parts));
        if index.sparse { schema.sparse() } else { schema }
    };
    let indexes: Vec<IndexSchema> = stored.indexes.iter().map(index).collect();
    TableSchema::new(leak(name), fields.leak(), leak_all(&stored.primary_key), indexes.leak())
        .version(version.max(1))
}

fn leak(text: &str) -> &'static str {
    text.to_owned().leak()
}

fn leak_all(texts: &[String]) -> &'static [&'static str] {
    texts.iter().map(|text| leak(text)).collect::<Vec<_>>().leak()
}
