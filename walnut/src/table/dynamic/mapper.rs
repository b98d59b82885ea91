//! The mapper of a table by its stored schema, in place of derived code.
//!
//! ```text
//!   bytes ── version ── the form of that layout ── columns ── Value::Map
//!   row   ── primary key: the codec of its columns
//!         └─ index: the path and the codec of each part; of a computed one, nothing
//! ```
//!
//! 1. A row is written only if everything of it is known: its shape to the last leaf, its primary
//!    key, and every index. Otherwise the mapper says why not.
//! 2. A row of an older layout is decoded as it was written, and not rewritten: only its program
//!    can migrate it.

use super::forms::find_fields;
use super::keys::KeyCodec;
use super::rows::{DecodeTrouble, HeldRow, RowForm};
use super::value::{Misfit, Value, ValuePath};
use crate::codec::{Reader, Writer};
use crate::error::{Fault, Problem};
use crate::table::key::{KeyShape, KeyWriter};
use crate::table::row::version;
use crate::table::schema::entries::IndexEntries;
use crate::table::shape::{Node, NodeId, RowShape};

/// The fault of a row of an older layout where one of the newest is needed.
pub(super) const OLDER_LAYOUT: Fault =
    Fault::Invalid("a row of an older layout, which only its program can migrate");

#[derive(Debug)]
pub(in crate::table) struct Mapper {
    /// The newest one is last.
    layouts: Vec<DynamicLayout>,
    pub(super) key: KeyPlan,
    pub(super) indexes: Vec<IndexPlan>,
    /// Why no row can be written, if so.
    refusal: Option<String>,
}

/// A layout of the catalog: its version, the names of its fields, and its shape.
pub(in crate::table) struct StoredForm {
    pub(in crate::table) version: u32,
    pub(in crate::table) fields: Vec<String>,
    pub(in crate::table) shape: Option<RowShape>,
}

/// An index of the catalog.
pub(in crate::table) struct StoredParts {
    pub(in crate::table) sparse: bool,
    pub(in crate::table) parts: Vec<String>,
    pub(in crate::table) shapes: Vec<KeyShape>,
}

#[derive(Debug)]
struct DynamicLayout {
    version: u32,
    form: RowForm,
    columns: Vec<Column>,
}

#[derive(Debug)]
pub(super) struct Column {
    /// Its name in Rust, then those of serde.
    pub(super) names: Vec<String>,
    pub(super) node: NodeId,
}

#[derive(Debug)]
pub(super) struct KeyPlan {
    pub(super) columns: Vec<String>,
    shape: Option<KeyShape>,
    /// `None` if the encoding of its values is unknown.
    pub(super) codec: Option<KeyCodec>,
}

#[derive(Debug)]
pub(super) struct IndexPlan {
    sparse: bool,
    shapes: Vec<KeyShape>,
    pub(super) parts: Vec<PartPlan>,
}

#[derive(Debug)]
pub(super) struct PartPlan {
    /// The part in the catalog's text.
    pub(super) text: String,
    /// `None` if it is computed.
    source: Option<PartSource>,
    /// `None` if the encoding of its values is unknown.
    pub(super) codec: Option<KeyCodec>,
}

#[derive(Debug)]
struct PartSource {
    /// The column, then the fields within it.
    path: Vec<String>,
    /// Whether each element has an entry of its own.
    each: bool,
}

impl Mapper {
    /// The mapper of a table with these layouts, of which the last one is the newest.
    pub(in crate::table) fn new(
        layouts: Vec<StoredForm>,
        primary_key: &[String],
        key_shape: Option<KeyShape>,
        indexes: Vec<StoredParts>,
    ) -> Self {
        let layouts: Vec<DynamicLayout> = layouts.into_iter().map(DynamicLayout::new).collect();
        let newest = layouts.last();
        let key = KeyPlan::new(newest, primary_key, key_shape);
        let refusal = refusal(newest, &key, &indexes);
        let indexes = indexes.into_iter().map(|index| IndexPlan::new(newest, index)).collect::<Vec<_>>();
        let mut mapper = Self { layouts, key, indexes, refusal };
        mapper.refusal = mapper.refusal.take().or_else(|| mapper.computed());
        mapper
    }

    /// Why no row can be written, if so, as the end of a sentence.
    pub(in crate::table) fn refusal(&self) -> Option<&str> {
        self.refusal.as_deref()
    }

    pub(super) fn has_older_layouts(&self) -> bool {
        self.layouts.len() > 1
    }

    /// Whether the shape of rows is known to the last leaf, and how their primary keys are encoded.
    pub(super) fn knows_rows(&self) -> bool {
        self.key.codec.is_some() && self.layouts.last().is_some_and(|layout| layout.form.shape.is_complete())
    }

    pub(super) fn is_derived(&self, index: usize) -> bool {
        self.knows_rows()
            && self.indexes.get(index).is_some_and(|index| {
                index.parts.iter().all(|part| part.source.is_some() && part.codec.is_some())
            })
    }

    /// The columns of the newest layout.
    pub(super) fn columns(&self) -> impl Iterator<Item = (&RowForm, &Column)> {
        self.layouts
            .last()
            .into_iter()
            .flat_map(|layout| layout.columns.iter().map(move |column| (&layout.form, column)))
    }

    fn computed(&self) -> Option<String> {
        let ordinal = (0..self.indexes.len()).find(|index| !self.is_derived(*index))?;
        let part =
            self.indexes[ordinal].parts.iter().find(|part| part.source.is_none() || part.codec.is_none())?;
        Some(format!("its index over `{}` holds what only its program can compute of a row", part.text))
    }

    /// Decodes a row of any layout, up to the first opaque column.
    pub(super) fn open(&self, bytes: &[u8]) -> Result<Value, Fault> {
        let mut held = HeldRow::default();
        self.open_in(bytes, &mut held)?;
        Ok(held.take())
    }

    /// The same into the memory of the held row, which is empty after a fault.
    pub(super) fn open_in(&self, bytes: &[u8], held: &mut HeldRow) -> Result<(), Fault> {
        let (number, rest) = version(bytes)?;
        let layout = self.layouts.iter().rev().find(|layout| layout.version == number);
        let layout = layout.ok_or(crate::table::row::UNKNOWN_VERSION)?;
        let mut columns = match held.take() {
            Value::Map(columns) if held.version == number => columns,
            _ => Vec::with_capacity(layout.columns.len()),
        };
        layout.open(rest, &mut columns)?;
        *held = HeldRow { value: Value::Map(columns), version: number };
        Ok(())
    }

    /// Decodes a row of the newest layout; others are [`OLDER_LAYOUT`].
    pub(super) fn open_newest(&self, bytes: &[u8]) -> Result<Value, Fault> {
        let (number, rest) = version(bytes)?;
        match self.layouts.last() {
            Some(newest) if newest.version == number => {
                let mut columns = Vec::with_capacity(newest.columns.len());
                newest.open(rest, &mut columns).map(|()| Value::Map(columns))
            }
            _ => Err(OLDER_LAYOUT),
        }
    }

    /// Whether the bytes that [`seal`](Self::seal) made of a row decode to the same value. Mostly
    /// this allocates nothing.
    pub(super) fn is_read_as(&self, bytes: &[u8], row: &Value) -> bool {
        let (Ok((_, rest)), Some(newest), Value::Map(entries)) = (version(bytes), self.layouts.last(), row)
        else {
            return false;
        };
        let columns = newest.columns.iter().map(|column| (column.name(), column.node));
        newest.form.are_read_as(columns, &mut Reader::new(rest), entries)
    }

    pub(super) fn seal(&self, row: &Value, out: &mut Vec<u8>) -> Result<(), Misfit> {
        let Some(newest) = self.layouts.last() else { return Ok(()) };
        out.put_varint(u64::from(newest.version));
        newest.encode(row, out)
    }

    pub(super) fn put_key(&self, row: &Value, out: &mut KeyWriter) {
        let column = |name: &String| self.column(row, name).unwrap_or(&Value::Null);
        let encoded = self.key.codec.as_ref().and_then(|codec| {
            match &self.key.columns[..] {
                [name] => codec.encode(column(name), out),
                names => codec.encode(&Value::List(names.iter().map(column).cloned().collect()), out),
            }
            .ok()
        });
        if encoded.is_none() {
            out.refuse("the primary key of a row cannot be derived from its values");
        }
    }

    /// Adds the entries of a row in an index; none if they are computed.
    pub(super) fn put_entries(&self, row: &Value, index: usize, entries: &mut IndexEntries) {
        let Some(plan) = self.indexes.get(index).filter(|_| self.is_derived(index)) else { return };
        for part in &plan.parts {
            let (Some(source), Some(codec)) = (&part.source, &part.codec) else { return };
            let value = self.at(row, &source.path).unwrap_or(&Value::Null);
            if source.each {
                put_each(value, codec, entries);
            } else {
                entries.put(codec.is_none(value), |out| put(codec, value, out));
            }
        }
        if plan.sparse { entries.finish_sparse() } else { entries.finish() }
    }

    /// Skips the value in front of the primary key of an index entry. Returns false if its length
    /// is unknown.
    pub(super) fn skip_index_key(
        &self,
        index: usize,
        input: &mut crate::table::key::KeyReader<'_>,
    ) -> Result<bool, Fault> {
        let Some(plan) = self.indexes.get(index) else { return Ok(false) };
        let is_known = plan.shapes.len() == plan.parts.len() && plan.shapes.iter().all(KeyShape::is_complete);
        if !is_known {
            return Ok(false);
        }
        for shape in &plan.shapes {
            shape.skip(input)?;
        }
        Ok(true)
    }

    pub(super) fn skip_key(&self, input: &mut crate::table::key::KeyReader<'_>) -> Result<(), Fault> {
        match &self.key.shape {
            Some(shape) if shape.skip(input)? => Ok(()),
            _ => Err(Fault::Invalid("primary key of an encoding that is not known")),
        }
    }

    /// The value of a column, by any of its names.
    pub(super) fn column<'v>(&self, row: &'v Value, name: &str) -> Option<&'v Value> {
        row.field(name).or_else(|| {
            let mut columns = self.layouts.last()?.columns.iter();
            let column = columns.find(|column| column.names.iter().any(|other| other == name))?;
            column.names.iter().find_map(|name| row.field(name))
        })
    }

    fn at<'v>(&self, row: &'v Value, path: &[String]) -> Option<&'v Value> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.column(row, first)?, |value, name| match value {
            Value::List(values) => values.get(name.parse::<usize>().ok()?),
            value => value.field(name),
        })
    }
}

/// Why no row of a table can be written, as far as its rows and primary key decide it.
fn refusal(newest: Option<&DynamicLayout>, key: &KeyPlan, indexes: &[StoredParts]) -> Option<String> {
    let has_shapes = indexes.iter().all(|index| index.shapes.len() == index.parts.len());
    match newest {
        None => Some("the catalog has no layout of it".to_owned()),
        Some(newest) if !newest.form.shape.is_complete() => {
            Some("the catalog does not know the whole form of its rows".to_owned())
        }
        Some(_) if key.codec.is_none() => {
            Some("the catalog does not know how its primary key is encoded".to_owned())
        }
        Some(_) if !has_shapes => Some("the catalog does not know how its indexes are encoded".to_owned()),
        Some(_) => None,
    }
}

/// Writes a value's key, or refuses a value without one.
fn put(codec: &KeyCodec, value: &Value, out: &mut KeyWriter) {
    if codec.encode(value, out).is_err() {
        out.refuse("the value of an index cannot be derived from the row");
    }
}

fn put_each(value: &Value, codec: &KeyCodec, entries: &mut IndexEntries) {
    let elements: Vec<Value> = match value {
        Value::Null => return entries.leave_out(),
        Value::List(values) => values.clone(),
        Value::Bytes(bytes) => bytes.iter().map(|&byte| Value::from(byte)).collect(),
        Value::Map(pairs) => pairs.iter().map(|(key, _)| key.clone()).collect(),
        // An `Option` of a single value.
        value => vec![value.clone()],
    };
    entries.put_each(
        elements.iter(),
        |element| codec.is_none(element),
        |element, out| put(codec, element, out),
    );
}

impl DynamicLayout {
    fn new(stored: StoredForm) -> Self {
        let form = RowForm::new(stored.shape.unwrap_or_else(RowShape::opaque));
        let fields = form.shape.fields();
        let by_place = fields.len() == stored.fields.len();
        let column = |(at, field): (usize, &crate::table::shape::Field)| {
            let mut names = field.names.clone();
            if let Some(name) = stored.fields.get(at).filter(|_| by_place) {
                names.retain(|other| other != name);
                names.insert(0, name.clone());
            }
            Column { names, node: field.node }
        };
        let mut columns: Vec<Column> = fields.iter().enumerate().map(column).collect();
        if !matches!(form.shape.node(0), Node::Struct { .. }) {
            // A row that serde does not write as a struct is one value.
            columns = vec![Column { names: vec!["row".to_owned()], node: 0 }];
        }
        Self { version: stored.version, form, columns }
    }

    /// Decodes a row. `row` is empty, or a row of this layout, whose memory is used again.
    fn open(&self, bytes: &[u8], row: &mut Vec<(Value, Value)>) -> Result<(), Fault> {
        let mut reader = Reader::new(bytes);
        for (at, column) in self.columns.iter().enumerate() {
            let before = reader.rest();
            if row.len() == at {
                row.push((Value::from(column.name()), Value::Null));
            }
            let value = &mut row[at].1;
            match self.form.decode_in(column.node, &mut reader, value) {
                Ok(()) => {}
                Err(DecodeTrouble::Fault(fault)) => return Err(fault),
                Err(DecodeTrouble::Opaque) => {
                    *value = Value::from(before);
                    row.truncate(at + 1);
                    return Ok(());
                }
            }
        }
        if reader.is_empty() { Ok(()) } else { Err(Fault::Invalid("row")) }
    }

    fn encode(&self, row: &Value, out: &mut Vec<u8>) -> Result<(), Misfit> {
        let Value::Map(entries) = row else {
            let takes = "a map of columns to values".to_owned();
            return Err((String::new(), Problem::Kind { takes, found: row.kind() }));
        };
        let named: Vec<(&[String], NodeId)> =
            self.columns.iter().map(|column| (&*column.names, column.node)).collect();
        let found = find_fields(&named, entries, "")?;
        for (column, value) in self.columns.iter().zip(found) {
            self.form.encode_field(column.node, value, out, &ValuePath::column(column.name()))?;
        }
        Ok(())
    }

    fn node_of(&self, name: &str) -> Option<NodeId> {
        let column = self.columns.iter().find(|column| column.names.iter().any(|other| other == name))?;
        Some(column.node)
    }

    /// The node at a path, and its names in a value.
    fn resolve(&self, path: &str) -> Option<(Vec<String>, NodeId)> {
        let mut names = path.split('.');
        let first = names.next()?;
        let (mut path, mut id) = (vec![first.to_owned()], self.node_of(first)?);
        for name in names {
            id = self.form.shape.bare(id);
            let (step, next) = match self.form.shape.node(id) {
                Node::Struct { fields, .. } => {
                    let field = fields.iter().find(|field| field.names.iter().any(|other| other == name))?;
                    (field.name().to_owned(), field.node)
                }
                Node::Tuple(elements) => (name.to_owned(), *elements.get(name.parse::<usize>().ok()?)?),
                _ => return None,
            };
            path.push(step);
            id = next;
        }
        Some((path, id))
    }

    /// The node of the elements of a collection, or of the value of an `Option`.
    fn element_of(&self, mut id: NodeId) -> Option<NodeId> {
        id = self.form.shape.bare(id);
        if let Node::Option(inner) = self.form.shape.node(id) {
            id = self.form.shape.bare(*inner);
            if !matches!(self.form.shape.node(id), Node::Seq(_) | Node::Array { .. } | Node::Map { .. }) {
                return Some(*inner);
            }
        }
        match self.form.shape.node(id) {
            Node::Seq(element) | Node::Array { element, .. } => Some(*element),
            Node::Map { key, .. } => Some(*key),
            _ => None,
        }
    }
}

impl Column {
    /// The name under which it is shown.
    pub(super) fn name(&self) -> &str {
        self.names.first().map_or("", |name| name)
    }
}

impl KeyPlan {
    fn new(newest: Option<&DynamicLayout>, columns: &[String], shape: Option<KeyShape>) -> Self {
        let fields = newest.and_then(|layout| {
            columns.iter().map(|name| Some((name.clone(), layout.node_of(name)?))).collect::<Option<Vec<_>>>()
        });
        let codec = newest
            .zip(shape.as_ref())
            .zip(fields)
            .and_then(|((layout, shape), fields)| KeyCodec::of_fields(shape, &layout.form, &fields));
        Self { columns: columns.to_vec(), shape, codec }
    }
}

impl IndexPlan {
    fn new(newest: Option<&DynamicLayout>, stored: StoredParts) -> Self {
        let StoredParts { sparse, parts, shapes, .. } = stored;
        let part = |(at, text): (usize, &String)| PartPlan::new(newest, text, shapes.get(at));
        let parts = parts.iter().enumerate().map(part).collect();
        Self { sparse, shapes, parts }
    }
}

impl PartPlan {
    fn new(newest: Option<&DynamicLayout>, text: &str, shape: Option<&KeyShape>) -> Self {
        let found = newest.zip(shape).and_then(|(layout, shape)| {
            let (path, each) = source_of(text)?;
            let (path, mut id) = layout.resolve(path)?;
            if each {
                id = layout.element_of(id)?;
            }
            let codec = KeyCodec::new(shape, Some((&layout.form, id)))?;
            Some((PartSource { path, each }, codec))
        });
        let (source, codec) = match found {
            Some((source, codec)) => (Some(source), Some(codec)),
            None => (None, shape.and_then(|shape| KeyCodec::new(shape, None))),
        };
        Self { text: text.to_owned(), source, codec }
    }
}

/// The path of a part of the catalog, and whether it is over the elements; `None` for a computed
/// one.
fn source_of(text: &str) -> Option<(&str, bool)> {
    if text.contains(':') {
        return None;
    }
    let (mut text, mut each) = (text, false);
    while let Some((word, rest)) = text.split_once('(') {
        let inner = rest.strip_suffix(')')?;
        text = match word {
            "desc" | "nocase" => inner,
            "scale" => inner.rsplit_once(", ")?.0,
            "each" => {
                each = true;
                inner
            }
            _ => return None,
        };
    }
    Some((text, each))
}
