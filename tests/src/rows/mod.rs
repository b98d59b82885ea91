//! The tables of the tests: between them they have every kind of primary key and of index.
//!
//! A [`Value`] is a column without its type, so that the model need not know types; it compares as the columns do.

/// Scans an index of one column as `narrow` says; `all`, `start` and `range` turn a row into what is passed.
macro_rules! scan_column {
    ($narrow:expr, $shape:expr, $handle:expr, $row:ident => $point:expr, $owned:expr, $start:expr) => {
        match $narrow {
            Narrow::Nothing => $shape.run($handle.iter()),
            Narrow::All($row) | Narrow::Rest($row, ..) => $shape.run($handle.all($point)),
            Narrow::Start($row) => $shape.run($start),
            Narrow::Range(from, to) => {
                let range = (from.as_ref().map(|$row| $owned), to.as_ref().map(|$row| $owned));
                $shape.run($handle.range(range))
            }
        }
    };
}

/// The same for an index of two columns, of which the first may be fixed alone.
macro_rules! scan_pair {
    ($narrow:expr, $shape:expr, $handle:expr, $row:ident => ($first:expr, $second:expr), $owned:expr) => {
        match $narrow {
            Narrow::Nothing => $shape.run($handle.iter()),
            Narrow::All($row) => $shape.run($handle.prefix($first).all($second)),
            Narrow::Start($row) => $shape.run($handle.prefix($first)),
            Narrow::Range(from, to) => {
                let range = (from.as_ref().map(|$row| $owned), to.as_ref().map(|$row| $owned));
                $shape.run($handle.range(range))
            }
            Narrow::Rest($row, from, to) => {
                let range = (from.as_ref().map(|$row| $owned.1), to.as_ref().map(|$row| $owned.1));
                $shape.run($handle.prefix($first).range(range))
            }
        }
    };
}

mod document;
mod user;

use std::fmt::Debug;

use walnut::{Access, DefaultTable, Key, Result, TableMapper, WriteAccess};

pub use document::{Document, Kind};
pub use user::User;

use crate::query::{Answer, Narrow, Shape};
use crate::random::Random;

/// A column's value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// A missing one, which comes first.
    Missing,
    /// A number.
    Number(i128),
    /// Text or bytes.
    Bytes(Vec<u8>),
    /// Several columns.
    Tuple(Vec<Value>),
}

impl Value {
    /// Whether it is missing, or a part of it is: then any number of rows may have it.
    pub fn has_missing(&self) -> bool {
        match self {
            Self::Missing => true,
            Self::Tuple(parts) => parts.iter().any(Self::has_missing),
            Self::Number(_) | Self::Bytes(_) => false,
        }
    }
}

/// A key that can be turned into a [`Value`].
pub trait Valued: Key {
    /// The value.
    fn value(&self) -> Value;
}

/// A row of a table that the tests know how to handle.
pub trait Row: TableMapper<PrimaryKey: Valued + Clone + Debug> + Clone + PartialEq + Debug {
    /// A row drawn from small domains.
    fn draw(random: &mut Random) -> Self;

    /// Its primary key.
    fn primary_key(&self) -> Self::PrimaryKey;

    /// A primary key as it is passed.
    fn point(key: &Self::PrimaryKey) -> <Self::PrimaryKey as Key>::Ref<'_>;

    /// Its value in an index.
    fn indexed(&self, index: &str) -> Value;

    /// Takes over the fields of another row whose bit is set; bit 0 is the primary key.
    fn absorb(&mut self, donor: &Self, fields: u32);

    /// Does something to the row that has the probe's value in a unique index.
    fn via<A: WriteAccess>(
        table: &DefaultTable<Self, A>,
        index: &str,
        probe: &Self,
        how: Via<'_, Self>,
    ) -> Result<Option<Self>>;

    /// Whether some row has the probe's value in a unique index.
    fn contains_via<A: Access>(table: &DefaultTable<Self, A>, index: &str, probe: &Self) -> Result<bool>;

    /// Scans by an index.
    fn scan<A: Access>(
        table: &DefaultTable<Self, A>,
        index: &str,
        narrow: &Narrow<Self>,
        shape: &Shape,
    ) -> Result<Answer<Self>>;
}

/// What is done to the owner of a unique value.
pub enum Via<'v, T> {
    /// It is read.
    Get,
    /// It is changed.
    Modify(&'v mut dyn FnMut(&mut T)),
    /// It is removed.
    Remove,
}

macro_rules! numbers {
    ($($number:ty)*) => {$(
        impl Valued for $number {
            fn value(&self) -> Value {
                Value::Number(i128::from(*self))
            }
        }
    )*};
}

numbers!(u8 u32 u64 i32 i64);

impl Valued for String {
    fn value(&self) -> Value {
        Value::Bytes(self.clone().into_bytes())
    }
}

impl Valued for Vec<u8> {
    fn value(&self) -> Value {
        Value::Bytes(self.clone())
    }
}

impl<const N: usize> Valued for [u8; N] {
    fn value(&self) -> Value {
        Value::Bytes(self.to_vec())
    }
}

impl<K: Valued> Valued for Option<K> {
    fn value(&self) -> Value {
        self.as_ref().map_or(Value::Missing, K::value)
    }
}

impl<A: Valued, B: Valued> Valued for (A, B) {
    fn value(&self) -> Value {
        Value::Tuple(vec![self.0.value(), self.1.value()])
    }
}

/// Text that is hard on encodings: empty, with zero bytes, one the beginning of another.
pub(crate) const TEXTS: [&str; 12] =
    ["", "\0", "a", "a\0", "a\0\0", "a\0b", "ab", "abc", "b", "b\u{1}", "\u{ff}", "\u{ff}\u{10ffff}"];

pub(crate) fn number<N: TryFrom<u64>>(random: &mut Random, end: u64) -> N {
    N::try_from(random.below(end)).ok().expect("domains are small")
}

pub(crate) fn note(random: &mut Random) -> String {
    let size = match random.below(12) {
        0 => random.below(6000),
        1 | 2 => random.below(700),
        _ => random.below(8),
    };
    let letters = if random.one_in(2) { 2 } else { 90 };
    (0..size).map(|_| char::from(b' ' + number::<u8>(random, letters))).collect()
}
