//! The compatibility of shapes: whether rows of one shape can be decoded by a struct of another
//! one.
//!
//! 1. If so, every row of the old shape decodes as the same value: the bytes of each field are
//!    those of the field with its name, in the same order, and those of each variant have the same
//!    ordinal.
//! 2. Variants may be added behind the last one. Types and structs may be renamed, and values
//!    wrapped, since the bytes stay the same.
//! 3. An opaque node on either side decides nothing: the verdict is unknown, and the caller
//!    compares the source text.

use std::collections::HashSet;

use super::{Field, Known, MAX_DEPTH, Node, NodeId, RowShape, Variant};

/// The first node at which rows would be misread.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::table) struct Difference {
    /// Its path, such as `address.city`, without the row's own field.
    pub(in crate::table) path: String,
    /// The difference, as a part of a sentence that begins with the path.
    pub(in crate::table) what: String,
}

/// The result of a comparison.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::table) enum Verdict {
    Same,
    /// Part of it is opaque.
    Unknown,
    Differs(Difference),
}

impl RowShape {
    /// Whether a node of this shape can be decoded by a node of a newer one.
    pub(in crate::table) fn read_by(&self, node: NodeId, newer: &Self, its: NodeId) -> Verdict {
        let mut comparison = ShapeComparison {
            old: self,
            new: newer,
            path: Vec::new(),
            seen: HashSet::new(),
            is_unknown: false,
            depth: 0,
        };
        match comparison.compare(node, its) {
            Err(what) => Verdict::Differs(Difference { path: comparison.path.concat(), what }),
            Ok(()) if comparison.is_unknown => Verdict::Unknown,
            Ok(()) => Verdict::Same,
        }
    }

    /// The value of a node in words, as a Rust type is written.
    pub(in crate::table) fn describe(&self, node: NodeId) -> String {
        self.describe_within(node, 3)
    }

    fn describe_within(&self, node: NodeId, levels: usize) -> String {
        let Some(levels) = levels.checked_sub(1) else { return "..".to_owned() };
        let inner = |node: &NodeId| self.describe_within(*node, levels);
        match self.node(node) {
            Node::Opaque => "something unknown".to_owned(),
            Node::Unreadable => "something that no form without names can read".to_owned(),
            Node::Unit => "()".to_owned(),
            Node::Text => "String".to_owned(),
            Node::Bytes => "bytes".to_owned(),
            Node::Option(value) => format!("Option<{}>", inner(value)),
            Node::Seq(element) => format!("Vec<{}>", inner(element)),
            Node::Map { key, value } => format!("map<{}, {}>", inner(key), inner(value)),
            Node::Array { element, len } => format!("[{}; {len}]", inner(element)),
            Node::Tuple(elements) => {
                format!("({})", elements.iter().map(inner).collect::<Vec<_>>().join(", "))
            }
            Node::Newtype { name, .. } | Node::Struct { name, .. } => format!("struct {name}"),
            Node::Enum { name, .. } => format!("enum {name}"),
            Node::Known { known, inner: value } => match known {
                Known::Moment | Known::Date | Known::Time | Known::DateTime => {
                    format!("{known:?} as {}", inner(value))
                }
                known => format!("{known:?}"),
            },
            leaf => leaf.kind().to_owned(),
        }
    }

    /// A text that is equal for two nodes if and only if their bytes and the names in them are;
    /// `None` if something is opaque.
    pub(in crate::table) fn fingerprint(&self, node: NodeId) -> Option<String> {
        let (mut text, mut above) = (String::new(), Vec::new());
        self.write_fingerprint(node, &mut above, &mut text).then_some(text)
    }

    fn write_fingerprint(&self, node: NodeId, above: &mut Vec<NodeId>, text: &mut String) -> bool {
        let node = self.bare(node);
        if let Some(levels) = above.iter().rev().position(|&other| other == node) {
            text.extend(["^", &levels.to_string()]);
            return true;
        }
        let names: Vec<String> = match self.node(node) {
            Node::Opaque => return false,
            Node::Struct { fields, .. } => fields.iter().map(|field| field.names.join("|")).collect(),
            Node::Enum { variants, .. } => variants.iter().map(|variant| variant.names.join("|")).collect(),
            _ => Vec::new(),
        };
        text.push_str(self.node(node).kind());
        if let Node::Array { len, .. } = self.node(node) {
            text.push_str(&len.to_string());
        }
        let children = self.node(node).children();
        above.push(node);
        text.push('(');
        let is_known = children.into_iter().enumerate().all(|(at, child)| {
            text.push_str(names.get(at).map_or("", |name| name));
            text.push(':');
            let is_known = self.write_fingerprint(child, above, text);
            text.push(',');
            is_known
        });
        text.push(')');
        above.pop();
        is_known
    }

    /// The node without the wrappers that only name it.
    pub(in crate::table) fn bare(&self, mut node: NodeId) -> NodeId {
        while let Node::Newtype { inner, .. } | Node::Known { inner, .. } = self.node(node) {
            node = *inner;
        }
        node
    }

    /// The fields of a struct or the elements of a tuple, with their names; `None` for other nodes.
    fn product(&self, node: NodeId) -> Option<Vec<(&[String], NodeId)>> {
        match self.node(node) {
            Node::Unit => Some(Vec::new()),
            Node::Tuple(elements) => Some(elements.iter().map(|&element| (&[][..], element)).collect()),
            Node::Struct { fields, .. } => {
                Some(fields.iter().map(|field| (&field.names[..], field.node)).collect())
            }
            Node::Array { element, len } if usize::try_from(*len).is_ok_and(|len| len <= WIDEST) => {
                Some((0..*len).map(|_| (&[][..], *element)).collect())
            }
            _ => None,
        }
    }
}

/// The most elements of an array that are compared with those of a tuple one by one.
const WIDEST: usize = 1024;

struct ShapeComparison<'s> {
    old: &'s RowShape,
    new: &'s RowShape,
    path: Vec<String>,
    /// Pairs that were compared, or are being compared: once is enough for a recursive type.
    seen: HashSet<(NodeId, NodeId)>,
    is_unknown: bool,
    depth: usize,
}

impl ShapeComparison<'_> {
    /// An error with the difference, at [`path`](Self::path).
    fn compare(&mut self, old: NodeId, new: NodeId) -> Result<(), String> {
        let (old, new) = (self.old.bare(old), self.new.bare(new));
        if !self.seen.insert((old, new)) {
            return Ok(());
        }
        if self.depth > 4 * MAX_DEPTH {
            self.is_unknown = true;
            return Ok(());
        }
        self.depth += 1;
        self.compare_nodes(old, new)?;
        self.depth -= 1;
        Ok(())
    }

    fn compare_nodes(&mut self, old: NodeId, new: NodeId) -> Result<(), String> {
        match (self.old.node(old), self.new.node(new)) {
            (Node::Opaque, _) | (_, Node::Opaque) => {
                self.is_unknown = true;
                Ok(())
            }
            (Node::Option(one), Node::Option(other)) => self.compare(*one, *other),
            (Node::Seq(one), Node::Seq(other)) => self.within("[]", *one, *other),
            // The bytes are the same.
            (Node::Seq(bytes), Node::Bytes) if *self.old.node(self.old.bare(*bytes)) == Node::U8 => Ok(()),
            (Node::Bytes, Node::Seq(bytes)) if *self.new.node(self.new.bare(*bytes)) == Node::U8 => Ok(()),
            (Node::Map { key: one, value: mine }, Node::Map { key: other, value: its }) => {
                self.within("[key]", *one, *other)?;
                self.within("[value]", *mine, *its)
            }
            (Node::Array { element: one, len }, Node::Array { element: other, len: its_len })
                if len == its_len =>
            {
                self.within("[]", *one, *other)
            }
            (Node::Enum { variants, .. }, Node::Enum { variants: its, .. }) => self.variants(variants, its),
            (one, other) => match (self.old.product(old), self.new.product(new)) {
                (Some(mine), Some(its)) => self.products(old, new, &mine, &its),
                _ if one == other => Ok(()),
                _ => Err(self.retyped(old, new)),
            },
        }
    }

    fn within(&mut self, step: &str, old: NodeId, new: NodeId) -> Result<(), String> {
        self.path.push(step.to_owned());
        self.compare(old, new)?;
        self.path.pop();
        Ok(())
    }

    fn retyped(&self, old: NodeId, new: NodeId) -> String {
        let (was, is) = (self.old.describe(old), self.new.describe(new));
        if was == is {
            return format!("was stored in another form of `{is}`");
        }
        format!("was `{was}` and is now `{is}`")
    }

    fn products(
        &mut self,
        old: NodeId,
        new: NodeId,
        mine: &[(&[String], NodeId)],
        its: &[(&[String], NodeId)],
    ) -> Result<(), String> {
        let is_named = |fields: &[(&[String], NodeId)]| fields.iter().any(|(names, _)| !names.is_empty());
        if !is_named(mine) && !is_named(its) && mine.len() != its.len() {
            return Err(self.retyped(old, new));
        }
        for (ordinal, (names, node)) in mine.iter().enumerate() {
            let name = names.first().map_or_else(|| ordinal.to_string(), Clone::clone);
            let Some((other_names, other)) = its.get(ordinal) else {
                return Err(format!("has lost its field `{name}`"));
            };
            if !share(names, other_names) {
                return Err(match its.iter().position(|(others, _)| share_some(names, others)) {
                    Some(_) => format!(
                        "had `{name}` as field {} and now has `{}` there; the order of fields is that of the bytes",
                        ordinal + 1,
                        other_names.first().map_or("", |name| name)
                    ),
                    None => format!(
                        "had a field `{name}` where `{}` is now; a field that is only called otherwise keeps its name with \
                         `#[serde(rename = \"{name}\")]`",
                        other_names.first().map_or("", |name| name)
                    ),
                });
            }
            self.within(&format!(".{name}"), *node, *other)?;
        }
        match its.get(mine.len()) {
            None => Ok(()),
            Some((names, _)) => {
                let name = names.first().map_or_else(|| mine.len().to_string(), Clone::clone);
                Err(format!("has a new field `{name}`"))
            }
        }
    }

    fn variants(&mut self, mine: &[Variant], its: &[Variant]) -> Result<(), String> {
        for (ordinal, variant) in mine.iter().enumerate() {
            let name = variant.names.first().map_or("", |name| name);
            let Some(other) = its.get(ordinal) else { return Err(format!("has lost its variant `{name}`")) };
            if !share(&variant.names, &other.names) {
                let is_there = its.iter().any(|other| share_some(&variant.names, &other.names));
                return Err(if is_there {
                    format!(
                        "had `{name}` as variant {} and now has `{}` there; a row stores the place of a variant, so new ones go \
                         behind the last",
                        ordinal + 1,
                        other.names.first().map_or("", |name| name)
                    )
                } else {
                    format!(
                        "had a variant `{name}` where `{}` is now; one that is only called otherwise keeps its name with \
                         `#[serde(rename = \"{name}\")]`",
                        other.names.first().map_or("", |name| name)
                    )
                });
            }
            self.within(&format!("::{name}"), variant.node, other.node)?;
        }
        Ok(())
    }
}

/// Whether two fields or variants are the same one by their names; without names the ordinal
/// decides.
fn share(names: &[String], others: &[String]) -> bool {
    names.is_empty() || others.is_empty() || share_some(names, others)
}

fn share_some(names: &[String], others: &[String]) -> bool {
    names.iter().any(|name| others.contains(name))
}

impl Field {
    /// Its name, the first one if it has several.
    pub fn name(&self) -> &str {
        self.names.first().map_or("", |name| name)
    }
}
