//! Descriptions of stored tables, for programs that show them.

use super::keys::KeyCodec;
use super::mapper::Mapper;
use super::rows::RowForm;
use crate::table::catalog::{StoredTable, TableInfo};
use crate::table::shape::{Node, NodeId, RowShape};

/// A stored table: its columns, primary key and indexes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Description {
    /// The table's name.
    pub name: String,
    /// The version of its newest layout.
    pub version: u32,
    /// Whether rows of older layouts may be left.
    pub has_older_rows: bool,
    /// The columns, in the order in which they are stored.
    pub columns: Vec<ColumnDescription>,
    /// The names of the columns that make the primary key.
    pub primary_key: Vec<String>,
    /// How each part of the primary key is written.
    pub key_kinds: Vec<ValueKind>,
    /// The indexes.
    pub indexes: Vec<IndexDescription>,
    /// Why no row can be written without the program, if so, as the end of a sentence.
    pub read_only: Option<String>,
    pub(super) shape: RowShape,
    pub(super) fields: Vec<(String, String)>,
}

/// A column.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ColumnDescription {
    /// Its name.
    pub name: String,
    /// Its type as the source of the program has it.
    pub type_name: String,
    /// How its values are written.
    pub kind: ValueKind,
    /// Whether it may be `Null`.
    pub is_optional: bool,
}

/// An index.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own")]
#[non_exhaustive]
pub struct IndexDescription {
    /// Its name.
    pub name: String,
    /// Whether a value has one owner.
    pub unique: bool,
    /// Whether a row in which a part is missing has no entry.
    pub sparse: bool,
    /// Its parts, as [`IndexSchema::parts`](crate::schema::IndexSchema::parts) has them.
    pub parts: Vec<String>,
    /// How values of each part are written.
    pub kinds: Vec<ValueKind>,
    /// Whether it can be read: not while it is being built, nor while rows share a unique value.
    pub is_readable: bool,
    /// Whether its entries follow from the rows. Not so where a function of the program computes
    /// them.
    pub is_derived: bool,
}

/// How the values of a column or a part are written as text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ValueKind {
    /// Nothing.
    Null,
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Integer,
    /// A number of 32 bits with a point.
    Float32,
    /// A number of 64 bits with a point.
    Float64,
    /// Text, also the variants of an enum.
    Text,
    /// A well-known type, as text: a date, an address, a `Uuid`. A few values, such as a negative
    /// span, have no text: these are lists.
    Known,
    /// Bytes: `0x` and hexadecimal digits.
    Bytes,
    /// Something of several values.
    Compound,
}

impl Description {
    pub(super) fn new(stored: &StoredTable, info: &TableInfo, mapper: &Mapper) -> Self {
        let (version, fields) = stored.newest_fields();
        let fields: Vec<(String, String)> =
            fields.into_iter().map(|(name, type_name)| (name.to_owned(), type_name.to_owned())).collect();
        let type_of =
            |name: &str| fields.iter().find(|(field, _)| field == name).map(|(_, name)| name.clone());
        let columns = mapper.columns().map(|(form, column)| ColumnDescription {
            name: column.name().to_owned(),
            type_name: type_of(column.name()).unwrap_or_else(|| form.shape.describe(column.node)),
            kind: kind_of(form, column.node),
            is_optional: form.is_nullable(column.node),
        });
        let columns = columns.collect();
        let index = |(at, schema): (usize, &crate::table::IndexSchema)| IndexDescription {
            name: schema.name.to_owned(),
            unique: schema.unique,
            sparse: schema.sparse,
            parts: schema.parts.iter().map(|&part| part.to_owned()).collect(),
            kinds: mapper.indexes[at].parts.iter().map(|part| kind_of_key(part.codec.as_ref())).collect(),
            is_readable: info.indexes[at].is_readable(),
            is_derived: mapper.is_derived(at),
        };
        let key_kinds = match (&mapper.key.codec, mapper.key.columns.len()) {
            (Some(KeyCodec::Parts(parts)), _) => {
                parts.iter().map(|(_, part)| kind_of_key(Some(part))).collect()
            }
            (codec, count) => vec![kind_of_key(codec.as_ref()); count],
        };
        Self {
            name: info.schema.name.to_owned(),
            version,
            has_older_rows: mapper.has_older_layouts(),
            columns,
            primary_key: mapper.key.columns.clone(),
            key_kinds,
            indexes: info.schema.indexes.iter().enumerate().map(index).collect(),
            read_only: mapper.refusal().map(str::to_owned),
            shape: info.compiled.shape.clone(),
            fields,
        }
    }

    /// The column of a name.
    pub fn column(&self, name: &str) -> Option<&ColumnDescription> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The index of a name.
    pub fn index(&self, name: &str) -> Option<&IndexDescription> {
        self.indexes.iter().find(|index| index.name == name)
    }
}

fn kind_of(form: &RowForm, id: NodeId) -> ValueKind {
    match form.shape.node(id) {
        Node::Unit => ValueKind::Null,
        Node::Bool => ValueKind::Bool,
        Node::U8
        | Node::U16
        | Node::U32
        | Node::U64
        | Node::U128
        | Node::I8
        | Node::I16
        | Node::I32
        | Node::I64
        | Node::I128 => ValueKind::Integer,
        Node::F32 => ValueKind::Float32,
        Node::F64 => ValueKind::Float64,
        Node::Char | Node::Text => ValueKind::Text,
        Node::Known { .. } => ValueKind::Known,
        Node::Bytes | Node::Opaque | Node::Unreadable => ValueKind::Bytes,
        Node::Seq(element) | Node::Array { element, .. } if form.is_byte(*element) => ValueKind::Bytes,
        Node::Option(inner) if form.is_nullable(*inner) => ValueKind::Compound,
        Node::Option(inner) | Node::Newtype { inner, .. } => kind_of(form, *inner),
        Node::Enum { variants, .. }
            if variants.iter().all(|variant| *form.shape.node(variant.node) == Node::Unit) =>
        {
            ValueKind::Text
        }
        Node::Seq(_)
        | Node::Array { .. }
        | Node::Map { .. }
        | Node::Tuple(_)
        | Node::Struct { .. }
        | Node::Enum { .. } => ValueKind::Compound,
    }
}

fn kind_of_key(codec: Option<&KeyCodec>) -> ValueKind {
    match codec {
        Some(KeyCodec::Unit) => ValueKind::Null,
        Some(KeyCodec::Bool) => ValueKind::Bool,
        Some(KeyCodec::Unsigned(_) | KeyCodec::Signed(_)) => ValueKind::Integer,
        Some(KeyCodec::Float(32)) => ValueKind::Float32,
        Some(KeyCodec::Float(_)) => ValueKind::Float64,
        Some(
            KeyCodec::Char
            | KeyCodec::Text
            | KeyCodec::Enum(_)
            | KeyCodec::NoCase(_)
            | KeyCodec::Scaled { .. },
        ) => ValueKind::Text,
        Some(KeyCodec::Known(_)) => ValueKind::Known,
        None | Some(KeyCodec::Bytes | KeyCodec::Fixed(_)) => ValueKind::Bytes,
        Some(KeyCodec::Option { is_wrapped: true, .. } | KeyCodec::Parts(_)) => ValueKind::Compound,
        Some(KeyCodec::Option { inner, .. } | KeyCodec::Reverse(inner)) => kind_of_key(Some(inner)),
    }
}
