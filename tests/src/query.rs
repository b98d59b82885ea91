//! Questions to a table: drawn from a seed, asked of the store, answered by the model.

use std::ops::Bound;
use std::sync::Arc;

use walnut::{Access, DefaultTable, Result, Scan, WriteAccess};

use crate::model::Rows;
use crate::random::Random;
use crate::rows::{Row, Value, Valued, Via};
use crate::workload::unique;

/// A query. Rows in it are examples, whose values are used.
#[derive(Clone, Debug)]
pub enum Query<T> {
    /// `get`, `contains`, `len`, `is_empty`
    Point(T),
    /// `get_many`
    Many(Vec<T>),
    /// `get` and `contains` of a unique index
    Unique(&'static str, T),
    /// A scan by primary key: `iter` or `range`
    Rows(Bound<T>, Bound<T>, Shape),
    /// A scan by an index
    Index(&'static str, Narrow<T>, Shape),
}

/// How far an index is narrowed down.
#[derive(Clone, Debug)]
pub enum Narrow<T> {
    /// `iter`
    Nothing,
    /// `all`; of several columns by `prefix` and `all`
    All(T),
    /// `starts_with` of a text, `prefix` of several columns, `all` of others
    Start(T),
    /// `range`
    Range(Bound<T>, Bound<T>),
    /// `prefix` and `range` of several columns, `all` of others
    Rest(T, Bound<T>, Bound<T>),
}

/// What is done with a scan.
#[derive(Clone, Debug)]
pub struct Shape {
    before: Vec<Stage>,
    /// Keeps the rows whose primary key hashes below this, of 256.
    filter: Option<u64>,
    after: Vec<Stage>,
    take: Take,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    Rev,
    Skip(u64),
    Limit(u64),
}

/// How the scan is read.
#[derive(Clone, Copy, Debug)]
enum Take {
    Rows,
    /// From both ends: each bit says from which one.
    Ends(u64),
    Keys,
    Entries,
    Count,
    First,
    Last,
}

/// What comes of a scan.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer<T> {
    /// Rows in the order in which they came.
    Rows(Vec<T>),
    /// Primary keys.
    Keys(Vec<Value>),
    /// Index keys and primary keys.
    Entries(Vec<(Value, Value)>),
    /// How many.
    Count(u64),
}

impl<T: Row> Query<T> {
    /// Draws a question.
    pub fn draw(random: &mut Random) -> Self {
        match random.below(8) {
            0 => Self::Point(T::draw(random)),
            1 => Self::Many((0..random.below(4)).map(|_| T::draw(random)).collect()),
            2 => Self::Unique(unique::<T>(random), T::draw(random)),
            3 => Self::Rows(bound(random), bound(random), Shape::draw(random)),
            _ => {
                let index = random.pick(T::SCHEMA.indexes).name;
                Self::Index(index, Narrow::draw(random), Shape::draw(random))
            }
        }
    }

    /// Asks the store and holds its answer against the model's.
    pub fn ask<A: WriteAccess>(&self, table: &DefaultTable<T, A>, model: &Rows<T>) -> Result<()> {
        match self {
            Self::Point(probe) => {
                let key = probe.primary_key();
                let expected = model.get(&key.value());
                assert_eq!(table.get(T::point(&key))?.as_ref(), expected.map(Arc::as_ref), "get of {key:?}");
                assert_eq!(table.contains(T::point(&key))?, expected.is_some(), "contains of {key:?}");
                assert_eq!(table.len()?, model.count() as u64, "len");
                assert_eq!(table.is_empty()?, model.count() == 0, "is_empty");
            }
            Self::Many(probes) => {
                let keys: Vec<_> = probes.iter().map(Row::primary_key).collect();
                let found = table.get_many(keys.iter().map(T::point))?;
                let expected = keys.iter().map(|key| model.get(&key.value()).map(|row| T::clone(row)));
                assert_eq!(found, expected.collect::<Vec<_>>(), "get_many of {keys:?}");
            }
            Self::Unique(index, probe) => {
                let value = probe.indexed(index);
                let entries = model.entries(index);
                let expected = entries.iter().find(|entry| entry.0 == value).map(|entry| &*entry.2);
                let found = T::via(table, index, probe, Via::Get)?;
                // Any number of rows may miss a value, so none of them is its owner.
                let owner = expected.filter(|_| !value.has_missing());
                assert_eq!(found.as_ref(), owner, "get by {index} of {value:?}");
                let contains = T::contains_via(table, index, probe)?;
                assert_eq!(contains, expected.is_some(), "contains by {index} of {value:?}");
            }
            Self::Rows(from, to, shape) => {
                let key = |bound: &Bound<T>| bound.as_ref().map(Row::primary_key);
                let found = shape.run(table.range((key(from), key(to))))?;
                let value = |bound: &Bound<T>| key(bound).map(|key| key.value());
                let (from, to) = (value(from), value(to));
                let rows = model.iter().map(|row| (row.primary_key().value(), Arc::clone(row)));
                let rows = rows.filter(|(key, _)| is_within(key, &from, &to));
                let entries = rows.map(|(key, row)| (key.clone(), key, row)).collect();
                assert_eq!(found, shape.expected(entries), "{self:?}");
            }
            Self::Index(index, narrow, shape) => {
                let found = T::scan(table, index, narrow, shape)?;
                let mut entries = model.entries(index);
                entries.retain(|(value, ..)| narrow.has(index, value));
                assert_eq!(found, shape.expected(entries), "{self:?}");
            }
        }
        Ok(())
    }
}

impl<T: Row> Narrow<T> {
    fn draw(random: &mut Random) -> Self {
        match random.below(5) {
            0 => Self::Nothing,
            1 => Self::All(T::draw(random)),
            2 => Self::Start(T::draw(random)),
            3 => Self::Range(bound(random), bound(random)),
            _ => Self::Rest(T::draw(random), bound(random), bound(random)),
        }
    }

    /// Whether an entry with this value is left.
    fn has(&self, index: &str, value: &Value) -> bool {
        let of = |bound: &Bound<T>| bound.as_ref().map(|row| row.indexed(index));
        let second = |bound: &Bound<T>| of(bound).map(|value| columns(&value)[1].clone());
        let is_text = |index: &str| matches!(index, "name" | "nick");
        match (self, value) {
            (Self::Nothing, _) => true,
            (Self::Start(row), Value::Tuple(parts)) => columns(&row.indexed(index))[0] == parts[0],
            (Self::Start(row), Value::Bytes(bytes)) if is_text(index) => match row.indexed(index) {
                Value::Bytes(start) => bytes.starts_with(&start),
                _ => false,
            },
            (Self::Rest(row, from, to), Value::Tuple(parts)) => {
                columns(&row.indexed(index))[0] == parts[0]
                    && is_within(&parts[1], &second(from), &second(to))
            }
            (Self::All(row) | Self::Start(row) | Self::Rest(row, ..), _) => row.indexed(index) == *value,
            (Self::Range(from, to), _) => is_within(value, &of(from), &of(to)),
        }
    }
}

fn columns(value: &Value) -> &[Value] {
    match value {
        Value::Tuple(parts) => parts,
        other => panic!("{other:?} is one column"),
    }
}

fn bound<T: Row>(random: &mut Random) -> Bound<T> {
    match random.below(3) {
        0 => Bound::Unbounded,
        1 => Bound::Included(T::draw(random)),
        _ => Bound::Excluded(T::draw(random)),
    }
}

fn is_within(value: &Value, from: &Bound<Value>, to: &Bound<Value>) -> bool {
    let begun = match from {
        Bound::Included(from) => value >= from,
        Bound::Excluded(from) => value > from,
        Bound::Unbounded => true,
    };
    let ended = match to {
        Bound::Included(to) => value > to,
        Bound::Excluded(to) => value >= to,
        Bound::Unbounded => false,
    };
    begun && !ended
}

impl Shape {
    /// Everything as it comes, in this direction.
    pub fn whole(rev: bool) -> Self {
        let before = if rev { vec![Stage::Rev] } else { Vec::new() };
        Self { before, filter: None, after: Vec::new(), take: Take::Rows }
    }

    /// Every entry as it comes, in this direction.
    pub fn all_entries(rev: bool) -> Self {
        Self { take: Take::Entries, ..Self::whole(rev) }
    }

    /// Draws one.
    pub fn draw(random: &mut Random) -> Self {
        let stages = |random: &mut Random| -> Vec<Stage> {
            let count = random.below(3);
            (0..count)
                .map(|_| match random.below(3) {
                    0 => Stage::Rev,
                    1 => Stage::Skip(random.below(4)),
                    _ => Stage::Limit(random.below(9)),
                })
                .collect()
        };
        let before = stages(random);
        let filter = random.one_in(3).then(|| random.below(256));
        let take = match random.below(8) {
            0 => Take::Ends(random.next()),
            1 => Take::Keys,
            2 => Take::Entries,
            3 => Take::Count,
            4 => Take::First,
            5 => Take::Last,
            _ => Take::Rows,
        };
        Self { before, filter, after: stages(random), take }
    }

    /// What the scan returns.
    pub fn run<T: Row, K: Valued, R, A: Access>(&self, scan: Scan<'_, T, K, R, A>) -> Result<Answer<T>> {
        let scan = staged(&self.before, scan);
        match self.filter {
            Some(below) => self.take(staged(&self.after, scan.filter(move |row| passes(row, below)))),
            None => self.take(staged(&self.after, scan)),
        }
    }

    fn take<T: Row, K: Valued, R, A: Access>(&self, mut scan: Scan<'_, T, K, R, A>) -> Result<Answer<T>> {
        Ok(match self.take {
            Take::Rows => Answer::Rows(scan.collect_vec()?),
            Take::Ends(bits) => {
                let ends = std::iter::from_fn({
                    let mut bits = bits;
                    move || {
                        bits = bits.rotate_left(1);
                        if bits & 1 == 0 { scan.next() } else { scan.next_back() }
                    }
                });
                Answer::Rows(ends.collect::<Result<_>>()?)
            }
            Take::Keys => Answer::Keys(scan.keys().map(|key| Ok(key?.value())).collect::<Result<_>>()?),
            Take::Entries => {
                let values =
                    scan.entries().map(|entry| entry.map(|(value, key)| (value.value(), key.value())));
                Answer::Entries(values.collect::<Result<_>>()?)
            }
            Take::Count => Answer::Count(scan.count()?),
            Take::First => Answer::Rows(scan.first()?.into_iter().collect()),
            Take::Last => Answer::Rows(scan.last()?.into_iter().collect()),
        })
    }

    /// What it must give for these entries: value, primary key, row.
    pub fn expected<T: Row>(&self, entries: Vec<(Value, Value, Arc<T>)>) -> Answer<T> {
        let mut entries = std::collections::VecDeque::from(entries);
        for stage in &self.before {
            stage.apply(&mut entries);
        }
        if let Some(below) = self.filter {
            entries.retain(|(.., row)| passes(&**row, below));
        }
        for stage in &self.after {
            stage.apply(&mut entries);
        }
        let row = |entry: (Value, Value, Arc<T>)| T::clone(&entry.2);
        match self.take {
            Take::Rows => Answer::Rows(entries.into_iter().map(row).collect()),
            Take::Ends(mut bits) => Answer::Rows(
                std::iter::from_fn(|| {
                    bits = bits.rotate_left(1);
                    if bits & 1 == 0 { entries.pop_front() } else { entries.pop_back() }
                })
                .map(row)
                .collect(),
            ),
            Take::Keys => Answer::Keys(entries.into_iter().map(|entry| entry.1).collect()),
            Take::Entries => Answer::Entries(entries.into_iter().map(|entry| (entry.0, entry.1)).collect()),
            Take::Count => Answer::Count(entries.len() as u64),
            Take::First => Answer::Rows(entries.into_iter().take(1).map(row).collect()),
            Take::Last => Answer::Rows(entries.into_iter().last().map(row).into_iter().collect()),
        }
    }
}

fn staged<'a, T: Row, K: Valued, R, A: Access>(
    stages: &[Stage],
    scan: Scan<'a, T, K, R, A>,
) -> Scan<'a, T, K, R, A> {
    stages.iter().fold(scan, |scan, stage| match *stage {
        Stage::Rev => scan.rev(),
        Stage::Skip(count) => scan.skip(count),
        Stage::Limit(count) => scan.limit(count),
    })
}

impl Stage {
    fn apply<E>(self, entries: &mut std::collections::VecDeque<E>) {
        let size = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        match self {
            Self::Rev => entries.make_contiguous().reverse(),
            Self::Skip(count) => drop(entries.drain(..size(count).min(entries.len()))),
            Self::Limit(count) => entries.truncate(size(count)),
        }
    }
}

/// A filter that looks at a column.
fn passes<T: Row>(row: &T, below: u64) -> bool {
    let text = format!("{:?}", row.indexed(T::SCHEMA.indexes[0].name));
    let hash = text.bytes().fold(7_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (hash >> 20) & 255 < below
}
