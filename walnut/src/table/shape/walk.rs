//! Skips the bytes of a row by its shape, without the row's type.
//!
//! 1. It terminates: values without bytes are not counted, and between two bytes there are at most
//!    as many steps as the shape has nodes.
//! 2. Memory is one task for each node on the way down, whatever the number of elements.

use super::{Node, NodeId, RowShape};
use crate::codec::{Reader, text};
use crate::error::Fault;

const FAULT: Fault = Fault::Invalid("row");

/// The most tasks in memory: deeper values are not walked.
const MAX_TASKS: usize = 1 << 16;

/// Values that are still to be skipped.
enum Task {
    /// This number of values of a node.
    Values(NodeId, u64),
    /// This number of entries of a map.
    Entries(NodeId, u64),
    /// The children of a node from this one on.
    Parts(NodeId, usize),
}

impl RowShape {
    /// Skips a row, and returns the bytes behind it.
    ///
    /// A fault if the bytes are not of this shape, or if the shape does not know a part of the row.
    pub fn skip<'a>(&self, bytes: &'a [u8]) -> Result<&'a [u8], Fault> {
        let sized = self.sized();
        let mut reader = Reader::new(bytes);
        let mut tasks = vec![Task::Values(0, 1)];
        while let Some(task) = tasks.pop() {
            if tasks.len() > MAX_TASKS {
                return Err(FAULT);
            }
            match task {
                Task::Values(id, count) if sized[id as usize] => {
                    tasks.extend((count > 1).then(|| Task::Values(id, count - 1)));
                    tasks.extend(self.step(id, count, &mut reader)?);
                }
                Task::Values(..) => {}
                Task::Entries(id, count) => {
                    let children = self.node(id).children();
                    if count > 0 && children.iter().any(|&child| sized[child as usize]) {
                        tasks.extend([Task::Entries(id, count - 1), Task::Parts(id, 0)]);
                    }
                }
                Task::Parts(id, at) => {
                    let children = self.node(id).children();
                    tasks.extend((at + 1 < children.len()).then_some(Task::Parts(id, at + 1)));
                    tasks.extend(children.get(at).map(|&child| Task::Values(child, 1)));
                }
            }
        }
        Ok(reader.rest())
    }

    /// Skips the own bytes of one value of a node, and returns the task that follows.
    fn step(&self, id: NodeId, count: u64, reader: &mut Reader<'_>) -> Result<Option<Task>, Fault> {
        if count == 0 {
            return Ok(None);
        }
        Ok(match self.node(id) {
            Node::Opaque | Node::Unreadable => {
                return Err(Fault::Invalid("row of a shape that is not known"));
            }
            Node::Unit => None,
            Node::Bool => tag(reader).map(|_| None)?,
            Node::U8 | Node::I8 => reader.u8().map(|_| None)?,
            Node::U16 | Node::I16 => varint(reader, u16::BITS).map(|_| None)?,
            Node::U32 | Node::I32 => varint(reader, u32::BITS).map(|_| None)?,
            Node::U64 | Node::I64 => varint(reader, u64::BITS).map(|_| None)?,
            Node::U128 | Node::I128 => varint(reader, u128::BITS).map(|_| None)?,
            Node::F32 => reader.bytes(4).map(|_| None)?,
            Node::F64 => reader.bytes(8).map(|_| None)?,
            Node::Char | Node::Text => {
                text(sized_bytes(reader)?).map_err(|_| FAULT)?;
                None
            }
            Node::Bytes => sized_bytes(reader).map(|_| None)?,
            Node::Option(inner) => tag(reader)?.then_some(Task::Values(*inner, 1)),
            Node::Seq(element) => Some(Task::Values(*element, varint(reader, u64::BITS)?)),
            Node::Map { .. } => Some(Task::Entries(id, varint(reader, u64::BITS)?)),
            Node::Array { element, len } => Some(Task::Values(*element, u64::from(*len))),
            Node::Newtype { inner, .. } | Node::Known { inner, .. } => Some(Task::Values(*inner, 1)),
            Node::Tuple(_) | Node::Struct { .. } => Some(Task::Parts(id, 0)),
            Node::Enum { variants, .. } => {
                let ordinal = usize::try_from(varint(reader, u32::BITS)?).map_err(|_| FAULT)?;
                Some(Task::Values(variants.get(ordinal).ok_or(FAULT)?.node, 1))
            }
        })
    }

    /// For each node, whether its values take bytes. A value without bytes never has any.
    pub(in crate::table) fn sized(&self) -> Vec<bool> {
        let mut sized = vec![true; self.nodes.len()];
        // Children come after their parents. A reference back goes to a node that has a choice
        // somewhere, which takes a byte.
        for (at, node) in self.nodes.iter().enumerate().rev() {
            sized[at] = match node {
                Node::Unit | Node::Array { len: 0, .. } => false,
                Node::Tuple(_)
                | Node::Struct { .. }
                | Node::Newtype { .. }
                | Node::Known { .. }
                | Node::Array { .. } => node.children().into_iter().any(|child| sized[child as usize]),
                _ => true,
            };
        }
        sized
    }
}

fn tag(reader: &mut Reader<'_>) -> Result<bool, Fault> {
    match reader.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(FAULT),
    }
}

fn sized_bytes<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Fault> {
    let size = usize::try_from(varint(reader, u64::BITS)?).map_err(|_| FAULT)?;
    reader.bytes(size)
}

/// The varint of a number with this number of bits; of one with more than 64, the lower ones.
fn varint(reader: &mut Reader<'_>, bits: u32) -> Result<u64, Fault> {
    let mut value = 0;
    for group in 0..bits.div_ceil(7) {
        let byte = reader.u8()?;
        value |= u64::from(byte & 0x7f).checked_shl(7 * group).unwrap_or(0);
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(FAULT)
}
