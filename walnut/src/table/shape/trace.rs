//! Traces the shape of a type: probes each node, from the root, until every path has ended.
//!
//! ```text
//!   []                     Struct User [id, address]
//!   [Field 0]              U64
//!   [Field 1]              Struct Address [city]
//!   [Field 1, Field 0]     Text
//! ```
//!
//! 1. A run follows one path and makes no value of the traced type, so a type that validates its
//!    input cannot refuse.
//! 2. The fields of a struct are those that its visitor knows by ordinal; their names follow from
//!    the ordinal that the visitor has for each name.
//! 3. A type whose calls depend on what it read before has no shape: it is opaque.
//!
//! Cost: for each node a run over the nodes above it, some microseconds for a struct of ten fields.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::de::DeserializeOwned;

use super::probe::{Begin, Call, CallKind, FieldId, PathStep, Probe, ProbeOutcome, Stop, follow};
use super::{Field, Known, MAX_DEPTH, MAX_NODES, Node, NodeId, RowShape, Variant};

/// The most fields, variants or elements that are probed one by one.
const MAX_WIDTH: usize = 1024;

/// The prefix of a seed's name whose type depends on nothing that was read.
const PLAIN_SEED: &str = "core::marker::PhantomData<";

pub(in crate::table) fn trace<T: DeserializeOwned>() -> RowShape {
    fn begin<T: DeserializeOwned>(probe: Probe<'_, '_>) -> Result<(), Stop> {
        T::deserialize(probe).map(drop)
    }
    let mut tracer = Tracer { begin: begin::<T>, nodes: Vec::new(), way: Vec::new(), open: Vec::new() };
    // An implementation by hand may panic at a sample; then its shape is unknown.
    match catch_unwind(AssertUnwindSafe(|| tracer.node())) {
        Ok(_) if tracer.nodes.len() <= MAX_NODES => RowShape { nodes: tracer.nodes },
        _ => RowShape::opaque(),
    }
}

struct Tracer {
    begin: Begin,
    nodes: Vec<Node>,
    /// The path from the root to the traced node.
    way: Vec<PathStep>,
    /// The nodes on it, by their calls.
    open: Vec<(Call, NodeId)>,
}

impl Tracer {
    /// Traces the node at the end of the path.
    fn node(&mut self) -> NodeId {
        match follow(self.begin, &self.way) {
            ProbeOutcome::Found(call) => self.expand(call),
            // A type that is content without a call reads nothing.
            ProbeOutcome::NotAsked
                if matches!(self.way.last(), None | Some(PathStep::Field(_) | PathStep::Inner)) =>
            {
                self.add(Node::Unit)
            }
            _ => self.add(Node::Opaque),
        }
    }

    fn add(&mut self, node: Node) -> NodeId {
        let id = NodeId::try_from(self.nodes.len()).unwrap_or(NodeId::MAX);
        self.nodes.push(node);
        id
    }

    /// Traces the node after a step.
    fn below(&mut self, step: PathStep) -> NodeId {
        self.way.push(step);
        let id = self.node();
        self.way.pop();
        id
    }

    fn expand(&mut self, call: Call) -> NodeId {
        if self.way.len() >= MAX_DEPTH || self.nodes.len() + MAX_WIDTH >= MAX_NODES {
            return self.add(Node::Opaque);
        }
        if call.seed.is_some_and(|seed| !seed.starts_with(PLAIN_SEED)) {
            return self.add(Node::Opaque);
        }
        if call.kind == CallKind::Newtype("") {
            return self.below(PathStep::Inner);
        }
        if let Some(leaf) = leaf(call.kind) {
            return self.shown(call, |tracer| tracer.add(leaf));
        }
        let is_same = |open: &Call| (open.kind, open.visitor) == (call.kind, call.visitor);
        if let Some(&(_, id)) = self.open.iter().find(|(open, _)| is_same(open)) {
            return id;
        }
        self.shown(call, |tracer| {
            let id = tracer.add(Node::Opaque);
            tracer.open.push((call, id));
            let node = tracer.composite(call);
            tracer.open.pop();
            tracer.nodes[id as usize] = node;
            id
        })
    }

    /// Wraps what is traced into a node with its name, if the type is well known.
    fn shown(&mut self, call: Call, trace: impl FnOnce(&mut Self) -> NodeId) -> NodeId {
        let asked = call.seed.and_then(|seed| Known::of(seed.strip_prefix(PLAIN_SEED)?.strip_suffix('>')?));
        match asked.or_else(|| Known::of(call.value)) {
            None => trace(self),
            Some(known) => {
                let id = self.add(Node::Opaque);
                let inner = trace(self);
                self.nodes[id as usize] = Node::Known { known, inner };
                id
            }
        }
    }

    fn composite(&mut self, call: Call) -> Node {
        match call.kind {
            CallKind::Option => Node::Option(self.below(PathStep::Inner)),
            CallKind::Newtype(name) => {
                Node::Newtype { name: name.to_owned(), inner: self.below(PathStep::Inner) }
            }
            CallKind::Seq => Node::Seq(self.below(PathStep::Element(0))),
            CallKind::Map => Node::Map { key: self.below(PathStep::Key), value: self.below(PathStep::Value) },
            CallKind::Tuple(len) if len > 0 && call.value.starts_with('[') => {
                let len = u32::try_from(len).unwrap_or(u32::MAX);
                Node::Array { element: self.below(PathStep::Element(0)), len }
            }
            CallKind::Tuple(len) => self.elements(len).map_or(Node::Opaque, Node::Tuple),
            CallKind::Struct(name, names) => self.structure(name, names),
            CallKind::Enum(name, names) => self.variants(name, names),
            _ => Node::Opaque,
        }
    }

    /// The elements that a visitor asks for, at most `len`.
    fn elements(&mut self, len: usize) -> Option<Vec<NodeId>> {
        if len > MAX_WIDTH {
            return None;
        }
        let mut elements = Vec::with_capacity(len);
        for at in 0..len {
            self.way.push(PathStep::Element(at));
            let outcome = follow(self.begin, &self.way);
            if !matches!(outcome, ProbeOutcome::NotAsked) {
                elements.push(match outcome {
                    ProbeOutcome::Found(call) => self.expand(call),
                    _ => self.add(Node::Opaque),
                });
            }
            self.way.pop();
            if matches!(outcome, ProbeOutcome::NotAsked) {
                break;
            }
        }
        Some(elements)
    }

    fn structure(&mut self, name: &str, names: &'static [&'static str]) -> Node {
        if names.len() > MAX_WIDTH {
            return Node::Opaque;
        }
        let name = name.to_owned();
        let first = self.reach(PathStep::Element(0));
        // Rows are decoded in order, so a type that takes only a map cannot be decoded, nor an enum
        // of the form `tag` with `content`, whose tag is a name.
        let is_name = |call: &Call| {
            call.kind == CallKind::Unreadable && call.seed.is_some_and(|seed| seed.contains("__Field"))
        };
        match first {
            ProbeOutcome::Refused if !names.is_empty() => return Node::Unreadable,
            ProbeOutcome::Found(call) if is_name(&call) => return Node::Unreadable,
            _ => {}
        }
        let none = self.identity(FieldId::Ordinal(u64::MAX));
        if let Some(groups) = self.places(names, none.as_ref()) {
            let groups = groups.into_iter().zip(0..);
            let fields = groups
                .map(|(names, ordinal)| Field {
                    names,
                    node: self.below(PathStep::Field(FieldId::Ordinal(ordinal))),
                })
                .collect();
            return Node::Struct { name, fields };
        }
        let Some(elements) = self.elements(names.len()) else { return Node::Opaque };
        let field = |(name, node): (&&str, NodeId)| Field { names: vec![(*name).to_owned()], node };
        let fields = names.iter().zip(elements).map(field).collect();
        Node::Struct { name, fields }
    }

    fn variants(&mut self, name: &str, names: &'static [&'static str]) -> Node {
        if names.len() > MAX_WIDTH {
            return Node::Opaque;
        }
        let Some(groups) = self.places(names, None) else { return Node::Unreadable };
        let variants = groups
            .into_iter()
            .zip(0..)
            .map(|(names, ordinal)| Variant { names, node: self.below(PathStep::Variant(ordinal)) })
            .collect();
        Node::Enum { name: name.to_owned(), variants }
    }

    fn reach(&mut self, step: PathStep) -> ProbeOutcome {
        self.way.push(step);
        let outcome = follow(self.begin, &self.way);
        self.way.pop();
        outcome
    }

    /// What a visitor makes of a name or an ordinal.
    fn identity(&mut self, id: FieldId) -> Option<String> {
        match self.reach(PathStep::Identify(id)) {
            ProbeOutcome::Identity(identity) => Some(identity),
            _ => None,
        }
    }

    /// The names of fields or variants by ordinal, each with its aliases; `None` if the visitor
    /// does not know ordinals. `none` is what it makes of an ordinal that does not exist.
    fn places(&mut self, names: &'static [&'static str], none: Option<&String>) -> Option<Vec<Vec<String>>> {
        let mut identities: Vec<String> = Vec::with_capacity(names.len());
        for ordinal in 0..names.len() as u64 {
            match self.identity(FieldId::Ordinal(ordinal)) {
                Some(identity) if !identities.contains(&identity) && Some(&identity) != none => {
                    identities.push(identity);
                }
                _ => break,
            }
        }
        let mut groups = vec![Vec::new(); identities.len()];
        for (at, &name) in names.iter().enumerate() {
            let mut by_name = || {
                let identity = self.identity(FieldId::Name(name))?;
                identities.iter().position(|other| *other == identity)
            };
            // A visitor by hand may know ordinals alone; then there are no aliases.
            let alone = || Some(at).filter(|_| identities.len() == names.len());
            groups[by_name().or_else(alone)?].push(name.to_owned());
        }
        Some(groups)
    }
}

fn leaf(kind: CallKind) -> Option<Node> {
    Some(match kind {
        CallKind::Unreadable => Node::Unreadable,
        CallKind::Bool => Node::Bool,
        CallKind::U8 => Node::U8,
        CallKind::U16 => Node::U16,
        CallKind::U32 => Node::U32,
        CallKind::U64 => Node::U64,
        CallKind::U128 => Node::U128,
        CallKind::I8 => Node::I8,
        CallKind::I16 => Node::I16,
        CallKind::I32 => Node::I32,
        CallKind::I64 => Node::I64,
        CallKind::I128 => Node::I128,
        CallKind::F32 => Node::F32,
        CallKind::F64 => Node::F64,
        CallKind::Char => Node::Char,
        CallKind::Text => Node::Text,
        CallKind::Bytes => Node::Bytes,
        CallKind::Unit => Node::Unit,
        _ => return None,
    })
}
