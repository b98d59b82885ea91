//! A compiled struct as the catalog sees it: its schema, and the shapes that only its types know.

use std::any::TypeId;

use crate::table::key::{Key, KeyShape};
use crate::table::shape::{RowShape, Verdict};
use crate::table::{Table, TableSchema};

#[derive(Debug)]
pub(in crate::table) struct Compiled {
    pub(in crate::table) schema: TableSchema,
    pub(in crate::table) row: TypeId,
    pub(in crate::table) shape: RowShape,
    pub(in crate::table) key: KeyShape,
    /// By index, part by part; empty if unknown.
    pub(in crate::table) indexes: Vec<Vec<KeyShape>>,
}

impl Compiled {
    /// Cost: traces the row, some microseconds for each ten fields.
    pub(in crate::table) fn of<T: Table>() -> Self {
        Self {
            schema: T::SCHEMA,
            row: TypeId::of::<T>(),
            shape: T::row_shape(),
            key: T::PrimaryKey::key_shape(),
            indexes: (0..T::SCHEMA.indexes.len()).map(T::index_shapes).collect(),
        }
    }

    /// Whether both structs have the same rows and keys.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let reads =
            |old: &Self, new: &Self| !matches!(old.shape.read_by(0, &new.shape, 0), Verdict::Differs(_));
        self.schema == other.schema
            && (&self.key, &self.indexes) == (&other.key, &other.indexes)
            && reads(self, other)
            && reads(other, self)
    }

    pub(super) fn shapes(&self, index: usize) -> &[KeyShape] {
        self.indexes.get(index).map_or(&[], Vec::as_slice)
    }
}
