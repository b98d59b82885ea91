//! Types for code that is emitted after a fault in a struct, so that the uses of its table have no
//! errors of their own.
//!
//! Such code is never compiled to the end: the compiler checks it, and it never runs.

use super::mapper::Table;
use crate::error::{Fault, Result};
use crate::table::DefaultTable;
use crate::table::key::{Generated, Key, KeyBound, KeyGenerator, KeyReader, KeyWriter};
use crate::table::scan::Scan;
use crate::table::source::{Access, ReadWrite};

type PrimaryKey<T> = <T as Table>::PrimaryKey;

type RowScan<T, M, R = ()> = Scan<'static, T, PrimaryKey<T>, R, M>;

/// A key of a type that cannot be one.
#[derive(Debug)]
pub struct AnyKey<V>(V);

#[diagnostic::do_not_recommend]
impl<V: Send + Sync + 'static> Key for AnyKey<V> {
    type Ref<'a> = V;

    fn encode(&self, _: &mut KeyWriter) {}

    fn encode_ref(_: &V, _: &mut KeyWriter) {}

    fn decode(_: &mut KeyReader<'_>) -> Result<Self, Fault> {
        Err(Fault::Missing)
    }
}

#[diagnostic::do_not_recommend]
impl<V: Send + Sync + 'static> KeyBound<AnyKey<V>> for V {
    fn encode_point(&self, _: &mut KeyWriter) {}
}

#[diagnostic::do_not_recommend]
impl<V: Send + Sync + 'static> KeyBound<AnyKey<V>> for &V {
    fn encode_point(&self, _: &mut KeyWriter) {}
}

impl<V: Send + Sync + 'static + Default> Generated for AnyKey<V> {
    const GENERATOR: KeyGenerator = KeyGenerator::UuidV7;

    fn from_number(_: u128) -> Self {
        Self(V::default())
    }

    fn number(&self) -> Option<u128> {
        None
    }
}

/// The columns of an index that was not understood.
#[derive(Debug)]
pub struct AnyRest(());

/// The handle to an index that was not understood: with every method, for any value.
#[derive(Debug)]
pub struct AnyIndex<'a, T: Table, M: Access = ReadWrite> {
    table: &'a DefaultTable<T, M>,
}

#[expect(clippy::iter_without_into_iter, reason = "it is never gone through")]
#[expect(missing_docs, reason = "they are those of an index")]
impl<'a, T: Table, M: Access> AnyIndex<'a, T, M> {
    pub fn new(table: &'a DefaultTable<T, M>, _place: usize) -> Self {
        Self { table }
    }

    pub fn iter(&self) -> RowScan<T, M> {
        Scan::rows(self.table)
    }

    pub fn all<V>(&self, _: V) -> RowScan<T, M> {
        Scan::rows(self.table)
    }

    pub fn range<V>(&self, _: V) -> RowScan<T, M> {
        Scan::rows(self.table)
    }

    pub fn starts_with<V>(&self, _: V) -> RowScan<T, M> {
        Scan::rows(self.table)
    }

    pub fn prefix<V>(&self, _: V) -> RowScan<T, M, AnyRest> {
        Scan::rows(self.table)
    }

    pub fn get<V>(&self, _: V) -> Result<Option<T>> {
        Ok(None)
    }

    pub fn contains<V>(&self, _: V) -> Result<bool> {
        Ok(false)
    }

    pub fn modify<V>(&self, _: V, _: impl FnMut(&mut T)) -> Result<Option<T>> {
        Ok(None)
    }

    pub fn remove<V>(&self, _: V) -> Result<Option<T>> {
        Ok(None)
    }
}

impl<T: Table, M: Access> Clone for AnyIndex<'_, T, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Table, M: Access> Copy for AnyIndex<'_, T, M> {}

impl<'a, T: Table, K: Key, M> Scan<'a, T, K, AnyRest, M> {
    #[doc(hidden)]
    pub fn range<V>(self, _: V) -> Scan<'a, T, K, (), M> {
        self.leaving()
    }

    #[doc(hidden)]
    pub fn all<V>(self, _: V) -> Scan<'a, T, K, (), M> {
        self.leaving()
    }

    #[doc(hidden)]
    pub fn starts_with<V>(self, _: V) -> Scan<'a, T, K, (), M> {
        self.leaving()
    }

    #[doc(hidden)]
    pub fn prefix<V>(self, _: V) -> Self {
        self
    }
}
