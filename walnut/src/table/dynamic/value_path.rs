//! The path of a value in a row, for messages.

use std::fmt::Write;

use crate::error::Problem;

/// A path in a row, from the inside out.
#[derive(Clone, Copy)]
pub(super) struct ValuePath<'p> {
    above: Option<&'p Self>,
    step: &'p str,
    at: Option<usize>,
}

/// A value that cannot be encoded: where, and why.
pub(super) type Misfit = (String, Problem);

impl<'p> ValuePath<'p> {
    pub(super) fn column(name: &'p str) -> Self {
        Self { above: None, step: name, at: None }
    }

    pub(super) fn field<'q>(&'q self, name: &'q str) -> ValuePath<'q> {
        ValuePath { above: Some(self), step: name, at: None }
    }

    pub(super) fn element(&self, at: usize) -> ValuePath<'_> {
        ValuePath { above: Some(self), step: "", at: Some(at) }
    }

    pub(super) fn depth(&self) -> usize {
        std::iter::successors(Some(self), |path| path.above).count()
    }

    pub(super) fn text(&self) -> String {
        let mut path = self.above.map(Self::text).unwrap_or_default();
        match self.at {
            // Writing to a text does not fail.
            Some(at) => drop(write!(path, "[{at}]")),
            None if path.is_empty() => path.push_str(self.step),
            None => drop(write!(path, ".{}", self.step)),
        }
        path
    }
}
