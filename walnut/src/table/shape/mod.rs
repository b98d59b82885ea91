//! The shape of a row: what serde reads of a struct, down to the leaves, as a value that the
//! catalog stores and compares.
//!
//! ```text
//!   struct User { id: u64, address: Address, tags: Vec<String> }
//!
//!   0 Struct  id -> 1   address -> 2   tags -> 4
//!   1 U64
//!   2 Struct  city -> 3
//!   3 Text
//!   4 Seq -> 5
//!   5 Text
//! ```
//!
//! 1. The nodes are in preorder: a child that is not above its parent is a reference back to a node
//!    that contains it, as in a recursive type.
//! 2. A node says which bytes serde reads, so a row can be walked, and decoded into values, by its
//!    shape alone.
//! 3. A node that could not be traced is [`Node::Opaque`]; one that our format can never decode
//!    (serde's `untagged`, `tag`, `flatten`) is [`Node::Unreadable`].
//! 4. Names of types are kept to show them, and never compared: they do not affect the bytes.

mod access;
mod compare;
mod fill;
mod probe;
#[cfg(test)]
mod tests;
mod trace;
mod walk;

use serde::{Deserialize, Serialize};

pub(super) use compare::{Difference, Verdict};
pub(super) use trace::trace;

use crate::error::Fault;

/// The most nodes of a shape; what lies behind them is opaque.
pub(super) const MAX_NODES: usize = 4096;

/// The deepest that nodes may lie in each other; what lies deeper is opaque.
pub(super) const MAX_DEPTH: usize = 64;

/// The place of a node in its shape.
pub type NodeId = u32;

/// What serde reads of a row.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct RowShape {
    /// In preorder, the row's struct first; never empty.
    nodes: Vec<Node>,
}

/// What serde reads at one place of a row.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Node {
    /// Not known: the type refused to be traced.
    Opaque,
    /// Something that no form without names can read, such as an `untagged` enum.
    Unreadable,
    /// Nothing.
    Unit,
    /// A byte, 0 or 1.
    Bool,
    /// A byte.
    U8,
    /// A varint, as are the wider ones.
    U16,
    /// See [`U16`](Self::U16).
    U32,
    /// See [`U16`](Self::U16).
    U64,
    /// See [`U16`](Self::U16).
    U128,
    /// A byte.
    I8,
    /// A varint of the zigzag form, as are the wider ones.
    I16,
    /// See [`I16`](Self::I16).
    I32,
    /// See [`I16`](Self::I16).
    I64,
    /// See [`I16`](Self::I16).
    I128,
    /// Four bytes, little-endian.
    F32,
    /// Eight bytes, little-endian.
    F64,
    /// A text of one character.
    Char,
    /// Its size as a varint, then UTF-8.
    Text,
    /// Their number as a varint, then the bytes.
    Bytes,
    /// A byte 0; or 1 and the value.
    Option(NodeId),
    /// The number of elements as a varint, then the elements.
    Seq(NodeId),
    /// The number of entries as a varint, then key and value of each.
    Map {
        /// The keys.
        key: NodeId,
        /// The values.
        value: NodeId,
    },
    /// The elements, one after the other.
    Tuple(Vec<NodeId>),
    /// So many elements of one type, one after the other.
    Array {
        /// The element.
        element: NodeId,
        /// How many there are.
        len: u32,
    },
    /// A struct of one unnamed field.
    Newtype {
        /// The struct's name.
        name: String,
        /// The value.
        inner: NodeId,
    },
    /// The fields, one after the other.
    Struct {
        /// The struct's name.
        name: String,
        /// The fields.
        fields: Vec<Field>,
    },
    /// The place of the variant as a varint, then what it holds.
    Enum {
        /// The enum's name.
        name: String,
        /// The variants.
        variants: Vec<Variant>,
    },
    /// A type that many know: shown as people write it, stored as `inner` says.
    Known {
        /// The type.
        known: Known,
        /// How it is stored.
        inner: NodeId,
    },
}

/// A field of a struct.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Field {
    /// Its name, then those of `#[serde(alias)]`.
    pub names: Vec<String>,
    /// What it holds.
    pub node: NodeId,
}

/// A variant of an enum.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Variant {
    /// Its name, then those of `#[serde(alias)]`.
    pub names: Vec<String>,
    /// What it holds: [`Node::Unit`] for nothing.
    pub node: NodeId,
}

/// Types that are shown as people write them.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Known {
    /// A `Uuid`.
    Uuid,
    /// A `SystemTime`.
    SystemTime,
    /// A length of time.
    Duration,
    /// An address of either version.
    IpAddr,
    /// An address of version 4.
    Ipv4Addr,
    /// An address of version 6.
    Ipv6Addr,
    /// An address with a port.
    SocketAddr,
    /// A decimal number.
    Decimal,
    /// A moment.
    Moment,
    /// A day of the calendar.
    Date,
    /// A time of a day.
    Time,
    /// A day and a time, without a place in the world.
    DateTime,
}

impl Known {
    /// The well-known type of this full name, such as `uuid::Uuid`. It decides how a value is
    /// shown, and nothing else: an unrecognized name only costs the nicer text.
    fn of(full_name: &str) -> Option<Self> {
        let path = full_name.split('<').next()?;
        let (package, _) = path.split_once("::")?;
        let (_, last) = path.rsplit_once("::")?;
        Some(match (package, last) {
            ("uuid", "Uuid") => Self::Uuid,
            ("std", "SystemTime") => Self::SystemTime,
            ("core" | "time", "Duration") | ("chrono", "TimeDelta") | ("jiff" | "time", "SignedDuration") => {
                Self::Duration
            }
            ("core", "IpAddr") => Self::IpAddr,
            ("core", "Ipv4Addr") => Self::Ipv4Addr,
            ("core", "Ipv6Addr") => Self::Ipv6Addr,
            ("core", "SocketAddr" | "SocketAddrV4" | "SocketAddrV6") => Self::SocketAddr,
            ("rust_decimal", "Decimal") => Self::Decimal,
            ("chrono", "DateTime")
            | ("time", "OffsetDateTime" | "UtcDateTime")
            | ("jiff", "Timestamp" | "Zoned") => Self::Moment,
            ("chrono", "NaiveDate") | ("time" | "jiff", "Date") => Self::Date,
            ("chrono", "NaiveTime") | ("time" | "jiff", "Time") => Self::Time,
            ("chrono", "NaiveDateTime")
            | ("time", "PrimitiveDateTime" | "PlainDateTime")
            | ("jiff", "DateTime") => Self::DateTime,
            _ => return None,
        })
    }
}

impl RowShape {
    /// The shape of a row of which nothing is known.
    pub fn opaque() -> Self {
        Self { nodes: vec![Node::Opaque] }
    }

    /// All nodes, the row's struct first.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The node at a place, which is one of this shape.
    pub fn node(&self, id: NodeId) -> &Node {
        self.nodes.get(id as usize).unwrap_or(&Node::Opaque)
    }

    /// The fields of the row's struct; none when the row is something else.
    pub fn fields(&self) -> &[Field] {
        match self.node(0) {
            Node::Struct { fields, .. } => fields,
            _ => &[],
        }
    }

    /// Whether everything was found out, so that each row can be read by its shape alone.
    pub fn is_complete(&self) -> bool {
        !self.nodes.iter().any(|node| matches!(node, Node::Opaque | Node::Unreadable))
    }

    /// Whether there is something that can be written and never be read again.
    pub fn has_unreadable(&self) -> bool {
        self.nodes.contains(&Node::Unreadable)
    }

    /// The same shape when its nodes are as they must be: their places are in it, and none lies too
    /// deep.
    pub fn checked(self) -> Result<Self, Fault> {
        const FAULT: Fault = Fault::Invalid("shape of a row");
        let Self { nodes } = &self;
        if nodes.is_empty() || nodes.len() > MAX_NODES {
            return Err(FAULT);
        }
        // Of each node, its parent and how deep it lies.
        let mut places: Vec<Option<(usize, usize)>> = vec![None; nodes.len()];
        places[0] = Some((0, 0));
        for (at, node) in nodes.iter().enumerate() {
            let (_, depth) = places[at].ok_or(FAULT)?;
            for child in node.children() {
                let child = child as usize;
                if child > at {
                    let place = places.get_mut(child).ok_or(FAULT)?;
                    if depth > 2 * MAX_DEPTH || place.replace((at, depth + 1)).is_some() {
                        return Err(FAULT);
                    }
                } else if !self.ends(child, at, &places) {
                    return Err(FAULT);
                }
            }
        }
        Ok(self)
    }

    /// Whether a reference back from a node to one that holds it passes a choice, so that a value
    /// can end.
    fn ends(&self, back: usize, from: usize, places: &[Option<(usize, usize)>]) -> bool {
        let parent = |at: &usize| places[*at].map(|(parent, _)| parent).filter(|_| *at > back);
        let mut way = std::iter::successors(Some(from), parent).peekable();
        let mut has_choice = false;
        while let Some(at) = way.next() {
            has_choice |= matches!(
                self.nodes[at],
                Node::Option(_) | Node::Seq(_) | Node::Map { .. } | Node::Enum { .. }
            );
            if way.peek().is_none() {
                return has_choice && at == back;
            }
        }
        false
    }
}

impl Node {
    /// A word for what it is, which stays the same for ever.
    fn kind(&self) -> &'static str {
        match self {
            Self::Opaque => "opaque",
            Self::Unreadable => "unreadable",
            Self::Unit => "unit",
            Self::Bool => "bool",
            Self::U8 => "u8",
            Self::U16 => "u16",
            Self::U32 => "u32",
            Self::U64 => "u64",
            Self::U128 => "u128",
            Self::I8 => "i8",
            Self::I16 => "i16",
            Self::I32 => "i32",
            Self::I64 => "i64",
            Self::I128 => "i128",
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::Char => "char",
            Self::Text => "String",
            Self::Bytes => "bytes",
            Self::Option(_) => "option",
            Self::Seq(_) => "seq",
            Self::Map { .. } => "map",
            Self::Tuple(_) => "tuple",
            Self::Array { .. } => "array",
            Self::Newtype { .. } => "newtype",
            Self::Struct { .. } => "struct",
            Self::Enum { .. } => "enum",
            Self::Known { .. } => "known",
        }
    }

    /// The places of the nodes that it holds.
    pub fn children(&self) -> Vec<NodeId> {
        match self {
            Self::Option(inner)
            | Self::Seq(inner)
            | Self::Array { element: inner, .. }
            | Self::Newtype { inner, .. }
            | Self::Known { inner, .. } => vec![*inner],
            Self::Map { key, value } => vec![*key, *value],
            Self::Tuple(elements) => elements.clone(),
            Self::Struct { fields, .. } => fields.iter().map(|field| field.node).collect(),
            Self::Enum { variants, .. } => variants.iter().map(|variant| variant.node).collect(),
            _ => Vec::new(),
        }
    }
}
