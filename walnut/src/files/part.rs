//! A part of a file as a dump shows it: a header, a record, a block, an edit, or a gap between
//! them.
//!
//! Each container describes its own parts; what a key means is known above the engine only, so keys
//! are left as bytes in the description.

use std::fmt::Display;

use crate::error::Fault;

/// A part of a file, and what is wrong with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct FilePart {
    pub(crate) name: &'static str,
    /// 1 for what is within a part of depth 0.
    pub(crate) depth: usize,
    pub(crate) offset: u64,
    pub(crate) size: u64,
    /// As it is stored.
    pub(crate) checksum: Option<u32>,
    pub(crate) text: Vec<PartText>,
    pub(crate) fault: Option<String>,
}

/// A piece of a description.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum PartText {
    Plain(String),
    /// A key of the engine, with the id of its keyspace.
    Key(Vec<u8>),
}

impl FilePart {
    pub(crate) fn new(name: &'static str, offset: u64, size: u64) -> Self {
        Self { name, depth: 0, offset, size, checksum: None, text: Vec::new(), fault: None }
    }

    pub(crate) fn within(name: &'static str, offset: u64, size: u64) -> Self {
        Self { depth: 1, ..Self::new(name, offset, size) }
    }

    pub(crate) fn with_checksum(self, checksum: u32) -> Self {
        Self { checksum: Some(checksum), ..self }
    }

    pub(crate) fn with_text(mut self, text: impl Display) -> Self {
        self.text.push(PartText::Plain(text.to_string()));
        self
    }

    pub(crate) fn with_key(mut self, key: &[u8]) -> Self {
        self.text.push(PartText::Key(key.to_vec()));
        self
    }

    pub(crate) fn with_fault(self, fault: impl Display) -> Self {
        Self { fault: Some(fault.to_string()), ..self }
    }

    /// The fault of a part whose contents could not be decoded.
    pub(crate) fn or_fault(self, decoded: Result<Self, Fault>) -> Self {
        decoded.unwrap_or_else(|fault| self.with_fault(fault))
    }
}

/// What takes the parts of a file, in the order of their offsets.
pub(crate) type PartVisitor<'v> = dyn FnMut(FilePart) + 'v;
