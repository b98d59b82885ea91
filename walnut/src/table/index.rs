//! The handles that `by()` gives, one for each index.

use std::marker::PhantomData;

use super::{Access, DefaultTable, Direct, Table};

/// An index whose values may repeat.
#[derive(Debug)]
pub struct Index<'a, T: Table, K, A: Access = Direct> {
    table: &'a DefaultTable<T, A>,
    index: usize,
    key: PhantomData<fn() -> K>,
}

impl<'a, T: Table, K, A: Access> Index<'a, T, K, A> {
    /// The handle to the index at a place of the schema's list; for derived code.
    #[doc(hidden)]
    pub fn new(table: &'a DefaultTable<T, A>, index: usize) -> Self {
        Self { table, index, key: PhantomData }
    }
}

/// An index in which each value has one owner.
#[derive(Debug)]
pub struct Unique<'a, T: Table, K, A: Access = Direct> {
    table: &'a DefaultTable<T, A>,
    index: usize,
    key: PhantomData<fn() -> K>,
}

impl<'a, T: Table, K, A: Access> Unique<'a, T, K, A> {
    /// The handle to the index at a place of the schema's list; for derived code.
    #[doc(hidden)]
    pub fn new(table: &'a DefaultTable<T, A>, index: usize) -> Self {
        Self { table, index, key: PhantomData }
    }
}
