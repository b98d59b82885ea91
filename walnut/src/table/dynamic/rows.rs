//! Rows as values: the bytes of a row are decoded by its shape alone, and encoded again.
//!
//! 1. A decoded row is encoded to the same bytes.
//! 2. Memory is bounded by the bytes: a value takes at least one, except for those that take none,
//!    whose number has a limit.
//! 3. What follows an opaque node cannot be found, since the format has no lengths: its field is
//!    all the bytes that are left.

use super::known;
use super::value::{Value, ValuePath};
use crate::codec::{Reader, text};
use crate::error::Fault;
use crate::table::shape::{Field, Known, Node, NodeId, RowShape, Variant};

/// The deepest nesting of values.
pub(super) const MAX_DEPTH: usize = 192;

/// The most values in a list that take no bytes.
const MAX_UNITS: u64 = 1 << 12;

const DAMAGED: DecodeTrouble = DecodeTrouble::Fault(Fault::Invalid("row"));

/// Why a value could not be decoded.
#[derive(Debug)]
pub(super) enum DecodeTrouble {
    /// The shape is unknown there.
    Opaque,
    Fault(Fault),
}

impl From<Fault> for DecodeTrouble {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// The current row of a scan, whose memory the next one uses.
#[derive(Debug)]
pub(super) struct HeldRow {
    pub(super) value: Value,
    /// The version of the row's layout, and so of its column names.
    pub(super) version: u32,
}

impl Default for HeldRow {
    fn default() -> Self {
        Self { value: Value::Null, version: 0 }
    }
}

impl HeldRow {
    /// Takes the row; nothing is held then.
    pub(super) fn take(&mut self) -> Value {
        std::mem::replace(&mut self.value, Value::Null)
    }
}

/// The shape of a row with what decoding needs.
#[derive(Debug)]
pub(super) struct RowForm {
    pub(super) shape: RowShape,
    /// For each node, whether its values take bytes.
    sized: Vec<bool>,
}

impl RowForm {
    pub(super) fn new(shape: RowShape) -> Self {
        let sized = shape.sized();
        Self { shape, sized }
    }

    pub(super) fn decode(
        &self,
        id: NodeId,
        reader: &mut Reader<'_>,
        depth: usize,
    ) -> Result<Value, DecodeTrouble> {
        if depth > MAX_DEPTH {
            return Err(DAMAGED);
        }
        Ok(match self.shape.node(id) {
            Node::Opaque | Node::Unreadable => return Err(DecodeTrouble::Opaque),
            Node::Unit => Value::Null,
            Node::Bool => Value::Bool(tag(reader)?),
            Node::U8 => Value::Int(reader.u8()?.into()),
            Node::I8 => Value::Int(reader.u8()?.cast_signed().into()),
            Node::U16 => Value::from(varint(reader, 16)?),
            Node::U32 => Value::from(varint(reader, 32)?),
            Node::U64 => Value::from(varint(reader, 64)?),
            Node::U128 => Value::from(varint(reader, 128)?),
            Node::I16 => signed(reader, 16)?,
            Node::I32 => signed(reader, 32)?,
            Node::I64 => signed(reader, 64)?,
            Node::I128 => signed(reader, 128)?,
            Node::F32 => Value::F32(f32::from_bits(reader.u32()?)),
            Node::F64 => Value::F64(f64::from_bits(reader.u64()?)),
            Node::Char | Node::Text => {
                Value::Text(text(sized_bytes(reader)?).map_err(|_| DAMAGED)?.to_owned())
            }
            Node::Bytes => Value::Bytes(sized_bytes(reader)?.to_vec()),
            Node::Option(inner) => match tag(reader)? {
                false => Value::Null,
                true if self.is_nullable(*inner) => {
                    Value::row([("Some", self.decode(*inner, reader, depth + 1)?)])
                }
                true => self.decode(*inner, reader, depth + 1)?,
            },
            Node::Seq(element) => {
                let count = length(reader)?;
                self.list(*element, count, reader, depth)?
            }
            Node::Array { element, len } => self.list(*element, u64::from(*len), reader, depth)?,
            Node::Map { key, value } => self.map((*key, *value), reader, depth)?,
            Node::Tuple(elements) => {
                let element = |id: &NodeId| self.decode(*id, reader, depth + 1);
                Value::List(elements.iter().map(element).collect::<Result<_, _>>()?)
            }
            Node::Newtype { inner, .. } => self.decode(*inner, reader, depth + 1)?,
            Node::Struct { fields, .. } => {
                let field = |field: &Field| {
                    Ok((Value::from(field.name()), self.decode(field.node, reader, depth + 1)?))
                };
                Value::Map(fields.iter().map(field).collect::<Result<_, DecodeTrouble>>()?)
            }
            Node::Enum { variants, .. } => self.variant(variants, reader, depth)?,
            Node::Known { known, inner } => self.decode_known(id, *known, *inner, reader, depth)?,
        })
    }

    /// Decodes a column's value over another one. Text is decoded into the other's memory.
    pub(super) fn decode_in(
        &self,
        id: NodeId,
        reader: &mut Reader<'_>,
        value: &mut Value,
    ) -> Result<(), DecodeTrouble> {
        match (self.shape.node(id), value) {
            (Node::Text, Value::Text(held)) => {
                held.clear();
                held.push_str(text(sized_bytes(reader)?).map_err(|_| DAMAGED)?);
            }
            (Node::Option(inner), value @ Value::Text(_)) if *self.shape.node(*inner) == Node::Text => {
                if tag(reader)? {
                    return self.decode_in(*inner, reader, value);
                }
                *value = Value::Null;
            }
            (_, value) => *value = self.decode(id, reader, 0)?,
        }
        Ok(())
    }

    /// Whether the next value of a node decodes to this one. Mostly this allocates nothing.
    fn is_read_as(&self, id: NodeId, reader: &mut Reader<'_>, value: &Value) -> bool {
        match (self.shape.node(id), value) {
            (Node::Text, Value::Text(text)) => {
                sized_bytes(reader).is_ok_and(|bytes| bytes == text.as_bytes())
            }
            (Node::Option(_), Value::Null) => matches!(tag(reader), Ok(false)),
            (Node::Option(inner), value) if !self.is_nullable(*inner) => {
                matches!(tag(reader), Ok(true)) && self.is_read_as(*inner, reader, value)
            }
            (Node::Newtype { inner, .. }, value) => self.is_read_as(*inner, reader, value),
            (Node::Struct { fields, .. }, Value::Map(entries)) => {
                let fields = fields.iter().map(|field| (field.name(), field.node));
                self.are_read_as(fields, reader, entries)
            }
            (_, value) => self.decode(id, reader, 0).is_ok_and(|read| read == *value),
        }
    }

    /// The same for fields, which decode in their order and under their first names.
    pub(super) fn are_read_as<'f>(
        &self,
        fields: impl ExactSizeIterator<Item = (&'f str, NodeId)>,
        reader: &mut Reader<'_>,
        entries: &[(Value, Value)],
    ) -> bool {
        fields.len() == entries.len()
            && fields.zip(entries).all(|((name, node), (key, value))| {
                key.as_text() == Some(name) && self.is_read_as(node, reader, value)
            })
    }

    fn decode_known(
        &self,
        id: NodeId,
        known: Known,
        inner: NodeId,
        reader: &mut Reader<'_>,
        depth: usize,
    ) -> Result<Value, DecodeTrouble> {
        let before = reader.rest();
        let value = self.decode(inner, reader, depth + 1)?;
        let bytes = &before[..before.len() - reader.rest().len()];
        let Some(text) = known::show(known, &value).map(Value::Text) else { return Ok(value) };
        let mut again = Vec::with_capacity(bytes.len());
        let is_same = self.encode(id, &text, &mut again, &ValuePath::column("")).is_ok() && again == bytes;
        Ok(if is_same { text } else { value })
    }

    fn map(
        &self,
        (key, value): (NodeId, NodeId),
        reader: &mut Reader<'_>,
        depth: usize,
    ) -> Result<Value, DecodeTrouble> {
        let count = length(reader)?;
        Self::ensure_bounded(count, self.sized(key) || self.sized(value))?;
        let mut entries = Vec::new();
        for _ in 0..count {
            let key = self.decode(key, reader, depth + 1)?;
            entries.push((key, self.decode(value, reader, depth + 1)?));
        }
        Ok(Value::Map(entries))
    }

    fn variant(
        &self,
        variants: &[Variant],
        reader: &mut Reader<'_>,
        depth: usize,
    ) -> Result<Value, DecodeTrouble> {
        let variant = usize::try_from(varint(reader, 32)?).map_err(|_| DAMAGED)?;
        let variant = variants.get(variant).ok_or(DAMAGED)?;
        let name = variant.names.first().map_or("", |name| name);
        if *self.shape.node(variant.node) == Node::Unit {
            return Ok(Value::from(name));
        }
        Ok(Value::row([(name, self.decode(variant.node, reader, depth + 1)?)]))
    }

    fn list(
        &self,
        element: NodeId,
        count: u64,
        reader: &mut Reader<'_>,
        depth: usize,
    ) -> Result<Value, DecodeTrouble> {
        if self.is_byte(element) {
            let count = usize::try_from(count).map_err(|_| DAMAGED)?;
            return Ok(Value::Bytes(reader.bytes(count)?.to_vec()));
        }
        Self::ensure_bounded(count, self.sized(element))?;
        let mut values = Vec::new();
        for _ in 0..count {
            values.push(self.decode(element, reader, depth + 1)?);
        }
        Ok(Value::List(values))
    }

    /// A fault if there are more values than their bytes bound.
    fn ensure_bounded(count: u64, is_sized: bool) -> Result<(), DecodeTrouble> {
        if is_sized || count <= MAX_UNITS { Ok(()) } else { Err(DAMAGED) }
    }

    fn sized(&self, id: NodeId) -> bool {
        self.sized.get(id as usize).copied().unwrap_or(true)
    }

    pub(super) fn is_byte(&self, id: NodeId) -> bool {
        *self.shape.node(self.shape.bare(id)) == Node::U8
    }

    pub(super) fn is_nullable(&self, id: NodeId) -> bool {
        matches!(self.shape.node(self.shape.bare(id)), Node::Option(_) | Node::Unit)
    }
}

fn tag(reader: &mut Reader<'_>) -> Result<bool, DecodeTrouble> {
    match reader.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(DAMAGED),
    }
}

fn length(reader: &mut Reader<'_>) -> Result<u64, DecodeTrouble> {
    u64::try_from(varint(reader, 64)?).map_err(|_| DAMAGED)
}

fn sized_bytes<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], DecodeTrouble> {
    let size = usize::try_from(length(reader)?).map_err(|_| DAMAGED)?;
    Ok(reader.bytes(size)?)
}

fn signed(reader: &mut Reader<'_>, bits: u32) -> Result<Value, DecodeTrouble> {
    let number = varint(reader, bits)?;
    Ok(Value::Int((number >> 1).cast_signed() ^ -(number & 1).cast_signed()))
}

fn varint(reader: &mut Reader<'_>, bits: u32) -> Result<u128, DecodeTrouble> {
    let mut value = 0;
    for group in 0..bits.div_ceil(7) {
        let byte = reader.u8()?;
        let part = u128::from(byte & 0x7f);
        value |= part << (7 * group);
        if byte < 0x80 {
            let is_whole = value >> (7 * group) == part && (bits == 128 || value >> bits == 0);
            return if is_whole { Ok(value) } else { Err(DAMAGED) };
        }
    }
    Err(DAMAGED)
}
