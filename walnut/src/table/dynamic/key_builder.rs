//! Builds a key codec from the shape of the key and that of the field.

use super::key_types::KnownKey;
use super::keys::KeyCodec;
use super::rows::RowForm;
use crate::table::key::{KeyShape, KeyShapePart};
use crate::table::shape::{Node, NodeId, Variant};

impl KeyCodec {
    /// The codec of keys of a shape for values of a node, or of computed values; `None` if the
    /// shapes do not match.
    pub(super) fn new(shape: &KeyShape, node: Option<(&RowForm, NodeId)>) -> Option<Self> {
        let mut parts = shape.parts();
        let codec = build(&mut parts, node)?;
        parts.is_empty().then_some(codec)
    }

    /// The codec of several fields that form one key, each with its name.
    pub(super) fn of_fields(shape: &KeyShape, form: &RowForm, fields: &[(String, NodeId)]) -> Option<Self> {
        if let [(_, node)] = fields {
            return Self::new(shape, Some((form, *node)));
        }
        let mut parts = shape.parts();
        if let Some((KeyShapePart::Tuple(_), rest)) = parts.split_first() {
            parts = rest;
        }
        let mut codecs = Vec::with_capacity(fields.len());
        for (name, node) in fields {
            codecs.push((name.clone(), build(&mut parts, Some((form, *node)))?));
        }
        parts.is_empty().then_some(Self::Parts(codecs))
    }
}

fn build(parts: &mut &[KeyShapePart], node: Option<(&RowForm, NodeId)>) -> Option<KeyCodec> {
    // Wrappers are not part of a value.
    let node = node.map(|(form, mut id)| {
        while let Node::Newtype { inner, .. } = form.shape.node(id) {
            id = *inner;
        }
        (form, id)
    });
    if let Some((form, id)) = node
        && let Some(fields) = fields_of(form, id, parts.first()?)
    {
        if matches!(parts.first()?, KeyShapePart::Tuple(_)) {
            *parts = &parts[1..];
        }
        let part = |(name, id)| Some((name, build(parts, Some((form, id)))?));
        return fields.into_iter().map(part).collect::<Option<_>>().map(KeyCodec::Parts);
    }
    let (part, rest) = parts.split_first()?;
    *parts = rest;
    // The node without its well-known type.
    let bare = node.map(|(form, id)| (form, form.shape.bare(id)));
    let leaf = bare.map(|(form, id)| form.shape.node(id));
    let fits = |is_it: fn(&Node) -> bool| leaf.is_none_or(is_it);
    Some(match part {
        KeyShapePart::Unit => KeyCodec::Unit,
        KeyShapePart::Bool => fits(|node| *node == Node::Bool).then_some(KeyCodec::Bool)?,
        KeyShapePart::Char => fits(|node| *node == Node::Char).then_some(KeyCodec::Char)?,
        KeyShapePart::Text => fits(|node| *node == Node::Text).then_some(KeyCodec::Text)?,
        KeyShapePart::Unsigned(bits) => {
            leaf.is_none_or(|node| unsigned_bits(node) == Some(*bits)).then_some(KeyCodec::Unsigned(*bits))?
        }
        KeyShapePart::Signed(bits) => {
            leaf.is_none_or(|node| signed_bits(node) == Some(*bits)).then_some(KeyCodec::Signed(*bits))?
        }
        KeyShapePart::Float(bits) => leaf
            .is_none_or(|node| matches!((node, bits), (Node::F32, 32) | (Node::F64, 64)))
            .then_some(KeyCodec::Float(*bits))?,
        KeyShapePart::Bytes => {
            bare.is_none_or(|(form, id)| are_bytes(form, id)).then_some(KeyCodec::Bytes)?
        }
        KeyShapePart::Fixed(size) => bare
            .is_none_or(|(form, id)| are_bytes(form, id))
            .then_some(KeyCodec::Fixed(usize::try_from(*size).ok()?))?,
        KeyShapePart::IpAddr => KeyCodec::Known(KnownKey::IpAddr),
        KeyShapePart::SocketAddr => KeyCodec::Known(KnownKey::SocketAddr),
        KeyShapePart::Enum(numbers) => build_enum(numbers, leaf)?,
        KeyShapePart::Option => build_option(parts, node)?,
        KeyShapePart::Reverse => KeyCodec::Reverse(Box::new(build(parts, node)?)),
        KeyShapePart::NoCase => KeyCodec::NoCase(Box::new(build(parts, node)?)),
        KeyShapePart::Scaled(scale) => build_scaled(*scale, parts, node)?,
        KeyShapePart::Named(name) => {
            let known = KnownKey::named(name)?;
            skip_shape(parts)?;
            KeyCodec::Known(known)
        }
        KeyShapePart::Tuple(count) if node.is_none() => {
            let part = |at: u32| Some((at.to_string(), build(parts, None)?));
            KeyCodec::Parts((0..*count).map(part).collect::<Option<_>>()?)
        }
        KeyShapePart::Tuple(_) | KeyShapePart::Custom => return None,
    })
}

fn build_scaled(
    scale: u32,
    parts: &mut &[KeyShapePart],
    node: Option<(&RowForm, NodeId)>,
) -> Option<KeyCodec> {
    let is_optional = parts.first() == Some(&KeyShapePart::Option);
    skip_shape(parts)?;
    let inner = node.map(|(form, id)| match form.shape.node(id) {
        Node::Option(inner) if is_optional => (form, *inner),
        _ => (form, id),
    });
    let is_text = |(form, id): (&RowForm, NodeId)| *form.shape.node(form.shape.bare(id)) == Node::Text;
    inner.is_none_or(is_text).then_some(KeyCodec::Scaled { scale, is_optional })
}

fn build_option(parts: &mut &[KeyShapePart], node: Option<(&RowForm, NodeId)>) -> Option<KeyCodec> {
    let Some((form, id)) = node else {
        return Some(KeyCodec::Option { inner: Box::new(build(parts, None)?), is_wrapped: false });
    };
    let Node::Option(inner) = form.shape.node(id) else { return None };
    let codec = build(parts, Some((form, *inner)))?;
    Some(KeyCodec::Option { inner: Box::new(codec), is_wrapped: form.is_nullable(*inner) })
}

/// The parts of a struct or tuple whose key is that of its parts.
fn fields_of(form: &RowForm, id: NodeId, first: &KeyShapePart) -> Option<Vec<(String, NodeId)>> {
    let is_one = matches!(
        first,
        KeyShapePart::Named(_)
            | KeyShapePart::Fixed(_)
            | KeyShapePart::Custom
            | KeyShapePart::Scaled(_)
            | KeyShapePart::IpAddr
            | KeyShapePart::SocketAddr
            | KeyShapePart::Reverse
    );
    if is_one {
        return None;
    }
    match form.shape.node(id) {
        Node::Struct { fields, .. } => {
            Some(fields.iter().map(|field| (field.name().to_owned(), field.node)).collect())
        }
        Node::Tuple(elements) => {
            Some(elements.iter().enumerate().map(|(at, id)| (at.to_string(), *id)).collect())
        }
        _ => None,
    }
}

fn are_bytes(form: &RowForm, id: NodeId) -> bool {
    match form.shape.node(id) {
        Node::Bytes => true,
        Node::Seq(element) | Node::Array { element, .. } => form.is_byte(*element),
        _ => false,
    }
}

/// The codec of an enum: the numbers are those of its key, the names those of serde and of Rust.
fn build_enum(numbers: &[(String, i64)], node: Option<&Node>) -> Option<KeyCodec> {
    let Some(node) = node else {
        return Some(KeyCodec::Enum(
            numbers.iter().map(|(name, number)| (vec![name.clone()], *number)).collect(),
        ));
    };
    let Node::Enum { variants, .. } = node else { return None };
    let names = |(at, variant): (usize, &Variant)| {
        let by_place = || Some(at).filter(|_| variants.len() == numbers.len());
        let by_name = numbers.iter().position(|(name, _)| variant.names.contains(name));
        let (name, number) = numbers.get(by_name.or_else(by_place)?)?;
        let mut names = variant.names.clone();
        if !names.contains(name) {
            names.push(name.clone());
        }
        Some((names, *number))
    };
    let codecs: Vec<_> = variants.iter().enumerate().map(names).collect::<Option<_>>()?;
    let mut taken: Vec<i64> = codecs.iter().map(|(_, number)| *number).collect();
    taken.sort_unstable();
    taken.dedup();
    (taken.len() == codecs.len()).then_some(KeyCodec::Enum(codecs))
}

fn skip_shape(parts: &mut &[KeyShapePart]) -> Option<()> {
    let (part, rest) = parts.split_first()?;
    *parts = rest;
    match part {
        KeyShapePart::Option
        | KeyShapePart::Reverse
        | KeyShapePart::NoCase
        | KeyShapePart::Scaled(_)
        | KeyShapePart::Named(_) => skip_shape(parts),
        KeyShapePart::Tuple(count) => (0..*count).try_for_each(|_| skip_shape(parts)),
        _ => Some(()),
    }
}

fn unsigned_bits(node: &Node) -> Option<u32> {
    Some(match node {
        Node::U8 => 8,
        Node::U16 => 16,
        Node::U32 => 32,
        Node::U64 => 64,
        Node::U128 => 128,
        _ => return None,
    })
}

fn signed_bits(node: &Node) -> Option<u32> {
    Some(match node {
        Node::I8 => 8,
        Node::I16 => 16,
        Node::I32 => 32,
        Node::I64 => 64,
        Node::I128 => 128,
        _ => return None,
    })
}
