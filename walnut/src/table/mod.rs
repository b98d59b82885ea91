//! Typed tables over the engine's keyspaces.

pub(crate) mod derived;
pub(crate) mod index;
pub(crate) mod key;
pub(crate) mod mapper;
pub(crate) mod row;
pub(crate) mod schema;

use std::marker::PhantomData;

pub use index::{Index, Unique};
pub use key::{Composite, Key, KeyReader, KeyWriter, MAX_KEY_SIZE, Point, RangeOver, TextKey};
pub use mapper::{IndexEntries, Table, TableMapper};
pub use schema::{FieldSchema, IndexName, IndexSchema, TableSchema};

/// How a handle reaches the store.
pub trait Access: Clone {}

/// Each statement is a transaction of its own.
#[derive(Clone, Debug)]
pub struct Direct {}

impl Access for Direct {}

/// A typed table.
#[derive(Clone, Debug)]
pub struct DefaultTable<T: Table, A: Access = Direct> {
    _access: A,
    _row: PhantomData<fn() -> T>,
}

impl<T: Table, A: Access> DefaultTable<T, A> {
    /// The indexes, one field each.
    pub fn by(&self) -> T::By<'_, A> {
        T::by(self)
    }
}
