//! Encodes values to the bytes of a row, by its shape.

use super::forms::{bytes_of, double, find_fields, listed, single, unsigned};
use super::known;
use super::rows::{MAX_DEPTH, RowForm};
use super::value::{Misfit, Value, ValuePath};
use crate::codec::Writer;
use crate::error::Problem;
use crate::table::shape::{Field, Known, Node, NodeId};

impl RowForm {
    pub(super) fn encode(
        &self,
        id: NodeId,
        value: &Value,
        out: &mut Vec<u8>,
        path: &ValuePath<'_>,
    ) -> Result<(), Misfit> {
        if path.depth() > MAX_DEPTH {
            return Err((path.text(), Problem::Depth));
        }
        let kind = || self.kind(id, value, path);
        match (self.shape.node(id), value) {
            (Node::Unit, Value::Null) => {}
            (Node::Bool, Value::Bool(value)) => out.put_u8(u8::from(*value)),
            (
                Node::U8
                | Node::U16
                | Node::U32
                | Node::U64
                | Node::U128
                | Node::I8
                | Node::I16
                | Node::I32
                | Node::I64
                | Node::I128,
                Value::Int(_) | Value::Uint(_),
            ) => self.encode_integer(id, value, out).ok_or_else(|| self.range(id, path))?,
            (Node::F32, _) => out.put_u32(single(value).ok_or_else(kind)?.to_bits()),
            (Node::F64, _) => out.put_u64(double(value).ok_or_else(kind)?.to_bits()),
            (Node::Char, Value::Text(text)) if text.chars().count() != 1 => return Err(self.range(id, path)),
            (Node::Char | Node::Text, Value::Text(text)) => out.put_prefixed(text.as_bytes()),
            (Node::Bytes, _) => out.put_prefixed(&bytes_of(value).ok_or_else(kind)?),
            (Node::Option(_), Value::Null) => out.put_u8(0),
            (Node::Option(inner), value) => {
                out.put_u8(1);
                let value =
                    if self.is_nullable(*inner) { value.field("Some").ok_or_else(kind)? } else { value };
                self.encode(*inner, value, out, path)?;
            }
            (Node::Seq(element), value) if self.is_byte(*element) => {
                out.put_prefixed(&bytes_of(value).ok_or_else(kind)?);
            }
            (Node::Seq(element), Value::List(values)) => {
                out.put_varint(values.len() as u64);
                self.encode_all(values.iter().map(|value| (*element, value)), out, path)?;
            }
            (Node::Array { element, len }, value) => {
                self.encode_array(id, (*element, *len), value, out, path)?;
            }
            (Node::Map { key, value: held }, value) => {
                let entries = entries(value).ok_or_else(kind)?;
                self.encode_entries((*key, *held), entries, out, path)?;
            }
            (Node::Tuple(elements), Value::List(values)) if values.len() == elements.len() => {
                self.encode_all(elements.iter().copied().zip(values), out, path)?;
            }
            (Node::Struct { fields, .. }, value) => self.encode_struct(id, fields, value, out, path)?,
            (Node::Enum { .. }, value) => self.encode_variant(id, value, out, path)?,
            (Node::Known { known, inner }, Value::Text(text)) => {
                self.encode_known(id, (*known, *inner), text, out, path)?;
            }
            (Node::Newtype { inner, .. } | Node::Known { inner, .. }, value) => {
                self.encode(*inner, value, out, path)?;
            }
            _ => return Err(kind()),
        }
        Ok(())
    }

    /// Adds an integer; `None` if it is out of range.
    fn encode_integer(&self, id: NodeId, value: &Value, out: &mut Vec<u8>) -> Option<()> {
        match (self.shape.node(id), value) {
            (Node::U8, Value::Int(number)) => out.put_u8(u8::try_from(*number).ok()?),
            (Node::I8, Value::Int(number)) => out.put_u8(i8::try_from(*number).ok()?.cast_unsigned()),
            (Node::U16 | Node::U32 | Node::U64 | Node::U128, _) => {
                put_varint(unsigned(value, self.bits(id))?, out);
            }
            (_, Value::Int(number)) => {
                let spare = 128 - self.bits(id);
                if number << spare >> spare != *number {
                    return None;
                }
                put_varint((number << 1 ^ number >> 127).cast_unsigned(), out);
            }
            _ => return None,
        }
        Some(())
    }

    fn encode_entries(
        &self,
        (key, held): (NodeId, NodeId),
        entries: Vec<(&Value, &Value)>,
        out: &mut Vec<u8>,
        path: &ValuePath<'_>,
    ) -> Result<(), Misfit> {
        out.put_varint(entries.len() as u64);
        let mut keys = Vec::with_capacity(entries.len());
        for (at, (name, value)) in entries.into_iter().enumerate() {
            let start = out.len();
            self.encode(key, name, out, &path.element(2 * at))?;
            keys.push(start..out.len());
            self.encode(held, value, out, &path.element(2 * at + 1))?;
        }
        // A map in a struct would keep one of the two values.
        keys.sort_unstable_by(|a, b| out[a.clone()].cmp(&out[b.clone()]));
        if keys.windows(2).any(|pair| out[pair[0].clone()] == out[pair[1].clone()]) {
            return Err((path.text(), Problem::EqualKeys));
        }
        Ok(())
    }

    fn encode_all<'v>(
        &self,
        values: impl Iterator<Item = (NodeId, &'v Value)>,
        out: &mut Vec<u8>,
        path: &ValuePath<'_>,
    ) -> Result<(), Misfit> {
        values.enumerate().try_for_each(|(at, (id, value))| self.encode(id, value, out, &path.element(at)))
    }

    fn encode_array(
        &self,
        id: NodeId,
        (element, len): (NodeId, u32),
        value: &Value,
        out: &mut Vec<u8>,
        path: &ValuePath<'_>,
    ) -> Result<(), Misfit> {
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        if self.is_byte(element) {
            let bytes = bytes_of(value).ok_or_else(|| self.kind(id, value, path))?;
            if bytes.len() != len {
                return Err(self.range(id, path));
            }
            out.extend_from_slice(&bytes);
            return Ok(());
        }
        match value {
            Value::List(values) if values.len() == len => {
                self.encode_all(values.iter().map(|value| (element, value)), out, path)
            }
            Value::List(_) => Err(self.range(id, path)),
            _ => Err(self.kind(id, value, path)),
        }
    }

    fn encode_struct(
        &self,
        id: NodeId,
        fields: &[Field],
        value: &Value,
        out: &mut Vec<u8>,
        path: &ValuePath<'_>,
    ) -> Result<(), Misfit> {
        match value {
            Value::List(values) if values.len() == fields.len() => {
                self.encode_all(fields.iter().map(|field| field.node).zip(values), out, path)
            }
            Value::Map(entries) => {
                let named: Vec<(&[String], NodeId)> =
                    fields.iter().map(|field| (&*field.names, field.node)).collect();
                let found = find_fields(&named, entries, &path.text())?;
                for (field, found) in fields.iter().zip(found) {
                    self.encode_field(field.node, found, out, &path.field(field.name()))?;
                }
                Ok(())
            }
            _ => Err(self.kind(id, value, path)),
        }
    }

    /// Adds the bytes of a field; of `Null` if it is missing and nullable.
    pub(super) fn encode_field(
        &self,
        id: NodeId,
        value: Option<&Value>,
        out: &mut Vec<u8>,
        path: &ValuePath<'_>,
    ) -> Result<(), Misfit> {
        match value {
            Some(value) => self.encode(id, value, out, path),
            None if self.is_nullable(id) => self.encode(id, &Value::Null, out, path),
            None => Err((path.text(), Problem::Missing { takes: self.shape.describe(id) })),
        }
    }

    fn encode_variant(
        &self,
        id: NodeId,
        value: &Value,
        out: &mut Vec<u8>,
        path: &ValuePath<'_>,
    ) -> Result<(), Misfit> {
        let Node::Enum { variants, .. } = self.shape.node(id) else {
            return Err(self.kind(id, value, path));
        };
        let (name, contents) = match value {
            Value::Text(name) => (name, None),
            Value::Map(entries) => match &entries[..] {
                [(Value::Text(name), contents)] => (name, Some(contents)),
                _ => return Err(self.kind(id, value, path)),
            },
            _ => return Err(self.kind(id, value, path)),
        };
        let Some(at) = variants.iter().position(|variant| variant.names.contains(name)) else {
            let names = variants.iter().map(|variant| variant.names.first().map_or("", |name| &**name));
            return Err((path.text(), Problem::Unknown { name: name.clone(), fields: listed(names) }));
        };
        out.put_varint(at as u64);
        self.encode_field(variants[at].node, contents, out, &path.field(name))
    }

    fn encode_known(
        &self,
        id: NodeId,
        (known, inner): (Known, NodeId),
        text: &str,
        out: &mut Vec<u8>,
        path: &ValuePath<'_>,
    ) -> Result<(), Misfit> {
        let bare = self.shape.node(self.shape.bare(inner));
        if *bare == Node::Text {
            if !known::is_written(known, text) {
                return Err(self.range(id, path));
            }
            out.put_prefixed(text.as_bytes());
            return Ok(());
        }
        let is_enum = matches!(bare, Node::Enum { .. });
        let value = known::read(known, text, is_enum).ok_or_else(|| self.range(id, path))?;
        let value = match (bare, value) {
            // The bytes of an address may be shown as elements of a tuple.
            (Node::Tuple(_), Value::Bytes(bytes)) => {
                Value::List(bytes.into_iter().map(Value::from).collect())
            }
            // A moment that is always in UTC is stored without its offset.
            (Node::Tuple(elements), Value::List(mut parts)) if elements.len() == 6 && parts.len() == 9 => {
                if parts.drain(6..).any(|part| part != Value::Int(0)) {
                    return Err(self.range(id, path));
                }
                Value::List(parts)
            }
            (_, value) => value,
        };
        self.encode(inner, &value, out, path)
    }

    fn bits(&self, id: NodeId) -> u32 {
        match self.shape.node(id) {
            Node::U16 | Node::I16 => 16,
            Node::U32 | Node::I32 => 32,
            Node::U64 | Node::I64 => 64,
            _ => 128,
        }
    }

    #[cold]
    fn kind(&self, id: NodeId, value: &Value, path: &ValuePath<'_>) -> Misfit {
        (path.text(), Problem::Kind { takes: self.shape.describe(id), found: value.kind() })
    }

    #[cold]
    fn range(&self, id: NodeId, path: &ValuePath<'_>) -> Misfit {
        (path.text(), Problem::Range { takes: self.shape.describe(id) })
    }
}

/// The entries of a map, or of a list of pairs.
fn entries(value: &Value) -> Option<Vec<(&Value, &Value)>> {
    match value {
        Value::Map(entries) => Some(entries.iter().map(|(key, value)| (key, value)).collect()),
        Value::List(pairs) => pairs
            .iter()
            .map(|pair| match pair {
                Value::List(pair) => match &pair[..] {
                    [key, value] => Some((key, value)),
                    _ => None,
                },
                _ => None,
            })
            .collect(),
        _ => None,
    }
}

fn put_varint(mut number: u128, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.put_u8((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.put_u8((number & 0x7f) as u8);
}
