//! Scans by a query: rows by primary key or by an index, lazily.

use std::fmt;
use std::ops::Bound as RangeBound;
use std::sync::Arc;

use super::forms::listed;
use super::keys::KeyCodec;
use super::mapper::Mapper;
use super::query::{Bound, Condition, Query};
use super::rows::HeldRow;
use super::value::Value;
use crate::base::{KeyRange, successor};
use crate::error::{Error, FindingKind, Problem, Result, ValueError};
use crate::table::catalog::TableInfo;
use crate::table::key::{Edge, KeyReader, KeyWriter};
use crate::table::write::mutate::PREFIX;
use crate::txn::EntryScan;

/// The rows of a query, as maps of their columns. It sees one state, and reads a row when that is
/// asked for.
///
/// As an iterator it returns a row of its own each time. [`advance`](Self::advance) and
/// [`row`](Self::row) use the memory of one row again, which makes a long scan about twice as fast.
///
/// Cost: as much as a typed scan; through an index, a look-up for each row.
pub struct Rows {
    info: Arc<TableInfo>,
    mapper: Arc<Mapper>,
    walk: EntryScan,
    /// The ordinal of the index, if it goes by one.
    index: Option<usize>,
    reverse: bool,
    skip: u64,
    left: Option<u64>,
    conditions: Vec<Condition>,
    /// The current row, and its encoded primary key.
    held: HeldRow,
    primary_key: Vec<u8>,
    is_finished: bool,
}

/// The parts that a query goes by: each with its text in the schema, and its codec.
type Parts<'m> = Vec<(&'m str, Option<&'m KeyCodec>)>;

impl Rows {
    /// The rows of a query, in the snapshot of `walk`.
    pub(super) fn new(info: Arc<TableInfo>, mut walk: EntryScan, query: &Query) -> Result<Self> {
        let Some(mapper) = info.mapper.clone() else {
            return Err(Error::Unsupported("a query of a table that was opened by its struct"));
        };
        let index = query.index.as_deref().map(|name| index_of(&info, name)).transpose()?;
        if let Some(index) = index {
            info.ensure_readable(index, None)?;
        }
        let range = range_of(&info, &mapper, index, query)?;
        walk.set_range(range);
        for condition in &query.conditions {
            ensure_column(&info, &mapper, &condition.column)?;
        }
        Ok(Self {
            info,
            mapper,
            walk,
            index,
            reverse: query.reverse,
            skip: query.skip,
            left: query.limit,
            conditions: query.conditions.clone(),
            held: HeldRow::default(),
            primary_key: Vec::new(),
            is_finished: false,
        })
    }

    /// The number of rows that are left. Rows are decoded only if a condition asks for a column.
    pub fn count(mut self) -> Result<u64> {
        let mut count = 0;
        while self.step(false)? {
            count += 1;
        }
        Ok(count)
    }

    /// Goes to the next row. Returns whether there is one; after an error there is none.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use walnut::dynamic::{Query, Value};
    /// # use walnut::{Database, Table};
    /// # #[derive(Table, Serialize, Deserialize)]
    /// # #[table(name = "cities")]
    /// # struct City { #[primary_key] id: u64, name: String }
    /// # let db = Database::in_memory()?;
    /// # db.table::<City>()?.insert(&City { id: 1, name: "Paris".into() })?;
    /// let mut rows = db.dynamic("cities")?.scan(&Query::all())?;
    /// while rows.advance()? {
    ///     assert_eq!(rows.row().field("name"), Some(&Value::from("Paris")));
    /// }
    /// # Ok::<(), walnut::Error>(())
    /// ```
    pub fn advance(&mut self) -> Result<bool> {
        self.step(true)
    }

    /// The current row: `Null` before the first one and behind the last one.
    pub fn row(&self) -> &Value {
        &self.held.value
    }

    pub(super) fn primary_key(&self) -> &[u8] {
        &self.primary_key
    }

    /// Steps to the next row, which is decoded if `decodes`.
    pub(super) fn step(&mut self, decodes: bool) -> Result<bool> {
        if self.is_finished {
            return Ok(false);
        }
        let found = self.try_step(decodes);
        self.is_finished = !matches!(found, Ok(true));
        if self.is_finished {
            self.held = HeldRow::default();
        }
        found
    }

    fn try_step(&mut self, decodes: bool) -> Result<bool> {
        if self.left == Some(0) {
            return Ok(false);
        }
        loop {
            let found = if self.reverse { self.walk.next_back()? } else { self.walk.next()? };
            let Some(found) = found else { return Ok(false) };
            let key = &found.key[PREFIX..];
            let needs_row = !self.conditions.is_empty() || (decodes && self.skip == 0);
            let (mapper, held) = (&self.mapper, &mut self.held);
            let opened = match self.index {
                None => {
                    self.primary_key.clear();
                    self.primary_key.extend_from_slice(key);
                    if needs_row { mapper.open_in(&found.value.load()?, held) } else { Ok(()) }
                }
                Some(index) => {
                    let value = found.value.load()?;
                    self.primary_key = primary_key_of(&self.info, mapper, index, key, &value)?;
                    let primary_key = &self.primary_key;
                    let row_key = self.info.key_of_row(primary_key);
                    let stray =
                        || self.info.finding(FindingKind::StrayEntry, Some(index), primary_key).into_error();
                    if needs_row {
                        let opened = found
                            .state
                            .reader()
                            .get(row_key.finish()?, |bytes| mapper.open_in(bytes, held))?;
                        opened.ok_or_else(stray)?
                    } else {
                        Ok(())
                    }
                }
            };
            opened.map_err(|fault| self.info.unreadable(&self.primary_key, fault))?;
            let is_met = |condition: &Condition| {
                let column = mapper.column(&self.held.value, &condition.column);
                column.is_some_and(|column| condition.is_met(column))
            };
            if !self.conditions.iter().all(is_met) {
                continue;
            }
            if self.skip > 0 {
                self.skip -= 1;
                continue;
            }
            if let Some(left) = &mut self.left {
                *left -= 1;
            }
            return Ok(true);
        }
    }
}

impl Iterator for Rows {
    type Item = Result<Value>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step(true).map(|found| found.then(|| self.held.take())).transpose()
    }
}

impl std::iter::FusedIterator for Rows {}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows").field("table", &self.info.schema.name).finish_non_exhaustive()
    }
}

pub(super) fn index_of(info: &TableInfo, name: &str) -> Result<usize> {
    let indexes = info.schema.indexes;
    indexes.iter().position(|index| index.name == name).ok_or_else(|| {
        let names = listed(indexes.iter().map(|index| index.name));
        info.refusal(format!("it has no index `{name}`; its indexes are {names}"))
    })
}

/// An error unless rows have a column of this name.
fn ensure_column(info: &TableInfo, mapper: &Mapper, name: &str) -> Result<()> {
    if mapper.columns().any(|(_, column)| column.names.iter().any(|other| other == name)) {
        return Ok(());
    }
    let fields = listed(mapper.columns().map(|(_, column)| column.name()));
    let problem = Problem::Unknown { name: name.to_owned(), fields };
    Err(Error::Value(ValueError::new(info.schema.name, "", problem)))
}

fn primary_key_of(
    info: &TableInfo,
    mapper: &Mapper,
    index: usize,
    key: &[u8],
    value: &[u8],
) -> Result<Vec<u8>> {
    if info.schema.indexes[index].unique && !value.is_empty() {
        return Ok(value.to_vec());
    }
    let mut reader = KeyReader::new(key);
    match mapper.skip_index_key(index, &mut reader) {
        Ok(true) => Ok(reader.rest().to_vec()),
        Ok(false) => Err(info.refusal(format!(
            "the keys of its index `{}` are encoded by a type of its program, so it cannot be read by it here",
            info.schema.indexes[index].name
        ))),
        Err(_) => Err(info.finding(FindingKind::StrayEntry, Some(index), &[]).into_error()),
    }
}

fn range_of(info: &TableInfo, mapper: &Mapper, index: Option<usize>, query: &Query) -> Result<KeyRange> {
    let (keyspace, parts) = match index {
        None => (info.rows, key_parts(mapper)),
        Some(index) => {
            let parts = mapper.indexes[index].parts.iter();
            (info.indexes[index].keyspace, parts.map(|part| (&*part.text, part.codec.as_ref())).collect())
        }
    };
    let mut parts = flattened(parts).into_iter();
    let mut fixed = KeyWriter::new(&keyspace.prefix());
    let mut next = || {
        let too_many = || info.refusal("the query has more values than the key has parts".to_owned());
        let (text, codec) = parts.next().ok_or_else(too_many)?;
        let unknown =
            || info.refusal(format!("how values of `{text}` become keys is known to its program alone"));
        Ok::<_, Error>((text.to_owned(), codec.ok_or_else(unknown)?.clone()))
    };
    let misfit = |text: &str, problem| Error::Value(ValueError::new(info.schema.name, text, problem));
    for value in &query.prefix {
        let (text, codec) = next()?;
        codec.encode(value, &mut fixed).map_err(|problem| misfit(&text, problem))?;
    }
    if let Some(start) = &query.start_text {
        let (text, codec) = next()?;
        let problem = Problem::Kind { takes: codec.describe(), found: "the beginning of a text" };
        codec.encode_start(start, &mut fixed).ok_or_else(|| misfit(&text, problem))?;
    }
    if query.lower.is_none() && query.upper.is_none() {
        return Ok(fixed.sought().map_or_else(|| nothing(keyspace.prefix()), KeyRange::prefix));
    }
    let (text, codec) = next()?;
    let (lower, upper) =
        if codec.is_reversed() { (&query.upper, &query.lower) } else { (&query.lower, &query.upper) };
    let edge = |bound: &Option<Bound>| {
        let mut key = fixed.clone();
        let mut end = RangeBound::Unbounded;
        if let Some(bound) = bound {
            codec.encode(&bound.value, &mut key).map_err(|problem| misfit(&text, problem))?;
            end = if bound.is_included { RangeBound::Included(()) } else { RangeBound::Excluded(()) };
        }
        Ok::<_, Error>((key, end))
    };
    let ((start, from), (end, to)) = (edge(lower)?, edge(upper)?);
    narrowed(&start, from, &end, to)
}

/// The range between two keys.
fn narrowed(
    start: &KeyWriter,
    from: RangeBound<()>,
    end: &KeyWriter,
    to: RangeBound<()>,
) -> Result<KeyRange> {
    // A key is never a prefix of another one, so whatever begins with a bound is equal to it.
    let start = match (from, start.edge()?) {
        (RangeBound::Excluded(()), Edge::At(key)) | (_, Edge::After(key)) => {
            successor(key).unwrap_or_else(|| key.to_vec())
        }
        (RangeBound::Included(()) | RangeBound::Unbounded, Edge::At(key)) | (_, Edge::Before(key)) => {
            key.to_vec()
        }
    };
    let end = match (to, end.edge()?) {
        (RangeBound::Excluded(()), Edge::At(key)) | (_, Edge::Before(key)) => Some(key.to_vec()),
        (RangeBound::Included(()) | RangeBound::Unbounded, Edge::At(key)) | (_, Edge::After(key)) => {
            successor(key)
        }
    };
    Ok(KeyRange { start, end })
}

fn nothing(prefix: [u8; PREFIX]) -> KeyRange {
    KeyRange { start: prefix.to_vec(), end: Some(prefix.to_vec()) }
}

fn key_parts(mapper: &Mapper) -> Parts<'_> {
    let columns = &mapper.key.columns;
    match (&columns[..], &mapper.key.codec) {
        ([column], codec) => vec![(column, codec.as_ref())],
        (columns, Some(KeyCodec::Parts(parts))) => {
            columns.iter().zip(parts).map(|(column, (_, part))| (&**column, Some(part))).collect()
        }
        (columns, _) => columns.iter().map(|column| (&**column, None)).collect(),
    }
}

/// Splits the key of a single compound column into its parts.
fn flattened(parts: Parts<'_>) -> Parts<'_> {
    match &parts[..] {
        [(text, Some(KeyCodec::Parts(inner)))] => inner.iter().map(|(_, part)| (*text, Some(part))).collect(),
        _ => parts,
    }
}
